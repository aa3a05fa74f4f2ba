"""Rounds of background work: one after the other, for ever, and none that fails ends them."""

import asyncio
from collections.abc import Awaitable, Callable

from app.errors import TemporarilyUnavailable
from app.telemetry import logger

_log = logger(__name__)


async def for_ever(what: str, once: Callable[[], Awaitable[object]], pause: Callable[[], float]) -> None:
    """Do a round, pause for so many seconds, and so on until cancelled; a round that fails is logged and tried again.

    `what` is done, for the log: `relaying events`. `pause` is asked for after each round.
    """
    while True:
        try:
            await once()
        except TemporarilyUnavailable:
            _log.warning(f"{what} waits for the database")
        except Exception:  # noqa: BLE001 - one faulty round must not end the work
            _log.exception(f"{what} failed")
        await asyncio.sleep(pause())
