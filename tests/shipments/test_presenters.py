"""What somebody may do who holds an order's number and is not named on it."""

import secrets
from collections.abc import Callable

import asyncpg

from tests.parties import Party
from tests.shipments.waybills import link, linked, pro_numbers_of, timeline, unlink, xpo

Sql = Callable[..., list[asyncpg.Record]]


def test_a_presenter_links_while_no_forwarder_is_named(buyer: Party, stranger: Party) -> None:
    order, pro = buyer.issue(), xpo()
    made = linked(stranger, order, "CNWY", pro)
    assert made["linked_by"] == stranger.id
    assert pro_numbers_of(buyer, order) == [("CNWY", pro)]
    last = timeline(buyer, order)[-1]
    assert (last["type"], last["relation"]) == ("pro_number.linked", "presenter")


def test_to_a_presenter_an_order_with_a_forwarder_is_like_any_unknown_one(
    buyer: Party, forwarder: Party, stranger: Party, sql: Sql
) -> None:
    order, pro = buyer.issue(forwarders=[{"organisation_id": forwarder.id}]), xpo()
    linked(forwarder, order, "CNWY", pro)
    refused = link(stranger, order, "CNWY", xpo())
    unknown = link(stranger, {"number": "NOSUCHORDER77"}, "CNWY", xpo())
    assert refused.status_code == unknown.status_code == 404
    assert refused.json()["detail"].replace(order["number"], "") == unknown.json()["detail"].replace(
        "NOSUCHORDER77", ""
    )
    assert set(refused.json()) == set(unknown.json())
    assert unlink(stranger, order, "CNWY", pro).status_code == 404
    assert sql("SELECT * FROM pro_claims WHERE organisation_id = $1", stranger.id) == []


def test_a_forwarder_that_is_named_without_its_id_keeps_nobody_out(buyer: Party, stranger: Party) -> None:
    order = buyer.issue(forwarders=[{"name": "Elbe Spedition"}])
    linked(stranger, order, "CNWY", xpo())


def test_a_presenter_sees_neither_the_order_s_pro_numbers_nor_the_order(buyer: Party, stranger: Party) -> None:
    order, pro = buyer.issue(), xpo()
    linked(stranger, order, "CNWY", pro)
    assert stranger.get(f"/v1/purchase-orders/{order['number']}/pro-numbers").status_code == 404
    found = stranger.get(f"/v1/pro-numbers/CNWY/{pro}").json()
    assert (found["claimed"], found["purchase_orders"]) == (True, [])


def test_a_presenter_takes_off_what_it_linked_and_nothing_else(buyer: Party, stranger: Party) -> None:
    order, own, other = buyer.issue(), xpo(), xpo()
    linked(stranger, order, "CNWY", own)
    linked(buyer, order, "CNWY", other)
    refused = unlink(stranger, order, "CNWY", other)
    assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
    assert unlink(stranger, order, "CNWY", own).status_code == 200
    assert pro_numbers_of(buyer, order) == [("CNWY", other)]


def test_the_owner_takes_off_what_a_presenter_linked(buyer: Party, stranger: Party) -> None:
    order, pro = buyer.issue(), xpo()
    linked(stranger, order, "CNWY", pro)
    assert unlink(buyer, order, "CNWY", pro).status_code == 200
    assert pro_numbers_of(buyer, order) == []
    refused = link(buyer, order, "CNWY", pro)
    assert refused.json()["code"] == "pro_number_claimed"


def test_of_two_buyers_orders_a_presenter_means_the_one_that_is_open_to_it(
    buyer: Party, seller: Party, forwarder: Party, stranger: Party
) -> None:
    number = f"45{secrets.randbelow(10**10):010d}"
    buyer.issue(number=number, forwarders=[{"organisation_id": forwarder.id}])
    open_order = seller.issue(number=number)
    pro = xpo()
    linked(stranger, {"number": number}, "CNWY", pro)
    assert pro_numbers_of(seller, open_order) == [("CNWY", pro)]


def test_of_two_open_orders_with_one_number_a_presenter_says_whose_it_means(
    buyer: Party, seller: Party, stranger: Party
) -> None:
    number = f"45{secrets.randbelow(10**10):010d}"
    orders = {party.id: party.issue(number=number) for party in (buyer, seller)}
    pro = xpo()
    ambiguous = link(stranger, {"number": number}, "CNWY", pro)
    assert (ambiguous.status_code, ambiguous.json()["code"]) == (409, "ambiguous_number")
    assert link(stranger, {"number": f"{number}"}, "CNWY", pro, params={"buyer": seller.id}).status_code == 201
    assert pro_numbers_of(seller, orders[seller.id]) == [("CNWY", pro)]
    assert pro_numbers_of(buyer, orders[buyer.id]) == []
