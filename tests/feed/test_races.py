"""The feed is complete and in order, whoever is killed: racing writers, late commits, workers that come and go.

FEED_CHANGES says how many changes, EXPIRIES how many orders end and SECONDS_DOWN for how long no worker runs then.
"""

import asyncio
import os
import random
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import asyncpg
import httpx
import pytest

from app.db.session import Database
from app.errors import TemporarilyUnavailable
from app.events import service as events
from app.events.buckets import Buckets
from app.events.event_types import EventType
from app.events.relay import Relay
from app.events.service import OrderChange
from app.orders import announcing
from app.orders import repository as orders
from tests.command import free_port, until
from tests.databases import patient
from tests.feed.reader import Event, events_of
from tests.feed.workers import Apart, Worker, served_apart
from tests.parties import Party, ahead

CHANGES = int(os.environ.get("FEED_CHANGES", "400"))
EXPIRIES = int(os.environ.get("EXPIRIES", "60"))
SECONDS_DOWN = float(os.environ.get("SECONDS_DOWN", "1"))

WRITERS = 16
ORDERS = 40
HELD_OPEN = (1.0, 3.0)
"""Seconds for which some transactions stay open before they commit; who waits for the same order is refused after 2."""

SECONDS_TO_MOVE_ON = 10.0


@pytest.fixture(scope="module")
def apart(database_url: str) -> Iterator[Apart]:
    name = f"apart_{secrets.token_hex(4)}"
    asyncio.run(_execute(database_url, f"CREATE DATABASE {name}"))
    with served_apart(urlunsplit(urlsplit(database_url)._replace(path=f"/{name}"))) as apart:
        yield apart
    asyncio.run(_execute(database_url, f"DROP DATABASE {name} WITH (FORCE)"))


