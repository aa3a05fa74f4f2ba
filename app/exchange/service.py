"""Use cases of imports: take a file in, and say how far it is."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import BinaryIO, Final
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.identifiers import new_id
from app.exchange import repository
from app.exchange.documents import ImportFormat
from app.exchange.errors import TooManyImports
from app.exchange.schemas import Import, ImportReport, ImportResult, Outcome
from app.http.errors import NotFound
from app.http.pagination import encode_cursor
from app.principal import Principal

OPEN_MAX: Final = 20
"""Imports of an organisation that are not finished: their files are kept until then."""

_PART_SIZE: Final = 512 * 1024
_RESULT_FIELDS: Final = (*("document", "line", "number", "reference", "outcome", "code", "reason", "errors", "notes"),)
_FIELDS: Final = (
    *("id", "status", "format", "dry_run", "size", "documents", "created", "applied", "unchanged", "refused", "fault"),
    *("created_at", "started_at", "finished_at"),
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a file is and how it is to be imported; `currency` is that of prices where the file names none."""

    form: ImportFormat
    size: int
    dry_run: bool
    currency: str | None


async def create(connection: AsyncConnection, caller: Principal, file: BinaryIO, wanted: Wanted) -> Import:
    """Keep a file, part by part, with the import that is to be made of it; raises TooManyImports."""
    open_ = await repository.count_open(connection, caller.organisation_id, OPEN_MAX)
    if open_ >= OPEN_MAX:
        # Two at once may both find a place: it only keeps files from piling up without end.
        raise TooManyImports(f"{open_} imports of this organisation are not finished.")
    file.seek(0)
    import_id, parts = new_id(), 0
    while content := file.read(_PART_SIZE):
        parts += 1
        await repository.insert_part(connection, import_id, parts, content)
    row = await repository.insert_import(
        connection,
        {
            "id": import_id,
            "organisation_id": caller.organisation_id,
            "key_id": caller.key_id,
            "scopes": sorted(caller.scopes),
            "format": wanted.form.value,
            "currency": wanted.currency,
            "dry_run": wanted.dry_run,
            "size": wanted.size,
            "parts": parts,
        },
    )
    return _shown(row, [], 0)


async def get(
    connection: AsyncConnection,
    caller: Principal,
    import_id: UUID,
    outcomes: Collection[Outcome],
    after: int,
    limit: int,
) -> Import:
    """Return an import of the caller's organisation with a page of its report; raises NotFound."""
    row = await repository.find(connection, import_id, caller.organisation_id)
    if row is None:
        raise NotFound(f"There is no import {import_id} of this organisation.")
    found = await repository.results(connection, import_id, outcomes, after, limit + 1)
    return _shown(row, [ImportResult(**{name: getattr(one, name) for name in _RESULT_FIELDS}) for one in found], limit)


def _shown(row: Row[object], found: list[ImportResult], limit: int) -> Import:
    shown = found[:limit]
    next_cursor = encode_cursor(str(shown[-1].document)) if len(found) > limit else None
    values = {name: getattr(row, name) for name in _FIELDS}
    return Import(**values, report=ImportReport(data=shown, next_cursor=next_cursor))
