"""Rules of a location's calendar: when vehicles can be booked, and whether a window can be.

Slots are made on the wall clock of the location: one that opens at six has a slot at six, in summer and in winter.
Where the clock is put forward, the hour that is missing has no slot; where it is put back, the hour that comes twice
has its slots twice. Instants are aware datetimes; none is read from a clock.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from itertools import pairwise
from typing import Any, Final

LONGEST_SLOT: Final = timedelta(hours=12)

SLOTS_OF_A_BOOKING: Final = 96
"""At most: eight hours of slots of five minutes, a day of quarters of an hour."""


class Weekday(StrEnum):
    """The days of the week, in the order of ISO 8601."""

    monday = "monday"
    tuesday = "tuesday"
    wednesday = "wednesday"
    thursday = "thursday"
    friday = "friday"
    saturday = "saturday"
    sunday = "sunday"


@dataclass(frozen=True, slots=True)
class Span:
    """Opening hours within one day, in minutes after midnight on the wall clock; so many vehicles in each slot."""

    opens: int
    closes: int
    capacity: int


@dataclass(frozen=True, slots=True)
class Calendar:
    """When a location takes vehicles in.

    `week` holds the hours of each weekday, `exceptions` those of single dates instead. A slot is booked `at_least` and
    `at_most` ahead of its start.
    """

    time_zone: tzinfo
    slot: timedelta
    week: Mapping[Weekday, Sequence[Span]]
    exceptions: Mapping[date, Sequence[Span]]
    at_least: timedelta
    at_most: timedelta

    def hours_of(self, day: date) -> Sequence[Span]:
        """Return the opening hours of a date."""
        return self.exceptions.get(day, self.week[tuple(Weekday)[day.weekday()]])


@dataclass(frozen=True, slots=True)
class Slot:
    """A span of time in which `capacity` vehicles are taken in."""

    start: datetime
    end: datetime
    capacity: int


@dataclass(frozen=True, slots=True)
class Claimed:
    """So many vehicles are booked for just this span, by the slots of today's calendar or of an earlier one."""

    start: datetime
    end: datetime
    vehicles: int


@dataclass(frozen=True, slots=True)
class FreeSpan:
    """One or more adjacent slots: `capacity` and `free` places are those of the scarcest."""

    start: datetime
    end: datetime
    capacity: int
    free: int


class CalendarRule(StrEnum):
    """Why a window cannot be booked by the calendar."""

    too_soon = "too_soon"
    too_far_ahead = "too_far_ahead"
    too_long = "too_long"
    closed = "closed"
    not_whole_slots = "not_whole_slots"


CALENDAR_RULE_MEANINGS: Final = {
    CalendarRule.too_soon: "The window begins sooner than the location takes bookings.",
    CalendarRule.too_far_ahead: "The window begins later than the location takes bookings yet.",
    CalendarRule.too_long: f"The window is longer than {SLOTS_OF_A_BOOKING} slots.",
    CalendarRule.closed: "The location is closed in the window, or in a part of it.",
    CalendarRule.not_whole_slots: "The window does not begin and end where slots do.",
}
"""What each says; the API's document takes it from here."""


class OutsideCalendarError(ValueError):
    """A window cannot be booked: the rule that it breaks."""

    def __init__(self, rule: CalendarRule) -> None:
        super().__init__(CALENDAR_RULE_MEANINGS[rule])
        self.rule = rule


def slots_of_window(calendar: Calendar, start: datetime, end: datetime, now: datetime) -> Sequence[Slot]:
    """Return the slots that a window consists of, in their order. Raises `OutsideCalendarError`."""
    if start - now < calendar.at_least:
        raise OutsideCalendarError(CalendarRule.too_soon)
    if start - now > calendar.at_most:
        raise OutsideCalendarError(CalendarRule.too_far_ahead)
    if end - start > SLOTS_OF_A_BOOKING * calendar.slot:
        raise OutsideCalendarError(CalendarRule.too_long)
    around = slots_between(calendar, start - calendar.slot, end + calendar.slot)
    touched = [slot for slot in around if slot.start < end and start < slot.end]
    adjacent = all(one.end == other.start for one, other in pairwise(touched))
    if not touched or not adjacent or start < touched[0].start or touched[-1].end < end:
        raise OutsideCalendarError(CalendarRule.closed)
    if (start, end) != (touched[0].start, touched[-1].end):
        raise OutsideCalendarError(CalendarRule.not_whole_slots)
    return touched


def slots_between(calendar: Calendar, start: datetime, end: datetime) -> Iterator[Slot]:
    """Yield the slots that lie whole between two instants, in their order; none overlaps another."""
    # A date's slots may begin before its midnight in UTC, or after.
    day, last = (instant.astimezone(calendar.time_zone).date() for instant in (start, end))
    while day <= last:
        yield from (slot for slot in slots_of(calendar, day) if start <= slot.start and slot.end <= end)
        day += timedelta(days=1)


def slots_of(calendar: Calendar, day: date) -> Sequence[Slot]:
    """Return the slots of a date, by the location's wall clock, in their order."""
    hours = calendar.hours_of(day)
    if not hours:
        return []
    pieces = _pieces(calendar.time_zone, day)
    found = [slot for span in hours for slot in _slots_of_span(calendar, day, span, pieces)]
    return sorted(found, key=lambda slot: slot.start)


