"""What the messages about a shipment come to, in whatever order and however often they come.

TRACKING_EXAMPLES makes the runs as long as one likes.
"""

import itertools
import os
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.shipments.tracking_rules import (
    STATUS_MEANINGS,
    OpenException,
    TrackedEvent,
    TrackingEventType,
    TrackingState,
    TrackingStatus,
    digest_of,
    is_news,
    outside,
    state_of,
)

EXAMPLES = int(os.environ.get("TRACKING_EXAMPLES", "150"))
NOON = datetime(2036, 3, 1, 12, tzinfo=UTC)


def at(hour: float, type_: str, **said: Any) -> TrackedEvent:
    happened = NOON + timedelta(hours=hour)
    digest = digest_of({"type": type_, "at": happened.isoformat(), **{name: str(one) for name, one in said.items()}})
    return TrackedEvent(TrackingEventType(type_), happened, digest, **said)


events = st.builds(
    at,
    # Few moments, so that many fall together.
    st.integers(0, 4),
    st.sampled_from(list(TrackingEventType)),
    eta=st.none() | st.integers(0, 3).map(lambda hours: NOON + timedelta(hours=20 + hours)),
    location=st.none() | st.sampled_from(["Hamburg", "Bremen"]).map(lambda city: {"city": city}),
    reason=st.none() | st.sampled_from(["Snow", "Damaged"]),
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(events, max_size=8), st.randoms(use_true_random=False))
def test_any_order_and_any_repetition_of_the_same_events_is_the_same_state(
    told: list[TrackedEvent], chance: Any
) -> None:
    again = [*told, *(one for one in told if chance.random() < 0.5)]
    chance.shuffle(again)
    assert state_of(again) == state_of(told)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(events, max_size=8))
def test_what_was_delivered_stays_delivered_whatever_else_is_told(told: list[TrackedEvent]) -> None:
    delivered = [event.occurred_at for event in told if event.type is TrackingEventType.delivered]
    state = state_of(told)
    assert (state.status is TrackingStatus.delivered) == bool(delivered)
    if delivered:
        assert state.since in delivered
        assert state.eta is None
        # Nothing that happened before the first delivery, or with it, is left.
        assert state.exception is None or state.exception.occurred_at > min(delivered)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(events, min_size=1, max_size=8))
def test_until_the_delivery_the_last_movement_is_the_status(told: list[TrackedEvent]) -> None:
    told = [event for event in told if event.type is not TrackingEventType.delivered]
    moved = [event for event in told if event.type is not TrackingEventType.information]
    state = state_of(told)
    if not moved:
        assert state.status is None
        return
    latest = max(event.occurred_at for event in moved)
    ranked = list(TrackingEventType)
    furthest = max((event.type for event in moved if event.occurred_at == latest), key=ranked.index)
    assert state.status is not None
    assert state.status.value == furthest.value
    assert (state.exception is not None) == (state.status is TrackingStatus.exception)


def test_the_six_messages_of_a_shipment_come_to_the_same_in_all_720_orders() -> None:
    said = [
        at(0, "picked_up", location={"city": "Hamburg"}),
        at(3, "in_transit", eta=NOON + timedelta(hours=30)),
        at(6, "exception", reason="Snow", eta=NOON + timedelta(hours=40)),
        at(9, "at_terminal", location={"city": "Bremen"}),
        at(20, "out_for_delivery"),
        at(22, "delivered", location={"city": "Oldenburg"}),
    ]
    found = {repr(asdict(state_of(order))) for order in itertools.permutations(said)}
    expected = TrackingState(TrackingStatus.delivered, said[5].occurred_at, None, {"city": "Oldenburg"}, None)
    assert found == {repr(asdict(expected))}


RULES = [
    ("nothing told is no status", [], None, None),
    ("information alone is no status", [at(0, "information")], None, None),
    ("a late message changes nothing", [at(5, "at_terminal"), at(2, "in_transit")], "at_terminal", 5),
    (
        "of one moment the one that is further along counts",
        [at(1, "at_terminal"), at(1, "in_transit")],
        "at_terminal",
        1,
    ),
    ("delivered counts before all of its moment", [at(1, "delivered"), at(1, "exception", reason="x")], "delivered", 1),
    ("a status holds since it was first told", [at(1, "in_transit"), at(4, "in_transit")], "in_transit", 1),
    ("a movement ends an exception", [at(1, "exception", reason="x"), at(2, "in_transit")], "in_transit", 2),
    ("a movement after the delivery changes nothing", [at(1, "delivered"), at(2, "in_transit")], "delivered", 1),
    ("information after the delivery changes nothing", [at(1, "delivered"), at(2, "information")], "delivered", 1),
    ("a second delivery repeats the first", [at(1, "delivered"), at(2, "delivered")], "delivered", 1),
    (
        "a delivery after an exception is the redelivery",
        [at(1, "delivered"), at(2, "exception", reason="Wrong door"), at(5, "delivered")],
        "delivered",
        5,
    ),
]


@pytest.mark.parametrize(("told", "status", "hour"), [rule[1:] for rule in RULES], ids=[rule[0] for rule in RULES])
def test_each_rule_of_the_state_holds(told: list[TrackedEvent], status: str | None, hour: int | None) -> None:
    for order in itertools.permutations(told):
        state = state_of(order)
        assert state.status == status
        assert state.since == (None if hour is None else NOON + timedelta(hours=hour))


def test_an_exception_after_the_delivery_stands_beside_it_until_the_redelivery() -> None:
    delivered, damaged = at(1, "delivered"), at(3, "exception", reason="Damaged")
    worse = at(4, "exception", reason="Lost")
    assert state_of([damaged, delivered]).exception == OpenException("Damaged", damaged.occurred_at)
    assert state_of([worse, damaged, delivered]).exception == OpenException("Lost", damaged.occurred_at)
    assert state_of([damaged, delivered, at(4, "in_transit")]).exception is not None
    assert state_of([damaged, delivered, at(4, "delivered")]).exception is None


def test_the_estimate_is_the_last_one_told_and_ends_with_the_delivery() -> None:
    first, second = NOON + timedelta(days=2), NOON + timedelta(days=3)
    told = [at(1, "in_transit", eta=first), at(2, "information", eta=second), at(3, "at_terminal")]
    assert state_of(told).eta == second
    assert state_of([*told, at(9, "delivered", eta=first)]).eta is None


def test_an_estimate_is_outside_a_window_from_its_end_on() -> None:
    window = (NOON, NOON + timedelta(hours=2))
    told = [outside(NOON + timedelta(hours=hour), window) for hour in (-1, 0, 1, 2)]
    assert told == [True, False, False, True]
    assert outside(None, window) is None
    assert outside(NOON, None) is None


def test_another_status_is_news_and_so_is_an_exception_that_is_new_or_over() -> None:
    moving, stuck = state_of([at(1, "in_transit")]), state_of([at(1, "exception", reason="x")])
    there = state_of([at(1, "delivered")])
    damaged = state_of([at(1, "delivered"), at(2, "exception", reason="x")])
    assert is_news(TrackingState(), moving)
    assert is_news(moving, stuck)
    assert is_news(there, damaged)
    assert is_news(damaged, there)
    assert not is_news(moving, state_of([at(1, "in_transit"), at(2, "in_transit", eta=NOON)]))


def test_every_type_and_status_says_what_it_means() -> None:
    assert set(STATUS_MEANINGS) == {*TrackingEventType} == {"information", *TrackingStatus}
