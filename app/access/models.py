"""API keys and their secrets."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base


class ApiKeyRow(Base):
    """A key of an organisation: what it may do and until when."""

    __tablename__ = "api_keys"
    __table_args__ = (
        Index(None, "organisation_id", "id"),
        {"comment": "dist:reference - keys of organisations"},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    name: Mapped[str]
    scopes: Mapped[list[str]]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class ApiKeySecretRow(Base):
    """The hash of a secret of a key; while a key is rotated it has two."""

    __tablename__ = "api_key_secrets"
    __table_args__ = (
        Index(None, "api_key_id"),
        {"comment": "dist:reference - SHA-256 of each key's secret"},
    )

    secret_hash: Mapped[bytes] = mapped_column(primary_key=True)
    api_key_id: Mapped[UUID] = mapped_column(ForeignKey("api_keys.id"))
    hint: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
