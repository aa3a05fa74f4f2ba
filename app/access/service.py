"""Use cases of API keys."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from app.access import repository
from app.access.errors import KeyIsRevoked, OperatorOnly, ScopeNotHeld
from app.access.schemas import ApiKey, ApiKeyWithSecret, CreateApiKey, RotateApiKey
from app.access.secrets import hash_of, hint_of, new_secret
from app.db.clock import now
from app.db.identifiers import new_id
from app.errors import InvalidRequest
from app.events import service as events
from app.events.event_types import AuditType
from app.http.errors import NotFound
from app.organisations import repository as organisations
from app.principal import Principal, Scope


async def create(connection: AsyncConnection, caller: Principal, body: CreateApiKey) -> ApiKeyWithSecret:
    """Create a key; raises ScopeNotHeld, OperatorOnly, or InvalidRequest for an unknown organisation."""
    organisation_id = body.organisation_id or caller.organisation_id
    if organisation_id != caller.organisation_id and not caller.is_operator:
        raise OperatorOnly(OperatorOnly.example_detail)
    _require_held(caller, body.scopes)
    if body.expires_at is not None and body.expires_at <= await now(connection):
        raise InvalidRequest.at(["body", "expires_at"], "in_the_past", "`expires_at` has passed already")
    if await organisations.find(connection, organisation_id) is None:
        raise InvalidRequest.at(
            ["body", "organisation_id"], "unknown_organisation", f"There is no organisation {organisation_id}."
        )
    return await create_unchecked(connection, caller, organisation_id, body)


async def create_unchecked(
    connection: AsyncConnection, caller: Principal | None, organisation_id: UUID, body: CreateApiKey
) -> ApiKeyWithSecret:
    """Create a key for an existing organisation with any scopes: for the operator's command line (no caller)."""
    secret = new_secret()
    row = await repository.create(
        connection,
        {
            "id": new_id(),
            "organisation_id": organisation_id,
            "name": body.name,
            "scopes": list(body.scopes),
            "expires_at": body.expires_at,
        },
        hash_of(secret),
        hint_of(secret),
    )
    await events.record_audit(
        connection,
        AuditType.API_KEY_CREATED,
        organisation_id,
        caller,
        {"api_key_id": str(row.id), "name": body.name, "scopes": [str(scope) for scope in body.scopes]},
    )
    return ApiKeyWithSecret(**_api_key(row).model_dump(), key=secret)


async def page(
    connection: AsyncConnection, caller: Principal, organisation_id: UUID | None, after: UUID | None, limit: int
) -> Sequence[ApiKey]:
    """Return keys of the caller's organisation, or of the one that the operator asks for."""
    wanted = organisation_id or caller.organisation_id
    if wanted != caller.organisation_id and not caller.is_operator:
        raise OperatorOnly("Keys of another organisation are listed by the operator.")
    return [_api_key(row) for row in await repository.page(connection, wanted, after=after, limit=limit)]


async def revoke(connection: AsyncConnection, caller: Principal, key_id: UUID) -> ApiKey:
    """Revoke a key; revoking it again changes nothing. Raises NotFound."""
    await _find(connection, caller, key_id)
    if await repository.revoke(connection, key_id):
        revoked = await _find(connection, caller, key_id)
        await events.record_audit(
            connection, AuditType.API_KEY_REVOKED, revoked.organisation_id, caller, {"api_key_id": str(key_id)}
        )
    return await _find(connection, caller, key_id)


async def rotate(connection: AsyncConnection, caller: Principal, key_id: UUID, body: RotateApiKey) -> ApiKeyWithSecret:
    """Give a key a new secret; raises NotFound, KeyIsRevoked or ScopeNotHeld.

    Who rotates a key comes to hold its secret, so it must hold all of the key's scopes, as if it created it.
    """
    key = await _find(connection, caller, key_id)
    _require_held(caller, key.scopes)
    if key.expires_at is not None and key.expires_at <= await now(connection):
        raise KeyIsRevoked("The key has expired; create a new one.")
    secret = new_secret()
    if not await repository.replace_secret(connection, key_id, hash_of(secret), hint_of(secret), body.overlap_seconds):
        raise KeyIsRevoked("The key is revoked; create a new one.")
    await events.record_audit(
        connection, AuditType.API_KEY_ROTATED, key.organisation_id, caller, {"api_key_id": str(key_id)}
    )
    return ApiKeyWithSecret(**(await _find(connection, caller, key_id)).model_dump(), key=secret)


def _require_held(caller: Principal, scopes: Sequence[Scope]) -> None:
    lacking = sorted(str(scope) for scope in set(scopes) - caller.scopes)
    if lacking:
        raise ScopeNotHeld(f"The calling key lacks {', '.join(lacking)}.", members={"scopes": list(lacking)})


async def _find(connection: AsyncConnection, caller: Principal, key_id: UUID) -> ApiKey:
    row = await repository.find(connection, key_id, None if caller.is_operator else caller.organisation_id)
    if row is None:
        raise NotFound(f"There is no API key {key_id} of this organisation.")
    return _api_key(row)


def _api_key(row: Row[Any]) -> ApiKey:
    return ApiKey.model_validate(row._asdict())
