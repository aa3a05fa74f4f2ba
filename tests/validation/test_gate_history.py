"""Checks at gates in an order's timeline: who asked, when, at which dock, and what was against it."""

import re
import time
from typing import Any

import httpx

from tests.orders.docks import ORDERS, receive
from tests.parties import Operator, Party
from tests.validation.test_verdicts import VALIDATIONS, ask, codes

WITHIN_SECONDS = 5.0
"""Promised is one; the machine that runs the tests may be busy."""


def timeline(party: Party, order: dict[str, Any], **query: Any) -> list[dict[str, Any]]:
    answer = party.get(f"{ORDERS}/{order['id']}/events", params={"limit": 200, **query})
    assert answer.status_code == 200, answer.text
    data: list[dict[str, Any]] = answer.json()["data"]
    return data


def checks(party: Party, order: dict[str, Any], expected: int) -> list[dict[str, Any]]:
    """Return the checks in the order's timeline once there are as many as `expected`."""
    until = time.monotonic() + WITHIN_SECONDS
    while True:
        found = [entry for entry in timeline(party, order) if entry["type"] == "gate.checked"]
        if len(found) >= expected or time.monotonic() > until:
            assert len(found) == expected, found
            return found
        time.sleep(0.05)


def test_a_refused_check_stands_in_the_timeline_with_who_when_where_and_why(buyer: Party, warehouse: Party) -> None:
    order = buyer.issue(ship_to={"organisation_id": warehouse.id})
    delivery = {"dock": "D-4", "operator": "M. Olsen", "trailer_number": "TR-77", "scac": "CNWY"}
    verdict = ask(warehouse, order["number"], delivery=delivery)
    (check,) = checks(buyer, order, 1)
    assert check == {
        "sequence": order["version"],
        "type": "gate.checked",
        "occurred_at": verdict["checked_at"],
        "organisation_id": warehouse.id,
        "relation": "ship_to",
        "check_id": verdict["id"],
        "data": {"verdict": verdict["verdict"], "codes": codes(verdict), "pro_number": None, **delivery},
    }
    assert set(check["data"]["codes"]) == {"not_confirmed", "pro_number_missing"}


def test_an_accepted_check_stands_there_only_when_it_told_of_a_delivery(buyer: Party) -> None:
    order = buyer.active()
    assert ask(buyer, order["number"])["valid"]
    told = ask(buyer, order["number"], delivery={"pro_number": "123456789", "dock": "1"})
    (check,) = checks(buyer, order, 1)
    assert check["check_id"] == told["id"]
    assert (check["data"]["verdict"], check["data"]["codes"]) == ("accept", [])


def test_checks_stand_after_the_change_that_they_saw_and_before_the_next(buyer: Party) -> None:
    order = buyer.issue()
    ask(buyer, order["number"])
    checks(buyer, order, 1)
    buyer.act(order, "confirm")
    ask(buyer, order["number"])
    checks(buyer, order, 2)
    buyer.act(order, "activate")
    assert [(entry["sequence"], entry["type"]) for entry in timeline(buyer, order)] == [
        (1, "purchase_order.issued"),
        (1, "gate.checked"),
        (2, "purchase_order.confirmed"),
        (2, "gate.checked"),
        (3, "purchase_order.activated"),
    ]


def test_a_timeline_with_checks_is_read_page_by_page_without_loss_or_repetition(buyer: Party) -> None:
    order = buyer.issue()
    for _ in range(5):
        ask(buyer, order["number"])
    checks(buyer, order, 5)
    buyer.act(order, "confirm")
    whole, page, cursor = timeline(buyer, order), [], None
    while True:
        query = {"limit": 2, **({} if cursor is None else {"cursor": cursor})}
        answer = buyer.get(f"{ORDERS}/{order['id']}/events", params=query).json()
        page += answer["data"]
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    assert page == whole
    assert len(whole) == 7


def test_who_only_presented_the_number_is_told_to_the_owner_alone(buyer: Party, seller: Party, stranger: Party) -> None:
    order = buyer.issue(seller={"organisation_id": seller.id})
    ask(stranger, order["number"])
    (check,) = checks(buyer, order, 1)
    assert (check["organisation_id"], check["relation"]) == (stranger.id, "presenter")
    assert [entry["type"] for entry in timeline(seller, order)] == ["purchase_order.issued"]


def test_refused_checks_of_a_manifest_and_of_receiving_stand_there_too(buyer: Party) -> None:
    order = buyer.active(lines=[{"sku": "A", "quantity": "1"}])
    assert receive(buyer, order).status_code == 200
    buyer.post(f"{VALIDATIONS}/batch", {"inputs": [order["number"], order["number"]]})
    buyer.post(VALIDATIONS, {"input": order["number"], "receive": {"dock": "2"}})
    found = [check["data"]["codes"] for check in checks(buyer, order, 3)]
    assert sorted(found) == [["already_received"], ["already_received"], ["already_received", "duplicate_in_request"]]


def test_the_metrics_count_codes_by_the_organisation_that_asked(
    operator: Operator, buyer: Party, stranger: Party
) -> None:
    order = buyer.issue()
    ask(buyer, order["number"])
    ask(buyer, order["number"])
    ask(stranger, order["number"])
    metrics: httpx.Response = operator.get("/metrics")

    def count(party: Party) -> float:
        label = rf'po_registry_refusals_total{{code="not_confirmed",organisation_id="{party.id}"}} (\S+)'
        (found,) = re.findall(label, metrics.text)
        return float(found)

    assert (count(buyer), count(stranger)) == (2, 1)


def test_a_cursor_of_another_list_is_no_place_in_a_timeline(buyer: Party) -> None:
    order = buyer.issue()
    for cursor in ("AnggeQ", "AQAAAAAAAAAAAAAAAAAAAAAA", "-"):
        answer = buyer.get(f"{ORDERS}/{order['id']}/events", params={"cursor": cursor})
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "invalid_cursor")
