"""Delivery bookings where the warehouse keeps a calendar: over HTTP, from the free slot to the dock."""

import asyncio
import os
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx

from tests.deliveries.docks import LOCATION, keep, tomorrow, written
from tests.deliveries.test_at_risk import announced, look
from tests.parties import Party
from tests.shipments.waybills import any_shape

Sql = Callable[..., list[Any]]

BOOKINGS = "/v1/delivery-bookings"
SLOTS = f"/v1/locations/{LOCATION}/slots"
RACING = int(os.environ.get("RACING_BOOKINGS", "50"))


def orders(
    number: int, sql: Sql, buyer: Party, warehouse: Party, *forwarders: Party, code: str = LOCATION
) -> list[dict[str, Any]]:
    """Make active orders that go to the warehouse, each with all the forwarders."""
    said = {
        "ship_to": {"organisation_id": warehouse.id, "code": code},
        "forwarders": [{"organisation_id": one.id} for one in forwarders],
    }
    answer = buyer.post("/v1/purchase-orders/batch", {"purchase_orders": [said] * number})
    made: list[dict[str, Any]] = [result["purchase_order"] for result in answer.json()["results"]]
    sql("UPDATE purchase_orders SET status = 'active' WHERE id = ANY($1)", [UUID(one["id"]) for one in made])
    return made


def body(order: dict[str, Any], start: Any, hours: int = 1) -> dict[str, Any]:
    return {
        "window": {"start": written(start), "end": written(start + timedelta(hours=hours))},
        "load_type": "palletised",
        "shipments": [
            {
                "scac": "QXZS",
                "pro_number": any_shape(),
                "pallets": 1,
                "cartons": 4,
                "units": 16,
                "purchase_orders": [order["number"]],
            }
        ],
    }


def book(party: Party, order: dict[str, Any], start: Any, hours: int = 1) -> httpx.Response:
    return party.post(BOOKINGS, body(order, start, hours))


def booked(party: Party, order: dict[str, Any], start: Any, hours: int = 1) -> dict[str, Any]:
    answer = book(party, order, start, hours)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def free(party: Party, start: Any, hours: int, **query: str) -> list[str]:
    span = {"from": written(start), "to": written(start + timedelta(hours=hours))}
    answer = party.get(SLOTS, params={**span, **query})
    assert answer.status_code == 200, answer.text
    return [one["start"] for one in answer.json()["data"]]


