"""Background work: imports, feeds, webhooks, and what only announces or tidies up. Stopping it changes no verdict."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from app.db import idempotency_keys
from app.db.session import Database
from app.deliveries import at_risk
from app.errors import TemporarilyUnavailable
from app.events.buckets import Buckets
from app.events.relay import Relay
from app.exchange.runner import ImportRunner
from app.feed import trimming
from app.orders import announcing
from app.settings import Settings
from app.telemetry import logger
from app.webhooks.dispatcher import Dispatcher, delete_outgrown
from app.webhooks.secrets import Vault
from app.webhooks.sender import Sender

_log = logger(__name__)

SECONDS_BETWEEN_ROUNDS = 60.0
_BATCH = 1_000
_FIRST_BUCKET = 0


@asynccontextmanager
async def background_work(
    database: Database, imports: ImportRunner, settings: Settings, *, enabled: bool
) -> AsyncIterator[None]:
    """Run background work for as long as the block lasts.

    Any number of processes do this at once. What is done for orders and feeds they share among them by buckets.
    """
    if not enabled:
        yield
        return
    buckets = Buckets(database)
    relay = Relay(database, buckets, [announcing.plan])
    sender = Sender(settings.internal_hosts, settings.webhook_timeout)
    webhooks = Dispatcher(database, buckets, sender, Vault(settings.webhook_keys))
    works = (
        run_for_ever(database, buckets, settings),
        imports.run_for_ever(),
        at_risk.run_for_ever(database),
        buckets.run_for_ever(),
        relay.run_for_ever(),
        announcing.run_for_ever(database, lambda: buckets.held),
        webhooks.run_for_ever(),
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


async def run_for_ever(database: Database, buckets: Buckets, settings: Settings) -> None:
    """Do a round of background work every minute; a round that fails is logged and tried again.

    Feeds are trimmed, and deliveries deleted, by one of the workers: whoever holds the first bucket.
    """
    while True:
        try:
            await run_once(database)
            if _FIRST_BUCKET in buckets.held:
                await trimming.run_once(database, settings.feed_kept_for)
                await delete_outgrown(database, settings.webhook_deliveries_kept_for)
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
