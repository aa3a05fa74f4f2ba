"""SQL of receipts: what comes in on an order's lines, and what is taken back."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, Numeric, Row, bindparam, column, func, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.bulk import insert_rows
from app.orders.identity import Identity
from app.orders.lifecycle import StoredStatus
from app.orders.models import (
    PurchaseOrderLineRow,
    PurchaseOrderRow,
    ReceiptClaimRow,
    ReceiptLineRow,
    ReceiptRow,
)
from app.orders.policies import DEFAULT_POLICY


async def claim_reference(
    connection: AsyncConnection, organisation_id: UUID, receipt_reference: str, order: Identity, receipt_id: UUID
) -> "Claim":
    """Take a reference of the receiving organisation for a receipt, and return who holds it: whoever came first."""
    number_key, buyer = order
    taken = await insert_rows(
        connection,
        ReceiptClaimRow,
        [
            {
                "organisation_id": organisation_id,
                "receipt_reference": receipt_reference,
                "number_key": number_key,
                "buyer": buyer,
                "receipt_id": receipt_id,
            }
        ],
        at_now=["claimed_at"],
        ignore_conflicts=True,
        returning=["receipt_id", "claimed_at"],
    )
    if taken:
        return Claim(**taken[0])
    holder = await find_claim(connection, organisation_id, receipt_reference)
    if holder is None:
        raise LookupError(f"the receipt reference {receipt_reference} is taken by nobody")
    return holder


async def find_claim(connection: AsyncConnection, organisation_id: UUID, receipt_reference: str) -> "Claim | None":
    """Return who took a reference of the receiving organisation, if anybody did."""
    claim = ReceiptClaimRow
    result = await connection.execute(
        select(claim.receipt_id, claim.claimed_at).where(
            claim.organisation_id == organisation_id, claim.receipt_reference == receipt_reference
        )
    )
    found = result.one_or_none()
    return None if found is None else Claim(found.receipt_id, found.claimed_at)


@dataclass(frozen=True, slots=True)
class Claim:
    """The receipt that holds a reference, and since when."""

    receipt_id: UUID
    claimed_at: datetime


async def add_received(
    connection: AsyncConnection,
    order: Identity,
    revision: int,
    quantities: Mapping[int, Decimal],
    *,
    tolerance: Decimal = DEFAULT_POLICY.receipt_tolerance,
) -> Sequence[Row[Any]]:
    """Add quantities, by line, to what has come in, and return the lines on which that was possible.

    Postgres judges each line: never more than was ordered and not rejected, and the share `tolerance` of that, never
    less than nothing. Negative quantities take back, whatever the tolerance is.
    """
    if not quantities:
        return []
    line = PurchaseOrderLineRow
    given = (
        func.unnest(
            bindparam("lines", list(quantities), type_=ARRAY(Integer)),
            bindparam("quantities", list(quantities.values()), type_=ARRAY(Numeric)),
        )
        .table_valued(column("line", Integer), column("quantity", Numeric))
        .render_derived("given")
    )
    after = line.received + given.c.quantity
    result = await connection.execute(
        update(line)
        .where(
            line.number_key == order[0],
            line.organisation_id == order[1],
            line.revision == revision,
            line.line == given.c.line,
            after >= 0,
            or_(given.c.quantity < 0, after <= (line.quantity - line.rejected) * (1 + tolerance)),
        )
        .values(received=after)
        .returning(*line.__table__.c)
    )
    return result.all()


async def set_status(connection: AsyncConnection, order: Identity, status: StoredStatus) -> Row[Any]:
    """Give an order that this transaction has changed, and so holds, the status that its quantities lead to.

    Why it is rejected is said line by line then: what was said when it was resumed is no reason for it.
    """
    row = PurchaseOrderRow
    values = {"status_reason": None} if status is StoredStatus.rejected else {}
    columns: list[Any] = [*row.__table__.c, func.now().label("read_at")]
    result = await connection.execute(
        update(row)
        .where(row.number_key == order[0], row.organisation_id == order[1])
        .values(status=status.value, **values)
        .returning(*columns)
    )
    return result.one()


async def insert_receipt(
    connection: AsyncConnection, receipt: Mapping[str, Any], items: Sequence[Mapping[str, Any]]
) -> None:
    """Write a receipt, received now, and what came in with it; items count from 1."""
    await insert_rows(connection, ReceiptRow, [receipt], at_now=["received_at"])
    identity = {name: receipt[name] for name in ("number_key", "organisation_id")}
    await insert_rows(
        connection,
        ReceiptLineRow,
        [
            {**identity, "receipt_id": receipt["id"], "item": number, **item}
            for number, item in enumerate(items, start=1)
        ],
    )


async def reverse(
    connection: AsyncConnection, order: Identity, receipt_id: UUID, reversed_by: UUID, reason: str
) -> Row[Any] | None:
    """Mark a receipt as reversed and return it; None where it was before."""
    return await _change(
        connection,
        order,
        receipt_id,
        {"reversed_at": func.now(), "reversed_by": reversed_by, "reversal_reason": reason},
    )


async def put_away(connection: AsyncConnection, order: Identity, receipt_id: UUID, location: str) -> Row[Any] | None:
    """Note where the goods of a receipt were put and return it; None where it was reversed."""
    return await _change(connection, order, receipt_id, {"put_away_at": func.now(), "put_away_location": location})


async def _change(
    connection: AsyncConnection, order: Identity, receipt_id: UUID, values: Mapping[str, Any]
) -> Row[Any] | None:
    receipt = ReceiptRow
    result = await connection.execute(
        update(receipt)
        .where(
            receipt.number_key == order[0],
            receipt.organisation_id == order[1],
            receipt.id == receipt_id,
            receipt.reversed_at.is_(None),
        )
        .values(**values)
        .returning(*receipt.__table__.c)
    )
    return result.one_or_none()


async def find_order_of(connection: AsyncConnection, receipt_id: UUID) -> Row[Any] | None:
    """Return the order that a receipt belongs to."""
    order, receipt = PurchaseOrderRow, ReceiptRow
    columns: list[Any] = [*order.__table__.c, func.now().label("read_at")]
    result = await connection.execute(
        select(*columns)
        .join(
            receipt,
            (receipt.number_key == order.number_key) & (receipt.organisation_id == order.organisation_id),
        )
        .where(receipt.id == receipt_id)
    )
    return result.one_or_none()


async def find(connection: AsyncConnection, order: Identity, receipt_id: UUID) -> Row[Any]:
    """Return a receipt of an order, which is there: receipts are never deleted."""
    receipt = ReceiptRow
    result = await connection.execute(
        select(receipt.__table__).where(
            receipt.number_key == order[0], receipt.organisation_id == order[1], receipt.id == receipt_id
        )
    )
    return result.one()


async def page(connection: AsyncConnection, order: Identity, *, after: UUID | None, limit: int) -> Sequence[Row[Any]]:
    """Return up to `limit` receipts of an order after the id `after`, oldest first."""
    receipt = ReceiptRow
    query = select(receipt.__table__).where(receipt.number_key == order[0], receipt.organisation_id == order[1])
    if after is not None:
        query = query.where(receipt.id > after)
    return (await connection.execute(query.order_by(receipt.id).limit(limit))).all()


async def items_of(
    connection: AsyncConnection, order: Identity, receipt_ids: Collection[UUID]
) -> Mapping[UUID, list[Row[Any]]]:
    """Return what came in with each of an order's receipts, in the order in which it was said."""
    item = ReceiptLineRow
    found: dict[UUID, list[Row[Any]]] = {receipt_id: [] for receipt_id in receipt_ids}
    if found:
        result = await connection.execute(
            select(item.__table__)
            .where(
                item.number_key == order[0], item.organisation_id == order[1], item.receipt_id.in_(list(receipt_ids))
            )
            .order_by(item.receipt_id, item.item)
        )
        for row in result:
            found[row.receipt_id].append(row)
    return found


async def last_receipts(connection: AsyncConnection, orders: Collection[Identity]) -> Mapping[Identity, Row[Any]]:
    """Return the last receipt of each of the orders that is still in force."""
    if not orders:
        return {}
    receipt = ReceiptRow
    identity = (receipt.number_key, receipt.organisation_id)
    result = await connection.execute(
        select(receipt.__table__)
        .ext(distinct_on(*identity))
        .where(receipt.number_key.in_({number_key for number_key, _ in orders}), receipt.reversed_at.is_(None))
        .order_by(*identity, receipt.received_at.desc(), receipt.id.desc())
    )
    return {found: row for row in result if (found := (row.number_key, row.organisation_id)) in orders}
