"""Lists stay quick however many orders others have: every role is a walk along an index of its own."""

import asyncio
import json
import re
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.session import Database
from app.orders import list_repository
from app.orders.list_repository import Filters
from app.principal import NAMED, Relation
from tests.parties import Party


async def plans_of_a_page(database: Database, organisation_id: UUID, roles: list[Relation]) -> list[dict[str, Any]]:
    """Return the plans of the statements that a page runs, as if the tables were too large to be read whole."""
    statements: list[tuple[str, Any]] = []

    async def explained(connection: AsyncConnection) -> list[dict[str, Any]]:
        await connection.execute(text("SET LOCAL enable_seqscan = off"))
        raw = connection.sync_connection
        assert raw is not None

        def remember(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
            statements.append((statement, parameters))

        event.listen(raw, "before_cursor_execute", remember)
        await list_repository.page(connection, organisation_id, roles, Filters(), before=None, limit=50)
        event.remove(raw, "before_cursor_execute", remember)
        plans = []
        for statement, parameters in statements:
            answer = await connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {written_out(statement, parameters)}")
            found = answer.scalar_one()
            plans.append((json.loads(found) if isinstance(found, str) else found)[0]["Plan"])
        return plans

    return await database.change(explained)


def written_out(statement: str, parameters: Any) -> str:
    return re.sub(r"\$(\d+)(::[A-Z]+(\[\])?)?", lambda match: literal(parameters[int(match[1]) - 1]), statement)


def literal(value: Any) -> str:
    if isinstance(value, list):
        return f"'{{{','.join(map(str, value))}}}'"
    return str(value) if isinstance(value, int) else f"'{value}'"


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for part in plan.get("Plans", []) for node in nodes(part))]


@pytest.mark.parametrize(
    ("role", "index"),
    [
        (Relation.OWNER, "ix_purchase_orders_organisation_id_id"),
        (Relation.SELLER, "ix_purchase_orders_seller_id_id"),
        (Relation.SHIP_TO, "ix_purchase_orders_ship_to_id_id"),
        (Relation.FORWARDER, "ix_purchase_order_forwarders_forwarder_id_id"),
    ],
)
async def test_each_role_is_walked_along_its_own_index(
    database: Database, buyer: Party, role: Relation, index: str
) -> None:
    await asyncio.to_thread(buyer.issue)
    (plan,) = await plans_of_a_page(database, UUID(buyer.id), [role])
    used = {node["Index Name"] for node in nodes(plan) if "Index Name" in node}
    assert index in used
    assert not [node for node in nodes(plan) if node["Node Type"] == "Seq Scan"]


async def test_no_walk_filters_what_is_everybodys(database: Database, buyer: Party) -> None:
    await asyncio.to_thread(buyer.issue)
    (plan,) = await plans_of_a_page(database, UUID(buyer.id), sorted(NAMED))
    walked = {node["Index Name"] for node in nodes(plan) if "Index Name" in node}
    assert "ix_purchase_orders_id" not in walked
