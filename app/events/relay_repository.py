"""SQL of the relay: takes committed events out of the outbox and gives each its place in the feeds that tell of it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, bindparam, delete, select, text, tuple_
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


async def next_events(connection: AsyncConnection, bucket: int, limit: int) -> Sequence[Row[Any]]:
    """Return about `limit` events of a bucket, and with those of an order all of its earlier ones."""
    oldest = (
        await connection.execute(
            select(_Outbox.__table__).where(_Outbox.bucket == bucket).order_by(_Outbox.id).limit(limit)
        )
    ).all()
    if len(oldest) < limit:
        return oldest
    # Ids are made on many machines: of one order, a later event may have the lower id.
    orders = {(row.number_key, row.organisation_id) for row in oldest if row.number_key is not None}
    others = await connection.execute(
        select(_Outbox.__table__).where(
            _Outbox.bucket == bucket,
            tuple_(_Outbox.number_key, _Outbox.organisation_id).in_(sorted(orders)),
            _Outbox.id.not_in([row.id for row in oldest]),
        )
    )
    return [*oldest, *others.all()]


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


async def take_out(connection: AsyncConnection, bucket: int, ids: Collection[UUID]) -> int:
    """Delete events from the outbox and return how many were there."""
    result = await connection.execute(
        delete(_Outbox).where(_Outbox.bucket == bucket, _Outbox.id.in_(ids)).returning(_Outbox.id)
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

_COUNT_UP: Final = text(
    "INSERT INTO feed_heads (organisation_id, position) "
    "SELECT given.organisation_id, given.count FROM unnest(:organisations, :counts) AS given(organisation_id, count) "
    "ORDER BY given.organisation_id "
    "ON CONFLICT (organisation_id) DO UPDATE SET position = feed_heads.position + excluded.position "
    "RETURNING organisation_id, position"
).bindparams(bindparam("organisations", type_=ARRAY(Uuid())), bindparam("counts", type_=ARRAY(BIGINT)))

_NOTIFY: Final = text("SELECT pg_notify(:channel, :payload)")
