"""Lets requests wait for their feeds to grow: woken by the relay, through Postgres, holding nothing meanwhile.

What Postgres tells is a hint. Behind a pooler, or where the connection for it breaks, one look for all who wait, every
`SECONDS_BETWEEN_LOOKS`, finds the same a moment later.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Final
from uuid import UUID

from app.db.session import Database
from app.errors import TemporarilyUnavailable
from app.events.relay_repository import FEED_CHANNEL
from app.feed import repository
from app.feed.service import FeedPage
from app.telemetry import logger

_log = logger(__name__)

SECONDS_BETWEEN_LOOKS: Final = 2.0

WAITING_AT_ONCE: Final = 1_000
WAITING_OF_AN_ORGANISATION: Final = 50
"""Requests of a process that may wait at once, and of one organisation: who comes later is answered at once."""


class LongPolls:
    """The requests of this process that wait."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._bells: dict[UUID, set[asyncio.Event]] = {}
        self._waiting = 0
        self._seen: dict[UUID, int] = {}
        self._is_closed = False
        self._watch: asyncio.Task[None] | None = None

    async def first(
        self,
        organisation_id: UUID,
        after: int | None,
        find: Callable[[int | None], Awaitable[FeedPage]],
        seconds: float,
    ) -> FeedPage:
        """Return the first page after `after` that `find` finds an event on.

        After `seconds`, or when the server stops, it is an empty one. `find` is called again whenever the
        organisation's feed has grown, with the position up to which it was looked at.
        """
        page = await find(after)
        if seconds > 0 and _is_empty(page):
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds), self._bell(organisation_id) as bell:
                    while bell is not None and not self._is_closed and _is_empty(page):
                        bell.clear()
                        # Before the bell is waited for: the feed may have grown before it hung there.
                        page = await find(page.position)
                        if _is_empty(page):
                            await bell.wait()
        return page

    def close(self) -> None:
        """Let all who wait go, now and from now on: the server stops."""
        self._is_closed = True
        self._ring(list(self._bells))

    async def dispose(self) -> None:
        """Let all go and end the watch."""
        self.close()
        if self._watch is not None:
            self._watch.cancel()
            with suppress(asyncio.CancelledError):
                await self._watch

    @asynccontextmanager
    async def _bell(self, organisation_id: UUID) -> AsyncIterator[asyncio.Event | None]:
        """Yield what rings when the organisation's feed has grown; None where too many wait already."""
        bells = self._bells.get(organisation_id, set())
        if self._waiting >= WAITING_AT_ONCE or len(bells) >= WAITING_OF_AN_ORGANISATION:
            yield None
            return
        bell = asyncio.Event()
        self._bells.setdefault(organisation_id, set()).add(bell)
        self._waiting += 1
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._watch_for_ever())
        try:
            yield bell
        finally:
            self._waiting -= 1
            self._bells[organisation_id].discard(bell)
            if not self._bells[organisation_id]:
                del self._bells[organisation_id]
                self._seen.pop(organisation_id, None)

    def _ring(self, organisations: Iterable[UUID]) -> None:
        for organisation_id in organisations:
            for bell in self._bells.get(organisation_id, ()):
                bell.set()

    def _hear(self, told: str) -> None:
        """Ring for those whom the relay names; where it names none, they are too many to be named."""
        self._ring([UUID(one) for one in told.split(",")] if told else list(self._bells))

    async def _watch_for_ever(self) -> None:
        while True:
            try:
                async with self._database.listening(FEED_CHANNEL, self._hear) as lost:
                    while not lost.is_set():
                        await self._look()
                        with suppress(TimeoutError):
                            await asyncio.wait_for(lost.wait(), SECONDS_BETWEEN_LOOKS)
            except TemporarilyUnavailable:
                _log.warning("requests that wait for events wait for the database")
            except Exception:  # noqa: BLE001 - whoever waits must not wait in vain from now on
                _log.exception("watching feeds failed")
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)

    async def _look(self) -> None:
        waiting = list(self._bells)
        if not waiting:
            return
        heads = await self._database.look(lambda connection: repository.heads(connection, waiting))
        grown = [one for one, head in heads.items() if head.position > self._seen.get(one, 0)]
        self._seen.update({one: head.position for one, head in heads.items() if one in self._bells})
        self._ring(grown)


def _is_empty(page: FeedPage) -> bool:
    return not page.events and not page.has_more
