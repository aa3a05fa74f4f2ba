"""An afternoon's work: purchase-order numbers with FastAPI and SQLAlchemy's ORM, one table, as tutorials show it.

No keys, no events, no lifecycle, no idempotency: what a developer has running by the evening, and its speed.
"""

import os
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import Depends, FastAPI, HTTPException
from pydantic import BaseModel, ConfigDict
from sqlalchemy import DateTime, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

engine = create_async_engine(
    os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+asyncpg://", 1), pool_size=10
)
make_session = async_sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    pass


class OrderRow(Base):
    __tablename__ = "afternoon_orders"

    number: Mapped[str] = mapped_column(String(40), primary_key=True)
    id: Mapped[UUID] = mapped_column(unique=True)
    status: Mapped[str] = mapped_column(String(20))
    currency: Mapped[str | None] = mapped_column(String(3))
    lines: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Line(BaseModel):
    sku: str
    description: str | None = None
    quantity: str
    unit: str = "EA"
    unit_price: str | None = None


class NewOrder(BaseModel):
    currency: str | None = None
    lines: list[Line] = []


class Order(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    number: str
    id: UUID
    status: str
    currency: str | None
    lines: list[Line]
    created_at: datetime


class Verdict(BaseModel):
    number: str
    valid: bool
    order: Order


async def session() -> AsyncIterator[AsyncSession]:
    async with make_session() as one:
        yield one


Session = Annotated[AsyncSession, Depends(session)]
application = FastAPI()


@application.post("/purchase-orders", status_code=201, response_model=Order)
async def issue(body: NewOrder, db: Session) -> OrderRow:
    order = OrderRow(
        number=f"PO-{secrets.randbelow(10**12):012}",
        id=uuid4(),
        status="issued",
        currency=body.currency,
        lines=[line.model_dump() for line in body.lines],
        created_at=datetime.now(UTC),
    )
    db.add(order)
    await db.commit()
    return order


@application.get("/validations/{number}")
async def validate(number: str, db: Session) -> Verdict:
    order = await db.get(OrderRow, number)
    if order is None:
        raise HTTPException(404)
    return Verdict(number=number, valid=order.status == "active", order=Order.model_validate(order))
