"""A long computation shares the event loop with whoever waits at a gate."""

import asyncio

from app.db.pace import unhurried


async def test_before_each_item_of_a_batch_everybody_else_has_had_a_turn() -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    waiting = asyncio.create_task(others())
    seen = [turns async for _ in unhurried(range(5))]
    waiting.cancel()
    assert seen == [1, 2, 3, 4, 5]
