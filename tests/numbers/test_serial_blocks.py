import asyncio

import pytest

from app.numbers.format_patterns import FormatPattern
from app.numbers.serial_blocks import (
    DIGIT_BLOCKS,
    RANDOM_BLOCKS,
    BlockSizes,
    SerialBlock,
    SerialSeries,
    block_sizes,
    next_block_size,
    serial_texts,
    series_capacity,
)

DIGITS = FormatPattern.parse("AB-{serial:3}")
RANDOM = FormatPattern.parse("AB-{random:9}")


class Lender:
    """Leases serials as the database does, and remembers how many were asked for."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._next = 0
        self.asked: list[int] = []

    async def lease(self, count: int) -> SerialBlock | None:
        self.asked.append(count)
        await asyncio.sleep(0)
        if self._next >= self._capacity:
            return None
        first, self._next = self._next, self._next + count
        return SerialBlock(range(first, min(first + count, self._capacity)), bytes(32))


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.mark.parametrize(
    ("size", "seconds", "following"),
    [(4, 0.5, 8), (6, 0.5, 10), (10, 0.5, 10), (4, 1, 4), (4, 10, 4), (4, 11, 2), (2, 0, 4)],
)
def test_a_block_follows_demand(size: int, seconds: float, following: int) -> None:
    assert next_block_size(size, seconds, BlockSizes(2, 10)) == following


def test_digits_in_order_come_one_by_one_at_first_and_random_ones_in_large_blocks() -> None:
    assert block_sizes(DIGITS) == DIGIT_BLOCKS == BlockSizes(1, 256)
    assert block_sizes(RANDOM) == RANDOM_BLOCKS == BlockSizes(256, 2048)


def test_a_series_has_no_more_serials_than_its_column_can_count() -> None:
    assert series_capacity(DIGITS) == 1_000
    assert series_capacity(FormatPattern.parse("AB{random:16}")) == 2**62


async def test_who_draws_now_and_then_holds_no_serial_beyond_the_one_drawn() -> None:
    lender, clock = Lender(1_000), Clock()
    series = SerialSeries(DIGITS, lender.lease, clock)
    for serial in range(5):
        clock.seconds += 60
        assert await series.take(1, 1) == [f"{serial + 1:03d}"]
    assert lender.asked == [1] * 5


async def test_blocks_grow_while_they_last_no_longer_than_a_moment() -> None:
    lender = Lender(1_000)
    series = SerialSeries(DIGITS, lender.lease, Clock())
    taken = [text for _ in range(300) for text in await series.take(1, 1)]
    assert taken == [f"{serial:03d}" for serial in range(1, 301)]
    assert lender.asked == [1, 2, 4, 8, 16, 32, 64, 128, 256]


async def test_a_batch_that_is_taken_in_slices_costs_one_lease() -> None:
    lender = Lender(1_000)
    series = SerialSeries(DIGITS, lender.lease, Clock())
    slices = [await series.take(100, expected) for expected in (300, 200, 100)]
    assert [len(part) for part in slices] == [100, 100, 100]
    assert lender.asked == [300]


async def test_many_who_wait_for_serials_wait_for_one_lease() -> None:
    lender = Lender(30**9)
    series = SerialSeries(RANDOM, lender.lease, Clock())
    taken = await asyncio.gather(*(series.take(1, 1) for _ in range(64)))
    assert len({text for (text,) in taken}) == 64
    assert lender.asked == [256]


async def test_a_lease_is_for_all_who_wait_for_it() -> None:
    lender = Lender(1_000)
    series = SerialSeries(DIGITS, lender.lease, Clock())
    taken = await asyncio.gather(*(series.take(2, 2) for _ in range(40)))
    assert len({text for texts in taken for text in texts}) == 80
    # The task of a lease starts when all have asked, so that one is enough.
    assert lender.asked == [80]


async def test_who_gives_up_waiting_takes_the_lease_from_nobody() -> None:
    lender = Lender(1_000)
    series = SerialSeries(DIGITS, lender.lease, Clock())
    impatient, patient = (asyncio.create_task(series.take(1, 1)) for _ in range(2))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == ["001"]
    assert impatient.cancelled()
    assert len(lender.asked) == 1


async def test_a_series_gives_what_is_left_and_then_nothing_without_asking_again() -> None:
    lender = Lender(10)
    series = SerialSeries(DIGITS, lender.lease, Clock())
    assert len(await series.take(8, 8)) == 8
    assert await series.take(5, 5) == ["009", "010"]
    asked = len(lender.asked)
    assert await series.take(1, 1) == []
    assert len(lender.asked) == asked


async def test_a_lease_that_fails_fails_for_all_who_wait_and_loses_no_serial() -> None:
    lender, attempts = Lender(100), 0

    async def lease(count: int) -> SerialBlock | None:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            await asyncio.sleep(0)
            raise ConnectionError
        return await lender.lease(count)

    series = SerialSeries(DIGITS, lease, Clock())
    outcomes = await asyncio.gather(*(series.take(1, 1) for _ in range(20)), return_exceptions=True)
    assert all(isinstance(outcome, ConnectionError) for outcome in outcomes)
    assert attempts == 1
    assert await series.take(1, 1) == ["001"]


async def test_random_texts_differ_across_blocks_and_chunks() -> None:
    series = SerialSeries(RANDOM, Lender(30**9).lease, Clock())
    taken = [text for count in (1, 63, 64, 200, 5, 700) for text in await series.take(count, count)]
    assert len(set(taken)) == 1_033


def test_people_count_from_one_and_all_zeros_come_last() -> None:
    shown = serial_texts(DIGITS, None, range(1_000))
    assert shown[:2] == ["001", "002"]
    assert shown[-2:] == ["999", "000"]
    assert len(set(shown)) == 1_000
