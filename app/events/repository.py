"""SQL of the audit trail and the outbox."""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, bindparam, delete, func, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.bulk import ROWS_AT_ONCE, insert_rows
from app.db.statements import fetch
from app.events.models import AuditEventRow, GateCheckRow, OutboxRow, PurchaseOrderEventRow
from app.json_writer import write_json


async def insert_order_events(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append events of orders, and what the relay is to pass on: to those whom each order names in this transaction.

    The key (order, sequence) refuses a second event of one version.
    """
    for start in range(0, len(rows), ROWS_AT_ONCE):
        await fetch(connection, _INSERT_ORDER_EVENTS, write_json(rows[start : start + ROWS_AT_ONCE]).decode())


async def insert_audit_events(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append events of organisations."""
    await insert_rows(connection, AuditEventRow, rows, at_now=["occurred_at"])


async def insert_outbox(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append what the relay is to pass on of organisations themselves."""
    await insert_rows(connection, OutboxRow, [{**row, "forwarder_ids": []} for row in rows], at_now=["occurred_at"])


# Who an order names is its own table's matter; here they are only copied, since a feed tells each event to those whom
# the order named as it happened.
_INSERT_ORDER_EVENTS: Final = (
    "WITH given AS MATERIALIZED (SELECT * FROM jsonb_to_recordset(CAST(CAST($1 AS text) AS jsonb)) AS given "
    "(number_key text, organisation_id uuid, sequence integer, type text, actor_organisation_id uuid, "
    "actor_key_id uuid, actor_relation text, data jsonb, bucket smallint, id uuid)), "
    "recorded AS (INSERT INTO purchase_order_events (number_key, organisation_id, sequence, type, occurred_at, "
    "actor_organisation_id, actor_key_id, actor_relation, data) "
    "SELECT number_key, organisation_id, sequence, type, now(), actor_organisation_id, actor_key_id, actor_relation, "
    "data FROM given) "
    "INSERT INTO outbox (bucket, id, organisation_id, number_key, sequence, type, occurred_at, "
    "seller_id, ship_to_id, forwarder_ids) "
    "SELECT given.bucket, given.id, given.organisation_id, given.number_key, given.sequence, given.type, now(), "
    "CASE WHEN o.issued_at IS NOT NULL THEN o.seller_id END, "
    "CASE WHEN o.issued_at IS NOT NULL THEN o.ship_to_id END, "
    "CASE WHEN o.issued_at IS NOT NULL THEN o.forwarder_ids ELSE '{}' END "
    "FROM given JOIN purchase_orders o "
    "ON o.number_key = given.number_key AND o.organisation_id = given.organisation_id"
)


async def order_events(
    connection: AsyncConnection, number_key: str, organisation_id: UUID, *, after: int, limit: int
) -> Sequence[Row[Any]]:
    """Return up to `limit` events of an order after the sequence `after`, oldest first."""
    event = PurchaseOrderEventRow
    result = await connection.execute(
        select(event.__table__)
        .where(event.number_key == number_key, event.organisation_id == organisation_id, event.sequence > after)
        .order_by(event.sequence)
        .limit(limit)
    )
    return result.all()


async def insert_gate_checks(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append checks at gates; one that is there already, written when the outcome was not known, stays as it is."""
    await insert_rows(connection, GateCheckRow, rows, ignore_conflicts=True)


async def gate_checks(
    connection: AsyncConnection,
    number_key: str,
    organisation_id: UUID,
    *,
    after: tuple[int, UUID],
    relations: Collection[str],
    limit: int,
) -> Sequence[Row[Any]]:
    """Return up to `limit` checks of an order by those in `relations` to it, after (sequence, id), oldest first."""
    check = GateCheckRow
    place = tuple_(check.sequence, check.id)
    result = await connection.execute(
        select(check.__table__)
        .where(
            check.number_key == number_key,
            check.organisation_id == organisation_id,
            place > tuple_(literal(after[0]), literal(after[1])),
            check.relation.in_(relations),
        )
        .order_by(check.sequence, check.id)
        .limit(limit)
    )
    return result.all()


async def newest_gate_checks(
    connection: AsyncConnection, number_key: str, organisation_id: UUID, *, limit: int
) -> Sequence[Row[Any]]:
    """Return the newest `limit` checks of an order, whoever asked, newest first."""
    check = GateCheckRow
    result = await connection.execute(
        select(check.__table__)
        .where(check.number_key == number_key, check.organisation_id == organisation_id)
        .order_by(check.sequence.desc(), check.id.desc())
        .limit(limit)
    )
    return result.all()


async def delete_gate_checks(connection: AsyncConnection, kept: timedelta, at_most: int) -> int:
    """Delete up to `at_most` checks that are older than `kept`, the oldest first, and return how many."""
    check = GateCheckRow
    identity = (check.number_key, check.organisation_id, check.sequence, check.id)
    old = (
        select(*identity)
        .where(check.checked_at <= func.now() - literal(kept))
        .order_by(check.checked_at)
        .limit(bindparam("at_most"))
    )
    result = await connection.execute(delete(check).where(tuple_(*identity).in_(old)), {"at_most": at_most})
    return result.rowcount
