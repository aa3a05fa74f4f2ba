"""Use cases of calendars: keep one for a location, ask what is free, and take a place for a delivery booking.

A calendar is optional. Where a location keeps none, any window can be booked, and nothing here is in the way.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import JsonValue
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from app.deliveries import calendar_repository as repository
from app.deliveries import calendar_rules as rules
from app.deliveries.calendar_errors import OutsideCalendar, SlotTaken
from app.deliveries.calendar_rules import Calendar, FreeSpan, OutsideCalendarError, Span, Weekday
from app.deliveries.calendar_schemas import (
    BookAhead,
    CalendarException,
    FreeSlot,
    LocationCalendar,
    OpeningHours,
    PutCalendar,
)
from app.errors import InvalidRequest
from app.events import service as events
from app.events.event_types import AuditType
from app.http.errors import NotFound, PreconditionFailed
from app.http.preconditions import require_match
from app.http.schemas import timestamp
from app.orders.content_schemas import Window
from app.orders.location import locate
from app.principal import Principal
from app.shipments.links import may_ship
from app.validation.delivery_facts import folded

LONGEST_RANGE: Final = timedelta(days=31)
"""Of a question about free slots."""

_USUAL_RANGE: Final = timedelta(days=7)
_NEXT_FREE: Final = 5


async def put(
    connection: AsyncConnection, caller: Principal, code: str, if_match: str | None, body: PutCalendar
) -> tuple[LocationCalendar, bool]:
    """Keep a calendar for a location of the caller's; return it and whether there was none before.

    What is booked stays booked. Raises PreconditionRequired or PreconditionFailed where there is one, also
    PreconditionFailed for an `if_match` where there is none, and InvalidRequest for hours that make no slots.
    """
    _require_slots(body)
    values = _columns(body)
    location = _folded(code)
    current = await repository.find(connection, caller.organisation_id, location)
    if current is None:
        row = None
        if if_match is None:
            row = await repository.create(connection, caller.organisation_id, location, {"code": code, **values})
    else:
        require_match(if_match, _etag_of(current))
        row = await repository.change(connection, caller.organisation_id, location, current.version, values)
    if row is None:
        raise PreconditionFailed(PreconditionFailed.example_detail)
    stored = _shown(row)
    data = stored.model_dump(mode="json", exclude={"created_at", "updated_at"})
    await events.record_audit(connection, AuditType.CALENDAR_STORED, caller.organisation_id, caller, data)
    return stored, current is None


async def get(connection: AsyncConnection, caller: Principal, code: str) -> LocationCalendar:
    """Return the calendar of a location of the caller's; raises NotFound."""
    row = await repository.find(connection, caller.organisation_id, _folded(code))
    if row is None:
        raise _no_calendar(code)
    return _shown(row)


async def delete(connection: AsyncConnection, caller: Principal, code: str, if_match: str | None) -> LocationCalendar:
    """Stop keeping a calendar and return it as it was; raises NotFound and what `require_match` does."""
    current = await get(connection, caller, code)
    require_match(if_match, etag(current))
    row = await repository.remove(connection, caller.organisation_id, _folded(code), current.version)
    if row is None:
        raise PreconditionFailed(PreconditionFailed.example_detail)
    data: dict[str, JsonValue] = {"location": current.location, "version": current.version}
    await events.record_audit(connection, AuditType.CALENDAR_DELETED, caller.organisation_id, caller, data)
    return current


def etag(calendar: LocationCalendar) -> str:
    """Return the strong ETag of a calendar."""
    return f'"{calendar.version}"'


