"""Workers apart from the server, as processes that can be killed, on a database of their own."""

import asyncio
import json
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Self

import asyncpg

from app.access import command_line
from app.access.schemas import CreateApiKey
from app.db.migrations import migrate
from app.principal import Scope
from app.settings import Settings
from tests import command
from tests.conftest import serving
from tests.parties import Operator

GROWING = {
    *("outbox", "feed_heads", "feed_entries", "audit_events"),
    *("purchase_orders", "purchase_order_events", "purchase_order_announcements", "pro_links"),
}


class Worker:
    """`po-registry worker` for as long as the block lasts."""

    def __init__(self, database_url: str, **settings: object) -> None:
        self._settings = {"DATABASE_URL": database_url, **command.UNMEASURED, **settings}
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed at the end of the block

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            [command.COMMAND, "worker"],
            env=command.environment(**self._settings),
            cwd=command.ROOT,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)
        self._log.close()

    def kill(self) -> None:
        """End it at once, without a word."""
        self.process.kill()
        self.process.wait()

    def faults(self) -> list[dict[str, Any]]:
        """Return the lines of its log that are no mere information."""
        self._log.seek(0)
        lines = [json.loads(line) for line in self._log.read().splitlines()]
        return [line for line in lines if line["level"] in {"error", "critical"}]


@dataclass
class Apart:
    """A server that does no background work, its database, and its operator."""

    database_url: str
    operator: Operator

    def rows(self, statement: str, *values: Any) -> list[asyncpg.Record]:
        async def run() -> list[asyncpg.Record]:
            connection = await asyncpg.connect(self.database_url)
            try:
                return list(await connection.fetch(statement, *values))
            finally:
                await connection.close()

        return asyncio.run(run())

    def read_whole(self) -> dict[str, int]:
        """Return how often each of the tables that grow was read from its beginning to its end."""
        rows = self.rows("SELECT relname, seq_scan FROM pg_stat_user_tables WHERE seq_scan > 0")
        return {row["relname"]: row["seq_scan"] for row in rows if row["relname"] in GROWING}

    def holders(self) -> dict[str, int]:
        """Return how many buckets each worker holds whose lease has not ended."""
        held = self.rows(
            "SELECT leased_by, count(*) AS n FROM outbox_buckets WHERE leased_until > now() GROUP BY leased_by"
        )
        return {str(row["leased_by"]): row["n"] for row in held}


async def _walk_along_indexes(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        f"ALTER DATABASE {await connection.fetchval('SELECT current_database()')} SET enable_seqscan = off"
    )
    await connection.execute("SELECT pg_stat_reset()")
    await connection.close()


@contextmanager
def served_apart(database_url: str, **settings: object) -> Iterator[Apart]:
    """Serve an empty database without background work; tables are read along indexes, however few rows they have."""
    migrate(database_url)
    asyncio.run(_walk_along_indexes(database_url))
    limits = {"DATABASE_TIMEOUT": 5, "BACKGROUND_WORK": False, "LOG_LEVEL": "error", **settings}
    body = CreateApiKey(name="tests", scopes=list(Scope))
    key = asyncio.run(command_line.create_key(database_url, body, "Operator", None))
    with ExitStack() as stack:
        url = stack.enter_context(serving(Settings.model_validate({"DATABASE_URL": database_url, **limits})))
        operator = stack.enter_context(Operator(url, key))
        yield Apart(database_url, operator)
