"""Background work: imports, feeds, webhooks, and what only announces or tidies up. Stopping it changes no verdict."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import idempotency_keys
from app.db.rounds import for_ever
from app.db.session import Database
from app.deliveries import at_risk
from app.events import repository as event_rows
from app.events.buckets import Buckets
from app.events.relay import Relay
from app.exchange import repository as import_rows
from app.exchange.runner import ImportRunner
from app.feed import trimming
from app.orders import announcing
from app.settings import Settings
from app.telemetry import logger
from app.webhooks import delivery_repository
from app.webhooks import repository as webhook_rows
from app.webhooks.dispatcher import Dispatcher
from app.webhooks.secrets import Vault
from app.webhooks.sender import Sender

_log = logger(__name__)

SECONDS_BETWEEN_ROUNDS = 60.0
_BATCH = 1_000
_FIRST_BUCKET = 0
_SECONDS_BETWEEN_BATCHES = 0.05
"""A pause for the others: what tidies up is in no hurry, and the disk is the gate's."""


@dataclass(frozen=True, slots=True)
class Kept:
    """For how long what only grows is kept; Idempotency-Keys for 24 h, as the API promises."""

    gate_checks: timedelta
    imports: timedelta
    feeds: timedelta
    webhook_deliveries: timedelta

    @classmethod
    def by(cls, settings: Settings) -> Self:
        """Return what the settings say."""
        return cls(
            timedelta(days=settings.gate_checks_kept),
            timedelta(days=settings.imports_kept),
            timedelta(days=settings.feeds_kept),
            timedelta(days=settings.webhook_deliveries_kept),
        )


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
        run_for_ever(database, buckets, Kept.by(settings)),
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


async def run_for_ever(database: Database, buckets: Buckets, kept: Kept) -> None:
    """Do a round of background work every minute; a round that fails is logged and tried again.

    Feeds are trimmed, and deliveries deleted, by one of the workers: whoever holds the first bucket.
    """

    async def once() -> None:
        await run_once(database, kept)
        if _FIRST_BUCKET in buckets.held:
            await trimming.run_once(database, kept.feeds)
            await delete_outgrown_webhooks(database, kept.webhook_deliveries)

    await for_ever("background work", once, lambda: SECONDS_BETWEEN_ROUNDS)


async def run_once(database: Database, kept: Kept) -> int:
    """Delete what was kept for long enough and return how many rows went; an order's own events are never among them.

    In batches, each a short transaction that locks nothing but the old rows themselves. Any number of workers may do
    this at once: each deletes what is still there.
    """
    old: list[Callable[[AsyncConnection], Awaitable[int]]] = [
        lambda connection: idempotency_keys.delete_expired(connection, _BATCH),
        lambda connection: event_rows.delete_gate_checks(connection, kept.gate_checks, _BATCH),
        lambda connection: import_rows.delete_finished(connection, kept.imports, _BATCH),
    ]
    return sum([await _delete_all(database, batch) for batch in old])


async def delete_outgrown_webhooks(database: Database, kept_for: timedelta) -> int:
    """Delete deliveries that are older, and what is left of endpoints that were deleted; return how many rows went."""
    old: list[Callable[[AsyncConnection], Awaitable[int]]] = [
        lambda connection: delivery_repository.delete_older(connection, kept_for, _BATCH),
        lambda connection: delivery_repository.delete_of_deleted(connection, _BATCH),
        lambda connection: webhook_rows.delete_empty(connection, _BATCH),
    ]
    return sum([await _delete_all(database, batch) for batch in old])


async def _delete_all(database: Database, delete_batch: Callable[[AsyncConnection], Awaitable[int]]) -> int:
    deleted = 0
    while True:
        batch = await database.change(delete_batch)
        deleted += batch
        if batch < _BATCH:
            return deleted
        await asyncio.sleep(_SECONDS_BETWEEN_BATCHES)
