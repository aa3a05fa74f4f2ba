"""Lets a long computation share the event loop: a batch must not keep a gate waiting."""

import asyncio
from typing import Final

_STEPS: Final = 16
"""Items of a batch that are worked on without a pause; one with many lines takes about a millisecond."""


async def let_others_run(step: int) -> None:
    """Give the event loop to others now and then; `step` counts the items of a loop."""
    if step % _STEPS == _STEPS - 1:
        await asyncio.sleep(0)
