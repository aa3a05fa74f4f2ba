"""What only grows is removed when it was kept for long enough; what happened to an order never is."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from app import worker
from app.settings import Settings
from app.worker import Kept
from tests.databases import patient
from tests.parties import Party

Sql = Callable[..., list[Any]]
YEAR = timedelta(days=365)

GATE_CHECK = (
    "INSERT INTO gate_checks (number_key, organisation_id, sequence, id, checked_at, checked_by, key_id, relation, "
    "verdict, codes, delivery) SELECT number_key, organisation_id, 1, gen_random_uuid(), now() - $2::interval, "
    "organisation_id, organisation_id, 'owner', 'hold', '{}', '{}' FROM purchase_orders, generate_series(1, $3) "
    "WHERE id = $1"
)
IMPORT = (
    "INSERT INTO imports (id, organisation_id, key_id, scopes, format, dry_run, size, parts, status, documents, "
    "created, applied, unchanged, refused, lease_token, created_at, finished_at) "
    "VALUES ($1, $2, $2, '{}', 'csv', false, 1, 1, "
    "$3, $4, $4, 0, 0, 0, 1, now(), CASE WHEN $3 = 'finished' THEN now() - $5::interval END)"
)
RESULTS = (
    "INSERT INTO import_results (import_id, document, outcome, errors, notes) "
    "SELECT $1, n, 'created', '[]', '{}' FROM generate_series(1, $2) AS n"
)


def tidy(database_url: str, *, gate_checks: timedelta = 100 * YEAR, imports: timedelta = 100 * YEAR) -> int:
    async def once() -> int:
        database = patient(database_url, pool_size=1)
        try:
            return await worker.run_once(database, Kept(gate_checks, imports, *[timedelta(days=36_500)] * 2))
        finally:
            await database.dispose()

    return asyncio.run(once())


def test_the_settings_say_how_many_days() -> None:
    kept = Kept.by(
        Settings.model_validate(
            {
                "KEEP_GATE_CHECKS_DAYS": 30,
                "KEEP_IMPORTS_DAYS": 7,
                "KEEP_FEEDS_DAYS": 5,
                "KEEP_WEBHOOK_DELIVERIES_DAYS": 3,
            }
        )
    )
    assert kept == Kept(timedelta(days=30), timedelta(days=7), timedelta(days=5), timedelta(days=3))
    assert Kept.by(Settings.model_validate({})) == Kept(*map(timedelta, (400, 90, 90, 30)))


def test_checks_at_gates_go_when_they_are_old_and_the_order_keeps_its_events(
    buyer: Party, sql: Sql, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # More than one batch.
    monkeypatch.setattr(worker, "_BATCH", 3)
    order = buyer.issue()
    for age, many in ((timedelta(days=4_000), 8), (timedelta(days=3_000), 2)):
        sql(GATE_CHECK, UUID(order["id"]), age, many)
    assert tidy(database_url, gate_checks=timedelta(days=3_500)) >= 8
    timeline = buyer.get(f"/v1/purchase-orders/{order['id']}/events").json()["data"]
    assert [entry["type"] for entry in timeline] == ["purchase_order.issued", "gate.checked", "gate.checked"]


def test_imports_go_with_their_reports_when_they_ended_long_ago(
    buyer: Party, sql: Sql, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_BATCH", 3)
    old, young = uuid4(), uuid4()
    for identifier, age in ((old, 4_000), (young, 3_000)):
        sql(IMPORT, identifier, UUID(buyer.id), "finished", 7, timedelta(days=age))
        sql(RESULTS, identifier, 7)
    assert tidy(database_url, imports=timedelta(days=3_500)) >= 8
    assert buyer.get(f"/v1/imports/{old}").status_code == 404
    report = buyer.get(f"/v1/imports/{young}?outcome=created").json()["report"]["data"]
    assert len(report) == 7
    assert sql("SELECT 1 FROM import_results WHERE import_id = $1", old) == []


def test_an_order_is_changed_while_its_old_checks_are_being_removed(buyer: Party, sql: Sql, database_url: str) -> None:
    order = buyer.issue()
    sql(GATE_CHECK, UUID(order["id"]), timedelta(days=4_000), 5)

    async def meanwhile() -> int:
        database = patient(database_url, pool_size=1)
        try:
            async with database.transaction() as connection:
                gone = await worker.event_rows.delete_gate_checks(connection, timedelta(days=3_500), 1_000)
                # Not committed yet: whoever needs the order does not wait.
                answer = await asyncio.to_thread(buyer.post, f"/v1/purchase-orders/{order['id']}/confirm")
                assert answer.status_code == 200, answer.text
                return gone
        finally:
            await database.dispose()

    assert asyncio.run(meanwhile()) >= 5
