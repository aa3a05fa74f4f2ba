"""Keeps feeds for a limited time: what is older goes, oldest first, in small batches.

Each head says up to where its feed is kept no more, in the transaction of the deletion: who asks for what is gone is
told so. What happened to an order stays in its own timeline.
"""

import asyncio
from datetime import timedelta
from typing import Final

from app.db.session import Database
from app.feed import repository

_FEEDS_AT_ONCE: Final = 1_000
_ENTRIES_AT_ONCE: Final = 1_000
_SECONDS_BETWEEN_BATCHES: Final = 0.05


async def run_once(database: Database, kept_for: timedelta, batch: int = _ENTRIES_AT_ONCE) -> int:
    """Delete what is in any feed for longer than `kept_for`, and return how many entries went.

    Any number of workers may do this at once: each deletes what is still there.
    """
    deleted = 0
    while True:
        outgrown = await database.look(lambda connection: repository.outgrown(connection, kept_for, _FEEDS_AT_ONCE))
        gone = 0
        for organisation_id in outgrown:
            gone += await database.change(
                lambda connection, feed=organisation_id: repository.trim(connection, feed, kept_for, batch)  # type: ignore[misc]  # bound at once
            )
        deleted += gone
        if not gone:
            return deleted
        await asyncio.sleep(_SECONDS_BETWEEN_BATCHES)
