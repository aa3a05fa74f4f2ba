"""How long a validation takes with ten thousand orders in the database, and with ten million."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack

import asyncpg
import httpx

from app.db.migrations import migrate
from benchmarks import loading
from benchmarks.processes import Load, run_wrk
from benchmarks.service import Served

P50s = dict[int, list[float]]
"""Milliseconds in each round, by the number of orders."""


def run(url: str, sizes: Sequence[int], *, rounds: int, seconds: float, say: Callable[[str], None]) -> P50s:
    """Load a database of each size, serve each, and ask them in turn."""
    with ExitStack() as stack:
        filled_ = {size: filled(url, f"of_{size}", size, say) for size in sizes}
        served = {size: stack.enter_context(one) for size, one in filled_.items()}
        p50s: P50s = {size: [] for size in sizes}
        for number in range(rounds + 1):
            for size in sizes if number % 2 else reversed(sizes):
                load = Load(served[size].url, "validate", served[size].key)
                measured = run_wrk(load, orders=size, seconds=seconds)
                if number:
                    p50s[size].append(measured.p50)
            say(f"growth, round {number} of {rounds}")
    return p50s


def filled(url: str, name: str, orders: int, say: Callable[[str], None], *, afternoon: bool = False) -> Served:
    """Return the service on a new database `name`, not yet started, that is filled with so many orders."""
    began = time.monotonic()
    database = loading.database_beside(url, name)
    asyncio.run(_create(url, name))
    migrate(database)
    served = Served(database)
    with served:
        asyncio.run(_load(served, orders, afternoon=afternoon))
    say(f"{orders:,} orders loaded in {time.monotonic() - began:.0f} s")
    return served


async def _create(url: str, name: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()


async def _load(served: Served, orders: int, *, afternoon: bool) -> None:
    headers = {"Authorization": f"Bearer {served.key}"}
    async with httpx.AsyncClient(base_url=served.url, headers=headers, timeout=60) as client:
        served.pattern = await loading.load(served.database_url, client, orders, afternoon=afternoon)