async def free_slots(
    connection: AsyncConnection,
    caller: Principal,
    code: str,
    *,
    number: str | None,
    buyer: UUID | None,
    start: datetime | None,
    end: datetime | None,
    after: datetime | None,
    limit: int,
) -> Sequence[FreeSlot]:
    """Return up to `limit` slots within `start` and `end` that can be booked now, those after the start `after`.

    Without a `number` the location is the caller's own; with one it is the destination of that order, which the caller
    may ship. Raises what `locate` does, NotFound where no calendar is kept, and InvalidRequest for a range too long.
    """
    location = _folded(code)
    gate = caller.organisation_id
    if number is not None:
        order = await locate(
            connection,
            caller,
            number,
            buyer,
            admits=lambda one: may_ship(one) and folded((one.row["ship_to"] or {}).get("code")) == location,
            place=("query", "number"),
        )
        gate = order.row["ship_to_id"] or order.organisation_id
    row = await repository.find(connection, gate, location)
    if row is None:
        raise _no_calendar(code)
    calendar, now = _calendar(row), row.read_at
    begin = now if start is None else start
    earliest, latest = now + calendar.at_least, now + calendar.at_most
    if end is not None:
        _require_range(begin, end)
    if begin > latest:
        return []
    until = begin + _USUAL_RANGE if end is None else end
    first = max(begin, earliest)
    # The last slot begins while it can be booked, and may end after that.
    last = min(until, latest + calendar.slot)
    found = await _free(connection, gate, location, calendar, first, last)
    shown = (slot for slot in found if slot.free and slot.start <= latest and (after is None or slot.start > after))
    return [FreeSlot.model_validate(_described(slot)) for slot in islice(shown, limit)]


async def take(
    connection: AsyncConnection, *, warehouse: UUID, location_code: str | None, booking_id: UUID, window: Window
) -> None:
    """Take a place for a booking in each slot of its window, and give back those that it has in others.

    Nothing happens where the warehouse keeps no calendar for the location. In the transaction that books or moves, in
    which nothing else of this booking is changed by others, and always at the same point of it: of the locks that a
    booking takes, those on slots are waited for in the order of time. Raises OutsideCalendar and SlotTaken; the
    transaction is then rolled back, and the booking keeps what it had.
    """
    location = folded(location_code)
    if location is None:
        return
    row = await repository.hold(connection, warehouse, location, booking_id)
    if row is None:
        return
    if row.deleted_at is not None:
        await repository.give_back(connection, warehouse, location, booking_id)
        return
    calendar = _calendar(row)
    try:
        slots = rules.slots_of_window(calendar, window.start, window.end, row.read_at)
    except OutsideCalendarError as fault:
        next_free = await _next_free(connection, row, window, booking_id)
        raise OutsideCalendar(
            str(fault), members={"field": "window", "rule": fault.rule.value, "next_free": next_free}
        ) from None
    held = {*zip(row.held_from, row.held_until, strict=True)}
    wanted = {(slot.start, slot.end) for slot in slots}
    # Of an earlier calendar, with other ends: their own place would be in the way.
    if begun := {slot.start for slot in slots} & {start for start, _ in held - wanted}:
        await repository.give_back(connection, warehouse, location, booking_id, only_from=begun)
    # New ones are taken before others are given back, earliest first: whoever waits for a place waits for a booking
    # that wants later ones or none, so no two wait for each other.
    for slot in slots:
        taken = (slot.start, slot.end) in held
        if not taken and not await repository.take_place(connection, warehouse, location, slot, booking_id):
            places = "The one place" if slot.capacity == 1 else f"All {slot.capacity} places"
            raise SlotTaken(
                f"{places} of the slot that begins on {timestamp(slot.start)} "
                f"{'is' if slot.capacity == 1 else 'are'} booked.",
                members={"next_free": await _next_free(connection, row, window, booking_id)},
            )
    if held - wanted:
        await repository.give_back(connection, warehouse, location, booking_id, but=wanted)


async def release(connection: AsyncConnection, *, warehouse: UUID, location_code: str | None, booking_id: UUID) -> None:
    """Give back the places of a booking that is cancelled or that did not come; those of others are not touched."""
    location = folded(location_code)
    if location is not None:
        await repository.give_back(connection, warehouse, location, booking_id)


