"""SQL of the audit trail and the outbox."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.bulk import insert_rows
from app.events.models import AuditEventRow, OutboxRow, PurchaseOrderEventRow


async def insert_order_events(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append events of orders; the key (order, sequence) refuses a second event of one version."""
    await insert_rows(connection, PurchaseOrderEventRow, rows, at_now=["occurred_at"])


async def insert_audit_events(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append events of organisations."""
    await insert_rows(connection, AuditEventRow, rows, at_now=["occurred_at"])


async def insert_outbox(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append what the relay is to pass on."""
    await insert_rows(connection, OutboxRow, rows, at_now=["occurred_at"])


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
