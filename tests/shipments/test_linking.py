"""What linking a PRO number to an order does, and what it never does."""

from collections.abc import Callable

import asyncpg
import pytest

from tests.parties import Party, ahead
from tests.shipments.waybills import any_shape, link, linked, pro_numbers_of, timeline, unlink, xpo

Sql = Callable[..., list[asyncpg.Record]]


def test_a_new_link_is_201_and_shows_the_pro_number_as_the_carrier_writes_it(buyer: Party) -> None:
    pro = xpo()
    answer = link(buyer, buyer.issue(), " cnwy", pro.replace("-", " "))
    assert answer.status_code == 201
    made = answer.json()
    assert made.pop("linked_at").endswith("Z")
    vehicle = dict.fromkeys(("trailer_number", "window", "bol", "tracking", "ship_notice"))
    assert made == {"scac": "CNWY", "pro_number": pro, **vehicle, "linked": True, "linked_by": buyer.id}


def test_a_link_is_a_change_of_the_order_with_an_event_of_its_own(buyer: Party) -> None:
    order, pro = buyer.issue(), xpo()
    linked(buyer, order, "CNWY", pro)
    changed = buyer.get(f"/v1/purchase-orders/{order['id']}").json()
    assert changed["version"] == order["version"] + 1
    last = timeline(buyer, order)[-1]
    assert last["type"] == "pro_number.linked"
    assert (last["sequence"], last["organisation_id"], last["relation"]) == (changed["version"], buyer.id, "owner")
    assert last["data"] == {"scac": "CNWY", "pro_number": pro}


def test_linking_again_in_another_spelling_is_200_and_changes_nothing(buyer: Party) -> None:
    order, pro = buyer.issue(), xpo()
    first = linked(buyer, order, "CNWY", pro)
    events = timeline(buyer, order)
    again = link(buyer, order, "cnwy", pro.replace("-", ""))
    assert again.status_code == 200
    assert again.json() == first
    assert timeline(buyer, order) == events


def test_one_vehicle_brings_many_orders_and_one_order_comes_on_many_vehicles(buyer: Party) -> None:
    orders = [buyer.issue() for _ in range(3)]
    pro, other = xpo(), any_shape()
    for order in orders:
        linked(buyer, order, "CNWY", pro)
    linked(buyer, orders[0], "SAIA", other)
    assert pro_numbers_of(buyer, orders[0]) == [("CNWY", pro), ("SAIA", other)]
    found = buyer.get(f"/v1/pro-numbers/CNWY/{pro}").json()
    assert [order["number"] for order in found["purchase_orders"]] == [order["number"] for order in orders]


def test_one_pro_number_of_two_carriers_is_two_pro_numbers(buyer: Party, seller: Party) -> None:
    pro = any_shape()
    order = buyer.issue(seller={"organisation_id": seller.id})
    linked(buyer, order, "SAIA", pro)
    linked(seller, order, "EXLA", pro)
    assert pro_numbers_of(seller, order) == [("EXLA", pro), ("SAIA", pro)]


def test_unlinking_takes_it_off_with_an_event_and_the_reason(buyer: Party) -> None:
    order, pro = buyer.issue(), xpo()
    linked(buyer, order, "CNWY", pro)
    answer = unlink(buyer, order, "cnwy", pro.replace("-", ""), reason="Wrong vehicle.")
    assert answer.status_code == 200
    assert (answer.json()["pro_number"], answer.json()["linked"]) == (pro, False)
    assert pro_numbers_of(buyer, order) == []
    last = timeline(buyer, order)[-1]
    assert last["type"] == "pro_number.unlinked"
    assert last["data"] == {"scac": "CNWY", "pro_number": pro, "reason": "Wrong vehicle."}
    assert last["sequence"] == order["version"] + 2


def test_unlinking_what_is_not_linked_is_404_and_no_event(buyer: Party) -> None:
    order, pro = buyer.issue(), xpo()
    linked(buyer, order, "CNWY", pro)
    assert unlink(buyer, order, "CNWY", pro).status_code == 200
    events = timeline(buyer, order)
    for number in (pro, xpo()):
        answer = unlink(buyer, order, "CNWY", number)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert timeline(buyer, order) == events


def test_what_was_unlinked_can_be_linked_again(buyer: Party) -> None:
    order, pro = buyer.issue(), xpo()
    linked(buyer, order, "CNWY", pro)
    unlink(buyer, order, "CNWY", pro)
    linked(buyer, order, "CNWY", pro)
    types = [event["type"] for event in timeline(buyer, order)[-3:]]
    assert types == ["pro_number.linked", "pro_number.unlinked", "pro_number.linked"]


def test_unlinking_keeps_the_claim(buyer: Party, stranger: Party) -> None:
    order, pro = buyer.issue(), xpo()
    linked(buyer, order, "CNWY", pro)
    unlink(buyer, order, "CNWY", pro)
    refused = link(stranger, stranger.issue(), "CNWY", pro)
    assert (refused.status_code, refused.json()["code"]) == (409, "pro_number_claimed")
    assert buyer.get(f"/v1/pro-numbers/CNWY/{pro}").json()["claimed"] is True


