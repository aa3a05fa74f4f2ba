"""Relays committed events from the outbox to the feeds: the one place where an event gets its position.

An event's id is made before its commit, so who reads by ids passes over what commits late. The relay sees only what is
committed, and gives positions that count from 1 in each organisation's feed while it holds that feed's head: whoever
has read position n has missed none before it.

A bucket is relayed by the worker that holds its lease, and an order's events are all in one bucket. The fencing token
is asked for in the transaction of the relaying, and the outbox row is deleted in it: each event once, whatever is
killed at whatever moment.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import clock
from app.db.rounds import for_ever
from app.db.session import Database
from app.errors import TemporarilyUnavailable
from app.events import relay_repository as repository
from app.events.buckets import Buckets
from app.events.feed_order import WaitingEvent, in_order, readers
from app.telemetry import EVENTS_RELAYED, OLDEST_UNDELIVERED_SECONDS, RELAY_LAG_SECONDS, logger

_log = logger(__name__)

SECONDS_BETWEEN_LOOKS: Final = (0.1, 0.4)
"""At least, right after there was something; at most, where there has been nothing for a while."""

EVENTS_AT_ONCE: Final = 500
"""About as many in a transaction, and from the one bucket where no other has any."""

_LONGER: Final = 1.5
_EVENTS_OF_A_BUCKET: Final = 20

Reaction = Callable[[AsyncConnection, Sequence[WaitingEvent]], Awaitable[None]]
"""What else follows from events, in the transaction in which they are relayed; the roof hands it in."""


class Relay:
    """Relays the buckets that this worker holds."""

    def __init__(self, database: Database, buckets: Buckets, reactions: Sequence[Reaction] = ()) -> None:
        """Make a relay; `reactions` are told of all events of a transaction, in their order."""
        self._database = database
        self._buckets = buckets
        self._reactions = reactions
        self._pause = SECONDS_BETWEEN_LOOKS[0]

    async def run_for_ever(self) -> None:
        """Look for events a few times a second; what fails is logged and tried again."""
        await for_ever("relaying events", self._look, lambda: self._pause)

    async def _look(self) -> None:
        shortest, longest = SECONDS_BETWEEN_LOOKS
        self._pause = min(self._pause * _LONGER, longest)
        if await self.run_once():
            self._pause = shortest

    async def run_once(self) -> int:
        """Relay what waits in the buckets that are held, a batch of each, and return how many events that were."""
        held = list(self._buckets.held)
        if not held:
            return 0
        waiting = await self._database.look(lambda connection: repository.waiting_buckets(connection, held))
        OLDEST_UNDELIVERED_SECONDS.set(max((row["age"] for row in waiting), default=0.0))
        if not waiting:
            return 0
        buckets = [row["bucket"] for row in waiting]
        try:
            # Together, so that what happened in one bucket after what happened in another comes after it in the feeds.
            return await self._relay(buckets)
        except TemporarilyUnavailable:
            raise
        except Exception:  # noqa: BLE001 - one faulty bucket must not hold up the others
            _log.exception("relaying buckets together failed", count=len(buckets))
        return await self._relay_apart(buckets)

    async def _relay_apart(self, buckets: Sequence[int]) -> int:
        relayed = 0
        for bucket in buckets:
            try:
                relayed += await self._relay([bucket])
            except TemporarilyUnavailable:
                raise
            except Exception:  # noqa: BLE001 - as above
                _log.exception("relaying a bucket failed", bucket=bucket)
        return relayed

    async def _relay(self, buckets: Sequence[int]) -> int:
        lags = await self._database.change(lambda connection: self._pass_on(connection, buckets))
        EVENTS_RELAYED.inc(len(lags))
        for lag in lags:
            RELAY_LAG_SECONDS.observe(lag)
        return len(lags)

    async def _pass_on(self, connection: AsyncConnection, buckets: Sequence[int]) -> list[float]:
        """Relay a batch of the buckets that are still held, and return how many seconds each event has waited."""
        held = await self._buckets.still_held(connection, buckets)
        share = max(_EVENTS_OF_A_BUCKET, EVENTS_AT_ONCE // len(buckets))
        waiting = await repository.next_events(connection, held, share)
        if not waiting:
            return []
        if await repository.take_out(connection, waiting) != len(waiting):
            raise LookupError("somebody else relays a bucket whose lease is held here")
        events = in_order(_waiting_event(row) for row in waiting)
        await _append(connection, events)
        for reaction in self._reactions:
            await reaction(connection, events)
        now = await clock.now(connection)
        return [(now - event.occurred_at).total_seconds() for event in events]


async def _append(connection: AsyncConnection, events: Sequence[WaitingEvent]) -> None:
    told = [(event, reader, relation) for event in events for reader, relation in readers(event).items()]
    if not told:
        return
    counts = Counter(reader for _, reader, _ in told)
    last = await repository.count_up(connection, counts)
    given: dict[UUID, int] = {reader: last[reader] - count for reader, count in counts.items()}
    rows: list[dict[str, Any]] = []
    for event, reader, relation in told:
        given[reader] += 1
        of_order = event.number_key is not None
        rows.append(
            {
                "organisation_id": reader,
                "position": given[reader],
                "event_id": event.id,
                "type": event.type,
                "relation": relation,
                "buyer_id": event.organisation_id if of_order else None,
                "number_key": event.number_key,
                "sequence": event.sequence,
            }
        )
    await repository.insert_entries(connection, rows)
    await repository.notify(connection, counts)


def _waiting_event(row: repository.WaitingRow) -> WaitingEvent:
    return WaitingEvent(
        id=row["id"],
        type=row["type"],
        occurred_at=row["occurred_at"],
        organisation_id=row["organisation_id"],
        number_key=row["number_key"],
        sequence=row["sequence"],
        seller_id=row["seller_id"],
        ship_to_id=row["ship_to_id"],
        forwarder_ids=row["forwarder_ids"],
    )
