"""What moving an order's shipment to another carrier or waybill does: one goes, one comes, in one step."""

import asyncio
from collections.abc import Callable
from typing import Any

import asyncpg
import pytest

from tests.deliveries.bookings import booked, done, shipment
from tests.orders.test_policies import stated
from tests.parties import Party, ahead
from tests.shipments.waybills import any_shape, link, linked, move, pro_numbers_of, timeline, unlink, xpo

Sql = Callable[..., list[asyncpg.Record]]


def refused(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    problem: dict[str, Any] = answer.json()
    return problem


def test_the_new_one_comes_and_the_old_one_goes_with_one_event(buyer: Party) -> None:
    order, old, new = buyer.issue(), xpo(), any_shape()
    linked(buyer, order, "CNWY", old)
    answer = move(buyer, order, ("cnwy", old.replace("-", "")), (" saia", new.lower()))
    assert answer.status_code == 200, answer.text
    assert (answer.json()["scac"], answer.json()["pro_number"], answer.json()["linked"]) == ("SAIA", new, True)
    assert pro_numbers_of(buyer, order) == [("SAIA", new)]
    last = timeline(buyer, order)[-1]
    assert (last["type"], last["sequence"]) == ("pro_number.moved", order["version"] + 2)
    assert last["data"] == {
        "from": {"scac": "CNWY", "pro_number": old},
        "to": {"scac": "SAIA", "pro_number": new},
        "reason": "No vehicle before Monday.",
    }


def test_vehicle_window_and_bill_of_lading_stay(buyer: Party) -> None:
    order, old, new = buyer.issue(), xpo(), any_shape()
    vehicle = {"trailer_number": "HH-77", "window": {"start": ahead(days=1), "end": ahead(days=2)}, "bol": "BOL-1"}
    path = f"/v1/purchase-orders/{order['id']}/pro-numbers"
    assert buyer.post(path, {"scac": "CNWY", "pro_number": old, **vehicle}).status_code == 201
    moved = move(buyer, order, ("CNWY", old), ("SAIA", new)).json()
    assert {name: moved[name] for name in vehicle} == vehicle
    assert timeline(buyer, order)[-1]["data"]["to"]["bol"] == "BOL-1"


def test_what_is_booked_is_taken_out_of_its_booking_first(buyer: Party) -> None:
    order, new = buyer.active(), any_shape()
    booking = booked(buyer, shipment(order))
    (coming,) = booking["shipments"]
    old, events = (coming["scac"], coming["pro_number"]), timeline(buyer, order)
    refused = move(buyer, order, old, ("SAIA", new))
    assert (refused.status_code, refused.json()["code"]) == (409, "pro_number_booked")
    assert timeline(buyer, order) == events
    done(buyer, booking, "cancel")
    assert move(buyer, order, old, ("SAIA", new)).status_code == 200


def test_moving_to_the_same_is_200_and_nothing_happens(buyer: Party) -> None:
    order, pro = buyer.issue(), xpo()
    first, events = linked(buyer, order, "CNWY", pro), timeline(buyer, order)
    again = move(buyer, order, ("CNWY", pro), ("cnwy", pro.replace("-", "")))
    assert (again.status_code, again.json()) == (200, first)
    assert timeline(buyer, order) == events


def test_moving_to_one_that_the_order_has_takes_the_old_one_off(buyer: Party) -> None:
    order, old, other = buyer.issue(), xpo(), any_shape()
    linked(buyer, order, "CNWY", old)
    path = f"/v1/purchase-orders/{order['id']}/pro-numbers"
    buyer.post(path, {"scac": "CNWY", "pro_number": old, "trailer_number": "OLD-1", "bol": "BOL-OLD"})
    buyer.post(path, {"scac": "SAIA", "pro_number": other, "trailer_number": "NEW-1"})
    moved = move(buyer, order, ("CNWY", old), ("SAIA", other)).json()
    assert (moved["trailer_number"], moved["bol"]) == ("NEW-1", "BOL-OLD")
    assert pro_numbers_of(buyer, order) == [("SAIA", other)]


def test_the_new_one_is_claimed_and_the_old_claim_stays(buyer: Party, stranger: Party) -> None:
    order, old, new = buyer.issue(), xpo(), any_shape()
    linked(buyer, order, "CNWY", old)
    assert move(buyer, order, ("CNWY", old), ("SAIA", new)).status_code == 200
    for scac, pro in (("CNWY", old), ("SAIA", new)):
        refused(link(stranger, stranger.issue(), scac, pro), 409, "pro_number_claimed")


def test_what_linking_refuses_moving_refuses_and_the_old_one_stays(buyer: Party, stranger: Party, sql: Sql) -> None:
    order, old, theirs = buyer.issue(), xpo(), any_shape()
    linked(buyer, order, "CNWY", old)
    linked(stranger, stranger.issue(), "SAIA", theirs)
    refused(move(buyer, order, ("CNWY", old), ("SAIA", theirs)), 409, "pro_number_claimed")
    assert refused(move(buyer, order, ("CNWY", old), ("CNWY", "118-450326")), 422, "invalid_pro_number")["rule"] == (
        "check_digit"
    )
    assert refused(move(buyer, order, ("CNWY", old), ("ABCU", "1")), 422, "invalid_pro_number")["field"] == "scac"
    buyer.act(order, "cancel")
    new = any_shape()
    assert (
        refused(move(buyer, order, ("CNWY", old), ("SAIA", new)), 409, "invalid_transition")["order_status"]
        == "cancelled"
    )
    assert pro_numbers_of(buyer, order) == [("CNWY", old)]
    assert sql("SELECT * FROM pro_claims WHERE pro_number = $1", new) == []
    assert "pro_number.moved" not in {event["type"] for event in timeline(buyer, order)}


def test_what_is_not_on_the_order_cannot_be_moved(buyer: Party, sql: Sql) -> None:
    order, new = buyer.issue(), any_shape()
    for target in (("SAIA", new), ("CNWY", "118-450323")):
        refused(move(buyer, order, ("CNWY", "118-450323"), target), 404, "not_found")
    assert sql("SELECT * FROM pro_claims WHERE pro_number = $1", new) == []


@pytest.mark.parametrize("body", [{"reason": None}, {"reason": ""}, {"reason": "  "}, {"reason": "x" * 2001}])
def test_a_reason_is_needed(buyer: Party, body: dict[str, Any]) -> None:
    order, old = buyer.issue(), xpo()
    linked(buyer, order, "CNWY", old)
    problem = refused(move(buyer, order, ("CNWY", old), ("SAIA", any_shape()), body=body), 422, "invalid_request")
    assert [fault["loc"] for fault in problem["errors"]] == [["body", "reason"]]


def test_a_policy_against_split_shipments_lets_one_go_and_one_come(buyer: Party) -> None:
    stated(buyer, split_shipments="refused")
    order, old, new = buyer.active(), xpo(), any_shape()
    linked(buyer, order, "CNWY", old)
    assert move(buyer, order, ("CNWY", old), ("SAIA", new)).status_code == 200
    refused(link(buyer, order, "CNWY", xpo()), 409, "split_shipment_not_allowed")


def test_a_move_does_not_make_a_party_s_second_pro_number_of_a_stranger_s(buyer: Party, stranger: Party) -> None:
    stated(buyer, split_shipments="refused")
    order, theirs, ours = buyer.active(), any_shape(), xpo()
    linked(stranger, order, "SAIA", theirs)
    linked(buyer, order, "CNWY", ours)
    problem = refused(move(buyer, order, ("SAIA", theirs), ("EXLA", any_shape())), 409, "split_shipment_not_allowed")
    assert problem["linked"] == {"scac": "CNWY", "pro_number": ours}
    assert pro_numbers_of(buyer, order) == [("CNWY", ours), ("SAIA", theirs)]


def test_a_presenter_moves_what_it_linked_while_no_forwarder_is_named(
    buyer: Party, forwarder: Party, stranger: Party
) -> None:
    order, own, other = buyer.issue(), any_shape(), xpo()
    linked(stranger, order, "SAIA", own)
    linked(buyer, order, "CNWY", other)
    refused(move(stranger, order, ("CNWY", other), ("EXLA", any_shape())), 404, "not_found")
    assert move(stranger, order, ("SAIA", own), ("EXLA", own)).status_code == 200
    assert timeline(buyer, order)[-1]["relation"] == "presenter"
    named = buyer.issue(forwarders=[{"organisation_id": forwarder.id}])
    pro = xpo()
    linked(forwarder, named, "CNWY", pro)
    refused(move(stranger, named, ("CNWY", pro), ("EXLA", any_shape())), 404, "not_found")


def test_a_party_moves_what_another_party_linked(buyer: Party, seller: Party, warehouse: Party) -> None:
    order = buyer.issue(seller={"organisation_id": seller.id}, ship_to={"organisation_id": warehouse.id})
    old, new = xpo(), any_shape()
    linked(seller, order, "CNWY", old)
    refused(move(warehouse, order, ("CNWY", old), ("SAIA", new)), 403, "relation_not_allowed")
    assert move(buyer, order, ("CNWY", old), ("SAIA", new)).json()["linked_by"] == buyer.id
    shown = timeline(warehouse, order)[-1]["data"]
    assert (shown["from"]["pro_number"], shown["to"]["pro_number"]) == (old, new)


def test_of_many_moves_at_once_one_is_done(buyer: Party) -> None:
    order, old = buyer.issue(), xpo()
    linked(buyer, order, "CNWY", old)
    targets = [any_shape() for _ in range(8)]

    async def run() -> list[int]:
        async with buyer.asynchronous() as client:
            path = f"/v1/purchase-orders/{order['number']}/pro-numbers/CNWY/{old}/move"
            bodies = [{"scac": "SAIA", "pro_number": target, "reason": "race"} for target in targets]
            return [
                answer.status_code
                for answer in await asyncio.gather(*(client.post(path, json=body) for body in bodies))
            ]

    statuses = asyncio.run(run())
    assert sorted(statuses) == [200] + [404] * 7
    assert pro_numbers_of(buyer, order) == [("SAIA", targets[statuses.index(200)])]
    assert [event["type"] for event in timeline(buyer, order)].count("pro_number.moved") == 1


def test_two_that_move_crosswise_keep_nobody_waiting_for_ever(buyer: Party) -> None:
    for _ in range(4):
        order, one, other = buyer.issue(), ("SAIA", any_shape()), ("EXLA", any_shape())
        for pro in (one, other):
            linked(buyer, order, *pro)

        async def run(order: dict[str, Any], *pairs: tuple[Any, Any]) -> list[int]:
            async with buyer.asynchronous() as client:
                posts = [
                    client.post(
                        f"/v1/purchase-orders/{order['number']}/pro-numbers/{old[0]}/{old[1]}/move",
                        json={"scac": new[0], "pro_number": new[1], "reason": "race"},
                    )
                    for old, new in pairs
                ]
                return sorted(answer.status_code for answer in await asyncio.gather(*posts))

        # The second finds its old one gone, or moves what is left back again.
        assert asyncio.run(run(order, (one, other), (other, one))) in ([200, 200], [200, 404])
        assert len(pro_numbers_of(buyer, order)) == 1


def test_what_was_moved_can_be_moved_back(buyer: Party) -> None:
    order, old, new = buyer.issue(), xpo(), any_shape()
    linked(buyer, order, "CNWY", old)
    assert move(buyer, order, ("CNWY", old), ("SAIA", new)).status_code == 200
    assert move(buyer, order, ("SAIA", new), ("CNWY", old)).status_code == 200
    assert unlink(buyer, order, "SAIA", new).status_code == 404
    assert pro_numbers_of(buyer, order) == [("CNWY", old)]
