"""Where lists and look-ups read: from a replica while there is one that answers, otherwise from the primary.

What is read here may be a moment old, so it shows and decides nothing: verdicts, keys and whatever a write rests on
take `Database`, which is the primary (rule 4 of the house).
"""

import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.connections import sqlstate
from app.db.session import Database
from app.errors import TemporarilyUnavailable
from app.settings import Settings
from app.telemetry import logger

Result = TypeVar("Result")

SECONDS_PASSED_OVER: Final = 5.0
"""How long a replica that failed is left alone: not every list shall wait for it anew."""

_NOT_THERE_YET: Final = "42"
"""SQLSTATE class of what a replica misses that a migration has not reached: tables, columns, the right to read them."""

_log = logger(__name__)


class Lists:
    """Reads for lists: `look` is that of a `Database`."""

    def __init__(self, primary: Database, replica: Database | None) -> None:
        """Take both ways; without a replica the primary alone."""
        self._primary = primary
        self._replica = replica
        self._passed_over_until = 0.0

    @classmethod
    def of(cls, settings: Settings, primary: Database) -> "Lists":
        """Return the reads that the settings ask for."""
        url = settings.database_replica_url
        return cls(primary, None if url is None else Database.of(settings, url.get_secret_value(), read_only=True))

    async def look(self, work: Callable[[AsyncConnection], Awaitable[Result]]) -> Result:
        """Return what `work`, which only looks, finds; it is run again on the primary where the replica fails."""
        if self._replica is not None and time.monotonic() >= self._passed_over_until:
            try:
                return await self._replica.look(work)
            except TemporarilyUnavailable:
                self._pass_over("it is out of reach")
            except DBAPIError as error:
                if not (sqlstate(error) or "").startswith(_NOT_THERE_YET):
                    raise
                self._pass_over("it lacks what the primary has")
        return await self._primary.look(work)

    async def dispose(self) -> None:
        """Close the replica's connections; the primary's are its own."""
        if self._replica is not None:
            await self._replica.dispose()

    def _pass_over(self, reason: str) -> None:
        self._passed_over_until = time.monotonic() + SECONDS_PASSED_OVER
        _log.warning("lists read the primary: the replica cannot be used", reason=reason)
