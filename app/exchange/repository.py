"""SQL of imports, and of finding the orders that a file may mean."""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, and_, bindparam, delete, exists, func, insert, literal, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from app.db.bulk import insert_rows
from app.exchange.models import ImportClaimRow, ImportPartRow, ImportResultRow, ImportRow
from app.orders.models import PurchaseOrderRow, ReferenceClaimRow
from app.orders.repository import order_columns

Job = ImportRow
Order = PurchaseOrderRow

LEASE: Final = timedelta(seconds=8)
"""How long an import waits for whoever worked on it and was killed."""

_OPEN: Final = ("queued", "running")
COUNTS: Final = ("created", "applied", "unchanged", "refused")


async def insert_import(connection: AsyncConnection, values: Mapping[str, Any]) -> Row[Any]:
    """Insert an import that waits for its turn, and return it."""
    result = await connection.execute(
        insert(Job)
        .values(
            **values,
            **dict.fromkeys(("documents", *COUNTS, "lease_token"), 0),
            status="queued",
            created_at=func.now(),
        )
        .returning(*Job.__table__.c)
    )
    return result.one()


async def count_open(connection: AsyncConnection, organisation_id: UUID, limit: int) -> int:
    """Return how many imports of the organisation are not finished, counted up to `limit`."""
    found = select(Job.id).where(Job.organisation_id == organisation_id, Job.status.in_(_OPEN)).limit(limit).subquery()
    return await connection.scalar(select(func.count()).select_from(found)) or 0


async def insert_part(connection: AsyncConnection, import_id: UUID, part: int, content: bytes) -> None:
    """Insert a part of an import's file."""
    await connection.execute(insert(ImportPartRow).values(import_id=import_id, part=part, content=content))


async def part(connection: AsyncConnection, import_id: UUID, number: int) -> bytes | None:
    """Return a part of an import's file; None once the import is finished."""
    content: bytes | None = await connection.scalar(
        select(ImportPartRow.content).where(ImportPartRow.import_id == import_id, ImportPartRow.part == number)
    )
    return content


async def delete_parts(connection: AsyncConnection, import_id: UUID) -> None:
    """Delete the file of an import that is finished."""
    await connection.execute(delete(ImportPartRow).where(ImportPartRow.import_id == import_id))


async def find(connection: AsyncConnection, import_id: UUID, organisation_id: UUID) -> Row[Any] | None:
    """Return an import of the organisation."""
    result = await connection.execute(
        select(Job.__table__).where(Job.id == import_id, Job.organisation_id == organisation_id)
    )
    return result.one_or_none()


async def results(
    connection: AsyncConnection, import_id: UUID, outcomes: Collection[str], after: int, limit: int
) -> Sequence[Row[Any]]:
    """Return up to `limit` results with one of the outcomes, in the order of the file, after a document."""
    result = ImportResultRow
    found = await connection.execute(
        select(result.__table__)
        .where(result.import_id == import_id, result.document > after, result.outcome.in_(sorted(outcomes)))
        .order_by(result.document)
        .limit(limit)
    )
    return found.all()


async def waiting(connection: AsyncConnection, limit: int) -> Sequence[Row[UUID, int]]:
    """Return `id` and `lease_token` of imports that nobody works on, the oldest first.

    One whose organisation has another that is older, or is being worked on, waits: files take effect as they came.
    """
    earlier = aliased(Job)
    found = await connection.execute(
        select(Job.id, Job.lease_token)
        .where(
            Job.status.in_(_OPEN),
            _is_free(Job),
            ~exists().where(
                earlier.organisation_id == Job.organisation_id,
                earlier.status.in_(_OPEN),
                or_(
                    earlier.created_at < Job.created_at, and_(earlier.created_at == Job.created_at, earlier.id < Job.id)
                ),
            ),
        )
        .order_by(Job.created_at)
        .limit(limit)
    )
    return found.all()


async def lease(connection: AsyncConnection, import_id: UUID, token: int) -> Row[Any] | None:
    """Take an import over from nobody, or from one who was not heard of for a while; None where another was faster."""
    result = await connection.execute(
        update(Job)
        .where(Job.id == import_id, Job.lease_token == token, Job.status.in_(_OPEN), _is_free(Job))
        .values(
            status="running",
            lease_token=Job.lease_token + 1,
            leased_until=func.now() + LEASE,
            started_at=func.coalesce(Job.started_at, func.now()),
        )
        .returning(*Job.__table__.c)
    )
    return result.one_or_none()


