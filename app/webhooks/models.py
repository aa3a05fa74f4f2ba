"""Endpoints of organisations, and what was, is and will be delivered to them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base
from app.events.models import BUCKETS


class WebhookEndpointRow(Base):
    """A place that an organisation's events are sent to, by the worker that holds `bucket`.

    `position`: up to where its organisation's feed has been made into deliveries. `secret` as `app/webhooks/secrets.py`
    keeps it; the one before it is used too, until it ends. `failing_since`: nothing was delivered since, and something
    was tried.
    """

    __tablename__ = "webhook_endpoints"
    __table_args__ = (
        CheckConstraint(f"bucket BETWEEN 0 AND {BUCKETS - 1}", name="bucket"),
        CheckConstraint("(disabled_at IS NULL) = (disabled_reason IS NULL)", name="disabled_for_a_reason"),
        CheckConstraint("(previous_secret IS NULL) = (previous_secret_until IS NULL)", name="previous_secret_ends"),
        Index(None, "bucket", postgresql_where=text("deleted_at IS NULL AND disabled_at IS NULL")),
        Index(None, "deleted_at", postgresql_where=text("deleted_at IS NOT NULL")),
        {"comment": "dist:organisation_id - where the events of each organisation are sent to"},
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    bucket: Mapped[int] = mapped_column(SmallInteger)
    url: Mapped[str]
    description: Mapped[str | None]
    event_types: Mapped[list[str] | None]
    relation: Mapped[str | None]
    secret: Mapped[str]
    previous_secret: Mapped[str | None]
    previous_secret_until: Mapped[datetime | None]
    position: Mapped[int] = mapped_column(BigInteger)
    failing_since: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    disabled_reason: Mapped[str | None]
    deleted_at: Mapped[datetime | None]
    version: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class WebhookDeliveryRow(Base):
    """An event on its way to an endpoint, with all attempts.

    Deliveries of one `lane` go one after the other, by `position`: the lane is the order, or the organisation for what
    is of no order. Of those that are pending the first of each lane has its `next_attempt_at`, the others wait for it.
    `tried_since` and `failures` are of the present round; a redelivery begins another.
    """

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organisation_id", "endpoint_id"], ["webhook_endpoints.organisation_id", "webhook_endpoints.id"]
        ),
        CheckConstraint("status IN ('pending', 'delivered', 'failed')", name="status"),
        CheckConstraint("status = 'pending' OR next_attempt_at IS NULL", name="only_what_is_pending_is_attempted"),
        CheckConstraint("(status = 'delivered') = (delivered_at IS NOT NULL)", name="delivered_at"),
        Index("uq_webhook_deliveries_webhook_id", "organisation_id", "endpoint_id", "webhook_id", unique=True),
        Index("ix_webhook_deliveries_endpoint", "organisation_id", "endpoint_id", "id"),
        Index(
            "ix_webhook_deliveries_due",
            "organisation_id",
            "endpoint_id",
            "next_attempt_at",
            postgresql_where=text("next_attempt_at IS NOT NULL"),
        ),
        Index(
            "ix_webhook_deliveries_lane",
            "organisation_id",
            "endpoint_id",
            "lane",
            "position",
            postgresql_where=text("status = 'pending'"),
        ),
        Index(None, "created_at"),
        {"comment": "dist:organisation_id - what is sent to webhook endpoints, kept for a time"},
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    endpoint_id: Mapped[UUID]
    webhook_id: Mapped[UUID]
    position: Mapped[int | None] = mapped_column(BigInteger)
    lane: Mapped[UUID]
    event_type: Mapped[str]
    body: Mapped[str]
    status: Mapped[str]
    created_at: Mapped[datetime]
    tried_since: Mapped[datetime]
    failures: Mapped[int]
    next_attempt_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    attempts: Mapped[list[dict[str, Any]]]
