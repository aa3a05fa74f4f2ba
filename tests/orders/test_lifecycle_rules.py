from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.orders.lifecycle import (
    ACTIVATED,
    OPEN,
    TERMINAL,
    TIME_RULES,
    TRANSITIONS,
    Action,
    Boundary,
    LifecycleFacts,
    OrderStatus,
    StoredStatus,
    allowed_actions,
    boundaries,
    effective_status,
    status_by_receipts,
    time_statuses,
)
from tests.orders.lifecycle_model import TransitionRefusedError, target_status

HORIZON = 8


def hour(number: int) -> datetime:
    return datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=number)


NOW = hour(4)
BEFORE, AFTER = hour(3), hour(5)

instants = st.integers(0, HORIZON).map(hour)
facts_in_time = st.builds(
    LifecycleFacts,
    stored=st.sampled_from([status for status in StoredStatus if status is not StoredStatus.suspended]),
    valid_from=st.none() | instants,
    expires_at=st.none() | instants,
    activate_by=st.none() | instants,
) | st.builds(
    LifecycleFacts,
    stored=st.just(StoredStatus.suspended),
    valid_from=st.none() | instants,
    expires_at=st.none() | instants,
    activate_by=st.none() | instants,
    suspended_from=st.sampled_from(OPEN),
)


def untimed(stored: StoredStatus, suspended_from: StoredStatus | None = None) -> LifecycleFacts:
    return LifecycleFacts(stored, suspended_from=suspended_from)


def all_untimed() -> Iterator[LifecycleFacts]:
    for stored in StoredStatus:
        if stored is StoredStatus.suspended:
            yield from (untimed(stored, suspended_from) for suspended_from in OPEN)
        else:
            yield untimed(stored)


def targets(action: Action, facts: LifecycleFacts) -> set[StoredStatus]:
    if action not in allowed_actions(facts, NOW):
        return set()
    return {target_status(action, facts, NOW, anything_open=anything_open) for anything_open in (True, False)}


# The vocabularies


def test_the_outside_sees_every_stored_status_and_the_three_of_time() -> None:
    assert {*StoredStatus, "lapsed", "not_yet_valid", "expired"} == set(OrderStatus)


def test_every_action_has_a_transition() -> None:
    assert set(TRANSITIONS) == set(Action)


# What time does, table by table


@pytest.mark.parametrize("stored", OPEN)
def test_at_exactly_its_end_an_open_order_is_expired_and_not_a_moment_before(stored: StoredStatus) -> None:
    facts = LifecycleFacts(stored, expires_at=NOW)
    assert effective_status(facts, NOW) is OrderStatus.expired
    assert effective_status(facts, NOW - timedelta(microseconds=1)) is OrderStatus(stored)


@pytest.mark.parametrize("stored", OPEN)
def test_at_exactly_its_beginning_an_open_order_is_valid_and_not_a_moment_before(stored: StoredStatus) -> None:
    facts = LifecycleFacts(stored, valid_from=NOW)
    assert effective_status(facts, NOW) is OrderStatus(stored)
    assert effective_status(facts, NOW - timedelta(microseconds=1)) is OrderStatus.not_yet_valid


@pytest.mark.parametrize("stored", [StoredStatus.issued, StoredStatus.confirmed])
def test_at_exactly_its_deadline_an_order_not_activated_is_lapsed_and_not_a_moment_before(stored: StoredStatus) -> None:
    facts = LifecycleFacts(stored, activate_by=NOW)
    assert effective_status(facts, NOW) is OrderStatus.lapsed
    assert effective_status(facts, NOW - timedelta(microseconds=1)) is OrderStatus(stored)


@pytest.mark.parametrize("stored", sorted(ACTIVATED))
def test_an_order_once_activated_never_lapses(stored: StoredStatus) -> None:
    assert effective_status(LifecycleFacts(stored, activate_by=BEFORE), NOW) is OrderStatus(stored)


