"""SQL of the relay: takes committed events out of the outbox and gives each its place in the feeds that tell of it."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.bulk import insert_rows
from app.db.statements import fetch
from app.events.models import FeedEntryRow

FEED_CHANNEL: Final = "po_registry_feed"
"""Where Postgres tells, as a hint, whose feeds have grown: ids of organisations with commas, nothing where many."""

_ROOM_IN_A_NOTICE: Final = 7_900

WaitingRow = Mapping[str, Any]
"""A row of the outbox, by column."""


async def waiting_buckets(connection: AsyncConnection, buckets: Collection[int]) -> Sequence[Mapping[str, Any]]:
    """Return those of the buckets in which events wait, each with the `age` in seconds of one of the oldest."""
    return await fetch(connection, _WAITING, list(buckets))


async def next_events(connection: AsyncConnection, buckets: Collection[int], share: int) -> Sequence[WaitingRow]:
    """Return about `share` events of each bucket, and with those of an order all of its earlier ones.

    One statement sees all buckets at one moment: what happened after something else is not there without it.
    """
    found = await fetch(connection, _NEXT, list(buckets), share)
    waiting = Counter(row["bucket"] for row in found)
    cut_off = [row for row in found if waiting[row["bucket"]] >= share]
    return [*found, *await _earlier_ones(connection, cut_off)]


async def _earlier_ones(connection: AsyncConnection, found: Iterable[WaitingRow]) -> Sequence[WaitingRow]:
    """Return what else waits of the orders; ids are made on many machines, and a later event may have the lower id."""
    # Before the first event of an order there is none.
    later = [row for row in found if row["number_key"] is not None and row["sequence"] > 1]
    if not later:
        return []
    earlier = await fetch(
        connection,
        _EARLIER,
        [row["bucket"] for row in later],
        [row["number_key"] for row in later],
        [row["organisation_id"] for row in later],
        [row["sequence"] for row in later],
    )
    known = {row["id"] for row in found}
    return [row for row in earlier if row["id"] not in known]


async def count_up(connection: AsyncConnection, entries: Mapping[UUID, int]) -> Mapping[UUID, int]:
    """Reserve so many positions in the feed of each organisation, and return the last of each.

    Each feed is held to the end of the transaction: who comes next gets later positions, and waits for the commit.
    """
    organisations = sorted(entries)
    counts = [entries[organisation] for organisation in organisations]
    reserved = await fetch(connection, _COUNT_UP, organisations, counts)
    return {row["organisation_id"]: row["position"] for row in reserved}


async def insert_entries(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append entries to feeds."""
    await insert_rows(connection, FeedEntryRow, rows, at_now=["relayed_at"])


async def take_out(connection: AsyncConnection, events: Sequence[WaitingRow]) -> int:
    """Delete events from the outbox and return how many were there."""
    buckets, ids = [row["bucket"] for row in events], [row["id"] for row in events]
    (taken,) = await fetch(connection, _TAKE_OUT, buckets, ids)
    count: int = taken["count"]
    return count


async def notify(connection: AsyncConnection, organisations: Collection[UUID]) -> None:
    """Tell whoever listens, once this transaction is committed, whose feeds have grown."""
    payload = ",".join(sorted(map(str, organisations)))
    payload = payload if len(payload) <= _ROOM_IN_A_NOTICE else ""
    await fetch(connection, "SELECT pg_notify($1, $2)", FEED_CHANNEL, payload)


# Of each bucket one row along its key: however much waits, this costs the same.
_WAITING: Final = (
    "SELECT b.bucket, CAST(EXTRACT(EPOCH FROM clock_timestamp() - first.occurred_at) AS double precision) AS age "
    "FROM unnest($1::smallint[]) AS b(bucket) CROSS JOIN LATERAL "
    "(SELECT occurred_at FROM outbox WHERE outbox.bucket = b.bucket ORDER BY outbox.id LIMIT 1) AS first"
)

_NEXT: Final = (
    "SELECT event.* FROM unnest($1::smallint[]) AS b(bucket) CROSS JOIN LATERAL "
    "(SELECT * FROM outbox WHERE outbox.bucket = b.bucket ORDER BY outbox.id LIMIT $2) AS event"
)

# An order that stands there with several events is asked for by the last of them: a row is to be found once.
_EARLIER: Final = (
    "SELECT outbox.* FROM (SELECT bucket, number_key, organisation_id, max(sequence) AS sequence "
    "FROM unnest($1::smallint[], $2::text[], $3::uuid[], $4::integer[]) "
    "AS later (bucket, number_key, organisation_id, sequence) GROUP BY bucket, number_key, organisation_id) AS later "
    "JOIN outbox ON outbox.bucket = later.bucket AND outbox.number_key = later.number_key "
    "AND outbox.organisation_id = later.organisation_id AND outbox.sequence < later.sequence"
)

_TAKE_OUT: Final = (
    "WITH taken AS (DELETE FROM outbox USING unnest($1::smallint[], $2::uuid[]) AS given(bucket, id) "
    "WHERE outbox.bucket = given.bucket AND outbox.id = given.id RETURNING 1) SELECT count(*) FROM taken"
)

_COUNT_UP: Final = (
    "INSERT INTO feed_heads (organisation_id, position) "
    "SELECT given.organisation_id, given.count FROM unnest($1::uuid[], $2::bigint[]) AS given(organisation_id, count) "
    "ORDER BY given.organisation_id "
    "ON CONFLICT (organisation_id) DO UPDATE SET position = feed_heads.position + excluded.position "
    "RETURNING organisation_id, position"
)
