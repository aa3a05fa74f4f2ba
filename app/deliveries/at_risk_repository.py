"""SQL of booked orders that will not be accepted in their window: found along an index, marked where nobody has yet."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Integer,
    Result,
    Row,
    Select,
    and_,
    bindparam,
    cast,
    exists,
    func,
    literal_column,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from app.deliveries.at_risk_rules import ACCEPTED
from app.deliveries.models import DeliveryBookingRow
from app.orders.lifecycle import StoredStatus
from app.orders.models import PurchaseOrderRow, ReceiptRow, paper_key
from app.orders.repository import effective_status
from app.shipments.models import ProLinkRow

Link = ProLinkRow
Order = PurchaseOrderRow
Receipt = ReceiptRow
Booking = DeliveryBookingRow

_START = cast(literal_column("pro_links.delivery_window ->> 'start'"), DateTime(timezone=True))
_END = cast(literal_column("pro_links.delivery_window ->> 'end'"), DateTime(timezone=True))
_JUST_BEFORE_END = _END - text("interval '1 microsecond'")
# Both as text, so that the index answers. A second more or less at the end of a window is nobody's risk any more.
_IS_AHEAD = and_(
    Link.booking_id.is_not(None),
    literal_column("(pro_links.delivery_window ->> 'end')")
    > func.to_char(func.timezone("UTC", func.now()), 'YYYY-MM-DD"T"HH24:MI:SS'),
)
_IS_MARKED = func.coalesce(Link.at_risk_booking_id == Link.booking_id, False)


async def find_changed(connection: AsyncConnection, limit: int) -> Sequence[Row[Any]]:
    """Return up to `limit` booked links whose mark is not what their orders' lives say now, with their orders.

    With the order's columns come those of the link, `is_at_risk`, `is_elsewhere`, `read_at`, and `is_announced`:
    whether the order is marked for the same booking by another PRO number.
    """
    result: Result[Any] = await connection.execute(_find_changed(), {"limit": limit})
    return result.all()


@cache
def _find_changed() -> Select[Any]:
    """Return the statement; made once, as making it takes the event loop longer than most requests do."""
    other = aliased(ProLinkRow)
    of_booking = and_(
        other.number_key == Link.number_key,
        other.organisation_id == Link.organisation_id,
        other.at_risk_booking_id == Link.booking_id,
    )
    # Counted: to see whether there is any, the planner may choose to read them all once.
    announced = select(func.count()).where(of_booking).correlate(Link).scalar_subquery()
    at_risk = _is_at_risk().label("is_at_risk")
    link = [
        *(Link.scac, Link.pro_number, Link.display, Link.booking_id, Link.delivery_window.label("booked_window")),
        *(_goes_elsewhere().label("is_elsewhere"), Link.at_risk_since, (announced > 0).label("is_announced")),
    ]
    return (
        select(*PurchaseOrderRow.__table__.c, *link, at_risk, func.now().label("read_at"))
        .join(Link, and_(Link.number_key == Order.number_key, Link.organisation_id == Order.organisation_id))
        .where(_IS_AHEAD, at_risk != _IS_MARKED)
        .order_by(literal_column("(pro_links.delivery_window ->> 'end')"))
        .limit(bindparam("limit", type_=Integer))
    )


async def booking(connection: AsyncConnection, booking_id: UUID) -> Row[Any] | None:
    """Return the number and the status of a booking, or None."""
    result: Result[Any] = await connection.execute(
        select(Booking.booking_number, Booking.status).where(Booking.id == booking_id)
    )
    return result.one_or_none()


async def mark(connection: AsyncConnection, links: Sequence[Row[Any]], codes: Sequence[str]) -> int:
    """Mark those of an order's links of one booking that are as they were read, and return how many that were."""
    first = links[0]
    result = await connection.execute(
        update(Link)
        .where(*_are(links), Link.at_risk_booking_id.is_distinct_from(Link.booking_id))
        .values(at_risk_since=func.now(), at_risk_booking_id=first.booking_id, at_risk_codes=[*codes])
        .returning(Link.scac)
    )
    return len(result.all())


async def clear(connection: AsyncConnection, links: Sequence[Row[Any]], since: datetime) -> None:
    """Take away the mark of `since` from those of an order's links of one booking that are as they were read."""
    await connection.execute(
        update(Link)
        .where(*_are(links), Link.at_risk_since == since)
        .values(at_risk_since=None, at_risk_booking_id=None, at_risk_codes=None)
    )


def _is_at_risk() -> ColumnElement[bool]:
    accepted = [status.value for status in sorted(ACCEPTED)]
    at_start = effective_status(func.greatest(_START, func.now()))
    at_end = effective_status(func.greatest(_JUST_BEFORE_END, func.now()))
    # What came in once the window had begun, or with this PRO number, is the delivery itself.
    came = exists(
        select(Receipt.id).where(
            Receipt.number_key == Order.number_key,
            Receipt.organisation_id == Order.organisation_id,
            Receipt.reversed_at.is_(None),
            or_(Receipt.received_at >= _START, paper_key(Receipt.pro_number) == Link.pro_number),
        )
    )
    delivered = and_(Order.status.in_([StoredStatus.received.value, StoredStatus.closed.value]), came)
    return and_(or_(at_start.not_in(accepted), at_end.not_in(accepted), _goes_elsewhere()), ~delivered)


def _goes_elsewhere() -> ColumnElement[bool]:
    """Whether the order names another gate by now than the booking goes to, or another place there: as both say it."""
    gate = func.coalesce(Order.ship_to_id, Order.organisation_id)
    booked, named = (func.lower(func.btrim(code)) for code in (Link.location_code, Order.ship_to["code"].astext))
    return or_(func.coalesce(Link.warehouse_id != gate, False), func.coalesce(booked != named, False))


def _are(links: Sequence[Row[Any]]) -> list[ColumnElement[bool]]:
    first = links[0]
    booking: UUID = first.booking_id
    return [
        Link.number_key == first.number_key,
        Link.organisation_id == first.organisation_id,
        tuple_(Link.scac, Link.pro_number).in_([(link.scac, link.pro_number) for link in links]),
        Link.booking_id == booking,
        Link.delivery_window == first.booked_window,
    ]
