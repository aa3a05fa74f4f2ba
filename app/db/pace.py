"""Lets a long computation share the event loop: a batch must not keep a gate waiting."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from typing import Final, TypeVar

Item = TypeVar("Item")

_SECONDS_AT_A_TIME: Final = 0.001


async def unhurried(items: Iterable[Item]) -> AsyncIterator[Item]:
    """Yield the items of a batch, and the event loop to others whenever a millisecond of work is done.

    By time, not by number: one item may hold 500 lines and another none.
    """
    # At once: whoever begins has mostly worked for as long already.
    due = 0.0
    for item in items:
        if time.perf_counter() >= due:
            await asyncio.sleep(0)
            due = time.perf_counter() + _SECONDS_AT_A_TIME
        yield item
