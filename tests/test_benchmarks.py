"""The pieces of `make bench`, for some seconds: that they measure what they say. What they measure is not for tests."""

import asyncio
import importlib.util
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from app.access import command_line
from app.access.schemas import CreateApiKey
from app.db.migrations import migrate
from app.principal import Scope
from app.settings import Settings
from benchmarks import loading, pace, processes, report, rounds
from benchmarks.processes import Load, run_pgbench, run_wrk
from benchmarks.rounds import Figure
from tests.conftest import serving

ORDERS = 300
Catalog = set[tuple[str, str]]


class Filled:
    """A server on a database that was filled, with what its catalog said before and after."""

    def __init__(self, url: str, server: str, key: str) -> None:
        self.url, self.server, self.key = url, server, key
        before = asyncio.run(catalog(url))
        self.pattern = asyncio.run(self._load())
        self.catalogs = before, asyncio.run(catalog(url))

    async def _load(self) -> str:
        headers = {"Authorization": f"Bearer {self.key}"}
        async with httpx.AsyncClient(base_url=self.server, headers=headers, timeout=30) as client:
            return await loading.load(self.url, client, ORDERS, afternoon=True)

    def get(self, path: str) -> Any:
        return httpx.get(self.server + path, headers={"Authorization": f"Bearer {self.key}"}, timeout=30).json()


async def catalog(url: str) -> Catalog:
    """Return keys and indexes of the tables that are loaded."""
    return {
        (row["name"], row["definition"])
        for row in await rows(
            url,
            "SELECT conname AS name, pg_get_constraintdef(oid) AS definition FROM pg_constraint "
            "WHERE conrelid::regclass::text NOT LIKE 'afternoon%' AND connamespace = 'public'::regnamespace UNION "
            "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename !~ '^after'",
        )
    }


