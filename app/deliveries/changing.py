"""The use cases that change a booking: confirm, reschedule, update, cancel, complete, no-show, remove a shipment.

Each begins with a conditional UPDATE of the booking's row. It judges the status and holds the row to the end of the
transaction, so that all changes of one booking come after one another.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import JsonValue
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from app.deliveries import booked_orders, calendars, drafts, judging, places, repository
from app.deliveries.booked_orders import lines_of
from app.deliveries.booking import require_in_time, searchable
from app.deliveries.booking_lifecycle import BookingAction, BookingStatus, starts, target
from app.deliveries.booking_numbers import APPOINTMENT_FORMAT_ID, APPOINTMENT_PATTERN, appointment_number_of
from app.deliveries.booking_rules import trailer_key
from app.deliveries.errors import (
    AnotherWarehouse,
    AppointmentTaken,
    DeliveryNotBookable,
    LastShipment,
    TooEarlyForNoShow,
)
from app.deliveries.judging import Verdicts
from app.deliveries.repository import Told
from app.deliveries.schemas import (
    ConfirmBooking,
    DeliveryBooking,
    RefusedOrder,
    RefusedShipment,
    RescheduleBooking,
    UpdateBooking,
)
from app.deliveries.service import refusal, require_warehouse, the_booking
from app.deliveries.views import whole
from app.events.event_types import EventType
from app.http.errors import NotFound
from app.http.preconditions import content_etag, require_match
from app.http.schemas import ProblemDetails, timestamp
from app.numbers.number_issuer import NumberIssuer
from app.orders import policy_service
from app.orders.content_schemas import Window
from app.orders.location import LocatedOrder
from app.orders.service import overtaken
from app.principal import Principal
from app.shipments import booking_repository as shipments
from app.shipments import link_repository
from app.shipments.links import may_ship
from app.validation.deliveries import gate_of
from app.validation.delivery_schemas import DeliveryParty

_EVENT_OF = {
    BookingAction.confirm: EventType.DELIVERY_BOOKING_CONFIRMED,
    BookingAction.reschedule: EventType.DELIVERY_BOOKING_RESCHEDULED,
    BookingAction.update: EventType.DELIVERY_BOOKING_CHANGED,
    BookingAction.remove_shipment: EventType.DELIVERY_BOOKING_SHIPMENT_REMOVED,
    BookingAction.cancel: EventType.DELIVERY_BOOKING_CANCELLED,
    BookingAction.complete: EventType.DELIVERY_BOOKING_COMPLETED,
    BookingAction.no_show: EventType.DELIVERY_BOOKING_NO_SHOW,
}


async def confirm(
    connection: AsyncConnection, caller: Principal, issuer: NumberIssuer, name: str, body: ConfirmBooking
) -> DeliveryBooking:
    """Say yes to a booking; raises NotFound, RelationNotAllowed, InvalidTransition and AppointmentTaken."""
    booking = await the_booking(connection, caller, name)
    require_warehouse(booking, caller)
    given = None if body.appointment_number is None else appointment_number_of(body.appointment_number)
    number = given or booking.appointment_number
    if number is None:
        number = await issuer.draw_own(APPOINTMENT_FORMAT_ID, APPOINTMENT_PATTERN)
    row = await _change(connection, caller, booking, BookingAction.confirm, {"appointment_number": number})
    if not await repository.claim_appointment(connection, row.warehouse_id, number, row.id):
        raise AppointmentTaken(f"The appointment number {number} is another booking's.")
    return await _told(connection, caller, BookingAction.confirm, row, row.shipments)


async def reschedule(
    connection: AsyncConnection, caller: Principal, name: str, body: RescheduleBooking
) -> DeliveryBooking:
    """Move a booking to another window, for which all its orders are judged anew.

    Raises NotFound, InvalidTransition, InvalidRequest for a window that is over, DeliveryNotBookable,
    BookingCutoffPassed, and what a calendar has against the window.
    """
    booking = await the_booking(connection, caller, name)
    await _require_possible(connection, caller, booking, BookingAction.reschedule)
    by_warehouse = booking.warehouse_id == caller.organisation_id
    status = BookingStatus(booking.status)
    keeps_status = target(BookingAction.reschedule, status, by_warehouse=by_warehouse) is status
    await _require_in_time(connection, caller, booking, booking.window_start)
    await _require_in_time(connection, caller, booking, body.window.start)
    verdicts = await _judge(connection, caller, booking, body.window)
    values = {"window_start": body.window.start, "window_end": body.window.end, "reason": body.reason}
    said = {"reason": body.reason, "window": body.window.model_dump(mode="json")}
    row = await _change(connection, caller, booking, BookingAction.reschedule, values, said, keeps_status=keeps_status)
    await calendars.take(
        connection,
        warehouse=row.warehouse_id,
        location_code=row.location_code,
        booking_id=row.id,
        window=body.window,
    )
    await shipments.move(connection, row.id, row.number_keys, body.window.model_dump(mode="json"))
    judged = {one.order.identity: one.order.row for one in verdicts.orders if one.order is not None}
    return await _told(connection, caller, BookingAction.reschedule, row, row.shipments, body.reason, judged)


async def update(
    connection: AsyncConnection, caller: Principal, name: str, if_match: str | None, body: UpdateBooking
) -> DeliveryBooking:
    """Say another trailer, contact or comments of a booking that is still to come, for which no time is too late.

    Raises NotFound, InvalidTransition, PreconditionRequired and PreconditionFailed.
    """
    booking = await the_booking(connection, caller, name)
    require_match(if_match, content_etag(whole(booking, caller)))
    await _require_possible(connection, caller, booking, BookingAction.update)
    said = body.model_dump(mode="json", include=body.model_fields_set)
    values = {name: value for name, value in said.items() if getattr(booking, name) != value}
    if not values:
        return whole(booking, caller)
    moved = "trailer_number" in values
    keys = {"trailer_key": trailer_key(body.trailer_number)} if moved else {}
    row = await _change(connection, caller, booking, BookingAction.update, {**values, **keys}, values)
    if moved:
        await link_repository.expect_trailer(connection, row.id, row.number_keys, row.trailer_number)
    return await _told(connection, caller, BookingAction.update, row, row.shipments)


async def cancel(connection: AsyncConnection, caller: Principal, name: str, reason: str | None) -> DeliveryBooking:
    """Give a booking up: its orders are expected with no vehicle, its PRO numbers and bills of lading are free.

    Raises NotFound, InvalidTransition and BookingCutoffPassed.
    """
    booking = await the_booking(connection, caller, name)
    await _require_possible(connection, caller, booking, BookingAction.cancel)
    await _require_in_time(connection, caller, booking, booking.window_start)
    row = await _change(connection, caller, booking, BookingAction.cancel, {"reason": reason}, {"reason": reason})
    await _let_go(connection, row)
    return await _told(connection, caller, BookingAction.cancel, row, row.shipments, reason)


async def no_show(connection: AsyncConnection, caller: Principal, name: str) -> DeliveryBooking:
    """Note that the vehicle has not come; raises NotFound, RelationNotAllowed, InvalidTransition, TooEarlyForNoShow."""
    booking = await the_booking(connection, caller, name)
    require_warehouse(booking, caller)
    await _require_possible(connection, caller, booking, BookingAction.no_show)
    if booking.read_at < booking.window_start:
        begins = timestamp(booking.window_start)
        raise TooEarlyForNoShow(f"The window begins on {begins}.", members={"window_start": begins})
    row = await _change(connection, caller, booking, BookingAction.no_show, {})
    await _let_go(connection, row)
    return await _told(connection, caller, BookingAction.no_show, row, row.shipments)


async def complete(connection: AsyncConnection, caller: Principal, name: str) -> DeliveryBooking:
    """End a delivery that has arrived: its PRO numbers stand for no other.

    Raises NotFound, RelationNotAllowed and InvalidTransition.
    """
    booking = await the_booking(connection, caller, name)
    require_warehouse(booking, caller)
    row = await _change(connection, caller, booking, BookingAction.complete, {})
    await shipments.complete(connection, row.organisation_id, row.id, _displays(row.shipments))
    return await _told(connection, caller, BookingAction.complete, row, row.shipments)


async def remove_shipment(
    connection: AsyncConnection, caller: Principal, name: str, shipment_id: UUID, reason: str | None
) -> DeliveryBooking:
    """Take a shipment out of a booking that is still to come.

    Raises NotFound, also for a shipment that is not in it, InvalidTransition, LastShipment and BookingCutoffPassed.
    """
    booking = await the_booking(connection, caller, name)
    gone = [one for one in booking.shipments if one["id"] == str(shipment_id)]
    if not gone:
        raise NotFound(f"{booking.booking_number} has no shipment {shipment_id}.")
    await _require_possible(connection, caller, booking, BookingAction.remove_shipment)
    left = [one for one in booking.shipments if one["id"] != str(shipment_id)]
    if not left:
        raise LastShipment(f"{booking.booking_number} has no other shipment than this.")
    await _require_in_time(connection, caller, booking, booking.window_start)
    said = {"reason": reason, **{name: gone[0][name] for name in ("id", "scac", "pro_number")}}
    row = await _change(connection, caller, booking, BookingAction.remove_shipment, searchable(left), said)
    await shipments.release(connection, row.organisation_id, row.id, _displays(gone))
    if gone[0]["bol_key"] is not None:
        await repository.release_bols(connection, row.organisation_id, row.id, [gone[0]["bol_key"]])
    keys = sorted({order["number_key"] for order in gone[0]["purchase_orders"]})
    await shipments.unbook(connection, row.id, keys, (gone[0]["scac"], gone[0]["key"]))
    return await _told(connection, caller, BookingAction.remove_shipment, row, gone, reason)


async def _change(
    connection: AsyncConnection,
    caller: Principal,
    booking: Row[Any],
    action: BookingAction,
    values: Mapping[str, Any],
    said: Mapping[str, JsonValue] | None = None,
    *,
    keeps_status: bool = False,
) -> Row[Any]:
    """Carry an action out on the booking as it was read, with what its history tells; raises why that is not so."""
    data = {"appointment_number": values.get("appointment_number"), **(said or {})}
    told = Told(_EVENT_OF[action], caller, {name: value for name, value in data.items() if value is not None})
    row = await repository.change(connection, booking, action, values, told, keeps_status=keeps_status, as_read=True)
    if row is None:
        raise await refusal(connection, caller, booking, action)
    return row


async def _told(
    connection: AsyncConnection,
    caller: Principal,
    action: BookingAction,
    booking: Row[Any],
    changed: Sequence[Mapping[str, Any]],
    reason: str | None = None,
    judged: Mapping[tuple[str, UUID], Mapping[str, Any]] | None = None,
) -> DeliveryBooking:
    """Tell the orders of the shipments that are `changed`, and return the booking."""
    lines = lines_of(changed)
    rows = await booked_orders.count(connection, lines, judged)
    if any(line.identity not in rows for line in lines):
        raise overtaken(booking.booking_number)
    await booked_orders.tell(connection, caller, _EVENT_OF[action], booking, lines, rows, reason)
    return whole(booking, caller)


async def _require_possible(
    connection: AsyncConnection, caller: Principal, booking: Row[Any], action: BookingAction
) -> None:
    """Raise InvalidTransition for what the status does not take, before anything else is looked at."""
    if booking.status not in starts(action):
        raise await refusal(connection, caller, booking, action)


async def _require_in_time(connection: AsyncConnection, caller: Principal, booking: Row[Any], start: datetime) -> None:
    if booking.warehouse_id == caller.organisation_id:
        return
    version = await policy_service.version_in_force(connection, booking.warehouse_id, start)
    cutoff = None if version is None else version.policy.booking_cutoff
    require_in_time(caller, booking.warehouse_id, start, cutoff, booking.read_at)


async def _judge(connection: AsyncConnection, caller: Principal, booking: Row[Any], window: Window) -> Verdicts:
    """Ask the gate about all orders of a booking in another window; raises DeliveryNotBookable."""
    drafts.require_ahead(window, booking.read_at)
    ship_to = None if booking.ship_to is None else DeliveryParty.model_validate(booking.ship_to)
    numbers = [
        (order["number"], UUID(order["organisation_id"]))
        for shipment in booking.shipments
        for order in shipment["purchase_orders"]
    ]
    questions = judging.questions_of(numbers, ship_to, window.start)
    asked = [(question, None) for question in questions]
    found = await judging.find_asked(connection, caller, asked, [None], window.start)
    # Whose name was taken off an order has no say in when it comes; the warehouse has, whatever it is to the order.
    admits = _any if booking.warehouse_id == caller.organisation_id else may_ship
    verdicts = await judging.judge(connection, caller, found, questions, window, admits=admits)
    results = _refused(booking, verdicts)
    if results:
        shown: list[JsonValue] = [one.model_dump(mode="json") for one in results]
        raise DeliveryNotBookable(
            f"{sum(len(one.purchase_orders) for one in results)} of {len(numbers)} purchase orders cannot come in this "
            "window; nothing was changed.",
            members={"results": shown},
        )
    return verdicts


def _refused(booking: Row[Any], verdicts: Verdicts) -> list[RefusedShipment]:
    judged = iter(verdicts.orders)
    refused: list[RefusedShipment] = []
    for index, shipment in enumerate(booking.shipments):
        orders: list[RefusedOrder] = []
        for place, order in enumerate(shipment["purchase_orders"]):
            one = next(judged)
            elsewhere = one.order is not None and (
                gate_of(one.order.row) != booking.warehouse_id
                or places.is_elsewhere(order.get("location_code"), one.order.row)
            )
            problems = [AnotherWarehouse(AnotherWarehouse.example_detail)] if elsewhere else []
            if one.refusals or problems:
                orders.append(
                    RefusedOrder(
                        index=place,
                        input=order["number"],
                        number=order["number"],
                        refusals=[drafts.in_a_booking(refusal) for refusal in one.refusals],
                        problems=[ProblemDetails.model_validate(problem.as_dict()) for problem in problems],
                        did_you_mean=[],
                    )
                )
        if orders:
            refused.append(RefusedShipment(index=index, problems=[], purchase_orders=orders))
    return refused


def _any(_: LocatedOrder) -> bool:
    return True


async def _let_go(connection: AsyncConnection, booking: Row[Any]) -> None:
    """Free what a booking holds that will not come."""
    await shipments.release(connection, booking.organisation_id, booking.id, _displays(booking.shipments))
    await calendars.release(
        connection,
        warehouse=booking.warehouse_id,
        location_code=booking.location_code,
        booking_id=booking.id,
    )
    await repository.release_bols(connection, booking.organisation_id, booking.id)
    await shipments.unbook(connection, booking.id, booking.number_keys)


def _displays(stored: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], str]:
    return {(one["scac"], one["key"]): one["pro_number"] for one in stored}
