"""Number formats and the series from which their serials come."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, false
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base


class NumberFormatRow(Base):
    """A format: an organisation's own, or everyone's where the organisation is null. Its prefix never changes."""

    __tablename__ = "number_formats"
    __table_args__ = (
        Index("uq_number_formats_prefix_key", "prefix_key", unique=True),
        Index(None, "organisation_id", "id"),
        {"comment": "dist:reference - number formats"},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisations.id"))
    name: Mapped[str]
    prefix_key: Mapped[str]
    gapless: Mapped[bool] = mapped_column(server_default=false())
    created_at: Mapped[datetime]


class NumberFormatVersionRow(Base):
    """What a format's numbers look like from `effective_from` on.

    `allowed_values`: lists by component; null: any. `series_version`: the earlier version with this very pattern, whose
    series it goes on with; null: its own.
    """

    __tablename__ = "number_format_versions"
    __table_args__ = (
        CheckConstraint("version >= 1", name="version_counts_from_one"),
        {"comment": "dist:reference - versions of number formats"},
    )

    format_id: Mapped[UUID] = mapped_column(ForeignKey("number_formats.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    pattern: Mapped[str]
    allowed_values: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    series_version: Mapped[int | None]
    effective_from: Mapped[datetime]
    created_at: Mapped[datetime]


class NumberFormatRegistryRow(Base):
    """One row that every creation of a format writes first, so that creations come one after the other.

    No unique key can say that no prefix begins another's.
    """

    __tablename__ = "number_format_registry"
    __table_args__ = (
        CheckConstraint("id = 1", name="one_row"),
        {"comment": "dist:reference - serialises the creation of formats"},
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    formats_created: Mapped[int]


class NumberSeriesRow(Base):
    """The serials of one version of a format in one period; blocks of them are leased by `UPDATE ... RETURNING`.

    A lease commits apart from the orders that get its numbers; that of a gapless format is part of their transaction.
    """

    __tablename__ = "number_series"
    __table_args__ = (
        CheckConstraint("next_serial >= 0", name="next_serial_is_not_negative"),
        {"comment": "dist:format_id - the next serial of each format, version and period"},
    )

    format_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    period: Mapped[str] = mapped_column(primary_key=True)
    next_serial: Mapped[int] = mapped_column(BigInteger)
    permutation_key: Mapped[bytes]
