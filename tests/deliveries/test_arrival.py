"""A vehicle at the gate: found by whatever the driver shows, judged as a whole, noted once."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.deliveries.bookings import PATH, booked, current, done, shipment, step, window
from tests.parties import Party, ahead
from tests.shipments.waybills import any_shape, timeline, unlink

Make = Callable[..., dict[str, Any]]
Sql = Callable[..., list[Any]]


def now() -> dict[str, str]:
    return {"start": ahead(minutes=-20), "end": ahead(hours=2)}


def at_gate(party: Party, text: str, **said: Any) -> httpx.Response:
    return party.post(f"{PATH}/arrive", {"input": text, **said})


@pytest.mark.parametrize("shown", ["booking", "appointment", "trailer", "plate", "order", "scan", "pro", "bol"])
def test_a_vehicle_is_found_by_whatever_the_driver_shows(
    shown: str, at_warehouse: Make, forwarder: Party, warehouse: Party
) -> None:
    order, trailer = at_warehouse(), f"HH-{any_shape()}"
    part = shipment(order)
    made = booked(forwarder, part, window=now(), trailer_number=trailer)
    confirmed = done(warehouse, made, "confirm")
    text = {
        "booking": made["booking_number"].lower(),
        "appointment": confirmed["appointment_number"],
        "trailer": trailer,
        "plate": trailer.lower().replace("-", " "),
        "order": f"po no. {order['number'][3:].lower()}",
        "scan": f"(400){order['number']}",
        "pro": part["pro_number"],
        "bol": f"]C19012K{part['scac']}{part['pro_number']}",
    }[shown]
    answer = at_gate(warehouse, text, dock="D7")
    assert answer.status_code == 200, answer.text
    assert (answer.json()["verdict"], answer.json()["arrived"]) == ("accept", True)
    assert answer.json()["delivery_booking"]["id"] == made["id"]
    twice = at_gate(warehouse, text)
    assert (twice.status_code, twice.json()["code"]) == (409, "invalid_transition")
    assert twice.json()["dock"] == "D7"
    assert twice.json()["arrived_at"] == answer.json()["delivery_booking"]["arrival"]["arrived_at"]


def test_nobody_elses_vehicle_is_found(at_warehouse: Make, forwarder: Party, stranger: Party) -> None:
    order = at_warehouse()
    made = booked(forwarder, shipment(order), window=now(), trailer_number=f"T{any_shape()}")
    texts = (
        made["booking_number"],
        made["trailer_number"],
        order["number"],
        "nothing",
        "",
        " ",
        "\x00",
        "§§",
        "x" * 4096,
    )
    for party in (stranger, forwarder):
        for text in texts:
            assert at_gate(party, text).status_code == 404, text


def test_one_verdict_for_the_whole_vehicle_is_the_worst_of_its_orders(
    at_warehouse: Make, forwarder: Party, warehouse: Party, buyer: Party, seller: Party
) -> None:
    orders = [at_warehouse(), at_warehouse()]
    made = booked(forwarder, shipment(*orders), window=now())
    buyer.act(orders[1], "suspend", reason="Recall")
    refused = step(warehouse, made, "arrive", dock="D1").json()
    assert (refused["verdict"], refused["arrived"]) == ("reject", False)
    assert [one["verdict"] for one in refused["purchase_orders"]] == ["accept", "reject"]
    (refusal,) = refused["purchase_orders"][1]["refusals"]
    assert (refusal["code"], refusal["next_step"]["action"]) == ("suspended", "contact_buyer")
    # Turned away, it has not come; what was against it stands in the timeline of its orders.
    assert current(warehouse, made)["status"] == "requested"
    assert current(warehouse, made)["version"] == 1
    (checked,) = wait_for(lambda: [one for one in timeline(seller, orders[1]) if one["type"] == "gate.checked"])
    assert (checked["data"]["codes"], checked["data"]["dock"]) == (["suspended"], "D1")
    buyer.act(orders[1], "resume")
    arrived = step(warehouse, made, "arrive", dock="D1").json()
    assert (arrived["verdict"], arrived["arrived"]) == ("accept", True)


def test_a_vehicle_that_is_held_has_arrived_and_waits(at_warehouse: Make, forwarder: Party, warehouse: Party) -> None:
    made = booked(forwarder, shipment(at_warehouse()))
    held = step(warehouse, made, "arrive", dock="D2").json()
    assert (held["verdict"], held["arrived"]) == ("hold", True)
    assert [one["code"] for one in held["purchase_orders"][0]["refusals"]] == ["before_window"]
    shown = current(forwarder, made)
    assert (shown["status"], shown["arrival"]["verdict"]) == ("arrived", "hold")
    assert shown["shipments"][0]["purchase_orders"][0] == {
        "number": made["shipments"][0]["purchase_orders"][0]["number"],
        "verdict": "hold",
        "codes": ["before_window"],
    }


def test_another_trailer_than_the_one_that_is_expected_is_turned_away(
    at_warehouse: Make, forwarder: Party, warehouse: Party
) -> None:
    made = booked(forwarder, shipment(at_warehouse()), window=now(), trailer_number="HH-AB-1234")
    other = step(warehouse, made, "arrive", trailer_number="B-XY 99").json()
    assert (other["verdict"], other["arrived"]) == ("reject", False)
    assert step(warehouse, made, "arrive", trailer_number="hh ab 1234").json()["arrived"]


def test_what_a_mere_presenter_has_booked_is_expected_when_it_arrives(
    buyer: Party, warehouse: Party, stranger: Party
) -> None:
    order = buyer.active(ship_to={"organisation_id": warehouse.id})
    assert warehouse.post("/v1/policies", {"mandatory_gate_facts": ["pro_number", "booking"]}).status_code == 201
    made = booked(stranger, shipment(order), window=now(), trailer_number="P-1")
    assert step(warehouse, made, "arrive", trailer_number="X").json()["verdict"] == "reject"
    assert step(warehouse, made, "arrive").json()["verdict"] == "accept"


def test_an_order_that_was_taken_off_its_pro_number_is_not_covered_by_the_booking(
    at_warehouse: Make, forwarder: Party, warehouse: Party, buyer: Party
) -> None:
    order = at_warehouse()
    assert warehouse.post("/v1/policies", {"mandatory_gate_facts": ["booking"]}).status_code == 201
    part = shipment(order)
    made = booked(forwarder, part, window=now())
    assert unlink(buyer, order, part["scac"], part["pro_number"]).status_code == 200
    answer = step(warehouse, made, "arrive").json()
    assert [one["code"] for one in answer["purchase_orders"][0]["refusals"]] == ["no_booking"]


def test_of_several_bookings_that_fit_the_one_whose_window_it_is_or_all_are_named(
    at_warehouse: Make, forwarder: Party, warehouse: Party
) -> None:
    trailer = f"T{any_shape()}"
    windows = [window(days=9), window(days=2), window(days=5)]
    made = [booked(forwarder, shipment(at_warehouse()), window=when, trailer_number=trailer) for when in windows]
    several = at_gate(warehouse, trailer)
    assert (several.status_code, several.json()["code"]) == (409, "ambiguous_booking")
    assert [one["id"] for one in several.json()["candidates"]] == [made[index]["id"] for index in (1, 2, 0)]
    today = booked(forwarder, shipment(at_warehouse()), window=now(), trailer_number=trailer)
    assert at_gate(warehouse, trailer).json()["delivery_booking"]["id"] == today["id"]


def test_of_two_gates_that_see_one_vehicle_one_notes_it(at_warehouse: Make, forwarder: Party, warehouse: Party) -> None:
    order = at_warehouse()
    made = booked(forwarder, shipment(order), window=now())

    async def race() -> list[httpx.Response]:
        async with warehouse.asynchronous() as client:
            posts = [client.post(f"{PATH}/arrive", json={"input": order["number"], "dock": f"D{n}"}) for n in range(8)]
            return await asyncio.gather(*posts)

    answers = asyncio.run(race())
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    assert [one["type"] for one in timeline(warehouse, order)].count("delivery_booking.arrived") == 1
    assert current(warehouse, made)["version"] == 2


def test_a_rejected_vehicle_may_come_again_under_its_key(
    at_warehouse: Make, forwarder: Party, warehouse: Party, buyer: Party
) -> None:
    order = at_warehouse()
    made = booked(forwarder, shipment(order), window=now())
    buyer.act(order, "suspend")
    key = {"Idempotency-Key": any_shape()}
    for verdict in ("reject", "accept"):
        answer = warehouse.post(f"{PATH}/{made['id']}/arrive", {}, headers=key)
        assert answer.json()["verdict"] == verdict
        if verdict == "reject":
            buyer.act(order, "resume")


def wait_for(happens: Callable[[], list[Any]]) -> list[Any]:
    until = time.monotonic() + 15
    while not (found := happens()):
        assert time.monotonic() < until
        time.sleep(0.05)
    return found
