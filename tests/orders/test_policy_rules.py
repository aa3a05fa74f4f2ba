from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from app.orders.policies import DEFAULT_POLICY, GateFact, Policy, PolicyVersion, WindowAtGate, in_force

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
