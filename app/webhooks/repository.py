"""SQL of webhook endpoints, as their owners and the workers see them."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Result, Row, and_, bindparam, case, delete, exists, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.events.models import FeedHeadRow
from app.webhooks.models import WebhookDeliveryRow, WebhookEndpointRow

_Endpoint = WebhookEndpointRow
_Delivery = WebhookDeliveryRow
_Head = FeedHeadRow

# Looked up by its key for each endpoint: joined, the heads of all feeds might be read for a few endpoints.
_last_position = (
    select(_Head.position)
    .where(_Head.organisation_id == _Endpoint.organisation_id)
    .correlate(_Endpoint)
    .scalar_subquery()
)
_previous_is_valid = _Endpoint.previous_secret_until > func.now()
_COLUMNS = (
    *_Endpoint.__table__.c,
    case((_previous_is_valid, _Endpoint.previous_secret_until)).label("previous_secret_expires_at"),
    _Endpoint.disabled_at.is_(None).label("enabled"),
)


async def create(connection: AsyncConnection, values: Mapping[str, Any], at_most: int) -> bool:
    """Insert an endpoint of an organisation that has fewer than `at_most`, and return whether it has.

    Two that are made at once may make one more than that: it is a limit of good sense.
    """
    count = await connection.scalar(
        select(func.count()).where(_Endpoint.organisation_id == values["organisation_id"], _is_there)
    )
    if count is not None and count >= at_most:
        return False
    await connection.execute(
        insert(_Endpoint).values(version=1, created_at=func.now(), updated_at=func.now(), **values)
    )
    return True


async def find(connection: AsyncConnection, organisation_id: UUID, endpoint_id: UUID) -> Row[Any] | None:
    """Return an endpoint of an organisation, or None."""
    result = await connection.execute(select(*_COLUMNS).where(_is(organisation_id, endpoint_id)))
    return result.one_or_none()


async def hold(connection: AsyncConnection, organisation_id: UUID, endpoint_id: UUID) -> Row[Any] | None:
    """Return an endpoint, and let nobody change it or its deliveries' turns to the end of this transaction.

    `last_position`: how far its organisation's feed has come; null where it has none yet.
    """
    result: Result[Any] = await connection.execute(
        select(*_COLUMNS, _last_position.label("last_position"))
        .where(_is(organisation_id, endpoint_id))
        .with_for_update(of=_Endpoint)
    )
    return result.one_or_none()


async def page(
    connection: AsyncConnection, organisation_id: UUID, *, after: UUID | None, limit: int
) -> Sequence[Row[Any]]:
    """Return up to `limit` endpoints of an organisation after the id `after`, oldest first."""
    query = select(*_COLUMNS).where(_Endpoint.organisation_id == organisation_id, _is_there)
    if after is not None:
        query = query.where(_Endpoint.id > after)
    return (await connection.execute(query.order_by(_Endpoint.id).limit(limit))).all()


async def change(
    connection: AsyncConnection, organisation_id: UUID, endpoint_id: UUID, values: Mapping[str, Any], version: int
) -> Row[Any] | None:
    """Change an endpoint that is still at `version` and return it; None when it has moved on."""
    result = await connection.execute(
        update(_Endpoint)
        .where(_is(organisation_id, endpoint_id), _Endpoint.version == version)
        .values(version=version + 1, updated_at=func.now(), **values)
        .returning(*_COLUMNS)
    )
    return result.one_or_none()


async def enable(connection: AsyncConnection, organisation_id: UUID, endpoint_id: UUID) -> None:
    """Let an endpoint be called again; what waits for it begins a new round of attempts."""
    await connection.execute(
        update(_Endpoint)
        .where(_is(organisation_id, endpoint_id))
        .values(disabled_at=None, disabled_reason=None, failing_since=None)
    )
    await connection.execute(
        update(_Delivery)
        .where(
            _Delivery.organisation_id == organisation_id,
            _Delivery.endpoint_id == endpoint_id,
            _Delivery.status == "pending",
        )
        .values(
            tried_since=func.now(),
            failures=0,
            next_attempt_at=case((_Delivery.next_attempt_at.is_not(None), func.now())),
        )
    )


async def disable(connection: AsyncConnection, organisation_id: UUID, endpoint_id: UUID, reason: str) -> bool:
    """Let an endpoint be called no more; False where it was not called before."""
    result = await connection.execute(
        update(_Endpoint)
        .where(_is(organisation_id, endpoint_id), _Endpoint.disabled_at.is_(None))
        .values(disabled_at=func.now(), disabled_reason=reason, updated_at=func.now(), version=_Endpoint.version + 1)
        .returning(_Endpoint.id)
    )
    return result.first() is not None


async def replace_secret(
    connection: AsyncConnection, organisation_id: UUID, endpoint_id: UUID, kept: str, overlap_seconds: int
) -> Row[Any] | None:
    """Give an endpoint a new secret and return it; the one before goes on for `overlap_seconds`, and none besides."""
    ends_at = func.now() + func.make_interval(0, 0, 0, 0, 0, 0, overlap_seconds)
    result = await connection.execute(
        update(_Endpoint)
        .where(_is(organisation_id, endpoint_id))
        .values(
            secret=kept,
            previous_secret=_Endpoint.secret,
            previous_secret_until=ends_at,
            version=_Endpoint.version + 1,
            updated_at=func.now(),
        )
        .returning(*_COLUMNS)
    )
    return result.one_or_none()


async def mark_deleted(connection: AsyncConnection, organisation_id: UUID, endpoint_id: UUID) -> Row[Any] | None:
    """Take an endpoint away from its owner and the workers, and return it as it was; its secrets go at once."""
    row = await hold(connection, organisation_id, endpoint_id)
    if row is not None:
        await connection.execute(
            update(_Endpoint)
            .where(_is(organisation_id, endpoint_id))
            .values(deleted_at=func.now(), secret="", previous_secret=None, previous_secret_until=None)
        )
    return row


async def with_work(connection: AsyncConnection, buckets: Collection[int]) -> Sequence[Row[Any]]:
    """Return those endpoints of the buckets for which there is something to do now: organisation, id, bucket.

    Their feeds go on after what was made into deliveries, or a delivery is due.
    """
    result: Result[Any] = await connection.execute(_WITH_WORK, {"buckets": list(buckets)})
    return result.all()


async def advance(
    connection: AsyncConnection, organisation_id: UUID, endpoint_id: UUID, before: int, position: int
) -> bool:
    """Move on an endpoint's place in its feed; False where it is no more where it was."""
    result = await connection.execute(
        update(_Endpoint)
        .where(_is(organisation_id, endpoint_id), _Endpoint.position == before)
        .values(position=position)
        .returning(_Endpoint.id)
    )
    return result.first() is not None


