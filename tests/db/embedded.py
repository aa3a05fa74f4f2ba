"""What the tests of the embedded Postgres share: asking it, waiting for it, seeing whether anything of it is left."""

import asyncio
import fcntl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg

# The last one is what asyncpg says when a connection breaks while a statement is being sent.
BROKEN = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


def ask(url: str, query: str) -> Any:
    async def asked() -> Any:
        connection = await asyncpg.connect(url, timeout=10)
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    return asyncio.run(asked())


def until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def answers(url: str) -> bool:
    try:
        return bool(ask(url, "SELECT true"))
    except BROKEN:
        return False


def has_no_process(data_directory: Path) -> bool:
    with (data_directory / "postgres" / "lock").open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True
