"""SQL of finding an order by what stands on the papers: each path along its own index, and never another's order."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, and_, or_, select, union
from sqlalchemy.ext.asyncio import AsyncConnection

from app.lookup.papers import ProReading
from app.orders.models import PurchaseOrderRow, ReferenceClaimRow, paper_key
from app.orders.repository import has_role, order_columns
from app.orders.visibility import may_see
from app.principal import NAMED
from app.shipments.models import ProLinkRow
from app.shipments.tracking_models import TrackingNumberRow

Order = PurchaseOrderRow

_LINK_COLUMNS: list[Any] = [ProLinkRow.scac, ProLinkRow.pro_number, ProLinkRow.display]


async def by_numbers(
    connection: AsyncConnection, organisation_id: UUID, keys: Collection[str], order_id: UUID | None, limit: int
) -> Sequence[Row[Any]]:
    """Return up to `limit` orders of the organisation's by the key of their number, or by their id."""
    wanted = [Order.number_key.in_(keys)] if order_id is None else [Order.number_key.in_(keys), Order.id == order_id]
    query = select(*order_columns).where(or_(*wanted), _names(organisation_id)).order_by(Order.id.desc()).limit(limit)
    return (await connection.execute(query)).all()


async def by_pro_numbers(
    connection: AsyncConnection, organisation_id: UUID, readings: Collection[ProReading], limit: int
) -> Sequence[Row[Any]]:
    """Return up to `limit` orders of the organisation's by a PRO number, with `scac` and `display`.

    Of any carrier, where a reading names none.
    """
    link = ProLinkRow
    of_any_carrier = link.pro_number.in_({reading.key for reading in readings if reading.scac is None})
    of_one = [and_(link.scac == one.scac, link.pro_number == one.key) for one in readings if one.scac is not None]
    query = (
        select(*order_columns, *_LINK_COLUMNS)
        .join(
            link,
            and_(link.number_key == Order.number_key, link.organisation_id == Order.organisation_id),
        )
        # The plain list first, which is what the index of PRO numbers is walked by.
        .where(
            link.pro_number.in_({reading.key for reading in readings}),
            or_(of_any_carrier, *of_one),
            _names(organisation_id),
        )
        .order_by(Order.id.desc())
        .limit(limit)
    )
    return (await connection.execute(query)).all()


async def by_bookings(
    connection: AsyncConnection, organisation_id: UUID, booking_ids: Collection[UUID], limit: int
) -> Sequence[Row[Any]]:
    """Return up to `limit` orders of the organisation's that come with delivery bookings, each with `booking_id`."""
    link = ProLinkRow
    with_booking: list[Any] = [*order_columns, link.booking_id]
    query = (
        select(*with_booking)
        .join(link, and_(link.number_key == Order.number_key, link.organisation_id == Order.organisation_id))
        .where(link.booking_id.in_(booking_ids), _names(organisation_id))
        .order_by(Order.id.desc())
        .limit(limit)
    )
    return (await connection.execute(query)).all()


async def by_tracking_number(
    connection: AsyncConnection, organisation_id: UUID, key: str, limit: int
) -> Sequence[Row[Any]]:
    """Return up to `limit` orders of the organisation's by a parcel's tracking number, with `display` and `carrier`."""
    parcel = TrackingNumberRow
    columns: list[Any] = [*order_columns, parcel.display, parcel.carrier]
    query = (
        select(*columns)
        .join(
            parcel,
            and_(parcel.number_key == Order.number_key, parcel.organisation_id == Order.organisation_id),
        )
        .where(parcel.tracking_number == key, parcel.unlinked_at.is_(None), _names(organisation_id))
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
    # Found first, then put in order: Postgres cannot know how many share a number, and might rather pass everybody's
    # orders, newest first, in the hope of meeting so many soon.
    found = (
        union(
            *(
                select(Order.number_key, Order.organisation_id, Order.id).where(
                    paper_key(column).in_(keys), column.is_not(None), _names(organisation_id, column.key)
                )
                for column in (Order.contract_number, Order.invoice_number)
            )
        )
        .cte("found")
        .prefix_with("MATERIALIZED")
    )
    newest = select(found).order_by(found.c.id.desc()).limit(limit).subquery()
    query = (
        select(*order_columns)
        .join(newest, and_(newest.c.number_key == Order.number_key, newest.c.organisation_id == Order.organisation_id))
        .order_by(Order.id.desc())
    )
    return (await connection.execute(query)).all()


def _names(organisation_id: UUID, field: str | None = None) -> ColumnElement[bool]:
    """Return the condition that an order names the organisation, in a role that may see the field."""
    roles = [role for role in sorted(NAMED) if field is None or may_see(role, field)]
    return or_(*(has_role(organisation_id, role) for role in roles))
