"""Draws numbers: from serials that this process has leased, so that most cost no query."""

import asyncio
import secrets
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date
from typing import Final
from uuid import UUID

from cachetools import LRUCache
from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.session import Database
from app.errors import Problem, TemporarilyUnavailable
from app.events import service as events
from app.events.event_types import AuditType
from app.numbers import repository
from app.numbers.allowed_values import AllowedValues, require_allowed
from app.numbers.default_format import DEFAULT_FORMAT_ID, DEFAULT_FORMAT_VERSION, DEFAULT_PATTERN
from app.numbers.errors import ComponentsDoNotFit, NumberFormatExhausted, UnknownNumberFormat
from app.numbers.format_patterns import ComponentError, FormatPattern
from app.numbers.number_keys import number_key
from app.numbers.serial_blocks import (
    SerialBlock,
    SerialSeries,
    SeriesIdentity,
    nearly_full_at,
    numbers_of,
    serial_texts,
    series_capacity,
)

ISSUER_POOL_SIZE: Final = 2
"""Connections of a worker process for leasing serials, beside the pool for everything else."""

_SLICE: Final = 64
"""Numbers that are computed without a pause: 1 to 2 ms, which other requests wait for."""

_SERIES_HELD: Final = 10_000
"""Series of which blocks are held; the least used one beyond that is dropped, and its block is a gap."""

_PERMUTATION_KEY_BYTES: Final = 32

_SECONDS_FOR_A_LEASE: Final = 5.0


@dataclass(frozen=True, slots=True)
class WantedNumber:
    """A number to draw: of which format (None: the default), with the order's components by name.

    `place` is the way to the order in the request, for the problems' `loc`.
    """

    format_id: UUID | None
    components: Mapping[str, str]
    place: Sequence[str | int] = ("body",)


@dataclass(frozen=True, slots=True)
class DrawnNumber:
    """A number that nobody else is given, and the format that it was drawn from."""

    number: str
    number_key: str
    format_id: UUID
    format_version: int
    gapless: bool = False
    """Whether its series has no holes: where its order is not written, neither may the lease be."""


@dataclass(frozen=True, slots=True)
class _Format:
    """A format's version in force on a day, by the database's clock."""

    id: UUID
    version: int
    pattern: FormatPattern
    on: date
    organisation_id: UUID | None = None
    series: int = DEFAULT_FORMAT_VERSION
    gapless: bool = False
    allowed: AllowedValues = field(default_factory=dict)

    @property
    def identity(self) -> SeriesIdentity:
        """The series that its serials come from on its day."""
        return SeriesIdentity(self.id, self.series, self.pattern.period(self.on))


# It shows no period, so that its numbers can be drawn without asking the database for the day.
_DEFAULT = _Format(DEFAULT_FORMAT_ID, DEFAULT_FORMAT_VERSION, DEFAULT_PATTERN, date.min)


class NumberIssuer:
    """Draws numbers from blocks of serials that this process holds.

    `database` is the issuer's own: leases commit apart from the request that needs them, and must not wait for a
    connection that only requests waiting for a lease could give back.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._series: LRUCache[SeriesIdentity, SerialSeries] = LRUCache(maxsize=_SERIES_HELD)

    async def draw(
        self, connection: AsyncConnection, organisation_id: UUID, wanted: Sequence[WantedNumber]
    ) -> list[DrawnNumber | Problem]:
        """Draw a number, or say why not, for each of `wanted`, in order.

        A number that is drawn and not used is a gap. Problems: UnknownNumberFormat, ComponentsDoNotFit,
        NumberFormatExhausted. Raises TemporarilyUnavailable.
        """
        formats = await _formats_in_force(connection, organisation_id, wanted)
        outcomes: dict[int, DrawnNumber | Problem] = {}
        waiting: dict[UUID, deque[int]] = {}
        for position, want in enumerate(wanted):
            problem = _refusal(want, formats)
            if problem is not None:
                outcomes[position] = problem
            else:
                waiting.setdefault(want.format_id or DEFAULT_FORMAT_ID, deque()).append(position)
        # In one order everywhere: who holds one gapless series must not wait for another crosswise.
        for format_id, positions in sorted(waiting.items()):
            if formats[format_id].gapless:
                await _draw_gapless(connection, formats[format_id], wanted, positions, outcomes)
            else:
                await self._draw_from(formats[format_id], wanted, positions, outcomes)
        return [outcomes[position] for position in range(len(wanted))]

    async def draw_own(self, format_id: UUID, pattern: FormatPattern) -> str:
        """Draw a number of something else than an order, by a format of the service's own that shows no period.

        Its series is that of `format_id`, which no format of an organisation has. Raises NumberFormatExhausted and
        TemporarilyUnavailable.
        """
        outcomes: dict[int, DrawnNumber | Problem] = {}
        own = _Format(format_id, DEFAULT_FORMAT_VERSION, pattern, date.min)
        await self._draw_from(own, [WantedNumber(format_id, {})], deque([0]), outcomes)
        drawn = outcomes[0]
        if isinstance(drawn, Problem):
            raise drawn
        return drawn.number

    async def dispose(self) -> None:
        """Close the issuer's connections; the blocks that it holds are gaps."""
        await self._database.dispose()

    async def _draw_from(
        self,
        format_: _Format,
        wanted: Sequence[WantedNumber],
        waiting: deque[int],
        outcomes: dict[int, DrawnNumber | Problem],
    ) -> None:
        """Give the positions in `waiting` their numbers, in order."""
        pattern, day = format_.pattern, format_.on
        series = self._series_of(format_)
        while waiting:
            texts = await series.take(min(len(waiting), _SLICE), _expected_serials(pattern, len(waiting)))
            if not texts:
                outcomes.update(dict.fromkeys(waiting, _exhausted(format_)))
                return
            for text in texts:
                number = pattern.render(text, wanted[waiting[0]].components, day.year, day.month)
                # A serial whose check character lies outside the alphabet is skipped: the same order takes the next.
                if number is not None:
                    outcomes[waiting.popleft()] = DrawnNumber(number, number_key(number), format_.id, format_.version)
            if waiting:
                await asyncio.sleep(0)

    def _series_of(self, format_: _Format) -> SerialSeries:
        identity = format_.identity
        series = self._series.get(identity)
        if series is None:

            async def lease(count: int) -> SerialBlock | None:
                return await self._lease(format_, count)

            series = self._series[identity] = SerialSeries(format_.pattern, lease)
        return series

    async def _lease(self, format_: _Format, count: int) -> SerialBlock | None:
        try:
            # Given up in time: all who come later wait for a lease that is under way.
            return await self._database.change(
                lambda connection: _leased(connection, format_, count), seconds=_SECONDS_FOR_A_LEASE
            )
        except TemporarilyUnavailable:
            # A lease may have been committed all the same, but that is a gap: nothing is unknown of the order.
            raise TemporarilyUnavailable from None


