"""Look-ups that are asked together: one query for all of them, and each alone where it matters."""

import asyncio
from collections.abc import Sequence

import pytest

from app.db.coalescing import Coalescer
from app.errors import TemporarilyUnavailable


class Looking:
    """Looks up numbers: finds their squares, fails for 13 and for what is out of reach, and waits for `open`."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.is_away = False

    async def look_up(self, asked: Sequence[int]) -> list[int]:
        self.groups.append(list(asked))
        if 13 in asked:
            raise ValueError("poison")
        await self.open.wait()
        if self.is_away:
            raise TemporarilyUnavailable
        return [one * one for one in asked]


@pytest.fixture
def looking() -> Looking:
    return Looking()


@pytest.fixture
def together(looking: Looking) -> Coalescer[int, int]:
    return Coalescer(looking.look_up, seconds=5)


async def test_those_who_ask_at_once_are_one_group_and_those_who_come_meanwhile_the_next(
    looking: Looking, together: Coalescer[int, int]
) -> None:
    looking.open.clear()
    first = [together.ask(number) for number in range(5)]
    await asyncio.sleep(0)
    second = [together.ask(number) for number in range(5, 9)]
    await asyncio.sleep(0.001)
    looking.open.set()
    assert await asyncio.gather(*first, *second) == [number * number for number in range(9)]
    assert looking.groups == [[0, 1, 2, 3, 4], [5, 6, 7, 8]]


async def test_who_asks_alone_waits_for_nobody(looking: Looking, together: Coalescer[int, int]) -> None:
    assert [await together.ask(number) for number in (2, 3)] == [4, 9]
    assert looking.groups == [[2], [3]]


async def test_poison_hurts_nobody_else(looking: Looking, together: Coalescer[int, int]) -> None:
    found = await asyncio.gather(*(together.ask(number) for number in (1, 13, 2)), return_exceptions=True)
    assert found[0] == 1
    assert isinstance(found[1], ValueError)
    assert found[2] == 4
    assert looking.groups == [[1, 13, 2], [1], [13], [2]]
    assert await together.ask(5) == 25


async def test_an_outage_is_not_asked_about_one_by_one(looking: Looking, together: Coalescer[int, int]) -> None:
    looking.is_away = True
    found = await asyncio.gather(*(together.ask(number) for number in (1, 2)), return_exceptions=True)
    assert [type(one) for one in found] == [TemporarilyUnavailable] * 2
    assert looking.groups == [[1, 2]]


async def test_each_has_its_own_time_and_the_others_are_answered_all_the_same(looking: Looking) -> None:
    together = Coalescer(looking.look_up, seconds=0.15)
    looking.open.clear()
    early = together.ask(1)
    await asyncio.sleep(0.1)
    late = together.ask(2)
    with pytest.raises(TemporarilyUnavailable):
        await early
    assert not late.done()
    looking.open.set()
    assert await late == 4


async def test_who_gives_up_or_hangs_up_before_his_group_begins_costs_nothing(
    looking: Looking, together: Coalescer[int, int]
) -> None:
    looking.open.clear()
    first = together.ask(1)
    await asyncio.sleep(0)
    waits, gives_up, hangs_up = together.ask(2), together.ask(3), together.ask(4, is_gone=lambda: True)
    gives_up.cancel()
    looking.open.set()
    assert [await first, await waits] == [1, 4]
    assert hangs_up.cancelled()
    assert looking.groups == [[1], [2]]


async def test_who_gives_up_while_his_group_is_looked_up_takes_nothing_from_the_others(
    looking: Looking, together: Coalescer[int, int]
) -> None:
    looking.open.clear()
    stays, leaves = together.ask(1), together.ask(2)
    await asyncio.sleep(0)
    leaves.cancel()
    looking.open.set()
    assert await stays == 1


async def test_a_slow_group_holds_up_nobody(looking: Looking, together: Coalescer[int, int]) -> None:
    looking.open.clear()
    slow = together.ask(1)
    await asyncio.sleep(0.05)
    looking.open, held = asyncio.Event(), looking.open
    looking.open.set()
    assert [await together.ask(number) for number in (2, 3)] == [4, 9]
    assert not slow.done()
    held.set()
    assert await slow == 1


async def test_a_group_has_an_end(looking: Looking) -> None:
    together = Coalescer(looking.look_up, seconds=5, most=3)
    assert await asyncio.gather(*(together.ask(number) for number in range(7))) == [n * n for n in range(7)]
    assert [len(group) for group in looking.groups] == [3, 3, 1]
