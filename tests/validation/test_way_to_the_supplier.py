"""The gate says which step to the supplier's confirmation is missing: sent, seen, or confirmed."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.orders.docks import ORDERS, event_types
from tests.parties import Party


@pytest.fixture
def parties(seller: Party, warehouse: Party) -> dict[str, Any]:
    return {"seller": {"organisation_id": seller.id}, "ship_to": {"organisation_id": warehouse.id}}


def not_confirmed(party: Party, order: dict[str, Any]) -> str:
    (refusal,) = party.get(f"/v1/validations/{order['number']}").json()["refusals"]
    assert refusal["code"] == "not_confirmed"
    detail: str = refusal["detail"]
    return detail


def test_the_gate_says_which_step_is_missing(
    buyer: Party, seller: Party, warehouse: Party, stranger: Party, parties: dict[str, Any]
) -> None:
    unsent = buyer.issue(**parties)
    assert not_confirmed(warehouse, unsent).startswith("Nothing says that the order was sent")
    order = buyer.issue(**parties, sent_via="EDI 850")
    assert order["sent_at"] == order["issued_at"]
    assert "sent to the supplier on" in not_confirmed(warehouse, order)
    assert "(EDI 850)" in not_confirmed(warehouse, order)
    seller.get(f"{ORDERS}/{order['id']}")
    assert not_confirmed(warehouse, order).startswith("The supplier has seen the order, on ")
    # Who only presents the number is told nothing of the order's way.
    assert not_confirmed(stranger, order) == "The supplier has not confirmed this order yet."


def test_that_the_seller_reads_it_is_noted_once_and_that_others_do_is_not(
    buyer: Party, seller: Party, warehouse: Party, parties: dict[str, Any]
) -> None:
    order = buyer.issue(**parties)
    for party in (buyer, warehouse):
        party.get(f"{ORDERS}/{order['id']}")
    assert buyer.get(f"{ORDERS}/{order['id']}").json()["seen_at"] is None
    first = seller.get(f"{ORDERS}/{order['id']}")
    assert (first.status_code, first.json()["version"]) == (200, 2)
    again = seller.get(f"{ORDERS}/{order['id']}", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    assert event_types(buyer, order) == ["purchase_order.issued", "purchase_order.seen"]
    assert "seen_at" not in warehouse.get(f"{ORDERS}/{order['id']}").json()


def test_a_new_revision_is_still_to_be_seen(buyer: Party, seller: Party, parties: dict[str, Any]) -> None:
    order = buyer.issue(**parties, sent_via="email")
    seller.get(f"{ORDERS}/{order['id']}")
    change = {"payment_terms": "60 days"}
    shown = buyer.patch(f"{ORDERS}/{order['id']}", change, headers={"If-Match": "*"}).json()
    assert (shown["revision"], shown["seen_at"]) == (2, None)
    assert seller.get(f"{ORDERS}/{order['id']}").json()["seen_at"] is not None


def test_a_draft_was_not_sent(buyer: Party) -> None:
    answer = buyer.post(ORDERS, {"draft": True, "sent_via": "email"})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "sent_draft")


def test_many_first_looks_at_once_are_noted_once(buyer: Party, seller: Party, parties: dict[str, Any]) -> None:
    async def look(path: str) -> list[httpx.Response]:
        async with seller.asynchronous() as client:
            return await asyncio.gather(*(client.get(path) for _ in range(8)))

    order = buyer.issue(**parties)
    answers = asyncio.run(look(f"{ORDERS}/{order['id']}"))
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert event_types(buyer, order) == ["purchase_order.issued", "purchase_order.seen"]


def test_how_an_order_went_to_the_supplier_can_be_said_later(
    buyer: Party, warehouse: Party, parties: dict[str, Any]
) -> None:
    order = buyer.issue(**parties)
    url, any_version = f"{ORDERS}/{order['id']}", {"If-Match": "*"}
    sent = buyer.patch(url, {"sent_via": "email"}, headers=any_version).json()
    assert (sent["sent_via"], sent["revision"], sent["version"]) == ("email", 1, 2)
    assert order["issued_at"] < sent["sent_at"]
    assert "(email)" in not_confirmed(warehouse, order)
    # Said again it is nothing new, unless what is sent is.
    assert buyer.patch(url, {"sent_via": "email"}, headers=any_version).json() == sent
    changed = buyer.patch(url, {"sent_via": "email", "payment_terms": "60 days"}, headers=any_version).json()
    assert changed["sent_at"] > sent["sent_at"]
    unsent = buyer.patch(url, {"sent_via": None}, headers=any_version).json()
    assert (unsent["sent_via"], unsent["sent_at"]) == (None, None)
    draft = buyer.post(ORDERS, {"draft": True}).json()
    refused = buyer.patch(f"{ORDERS}/{draft['id']}", {"sent_via": "email"}, headers=any_version)
    assert refused.json()["errors"][0]["code"] == "sent_draft"
