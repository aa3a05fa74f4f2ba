"""The use case of moving: an order's shipment goes to another carrier, or on another waybill."""

from typing import Any
from uuid import UUID

from pydantic import JsonValue
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from app.events import service as events
from app.events.event_types import EventType
from app.http.errors import NotFound
from app.orders import repository as orders
from app.orders.location import LocatedOrder, locate
from app.principal import Principal, Relation
from app.shipments import claims, link_repository, reading, tracking_repository
from app.shipments.links import LINKABLE, booked, change, event_data, may_ship, refusal, require_single
from app.shipments.schemas import MoveProNumber, ProNumberLink
from app.shipments.tracking_views import link_shown


async def move(
    connection: AsyncConnection,
    caller: Principal,
    number: str,
    buyer: UUID | None,
    scac: str,
    pro_number: str,
    body: MoveProNumber,
) -> ProNumberLink:
    """Put another PRO number on an order in place of one that it has, and return the link that it has now.

    What is known of the vehicle stays, the old claim too. Whoever merely presents the order's number moves only what
    his own organisation linked. Raises what linking does, NotFound, and ProNumberBooked.
    """
    order = await locate(connection, caller, number, buyer, admits=may_ship)
    old = reading.named(scac, pro_number)
    to_scac, pro = await reading.read(connection, caller, body.scac, body.pro_number)
    new = to_scac, pro.key
    claimed = None if new == old else await claims.claim(connection, caller, to_scac, pro)
    held = await link_repository.hold(connection, *order.identity, {old, new})
    gone = held.get(old)
    if gone is None or (order.relation is Relation.PRESENTER and gone.linked_by != caller.organisation_id):
        raise NotFound(f"The PRO number {old[1]} of {old[0]} is not linked to this order.")
    if claimed is None:
        return await _shown(connection, order, gone)
    if gone.booking_id is not None:
        raise booked(gone)
    values = {"scac": to_scac, "pro_number": pro.key, "display": pro.display, "linked_by": caller.organisation_id}
    row = await link_repository.move(connection, gone, values)
    if new not in held:
        await claims.require_unused(connection, claimed, order.identity)
    changed = await orders.bump_version(
        connection,
        *order.identity,
        while_in=LINKABLE,
        while_no_forwarder=order.relation is Relation.PRESENTER,
    )
    if changed is None:
        raise await refusal(connection, order, number)
    await require_single(connection, caller, order.relation, changed, row)
    data: dict[str, JsonValue] = {
        "from": {"scac": gone.scac, "pro_number": gone.display},
        "to": event_data(row),
        "reason": body.reason,
    }
    await events.record(connection, [change(caller, order, EventType.PRO_NUMBER_MOVED, changed.version, data)])
    return await _shown(connection, order, row)


async def _shown(connection: AsyncConnection, order: LocatedOrder, row: Row[Any]) -> ProNumberLink:
    states = await tracking_repository.states_of(connection, [(row.scac, row.pro_number)])
    return link_shown(row, states, order.row, linked=True)
