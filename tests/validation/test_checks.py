from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.orders.lifecycle import (
    OPEN,
    LifecycleFacts,
    OrderStatus,
    StoredStatus,
    boundaries,
    effective_status,
)
from app.validation.checks import Pass, Refusal, lifecycle_refusals, refusals_among, refuse, verdict, without_facts
from app.validation.outlook import outlook
from app.validation.refusal_codes import REFUSAL_CODES, RefusalCode, Verdict

HORIZON = 8


def hour(number: int) -> datetime:
    return datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=number)


NOW = hour(4)
BEFORE, AFTER = hour(3), hour(5)

instants = st.integers(0, HORIZON).map(hour)
limits = {name: st.none() | instants for name in ("valid_from", "expires_at", "activate_by")}
unsuspended = st.sampled_from([status for status in StoredStatus if status is not StoredStatus.suspended])
orders = st.builds(LifecycleFacts, stored=unsuspended, **limits) | st.builds(
    LifecycleFacts, stored=st.just(StoredStatus.suspended), suspended_from=st.sampled_from(OPEN), **limits
)
refusals = st.sampled_from(RefusalCode).map(refuse)


def codes(facts: LifecycleFacts, at: datetime = NOW) -> list[str]:
    return [refusal.code for refusal in lifecycle_refusals(facts, at)]


# Each status by itself


@pytest.mark.parametrize(
    ("stored", "code"),
    [
        ("draft", "not_issued"),
        ("issued", "not_confirmed"),
        ("confirmed", "not_active"),
        ("received", "already_received"),
        ("rejected", "rejected"),
        ("cancelled", "cancelled"),
        ("closed", "closed"),
    ],
)
def test_a_status_that_expects_no_goods_is_refused_with_its_code(stored: str, code: str) -> None:
    assert codes(LifecycleFacts(StoredStatus(stored))) == [code]


@pytest.mark.parametrize("stored", ["active", "partially_received"])
def test_an_order_in_force_is_accepted(stored: str) -> None:
    assert codes(LifecycleFacts(StoredStatus(stored), BEFORE, AFTER, BEFORE)) == []


@pytest.mark.parametrize("suspended_from", OPEN)
def test_a_suspended_order_is_refused_as_suspended(suspended_from: StoredStatus) -> None:
    facts = LifecycleFacts(StoredStatus.suspended, AFTER, AFTER, BEFORE, suspended_from)
    assert codes(facts) == ["suspended"]


@pytest.mark.parametrize("suspended_from", OPEN)
def test_a_suspended_order_that_has_expired_has_both_reasons(suspended_from: StoredStatus) -> None:
    facts = LifecycleFacts(StoredStatus.suspended, AFTER, NOW, BEFORE, suspended_from)
    assert codes(facts) == ["suspended", "expired"]


# Several reasons at once


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (LifecycleFacts(StoredStatus.issued, activate_by=BEFORE), ["lapsed", "not_confirmed"]),
        (LifecycleFacts(StoredStatus.confirmed, activate_by=BEFORE), ["lapsed"]),
        (LifecycleFacts(StoredStatus.confirmed, activate_by=AFTER), ["not_active"]),
        (LifecycleFacts(StoredStatus.confirmed, expires_at=BEFORE), ["expired", "not_active"]),
        (LifecycleFacts(StoredStatus.issued, expires_at=BEFORE), ["expired", "not_confirmed"]),
        (LifecycleFacts(StoredStatus.issued, valid_from=AFTER), ["not_yet_valid", "not_confirmed"]),
        (LifecycleFacts(StoredStatus.confirmed, valid_from=AFTER), ["not_yet_valid", "not_active"]),
        (LifecycleFacts(StoredStatus.confirmed, AFTER, BEFORE, BEFORE), ["expired", "lapsed", "not_yet_valid"]),
        (
            LifecycleFacts(StoredStatus.issued, AFTER, BEFORE, BEFORE),
            ["expired", "lapsed", "not_yet_valid", "not_confirmed"],
        ),
        (LifecycleFacts(StoredStatus.active, AFTER, BEFORE, BEFORE), ["expired", "not_yet_valid"]),
        (LifecycleFacts(StoredStatus.partially_received, expires_at=NOW), ["expired"]),
        (LifecycleFacts(StoredStatus.draft, AFTER, BEFORE, BEFORE), ["not_issued"]),
        (LifecycleFacts(StoredStatus.received, AFTER, BEFORE, BEFORE), ["already_received"]),
        (LifecycleFacts(StoredStatus.cancelled, AFTER, BEFORE, BEFORE), ["cancelled"]),
    ],
)
def test_every_reason_is_given_in_order_of_precedence(facts: LifecycleFacts, expected: list[str]) -> None:
    assert codes(facts) == expected


