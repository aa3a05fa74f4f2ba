"""SQL of changes: an order's content, its revisions and what hangs on both."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from app.orders import repository
from app.orders.changes import PRODUCT
from app.orders.identity import Identity
from app.orders.lifecycle import OPEN
from app.orders.models import (
    PurchaseOrderForwarderRow,
    PurchaseOrderLineRow,
    PurchaseOrderRevisionRow,
    ReferenceClaimRow,
)
from app.orders.repository import Order, order_columns

_Line = PurchaseOrderLineRow
_Revision = PurchaseOrderRevisionRow


async def change(
    connection: AsyncConnection, order: Identity, version: int, values: Mapping[str, Any]
) -> Row[Any] | None:
    """Change columns of an order that still has this version, and return it; None where somebody was quicker."""
    result = await connection.execute(
        update(Order)
        .where(Order.number_key == order[0], Order.organisation_id == order[1], Order.version == version)
        .values(version=Order.version + 1, updated_at=func.now(), **values)
        .returning(*order_columns)
    )
    return result.one_or_none()


async def decline(connection: AsyncConnection, order: Identity, revision: int, reason: str | None) -> Row[Any] | None:
    """Take back a proposed revision and return the order; None where it is not proposed, or the order not open."""
    result = await connection.execute(
        update(Order)
        .where(
            Order.number_key == order[0],
            Order.organisation_id == order[1],
            Order.proposed_revision == revision,
            Order.status.in_([status.value for status in OPEN]),
        )
        .values(proposed_revision=None, version=Order.version + 1, updated_at=func.now())
        .returning(*order_columns)
    )
    row = result.one_or_none()
    if row is not None:
        await connection.execute(
            update(_Revision)
            .where(*_of(_Revision, order), _Revision.revision == revision)
            .values(declined_at=func.now(), decline_reason=reason)
        )
    return row


async def keep_current(connection: AsyncConnection, order: Mapping[str, Any], terms: Mapping[str, Any]) -> None:
    """Write what the revision says that an order's row holds, unless that was done before."""
    made_at = order["issued_at"] or order["created_at"]
    await connection.execute(
        postgresql.insert(_Revision)
        .values(
            number_key=order["number_key"],
            organisation_id=order["organisation_id"],
            revision=order["revision"],
            terms=dict(terms),
            created_at=made_at,
            current_from=made_at,
        )
        .on_conflict_do_nothing()
    )


async def insert_revision(
    connection: AsyncConnection, order: Identity, revision: int, terms: Mapping[str, Any], *, current: bool
) -> None:
    """Write what a new revision says, made now; `current`: the order says so from now on."""
    await connection.execute(
        insert(_Revision).values(
            number_key=order[0],
            organisation_id=order[1],
            revision=revision,
            terms=dict(terms),
            created_at=func.now(),
            current_from=func.now() if current else None,
        )
    )


async def make_current(connection: AsyncConnection, order: Identity, revision: int) -> None:
    """Note that an order says from now on what was proposed."""
    await connection.execute(
        update(_Revision).where(*_of(_Revision, order), _Revision.revision == revision).values(current_from=func.now())
    )


async def find_revision(connection: AsyncConnection, order: Identity, revision: int) -> Row[Any] | None:
    """Return a revision that was kept."""
    result = await connection.execute(
        select(_Revision.__table__).where(*_of(_Revision, order), _Revision.revision == revision)
    )
    return result.one_or_none()


async def revisions(
    connection: AsyncConnection,
    order: Identity,
    *,
    before: int | None,
    limit: int,
    only_current: bool,
    seller: UUID | None,
) -> Sequence[Row[Any]]:
    """Return up to `limit` revisions that were kept, below `before`, newest first.

    `only_current`: without those that the order never came to say. `seller`: those alone that name it as the seller.
    """
    query = select(_Revision.__table__).where(*_of(_Revision, order))
    if seller is not None:
        query = query.where(_Revision.terms["seller"]["organisation_id"].astext == str(seller))
    if only_current:
        query = query.where(_Revision.current_from.is_not(None))
    if before is not None:
        query = query.where(_Revision.revision < before)
    return (await connection.execute(query.order_by(_Revision.revision.desc()).limit(limit))).all()


async def lines_of_revisions(
    connection: AsyncConnection, order: Identity, revisions: Iterable[int]
) -> Mapping[int, list[Row[Any]]]:
    """Return the lines of an order's revisions, in their order."""
    found: dict[int, list[Row[Any]]] = {revision: [] for revision in revisions}
    result = await connection.execute(
        select(_Line.__table__)
        .where(*_of(_Line, order), _Line.revision.in_(list(found)))
        .order_by(_Line.revision, _Line.line)
    )
    for row in result:
        found[row.revision].append(row)
    return found


async def replace_lines(
    connection: AsyncConnection, order: Identity, revision: int, lines: Sequence[Mapping[str, Any]]
) -> None:
    """Write the lines of a revision in the place of those that it had."""
    await connection.execute(delete(_Line).where(*_of(_Line, order), _Line.revision == revision))
    await repository.insert_lines(connection, lines)


async def carry_received(connection: AsyncConnection, order: Identity, old: int, new: int) -> int:
    """Let what came in on the lines of one revision stand on those of another; return on how many lines that is.

    Postgres judges each line: none of which more has come in than the new revision orders, unless it orders no less
    than the old one, and none that is of another product.
    """
    before = aliased(_Line)
    result = await connection.execute(
        update(_Line)
        .where(
            *_of(_Line, order),
            _Line.revision == new,
            before.number_key == _Line.number_key,
            before.organisation_id == _Line.organisation_id,
            before.revision == old,
            before.line == _Line.line,
            before.received > 0,
            _Line.quantity >= func.least(before.received, before.quantity),
            *(getattr(_Line, name).is_not_distinct_from(getattr(before, name)) for name in PRODUCT),
        )
        .values(received=before.received)
        .returning(_Line.line)
    )
    return len(result.all())


async def replace_forwarders(connection: AsyncConnection, order: Mapping[str, Any]) -> None:
    """Write by whom an order is forwarded, in the place of those who were named."""
    forwarder = PurchaseOrderForwarderRow
    await connection.execute(delete(forwarder).where(*_of(forwarder, (order["number_key"], order["organisation_id"]))))
    await repository.insert_forwarders(connection, [order])


async def release_reference(connection: AsyncConnection, order: Identity, reference: str) -> None:
    """Give back the buyer's own order id that an order held."""
    claim = ReferenceClaimRow
    await connection.execute(
        delete(claim).where(
            claim.organisation_id == order[1], claim.reference == reference, claim.number_key == order[0]
        )
    )


def _of(table: Any, order: Identity) -> tuple[Any, Any]:
    return table.number_key == order[0], table.organisation_id == order[1]
