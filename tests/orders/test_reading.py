"""Who sees what of an order, and finding orders in a list."""

import secrets
from collections.abc import Callable
from typing import Any

import pytest

from app.orders.lifecycle import LifecycleFacts, OrderStatus, StoredStatus, effective_status
from tests.parties import Party, ahead

ORDERS = "/v1/purchase-orders"
Sql = Callable[..., list[Any]]

PRIVATE = {"metadata": {"margin": "40 %"}}
COMMERCIAL = {
    "reference": "SO-9",
    "currency": "EUR",
    "payment_terms": "30 days",
    "payment_methods": ["cheque"],
    "cost_center": "4711",
    "category": "TX",
    "requested_by": "Petersen",
    "bill_to": {"name": "Finance"},
}


@pytest.fixture
def order(buyer: Party, seller: Party, warehouse: Party, forwarder: Party) -> dict[str, Any]:
    return buyer.issue(
        **PRIVATE,
        **COMMERCIAL,
        seller={"organisation_id": seller.id},
        ship_to={"organisation_id": warehouse.id},
        forwarders=[{"organisation_id": forwarder.id}],
        lines=[{"sku": "TS-42", "quantity": "10", "unit_price": "4.90", "tax": {"rate": "19"}}],
        expires_at=ahead(days=9),
    )


def read(party: Party, order: dict[str, Any]) -> dict[str, Any]:
    answer = party.get(f"{ORDERS}/{order['id']}")
    assert answer.status_code == 200
    shown: dict[str, Any] = answer.json()
    return shown


def test_the_owner_sees_everything(buyer: Party, order: dict[str, Any]) -> None:
    shown = read(buyer, order)
    assert shown["relation"] == "owner"
    assert (PRIVATE | COMMERCIAL).keys() <= shown.keys()


def test_the_seller_sees_all_but_the_owners_metadata(seller: Party, order: dict[str, Any]) -> None:
    shown = read(seller, order)
    assert shown["relation"] == "seller"
    assert shown.keys() >= COMMERCIAL.keys()
    assert shown["lines"][0]["unit_price"] == "4.9"
    assert shown["totals"] == {"net_amount": "49.00", "tax_amount": "9.31", "gross_amount": "58.31"}
    assert shown["lines"][0]["gross_amount"] == "58.31"
    assert "metadata" not in shown


def test_ship_to_and_forwarder_see_goods_and_dates_and_never_prices(
    warehouse: Party, forwarder: Party, order: dict[str, Any]
) -> None:
    for party, relation in ((warehouse, "ship_to"), (forwarder, "forwarder")):
        shown = read(party, order)
        assert shown["relation"] == relation
        assert not (PRIVATE | COMMERCIAL).keys() & shown.keys()
        assert shown["expires_at"] == order["expires_at"]
        (line,) = shown["lines"]
        assert (line["sku"], line["quantity"]) == ("TS-42", "10")
        assert not {"unit_price", "tax", "net_amount", "tax_amount", "gross_amount"} & line.keys()
        assert "totals" not in shown
        listed = party.get(ORDERS).json()["data"]
        assert listed == [shown]


def test_a_stranger_finds_nothing(stranger: Party, operator: Party, order: dict[str, Any]) -> None:
    for party in (stranger, operator):
        for path in (order["id"], order["number"]):
            answer = party.get(f"{ORDERS}/{path}")
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert stranger.get(ORDERS).json()["data"] == []


def test_who_has_two_relations_sees_what_the_greater_one_shows(buyer: Party) -> None:
    order = buyer.issue(ship_to={"organisation_id": buyer.id}, metadata={"k": "v"})
    assert read(buyer, order)["metadata"] == {"k": "v"}
    assert len(buyer.get(ORDERS).json()["data"]) == 1


def test_a_name_or_a_gln_grants_nothing(buyer: Party, stranger: Party) -> None:
    order = buyer.issue(seller={"name": "Stranger", "gln": "4006381333931"})
    assert stranger.get(f"{ORDERS}/{order['id']}").status_code == 404


def test_the_timeline_shows_logistics_no_contract(buyer: Party, warehouse: Party, order: dict[str, Any]) -> None:
    buyer.act(order, "confirm", contract_number="SC-1")
    assert buyer.get(f"{ORDERS}/{order['id']}/events").json()["data"][1]["data"]["contract_number"] == "SC-1"
    assert warehouse.get(f"{ORDERS}/{order['id']}/events").json()["data"][1]["data"] == {}


def test_pages_hold_every_order_once_newest_first(buyer: Party) -> None:
    made = [buyer.issue(reference=str(n))["id"] for n in range(7)]
    seen: list[str] = []
    answer = buyer.get(ORDERS, params={"limit": 3})
    while True:
        seen += [order["id"] for order in answer.json()["data"]]
        if answer.json()["next_cursor"] is None:
            assert "next" not in answer.links
            break
        answer = buyer.get(answer.links["next"]["url"])
    assert seen == made[::-1]


