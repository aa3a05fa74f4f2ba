"""The seller says what becomes of each line; what it rejects is open no more, and what came in it cannot reject."""

import asyncio
from decimal import Decimal
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.orders.acknowledgement_rules import (
    LINE_STATUSES,
    REASONS,
    AcknowledgementReason,
    line_status,
    reason_meaning,
)
from tests.orders.docks import ORDERS, event_types, quantities, receive, received, reverse
from tests.orders.test_changing import changed, fault, last_event, problem
from tests.parties import Operator, Party, ahead

LINES = [{"sku": "A", "quantity": "10"}, {"sku": "B", "quantity": "5"}]


@pytest.fixture
def order(buyer: Party, seller: Party, warehouse: Party) -> dict[str, Any]:
    return buyer.issue(seller={"organisation_id": seller.id}, ship_to={"organisation_id": warehouse.id}, lines=LINES)


def confirm(party: Party, order: dict[str, Any], **body: Any) -> httpx.Response:
    return party.post(f"{ORDERS}/{order['id']}/confirm", body)


def decided(line: int, *decisions: tuple[str, str]) -> dict[str, Any]:
    return {"line": line, "decisions": [{"decision": one, "quantity": quantity} for one, quantity in decisions]}


def read(party: Party, order: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = party.get(f"{ORDERS}/{order['id']}").json()
    return shown


def test_a_line_is_decided_on_in_parts_with_dates_and_reasons(
    buyer: Party, seller: Party, warehouse: Party, order: dict[str, Any]
) -> None:
    assert read(seller, order)["acknowledgement"] is None
    accepted = {
        "decision": "accepted",
        "quantity": "6",
        "scheduled_ship_date": "2036-02-10T00:00:00Z",
        "scheduled_delivery_date": "2036-03-01T00:00:00Z",
        "reason": "date_rescheduled",
    }
    rejected = {"decision": "rejected", "quantity": "1", "reason": "obsolete_product"}
    later = {"decision": "backordered", "quantity": "2", "reason": "temporarily_unavailable"}
    answer = confirm(
        seller, order, contract_number="SC-1", lines=[{"line": 1, "decisions": [accepted, later, rejected]}]
    )
    shown = answer.json()
    assert (answer.status_code, shown["status"]) == (200, "confirmed")
    assert [(line["rejected"], line["open"]) for line in shown["lines"]] == [("1", "9"), ("0", "5")]
    said = shown["acknowledgement"]
    assert (said["revision"], said["contract_number"], said["relation"]) == (1, "SC-1", "seller")
    none = dict.fromkeys(("scheduled_ship_date", "scheduled_delivery_date", "reason"))
    # What was left unsaid of the line is accepted.
    unsaid = {**none, "decision": "accepted", "quantity": "1"}
    assert said["lines"] == [{"line": 1, "decisions": [accepted, {**none, **later}, {**none, **rejected}, unsaid]}]
    assert read(buyer, order)["acknowledgement"] == said
    assert [one["acknowledgement"] for one in buyer.get(ORDERS).json()["data"]] == [said]
    assert "acknowledgement" not in read(warehouse, order)
    data = last_event(seller, order)["data"]
    assert (data["backordered"], data["rejected"]) == ([{"line": 1, "quantity": "2"}], [{"line": 1, "quantity": "1"}])
    assert last_event(warehouse, order)["data"] == {}


def test_a_later_acknowledgement_replaces_the_earlier_one(buyer: Party, seller: Party, order: dict[str, Any]) -> None:
    confirm(seller, order, lines=[decided(1, ("rejected", "4")), decided(2, ("rejected", "1"))])
    shown = confirm(seller, order, invoice_number="I-2", lines=[decided(2, ("rejected", "2"))]).json()
    assert [line["rejected"] for line in shown["lines"]] == ["0", "2"]
    assert [line["line"] for line in shown["acknowledgement"]["lines"]] == [2]
    assert (shown["contract_number"], shown["invoice_number"]) == (None, "I-2")
    # Without lines all is accepted.
    assert [line["open"] for line in confirm(seller, order).json()["lines"]] == ["10", "5"]
    assert event_types(buyer, order).count("purchase_order.confirmed") == 3


@pytest.mark.parametrize(
    ("lines", "loc", "code"),
    [
        ([decided(3, ("accepted", "1"))], "body.lines.0.line", "unknown_line"),
        ([decided(1, ("accepted", "6"), ("rejected", "4.000001"))], "body.lines.0.decisions", "more_than_ordered"),
        ([decided(1, ("accepted", "1")), decided(1, ("rejected", "1"))], "body", "duplicate_line"),
        ([decided(1)], "body.lines.0.decisions", "too_short"),
        ([decided(1, ("maybe", "1"))], "body.lines.0.decisions.0.decision", "enum"),
        ([decided(1, ("accepted", "0"))], "body.lines.0.decisions.0.quantity", "greater_than"),
        (
            [{"line": 1, "decisions": [{"decision": "accepted", "quantity": "1", "reason": "obsolete_product"}]}],
            "body.lines.0.decisions.0",
            "reason_of_another_decision",
        ),
        (
            [
                {
                    "line": 1,
                    "decisions": [{"decision": "rejected", "quantity": "1", "scheduled_ship_date": ahead(days=1)}],
                }
            ],
            "body.lines.0.decisions.0",
            "rejected_with_date",
        ),
        (
            [
                {
                    "line": 1,
                    "decisions": [
                        {
                            "decision": "accepted",
                            "quantity": "1",
                            "scheduled_ship_date": "2036-03-02T00:00:00Z",
                            "scheduled_delivery_date": "2036-03-01T00:00:00Z",
                        }
                    ],
                }
            ],
            "body.lines.0.decisions.0",
            "date_order",
        ),
    ],
)
def test_decisions_that_a_line_does_not_bear_are_refused_by_their_field(
    seller: Party, order: dict[str, Any], lines: list[dict[str, Any]], loc: str, code: str
) -> None:
    answer = confirm(seller, order, lines=lines)
    assert (*problem(answer), *fault(answer)) == (422, "invalid_request", loc, code)
    assert read(seller, order)["status"] == "issued"


def test_what_is_rejected_is_open_no_more_at_the_gate_and_at_the_dock(
    buyer: Party, seller: Party, warehouse: Party, order: dict[str, Any]
) -> None:
    confirm(seller, order, lines=[decided(1, ("rejected", "4"))])
    buyer.act(order, "activate")
    verdict = warehouse.post(
        "/v1/validations",
        {"input": order["number"], "delivery": {"quantities": [{"sku": "A", "quantity": "7"}]}},
    ).json()
    assert "delivery_mismatch" in [refusal["code"] for refusal in verdict["refusals"]]
    assert [(line["quantity"], line["open"]) for line in verdict["order"]["lines"]] == [("10", "6"), ("5", "5")]
    over = receive(warehouse, order, lines=[{"line": 1, "quantity": "7"}])
    assert (*problem(over), over.json()["lines"][0]["receivable"]) == (409, "over_receipt", "6")
    shown = received(warehouse, order)
    assert (shown["status"], quantities(shown)) == ("received", [("6", "0"), ("5", "0")])
    assert reverse(buyer, shown["receipt"]["id"]).json()["status"] == "active"


def test_an_order_of_which_all_is_rejected_is_rejected(buyer: Party, seller: Party, order: dict[str, Any]) -> None:
    buyer.post(f"{ORDERS}/{order['id']}/activation-requests", {"reason": "early"})
    shown = confirm(seller, order, lines=[decided(1, ("rejected", "10")), decided(2, ("rejected", "5"))]).json()
    assert (shown["status"], shown["allowed_actions"]) == ("rejected", [])
    assert read(buyer, order) == {**shown, "relation": "owner", "metadata": {}}
    assert event_types(buyer, order)[-1] == "purchase_order.rejected"
    assert [one["code"] for one in buyer.get(f"/v1/validations/{order['number']}").json()["refusals"]] == ["rejected"]
    assert problem(confirm(seller, order)) == (409, "invalid_transition")


def test_what_came_in_cannot_be_rejected_and_the_rest_can(buyer: Party, seller: Party, order: dict[str, Any]) -> None:
    confirm(seller, order)
    buyer.act(order, "activate")
    received(buyer, order, lines=[{"line": 1, "quantity": "7"}, {"line": 2, "quantity": "5"}])
    answer = confirm(seller, order, lines=[decided(1, ("rejected", "4"))])
    assert problem(answer) == (409, "quantity_received")
    assert answer.json()["lines"] == [{"line": 1, "received": "7", "ordered": "6"}]
    assert read(seller, order)["lines"][0]["rejected"] == "0"
    shown = confirm(seller, order, lines=[decided(1, ("rejected", "3"))]).json()
    assert (shown["status"], quantities(shown)) == ("received", [("7", "0"), ("5", "0")])
    assert event_types(buyer, order)[-2:] == ["purchase_order.confirmed", "purchase_order.received"]
    assert shown["version"] == len(event_types(buyer, order))


def test_a_change_order_is_acknowledged_line_by_line_too(buyer: Party, seller: Party, order: dict[str, Any]) -> None:
    confirm(seller, order, lines=[decided(1, ("rejected", "4"))])
    changed(buyer, order, lines=[{"sku": "A", "quantity": "20"}, {"sku": "B", "quantity": "5"}])
    # What is in force stays as it was acknowledged.
    assert [line["open"] for line in read(buyer, order)["lines"]] == ["6", "5"]
    shown = confirm(seller, order, revision=2, lines=[decided(1, ("backordered", "20"))]).json()
    assert [line["open"] for line in shown["lines"]] == ["20", "5"]
    assert (shown["revision"], shown["acknowledgement"]["revision"]) == (2, 2)


def test_every_reason_says_what_x12_and_amazon_call_it() -> None:
    assert set(REASONS) == set(AcknowledgementReason)
    assert {rule.amazon for rule in REASONS.values() if rule.amazon} == {
        "TemporarilyUnavailable",
        "InvalidProductIdentifier",
        "ObsoleteProduct",
    }
    for reason, rule in REASONS.items():
        assert rule.decisions
        assert rule.x12 is None or f"X12 {rule.x12}" in reason_meaning(reason)
        assert rule.amazon is None or f"Amazon {rule.amazon}" in reason_meaning(reason)
        for decision in rule.decisions:
            code = line_status(decision, reason)
            assert code in {rule.x12, "IA", "IB", "IR"}
            assert LINE_STATUSES[code][0] is decision


def test_receipts_that_race_with_a_rejection_never_make_up_more_than_was_ordered(buyer: Party) -> None:
    async def at_once(path: str) -> list[httpx.Response]:
        async with buyer.asynchronous() as client:
            docks = [client.post(f"{path}/receive", json={"lines": [{"line": 1, "quantity": "2"}]}) for _ in range(5)]
            says = client.post(f"{path}/confirm", json={"lines": [decided(1, ("rejected", "4"))]})
            return await asyncio.gather(*docks[:2], says, *docks[2:])

    for _ in range(4):
        order = buyer.active(lines=[{"sku": "A", "quantity": "10"}])
        answers = asyncio.run(at_once(f"{ORDERS}/{order['id']}"))
        assert {answer.status_code for answer in answers} <= {200, 409}
        shown = read(buyer, order)
        (line,) = shown["lines"]
        assert Decimal(line["received"]) + Decimal(line["rejected"]) + Decimal(line["open"]) == 10
        assert (shown["status"] == "received") is (line["open"] == "0")
        assert len(event_types(buyer, order)) == shown["version"]


parts = st.lists(
    st.tuples(st.sampled_from(["accepted", "backordered", "rejected"]), st.decimals("0.001", 6, places=3)), max_size=4
)


@pytest.fixture(scope="module")
def owner(operator: Operator) -> Party:
    return operator.new_party("Acknowledging owner")


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(first=parts, second=parts, came_in=st.integers(0, 10))
def test_decisions_and_receipts_always_add_up(
    owner: Party, first: list[tuple[str, Decimal]], second: list[tuple[str, Decimal]], came_in: int
) -> None:
    """Each acknowledgement is taken where it can be, whole, and then nothing is lost: received, rejected, open."""
    order = owner.active(lines=[{"sku": "A", "quantity": "10"}])
    rejected, in_hand, status = Decimal(0), Decimal(0), "active"
    for decisions in (first, second):
        lines = [decided(1, *((one, str(quantity)) for one, quantity in decisions))] if decisions else []
        answer = confirm(owner, order, lines=lines)
        total = sum((quantity for _, quantity in decisions), Decimal(0))
        wanted = sum((quantity for one, quantity in decisions if one == "rejected"), Decimal(0))
        if status in {"rejected", "received"}:
            assert problem(answer) == (409, "invalid_transition")
        elif total > 10:
            assert fault(answer) == ("body.lines.0.decisions", "more_than_ordered")
        elif wanted and wanted + in_hand > 10:
            assert problem(answer) == (409, "quantity_received")
        else:
            assert answer.status_code == 200, answer.text
            rejected = wanted
            if rejected + in_hand == 10:
                status = "received" if in_hand else "rejected"
        if came_in and status == "active":
            possible = receive(owner, order, lines=[{"line": 1, "quantity": str(came_in)}]).status_code == 200
            assert possible is (came_in + rejected <= 10)
            if possible:
                in_hand = Decimal(came_in)
                status = "received" if in_hand + rejected == 10 else "partially_received"
        shown = read(owner, order)
        (line,) = shown["lines"]
        assert shown["status"] == status
        assert (Decimal(line["rejected"]), Decimal(line["received"])) == (rejected, in_hand)
        assert Decimal(line["open"]) == 10 - rejected - in_hand
