"""SQL of what time makes of orders: when to look at each next, and counting the changes that are announced."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Result, Row, and_, bindparam, case, func, literal, select, text, tuple_
from sqlalchemy.dialects.postgresql import ARRAY, INTEGER, TEXT
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import Interval, Uuid

from app.db.bulk import rows_as_json
from app.orders.announcement_models import PurchaseOrderAnnouncementRow
from app.orders.models import PolicyVersionRow, PurchaseOrderRow
from app.orders.policies import DEFAULT_POLICY

_Order = PurchaseOrderRow
_Planned = PurchaseOrderAnnouncementRow
_Policy = PolicyVersionRow

Identity = tuple[str, UUID]


async def due(connection: AsyncConnection, buckets: Collection[int], limit: int) -> Sequence[Row[Any]]:
    """Return up to `limit` orders of the buckets that are to be looked at by now, longest due first, with `read_at`."""
    result: Result[Any] = await connection.execute(
        select(_Planned.number_key, _Planned.organisation_id, _Planned.next_at, func.now().label("read_at"))
        .where(_Planned.next_at <= func.now(), _Planned.bucket.in_(buckets))
        .order_by(_Planned.next_at)
        .limit(limit)
    )
    return result.all()


async def facts_of(connection: AsyncConnection, orders: Collection[Identity]) -> Sequence[Row[Any]]:
    """Return what the lifecycle needs of orders, with `notice`, `read_at`, and what is planned for them.

    Of an order for which nothing is planned, `planned_version`, `planned_expiry` and `announced` are None.
    """
    notice = case(
        (_Order.policy_version.is_(None), literal(DEFAULT_POLICY.expiring_notice, Interval())),
        else_=_Policy.expiring_notice,
    )
    result: Result[Any] = await connection.execute(
        select(
            *(_Order.number_key, _Order.organisation_id, _Order.version, _Order.status, _Order.suspended_from),
            *(_Order.valid_from, _Order.expires_at, _Order.activate_by, notice.label("notice")),
            *(_Planned.version.label("planned_version"), _Planned.planned_expiry, _Planned.announced),
            func.now().label("read_at"),
        )
        .join(
            _Planned,
            and_(_Planned.number_key == _Order.number_key, _Planned.organisation_id == _Order.organisation_id),
            isouter=True,
        )
        .join(
            _Policy,
            and_(_Policy.organisation_id == _Order.organisation_id, _Policy.version == _Order.policy_version),
            isouter=True,
        )
        .where(tuple_(_Order.number_key, _Order.organisation_id).in_(sorted(orders)))
    )
    return result.all()


async def count_changes(
    connection: AsyncConnection, changes: Mapping[Identity, tuple[int, int]]
) -> frozenset[Identity]:
    """Count up the version of orders by so many changes, and return those that were still at the version given.

    `changes`: order -> (its version as it was read, how many changes).
    """
    orders = sorted(changes)
    result = await connection.execute(
        _COUNT_CHANGES,
        {
            "keys": [key for key, _ in orders],
            "buyers": [buyer for _, buyer in orders],
            "versions": [changes[order][0] for order in orders],
            "counts": [changes[order][1] for order in orders],
        },
    )
    return frozenset((row.number_key, row.organisation_id) for row in result)


async def plan(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store when to look at orders next; what was planned of a later version of an order stays.

    `announced` of each is added to what stands there.
    """
    if rows:
        ordered = sorted(rows, key=lambda row: (row["number_key"], row["organisation_id"]))
        await connection.execute(_PLAN, {"rows": rows_as_json(_Planned, ordered)})


_COUNT_CHANGES: Final = text(
    "UPDATE purchase_orders SET version = purchase_orders.version + given.count, updated_at = now() "
    "FROM unnest(:keys, :buyers, :versions, :counts) AS given(number_key, organisation_id, version, count) "
    "WHERE purchase_orders.number_key = given.number_key "
    "AND purchase_orders.organisation_id = given.organisation_id AND purchase_orders.version = given.version "
    "RETURNING purchase_orders.number_key, purchase_orders.organisation_id"
).bindparams(
    bindparam("keys", type_=ARRAY(TEXT)),
    bindparam("buyers", type_=ARRAY(Uuid())),
    bindparam("versions", type_=ARRAY(INTEGER)),
    bindparam("counts", type_=ARRAY(INTEGER)),
)

_PLAN: Final = text(
    "INSERT INTO purchase_order_announcements AS planned "
    "(number_key, organisation_id, bucket, version, next_at, planned_expiry, announced) "
    "SELECT number_key, organisation_id, bucket, version, next_at, planned_expiry, announced "
    "FROM jsonb_populate_recordset(NULL::purchase_order_announcements, CAST(CAST(:rows AS text) AS jsonb)) "
    "ON CONFLICT (number_key, organisation_id) DO UPDATE SET bucket = excluded.bucket, version = excluded.version, "
    "next_at = excluded.next_at, planned_expiry = excluded.planned_expiry, "
    "announced = planned.announced || excluded.announced WHERE planned.version <= excluded.version"
)
