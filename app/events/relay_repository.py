"""SQL of the relay: takes committed events out of the outbox and gives each its place in the feeds that tell of it."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, bindparam, select, text, tuple_
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT, SMALLINT
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import Uuid

from app.db.bulk import insert_rows
from app.events.models import FeedEntryRow, OutboxRow

FEED_CHANNEL: Final = "po_registry_feed"
"""Where Postgres tells, as a hint, whose feeds have grown: ids of organisations with commas, nothing where many."""

_ROOM_IN_A_NOTICE: Final = 7_900
_Outbox = OutboxRow


async def waiting_buckets(connection: AsyncConnection, buckets: Collection[int]) -> Sequence[Row[Any]]:
    """Return those of the buckets in which events wait, each with the `age` in seconds of one of the oldest."""
    result = await connection.execute(_WAITING, {"buckets": list(buckets)})
    return result.all()


async def next_events(connection: AsyncConnection, buckets: Collection[int], share: int) -> Sequence[Row[Any]]:
    """Return about `share` events of each bucket, and with those of an order all of its earlier ones.

    One statement sees all buckets at one moment: what happened after something else is not there without it.
    """
    result = await connection.execute(_NEXT, {"buckets": list(buckets), "share": share})
    found = result.all()
    counts = Counter(row.bucket for row in found)
    events = list(found)
    for bucket in (bucket for bucket, count in counts.items() if count >= share):
        events += await _earlier_ones(connection, bucket, [row for row in found if row.bucket == bucket])
    return events


async def _earlier_ones(connection: AsyncConnection, bucket: int, found: Sequence[Row[Any]]) -> Sequence[Row[Any]]:
    """Return what else waits of the orders; ids are made on many machines, and a later event may have the lower id."""
    orders = {(row.number_key, row.organisation_id) for row in found if row.number_key is not None}
    result = await connection.execute(
        select(_Outbox.__table__).where(
            _Outbox.bucket == bucket,
            tuple_(_Outbox.number_key, _Outbox.organisation_id).in_(sorted(orders)),
            _Outbox.id.not_in([row.id for row in found]),
        )
    )
    return result.all()


async def count_up(connection: AsyncConnection, entries: Mapping[UUID, int]) -> Mapping[UUID, int]:
    """Reserve so many positions in the feed of each organisation, and return the last of each.

    Each feed is held to the end of the transaction: who comes next gets later positions, and waits for the commit.
    """
    organisations = sorted(entries)
    counts = [entries[organisation] for organisation in organisations]
    result = await connection.execute(_COUNT_UP, {"organisations": organisations, "counts": counts})
    return {row.organisation_id: row.position for row in result}


async def insert_entries(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append entries to feeds."""
    await insert_rows(connection, FeedEntryRow, rows, at_now=["relayed_at"])


async def take_out(connection: AsyncConnection, events: Sequence[Row[Any]]) -> int:
    """Delete events from the outbox and return how many were there."""
    result = await connection.execute(
        _TAKE_OUT, {"buckets": [row.bucket for row in events], "ids": [row.id for row in events]}
    )
    return len(result.all())


async def notify(connection: AsyncConnection, organisations: Collection[UUID]) -> None:
    """Tell whoever listens, once this transaction is committed, whose feeds have grown."""
    payload = ",".join(sorted(map(str, organisations)))
    payload = payload if len(payload) <= _ROOM_IN_A_NOTICE else ""
    await connection.execute(_NOTIFY, {"channel": FEED_CHANNEL, "payload": payload})


# Of each bucket one row along its key: however much waits, this costs the same.
_WAITING: Final = text(
    "SELECT b.bucket, CAST(EXTRACT(EPOCH FROM clock_timestamp() - first.occurred_at) AS double precision) AS age "
    "FROM unnest(:buckets) AS b(bucket) CROSS JOIN LATERAL "
    "(SELECT occurred_at FROM outbox WHERE outbox.bucket = b.bucket ORDER BY outbox.id LIMIT 1) AS first"
).bindparams(bindparam("buckets", type_=ARRAY(SMALLINT)))

_NEXT: Final = text(
    "SELECT event.* FROM unnest(:buckets) AS b(bucket) CROSS JOIN LATERAL "
    "(SELECT * FROM outbox WHERE outbox.bucket = b.bucket ORDER BY outbox.id LIMIT :share) AS event"
).bindparams(bindparam("buckets", type_=ARRAY(SMALLINT)))

_TAKE_OUT: Final = text(
    "DELETE FROM outbox USING unnest(:buckets, :ids) AS given(bucket, id) "
    "WHERE outbox.bucket = given.bucket AND outbox.id = given.id RETURNING outbox.id"
).bindparams(bindparam("buckets", type_=ARRAY(SMALLINT)), bindparam("ids", type_=ARRAY(Uuid())))

_COUNT_UP: Final = text(
    "INSERT INTO feed_heads (organisation_id, position) "
    "SELECT given.organisation_id, given.count FROM unnest(:organisations, :counts) AS given(organisation_id, count) "
    "ORDER BY given.organisation_id "
    "ON CONFLICT (organisation_id) DO UPDATE SET position = feed_heads.position + excluded.position "
    "RETURNING organisation_id, position"
).bindparams(bindparam("organisations", type_=ARRAY(Uuid())), bindparam("counts", type_=ARRAY(BIGINT)))

_NOTIFY: Final = text("SELECT pg_notify(:channel, :payload)")
