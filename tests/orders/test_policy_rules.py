from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from app.orders.policies import (
    DEFAULT_POLICY,
    GateFact,
    OrderDates,
    Policy,
    PolicyVersion,
    WindowAtGate,
    dates_at_issue,
    held_before,
    in_force,
    in_order,
    replaced_by,
)

NOON = datetime(2036, 4, 1, 12, tzinfo=UTC)


def hours(count: int) -> timedelta:
    return timedelta(hours=count)


def histories(starts: list[int]) -> list[PolicyVersion]:
    return [
        PolicyVersion(number, NOON + hours(start), Policy(receipt_tolerance=Decimal(number)))
        for number, start in enumerate(starts, start=1)
    ]


versions = st.lists(st.integers(-9, 9), max_size=6).map(histories)
moments = st.integers(-10, 10).map(lambda count: NOON + hours(count))


def test_without_a_word_a_delivery_needs_its_pro_number_and_nothing_may_come_in_beyond() -> None:
    assert Policy(frozenset({GateFact.pro_number}), frozenset(), Decimal(0), WindowAtGate.enforced) == DEFAULT_POLICY


def test_a_version_holds_from_the_very_moment_it_names() -> None:
    (version,) = histories([0])
    assert in_force([version], NOON) == version
    assert in_force([version], NOON - timedelta(microseconds=1)) is None


def test_a_planned_version_is_corrected_by_a_later_one_that_begins_no_later() -> None:
    first, planned, correction = histories([-5, 3, 1])
    known = [planned, correction, first]
    assert in_force(known, NOON) == first
    for hour in (1, 3, 9):
        assert in_force(known, NOON + hours(hour)) == correction


@given(versions, moments)
def test_what_holds_has_begun_and_nothing_newer_has(known: list[PolicyVersion], at: datetime) -> None:
    begun = [version for version in known if version.effective_from <= at]
    current = in_force(known, at)
    assert (current is None) == (not begun)
    assert all(version.version <= current.version for version in begun if current)


# What a version announces


def test_a_new_version_takes_the_place_of_those_that_were_to_begin_no_earlier() -> None:
    known = histories([-5, 2, 6, 4])
    assert replaced_by(known, known[3], NOON) == [3]
    assert held_before(known, known[3]) == known[1]
    assert held_before(known, known[0]) is None
    # What was replaced before is not replaced once more.
    assert replaced_by(histories([-5, 2, 6, 4, 4]), histories([-5, 2, 6, 4, 4])[4], NOON) == [4]


@given(versions, moments)
def test_until_a_version_begins_that_one_holds_which_it_names_and_then_it_does(
    known: list[PolicyVersion], now: datetime
) -> None:
    for new in known:
        until_now = [one for one in known if one.version <= new.version]
        before = new.effective_from - timedelta(microseconds=1)
        assert held_before(until_now, new) == in_force([one for one in until_now if one is not new], before)
        assert in_force(until_now, new.effective_from) == new
        for version in replaced_by(until_now, new, now):
            assert all(in_force(until_now, NOON + hours(hour)) != known[version - 1] for hour in range(-10, 11))


# The dates of an order

spans = st.none() | st.integers(1, 20).map(hours)
instants = st.none() | moments


@given(spans, spans, instants, instants, instants, moments)
def test_what_was_said_of_an_orders_dates_stays_and_only_the_rest_is_filled_in(
    validity: timedelta | None,
    window: timedelta | None,
    activate_by: datetime | None,
    valid_from: datetime | None,
    expires_at: datetime | None,
    issued_at: datetime,
) -> None:
    said = OrderDates(activate_by, valid_from, expires_at)
    dates = dates_at_issue(Policy(default_validity=validity, activation_window=window), said, issued_at)
    assert dates.valid_from == valid_from
    if expires_at is not None or validity is None:
        assert dates.expires_at == expires_at
    else:
        assert dates.expires_at == max(issued_at, valid_from or issued_at) + validity
    if activate_by is not None or window is None:
        assert dates.activate_by == activate_by
    else:
        assert in_order(dates)
        assert dates.activate_by == min(issued_at + window, dates.expires_at or issued_at + window)


def test_an_end_that_no_calendar_has_is_none() -> None:
    policy = Policy(default_validity=timedelta(days=90), activation_window=timedelta(days=1))
    late = datetime(9999, 12, 1, tzinfo=UTC)
    assert dates_at_issue(policy, OrderDates(valid_from=late), NOON).expires_at is None
    assert dates_at_issue(policy, OrderDates(), datetime.max.replace(tzinfo=UTC)) == OrderDates()
