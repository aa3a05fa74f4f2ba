"""SQL of what time makes of orders: when to look at each next, and counting the changes that are announced."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Result, Row, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.bulk import rows_as_json
from app.db.statements import fetch
from app.orders.announcement_models import PurchaseOrderAnnouncementRow
from app.orders.identity import Identity
from app.orders.policies import DEFAULT_POLICY

_Planned = PurchaseOrderAnnouncementRow


async def due(connection: AsyncConnection, buckets: Collection[int], limit: int) -> Sequence[Row[Any]]:
    """Return up to `limit` orders of the buckets that are to be looked at by now, longest due first, with `read_at`."""
    result: Result[Any] = await connection.execute(
        select(_Planned.number_key, _Planned.organisation_id, _Planned.next_at, func.now().label("read_at"))
        .where(_Planned.next_at <= func.now(), _Planned.bucket.in_(buckets))
        .order_by(_Planned.next_at)
        .limit(limit)
    )
    return result.all()


async def facts_of(connection: AsyncConnection, orders: Collection[Identity]) -> Sequence[Mapping[str, Any]]:
    """Return what the lifecycle needs of orders by column, with `notice`, `read_at`, and what is planned for them.

    Of an order for which nothing is planned, `planned_version`, `planned_expiry` and `announced` are None.
    """
    keys, buyers = zip(*sorted(orders), strict=True) if orders else ((), ())
    return await fetch(connection, _FACTS, keys, buyers, DEFAULT_POLICY.expiring_notice)


async def count_changes(
    connection: AsyncConnection, changes: Mapping[Identity, tuple[int, int]]
) -> frozenset[Identity]:
    """Count up the version of orders by so many changes, and return those that were still at the version given.

    `changes`: order -> (its version as it was read, how many changes).
    """
    orders = sorted(changes)
    changed = await fetch(
        connection,
        _COUNT_CHANGES,
        [key for key, _ in orders],
        [buyer for _, buyer in orders],
        [changes[order][0] for order in orders],
        [changes[order][1] for order in orders],
    )
    return frozenset((row["number_key"], row["organisation_id"]) for row in changed)


async def plan(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store when to look at orders next; what was planned of a later version of an order stays.

    `announced` of each is added to what stands there.
    """
    if rows:
        ordered = sorted(rows, key=lambda row: (row["number_key"], row["organisation_id"]))
        await fetch(connection, _PLAN, rows_as_json(_Planned, ordered))


_FACTS: Final = (
    "SELECT o.number_key, o.organisation_id, o.version, o.status, o.suspended_from, o.valid_from, o.expires_at, "
    "o.activate_by, CASE WHEN o.policy_version IS NULL THEN $3::interval ELSE policy.expiring_notice END AS notice, "
    "planned.version AS planned_version, planned.planned_expiry, planned.announced, now() AS read_at "
    "FROM unnest($1::text[], $2::uuid[]) AS asked (number_key, organisation_id) "
    "JOIN purchase_orders AS o USING (number_key, organisation_id) "
    "LEFT JOIN purchase_order_announcements AS planned USING (number_key, organisation_id) "
    "LEFT JOIN policy_versions AS policy "
    "ON policy.organisation_id = o.organisation_id AND policy.version = o.policy_version"
)

_COUNT_CHANGES: Final = (
    "UPDATE purchase_orders SET version = purchase_orders.version + given.count, updated_at = now() "
    "FROM unnest($1::text[], $2::uuid[], $3::integer[], $4::integer[]) "
    "AS given(number_key, organisation_id, version, count) "
    "WHERE purchase_orders.number_key = given.number_key "
    "AND purchase_orders.organisation_id = given.organisation_id AND purchase_orders.version = given.version "
    "RETURNING purchase_orders.number_key, purchase_orders.organisation_id"
)

_PLAN: Final = (
    "INSERT INTO purchase_order_announcements AS planned "
    "(number_key, organisation_id, bucket, version, next_at, planned_expiry, announced) "
    "SELECT number_key, organisation_id, bucket, version, next_at, planned_expiry, announced "
    "FROM jsonb_populate_recordset(NULL::purchase_order_announcements, CAST(CAST($1 AS text) AS jsonb)) "
    "ON CONFLICT (number_key, organisation_id) DO UPDATE SET bucket = excluded.bucket, version = excluded.version, "
    "next_at = excluded.next_at, planned_expiry = excluded.planned_expiry, "
    "announced = planned.announced || excluded.announced WHERE planned.version <= excluded.version"
)
