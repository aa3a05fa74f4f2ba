"""A PRO number stands for one shipment: once that is over, it stands for no other."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.identifiers import new_id
from app.db.session import Database
from app.shipments import booking_repository, claim_repository
from tests.databases import patient
from tests.parties import Operator, Party
from tests.shipments.test_moving import refused
from tests.shipments.waybills import any_shape, batch, item, link, linked, move, pro_numbers_of, timeline, unlink, xpo

Sql = Callable[..., list[asyncpg.Record]]
GIVEN_UP = {"reason": "Mistyped by the first forwarder."}


def completed(sql: Sql, pro: str) -> None:
    sql("UPDATE pro_claims SET completed_at = now() WHERE pro_number = $1", pro.replace("-", ""))


async def over(connection: AsyncConnection, party: Party, pro: tuple[str, str]) -> None:
    """Note that a shipment is over, as a booking that is completed does."""
    await booking_repository.complete(connection, UUID(party.id), new_id(), {pro: pro[1]})


def ended(party: Party, order: dict[str, Any], how: str) -> None:
    """Have an order's goods received, or close it, or cancel it."""
    party.act(order, {"received": "receive", "closed": "close", "cancelled": "cancel"}[how])


@pytest.mark.parametrize("how", ["link", "move", "batch"])
def test_one_whose_delivery_was_completed_is_refused_and_leaves_nothing_behind(
    buyer: Party, sql: Sql, how: str
) -> None:
    pro, old, order = xpo(), any_shape(), buyer.active()
    linked(buyer, buyer.issue(), "CNWY", pro)
    linked(buyer, order, "SAIA", old)
    completed(sql, pro)
    events = timeline(buyer, order)
    if how == "link":
        refused(link(buyer, order, "CNWY", pro), 409, "pro_number_reused")
    elif how == "move":
        refused(move(buyer, order, ("SAIA", old), ("CNWY", pro)), 409, "pro_number_reused")
    else:
        (result,) = batch(buyer, item(order, "CNWY", pro)).json()["results"]
        assert (result["problem"]["status"], result["problem"]["code"]) == (409, "pro_number_reused")
    assert pro_numbers_of(buyer, order) == [("SAIA", old)]
    assert timeline(buyer, order) == events


@pytest.mark.parametrize("how", ["link", "batch"])
def test_linking_it_again_to_an_order_that_has_it_stays_200(buyer: Party, sql: Sql, how: str) -> None:
    order, pro = buyer.active(), xpo()
    first = linked(buyer, order, "CNWY", pro)
    completed(sql, pro)
    if how == "link":
        again = link(buyer, order, "CNWY", pro)
        assert (again.status_code, again.json()) == (200, first)
    else:
        (result,) = batch(buyer, item(order, "CNWY", pro)).json()["results"]
        assert (result["outcome"], result["link"]) == ("unchanged", first)


@pytest.mark.parametrize(
    ("ends", "is_reused"),
    [
        (["received"], True),
        (["closed"], True),
        (["received", "closed"], True),
        (["received", None], False),
        (["cancelled"], False),
        ([None], False),
        ([], False),
    ],
)
def test_one_all_of_whose_orders_are_received_or_closed_is_refused(
    buyer: Party, ends: list[str | None], is_reused: bool
) -> None:
    pro, old = xpo(), any_shape()
    first = buyer.active()
    linked(buyer, first, "CNWY", pro)
    unlink(buyer, first, "CNWY", pro)
    orders = [buyer.active() for _ in ends]
    for order in orders:
        linked(buyer, order, "CNWY", pro)
    for order, how in zip(orders, ends, strict=True):
        if how is not None:
            ended(buyer, order, how)
    moved = buyer.active()
    linked(buyer, moved, "SAIA", old)
    (result,) = batch(buyer, item(buyer.active(), "CNWY", pro)).json()["results"]
    answers = [link(buyer, buyer.active(), "CNWY", pro), move(buyer, moved, ("SAIA", old), ("CNWY", pro))]
    assert ("problem" in result) is is_reused
    assert {answer.is_success for answer in answers} == {not is_reused}


def test_another_organisation_learns_only_that_it_is_claimed(buyer: Party, stranger: Party, sql: Sql) -> None:
    pro = xpo()
    linked(buyer, buyer.issue(), "CNWY", pro)
    completed(sql, pro)
    refused(link(stranger, stranger.issue(), "CNWY", pro), 409, "pro_number_claimed")


async def test_a_completion_is_noted_once(database: Database, buyer: Party) -> None:
    pro = xpo()
    await asyncio.to_thread(linked, buyer, buyer.issue(), "CNWY", pro)
    key = ("CNWY", pro.replace("-", ""))
    noted = []
    for _ in range(2):
        async with database.transaction() as connection:
            await over(connection, buyer, key)
            noted.append((await claim_repository.find_claims(connection, [key]))[key].completed_at)
    assert noted[0] is not None
    assert noted[0] == noted[1]


async def test_a_link_waits_for_a_completion_and_is_refused_then(database: Database, buyer: Party) -> None:
    pro, order = xpo(), buyer.issue()
    linked(buyer, buyer.issue(), "CNWY", pro)
    async with buyer.asynchronous() as client:
        for path, body in (
            (f"/v1/purchase-orders/{order['number']}/pro-numbers", {"scac": "CNWY", "pro_number": pro}),
            ("/v1/pro-numbers/batch", {"links": [item(order, "CNWY", pro)]}),
        ):
            async with database.transaction() as connection:
                await connection.exec_driver_sql(
                    "UPDATE pro_claims SET completed_at = NULL WHERE pro_number = $1", (pro.replace("-", ""),)
                )
            async with database.transaction() as connection:
                await over(connection, buyer, ("CNWY", pro.replace("-", "")))
                waiting = asyncio.create_task(client.post(path, json=body))
                await asyncio.sleep(0.2)
                assert not waiting.done()
            assert "pro_number_reused" in (await waiting).text
    assert pro_numbers_of(buyer, order) == []


