"""A vehicle of 500 orders is booked with few statements, however many they are."""

import os
from collections.abc import Callable
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.session import Database
from app.deliveries import booking, changing
from app.deliveries.schemas import BookDelivery, RescheduleBooking
from app.http.look_up_limits import LookUpAccount, LookUpLimiter
from app.numbers.number_issuer import NumberIssuer
from app.principal import OPERATIONS, Principal, Scope
from tests.deliveries.bookings import body, shipment, window
from tests.parties import Party

ORDERS = int(os.environ.get("BOOKING_ORDERS", "500"))


@pytest.fixture
def numbers(buyer: Party, warehouse: Party, forwarder: Party) -> list[str]:
    """Numbers of active orders from one buyer to one warehouse."""
    content = {"ship_to": {"organisation_id": warehouse.id}, "forwarders": [{"organisation_id": forwarder.id}]}
    assert buyer.post("/v1/policies", {"activation": "on_confirmation"}).status_code == 201
    made = buyer.post("/v1/purchase-orders/batch", {"purchase_orders": [content] * ORDERS})
    return [result["purchase_order"]["number"] for result in made.json()["results"]]


async def test_a_booking_of_500_orders_takes_at_most_8_statements(
    numbers: list[str], forwarder: Party, database: Database, database_url: str
) -> None:
    await _activate(database_url, numbers)
    thirds = [numbers[start::3] for start in range(3)]
    shipments = [shipment(*part, bol=f"BOL-{index}") for index, part in enumerate(thirds)]
    request = BookDelivery.model_validate(body(*shipments, window=window(), ship_to="HAM-2"))
    principal = Principal(UUID(forwarder.id), UUID(int=1), frozenset({Scope.SHIP}), OPERATIONS["book_delivery"])
    issuer = NumberIssuer(database.beside(1))
    look_ups = LookUpLimiter(database, limit=10**6, limit_at_a_gate=10**6)
    account = LookUpAccount(look_ups, principal.organisation_id)
    made, statements = await _counted(
        database, lambda connection: booking.book(connection, principal, issuer, account, request)
    )
    assert sum(len(part.purchase_orders) for part in made.shipments) == ORDERS
    # One of them looks for the calendar of the location that is told.
    assert len(statements) <= 8, "\n\n".join(statements)
    moved = RescheduleBooking.model_validate({"window": window(days=3)})
    _, statements = await _counted(
        database, lambda connection: changing.reschedule(connection, principal, str(made.id), moved)
    )
    assert len(statements) <= 10, "\n\n".join(statements)
    await look_ups.close()


async def _counted(database: Database, work: Callable[[AsyncConnection], Any]) -> tuple[Any, list[str]]:
    """Run `work` in a transaction; return its result and the statements that it has sent."""
    statements: list[str] = []

    async def counted(connection: AsyncConnection) -> Any:
        raw = connection.sync_connection
        assert raw is not None

        def remember(_: Any, __: Any, statement: str, *___: Any) -> None:
            statements.append(statement)

        event.listen(raw, "before_cursor_execute", remember)
        try:
            return await work(connection)
        finally:
            event.remove(raw, "before_cursor_execute", remember)

    return await database.change(counted), statements


async def _activate(database_url: str, numbers: list[str]) -> None:
    connection = await asyncpg.connect(database_url)
    keys = [number.replace("-", "") for number in numbers]
    await connection.execute(
        "UPDATE purchase_orders SET status = 'active', confirmed_at = now(), activated_at = now() "
        "WHERE number_key = ANY($1)",
        keys,
    )
    await connection.close()
