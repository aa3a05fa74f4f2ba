"""Spans of time as ISO 8601 writes them, as far as they have one length: weeks, days, hours, minutes and seconds.

Years and months are left out on purpose: how long they are depends on when they begin. Pure: no I/O, no clock.
"""

import re
from datetime import timedelta
from typing import Final

PATTERN: Final = (
    r"^P(?:[0-9]{1,3}W|[0-9]{1,4}D|(?:[0-9]{1,4}D)?T"
    r"(?:[0-9]{1,5}H(?:[0-9]{1,7}M)?(?:[0-9]{1,9}S)?|[0-9]{1,7}M(?:[0-9]{1,9}S)?|[0-9]{1,9}S))$"
)
"""A regular expression that every language reads alike: `P90D`, `P2W`, `P1DT12H`, `PT36H`, `PT1H30M`."""

LONGEST: Final = timedelta(days=3660)
"""Ten years, and as many leap days as they can have: what is longer was mistyped."""

_UNITS: Final = {"W": "weeks", "D": "days", "H": "hours", "M": "minutes", "S": "seconds"}


class MalformedDurationError(ValueError):
    """The text is no span of time that has one length."""


def parse_duration(text: str) -> timedelta:
    """The span that a text such as `P90D` says, which may be zero. Raises `MalformedDurationError`."""
    if not re.fullmatch(PATTERN, text, re.ASCII):
        raise MalformedDurationError(text)
    return timedelta(**{_UNITS[unit]: int(count) for count, unit in re.findall(r"([0-9]+)([WDHMS])", text)})


def written_duration(span: timedelta) -> str:
    """The text of a span of whole seconds, of days and what is left of them: 36 hours are `P1DT12H`."""
    minutes, seconds = divmod(span.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days = f"{span.days}D" if span.days else ""
    rest = "".join(f"{count}{unit}" for count, unit in ((hours, "H"), (minutes, "M"), (seconds, "S")) if count)
    return f"P{days}{'T' + rest if rest else ''}" if days or rest else "PT0S"
