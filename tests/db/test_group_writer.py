"""What is noted is written a moment later, in groups, and not lost while the database is away for a while."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from app.db import group_writer
from app.db.group_writer import GroupWriter
from app.db.session import Database
from app.errors import TemporarilyUnavailable


class Written:
    """Remembers the groups that it was given; fails as often as it is told."""

    def __init__(self, *faults: Exception) -> None:
        self.groups: list[list[int]] = []
        self._faults = list(faults)

    async def __call__(self, _: Any, items: Sequence[int]) -> None:
        if self._faults:
            raise self._faults.pop(0)
        self.groups.append(list(items))

    @property
    def items(self) -> list[int]:
        return [item for group in self.groups for item in group]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_writer, "SECONDS_BETWEEN_GROUPS", 0.01)
    monkeypatch.setattr(group_writer, "_SECONDS_AFTER_A_FAILURE", 0.02)


async def until_written(written: Written, count: int) -> None:
    async with asyncio.timeout(5):
        while len(written.items) < count:
            await asyncio.sleep(0.005)


async def test_notes_of_a_moment_are_written_together_and_once(database: Database) -> None:
    written = Written()
    writer = GroupWriter(database, written, name="test")
    for item in range(100):
        writer.note(item)
    await until_written(written, 100)
    for item in range(100, 150):
        writer.note(item)
    await until_written(written, 150)
    await asyncio.sleep(0.05)
    assert written.groups == [list(range(100)), list(range(100, 150))]


async def test_notes_wait_for_the_database_and_keep_their_order(database: Database) -> None:
    written = Written(TemporarilyUnavailable(), TemporarilyUnavailable())
    writer = GroupWriter(database, written, name="test")
    writer.note(1)
    await asyncio.sleep(0.02)
    writer.note(2)
    await until_written(written, 2)
    assert written.items == [1, 2]


async def test_a_group_that_cannot_be_written_does_not_hold_up_the_next(database: Database) -> None:
    written = Written(ValueError("poison"))
    writer = GroupWriter(database, written, name="test")
    writer.note(1)
    await asyncio.sleep(0.1)
    writer.note(2)
    await until_written(written, 1)
    assert written.items == [2]


async def test_an_orderly_stop_writes_what_is_left(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_writer, "SECONDS_BETWEEN_GROUPS", 60)
    written = Written()
    writer = GroupWriter(database, written, name="test")
    for item in range(5_000):
        writer.note(item)
    await writer.close()
    assert written.items == list(range(5_000))


async def test_a_stop_does_not_wait_for_a_database_that_is_away(database: Database) -> None:
    written = Written(*[TemporarilyUnavailable()] * 100)
    writer = GroupWriter(database, written, name="test")
    writer.note(1)
    async with asyncio.timeout(2):
        await writer.close()
    assert written.items == []


async def test_more_than_can_be_kept_is_dropped_and_counted(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_writer, "_CAPACITY", 10)
    lost = group_writer.NOTES_LOST.labels("test_full")
    written = Written()
    writer = GroupWriter(database, written, name="test_full")
    for item in range(25):
        writer.note(item)
    assert lost._value.get() == 15
    await writer.close()
    assert written.items == list(range(10))