def codes_written_out(facts: LifecycleFacts, at: datetime) -> list[str]:
    """The rules once more, as prose would give them."""
    sole = {"draft": "not_issued", "received": "already_received"} | {
        status: status for status in ("rejected", "cancelled", "closed")
    }
    if facts.stored in sole:
        return [sole[facts.stored]]
    expired = ["expired"] if facts.expires_at is not None and facts.expires_at <= at else []
    if facts.stored == "suspended":
        return ["suspended", *expired]
    overdue = facts.activate_by is not None and facts.activate_by <= at and facts.stored in {"issued", "confirmed"}
    early = facts.valid_from is not None and facts.valid_from > at
    return [
        *expired,
        *(["lapsed"] if overdue else []),
        *(["not_yet_valid"] if early else []),
        *(["not_confirmed"] if facts.stored == "issued" else []),
        *(["not_active"] if facts.stored == "confirmed" and not overdue else []),
    ]


@given(orders, instants)
def test_the_reasons_are_what_the_rules_say_in_prose(facts: LifecycleFacts, at: datetime) -> None:
    assert codes(facts, at) == codes_written_out(facts, at)


# Agreement with the status that everyone else sees


@given(orders, instants)
def test_goods_are_accepted_exactly_while_the_status_is_active_or_partially_received(
    facts: LifecycleFacts, at: datetime
) -> None:
    in_force = effective_status(facts, at) in {OrderStatus.active, OrderStatus.partially_received}
    assert (verdict(lifecycle_refusals(facts, at)) is Verdict.accept) is in_force


@given(orders, instants)
def test_the_first_reason_is_the_status_itself(facts: LifecycleFacts, at: datetime) -> None:
    status = effective_status(facts, at)
    called = {
        "draft": "not_issued",
        "issued": "not_confirmed",
        "confirmed": "not_active",
        "received": "already_received",
    }
    if found := codes(facts, at):
        assert found[0] == called.get(status, status)


@given(orders, instants)
def test_an_answer_holds_until_the_instant_that_it_names_and_is_then_what_it_says(
    facts: LifecycleFacts, now: datetime
) -> None:
    def seen(at: datetime) -> tuple[OrderStatus, tuple[str, ...], Verdict]:
        found = lifecycle_refusals(facts, at)
        return effective_status(facts, at), tuple(refusal.code for refusal in found), verdict(found)

    ahead = outlook(facts, now, boundaries(facts), lambda at: lifecycle_refusals(facts, at))
    half_hours = [now + timedelta(minutes=30) * step for step in range(2 * HORIZON + 4)]
    changed = next((at for at in half_hours if seen(at) != seen(now)), None)
    if ahead is None:
        assert changed is None
    else:
        assert (ahead.at, (ahead.status, ahead.codes, ahead.verdict)) == (changed, seen(ahead.at))


@given(orders, instants)
def test_no_reason_is_given_twice(facts: LifecycleFacts, at: datetime) -> None:
    found = codes(facts, at)
    assert len(found) == len(set(found))


# The verdict on all reasons


