"""The relay by itself: whatever waits, and in whatever order ids were made, each order is told in its sequence."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from app.db.migrations import migrate
from app.db.session import Database
from app.events.buckets import Buckets
from app.events.relay import Relay
from tests.databases import patient

BUYER = uuid4()
AT_ONCE = 500
"""What the relay takes at most of a bucket where no other waits, as it stands in relay.py."""


@pytest.fixture
async def apart(new_database: str) -> AsyncIterator[Database]:
    await asyncio.to_thread(migrate, new_database)
    database = patient(new_database, pool_size=2)
    yield database
    await database.dispose()


async def test_what_an_order_was_told_earlier_comes_along_however_late_its_ids_were_made(apart: Database) -> None:
    await wait_in_outbox(apart, "LATE", {4: 1, 2: 2, 3: 9_001, 1: 9_002})
    for number in range(3, AT_ONCE + 100):
        await wait_in_outbox(apart, f"OTHER{number}", {1: number})
    await wait_in_outbox(apart, "WHOLE", {1: 9_003, 2: 9_004})
    relay = await ready(apart)
    assert await relay.run_once() == AT_ONCE + 2
    assert await told(apart, "LATE") == [1, 2, 3, 4]
    assert await told(apart, "WHOLE") == []
    assert await relay.run_once() == 101
    assert await told(apart, "WHOLE") == [1, 2]
    assert await relay.run_once() == 0


async def test_each_event_that_comes_along_is_told_once(apart: Database) -> None:
    await wait_in_outbox(apart, "LONG", {sequence: AT_ONCE + 50 - sequence for sequence in range(1, AT_ONCE + 30)})
    relay = await ready(apart)
    assert await relay.run_once() == AT_ONCE + 29
    assert await told(apart, "LONG") == list(range(1, AT_ONCE + 30))


async def ready(database: Database) -> Relay:
    buckets = Buckets(database)
    await buckets.run_once()
    return Relay(database, buckets)


async def wait_in_outbox(database: Database, number_key: str, ids: dict[int, int]) -> None:
    """Have events of an order wait in one bucket: sequence -> what its id ends with."""
    statement = text(
        "INSERT INTO outbox (bucket, id, organisation_id, number_key, sequence, type, occurred_at) "
        "SELECT 7, given.id, :buyer, :number_key, given.sequence, 'purchase_order.changed', now() "
        "FROM unnest(CAST(:ids AS uuid[]), CAST(:sequences AS integer[])) AS given (id, sequence)"
    )
    values = {
        "buyer": BUYER,
        "number_key": number_key,
        "ids": [UUID(int=end) for end in ids.values()],
        "sequences": list(ids),
    }
    await database.change(lambda connection: connection.execute(statement, values))


async def told(database: Database, number_key: str) -> list[int]:
    """Return the sequences of an order in the order in which its buyer's feed tells them."""
    statement = text("SELECT sequence FROM feed_entries WHERE number_key = :number_key ORDER BY position")
    rows = await database.look(lambda connection: connection.execute(statement, {"number_key": number_key}))
    return [row.sequence for row in rows]
