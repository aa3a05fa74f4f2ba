"""A long computation shares the event loop with whoever waits at a gate."""

import asyncio
import itertools
from types import SimpleNamespace

import pytest

from app.db import pace
from app.db.pace import unhurried


@pytest.mark.parametrize(("seconds_an_item", "seen"), [(0.002, [1, 2, 3, 4, 5]), (0, [1, 1, 1, 1, 1])])
async def test_whenever_a_millisecond_of_work_is_done_everybody_else_has_a_turn(
    monkeypatch: pytest.MonkeyPatch, seconds_an_item: float, seen: list[int]
) -> None:
    turns, clock = 0, itertools.count(1, seconds_an_item)
    monkeypatch.setattr(pace, "time", SimpleNamespace(perf_counter=clock.__next__))

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    waiting = asyncio.create_task(others())
    found = [turns async for _ in unhurried(range(5))]
    waiting.cancel()
    assert found == seen