async def _execute(database_url: str, statement: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute(statement)
    await connection.close()


@pytest.fixture
def party(apart: Apart) -> Iterator[Party]:
    with apart.operator.new_party("Nordwind Retail") as party:
        yield party


def test_a_reader_sees_each_event_once_and_in_order_whoever_is_killed(apart: Apart, party: Party) -> None:
    body = {"purchase_orders": [{} for _ in range(ORDERS)]}
    made = party.post("/v1/purchase-orders/batch", body).json()["results"]
    numbers = [one["purchase_order"]["number"].replace("-", "") for one in made]
    read: list[Event] = []
    is_over = threading.Event()
    reader = threading.Thread(target=_read, args=(party, read, is_over))
    with ExitStack() as stack:
        first, second = (stack.enter_context(Worker(apart.database_url)) for _ in range(2))
        until(lambda: sorted(apart.holders().values()) == [32, 32])
        reader.start()
        writer = threading.Thread(target=asyncio.run, args=[_write(apart, party, numbers)])
        writer.start()
        time.sleep(1)
        # The buckets of a worker that is killed are with another in time.
        first.kill()
        killed_at = time.monotonic()
        until(lambda: sorted(apart.holders().values()) == [64])
        moved_on_after = time.monotonic() - killed_at
        workers = [second]
        while writer.is_alive():
            workers.append(stack.enter_context(Worker(apart.database_url)))
            writer.join(random.uniform(3, 8))
            if writer.is_alive():
                workers.pop(random.randrange(2)).kill()
        until(lambda: len(read) >= ORDERS + CHANGES, 120)
        # What came twice would come now.
        time.sleep(1)
        is_over.set()
        reader.join()
        assert [fault for worker in workers for fault in worker.faults()] == []
    assert moved_on_after < SECONDS_TO_MOVE_ON
    assert [event["position"] for event in read] == list(range(1, ORDERS + CHANGES + 1))
    assert len({event["id"] for event in read}) == len(read)
    assert events_of(party) == read
    sequences: dict[str, list[int]] = {}
    for event in read:
        sequences.setdefault(event["purchase_order"]["id"], []).append(event["sequence"])
    assert len(sequences) == ORDERS
    assert all(of_order == list(range(1, len(of_order) + 1)) for of_order in sequences.values())
    # Who is stopped gives back what is his.
    assert apart.holders() == {}
    assert apart.read_whole() == {}
    print(f"{CHANGES} changes; a killed worker's buckets moved on after {moved_on_after:.1f} s")


async def _write(apart: Apart, party: Party, numbers: list[str]) -> None:
    """Change orders, as many times as `CHANGES`, by writers who race; one change in fifty is committed late."""
    database = patient(apart.database_url, pool_size=WRITERS)
    left = iter(range(CHANGES))

    async def write() -> None:
        for _ in left:
            while True:
                try:
                    await _change(database, UUID(party.id), random.choice(numbers))
                    break
                except TemporarilyUnavailable as refused:
                    if "outcome" in refused.members:
                        raise

    await asyncio.gather(*(write() for _ in range(WRITERS)))
    await database.dispose()


async def _change(database: Database, buyer: UUID, number_key: str) -> None:
    held_open = random.uniform(*HELD_OPEN) if random.random() < 0.02 else 0.0
    async with database.transaction() as connection:
        if held_open and random.random() < 0.5:
            await asyncio.sleep(held_open)
        row = await orders.bump_version(connection, number_key, buyer)
        assert row is not None
        change = OrderChange(EventType.CHANGED, number_key, buyer, row.version, None, None, {"n": row.version})
        await events.record(connection, [change])
        if held_open:
            await asyncio.sleep(held_open)


def _read(party: Party, read: list[Event], is_over: threading.Event) -> None:
    after = "0"
    while not is_over.is_set():
        page = party.get("/v1/events", params={"after": after, "wait": "1", "limit": "200"}).json()
        read += page["data"]
        after = page["next_cursor"]


async def _relay_once(database_url: str) -> int:
    """Do what a worker does before it goes down: of some orders it plans when they end."""
    database = patient(database_url, pool_size=3)
    buckets = Buckets(database)
    await buckets.run_once()
    relayed = await Relay(database, buckets, [announcing.plan]).run_once()
    await buckets.release()
    await database.dispose()
    return relayed


def test_what_ends_while_no_worker_runs_is_announced_once_when_one_is_back(apart: Apart, party: Party) -> None:
    made: list[Event] = []
    for start in range(0, EXPIRIES, 200):
        ends = [{"expires_at": ahead(seconds=2 + n / EXPIRIES)} for n in range(min(200, EXPIRIES - start))]
        results = party.post("/v1/purchase-orders/batch", {"purchase_orders": ends}).json()["results"]
        made += [one["purchase_order"] for one in results]
    planned = asyncio.run(_relay_once(apart.database_url))
    assert planned > 0
    time.sleep(SECONDS_DOWN)
    until(lambda: datetime.fromisoformat(max(one["expires_at"] for one in made)).timestamp() < time.time())
    metrics_port = free_port()
    with Worker(apart.database_url, METRICS_PORT=metrics_port):
        until(apart.holders)
        back_at = time.monotonic()
        until(lambda: len(events_of(party, type="purchase_order.expired")) >= EXPIRIES, 60)
        seconds = time.monotonic() - back_at
        time.sleep(1.5)
        told = events_of(party, type="purchase_order.expired")
        metrics = httpx.get(f"http://127.0.0.1:{metrics_port}/metrics").text
    assert f'po_registry_announcements_total{{type="purchase_order.expired"}} {EXPIRIES}.0' in metrics
    for waits in ("oldest_undelivered_seconds", "announcement_lag_seconds"):
        assert f"po_registry_{waits} 0.0" in metrics
    assert "po_registry_buckets_held 64.0" in metrics
    assert 'po_registry_relay_lag_seconds_bucket{le="+Inf"}' in metrics
    assert sorted(event["purchase_order"]["id"] for event in told) == sorted(one["id"] for one in made)
    print(f"{EXPIRIES} announced {seconds:.1f} s after the worker took its buckets")
