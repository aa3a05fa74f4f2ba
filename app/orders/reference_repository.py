"""SQL of the references by which an order is found at a gate."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, Row, Text, and_, any_, delete, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.bulk import insert_rows
from app.orders.models import OrderReferenceRow
from app.orders.references import reference_rows
from app.orders.repository import Order, order_columns

ORDERS_OF_A_REFERENCE_MAX: Final = 10
"""Of one buyer, at a gate: two make a reference ambiguous, and a word on a million orders must not bring them all."""


async def insert_references(connection: AsyncConnection, orders: Sequence[Mapping[str, Any]]) -> None:
    """Insert what finds new orders by their references."""
    await insert_rows(connection, OrderReferenceRow, [row for order in orders for row in reference_rows(order)])


async def replace_references(connection: AsyncConnection, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Let a changed order be found by what it says now, and no longer by what it said before; both are rows of it."""
    old, new = ({tuple(row.values()): row for row in reference_rows(order)} for order in (before, after))
    one = OrderReferenceRow
    for gone in (old[key] for key in sorted(old.keys() - new.keys())):
        await connection.execute(delete(one).where(*(getattr(one, name) == value for name, value in gone.items())))
    added = [new[key] for key in sorted(new.keys() - old.keys())]
    await insert_rows(connection, OrderReferenceRow, added, ignore_conflicts=True)


async def find_by_references(
    connection: AsyncConnection,
    party_id: UUID,
    reference_keys: Collection[str],
    *,
    of_one_buyer: int = ORDERS_OF_A_REFERENCE_MAX,
) -> Sequence[Row[Any]]:
    """Return the orders that an organisation finds by references, each with the `reference_key` that found it.

    At most `of_one_buyer` by one reference of one buyer. Drafts are among them: whom they are shown to is for the
    relation to say.
    """
    one = OrderReferenceRow
    place = func.row_number().over(partition_by=[one.reference_key, one.organisation_id], order_by=one.number_key)
    found = (
        select(one.reference_key, one.organisation_id, one.number_key, place.label("place"))
        .where(one.party_id == party_id, one.reference_key == any_(literal(list(reference_keys), ARRAY(Text()))))
        .subquery()
    )
    result = await connection.execute(
        select(found.c.reference_key, *order_columns)
        .join(Order, and_(Order.number_key == found.c.number_key, Order.organisation_id == found.c.organisation_id))
        .where(found.c.place <= of_one_buyer)
    )
    return result.all()