@pytest.mark.parametrize("stored", [StoredStatus.draft, *sorted(TERMINAL)])
def test_drafts_and_finished_orders_are_not_touched_by_time(stored: StoredStatus) -> None:
    facts = LifecycleFacts(stored, valid_from=AFTER, expires_at=BEFORE, activate_by=BEFORE)
    assert effective_status(facts, NOW) is OrderStatus(stored)


@pytest.mark.parametrize("suspended_from", OPEN)
def test_a_suspended_order_shows_as_suspended_whatever_the_time(suspended_from: StoredStatus) -> None:
    facts = LifecycleFacts(
        StoredStatus.suspended,
        valid_from=AFTER,
        expires_at=BEFORE,
        activate_by=BEFORE,
        suspended_from=suspended_from,
    )
    assert effective_status(facts, NOW) is OrderStatus.suspended


def test_expired_comes_before_lapsed_and_lapsed_before_not_yet_valid() -> None:
    facts = LifecycleFacts(StoredStatus.confirmed, valid_from=AFTER, expires_at=BEFORE, activate_by=BEFORE)
    assert time_statuses(facts, NOW) == (OrderStatus.expired, OrderStatus.lapsed, OrderStatus.not_yet_valid)
    assert effective_status(facts, NOW) is OrderStatus.expired
    lapsed = LifecycleFacts(StoredStatus.confirmed, valid_from=AFTER, expires_at=AFTER, activate_by=BEFORE)
    assert effective_status(lapsed, NOW) is OrderStatus.lapsed


@pytest.mark.parametrize("facts", list(all_untimed()))
def test_without_instants_the_stored_status_shows_for_ever(facts: LifecycleFacts) -> None:
    assert effective_status(facts, NOW) is OrderStatus(facts.stored)


# What time does, for every order


def status_written_out(facts: LifecycleFacts, at: datetime) -> str:
    """The rules once more, as prose would give them, without the table."""
    if facts.stored in {"draft", "suspended", "rejected", "cancelled", "closed", "received"}:
        return facts.stored
    if facts.expires_at is not None and facts.expires_at <= at:
        return "expired"
    if facts.stored in {"issued", "confirmed"} and facts.activate_by is not None and facts.activate_by <= at:
        return "lapsed"
    if facts.valid_from is not None and facts.valid_from > at:
        return "not_yet_valid"
    return facts.stored


@given(facts_in_time, instants)
def test_the_effective_status_is_what_the_rules_say_in_prose(facts: LifecycleFacts, at: datetime) -> None:
    assert effective_status(facts, at) == status_written_out(facts, at)


@given(facts_in_time, instants)
def test_the_first_of_the_times_statuses_is_the_effective_one(facts: LifecycleFacts, at: datetime) -> None:
    by_time = time_statuses(facts, at)
    assert effective_status(facts, at) == (by_time[0] if by_time else facts.stored)


@given(facts_in_time)
def test_status_changes_at_boundaries_only_and_expired_is_the_last(facts: LifecycleFacts) -> None:
    half_hours = [hour(0) + timedelta(minutes=30) * step for step in range(2 * HORIZON + 3)]
    seen = [effective_status(facts, at) for at in half_hours]
    changed = [at for at, before, after in zip(half_hours[1:], seen, seen[1:], strict=False) if before is not after]
    assert set(changed) <= set(boundaries(facts))
    assert len(changed) <= 3
    if OrderStatus.expired in seen:
        assert set(seen[seen.index(OrderStatus.expired) :]) == {OrderStatus.expired}


def test_every_boundary_has_a_rule_and_rules_touch_open_orders_only() -> None:
    assert {rule.boundary for rule in TIME_RULES} == set(Boundary)
    assert set().union(*(rule.touches for rule in TIME_RULES)) == set(OPEN)


# What actions do

