"""Many book at once: Postgres decides, what lost leaves nothing behind, and nobody waits for another crosswise."""

import asyncio
import os
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import asyncpg
import httpx
import pytest

from tests.deliveries.bookings import PATH, body, booked, shipment, step
from tests.parties import Party
from tests.shipments.waybills import any_shape, pro_numbers_of, timeline

Make = Callable[..., dict[str, Any]]
Sql = Callable[..., list[asyncpg.Record]]
RACERS = int(os.environ.get("BOOKING_RACERS", "16"))


def at_once(posts: list[tuple[Party, str, dict[str, Any]]]) -> list[httpx.Response]:
    async def run() -> list[httpx.Response]:
        clients = {party.id: party.asynchronous() for party, _, _ in posts}
        try:
            return await asyncio.gather(*(clients[party.id].post(path, json=said) for party, path, said in posts))
        finally:
            for client in clients.values():
                await client.aclose()

    return asyncio.run(run())


def test_of_racers_for_one_pro_number_one_books_it(
    at_warehouse: Make, forwarder: Party, buyer: Party, sql: Sql
) -> None:
    orders, pro = [at_warehouse() for _ in range(RACERS)], any_shape()
    answers = at_once([(forwarder, PATH, body(shipment(order, pro_number=pro))) for order in orders])
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: RACERS - 1}
    for index, answer in enumerate(answers):
        won = answer.status_code == 201
        if not won:
            (refused,) = answer.json()["results"]
            assert [problem["code"] for problem in refused["problems"]] == ["pro_number_reused"]
        types = [event["type"] for event in timeline(buyer, orders[index])]
        assert ("delivery_booking.requested" in types) == won
        assert len(pro_numbers_of(buyer, orders[index])) == won
    assert len(forwarder.get(PATH).json()["data"]) == 1
    assert len(sql("SELECT * FROM pro_claims WHERE pro_number = $1", pro)) == 1


def test_of_organisations_that_race_for_one_pro_number_one_gets_it(party: Callable[..., Party]) -> None:
    racers, pro = [party(f"Racer {number}") for number in range(8)], any_shape()
    posts = [(racer, PATH, body(shipment(racer.active(), pro_number=pro))) for racer in racers]
    answers = at_once(posts)
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 7}
    codes = {answer.json()["results"][0]["problems"][0]["code"] for answer in answers if answer.status_code == 409}
    assert codes == {"pro_number_claimed"}


def test_of_racers_for_one_bill_of_lading_one_books_it(at_warehouse: Make, forwarder: Party) -> None:
    orders, bol = [at_warehouse() for _ in range(8)], any_shape()
    answers = at_once([(forwarder, PATH, body(shipment(order, bol=bol))) for order in orders])
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 7}
    partly = [body(shipment(order, bol=bol), shipment(order), partial=True) for order in orders]
    answers = at_once([(forwarder, PATH, one) for one in partly])
    assert {answer.status_code for answer in answers} == {201}
    assert [len(answer.json()["shipments"]) for answer in answers] == [1] * 8


def test_bookings_of_the_same_orders_and_pro_numbers_in_any_order_do_not_block_each_other(
    at_warehouse: Make, forwarder: Party, buyer: Party
) -> None:
    orders = [at_warehouse() for _ in range(12)]
    pros = [any_shape() for _ in range(4)]
    chance = random.Random(7)
    posts = []
    for number in range(RACERS):
        mixed, shared = chance.sample(orders, len(orders)), chance.sample(pros, 2)
        parts = [shipment(*mixed[:6], pro_number=shared[0]), shipment(*mixed[6:], pro_number=any_shape())]
        posts.append((forwarder, PATH, body(*parts, partial=number % 2 == 0)))
    answers = at_once(posts)
    assert {answer.status_code for answer in answers} <= {201, 409}, Counter(answer.status_code for answer in answers)
    for order in orders:
        sequences = [event["sequence"] for event in timeline(buyer, order)]
        assert sequences == list(range(1, len(sequences) + 1))
        bookings = [event for event in timeline(buyer, order) if event["type"] == "delivery_booking.requested"]
        assert len(bookings) == len(pro_numbers_of(buyer, order))


def test_an_order_that_takes_one_pro_number_gets_one_of_those_that_race_for_it(
    at_warehouse: Make, forwarder: Party, buyer: Party
) -> None:
    assert buyer.post("/v1/policies", {"split_shipments": "refused"}).status_code == 201
    for _ in range(3):
        order = at_warehouse()
        posts: list[tuple[Party, str, dict[str, Any]]] = [(forwarder, PATH, body(shipment(order))) for _ in range(4)]
        link = {"scac": "QXZB", "pro_number": any_shape()}
        posts.append((buyer, f"/v1/purchase-orders/{order['id']}/pro-numbers", link))
        answers = at_once(posts)
        assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 4}
        assert len(pro_numbers_of(buyer, order)) == 1


@pytest.mark.parametrize("action", ["cancel", "suspend"])
def test_a_booking_that_races_with_its_orders_end_is_whole_or_not_there(
    action: str, at_warehouse: Make, forwarder: Party, buyer: Party
) -> None:
    for _ in range(4):
        orders = [at_warehouse() for _ in range(3)]
        posts = [(forwarder, PATH, body(shipment(*orders)))]
        posts += [(buyer, f"/v1/purchase-orders/{order['id']}/{action}", {}) for order in orders]
        answer, *_ = at_once(posts)
        assert answer.status_code in {201, 409, 503}
        links = [len(pro_numbers_of(buyer, order)) for order in orders]
        assert links == [1 if answer.status_code == 201 else 0] * 3


def test_cancelling_and_booking_anew_at_once_gives_the_pro_number_to_one(
    at_warehouse: Make, forwarder: Party, sql: Sql
) -> None:
    part = shipment(at_warehouse(), at_warehouse())
    made = booked(forwarder, part)
    posts = [(forwarder, f"{PATH}/{made['id']}/cancel", {})]
    posts += [(forwarder, PATH, body(part)) for _ in range(6)]
    answers = at_once(posts)
    assert answers[0].status_code == 200
    won = [answer for answer in answers[1:] if answer.status_code == 201]
    assert {answer.status_code for answer in answers[1:]} <= {201, 409}
    assert len(won) <= 1
    (claim,) = sql("SELECT booking_id FROM pro_claims WHERE pro_number = $1", part["pro_number"])
    assert claim["booking_id"] is None if not won else str(claim["booking_id"]) == won[0].json()["id"]
    rows = sql("SELECT booking_id FROM pro_links WHERE pro_number = $1", part["pro_number"])
    assert {row["booking_id"] for row in rows} == {claim["booking_id"]}


def test_one_place_for_one_shipment_that_is_added_by_many(at_warehouse: Make, forwarder: Party) -> None:
    made = booked(forwarder, shipment(at_warehouse()))
    part = shipment(at_warehouse())
    answers = at_once([(forwarder, f"{PATH}/{made['id']}/shipments", part) for _ in range(6)])
    assert Counter(answer.status_code for answer in answers)[200] == 1
    assert {answer.status_code for answer in answers} <= {200, 409, 503}
    assert len(forwarder.get(f"{PATH}/{made['id']}").json()["shipments"]) == 2
    assert step(forwarder, made, "shipments", **part).status_code == 409
