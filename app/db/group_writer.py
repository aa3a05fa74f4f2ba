"""Writes in groups, a moment later, what no answer waits for: counts, and the record of checks at the gate.

What a process holds when it is killed is lost: at most the last `SECONDS_BETWEEN_GROUPS` while the database answers.
While it does not, up to `_CAPACITY` items are kept and written on its return; what comes after that is lost and counted
in `po_registry_notes_lost`. An orderly stop writes all it holds.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final, Generic, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.session import Database
from app.errors import TemporarilyUnavailable
from app.telemetry import NOTES_LOST, logger

Item = TypeVar("Item")

SECONDS_BETWEEN_GROUPS: Final = 0.25
_SECONDS_AFTER_A_FAILURE: Final = 1.0
_SECONDS_FOR_A_GROUP: Final = 5.0
_ITEMS_IN_A_GROUP: Final = 2_000
_CAPACITY: Final = 20_000

_log = logger(__name__)


class GroupWriter(Generic[Item]):
    """Hands what is noted to `write`, in groups, each in a transaction of its own.

    A group whose outcome is unknown is written again: `write` must bear that.
    """

    def __init__(
        self,
        database: Database,
        write: Callable[[AsyncConnection, Sequence[Item]], Awaitable[None]],
        *,
        name: str,
        settled: Callable[[Sequence[Item]], None] = lambda _: None,
    ) -> None:
        """Make a writer; `settled` is told, once for each, of the items that are committed or lost."""
        self._database = database
        self._write = write
        self._name = name
        self._settled = settled
        self._noted: list[Item] = []
        self._writing: asyncio.Task[None] | None = None

    def note(self, item: Item) -> None:
        """Keep an item for the next group; returns at once."""
        if len(self._noted) >= _CAPACITY:
            NOTES_LOST.labels(self._name).inc()
            self._settled([item])
            return
        self._noted.append(item)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_in_groups())

    async def close(self) -> None:
        """Write what is left, for a moment at most; what cannot be written is lost."""
        if self._writing is not None:
            self._writing.cancel()
            with suppress(asyncio.CancelledError):
                await self._writing
        while self._noted:
            if not await self._write_group():
                break
        NOTES_LOST.labels(self._name).inc(len(self._noted))

    async def _write_in_groups(self) -> None:
        while self._noted:
            await asyncio.sleep(SECONDS_BETWEEN_GROUPS)
            if not await self._write_group():
                await asyncio.sleep(_SECONDS_AFTER_A_FAILURE)

    async def _write_group(self) -> bool:
        group = self._noted[:_ITEMS_IN_A_GROUP]
        try:
            await self._database.change(lambda connection: self._write(connection, group), seconds=_SECONDS_FOR_A_GROUP)
        except TemporarilyUnavailable:
            return False
        except Exception:  # noqa: BLE001 - a group that cannot be written must not hold up all that come after it
            _log.exception("notes lost", notes=self._name, count=len(group))
            NOTES_LOST.labels(self._name).inc(len(group))
        del self._noted[: len(group)]
        self._settled(group)
        return True
