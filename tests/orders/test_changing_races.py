"""Several who change one order at once: one of them does, and nothing of the others' is left behind."""

import asyncio
from collections import Counter
from typing import Any

import httpx
import pytest

from tests.orders.docks import ORDERS, event_types, received
from tests.parties import Party

CALLERS = 12


async def at_once(party: Party, requests: list[tuple[str, str, dict[str, Any], str]]) -> list[httpx.Response]:
    async def send(client: httpx.AsyncClient, method: str, path: str, body: Any, if_match: str) -> httpx.Response:
        for _ in range(20):
            answer = await client.request(method, path, json=body, headers={"If-Match": if_match})
            if answer.status_code != 503:
                break
            await asyncio.sleep(0.05)
        return answer

    async with party.asynchronous() as client:
        return await asyncio.gather(*(send(client, *request) for request in requests))


@pytest.mark.parametrize("confirmed", [False, True])
def test_of_many_changes_of_what_was_read_exactly_one_is_made(buyer: Party, confirmed: bool) -> None:
    order = buyer.issue(lines=[{"sku": "A", "quantity": "10"}])
    if confirmed:
        order = buyer.act(order, "confirm")
    etag = buyer.get(f"{ORDERS}/{order['id']}").headers["ETag"]
    changes = [
        ("PATCH", f"{ORDERS}/{order['id']}", {"lines": [{"sku": "A", "quantity": str(20 + caller)}]}, etag)
        for caller in range(CALLERS)
    ]
    answers = asyncio.run(at_once(buyer, changes))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 412: CALLERS - 1}
    (won,) = [answer.json() for answer in answers if answer.status_code == 200]
    assert (won["revision"], won["proposed_revision"]) == ((1, 2) if confirmed else (2, None))
    assert buyer.get(f"{ORDERS}/{order['id']}").json() == won
    assert len(buyer.get(f"{ORDERS}/{order['id']}/revisions").json()["data"]) == 2
    assert event_types(buyer, order).count("purchase_order.changed") == 1


def test_one_reference_for_many_orders_at_once_is_one_orders(buyer: Party) -> None:
    orders = [buyer.issue(reference=f"OLD-{index}") for index in range(6)]
    answers = asyncio.run(
        at_once(buyer, [("PATCH", f"{ORDERS}/{order['id']}", {"reference": "NEW"}, "*") for order in orders])
    )
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 5}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"duplicate_reference"}
    shown = [buyer.get(f"{ORDERS}/{order['id']}").json()["reference"] for order in orders]
    assert Counter(reference == "NEW" for reference in shown) == {True: 1, False: 5}


def test_an_acknowledgement_that_races_with_a_change_is_of_one_of_the_two_and_says_which(buyer: Party) -> None:
    for _ in range(5):
        order = buyer.issue(lines=[{"sku": "A", "quantity": "10"}])
        path = f"{ORDERS}/{order['id']}"
        change, confirmation = asyncio.run(
            at_once(
                buyer,
                [
                    ("PATCH", path, {"lines": [{"sku": "A", "quantity": "99"}]}, "*"),
                    ("POST", f"{path}/confirm", {"revision": 1}, "*"),
                ],
            )
        )
        shown = buyer.get(path).json()
        assert change.status_code == 200
        if confirmation.status_code == 200:
            assert (shown["status"], shown["revision"], shown["proposed_revision"]) == ("confirmed", 1, 2)
            assert shown["lines"][0]["quantity"] == "10"
        else:
            assert confirmation.json()["code"] == "revision_superseded"
            assert (shown["status"], shown["revision"], shown["lines"][0]["quantity"]) == ("issued", 2, "99")


def test_goods_that_come_in_while_a_change_order_is_acknowledged_by_several_are_counted_once(buyer: Party) -> None:
    for _ in range(6):
        order = buyer.active(lines=[{"sku": "A", "quantity": "100"}])
        path = f"{ORDERS}/{order['id']}"
        received(buyer, order, lines=[{"line": 1, "quantity": "5"}])
        change = {"lines": [{"sku": "A", "quantity": "200"}]}
        assert buyer.patch(path, change, headers={"If-Match": "*"}).status_code == 200
        receipt = ("POST", f"{path}/receive", {"lines": [{"line": 1, "quantity": "1"}]}, "*")
        confirmation = ("POST", f"{path}/confirm", {}, "*")
        answers = asyncio.run(at_once(buyer, [receipt, confirmation] * 4))
        assert {answer.status_code for answer in answers} == {200}
        (line,) = buyer.get(path).json()["lines"]
        assert (line["quantity"], line["received"]) == ("200", "9")
