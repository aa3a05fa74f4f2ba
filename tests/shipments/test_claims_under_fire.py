"""No PRO number is claimed twice, and nothing is half done: 32 clients race, and one transaction in ten fails.

CLAIMS_RACED says for how many PRO numbers they race: 4 by default.
"""

import asyncio
import os
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from app.errors import Problem
from app.principal import OPERATIONS, Principal, Scope
from app.shipments import batches, moving, service
from app.shipments.schemas import LinkBatch, LinkProNumber, MoveProNumber
from tests.databases import patient
from tests.numbers.test_gapless_series import FailedOnPurposeError
from tests.parties import Operator, Party
from tests.shipments.waybills import account_of, any_shape, item

CLIENTS = 32
RACED = int(os.environ.get("CLAIMS_RACED", "4"))
FAILING = 0.1
Sql = Callable[..., list[asyncpg.Record]]
Racer = tuple[Party, dict[str, Any], dict[str, Any]]


@pytest.fixture(scope="module")
def racers(operator: Operator) -> Iterator[list[Racer]]:
    """Clients of different organisations, each with an order that takes PRO numbers and one that takes none."""
    parties = [operator.new_party(f"Racer {number}") for number in range(CLIENTS)]
    orders = [(party, party.issue(), party.issue()) for party in parties]
    for party, _, ended in orders:
        party.act(ended, "cancel")
    yield orders
    for party in parties:
        party.close()


def fates(chance: random.Random, racers: Sequence[Racer], pros: Sequence[str]) -> list[tuple[Racer, str, bool]]:
    """Return every client's try for every PRO number, in an order of its own, and whether it fails."""
    tries = [(racer, pro, chance.random() < FAILING) for racer in racers for pro in pros]
    chance.shuffle(tries)
    assert {fails for *_, fails in tries} == {True, False}
    return tries


def holders(sql: Sql, pros: Sequence[str]) -> dict[str, str]:
    """Return whose each PRO number is, having looked that there is nothing by halves."""
    claims = {
        row["pro_number"]: str(row["organisation_id"])
        for row in sql("SELECT * FROM pro_claims WHERE scac = 'SAIA' AND pro_number = ANY($1)", pros)
    }
    links = sql("SELECT * FROM pro_links WHERE scac = 'SAIA' AND pro_number = ANY($1)", pros)
    assert sorted({row["pro_number"] for row in links}) == sorted(claims), "a claim without a link, or the reverse"
    assert {claims[row["pro_number"]] == str(row["linked_by"]) for row in links} == {True}
    events = sql(
        "SELECT number_key, organisation_id, coalesce(data->'to'->>'pro_number', data->>'pro_number') AS pro_number "
        "FROM purchase_order_events WHERE type IN ('pro_number.linked', 'pro_number.moved') "
        "AND coalesce(data->'to'->>'pro_number', data->>'pro_number') = ANY($1)",
        pros,
    )
    told = sorted((row["number_key"], str(row["organisation_id"]), row["pro_number"]) for row in events)
    assert told == sorted((row["number_key"], str(row["organisation_id"]), row["pro_number"]) for row in links)
    (holes,) = sql(
        "SELECT count(*) AS found FROM purchase_orders o WHERE (number_key, organisation_id) IN (SELECT number_key, "
        "organisation_id FROM pro_links WHERE pro_number = ANY($1)) AND version <> (SELECT count(*) FROM "
        "purchase_order_events e WHERE (e.number_key, e.organisation_id) = (o.number_key, o.organisation_id))",
        pros,
    )
    assert holes["found"] == 0, "an order's events are its versions, one by one"
    return claims


