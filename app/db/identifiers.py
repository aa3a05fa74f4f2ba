"""Identifiers are made by the application (a distributed database has no one place to make them)."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """Return a UUID version 7 (RFC 9562, section 5.7): later ones sort after earlier ones."""
    return uuid7()
