"""What random stories have found out about orders, each as short as it can be told."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.orders.docks import ORDERS, event_types, receive, received
from tests.parties import Party, ahead

Sql = Callable[..., list[Any]]


def patch(party: Party, order: dict[str, Any], **change: Any) -> httpx.Response:
    return party.patch(f"{ORDERS}/{order['id']}", change, headers={"If-Match": "*"})


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize(
    "change", [{"sku": "SCARF"}, {"unit": "CS"}, {"supplier_sku": "77"}, {"gtin": "4006381333931"}]
)
def test_goods_that_come_in_before_the_acknowledgement_do_not_become_another_product_by_it(
    buyer: Party, change: dict[str, str]
) -> None:
    order = buyer.active(lines=[{"sku": "SHIRT", "quantity": "10"}])
    assert patch(buyer, order, lines=[{"line": 1, "sku": "SHIRT", "quantity": "10", **change}]).status_code == 200
    received(buyer, order, lines=[{"line": 1, "quantity": "4"}])
    before = buyer.get(f"{ORDERS}/{order['id']}").json()
    answer = buyer.post(f"{ORDERS}/{order['id']}/confirm", {"revision": 2})
    assert problem(answer) == (409, "quantity_received")
    assert "another product" in answer.json()["detail"]
    assert buyer.get(f"{ORDERS}/{order['id']}").json() == before


def test_lines_can_be_changed_when_an_order_was_activated_until_before_its_deadline_for_activation(
    buyer: Party,
) -> None:
    order = buyer.act(buyer.issue(activate_by=ahead(days=5)), "confirm")
    order = buyer.act(order, "activate", expires_at=ahead(days=2))
    changed = patch(buyer, order, lines=[{"sku": "A", "quantity": "1"}])
    assert (changed.status_code, changed.json().get("proposed_revision")) == (200, 2)
    dates = ("activate_by", "valid_from", "expires_at")
    assert [changed.json()[name] for name in dates] == [order[name] for name in dates]
    refused = patch(buyer, order, expires_at=ahead(days=3))
    assert refused.json()["errors"][0]["code"] == "date_order"


def test_an_order_whose_lines_were_all_rejected_does_not_say_why_it_was_resumed_as_the_reason(buyer: Party) -> None:
    order = buyer.active(lines=[{"sku": "A", "quantity": "2"}])
    buyer.act(order, "suspend", reason="The price is in dispute.")
    buyer.act(order, "resume", reason="We agreed on the price.")
    lines = [{"line": 1, "decisions": [{"decision": "rejected", "quantity": "2"}]}]
    rejected = buyer.act(order, "confirm", lines=lines)
    assert (rejected["status"], rejected["status_reason"]) == ("rejected", None)


def test_issuing_an_expired_order_again_is_told_what_is_possible(buyer: Party, sql: Sql) -> None:
    order = buyer.active(expires_at=ahead(days=1))
    sql("UPDATE purchase_orders SET expires_at = now() - interval '1 second' WHERE id = $1", order["id"])
    answer = buyer.post(f"{ORDERS}/{order['id']}/issue")
    assert problem(answer) == (409, "invalid_transition")
    assert answer.json()["order_status"] == "expired"


@pytest.mark.parametrize(
    ("draft", "body"),
    [
        ({"activate_by": 5, "expires_at": 9}, {"expires_at": 2}),
        ({"activate_by": 1, "expires_at": 2}, {"activate_by": 5}),
        ({}, {"activate_by": 5, "expires_at": 2}),
    ],
)
def test_a_draft_is_not_issued_with_a_deadline_after_its_end(
    buyer: Party, draft: dict[str, int], body: dict[str, int]
) -> None:
    order = buyer.issue(draft=True, **{name: ahead(days=days) for name, days in draft.items()})
    answer = buyer.post(f"{ORDERS}/{order['id']}/issue", {name: ahead(days=days) for name, days in body.items()})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "date_order")
    assert event_types(buyer, order) == ["purchase_order.drafted"]
    assert receive(buyer, order).status_code == 409
