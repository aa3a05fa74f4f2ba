"""Tables of delivery bookings.

A booking belongs to the organisation that made it: with its history and its bills of lading it is on one shard, so that
all three are written by one statement. What its orders and PRO numbers know of it stands with those.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base
from app.deliveries.booking_lifecycle import BookingStatus
from app.deliveries.booking_rules import LoadType
from app.shipments.models import BOL_MAX


def _quoted(values: Iterable[StrEnum]) -> str:
    return ", ".join(f"'{value.value}'" for value in values)


class DeliveryBookingRow(Base):
    """One booking. `version` counts its changes and numbers its events.

    `organisation_id` has made it, `warehouse_id` is whose gate it comes to. `shipments`: what comes, as JSON, those
    that were removed left out; what lists search of it stands in the arrays besides: `pro_numbers` holds each key alone
    and behind its carrier (`CNWY/123456782`), `bols` the keys of bills of lading. `warehouse_is_known`: whether who has
    booked may know whose gate it is. `arrival`: what the gate said when the vehicle came.
    """

    __tablename__ = "delivery_bookings"
    __table_args__ = (
        CheckConstraint(f"status IN ({_quoted(BookingStatus)})", name="status"),
        CheckConstraint(f"load_type IN ({_quoted(LoadType)})", name="load_type"),
        CheckConstraint("window_end > window_start", name="window_ends_after_it_starts"),
        CheckConstraint("length(comments) BETWEEN 1 AND 500", name="comments_length"),
        CheckConstraint("status NOT IN ('arrived', 'completed') OR arrived_at IS NOT NULL", name="arrived_at"),
        Index(None, "id"),
        Index(None, "booking_number"),
        Index(None, "appointment_number", postgresql_where=text("appointment_number IS NOT NULL")),
        Index(None, "organisation_id", "status", "id"),
        Index(None, "warehouse_id", "id"),
        Index(None, "warehouse_id", "status", "id"),
        Index(None, "organisation_id", "window_start"),
        Index(None, "warehouse_id", "window_start"),
        # Of all vehicles that a gate knows, those that it waits for are few.
        Index(
            "ix_delivery_bookings_expected_trailer",
            "warehouse_id",
            "trailer_key",
            postgresql_where=text("status IN ('requested', 'confirmed')"),
        ),
        Index(None, "pro_numbers", postgresql_using="gin"),
        Index(None, "number_keys", postgresql_using="gin"),
        Index(None, "bols", postgresql_using="gin"),
        {"comment": "dist:organisation_id - delivery bookings, by who has made them"},
    )

    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    booking_number: Mapped[str]
    warehouse_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    warehouse_is_known: Mapped[bool]
    status: Mapped[str]
    version: Mapped[int]
    ship_to: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    location_code: Mapped[str | None]
    window_start: Mapped[datetime]
    window_end: Mapped[datetime]
    load_type: Mapped[str]
    trailer_number: Mapped[str | None]
    trailer_key: Mapped[str | None]
    contact: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    comments: Mapped[str | None]
    shipments: Mapped[list[dict[str, Any]]]
    scacs: Mapped[list[str]]
    pro_numbers: Mapped[list[str]]
    bols: Mapped[list[str]]
    number_keys: Mapped[list[str]]
    refused: Mapped[list[dict[str, Any]]]
    appointment_number: Mapped[str | None]
    reason: Mapped[str | None]
    arrived_at: Mapped[datetime | None]
    arrival: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class DeliveryBookingEventRow(Base):
    """One change of a booking, numbered by the booking's own version."""

    __tablename__ = "delivery_booking_events"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organisation_id", "booking_id"], ["delivery_bookings.organisation_id", "delivery_bookings.id"]
        ),
        CheckConstraint("sequence >= 1", name="sequence_counts_from_one"),
        {"comment": "dist:organisation_id - what happened to each delivery booking, append only"},
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    booking_id: Mapped[UUID] = mapped_column(primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True)
    type: Mapped[str]
    occurred_at: Mapped[datetime]
    actor_organisation_id: Mapped[UUID]
    actor_key_id: Mapped[UUID]
    data: Mapped[dict[str, Any]]


class BolClaimRow(Base):
    """Which booking of an organisation comes with a bill of lading; one that is cancelled gives it back."""

    __tablename__ = "bol_claims"
    __table_args__ = (
        CheckConstraint(f"length(bol) BETWEEN 1 AND {2 * BOL_MAX}", name="bol_length"),
        Index(None, "organisation_id", "booking_id"),
        {"comment": "dist:organisation_id - bills of lading of each organisation's delivery bookings"},
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    bol: Mapped[str] = mapped_column(primary_key=True)
    booking_id: Mapped[UUID]
    claimed_at: Mapped[datetime]


class AppointmentClaimRow(Base):
    """Which booking a warehouse's appointment number belongs to, for good."""

    __tablename__ = "appointment_claims"
    __table_args__ = ({"comment": "dist:warehouse_id - appointment numbers of each warehouse"},)

    warehouse_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), primary_key=True)
    appointment_number: Mapped[str] = mapped_column(primary_key=True)
    booking_id: Mapped[UUID]
    claimed_at: Mapped[datetime]
