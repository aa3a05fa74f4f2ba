"""SQL of activation requests: one is open at a time, and whoever decides it first has decided it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, and_, func, literal_column, select, union, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.bulk import insert_rows
from app.orders.activation_rules import ActivationRequestStatus
from app.orders.identity import Identity
from app.orders.models import ActivationRequestRow

Request = ActivationRequestRow

# Written out, not as a parameter: only so does Postgres see that the indexes of open requests fit.
_is_pending = Request.status == literal_column("'pending'")


async def insert(connection: AsyncConnection, request: Mapping[str, Any]) -> bool:
    """Write a request, made now; False where the order has an open one."""
    inserted = await insert_rows(
        connection,
        ActivationRequestRow,
        [{**request, "status": ActivationRequestStatus.pending}],
        at_now=["requested_at"],
        ignore_conflicts=True,
        returning=["id"],
    )
    return bool(inserted)


async def decide(
    connection: AsyncConnection,
    order: Identity,
    request_id: UUID,
    status: ActivationRequestStatus,
    decided_by: UUID,
    reason: str | None,
) -> Row[Any] | None:
    """Give an open request its final status and return it; None where it has one."""
    return await _close(connection, order, Request.id == request_id, status, decided_by, reason)


async def close_open(connection: AsyncConnection, order: Identity, decided_by: UUID) -> Row[Any] | None:
    """Make the open request of an order obsolete and return it; None where there is none."""
    return await _close(connection, order, None, ActivationRequestStatus.obsolete, decided_by, None)


async def _close(
    connection: AsyncConnection,
    order: Identity,
    which: ColumnElement[bool] | None,
    status: ActivationRequestStatus,
    decided_by: UUID,
    reason: str | None,
) -> Row[Any] | None:
    conditions = [] if which is None else [which]
    result = await connection.execute(
        update(Request)
        .where(Request.number_key == order[0], Request.organisation_id == order[1], _is_pending, *conditions)
        .values(status=status.value, decided_by=decided_by, decided_at=func.now(), decision_reason=reason)
        .returning(*Request.__table__.c)
    )
    return result.one_or_none()


async def find(connection: AsyncConnection, request_id: UUID) -> Row[Any] | None:
    """Return a request of any order."""
    result = await connection.execute(select(Request.__table__).where(Request.id == request_id))
    return result.one_or_none()


async def get(connection: AsyncConnection, order: Identity, request_id: UUID) -> Row[Any]:
    """Return a request of an order, which is there: requests are never deleted."""
    result = await connection.execute(
        select(Request.__table__).where(
            Request.number_key == order[0], Request.organisation_id == order[1], Request.id == request_id
        )
    )
    return result.one()


async def open_requests(connection: AsyncConnection, orders: Collection[Identity]) -> Mapping[Identity, Row[Any]]:
    """Return the open requests of the orders: one query, and none where nothing is asked."""
    if not orders:
        return {}
    result = await connection.execute(
        select(Request.__table__).where(Request.number_key.in_({number_key for number_key, _ in orders}), _is_pending)
    )
    return {found: row for row in result if (found := (row.number_key, row.organisation_id)) in orders}


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed to; None narrows nothing. `number_keys` are the forms that a number may mean."""

    status: Sequence[ActivationRequestStatus] | None = None
    number_keys: Sequence[str] | None = None


async def page(
    connection: AsyncConnection, organisation_id: UUID, filters: Filters, *, before: UUID | None, limit: int
) -> Sequence[Row[Any]]:
    """Return up to `limit` requests on orders of the organisation or made by it, newest first.

    Each of the two is a walk along its own index, cut to `limit` before they are put together.
    """
    conditions: list[ColumnElement[bool]] = []
    if filters.status is not None:
        wanted = [status.value for status in filters.status]
        conditions.append(_is_pending if wanted == [ActivationRequestStatus.pending] else Request.status.in_(wanted))
    if filters.number_keys is not None:
        conditions.append(Request.number_key.in_(filters.number_keys))
    if before is not None:
        conditions.append(Request.id < before)
    walks = [
        select(Request.number_key, Request.organisation_id, Request.id)
        .where(whose == organisation_id, *conditions)
        .order_by(Request.id.desc())
        .limit(limit)
        .subquery()
        .select()
        for whose in (Request.organisation_id, Request.requested_by)
    ]
    together = union(*walks).subquery()
    query = (
        select(Request.__table__)
        .join(
            together,
            and_(
                together.c.number_key == Request.number_key,
                together.c.organisation_id == Request.organisation_id,
                together.c.id == Request.id,
            ),
        )
        .order_by(Request.id.desc())
        .limit(limit)
    )
    return (await connection.execute(query)).all()
