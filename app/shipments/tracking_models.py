"""Tables of tracking: events and state of the shipments behind PRO numbers, parcels of orders with theirs.

A PRO number is one shipment for all of its orders, so its events stand by its number. A tracking number is put on one
order, and what is told of the parcel stays with that order: nobody can speak of it by using the number elsewhere.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base
from app.shipments.tracking_rules import TrackingEventType, TrackingStatus

TRACKING_NUMBER_MAX = 40
"""Characters of a parcel's tracking number, at most."""

_TYPES = ", ".join(f"'{type_}'" for type_ in TrackingEventType)
_STATUSES = ", ".join(f"'{status}'" for status in TrackingStatus)
_KNOWN_TYPE = f"type IN ({_TYPES})"
_KNOWN_STATUS = f"status IN ({_STATUSES})"


class _Said:
    """What is kept of an event. `event_key` tells it from others: the carrier's id of it, else all that it says."""

    event_key: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str]
    type: Mapped[str]
    occurred_at: Mapped[datetime]
    eta: Mapped[datetime | None]
    location: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    reason: Mapped[str | None]
    note: Mapped[str | None]
    source_reference: Mapped[str | None]
    reported_by: Mapped[UUID]
    recorded_at: Mapped[datetime]


class _State:
    """What the events come to (`tracking_rules.state_of`), kept so that a list of orders need not read them all."""

    status: Mapped[str | None]
    since: Mapped[datetime | None]
    eta: Mapped[datetime | None]
    location: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    exception: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    events: Mapped[int]


class TrackingEventRow(_Said, Base):
    """One event of a PRO number's shipment, of whatever order it is on."""

    __tablename__ = "tracking_events"
    __table_args__ = (
        CheckConstraint(_KNOWN_TYPE, name="type"),
        {"comment": "dist:pro_number - what carriers tell of the shipments behind PRO numbers"},
    )

    scac: Mapped[str] = mapped_column(primary_key=True)
    pro_number: Mapped[str] = mapped_column(primary_key=True)


class ShipmentStateRow(_State, Base):
    """Where a PRO number's shipment is. Whoever records events holds this row, so that none is lost to another."""

    __tablename__ = "shipment_states"
    __table_args__ = (
        CheckConstraint(_KNOWN_STATUS, name="status"),
        {"comment": "dist:pro_number - where the shipments behind PRO numbers are"},
    )

    scac: Mapped[str] = mapped_column(primary_key=True)
    pro_number: Mapped[str] = mapped_column(primary_key=True)


class TrackingNumberRow(_State, Base):
    """A parcel on an order, and where it is: `tracking_number` is its key, `display` as it was given.

    `carrier`: its name or SCAC. A row stays when the number is taken off (`unlinked_at`): put on
    again, it is the same parcel.
    """

    __tablename__ = "tracking_numbers"
    __table_args__ = (
        ForeignKeyConstraint(
            ["number_key", "organisation_id"], ["purchase_orders.number_key", "purchase_orders.organisation_id"]
        ),
        CheckConstraint(_KNOWN_STATUS, name="status"),
        CheckConstraint(f"length(tracking_number) BETWEEN 1 AND {TRACKING_NUMBER_MAX}", name="tracking_number_length"),
        Index(None, "tracking_number", postgresql_where=text("unlinked_at IS NULL")),
        {"comment": "dist:number_key - tracking numbers of parcels on purchase orders"},
    )

    number_key: Mapped[str] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    tracking_number: Mapped[str] = mapped_column(primary_key=True)
    display: Mapped[str]
    carrier: Mapped[str]
    linked_by: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    linked_at: Mapped[datetime]
    unlinked_at: Mapped[datetime | None]


class ParcelEventRow(_Said, Base):
    """One event of a parcel, on the order that the parcel belongs to."""

    __tablename__ = "parcel_events"
    __table_args__ = (
        ForeignKeyConstraint(
            ["number_key", "organisation_id", "tracking_number"],
            ["tracking_numbers.number_key", "tracking_numbers.organisation_id", "tracking_numbers.tracking_number"],
        ),
        CheckConstraint(_KNOWN_TYPE, name="type"),
        {"comment": "dist:number_key - what carriers tell of the parcels of purchase orders"},
    )

    number_key: Mapped[str] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    tracking_number: Mapped[str] = mapped_column(primary_key=True)
