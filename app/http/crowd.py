"""Bounds how many requests of one kind are under way: beyond that 503, so that the others are answered in time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from app.errors import TemporarilyUnavailable

_SECONDS_BEFORE_REFUSAL: Final = 1.0
"""Who is refused at once and asks again at once, whatever `Retry-After` says, takes the time of those who are served:
measured, a gate that refused quickly answered a tenth of what it answers now."""


class Crowd:
    """Those who ask at this process at once, `most` of them.

    Without a bound, each of them waits until his answer comes too late for all.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._count = 0

    @asynccontextmanager
    async def joined(self) -> AsyncIterator[None]:
        """Be one of them for the block; raises TemporarilyUnavailable where there are too many."""
        if self.is_full:
            await asyncio.sleep(_SECONDS_BEFORE_REFUSAL)
            raise TemporarilyUnavailable("Too many ask at the same moment; nothing was carried out.")
        self.join()
        try:
            yield
        finally:
            self.leave()

    @property
    def is_full(self) -> bool:
        """Whether whoever comes now is one too many."""
        return self._count >= self._most

    def join(self) -> None:
        """Be one of them until `leave`, whether or not there are too many."""
        self._count += 1

    def leave(self) -> None:
        """Make room for another."""
        self._count -= 1
