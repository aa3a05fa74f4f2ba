"""Goods come in: whole, in parts, never twice, never too many, by those who may; and are taken back and put away."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.orders.docks import ORDERS, event_types, quantities, receipts, receive, received, reverse
from tests.outbox import recorded
from tests.parties import Party, ahead

Sql = Callable[..., list[Any]]

TWO_LINES = [{"sku": "A", "quantity": "10"}, {"sku": "B", "quantity": "2.5"}]


@pytest.fixture
def order(buyer: Party, seller: Party, warehouse: Party, forwarder: Party) -> dict[str, Any]:
    """An active order of two lines for the warehouse."""
    return buyer.active(
        seller={"organisation_id": seller.id},
        ship_to={"organisation_id": warehouse.id},
        forwarders=[{"organisation_id": forwarder.id}],
        currency="EUR",
        lines=[{**line, "unit_price": "4.90"} for line in TWO_LINES],
    )


def problem(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


# Receiving


def test_all_that_is_open_comes_in_at_once(buyer: Party, warehouse: Party, order: dict[str, Any], sql: Sql) -> None:
    answer = receive(warehouse, order, dock="4", operator="Petersen", trailer_number="TR-1", scac="CNWY")
    shown = answer.json()
    assert (answer.status_code, shown["status"], shown["relation"]) == (200, "received", "ship_to")
    assert quantities(shown) == [("10", "0"), ("2.5", "0")]
    assert "unit_price" not in shown["lines"][0]
    receipt = shown["receipt"]
    assert (receipt["received_by"], receipt["dock"], receipt["operator"]) == (warehouse.id, "4", "Petersen")
    assert [(item["line"], item["quantity"]) for item in receipt["lines"]] == [(1, "10"), (2, "2.5")]
    assert receipts(buyer, order) == [receipt]
    read = warehouse.get(f"{ORDERS}/{order['id']}")
    assert {**read.json(), "receipt": receipt} == shown
    assert read.headers["ETag"] == answer.headers["ETag"]
    assert event_types(buyer, order)[-1] == "purchase_order.received"
    assert recorded(sql, order["number"])[-1] == (shown["version"], "purchase_order.received")


def test_an_order_is_partially_received_until_nothing_is_open(buyer: Party, order: dict[str, Any]) -> None:
    before = buyer.get(f"{ORDERS}/{order['id']}").headers["ETag"]
    first = receive(buyer, order, lines=[{"line": 1, "quantity": "4"}])
    assert (first.json()["status"], quantities(first.json())) == ("partially_received", [("4", "6"), ("0", "2.5")])
    second = received(buyer, order, lines=[{"line": 2, "quantity": "2.5"}])
    assert (second["status"], second["allowed_actions"]) == (
        "partially_received",
        ["confirm", "extend", "suspend", "receive", "close"],
    )
    assert len({before, first.headers["ETag"], buyer.get(f"{ORDERS}/{order['id']}").headers["ETag"]}) == 3
    listed = buyer.get(ORDERS, params={"status": "partially_received"}).json()["data"]
    assert [quantities(one) for one in listed] == [[("4", "6"), ("2.5", "0")]]
    rest = received(buyer, order)
    assert (rest["status"], rest["receipt"]["lines"]) == (
        "received",
        [{"line": 1, "quantity": "6", "condition": None, "lot": None}],
    )
    assert [one["id"] for one in buyer.get(ORDERS, params={"status": "received"}).json()["data"]] == [order["id"]]
    assert event_types(buyer, order)[3:] == [
        "purchase_order.partially_received",
        "purchase_order.partially_received",
        "purchase_order.received",
    ]


def test_one_line_comes_in_several_lots_and_conditions(buyer: Party, order: dict[str, Any]) -> None:
    items = [
        {"line": 1, "quantity": "6", "condition": "good", "lot": "L1"},
        {"line": 1, "quantity": "1", "condition": "damaged", "lot": "L1"},
        {"line": 1, "quantity": "3", "condition": "good", "lot": "L2"},
    ]
    shown = received(buyer, order, lines=items)
    assert quantities(shown)[0] == ("10", "0")
    assert shown["receipt"]["lines"] == items
    assert receipts(buyer, order)[0]["lines"] == items


def test_an_order_without_lines_comes_in_as_a_whole(buyer: Party) -> None:
    order = buyer.active()
    refused = receive(buyer, order, lines=[{"line": 1, "quantity": "1"}])
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "unknown_line")
    shown = received(buyer, order)
    assert (shown["status"], shown["receipt"]["lines"]) == ("received", [])
    assert problem(receive(buyer, order)) == (409, "already_received")
    assert reverse(buyer, shown["receipt"]["id"]).json()["status"] == "active"


def test_a_second_receipt_is_told_when_where_and_by_which_the_goods_came_in(
    buyer: Party, warehouse: Party, order: dict[str, Any]
) -> None:
    first = received(warehouse, order, dock="4")["receipt"]
    for body in ({}, {"lines": [{"line": 1, "quantity": "1"}]}, {"lines": [{"line": 9, "quantity": "1"}]}):
        again = receive(buyer, order, dock="5", **body)
        assert problem(again) == (409, "already_received")
        told = {name: again.json()[name] for name in ("received_at", "dock", "receipt_id")}
        assert told == {"received_at": first["received_at"], "dock": "4", "receipt_id": first["id"]}
        assert first["received_at"] in again.json()["detail"]
    assert receipts(buyer, order) == [first]


def test_more_than_was_ordered_is_refused_whole_and_named_line_by_line(buyer: Party, order: dict[str, Any]) -> None:
    received(buyer, order, lines=[{"line": 1, "quantity": "8"}])
    before = buyer.get(f"{ORDERS}/{order['id']}").json()
    lines = [
        {"line": 2, "quantity": "2.5"},
        {"line": 1, "quantity": "2", "lot": "L1"},
        {"line": 1, "quantity": "0.000001", "lot": "L2"},
    ]
    answer = receive(buyer, order, lines=lines, receipt_reference="R-1")
    assert problem(answer) == (409, "over_receipt")
    assert answer.json()["lines"] == [
        {"line": 1, "ordered": "10", "received": "8", "open": "2", "receivable": "2", "asked": "2.000001"},
    ]
    assert buyer.get(f"{ORDERS}/{order['id']}").json() == before
    assert len(receipts(buyer, order)) == 1
    # Nothing was taken in, so the reference is free for the corrected receipt.
    assert received(buyer, order, lines=lines[:2], receipt_reference="R-1")["status"] == "received"


def test_a_line_that_the_order_has_not_is_named_and_nothing_comes_in(buyer: Party, order: dict[str, Any]) -> None:
    lines = [{"line": 1, "quantity": "1"}, {"line": 3, "quantity": "1"}, {"line": 500, "quantity": "1"}]
    answer = receive(buyer, order, lines=lines)
    assert answer.status_code == 422
    assert [(fault["loc"], fault["code"]) for fault in answer.json()["errors"]] == [
        (["body", "lines", 1, "line"], "unknown_line"),
        (["body", "lines", 2, "line"], "unknown_line"),
    ]
    assert receipts(buyer, order) == []
    assert buyer.get(f"{ORDERS}/{order['id']}").json() == order


@pytest.mark.parametrize(
    ("body", "place", "rule"),
    [
        ({"lines": []}, "lines", "too_short"),
        ({"lines": [{"line": 1, "quantity": "0"}]}, "lines.0.quantity", "greater_than"),
        ({"lines": [{"line": 1, "quantity": "-1"}]}, "lines.0.quantity", "greater_than"),
        ({"lines": [{"line": 1, "quantity": "1.1234567"}]}, "lines.0.quantity", "decimal_max_places"),
        ({"lines": [{"line": 0, "quantity": "1"}]}, "lines.0.line", "greater_than_equal"),
        ({"lines": [{"line": 1}]}, "lines.0.quantity", "missing"),
        ({"scac": "C1"}, "scac", "string_pattern_mismatch"),
        ({"dock": "4\x00"}, "dock", "control_character"),
        ({"receipt_reference": " "}, "receipt_reference", "string_too_short"),
        ({"docks": "4"}, "docks", "extra_forbidden"),
    ],
)
def test_a_receipt_that_does_not_fit_names_the_field_and_the_rule(
    buyer: Party, order: dict[str, Any], body: dict[str, Any], place: str, rule: str
) -> None:
    answer = receive(buyer, order, **body)
    assert answer.status_code == 422
    (fault,) = answer.json()["errors"]
    assert (".".join(map(str, fault["loc"])), fault["code"]) == (f"body.{place}", rule)


@pytest.mark.parametrize(
    ("steps", "moved", "status"),
    [
        ([], {}, "issued"),
        (["confirm"], {}, "confirmed"),
        (["confirm", "activate", "suspend"], {}, "suspended"),
        (["confirm", "activate", "close"], {}, "closed"),
        (["cancel"], {}, "cancelled"),
        (["confirm", "activate"], {"expires_at": "-1 second"}, "expired"),
        (["confirm", "activate"], {"valid_from": "1 day"}, "not_yet_valid"),
    ],
)
def test_an_order_that_the_gate_does_not_accept_takes_no_goods(
    buyer: Party, sql: Sql, steps: list[str], moved: dict[str, str], status: str
) -> None:
    order = buyer.issue(lines=TWO_LINES)
    for step in steps:
        buyer.act(order, step)
    for column, span in moved.items():
        sql(f"UPDATE purchase_orders SET {column} = now() + $2::text::interval WHERE id = $1", order["id"], span)
    answer = receive(buyer, order)
    assert problem(answer) == (409, "invalid_transition")
    assert (answer.json()["order_status"], "receive" in answer.json()["allowed"]) == (status, False)
    assert receipts(buyer, order) == []


def test_only_ship_to_and_owner_receive_reverse_and_put_away(
    buyer: Party, warehouse: Party, seller: Party, forwarder: Party, stranger: Party, order: dict[str, Any]
) -> None:
    for party, expected in (
        (seller, (403, "relation_not_allowed")),
        (forwarder, (403, "relation_not_allowed")),
        (stranger, (404, "not_found")),
    ):
        assert problem(receive(party, order)) == expected
    receipt = received(warehouse, order, lines=[{"line": 1, "quantity": "1"}])["receipt"]
    for party, expected in (
        (seller, (403, "relation_not_allowed")),
        (forwarder, (403, "relation_not_allowed")),
        (stranger, (404, "not_found")),
    ):
        assert problem(reverse(party, receipt["id"])) == expected
        assert problem(party.post(f"/v1/receipts/{receipt['id']}/put-away", {"location": "A1"})) == expected
    for party in (buyer, warehouse, seller, forwarder):
        assert receipts(party, order) == [receipt]
    assert stranger.get(f"{ORDERS}/{order['number']}/receipts").status_code == 404
    assert reverse(buyer, receipt["id"]).status_code == 200


def test_logistics_see_in_the_timeline_what_came_in(forwarder: Party, warehouse: Party, order: dict[str, Any]) -> None:
    receipt = received(warehouse, order, lines=[{"line": 1, "quantity": "3"}], dock="4")["receipt"]
    data = forwarder.get(f"{ORDERS}/{order['id']}/events").json()["data"][-1]["data"]
    assert (data["receipt_id"], data["dock"]) == (receipt["id"], "4")
    assert data["quantities"] == [{"line": 1, "quantity": "3"}]


def test_receipts_have_pages_oldest_first(buyer: Party, order: dict[str, Any]) -> None:
    made = [received(buyer, order, lines=[{"line": 1, "quantity": "1"}])["receipt"]["id"] for _ in range(5)]
    seen: list[str] = []
    answer = buyer.get(f"{ORDERS}/{order['id']}/receipts", params={"limit": 2})
    while True:
        seen += [receipt["id"] for receipt in answer.json()["data"]]
        if answer.json()["next_cursor"] is None:
            break
        answer = buyer.get(answer.links["next"]["url"])
    assert seen == made


# Receipts that are sent again


def test_a_receipt_that_an_offline_handheld_replays_on_another_day_is_the_one_it_made(
    buyer: Party, warehouse: Party, order: dict[str, Any], sql: Sql
) -> None:
    first = received(warehouse, order, lines=[{"line": 1, "quantity": "4"}], receipt_reference="HH7-1")["receipt"]
    for table, column in (("receipts", "received_at"), ("receipt_claims", "claimed_at")):
        sql(
            f"UPDATE {table} SET {column} = {column} - interval '3 days' WHERE receipt_reference = 'HH7-1' "
            f"AND {'received_by' if table == 'receipts' else 'organisation_id'} = $1",
            warehouse.id,
        )
    replay = receive(warehouse, order, lines=[{"line": 1, "quantity": "4"}], receipt_reference="HH7-1")
    assert problem(replay) == (409, "duplicate_receipt")
    assert replay.json()["receipt_id"] == first["id"]
    (stored,) = receipts(buyer, order)
    assert replay.json()["received_at"] == stored["received_at"] != first["received_at"]
    assert quantities(buyer.get(f"{ORDERS}/{order['id']}").json())[0] == ("4", "6")


@pytest.mark.parametrize("then", ["receive", "suspend", "close", "reverse"])
def test_a_replay_is_told_so_whatever_became_of_the_order(buyer: Party, order: dict[str, Any], then: str) -> None:
    first = received(buyer, order, lines=[{"line": 1, "quantity": "4"}], receipt_reference="HH7-2")["receipt"]
    if then == "reverse":
        assert reverse(buyer, first["id"]).status_code == 200
    else:
        buyer.act(order, then)
    before = buyer.get(f"{ORDERS}/{order['id']}").json()
    replay = receive(buyer, order, lines=[{"line": 1, "quantity": "4"}], receipt_reference="HH7-2")
    assert problem(replay) == (409, "duplicate_receipt")
    assert replay.json()["receipt_id"] == first["id"]
    assert buyer.get(f"{ORDERS}/{order['id']}").json() == before


def test_a_reference_is_unique_in_its_organisation_across_orders(buyer: Party, warehouse: Party) -> None:
    one, other = (
        buyer.active(ship_to={"organisation_id": warehouse.id}, lines=TWO_LINES, reference=str(n)) for n in (1, 2)
    )
    assert received(warehouse, one, receipt_reference="R-1")["status"] == "received"
    assert problem(receive(warehouse, other, receipt_reference="R-1")) == (409, "duplicate_receipt")
    assert receipts(buyer, other) == []
    assert received(buyer, other, receipt_reference="R-1")["status"] == "received"


def test_a_repetition_under_one_idempotency_key_gets_the_same_receipt(buyer: Party, order: dict[str, Any]) -> None:
    sent = {"lines": [{"line": 1, "quantity": "4"}]}
    first, again = (
        buyer.post(f"{ORDERS}/{order['id']}/receive", sent, headers={"Idempotency-Key": order["id"]}) for _ in range(2)
    )
    assert (first.status_code, again.content) == (200, first.content)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(receipts(buyer, order)) == 1


# Taking back


def test_a_reversal_opens_the_goods_again_and_stays_on_record(
    buyer: Party, warehouse: Party, order: dict[str, Any]
) -> None:
    part = received(warehouse, order, lines=[{"line": 1, "quantity": "4"}])["receipt"]
    rest = received(warehouse, order)["receipt"]
    answer = reverse(buyer, rest["id"], "counted twice")
    shown = answer.json()
    assert (answer.status_code, shown["status"]) == (200, "partially_received")
    assert quantities(shown) == [("4", "6"), ("0", "2.5")]
    taken_back = shown["receipt"]
    assert (taken_back["reversed_by"], taken_back["reversal_reason"]) == (buyer.id, "counted twice")
    assert taken_back["reversed_at"] is not None
    assert answer.headers["ETag"] == buyer.get(f"{ORDERS}/{order['id']}").headers["ETag"]
    assert receipts(buyer, order) == [part, taken_back]
    nothing_left = reverse(warehouse, part["id"]).json()
    assert (nothing_left["status"], quantities(nothing_left)) == ("active", [("0", "10"), ("0", "2.5")])
    assert event_types(buyer, order)[-2:] == ["receipt.reversed", "receipt.reversed"]
    assert received(warehouse, order)["status"] == "received"


def test_a_receipt_is_reversed_once(buyer: Party, order: dict[str, Any]) -> None:
    receipt = received(buyer, order, lines=[{"line": 1, "quantity": "4"}])["receipt"]
    received(buyer, order, lines=[{"line": 1, "quantity": "2"}])
    first = reverse(buyer, receipt["id"], "wrong order").json()["receipt"]
    for _ in range(2):
        again = reverse(buyer, receipt["id"])
        assert problem(again) == (409, "receipt_reversed")
        assert (again.json()["reversed_at"], again.json()["reason"]) == (first["reversed_at"], "wrong order")
        assert quantities(buyer.get(f"{ORDERS}/{order['id']}").json())[0] == ("2", "8")
        buyer.post(f"{ORDERS}/{order['id']}/close")


def test_a_reversal_needs_a_reason_and_a_scope_of_its_own(buyer: Party, order: dict[str, Any]) -> None:
    receipt = received(buyer, order)["receipt"]
    answer = buyer.post(f"/v1/receipts/{receipt['id']}/reverse", {})
    assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (422, ["body", "reason"])
    clerk = Party(buyer.base_url, buyer.id, buyer.key_with("receive"))
    with clerk:
        assert problem(reverse(clerk, receipt["id"])) == (403, "missing_scope")
    assert receipts(buyer, order)[0]["reversed_at"] is None


@pytest.mark.parametrize("action", ["suspend", "close"])
def test_a_suspended_or_closed_order_refuses_a_reversal(buyer: Party, order: dict[str, Any], action: str) -> None:
    receipt = received(buyer, order, lines=[{"line": 1, "quantity": "4"}])["receipt"]
    stopped = buyer.act(order, action)
    answer = reverse(buyer, receipt["id"])
    assert problem(answer) == (409, "invalid_transition")
    assert answer.json()["order_status"] == stopped["status"]
    assert receipts(buyer, order) == [receipt]
    assert buyer.get(f"{ORDERS}/{order['id']}").json() == stopped


def test_an_order_that_has_expired_since_is_corrected_all_the_same(buyer: Party, sql: Sql) -> None:
    order = buyer.active(lines=TWO_LINES, expires_at=ahead(days=1))
    receipt = received(buyer, order)["receipt"]
    sql("UPDATE purchase_orders SET expires_at = now() - interval '1 second' WHERE id = $1", order["id"])
    shown = reverse(buyer, receipt["id"]).json()
    assert (shown["status"], shown["stored_status"]) == ("expired", "active")


# Putting away


def test_goods_are_put_away_and_moved(buyer: Party, warehouse: Party, order: dict[str, Any]) -> None:
    receipt = received(warehouse, order)["receipt"]
    for location in ("A-04-17", "B-01-02"):
        answer = warehouse.post(f"/v1/receipts/{receipt['id']}/put-away", {"location": location})
        assert (answer.status_code, answer.json()["receipt"]["put_away_location"]) == (200, location)
        assert answer.json()["receipt"]["lines"] == receipt["lines"]
        assert answer.json()["status"] == "received"
        assert receipts(buyer, order) == [answer.json()["receipt"]]
    assert event_types(buyer, order)[-2:] == ["receipt.put_away", "receipt.put_away"]
    last = buyer.get(f"{ORDERS}/{order['id']}/events").json()["data"][-1]
    assert last["data"] == {"receipt_id": receipt["id"], "location": "B-01-02"}


def test_what_was_reversed_is_not_put_away(buyer: Party, order: dict[str, Any]) -> None:
    receipt = received(buyer, order)["receipt"]
    reverse(buyer, receipt["id"])
    before = buyer.get(f"{ORDERS}/{order['id']}").json()
    answer = buyer.post(f"/v1/receipts/{receipt['id']}/put-away", {"location": "A1"})
    assert problem(answer) == (409, "receipt_reversed")
    assert buyer.get(f"{ORDERS}/{order['id']}").json() == before


def test_a_receipt_of_nobody_is_not_found(buyer: Party) -> None:
    for answer in (
        reverse(buyer, "0198f5a2-7c3e-7d41-9a52-3f6b8d2e1c07"),
        buyer.post("/v1/receipts/0198f5a2-7c3e-7d41-9a52-3f6b8d2e1c07/put-away", {"location": "A1"}),
    ):
        assert problem(answer) == (404, "not_found")
