"""Use cases of deliveries: look at them, make them once more, try an endpoint out."""

from collections.abc import Collection, Sequence
from datetime import UTC
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import clock
from app.db.identifiers import new_id
from app.http.errors import NotFound
from app.principal import Principal
from app.webhooks import delivery_repository, repository
from app.webhooks.messages import body_of_test
from app.webhooks.schemas import (
    TEST_TYPE,
    DeliveryStatus,
    Redelivered,
    RedeliverWebhooks,
    WebhookDelivery,
    WebhookDeliveryWithBody,
)
from app.webhooks.service import get as require_endpoint
from app.webhooks.service import not_found

REDELIVERED_AT_ONCE: Final = 5_000


async def send_test(connection: AsyncConnection, caller: Principal, endpoint_id: UUID) -> WebhookDelivery:
    """Send an endpoint something that means nothing, and return the delivery; raises NotFound."""
    organisation_id = caller.organisation_id
    if await repository.hold(connection, organisation_id, endpoint_id) is None:
        raise not_found(endpoint_id)
    # A lane of its own: a test waits for nothing, and nothing waits for it.
    delivery_id, webhook_id = new_id(), new_id()
    row = {
        "organisation_id": organisation_id,
        "id": delivery_id,
        "endpoint_id": endpoint_id,
        "webhook_id": webhook_id,
        "position": None,
        "lane": delivery_id,
        "event_type": TEST_TYPE,
        "body": body_of_test(webhook_id, endpoint_id, (await clock.now(connection)).astimezone(UTC)),
    }
    await delivery_repository.insert(connection, [row])
    await delivery_repository.give_turns(connection, organisation_id, endpoint_id, [delivery_id])
    return WebhookDelivery.model_validate(_members(await _find(connection, caller, delivery_id)))


async def page(
    connection: AsyncConnection,
    caller: Principal,
    endpoint_id: UUID,
    *,
    status: DeliveryStatus | None,
    before: UUID | None,
    limit: int,
) -> Sequence[WebhookDelivery]:
    """Return deliveries of an endpoint of the caller's organisation, newest first; raises NotFound."""
    await require_endpoint(connection, caller, endpoint_id)
    rows = await delivery_repository.page(
        connection, caller.organisation_id, endpoint_id, status=status, before=before, limit=limit
    )
    return [WebhookDelivery.model_validate(_members(row)) for row in rows]


async def get(connection: AsyncConnection, caller: Principal, delivery_id: UUID) -> WebhookDeliveryWithBody:
    """Return a delivery of the caller's organisation, with what is sent; raises NotFound."""
    row = await _find(connection, caller, delivery_id)
    return WebhookDeliveryWithBody.model_validate({**_members(row), "body": row.body})


async def redeliver(connection: AsyncConnection, caller: Principal, delivery_id: UUID) -> WebhookDelivery:
    """Make a delivery once more, whatever became of it, and return it; raises NotFound."""
    row = await _find(connection, caller, delivery_id)
    await _begin_anew(connection, caller, row.endpoint_id, [delivery_id])
    return WebhookDelivery.model_validate(_members(await _find(connection, caller, delivery_id)))


async def redeliver_some(
    connection: AsyncConnection, caller: Principal, endpoint_id: UUID, body: RedeliverWebhooks
) -> Redelivered:
    """Make the deliveries of a span of time once more, oldest first, each order's in their order; raises NotFound."""
    await require_endpoint(connection, caller, endpoint_id)
    statuses = [DeliveryStatus.FAILED, DeliveryStatus.DELIVERED] if body.status == "any" else [body.status]
    found = await delivery_repository.made_between(
        connection,
        caller.organisation_id,
        endpoint_id,
        since=body.since,
        until=body.until,
        statuses=statuses,
        limit=REDELIVERED_AT_ONCE + 1,
    )
    taken = found[:REDELIVERED_AT_ONCE]
    if taken:
        await _begin_anew(connection, caller, endpoint_id, [row.id for row in taken])
    more = found[REDELIVERED_AT_ONCE:]
    return Redelivered(redelivered=len(taken), next_since=more[0].created_at if more else None)


async def _begin_anew(
    connection: AsyncConnection, caller: Principal, endpoint_id: UUID, delivery_ids: Collection[UUID]
) -> None:
    organisation_id = caller.organisation_id
    if await repository.hold(connection, organisation_id, endpoint_id) is None:
        raise not_found(endpoint_id)
    lanes = await delivery_repository.begin_anew(connection, organisation_id, endpoint_id, delivery_ids)
    await delivery_repository.give_turns(connection, organisation_id, endpoint_id, lanes)


async def _find(connection: AsyncConnection, caller: Principal, delivery_id: UUID) -> Row[Any]:
    row = await delivery_repository.find(connection, caller.organisation_id, delivery_id)
    if row is None:
        raise NotFound(f"There is no webhook delivery {delivery_id} of this organisation.")
    return row


def _members(row: Row[Any]) -> dict[str, Any]:
    waits = row.status == DeliveryStatus.PENDING and row.next_attempt_at is None
    same = ("id", "webhook_id", "event_type", "position", "status", "created_at", "next_attempt_at", "delivered_at")
    return {
        **{name: getattr(row, name) for name in same},
        "webhook_endpoint_id": row.endpoint_id,
        "waits_for_an_earlier_one": waits,
        "attempts": row.attempts,
    }
