"""The limit on looking up numbers that are nobody's business: what keeps a key from guessing.

Counted per organisation, over all processes and hosts: each process counts for itself and adds its counts to the sum in
Postgres a moment later, so that no answer waits for it. Look-ups that meet an order which names the organisation are
never counted and never refused. In the first tenth of the limit nothing changes; then suggestions are withheld; from
half of it answers take longer; beyond it they are 429. An organisation that has met an order of its own within a day is
taken for a gate and has a higher limit: one bad manifest must not stop it.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property, lru_cache
from typing import Final
from uuid import UUID

import http_sf
from cachetools import LRUCache
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import look_up_counts
from app.db.group_writer import GroupWriter
from app.db.look_up_counts import WINDOW, Counted, Usage
from app.db.session import Database
from app.http.errors import TooManyLookUps

POLICY: Final = "look-ups"
_WINDOW_SECONDS: Final = int(WINDOW.total_seconds())
_GATE_FOR: Final = timedelta(days=1)
_RELATED_IS_NOTED_AGAIN_AFTER: Final = timedelta(hours=1)
_SUGGESTS_UNTIL: Final = 0.1
_SLOWS_FROM: Final = 0.5
_SLOWEST_SECONDS: Final = 1.0
_ORGANISATIONS_REMEMBERED: Final = 10_000


@dataclass(frozen=True)
class Allowance:
    """What an organisation may still look up of others: `used` of `limit` within the last hour.

    The hour slides: `before` look-ups of the clock hour that ended `seconds` ago count for what is left of it.
    """

    limit: int
    current: int
    before: int
    seconds: float

    @property
    def used(self) -> float:
        """Look-ups within the last hour, taken as evenly spread over the clock hour before this one."""
        return self.current + self.before * (1 - self.seconds / _WINDOW_SECONDS)

    @property
    def remaining(self) -> int:
        """How many more there may be now."""
        return max(0, int(self.limit - self.used))

    @property
    def suggests(self) -> bool:
        """Whether what may have been meant is still said."""
        return self.used < self.limit * _SUGGESTS_UNTIL

    @property
    def delay(self) -> float:
        """Seconds by which an answer about a number without relation is held back."""
        beyond = self.used - self.limit * _SLOWS_FROM
        return min(max(beyond / (self.limit * (1 - _SLOWS_FROM)), 0.0), 1.0) * _SLOWEST_SECONDS

    @property
    def retry_after(self) -> int:
        """Seconds until there is room for one more, 0 where there is."""
        if self.remaining:
            return 0
        window = _WINDOW_SECONDS
        if self.current < self.limit:
            free = window * (1 - (self.limit - 1 - self.current) / self.before) - self.seconds
        else:
            free = window - self.seconds + window * (1 - (self.limit - 1) / self.current)
        return max(1, int(free) + 1)

    def headers(self) -> dict[str, str]:
        """Return the header fields of draft-ietf-httpapi-ratelimit-headers-11; `t` is when the clock hour ends."""
        resets = max(1, _WINDOW_SECONDS - int(self.seconds))
        return dict(_headers(self.limit, self.remaining, self.retry_after or resets))

    @cached_property
    def header_lines(self) -> bytes:
        """The same as lines of an answer's head."""
        return "".join(f"{name}: {value}\r\n" for name, value in self.headers().items()).encode("ascii")

    def refusal(self) -> TooManyLookUps:
        """Return the problem for a look-up beyond the limit."""
        return TooManyLookUps(
            f"{self.limit} numbers without relation to the calling organisation were looked up within an hour.",
            headers={"Retry-After": str(self.retry_after), **self.headers()},
        )


@lru_cache(maxsize=64)
def _headers(limit: int, remaining: int, seconds: int) -> Mapping[str, str]:
    """Return the two fields; kept, as they change by the second and are sent thousands of times a second."""
    return {"RateLimit-Policy": _field(q=limit, w=_WINDOW_SECONDS), "RateLimit": _field(r=remaining, t=seconds)}


def _field(**parameters: int) -> str:
    """Return a structured field (RFC 9651): a list of the one policy with its parameters."""
    return http_sf.ser([(POLICY, dict(parameters))])  # type: ignore[list-item]  # the library takes more than it says