def test_without_a_reason_goods_are_accepted() -> None:
    assert verdict([]) is Verdict.accept


@pytest.mark.parametrize("code", RefusalCode)
def test_one_reason_gives_its_own_verdict(code: RefusalCode) -> None:
    assert verdict([refuse(code)]) is REFUSAL_CODES[code].verdict
    assert verdict([refuse(code)]) is not Verdict.accept


@given(st.lists(refusals, max_size=6), refusals)
def test_one_more_reason_never_makes_the_verdict_better(found: list[Refusal], one_more: Refusal) -> None:
    from_best = [Verdict.accept, Verdict.hold, Verdict.reject]
    assert from_best.index(verdict([*found, one_more])) >= from_best.index(verdict(found))
    assert verdict([*found, one_more]) is verdict([one_more, *found])


@given(st.lists(refusals | st.builds(Pass)))
def test_outcomes_are_sifted_in_their_order(outcomes: list[Pass | Refusal]) -> None:
    found = refusals_among(outcomes)
    assert [outcome for outcome in outcomes if outcome != Pass()] == found


# What a reason says


@pytest.mark.parametrize(
    ("facts", "details"),
    [
        (LifecycleFacts(StoredStatus.active, expires_at=hour(0)), ["Expired on 2026-03-01T00:00:00Z."]),
        (
            LifecycleFacts(StoredStatus.confirmed, activate_by=hour(1)),
            ["Not activated by its deadline, 2026-03-01T01:00:00Z."],
        ),
        (LifecycleFacts(StoredStatus.active, valid_from=hour(24)), ["Not valid before 2026-03-02T00:00:00Z."]),
        (
            LifecycleFacts(StoredStatus.confirmed, activate_by=hour(5)),
            ["Not activated yet; activation is due by 2026-03-01T05:00:00Z."],
        ),
        (
            LifecycleFacts(StoredStatus.confirmed),
            ["The supplier has confirmed this order, but it has not been activated for delivery."],
        ),
        (
            LifecycleFacts(StoredStatus.issued, expires_at=hour(0)),
            ["Expired on 2026-03-01T00:00:00Z.", "The supplier has not confirmed this order yet."],
        ),
    ],
)
def test_a_detail_is_a_sentence_with_the_facts(facts: LifecycleFacts, details: list[str]) -> None:
    assert [refusal.detail for refusal in lifecycle_refusals(facts, NOW)] == details


def test_a_detail_gives_instants_in_utc() -> None:
    in_new_york = datetime(2026, 2, 28, 19, 0, tzinfo=timezone(timedelta(hours=-5)))
    (refusal,) = lifecycle_refusals(LifecycleFacts(StoredStatus.active, expires_at=in_new_york), NOW)
    assert refusal.detail == "Expired on 2026-03-01T00:00:00Z."


@given(orders, instants)
def test_a_stranger_is_told_the_reason_without_facts(facts: LifecycleFacts, at: datetime) -> None:
    for refusal in lifecycle_refusals(facts, at):
        told = without_facts(refusal)
        assert told.code is refusal.code
        assert told.next_step == refusal.next_step
        assert not any(character.isdigit() for character in told.detail)


@pytest.mark.parametrize("code", RefusalCode)
def test_a_refusal_brings_the_next_step_of_its_code(code: RefusalCode) -> None:
    rule = REFUSAL_CODES[code]
    refusal = refuse(code)
    assert refusal.detail == rule.explanation
    assert refusal.field is None
    step = refusal.next_step
    assert (step.action, step.description, step.contact, step.then) == (
        rule.action,
        rule.description,
        rule.contact,
        rule.then,
    )


def test_a_refusal_of_what_was_sent_names_the_field_and_says_why() -> None:
    refusal = refuse(RefusalCode.pro_number_mismatch, "Expected CNWY 123-456782.", "delivery.pro_number")
    assert refusal.field == "delivery.pro_number"
    assert refusal.detail == "Expected CNWY 123-456782."
