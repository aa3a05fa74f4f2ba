"""The audit trail of orders and organisations, and the outbox from which the feed and webhooks are made."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base

BUCKETS = 64
"""Buckets of the outbox; a worker leases whole buckets, so one order's events are relayed by one worker at a time."""


class PurchaseOrderEventRow(Base):
    """One change of an order, numbered by the order's own version; without an actor the service has noticed it."""

    __tablename__ = "purchase_order_events"
    __table_args__ = (
        ForeignKeyConstraint(
            ["number_key", "organisation_id"], ["purchase_orders.number_key", "purchase_orders.organisation_id"]
        ),
        CheckConstraint("sequence >= 1", name="sequence_counts_from_one"),
        CheckConstraint(
            "(actor_organisation_id IS NULL) = (actor_key_id IS NULL) "
            "AND (actor_organisation_id IS NULL) = (actor_relation IS NULL)",
            name="actor_is_known_or_there_is_none",
        ),
        {"comment": "dist:number_key - what happened to each order, append only"},
    )

    number_key: Mapped[str] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True)
    type: Mapped[str]
    occurred_at: Mapped[datetime]
    actor_organisation_id: Mapped[UUID | None]
    actor_key_id: Mapped[UUID | None]
    actor_relation: Mapped[str | None]
    data: Mapped[dict[str, Any]]


class GateCheckRow(Base):
    """A check of an order at a gate that told of a delivery or was refused; `sequence` is the order's version then.

    Not a change of the order, so not one of its events; its timeline shows it after the event of that number.
    """

    __tablename__ = "gate_checks"
    __table_args__ = (
        ForeignKeyConstraint(
            ["number_key", "organisation_id"], ["purchase_orders.number_key", "purchase_orders.organisation_id"]
        ),
        Index(None, "checked_at"),
        {"comment": "dist:number_key - checks of orders at gates, written in groups; a crash may lose the last"},
    )

    number_key: Mapped[str] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    checked_at: Mapped[datetime]
    checked_by: Mapped[UUID]
    key_id: Mapped[UUID]
    relation: Mapped[str]
    verdict: Mapped[str]
    codes: Mapped[list[str]]
    delivery: Mapped[dict[str, Any]]


class AuditEventRow(Base):
    """One change of an organisation's own things: its keys, formats, carriers."""

    __tablename__ = "audit_events"
    __table_args__ = ({"comment": "dist:organisation_id - what happened to each organisation, append only"},)

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    type: Mapped[str]
    occurred_at: Mapped[datetime]
    actor_organisation_id: Mapped[UUID | None]
    actor_key_id: Mapped[UUID | None]
    data: Mapped[dict[str, Any]]


class OutboxRow(Base):
    """An event that is committed and not yet relayed; the relay gives it its position in the feeds and deletes it.

    What it says stands in the audit trail.

    Beside its buyer, `organisation_id`, it goes to those whom the order named as it happened: nobody before its issue.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        CheckConstraint(f"bucket BETWEEN 0 AND {BUCKETS - 1}", name="bucket"),
        Index(None, "bucket", "number_key", "organisation_id", "sequence"),
        {"comment": "dist:bucket - committed events that wait for the relay"},
    )

    bucket: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID]
    number_key: Mapped[str | None]
    sequence: Mapped[int | None]
    type: Mapped[str]
    occurred_at: Mapped[datetime]
    seller_id: Mapped[UUID | None]
    ship_to_id: Mapped[UUID | None]
    forwarder_ids: Mapped[list[UUID]] = mapped_column(server_default=text("'{}'"))


class OutboxBucketRow(Base):
    """Who relays a bucket: leased by a conditional UPDATE; the fencing token grows with each lease."""

    __tablename__ = "outbox_buckets"
    __table_args__ = (
        CheckConstraint(f"bucket BETWEEN 0 AND {BUCKETS - 1}", name="bucket"),
        {"comment": "dist:bucket - leases of the outbox's buckets"},
    )

    bucket: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    leased_by: Mapped[UUID | None]
    leased_until: Mapped[datetime | None]
    fencing_token: Mapped[int]


class WorkerRow(Base):
    """A worker that lives: as many as there are share the buckets."""

    __tablename__ = "workers"
    __table_args__ = (
        {"comment": "dist:reference - workers that share the buckets among them, as long as they say that they live"},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    alive_until: Mapped[datetime]


class FeedHeadRow(Base):
    """The last position that an organisation's feed has given; those up to `trimmed_to` are kept no more.

    The relay counts it up first, so that whoever gives the next positions has waited for the commit of these.
    """

    __tablename__ = "feed_heads"
    __table_args__ = (
        CheckConstraint("trimmed_to BETWEEN 0 AND position", name="trimmed_to"),
        {"comment": "dist:organisation_id - the last position that each organisation's feed has given"},
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger)
    trimmed_to: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))


class FeedEntryRow(Base):
    """An event in an organisation's feed; positions count from 1 within it, without a hole.

    What happened stands in the audit trail: of the order `(number_key, buyer_id)`, which the organisation had
    `relation` to as it happened, or of the organisation itself, where these are null.
    """

    __tablename__ = "feed_entries"
    __table_args__ = (
        CheckConstraint(
            "(relation IS NULL) = (buyer_id IS NULL) AND (relation IS NULL) = (number_key IS NULL) "
            "AND (relation IS NULL) = (sequence IS NULL)",
            name="of_an_order_or_not",
        ),
        {"comment": "dist:organisation_id - what each organisation's feed tells, append only until it is trimmed"},
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    event_id: Mapped[UUID]
    type: Mapped[str]
    relation: Mapped[str | None]
    buyer_id: Mapped[UUID | None]
    number_key: Mapped[str | None]
    sequence: Mapped[int | None]
    relayed_at: Mapped[datetime]