EXPECTED = {
    "draft": {"issue": {"issued"}, "cancel": {"cancelled"}},
    "issued": {
        "confirm": {"confirmed"},
        "reject": {"rejected"},
        "extend": {"issued"},
        "suspend": {"suspended"},
        "cancel": {"cancelled"},
    },
    "confirmed": {
        "confirm": {"confirmed"},
        "reject": {"rejected"},
        "activate": {"active"},
        "extend": {"confirmed"},
        "suspend": {"suspended"},
        "cancel": {"cancelled"},
    },
    "active": {
        "confirm": {"active"},
        "extend": {"active"},
        "suspend": {"suspended"},
        "cancel": {"cancelled"},
        "receive": {"partially_received", "received"},
        "close": {"closed"},
    },
    "partially_received": {
        "confirm": {"partially_received"},
        "extend": {"partially_received"},
        "suspend": {"suspended"},
        "receive": {"partially_received", "received"},
        "close": {"closed"},
    },
    "received": {"close": {"closed"}},
    "rejected": {},
    "cancelled": {},
    "closed": {},
}


@pytest.mark.parametrize("stored", EXPECTED)
def test_a_status_allows_its_actions_and_no_others(stored: str) -> None:
    facts = untimed(StoredStatus(stored))
    assert {action: found for action in Action if (found := targets(action, facts))} == EXPECTED[stored]


@pytest.mark.parametrize("suspended_from", OPEN)
def test_a_suspended_order_returns_to_where_it_was(suspended_from: StoredStatus) -> None:
    assert targets(Action.resume, untimed(StoredStatus.suspended, suspended_from)) == {suspended_from}


@pytest.mark.parametrize("suspended_from", OPEN)
def test_a_suspended_order_is_resumed_or_while_nothing_was_received_cancelled(suspended_from: StoredStatus) -> None:
    allowed = allowed_actions(untimed(StoredStatus.suspended, suspended_from), NOW)
    if suspended_from is StoredStatus.partially_received:
        assert allowed == (Action.resume,)
    else:
        assert allowed == (Action.resume, Action.cancel)


def test_an_order_of_which_goods_were_received_is_never_cancelled() -> None:
    with_goods = [
        untimed(StoredStatus.partially_received),
        untimed(StoredStatus.received),
        untimed(StoredStatus.suspended, StoredStatus.partially_received),
    ]
    for facts in with_goods:
        assert Action.cancel not in allowed_actions(facts, NOW)


@pytest.mark.parametrize(
    ("stored", "instants_set", "forbidden"),
    [
        (StoredStatus.issued, {"expires_at": BEFORE}, {Action.confirm}),
        (StoredStatus.issued, {"activate_by": BEFORE}, {Action.confirm}),
        (StoredStatus.issued, {"valid_from": AFTER}, set()),
        (StoredStatus.confirmed, {"expires_at": BEFORE}, {Action.confirm, Action.activate}),
        (StoredStatus.confirmed, {"activate_by": BEFORE}, {Action.confirm, Action.activate}),
        (StoredStatus.confirmed, {"valid_from": AFTER}, set()),
        (StoredStatus.active, {"expires_at": BEFORE}, {Action.confirm, Action.receive}),
        (StoredStatus.active, {"valid_from": AFTER}, {Action.receive}),
        (StoredStatus.partially_received, {"expires_at": BEFORE}, {Action.confirm, Action.receive}),
        (StoredStatus.partially_received, {"valid_from": AFTER}, {Action.receive}),
        (StoredStatus.draft, {"expires_at": BEFORE, "activate_by": BEFORE, "valid_from": AFTER}, set()),
        (StoredStatus.received, {"expires_at": BEFORE, "activate_by": BEFORE, "valid_from": AFTER}, set()),
    ],
)
def test_time_forbids_exactly_these_actions(
    stored: StoredStatus, instants_set: dict[str, Any], forbidden: set[Action]
) -> None:
    without_time = allowed_actions(untimed(stored), NOW)
    in_time = allowed_actions(replace(untimed(stored), **instants_set), NOW)
    assert in_time == tuple(action for action in without_time if action not in forbidden)


