"""The afternoon's work again, by the same table and models, with the driver by hand in the ORM's place."""

import json
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
from fastapi import FastAPI, HTTPException, Request

from benchmarks.contestants.afternoon import NewOrder, Order, Verdict


@asynccontextmanager
async def _lifespan(application: FastAPI) -> AsyncIterator[None]:
    async with asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=10, max_size=10) as pool:
        application.state.pool = pool
        yield


application = FastAPI(lifespan=_lifespan)


@application.post("/purchase-orders", status_code=201)
async def issue(body: NewOrder, request: Request) -> Order:
    order = Order(
        number=f"PO-{secrets.randbelow(10**12):012}",
        id=uuid4(),
        status="issued",
        currency=body.currency,
        lines=body.lines,
        created_at=datetime.now(UTC),
    )
    await request.app.state.pool.execute(
        "INSERT INTO afternoon_orders (number, id, status, currency, lines, created_at) "
        "VALUES ($1, $2, $3, $4, $5, $6)",
        order.number,
        order.id,
        order.status,
        order.currency,
        json.dumps([line.model_dump() for line in body.lines]),
        order.created_at,
    )
    return order


@application.get("/validations/{number}")
async def validate(number: str, request: Request) -> Verdict:
    row = await request.app.state.pool.fetchrow(
        "SELECT number, id, status, currency, lines, created_at FROM afternoon_orders WHERE number = $1", number
    )
    if row is None:
        raise HTTPException(404)
    order = Order.model_validate({**row, "lines": json.loads(row["lines"])})
    return Verdict(number=number, valid=order.status == "active", order=order)
