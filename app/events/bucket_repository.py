"""SQL of the buckets' leases: each a conditional update of one row, with a fencing token that grows with each lease."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import and_, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.statements import fetch
from app.events.models import OutboxBucketRow, WorkerRow

_Bucket = OutboxBucketRow
_Worker = WorkerRow

_FORGOTTEN = timedelta(hours=1)


async def say_alive(connection: AsyncConnection, worker: UUID, span: timedelta) -> int:
    """Note that a worker lives, for `span` from now, and return how many live with it."""
    await connection.execute(
        postgresql.insert(_Worker)
        .values(id=worker, alive_until=func.now() + span)
        .on_conflict_do_update(index_elements=[_Worker.id], set_={"alive_until": func.now() + span})
    )
    await connection.execute(delete(_Worker).where(_Worker.alive_until < func.now() - _FORGOTTEN))
    alive = await connection.scalar(select(func.count()).where(_Worker.alive_until > func.now()))
    return alive or 1


async def renew(connection: AsyncConnection, worker: UUID, span: timedelta) -> Mapping[int, int]:
    """Lease what a worker holds for `span` from now, and return it: bucket -> fencing token."""
    result = await connection.execute(
        update(_Bucket)
        .where(_Bucket.leased_by == worker)
        .values(leased_until=func.now() + span)
        .returning(_Bucket.bucket, _Bucket.fencing_token)
    )
    return {row.bucket: row.fencing_token for row in result}


async def free_buckets(connection: AsyncConnection) -> list[int]:
    """Return the buckets that nobody holds, or nobody who lives."""
    return list(await connection.scalars(select(_Bucket.bucket).where(_IS_FREE).order_by(_Bucket.bucket)))


async def take(
    connection: AsyncConnection, worker: UUID, buckets: Collection[int], span: timedelta
) -> Mapping[int, int]:
    """Lease those of the buckets that are still free and return them: bucket -> fencing token."""
    result = await connection.execute(
        update(_Bucket)
        .where(_Bucket.bucket.in_(buckets), _IS_FREE)
        .values(leased_by=worker, leased_until=func.now() + span, fencing_token=_Bucket.fencing_token + 1)
        .returning(_Bucket.bucket, _Bucket.fencing_token)
    )
    return {row.bucket: row.fencing_token for row in result}


async def release(connection: AsyncConnection, worker: UUID, buckets: Collection[int] | None = None) -> None:
    """Give buckets back, or all that the worker holds: then it lives no more either."""
    mine = _Bucket.leased_by == worker
    await connection.execute(
        update(_Bucket)
        .where(mine if buckets is None else and_(mine, _Bucket.bucket.in_(buckets)))
        .values(leased_by=None, leased_until=None)
    )
    if buckets is None:
        await connection.execute(delete(_Worker).where(_Worker.id == worker))


async def still_leased(connection: AsyncConnection, worker: UUID, buckets: Collection[int]) -> Mapping[int, int]:
    """Return those of the buckets that a worker holds: bucket -> fencing token.

    To the end of this transaction nobody can take them over then.
    """
    leased = await fetch(connection, _STILL_LEASED, list(buckets), worker)
    return {row["bucket"]: row["fencing_token"] for row in leased}


# In one order everywhere, or two who lock several would wait for each other.
_STILL_LEASED: Final = (
    "SELECT bucket, fencing_token FROM outbox_buckets WHERE bucket = ANY($1::smallint[]) AND leased_by = $2 "
    "ORDER BY bucket FOR SHARE"
)

_IS_FREE = or_(_Bucket.leased_by.is_(None), _Bucket.leased_until < func.now())
