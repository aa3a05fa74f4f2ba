"""The table of what time makes of orders: when to look at each next, and what was announced."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base


class PurchaseOrderAnnouncementRow(Base):
    """When time next makes an event of an order, and of which of its dates it has done so: event type -> date.

    Made from the order's `version`. `planned_expiry` is the end of which an announcement ahead was planned or left out.
    """

    __tablename__ = "purchase_order_announcements"
    __table_args__ = (
        ForeignKeyConstraint(
            ["number_key", "organisation_id"], ["purchase_orders.number_key", "purchase_orders.organisation_id"]
        ),
        Index(None, "next_at", postgresql_where=text("next_at IS NOT NULL")),
        {"comment": "dist:number_key - when time next makes an event of each order, and of which dates it has"},
    )

    number_key: Mapped[str] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    bucket: Mapped[int] = mapped_column(SmallInteger)
    version: Mapped[int]
    next_at: Mapped[datetime | None]
    planned_expiry: Mapped[datetime | None]
    announced: Mapped[dict[str, Any]]
