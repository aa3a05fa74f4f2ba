"""Tables of support cases. A case belongs to its order, and so does everything that is done in it."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.cases.case_rules import COMMENTS_MAX, CaseStatus, CaseStep
from app.db.base import Base
from app.orders.causes import Cause


def _quoted(values: Iterable[StrEnum]) -> str:
    return ", ".join(f"'{value.value}'" for value in values)


class SupportCaseRow(Base):
    """A case about an order. `snapshot`: the order and its timeline when it was opened, whole, as JSON."""

    __tablename__ = "support_cases"
    __table_args__ = (
        ForeignKeyConstraint(
            ["number_key", "organisation_id"], ["purchase_orders.number_key", "purchase_orders.organisation_id"]
        ),
        CheckConstraint(f"status IN ({_quoted(CaseStatus)})", name="status"),
        CheckConstraint(f"category IN ({_quoted(Cause)})", name="category"),
        CheckConstraint(
            "CASE status WHEN 'open' THEN assigned_to IS NULL WHEN 'assigned' THEN assigned_to IS NOT NULL ELSE true "
            "END",
            name="assigned_to_somebody",
        ),
        CheckConstraint("(assigned_to IS NULL) = (assigned_at IS NULL)", name="assigned_at_some_time"),
        CheckConstraint("(status = 'resolved') = (resolved_at IS NOT NULL)", name="resolved_at_some_time"),
        CheckConstraint("(resolved_at IS NULL) = (resolved_by IS NULL)", name="resolved_by_somebody"),
        CheckConstraint("(resolved_at IS NULL) = (resolution IS NULL)", name="resolved_somehow"),
        CheckConstraint(f"comments BETWEEN 0 AND {COMMENTS_MAX}", name="comments"),
        Index(
            "uq_support_cases_of_presenter",
            "number_key",
            "organisation_id",
            "opened_by",
            unique=True,
            postgresql_where=text("opened_as = 'presenter' AND status <> 'resolved'"),
        ),
        Index(None, "id"),
        Index(None, "organisation_id", "id"),
        Index(None, "opened_by", "id"),
        # What waits for somebody is short, however long the list of what was resolved.
        Index("ix_support_cases_queue", "organisation_id", "id", postgresql_where=text("status <> 'resolved'")),
        {"comment": "dist:number_key - support cases about purchase orders"},
    )

    number_key: Mapped[str] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    status: Mapped[str]
    category: Mapped[str]
    description: Mapped[str]
    contact: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    validation_id: Mapped[UUID | None]
    opened_by: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    opened_as: Mapped[str]
    opened_at: Mapped[datetime]
    snapshot: Mapped[dict[str, Any]]
    assigned_to: Mapped[UUID | None] = mapped_column(ForeignKey("organisations.id"))
    assignee: Mapped[str | None]
    assigned_at: Mapped[datetime | None]
    resolution: Mapped[str | None]
    resolved_by: Mapped[UUID | None] = mapped_column(ForeignKey("organisations.id"))
    resolved_at: Mapped[datetime | None]
    comments: Mapped[int]
    updated_at: Mapped[datetime]


class SupportCaseStepRow(Base):
    """What was done in a case, append only; `sequence` is that of the order's event, so steps have one order."""

    __tablename__ = "support_case_steps"
    __table_args__ = (
        ForeignKeyConstraint(
            ["number_key", "organisation_id", "case_id"],
            ["support_cases.number_key", "support_cases.organisation_id", "support_cases.id"],
        ),
        CheckConstraint(f"step IN ({_quoted(CaseStep)})", name="step"),
        {"comment": "dist:number_key - what was said and done in support cases, append only"},
    )

    number_key: Mapped[str] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True)
    step: Mapped[str]
    done_by: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    done_as: Mapped[str]
    done_at: Mapped[datetime]
    author: Mapped[str | None]
    text: Mapped[str | None]
    assigned_to: Mapped[UUID | None] = mapped_column(ForeignKey("organisations.id"))
    assignee: Mapped[str | None]