class LookUpLimiter:
    """Counts look-ups of this process, and knows the sums of all of them a moment later."""

    def __init__(self, database: Database, *, limit: int, limit_at_a_gate: int) -> None:
        self._limits = (limit, limit_at_a_gate)
        self._usage: LRUCache[UUID, Usage] = LRUCache(_ORGANISATIONS_REMEMBERED)
        self._sums: dict[UUID, Usage] = {}
        self._not_written: dict[UUID, int] = {}
        self._clock_offset = 0.0
        self._second = 0
        self._of_this_second: dict[UUID, Allowance] = {}
        self._writer: GroupWriter[Counted] = GroupWriter(
            database, self._write, name="look_up_counts", settled=self._settle
        )

    def allowance(self, organisation_id: UUID) -> Allowance:
        """Return what the organisation may still look up, as far as this process knows."""
        # An hour slides by the second, and within one a gate asks a thousand times.
        if self._second != (second := int(self._now())):
            self._second = second
            self._of_this_second.clear()
        allowance = self._of_this_second.get(organisation_id)
        if allowance is None:
            allowance = self._of_this_second[organisation_id] = self._allowance_now(organisation_id)
        return allowance

    def _allowance_now(self, organisation_id: UUID) -> Allowance:
        usage, pending = self._usage.get(organisation_id), self._not_written.get(organisation_id, 0)
        if usage is None:
            return Allowance(self._limits[False], pending, 0, 0)
        now = self._now()
        at_a_gate = usage.related_at is not None and now - usage.related_at.timestamp() < _GATE_FOR.total_seconds()
        passed, seconds = divmod(max(0.0, now - usage.window_start.timestamp()), _WINDOW_SECONDS)
        current, before = {0: (usage.unrelated, usage.unrelated_before), 1: (0, usage.unrelated)}.get(
            int(passed), (0, 0)
        )
        return Allowance(self._limits[at_a_gate], current + pending, before, seconds)

    def count(self, organisation_id: UUID, unrelated: int, *, related: bool) -> None:
        """Count look-ups; `related`: one of them met an order that names the organisation."""
        self.hold(organisation_id, unrelated)
        self.note(organisation_id, unrelated, related=related)

    def hold(self, organisation_id: UUID, unrelated: int) -> None:
        """Hold look-ups against the limit at once, here alone; `note` them when there are no more to come."""
        if unrelated:
            self._not_written[organisation_id] = self._not_written.get(organisation_id, 0) + unrelated
            self._of_this_second.pop(organisation_id, None)

    def note(self, organisation_id: UUID, unrelated: int, *, related: bool) -> None:
        """Have look-ups that are held written for all processes; `related` as above."""
        if unrelated or (related and self._is_news(organisation_id)):
            self._writer.note(Counted(organisation_id, unrelated, related))

    async def close(self) -> None:
        """Write what is not written yet."""
        await self._writer.close()

    def _is_news(self, organisation_id: UUID) -> bool:
        usage = self._usage.get(organisation_id)
        return (
            usage is None
            or usage.related_at is None
            or self._now() - usage.related_at.timestamp() > _RELATED_IS_NOTED_AGAIN_AFTER.total_seconds()
        )

    def _now(self) -> float:
        return asyncio.get_running_loop().time() + self._clock_offset

    async def _write(self, connection: AsyncConnection, group: Sequence[Counted]) -> None:
        sums: dict[UUID, Counted] = {}
        for one in group:
            earlier = sums.get(one.organisation_id, one)
            added = earlier.unrelated + one.unrelated if earlier is not one else one.unrelated
            sums[one.organisation_id] = Counted(one.organisation_id, added, earlier.related or one.related)
        for usage in await look_up_counts.add(connection, list(sums.values())):
            self._clock_offset = usage.now.timestamp() - asyncio.get_running_loop().time()
            self._sums[usage.organisation_id] = usage

    def _settle(self, group: Sequence[Counted]) -> None:
        """Hold here no longer what stands in the sums, at the very moment from which the sums are gone by."""
        self._of_this_second.clear()
        self._usage.update(self._sums)
        self._sums.clear()
        for one in group:
            left = self._not_written.get(one.organisation_id, 0) - one.unrelated
            self._not_written[one.organisation_id] = left
            if left <= 0:
                del self._not_written[one.organisation_id]


class LookUpAccount:
    """The look-ups of one request that asks about many numbers: held one by one, and noted at its end."""

    def __init__(self, look_ups: LookUpLimiter, organisation_id: UUID) -> None:
        self._look_ups = look_ups
        self._organisation_id = organisation_id
        self._unrelated = 0
        self._is_related = False

    @property
    def suggests(self) -> bool:
        """Whether what may have been meant is still said."""
        return self._look_ups.allowance(self._organisation_id).suggests

    def hold(self, *, free: bool, related: bool) -> None:
        """Hold an answer against the limit, unless it is free; raises TooManyLookUps."""
        if not free:
            allowance = self._look_ups.allowance(self._organisation_id)
            if not allowance.remaining:
                raise allowance.refusal()
            self._look_ups.hold(self._organisation_id, 1)
            self._unrelated += 1
        self._is_related = self._is_related or related

    async def settle(self) -> None:
        """Have what is held counted for all processes, and hold the answer back where there was much of it."""
        self._look_ups.note(self._organisation_id, self._unrelated, related=self._is_related)
        if self._unrelated:
            await asyncio.sleep(self._look_ups.allowance(self._organisation_id).delay)
