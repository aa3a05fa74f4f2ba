"""An order keeps the policy that it was issued under, and with it how much may come in beyond what was ordered."""

import asyncio
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tests.orders.docks import ORDERS, quantities, receipts, receive, received, reverse, sum_of
from tests.orders.test_policies import stated
from tests.orders.test_receiving_races import at_once
from tests.parties import Party, ahead

Sql = Callable[..., list[Any]]

LINES = [{"sku": "TS-L", "quantity": "10"}, {"sku": "TS-M", "quantity": "4"}]


def brought(party: Party, order: dict[str, Any], *items: tuple[int, str]) -> Any:
    return receive(party, order, lines=[{"line": line, "quantity": quantity} for line, quantity in items])


# The version that an order names


def test_an_order_names_the_version_that_was_in_force_when_it_was_issued_and_keeps_it(
    buyer: Party, seller: Party, warehouse: Party, forwarder: Party
) -> None:
    parties = {
        "seller": {"organisation_id": seller.id},
        "ship_to": {"organisation_id": warehouse.id},
        "forwarders": [{"organisation_id": forwarder.id}],
    }
    before = buyer.issue()
    stated(buyer, receipt_tolerance="0.05")
    stated(buyer, receipt_tolerance="0.5", effective_from=ahead(days=1))
    order = buyer.issue(**parties)
    batch = buyer.post(f"{ORDERS}/batch", {"purchase_orders": [{}, {"number": "4500012345"}]}).json()["results"]
    assert (before["policy_version"], order["policy_version"]) == (None, 1)
    assert [item["purchase_order"]["policy_version"] for item in batch] == [1, 1]
    stated(buyer)
    for party in (buyer, seller, warehouse, forwarder):
        assert party.get(f"{ORDERS}/{order['id']}").json()["policy_version"] == 1
    assert buyer.act(before, "confirm")["policy_version"] is None


def test_a_draft_gets_the_version_that_is_in_force_when_it_is_issued(buyer: Party) -> None:
    stated(buyer)
    draft = buyer.issue(draft=True)
    assert draft["policy_version"] is None
    stated(buyer)
    assert buyer.act(draft, "issue")["policy_version"] == 2


def test_it_is_the_buyers_policy_and_nobody_elses(buyer: Party, seller: Party, warehouse: Party) -> None:
    for party in (seller, warehouse):
        stated(party, receipt_tolerance="1")
    order = buyer.active(seller={"organisation_id": seller.id}, ship_to={"organisation_id": warehouse.id}, lines=LINES)
    assert order["policy_version"] is None
    assert brought(warehouse, order, (1, "10.000001")).status_code == 409


# What may come in


@pytest.fixture
def tolerant(buyer: Party) -> dict[str, Any]:
    """An active order of 10 and 4 on which 5 percent more may come in."""
    stated(buyer, receipt_tolerance="0.05")
    return buyer.active(lines=LINES)


def test_up_to_the_tolerance_comes_in_beyond_the_order_and_nothing_open_is_negative(
    buyer: Party, tolerant: dict[str, Any]
) -> None:
    assert brought(buyer, tolerant, (1, "9.5")).status_code == 200
    answer = brought(buyer, tolerant, (1, "1.000001"))
    assert (answer.status_code, answer.json()["code"]) == (409, "over_receipt")
    assert answer.json()["lines"] == [
        {"line": 1, "ordered": "10", "received": "9.5", "open": "0.5", "receivable": "1", "asked": "1.000001"}
    ]
    assert "0.5 are open and 1 may come in" in answer.json()["detail"]
    assert brought(buyer, tolerant, (1, "1")).status_code == 200
    shown = buyer.get(f"{ORDERS}/{tolerant['id']}").json()
    assert quantities(shown) == [("10.5", "0"), ("0", "4")]
    refused = brought(buyer, tolerant, (1, "0.000001"))
    assert (refused.json()["lines"][0]["open"], refused.json()["lines"][0]["receivable"]) == ("0", "0")
    # All that is open is what was ordered: a tolerance is no wish.
    assert quantities(received(buyer, tolerant)) == [("10.5", "0"), ("4", "0")]
    assert brought(buyer, tolerant, (2, "0.1")).json()["code"] == "already_received"


def test_a_later_version_changes_no_order_that_was_issued_before(buyer: Party, tolerant: dict[str, Any]) -> None:
    stated(buyer, receipt_tolerance="0")
    strict = buyer.active(lines=LINES)
    assert brought(buyer, tolerant, (1, "10.5")).status_code == 200
    assert brought(buyer, strict, (1, "10.5")).json()["code"] == "over_receipt"


def test_what_came_in_beyond_is_taken_back_whatever_the_tolerance_is_by_then(
    buyer: Party, tolerant: dict[str, Any], sql: Sql
) -> None:
    first = received(buyer, tolerant, lines=[{"line": 1, "quantity": "0.5"}])["receipt"]
    second = received(buyer, tolerant, lines=[{"line": 1, "quantity": "10"}])["receipt"]
    sql("UPDATE policy_versions SET receipt_tolerance = 0 WHERE organisation_id = $1", buyer.id)
    answer = reverse(buyer, first["id"])
    assert answer.status_code == 200
    assert quantities(answer.json()) == [("10", "0"), ("0", "4")]
    assert brought(buyer, tolerant, (1, "0.5")).status_code == 409
    assert quantities(reverse(buyer, second["id"]).json()) == [("0", "10"), ("0", "4")]


def test_receipts_that_race_never_sum_up_to_more_than_is_tolerated(buyer: Party, tolerant: dict[str, Any]) -> None:
    path = f"{ORDERS}/{tolerant['id']}/receive"
    body = {"lines": [{"line": 1, "quantity": "0.75"}]}
    answers = asyncio.run(at_once(buyer, [(path, body)] * 16))
    assert Counter(answer.status_code for answer in answers) == {200: 14, 409: 2}
    assert sum_of(receipts(buyer, tolerant), 1) == Decimal("10.5")
