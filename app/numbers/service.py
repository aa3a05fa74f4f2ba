"""Use cases of number formats, and what a text alone says about itself."""

import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import UUID

from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import clock
from app.db.identifiers import new_id
from app.errors import InvalidRequest
from app.events import service as events
from app.events.event_types import AuditType
from app.http.errors import NotFound
from app.numbers import repository
from app.numbers.allowed_values import AllowedValues, faults, require_allowed
from app.numbers.default_format import DEFAULT_PATTERN
from app.numbers.errors import ComponentsDoNotFit, InvalidPattern, PrefixTaken, UnknownNumberFormat
from app.numbers.format_grammar import NUMBER_LENGTH_MAX, PREFIX_KEY_LENGTH_MAX, PREFIX_KEY_LENGTH_MIN, PatternError
from app.numbers.format_patterns import ComponentError, FormatPattern
from app.numbers.number_keys import MalformedNumber, candidate_keys
from app.numbers.repository import StoredFormat
from app.numbers.schemas import (
    AllowedComponents,
    CheckResult,
    CreateNumberFormat,
    MatchingFormat,
    NumberFormat,
    NumberFormatPreview,
    NumberFormatVersion,
    NumberVerification,
    PreviewNumberFormat,
)
from app.numbers.serial_blocks import numbers_of, serial_texts, series_capacity
from app.numbers.serial_permutation import SerialPermutation
from app.principal import Principal

_SAMPLES: Final = 10
_SERIALS_TRIED: Final = 64  # of a {random} format, since about 7 in 37 give no number


async def create(connection: AsyncConnection, caller: Principal, body: CreateNumberFormat) -> NumberFormat:
    """Create a format of the caller's organisation; raises InvalidPattern or PrefixTaken."""
    pattern = parsed(body.pattern)
    if body.gapless:
        require_digits(pattern, ["body", "gapless"])
    allowed = stored_values(pattern, body.allowed_values)
    await repository.serialise_creation(connection)
    if await repository.has_conflicting_prefix(connection, pattern.prefix_key):
        raise PrefixTaken(
            f"The prefix {pattern.prefix} begins another format's prefix, or another format's prefix begins it."
        )
    format_id = new_id()
    values = {
        "id": format_id,
        "organisation_id": caller.organisation_id,
        "name": body.name,
        "prefix_key": pattern.prefix_key,
        "gapless": body.gapless,
    }
    await repository.create(connection, values, str(pattern), allowed)
    await events.record_audit(
        connection,
        AuditType.NUMBER_FORMAT_CREATED,
        caller.organisation_id,
        caller,
        {
            "format_id": str(format_id),
            "name": body.name,
            "pattern": str(pattern),
            "gapless": body.gapless,
            "allowed_values": allowed,
        },
    )
    return await get(connection, caller, format_id)


async def get(connection: AsyncConnection, caller: Principal, format_id: UUID) -> NumberFormat:
    """Return one of the caller's formats or the default one; raises NotFound."""
    found = await repository.find_in_force(connection, caller.organisation_id, [format_id])
    if not found:
        raise NotFound(f"There is no number format {format_id} that this organisation may use.")
    return _number_format(found[0], await repository.versions_of(connection, [format_id]))


async def require_usable(
    connection: AsyncConnection, caller: Principal, format_id: UUID, place: Sequence[str | int]
) -> None:
    """Raise UnknownNumberFormat, at `place`, for a format that is neither the caller's nor the default one."""
    if not await repository.find_in_force(connection, caller.organisation_id, [format_id]):
        raise UnknownNumberFormat.at(place, format_id)


async def page(
    connection: AsyncConnection, caller: Principal, after: UUID | None, limit: int
) -> Sequence[NumberFormat]:
    """Return up to `limit` formats, the default one first, after the id `after`."""
    found = await repository.page(connection, caller.organisation_id, after=after, limit=limit)
    versions = await repository.versions_of(connection, [stored.id for stored in found])
    return [_number_format(stored, versions) for stored in found]


