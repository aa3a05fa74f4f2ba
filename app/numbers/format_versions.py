"""Use case of a format's versions: what its numbers look like from a moment on."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import InvalidRequest
from app.events import service as events
from app.events.event_types import AuditType
from app.http.errors import NotFound
from app.http.schemas import timestamp
from app.numbers import repository, service
from app.numbers.errors import ShapeTaken
from app.numbers.format_patterns import FormatPattern
from app.numbers.repository import StoredFormat
from app.numbers.schemas import CreateNumberFormatVersion, NumberFormat
from app.principal import Principal


async def add(
    connection: AsyncConnection, caller: Principal, format_id: UUID, body: CreateNumberFormatVersion
) -> NumberFormat:
    """Add a version to a format of the caller's organisation.

    Raises NotFound, InvalidPattern, InvalidRequest for another prefix, a moment that has passed or values that do not
    fit, and ShapeTaken where its numbers could be those of an earlier version.
    """
    await repository.serialise_creation(connection)
    versions = await repository.versions_of(connection, [format_id])
    if not versions or versions[0].organisation_id != caller.organisation_id:
        raise NotFound(f"There is no number format {format_id} of this organisation.")
    newest = versions[-1]
    if body.effective_from is not None and body.effective_from <= newest.read_at:
        raise InvalidRequest.at(
            ["body", "effective_from"],
            "in_the_past",
            f"`effective_from`, {timestamp(body.effective_from)}, has passed already; leave it out for now",
        )
    pattern = service.parsed(body.pattern)
    if pattern.prefix_key != newest.pattern.prefix_key:
        raise InvalidRequest.at(
            ["body", "pattern"],
            "prefix_changed",
            f"A format keeps its prefix, {newest.pattern.prefix}: create another format for another one",
        )
    if newest.gapless:
        service.require_digits(pattern, ["body", "pattern"])
    values: dict[str, Any] = {
        "format_id": format_id,
        "version": newest.version + 1,
        "pattern": str(pattern),
        "allowed_values": service.stored_values(pattern, body.allowed_values),
        "series_version": _series(versions, pattern),
    }
    await repository.create_version(connection, values, body.effective_from)
    data: dict[str, JsonValue] = {
        "format_id": str(format_id),
        "version": newest.version + 1,
        "pattern": str(pattern),
        "allowed_values": values["allowed_values"],
        "effective_from": timestamp(body.effective_from or newest.read_at),
    }
    await events.record_audit(connection, AuditType.NUMBER_FORMAT_VERSION_CREATED, caller.organisation_id, caller, data)
    return await service.get(connection, caller, format_id)


def _series(versions: Sequence[StoredFormat], pattern: FormatPattern) -> int | None:
    """Return the version whose series a pattern goes on with; None where it begins one of its own.

    A pattern that was in use goes on counting where it stopped; any other must not be able to write the same numbers.
    """
    for version in versions:
        if version.pattern == pattern:
            return version.series
    for version in versions:
        if version.pattern.overlaps(pattern):
            raise ShapeTaken(
                f"Numbers of {pattern} could be those of version {version.version}, {version.pattern}.",
                members={"version": version.version, "pattern": str(version.pattern)},
            )
    return None
