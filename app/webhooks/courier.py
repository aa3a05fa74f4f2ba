"""Brings an organisation's events to one endpoint: in the order of each purchase order, each until it is taken.

Everything that counts is in Postgres, and changes only in a *turn*: a transaction that asks first whether this worker
still holds the endpoint's bucket (by its fencing token), holds the endpoint, and then writes down what became of
attempts, makes new deliveries of the feed, and takes what is due. Attempts run between turns. What becomes of one that
no turn writes down any more, because the worker was killed or has lost the bucket, is not known to anybody: whoever
holds the bucket then makes the attempt once more, under the same `webhook-id`.
"""

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.session import Database
from app.errors import TemporarilyUnavailable
from app.events.buckets import Buckets
from app.telemetry import WEBHOOK_ATTEMPTS, logger
from app.webhooks import turns
from app.webhooks.retries import seconds_before_retry
from app.webhooks.secrets import Vault, signed_headers
from app.webhooks.sender import Answer, Sender

_log = logger(__name__)

AT_ONCE: Final = 10
"""Attempts under way at one endpoint; at one that fails or is slow, one at a time."""

TAKEN_AT_ONCE: Final = 50
"""Deliveries of which one turn lets the attempts begin, as room comes to be, at an endpoint that takes what it gets."""

_SECONDS_TO_BEGIN: Final = 2.0
"""After that a turn's word is too old: whose the bucket is, and what the endpoint wants, is asked for again."""

SECONDS_BETWEEN_TURNS: Final = 0.1
"""While attempts are under way: a turn is a dozen statements, and takes what has come together as easily as one."""

SLOW_AFTER: Final = 2.0
_SECONDS_BETWEEN_TRIES: Final = 1.0
_SECONDS_TO_FINISH: Final = 3.0


@dataclass(frozen=True, slots=True)
class Place:
    """Which endpoint, and the bucket that it is in."""

    organisation_id: UUID
    endpoint_id: UUID
    bucket: int


@dataclass(slots=True)
class Means:
    """What the couriers of a worker share: `turns` are the database connections that they may hold at once."""

    database: Database
    buckets: Buckets
    sender: Sender
    vault: Vault
    room: Callable[[bool], int]
    """How many more attempts may begin in this worker now, given whether it is at an endpoint that is slow or fails."""
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(3))


@dataclass(frozen=True, slots=True)
class _Taken:
    """A delivery that may be attempted, and the moment at which a turn said so."""

    url: str
    secrets: Sequence[str]
    delivery: Row[Any]
    at: float