async def note_success(connection: AsyncConnection, organisation_id: UUID, endpoint_id: UUID) -> None:
    """Note that an endpoint takes what it is sent."""
    await connection.execute(update(_Endpoint).where(_is(organisation_id, endpoint_id)).values(failing_since=None))


async def note_failure(connection: AsyncConnection, organisation_id: UUID, endpoint_id: UUID) -> float:
    """Note that an endpoint took nothing of what was tried, and return for how many seconds that goes on."""
    result = await connection.execute(
        update(_Endpoint)
        .where(_is(organisation_id, endpoint_id))
        .values(failing_since=func.coalesce(_Endpoint.failing_since, func.now()))
        .returning(func.extract("epoch", func.now() - _Endpoint.failing_since))
    )
    return float(result.scalar_one())


async def delete_empty(connection: AsyncConnection, limit: int) -> int:
    """Delete up to `limit` endpoints that their owners have deleted and of which no delivery is left."""
    delivery_left = exists().where(
        _Delivery.organisation_id == _Endpoint.organisation_id, _Delivery.endpoint_id == _Endpoint.id
    )
    gone = (
        select(_Endpoint.organisation_id, _Endpoint.id)
        .where(_Endpoint.deleted_at.is_not(None), ~delivery_left)
        .limit(limit)
        .subquery()
    )
    result = await connection.execute(
        delete(_Endpoint)
        .where(_Endpoint.organisation_id == gone.c.organisation_id, _Endpoint.id == gone.c.id)
        .returning(_Endpoint.id)
    )
    return len(result.all())


_is_there = _Endpoint.deleted_at.is_(None)

_is_due = exists().where(
    _Delivery.organisation_id == _Endpoint.organisation_id,
    _Delivery.endpoint_id == _Endpoint.id,
    _Delivery.next_attempt_at <= func.now(),
)
# Made once: it is asked several times a second.
_WITH_WORK: Final = select(_Endpoint.organisation_id, _Endpoint.id, _Endpoint.bucket).where(
    _Endpoint.bucket.in_(bindparam("buckets", expanding=True)),
    _is_there,
    _Endpoint.disabled_at.is_(None),
    or_(_last_position > _Endpoint.position, _is_due),
)


def _is(organisation_id: UUID, endpoint_id: UUID) -> Any:
    return and_(_Endpoint.organisation_id == organisation_id, _Endpoint.id == endpoint_id, _is_there)
