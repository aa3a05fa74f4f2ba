"""SQL of the gate that is nobody else's: which of many possible numbers exist for an organisation."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import ARRAY, Row, Text, any_, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.orders.models import PurchaseOrderRow
from app.orders.repository import has_role
from app.principal import NAMED, Relation

Order = PurchaseOrderRow


async def numbers_among(
    connection: AsyncConnection, organisation_id: UUID, number_keys: Collection[str]
) -> Sequence[Row[str, str, UUID]]:
    """Return number_key, number and buyer (organisation_id) of those orders with one of the keys that name the caller.

    The keys are one parameter, an array: tens of thousands of them are one prepared statement.
    """
    named = [has_role(organisation_id, relation) for relation in Relation if relation in NAMED]
    result = await connection.execute(
        select(Order.number_key, Order.number, Order.organisation_id).where(
            Order.number_key == any_(literal(list(number_keys), ARRAY(Text()))), or_(*named)
        )
    )
    return result.all()