@given(facts_in_time, instants)
def test_an_open_order_can_be_extended_whatever_time_has_made_of_it(facts: LifecycleFacts, at: datetime) -> None:
    assert (Action.extend in allowed_actions(facts, at)) is (facts.stored in OPEN)


@given(facts_in_time, instants, st.booleans())
def test_every_action_has_a_target_if_it_is_allowed_and_is_refused_with_the_allowed_ones_if_not(
    facts: LifecycleFacts, at: datetime, anything_open: bool
) -> None:
    allowed = allowed_actions(facts, at)
    assert list(allowed) == [action for action in Action if action in allowed]
    for action in Action:
        if action in allowed:
            target = target_status(action, facts, at, anything_open=anything_open)
            assert target in TRANSITIONS[action].targets[facts.stored]
        else:
            with pytest.raises(TransitionRefusedError) as refused:
                target_status(action, facts, at, anything_open=anything_open)
            assert refused.value.allowed == allowed
            assert refused.value.status is effective_status(facts, at)
            assert action in str(refused.value)


def test_a_receipt_that_leaves_something_open_is_partial_and_one_that_leaves_nothing_is_the_end() -> None:
    for stored in (StoredStatus.active, StoredStatus.partially_received):
        facts = untimed(stored)
        assert target_status(Action.receive, facts, NOW, anything_open=True) is StoredStatus.partially_received
        assert target_status(Action.receive, facts, NOW, anything_open=False) is StoredStatus.received


def test_a_reversed_receipt_leads_back_by_what_is_left() -> None:
    assert status_by_receipts(anything_received=True, anything_open=True) is StoredStatus.partially_received
    assert status_by_receipts(anything_received=True, anything_open=False) is StoredStatus.received
    assert status_by_receipts(anything_received=False, anything_open=True) is StoredStatus.active


# The life as a whole


def reached_from(*starts: LifecycleFacts) -> set[LifecycleFacts]:
    reached: set[LifecycleFacts] = set()
    ahead = list(starts)
    while ahead:
        facts = ahead.pop()
        if facts in reached:
            continue
        reached.add(facts)
        for action in allowed_actions(facts, NOW):
            suspended_from = facts.stored if action is Action.suspend else None
            ahead.extend(untimed(target, suspended_from) for target in targets(action, facts))
    return reached


def test_every_status_is_reached_from_a_draft_and_every_suspension_too() -> None:
    assert reached_from(untimed(StoredStatus.draft)) == set(all_untimed())


def test_every_status_of_time_is_reached() -> None:
    assert {rule.status for rule in TIME_RULES} == set(OrderStatus) - {OrderStatus(status) for status in StoredStatus}
    for rule in TIME_RULES:
        boundary: dict[str, Any] = {rule.boundary: NOW}
        for stored in rule.touches:
            facts = replace(untimed(stored), **boundary)
            at_some_hour = {effective_status(facts, at) for at in (BEFORE, AFTER)}
            assert at_some_hour == {rule.status, OrderStatus(stored)}


def test_every_life_can_come_to_an_end() -> None:
    for facts in all_untimed():
        assert TERMINAL & {reached.stored for reached in reached_from(facts)}


def test_a_finished_order_has_no_action_but_closing_what_was_received() -> None:
    for stored in TERMINAL:
        allowed = allowed_actions(untimed(stored), NOW)
        assert allowed == ((Action.close,) if stored is StoredStatus.received else ())


# Facts that cannot be


def test_a_suspended_order_knows_where_it_was_suspended_from() -> None:
    with pytest.raises(ValueError, match="cannot be suspended from"):
        LifecycleFacts(StoredStatus.suspended)
    for stored in set(StoredStatus) - set(OPEN):
        with pytest.raises(ValueError, match="cannot be suspended from"):
            LifecycleFacts(StoredStatus.suspended, suspended_from=stored)


def test_an_order_that_is_not_suspended_was_not_suspended_from_anywhere() -> None:
    with pytest.raises(ValueError, match="is not suspended"):
        LifecycleFacts(StoredStatus.active, suspended_from=StoredStatus.active)
