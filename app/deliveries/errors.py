"""Problems of delivery bookings."""

from typing import ClassVar

from pydantic import JsonValue

from app.deliveries.examples import REFUSED
from app.errors import Problem


class DeliveryNotBookable(Problem):
    """Orders or shipments of the booking may not come as they are; all of them are named at once."""

    status = 409
    code = "delivery_not_bookable"
    title = "The delivery cannot be booked as it is"
    remedy = (
        "Nothing was booked or changed. `results` names each shipment (by `index`) and each purchase order that stands "
        "in the way, with everything that is against it: `refusals` are the gate's own, asked for the window that was "
        "to be booked, with the next step of each; `problems` are about the booking itself. Correct or leave out what "
        "is named and send the rest, or send all of it with `partial: true`, which books what may come."
    )
    example_detail = "1 of 3 purchase orders cannot come in this window; nothing was booked."
    example_members: ClassVar[dict[str, JsonValue]] = {"results": [REFUSED]}


class AmbiguousBooking(Problem):
    """What was scanned at the gate means several vehicles that are expected."""

    status = 409
    code = "ambiguous_booking"
    title = "Several bookings fit"
    remedy = (
        "`candidates` names the bookings that may be meant, the nearest window first. Ask the driver for the booking "
        "or appointment number, and send that."
    )
    example_detail = "2 bookings fit HH-AB-1234, and it is not the window of just one of them now."
    example_members: ClassVar[dict[str, JsonValue]] = {
        "candidates": [
            {
                "id": "0198f5a2-7c3e-7d41-9a52-3f6b8d2e1c07",
                "booking_number": "DB-7K3M9QWX2",
                "appointment_number": "HL2-20360314-017",
                "window": {"start": "2036-03-14T08:00:00Z", "end": "2036-03-14T10:00:00Z"},
            }
        ]
    }


class BookingCutoffPassed(Problem):
    """It is too late for who has booked to change anything: the warehouse prepares for the vehicle."""

    status = 409
    code = "booking_cutoff_passed"
    title = "It is too late to book or change this delivery"
    remedy = (
        "The warehouse's policy (`booking_cutoff`) lets deliveries be booked, rescheduled, cancelled and changed until "
        "`cutoff`. Choose a later window, or ask the warehouse, which may still do it."
    )
    example_detail = "Deliveries in this window could be booked until 2036-03-13T08:00:00Z."
    example_members: ClassVar[dict[str, JsonValue]] = {"cutoff": "2036-03-13T08:00:00Z"}


class AppointmentTaken(Problem):
    """Another booking of the warehouse has the appointment number."""

    status = 409
    code = "appointment_number_taken"
    title = "The appointment number is in use"
    remedy = (
        "An appointment number stands for one booking of a warehouse for ever. Give another one, or leave it out: then "
        "one is made."
    )
    example_detail = "The appointment number HL2-20360314-017 is another booking's."


class LastShipment(Problem):
    """A booking without shipments is none."""

    status = 409
    code = "last_shipment"
    title = "The booking has no other shipment"
    remedy = "A booking has at least one shipment. Add the other one first, or cancel the booking."
    example_detail = "DB-7K3M9QWX2 has no other shipment than this."


class TooEarlyForNoShow(Problem):
    """The window has not begun, so nobody can have failed to come in it."""

    status = 409
    code = "too_early_for_no_show"
    title = "The window has not begun yet"
    remedy = (
        "A vehicle can be missed once its window has begun: `window_start` says when. If it will not come at all, "
        "cancel the booking."
    )
    example_detail = "The window begins on 2036-03-14T08:00:00Z."
    example_members: ClassVar[dict[str, JsonValue]] = {"window_start": "2036-03-14T08:00:00Z"}


class BolReused(Problem):
    """The bill of lading stands for another shipment of the organisation's bookings."""

    status = 409
    code = "bol_reused"
    title = "The bill of lading stands for another shipment"
    remedy = (
        "A bill of lading is one shipment's: compare its number with the papers. That of a booking which was cancelled "
        "may be used anew."
    )
    example_detail = "The bill of lading BOL-4711 is that of an earlier shipment."


class AnotherWarehouse(Problem):
    """The order goes to another place than the others of the booking: one vehicle, one gate."""

    status = 409
    code = "another_warehouse"
    title = "The order goes to another warehouse"
    remedy = (
        "All orders of a booking come to one gate: one warehouse, and one of its places where the buyer names those by "
        "the `code` of the ship-to, or where it keeps a calendar. Book those of another by themselves."
    )
    example_detail = "This order does not go where the others of this booking go."
