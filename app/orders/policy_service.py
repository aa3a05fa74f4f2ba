"""Use cases of policies: state a new version, look at all of them, and find what holds."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import clock
from app.errors import InvalidRequest
from app.events import service as events
from app.events.event_types import AuditType
from app.http.schemas import timestamp
from app.orders import policy_repository
from app.orders.policies import DEFAULT_POLICY
from app.orders.policy_schemas import CreatePolicy, PolicyVersion
from app.principal import Principal


async def create(connection: AsyncConnection, caller: Principal, body: CreatePolicy) -> PolicyVersion:
    """Append a version to the policy of the caller's organisation; raises InvalidRequest for one in the past."""
    now = await clock.now(connection)
    if body.effective_from is not None and body.effective_from < now:
        raise InvalidRequest.at(
            ["body", "effective_from"],
            "in_the_past",
            f"`effective_from`, {timestamp(body.effective_from)}, has passed already; leave it out for now",
        )
    stated = body.model_dump(exclude={"effective_from"})
    await policy_repository.append(connection, caller.organisation_id, stated, body.effective_from)
    # The newest is this one: whoever comes next waits for the end of this transaction.
    (made,) = await page(connection, caller, None, 1)
    await events.record_audit(
        connection,
        AuditType.POLICY_CREATED,
        caller.organisation_id,
        caller,
        made.model_dump(mode="json", exclude={"in_force", "effective_until", "created_at"}),
    )
    return made


async def page(
    connection: AsyncConnection, caller: Principal, before: int | None, limit: int
) -> Sequence[PolicyVersion]:
    """Return up to `limit` versions below `before` of the caller's organisation, newest first."""
    rows = await policy_repository.page(connection, caller.organisation_id, before=before, limit=limit)
    return [_policy_version(row) for row in rows]


async def version_in_force(connection: AsyncConnection, organisation_id: UUID, at: datetime) -> int | None:
    """Return the number of the version that holds at the moment `at`; None where the defaults do."""
    found = await policy_repository.find_in_force(connection, organisation_id, at)
    return None if found is None else found.version


async def receipt_tolerance(connection: AsyncConnection, buyer: UUID, version: int | None) -> Decimal:
    """Return how much more may come in on an order that was issued under this version; None: under the defaults."""
    if version is None:
        return DEFAULT_POLICY.receipt_tolerance
    return (await policy_repository.find(connection, buyer, version)).policy.receipt_tolerance


def _policy_version(row: Row[Any]) -> PolicyVersion:
    stated = row._asdict()
    until = None if row.replaced_from is None else max(row.replaced_from, row.effective_from)
    return PolicyVersion(
        **{name: stated[name] for name in PolicyVersion.model_fields if name in stated},
        in_force=row.effective_from <= row.read_at and (until is None or row.read_at < until),
        effective_until=until,
    )
