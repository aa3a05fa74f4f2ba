"""Idempotency-Key: a request that is safe to repeat (contract, section 1)."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest
from sqlalchemy import text

from app import worker
from app.http.errors import InvalidIdempotencyKey
from app.http.unit_of_work import parse_idempotency_key
from app.worker import Kept
from tests.databases import patient
from tests.parties import Party

ORDERS = "/v1/purchase-orders"
FOR_EVER = timedelta(days=36_500)
Sql = Callable[..., list[Any]]


def key(text: str | None = None) -> dict[str, str]:
    return {"Idempotency-Key": text or str(uuid4())}


def test_a_repetition_gets_the_stored_answer_and_says_so(buyer: Party) -> None:
    headers = key()
    first = buyer.post(ORDERS, {"reference": "A"}, headers=headers)
    again = buyer.post(ORDERS, {"reference": "A"}, headers=headers)
    assert first.status_code == again.status_code == 201
    assert again.content == first.content
    assert again.headers["ETag"] == first.headers["ETag"]
    assert again.headers["Location"] == first.headers["Location"]
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(buyer.get(ORDERS).json()["data"]) == 1


def test_a_replay_writes(buyer: Party, sql: Sql) -> None:
    headers = key()
    for _ in range(3):
        buyer.post(ORDERS, headers=headers)
    (row,) = sql("SELECT replays FROM idempotency_keys WHERE key = $1", headers["Idempotency-Key"])
    assert row["replays"] == 2


def test_quoted_and_bare_forms_are_one_key(buyer: Party) -> None:
    text = str(uuid4())
    first = buyer.post(ORDERS, headers=key(text))
    again = buyer.post(ORDERS, headers=key(f'"{text}"'))
    assert again.json()["id"] == first.json()["id"]


@pytest.mark.parametrize(("path", "body"), [(ORDERS, {"reference": "B"}), (f"{ORDERS}/batch", {"reference": "A"})])
def test_another_body_or_path_is_refused(buyer: Party, path: str, body: dict[str, Any]) -> None:
    headers = key()
    buyer.post(ORDERS, {"reference": "A"}, headers=headers)
    if path.endswith("batch"):
        body = {"purchase_orders": [body]}
    answer = buyer.post(path, body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")


def test_a_key_of_another_organisation_is_another_key(buyer: Party, seller: Party) -> None:
    headers = key()
    first = buyer.post(ORDERS, headers=headers)
    other = seller.post(ORDERS, headers=headers)
    assert other.status_code == 201
    assert other.json()["id"] != first.json()["id"]


def test_a_refused_request_is_not_stored(buyer: Party) -> None:
    headers = key()
    buyer.issue(reference="A")
    assert buyer.post(ORDERS, {"reference": "A"}, headers=headers).status_code == 409
    corrected = buyer.post(ORDERS, {"reference": "B"}, headers=headers)
    assert corrected.status_code == 201
    assert "Idempotency-Replayed" not in corrected.headers


def test_a_key_is_free_again_after_a_day(buyer: Party, sql: Sql) -> None:
    headers = key()
    first = buyer.post(ORDERS, headers=headers)
    sql(
        "UPDATE idempotency_keys SET created_at = now() - interval '24 hours' WHERE key = $1",
        headers["Idempotency-Key"],
    )
    again = buyer.post(ORDERS, headers=headers)
    assert again.status_code == 201
    assert again.json()["id"] != first.json()["id"]


def test_the_secret_of_a_key_is_never_stored(buyer: Party, sql: Sql) -> None:
    headers = key()
    body = {"name": "scanner", "scopes": ["validate"]}
    first = buyer.post("/v1/api-keys", body, headers=headers)
    again = buyer.post("/v1/api-keys", body, headers=headers)
    assert first.json()["key"].startswith("por_live_")
    assert again.json() == {**first.json(), "key": None}
    (row,) = sql("SELECT body FROM idempotency_keys WHERE key = $1", headers["Idempotency-Key"])
    assert first.json()["key"].encode() not in row["body"]


async def test_twenty_racing_posts_with_one_key_make_one_order(buyer: Party) -> None:
    headers = key()
    async with buyer.asynchronous() as client:
        answers = await asyncio.gather(
            *(client.post(ORDERS, json={"reference": "A"}, headers=headers) for _ in range(20))
        )
        listed = (await client.get(ORDERS)).json()["data"]
    assert len(listed) == 1
    assert {answer.status_code for answer in answers} <= {201, 409}
    stored = {answer.content for answer in answers if answer.status_code == 201}
    assert len(stored) == 1
    assert all(answer.json()["code"] == "idempotency_key_in_use" for answer in answers if answer.status_code == 409)


async def test_a_duplicate_waits_two_seconds_for_the_first_and_then_says_so(buyer: Party, database_url: str) -> None:
    headers = key()
    connection = await asyncpg.connect(database_url)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute(
        "INSERT INTO idempotency_keys (organisation_id, key, fingerprint, created_at, replays) "
        "VALUES ($1, $2, '', now(), 0)",
        buyer.id,
        headers["Idempotency-Key"],
    )
    async with buyer.asynchronous() as client:
        started = asyncio.get_running_loop().time()
        answer = await client.post(ORDERS, json={}, headers=headers)
        waited = asyncio.get_running_loop().time() - started
        await transaction.rollback()
        await connection.close()
        assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_key_in_use")
        assert answer.headers["Retry-After"] == "2"
        assert waited >= 1.9
        assert (await client.post(ORDERS, json={}, headers=headers)).status_code == 201


async def test_duplicates_of_a_slow_request_hold_no_connection_while_they_wait(buyer: Party) -> None:
    headers = key()
    body = {"purchase_orders": [{"lines": [{"sku": "A", "quantity": "1"}] * 40}] * 400}
    async with buyer.asynchronous() as client:
        duplicates = [
            asyncio.create_task(client.post(f"{ORDERS}/batch", json=body, headers=headers)) for _ in range(20)
        ]
        await asyncio.sleep(0.3)
        others = [(await client.get("/v1/validations/4711")).status_code for _ in range(5)]
        answers = await asyncio.gather(*duplicates)
        listed = (await client.get(ORDERS, params={"limit": 1})).json()
    assert others == [200] * 5
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len({answer.content for answer in answers if answer.status_code == 200}) == 1
    assert listed["next_cursor"] is not None


def test_a_look_up_ignores_the_key(buyer: Party, sql: Sql) -> None:
    headers = key()
    assert buyer.post("/v1/validations", {"input": "PO-1"}, headers=headers).status_code == 200
    assert buyer.post("/v1/validations", {"input": "PO-2"}, headers=headers).status_code == 200
    assert sql("SELECT 1 FROM idempotency_keys WHERE key = $1", headers["Idempotency-Key"]) == []


@pytest.mark.parametrize("header", ["x" * 256, '"unfinished', '""', "caf\u00e9", "tab\tkey", '"a" "b"'])
def test_a_header_that_is_no_key_is_refused(header: str) -> None:
    with pytest.raises(InvalidIdempotencyKey):
        parse_idempotency_key(header)


def test_an_unusable_header_is_a_problem(buyer: Party) -> None:
    answer = buyer.post(ORDERS, headers={"Idempotency-Key": "x" * 256})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_idempotency_key")


async def test_keys_older_than_a_day_are_deleted_and_younger_ones_stay(
    buyer: Party, database: Any, server: str
) -> None:
    old, young = key(), key()
    async with httpx.AsyncClient(base_url=server, headers=buyer.headers) as client:
        for headers in (old, young):
            await client.post(ORDERS, json={}, headers=headers)
    async with database.transaction() as connection:
        await connection.execute(
            text("UPDATE idempotency_keys SET created_at = now() - interval '25 hours' WHERE key = :key"),
            {"key": old["Idempotency-Key"]},
        )
    assert await worker.run_once(database, Kept(*[FOR_EVER] * 4)) >= 1
    async with database.transaction() as connection:
        left = await connection.execute(
            text("SELECT key FROM idempotency_keys WHERE organisation_id = :id"), {"id": buyer.id}
        )
        assert [row.key for row in left] == [young["Idempotency-Key"]]


async def test_behind_a_pooler_the_two_seconds_are_set_for_each_transaction(database_url: str) -> None:
    database = patient(database_url, pool_size=1, statement_cache_size=0)
    try:
        for _ in range(2):
            async with database.transaction() as connection:
                assert (await connection.execute(text("SHOW lock_timeout"))).scalar_one() == "2s"
        outside = await database.look(lambda connection: connection.scalar(text("SHOW lock_timeout")))
        assert outside == "0"
    finally:
        await database.dispose()
