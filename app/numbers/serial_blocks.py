"""Serials that this process holds of one series: leased a block at a time, so that most numbers cost no query.

A block whose process ends is lost: its serials are a gap and nothing else. The database knows only how far a series is
leased; what is in use is what stands on orders.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple
from uuid import UUID

from app.numbers.check_characters import NUMBER_ALPHABET, CheckScheme
from app.numbers.format_patterns import FormatPattern
from app.numbers.serial_permutation import SerialPermutation

SERIALS_MAX: Final = 2**62
"""The most serials of any series: what is leased stays a bigint, however far the last lease overshoots."""

_PERMUTED_AT_ONCE: Final = 64
"""Serials that go through the permutation together: a single one costs ten times as much."""


@dataclass(frozen=True, slots=True)
class SeriesIdentity:
    """The key of a series; `period` as `FormatPattern.period` says it."""

    format_id: UUID
    version: int
    period: str


@dataclass(frozen=True, slots=True)
class SerialBlock:
    """Serials that are this process's alone, and the key of their series' permutation."""

    serials: range
    permutation_key: bytes


Lease = Callable[[int], Awaitable[SerialBlock | None]]
"""Leases about as many serials as are asked for, at least one; None when the series has none left."""


class BlockSizes(NamedTuple):
    """How many serials a block has, at least and at most."""

    least: int
    most: int


# Gaps between random numbers are invisible. In digits in order people see them: who draws a number now and then gets
# blocks of one, and no gap but that of an order that was refused.
RANDOM_BLOCKS: Final = BlockSizes(256, 2048)
DIGIT_BLOCKS: Final = BlockSizes(1, 256)

_SHORT_SECONDS: Final = 1.0
_LONG_SECONDS: Final = 10.0


def block_sizes(pattern: FormatPattern) -> BlockSizes:
    """Return how large the blocks of a format are."""
    return RANDOM_BLOCKS if pattern.is_random else DIGIT_BLOCKS


def next_block_size(size: int, seconds_lasted: float, sizes: BlockSizes) -> int:
    """Return the size of the block after one of `size`: twice that when it lasted under 1 s, the least after 10 s."""
    if seconds_lasted < _SHORT_SECONDS:
        return min(2 * size, sizes.most)
    return sizes.least if seconds_lasted > _LONG_SECONDS else size


def series_capacity(pattern: FormatPattern) -> int:
    """Return how many serials a series of the format has."""
    return min(pattern.serial_capacity, SERIALS_MAX)


def numbers_of(pattern: FormatPattern, serials: int) -> int:
    """Return how many numbers so many serials of the format give: an estimate where check characters skip some."""
    return serials * len(NUMBER_ALPHABET) // 37 if pattern.check_scheme is CheckScheme.MOD_37_2 else serials


def nearly_full_at(pattern: FormatPattern) -> int:
    """Return the serial with which so much of a series is in use that its owner is told: four fifths."""
    return -(-series_capacity(pattern) * 4 // 5)


class SerialSeries:
    """One series as this process sees it. However many ask at once, one lease is under way, and it is for all."""

    def __init__(self, pattern: FormatPattern, lease: Lease, clock: Callable[[], float] = time.monotonic) -> None:
        self._pattern = pattern
        self._lease = lease
        self._clock = clock
        self._sizes = block_sizes(pattern)
        self._block_size = self._sizes.least
        self._leased_at: float | None = None
        self._leasing: asyncio.Task[None] | None = None
        self._awaited = 0
        self._blocks: deque[range] = deque()
        self._texts: deque[str] = deque()
        self._permutation: SerialPermutation | None = None
        self._exhausted = False

    async def take(self, count: int, expected: int) -> list[str]:
        """Return the texts of the next `count` serials; fewer, or none, when the series ends.

        `expected` is how many the caller will take in all: a batch that takes slice by slice costs one lease.
        Raises TemporarilyUnavailable when a lease is needed and the database is out of reach.
        """
        if self._held() < count and not self._exhausted:
            await self._hold(count, max(count, expected))
        return self._taken(count)

    async def _hold(self, count: int, expected: int) -> None:
        self._awaited += expected
        try:
            while self._held() < count and not self._exhausted:
                if self._leasing is None:
                    self._leasing = asyncio.create_task(self._lease_block())
                # A task of its own, shared: who gives up takes the lease from nobody, and a database that is away
                # fails all who wait at once rather than one after the other.
                await asyncio.shield(self._leasing)
        finally:
            self._awaited -= expected

    async def _lease_block(self) -> None:
        try:
            now = self._clock()
            if self._leased_at is not None:
                self._block_size = next_block_size(self._block_size, now - self._leased_at, self._sizes)
            block = await self._lease(max(self._block_size, self._awaited - self._held()))
            self._leased_at = now
        finally:
            self._leasing = None
        if block is None:
            self._exhausted = True
            return
        self._blocks.append(block.serials)
        if self._pattern.is_random and self._permutation is None:
            self._permutation = SerialPermutation(block.permutation_key, self._pattern.serial_width)

    def _held(self) -> int:
        return len(self._texts) + sum(map(len, self._blocks))

    def _taken(self, count: int) -> list[str]:
        if len(self._texts) < count:
            serials = self._next_serials(max(count - len(self._texts), _PERMUTED_AT_ONCE))
            self._texts.extend(serial_texts(self._pattern, self._permutation, serials))
        return [self._texts.popleft() for _ in range(min(count, len(self._texts)))]

    def _next_serials(self, count: int) -> list[int]:
        serials: list[int] = []
        while self._blocks and len(serials) < count:
            block = self._blocks.popleft()
            part = block[: count - len(serials)]
            serials.extend(part)
            if len(part) < len(block):
                self._blocks.appendleft(block[len(part) :])
        return serials


def serial_texts(
    pattern: FormatPattern, permutation: SerialPermutation | None, serials: Sequence[int]
) -> Sequence[str]:
    """Return the texts of serials: through the permutation of a `{random}` format, otherwise in digits.

    Digits count as people do: the first serial is 1, and all zeros come last.
    """
    if permutation is not None:
        return permutation.texts(serials)
    return [pattern.serial_digits((serial + 1) % pattern.serial_capacity) for serial in serials]