async def test_a_completion_waits_for_a_link_that_came_first(database: Database, buyer: Party) -> None:
    """So no link is made after the completion: whoever completes sees all that is on the vehicle."""
    pro, order = xpo(), buyer.issue()
    linked(buyer, buyer.issue(), "CNWY", pro)
    key = ("CNWY", pro.replace("-", ""))

    async def complete() -> None:
        async with database.transaction() as connection:
            await over(connection, buyer, key)

    async with database.transaction() as connection:
        claimed = await claim_repository.claim(connection, *key, pro, UUID(buyer.id))
        assert claimed.completed_at is None
        waiting = asyncio.create_task(complete())
        await asyncio.sleep(0.2)
        assert not waiting.done()
    await waiting
    assert (await asyncio.to_thread(link, buyer, order, "CNWY", pro)).status_code == 409


def test_links_that_race_with_a_completion_are_made_before_it_or_not_at_all(
    buyer: Party, database_url: str, sql: Sql
) -> None:
    pro = xpo()
    linked(buyer, buyer.issue(), "CNWY", pro)
    orders = [buyer.issue() for _ in range(12)]

    async def run() -> list[int]:
        database = patient(database_url, pool_size=1)
        async with buyer.asynchronous() as client:

            async def one(order: dict[str, Any]) -> int:
                body = {"scac": "CNWY", "pro_number": pro}
                path = f"/v1/purchase-orders/{order['number']}/pro-numbers"
                return (await client.post(path, json=body)).status_code

            async def complete() -> None:
                await asyncio.sleep(0.02)
                async with database.transaction() as connection:
                    await over(connection, buyer, ("CNWY", pro.replace("-", "")))

            statuses = (await asyncio.gather(complete(), *map(one, orders)))[1:]
        await database.dispose()
        return [status for status in statuses if status is not None]

    statuses = asyncio.run(run())
    assert set(statuses) <= {201, 409}
    on = [row["linked_at"] for row in sql("SELECT * FROM pro_links WHERE pro_number = $1", pro.replace("-", ""))]
    assert len(on) == 1 + statuses.count(201)


def test_the_operator_gives_up_a_claim_and_the_next_one_has_it(
    operator: Operator, buyer: Party, stranger: Party, sql: Sql
) -> None:
    order, pro = buyer.issue(), xpo()
    linked(buyer, order, "CNWY", pro)
    path = f"/v1/pro-numbers/cnwy/{pro.replace('-', '')}/release"
    problem = refused(operator.post(path, GIVEN_UP), 409, "pro_number_linked")
    assert order["number"] not in str(problem)
    unlink(buyer, order, "CNWY", pro)
    released = operator.post(path, GIVEN_UP)
    assert released.status_code == 200, released.text
    shown = released.json()
    assert shown.pop("claimed_at").endswith("Z")
    assert shown == {"scac": "CNWY", "pro_number": pro, "organisation_id": buyer.id, **GIVEN_UP}
    (audited,) = sql("SELECT * FROM audit_events WHERE organisation_id = $1 AND type = 'pro_claim.released'", buyer.id)
    assert GIVEN_UP["reason"] in audited["data"]
    assert str(audited["actor_organisation_id"]) != buyer.id
    refused(operator.post(path, GIVEN_UP), 404, "not_found")
    linked(stranger, stranger.issue(), "CNWY", pro)
    refused(link(buyer, order, "CNWY", pro), 409, "pro_number_claimed")


def test_nobody_else_gives_up_a_claim_not_even_its_own(buyer: Party) -> None:
    order, pro = buyer.issue(), xpo()
    linked(buyer, order, "CNWY", pro)
    unlink(buyer, order, "CNWY", pro)
    refused(buyer.post(f"/v1/pro-numbers/CNWY/{pro}/release", GIVEN_UP), 403, "missing_scope")


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": 5}, {"reason": "a", "why": "b"}])
def test_giving_up_needs_a_reason(operator: Operator, body: dict[str, Any]) -> None:
    refused(operator.post("/v1/pro-numbers/CNWY/118-450323/release", body), 422, "invalid_request")


def test_a_release_that_races_with_links_leaves_no_link_without_a_claim(
    operator: Operator, party: Callable[..., Party], sql: Sql
) -> None:
    holder, pro = party("Holder"), xpo()
    first = holder.issue()
    for _ in range(6):
        assert link(holder, first, "CNWY", pro).status_code == 201
        assert unlink(holder, first, "CNWY", pro).status_code == 200
        order = holder.issue()

        async def run(order: dict[str, Any]) -> list[httpx.Response]:
            async with holder.asynchronous() as client, operator.asynchronous() as theirs:
                body = {"scac": "CNWY", "pro_number": pro}
                return await asyncio.gather(
                    client.post(f"/v1/purchase-orders/{order['number']}/pro-numbers", json=body),
                    theirs.post(f"/v1/pro-numbers/CNWY/{pro}/release", json=GIVEN_UP),
                    client.post("/v1/pro-numbers/batch", json={"links": [item(order, "CNWY", pro)]}),
                )

        answers = asyncio.run(run(order))
        assert {answer.status_code for answer in answers} <= {200, 201, 409}
        assert pro_numbers_of(holder, order) == [("CNWY", pro)]
        assert len(sql("SELECT * FROM pro_claims WHERE pro_number = $1", pro.replace("-", ""))) == 1
        assert unlink(holder, order, "CNWY", pro).status_code == 200
