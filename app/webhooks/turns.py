"""One turn of an endpoint, in the transaction of who holds its bucket: what was, what is new, what is due."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from pydantic import JsonValue
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.identifiers import new_id
from app.events import service as events
from app.events.event_types import AuditType
from app.feed.errors import FeedPositionGone
from app.feed.repository import FeedFilter
from app.feed.service import FeedPage, events_after, head_of
from app.telemetry import WEBHOOK_DELIVERIES, WEBHOOK_SECONDS
from app.webhooks import delivery_repository, repository
from app.webhooks.messages import body_of, is_about_webhooks, lane_of
from app.webhooks.retries import DISABLED_AFTER, TRIED_FOR
from app.webhooks.schemas import DeliveryStatus, DisabledReason
from app.webhooks.sender import AttemptError

PENDING_AT_MOST: Final = 5_000
"""Deliveries that wait at one endpoint; what comes after them waits in the feed, which keeps it once for all."""

_MADE_AT_ONCE: Final = 100

Results = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Turn:
    """What to do now: `due` are the deliveries to attempt, `secrets` as they are kept.

    `has_moved`: the endpoint's place in the feed is another than before; `has_more`: the feed goes on after it.
    """

    url: str
    secrets: Sequence[str]
    due: Sequence[Row[Any]]
    is_failing: bool
    has_moved: bool = False
    has_more: bool = False


async def take(
    connection: AsyncConnection,
    organisation_id: UUID,
    endpoint_id: UUID,
    results: Results,
    known: Collection[UUID],
    room: int,
) -> Turn | None:
    """Write down the results of attempts, make deliveries of what is new in the feed, and return up to `room` due ones.

    Of those that are `known` already, being under way, none is due.

    Nothing is due at an endpoint that is disabled; None: it is not there any more.
    """
    endpoint = await repository.hold(connection, organisation_id, endpoint_id)
    if endpoint is None:
        return None
    is_failing, is_called = endpoint.failing_since is not None, endpoint.enabled
    lanes: set[UUID] = set()
    if results:
        recorded = await delivery_repository.record(connection, organisation_id, results, TRIED_FOR)
        lanes |= {row.lane for row in recorded if row.status != DeliveryStatus.PENDING}
        is_failing, is_disabled = await _judge(connection, endpoint, results, recorded)
        is_called = is_called and not is_disabled
        _count(recorded)
    made = await _make(connection, endpoint) if is_called else _NOTHING_MADE
    lanes |= made.lanes
    if lanes:
        await delivery_repository.give_turns(connection, organisation_id, endpoint_id, lanes)
    due: Sequence[Row[Any]] = []
    if is_called:
        due = await delivery_repository.due(connection, organisation_id, endpoint_id, known, room)
    secrets = [endpoint.secret, *([endpoint.previous_secret] if endpoint.previous_secret_expires_at else [])]
    return Turn(endpoint.url, secrets, due, is_failing, made.has_moved, made.has_more)


async def _judge(
    connection: AsyncConnection, endpoint: Row[Any], results: Results, recorded: Sequence[Row[Any]]
) -> tuple[bool, bool]:
    """Note how the endpoint does, tell of what has failed for good, and return whether it fails and is disabled now."""
    organisation_id, endpoint_id = endpoint.organisation_id, endpoint.id
    for row in recorded:
        if row.status == DeliveryStatus.FAILED and not is_about_webhooks(row.event_type):
            await _tell(
                connection,
                AuditType.WEBHOOK_DELIVERY_FAILED,
                endpoint,
                webhook_delivery_id=str(row.id),
                event_id=str(row.webhook_id),
                event_type=row.event_type,
                position=row.position,
            )
    succeeded = any(result["succeeded"] for result in results)
    failing_for = 0.0
    if not succeeded:
        failing_for = await repository.note_failure(connection, organisation_id, endpoint_id)
    elif endpoint.failing_since is not None:
        await repository.note_success(connection, organisation_id, endpoint_id)
    reason = None
    if any(result["attempt"]["error"] == AttemptError.GONE for result in results):
        reason = DisabledReason.GONE
    elif failing_for >= DISABLED_AFTER.total_seconds():
        reason = DisabledReason.FAILING
    if reason is None or not await repository.disable(connection, organisation_id, endpoint_id, reason):
        return not succeeded, False
    await _tell(connection, AuditType.WEBHOOK_ENDPOINT_DISABLED, endpoint, reason=reason, url=endpoint.url)
    return not succeeded, True


@dataclass(frozen=True, slots=True)
class _Made:
    """New deliveries: in which lanes, whether the endpoint's place has moved, and whether the feed goes on."""

    lanes: frozenset[UUID] = frozenset()
    has_moved: bool = False
    has_more: bool = False


_NOTHING_MADE: Final = _Made()


async def _make(connection: AsyncConnection, endpoint: Row[Any]) -> _Made:
    """Make deliveries of what follows the endpoint's place in the feed."""
    organisation_id, endpoint_id = endpoint.organisation_id, endpoint.id
    if (endpoint.last_position or 0) <= endpoint.position:
        return _NOTHING_MADE
    pending = await delivery_repository.count_pending(connection, organisation_id, endpoint_id, PENDING_AT_MOST)
    limit = min(_MADE_AT_ONCE, PENDING_AT_MOST - pending)
    if limit <= 0:
        return _NOTHING_MADE
    page = await _next_page(connection, endpoint, limit)
    rows = [
        {
            "organisation_id": organisation_id,
            "id": new_id(),
            "endpoint_id": endpoint_id,
            "webhook_id": event.id,
            "position": event.position,
            "lane": lane_of(event, organisation_id),
            "event_type": event.type,
            "body": body_of(event),
        }
        for event in page.events
    ]
    if not await repository.advance(connection, organisation_id, endpoint_id, endpoint.position, page.position):
        raise LookupError("somebody else makes the deliveries of an endpoint that is held here")
    if rows:
        await delivery_repository.insert(connection, rows)
    return _Made(frozenset(lane_of(event, organisation_id) for event in page.events), True, page.has_more)


async def _next_page(connection: AsyncConnection, endpoint: Row[Any], limit: int) -> FeedPage:
    types = None if endpoint.event_types is None else frozenset(endpoint.event_types)
    only = FeedFilter(types, endpoint.relation)
    try:
        return await events_after(connection, endpoint.organisation_id, endpoint.position, limit, only)
    except FeedPositionGone:
        # It was disabled, or took nothing, for longer than the feed keeps events: what is gone is gone, and told.
        head = await head_of(connection, endpoint.organisation_id)
        await _tell(
            connection,
            AuditType.WEBHOOK_ENDPOINT_EVENTS_SKIPPED,
            endpoint,
            after=endpoint.position,
            up_to=head.trimmed_to,
        )
        return await events_after(connection, endpoint.organisation_id, head.trimmed_to, limit, only)


async def _tell(connection: AsyncConnection, type_: AuditType, endpoint: Row[Any], **data: JsonValue) -> None:
    told: dict[str, JsonValue] = {"webhook_endpoint_id": str(endpoint.id), **data}
    await events.record_audit(connection, type_, endpoint.organisation_id, None, told)


def _count(recorded: Sequence[Row[Any]]) -> None:
    for row in recorded:
        if row.status != DeliveryStatus.PENDING:
            WEBHOOK_DELIVERIES.labels(row.status).inc()
        if row.status == DeliveryStatus.DELIVERED:
            WEBHOOK_SECONDS.observe(row.age)