async def _draw_gapless(
    connection: AsyncConnection,
    format_: _Format,
    wanted: Sequence[WantedNumber],
    waiting: deque[int],
    outcomes: dict[int, DrawnNumber | Problem],
) -> None:
    """Give the positions in `waiting` their numbers in the orders' own transaction: what it undoes was never taken.

    The series' row is held to its end, so nobody draws the next serial before it is known whether this one is used.
    """
    pattern, day = format_.pattern, format_.on
    block = await _leased(connection, format_, len(waiting))
    texts = [] if block is None else serial_texts(pattern, None, block.serials)
    for text in texts:
        number = pattern.render(text, wanted[waiting[0]].components, day.year, day.month)
        if number is None:
            raise LookupError(f"{pattern} skips serials, so its series cannot be gapless")
        position = waiting.popleft()
        outcomes[position] = DrawnNumber(number, number_key(number), format_.id, format_.version, gapless=True)
    outcomes.update(dict.fromkeys(waiting, _exhausted(format_)))


async def _leased(connection: AsyncConnection, format_: _Format, count: int) -> SerialBlock | None:
    """Lease serials in the running transaction; None where the series has none left.

    The lease with which the series is nearly full tells its owner so: there is one such lease.
    """
    identity, capacity = format_.identity, series_capacity(format_.pattern)
    block = await repository.lease_serials(connection, identity, count, capacity)
    if block is None:
        # The series is about to begin, or it has ended: then the second attempt finds nothing either.
        await repository.create_series(connection, identity, secrets.token_bytes(_PERMUTATION_KEY_BYTES))
        block = await repository.lease_serials(connection, identity, count, capacity)
    if block is not None and block.serials.start < nearly_full_at(format_.pattern) <= block.serials.start + count:
        await _announce(connection, format_, block.serials.stop)
    return block


async def _announce(connection: AsyncConnection, format_: _Format, leased: int) -> None:
    """Record that a format is nearly full; nobody is told of the default one, which is everybody's and very large."""
    if format_.organisation_id is None:
        return
    data: dict[str, JsonValue] = {
        "format_id": str(format_.id),
        "version": format_.version,
        "pattern": str(format_.pattern),
        "period": format_.identity.period or None,
        "capacity": numbers_of(format_.pattern, series_capacity(format_.pattern)),
        "used": numbers_of(format_.pattern, leased),
    }
    await events.record_audit(connection, AuditType.NUMBER_FORMAT_NEARLY_FULL, format_.organisation_id, None, data)


async def _formats_in_force(
    connection: AsyncConnection, organisation_id: UUID, wanted: Iterable[WantedNumber]
) -> dict[UUID, _Format]:
    """Return the wanted formats that the organisation may use; only the default one costs no query."""
    asked = {want.format_id for want in wanted if want.format_id is not None} - {DEFAULT_FORMAT_ID}
    formats = {DEFAULT_FORMAT_ID: _DEFAULT}
    if asked:
        for found in await repository.find_in_force(connection, organisation_id, asked):
            day = found.read_at.astimezone(UTC).date()
            formats[found.id] = _Format(
                found.id,
                found.version,
                found.pattern,
                day,
                found.organisation_id,
                found.series,
                found.gapless,
                found.allowed_values or {},
            )
    return formats


def _refusal(want: WantedNumber, formats: Mapping[UUID, _Format]) -> Problem | None:
    format_ = formats.get(want.format_id or DEFAULT_FORMAT_ID)
    if format_ is None:
        return UnknownNumberFormat.at(want.place, want.format_id or DEFAULT_FORMAT_ID)
    try:
        require_allowed(format_.pattern, want.components, format_.allowed)
    except ComponentError as error:
        return ComponentsDoNotFit.at(want.place, error)
    return None


def _expected_serials(pattern: FormatPattern, numbers: int) -> int:
    """Return about how many serials give so many numbers: 7 in 37 are skipped where the check is of MOD 37-2."""
    return numbers + numbers // 4 if pattern.is_random and pattern.check_scheme else numbers


def _exhausted(format_: _Format) -> NumberFormatExhausted:
    period = format_.pattern.period(format_.on)
    return NumberFormatExhausted(f"{format_.pattern} has no numbers left{f' in {period}' if period else ''}.")