class Courier:
    """Serves one endpoint for as long as there is something to do."""

    def __init__(self, means: Means, place: Place) -> None:
        self._means = means
        self._place = place
        self._taken: deque[_Taken] = deque()
        self._begun: dict[UUID, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._results: list[Mapping[str, Any]] = []
        self._woken = asyncio.Event()
        self._is_failing = False
        self._is_stopped = False

    @property
    def under_way(self) -> int:
        """How many attempts are under way."""
        return len(self._begun)

    def stop(self) -> None:
        """Begin nothing more, and end when what is under way has ended."""
        self._is_stopped = True
        self._taken.clear()
        self._woken.set()

    async def run(self) -> bool:
        """Take turns until nothing is to be done or the endpoint is not this worker's; return whether any was."""
        did_something = False
        try:
            while (turn := await self._turn()) is not None:
                self._is_failing = turn.is_failing
                if turn.due:
                    secrets = [self._means.vault.open(kept) for kept in turn.secrets]
                    self._taken.extend(_Taken(turn.url, secrets, one, time.monotonic()) for one in turn.due)
                    self._begin_what_fits()
                did_something = did_something or turn.has_moved or bool(turn.due)
                goes_on = turn.has_more and not self._is_stopped
                if not self._begun and not self._taken and not self._results and not goes_on:
                    break
                if not goes_on:
                    await self._something_ends()
                    await asyncio.sleep(0 if self._is_stopped else SECONDS_BETWEEN_TURNS)
        finally:
            self.stop()
            for task in self._tasks:
                task.cancel()
        return did_something

    async def finish(self, running: "asyncio.Task[bool]") -> None:
        """Wait a moment for what is under way, so that it need not be sent once more, and end."""
        self.stop()
        await asyncio.wait({running}, timeout=_SECONDS_TO_FINISH)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    async def _turn(self) -> turns.Turn | None:
        self._woken.clear()
        results, self._results = self._results, []
        while True:
            try:
                async with self._means.turns:
                    # What ends from here on is not due: it is written down in the next turn.
                    known = {*self._begun, *(result["id"] for result in self._results)}
                    known |= {one.delivery.id for one in self._taken}
                    return await self._means.database.change(
                        lambda connection, known=known: self._take_turn(connection, results, known)  # type: ignore[misc]  # bound at once
                    )
            except TemporarilyUnavailable:
                _log.warning("webhooks wait for the database")
                if self._is_stopped:
                    return None
                await asyncio.sleep(_SECONDS_BETWEEN_TRIES)

    async def _take_turn(
        self, connection: AsyncConnection, results: Sequence[Mapping[str, Any]], known: Collection[UUID]
    ) -> turns.Turn | None:
        place = self._place
        if not await self._means.buckets.still_held(connection, [place.bucket]):
            return None
        room = 0 if self._is_stopped else self._room(TAKEN_AT_ONCE) - len(self._taken)
        return await turns.take(connection, place.organisation_id, place.endpoint_id, results, known, room)

    def _room(self, at_once: int = AT_ONCE) -> int:
        """Return how many attempts may begin now."""
        is_slow = self._is_failing or any(time.monotonic() - began > SLOW_AFTER for began in self._begun.values())
        own = (1 if is_slow else at_once) - len(self._begun)
        return max(0, min(own, self._means.room(is_slow)))

    def _begin_what_fits(self) -> None:
        while self._taken and self._room():
            taken = self._taken.popleft()
            if time.monotonic() - taken.at > _SECONDS_TO_BEGIN:
                continue
            self._begun[taken.delivery.id] = time.monotonic()
            task = asyncio.create_task(self._attempt(taken))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _attempt(self, taken: _Taken) -> None:
        delivery = taken.delivery
        try:
            # The receiver compares this with its own clock, so it is that of the moment, not of the database.
            headers = signed_headers(taken.secrets, delivery.webhook_id, datetime.now(UTC), delivery.body)
            sent = {"Content-Type": "application/json", "User-Agent": "po-registry", **headers}
            answer = await self._means.sender.send(taken.url, sent, delivery.body.encode())
            self._results.append(_result(delivery, answer))
            WEBHOOK_ATTEMPTS.labels(answer.error or "succeeded").inc()
            if answer.error is not None:
                # One that fails is called one at a time: what was taken is due all the same.
                self._taken.clear()
        finally:
            del self._begun[delivery.id]
            self._begin_what_fits()
            self._woken.set()

    async def _something_ends(self) -> None:
        """Wait until an attempt has ended, or there may be something new."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_SECONDS_BETWEEN_TRIES):
                await self._woken.wait()

    def wake(self) -> None:
        """Look whether there is more, where there is room for it: the feed has gone on, or something is due."""
        if self._room():
            self._woken.set()


def _result(delivery: Row[Any], answer: Answer) -> Mapping[str, Any]:
    # Chance is enough here: it keeps attempts apart, and hides nothing.
    delay = seconds_before_retry(delivery.failures + 1, random.random(), answer.pause)  # noqa: S311
    return {
        "id": delivery.id,
        "succeeded": answer.error is None,
        "seconds": answer.seconds,
        "delay": delay,
        "attempt": {
            "seconds": round(answer.seconds, 3),
            "status": answer.status,
            "excerpt": answer.excerpt,
            "error": answer.error,
        },
    }
