"""Announces what time alone makes of orders: each exactly once, however many workers look for it.

No verdict goes by it: where nobody looks for a day, the gate says the same, and what came about is announced a day
later, in order and in batches. When to look at an order next is planned whenever one of its events is relayed, so that
issuing and changing orders cost nothing more.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.rounds import for_ever
from app.db.session import Database
from app.errors import TemporarilyUnavailable
from app.events import service as events
from app.events.event_types import EventType
from app.events.feed_order import WaitingEvent
from app.events.service import OrderChange, bucket_of
from app.http.schemas import timestamp
from app.orders import announcement_repository as repository
from app.orders.announcement_rules import (
    ANNOUNCED_BY_TIME,
    Announcement,
    announcements,
    is_known_to_whoever_set_it,
)
from app.orders.identity import Identity
from app.orders.views import lifecycle_facts
from app.telemetry import ANNOUNCEMENT_LAG_SECONDS, ANNOUNCEMENTS, logger

_log = logger(__name__)

SECONDS_BETWEEN_LOOKS: Final = 1.0
_SECONDS_BETWEEN_BATCHES: Final = 0.1
"""After a day without a worker there is much to catch up with: others must get to the database in between."""

_BATCH: Final = 200


async def run_for_ever(database: Database, held: Callable[[], Collection[int]]) -> None:
    """Announce what is due in the buckets that are `held`, every second; what fails is logged and tried again."""
    await for_ever("announcing what is due", lambda: run_once(database, held()), lambda: SECONDS_BETWEEN_LOOKS)


async def run_once(database: Database, buckets: Collection[int], batch: int = _BATCH) -> int:
    """Announce all that is due in the buckets, longest due first, and return how many events that were."""
    announced = 0
    while buckets:
        due = await database.look(lambda connection: repository.due(connection, buckets, batch))
        ANNOUNCEMENT_LAG_SECONDS.set(max(((row.read_at - row.next_at).total_seconds() for row in due), default=0.0))
        settled = await _settle(database, [(row.number_key, row.organisation_id) for row in due])
        announced += sum(settled)
        # Where nothing could be settled others are at it: the rest is for the next round.
        if len(due) < batch or not settled:
            break
        await asyncio.sleep(_SECONDS_BETWEEN_BATCHES)
    return announced


async def plan(connection: AsyncConnection, relayed: Sequence[WaitingEvent]) -> None:
    """Plan anew when time makes an event of the orders whose events are relayed: a reaction of the relay."""
    changed_at: dict[Identity, datetime] = {}
    for event in relayed:
        if event.number_key is not None:
            order = (event.number_key, event.organisation_id)
            changed_at[order] = min(event.occurred_at, changed_at.get(order, event.occurred_at))
    if not changed_at:
        return
    rows = []
    for row in await repository.facts_of(connection, changed_at):
        ahead = _announcements(row, row["notice"])
        known: list[Announcement] = []
        if row["expires_at"] != row["planned_expiry"]:
            set_at = changed_at[row["number_key"], row["organisation_id"]]
            known = [one for one in ahead if is_known_to_whoever_set_it(one, set_at)]
        left = [one for one in ahead if one not in known]
        if left or row["planned_version"] is not None:
            rows.append(_planned(row, row["version"], left, known, row["expires_at"]))
    await repository.plan(connection, rows)


async def _settle(database: Database, orders: Sequence[Identity]) -> list[int]:
    """Announce what is due of each order, and return how many events each had that nobody else has dealt with."""
    if not orders:
        return []
    try:
        return await database.change(lambda connection: _announce(connection, orders))
    except TemporarilyUnavailable:
        raise
    except Exception:  # noqa: BLE001 - one faulty order must not hold up those that are due with it
        _log.exception("announcing a batch failed", count=len(orders))
    settled: list[int] = []
    for order in orders:
        try:
            settled += await database.change(lambda connection, order=order: _announce(connection, [order]))  # type: ignore[misc]  # bound at once
        except TemporarilyUnavailable:
            raise
        except Exception:  # noqa: BLE001 - as above
            _log.exception("announcing failed")
    return settled


async def _announce(connection: AsyncConnection, orders: Sequence[Identity]) -> list[int]:
    found = {(row["number_key"], row["organisation_id"]): row for row in await repository.facts_of(connection, orders)}
    # An end that the relay has not planned for yet: whether it is announced ahead is for the relay to say.
    ahead = {
        order: _announcements(row, row["notice"] if row["expires_at"] == row["planned_expiry"] else None)
        for order, row in found.items()
    }
    due = {order: [one for one in ahead[order] if one.at <= row["read_at"]] for order, row in found.items()}
    changes = {order: (found[order]["version"], len(of_order)) for order, of_order in due.items() if of_order}
    # As they were judged: whoever changes an order or announces it first counts its version up.
    counted = await repository.count_changes(connection, changes) if changes else frozenset()
    settled = [order for order in found if order in counted or not due[order]]
    await events.record(connection, _changes(found, {order: due[order] for order in counted}))
    rows = []
    for order in settled:
        row, told = found[order], due[order]
        left = [one for one in ahead[order] if one not in told]
        rows.append(_planned(row, row["version"] + len(told), left, told, row["planned_expiry"]))
    await repository.plan(connection, rows)
    for order in counted:
        for one in due[order]:
            ANNOUNCEMENTS.labels(one.type.value).inc()
    return [len(due[order]) for order in settled]


def _changes(
    found: Mapping[Identity, Mapping[str, Any]], due: Mapping[Identity, Sequence[Announcement]]
) -> list[OrderChange]:
    numbered = [
        (one, order, found[order]["version"] + count)
        for order, of_order in due.items()
        for count, one in enumerate(of_order, start=1)
    ]
    return [
        OrderChange(
            type=one.type,
            number_key=order[0],
            organisation_id=order[1],
            sequence=sequence,
            actor=None,
            relation=None,
            data={_DATES[one.type]: timestamp(one.date)},
        )
        for one, order, sequence in sorted(numbered, key=lambda item: (item[0].at, item[1], item[2]))
    ]


_DATES: Final = {
    EventType.EXPIRING: "expires_at",
    EventType.EXPIRED: "expires_at",
    EventType.LAPSED: "activate_by",
    EventType.NOT_ACTIVATED: "activate_by",
}


def _announcements(row: Mapping[str, Any], notice: Any) -> list[Announcement]:
    told = row["announced"] or {}
    announced = {type_: datetime.fromisoformat(told[type_]) for type_ in ANNOUNCED_BY_TIME if type_ in told}
    return announcements(lifecycle_facts(row), notice, announced)


def _planned(
    row: Mapping[str, Any],
    version: int,
    left: Sequence[Announcement],
    told: Sequence[Announcement],
    planned_expiry: datetime | None,
) -> dict[str, Any]:
    return {
        "number_key": row["number_key"],
        "organisation_id": row["organisation_id"],
        "bucket": bucket_of(row["number_key"]),
        "version": version,
        "next_at": left[0].at if left else None,
        "planned_expiry": planned_expiry,
        "announced": {one.type.value: one.date.isoformat() for one in told},
    }