async def preview(connection: AsyncConnection, body: PreviewNumberFormat) -> NumberFormatPreview:
    """Return what numbers of a pattern look like; raises InvalidPattern or ComponentsDoNotFit."""
    pattern = parsed(body.pattern)
    allowed = stored_values(pattern, body.allowed_values) or {}
    components = {
        name: getattr(body, name) or (allowed[name][0] if name in allowed else "X" * width)
        for name, width in pattern.components.items()
    }
    try:
        require_allowed(pattern, components, allowed)
    except ComponentError as error:
        raise ComponentsDoNotFit.at(["body"], error) from None
    moment = await clock.now(connection)
    return NumberFormatPreview(
        **_properties(pattern, allowed),
        samples=_samples(pattern, components, moment),
        prefix_available=not await repository.has_conflicting_prefix(connection, pattern.prefix_key),
    )


async def verify(connection: AsyncConnection, caller: Principal, text: str) -> NumberVerification:
    """Return what a text says about itself; formats of others are counted, but not named."""
    try:
        keys = candidate_keys(text)
    except MalformedNumber as error:
        return NumberVerification(input=text, number_key=None, well_formed=False, formats=[], detail=str(error))
    known = await _known_formats(connection, keys)
    # The reading that a format writes comes first, then one that has a format's shape, then the likeliest.
    key = min(keys, key=lambda key: _RANKS.index(_check(known, key)))
    check = _check(known, key)
    named = [found for found in _shaped_like(known, key) if found.organisation_id in {None, caller.organisation_id}]
    whose = f"the format {named[0].name}" if named else "another organisation's format"
    return NumberVerification(
        input=text,
        number_key=key,
        well_formed=None if check is None else check is not CheckResult.FAILED,
        formats=[_matching_format(found, key) for found in named],
        detail=_SENTENCES[check].format(whose=whose),
    )


async def reserved_keys(connection: AsyncConnection, keys: Collection[str]) -> frozenset[str]:
    """Return those of the keys that a format of any organisation writes, check character included."""
    known = await _known_formats(connection, keys)
    return frozenset(key for key in keys if _check(known, key) in {CheckResult.PASSED, CheckResult.NONE})


async def misread_keys(connection: AsyncConnection, keys: Collection[str]) -> frozenset[str]:
    """Return those of the keys that have the shape of a format of any organisation, but fail its check character."""
    known = await _known_formats(connection, keys)
    return frozenset(key for key in keys if _check(known, key) is CheckResult.FAILED)


def looks_issued(keys: Sequence[str]) -> bool | None:
    """Return what a text that may mean `keys` says about itself while no database can be asked.

    True: it has the default format's shape and passes its check. False: it has that shape and fails. None: it may be a
    number of another format, or one that was issued elsewhere.
    """
    if any(DEFAULT_PATTERN.verifies(key) for key in keys):
        return True
    return False if any(DEFAULT_PATTERN.matches(key) for key in keys) else None


def parsed(pattern: str) -> FormatPattern:
    """Return the format of a text; raises InvalidPattern."""
    try:
        return FormatPattern.parse(pattern)
    except PatternError as error:
        raise InvalidPattern.of(error) from None


def require_digits(pattern: FormatPattern, place: list[str | int]) -> None:
    """Raise InvalidRequest at `place` for a pattern whose numbers have no order in which a hole could be seen."""
    if pattern.is_random:
        raise InvalidRequest.at(place, "serial_needed", "A series without holes needs {serial:N}, digits in order")


def stored_values(pattern: FormatPattern, given: AllowedComponents | None) -> dict[str, Any] | None:
    """Return the values that components may have, or None for any; raises InvalidRequest for values that do not fit."""
    allowed = {} if given is None else given.model_dump(exclude_none=True)
    found: list[dict[str, JsonValue]] = [
        {
            "loc": ["body", "allowed_values", fault.component, *([] if fault.position is None else [fault.position])],
            "code": fault.rule,
            "message": fault.sentence,
        }
        for fault in faults(pattern, allowed)
    ]
    if found:
        raise InvalidRequest.of(found)
    return allowed or None


def _samples(pattern: FormatPattern, components: Mapping[str, str], moment: datetime) -> list[str]:
    # The key is thrown away: samples must not foretell numbers that will be issued.
    permutation = SerialPermutation(secrets.token_bytes(32), pattern.serial_width) if pattern.is_random else None
    serials = range(min(_SERIALS_TRIED if pattern.is_random else _SAMPLES, pattern.serial_capacity))
    day = moment.astimezone(UTC).date()
    numbers = (
        pattern.render(text, components, day.year, day.month) for text in serial_texts(pattern, permutation, serials)
    )
    return [number for number in numbers if number is not None][:_SAMPLES]


