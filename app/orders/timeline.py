"""The timeline of an order: its changes, and the checks of it at gates."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from app.events import repository as event_rows
from app.events.event_types import GATE_CHECKED
from app.orders.location import LocatedOrder, locate
from app.orders.schemas import OrderEvent
from app.orders.visibility import event_data_shown_to
from app.principal import NAMED, Principal, Relation

Place = tuple[int, UUID]
"""Of an entry of a timeline: its sequence, and the id of the check, where it is one."""

BEFORE_ALL_CHECKS: Final = UUID(int=0)


async def page(
    connection: AsyncConnection, caller: Principal, number: str, buyer: UUID | None, after: Place, limit: int
) -> Sequence[OrderEvent]:
    """Return up to `limit` events of the order and checks of it at gates after `after`, as the caller's relation sees.

    Who only presented the number is told to the owner alone.
    """
    order = await locate(connection, caller, number, buyer)
    sequence, check_id = after
    rows = await event_rows.order_events(connection, *order.identity, after=sequence, limit=limit)
    askers = Relation if order.relation is Relation.OWNER else NAMED
    checks = await event_rows.gate_checks(
        connection, *order.identity, after=(sequence, check_id), relations=[*askers], limit=limit
    )
    found = [*(_event(row, order.relation) for row in rows), *(_check(row) for row in checks)]
    return sorted(found, key=place_in_timeline)[:limit]


async def newest(connection: AsyncConnection, order: LocatedOrder, limit: int) -> Sequence[OrderEvent]:
    """Return the newest `limit` entries of an order's timeline, oldest first, whole: as its owner sees them."""
    # Changes are numbered without a hole: the newest are those after the version less so many.
    after = max(order.row["version"] - limit, 0)
    rows = await event_rows.order_events(connection, *order.identity, after=after, limit=limit)
    checks = await event_rows.newest_gate_checks(connection, *order.identity, limit=limit)
    found = [*(_event(row, Relation.OWNER) for row in rows), *(_check(row) for row in checks)]
    return sorted(found, key=place_in_timeline)[-limit:]


def entries_shown_to(relation: Relation, entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return serialised entries that were kept whole, as much of them as the relation sees."""
    return [
        entry
        if entry["type"] == GATE_CHECKED
        else {**entry, "data": event_data_shown_to(relation, entry["type"], entry["data"])}
        for entry in entries
        if entry["type"] != GATE_CHECKED or relation is Relation.OWNER or entry["relation"] in NAMED
    ]


def place_in_timeline(event: OrderEvent) -> Place:
    """Return where an entry stands: a check comes after the event that made the version which was checked."""
    return event.sequence, event.check_id or BEFORE_ALL_CHECKS


def _event(row: Row[Any], relation: Relation) -> OrderEvent:
    return OrderEvent(
        sequence=row.sequence,
        type=row.type,
        occurred_at=row.occurred_at,
        organisation_id=row.actor_organisation_id,
        relation=None if row.actor_relation is None else Relation(row.actor_relation),
        check_id=None,
        data=event_data_shown_to(relation, row.type, row.data),
    )


def _check(row: Row[Any]) -> OrderEvent:
    return OrderEvent(
        sequence=row.sequence,
        type=GATE_CHECKED,
        occurred_at=row.checked_at,
        organisation_id=row.checked_by,
        relation=Relation(row.relation),
        check_id=row.id,
        data={"verdict": row.verdict, "codes": row.codes, **row.delivery},
    )
