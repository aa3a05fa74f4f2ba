"""SQL of acknowledgements: what sellers have said, and how much of each line is rejected by it."""

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import Integer, Numeric, Row, bindparam, column, func, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.bulk import insert_rows
from app.orders.identity import Identity
from app.orders.models import AcknowledgementRow, PurchaseOrderLineRow


async def insert(connection: AsyncConnection, acknowledgement: Mapping[str, Any]) -> None:
    """Write an acknowledgement, given now; its `sequence` is that of its event."""
    await insert_rows(connection, AcknowledgementRow, [acknowledgement], at_now=["acknowledged_at"])


async def latest(connection: AsyncConnection, orders: Collection[Identity]) -> Mapping[Identity, Row[Any]]:
    """Return the last acknowledgement of each of the orders: one query, and none where nothing is asked."""
    if not orders:
        return {}
    one = AcknowledgementRow
    identity = (one.number_key, one.organisation_id)
    result = await connection.execute(
        select(one.__table__)
        .ext(distinct_on(*identity))
        .where(one.number_key.in_({number_key for number_key, _ in orders}))
        .order_by(*identity, one.sequence.desc())
    )
    return {found: row for row in result if (found := (row.number_key, row.organisation_id)) in orders}


async def set_rejected(
    connection: AsyncConnection, order: Identity, revision: int, rejected: Mapping[int, Decimal]
) -> frozenset[int]:
    """Set how much of each of these lines is rejected, and return the lines on which that was possible.

    Postgres judges each line: what has come in cannot be rejected.
    """
    if not rejected:
        return frozenset()
    line = PurchaseOrderLineRow
    given = (
        func.unnest(
            bindparam("lines", list(rejected), type_=ARRAY(Integer)),
            bindparam("quantities", list(rejected.values()), type_=ARRAY(Numeric)),
        )
        .table_valued(column("line", Integer), column("quantity", Numeric))
        .render_derived("given")
    )
    result = await connection.execute(
        update(line)
        .where(
            line.number_key == order[0],
            line.organisation_id == order[1],
            line.revision == revision,
            line.line == given.c.line,
            or_(given.c.quantity == 0, line.received + given.c.quantity <= line.quantity),
        )
        .values(rejected=given.c.quantity)
        .returning(line.line)
    )
    return frozenset(row.line for row in result)
