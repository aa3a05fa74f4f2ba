"""When a delivery that failed is tried again: pure rules. No I/O, no clock, and chance comes in as an argument."""

from datetime import timedelta
from typing import Final

TRIED_FOR: Final = timedelta(days=3)
"""From the first attempt to the last; then the delivery has failed."""

DISABLED_AFTER: Final = timedelta(days=3)
"""An endpoint at which every attempt has failed for so long is called no more."""

JITTER: Final = 0.2
"""Part of a delay by which it is longer or shorter, so that what failed together does not come back together."""


def seconds_before_retry(failures: int, chance: float, pause: float = 0.0) -> float:
    """Return how long to wait after so many failures in a row, at least 1.

    `chance` lies between 0 and 1. `pause` is what the receiver asked for: it is never called sooner.
    """
    delay = _DELAYS[min(failures, len(_DELAYS)) - 1]
    return max(delay * (1 - JITTER + 2 * JITTER * chance), pause)


_DELAYS: Final = (
    *(5.0, 30.0, 120.0, 600.0, 1800.0),
    *(hours * 3600.0 for hours in (1, 2, 4, 6, 8, 12)),
)
"""Five attempts within the first quarter of an hour, then fewer and fewer: 16 in three days."""
