"""The format for everyone who has none of his own; the first migration writes it into every database."""

from typing import Final
from uuid import UUID

from app.numbers.format_patterns import FormatPattern

DEFAULT_FORMAT_ID: Final = UUID("00000000-0000-7000-8000-000000000001")
DEFAULT_FORMAT_NAME: Final = "Default"
DEFAULT_FORMAT_VERSION: Final = 1
DEFAULT_PATTERN: Final = FormatPattern.parse("PO-{random:9}{check}")

REGISTRY_ID: Final = 1
"""The one row of `number_format_registry`."""
