"""Idempotency keys: the claim of a key and the answer that was committed with the work it protects."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Index, bindparam, delete, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base
from app.db.statements import fetch

LIFETIME = timedelta(hours=24)


class IdempotencyKeyRow(Base):
    """One row per key that an organisation has used; without an answer while its request is under way."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (
        Index(None, "created_at"),
        {"comment": "dist:organisation_id - the answer stored under an Idempotency-Key for 24 h"},
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[bytes]
    created_at: Mapped[datetime]
    status: Mapped[int | None]
    headers: Mapped[dict[str, Any] | None]
    body: Mapped[bytes | None]
    replays: Mapped[int]


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What a finished request was answered: HTTP status, the headers worth repeating, the body's bytes."""

    fingerprint: bytes
    status: int
    headers: dict[str, str]
    body: bytes


async def claim(connection: AsyncConnection, organisation_id: UUID, key: str, fingerprint: bytes) -> bool:
    """Take the key for the running transaction; False when a committed request holds it.

    While another transaction holds it this waits, at most the connection's lock time-out (SQLSTATE 55P03 then).
    A key older than 24 h is taken over.
    """
    fresh = {
        "fingerprint": fingerprint,
        "created_at": func.now(),
        "status": None,
        "headers": None,
        "body": None,
        "replays": 0,
    }
    statement = (
        insert(IdempotencyKeyRow)
        .values(organisation_id=organisation_id, key=key, **fresh)
        .on_conflict_do_update(
            index_elements=[IdempotencyKeyRow.organisation_id, IdempotencyKeyRow.key],
            set_=fresh,
            where=IdempotencyKeyRow.created_at <= func.now() - LIFETIME,
        )
        .returning(IdempotencyKeyRow.key)
    )
    return (await connection.execute(statement)).first() is not None


async def store(connection: AsyncConnection, organisation_id: UUID, key: str, answer: StoredAnswer) -> None:
    """Keep the answer with the key, in the transaction of the work."""
    await connection.execute(
        update(IdempotencyKeyRow)
        .where(IdempotencyKeyRow.organisation_id == organisation_id, IdempotencyKeyRow.key == key)
        .values(status=answer.status, headers=answer.headers, body=answer.body)
    )


@dataclass(frozen=True, slots=True)
class Finished:
    """A request whose work stands in the running transaction, with its key and what it is answered."""

    organisation_id: UUID
    key: str
    answer: StoredAnswer


async def taken(connection: AsyncConnection, keys: Sequence[tuple[UUID, str]]) -> frozenset[tuple[UUID, str]]:
    """Return those of the keys that a committed request holds, younger than 24 h or not."""
    found = await fetch(connection, _TAKEN, [owner for owner, _ in keys], [key for _, key in keys])
    return frozenset((row["organisation_id"], row["key"]) for row in found)


async def keep(connection: AsyncConnection, finished: Sequence[Finished]) -> bool:
    """Take the keys of finished requests and keep their answers with them; False when a key was taken meanwhile.

    While another transaction holds one of them this waits, at most the connection's lock time-out.
    """
    # In one order everywhere: two groups that hold the same keys must not wait for each other crosswise.
    ordered = sorted(finished, key=lambda one: (one.organisation_id, one.key))
    answers = [one.answer for one in ordered]
    kept = await fetch(
        connection,
        _KEEP,
        [one.organisation_id for one in ordered],
        [one.key for one in ordered],
        [answer.fingerprint for answer in answers],
        [answer.status for answer in answers],
        [json.dumps(answer.headers) for answer in answers],
        [answer.body for answer in answers],
    )
    return len(kept) == len(ordered)


_TAKEN: Final = (
    "SELECT organisation_id, key FROM unnest($1::uuid[], $2::text[]) AS asked (organisation_id, key) "
    "JOIN idempotency_keys USING (organisation_id, key)"
)

_KEEP: Final = (
    "INSERT INTO idempotency_keys (organisation_id, key, fingerprint, created_at, status, headers, body, replays) "
    "SELECT organisation_id, key, fingerprint, now(), status, CAST(headers AS jsonb), body, 0 "
    "FROM unnest($1::uuid[], $2::text[], $3::bytea[], $4::integer[], $5::text[], $6::bytea[]) "
    "AS given (organisation_id, key, fingerprint, status, headers, body) ON CONFLICT DO NOTHING RETURNING key"
)


async def release(connection: AsyncConnection, organisation_id: UUID, key: str) -> None:
    """Give back a key that this transaction took and did no work under."""
    await connection.execute(
        delete(IdempotencyKeyRow).where(
            IdempotencyKeyRow.organisation_id == organisation_id, IdempotencyKeyRow.key == key
        )
    )


async def replay(connection: AsyncConnection, organisation_id: UUID, key: str) -> StoredAnswer | None:
    """Return the committed answer of the key.

    It writes: the commit then waits for the standby like any other, so an answer is never repeated from a row that a
    failover would lose.
    """
    row = (
        await connection.execute(
            update(IdempotencyKeyRow)
            .where(IdempotencyKeyRow.organisation_id == organisation_id, IdempotencyKeyRow.key == key)
            .values(replays=IdempotencyKeyRow.replays + 1)
            .returning(
                IdempotencyKeyRow.fingerprint,
                IdempotencyKeyRow.status,
                IdempotencyKeyRow.headers,
                IdempotencyKeyRow.body,
            )
        )
    ).first()
    if row is None or row.status is None:
        return None
    return StoredAnswer(row.fingerprint, row.status, row.headers, row.body)


async def delete_expired(connection: AsyncConnection, at_most: int = 1_000) -> int:
    """Delete up to `at_most` keys older than 24 h and return how many: small batches hold no lock for long."""
    identity = tuple_(IdempotencyKeyRow.organisation_id, IdempotencyKeyRow.key)
    expired = (
        select(IdempotencyKeyRow.organisation_id, IdempotencyKeyRow.key)
        .where(IdempotencyKeyRow.created_at <= func.now() - LIFETIME)
        .order_by(IdempotencyKeyRow.created_at)
        .limit(bindparam("at_most"))
    )
    result = await connection.execute(
        # Judged again at the deletion: a key that was taken over in between is young and stays.
        delete(IdempotencyKeyRow).where(identity.in_(expired), IdempotencyKeyRow.created_at <= func.now() - LIFETIME),
        {"at_most": at_most},
    )
    return result.rowcount
