"""`/v1/delivery-bookings/{id}/...`: confirm, reschedule, cancel, arrive, complete, no-show."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.db.group_writer import GroupWriter
from app.deliveries import arriving, changing
from app.deliveries.calendar_errors import OutsideCalendar, SlotTaken
from app.deliveries.endpoints import BookingName, Issuer, step
from app.deliveries.errors import (
    AmbiguousBooking,
    AppointmentTaken,
    BookingCutoffPassed,
    DeliveryNotBookable,
    TooEarlyForNoShow,
)
from app.deliveries.schemas import (
    ArriveBooking,
    ArriveVehicle,
    ConfirmBooking,
    DeliveryBooking,
    RescheduleBooking,
    VehicleArrival,
)
from app.events.gate_checks import GateCheck
from app.http.authorisation import Caller
from app.http.errors import NotFound, RelationNotAllowed
from app.http.openapi import documented
from app.http.preconditions import content_etag
from app.http.unit_of_work import Answer, Unit
from app.orders.errors import InvalidTransition
from app.orders.schemas import GiveReason

router = APIRouter(prefix="/delivery-bookings", tags=["Deliveries"])


def _history(request: Request) -> GroupWriter[GateCheck]:
    history: GroupWriter[GateCheck] = request.app.state.gate_checks
    return history


History = Annotated[GroupWriter[GateCheck], Depends(_history)]


@router.post(
    "/arrive",
    **documented("arrive_vehicle", VehicleArrival, NotFound, AmbiguousBooking, InvalidTransition),
)
async def arrive_vehicle(body: ArriveVehicle, caller: Caller, unit: Unit, history: History) -> Response:
    """Let a vehicle arrive by what the driver shows.

    The booking or appointment number, the trailer number, or any PO or PRO number on the vehicle, typed or scanned. Of
    several bookings that fit, it is the one whose window it is now; where that does not settle it, `candidates` of the
    409 names them, the nearest window first. The rest is as with the booking's own `arrive`.
    """
    return await unit.write(lambda connection: arriving.arrive_by_papers(connection, caller, history, body), _arrival)


@router.post(
    "/{delivery_booking_id}/arrive",
    **documented("arrive_delivery_booking", VehicleArrival, NotFound, RelationNotAllowed, InvalidTransition),
)
async def arrive_delivery_booking(
    delivery_booking_id: BookingName, caller: Caller, unit: Unit, history: History, body: ArriveBooking | None = None
) -> Response:
    """Let a vehicle arrive.

    For the warehouse. Every purchase order of the booking is judged as the gate judges it at this moment, and the
    vehicle has one verdict, the worst of them. `accept` and `hold`: it is noted as arrived, with its dock, and what is
    held waits there. `reject`: it is not, and its booking stays as it is; what is against it stands in the timelines of
    its orders as checks at the gate. A vehicle that has arrived already is 409 `invalid_transition`, with when and
    where. A booking that nobody has confirmed yet may arrive too.
    """
    told = body or ArriveBooking()
    return await unit.write(
        lambda connection: arriving.arrive(connection, caller, history, delivery_booking_id, told), _arrival
    )


@router.post("/{delivery_booking_id}/confirm", **step("confirm_delivery_booking", RelationNotAllowed, AppointmentTaken))
async def confirm_delivery_booking(
    delivery_booking_id: BookingName, caller: Caller, unit: Unit, issuer: Issuer, body: ConfirmBooking | None = None
) -> Response:
    """Confirm a booking.

    For the warehouse: its yes to the window, with its own appointment number or one that is made here. An appointment
    number is one booking's for ever.
    """
    told = body or ConfirmBooking()
    return await unit.write(
        lambda connection: changing.confirm(connection, caller, issuer, delivery_booking_id, told), _answer
    )


@router.post(
    "/{delivery_booking_id}/reschedule",
    **step("reschedule_delivery_booking", DeliveryNotBookable, BookingCutoffPassed, SlotTaken, OutsideCalendar),
)
async def reschedule_delivery_booking(
    delivery_booking_id: BookingName, body: RescheduleBooking, caller: Caller, unit: Unit
) -> Response:
    """Move a booking to another window.

    While the vehicle is still to come. All its orders are judged anew for the new window; if one may not come in it, or
    is no longer yours to ship, nothing changes. A confirmed booking waits for the warehouse's yes again, unless the
    warehouse itself has moved it.
    """
    return await unit.write(
        lambda connection: changing.reschedule(connection, caller, delivery_booking_id, body), _answer
    )


@router.post("/{delivery_booking_id}/cancel", **step("cancel_delivery_booking", BookingCutoffPassed))
async def cancel_delivery_booking(
    delivery_booking_id: BookingName, caller: Caller, unit: Unit, body: GiveReason | None = None
) -> Response:
    """Cancel a booking.

    While the vehicle is still to come; by who has booked, or by the warehouse. Its PRO numbers stay linked to their
    orders, with no vehicle expected, and may be booked anew, as its bills of lading may.
    """
    reason = body.reason if body else None
    return await unit.write(
        lambda connection: changing.cancel(connection, caller, delivery_booking_id, reason), _answer
    )


@router.post("/{delivery_booking_id}/complete", **step("complete_delivery_booking", RelationNotAllowed))
async def complete_delivery_booking(delivery_booking_id: BookingName, caller: Caller, unit: Unit) -> Response:
    """Complete a delivery.

    For the warehouse, once the vehicle has arrived and is done with. From then on its PRO numbers are those of an
    earlier shipment and can be booked no more. It receives nothing: that is said of each order by `receive`.
    """
    return await unit.write(lambda connection: changing.complete(connection, caller, delivery_booking_id), _answer)


@router.post(
    "/{delivery_booking_id}/no-show",
    **step("mark_delivery_booking_no_show", RelationNotAllowed, TooEarlyForNoShow),
)
async def mark_delivery_booking_no_show(delivery_booking_id: BookingName, caller: Caller, unit: Unit) -> Response:
    """Note that a vehicle has not come.

    For the warehouse, once the window has begun. The orders are expected with no vehicle any more; PRO numbers and
    bills of lading may be booked anew.
    """
    return await unit.write(lambda connection: changing.no_show(connection, caller, delivery_booking_id), _answer)


def _answer(made: DeliveryBooking) -> Answer:
    return Answer(made, headers={"ETag": content_etag(made)})


def _arrival(made: VehicleArrival) -> Answer:
    # A vehicle that was turned away may come again under the same Idempotency-Key.
    return Answer(made, did_nothing=not made.arrived)