def test_each_filter_narrows_the_list(buyer: Party, seller: Party, warehouse: Party) -> None:
    wanted = buyer.active(
        reference="SO-77",
        number="4500077001",
        seller={"organisation_id": seller.id, "code": "S-7"},
        ship_to={"organisation_id": warehouse.id, "gln": "4006381333931"},
        lines=[{"sku": "TS-42", "quantity": "1"}],
        activate_by=ahead(days=1),
        expires_at=ahead(days=2),
    )
    other = buyer.issue(
        reference="SO-88",
        lines=[{"sku": "TS-43", "quantity": "1"}],
        activate_by=ahead(days=8),
        expires_at=ahead(days=9),
    )
    filters: list[dict[str, Any]] = [
        {"status": "active"},
        {"status": ["active", "closed"]},
        {"number": "4500-077 001"},
        {"reference": "SO-77"},
        {"seller": seller.id},
        {"seller": "S-7"},
        {"seller": "anders & ko"},
        {"ship_to": "4006381333931"},
        {"sku": "TS-42"},
        {"expires_before": ahead(days=3)},
        {"activate_by_before": ahead(days=3)},
        {"q": "077"},
        {"q": "4500-077 0"},
        {"q": "so-77"},
        {"q": "ANDERS"},
        {"q": "s-42"},
        {"role": "owner", "sku": "TS-42"},
    ]
    for narrowed in filters:
        listed = buyer.get(ORDERS, params=narrowed).json()["data"]
        assert [order["id"] for order in listed] == [wanted["id"]], narrowed
    both = {wanted["id"], other["id"]}
    for params in ({"created_after": "2026-01-01T00:00:00Z"}, {"updated_after": "2026-01-01T00:00:00Z"}, {"q": "S"}):
        assert {order["id"] for order in buyer.get(ORDERS, params=params).json()["data"]} == both
    for params in (
        {"created_after": ahead(days=1)},
        {"role": "seller"},
        {"q": "%"},
        {"q": "_"},
        {"number": "4500077002"},
        {"seller": warehouse.id},
    ):
        assert buyer.get(ORDERS, params=params).json()["data"] == [], params
    assert [order["id"] for order in seller.get(ORDERS, params={"role": "seller"}).json()["data"]] == [wanted["id"]]


def test_what_a_relation_may_not_see_it_may_not_search(warehouse: Party, order: dict[str, Any]) -> None:
    assert warehouse.get(ORDERS, params={"reference": "SO-9"}).json()["data"] == []
    assert warehouse.get(ORDERS, params={"q": "SO-9"}).json()["data"] == []


def test_the_code_that_a_seller_has_with_the_buyer_finds_orders_for_those_two_alone(
    buyer: Party, seller: Party, warehouse: Party, forwarder: Party
) -> None:
    code = f"S-{secrets.token_hex(4)}"
    order = buyer.issue(
        seller={"organisation_id": seller.id, "code": code},
        ship_to={"organisation_id": warehouse.id, "code": f"W{code}"},
        forwarders=[{"organisation_id": forwarder.id}],
    )

    def finds(party: Party, **filters: str) -> bool:
        return [one["id"] for one in party.get(ORDERS, params=filters).json()["data"]] == [order["id"]]

    parties = (buyer, seller, warehouse, forwarder)
    assert [finds(party, seller=code) for party in parties] == [True, True, False, False]
    assert [finds(party, ship_to=f"W{code}") for party in parties] == [True] * 4


def test_the_list_filters_by_the_same_status_that_an_order_shows(buyer: Party, sql: Sql) -> None:
    """Every stored status with each deadline unset, passed and ahead: SQL and the pure rules agree."""
    made = buyer.post(f"{ORDERS}/batch", {"purchase_orders": [{}] * 200}).json()["results"]
    ids = iter(result["purchase_order"]["id"] for result in made)
    moments = (None, "-1 hour", "+1 hour")
    expected: dict[str, str] = {}
    from datetime import UTC, datetime, timedelta

    now = datetime.now(UTC)
    offsets = {None: None, "-1 hour": now - timedelta(hours=1), "+1 hour": now + timedelta(hours=1)}
    for stored in StoredStatus:
        for expires in moments:
            for activate in moments:
                for valid in moments[1:]:
                    if expires is not None and valid == "+1 hour":
                        continue
                    order_id = next(ids)
                    suspended_from = "active" if stored is StoredStatus.suspended else None
                    sql(
                        "UPDATE purchase_orders SET status = $2, suspended_from = $3, "
                        "expires_at = now() + $4::text::interval, activate_by = now() + $5::text::interval, "
                        "valid_from = now() + $6::text::interval - interval '1 minute' WHERE id = $1",
                        order_id,
                        str(stored),
                        suspended_from,
                        expires,
                        activate,
                        valid,
                    )
                    facts = LifecycleFacts(
                        stored,
                        offsets[valid],
                        offsets[expires],
                        offsets[activate],
                        StoredStatus.active if suspended_from else None,
                    )
                    expected[order_id] = str(effective_status(facts, now))
    for status in OrderStatus:
        listed = buyer.get(ORDERS, params={"status": status, "limit": 200}).json()["data"]
        assert all(order["status"] == status for order in listed)
        found = {order["id"] for order in listed} & expected.keys()
        assert found == {order_id for order_id, shown in expected.items() if shown == status}, status


def test_a_draft_that_came_to_nothing_stays_its_owners_alone(
    buyer: Party, seller: Party, warehouse: Party, forwarder: Party
) -> None:
    draft = buyer.issue(
        draft=True,
        seller={"organisation_id": seller.id},
        ship_to={"organisation_id": warehouse.id},
        forwarders=[{"organisation_id": forwarder.id}],
    )
    buyer.act(draft, "cancel")
    assert buyer.get(ORDERS).json()["data"][0]["status"] == "cancelled"
    for party in (seller, warehouse, forwarder):
        assert party.get(f"{ORDERS}/{draft['id']}").status_code == 404
        assert party.get(ORDERS).json()["data"] == []
        assert party.get("/v1/lookup", params={"q": draft["number"]}).json()["data"] == []
        assert party.get(f"/v1/validations/{draft['number']}").json()["order"] is None
