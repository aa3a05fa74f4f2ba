"""The relay by itself: whatever waits, and in whatever order ids were made, each order is told in its sequence."""

from uuid import UUID, uuid4

from sqlalchemy import text

from app.db.session import Database
from app.events.buckets import Buckets
from app.events.relay import EVENTS_AT_ONCE, Relay

BUYER = uuid4()


async def test_what_an_order_was_told_earlier_comes_along_however_late_its_ids_were_made(workerless: Database) -> None:
    await wait_in_outbox(workerless, "LATE", {4: 1, 2: 2, 3: 9_001, 1: 9_002})
    for number in range(3, EVENTS_AT_ONCE + 100):
        await wait_in_outbox(workerless, f"OTHER{number}", {1: number})
    await wait_in_outbox(workerless, "WHOLE", {1: 9_003, 2: 9_004})
    relay = await ready(workerless)
    assert await relay.run_once() == EVENTS_AT_ONCE + 2
    assert await told(workerless, "LATE") == [1, 2, 3, 4]
    assert await told(workerless, "WHOLE") == []
    assert await relay.run_once() == 101
    assert await told(workerless, "WHOLE") == [1, 2]
    assert await relay.run_once() == 0


async def test_each_event_that_comes_along_is_told_once(workerless: Database) -> None:
    await wait_in_outbox(
        workerless, "LONG", {sequence: EVENTS_AT_ONCE + 50 - sequence for sequence in range(1, EVENTS_AT_ONCE + 30)}
    )
    relay = await ready(workerless)
    assert await relay.run_once() == EVENTS_AT_ONCE + 29
    assert await told(workerless, "LONG") == list(range(1, EVENTS_AT_ONCE + 30))


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
