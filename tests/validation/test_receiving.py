"""Asking and receiving in one go: accepted is received, all else receives nothing, and the second dock is told why."""

import asyncio
import os
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.orders.docks import ORDERS, event_types, quantities, receipts, received, reverse
from tests.parties import Party, ahead

VALIDATIONS = "/v1/validations"
RACED_ORDERS = int(os.environ.get("RACED_ORDERS", "12"))
DOCKS = 16
Sql = Callable[..., list[Any]]


def ask(party: Party, order: dict[str, Any], headers: dict[str, str] | None = None, **receive: Any) -> httpx.Response:
    """Validate the order's number, and receive."""
    return party.post(VALIDATIONS, {"input": order["number"].lower(), "receive": receive}, headers=headers or {})


def codes(answer: httpx.Response) -> list[str]:
    return [refusal["code"] for refusal in answer.json()["refusals"]]


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_what_is_accepted_is_received_and_the_answer_holds_the_receipt(
    buyer: Party, warehouse: Party, order: dict[str, Any]
) -> None:
    answer = ask(warehouse, order, lines=[{"line": 1, "quantity": "4"}], dock="4")
    verdict = answer.json()
    assert (answer.status_code, verdict["verdict"], verdict["valid"]) == (200, "accept", True)
    assert (verdict["status"], quantities(verdict["order"])) == ("partially_received", [("4", "6")])
    assert verdict["receipt"] == receipts(buyer, order)[0]
    assert verdict["order"] == warehouse.get(f"{ORDERS}/{order['id']}").json()
    rest = ask(warehouse, order).json()
    assert (rest["status"], rest["receipt"]["lines"][0]["quantity"]) == ("received", "6")
    assert event_types(buyer, order)[3:] == ["purchase_order.partially_received", "purchase_order.received"]


def test_looking_receives_nothing(buyer: Party, warehouse: Party, order: dict[str, Any]) -> None:
    for answer in (
        warehouse.post(VALIDATIONS, {"input": order["number"]}),
        warehouse.get(f"{VALIDATIONS}/{order['number']}"),
    ):
        assert (answer.json()["verdict"], answer.json()["receipt"]) == ("accept", None)
    assert receipts(buyer, order) == []


@pytest.mark.parametrize(
    ("steps", "moved", "code"),
    [
        ([], {}, "not_confirmed"),
        (["confirm", "activate", "suspend"], {}, "suspended"),
        (["confirm", "activate", "close"], {}, "closed"),
        (["confirm", "activate"], {"expires_at": "-1 second"}, "expired"),
        (["confirm", "activate"], {"valid_from": "1 day"}, "not_yet_valid"),
    ],
)
def test_what_is_not_accepted_is_not_received(
    buyer: Party, sql: Sql, steps: list[str], moved: dict[str, str], code: str
) -> None:
    order = buyer.issue(lines=[{"sku": "A", "quantity": "10"}])
    for step in steps:
        buyer.act(order, step)
    for column, span in moved.items():
        sql(f"UPDATE purchase_orders SET {column} = now() + $2::text::interval WHERE id = $1", order["id"], span)
    before = buyer.get(f"{ORDERS}/{order['id']}").json()
    answer = ask(buyer, order, receipt_reference="R-1")
    assert (answer.status_code, codes(answer), answer.json()["receipt"]) == (200, [code], None)
    assert receipts(buyer, order) == []
    assert buyer.get(f"{ORDERS}/{order['id']}").json() == before


def test_goods_that_come_again_are_told_when_and_where_they_came_in(
    buyer: Party, warehouse: Party, stranger: Party, order: dict[str, Any]
) -> None:
    first = received(warehouse, order, dock="Nordtor")["receipt"]
    for answer in (ask(warehouse, order), buyer.post(VALIDATIONS, {"input": order["number"]})):
        assert (answer.json()["verdict"], codes(answer)) == ("reject", ["already_received"])
        detail = answer.json()["refusals"][0]["detail"]
        assert first["received_at"] in detail
        assert "Nordtor" in detail
    presented = stranger.post(VALIDATIONS, {"input": order["number"]})
    assert codes(presented) == ["already_received"]
    for fact in ("Nordtor", first["received_at"][:10], first["id"]):
        assert fact not in presented.text.replace(presented.json()["checked_at"], "")


