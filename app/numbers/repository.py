"""SQL of number formats and their series."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Self
from uuid import UUID

from sqlalchemy import ARRAY, Row, Select, Text, any_, func, insert, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.numbers.default_format import REGISTRY_ID
from app.numbers.format_patterns import FormatPattern
from app.numbers.models import NumberFormatRegistryRow, NumberFormatRow, NumberFormatVersionRow, NumberSeriesRow
from app.numbers.serial_blocks import SerialBlock, SeriesIdentity

_Format = NumberFormatRow
_Version = NumberFormatVersionRow
_Series = NumberSeriesRow


@dataclass(frozen=True, slots=True)
class StoredFormat:
    """One version of a format; `read_at` is the database's time when it was read."""

    id: UUID
    organisation_id: UUID | None
    name: str
    created_at: datetime
    version: int
    pattern: FormatPattern
    effective_from: datetime
    gapless: bool
    allowed_values: Mapping[str, Any] | None
    series_version: int | None
    read_at: datetime

    @property
    def series(self) -> int:
        """The version whose series its serials come from."""
        return self.version if self.series_version is None else self.series_version

    @classmethod
    def of(cls, row: Row[Any]) -> Self:
        """Return the format of a row of `_versions`."""
        return cls(**{**row._asdict(), "pattern": _parsed(row.pattern)})


async def find_in_force(
    connection: AsyncConnection, organisation_id: UUID, format_ids: Collection[UUID]
) -> list[StoredFormat]:
    """Return those of the given formats that the organisation may use, each with its version in force."""
    query = _in_force(organisation_id).where(_Format.id.in_(list(format_ids)))
    return [StoredFormat.of(row) for row in await connection.execute(query)]


async def page(
    connection: AsyncConnection, organisation_id: UUID, *, after: UUID | None, limit: int
) -> list[StoredFormat]:
    """Return up to `limit` formats that the organisation may use, after the id `after`, oldest first."""
    query = _in_force(organisation_id).order_by(_Format.id).limit(limit)
    if after is not None:
        query = query.where(_Format.id > after)
    return [StoredFormat.of(row) for row in await connection.execute(query)]


async def find_by_prefixes(connection: AsyncConnection, prefixes: Collection[str]) -> list[StoredFormat]:
    """Return every version of every format, of any organisation, whose prefix is one of `prefixes`."""
    query = _versions().where(_Format.prefix_key == any_(literal(list(prefixes), ARRAY(Text()))))
    return [StoredFormat.of(row) for row in await connection.execute(query.order_by(_Format.id, _Version.version))]


async def has_conflicting_prefix(connection: AsyncConnection, prefix_key: str) -> bool:
    """Return whether a format's prefix begins, or is begun by, this one."""
    conflicting = select(_Format.id).where(
        or_(
            func.starts_with(_Format.prefix_key, prefix_key),
            func.starts_with(literal(prefix_key), _Format.prefix_key),
        )
    )
    return bool(await connection.scalar(select(conflicting.exists())))


async def serialise_creation(connection: AsyncConnection) -> None:
    """Wait until no other transaction creates a format or version, and keep others waiting for the end of this one."""
    result = await connection.execute(
        update(NumberFormatRegistryRow)
        .where(NumberFormatRegistryRow.id == REGISTRY_ID)
        .values(formats_created=NumberFormatRegistryRow.formats_created + 1)
        .returning(NumberFormatRegistryRow.id)
    )
    # Without the row nothing would be serialised: better no format than two with one prefix.
    result.one()


async def create(
    connection: AsyncConnection, values: Mapping[str, Any], pattern: str, allowed_values: Mapping[str, Any] | None
) -> None:
    """Insert a format and its first version, in force from now on."""
    await connection.execute(insert(_Format).values(created_at=func.now(), **values))
    first = {"format_id": values["id"], "version": 1, "pattern": pattern, "allowed_values": allowed_values}
    await create_version(connection, first, None)


async def create_version(
    connection: AsyncConnection, values: Mapping[str, Any], effective_from: datetime | None
) -> None:
    """Insert a version of a format, in force from a moment on; None: from now on."""
    begins = func.now() if effective_from is None else effective_from
    await connection.execute(insert(_Version).values(effective_from=begins, created_at=func.now(), **values))


async def versions_of(connection: AsyncConnection, format_ids: Collection[UUID]) -> list[StoredFormat]:
    """Return every version of the formats, oldest first, whoever they belong to."""
    query = _versions().where(_Format.id.in_(list(format_ids))).order_by(_Format.id, _Version.version)
    return [StoredFormat.of(row) for row in await connection.execute(query)]


async def lease_serials(
    connection: AsyncConnection, series: SeriesIdentity, count: int, capacity: int
) -> SerialBlock | None:
    """Move a series on by `count` serials and return them; None: it does not exist yet, or has none left.

    The last lease of a series overshoots its `capacity`: only the serials below that are leased, so that one statement
    is enough for a last block of any size.
    """
    result = await connection.execute(
        update(_Series)
        .where(
            _Series.format_id == series.format_id,
            _Series.version == series.version,
            _Series.period == series.period,
            _Series.next_serial < capacity,
        )
        .values(next_serial=_Series.next_serial + count)
        .returning((_Series.next_serial - count).label("first"), _Series.permutation_key)
    )
    row = result.one_or_none()
    return None if row is None else SerialBlock(range(row.first, min(row.first + count, capacity)), row.permutation_key)


async def create_series(connection: AsyncConnection, series: SeriesIdentity, permutation_key: bytes) -> None:
    """Begin a series at its first serial, unless somebody has."""
    await connection.execute(
        postgres_insert(_Series)
        .values(
            format_id=series.format_id,
            version=series.version,
            period=series.period,
            next_serial=0,
            permutation_key=permutation_key,
        )
        .on_conflict_do_nothing()
    )


def _in_force(organisation_id: UUID) -> Select[*tuple[Any, ...]]:
    latest = (
        select(func.max(_Version.version))
        .where(_Version.format_id == _Format.id, _Version.effective_from <= func.now())
        .correlate(_Format)
        .scalar_subquery()
    )
    return _versions().where(
        _Version.version == latest,
        or_(_Format.organisation_id == organisation_id, _Format.organisation_id.is_(None)),
    )


def _versions() -> Select[*tuple[Any, ...]]:
    columns = select(
        _Format.id,
        _Format.organisation_id,
        _Format.name,
        _Format.created_at,
        _Version.version,
        _Version.pattern,
        _Version.effective_from,
        _Format.gapless,
        _Version.allowed_values,
        _Version.series_version,
        func.now().label("read_at"),
    )
    return columns.join_from(_Format, _Version, _Version.format_id == _Format.id)


@lru_cache(maxsize=4096)
def _parsed(pattern: str) -> FormatPattern:
    return FormatPattern.parse(pattern)
