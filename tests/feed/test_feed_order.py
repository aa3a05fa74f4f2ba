"""The pure rules of the feed: who is told of an event, and which comes first."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from app.events.feed_order import WaitingEvent, in_order, readers
from app.principal import Relation

BUYER, SELLER, GATE, FORWARDER = (UUID(int=n) for n in range(1, 5))
NOON = datetime(2036, 1, 5, 12, tzinfo=UTC)


def happened(
    number: str | None, sequence: int | None, seconds: int, identifier: int, type_: str = "purchase_order.changed"
) -> WaitingEvent:
    at = NOON + timedelta(seconds=seconds)
    return WaitingEvent(UUID(int=identifier), type_, at, BUYER, number, sequence, SELLER, GATE, [FORWARDER, GATE])


@given(st.data())
def test_each_order_keeps_its_sequence_whatever_the_times_and_ids(data: st.DataObject) -> None:
    events = [
        happened(number, sequence, data.draw(st.integers(0, 3)), data.draw(st.integers(0, 2**64)))
        for number in "AB"
        for sequence in range(1, data.draw(st.integers(1, 6)))
    ]
    placed = in_order(data.draw(st.permutations(events)))
    assert sorted(map(id, placed)) == sorted(map(id, events))
    for number in "AB":
        sequences = [event.sequence for event in placed if event.number_key == number]
        assert sequences == sorted(sequences)


def test_what_happened_first_comes_first_across_orders() -> None:
    first, second, third = happened("B", 1, 0, 9), happened("A", 1, 1, 8), happened("B", 2, 2, 1)
    assert in_order([third, second, first]) == [first, second, third]


def test_a_change_that_waited_for_another_comes_after_it_though_it_began_before() -> None:
    first, waited = happened("A", 1, 5, 2), happened("A", 2, 3, 1)
    between = happened("B", 1, 4, 3)
    assert in_order([waited, first, between]) == [between, first, waited]


def test_each_party_is_told_once_by_its_strongest_relation() -> None:
    assert readers(happened("A", 1, 0, 1)) == {
        BUYER: Relation.OWNER, SELLER: Relation.SELLER, GATE: Relation.SHIP_TO, FORWARDER: Relation.FORWARDER,
    }  # fmt: skip


def test_an_organisation_is_told_of_its_policy_and_not_of_its_keys() -> None:
    assert readers(happened(None, None, 0, 1, "policy.changing")) == {BUYER: None}
    assert readers(happened(None, None, 0, 1, "api_key.created")) == {}
