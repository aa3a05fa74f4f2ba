"""Background work: imports, the feeds, and what only announces or tidies up. Stopping it changes no verdict."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

from app.db import idempotency_keys
from app.db.session import Database
from app.deliveries import at_risk
from app.errors import TemporarilyUnavailable
from app.events.buckets import Buckets
from app.events.relay import Relay
from app.exchange.runner import ImportRunner
from app.feed import trimming
from app.orders import announcing
from app.telemetry import logger

_log = logger(__name__)

SECONDS_BETWEEN_ROUNDS = 60.0
_BATCH = 1_000
_FIRST_BUCKET = 0


@asynccontextmanager
async def background_work(
    database: Database, imports: ImportRunner, *, enabled: bool, feed_kept_for: timedelta
) -> AsyncIterator[None]:
    """Run background work for as long as the block lasts; feeds are kept for `feed_kept_for`.

    Any number of processes do this at once. What is done for orders and feeds they share among them by buckets.
    """
    if not enabled:
        yield
        return
    buckets = Buckets(database)
    relay = Relay(database, buckets, [announcing.plan])
    works = (
        run_for_ever(database, buckets, feed_kept_for),
        imports.run_for_ever(),
        at_risk.run_for_ever(database),
        buckets.run_for_ever(),
        relay.run_for_ever(),
        announcing.run_for_ever(database, lambda: buckets.held),
    )
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
        await buckets.release()


async def run_for_ever(database: Database, buckets: Buckets, feed_kept_for: timedelta) -> None:
    """Do a round of background work every minute; a round that fails is logged and tried again.

    Feeds are trimmed by one of the workers: whoever holds the first bucket.
    """
    while True:
        try:
            await run_once(database)
            if _FIRST_BUCKET in buckets.held:
                await trimming.run_once(database, feed_kept_for)
        except TemporarilyUnavailable:
            _log.warning("background work waits for the database")
        except Exception:  # noqa: BLE001 - one faulty round must not end the worker
            _log.exception("background work failed")
        await asyncio.sleep(SECONDS_BETWEEN_ROUNDS)


async def run_once(database: Database) -> int:
    """Delete Idempotency-Keys older than 24 h, in small batches; return how many went.

    Any number of workers may do this at once: each deletes what is still there.
    """
    deleted = 0
    while True:
        batch = await database.change(lambda connection: idempotency_keys.delete_expired(connection, _BATCH))
        deleted += batch
        if batch < _BATCH:
            return deleted
