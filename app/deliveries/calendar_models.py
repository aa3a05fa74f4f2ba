"""Tables of calendars: when a location takes vehicles in, and who has taken a place."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base


class LocationCalendarRow(Base):
    """The calendar of one location of an organisation; `location` is the code as codes are compared, `code` as written.

    A calendar that was deleted keeps its row and its version, so that an ETag never means two of them.
    """

    __tablename__ = "location_calendars"
    __table_args__ = (
        CheckConstraint("slot_minutes BETWEEN 5 AND 720", name="slot_minutes"),
        CheckConstraint("capacity >= 1", name="capacity_is_positive"),
        CheckConstraint("version >= 1", name="version_counts_from_one"),
        {"comment": "dist:organisation_id - when locations take vehicles in"},
    )

    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), primary_key=True)
    location: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str]
    time_zone: Mapped[str]
    slot_minutes: Mapped[int]
    capacity: Mapped[int]
    opening_hours: Mapped[dict[str, Any]]
    exceptions: Mapped[list[dict[str, Any]]]
    book_at_least: Mapped[timedelta]
    book_at_most: Mapped[timedelta]
    version: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]


class SlotClaimRow(Base):
    """A place in a slot, taken by a booking: the key has one vehicle in each, however many want it at once.

    `ends_at` tells how long the slot was when it was booked: a calendar may be changed, and what is booked stays.
    """

    __tablename__ = "slot_claims"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organisation_id", "location"], ["location_calendars.organisation_id", "location_calendars.location"]
        ),
        CheckConstraint("place >= 1", name="place_counts_from_one"),
        CheckConstraint("ends_at > starts_at", name="ends_after_it_starts"),
        Index(None, "organisation_id", "booking_id"),
        {"comment": "dist:organisation_id - places in slots that delivery bookings have taken"},
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    location: Mapped[str] = mapped_column(primary_key=True)
    starts_at: Mapped[datetime] = mapped_column(primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True)
    ends_at: Mapped[datetime]
    booking_id: Mapped[UUID]
    claimed_at: Mapped[datetime]
