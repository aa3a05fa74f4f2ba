"""The embedded Postgres when something is killed: nothing that was acknowledged is lost, and the next start works."""

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from app.db.embedded import EmbeddedPostgres
from tests.db.embedded import BROKEN, answers, ask, has_no_process, until

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}

PARENT = """
import sys, time
from pathlib import Path
from app.db.embedded import EmbeddedPostgres
postgres = EmbeddedPostgres(Path(sys.argv[1]))
postgres.start()
print(postgres.url, flush=True)
print(postgres.pid, flush=True)
time.sleep(600)
"""


@dataclass
class Parent:
    process: subprocess.Popen[str]

    def started(self) -> tuple[str, int]:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip(), int(self.process.stdout.readline())

    def kill(self, with_signal: signal.Signals = signal.SIGKILL) -> None:
        self.process.send_signal(with_signal)
        self.process.wait(20)


@contextlib.contextmanager
def parent_of(data_directory: Path) -> Iterator[Parent]:
    process = subprocess.Popen(
        [sys.executable, "-c", PARENT, data_directory],
        stdout=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )
    try:
        yield Parent(process)
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@pytest.mark.parametrize("with_signal", [signal.SIGKILL, signal.SIGTERM])
def test_postgres_dies_with_the_process_that_started_it_and_the_next_start_serves(
    data_directory: Path, with_signal: signal.Signals
) -> None:
    with parent_of(data_directory) as parent:
        parent.started()
        parent.kill(with_signal)
    until(lambda: has_no_process(data_directory), seconds=8)
    with EmbeddedPostgres(data_directory) as postgres:
        assert ask(postgres.url, "SELECT answer FROM kept") == 42


def test_the_next_start_need_not_wait_for_the_killed_one_and_clears_its_short_path(data_directory: Path) -> None:
    data_directory = data_directory.rename(data_directory.with_name("long" * 30))
    with parent_of(data_directory) as parent:
        url, _ = parent.started()
        short = Path(url.split("host=")[1].split("&")[0]).parent
        parent.kill()
        assert short.is_dir()
        with EmbeddedPostgres(data_directory) as postgres:
            assert ask(postgres.url, "SELECT 42") == 42
    assert not short.exists()


def test_a_normal_end_of_the_process_without_stop_shuts_the_database_down_cleanly(data_directory: Path) -> None:
    script = PARENT.replace("time.sleep(600)", "sys.exit(0)")
    subprocess.run(
        [sys.executable, "-c", script, data_directory], check=True, env=ENVIRONMENT, stdout=subprocess.DEVNULL
    )
    assert has_no_process(data_directory)
    log = (data_directory / "postgres.log").read_text()
    assert log.count("database system is shut down") == log.count("is ready to accept connections") > 1


def test_killed_while_the_database_is_made_leaves_nothing_that_the_next_start_stumbles_over(tmp_path: Path) -> None:
    unfinished = tmp_path / "postgres" / "cluster.new"
    for file in ("PG_VERSION", "base/1/PG_VERSION", "global/pg_control"):
        with parent_of(tmp_path) as parent:
            until(lambda file=file: (unfinished / file).exists())  # type: ignore[misc]
            parent.kill()
        assert not (tmp_path / "postgres" / "cluster").exists()
        until(lambda: has_no_process(tmp_path), seconds=8)
        assert unfinished.exists()
    with EmbeddedPostgres(tmp_path) as postgres:
        assert ask(postgres.url, "SELECT count(*) FROM pg_class") > 0
    assert not unfinished.exists()


class Writers:
    """Inserts rows one by one, each in its own transaction, and remembers which ones were acknowledged."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.acknowledged: set[int] = set()

    async def write(self, numbers: Iterator[int]) -> None:
        """Write until the connection breaks."""
        with contextlib.suppress(*BROKEN):
            connection = await asyncpg.connect(self._url, timeout=10)
            for number in numbers:
                await connection.execute("INSERT INTO written VALUES ($1)", number)
                self.acknowledged.add(number)

    async def write_until(self, kill: Callable[[], Any], numbers: Iterator[int]) -> None:
        """Write on four connections, kill something in the middle of it, and return when all of them have broken."""
        writers = [asyncio.create_task(self.write(numbers)) for _ in range(4)]
        while not self.acknowledged and not all(writer.done() for writer in writers):
            await asyncio.sleep(0.01)
        await asyncio.sleep(random.uniform(0.05, 0.3))
        await asyncio.to_thread(kill)
        await asyncio.wait_for(asyncio.gather(*writers), 20)


def test_no_acknowledged_insert_is_lost_when_parent_postmaster_or_backend_is_killed(data_directory: Path) -> None:
    numbers = iter(range(10_000_000))
    acknowledged: set[int] = set()
    for victim in ("parent", "postmaster", "backend", "parent", "backend", "postmaster", "parent"):
        with parent_of(data_directory) as parent:
            url, postmaster = parent.started()
            ask(url, "CREATE TABLE IF NOT EXISTS written (number bigint PRIMARY KEY)")
            assert asyncio.run(rows(url)) >= acknowledged
            writers = Writers(url)
            kill = {
                "parent": parent.kill,
                "postmaster": lambda pid=postmaster: os.kill(pid, signal.SIGKILL),
                "backend": lambda pid=postmaster: os.kill(a_backend_of(pid), signal.SIGKILL),
            }[victim]
            asyncio.run(writers.write_until(kill, numbers))
            assert writers.acknowledged, "the writers came too late to prove anything"
            acknowledged |= writers.acknowledged
            if victim != "parent":
                until(lambda url=url: answers(url))  # type: ignore[misc]
                assert asyncio.run(rows(url)) >= acknowledged
    with EmbeddedPostgres(data_directory) as postgres:
        assert asyncio.run(rows(postgres.url)) >= acknowledged


def a_backend_of(postmaster: int) -> int:
    processes = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    serving = [pid for pid in processes if "[local]" in Path(f"/proc/{pid}/cmdline").read_text()]
    return int(random.choice(serving))


async def rows(url: str) -> set[int]:
    connection = await asyncpg.connect(url, timeout=10)
    found = {row["number"] for row in await connection.fetch("SELECT number FROM written")}
    await connection.close()
    return found
