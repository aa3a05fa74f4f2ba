"""Slots on the wall clock of a location, held against the clock itself, minute by minute."""

import os
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.deliveries.calendar_rules import (
    Calendar,
    CalendarRule,
    Claimed,
    OutsideCalendarError,
    Slot,
    Span,
    Weekday,
    free_slots,
    free_windows,
    slots_between,
    slots_of,
    slots_of_window,
)

EXAMPLES = int(os.environ.get("CALENDAR_EXAMPLES", "40"))

ZONES = (
    *("UTC", "Europe/Berlin", "America/New_York", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu"),
    # Midnights that there are twice or not at all, and a date that there never was.
    *("America/Havana", "America/Sao_Paulo", "Asia/Beirut", "Africa/Cairo", "Africa/Casablanca", "Pacific/Apia"),
)
BEFORE_AND_AFTER_A_CHANGE = {
    zone: [
        day
        for day in (date(2010, 1, 1) + timedelta(days=n) for n in range(366 * 18))
        if datetime.combine(day, time(), ZoneInfo(zone)).utcoffset()
        != datetime.combine(day + timedelta(days=2), time(), ZoneInfo(zone)).utcoffset()
    ]
    or [date(2027, 3, 1)]
    for zone in ZONES
}


def calendar(zone: str, spans: Sequence[Span], minutes: int, **other: timedelta) -> Calendar:
    ahead = {"at_least": timedelta(), "at_most": timedelta(days=60)} | other
    week = dict.fromkeys(Weekday, spans)
    return Calendar(ZoneInfo(zone), timedelta(minutes=minutes), week, {}, **ahead)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def on_the_wall(slots: Sequence[Slot], zone: str) -> list[str]:
    return [slot.start.astimezone(ZoneInfo(zone)).strftime("%H:%M") for slot in slots]


@st.composite
def days(draw: st.DrawFn) -> tuple[Calendar, date]:
    zone = draw(st.sampled_from(ZONES))
    minutes = draw(st.sampled_from([5, 15, 20, 30, 45, 60, 90, 120, 240]))
    spans: list[Span] = []
    opens = draw(st.integers(0, 20)) * 15
    while opens + minutes <= 24 * 60 and len(spans) < 3:
        slots = draw(st.integers(1, (24 * 60 - opens) // minutes))
        spans.append(Span(opens, opens + slots * minutes, draw(st.integers(1, 3))))
        opens = spans[-1].closes + draw(st.integers(0, 8)) * 15
    near = st.tuples(st.sampled_from(BEFORE_AND_AFTER_A_CHANGE[zone]), st.integers(0, 3)).map(
        lambda found: found[0] + timedelta(days=found[1])
    )
    day = draw(near | st.dates(date(2000, 1, 1), date(2037, 12, 31)))
    return calendar(zone, spans, minutes), day


@settings(max_examples=EXAMPLES, deadline=None)
@given(days())
def test_slots_lie_within_the_hours_are_as_long_as_they_say_and_never_overlap(of: tuple[Calendar, date]) -> None:
    kept, day = of
    slots = slots_of(kept, day)
    for slot in slots:
        assert slot.end - slot.start == kept.slot
        starts = slot.start.astimezone(kept.time_zone)
        span = next(one for one in kept.hours_of(day) if one.opens <= starts.hour * 60 + starts.minute < one.closes)
        assert slot.capacity == span.capacity
        # A slot begins where the wall clock shows a whole number of slots after the opening.
        assert (starts.hour * 60 + starts.minute - span.opens) % (kept.slot // timedelta(minutes=1)) == 0
        for minute in range(kept.slot // timedelta(minutes=1)):
            wall = (slot.start + timedelta(minutes=minute)).astimezone(kept.time_zone)
            assert wall.date() == day
            assert span.opens <= wall.hour * 60 + wall.minute < span.closes
    for one, other in pairwise(slots):
        assert one.end <= other.start


@settings(max_examples=EXAMPLES // 2, deadline=None)
@given(days())
def test_no_slot_is_left_out_that_the_clock_has_room_for(of: tuple[Calendar, date]) -> None:
    kept, day = of
    slots = slots_of(kept, day)
    length = kept.slot // timedelta(minutes=1)
    # The whole minutes of the date, as the clock shows them.
    begins = datetime.combine(day, time(), UTC) - timedelta(hours=15)
    shown = {begins + timedelta(minutes=n): None for n in range(54 * 60)}
    wall = {instant: instant.astimezone(kept.time_zone) for instant in shown}
    minute_of = {instant: one.hour * 60 + one.minute for instant, one in wall.items() if one.date() == day}
    for span in kept.hours_of(day):
        open_ = {instant for instant, minute in minute_of.items() if span.opens <= minute < span.closes}
        for instant in open_:
            if (minute_of[instant] - span.opens) % length:
                continue
            end = instant + kept.slot
            if all(instant + timedelta(minutes=n) in open_ for n in range(length)):
                assert any(slot.start < end and instant < slot.end for slot in slots), f"nothing at {instant}"


@settings(max_examples=EXAMPLES, deadline=None)
@given(days(), st.integers(0, 72), st.integers(1, 72))
def test_what_lies_between_two_instants_is_what_the_dates_have_of_it(
    of: tuple[Calendar, date], hours: int, length: int
) -> None:
    kept, day = of
    start = datetime.combine(day, time(), UTC) + timedelta(hours=hours - 36)
    end = start + timedelta(hours=length)
    near = [slot for n in range(-4, 6) for slot in slots_of(kept, day + timedelta(days=n))]
    found = list(slots_between(kept, start, end))
    assert found == [slot for slot in near if start <= slot.start and slot.end <= end]


def test_the_hour_that_is_missing_has_no_slot_and_the_hour_that_comes_twice_has_two() -> None:
    hours = calendar("Europe/Berlin", [Span(0, 360, 1)], 60)
    spring, usual, autumn = (slots_of(hours, day) for day in (date(2027, 3, 28), date(2027, 3, 29), date(2027, 10, 31)))
    assert on_the_wall(usual, "Europe/Berlin") == ["00:00", "01:00", "02:00", "03:00", "04:00", "05:00"]
    assert on_the_wall(spring, "Europe/Berlin") == ["00:00", "01:00", "03:00", "04:00", "05:00"]
    assert on_the_wall(autumn, "Europe/Berlin") == ["00:00", "01:00", "02:00", "02:00", "03:00", "04:00", "05:00"]
    assert all(
        one.end == other.start for one, other in pairwise([*spring, *autumn]) if one.start.date() == other.start.date()
    )


def test_an_exception_holds_instead_of_its_weekday() -> None:
    usual = calendar("Europe/Berlin", [Span(360, 480, 2)], 60)
    holiday = date(2036, 12, 25)
    closed = Calendar(usual.time_zone, usual.slot, usual.week, {holiday: []}, usual.at_least, usual.at_most)
    assert (len(slots_of(usual, holiday)), len(slots_of(closed, holiday))) == (2, 0)
    assert len(slots_of(closed, holiday + timedelta(days=1))) == 2


NOW = at("2036-03-03T12:00")  # a Monday
HOURS = [Span(360, 600, 2), Span(600, 720, 1), Span(780, 840, 2)]


@pytest.mark.parametrize(
    ("start", "end", "rule"),
    [
        ("2036-03-04T06:00", "2036-03-04T07:00", None),
        ("2036-03-04T06:00", "2036-03-04T09:00", None),
        ("2036-03-04T09:00", "2036-03-04T12:00", None),
        ("2036-03-04T06:30", "2036-03-04T07:30", CalendarRule.not_whole_slots),
        ("2036-03-04T06:00", "2036-03-04T06:30", CalendarRule.not_whole_slots),
        ("2036-03-04T06:00", "2036-03-04T07:30", CalendarRule.not_whole_slots),
        ("2036-03-04T06:15", "2036-03-04T06:45", CalendarRule.not_whole_slots),
        ("2036-03-04T05:00", "2036-03-04T07:00", CalendarRule.closed),
        ("2036-03-04T11:00", "2036-03-04T14:00", CalendarRule.closed),
        ("2036-03-04T13:00", "2036-03-04T14:30", CalendarRule.closed),
        ("2036-03-04T20:00", "2036-03-04T21:00", CalendarRule.closed),
        ("2036-03-03T13:00", "2036-03-03T14:00", CalendarRule.too_soon),
        ("2036-03-02T06:00", "2036-03-02T07:00", CalendarRule.too_soon),
        ("2036-03-14T06:00", "2036-03-14T07:00", CalendarRule.too_far_ahead),
        ("2036-03-04T06:00", "2036-03-09T06:00", CalendarRule.too_long),
    ],
)
def test_a_window_is_whole_slots_or_the_rule_is_named(start: str, end: str, rule: CalendarRule | None) -> None:
    kept = calendar("UTC", HOURS, 60, at_least=timedelta(hours=2), at_most=timedelta(days=10))
    if rule is None:
        slots = slots_of_window(kept, at(start), at(end), NOW)
        assert (slots[0].start, slots[-1].end) == (at(start), at(end))
        return
    with pytest.raises(OutsideCalendarError) as refused:
        slots_of_window(kept, at(start), at(end), NOW)
    assert refused.value.rule is rule


def test_a_window_may_reach_over_midnight_where_both_days_are_open() -> None:
    kept = calendar("UTC", [Span(0, 120, 1), Span(1320, 1440, 1)], 60)
    assert len(slots_of_window(kept, at("2036-03-04T22:00"), at("2036-03-05T02:00"), NOW)) == 4


def test_what_an_earlier_calendar_booked_takes_a_place_in_each_slot_that_it_reaches_into() -> None:
    kept = calendar("UTC", HOURS, 60)
    slots = slots_of(kept, date(2036, 3, 4))
    long_one = Claimed(at("2036-03-04T06:30"), at("2036-03-04T08:30"), 1)
    same = Claimed(at("2036-03-04T07:00"), at("2036-03-04T08:00"), 5)
    assert [one.free for one in free_slots(slots, [long_one, same])] == [1, 0, 1, 2, 1, 1, 2]


def test_free_windows_are_adjacent_and_as_free_as_their_scarcest_slot() -> None:
    slots = slots_of(calendar("UTC", HOURS, 60), date(2036, 3, 4))
    taken = [Claimed(at("2036-03-04T08:00"), at("2036-03-04T09:00"), 2)]
    windows = list(free_windows(free_slots(slots, taken), 2))
    assert [(one.start.hour, one.end.hour, one.free) for one in windows] == [(6, 8, 2), (9, 11, 1), (10, 12, 1)]