def test_racing_clients_find_one_holder_for_each_number(racers: list[Racer], sql: Sql) -> None:
    pros, chance = [any_shape() for _ in range(RACED)], random.Random(4711)
    tries = fates(chance, racers, pros)

    async def run() -> list[int]:
        turn = asyncio.Semaphore(CLIENTS)
        limits = httpx.Limits(max_connections=CLIENTS)
        async with httpx.AsyncClient(base_url=racers[0][0].base_url, timeout=60, limits=limits) as client:

            async def one(racer: Racer, pro: str, fails: bool, in_a_batch: bool) -> int:
                party, order, ended = racer
                # An order that takes none is found out last: the number is claimed and linked by then.
                number = (ended if fails else order)["number"]
                async with turn:
                    if in_a_batch and not fails:
                        body: dict[str, Any] = {"links": [item(order, "SAIA", pro)]}
                        answer = await client.post("/v1/pro-numbers/batch", json=body, headers=party.headers)
                        (result,) = answer.json()["results"]
                        return 201 if "link" in result else int(result["problem"]["status"])
                    path, body = f"/v1/purchase-orders/{number}/pro-numbers", {"scac": "SAIA", "pro_number": pro}
                    return (await client.post(path, json=body, headers=party.headers)).status_code

            return await asyncio.gather(*(one(*one_try, in_a_batch=chance.random() < 0.5) for one_try in tries))

    statuses = asyncio.run(run())
    assert set(statuses) == {201, 409}
    held = holders(sql, pros)
    assert sorted(held) == sorted(pros)
    won = [(pro, racer[0].id) for (racer, pro, _), status in zip(tries, statuses, strict=True) if status == 201]
    # Each number was answered as linked to one client, and that is the one which has it.
    assert sorted(won) == sorted(held.items())
    assert not any(fails and status == 201 for (*_, fails), status in zip(tries, statuses, strict=True))
    for pro, holder in held.items():
        for party, *_ in racers[:4] + [racer for racer in racers if racer[0].id == holder]:
            seen = party.get(f"/v1/pro-numbers/SAIA/{pro}")
            assert (seen.status_code, seen.json().get("claimed")) == (
                (200, True) if party.id == holder else (404, None)
            )


def test_a_transaction_that_fails_after_its_work_leaves_nothing_behind(
    racers: list[Racer], database_url: str, sql: Sql
) -> None:
    """By links, moves and batches: what fails is given up when all is written and nothing committed."""
    pros, chance = [any_shape() for _ in range(RACED)], random.Random(42)
    tries = fates(chance, racers, pros)
    ways = [chance.choice(("link", "move", "batch")) for _ in tries]
    own = [any_shape() for _ in tries]

    async def run() -> list[bool]:
        database = patient(database_url, pool_size=CLIENTS // 2)
        turn = asyncio.Semaphore(CLIENTS // 2)

        async def one(racer: Racer, pro: str, fails: bool, way: str, old: str) -> bool:
            number = racer[1]["number"]
            try:
                async with turn, database.transaction() as connection:
                    wanted = LinkProNumber(scac="SAIA", pro_number=pro)
                    if way == "move":
                        before = LinkProNumber(scac="EXLA", pro_number=old)
                        to = MoveProNumber(scac="SAIA", pro_number=pro, reason="race")
                        await service.link(connection, caller(racer, "link_pro_number"), number, None, before)
                        await moving.move(connection, caller(racer, "move_pro_number"), number, None, "EXLA", old, to)
                    elif way == "link":
                        await service.link(connection, caller(racer, "link_pro_number"), number, None, wanted)
                    else:
                        links = LinkBatch.model_validate({"links": [item(racer[1], "SAIA", pro)]})
                        linker = caller(racer, "link_pro_number_batch")
                        made = await batches.link_batch(connection, linker, account_of(database, linker), links)
                        if not made.linked:
                            return False
                    if fails:
                        raise FailedOnPurposeError
            except (Problem, FailedOnPurposeError):
                return False
            return True

        won = await asyncio.gather(
            *(one(*one_try, way, old) for one_try, way, old in zip(tries, ways, own, strict=True))
        )
        await database.dispose()
        return won

    won = asyncio.run(run())
    held = holders(sql, pros)
    assert sorted((pro, racer[0].id) for (racer, pro, _), has in zip(tries, won, strict=True) if has) == sorted(
        held.items()
    )
    assert sorted(held) == sorted(pros)
    moved = {old for old, way, has in zip(own, ways, won, strict=True) if way == "move" and has}
    claimed = {row["pro_number"] for row in sql("SELECT * FROM pro_claims WHERE pro_number = ANY($1)", own)}
    assert claimed == moved
    assert sql("SELECT * FROM pro_links WHERE pro_number = ANY($1)", own) == []


def caller(racer: Racer, operation: str) -> Principal:
    return Principal(UUID(racer[0].id), UUID(int=1), frozenset({Scope.SHIP}), OPERATIONS[operation])
