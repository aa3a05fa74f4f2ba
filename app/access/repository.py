"""SQL of API keys."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.access.models import ApiKeyRow, ApiKeySecretRow

_newest_hint = (
    select(ApiKeySecretRow.hint)
    .where(ApiKeySecretRow.api_key_id == ApiKeyRow.id)
    .order_by(ApiKeySecretRow.created_at.desc(), ApiKeySecretRow.expires_at.desc().nulls_first())
    .limit(1)
    .scalar_subquery()
    .label("hint")
)


@dataclass(frozen=True, slots=True)
class PresentedKey:
    """What a secret stands for at the moment of the look-up; `seconds_left` until it stops by time, or None."""

    key_id: UUID
    organisation_id: UUID
    scopes: frozenset[str]
    is_revoked: bool
    seconds_left: float | None


async def find_presented(connection: AsyncConnection, secret_hash: bytes) -> PresentedKey | None:
    """Return what the secret with this hash stands for, judged by the database's clock."""
    stops_at = func.least(ApiKeyRow.expires_at, ApiKeySecretRow.expires_at)
    row = (
        await connection.execute(
            select(
                ApiKeyRow.id,
                ApiKeyRow.organisation_id,
                ApiKeyRow.scopes,
                ApiKeyRow.revoked_at.is_not(None).label("is_revoked"),
                func.extract("epoch", stops_at - func.now()).label("seconds_left"),
            )
            .join(ApiKeySecretRow, ApiKeySecretRow.api_key_id == ApiKeyRow.id)
            .where(ApiKeySecretRow.secret_hash == secret_hash)
        )
    ).one_or_none()
    if row is None:
        return None
    left = None if row.seconds_left is None else float(row.seconds_left)
    return PresentedKey(row.id, row.organisation_id, frozenset(row.scopes), row.is_revoked, left)


async def create(connection: AsyncConnection, values: Mapping[str, Any], secret_hash: bytes, hint: str) -> Row[Any]:
    """Insert a key with its first secret and return its row."""
    await connection.execute(insert(ApiKeyRow).values(created_at=func.now(), **values))
    await _add_secret(connection, values["id"], secret_hash, hint)
    row: Row[Any] = (await connection.execute(_keys().where(ApiKeyRow.id == values["id"]))).one()
    return row


async def find(connection: AsyncConnection, key_id: UUID, organisation_id: UUID | None) -> Row[Any] | None:
    """Return a key, of one organisation unless that is None."""
    query = _keys().where(ApiKeyRow.id == key_id)
    if organisation_id is not None:
        query = query.where(ApiKeyRow.organisation_id == organisation_id)
    row: Row[Any] | None = (await connection.execute(query)).one_or_none()
    return row


async def page(
    connection: AsyncConnection, organisation_id: UUID, *, after: UUID | None, limit: int
) -> Sequence[Row[Any]]:
    """Return up to `limit` keys of an organisation after the id `after`, oldest first."""
    query = _keys().where(ApiKeyRow.organisation_id == organisation_id).order_by(ApiKeyRow.id).limit(limit)
    if after is not None:
        query = query.where(ApiKeyRow.id > after)
    rows: Sequence[Row[Any]] = (await connection.execute(query)).all()
    return rows


async def revoke(connection: AsyncConnection, key_id: UUID) -> bool:
    """Revoke a key; False when it was revoked before."""
    result = await connection.execute(
        update(ApiKeyRow)
        .where(ApiKeyRow.id == key_id, ApiKeyRow.revoked_at.is_(None))
        .values(revoked_at=func.now())
        .returning(ApiKeyRow.id)
    )
    return result.first() is not None


async def replace_secret(
    connection: AsyncConnection, key_id: UUID, secret_hash: bytes, hint: str, overlap_seconds: int
) -> bool:
    """Give a key a new secret and end its others after `overlap_seconds`; False when the key is revoked.

    The key's row is written first: two rotations at once come one after the other, and the later ends the earlier's
    secret too.
    """
    result = await connection.execute(
        update(ApiKeyRow)
        .where(ApiKeyRow.id == key_id, ApiKeyRow.revoked_at.is_(None))
        .values(name=ApiKeyRow.name)
        .returning(ApiKeyRow.id)
    )
    if result.first() is None:
        return False
    ends_at = func.now() + func.make_interval(0, 0, 0, 0, 0, 0, overlap_seconds)
    await connection.execute(
        update(ApiKeySecretRow)
        .where(
            ApiKeySecretRow.api_key_id == key_id,
            or_(ApiKeySecretRow.expires_at.is_(None), ApiKeySecretRow.expires_at > ends_at),
        )
        .values(expires_at=ends_at)
    )
    await _add_secret(connection, key_id, secret_hash, hint)
    return True


async def _add_secret(connection: AsyncConnection, key_id: UUID, secret_hash: bytes, hint: str) -> None:
    await connection.execute(
        insert(ApiKeySecretRow).values(
            secret_hash=secret_hash, api_key_id=key_id, hint=hint, created_at=func.now(), expires_at=None
        )
    )


def _keys() -> Select[Any]:
    return select(ApiKeyRow.__table__, _newest_hint)
