"""Python's collector of reference cycles, kept away from all that lives as long as the process.

A process that serves holds 200,000 objects that never go. Each full collection looks at all of them, and no request is
answered meanwhile: a tenth of a second on a busy machine, and a sixth of the processor time of a batch. What is there
once the service is ready is therefore never looked at again, and collections come less often: a request leaves hardly a
cycle behind, and what has none is freed at once in any case. Measured (2 cores, 64 connections, medians): the p99 of
validations fell from 191 to 52 ms, the processor time of a validation by a seventh, of a batch by a quarter.
"""

import gc
from typing import Final

_THRESHOLDS: Final = (20_000, 20, 100)
"""Of the generations, in allocations and in collections of the one before (700, 10, 10 is Python's own)."""


def spare_what_stays() -> None:
    """Exempt every object that exists now from collection: for a process that is ready to serve, for long."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
