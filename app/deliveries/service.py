"""Use cases that read delivery bookings; and what every change of one shares."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from pydantic import JsonValue
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from app.deliveries import repository, views
from app.deliveries.booking_lifecycle import BookingAction, BookingStatus, allowed_actions, starts
from app.deliveries.booking_numbers import booking_number_of
from app.deliveries.repository import Filters
from app.deliveries.schemas import BookingEvent, BookingSummary, DeliveryBooking
from app.errors import Problem
from app.http.errors import NotFound, RelationNotAllowed
from app.http.schemas import timestamp
from app.orders.errors import InvalidTransition
from app.orders.location import as_id
from app.orders.service import overtaken
from app.principal import Principal


async def get(connection: AsyncConnection, caller: Principal, name: str) -> DeliveryBooking:
    """Return a booking to who has made it and to its warehouse, by its id or number; NotFound to all others."""
    return views.whole(await the_booking(connection, caller, name), caller)


async def page(
    connection: AsyncConnection, caller: Principal, filters: Filters, role: str | None, before: UUID | None, limit: int
) -> Sequence[BookingSummary]:
    """Return up to `limit` bookings, newest first: those that the caller has made, and those that come to it.

    `role`: `booker` or `warehouse` for one of the two.
    """
    rows = await repository.page(
        connection,
        caller.organisation_id,
        filters,
        made=role != "warehouse",
        coming=role != "booker",
        before=before,
        limit=limit,
    )
    return [views.summary(row, caller) for row in rows]


async def events(
    connection: AsyncConnection, caller: Principal, name: str, after: int, limit: int
) -> Sequence[BookingEvent]:
    """Return up to `limit` changes of a booking after the sequence `after`, oldest first; raises NotFound."""
    booking = await the_booking(connection, caller, name)
    rows = await repository.events(connection, booking.organisation_id, booking.id, after=after, limit=limit)
    return [views.event(row, booking, caller) for row in rows]


async def the_booking(connection: AsyncConnection, caller: Principal, name: str) -> Row[Any]:
    """Return the row of a booking that is the caller's business, by its id or number; raises NotFound."""
    booking_id = as_id(name)
    number = None if booking_id is not None else booking_number_of(name)
    found = None
    if booking_id is not None or number is not None:
        found = await repository.find(connection, caller.organisation_id, booking_id, number)
    if found is None:
        raise NotFound(f"There is no delivery booking {name[:64]} that this organisation has to do with.")
    return found


def require_warehouse(booking: Row[Any], caller: Principal) -> None:
    """Raise RelationNotAllowed where somebody else than the warehouse is to do this."""
    if booking.warehouse_id != caller.organisation_id:
        raise RelationNotAllowed("This is done by the warehouse that the delivery comes to.")


async def refusal(connection: AsyncConnection, caller: Principal, booking: Row[Any], action: BookingAction) -> Problem:
    """Return why a booking, read anew, does not take an action; where it does by now, that others are changing it."""
    current = await the_booking(connection, caller, str(booking.id))
    status = BookingStatus(current.status)
    if status in starts(action):
        return overtaken(current.booking_number)
    return transition_refused(current, caller, action)


def transition_refused(booking: Row[Any], caller: Principal, action: BookingAction) -> InvalidTransition:
    """Return the problem for an action that the status of a booking does not take."""
    status = BookingStatus(booking.status)
    allowed = [
        str(one)
        for one in allowed_actions(
            status,
            by_warehouse=booking.warehouse_id == caller.organisation_id,
            by_booker=booking.organisation_id == caller.organisation_id,
        )
    ]
    members: dict[str, JsonValue] = {"booking_status": status.value, "allowed": [*allowed]}
    came = ""
    if booking.arrived_at is not None:
        dock = (booking.arrival or {}).get("dock")
        members |= {"arrived_at": timestamp(booking.arrived_at), "dock": dock}
        came = f" since {timestamp(booking.arrived_at)}{f' at dock {dock}' if dock else ''}"
    return InvalidTransition(
        f"{booking.booking_number} is {status}{came}: {action} is not possible; "
        f"{'possible: ' + ', '.join(allowed) if allowed else 'nothing is'}.",
        members=members,
    )
