"""SQL of reading feeds: along their keys, and what happened from the audit trail."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Result, Row, and_, delete, func, literal, select, true, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.events.models import AuditEventRow, FeedEntryRow, FeedHeadRow, PurchaseOrderEventRow
from app.orders.models import PurchaseOrderRow

_Entry = FeedEntryRow
_Head = FeedHeadRow
_Event = PurchaseOrderEventRow
_Order = PurchaseOrderRow
_Audit = AuditEventRow


@dataclass(frozen=True, slots=True)
class FeedHead:
    """How far a feed has come: the last position that was given, and the last that is kept no more; 0: none."""

    position: int = 0
    trimmed_to: int = 0


@dataclass(frozen=True, slots=True)
class FeedFilter:
    """Which events of a feed are asked for; None: all. `order` is the key of its number and its buyer."""

    types: frozenset[str] | None = None
    relation: str | None = None
    order: tuple[str, UUID] | None = None


async def heads(connection: AsyncConnection, organisations: Collection[UUID]) -> Mapping[UUID, FeedHead]:
    """Return how far the feeds of organisations have come; one that has none yet is left out."""
    result = await connection.execute(select(_Head.__table__).where(_Head.organisation_id.in_(organisations)))
    return {row.organisation_id: FeedHead(row.position, row.trimmed_to) for row in result}


async def read(
    connection: AsyncConnection, organisation_id: UUID, after: int | None, only: FeedFilter, limit: int, span: int
) -> tuple[FeedHead, Sequence[Row[Any]]]:
    """Return how far a feed has come, and up to `limit` entries within the `span` of positions after `after`.

    None: after those that are kept no more. One statement: what is trimmed in between would be a hole otherwise.
    """
    begin = _Head.trimmed_to if after is None else literal(after, BigInteger)
    conditions = [
        _Entry.organisation_id == _Head.organisation_id,
        _Entry.position > begin,
        _Entry.position <= begin + span,
    ]
    if only.types is not None:
        conditions.append(_Entry.type.in_(sorted(only.types)))
    if only.relation is not None:
        conditions.append(_Entry.relation == only.relation)
    if only.order is not None:
        number_key, buyer = only.order
        conditions += [_Entry.number_key == number_key, _Entry.buyer_id == buyer]
    entries = (
        select(_Entry.__table__).where(*conditions).order_by(_Entry.position).limit(limit).correlate(_Head).lateral()
    )
    columns = [column for column in entries.c if column.name != "organisation_id"]
    result = await connection.execute(
        select(_Head.position.label("last_position"), _Head.trimmed_to, *columns)
        .join(entries, true(), isouter=True)
        .where(_Head.organisation_id == organisation_id)
        .order_by(entries.c.position)
    )
    rows = result.all()
    if not rows:
        return FeedHead(), []
    head = FeedHead(rows[0].last_position, rows[0].trimmed_to)
    return head, [row for row in rows if row.position is not None]


async def order_events(
    connection: AsyncConnection, events: Collection[tuple[str, UUID, int]]
) -> Mapping[tuple[str, UUID, int], Row[Any]]:
    """Return events by (number key, buyer, sequence), each with its order's `id` and `number`."""
    if not events:
        return {}
    result: Result[Any] = await connection.execute(
        select(*_Event.__table__.c, _Order.id, _Order.number)
        .join(_Order, and_(_Order.number_key == _Event.number_key, _Order.organisation_id == _Event.organisation_id))
        .where(tuple_(_Event.number_key, _Event.organisation_id, _Event.sequence).in_(sorted(events)))
    )
    return {(row.number_key, row.organisation_id, row.sequence): row for row in result}


async def own_events(
    connection: AsyncConnection, organisation_id: UUID, ids: Collection[UUID]
) -> Mapping[UUID, Row[Any]]:
    """Return events of an organisation itself by their ids."""
    if not ids:
        return {}
    result = await connection.execute(
        select(_Audit.__table__).where(_Audit.organisation_id == organisation_id, _Audit.id.in_(sorted(ids)))
    )
    return {row.id: row for row in result}


async def outgrown(connection: AsyncConnection, kept_for: timedelta, limit: int) -> Sequence[UUID]:
    """Return up to `limit` organisations whose feeds begin with an entry that is older than `kept_for`."""
    first = (
        select(_Entry.relayed_at)
        .where(_Entry.organisation_id == _Head.organisation_id, _Entry.position > _Head.trimmed_to)
        .order_by(_Entry.position)
        .limit(1)
        .correlate(_Head)
        .lateral()
    )
    found = await connection.scalars(
        select(_Head.organisation_id).join(first, true()).where(first.c.relayed_at < func.now() - kept_for).limit(limit)
    )
    return found.all()


async def trim(connection: AsyncConnection, organisation_id: UUID, kept_for: timedelta, limit: int) -> int:
    """Delete up to `limit` of the oldest entries of a feed that are older than `kept_for`, and return how many."""
    oldest = and_(
        _Entry.organisation_id == organisation_id,
        _Entry.position > _Head.trimmed_to,
        _Entry.position <= _Head.trimmed_to + limit,
        _Entry.relayed_at < func.now() - kept_for,
    )
    last = select(func.max(_Entry.position)).where(oldest).correlate(_Head).scalar_subquery()
    trimmed_to = await connection.scalar(
        update(_Head)
        .where(_Head.organisation_id == organisation_id)
        .values(trimmed_to=func.coalesce(last, _Head.trimmed_to))
        .returning(_Head.trimmed_to)
    )
    gone = await connection.execute(
        delete(_Entry)
        .where(_Entry.organisation_id == organisation_id, _Entry.position <= (trimmed_to or 0))
        .returning(_Entry.position)
    )
    return len(gone.all())
