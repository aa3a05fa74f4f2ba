"""The buckets' leases: whoever was too slow finds that they are another's, whatever he remembers."""

from sqlalchemy import text

from app.db.session import Database
from app.events.buckets import Buckets
from app.events.models import BUCKETS

ALL = list(range(BUCKETS))


async def still_held(database: Database, buckets: Buckets) -> list[int]:
    return await database.change(lambda connection: buckets.still_held(connection, ALL))


async def say(database: Database, statement: str) -> None:
    await database.change(lambda connection: connection.execute(text(statement)))


async def test_a_worker_whose_leases_have_ended_holds_none_of_the_buckets_that_others_took(
    workerless: Database,
) -> None:
    slow, other = Buckets(workerless), Buckets(workerless)
    await slow.run_once()
    assert await still_held(workerless, slow) == ALL
    await say(workerless, "UPDATE outbox_buckets SET leased_until = now() - interval '1 s' WHERE bucket < 32")
    await other.run_once()
    assert sorted(other.held) == ALL[:32]
    assert await still_held(workerless, other) == ALL[:32]
    assert sorted(slow.held) == ALL
    assert await still_held(workerless, slow) == ALL[32:]


async def test_a_bucket_that_went_and_came_back_is_not_held_by_the_token_of_before(workerless: Database) -> None:
    worker = Buckets(workerless)
    await worker.run_once()
    await say(workerless, "UPDATE outbox_buckets SET fencing_token = fencing_token + 2 WHERE bucket = 7")
    assert await still_held(workerless, worker) == [bucket for bucket in ALL if bucket != 7]
    await worker.run_once()
    assert await still_held(workerless, worker) == ALL