def faults_of_hours(spans: Sequence[Span], slot_minutes: int, place: Sequence[str | int]) -> list[dict[str, Any]]:
    """Return what is wrong with the hours of a day, each fault as `{loc, code, message}`; `place` is where they stand.

    A span closes after it opens, is a whole number of slots, and begins when the one before it is over.
    """
    faults: list[dict[str, Any]] = []
    for index, span in enumerate(spans):
        if span.closes <= span.opens:
            code = "closes_before_it_opens"
            message = "`closes` must be after `opens`; hours over midnight are two: until 24:00, and from 00:00 on"
        elif (span.closes - span.opens) % slot_minutes:
            code, message = "no_whole_slots", f"The span is no whole number of slots of {slot_minutes} minutes"
        elif any(span.opens < other.closes and other.opens < span.closes for other in spans[:index]):
            code, message = "hours_overlap", "The span overlaps another one of the same day"
        else:
            continue
        faults.append({"loc": [*place, index, "closes"], "code": code, "message": message})
    return faults


def free_slots(slots: Iterable[Slot], claims: Sequence[Claimed]) -> Iterator[FreeSpan]:
    """Yield each slot with what is free of it; `slots` and `claims` come in the order of their starts.

    What was booked by an earlier calendar takes a place in each slot that it reaches into.
    """
    ahead = deque(claims)
    under_way: list[Claimed] = []
    for slot in slots:
        while ahead and ahead[0].start < slot.end:
            under_way.append(ahead.popleft())
        under_way = [claim for claim in under_way if slot.start < claim.end]
        free = slot.capacity - sum(claim.vehicles for claim in under_way)
        yield FreeSpan(slot.start, slot.end, slot.capacity, max(0, free))


def free_windows(slots: Iterable[FreeSpan], length: int) -> Iterator[FreeSpan]:
    """Yield the windows of `length` adjacent slots that have a free place all along, in the order of their starts."""
    run: deque[FreeSpan] = deque(maxlen=length)
    for slot in slots:
        if run and run[-1].end != slot.start:
            run.clear()
        if not slot.free:
            run.clear()
            continue
        run.append(slot)
        if len(run) == length:
            capacity = min(one.capacity for one in run)
            yield FreeSpan(run[0].start, slot.end, capacity, min(one.free for one in run))


@dataclass(frozen=True, slots=True)
class _Piece:
    """A span of time in which the wall clock is `ahead` of UTC."""

    start: datetime
    end: datetime
    ahead: timedelta


_SCANNED: Final = timedelta(hours=6)
"""No clock is put forward or back twice within so short a time."""

_FARTHEST_FROM_UTC: Final = timedelta(hours=18)
"""More than any zone was; a multiple of what is scanned at a time."""


def _pieces(zone: tzinfo, day: date) -> Sequence[_Piece]:
    """Return the time around a date, cut where the clock is put forward or back."""
    midnight = datetime.combine(day, time(), UTC)
    instant, end = midnight - _FARTHEST_FROM_UTC, midnight + timedelta(days=1) + _FARTHEST_FROM_UTC
    cuts = [instant]
    while instant < end:
        following = instant + _SCANNED
        if _ahead(zone, instant) != _ahead(zone, following):
            cuts.append(_change(zone, instant, following))
        instant = following
    return [_Piece(start, after, _ahead(zone, start)) for start, after in pairwise([*cuts, end])]


def _change(zone: tzinfo, before: datetime, after: datetime) -> datetime:
    """Return the instant, to the second, from which the clock goes as it does at `after`."""
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if _ahead(zone, middle) == _ahead(zone, before):
            before = middle
        else:
            after = middle
    return after


def _ahead(zone: tzinfo, instant: datetime) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta()


def _slots_of_span(calendar: Calendar, day: date, span: Span, pieces: Sequence[_Piece]) -> Iterator[Slot]:
    """Yield the slots of a day's hours that fit into them as they are on that day, whatever the clock does."""
    midnight = datetime.combine(day, time(), UTC)
    opens, closes = (midnight + timedelta(minutes=minutes) for minutes in (span.opens, span.closes))
    open_: list[tuple[datetime, datetime]] = []
    starts: list[datetime] = []
    for piece in pieces:
        start, end = max(piece.start, opens - piece.ahead), min(piece.end, closes - piece.ahead)
        if start >= end:
            continue
        if open_ and open_[-1][1] == start:
            start_of_all, _ = open_.pop()
            open_.append((start_of_all, end))
        else:
            open_.append((start, end))
        # The first at or after the start, counted on the wall clock from when it opens.
        slot = opens - piece.ahead - calendar.slot * ((opens - piece.ahead - start) // calendar.slot)
        while slot < end:
            starts.append(slot)
            slot += calendar.slot
    ended: datetime | None = None
    for start in starts:
        end = start + calendar.slot
        fits = any(begin <= start and end <= until for begin, until in open_)
        if fits and (ended is None or ended <= start):
            yield Slot(start, end, span.capacity)
            ended = end
