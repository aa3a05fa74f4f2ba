"""SQL of deliveries: made from the feed, attempted in turn, listed, and deleted in the end."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Result, Row, Subquery, bindparam, case, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import Uuid

from app.db.bulk import insert_rows
from app.webhooks.models import WebhookDeliveryRow, WebhookEndpointRow

_Delivery = WebhookDeliveryRow
_Endpoint = WebhookEndpointRow

_ATTEMPTS_KEPT: Final = 50


async def insert(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append deliveries that are pending; none is due before `give_turns`. What is there already stays as it is."""
    fresh = {"status": "pending", "failures": 0, "attempts": []}
    await insert_rows(
        connection,
        _Delivery,
        [{**row, **fresh} for row in rows],
        at_now=["created_at", "tried_since"],
        ignore_conflicts=True,
    )


async def give_turns(
    connection: AsyncConnection, organisation_id: UUID, endpoint_id: UUID, lanes: Collection[UUID]
) -> None:
    """Let the first pending delivery of each lane be attempted, at once where it was not yet to be, and no other.

    Whoever calls this holds the endpoint: two at once would each miss what the other has added.
    """
    await connection.execute(
        _GIVE_TURNS, {"organisation_id": organisation_id, "endpoint_id": endpoint_id, "lanes": sorted(lanes)}
    )


async def record(
    connection: AsyncConnection, organisation_id: UUID, results: Sequence[Mapping[str, Any]], tried_for: timedelta
) -> Sequence[Row[Any]]:
    """Write down attempts and return what has become of their deliveries: id, status, lane, event and ages.

    A result says `id`, `succeeded`, `seconds` (how long it took), `delay` (seconds before it is tried again) and
    `attempt`, what is kept of it. After `tried_for` a delivery has failed. One that is pending no more stays as it is.
    """
    rows = await connection.execute(
        _RECORD,
        {
            "organisation_id": organisation_id,
            "results": json.dumps(list(results), default=str),
            "tried_for": tried_for,
            "kept": _ATTEMPTS_KEPT,
        },
    )
    return rows.all()


async def due(
    connection: AsyncConnection, organisation_id: UUID, endpoint_id: UUID, under_way: Collection[UUID], limit: int
) -> Sequence[Row[Any]]:
    """Return up to `limit` deliveries of an endpoint that are due and not under way, the longest due first."""
    if limit <= 0:
        return []
    result: Result[Any] = await connection.execute(
        select(_Delivery.id, _Delivery.webhook_id, _Delivery.event_type, _Delivery.body, _Delivery.failures)
        .where(
            _Delivery.organisation_id == organisation_id,
            _Delivery.endpoint_id == endpoint_id,
            _Delivery.next_attempt_at <= func.now(),
            _Delivery.id.not_in(bindparam("under_way", expanding=True)),
        )
        .order_by(_Delivery.next_attempt_at, _Delivery.position)
        .limit(limit),
        {"under_way": list(under_way)},
    )
    return result.all()


async def count_pending(connection: AsyncConnection, organisation_id: UUID, endpoint_id: UUID, at_most: int) -> int:
    """Return how many deliveries of an endpoint are pending, counted no further than `at_most`."""
    some = (
        select(_Delivery.lane)
        .where(
            _Delivery.organisation_id == organisation_id,
            _Delivery.endpoint_id == endpoint_id,
            _Delivery.status == "pending",
        )
        .limit(at_most)
        .subquery()
    )
    return await connection.scalar(select(func.count()).select_from(some)) or 0


async def find(connection: AsyncConnection, organisation_id: UUID, delivery_id: UUID) -> Row[Any] | None:
    """Return a delivery to an endpoint that is there, or None."""
    result = await connection.execute(
        select(*_Delivery.__table__.c)
        .join(_Endpoint, _OF_ENDPOINT)
        .where(
            _Delivery.organisation_id == organisation_id,
            _Delivery.id == delivery_id,
            _Endpoint.deleted_at.is_(None),
        )
    )
    return result.one_or_none()


