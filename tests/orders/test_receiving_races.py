"""Many docks at one order: Postgres decides, and what came in is what was acknowledged, never more than was ordered."""

import asyncio
import itertools
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.orders.docks import ORDERS, event_types, receipts, received, sum_of
from tests.parties import Operator, Party

RACED_ORDERS = int(os.environ.get("RACED_ORDERS", "12"))
INTERLEAVINGS = int(os.environ.get("RECEIVING_INTERLEAVINGS", "20"))
DOCKS = 16


async def post(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> httpx.Response:
    """Send a request until it is answered: 503 says that nothing was done, and a dock asks again."""
    for _ in range(20):
        answer = await client.post(path, json=body)
        if answer.status_code != 503:
            break
        await asyncio.sleep(0.1)
    return answer


async def at_once(party: Party, requests: Sequence[tuple[str, dict[str, Any]]]) -> list[httpx.Response]:
    async with party.asynchronous() as client:
        return await asyncio.gather(*(post(client, path, body) for path, body in requests))


def test_of_sixteen_docks_that_receive_one_order_one_does_and_every_order_has_one_receipt(buyer: Party) -> None:
    outcomes: Counter[tuple[int, str | None]] = Counter()
    for _ in range(RACED_ORDERS):
        order = buyer.active(lines=[{"sku": "A", "quantity": "10"}])
        path = f"{ORDERS}/{order['id']}/receive"
        answers = asyncio.run(at_once(buyer, [(path, {"dock": str(dock)}) for dock in range(DOCKS)]))
        outcomes.update((answer.status_code, answer.json().get("code")) for answer in answers)
        (receipt,) = receipts(buyer, order)
        (won,) = [answer.json()["receipt"] for answer in answers if answer.status_code == 200]
        assert receipt == won
        for answer in answers:
            if answer.status_code == 409:
                assert (answer.json()["receipt_id"], answer.json()["dock"]) == (receipt["id"], receipt["dock"])
        assert event_types(buyer, order)[3:] == ["purchase_order.received"]
    assert outcomes == {(200, None): RACED_ORDERS, (409, "already_received"): RACED_ORDERS * (DOCKS - 1)}
    print(f"{RACED_ORDERS} orders, {DOCKS} docks each: {dict(outcomes)}")


def test_partial_receipts_that_race_never_sum_up_to_more_than_was_ordered(buyer: Party) -> None:
    for _ in range(max(RACED_ORDERS // 4, 2)):
        order = buyer.active(lines=[{"sku": "A", "quantity": "10"}, {"sku": "B", "quantity": "7"}])
        path = f"{ORDERS}/{order['id']}/receive"
        asked = [{"lines": [{"line": 1 + dock % 2, "quantity": "2"}]} for dock in range(DOCKS)]
        answers = asyncio.run(at_once(buyer, [(path, body) for body in asked]))
        assert Counter(answer.status_code for answer in answers) == {200: 5 + 3, 409: DOCKS - 8}
        assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"over_receipt"}
        made = receipts(buyer, order)
        assert [sum_of(made, line) for line in (1, 2)] == [10, 6]
        shown = buyer.get(f"{ORDERS}/{order['id']}").json()
        assert [line["received"] for line in shown["lines"]] == ["10", "6"]
        assert shown["status"] == "partially_received"
        assert len(event_types(buyer, order)) == 3 + 8


def test_one_receipt_that_is_sent_many_times_at_once_comes_in_once(buyer: Party) -> None:
    order = buyer.active(lines=[{"sku": "A", "quantity": "100"}])
    body = {"lines": [{"line": 1, "quantity": "1"}], "receipt_reference": "HH7-1"}
    answers = asyncio.run(at_once(buyer, [(f"{ORDERS}/{order['id']}/receive", body)] * DOCKS))
    (receipt,) = receipts(buyer, order)
    refused = [answer.json() for answer in answers if answer.status_code == 409]
    assert len(refused) == DOCKS - 1
    assert {(answer["code"], answer["receipt_id"]) for answer in refused} == {("duplicate_receipt", receipt["id"])}


def test_one_reference_on_many_orders_at_once_is_one_receipt(buyer: Party) -> None:
    orders = [buyer.active(lines=[{"sku": "A", "quantity": "1"}]) for _ in range(8)]
    answers = asyncio.run(
        at_once(buyer, [(f"{ORDERS}/{order['id']}/receive", {"receipt_reference": "HH7-1"}) for order in orders])
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"duplicate_receipt"}
    assert [len(receipts(buyer, order)) for order in orders].count(1) == 1
    assert sum(len(receipts(buyer, order)) for order in orders) == 1


def test_a_receipt_that_is_reversed_many_times_at_once_is_taken_back_once(buyer: Party) -> None:
    order = buyer.active(lines=[{"sku": "A", "quantity": "10"}])
    receipt = received(buyer, order, lines=[{"line": 1, "quantity": "4"}])["receipt"]
    received(buyer, order, lines=[{"line": 1, "quantity": "5"}])
    answers = asyncio.run(at_once(buyer, [(f"/v1/receipts/{receipt['id']}/reverse", {"reason": "wrong"})] * 8))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"receipt_reversed"}
    (line,) = buyer.get(f"{ORDERS}/{order['id']}").json()["lines"]
    assert (line["received"], line["open"]) == ("5", "5")


@pytest.mark.parametrize("end", ["close", "suspend", "cancel"])
def test_receiving_that_races_with_the_orders_end_leaves_one_story(buyer: Party, end: str) -> None:
    for _ in range(4):
        order = buyer.active(lines=[{"sku": "A", "quantity": "1"}])
        came_in, ended = asyncio.run(
            at_once(buyer, [(f"{ORDERS}/{order['id']}/receive", {}), (f"{ORDERS}/{order['id']}/{end}", {})])
        )
        assert {came_in.status_code, ended.status_code} <= {200, 409}
        assert 200 in {came_in.status_code, ended.status_code}
        assert len(receipts(buyer, order)) == (1 if came_in.status_code == 200 else 0)
        # What was received can still be closed, and neither stopped nor called off.
        if end != "close":
            assert {came_in.status_code, ended.status_code} == {200, 409}
        assert event_types(buyer, order).count("purchase_order.received") == (1 if came_in.status_code == 200 else 0)


# Random interleavings, held against a model


@dataclass(frozen=True)
class Receive:
    """A dock receives quantities by line, or all that is open."""

    quantities: tuple[tuple[int, int], ...] | None


@dataclass(frozen=True)
class Reverse:
    """A clerk reverses one of the receipts that were made before the round: the `pick`-th, counted round."""

    pick: int


Deed = Receive | Reverse

deeds: st.SearchStrategy[Deed] = st.one_of(
    st.builds(Receive, st.lists(st.tuples(st.integers(1, 2), st.integers(1, 6)), min_size=1, max_size=3).map(tuple)),
    st.just(Receive(None)),
    st.builds(Reverse, st.integers(0, 5)),
)
rounds = st.lists(st.lists(deeds, min_size=1, max_size=4), min_size=1, max_size=5)

ORDERED = {1: 10, 2: 7}


@dataclass
class Model:
    """One dock, one pencil: what an order does when everything comes one after the other."""

    received: dict[int, int] = field(default_factory=lambda: dict.fromkeys(ORDERED, 0))
    receipts: dict[str, dict[int, int]] = field(default_factory=dict)
    reversed: set[str] = field(default_factory=set)

    @property
    def status(self) -> str:
        if self.received == ORDERED:
            return "received"
        return "partially_received" if any(self.received.values()) else "active"

    def copy(self) -> "Model":
        return Model(dict(self.received), dict(self.receipts), set(self.reversed))

    def receive(self, deed: Receive, receipt_id: str | None) -> str:
        """Return the outcome; `receipt_id` is what the service called the receipt, where it made one."""
        if self.status == "received":
            return "already_received"
        asked = dict.fromkeys(ORDERED, 0)
        for line, quantity in deed.quantities or ():
            asked[line] += quantity
        if deed.quantities is None:
            asked = {line: ORDERED[line] - self.received[line] for line in ORDERED}
        if any(self.received[line] + asked[line] > ORDERED[line] for line in ORDERED):
            return "over_receipt"
        for line, quantity in asked.items():
            self.received[line] += quantity
        self.receipts[receipt_id or ""] = asked
        return f"done: {asked}, {self.status}"

    def reverse(self, receipt_id: str) -> str:
        if receipt_id in self.reversed:
            return "receipt_reversed"
        self.reversed.add(receipt_id)
        for line, quantity in self.receipts[receipt_id].items():
            self.received[line] -= quantity
        return f"done: {self.receipts[receipt_id]}, {self.status}"


def outcome(answer: httpx.Response) -> str:
    if answer.status_code != 200:
        return str(answer.json()["code"])
    shown = answer.json()
    sums = {line: int(sum_of([{**shown["receipt"], "reversed_at": None}], line)) for line in ORDERED}
    return f"done: {sums}, {shown['status']}"


def one_after_the_other(model: Model, doings: list[tuple[Deed, str | None, str]]) -> Model | None:
    """Return the model after an order of the doings (deed, receipt, outcome) that explains all their outcomes."""
    for sequence in itertools.permutations(doings):
        tried = model.copy()
        if all(
            (tried.receive(deed, receipt_id) if isinstance(deed, Receive) else tried.reverse(receipt_id or "")) == seen
            for deed, receipt_id, seen in sequence
        ):
            return tried
    return None


@pytest.fixture(scope="module")
def owner(operator: Operator) -> Party:
    return operator.new_party("Racing owner")


@settings(max_examples=INTERLEAVINGS, deadline=None, suppress_health_check=list(HealthCheck))
@given(story=rounds)
def test_any_interleaving_of_receipts_and_reversals_is_one_after_the_other(
    owner: Party, story: list[list[Deed]]
) -> None:
    """Each round happens at once; its outcomes are those of some order in which the model does the same."""
    order = owner.active(lines=[{"sku": "A", "quantity": "10"}, {"sku": "B", "quantity": "7"}])
    model = Model()
    for simultaneous in story:
        made = list(model.receipts)
        possible = [deed for deed in simultaneous if isinstance(deed, Receive) or made]
        requests = []
        for deed in possible:
            if isinstance(deed, Receive):
                lines = [{"line": line, "quantity": str(quantity)} for line, quantity in deed.quantities or ()]
                requests.append((f"{ORDERS}/{order['id']}/receive", {"lines": lines} if lines else {}))
            else:
                requests.append((f"/v1/receipts/{made[deed.pick % len(made)]}/reverse", {"reason": "counted wrong"}))
        answers = asyncio.run(at_once(owner, requests))
        doings: list[tuple[Deed, str | None, str]] = []
        for deed, answer in zip(possible, answers, strict=True):
            new = answer.json()["receipt"]["id"] if answer.status_code == 200 else None
            receipt_id = new if isinstance(deed, Receive) else made[deed.pick % len(made)]
            doings.append((deed, receipt_id, outcome(answer)))
        after = one_after_the_other(model, doings)
        assert after is not None, (model, doings)
        model = after
        shown = owner.get(f"{ORDERS}/{order['id']}").json()
        stored = receipts(owner, order)
        assert shown["status"] == model.status
        for line in shown["lines"]:
            assert Decimal(line["received"]) == sum_of(stored, line["line"]) == model.received[line["line"]]
            assert Decimal(line["received"]) <= Decimal(line["quantity"])
        assert {receipt["id"] for receipt in stored if receipt["reversed_at"]} == model.reversed
        assert len(event_types(owner, order)) == shown["version"] == 3 + len(model.receipts) + len(model.reversed)


def test_the_model_itself_refuses_what_it_must() -> None:
    # Against a model that agrees with anything, which would make the test above worthless.
    model = Model()
    assert one_after_the_other(model, [(Receive(((1, 11),)), "a", "done: {1: 11, 2: 0}, received")]) is None
    twice = [(Receive(((1, 6),)), name, "done: {1: 6, 2: 0}, partially_received") for name in "ab"]
    assert one_after_the_other(model, list(twice)) is None
    assert one_after_the_other(model, [twice[0], (Receive(((1, 6),)), None, "over_receipt")]) is not None
