"""Delivers webhooks in the background: a courier for each endpoint that has something to do, in this worker's buckets.

Workers share the endpoints by the buckets that they lease anyway (`app/events/buckets.py`); of a worker that is killed
others take the buckets over within ten seconds. No endpoint waits for another: each has its courier, its own attempts
at once, and those that are slow or fail may take no more than a part of what the worker can do.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import Final
from uuid import UUID

from app.db.rounds import for_ever
from app.db.session import Database
from app.events.buckets import Buckets
from app.telemetry import WEBHOOK_OLDEST_UNDELIVERED_SECONDS, logger
from app.webhooks import delivery_repository, repository
from app.webhooks.courier import Courier, Means, Place
from app.webhooks.secrets import Vault
from app.webhooks.sender import Sender

_log = logger(__name__)

SECONDS_BETWEEN_LOOKS: Final = 0.2
_SECONDS_OF_REST: Final = 2.0
"""After a courier found nothing that it could do, however much waits: it would find the same at once."""

_SECONDS_BETWEEN_MEASUREMENTS: Final = 15.0
_ATTEMPTS_AT_ONCE: Final = 512
_SLOW_ATTEMPTS_AT_ONCE: Final = 256


class Dispatcher:
    """The couriers of one worker."""

    def __init__(self, database: Database, buckets: Buckets, sender: Sender, vault: Vault) -> None:
        self._database = database
        self._buckets = buckets
        self._means = Means(database, buckets, sender, vault, self._room)
        self._sender = sender
        self._couriers: dict[UUID, tuple[Courier, asyncio.Task[bool], int]] = {}
        self._resting: dict[UUID, float] = {}
        self._measured = 0.0

    async def run_for_ever(self) -> None:
        """Look for endpoints with work a few times a second; what fails is logged and tried again."""
        try:
            await for_ever("looking for webhooks", self._round, lambda: SECONDS_BETWEEN_LOOKS)
        finally:
            couriers = list(self._couriers.values())
            await asyncio.gather(*(courier.finish(running) for courier, running, _ in couriers))
            self._sender.close()

    async def _round(self) -> None:
        await self._look()
        await self._measure()

    async def _look(self) -> None:
        held: Mapping[int, int] = self._buckets.held
        for _, running, bucket in self._couriers.values():
            if bucket not in held:
                # Somebody else's now: what is under way here is attempted there, and not twice if it can be helped.
                running.cancel()
        if not held:
            return
        now = time.monotonic()
        self._resting = {endpoint: until for endpoint, until in self._resting.items() if until > now}
        for row in await self._database.look(lambda connection: repository.with_work(connection, held)):
            if row.id in self._couriers:
                self._couriers[row.id][0].wake()
            elif row.id not in self._resting:
                self._start(Place(row.organisation_id, row.id, row.bucket))

    def _start(self, place: Place) -> None:
        courier = Courier(self._means, place)
        running = asyncio.create_task(courier.run())
        self._couriers[place.endpoint_id] = (courier, running, place.bucket)
        running.add_done_callback(lambda task: self._ended(place, task))

    def _ended(self, place: Place, running: "asyncio.Task[bool]") -> None:
        self._couriers.pop(place.endpoint_id, None)
        if running.cancelled():
            return
        fault = running.exception()
        if fault is not None:
            _log.error("delivering webhooks failed", webhook_endpoint_id=str(place.endpoint_id), exc_info=fault)
        if fault is not None or not running.result():
            self._resting[place.endpoint_id] = time.monotonic() + _SECONDS_OF_REST

    def _room(self, is_slow: bool) -> int:
        under_way = sum(courier.under_way for courier, _, _ in self._couriers.values())
        return (_SLOW_ATTEMPTS_AT_ONCE if is_slow else _ATTEMPTS_AT_ONCE) - under_way

    async def _measure(self) -> None:
        if time.monotonic() - self._measured < _SECONDS_BETWEEN_MEASUREMENTS:
            return
        self._measured = time.monotonic()
        held = list(self._buckets.held)
        age = await self._database.look(lambda connection: delivery_repository.oldest_pending_seconds(connection, held))
        WEBHOOK_OLDEST_UNDELIVERED_SECONDS.set(age)
