"""With the database out of reach nothing is known: 503, soon, and never a false "invalid" or a false "not found"."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.access import command_line
from app.access.schemas import CreateApiKey
from app.db.embedded import EmbeddedPostgres
from app.db.migrations import migrate
from app.db.session import Database
from app.errors import TemporarilyUnavailable
from app.principal import Scope
from app.settings import Settings
from tests.conftest import serving
from tests.parties import Operator

pytestmark = pytest.mark.alone

SOME_KEY = {"Authorization": "Bearer por_live_" + "a" * 40}


@pytest.fixture(scope="module")
def cut_off(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A server whose database was never there."""
    nowhere = tmp_path_factory.mktemp("nowhere")
    settings = Settings.model_validate({"DATABASE_URL": f"postgresql://x@/x?host={nowhere}", "LOG_LEVEL": "error"})
    with serving(settings) as url, httpx.Client(base_url=url, timeout=10) as client:
        yield client


def unavailable(answer: httpx.Response) -> dict[str, Any]:
    assert (answer.status_code, answer.json()["code"]) == (503, "temporarily_unavailable"), answer.text
    assert int(answer.headers["Retry-After"]) > 0
    problem: dict[str, Any] = answer.json()
    return problem


def test_a_presented_key_gets_503_and_no_key_401(cut_off: httpx.Client) -> None:
    started = time.monotonic()
    unavailable(cut_off.get("/v1/purchase-orders", headers=SOME_KEY))
    assert time.monotonic() - started < 2
    assert cut_off.get("/v1/purchase-orders").status_code == 401


@pytest.mark.parametrize(
    ("text", "well_formed"),
    [("PO-8CCTQ7394A", True), ("PO-8CCTQ7394B", False), ("4500012345", None), ("x" * 36, False)],
)
def test_a_validation_says_what_the_text_alone_says(cut_off: httpx.Client, text: str, well_formed: bool | None) -> None:
    by_path = cut_off.get(f"/v1/validations/{text}", headers=SOME_KEY)
    by_body = cut_off.post("/v1/validations", json={"input": text}, headers=SOME_KEY)
    for answer in (by_path, by_body):
        assert unavailable(answer)["well_formed"] is well_formed


def test_a_batch_of_validations_says_nothing_of_its_texts(cut_off: httpx.Client) -> None:
    answer = cut_off.post("/v1/validations/batch", json={"inputs": ["x"]}, headers=SOME_KEY)
    assert unavailable(answer)["well_formed"] is None


def test_the_process_is_healthy_and_not_ready(cut_off: httpx.Client) -> None:
    assert cut_off.get("/healthz").status_code == 200
    unavailable(cut_off.get("/readyz"))
    assert cut_off.get("/docs").status_code == 200


def test_the_service_recovers_by_itself_when_the_database_returns(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path) as postgres:
        migrate(postgres.url)
        body = CreateApiKey(name="tests", scopes=list(Scope))
        key = asyncio.run(command_line.create_key(postgres.url, body, "Operator", None))
        settings = Settings.model_validate({"DATABASE_URL": postgres.url, "LOG_LEVEL": "error"})
        with serving(settings) as url, Operator(url, key) as operator:
            number = operator.active()["number"]
            postgres.stop()
            for _ in range(20):
                started = time.monotonic()
                unavailable(operator.get(f"/v1/validations/{number}"))
                unavailable(operator.post("/v1/purchase-orders", {}))
                assert time.monotonic() - started < 4
            postgres.start()
            until(lambda: operator.get(f"/v1/validations/{number}").status_code == 200, seconds=3)
            assert operator.get(f"/v1/validations/{number}").json()["verdict"] == "accept"
            assert operator.get("/readyz").status_code == 200
            assert operator.issue()["status"] == "issued"


def test_a_database_that_hangs_does_not_hang_the_gate(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path) as postgres:
        migrate(postgres.url)
        body = CreateApiKey(name="tests", scopes=list(Scope))
        key = asyncio.run(command_line.create_key(postgres.url, body, "Operator", None))
        settings = Settings.model_validate({"DATABASE_URL": postgres.url, "LOG_LEVEL": "error"})
        with serving(settings) as url, Operator(url, key) as operator:
            number = operator.active()["number"]
            stopped = processes_of(postgres)
            for process in stopped:
                os.kill(process, signal.SIGSTOP)
            try:
                for _ in range(3):
                    started = time.monotonic()
                    unavailable(operator.get(f"/v1/validations/{number}"))
                    assert time.monotonic() - started < 2
            finally:
                for process in stopped:
                    os.kill(process, signal.SIGCONT)
            until(lambda: operator.get(f"/v1/validations/{number}").status_code == 200, seconds=3)


async def test_a_change_that_is_given_up_before_its_commit_was_not_carried_out(database: Database) -> None:
    async def hang(connection: AsyncConnection) -> None:
        await connection.execute(text("SELECT pg_sleep(3)"))

    started = time.monotonic()
    with pytest.raises(TemporarilyUnavailable) as unavailable:
        await database.change(hang, seconds=0.3)
    assert time.monotonic() - started < 1
    assert unavailable.value.members == {}


async def test_a_connection_that_breaks_during_the_commit_leaves_an_unknown_outcome(database: Database) -> None:
    async def lose_the_connection(connection: AsyncConnection) -> None:
        backend = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
        async with database.transaction() as other:
            await other.execute(text("SELECT pg_terminate_backend(:backend)"), {"backend": backend})
        await asyncio.sleep(0.2)

    with pytest.raises(TemporarilyUnavailable) as unavailable:
        await database.change(lose_the_connection)
    assert unavailable.value.members == {"outcome": "unknown"}


def processes_of(postgres: EmbeddedPostgres) -> list[int]:
    """Return the postmaster and its children."""
    children = Path(f"/proc/{postgres.pid}/task/{postgres.pid}/children").read_text().split()
    assert postgres.pid is not None
    return [postgres.pid, *map(int, children)]


def until(holds: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.05)
