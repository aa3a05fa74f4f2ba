"""Changes of many orders are counted at once, and only on those that still are what the changes were judged by."""

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import text

from app.db.session import Database
from app.orders import bulk_repository
from app.orders import repository as orders
from app.orders.bulk_repository import Counted
from tests.parties import Party


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        ("status = 'cancelled'", False),
        ("expires_at = now() + interval '9 days'", False),
        ("valid_from = now()", False),
        ("activate_by = now()", False),
        ("ship_to_id = organisation_id", False),
        ("forwarder_ids = ARRAY[organisation_id]", False),
        ("version = version + 1", True),
        ("requested_by = 'Desk 4'", True),
    ],
)
async def test_a_change_counts_only_where_nothing_that_it_was_judged_by_has_changed(
    change: str, counts: bool, database: Database, buyer: Party
) -> None:
    number = (await asyncio.to_thread(buyer.active))["number"].replace("-", "")
    (row,) = await database.look(lambda connection: orders.find_by_keys(connection, [number], None, None))
    async with database.transaction() as connection:
        await connection.execute(text(f"UPDATE purchase_orders SET {change} WHERE number_key = :key"), {"key": number})
        (now,) = await orders.find_by_keys(connection, [number], None, None)
        buyer_id = UUID(buyer.id)
        judged = [Counted(number, buyer_id, 2, row._asdict())]
        counted = await bulk_repository.count_changes(connection, judged)
        assert [one.version for one in counted] == ([now.version + 2] if counts else [])
        (anyway,) = await bulk_repository.count_changes(connection, [Counted(number, buyer_id, 3)])
        assert anyway.version == now.version + (5 if counts else 3)
        (after,) = await orders.find_by_keys(connection, [number], None, None)
        assert after.version == anyway.version
        unchanged = {name: value for name, value in now._asdict().items() if name not in {"version", "updated_at"}}
        assert {name: after._asdict()[name] for name in unchanged} == unchanged
