"""Organisations: every party that calls, or is named by, the service."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base


class OrganisationRow(Base):
    """One organisation; its kinds describe it and authorise nothing."""

    __tablename__ = "organisations"
    __table_args__ = (
        CheckConstraint("name <> ''", name="name_is_given"),
        {"comment": "dist:reference - parties that call the service or are named by id on an order"},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    kinds: Mapped[list[str]]
    address: Mapped[dict[str, Any] | None]
    phone: Mapped[str | None]
    contact_points: Mapped[dict[str, Any]]
    version: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
