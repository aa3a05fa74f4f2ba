"""The feed is complete and in order, whoever is killed: racing writers, late commits, workers that come and go.

FEED_CHANGES says how many changes, EXPIRIES how many orders end and SECONDS_DOWN for how long no worker runs then.
"""

import asyncio
import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from itertools import groupby
from uuid import UUID

import pytest

from app.db.session import Database
from app.errors import TemporarilyUnavailable
from app.events import service as events
from app.events.event_types import EventType
from app.events.service import OrderChange
from app.orders import repository as orders
from tests.command import until
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


@pytest.fixture
def apart(new_database: str) -> Iterator[Apart]:
    with served_apart(new_database) as apart:
        yield apart


def test_a_reader_sees_each_event_once_and_in_order_whoever_is_killed(apart: Apart) -> None:
    party = apart.party
    body = {"purchase_orders": [{} for _ in range(ORDERS)]}
    made = party.post("/v1/purchase-orders/batch", body).json()["results"]
    numbers = [one["purchase_order"]["number"].replace("-", "") for one in made]
    read: list[Event] = []
    is_over = threading.Event()
    reader = threading.Thread(target=_read, args=(party, read, is_over))
    with ExitStack() as stack:
        killer = threading.Thread(target=_kill_at_random, args=(apart, stack, is_over))
        reader.start()
        killer.start()
        asyncio.run(_write(apart, numbers))
        until(lambda: len(read) >= ORDERS + CHANGES, 120)
        # What came twice would come now.
        time.sleep(1)
        is_over.set()
        killer.join()
        reader.join()
    assert [event["position"] for event in read] == list(range(1, ORDERS + CHANGES + 1))
    assert len({event["id"] for event in read}) == len(read)
    assert events_of(party) == read
    by_number = sorted(read, key=lambda event: str(event["purchase_order"]["number"]))
    counts = 0
    for _, of_order in groupby(by_number, key=lambda event: event["purchase_order"]["number"]):
        sequences = [event["sequence"] for event in of_order]
        assert sequences == list(range(1, len(sequences) + 1))
        counts += 1
    assert counts == ORDERS


async def _write(apart: Apart, numbers: list[str]) -> None:
    """Change orders, as many times as `CHANGES`, by writers who race; one change in fifty is committed late."""
    database = Database(apart.database_url, pool_size=WRITERS, timeout=5)
    left = iter(range(CHANGES))

    async def write() -> None:
        for _ in left:
            while True:
                try:
                    await _change(database, UUID(apart.party.id), random.choice(numbers))
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


def _kill_at_random(apart: Apart, stack: ExitStack, is_over: threading.Event) -> None:
    """Keep two workers running, and kill one of them again and again."""
    workers = [stack.enter_context(Worker(apart.database_url)) for _ in range(2)]
    while not is_over.wait(random.uniform(3, 8)):
        one = random.randrange(2)
        workers[one].kill()
        workers[one] = stack.enter_context(Worker(apart.database_url))
    assert [fault for worker in workers for fault in worker.faults()] == []


def test_workers_share_the_buckets_and_those_of_a_killed_one_move_on(apart: Apart) -> None:
    with Worker(apart.database_url) as first, Worker(apart.database_url):
        until(lambda: sorted(apart.holders().values()) == [32, 32], 20)
        first.kill()
        killed_at = time.monotonic()
        until(lambda: sorted(apart.holders().values()) == [64], SECONDS_TO_MOVE_ON + 5)
        assert time.monotonic() - killed_at < SECONDS_TO_MOVE_ON
        print(f"moved on after {time.monotonic() - killed_at:.1f} s")
    # One that is stopped gives its buckets back.
    assert apart.holders() == {}


def test_what_ends_while_no_worker_runs_is_announced_once_when_one_is_back(apart: Apart) -> None:
    party = apart.party
    made: list[Event] = []
    for start in range(0, EXPIRIES, 200):
        ends = [{"expires_at": ahead(seconds=2 + n / EXPIRIES)} for n in range(min(200, EXPIRIES - start))]
        results = party.post("/v1/purchase-orders/batch", {"purchase_orders": ends}).json()["results"]
        made += [one["purchase_order"] for one in results]
    # Somebody has planned for them before the worker went down, or not.
    with Worker(apart.database_url):
        until(lambda: apart.rows("SELECT count(*) AS n FROM purchase_order_announcements")[0]["n"] > 0)
    time.sleep(SECONDS_DOWN)
    until(lambda: datetime.fromisoformat(max(one["expires_at"] for one in made)).timestamp() < time.time())
    back_at = time.monotonic()
    with Worker(apart.database_url):
        until(lambda: len(events_of(party, type="purchase_order.expired")) >= EXPIRIES, 60)
        seconds = time.monotonic() - back_at
        time.sleep(1.5)
        told = events_of(party, type="purchase_order.expired")
    assert sorted(event["purchase_order"]["id"] for event in told) == sorted(one["id"] for one in made)
    print(f"{EXPIRIES} announced {seconds:.1f} s after the start of the worker")
