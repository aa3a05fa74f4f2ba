"""Carries out what a document says of what is there: changes (860), answers (855, 865), shipments (214, 856)."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import InvalidRequest, Problem
from app.exchange import acknowledging, amending, repository, ship_notices, tracking
from app.exchange.documents import Document, Kind, Refused
from app.principal import Principal


async def carry_out(
    connection: AsyncConnection, caller: Principal, import_id: UUID, document: Document
) -> "str | Problem":
    """Return what has become of a document, or the problem that it meets, which leaves nothing behind."""
    savepoint = await connection.begin_nested()
    try:
        outcome = await _carried_out(connection, caller, import_id, document)
    except Problem as problem:
        await savepoint.rollback()
        return problem
    except Refused as refused:
        await savepoint.rollback()
        return InvalidRequest.of(
            [{"loc": ["body", *place], "code": code, "message": message} for place, code, message in refused.faults]
        )
    await savepoint.commit()
    return outcome


async def _carried_out(connection: AsyncConnection, caller: Principal, import_id: UUID, document: Document) -> str:
    if document.fingerprint is not None and not await repository.claim(
        connection, caller.organisation_id, document.fingerprint, import_id
    ):
        return "unchanged"
    if document.kind is Kind.CHANGE:
        changed = await amending.amend(connection, caller, document)
    elif document.kind is Kind.TRACKING:
        changed = await tracking.track(connection, caller, document)
    elif document.kind is Kind.SHIP_NOTICE:
        changed = await ship_notices.notify(connection, caller, document)
    else:
        changed = await acknowledging.acknowledge(connection, caller, document)
    return "applied" if changed else "unchanged"
