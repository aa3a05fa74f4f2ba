"""SQL of policies: versions are appended, and never changed."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, func, insert, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.statements import columns, fetch
from app.orders.models import PolicyRow, PolicyVersionRow
from app.orders.policies import ActivationMode, GateFact, Policy, PolicyVersion, SplitShipments, WindowAtGate

_Version = PolicyVersionRow


async def append(
    connection: AsyncConnection, organisation_id: UUID, values: Mapping[str, Any], effective_from: datetime | None
) -> int:
    """Append a version to an organisation's policy and return its number; None: it begins now.

    The one row that counts them is held to the end of the transaction: who asks at the same moment gets the next
    number, after this one is committed.
    """
    counted = await connection.execute(
        postgresql.insert(PolicyRow)
        .values(organisation_id=organisation_id, versions=1)
        .on_conflict_do_update(index_elements=[PolicyRow.organisation_id], set_={"versions": PolicyRow.versions + 1})
        .returning(PolicyRow.versions)
    )
    version: int = counted.scalar_one()
    await connection.execute(
        insert(_Version).values(
            organisation_id=organisation_id,
            version=version,
            effective_from=func.now() if effective_from is None else effective_from,
            created_at=func.now(),
            **values,
        )
    )
    return version


async def page(
    connection: AsyncConnection, organisation_id: UUID, *, before: int | None, limit: int
) -> Sequence[Row[Any]]:
    """Return up to `limit` versions below `before`, newest first, each with `replaced_from` and `read_at`.

    `replaced_from`: when the first of the later versions begins, null without one.
    """
    replaced_from = func.min(_Version.effective_from).over(order_by=_Version.version.desc(), rows=(None, -1))
    # The window sees all versions, the page shows some of them.
    versions = (
        select(*_Version.__table__.c, replaced_from.label("replaced_from"), func.now().label("read_at"))
        .where(_Version.organisation_id == organisation_id)
        .subquery()
    )
    query = select(versions).order_by(versions.c.version.desc()).limit(limit)
    if before is not None:
        query = query.where(versions.c.version < before)
    return (await connection.execute(query)).all()


async def find(connection: AsyncConnection, organisation_id: UUID, version: int) -> PolicyVersion:
    """Return a version, which is there: an order names it, and versions are never deleted."""
    result = await connection.execute(
        select(_Version.__table__).where(_Version.organisation_id == organisation_id, _Version.version == version)
    )
    return policy_version(result.one()._asdict())


async def find_in_force(connection: AsyncConnection, organisation_id: UUID, at: datetime) -> PolicyVersion | None:
    """Return the version of an organisation that holds at the moment `at`; None before the first."""
    result = await connection.execute(
        select(_Version.__table__)
        .where(_Version.organisation_id == organisation_id, _Version.effective_from <= at)
        .order_by(_Version.version.desc())
        .limit(1)
    )
    found = result.one_or_none()
    return None if found is None else policy_version(found._asdict())


async def find_in_force_now(
    connection: AsyncConnection, organisation_id: UUID
) -> tuple[datetime, PolicyVersion | None]:
    """Return the database's time, and the version of an organisation that holds then; None before the first."""
    (found,) = await fetch(connection, _IN_FORCE_NOW, organisation_id)
    return found["read_at"], None if found["version"] is None else policy_version(found)


# Names come from the model alone.
_IN_FORCE_NOW: Final = (
    f"SELECT asked.read_at, {columns(_Version, 'v')} FROM (SELECT now() AS read_at) AS asked "  # noqa: S608
    "LEFT JOIN LATERAL (SELECT * FROM policy_versions WHERE organisation_id = $1 AND effective_from <= asked.read_at "
    "ORDER BY version DESC LIMIT 1) AS v ON true"
)


async def versions_of(
    connection: AsyncConnection, organisation_ids: Collection[UUID]
) -> Mapping[UUID, Sequence[PolicyVersion]]:
    """Return all versions of each of the organisations: a policy changes a few times a year."""
    found: dict[UUID, list[PolicyVersion]] = {organisation_id: [] for organisation_id in organisation_ids}
    if found:
        result = await connection.execute(select(_Version.__table__).where(_Version.organisation_id.in_(list(found))))
        for row in result:
            found[row.organisation_id].append(policy_version(row._asdict()))
    return found


def policy_version(row: Mapping[str, Any]) -> PolicyVersion:
    """Return the version that a row of the table states, by column."""
    return PolicyVersion(
        row["version"],
        row["effective_from"],
        Policy(
            frozenset(map(GateFact, row["mandatory_gate_facts"])),
            frozenset(map(GateFact, row["gate_facts_that_hold"])),
            row["receipt_tolerance"],
            WindowAtGate(row["delivery_window_at_gate"]),
            row["default_validity"],
            row["activation_window"],
            ActivationMode(row["activation"]),
            SplitShipments(row["split_shipments"]),
            row["format_id"],
            row["booking_cutoff"],
            row["expiring_notice"],
        ),
    )
