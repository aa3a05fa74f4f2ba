"""A gapless series has neither holes nor doubles, whatever fails and however many issue at once.

GAPLESS_ORDERS says how many orders the race issues: 96 by default.
"""

import asyncio
import os
import random
import secrets
from collections.abc import Callable
from typing import Any

import pytest

from app.db.session import Database
from app.numbers.number_issuer import NumberIssuer
from app.orders import issuing
from app.orders.schemas import IssuePurchaseOrder
from tests.databases import patient
from tests.numbers.owners import draw, fresh_prefix, new_format, new_owner, texts
from tests.numbers.test_formats_over_time import FORMATS, ORDERS, issued, made, version
from tests.parties import Party

CLIENTS = 32
ORDERS_RACED = int(os.environ.get("GAPLESS_ORDERS", "96"))
Sql = Callable[..., list[Any]]


class FailedOnPurposeError(Exception):
    """Brings a transaction to nothing."""


def serials(sql: Sql, prefix: str) -> list[int]:
    rows = sql("SELECT number_key FROM purchase_orders WHERE number_key LIKE $1 ORDER BY number_key", f"{prefix}%")
    return [int(row["number_key"].removeprefix(prefix)) for row in rows]


@pytest.fixture
def prefix() -> str:
    return fresh_prefix()


@pytest.fixture
def gapless(buyer: Party, prefix: str) -> dict[str, Any]:
    return made(buyer, prefix + "{serial:6}", gapless=True)


def test_racing_clients_leave_no_hole_where_one_request_in_ten_fails(
    buyer: Party, gapless: dict[str, Any], prefix: str, sql: Sql
) -> None:
    taken = buyer.issue(reference=f"SO-{secrets.token_hex(6)}")["reference"]
    chance = random.Random(4711)

    async def run() -> list[int]:
        fails = [chance.random() < 0.1 for _ in range(ORDERS_RACED)]
        turn = asyncio.Semaphore(CLIENTS)
        async with buyer.asynchronous() as client:

            async def one(failing: bool) -> int:
                # A reference that is taken is found out last: the number was drawn and the order written by then.
                body = {"format_id": gapless["id"], **({"reference": taken} if failing else {})}
                async with turn:
                    return (await client.post(ORDERS, json=body)).status_code

            statuses = await asyncio.gather(*(one(failing) for failing in fails))
        assert [status == 409 for status in statuses] == fails
        return list(statuses)

    statuses = asyncio.run(run())
    assert 409 in statuses
    assert serials(sql, prefix) == list(range(1, statuses.count(201) + 1))


async def test_a_transaction_that_is_rolled_back_has_taken_nothing(database: Database, database_url: str) -> None:
    owner, issuer = await new_owner(database), NumberIssuer(patient(database_url, pool_size=2))
    one = await new_format(database, owner, "{serial:6}", gapless=True)
    body, chance, kept = IssuePurchaseOrder(format_id=one.id), random.Random(42), []

    async def issue(fails: bool) -> None:
        try:
            async with database.transaction() as connection:
                order = await issuing.issue_one(connection, owner, issuer, body)
                await asyncio.sleep(0.001)
                if fails:
                    raise FailedOnPurposeError
            kept.append(order.number)
        except FailedOnPurposeError:
            pass

    turn = asyncio.Semaphore(4)

    async def in_turn(fails: bool) -> None:
        async with turn:
            await issue(fails)

    await asyncio.gather(*(in_turn(chance.random() < 0.3) for _ in range(40)))
    await issuer.dispose()
    assert len(kept) < 40
    assert sorted(kept) == [f"{one.prefix}{serial:06d}" for serial in range(1, len(kept) + 1)]


def test_an_item_of_a_batch_that_fails_leaves_no_hole_behind(
    buyer: Party, gapless: dict[str, Any], prefix: str, sql: Sql
) -> None:
    reference = f"SO-{secrets.token_hex(6)}"
    items = [
        {"format_id": gapless["id"], **({"reference": reference} if index in {2, 5, 7} else {})} for index in range(10)
    ]
    results = buyer.post(f"{ORDERS}/batch", {"purchase_orders": items}).json()["results"]
    assert [index for index, result in enumerate(results) if "problem" in result] == [5, 7]
    assert {result["problem"]["code"] for result in results if "problem" in result} == {"duplicate_reference"}
    assert serials(sql, prefix) == list(range(1, 9))
    numbers = [result["purchase_order"]["number"] for result in results if "problem" not in result]
    assert numbers == sorted(numbers)
    atomic = buyer.post(f"{ORDERS}/batch", {"atomic": True, "purchase_orders": items})
    assert atomic.status_code == 422
    assert issued(buyer, gapless) == f"{prefix}000009"


def test_a_repetition_under_one_key_takes_one_number(buyer: Party, gapless: dict[str, Any], prefix: str) -> None:
    headers = {"Idempotency-Key": secrets.token_hex(8)}
    answers = [buyer.post(ORDERS, {"format_id": gapless["id"]}, headers=headers) for _ in range(2)]
    assert {answer.json()["number"] for answer in answers} == {f"{prefix}000001"}
    assert issued(buyer, gapless) == f"{prefix}000002"


def test_two_gapless_series_in_one_batch_keep_nobody_waiting_for_ever(buyer: Party, sql: Sql) -> None:
    formats = [made(buyer, fresh_prefix() + "{serial:4}", gapless=True) for _ in range(2)]
    bodies = [
        {"purchase_orders": [{"format_id": one["id"]} for one in order] * 3} for order in (formats, formats[::-1])
    ]

    async def run() -> list[int]:
        async with buyer.asynchronous() as client:
            answers = await asyncio.gather(*(client.post(f"{ORDERS}/batch", json=body) for body in bodies * 8))
        return [answer.json()["issued"] for answer in answers]

    assert asyncio.run(run()) == [6] * 16
    for one in formats:
        assert serials(sql, one["prefix"]) == list(range(1, 49))


def test_only_digits_in_order_can_be_without_holes(buyer: Party, gapless: dict[str, Any], prefix: str) -> None:
    assert gapless["gapless"]
    refused = buyer.post(FORMATS, {"name": "A", "pattern": fresh_prefix() + "{random:5}", "gapless": True})
    assert [fault["loc"] for fault in refused.json()["errors"]] == [["body", "gapless"]]
    again = version(buyer, gapless, f"{prefix}{{random:5}}")
    assert [(fault["loc"], fault["code"]) for fault in again.json()["errors"]] == [
        (["body", "pattern"], "serial_needed")
    ]
    assert version(buyer, gapless, f"{prefix}{{serial:7}}").json()["gapless"]


async def test_draws_of_one_transaction_follow_each_other(database: Database, database_url: str) -> None:
    owner, issuer = await new_owner(database), NumberIssuer(patient(database_url, pool_size=2))
    one = await new_format(database, owner, "{serial:2}", gapless=True)
    drawn = [text for _ in range(3) for text in texts(await draw(database, issuer, owner, 30, one))]
    await issuer.dispose()
    assert drawn == [f"{one.prefix}{serial:02d}" for serial in range(1, 91)]
