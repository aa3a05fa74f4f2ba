"""Whom an event is told, and in which order events are: pure rules of the feed. No I/O, no clock."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from app.events.event_types import TOLD_TO_THE_ORGANISATION
from app.principal import Relation


class WaitingEvent(NamedTuple):
    """A committed event: of the order (number_key, organisation_id), or of the organisation itself without a number.

    The parties are those whom the order named as it happened.
    """

    id: UUID
    type: str
    occurred_at: datetime
    organisation_id: UUID
    number_key: str | None
    sequence: int | None
    seller_id: UUID | None
    ship_to_id: UUID | None
    forwarder_ids: Sequence[UUID]


def readers(event: WaitingEvent) -> Mapping[UUID, Relation | None]:
    """Return who is told of an event, each with its strongest relation to the order; None: it is the reader's own."""
    if event.number_key is None:
        return {event.organisation_id: None} if event.type in TOLD_TO_THE_ORGANISATION else {}
    told: dict[UUID, Relation | None] = {}
    for relation, party in (
        (Relation.OWNER, event.organisation_id),
        (Relation.SELLER, event.seller_id),
        (Relation.SHIP_TO, event.ship_to_id),
        *((Relation.FORWARDER, forwarder) for forwarder in event.forwarder_ids),
    ):
        if party is not None:
            told.setdefault(party, relation)
    return told


def in_order(events: Iterable[WaitingEvent]) -> list[WaitingEvent]:
    """Return events by the time at which they happened, those of one order by its own sequence.

    A change that waited for another of the same order began before that one did: its time alone would put it first.
    """
    latest: dict[tuple[Any, ...], datetime] = {}
    placed: list[tuple[datetime, UUID, WaitingEvent]] = []
    for event in sorted(events, key=lambda one: (one.sequence or 0, one.id)):
        thing = (event.number_key, event.organisation_id) if event.number_key is not None else (event.id,)
        latest[thing] = max(event.occurred_at, latest.get(thing, event.occurred_at))
        placed.append((latest[thing], event.id, event))
    return _sequences_kept(sorted(placed, key=lambda one: (one[0], one[1])))


def _sequences_kept(placed: Sequence[tuple[datetime, UUID, WaitingEvent]]) -> list[WaitingEvent]:
    """Put the events of one order, which may share a moment, into the places that they have together."""
    of_order: dict[tuple[Any, ...], list[WaitingEvent]] = {}
    for _, _, event in placed:
        if event.number_key is not None:
            of_order.setdefault((event.number_key, event.organisation_id), []).append(event)
    waiting = {order: iter(sorted(events, key=lambda one: one.sequence or 0)) for order, events in of_order.items()}
    return [
        event if event.number_key is None else next(waiting[event.number_key, event.organisation_id])
        for _, _, event in placed
    ]
