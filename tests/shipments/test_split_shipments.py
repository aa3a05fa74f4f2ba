"""Where the buyer's policy refuses split shipments, an order has one PRO number at a time, however many are linked."""

import asyncio
import os
from collections import Counter
from typing import Any

import pytest

from tests.orders.test_activation_races import at_once
from tests.orders.test_policies import stated
from tests.parties import Party
from tests.shipments.waybills import any_shape, link, linked, pro_numbers_of, timeline, unlink, xpo

ROUNDS = int(os.environ.get("SPLIT_SHIPMENT_RACES", "4"))


@pytest.fixture
def whole(buyer: Party) -> Party:
    """A buyer whose orders come with one shipment."""
    stated(buyer, split_shipments="refused")
    return buyer


def refused(answer: Any) -> dict[str, Any]:
    assert (answer.status_code, answer.json()["code"]) == (409, "split_shipment_not_allowed"), answer.text
    problem: dict[str, Any] = answer.json()
    return problem


def test_a_second_pro_number_is_refused_whatever_carrier_brings_it(whole: Party) -> None:
    order, first, second = whole.active(), xpo(), xpo()
    linked(whole, order, "CNWY", first)
    for scac, other in (("CNWY", second), ("SAIA", any_shape())):
        problem = refused(link(whole, order, scac, other))
        assert problem["linked"] == {"scac": "CNWY", "pro_number": first}
        assert (problem["policy_version"], first in problem["detail"]) == (1, True)
    assert pro_numbers_of(whole, order) == [("CNWY", first)]
    assert [event["type"] for event in timeline(whole, order)].count("pro_number.linked") == 1
    # A refusal claims nothing.
    assert whole.get(f"/v1/pro-numbers/CNWY/{second}").status_code == 404


def test_the_same_pro_number_again_is_no_second_one(whole: Party) -> None:
    order, pro = whole.active(), xpo()
    linked(whole, order, "CNWY", pro)
    again = whole.post(
        f"/v1/purchase-orders/{order['id']}/pro-numbers",
        {"scac": "CNWY", "pro_number": pro, "trailer_number": "HH-77"},
    )
    assert (again.status_code, again.json()["trailer_number"]) == (200, "HH-77")


def test_taking_the_first_off_makes_room_for_another(whole: Party) -> None:
    order, first, second = whole.active(), xpo(), xpo()
    linked(whole, order, "CNWY", first)
    refused(link(whole, order, "CNWY", second))
    assert unlink(whole, order, "CNWY", first).status_code == 200
    linked(whole, order, "CNWY", second)
    refused(link(whole, order, "CNWY", first))


def test_one_pro_number_may_bring_many_orders(whole: Party) -> None:
    pro = xpo()
    for _ in range(3):
        linked(whole, whole.active(), "CNWY", pro)


def test_an_order_goes_by_the_version_that_it_was_issued_under(buyer: Party, seller: Party) -> None:
    before = buyer.active()
    stated(buyer, split_shipments="refused")
    whole = buyer.active(seller={"organisation_id": seller.id})
    stated(buyer)
    for order, status in ((before, 201), (whole, 409), (buyer.active(), 201)):
        linked(buyer, order, "CNWY", xpo())
        assert link(buyer, order, "CNWY", xpo()).status_code == status
    refused(link(seller, whole, "SAIA", any_shape()))
    # Nobody's policy but the buyer's.
    stated(seller, split_shipments="refused")
    other = buyer.active(seller={"organisation_id": seller.id})
    for _ in range(2):
        linked(seller, other, "SAIA", any_shape())


def test_what_a_stranger_linked_is_in_no_partys_way_and_no_stranger_learns_of_the_parties(
    whole: Party, stranger: Party
) -> None:
    order, strangers, right = whole.active(), any_shape(), xpo()
    linked(stranger, order, "SAIA", strangers)
    assert refused(link(stranger, order, "SAIA", any_shape()))["linked"]["pro_number"] == strangers
    linked(whole, order, "CNWY", right)
    refused(link(whole, order, "CNWY", xpo()))
    assert unlink(whole, order, "SAIA", strangers).status_code == 200
    problem = refused(link(stranger, order, "SAIA", any_shape()))
    assert (problem["linked"], right in str(problem)) == (None, False)


def test_of_many_pro_numbers_at_once_one_is_linked(whole: Party, seller: Party) -> None:
    for _ in range(ROUNDS):
        order = whole.active(seller={"organisation_id": seller.id})
        path = f"/v1/purchase-orders/{order['id']}/pro-numbers"
        requests = [(party, path, {"scac": "SAIA", "pro_number": any_shape()}) for party in (whole, seller) * 4]
        answers = asyncio.run(at_once(requests))
        outcomes = Counter((answer.status_code, answer.json().get("code")) for answer in answers)
        assert outcomes == {(201, None): 1, (409, "split_shipment_not_allowed"): 7}
        (won,) = [answer.json() for answer in answers if answer.status_code == 201]
        assert pro_numbers_of(whole, order) == [("SAIA", won["pro_number"])]
