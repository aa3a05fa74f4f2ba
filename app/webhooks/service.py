"""Use cases of webhook endpoints."""

from collections.abc import Collection, Sequence
from typing import Any, Final
from uuid import UUID

from pydantic import JsonValue
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.identifiers import new_id
from app.errors import InvalidRequest
from app.events import service as events
from app.events.event_types import AuditType
from app.feed.service import head_of
from app.http.errors import NotFound, PreconditionFailed
from app.http.preconditions import content_etag, require_match
from app.principal import Principal
from app.webhooks import repository
from app.webhooks.destinations import InvalidDestination, destination
from app.webhooks.errors import TooManyWebhookEndpoints
from app.webhooks.schemas import (
    CreateWebhookEndpoint,
    DisabledReason,
    RotateWebhookSecret,
    UpdateWebhookEndpoint,
    WebhookEndpoint,
    WebhookEndpointWithSecret,
)
from app.webhooks.secrets import Vault, new_secret

ENDPOINTS_OF_AN_ORGANISATION: Final = 20


async def create(
    connection: AsyncConnection,
    caller: Principal,
    vault: Vault,
    internal_hosts: Collection[str],
    body: CreateWebhookEndpoint,
) -> WebhookEndpointWithSecret:
    """Make an endpoint that is sent what happens from now on; raises InvalidRequest or TooManyWebhookEndpoints."""
    _require_allowed(body.url, internal_hosts)
    secret, endpoint_id = new_secret(), new_id()
    made = await repository.create(
        connection,
        {
            "organisation_id": caller.organisation_id,
            "id": endpoint_id,
            "bucket": events.bucket_of(str(endpoint_id)),
            **body.model_dump(),
            "secret": vault.seal(secret),
            "position": (await head_of(connection, caller.organisation_id)).position,
        },
        ENDPOINTS_OF_AN_ORGANISATION,
    )
    if not made:
        raise TooManyWebhookEndpoints(f"The organisation has {ENDPOINTS_OF_AN_ORGANISATION} webhook endpoints already.")
    await _record(connection, AuditType.WEBHOOK_ENDPOINT_CREATED, caller, endpoint_id)
    endpoint = await get(connection, caller, endpoint_id)
    return WebhookEndpointWithSecret(**endpoint.model_dump(), secret=secret)


async def page(
    connection: AsyncConnection, caller: Principal, after: UUID | None, limit: int
) -> Sequence[WebhookEndpoint]:
    """Return endpoints of the caller's organisation."""
    rows = await repository.page(connection, caller.organisation_id, after=after, limit=limit)
    return [_endpoint(row) for row in rows]


async def get(connection: AsyncConnection, caller: Principal, endpoint_id: UUID) -> WebhookEndpoint:
    """Return an endpoint of the caller's organisation; raises NotFound."""
    row = await repository.find(connection, caller.organisation_id, endpoint_id)
    if row is None:
        raise not_found(endpoint_id)
    return _endpoint(row)


async def update(
    connection: AsyncConnection,
    caller: Principal,
    internal_hosts: Collection[str],
    endpoint_id: UUID,
    if_match: str | None,
    body: UpdateWebhookEndpoint,
) -> WebhookEndpoint:
    """Change the given fields; raises NotFound, PreconditionRequired, PreconditionFailed or InvalidRequest."""
    row = await repository.hold(connection, caller.organisation_id, endpoint_id)
    if row is None:
        raise not_found(endpoint_id)
    require_match(if_match, etag(_endpoint(row)))
    if "url" in body.model_fields_set:
        _require_allowed(body.url, internal_hosts)
    changed = body.model_dump(include=body.model_fields_set - {"enabled"})
    turned = "enabled" in body.model_fields_set and body.enabled != row.enabled
    if not changed and not turned:
        return _endpoint(row)
    if await repository.change(connection, caller.organisation_id, endpoint_id, changed, row.version) is None:
        raise PreconditionFailed(PreconditionFailed.example_detail)
    if turned and body.enabled:
        await repository.enable(connection, caller.organisation_id, endpoint_id)
    elif turned:
        await repository.disable(connection, caller.organisation_id, endpoint_id, DisabledReason.BY_OWNER)
    fields: list[JsonValue] = [*sorted(changed), *(["enabled"] if turned else [])]
    await _record(connection, AuditType.WEBHOOK_ENDPOINT_UPDATED, caller, endpoint_id, fields=fields)
    return await get(connection, caller, endpoint_id)


async def delete(connection: AsyncConnection, caller: Principal, endpoint_id: UUID) -> WebhookEndpoint:
    """Delete an endpoint and return it as it was; raises NotFound."""
    row = await repository.mark_deleted(connection, caller.organisation_id, endpoint_id)
    if row is None:
        raise not_found(endpoint_id)
    await _record(connection, AuditType.WEBHOOK_ENDPOINT_DELETED, caller, endpoint_id)
    return _endpoint(row)


async def rotate_secret(
    connection: AsyncConnection, caller: Principal, vault: Vault, endpoint_id: UUID, body: RotateWebhookSecret
) -> WebhookEndpointWithSecret:
    """Give an endpoint a new secret, beside which the old one is used for a time; raises NotFound."""
    secret = new_secret()
    row = await repository.replace_secret(
        connection, caller.organisation_id, endpoint_id, vault.seal(secret), body.overlap_seconds
    )
    if row is None:
        raise not_found(endpoint_id)
    await _record(connection, AuditType.WEBHOOK_ENDPOINT_SECRET_ROTATED, caller, endpoint_id)
    return WebhookEndpointWithSecret(**_endpoint(row).model_dump(), secret=secret)


def etag(endpoint: WebhookEndpoint) -> str:
    """Return the strong ETag of an endpoint."""
    return content_etag(endpoint)


def not_found(endpoint_id: UUID) -> NotFound:
    """Return the problem of an endpoint that the organisation does not have."""
    return NotFound(f"There is no webhook endpoint {endpoint_id} of this organisation.")


async def _record(
    connection: AsyncConnection, type_: AuditType, caller: Principal, endpoint_id: UUID, **data: JsonValue
) -> None:
    told: dict[str, JsonValue] = {"webhook_endpoint_id": str(endpoint_id), **data}
    await events.record_audit(connection, type_, caller.organisation_id, caller, told)


def _require_allowed(url: str, internal_hosts: Collection[str]) -> None:
    try:
        destination(url, internal_hosts)
    except InvalidDestination as fault:
        raise InvalidRequest.at(["body", "url"], "destination_not_allowed", str(fault)) from None


def _endpoint(row: Row[Any]) -> WebhookEndpoint:
    return WebhookEndpoint.model_validate({name: getattr(row, name) for name in WebhookEndpoint.model_fields})
