"""SQL of ship notices: what a sender has said is in a shipment stands on the link of its PRO number to each order."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, and_, case, null, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.orders.models import PurchaseOrderRow
from app.shipments.models import ProLinkRow

Link = ProLinkRow
Order = PurchaseOrderRow

_sent_by = Link.ship_notice.op("->>")("sent_by")
_reference = Link.ship_notice.op("->>")("reference")


async def standing(connection: AsyncConnection, sent_by: UUID, reference: str) -> Sequence[Row[Any]]:
    """Return the links that a sender's notice stands on, with the `order_id` of each."""
    result = await connection.execute(
        select(Link.__table__, Order.id.label("order_id"))
        .join(Order, and_(Order.number_key == Link.number_key, Order.organisation_id == Link.organisation_id))
        .where(Link.ship_notice.is_not(None), _sent_by == str(sent_by), _reference == reference)
        .order_by(Link.number_key, Link.organisation_id, Link.scac, Link.pro_number)
    )
    return result.all()


async def store(
    connection: AsyncConnection, link: Sequence[Any], notice: Mapping[str, Any], bol: str | None
) -> Row[Any] | None:
    """Store a notice on a link (number key, buyer, carrier, PRO number), with the bill of lading that it names.

    None where another notice stands there. A bill of lading that a delivery booking has written stays.
    """
    mine = and_(_sent_by == notice["sent_by"], _reference == notice["reference"])
    kept = {} if bol is None else {"bol": case((Link.booking_id.is_not(None), Link.bol), else_=bol)}
    result = await connection.execute(
        update(Link)
        .where(*_is(link), or_(Link.ship_notice.is_(None), mine))
        .values(ship_notice=dict(notice), **kept)
        .returning(Link.__table__)
    )
    stored: Row[Any] | None = result.one_or_none()
    return stored


async def take_off(connection: AsyncConnection, link: Sequence[Any]) -> None:
    """Take the notice off a link."""
    await connection.execute(update(Link).where(*_is(link)).values(ship_notice=null()))


def _is(link: Sequence[Any]) -> list[ColumnElement[bool]]:
    number_key, organisation_id, scac, pro_number = link
    return [
        Link.number_key == number_key,
        Link.organisation_id == organisation_id,
        Link.scac == scac,
        Link.pro_number == pro_number,
    ]