async def _next_free(connection: AsyncConnection, row: Row[Any], window: Window, booking_id: UUID) -> list[JsonValue]:
    """Return the next windows with a free place, of as many slots as fill the one that was asked for."""
    calendar = _calendar(row)
    length = min(max(1, -((window.start - window.end) // calendar.slot)), rules.SLOTS_OF_A_BOOKING)
    latest = row.read_at + calendar.at_most
    start = min(max(window.start, row.read_at + calendar.at_least), latest)
    found: list[FreeSpan] = []
    for first in (start, row.read_at + calendar.at_least):
        # The time after the window; where that has none, all that can be booked.
        end = min(first + LONGEST_RANGE, latest) + length * calendar.slot
        free = await _free(connection, row.organisation_id, row.location, calendar, first, end, without=booking_id)
        found = [one for one in islice(rules.free_windows(free, length), _NEXT_FREE) if one.start <= latest]
        if found:
            break
    return [_described(one) for one in found]


async def _free(
    connection: AsyncConnection,
    organisation_id: UUID,
    location: str,
    calendar: Calendar,
    start: datetime,
    end: datetime,
    *,
    without: UUID | None = None,
) -> Iterator[FreeSpan]:
    if end <= start:
        return iter(())
    claims = await repository.claims(connection, organisation_id, location, start, end, without=without)
    return rules.free_slots(rules.slots_between(calendar, start, end), claims)


def _described(span: FreeSpan) -> dict[str, JsonValue]:
    return {
        "start": timestamp(span.start),
        "end": timestamp(span.end),
        "capacity": span.capacity,
        "free": span.free,
    }


def _folded(code: str) -> str:
    return folded(code) or ""


def _no_calendar(code: str) -> NotFound:
    return NotFound(f"No calendar is kept for a location {code[:64]} that this organisation may ask about.")


def _require_range(start: datetime, end: datetime) -> None:
    if end <= start:
        raise InvalidRequest.at(["query", "to"], "date_order", "`to` must be after `from`")
    if end - start > LONGEST_RANGE:
        raise InvalidRequest.at(
            ["query", "to"], "range_too_long", f"Ask for {LONGEST_RANGE.days} days at most: `to` is further from `from`"
        )


def _require_slots(body: PutCalendar) -> None:
    """Raise InvalidRequest naming each span of hours and each date that cannot be kept."""
    faults: list[dict[str, JsonValue]] = []
    for weekday in Weekday:
        place: list[str | int] = ["body", "opening_hours", weekday.value]
        faults += rules.faults_of_hours(_spans(getattr(body.opening_hours, weekday)), body.slot_minutes, place)
    seen: set[date] = set()
    for index, exception in enumerate(body.exceptions):
        place = ["body", "exceptions", index]
        if exception.date in seen:
            faults.append({"loc": [*place, "date"], "code": "duplicate", "message": "The date is there already"})
        seen.add(exception.date)
        faults += rules.faults_of_hours(_spans(exception.hours), body.slot_minutes, [*place, "hours"])
    if body.book_ahead.at_least is not None and body.book_ahead.at_least > body.book_ahead.at_most:
        message = "`at_least` must not be longer than `at_most`: nothing could be booked"
        faults.append({"loc": ["body", "book_ahead", "at_least"], "code": "date_order", "message": message})
    if faults:
        raise InvalidRequest.of(faults)


def _columns(body: PutCalendar) -> dict[str, Any]:
    said = body.model_dump(mode="json")
    for hours in said["opening_hours"].values():
        hours.sort(key=lambda span: span["opens"])
    return {
        **{name: said[name] for name in ("time_zone", "slot_minutes", "capacity", "opening_hours")},
        "exceptions": sorted(said["exceptions"], key=lambda exception: str(exception["date"])),
        "book_at_least": body.book_ahead.at_least or timedelta(),
        "book_at_most": body.book_ahead.at_most,
    }


def _calendar(row: Row[Any]) -> Calendar:
    shown = _shown(row)
    return Calendar(
        time_zone=ZoneInfo(row.time_zone),
        slot=timedelta(minutes=row.slot_minutes),
        week={day: _spans(getattr(shown.opening_hours, day), row.capacity) for day in Weekday},
        exceptions={one.date: _spans(one.hours, row.capacity) for one in shown.exceptions},
        at_least=row.book_at_least,
        at_most=row.book_at_most,
    )


def _spans(hours: Sequence[Any], capacity: int = 1) -> list[Span]:
    return [Span(_minutes(one.opens), _minutes(one.closes), one.capacity or capacity) for one in hours]


def _minutes(text: str) -> int:
    hours, _, minutes = text.partition(":")
    return int(hours) * 60 + int(minutes)


def _shown(row: Row[Any]) -> LocationCalendar:
    stored = row._asdict()
    return LocationCalendar(
        location=row.code,
        opening_hours=OpeningHours.model_validate(row.opening_hours),
        exceptions=[CalendarException.model_validate(one) for one in row.exceptions],
        book_ahead=BookAhead(at_least=row.book_at_least or None, at_most=row.book_at_most),
        **{
            name: stored[name]
            for name in ("time_zone", "slot_minutes", "capacity", "version", "created_at", "updated_at")
        },
    )


def _etag_of(row: Row[Any]) -> str:
    return f'"{row.version}"'