async def page(
    connection: AsyncConnection,
    organisation_id: UUID,
    endpoint_id: UUID,
    *,
    status: str | None,
    before: UUID | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """Return up to `limit` deliveries of an endpoint before the id `before`, newest first."""
    query = select(*(column for column in _Delivery.__table__.c if column.name != "body")).where(
        _Delivery.organisation_id == organisation_id, _Delivery.endpoint_id == endpoint_id
    )
    if status is not None:
        query = query.where(_Delivery.status == status)
    if before is not None:
        query = query.where(_Delivery.id < before)
    return (await connection.execute(query.order_by(_Delivery.id.desc()).limit(limit))).all()


async def begin_anew(
    connection: AsyncConnection, organisation_id: UUID, endpoint_id: UUID, delivery_ids: Collection[UUID]
) -> Sequence[UUID]:
    """Let deliveries be made once more, and return their lanes: their turns are to be given."""
    result = await connection.execute(
        update(_Delivery)
        .where(
            _Delivery.organisation_id == organisation_id,
            _Delivery.endpoint_id == endpoint_id,
            _Delivery.id.in_(delivery_ids),
        )
        .values(
            status="pending",
            delivered_at=None,
            tried_since=func.now(),
            failures=0,
            next_attempt_at=case((_Delivery.next_attempt_at.is_not(None), func.now())),
        )
        .returning(_Delivery.lane)
    )
    return list({row.lane for row in result})


async def made_between(
    connection: AsyncConnection,
    organisation_id: UUID,
    endpoint_id: UUID,
    *,
    since: datetime,
    until: datetime | None,
    statuses: Collection[str],
    limit: int,
) -> Sequence[Row[Any]]:
    """Return id and `created_at` of up to `limit` deliveries that were made in a span of time, oldest first."""
    query = select(_Delivery.id, _Delivery.created_at).where(
        _Delivery.organisation_id == organisation_id,
        _Delivery.endpoint_id == endpoint_id,
        _Delivery.created_at >= since,
        _Delivery.status.in_(statuses),
    )
    if until is not None:
        query = query.where(_Delivery.created_at < until)
    result: Result[Any] = await connection.execute(query.order_by(_Delivery.created_at, _Delivery.id).limit(limit))
    return result.all()


async def oldest_pending_seconds(connection: AsyncConnection, buckets: Collection[int]) -> float:
    """Return the age of the oldest delivery that is pending at endpoints of the buckets which are called; 0: none."""
    age = await connection.scalar(
        select(func.extract("epoch", func.now() - func.min(_Delivery.created_at)))
        .join(_Endpoint, _OF_ENDPOINT)
        .where(
            _Delivery.status == "pending",
            _Endpoint.bucket.in_(buckets),
            _Endpoint.deleted_at.is_(None),
            _Endpoint.disabled_at.is_(None),
        )
    )
    return float(age or 0)


async def delete_older(connection: AsyncConnection, kept_for: timedelta, limit: int) -> int:
    """Delete up to `limit` deliveries that are older and not pending, and return how many went."""
    old = (
        select(_Delivery.organisation_id, _Delivery.id)
        .where(_Delivery.created_at < func.now() - kept_for, _Delivery.status != "pending")
        .order_by(_Delivery.created_at)
        .limit(limit)
        .subquery()
    )
    return await _delete(connection, old)


async def delete_of_deleted(connection: AsyncConnection, limit: int) -> int:
    """Delete up to `limit` deliveries to endpoints that their owners have deleted, and return how many went."""
    of_deleted = (
        select(_Delivery.organisation_id, _Delivery.id)
        .join(_Endpoint, _OF_ENDPOINT)
        .where(_Endpoint.deleted_at.is_not(None))
        .limit(limit)
        .subquery()
    )
    return await _delete(connection, of_deleted)


async def _delete(connection: AsyncConnection, chosen: Subquery) -> int:
    result = await connection.execute(
        delete(_Delivery)
        .where(_Delivery.organisation_id == chosen.c.organisation_id, _Delivery.id == chosen.c.id)
        .returning(_Delivery.id)
    )
    return len(result.all())


_OF_ENDPOINT: Final = (_Endpoint.organisation_id == _Delivery.organisation_id) & (_Endpoint.id == _Delivery.endpoint_id)

_GIVE_TURNS: Final = text(
    "UPDATE webhook_deliveries AS d SET next_attempt_at = CASE WHEN d.id = first.id THEN now() END "
    "FROM (SELECT DISTINCT ON (lane) lane, id FROM webhook_deliveries WHERE organisation_id = :organisation_id "
    "AND endpoint_id = :endpoint_id AND status = 'pending' AND lane = ANY(:lanes) ORDER BY lane, position) AS first "
    "WHERE d.organisation_id = :organisation_id AND d.endpoint_id = :endpoint_id AND d.status = 'pending' "
    "AND d.lane = first.lane AND (d.id = first.id) = (d.next_attempt_at IS NULL)"
).bindparams(bindparam("lanes", type_=ARRAY(Uuid())))

_RECORD: Final = text(
    "UPDATE webhook_deliveries AS d SET "
    "status = CASE WHEN r.succeeded THEN 'delivered' WHEN now() >= d.tried_since + :tried_for THEN 'failed' "
    "ELSE 'pending' END, "
    "delivered_at = CASE WHEN r.succeeded THEN now() END, "
    "failures = CASE WHEN r.succeeded THEN 0 ELSE d.failures + 1 END, "
    "next_attempt_at = CASE WHEN NOT r.succeeded AND now() < d.tried_since + :tried_for "
    "THEN least(now() + r.delay * interval '1 second', d.tried_since + :tried_for) END, "
    "attempts = (CASE WHEN jsonb_array_length(d.attempts) < :kept THEN d.attempts ELSE d.attempts - 0 END) "
    "|| jsonb_build_array(r.attempt || jsonb_build_object('at', now() - r.seconds * interval '1 second')) "
    "FROM jsonb_to_recordset(CAST(CAST(:results AS text) AS jsonb)) "
    "AS r(id uuid, succeeded boolean, seconds double precision, delay double precision, attempt jsonb) "
    "WHERE d.organisation_id = :organisation_id AND d.id = r.id AND d.status = 'pending' "
    "RETURNING d.id, d.status, d.lane, d.webhook_id, d.event_type, d.failures, d.position, "
    "CAST(EXTRACT(EPOCH FROM now() - d.created_at) AS double precision) AS age"
)