def test_a_claimed_pro_number_does_not_tell_whose_it_is(buyer: Party, stranger: Party) -> None:
    pro = xpo()
    linked(buyer, buyer.issue(), "CNWY", pro)
    refused = link(stranger, stranger.issue(), "CNWY", pro)
    assert refused.status_code == 409
    assert buyer.id not in refused.text
    assert "Nordwind" not in refused.text
    assert stranger.get(f"/v1/pro-numbers/CNWY/{pro}").status_code == 404


@pytest.mark.parametrize(("action", "status"), [("reject", "rejected"), ("cancel", "cancelled")])
def test_an_order_that_was_stopped_takes_no_pro_number(buyer: Party, sql: Sql, action: str, status: str) -> None:
    order, pro = buyer.issue(), xpo()
    buyer.act(order, action)
    refused = link(buyer, order, "CNWY", pro)
    assert (refused.status_code, refused.json()["code"]) == (409, "invalid_transition")
    assert refused.json()["order_status"] == status
    # The claim went with the link that was refused: another organisation's first use of the number is the first.
    assert sql("SELECT * FROM pro_claims WHERE pro_number = $1", pro.replace("-", "")) == []
    assert pro_numbers_of(buyer, order) == []


def test_an_order_whose_goods_have_all_come_takes_no_pro_number(buyer: Party, sql: Sql) -> None:
    order = buyer.active()
    sql("UPDATE purchase_orders SET status = 'received' WHERE id = $1", order["id"])
    refused = link(buyer, order, "CNWY", xpo())
    assert (refused.status_code, refused.json()["order_status"]) == (409, "received")


def test_a_closed_order_takes_no_pro_number(buyer: Party) -> None:
    order = buyer.active()
    buyer.act(order, "close")
    refused = link(buyer, order, "CNWY", xpo())
    assert (refused.status_code, refused.json()["order_status"]) == (409, "closed")


def test_a_draft_takes_no_pro_number(buyer: Party) -> None:
    refused = link(buyer, buyer.issue(draft=True), "CNWY", xpo())
    assert (refused.status_code, refused.json()["order_status"]) == (409, "draft")


def test_an_ended_order_keeps_its_links_and_lets_them_be_taken_off(buyer: Party) -> None:
    order, pro = buyer.issue(), xpo()
    linked(buyer, order, "CNWY", pro)
    buyer.act(order, "cancel")
    assert pro_numbers_of(buyer, order) == [("CNWY", pro)]
    assert link(buyer, order, "CNWY", pro).status_code == 200
    assert unlink(buyer, order, "CNWY", pro).status_code == 200


def test_a_suspended_order_takes_a_pro_number_for_its_goods_may_be_on_the_way(buyer: Party) -> None:
    order = buyer.active(expires_at=ahead(days=30))
    buyer.act(order, "suspend", reason="Prices are in dispute.")
    linked(buyer, order, "CNWY", xpo())


def test_the_parties_link_under_their_own_organisation(buyer: Party, seller: Party, forwarder: Party) -> None:
    order = buyer.issue(
        seller={"organisation_id": seller.id}, forwarders=[{"organisation_id": forwarder.id, "name": "Elbe"}]
    )
    for party, relation in ((buyer, "owner"), (seller, "seller"), (forwarder, "forwarder")):
        made = linked(party, order, "CNWY", xpo())
        assert made["linked_by"] == party.id
        assert timeline(buyer, order)[-1]["relation"] == relation
    assert len(pro_numbers_of(forwarder, order)) == 3


def test_the_ship_to_reads_pro_numbers_and_links_none(buyer: Party, warehouse: Party) -> None:
    order, pro = buyer.issue(ship_to={"organisation_id": warehouse.id}), xpo()
    linked(buyer, order, "CNWY", pro)
    assert pro_numbers_of(warehouse, order) == [("CNWY", pro)]
    for refused in (link(warehouse, order, "CNWY", xpo()), unlink(warehouse, order, "CNWY", pro)):
        assert (refused.status_code, refused.json()["code"]) == (403, "relation_not_allowed")


def test_linking_needs_the_scope_ship(buyer: Party) -> None:
    order = buyer.issue()
    reader = {"Authorization": f"Bearer {buyer.key_with('orders:read')}"}
    refused = link(buyer, order, "CNWY", xpo(), headers=reader)
    assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope")
    assert buyer.get(f"/v1/purchase-orders/{order['id']}/pro-numbers", headers=reader).status_code == 200


def test_an_idempotency_key_replays_the_link(buyer: Party) -> None:
    order, pro = buyer.issue(), xpo()
    first = link(buyer, order, "CNWY", pro, headers={"Idempotency-Key": f"link-{pro}"})
    again = link(buyer, order, "CNWY", pro, headers={"Idempotency-Key": f"link-{pro}"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json() == first.json()


def test_links_of_an_order_come_in_pages(buyer: Party) -> None:
    order = buyer.issue()
    pros = sorted(("SAIA", any_shape()) for _ in range(5))
    for scac, pro in reversed(pros):
        linked(buyer, order, scac, pro)
    found: list[tuple[str, str]] = []
    path = f"/v1/purchase-orders/{order['id']}/pro-numbers?limit=2"
    while path:
        page = buyer.get(path)
        found += [(row["scac"], row["pro_number"]) for row in page.json()["data"]]
        path = page.links.get("next", {}).get("url", "")
        assert bool(path) == (page.json()["next_cursor"] is not None)
    assert found == pros