def test_the_receipt_that_counts_is_the_last_one_in_force(buyer: Party, order: dict[str, Any]) -> None:
    received(buyer, order, lines=[{"line": 1, "quantity": "4"}], dock="North")
    wrong = received(buyer, order, dock="South")["receipt"]
    reverse(buyer, wrong["id"])
    received(buyer, order, dock="West")
    reversed_since = buyer.active(lines=[{"sku": "A", "quantity": "1"}])
    reverse(buyer, received(buyer, reversed_since, dock="East")["receipt"]["id"])
    answer = buyer.post(f"{VALIDATIONS}/batch", {"inputs": [order["number"], reversed_since["number"]]})
    first, second = answer.json()["results"]
    assert "dock West" in first["refusals"][0]["detail"]
    assert second["verdict"] == "accept"


def test_receiving_with_the_question_needs_the_scope_of_receiving(buyer: Party, order: dict[str, Any]) -> None:
    with Party(buyer.base_url, buyer.id, buyer.key_with("validate")) as guard:
        assert problem(ask(guard, order)) == (403, "missing_scope")
        assert guard.post(VALIDATIONS, {"input": order["number"]}).json()["verdict"] == "accept"
    with Party(buyer.base_url, buyer.id, buyer.key_with("receive")) as dock:
        assert problem(ask(dock, order)) == (403, "missing_scope")
    assert receipts(buyer, order) == []
    with Party(buyer.base_url, buyer.id, buyer.key_with("validate", "receive")) as both:
        assert ask(both, order).json()["status"] == "received"


def test_who_is_neither_owner_nor_ship_to_gets_a_verdict_and_receives_nothing(
    buyer: Party, seller: Party, stranger: Party, order: dict[str, Any]
) -> None:
    for party in (seller, stranger):
        assert problem(ask(party, order)) == (403, "relation_not_allowed")
        assert party.post(VALIDATIONS, {"input": order["number"]}).json()["verdict"] == "accept"
    assert receipts(buyer, order) == []
    buyer.act(order, "suspend")
    assert codes(ask(stranger, order)) == ["suspended"]
    assert codes(stranger.post(VALIDATIONS, {"input": "4711000815", "receive": {}})) == ["unknown"]


def test_more_than_was_ordered_and_a_line_that_is_not_there_are_problems(buyer: Party, order: dict[str, Any]) -> None:
    too_many = ask(buyer, order, lines=[{"line": 1, "quantity": "11"}])
    assert problem(too_many) == (409, "over_receipt")
    unknown = ask(buyer, order, lines=[{"line": 1, "quantity": "1"}, {"line": 2, "quantity": "1"}])
    assert unknown.json()["errors"][0]["loc"] == ["body", "receive", "lines", 1, "line"]
    assert receipts(buyer, order) == []
    assert buyer.get(f"{ORDERS}/{order['id']}").json() == order


@pytest.mark.parametrize("first", ["4", "10"])
def test_a_replayed_receipt_is_told_so_also_when_all_has_come_in(
    buyer: Party, order: dict[str, Any], first: str
) -> None:
    made = ask(buyer, order, lines=[{"line": 1, "quantity": first}], receipt_reference="HH7-1").json()["receipt"]
    replay = ask(buyer, order, lines=[{"line": 1, "quantity": first}], receipt_reference="HH7-1")
    assert problem(replay) == (409, "duplicate_receipt")
    assert replay.json()["receipt_id"] == made["id"]
    assert receipts(buyer, order) == [made]