async def rows(url: str, statement: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    try:
        return list(await connection.fetch(statement))
    finally:
        await connection.close()


@pytest.fixture(scope="module")
def filled(another_database: Callable[[], Any]) -> Iterator[Filled]:
    with another_database() as url:
        migrate(url)
        key = asyncio.run(command_line.create_key(url, CreateApiKey(name="b", scopes=list(Scope)), "Benchmarks", None))
        settings = {"DATABASE_URL": url, "LOG_LEVEL": "error", "BACKGROUND_WORK": False, "DATABASE_TIMEOUT": 5}
        with serving(Settings.model_validate(settings)) as server:
            yield Filled(url, server, key)


def test_loaded_orders_are_accepted_and_all_keys_and_indexes_are_as_before(filled: Filled) -> None:
    for n in (0, ORDERS // 2, ORDERS - 1):
        verdict = filled.get(f"/v1/validations/{loading.number_of(n)}")
        assert (verdict["verdict"], verdict["number"]) == ("accept", loading.number_of(n))
        assert [line["line"] for line in verdict["order"]["lines"]] == [1, 2]
    before, after = filled.catalogs
    assert after == before
    assert len({loading.number_of(n) for n in range(100_000)}) == 100_000


def test_one_statement_inserts_what_issuing_writes(filled: Filled) -> None:
    tables = ("purchase_orders", "purchase_order_lines", "purchase_order_events", "outbox")
    count = "SELECT " + ", ".join(f"(SELECT count(*) FROM {table}) AS {table}" for table in tables)
    (before,) = asyncio.run(rows(filled.url, count))
    assert rounds.insert_select(filled.url, filled.pattern)(0.01) > 0
    (after,) = asyncio.run(rows(filled.url, count))
    assert [after[table] - before[table] for table in tables] == [1_000, 2_000, 1_000, 1_000]


@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
@pytest.mark.parametrize("kind", ["validate", "validate_minimal", "validate_post", "issue"])
def test_wrk_gets_good_answers_to_requests_that_all_differ(filled: Filled, kind: str) -> None:
    measured = run_wrk(Load(filled.server, kind, filled.key, connections=4), orders=ORDERS, seconds=1)
    assert measured.refused == 0
    assert measured.a_second > 0
    assert 0 < measured.p50 <= measured.p99
    if kind == "issue":
        (made,) = asyncio.run(
            rows(filled.url, "SELECT count(*) AS keys, count(DISTINCT body) AS orders FROM idempotency_keys")
        )
        assert made["keys"] == made["orders"] >= measured.requests > 0


@pytest.mark.skipif(shutil.which("pgbench") is None, reason="pgbench is not installed")
def test_pgbench_selects_orders_that_are_there(filled: Filled) -> None:
    assert run_pgbench(filled.url, orders=ORDERS, seconds=1, clients=2) > 0
    script = (processes.HERE / "select_one.sql").read_text().partition("SELECT")[2].strip()
    found = asyncio.run(rows(filled.url, "SELECT " + script.replace(":n", "7")))
    assert [row["number"] for row in found] == [loading.number_of(7)]


def test_latency_counts_from_when_a_request_was_due() -> None:
    async def measured() -> list[float]:
        busy = asyncio.Lock()

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while await reader.readuntil(b"\r\n\r\n"):
                # One at a time, five milliseconds each: a hundred a second more than can be done.
                async with busy:
                    await asyncio.sleep(0.005)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        found = await pace.latencies(url, lambda: pace.get(url, "/"), a_second=300, seconds=0.5)
        server.close()
        return found

    found = asyncio.run(measured())
    assert len(found) == 150
    assert found == sorted(found)
    assert pace.quantile(found, 0.99) > 200


def test_who_is_refused_has_waited_for_ten_seconds() -> None:
    async def measured() -> list[float]:
        async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")

        server = await asyncio.start_server(refuse, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        found = await pace.latencies(url, lambda: pace.get(url, "/"), a_second=100, seconds=0.1)
        server.close()
        return found

    assert set(asyncio.run(measured())) == {10_000}


def test_what_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "wrk" else name)
    assert processes.missing_programs() == ["wrk is not installed (Debian: apt-get install wrk)"]


def test_the_report_says_what_was_reached_and_what_was_not(tmp_path: Path) -> None:
    rates = {rounds.HELLO: 1000.0, rounds.VALIDATE: 2100.0, rounds.ISSUE: 800.0, rounds.ECHO: 500.0}
    rates |= {rounds.ORM_VALIDATE: 100.0, rounds.ORM_ISSUE: 101.0, rounds.VALIDATE_BATCH: 30_000.0}
    rates |= {rounds.PGBENCH: 20_000.0, rounds.ISSUE_BATCH: 4_000.0, rounds.INSERT_SELECT: 10_000.0}
    results = report.Results(rounds=3, seconds=1, orders=10)
    results.figures = {name: Figure(rates=[rate, rate * 2, rate * 3]) for name, rate in rates.items()}
    results.latency = {
        rounds.HELLO: pace.Latency(500, p50=[1, 1, 1], p99=[2, 2, 2]),
        rounds.VALIDATE: pace.Latency(1000, p50=[1, 1, 1], p99=[5, 3, 9]),
    }
    results.growth = {10_000: [1.0, 2.0, 3.0], 100_000: [1.1, 2.2, 3.3]}
    assert [show.reached for show in results.shows()] == [True, False, True, True, False, True, False, False, True]
    if importlib.util.find_spec("matplotlib"):
        report.plot(results, tmp_path / "results.svg")
        assert "ratio to hello" in (tmp_path / "results.svg").read_text()
    page = report.with_results("before\n<!-- results: written by `make bench` -->old<!-- /results -->\nafter", results)
    assert page.startswith("before\n")
    assert page.endswith("\nafter")
    assert "old" not in page
    assert "| validate one / hello | at least 2 | 2.10 [2.10, 2.10] | reached |" in page
    assert "| p50 of validate at 100,000 orders / at 10,000 | at most 1.15 | 1.10 [1.10, 1.10] | reached |" in page
