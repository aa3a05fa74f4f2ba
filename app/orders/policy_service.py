"""Use cases of policies: state a new version, look at all of them, and find what holds."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import JsonValue
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import clock
from app.errors import InvalidRequest
from app.events import service as events
from app.events.event_types import AuditType
from app.http.schemas import timestamp
from app.numbers import service as numbers
from app.orders import policies, policy_repository
from app.orders.policies import DEFAULT_POLICY, Policy
from app.orders.policy_schemas import CreatePolicy, PolicyContent, PolicyVersion
from app.principal import Principal


async def create(connection: AsyncConnection, caller: Principal, body: CreatePolicy) -> PolicyVersion:
    """Append a version to the policy of the caller's organisation, and announce what it changes in time to come.

    Raises InvalidRequest for one in the past, UnknownNumberFormat for a format that the organisation may not use.
    """
    now = await clock.now(connection)
    if body.effective_from is not None and body.effective_from < now:
        raise InvalidRequest.at(
            ["body", "effective_from"],
            "in_the_past",
            f"`effective_from`, {timestamp(body.effective_from)}, has passed already; leave it out for now",
        )
    if body.format_id is not None:
        await numbers.require_usable(connection, caller, body.format_id, ["body"])
    stated = body.model_dump(exclude={"effective_from"})
    version = await policy_repository.append(connection, caller.organisation_id, stated, body.effective_from)
    # The newest is this one: whoever comes next waits for the end of this transaction.
    (made,) = await page(connection, caller, None, 1)
    await events.record_audit(
        connection,
        AuditType.POLICY_CREATED,
        caller.organisation_id,
        caller,
        made.model_dump(mode="json", exclude={"in_force", "effective_until", "created_at"}),
    )
    await _announce(connection, caller, version, now)
    return made


async def _announce(connection: AsyncConnection, caller: Principal, version: int, now: datetime) -> None:
    """Record what will change where a new version begins later, or takes the place of one that was to.

    Its number is counted by the row that this transaction holds: no other version comes in between.
    """
    known = (await policy_repository.versions_of(connection, [caller.organisation_id]))[caller.organisation_id]
    (new,) = (one for one in known if one.version == version)
    replaced = policies.replaced_by(known, new, now)
    if new.effective_from <= now and not replaced:
        return
    before = policies.held_before(known, new)
    earlier, later = (_as_json(DEFAULT_POLICY if one is None else one.policy) for one in (before, new))
    data: dict[str, JsonValue] = {
        "version": version,
        "effective_from": timestamp(new.effective_from),
        "version_before": None if before is None else before.version,
        "replaced_versions": [*replaced],
        "changes": {name: {"from": earlier[name], "to": later[name]} for name in later if earlier[name] != later[name]},
    }
    await events.record_audit(connection, AuditType.POLICY_CHANGING, caller.organisation_id, caller, data)


def _as_json(policy: Policy) -> dict[str, JsonValue]:
    """Return what a policy says in the words of the API."""
    said = PolicyContent.model_validate({name: getattr(policy, name) for name in PolicyContent.model_fields})
    return said.model_dump(mode="json")


async def page(
    connection: AsyncConnection, caller: Principal, before: int | None, limit: int
) -> Sequence[PolicyVersion]:
    """Return up to `limit` versions below `before` of the caller's organisation, newest first."""
    rows = await policy_repository.page(connection, caller.organisation_id, before=before, limit=limit)
    return [_policy_version(row) for row in rows]


async def version_in_force(
    connection: AsyncConnection, organisation_id: UUID, at: datetime
) -> policies.PolicyVersion | None:
    """Return the version that holds at the moment `at`; None where the defaults do."""
    return await policy_repository.find_in_force(connection, organisation_id, at)


async def in_force_now(
    connection: AsyncConnection, organisation_id: UUID
) -> tuple[datetime, policies.PolicyVersion | None]:
    """Return the time of the running transaction, and the version that holds then; None where the defaults do."""
    return await policy_repository.find_in_force_now(connection, organisation_id)


async def kept_by_order(connection: AsyncConnection, buyer: UUID, version: int | None) -> Policy:
    """Return what an order goes by that was issued under this version of its buyer's policy; None: the defaults."""
    if version is None:
        return DEFAULT_POLICY
    return (await policy_repository.find(connection, buyer, version)).policy


def _policy_version(row: Row[Any]) -> PolicyVersion:
    stated = row._asdict()
    until = None if row.replaced_from is None else max(row.replaced_from, row.effective_from)
    return PolicyVersion(
        **{name: stated[name] for name in PolicyVersion.model_fields if name in stated},
        in_force=row.effective_from <= row.read_at and (until is None or row.read_at < until),
        effective_until=until,
    )