def test_goods_are_received_now_and_one_order_at_a_time(buyer: Party, order: dict[str, Any]) -> None:
    later = buyer.post(VALIDATIONS, {"input": order["number"], "at": ahead(days=1), "receive": {}})
    assert (later.status_code, later.json()["errors"][0]["code"]) == (422, "receive_at")
    batch = buyer.post(f"{VALIDATIONS}/batch", {"inputs": [order["number"], {"input": order["number"], "receive": {}}]})
    accepted, refused = batch.json()["results"]
    assert (accepted["verdict"], accepted["receipt"]) == ("accept", None)
    (fault,) = refused["problem"]["errors"]
    assert (fault["loc"], fault["code"]) == (["body", "inputs", 1, "receive"], "not_in_a_batch")
    assert receipts(buyer, order) == []


def test_a_repetition_under_one_idempotency_key_gets_the_same_receipt(buyer: Party, order: dict[str, Any]) -> None:
    headers = {"Idempotency-Key": f"dock-{order['id']}"}
    first, again = (ask(buyer, order, headers, lines=[{"line": 1, "quantity": "4"}]) for _ in range(2))
    assert (first.status_code, again.content) == (200, first.content)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert quantities(buyer.get(f"{ORDERS}/{order['id']}").json()) == [("4", "6")]


def test_a_verdict_that_received_nothing_leaves_its_idempotency_key_free(buyer: Party) -> None:
    order = buyer.issue(lines=[{"sku": "A", "quantity": "10"}])
    headers = {"Idempotency-Key": f"dock-{order['id']}"}
    assert codes(ask(buyer, order, headers)) == ["not_confirmed"]
    buyer.act(order, "confirm")
    buyer.act(order, "activate")
    came_in = ask(buyer, order, headers)
    assert (came_in.json()["verdict"], came_in.json()["status"]) == ("accept", "received")
    assert "Idempotency-Replayed" not in came_in.headers
    assert ask(buyer, order, headers).headers["Idempotency-Replayed"] == "true"


def test_looking_ignores_the_idempotency_key_whatever_it_says(buyer: Party, order: dict[str, Any], sql: Sql) -> None:
    for key in ("x" * 300, f"look-{order['id']}"):
        for text in (order["number"], "4711000815"):
            answer = buyer.post(VALIDATIONS, {"input": text}, headers={"Idempotency-Key": key})
            assert answer.status_code == 200
            assert "Idempotency-Replayed" not in answer.headers
    assert sql("SELECT 1 FROM idempotency_keys WHERE key = $1", f"look-{order['id']}") == []
    broken = ask(buyer, order, {"Idempotency-Key": "x" * 300})
    assert problem(broken) == (400, "invalid_idempotency_key")
    assert receipts(buyer, order) == []


def test_of_sixteen_docks_that_ask_and_receive_one_receives_and_the_others_are_told(
    buyer: Party, warehouse: Party
) -> None:
    outcomes: Counter[str] = Counter()
    for _ in range(RACED_ORDERS):
        order = buyer.active(ship_to={"organisation_id": warehouse.id}, lines=[{"sku": "A", "quantity": "10"}])
        answers = asyncio.run(_ask_at_once(warehouse, order))
        (receipt,) = receipts(buyer, order)
        (won,) = [answer.json() for answer in answers if answer.json()["receipt"]]
        assert (won["verdict"], won["receipt"]) == ("accept", receipt)
        for answer in answers:
            if answer.json() != won:
                assert codes(answer) == ["already_received"]
                assert receipt["received_at"] in answer.json()["refusals"][0]["detail"]
        outcomes.update(answer.json()["verdict"] for answer in answers)
        assert event_types(buyer, order)[3:] == ["purchase_order.received"]
    assert outcomes == {"accept": RACED_ORDERS, "reject": RACED_ORDERS * (DOCKS - 1)}


async def _ask_at_once(party: Party, order: dict[str, Any]) -> list[httpx.Response]:
    async with party.asynchronous() as client:

        async def one(dock: int) -> httpx.Response:
            body = {"input": order["number"], "receive": {"dock": str(dock)}}
            for _ in range(20):
                answer = await client.post(VALIDATIONS, json=body)
                if answer.status_code != 503:
                    break
                await asyncio.sleep(0.1)
            assert answer.status_code == 200, answer.text
            return answer

        return await asyncio.gather(*(one(dock) for dock in range(DOCKS)))
