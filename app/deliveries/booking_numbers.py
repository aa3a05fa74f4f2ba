"""The numbers of bookings and of appointments that are made here: formats of the service's own, read like PO numbers.

Pure. Each comes from a leased series, so no two are the same, and its check character finds what was mistyped.
"""

from typing import Final
from uuid import UUID

from app.numbers.format_patterns import FormatPattern
from app.numbers.number_keys import MalformedNumber, number_key

BOOKING_FORMAT_ID: Final = UUID("00000000-0000-7000-8000-000000000002")
BOOKING_PATTERN: Final = FormatPattern.parse("DB-{random:8}{check}")
APPOINTMENT_FORMAT_ID: Final = UUID("00000000-0000-7000-8000-000000000003")
APPOINTMENT_PATTERN: Final = FormatPattern.parse("AP-{random:8}{check}")


def booking_number_of(text: str) -> str | None:
    """Return the booking number that a text is in any written form; None where it can be none."""
    try:
        key = number_key(text)
    except MalformedNumber:
        return None
    return BOOKING_PATTERN.number_from_key(key) if BOOKING_PATTERN.verifies(key) else None


def appointment_number_of(text: str) -> str:
    """Return a text as appointment numbers are kept: one that was made here in its own form, others as they are."""
    try:
        key = number_key(text)
    except MalformedNumber:
        return text.strip()
    return APPOINTMENT_PATTERN.number_from_key(key) if APPOINTMENT_PATTERN.verifies(key) else text.strip()
