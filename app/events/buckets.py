"""Which buckets this worker looks after: shared with the other workers that live, by lease.

A lease lasts `SECONDS_OF_A_LEASE` and is renewed every `SECONDS_BETWEEN_ROUNDS`; so the buckets of a worker that is
killed are with others within the sum of the two. Nothing rests on clocks or on the end of a lease alone: who works on
a bucket asks in its own transaction whether its fencing token still holds.
"""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.identifiers import new_id
from app.db.rounds import for_ever
from app.db.session import Database
from app.errors import TemporarilyUnavailable
from app.events import bucket_repository as repository
from app.events.models import BUCKETS
from app.telemetry import BUCKETS_HELD, logger

_log = logger(__name__)

SECONDS_BETWEEN_ROUNDS: Final = 2.0
SECONDS_OF_A_LEASE: Final = 6.0


class Buckets:
    """The buckets that one worker holds."""

    def __init__(self, database: Database) -> None:
        self.worker: UUID = new_id()
        self._database = database
        self._held: Mapping[int, int] = {}

    @property
    def held(self) -> Mapping[int, int]:
        """The buckets that were held at the last look: bucket -> fencing token."""
        return self._held

    async def run_for_ever(self) -> None:
        """Renew, share and take, every few seconds; a round that fails is tried again."""
        await for_ever("leasing buckets", self.run_once, lambda: SECONDS_BETWEEN_ROUNDS)

    async def run_once(self) -> None:
        """Renew what is held, give back what is more than this worker's share, and take what is free of it."""
        alive = await self._database.change(lambda connection: repository.say_alive(connection, self.worker, _LEASE))
        self._held = await self._database.change(lambda connection: self._shared(connection, -(-BUCKETS // alive)))
        BUCKETS_HELD.set(len(self._held))

    async def _shared(self, connection: AsyncConnection, share: int) -> Mapping[int, int]:
        held = dict(await repository.renew(connection, self.worker, _LEASE))
        if len(held) > share:
            surplus = sorted(held)[share:]
            await repository.release(connection, self.worker, surplus)
            return {bucket: token for bucket, token in held.items() if bucket not in surplus}
        if len(held) < share:
            free = await repository.free_buckets(connection)
            held |= await repository.take(connection, self.worker, free[: share - len(held)], _LEASE)
        return held

    async def still_held(self, connection: AsyncConnection, buckets: Collection[int]) -> list[int]:
        """Return those of the buckets that are still this worker's, and keep them so to the end of the transaction."""
        tokens = {bucket: token for bucket in buckets if (token := self._held.get(bucket)) is not None}
        leased = await repository.still_leased(connection, self.worker, tokens) if tokens else {}
        return [bucket for bucket, token in tokens.items() if leased.get(bucket) == token]

    async def release(self) -> None:
        """Give all back, so that others need not wait for the leases to end; where that fails, they wait."""
        self._held = {}
        try:
            await self._database.change(lambda connection: repository.release(connection, self.worker), seconds=2)
        except TemporarilyUnavailable:
            _log.warning("buckets could not be given back; their leases will end")


_LEASE: Final = timedelta(seconds=SECONDS_OF_A_LEASE)
