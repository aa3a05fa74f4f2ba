"""Hands out the events of an organisation's feed, with what its relation to each order may see.

Webhooks and the feed's endpoint read the same: `events_after`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from app.feed import repository
from app.feed.errors import FeedPositionGone, FeedPositionUnknown
from app.feed.repository import FeedFilter, FeedHead
from app.feed.schemas import EventActor, EventOrder, FeedEvent
from app.orders.visibility import event_data_shown_to
from app.principal import Relation

EVERYTHING: Final = FeedFilter()

ENTRIES_LOOKED_AT: Final = 10_000
"""Of a feed, for one page: a filter that nothing passes costs no more than this, and the next page goes on from there.

Positions have no holes, so a span of positions is as many entries.
"""


@dataclass(frozen=True, slots=True)
class FeedPage:
    """Events in the feed's order, the position up to which it was looked at, and whether it goes on after that."""

    events: Sequence[FeedEvent]
    position: int
    has_more: bool


async def events_after(
    connection: AsyncConnection,
    organisation_id: UUID,
    after: int | None,
    limit: int,
    only: FeedFilter = EVERYTHING,
) -> FeedPage:
    """Return up to `limit` events of an organisation's feed after the position `after`, as that organisation sees them.

    None begins with the oldest event that is kept. Asking again after the `position` of the page misses nothing,
    whatever was filtered out. Raises FeedPositionGone where what follows `after` is kept no more, FeedPositionUnknown
    where the feed has not come so far.
    """
    head, found = await repository.read(connection, organisation_id, after, only, limit, ENTRIES_LOOKED_AT)
    begin = head.trimmed_to if after is None else after
    if begin > head.position:
        raise FeedPositionUnknown.of(begin, head.position)
    if begin < head.trimmed_to:
        raise FeedPositionGone.of(begin, head.trimmed_to)
    position = found[-1].position if len(found) == limit else min(head.position, begin + ENTRIES_LOOKED_AT)
    events = await _events(connection, organisation_id, found)
    return FeedPage(events, position, position < head.position)


async def head_of(connection: AsyncConnection, organisation_id: UUID) -> FeedHead:
    """Return how far an organisation's feed has come."""
    return (await repository.heads(connection, [organisation_id])).get(organisation_id, FeedHead())


async def _events(connection: AsyncConnection, organisation_id: UUID, entries: Sequence[Row[Any]]) -> list[FeedEvent]:
    of_orders = {(row.number_key, row.buyer_id, row.sequence) for row in entries if row.relation is not None}
    of_orders_found = await repository.order_events(connection, of_orders)
    own = {row.event_id for row in entries if row.relation is None}
    own_found = await repository.own_events(connection, organisation_id, own)
    return [
        _own_event(row, own_found)
        if row.relation is None
        else _order_event(row, of_orders_found[row.number_key, row.buyer_id, row.sequence])
        for row in entries
    ]


def _order_event(entry: Row[Any], event: Row[Any]) -> FeedEvent:
    relation = Relation(entry.relation)
    actor = None
    if event.actor_organisation_id is not None:
        actor = EventActor(organisation_id=event.actor_organisation_id, relation=Relation(event.actor_relation))
    return FeedEvent(
        position=entry.position,
        id=entry.event_id,
        type=entry.type,
        occurred_at=event.occurred_at,
        sequence=entry.sequence,
        purchase_order=EventOrder(
            id=event.id, number=event.number, organisation_id=event.organisation_id, relation=relation
        ),
        actor=actor,
        data=event_data_shown_to(relation, entry.type, event.data),
    )


def _own_event(entry: Row[Any], found: Mapping[UUID, Row[Any]]) -> FeedEvent:
    event = found[entry.event_id]
    actor = None
    if event.actor_organisation_id is not None:
        actor = EventActor(organisation_id=event.actor_organisation_id, relation=None)
    return FeedEvent(
        position=entry.position,
        id=entry.event_id,
        type=entry.type,
        occurred_at=event.occurred_at,
        sequence=None,
        purchase_order=None,
        actor=actor,
        data=event.data,
    )
