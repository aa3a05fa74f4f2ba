"""SQL of finding an order by what stands on the papers: each path along its own index, and never another's order."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.orders.models import PurchaseOrderRow, ReferenceClaimRow, paper_key
from app.orders.repository import has_role, order_columns
from app.orders.visibility import may_see
from app.principal import NAMED
from app.shipments.models import ProLinkRow

Order = PurchaseOrderRow

_LINK_COLUMNS: list[Any] = [ProLinkRow.scac, ProLinkRow.pro_number, ProLinkRow.display]


async def by_numbers(
    connection: AsyncConnection, organisation_id: UUID, keys: Collection[str], order_id: UUID | None, limit: int
) -> Sequence[Row[Any]]:
    """Return up to `limit` orders of the organisation's by the key of their number, or by their id."""
    wanted = [Order.number_key.in_(keys)] if order_id is None else [Order.number_key.in_(keys), Order.id == order_id]
    return await _newest(connection, [or_(*wanted), _names(organisation_id)], limit)


async def by_pro_numbers(
    connection: AsyncConnection, organisation_id: UUID, keys: Collection[str], limit: int
) -> Sequence[Row[Any]]:
    """Return up to `limit` orders of the organisation's by a PRO number of any carrier, with `scac` and `display`."""
    query = (
        select(*order_columns, *_LINK_COLUMNS)
        .join(
            ProLinkRow,
            and_(ProLinkRow.number_key == Order.number_key, ProLinkRow.organisation_id == Order.organisation_id),
        )
        .where(ProLinkRow.pro_number.in_(keys), _names(organisation_id))
        .order_by(Order.id.desc())
        .limit(limit)
    )
    return (await connection.execute(query)).all()


async def by_own_reference(connection: AsyncConnection, organisation_id: UUID, reference: str) -> Sequence[Row[Any]]:
    """Return the organisation's own order with this reference, exactly: also one that is too long for a gate."""
    claim = ReferenceClaimRow
    query = (
        select(*order_columns)
        .join(claim, and_(claim.number_key == Order.number_key, claim.organisation_id == Order.organisation_id))
        .where(claim.organisation_id == organisation_id, claim.reference == reference)
    )
    return (await connection.execute(query)).all()


async def by_papers(
    connection: AsyncConnection, organisation_id: UUID, keys: Collection[str], limit: int
) -> Sequence[Row[Any]]:
    """Return up to `limit` orders by the number of the seller's contract or invoice, for those who may see it."""
    found = or_(
        *(
            and_(paper_key(column).in_(keys), column.is_not(None), _names(organisation_id, column.key))
            for column in (Order.contract_number, Order.invoice_number)
        )
    )
    return await _newest(connection, [found], limit)


def _names(organisation_id: UUID, field: str | None = None) -> ColumnElement[bool]:
    """Return the condition that an order names the organisation, in a role that may see the field."""
    roles = [role for role in sorted(NAMED) if field is None or may_see(role, field)]
    return or_(*(has_role(organisation_id, role) for role in roles))


async def _newest(
    connection: AsyncConnection, conditions: Sequence[ColumnElement[bool]], limit: int
) -> Sequence[Row[Any]]:
    query = select(*order_columns).where(*conditions).order_by(Order.id.desc()).limit(limit)
    return (await connection.execute(query)).all()