async def renew(connection: AsyncConnection, import_id: UUID, token: int) -> bool:
    """Hold on to an import; False where another has taken it over."""
    result = await connection.execute(
        update(Job)
        .where(Job.id == import_id, Job.lease_token == token, Job.status == "running")
        .values(leased_until=func.now() + LEASE)
    )
    return result.rowcount == 1


async def advance(
    connection: AsyncConnection, import_id: UUID, token: int, documents: int, counts: Mapping[str, int]
) -> bool:
    """Count what has become of documents; False where another has taken the import over, or counted them already."""
    result = await connection.execute(
        update(Job)
        .where(Job.id == import_id, Job.lease_token == token, Job.status == "running", Job.documents == documents)
        .values(
            documents=Job.documents + sum(counts.values()),
            leased_until=func.now() + LEASE,
            **{name: getattr(Job, name) + counts.get(name, 0) for name in COUNTS},
        )
    )
    return result.rowcount == 1


async def finish(
    connection: AsyncConnection, import_id: UUID, token: int, status: str, fault: Mapping[str, Any] | None
) -> bool:
    """End an import; False where another has taken it over."""
    result = await connection.execute(
        update(Job)
        .where(Job.id == import_id, Job.lease_token == token, Job.status == "running")
        .values(status=status, fault=fault, finished_at=func.now(), leased_until=None)
    )
    return result.rowcount == 1


async def insert_results(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert what has become of documents."""
    await insert_rows(connection, ImportResultRow, rows)


async def delete_finished(connection: AsyncConnection, kept: timedelta, at_most: int) -> int:
    """Delete up to `at_most` rows of imports that ended longer than `kept` ago, and return how many.

    What became of their documents goes first, then the imports themselves. What they have carried out stays claimed.
    """
    ended = Job.finished_at <= func.now() - literal(kept)
    result = ImportResultRow
    documents = (
        select(result.import_id, result.document)
        .join(Job, Job.id == result.import_id)
        .where(ended)
        .order_by(Job.finished_at)
        .limit(bindparam("at_most"))
    )
    deleted = await connection.execute(
        delete(result).where(tuple_(result.import_id, result.document).in_(documents)), {"at_most": at_most}
    )
    if deleted.rowcount == at_most:
        return at_most
    empty = (
        select(Job.id)
        .where(ended, ~exists().where(result.import_id == Job.id))
        .order_by(Job.finished_at)
        .limit(bindparam("at_most"))
    )
    jobs = await connection.execute(delete(Job).where(Job.id.in_(empty)), {"at_most": at_most - deleted.rowcount})
    return deleted.rowcount + jobs.rowcount


async def claim(connection: AsyncConnection, organisation_id: UUID, fingerprint: bytes, import_id: UUID) -> bool:
    """Claim an acknowledgement or change for an import; False where it was carried out before."""
    row = {"organisation_id": organisation_id, "fingerprint": fingerprint, "import_id": import_id}
    taken = await insert_rows(
        connection, ImportClaimRow, [row], at_now=["claimed_at"], ignore_conflicts=True, returning=["import_id"]
    )
    return bool(taken)


async def orders_known(
    connection: AsyncConnection, organisation_id: UUID, number_keys: Collection[str], references: Collection[str]
) -> tuple[Sequence[Row[Any]], Mapping[str, str]]:
    """Return the organisation's orders with one of the keys or references, and reference -> number key."""
    claimed: dict[str, str] = {}
    if references:
        found = await connection.execute(
            select(ReferenceClaimRow.reference, ReferenceClaimRow.number_key).where(
                ReferenceClaimRow.organisation_id == organisation_id,
                ReferenceClaimRow.reference.in_(sorted(references)),
            )
        )
        claimed = {row.reference: row.number_key for row in found}
    keys = {*number_keys, *claimed.values()}
    if not keys:
        return [], claimed
    orders = await connection.execute(
        select(*order_columns).where(Order.organisation_id == organisation_id, Order.number_key.in_(sorted(keys)))
    )
    return orders.all(), claimed


def _is_free(job: Any) -> Any:
    return or_(job.leased_until.is_(None), job.leased_until < func.now())
