"""Parcels have tracking numbers: put on an order, followed like shipments, found by what stands on them."""

import asyncio
import itertools
import random
import secrets
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.parties import Party
from tests.shipments.test_tracking import SIX, hour
from tests.shipments.waybills import timeline


def parcel() -> str:
    return f"1Z{secrets.token_hex(8).upper()}"


def put(party: Party, order: dict[str, Any], number: str, carrier: str = "UPS", **options: Any) -> httpx.Response:
    body = {"carrier": carrier, "tracking_number": number}
    return party.post(f"/v1/purchase-orders/{order['number']}/tracking-numbers", body, **options)


def parcels_of(party: Party, order: dict[str, Any]) -> list[dict[str, Any]]:
    answer = party.get(f"/v1/purchase-orders/{order['id']}/tracking-numbers")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


def report(party: Party, order: dict[str, Any], number: str, *events: dict[str, Any]) -> httpx.Response:
    path = f"/v1/purchase-orders/{order['id']}/tracking-numbers/{number}/tracking-events"
    return party.post(path, {"events": list(events)})


@pytest.fixture
def order(buyer: Party, seller: Party, warehouse: Party, forwarder: Party) -> dict[str, Any]:
    return buyer.issue(
        seller={"organisation_id": seller.id},
        ship_to={"organisation_id": warehouse.id},
        forwarders=[{"organisation_id": forwarder.id}],
        delivery_window={"start": hour(24), "end": hour(36)},
    )


def test_a_parcel_is_201_then_200_in_any_spelling_and_may_have_its_carrier_corrected(
    seller: Party, warehouse: Party, order: dict[str, Any]
) -> None:
    number = parcel()
    made = put(seller, order, f"{number[:4]} {number[4:].lower()}", " ups")
    assert made.status_code == 201
    shown = made.json()
    assert shown.pop("linked_at").endswith("Z")
    assert shown == {
        "carrier": "UPS",
        "tracking_number": f"{number[:4]} {number[4:].lower()}",
        "tracking": None,
        "linked": True,
        "linked_by": seller.id,
    }
    assert put(seller, order, f"{number[:2]}-{number[2:]}", "ups").status_code == 200
    corrected = put(seller, order, number, "United Parcel")
    assert (corrected.status_code, corrected.json()["carrier"]) == (200, "United Parcel")
    assert [one["carrier"] for one in parcels_of(warehouse, order)] == ["United Parcel"]
    types = [event["type"] for event in timeline(warehouse, order)]
    assert types[-2:] == ["tracking_number.linked", "tracking_number.changed"]
    assert timeline(warehouse, order)[-1]["data"] == {
        "carrier": "United Parcel",
        "tracking_number": shown["tracking_number"],
    }


def test_a_parcel_is_followed_by_the_rules_of_a_shipment_and_seen_by_all_parties(
    buyer: Party, seller: Party, warehouse: Party, forwarder: Party, order: dict[str, Any]
) -> None:
    found = []
    for sequence in random.Random(7).sample(list(itertools.permutations(SIX)), 3):
        number = parcel()
        put(seller, order, number)
        for event in sequence:
            assert report(forwarder, order, number, event).status_code == 201
        assert report(buyer, order, number.lower(), *SIX).status_code == 200
        path = f"/v1/purchase-orders/{order['id']}/tracking-numbers/{number}/tracking-events"
        told = warehouse.get(path).json()
        found.append((told["tracking"], [event["type"] for event in told["data"]]))
    assert all(one == found[0] for one in found)
    assert found[0][0]["status"] == "delivered"
    assert {one["tracking"]["status"] for one in parcels_of(warehouse, order)} == {"delivered"}
    number = parcel()
    put(seller, order, number)
    report(seller, order, number, SIX[1])
    (last,) = (one for one in parcels_of(buyer, order) if one["tracking_number"] == number)
    assert (last["tracking"]["eta"], last["tracking"]["eta_outside_window"]) == (hour(30), False)
    event = timeline(warehouse, order)[-1]
    assert event["type"] == "shipment.status_changed"
    assert event["data"]["tracking_number"] == number
    assert event["data"]["tracking_status"] == "in_transit"


def test_what_is_told_of_a_parcel_stays_with_the_order_that_it_is_on(
    buyer: Party, stranger: Party, order: dict[str, Any]
) -> None:
    number = parcel()
    put(buyer, order, number)
    elsewhere = stranger.issue()
    assert put(stranger, elsewhere, number).status_code == 201
    assert report(stranger, elsewhere, number, SIX[5]).status_code == 201
    assert [one["tracking"] for one in parcels_of(buyer, order)] == [None]
    assert report(stranger, order, number, SIX[5]).status_code == 404


