from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.orders.activation_rules import ActivationBar, is_settled, new_end, way_to_activation
from app.orders.lifecycle import (
    OPEN,
    Action,
    LifecycleFacts,
    OrderStatus,
    StoredStatus,
    effective_status,
    time_statuses,
)
from tests.orders.lifecycle_model import target_status


def hour(number: int) -> datetime:
    return datetime(2036, 3, 1, tzinfo=UTC) + timedelta(hours=number)


instants = st.integers(0, 8).map(hour)
limits = {name: st.none() | instants for name in ("valid_from", "expires_at", "activate_by")}
unsuspended = st.sampled_from([status for status in StoredStatus if status is not StoredStatus.suspended])
orders = st.builds(LifecycleFacts, stored=unsuspended, **limits) | st.builds(
    LifecycleFacts, stored=st.just(StoredStatus.suspended), suspended_from=st.sampled_from(OPEN), **limits
)


@given(orders, instants)
def test_the_actions_of_an_approval_are_allowed_one_after_the_other_and_end_what_it_is_for(
    facts: LifecycleFacts, at: datetime
) -> None:
    way = way_to_activation(facts, at)
    if isinstance(way, ActivationBar):
        return
    # As an approval does it: dates that have passed lie ahead from the first action on.
    late = {OrderStatus.expired, OrderStatus.lapsed} & set(time_statuses(facts, at))
    assert (way[0] is Action.extend) is bool(late)
    for action in way:
        stored = target_status(action, facts, at)
        facts = LifecycleFacts(stored, facts.valid_from, hour(99), None)
    assert effective_status(facts, at) in {OrderStatus.active, OrderStatus.partially_received, OrderStatus.issued,
                                           OrderStatus.not_yet_valid}  # fmt: skip
    assert isinstance(way_to_activation(facts, at), ActivationBar)


@given(orders, instants)
def test_an_activation_helps_exactly_where_time_or_the_buyers_word_is_missing(
    facts: LifecycleFacts, at: datetime
) -> None:
    helps = effective_status(facts, at) in {OrderStatus.expired, OrderStatus.lapsed} or facts.stored == "confirmed"
    assert isinstance(way_to_activation(facts, at), tuple) is helps
    assert is_settled(facts, at) is (not helps and facts.stored != "suspended")


@given(st.none() | instants, st.none() | instants, st.none() | instants)
def test_an_applicant_alone_only_ever_moves_an_end_later(
    ends: datetime | None, given_: datetime | None, wanted: datetime | None
) -> None:
    end = new_end(LifecycleFacts(StoredStatus.active, expires_at=ends), given_, wanted)
    if given_ is not None:
        assert end == given_
    elif ends is None:
        assert end is None
    else:
        assert end == max([ends, *([] if wanted is None else [wanted])])
