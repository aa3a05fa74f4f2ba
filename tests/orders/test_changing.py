"""A draft changes at once, an order that the seller knows by change orders; what was confirmed and received stands."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.orders.docks import ORDERS, event_types, quantities, receive, received
from tests.parties import Party, ahead

Sql = Callable[..., list[Any]]
NOBODY = "0198f5a2-7c3e-7d41-9a52-3f6b8d2e1c07"
LINES = [
    {"sku": "A", "quantity": "10", "unit_price": "4.90"},
    {"sku": "B", "quantity": "5", "unit_price": "2"},
]


@pytest.fixture
def content(seller: Party, warehouse: Party) -> dict[str, Any]:
    return {
        "seller": {"organisation_id": seller.id, "phone": "+45 33 555 012"},
        "ship_to": {"organisation_id": warehouse.id, "code": "HAM-2"},
        "currency": "EUR",
        "payment_terms": "30 days",
        "lines": LINES,
        "metadata": {"season": "summer", "margin": "40 %"},
        "expires_at": ahead(days=30),
    }


@pytest.fixture
def active(buyer: Party, content: dict[str, Any]) -> dict[str, Any]:
    return buyer.active(**content)


def patch(party: Party, order: dict[str, Any], change: Any, if_match: str = "*", **options: Any) -> httpx.Response:
    return party.patch(f"{ORDERS}/{order['id']}", change, headers={"If-Match": if_match}, **options)


def changed(party: Party, order: dict[str, Any], **change: Any) -> dict[str, Any]:
    answer = patch(party, order, change)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    assert shown == party.get(f"{ORDERS}/{order['id']}").json()
    return shown


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def fault(answer: httpx.Response) -> tuple[str, str]:
    (only,) = answer.json()["errors"]
    return ".".join(map(str, only["loc"])), only["code"]


def last_event(party: Party, order: dict[str, Any]) -> dict[str, Any]:
    event_types(party, order)
    timeline = party.get(f"{ORDERS}/{order['id']}/events", params={"limit": 200}).json()["data"]
    event: dict[str, Any] = timeline[-1]
    return event


def revisions(party: Party, order: dict[str, Any]) -> list[dict[str, Any]]:
    answer = party.get(f"{ORDERS}/{order['id']}/revisions")
    assert answer.status_code == 200, answer.text
    data: list[dict[str, Any]] = answer.json()["data"]
    return data


def stands(party: Party, order: dict[str, Any]) -> list[tuple[int, str]]:
    return [(one["revision"], one["revision_status"]) for one in revisions(party, order)]


# What every change needs


def test_a_change_needs_the_etag_of_what_was_read(buyer: Party) -> None:
    order = buyer.issue(draft=True)
    read = buyer.get(f"{ORDERS}/{order['id']}")
    assert problem(buyer.patch(f"{ORDERS}/{order['id']}", {"category": "TX"})) == (428, "precondition_required")
    first = patch(buyer, order, {"category": "TX"}, read.headers["ETag"])
    assert (first.status_code, first.json()["category"]) == (200, "TX")
    assert problem(patch(buyer, order, {"category": "TY"}, read.headers["ETag"])) == (412, "precondition_failed")
    assert patch(buyer, order, {"category": "TY"}, first.headers["ETag"]).status_code == 200


def test_a_change_to_what_is_said_already_changes_nothing(buyer: Party, active: dict[str, Any]) -> None:
    assert changed(buyer, active, lines=LINES, payment_terms="30 days", metadata={"season": "summer"}) == active
    assert changed(buyer, active) == active


def test_merge_patch_is_taken_under_its_own_media_type(buyer: Party) -> None:
    order = buyer.issue(draft=True)
    headers = {"If-Match": "*", "Content-Type": "application/merge-patch+json"}
    answer = buyer.http.patch(f"{ORDERS}/{order['id']}", content=b'{"category": "TX"}', headers=headers)
    assert (answer.status_code, answer.json()["category"]) == (200, "TX")


@pytest.mark.parametrize(
    ("change", "loc", "code"),
    [
        ({"number": "4711"}, "body.number", "extra_forbidden"),
        ({"currency": "EUX"}, "body.currency", "unknown_currency"),
        ({"currency": None}, "body", "currency_missing"),
        ({"lines": [{"line": 1, "sku": "A", "quantity": "1"}] * 2}, "body", "duplicate_line"),
        ({"lines": [{"quantity": "1"}]}, "body.lines.0", "line"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "body.expires_at", "in_the_past"),
        ({"activate_by": ahead(days=90)}, "body", "date_order"),
        ({"delivery_window": {"start": "2036-03-01T00:00:00Z"}}, "body.delivery_window.end", "missing"),
        ({"ship_to": {"organisation_id": NOBODY}}, "body.ship_to.organisation_id", "unknown_organisation"),
        ({"buyer": {"organisation_id": NOBODY}}, "body.buyer.organisation_id", "not_the_caller"),
    ],
)
def test_what_cannot_be_is_refused_by_its_field(
    buyer: Party, active: dict[str, Any], change: dict[str, Any], loc: str, code: str
) -> None:
    answer = patch(buyer, active, change)
    assert problem(answer) == (422, "invalid_request"), answer.text
    assert (loc, code) in [(".".join(map(str, one["loc"])), one["code"]) for one in answer.json()["errors"]]
    assert buyer.get(f"{ORDERS}/{active['id']}").json() == active


# Merging


def test_objects_are_merged_null_takes_away_and_lists_are_replaced(buyer: Party, content: dict[str, Any]) -> None:
    order = buyer.issue(draft=True, **content, references=[{"type": "project", "value": "P-1"}])
    shown = changed(
        buyer,
        order,
        seller={"phone": None, "code": "S-1042"},
        metadata={"margin": None, "desk": "4"},
        references=[{"type": "project", "value": "P-2"}],
        payment_terms=None,
        delivery_window={"start": "2036-03-01T00:00:00Z", "end": "2036-03-02T00:00:00Z"},
    )
    assert (shown["seller"]["name"], shown["seller"]["phone"], shown["seller"]["code"]) == (
        "Anders & Ko",
        None,
        "S-1042",
    )
    assert shown["metadata"] == {"season": "summer", "desk": "4"}
    assert [one["value"] for one in shown["references"]] == ["P-2"]
    assert (shown["payment_terms"], shown["currency"], len(shown["lines"])) == (None, "EUR", 2)
    assert changed(buyer, order, delivery_window={"end": "2036-03-05T00:00:00Z"})["delivery_window"] == {
        "start": "2036-03-01T00:00:00Z",
        "end": "2036-03-05T00:00:00Z",
    }


def test_another_organisation_takes_nothing_over_from_the_party_before(
    buyer: Party, stranger: Party, content: dict[str, Any]
) -> None:
    order = buyer.issue(draft=True, **content)
    seller = changed(buyer, order, seller={"organisation_id": stranger.id})["seller"]
    assert (seller["name"], seller["phone"]) == ("Stranger", None)


# Drafts, and orders that nobody has agreed to


def test_a_draft_changes_in_everything_but_its_number(buyer: Party, content: dict[str, Any]) -> None:
    order = buyer.issue(draft=True)
    shown = changed(buyer, order, reference=f"R-{order['id']}", **content)
    assert (shown["number"], shown["status"], shown["revision"]) == (order["number"], "draft", 1)
    assert shown["totals"]["net_amount"] == "59.00"
    assert [line["sku"] for line in changed(buyer, order, lines=[{"sku": "C", "quantity": "1"}])["lines"]] == ["C"]
    assert stands(buyer, order) == [(1, "current")]
    assert event_types(buyer, order) == ["purchase_order.drafted"] + ["purchase_order.changed"] * 2


def test_before_the_seller_has_confirmed_a_new_revision_takes_the_old_ones_place(
    buyer: Party, seller: Party, content: dict[str, Any]
) -> None:
    order = buyer.issue(**content)
    shown = changed(buyer, order, lines=[{"sku": "A", "quantity": "12", "unit_price": "4.90"}])
    assert (shown["status"], shown["revision"], shown["proposed_revision"]) == ("issued", 2, None)
    assert shown["totals"]["net_amount"] == "58.80"
    assert last_event(seller, order)["data"] == {"fields": ["lines"], "revision": 2, "proposed_revision": None}
    stale = seller.post(f"{ORDERS}/{order['id']}/confirm", {"revision": 1})
    assert problem(stale) == (409, "revision_superseded")
    assert (stale.json()["revision"], stale.json()["current_revision"]) == (1, 2)
    assert seller.act(order, "confirm", revision=2)["status"] == "confirmed"
    assert stands(seller, order) == [(2, "current"), (1, "superseded")]
    first = seller.get(f"{ORDERS}/{order['id']}/revisions/1").json()
    assert ([line["quantity"] for line in first["lines"]], first["totals"]["net_amount"]) == (["10", "5"], "59.00")


def test_who_takes_a_sellers_place_sees_nothing_of_what_that_one_was_asked_and_that_one_nothing_any_more(
    buyer: Party, seller: Party, stranger: Party, content: dict[str, Any]
) -> None:
    order = buyer.issue(**content)
    changed(buyer, order, seller={"organisation_id": stranger.id}, payment_terms="60 days")
    assert stands(stranger, order) == [(2, "current")]
    assert problem(stranger.get(f"{ORDERS}/{order['id']}/revisions/1")) == (404, "not_found")
    assert stands(buyer, order) == [(2, "current"), (1, "superseded")]
    assert problem(seller.get(f"{ORDERS}/{order['id']}/revisions")) == (404, "not_found")


# Change orders


def test_a_change_order_waits_for_the_seller_while_what_was_confirmed_stays_in_force(
    buyer: Party, seller: Party, warehouse: Party, active: dict[str, Any]
) -> None:
    lines = [{**LINES[0], "quantity": "20"}, LINES[1], {"sku": "C", "quantity": "1", "unit_price": "1"}]
    shown = changed(buyer, active, lines=lines, payment_terms="60 days")
    assert (shown["status"], shown["revision"], shown["proposed_revision"]) == ("active", 1, 2)
    assert (shown["payment_terms"], quantities(shown)) == ("30 days", [("0", "10"), ("0", "5")])
    event = last_event(buyer, active)
    assert event["data"] == {"fields": ["lines", "payment_terms"], "revision": 2, "proposed_revision": 2}
    # The gate and the dock go by what was confirmed.
    at_the_gate = warehouse.get(f"/v1/validations/{active['number']}").json()
    assert (at_the_gate["verdict"], len(at_the_gate["order"]["lines"])) == ("accept", 2)
    assert problem(receive(warehouse, active, lines=[{"line": 1, "quantity": "11"}])) == (409, "over_receipt")
    received(warehouse, active, lines=[{"line": 1, "quantity": "4"}])
    assert stands(seller, active) == [(2, "proposed"), (1, "current")]
    proposed = seller.get(f"{ORDERS}/{active['id']}/revisions/2").json()
    assert (proposed["payment_terms"], proposed["totals"]["net_amount"]) == ("60 days", "109.00")
    assert problem(seller.post(f"{ORDERS}/{active['id']}/confirm", {"revision": 1})) == (409, "revision_superseded")
    acknowledged = seller.act(active, "confirm", contract_number="SC-2")
    assert (acknowledged["status"], acknowledged["revision"]) == ("partially_received", 2)
    assert acknowledged["proposed_revision"] is None
    assert (acknowledged["payment_terms"], quantities(acknowledged)) == (
        "60 days",
        [("4", "16"), ("0", "5"), ("0", "1")],
    )
    assert stands(buyer, active) == [(2, "current"), (1, "superseded")]
    assert last_event(buyer, active)["data"]["revision"] == 2
    assert received(warehouse, active)["status"] == "received"


def test_a_later_change_continues_from_the_proposed_one_and_takes_its_place(
    buyer: Party, seller: Party, active: dict[str, Any]
) -> None:
    changed(buyer, active, payment_terms="60 days")
    assert changed(buyer, active, freight_terms="DAP Hamburg")["proposed_revision"] == 3
    assert stands(buyer, active) == [(3, "proposed"), (2, "superseded"), (1, "current")]
    shown = seller.act(active, "confirm", revision=3)
    assert (shown["payment_terms"], shown["freight_terms"]) == ("60 days", "DAP Hamburg")


def test_a_change_back_to_what_was_confirmed_withdraws_the_proposed_one(buyer: Party, active: dict[str, Any]) -> None:
    changed(buyer, active, payment_terms="60 days")
    assert changed(buyer, active, payment_terms="30 days")["proposed_revision"] is None
    assert last_event(buyer, active)["data"]["withdrawn_revision"] == 2
    assert stands(buyer, active) == [(2, "superseded"), (1, "current")]
    assert changed(buyer, active, payment_terms="90 days")["proposed_revision"] == 3


def test_the_seller_declines_a_change_order_and_what_was_confirmed_stays(
    buyer: Party, seller: Party, warehouse: Party, active: dict[str, Any]
) -> None:
    changed(buyer, active, payment_terms="60 days")
    path = f"{ORDERS}/{active['id']}/reject"
    assert problem(seller.post(path, {"revision": 1})) == (409, "revision_superseded")
    shown = seller.act(active, "reject", revision=2, reason="Too late.")
    assert (shown["status"], shown["revision"], shown["proposed_revision"]) == ("active", 1, None)
    assert event_types(buyer, active)[-1] == "purchase_order.change_declined"
    declined = revisions(buyer, active)[0]
    assert (declined["revision_status"], declined["decline_reason"]) == ("declined", "Too late.")
    # What was never agreed on is between buyer and seller.
    assert stands(warehouse, active) == [(1, "current")]
    assert problem(warehouse.get(f"{ORDERS}/{active['id']}/revisions/2")) == (404, "not_found")
    assert not {"payment_terms", "totals"} & revisions(warehouse, active)[0].keys()
    # Without a revision it is the whole order, which is beyond that.
    assert problem(seller.post(path)) == (409, "invalid_transition")


def test_the_buyers_own_fields_change_at_once_and_ask_nobody(
    buyer: Party, seller: Party, forwarder: Party, active: dict[str, Any]
) -> None:
    until = ahead(days=60)
    shown = changed(
        buyer,
        active,
        cost_center="4712",
        metadata={"season": None},
        expires_at=until,
        forwarders=[{"organisation_id": forwarder.id}],
    )
    assert (shown["revision"], shown["proposed_revision"], shown["status"]) == (1, None, "active")
    assert (shown["cost_center"], shown["metadata"], shown["expires_at"]) == ("4712", {"margin": "40 %"}, until)
    assert [one["id"] for one in forwarder.get(ORDERS).json()["data"]] == [active["id"]]
    assert last_event(forwarder, active)["data"] == {"expires_at": until}
    changed(buyer, active, forwarders=[])
    assert forwarder.get(ORDERS).json()["data"] == []
    assert problem(forwarder.get(f"{ORDERS}/{active['id']}")) == (404, "not_found")


def test_a_confirmed_order_keeps_its_seller(buyer: Party, stranger: Party, content: dict[str, Any]) -> None:
    order = buyer.issue(**content)
    assert changed(buyer, order, seller={"organisation_id": stranger.id})["seller"]["name"] == "Stranger"
    stranger.act(order, "confirm")
    answer = patch(buyer, order, {"seller": {"organisation_id": buyer.id}})
    assert fault(answer) == ("body.seller.organisation_id", "seller_has_confirmed")
    assert changed(buyer, order, seller={"phone": "+45 33 555 999"})["proposed_revision"] == 3


@pytest.mark.parametrize("end", ["received", "closed", "cancelled", "rejected"])
def test_an_order_that_has_ended_changes_in_what_it_is_filed_under_and_nothing_else(
    buyer: Party, content: dict[str, Any], end: str
) -> None:
    order = buyer.issue(**content) if end in {"cancelled", "rejected"} else buyer.active(**content)
    action = {"received": "receive", "closed": "close", "cancelled": "cancel", "rejected": "reject"}[end]
    assert buyer.act(order, action)["status"] == end
    for change in ({"lines": []}, {"expires_at": ahead(days=90)}, {"payment_terms": "60 days", "metadata": {"a": "b"}}):
        answer = patch(buyer, order, change)
        assert (*problem(answer), answer.json()["order_status"]) == (409, "invalid_transition", end)
    assert changed(buyer, order, cost_center="4712", metadata={"paid": "yes"})["cost_center"] == "4712"


# What has come in


@pytest.mark.parametrize(
    ("lines", "at_fault"),
    [
        ([{"line": 1, "sku": "A", "quantity": "3"}, {"line": 2, "sku": "B", "quantity": "5"}], [(1, "3")]),
        ([{"line": 2, "sku": "B", "quantity": "5"}], [(1, None)]),
        ([{"line": 1, "sku": "Z", "quantity": "10"}], [(1, "10")]),
        ([{"line": 1, "sku": "A", "quantity": "10", "unit": "KGM"}], [(1, "10")]),
    ],
)
def test_what_came_in_cannot_be_taken_off_an_order(
    buyer: Party, active: dict[str, Any], lines: list[dict[str, Any]], at_fault: list[tuple[int, str | None]]
) -> None:
    received(buyer, active, lines=[{"line": 1, "quantity": "4"}])
    answer = patch(buyer, active, {"lines": lines})
    assert problem(answer) == (409, "quantity_received")
    assert [(one["line"], one["ordered"]) for one in answer.json()["lines"]] == at_fault
    assert stands(buyer, active) == [(1, "current")]


def test_goods_that_come_in_before_the_acknowledgement_are_not_lost_by_it(
    buyer: Party, seller: Party, active: dict[str, Any]
) -> None:
    changed(buyer, active, lines=[{**LINES[0], "quantity": "4"}])
    received(buyer, active, lines=[{"line": 1, "quantity": "6"}])
    answer = seller.post(f"{ORDERS}/{active['id']}/confirm")
    assert problem(answer) == (409, "quantity_received")
    assert stands(buyer, active) == [(2, "proposed"), (1, "current")]
    assert quantities(buyer.get(f"{ORDERS}/{active['id']}").json()) == [("6", "4"), ("0", "5")]


def test_lines_keep_their_numbers_and_new_ones_get_the_lowest_free(buyer: Party) -> None:
    order = buyer.issue(lines=[{"sku": name, "quantity": "1"} for name in "ABC"])
    shown = changed(
        buyer,
        order,
        lines=[{"sku": "N", "quantity": "1"}, {"line": 3, "sku": "C", "quantity": "2"}, {"sku": "M", "quantity": "1"}],
    )
    assert [(line["line"], line["sku"]) for line in shown["lines"]] == [(1, "N"), (2, "M"), (3, "C")]


# What hangs on the content


def test_a_reference_is_unique_when_it_is_changed_too(buyer: Party) -> None:
    first, second = buyer.issue(reference="R-1"), buyer.issue(reference="R-2")
    assert problem(patch(buyer, second, {"reference": "R-1"})) == (409, "duplicate_reference")
    changed(buyer, first, reference="R-3")
    # What nobody has any more may be given again.
    assert changed(buyer, second, reference="R-1")["reference"] == "R-1"
    assert [one["id"] for one in buyer.get(ORDERS, params={"reference": "R-1"}).json()["data"]] == [second["id"]]
    changed(buyer, second, reference=None)
    assert buyer.issue(reference="R-1")["reference"] == "R-1"


def test_an_order_is_found_at_the_gate_by_what_it_says_now_and_by_those_whom_it_names_now(
    buyer: Party, warehouse: Party, stranger: Party, active: dict[str, Any]
) -> None:
    changed(buyer, active, references=[{"type": "fba", "value": "FBA15GX1"}])
    assert warehouse.get("/v1/validations/FBA15GX1").json()["matched_by"] == "reference"
    changed(buyer, active, references=[{"type": "fba", "value": "FBA15GX2"}], ship_to={"organisation_id": stranger.id})
    assert warehouse.get("/v1/validations/FBA15GX1").json()["matched_by"] is None
    # The other warehouse is the order's once the seller has agreed to it.
    assert warehouse.get("/v1/validations/FBA15GX2").json()["matched_by"] == "reference"
    assert stranger.get("/v1/validations/FBA15GX2").json()["matched_by"] is None
    buyer.act(active, "confirm")
    assert warehouse.get("/v1/validations/FBA15GX2").json()["matched_by"] is None
    assert stranger.get("/v1/validations/FBA15GX2").json()["matched_by"] == "reference"


def test_a_new_end_settles_the_open_activation_request(buyer: Party, active: dict[str, Any], sql: Sql) -> None:
    sql("UPDATE purchase_orders SET expires_at = now() - interval '1 hour' WHERE id = $1", active["id"])
    path = f"{ORDERS}/{active['id']}/activation-requests"
    request = buyer.post(path, {"reason": "late"}).json()
    changed(buyer, active, cost_center="1")
    assert buyer.get(f"/v1/activation-requests/{request['id']}").json()["status"] == "pending"
    assert changed(buyer, active, expires_at=ahead(days=3))["status"] == "active"
    assert buyer.get(f"/v1/activation-requests/{request['id']}").json()["status"] == "obsolete"
    assert last_event(buyer, active)["data"]["activation_request_id"] == request["id"]
