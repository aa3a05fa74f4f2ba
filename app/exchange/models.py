"""Tables of imports: the job, its file in parts, and what became of each document of it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base


class ImportRow(Base):
    """One import. Who holds `lease_token` until `leased_until` works on it; each batch moves `documents` on.

    `documents` counts those of the file that have become something: what is done goes on after them.
    """

    __tablename__ = "imports"
    __table_args__ = (
        CheckConstraint("status IN ('queued', 'running', 'finished', 'failed')", name="status"),
        CheckConstraint("(status IN ('finished', 'failed')) = (finished_at IS NOT NULL)", name="finished_at"),
        CheckConstraint(
            "documents = created + applied + unchanged + refused", name="every_document_has_become_something"
        ),
        Index(None, "finished_at", postgresql_where=text("finished_at IS NOT NULL")),
        Index("ix_imports_open", "created_at", postgresql_where=text("status IN ('queued', 'running')")),
        Index(None, "organisation_id", "id"),
        {"comment": "dist:id - imports of files, with how far they have come"},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    key_id: Mapped[UUID]
    scopes: Mapped[list[str]]
    format: Mapped[str]
    currency: Mapped[str | None]
    dry_run: Mapped[bool]
    size: Mapped[int]
    parts: Mapped[int]
    status: Mapped[str]
    fault: Mapped[dict[str, Any] | None]
    documents: Mapped[int]
    created: Mapped[int]
    applied: Mapped[int]
    unchanged: Mapped[int]
    refused: Mapped[int]
    lease_token: Mapped[int]
    leased_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class ImportPartRow(Base):
    """A part of the file of an import that is not finished; parts count from 1."""

    __tablename__ = "import_parts"
    __table_args__ = ({"comment": "dist:import_id - the files of imports that are not finished, in parts"},)

    import_id: Mapped[UUID] = mapped_column(primary_key=True)
    part: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class ImportResultRow(Base):
    """What became of one document of a file; they count from 1."""

    __tablename__ = "import_results"
    __table_args__ = (
        CheckConstraint("outcome IN ('created', 'applied', 'unchanged', 'refused')", name="outcome"),
        Index("ix_import_results_refused", "import_id", "document", postgresql_where=text("outcome = 'refused'")),
        {"comment": "dist:import_id - what became of each document of an import"},
    )

    import_id: Mapped[UUID] = mapped_column(primary_key=True)
    document: Mapped[int] = mapped_column(primary_key=True)
    line: Mapped[int | None]
    number: Mapped[str | None]
    reference: Mapped[str | None]
    outcome: Mapped[str]
    code: Mapped[str | None]
    reason: Mapped[str | None]
    errors: Mapped[list[dict[str, Any]]]
    notes: Mapped[list[str]]


class ImportClaimRow(Base):
    """An acknowledgement that an organisation has carried out from a file: once, whatever comes again."""

    __tablename__ = "import_claims"
    __table_args__ = ({"comment": "dist:organisation_id - acknowledgements and changes carried out, each once"},)

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    import_id: Mapped[UUID]
    claimed_at: Mapped[datetime]
