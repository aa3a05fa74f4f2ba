"""One PRO number, many at once: Postgres decides, and what lost leaves nothing behind."""

import asyncio
from collections.abc import Callable
from typing import Any

import asyncpg
import httpx

from tests.parties import Party
from tests.shipments.waybills import link, linked, pro_numbers_of, timeline, xpo

Sql = Callable[..., list[asyncpg.Record]]


def test_of_eight_organisations_that_race_for_a_pro_number_one_gets_it(party: Callable[..., Party], sql: Sql) -> None:
    racers = [party(f"Racer {number}") for number in range(8)]
    orders = [racer.issue() for racer in racers]
    pro = xpo()
    answers = asyncio.run(_at_once([(racer, order, pro) for racer, order in zip(racers, orders, strict=True)]))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"pro_number_claimed"}
    winner = next(index for index, answer in enumerate(answers) if answer.status_code == 201)
    claims = sql("SELECT * FROM pro_claims WHERE scac = 'CNWY' AND pro_number = $1", pro.replace("-", ""))
    links = sql("SELECT * FROM pro_links WHERE scac = 'CNWY' AND pro_number = $1", pro.replace("-", ""))
    assert [str(row["organisation_id"]) for row in claims] == [racers[winner].id]
    assert [str(row["organisation_id"]) for row in links] == [racers[winner].id]
    for index, (racer, order) in enumerate(zip(racers, orders, strict=True)):
        events = [event["type"] for event in timeline(racer, order)]
        assert events.count("pro_number.linked") == (1 if index == winner else 0)
    further = racers[winner].issue()
    linked(racers[winner], further, "CNWY", pro)
    assert pro_numbers_of(racers[winner], further) == [("CNWY", pro)]


def test_one_organisation_that_sends_a_link_eight_times_at_once_makes_one(buyer: Party) -> None:
    order, pro = buyer.issue(), xpo()
    answers = asyncio.run(_at_once([(buyer, order, pro)] * 8))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert [event["type"] for event in timeline(buyer, order)].count("pro_number.linked") == 1


def test_eight_pro_numbers_at_once_on_one_order_are_eight_events_without_a_hole(buyer: Party) -> None:
    order = buyer.issue()
    answers = asyncio.run(_at_once([(buyer, order, xpo()) for _ in range(8)]))
    assert [answer.status_code for answer in answers] == [201] * 8
    sequences = [event["sequence"] for event in timeline(buyer, order)]
    assert sequences == list(range(1, order["version"] + 9))
    assert len(pro_numbers_of(buyer, order)) == 8


def test_a_link_that_races_with_the_order_s_end_leaves_all_or_nothing(buyer: Party, sql: Sql) -> None:
    for _ in range(6):
        order, pro = buyer.issue(), xpo()
        answer = asyncio.run(_against_cancelling(buyer, order, pro))
        claims = sql("SELECT * FROM pro_claims WHERE scac = 'CNWY' AND pro_number = $1", pro.replace("-", ""))
        types = [event["type"] for event in timeline(buyer, order)]
        assert answer.status_code in {201, 409}
        won = answer.status_code == 201
        assert len(claims) == len(pro_numbers_of(buyer, order)) == types.count("pro_number.linked") == (1 if won else 0)
        assert types[-1] == "purchase_order.cancelled"


def test_a_claim_that_is_refused_leaves_no_row(buyer: Party, stranger: Party, sql: Sql) -> None:
    pro = xpo()
    linked(buyer, buyer.issue(), "CNWY", pro)
    order = stranger.issue()
    assert link(stranger, order, "CNWY", pro).status_code == 409
    assert sql("SELECT * FROM pro_links WHERE linked_by = $1", stranger.id) == []
    assert sql("SELECT * FROM pro_claims WHERE organisation_id = $1", stranger.id) == []
    assert stranger.get(f"/v1/purchase-orders/{order['id']}").json()["version"] == order["version"]


async def _at_once(attempts: list[tuple[Party, dict[str, Any], str]]) -> list[httpx.Response]:
    clients = {party.id: party.asynchronous() for party, _, _ in attempts}
    try:
        return await asyncio.gather(
            *(_link(clients[party.id], order, pro_number) for party, order, pro_number in attempts)
        )
    finally:
        for client in clients.values():
            await client.aclose()


async def _against_cancelling(party: Party, order: dict[str, Any], pro_number: str) -> httpx.Response:
    async with party.asynchronous() as client:
        answer, cancelled = await asyncio.gather(
            _link(client, order, pro_number), client.post(f"/v1/purchase-orders/{order['id']}/cancel", json={})
        )
    assert cancelled.status_code == 200
    return answer


async def _link(client: httpx.AsyncClient, order: dict[str, Any], pro_number: str) -> httpx.Response:
    body = {"scac": "CNWY", "pro_number": pro_number}
    return await client.post(f"/v1/purchase-orders/{order['number']}/pro-numbers", json=body)