def test_of_fifty_bookings_of_two_forwarders_that_race_for_ten_slots_ten_are_booked(
    sql: Sql, buyer: Party, warehouse: Party, forwarder: Party, party: Callable[..., Party]
) -> None:
    keep(warehouse)
    other = party("Weser Spedition")
    made = orders(RACING, sql, buyer, warehouse, forwarder, other)
    day = tomorrow(days=2)
    bodies = [body(order, day + timedelta(hours=index % 10)) for index, order in enumerate(made)]

    async def race() -> list[httpx.Response]:
        async with forwarder.asynchronous() as one, other.asynchronous() as two:
            sent = [(one, two)[index // 10 % 2].post(BOOKINGS, json=said) for index, said in enumerate(bodies)]
            return await asyncio.gather(*sent)

    answers = asyncio.run(race())
    assert Counter(answer.status_code for answer in answers) == {201: 10, 409: RACING - 10}
    taken = {answer.json()["window"]["start"] for answer in answers if answer.status_code == 201}
    assert taken == {written(day + timedelta(hours=hour)) for hour in range(10)}
    for answer in answers:
        if answer.status_code == 409:
            assert answer.json()["code"] == "slot_taken"
            assert len(answer.json()["next_free"]) == 5
    # Whoever was refused has left nothing behind.
    links = sql("SELECT count(*) AS n FROM pro_links WHERE organisation_id = $1", UUID(buyer.id))
    claims = sql("SELECT count(*) AS n FROM slot_claims WHERE organisation_id = $1", UUID(warehouse.id))
    assert (links[0]["n"], claims[0]["n"]) == (10, 10)
    assert free(warehouse, day, 12) == [written(day + timedelta(hours=hour)) for hour in (10, 11)]


def test_a_booking_that_is_moved_cancelled_or_did_not_come_gives_its_slot_back(
    sql: Sql, buyer: Party, warehouse: Party, forwarder: Party
) -> None:
    keep(warehouse)
    made = orders(3, sql, buyer, warehouse, forwarder)
    day = tomorrow(days=2)
    first, second, third = (booked(forwarder, order, day + timedelta(hours=n)) for n, order in enumerate(made))
    assert free(forwarder, day, 4, number=made[0]["number"]) == [written(day + timedelta(hours=3))]

    there = {"window": {"start": second["window"]["start"], "end": second["window"]["end"]}}
    refused = forwarder.post(f"{BOOKINGS}/{first['id']}/reschedule", there)
    assert (refused.status_code, refused.json()["code"]) == (409, "slot_taken")
    assert refused.json()["next_free"][0]["start"] == written(day + timedelta(hours=3))
    between = {"start": written(day + timedelta(hours=3, minutes=30)), "end": written(day + timedelta(hours=4))}
    outside = forwarder.post(f"{BOOKINGS}/{first['id']}/reschedule", {"window": between})
    assert (outside.status_code, outside.json()["code"]) == (422, "outside_calendar")
    # Nothing has moved.
    assert forwarder.get(f"{BOOKINGS}/{first['id']}").json()["window"] == first["window"]

    last = {"start": written(day + timedelta(hours=3)), "end": written(day + timedelta(hours=4))}
    moved = forwarder.post(f"{BOOKINGS}/{first['id']}/reschedule", {"window": last})
    assert moved.status_code == 200, moved.text
    assert free(warehouse, day, 4) == [written(day)]
    assert forwarder.post(f"{BOOKINGS}/{second['id']}/cancel").status_code == 200
    assert free(warehouse, day, 4) == [written(day), written(day + timedelta(hours=1))]
    sql(
        "UPDATE delivery_bookings SET window_start = now() - interval '1 hour' WHERE id = $1",
        UUID(third["id"]),
    )
    gone = warehouse.post(f"{BOOKINGS}/{third['id']}/no-show")
    assert gone.status_code == 200, gone.text
    assert free(warehouse, day, 4) == [written(day + timedelta(hours=hour)) for hour in range(3)]


def test_where_no_calendar_is_kept_any_window_can_be_booked(
    sql: Sql, buyer: Party, warehouse: Party, forwarder: Party
) -> None:
    keep(warehouse, "HAM-3")
    for order in orders(2, sql, buyer, warehouse, forwarder):
        booked(forwarder, order, tomorrow(3, 17))


def test_a_booked_order_that_is_cancelled_is_at_risk_by_its_bookings_number(
    database_url: str, sql: Sql, buyer: Party, warehouse: Party, forwarder: Party
) -> None:
    stays, goes = orders(2, sql, buyer, warehouse, forwarder)
    kept, lost = (booked(forwarder, order, tomorrow(8)) for order in (stays, goes))
    buyer.act(goes, "cancel", reason="recall")
    look(database_url)
    assert announced(buyer, stays) == []
    (told,) = announced(forwarder, goes)
    assert (told["data"]["booking_id"], told["data"]["booking_number"]) == (lost["id"], lost["booking_number"])
    assert (told["data"]["codes"], told["data"]["window"]) == (["cancelled"], lost["window"])
    assert kept["id"] != lost["id"]


def test_an_order_whose_destination_is_changed_is_at_risk_where_it_is_booked(
    database_url: str, sql: Sql, buyer: Party, warehouse: Party, forwarder: Party
) -> None:
    (order,) = orders(1, sql, buyer, warehouse, forwarder)
    booked(forwarder, order, tomorrow(8))
    sql(
        "UPDATE purchase_orders SET ship_to = jsonb_set(ship_to, '{code}', '\"HAM-7\"') WHERE id = $1",
        UUID(order["id"]),
    )
    look(database_url)
    assert [one["data"]["codes"] for one in announced(buyer, order)] == [["delivery_mismatch"]]


def test_what_has_arrived_is_at_no_risk_any_more(
    database_url: str, sql: Sql, buyer: Party, warehouse: Party, forwarder: Party
) -> None:
    (order,) = orders(1, sql, buyer, warehouse, forwarder)
    booking = booked(forwarder, order, tomorrow(8))
    sql("UPDATE delivery_bookings SET status = 'arrived', arrived_at = now() WHERE id = $1", UUID(booking["id"]))
    buyer.act(order, "close")
    look(database_url)
    assert announced(buyer, order) == []


def at(warehouse: Party, forwarder: Party, code: str | None = LOCATION) -> dict[str, Any]:
    """Return the parties of an order that goes to a place of the warehouse."""
    ship_to = {"organisation_id": warehouse.id} | ({} if code is None else {"code": code})
    return {"ship_to": ship_to, "forwarders": [{"organisation_id": forwarder.id}]}


def with_orders(content: dict[str, Any], *orders: dict[str, Any], **said: Any) -> dict[str, Any]:
    shipment = {**content["shipments"][0], "purchase_orders": [order["number"] for order in orders]}
    return {**content, "shipments": [shipment], **said}


def codes_of(answer: httpx.Response) -> list[list[str]]:
    assert answer.json()["code"] == "delivery_not_bookable", answer.text
    return [
        [problem["code"] for problem in order["problems"]]
        for shipment in answer.json()["results"]
        for order in shipment["purchase_orders"]
    ]


def test_a_slot_that_is_taken_cannot_be_had_by_another_name_for_the_place(
    buyer: Party, warehouse: Party, forwarder: Party
) -> None:
    keep(warehouse)
    start = tomorrow(9)
    first, second = (buyer.active(**at(warehouse, forwarder)) for _ in range(2))
    booked(forwarder, first, start)
    named = {"ship_to": {"organisation_id": warehouse.id, "code": "GATE 9"}}
    answer = forwarder.post(BOOKINGS, {**body(second, start), **named})
    assert (answer.status_code, answer.json()["code"]) == (409, "slot_taken")
    # Where the order does not say it, who books says where the vehicle goes.
    silent = buyer.active(**at(warehouse, forwarder, None))
    told = {"ship_to": {"organisation_id": warehouse.id, "code": LOCATION.lower()}}
    answer = forwarder.post(BOOKINGS, {**body(silent, start), **told})
    assert answer.json()["code"] == "slot_taken"


def test_orders_of_one_buyer_that_go_to_two_places_of_a_warehouse_do_not_come_with_one_booking(
    buyer: Party, warehouse: Party, forwarder: Party
) -> None:
    start = tomorrow(9)
    here, there, silent = (buyer.active(**at(warehouse, forwarder, code)) for code in (LOCATION, "MUC-1", None))
    answer = forwarder.post(BOOKINGS, with_orders(body(here, start), here, there, silent))
    assert codes_of(answer) == [["another_warehouse"]]
    made = forwarder.post(BOOKINGS, with_orders(body(here, start), here, there, silent, partial=True)).json()
    added = forwarder.post(f"{BOOKINGS}/{made['id']}/shipments", body(there, start)["shipments"][0])
    assert codes_of(added) == [["another_warehouse"]]
    # Where the buyer names another place later, the vehicle cannot be moved to another window either.
    whole = buyer.get(f"/v1/purchase-orders/{here['id']}")
    patched = buyer.patch(
        f"/v1/purchase-orders/{here['id']}",
        {"ship_to": {"organisation_id": warehouse.id, "code": "MUC-1"}},
        headers={"If-Match": whole.headers["ETag"]},
    )
    assert patched.status_code == 200, patched.text
    buyer.act(here, "confirm")
    moved = forwarder.post(f"{BOOKINGS}/{made['id']}/reschedule", {"window": body(here, tomorrow(12))["window"]})
    assert codes_of(moved) == [["another_warehouse"]]


def test_two_buyers_orders_come_together_and_take_the_slot_of_the_one_place_with_a_calendar(
    buyer: Party, warehouse: Party, forwarder: Party, party: Callable[..., Party], database_url: str
) -> None:
    keep(warehouse)
    other = party("Anders & Ko")
    start = tomorrow(9)
    theirs, ours = other.active(**at(warehouse, forwarder, "0042")), buyer.active(**at(warehouse, forwarder))
    answer = forwarder.post(BOOKINGS, with_orders(body(theirs, start), theirs, ours))
    assert answer.status_code == 201, answer.text
    assert free(warehouse, start, 1) == []
    # Each order is where its own buyer says: nothing is at risk.
    look(database_url)
    assert not announced(other, theirs) + announced(buyer, ours)
    # A second calendar is another gate's: one vehicle stands before one of them.
    keep(warehouse, "0042")
    again = [other.active(**at(warehouse, forwarder, "0042")), buyer.active(**at(warehouse, forwarder))]
    answer = forwarder.post(BOOKINGS, with_orders(body(again[0], tomorrow(11)), *again))
    assert codes_of(answer) == [["another_warehouse"]]
