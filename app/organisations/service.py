"""Use cases of organisations."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.identifiers import new_id
from app.events import service as events
from app.events.event_types import AuditType
from app.http.errors import NotFound, PreconditionFailed
from app.http.preconditions import require_match
from app.organisations import repository
from app.organisations.schemas import CreateOrganisation, Organisation, UpdateOrganisation
from app.principal import Principal


async def create(connection: AsyncConnection, caller: Principal | None, body: CreateOrganisation) -> Organisation:
    """Create an organisation; without a caller it is the command line that does."""
    row = await repository.create(connection, {"id": new_id(), **body.model_dump(mode="json")})
    await events.record_audit(connection, AuditType.ORGANISATION_CREATED, row.id, caller, {"name": row.name})
    return _organisation(row)


async def get(connection: AsyncConnection, organisation_id: UUID) -> Organisation:
    """Return an organisation; raises NotFound."""
    row = await repository.find(connection, organisation_id)
    if row is None:
        raise _not_found(organisation_id)
    return _organisation(row)


async def page(connection: AsyncConnection, after: UUID | None, limit: int) -> Sequence[Organisation]:
    """Return up to `limit` organisations after the id `after`."""
    return [_organisation(row) for row in await repository.page(connection, after=after, limit=limit)]


async def update(
    connection: AsyncConnection,
    caller: Principal,
    organisation_id: UUID,
    if_match: str | None,
    body: UpdateOrganisation,
) -> Organisation:
    """Change the given fields; raises NotFound, PreconditionRequired or PreconditionFailed."""
    current = await get(connection, organisation_id)
    require_match(if_match, etag(current))
    changed = body.model_dump(mode="json", include=body.model_fields_set)
    if not changed:
        return current
    row = await repository.change(connection, organisation_id, current.version, changed)
    if row is None:
        raise PreconditionFailed(PreconditionFailed.example_detail)
    await events.record_audit(
        connection, AuditType.ORGANISATION_UPDATED, organisation_id, caller, {"fields": [*sorted(changed)]}
    )
    return _organisation(row)


def etag(organisation: Organisation) -> str:
    """Return the strong ETag of an organisation."""
    return f'"{organisation.version}"'


def _organisation(row: Row[Any]) -> Organisation:
    return Organisation.model_validate(row._asdict())


def _not_found(organisation_id: UUID) -> NotFound:
    return NotFound(f"There is no organisation {organisation_id}.")
