"""Bodies of the feed."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, WithJsonSchema

from app.events.event_types import TOLD_TO_THE_ORGANISATION, EventType
from app.http.schemas import AnswerModel, Timestamp
from app.principal import Relation

FEED_TYPES = (*(str(one) for one in EventType), *sorted(str(one) for one in TOLD_TO_THE_ORGANISATION))
"""The types of events that a feed tells."""

_CONFIRMED: dict[str, Any] = {
    "position": 1042,
    "id": "0198f5a2-9b10-7c02-b1c3-8e2f4a6d9c01",
    "type": "purchase_order.confirmed",
    "occurred_at": "2036-01-05T09:12:44Z",
    "sequence": 2,
    "purchase_order": {
        "id": "0198f5a2-9b10-7c02-b1c3-8e2f4a6d9b11",
        "number": "PO-7K3M9QWX2R",
        "organisation_id": "0198f5a2-9b10-7c02-b1c3-8e2f4a6d9b01",
        "relation": "owner",
    },
    "actor": {"organisation_id": "0198f5a2-9b10-7c02-b1c3-8e2f4a6d9b55", "relation": "seller"},
    "data": {"contract_number": "SC-4711", "invoice_number": None, "revision": 1},
}


class EventOrder(AnswerModel):
    """The purchase order of an event."""

    id: UUID
    number: str
    organisation_id: UUID
    """The buyer that issued it."""
    relation: Relation
    """What your organisation was to the order when it happened; it decides what `data` shows."""


class EventActor(AnswerModel):
    """Who did it."""

    organisation_id: UUID
    relation: Relation | None
    """In which role: an `owner` who confirms does so on the seller's behalf. Null for what is no order's event."""


class FeedEvent(AnswerModel):
    """One event in your organisation's feed."""

    model_config = ConfigDict(json_schema_extra={"examples": [_CONFIRMED]})

    position: int
    """Its place in your organisation's feed: counts from 1, without a hole. Give it as `after` to go on behind it."""
    id: UUID
    """The event's own id, the same in the feeds of all whom it is told."""
    type: Annotated[str, WithJsonSchema({"type": "string", "enum": [*FEED_TYPES]})]
    """What happened; later versions may add types."""
    occurred_at: Timestamp
    sequence: int | None
    """The order's own count of its changes, from 1, without a hole, as in its timeline. You see those that happened
    while your organisation was named on the order. Null for what is no order's event."""
    purchase_order: EventOrder | None
    """The order; null for what happened to your organisation itself, such as `policy.changing`."""
    actor: EventActor | None
    """Null where nobody did it: the service has noticed what others, or time, have made of the order."""
    data: dict[str, Any]
    """What there is to say of it, as in the order's timeline: as much as your relation to the order may see."""


class FeedEvents(AnswerModel):
    """Events of your organisation's feed, in its order."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"data": [_CONFIRMED], "next_cursor": "1042", "has_more": False}]}
    )

    data: list[FeedEvent]
    next_cursor: str
    """Give it as `after` next time, also where `data` is empty: it is the position up to which the feed was looked at,
    so that what your filters leave out is not looked at again."""
    has_more: bool
    """Whether the feed goes on right now. Where it does not, ask again with `wait`."""
