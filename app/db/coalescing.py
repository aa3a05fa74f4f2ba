"""Answers look-ups that are asked at the same time together: one query for all of them, and none waits for it to fill.

While a group is being looked up, those who ask meanwhile become the next one; with nobody else asking, a group is one.
So what many ask at once costs the database and this process a round trip and a statement for all of them, where each
had its own, and who asks alone waits for nothing.

Each of them is still alone where it matters. A group that fails is asked again one by one, so that what one asks can
hurt nobody else. Each has its own time, from when it asked; who gives up or hangs up before his group begins is left
out of it. And a group that takes long holds up nobody: the next one then goes on beside it.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar, cast

from app.errors import TemporarilyUnavailable

Asked = TypeVar("Asked")
Found = TypeVar("Found")

_SLOW_AFTER: Final = 0.02
"""Seconds that a group may take before the next one goes beside it: several times what a hundred look-ups take."""


@dataclass(slots=True, eq=False)
class _Waiting(Generic[Asked, Found]):
    asked: Asked
    found: "asyncio.Future[Found]"
    until: float
    is_gone: Callable[[], bool] | None


@dataclass(slots=True, eq=False)
class _Group(Generic[Asked, Found]):
    members: "list[_Waiting[Asked, Found]]"
    is_slow: bool = False


class Coalescer(Generic[Asked, Found]):
    """Groups what is asked of one event loop.

    `look_up` returns what it has found for each of a group, in order. Whoever gets no answer within `seconds` gets
    TemporarilyUnavailable. `most`: how many are asked at once; `beside`: how many groups at most, where they are slow.
    """

    def __init__(
        self,
        look_up: Callable[[Sequence[Asked]], Awaitable[Sequence[Found]]],
        *,
        seconds: float,
        most: int = 128,
        beside: int = 3,
    ) -> None:
        self._look_up = look_up
        self._seconds = seconds
        self._most = most
        self._beside = beside
        self._waiting: deque[_Waiting[Asked, Found]] = deque()
        self._groups: set[_Group[Asked, Found]] = set()
        self._at_work: set[asyncio.Task[None]] = set()
        self._alarm: asyncio.TimerHandle | None = None

    def ask(self, asked: Asked, *, is_gone: Callable[[], bool] | None = None) -> "asyncio.Future[Found]":
        """Return what will be found; cancel it to give up. `is_gone` tells whether anybody still waits for it."""
        loop = asyncio.get_running_loop()
        found: asyncio.Future[Found] = loop.create_future()
        self._waiting.append(_Waiting(asked, found, loop.time() + self._seconds, is_gone))
        if self._alarm is None:
            self._alarm = loop.call_at(self._waiting[0].until, self._give_up)
        self._begin()
        return found

    def _begin(self) -> None:
        """Have a group looked up, unless one is that is not slow: that one's end begins the next."""
        busy = sum(not group.is_slow for group in self._groups) + len(self._at_work) - len(self._groups)
        if self._waiting and not busy and len(self._at_work) < self._beside:
            # As a task: whoever asks in this turn of the event loop still comes along.
            self._at_work.add(asyncio.create_task(self._work()))

    async def _work(self) -> None:
        while members := self._next():
            group = _Group(members)
            self._groups.add(group)
            slow = asyncio.get_running_loop().call_later(_SLOW_AFTER, self._is_slow, group)
            try:
                await self._answer(members)
            finally:
                slow.cancel()
                self._groups.discard(group)
            if group.is_slow:
                # Another one has taken over meanwhile, or does now.
                break
        # At once, before anybody can ask: whoever does must see that nobody is at work.
        self._at_work.discard(cast("asyncio.Task[None]", asyncio.current_task()))
        self._begin()

    def _next(self) -> "list[_Waiting[Asked, Found]]":
        members: list[_Waiting[Asked, Found]] = []
        while self._waiting and len(members) < self._most:
            one = self._waiting.popleft()
            if one.found.done():
                continue
            if one.is_gone is not None and one.is_gone():
                one.found.cancel()
                continue
            members.append(one)
        return members

    def _is_slow(self, group: "_Group[Asked, Found]") -> None:
        group.is_slow = True
        self._begin()

    async def _answer(self, members: "Sequence[_Waiting[Asked, Found]]") -> None:
        try:
            found = await self._look_up([one.asked for one in members])
        except TemporarilyUnavailable as unavailable:
            # The database is out of reach: one by one it would be too.
            _fail(members, unavailable)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the fault of one, and nobody knows whose
            if len(members) == 1:
                _fail(members, error)
                return
            # Side by side: one of them may be the one that waits.
            await asyncio.gather(*(self._answer([one]) for one in members if not one.found.done()))
        else:
            for one, its in zip(members, found, strict=True):
                if not one.found.done():
                    one.found.set_result(its)

    def _give_up(self) -> None:
        """Tell those whose time is over, and wait for the next of the others."""
        loop = asyncio.get_running_loop()
        now, left = loop.time(), [one for one in self._everybody() if not one.found.done()]
        _fail([one for one in left if one.until <= now], TemporarilyUnavailable())
        coming = [one.until for one in left if one.until > now]
        self._alarm = loop.call_at(min(coming), self._give_up) if coming else None

    def _everybody(self) -> "list[_Waiting[Asked, Found]]":
        return [*self._waiting, *(one for group in self._groups for one in group.members)]


def _fail(members: "Sequence[_Waiting[Asked, Found]]", error: Exception) -> None:
    for one in members:
        if not one.found.done():
            one.found.set_exception(error)
