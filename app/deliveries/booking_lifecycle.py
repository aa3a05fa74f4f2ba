"""The life of a delivery booking: its statuses, and which action leads where. Pure: one table, no I/O, no clock.

requested -> confirmed -> arrived -> completed; before it has arrived it may be cancelled, or not come at all.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class BookingStatus(StrEnum):
    """How far a delivery booking has come."""

    requested = "requested"
    confirmed = "confirmed"
    arrived = "arrived"
    completed = "completed"
    cancelled = "cancelled"
    no_show = "no_show"


STATUS_MEANINGS: Final = {
    BookingStatus.requested: "Booked, and the warehouse has not said yes yet.",
    BookingStatus.confirmed: "The warehouse has confirmed it, with its appointment number.",
    BookingStatus.arrived: "The vehicle is there.",
    BookingStatus.completed: "The delivery is over. Its PRO numbers stand for no other.",
    BookingStatus.cancelled: "It will not come. Its PRO numbers and bills of lading may be booked anew.",
    BookingStatus.no_show: "It has not come. Its PRO numbers and bills of lading may be booked anew.",
}
"""What each says; the API's document takes it from here."""


class BookingAction(StrEnum):
    """What can be done to a booking, in the order in which answers list it."""

    confirm = "confirm"
    reschedule = "reschedule"
    update = "update"
    add_shipment = "add_shipment"
    remove_shipment = "remove_shipment"
    cancel = "cancel"
    arrive = "arrive"
    complete = "complete"
    no_show = "no_show"


EXPECTED: Final = (BookingStatus.requested, BookingStatus.confirmed)
"""The vehicle is still to come."""

WAREHOUSE_ALONE: Final = frozenset(
    {BookingAction.confirm, BookingAction.arrive, BookingAction.complete, BookingAction.no_show}
)
"""What the warehouse does; all else is open to who has booked as well."""

TRANSITIONS: Final[Mapping[BookingAction, Mapping[BookingStatus, BookingStatus]]] = {
    BookingAction.confirm: {BookingStatus.requested: BookingStatus.confirmed},
    # What was confirmed was another window: the warehouse says yes to the new one, unless it has chosen it itself.
    BookingAction.reschedule: dict.fromkeys(EXPECTED, BookingStatus.requested),
    BookingAction.update: {status: status for status in EXPECTED},
    BookingAction.add_shipment: {status: status for status in EXPECTED},
    BookingAction.remove_shipment: {status: status for status in EXPECTED},
    BookingAction.cancel: dict.fromkeys(EXPECTED, BookingStatus.cancelled),
    # A vehicle at the gate is not sent away because nobody has got round to saying yes.
    BookingAction.arrive: dict.fromkeys(EXPECTED, BookingStatus.arrived),
    BookingAction.complete: {BookingStatus.arrived: BookingStatus.completed},
    BookingAction.no_show: dict.fromkeys(EXPECTED, BookingStatus.no_show),
}
"""From which statuses an action may start, and where it leads from each."""


def target(action: BookingAction, status: BookingStatus, *, by_warehouse: bool) -> BookingStatus | None:
    """Return the status after an action; None where it is not possible from this one."""
    if action is BookingAction.reschedule and by_warehouse and status in EXPECTED:
        return status
    return TRANSITIONS[action].get(status)


def starts(action: BookingAction) -> tuple[BookingStatus, ...]:
    """Return the statuses from which an action may start."""
    return tuple(TRANSITIONS[action])


def allowed_actions(status: BookingStatus, *, by_warehouse: bool, by_booker: bool) -> tuple[BookingAction, ...]:
    """Return what an organisation can do to a booking: the warehouse, who has booked it, or both in one."""
    return tuple(
        action
        for action in BookingAction
        if status in TRANSITIONS[action] and (by_warehouse or (by_booker and action not in WAREHOUSE_ALONE))
    )