def test_taken_off_and_put_on_again_it_is_the_same_parcel(buyer: Party, order: dict[str, Any]) -> None:
    number = parcel()
    put(buyer, order, number)
    report(buyer, order, number, SIX[0])
    path = f"/v1/purchase-orders/{order['id']}/tracking-numbers/{number}"
    taken = buyer.post(f"{path}/unlink", {"reason": "Other order"})
    assert (taken.status_code, taken.json()["linked"]) == (200, False)
    assert parcels_of(buyer, order) == []
    assert timeline(buyer, order)[-1]["data"]["reason"] == "Other order"
    for answer in (
        buyer.post(f"{path}/unlink"),
        report(buyer, order, number, SIX[1]),
        buyer.get(f"{path}/tracking-events"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert buyer.get("/v1/lookup", params={"q": number}).json()["data"] == []
    again = put(buyer, order, number)
    assert (again.status_code, again.json()["tracking"]["status"]) == (201, "picked_up")


def test_an_order_is_found_by_the_tracking_number_of_its_parcel(
    buyer: Party, warehouse: Party, stranger: Party, order: dict[str, Any]
) -> None:
    number = parcel()
    put(buyer, order, number)
    for written in (number, number.lower(), f"{number[:6]} {number[6:]}"):
        (found,) = warehouse.get("/v1/lookup", params={"q": written}).json()["data"]
        assert found["id"] == order["id"]
        assert found["found_by"] == [{"field": "tracking_number", "value": number, "qualifier": "UPS"}]
    assert stranger.get("/v1/lookup", params={"q": number}).json()["data"] == []


def test_who_merely_presents_a_number_has_his_own_parcels_alone(buyer: Party, stranger: Party) -> None:
    order = buyer.issue()
    own, other = parcel(), parcel()
    put(buyer, order, other)
    assert put(stranger, order, own).status_code == 201
    taken = put(stranger, order, other)
    assert (taken.status_code, taken.json()["code"]) == (409, "tracking_number_taken")
    assert report(stranger, order, own, SIX[0]).status_code == 201
    assert report(stranger, order, other, SIX[0]).status_code == 404
    path = f"/v1/purchase-orders/{order['id']}/tracking-numbers"
    assert stranger.post(f"{path}/{other}/unlink").status_code == 404
    assert stranger.get(path).status_code == 404
    assert stranger.post(f"{path}/{own}/unlink").status_code == 200
    assert len(parcels_of(buyer, order)) == 1


def test_an_order_that_names_its_forwarder_takes_no_parcel_of_others_nor_after_its_end(
    buyer: Party, stranger: Party, warehouse: Party, order: dict[str, Any]
) -> None:
    assert put(stranger, order, parcel()).status_code == 404
    refused = put(warehouse, order, parcel())
    assert (refused.status_code, refused.json()["code"]) == (403, "relation_not_allowed")
    buyer.act(order, "cancel", reason="Too late")
    ended = put(buyer, order, parcel())
    assert (ended.status_code, ended.json()["code"]) == (409, "invalid_transition")


@pytest.mark.parametrize(
    ("sent", "place", "code"),
    [
        ({"tracking_number": "1" * 41}, "tracking_number", "tracking_number_too_long"),
        ({"tracking_number": " - "}, "tracking_number", "tracking_number_empty"),
        ({"tracking_number": "1Z/999"}, "tracking_number", "tracking_number_characters"),
        # A Cyrillic letter that looks like a Latin one.
        ({"tracking_number": "1\u0417999"}, "tracking_number", "tracking_number_characters"),
        ({"tracking_number": "1Z\x00999"}, "tracking_number", "control_character"),
        ({"carrier": ""}, "carrier", "string_too_short"),
        ({"carrier": "U" * 101}, "carrier", "string_too_long"),
        ({"carrier": None}, "carrier", "string_type"),
        ({"service": "ground"}, "service", "extra_forbidden"),
    ],
)
def test_what_is_no_tracking_number_is_refused_by_name(
    sent: dict[str, Any], place: str, code: str, buyer: Party
) -> None:
    body = {"carrier": "UPS", "tracking_number": "1Z999AA10123456784"} | sent
    answer = buyer.post(f"/v1/purchase-orders/{buyer.issue()['id']}/tracking-numbers", body)
    assert answer.status_code == 422
    assert [(fault["loc"], fault["code"]) for fault in answer.json()["errors"]] == [(["body", place], code)]


def test_forty_letters_and_digits_are_taken_with_whatever_stands_between(buyer: Party) -> None:
    order = buyer.issue()
    written = " ".join("1234567890" for _ in range(4))
    assert put(buyer, order, written).status_code == 201
    path = f"/v1/purchase-orders/{order['id']}/tracking-numbers"
    assert buyer.get(f"{path}/{'1' * 41}/tracking-events").json()["errors"][0]["loc"] == ["path", "tracking_number"]
    assert buyer.get(f"{path}/{written}/tracking-events").json()["tracking"] is None


def test_parcels_come_in_pages(buyer: Party) -> None:
    order = buyer.issue()
    numbers = sorted(parcel() for _ in range(5))
    for number in numbers:
        put(buyer, order, number)
    path = f"/v1/purchase-orders/{order['id']}/tracking-numbers"
    first = buyer.get(path, params={"limit": 3}).json()
    second = buyer.get(path, params={"limit": 3, "cursor": first["next_cursor"]}).json()
    assert [one["tracking_number"] for one in first["data"] + second["data"]] == numbers
    assert second["next_cursor"] is None


def test_eight_at_once_make_one_parcel_and_of_twelve_reports_at_once_none_is_lost(
    buyer: Party, party: Callable[..., Party]
) -> None:
    order, number = buyer.issue(), parcel()

    async def at_once(path: str, bodies: list[dict[str, Any]]) -> list[httpx.Response]:
        async with buyer.asynchronous() as client:
            return await asyncio.gather(*(client.post(path, json=body) for body in bodies))

    path = f"/v1/purchase-orders/{order['id']}/tracking-numbers"
    made = asyncio.run(at_once(path, [{"carrier": "UPS", "tracking_number": number}] * 8))
    assert sorted(answer.status_code for answer in made) == [200] * 7 + [201]
    assert [event["type"] for event in timeline(buyer, order)].count("tracking_number.linked") == 1
    told = asyncio.run(at_once(f"{path}/{number}/tracking-events", [{"events": [event]} for event in [*SIX, *SIX]]))
    assert sorted(answer.status_code for answer in told) == [200] * 6 + [201] * 6
    (shown,) = parcels_of(buyer, order)
    assert (shown["tracking"]["events"], shown["tracking"]["status"]) == (6, "delivered")
    sequences = [event["sequence"] for event in timeline(buyer, order)]
    assert sequences == list(range(1, len(sequences) + 1))