def _number_format(stored: StoredFormat, versions: Sequence[StoredFormat]) -> NumberFormat:
    return NumberFormat(
        id=stored.id,
        organisation_id=stored.organisation_id,
        name=stored.name,
        version=stored.version,
        effective_from=stored.effective_from,
        created_at=stored.created_at,
        gapless=stored.gapless,
        planned=[_planned(version) for version in versions if _will_come(version, stored, versions)],
        **_properties(stored.pattern, stored.allowed_values),
    )


def _will_come(version: StoredFormat, in_force: StoredFormat, versions: Sequence[StoredFormat]) -> bool:
    """Whether a version follows the one in force, and no later one comes before it or with it."""
    return (
        version.id == in_force.id
        and version.version > in_force.version
        and not any(
            later.id == version.id
            and later.version > version.version
            and later.effective_from <= version.effective_from
            for later in versions
        )
    )


def _planned(stored: StoredFormat) -> NumberFormatVersion:
    properties = _properties(stored.pattern, stored.allowed_values)
    return NumberFormatVersion(
        version=stored.version,
        effective_from=stored.effective_from,
        **{name: properties[name] for name in ("pattern", "components", "capacity", "capacity_per")},
    )


def _properties(pattern: FormatPattern, allowed: AllowedValues | None) -> dict[str, Any]:
    return {
        "pattern": str(pattern),
        "prefix": pattern.prefix,
        "length": pattern.length,
        "components": [
            {"name": name, "width": width, "allowed_values": (allowed or {}).get(name)}
            for name, width in pattern.components.items()
        ],
        "check_scheme": pattern.check_scheme,
        "capacity": numbers_of(pattern, series_capacity(pattern)),
        "capacity_per": _PERIODS[len(pattern.period(date.min))],
    }


_PERIODS: Final = {len(""): None, len("2027"): "year", len("202701"): "month"}


def _matching_format(stored: StoredFormat, key: str) -> MatchingFormat:
    return MatchingFormat(
        id=stored.id,
        name=stored.name,
        version=stored.version,
        pattern=str(stored.pattern),
        check=_check_of(stored.pattern, key),
    )


_Known = Mapping[str, Sequence[StoredFormat]]
"""Formats by their prefix as it stands in keys."""


async def _known_formats(connection: AsyncConnection, keys: Iterable[str]) -> _Known:
    """Return the formats of any organisation that the keys may be numbers of."""
    prefixes = {prefix for key in keys for prefix in _prefixes(key)}
    known: dict[str, list[StoredFormat]] = {}
    if prefixes:
        for found in await repository.find_by_prefixes(connection, prefixes):
            known.setdefault(found.pattern.prefix_key, []).append(found)
    return known


def _prefixes(key: str) -> Iterable[str]:
    """Yield every beginning of a key that may be a format's prefix; none where the key is too long for any format."""
    if len(key) <= NUMBER_LENGTH_MAX:
        for length in range(PREFIX_KEY_LENGTH_MIN, min(PREFIX_KEY_LENGTH_MAX, len(key)) + 1):
            yield key[:length]


def _shaped_like(known: _Known, key: str) -> list[StoredFormat]:
    return [found for prefix in _prefixes(key) for found in known.get(prefix, ()) if found.pattern.matches(key)]


_RANKS: Final = (CheckResult.PASSED, CheckResult.NONE, CheckResult.FAILED, None)

_SENTENCES: Final = {
    CheckResult.PASSED: "The text has the shape of {whose}, and its check character is right.",
    CheckResult.NONE: "The text has the shape of {whose}, which has no check character.",
    CheckResult.FAILED: "The text has the shape of {whose}, but not its check character: something is mistyped.",
    None: "No number format has this shape: it can only be a number that was issued elsewhere.",
}


def _check(known: _Known, key: str) -> CheckResult | None:
    """Return the best that any format says about a key; None where none has its shape."""
    results = {_check_of(found.pattern, key) for found in _shaped_like(known, key)}
    return next(rank for rank in _RANKS if rank is None or rank in results)


def _check_of(pattern: FormatPattern, key: str) -> CheckResult:
    if pattern.check_scheme is None:
        return CheckResult.NONE
    return CheckResult.PASSED if pattern.verifies(key) else CheckResult.FAILED
