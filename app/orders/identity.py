"""What tells an order apart from all others."""

from uuid import UUID

Identity = tuple[str, UUID]
"""Of an order: the key of its number, and its buyer."""
