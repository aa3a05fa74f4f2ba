"""SQL of organisations."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.statements import fetch
from app.organisations.models import OrganisationRow

_columns = OrganisationRow.__table__


async def create(connection: AsyncConnection, values: Mapping[str, Any]) -> Row[Any]:
    """Insert an organisation and return its row."""
    result = await connection.execute(
        insert(OrganisationRow)
        .values(version=1, created_at=func.now(), updated_at=func.now(), **values)
        .returning(_columns)
    )
    row: Row[Any] = result.one()
    return row


async def find(connection: AsyncConnection, organisation_id: UUID) -> Row[Any] | None:
    """Return an organisation's row, or None."""
    result = await connection.execute(select(_columns).where(OrganisationRow.id == organisation_id))
    return result.one_or_none()


async def find_all(connection: AsyncConnection, organisation_ids: Iterable[UUID]) -> Mapping[UUID, Row[Any]]:
    """Return the rows of those of the given organisations that exist."""
    result = await connection.execute(select(_columns).where(OrganisationRow.id.in_(list(organisation_ids))))
    return {row.id: row for row in result}


async def names(connection: AsyncConnection, organisation_ids: Iterable[UUID]) -> Mapping[UUID, str]:
    """Return the names of those of the given organisations that exist."""
    return {row["id"]: row["name"] for row in await fetch(connection, _NAMES, list(organisation_ids))}


_NAMES: Final = "SELECT id, name FROM organisations WHERE id = ANY($1::uuid[])"


async def page(connection: AsyncConnection, *, after: UUID | None, limit: int) -> Sequence[Row[Any]]:
    """Return up to `limit` organisations after the id `after`, oldest first."""
    query = select(_columns).order_by(OrganisationRow.id).limit(limit)
    if after is not None:
        query = query.where(OrganisationRow.id > after)
    return (await connection.execute(query)).all()


async def change(
    connection: AsyncConnection, organisation_id: UUID, version: int, values: Mapping[str, Any]
) -> Row[Any] | None:
    """Change an organisation that is still at `version` and return its new row; None when it has moved on."""
    result = await connection.execute(
        update(OrganisationRow)
        .where(OrganisationRow.id == organisation_id, OrganisationRow.version == version)
        .values(version=version + 1, updated_at=func.now(), **values)
        .returning(_columns)
    )
    row: Row[Any] | None = result.one_or_none()
    return row


async def exists_any(connection: AsyncConnection) -> bool:
    """Return whether there is any organisation yet."""
    return bool(await connection.scalar(select(select(OrganisationRow.id).exists())))
