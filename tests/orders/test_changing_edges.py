"""Where a change of an order is at an end of what it may say, and what the end of an order leaves of its changes."""

from typing import Any

import pytest

from tests.orders.docks import ORDERS
from tests.orders.test_changing import changed, fault, patch, problem, stands
from tests.parties import Party

LINES = [{"sku": "A", "quantity": "10"}]

# The driver of Postgres takes both for infinity.
FIRST_MOMENT = "0001-01-01T00:00:00Z"
LAST_MOMENT = "9999-12-31T23:59:59.999999Z"


@pytest.fixture
def content(seller: Party, warehouse: Party) -> dict[str, Any]:
    return {
        "seller": {"organisation_id": seller.id},
        "ship_to": {"organisation_id": warehouse.id},
        "payment_terms": "30 days",
        "lines": LINES,
    }


@pytest.fixture
def active(buyer: Party, content: dict[str, Any]) -> dict[str, Any]:
    return buyer.active(**content)


@pytest.mark.parametrize(("name", "moment"), [("valid_from", FIRST_MOMENT), ("expires_at", LAST_MOMENT)])
def test_the_first_and_the_last_moment_of_all_are_refused_as_dates_by_their_field(
    buyer: Party, name: str, moment: str
) -> None:
    order = buyer.issue(lines=LINES)
    answers = [patch(buyer, order, {name: moment}), buyer.post(ORDERS, {name: moment})]
    if name == "expires_at":
        answers.append(buyer.post(f"{ORDERS}/{order['id']}/extend", {name: moment}))
    for answer in answers:
        assert (problem(answer), fault(answer)) == ((422, "invalid_request"), (f"body.{name}", "timestamp_range"))
    assert buyer.get(f"{ORDERS}/{order['id']}").json() == order


@pytest.mark.parametrize("rate", ["1E+1", "1_0", "\N{ARABIC-INDIC DIGIT SEVEN}"])
def test_a_tax_rate_is_written_as_all_decimals_are(buyer: Party, rate: str) -> None:
    order = buyer.issue(lines=LINES)
    answer = patch(buyer, order, {"lines": [{**LINES[0], "tax": {"rate": rate}}]})
    assert (problem(answer), fault(answer)) == ((422, "invalid_request"), ("body.lines.0.tax.rate", "decimal"))


# Who is in the seller's place, and what is none of others' business


def test_that_it_was_sent_to_one_seller_says_nothing_of_another_who_takes_its_place(
    buyer: Party, stranger: Party, content: dict[str, Any]
) -> None:
    order = buyer.issue(**content, sent_via="email")
    shown = changed(buyer, order, seller={"organisation_id": stranger.id})
    assert (shown["sent_via"], shown["sent_at"]) == (None, None)
    assert changed(buyer, order, sent_via="edi")["sent_via"] == "edi"


def test_why_a_change_order_was_declined_stays_between_buyer_and_seller(
    buyer: Party, seller: Party, warehouse: Party, active: dict[str, Any]
) -> None:
    changed(buyer, active, payment_terms="60 days")
    seller.act(active, "reject", revision=2, reason="We agreed on 30 days.")
    for party, data in ((seller, {"revision": 2, "reason": "We agreed on 30 days."}), (warehouse, {})):
        declined = party.get(f"{ORDERS}/{active['id']}/events", params={"limit": 200}).json()["data"][-1]
        assert (declined["type"], declined["data"]) == ("purchase_order.change_declined", data)


# The end of an order


@pytest.mark.parametrize("end", ["cancel", "close"])
def test_an_order_that_has_ended_waits_for_no_acknowledgement(
    buyer: Party, seller: Party, active: dict[str, Any], end: str
) -> None:
    changed(buyer, active, payment_terms="60 days")
    assert buyer.act(active, end)["proposed_revision"] is None
    assert stands(buyer, active) == [(2, "superseded"), (1, "current")]
    for action in ("confirm", "reject"):
        answer = seller.post(f"{ORDERS}/{active['id']}/{action}", {"revision": 2})
        assert answer.json()["code"] in {"invalid_transition", "revision_superseded"}


def test_an_order_is_rejected_in_the_revision_that_was_read(
    buyer: Party, seller: Party, content: dict[str, Any]
) -> None:
    order = buyer.issue(**content)
    changed(buyer, order, payment_terms="60 days")
    path = f"{ORDERS}/{order['id']}/reject"
    assert problem(seller.post(path, {"revision": 1})) == (409, "revision_superseded")
    assert seller.act(order, "reject", revision=2, reason="Too late.")["status"] == "rejected"
