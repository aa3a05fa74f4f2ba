"""Orders that come at the same time share a transaction, and nothing else."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from app.db.session import Database
from app.numbers.number_issuer import NumberIssuer
from app.orders import issuing
from app.orders.issuing import NewOrder
from app.orders.issuing_together import OrderDesk, Ordered
from app.orders.schemas import IssuePurchaseOrder
from app.principal import OPERATIONS, Principal
from tests.parties import Party

ORDERS = "/v1/purchase-orders"


async def send(parties: Sequence[Party], bodies: Sequence[dict[str, Any]], **headers: str) -> list[httpx.Response]:
    """Send bodies at once, each party in turn, on connections that are open already."""
    clients = [party.asynchronous() for party in parties]
    try:
        await asyncio.gather(*(client.get("/v1/validations/none") for client in clients for _ in range(8)))
        return await asyncio.gather(
            *(
                clients[place % len(clients)].post(ORDERS, json=body, headers=headers)
                for place, body in enumerate(bodies)
            )
        )
    finally:
        for client in clients:
            await client.aclose()


def issued(answers: Sequence[httpx.Response]) -> list[str]:
    assert [answer.status_code for answer in answers] == [201] * len(answers), [answer.text for answer in answers]
    return [answer.json()["id"] for answer in answers]


async def test_orders_of_several_buyers_share_a_transaction_and_each_has_its_event(
    party: Callable[..., Party], database_url: str
) -> None:
    buyers = [await asyncio.to_thread(party) for _ in range(2)]
    ids = issued(await send(buyers, [{"requested_by": f"Desk {number}"} for number in range(40)]))
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch(
        "SELECT o.organisation_id::text AS buyer, o.xmin::text AS transaction, e.actor_organisation_id::text AS actor "
        "FROM purchase_orders o JOIN purchase_order_events e USING (number_key, organisation_id) "
        "WHERE o.id = ANY($1::text[]::uuid[])",
        ids,
    )
    await connection.close()
    assert len(rows) == len(set(ids)) == 40
    assert {row["buyer"] for row in rows} == {buyer.id for buyer in buyers}
    assert all(row["buyer"] == row["actor"] for row in rows)
    assert len({row["transaction"] for row in rows}) < 20


async def test_poison_fails_alone(buyer: Party, monkeypatch: pytest.MonkeyPatch) -> None:
    issue_many = issuing.issue_many

    async def poisoned(connection: Any, caller: Any, issuer: Any, bodies: Sequence[IssuePurchaseOrder]) -> Any:
        done = await issue_many(connection, caller, issuer, bodies)
        if any(body.requested_by == "poison" for body in bodies):
            raise ValueError("poison")
        return done

    monkeypatch.setattr(issuing, "issue_many", poisoned)
    bodies: list[dict[str, Any]] = [{"reference": f"R-{number}"} for number in range(20)]
    answers = await send([buyer], [*bodies, {"requested_by": "poison"}])
    assert answers.pop().status_code == 500
    issued(answers)


async def test_who_meets_another_transaction_waits_alone(buyer: Party, database: Database, database_url: str) -> None:
    rule = OPERATIONS["issue_purchase_order"]
    caller = Principal(UUID(buyer.id), uuid4(), rule.scopes, rule)
    issuer = NumberIssuer(database.beside(1))
    desk = OrderDesk(database, issuer)
    connection = await asyncpg.connect(database_url)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute(
        "INSERT INTO reference_claims (organisation_id, reference, number_key, claimed_at) "
        "VALUES ($1, 'R', 'X', now())",
        buyer.id,
    )
    waits = desk.issue(Ordered(caller, IssuePurchaseOrder(reference="R")))
    others = [desk.issue(Ordered(caller, IssuePurchaseOrder())) for _ in range(8)]
    assert all(isinstance(outcome, NewOrder) for outcome in await asyncio.gather(*others))
    assert not waits.done()
    await transaction.rollback()
    assert isinstance(await waits, NewOrder)
    await connection.close()
    await issuer.dispose()


async def test_one_key_at_once_by_many_is_one_order(buyer: Party) -> None:
    answers = await send([buyer], [{"requested_by": "Desk"}] * 12, **{"Idempotency-Key": "the-key"})
    assert len(set(issued(answers))) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
