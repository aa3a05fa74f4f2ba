"""SQL of purchase orders: reading them, and changing one under the conditions of its lifecycle."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Row,
    and_,
    case,
    delete,
    false,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.bulk import insert_rows
from app.db.statements import columns, fetch
from app.orders.identity import Identity
from app.orders.lifecycle import TIME_RULES, TRANSITIONS, Action, Comparison, OrderStatus, StoredStatus
from app.orders.models import PurchaseOrderForwarderRow, PurchaseOrderLineRow, PurchaseOrderRow, ReferenceClaimRow
from app.principal import Relation

Order = PurchaseOrderRow

_ENDING: Final = frozenset({Action.reject, Action.cancel, Action.close})
"""Actions after which nobody can acknowledge a change order any more, nor ever will."""

order_columns = [*PurchaseOrderRow.__table__.c, func.now().label("read_at")]


async def find_by_keys(
    connection: AsyncConnection, number_keys: Sequence[str], order_id: UUID | None, buyer: UUID | None
) -> Sequence[Row[Any]]:
    """Return the orders of any buyer whose number has one of the keys, or whose id it is."""
    wanted: ColumnElement[bool] = Order.number_key.in_(number_keys)
    if order_id is not None:
        wanted = or_(wanted, Order.id == order_id)
    query = select(*order_columns).where(wanted)
    if buyer is not None:
        query = query.where(Order.organisation_id == buyer)
    return (await connection.execute(query)).all()


async def find_all(
    connection: AsyncConnection, number_keys: Collection[str], ids: Collection[UUID]
) -> Sequence[Row[Any]]:
    """Return the orders of any buyer whose number has one of the keys, or that have one of the ids."""
    wanted: ColumnElement[bool] = Order.number_key.in_(number_keys)
    if ids:
        wanted = or_(wanted, Order.id.in_(ids))
    return (await connection.execute(select(*order_columns).where(wanted))).all()


# Names come from the models alone.
_LINES: Final = (
    f"ARRAY(SELECT ROW({columns(PurchaseOrderLineRow, 'l')}) FROM purchase_order_lines AS l "  # noqa: S608
    "WHERE (l.number_key, l.organisation_id, l.revision) = (o.number_key, o.organisation_id, o.revision) "
    "ORDER BY l.line) AS lines"
)
_FIND_FOR_VALIDATION: Final = {
    with_lines: f"SELECT asked.read_at, {columns(PurchaseOrderRow, 'o')}{beside} "  # noqa: S608
    "FROM (SELECT now() AS read_at) AS asked LEFT JOIN purchase_orders AS o ON o.number_key = ANY($1::text[])"
    for with_lines, beside in ((False, ""), (True, f", {_LINES}"))
}
_LINE_COLUMNS: Final = tuple(PurchaseOrderLineRow.__table__.columns.keys())


LinesOfOrders = Mapping[Identity, Sequence[Mapping[str, Any]]]
"""Lines as rows by column, by their order."""

_LINES_FOR_VALIDATION: Final = (
    f"SELECT {columns(PurchaseOrderLineRow, 'l')} "  # noqa: S608
    "FROM unnest($1::text[], $2::uuid[], $3::integer[]) AS asked (number_key, organisation_id, revision) "
    "JOIN purchase_order_lines AS l USING (number_key, organisation_id, revision) "
    "ORDER BY l.number_key, l.organisation_id, l.line"
)


async def find_for_validation(
    connection: AsyncConnection, number_keys: Sequence[str], *, with_lines: bool
) -> tuple[datetime, Sequence[Mapping[str, Any]], LinesOfOrders]:
    """Return the database's time and the orders of any buyer whose number has one of the keys, as rows by column.

    `with_lines`: and their lines, of the same moment; none otherwise.
    """
    found = await fetch(connection, _FIND_FOR_VALIDATION[with_lines], number_keys)
    rows = [row for row in found if row["number_key"] is not None]
    lines = {
        (row["number_key"], row["organisation_id"]): [
            dict(zip(_LINE_COLUMNS, line, strict=True)) for line in row.pop("lines")
        ]
        for row in (rows if with_lines else ())
    }
    return found[0]["read_at"], rows, lines


async def lines_for_validation(connection: AsyncConnection, orders: Collection[Mapping[str, Any]]) -> LinesOfOrders:
    """Return the lines of the orders, whose rows were read before, as rows by column, by order identity."""
    revisions = {(row["number_key"], row["organisation_id"]): row["revision"] for row in orders}
    lines: dict[Identity, list[dict[str, Any]]] = {identity: [] for identity in revisions}
    if revisions:
        asked = ([key for key, _ in revisions], [buyer for _, buyer in revisions], list(revisions.values()))
        for row in await fetch(connection, _LINES_FOR_VALIDATION, *asked):
            lines[row["number_key"], row["organisation_id"]].append(row)
    return lines


async def current_lines(
    connection: AsyncConnection, number_key: str, organisation_id: UUID, revision: int
) -> Sequence[Row[Any]]:
    """Return the lines of one revision of an order, in their order."""
    line = PurchaseOrderLineRow
    result = await connection.execute(
        select(line.__table__)
        .where(line.number_key == number_key, line.organisation_id == organisation_id, line.revision == revision)
        .order_by(line.line)
    )
    return result.all()


async def lines_of(connection: AsyncConnection, orders: Sequence[Row[Any]]) -> Mapping[Identity, list[Row[Any]]]:
    """Return the lines of the orders' current revisions, by order identity, in their order."""
    return await lines_of_orders(connection, {(order.number_key, order.organisation_id) for order in orders})


async def lines_of_orders(
    connection: AsyncConnection, orders: Collection[Identity]
) -> Mapping[Identity, list[Row[Any]]]:
    """Do the same for orders of which only the identities are known."""
    line = PurchaseOrderLineRow
    found: dict[Identity, list[Row[Any]]] = {identity: [] for identity in orders}
    if found:
        result = await connection.execute(
            select(line.__table__)
            .join(
                Order,
                and_(
                    Order.number_key == line.number_key,
                    Order.organisation_id == line.organisation_id,
                    Order.revision == line.revision,
                ),
            )
            .where(line.number_key.in_({key for key, _ in found}))
            .order_by(line.number_key, line.organisation_id, line.line)
        )
        for row in result:
            if (identity := (row.number_key, row.organisation_id)) in found:
                found[identity].append(row)
    return found


@dataclass(frozen=True, slots=True)
class Conditions:
    """What must hold of an order, besides its status, for a transition: judged by Postgres in the moment of the change.

    `revision` is its newest one, proposed or in force; `version` is still its version; it ends
    before `ends_before`, or never; no status `refused_when` has come.
    """

    revision: int | None = None
    version: int | None = None
    ends_before: datetime | None = None
    refused_when: frozenset[OrderStatus] = frozenset()


async def change_status(
    connection: AsyncConnection,
    number_key: str,
    organisation_id: UUID,
    action: Action,
    values: Mapping[str, Any],
    *,
    conditions: "Conditions",
) -> Row[Any] | None:
    """Carry out a transition if the order's status allows it at this moment, and return the changed row.

    Postgres judges: of two callers at once one finds the row changed and gets None. `conditions` must hold
    at that moment too.
    """
    transition = TRANSITIONS[action]
    stored = Order.status
    condition = and_(
        Order.number_key == number_key,
        Order.organisation_id == organisation_id,
        stored.in_([status.value for status in transition.targets]),
        *(not_(_has_become(status)) for status in sorted(transition.refused_when | conditions.refused_when)),
    )
    if transition.refused_when_suspended_from:
        barred = [status.value for status in transition.refused_when_suspended_from]
        condition = and_(condition, func.coalesce(Order.suspended_from, "").not_in(barred))
    if conditions.revision is not None:
        condition = and_(condition, func.coalesce(Order.proposed_revision, Order.revision) == conditions.revision)
    if conditions.version is not None:
        condition = and_(condition, Order.version == conditions.version)
    if conditions.ends_before is not None:
        condition = and_(condition, or_(Order.expires_at.is_(None), Order.expires_at < conditions.ends_before))
    result = await connection.execute(
        update(Order)
        .where(condition)
        .values(
            status=_target(action),
            suspended_from=stored if action is Action.suspend else None,
            **({"proposed_revision": None} if action in _ENDING else {}),
            version=Order.version + 1,
            updated_at=func.now(),
            **values,
        )
        .returning(*order_columns)
    )
    return result.one_or_none()


async def see(connection: AsyncConnection, number_key: str, organisation_id: UUID, seller_id: UUID) -> Row[Any] | None:
    """Note that the seller reads an order that waits for its confirmation; None where that is noted, or not so."""
    result = await connection.execute(
        update(Order)
        .where(
            Order.number_key == number_key,
            Order.organisation_id == organisation_id,
            Order.seller_id == seller_id,
            Order.status == StoredStatus.issued.value,
            Order.seen_at.is_(None),
        )
        .values(seen_at=func.now(), version=Order.version + 1, updated_at=func.now())
        .returning(*order_columns)
    )
    return result.one_or_none()


async def bump_version(
    connection: AsyncConnection,
    number_key: str,
    organisation_id: UUID,
    *,
    while_in: Iterable[StoredStatus] | None = None,
    while_no_forwarder: bool = False,
    while_version: int | None = None,
) -> Row[Any] | None:
    """Count a change that touches no column of the order itself, such as a link, and return the changed row.

    None where the order has, at this moment, none of the statuses `while_in`, names a forwarder though it must not, or
    has changed since it was of `while_version`.
    """
    conditions = [Order.number_key == number_key, Order.organisation_id == organisation_id]
    if while_in is not None:
        conditions.append(Order.status.in_([status.value for status in while_in]))
    if while_no_forwarder:
        conditions.append(func.cardinality(Order.forwarder_ids) == 0)
    if while_version is not None:
        conditions.append(Order.version == while_version)
    result = await connection.execute(
        update(Order)
        .where(*conditions)
        .values(version=Order.version + 1, updated_at=func.now())
        .returning(*order_columns)
    )
    return result.one_or_none()


async def bump_versions(connection: AsyncConnection, orders: Collection[Identity]) -> Sequence[Row[Any]]:
    """Count one change for each of the orders, in whatever status they are, and return the changed rows."""
    if not orders:
        return []
    # By the plain list of keys, along the index: two that change the same orders meet them in the same order.
    result = await connection.execute(
        update(Order)
        .where(
            Order.number_key.in_(sorted({key for key, _ in orders})),
            tuple_(Order.number_key, Order.organisation_id).in_(sorted(orders)),
        )
        .values(version=Order.version + 1, updated_at=func.now())
        .returning(*order_columns)
    )
    return result.all()


async def claim_references(
    connection: AsyncConnection, organisation_id: UUID, number_keys: Mapping[str, str]
) -> frozenset[str]:
    """Claim references (reference -> number key) for an organisation and return those that were free."""
    rows = [
        {"organisation_id": organisation_id, "reference": reference, "number_key": number_key}
        # In one order everywhere: two batches that claim the same references must not wait for each other crosswise.
        for reference, number_key in sorted(number_keys.items())
    ]
    taken = await insert_rows(
        connection,
        ReferenceClaimRow,
        rows,
        at_now=["claimed_at"],
        ignore_conflicts=True,
        returning=["reference"],
    )
    return frozenset(row["reference"] for row in taken)


async def take_out(connection: AsyncConnection, organisation_id: UUID, number_keys: Sequence[str]) -> None:
    """Delete orders that this same transaction has inserted, before anything refers to them."""
    if number_keys:
        await connection.execute(
            delete(Order).where(Order.number_key.in_(number_keys), Order.organisation_id == organisation_id)
        )


async def insert_forwarders(connection: AsyncConnection, orders: Sequence[Mapping[str, Any]]) -> None:
    """Insert the forwarders of new orders, by which each forwarder lists its orders."""
    rows = [
        {name: order[name] for name in ("number_key", "organisation_id", "id")} | {"forwarder_id": forwarder}
        for order in orders
        for forwarder in order["forwarder_ids"]
    ]
    await insert_rows(connection, PurchaseOrderForwarderRow, rows)


async def insert_orders(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """Insert orders of one organisation and return the number keys of those whose number was free."""
    inserted = await insert_rows(
        connection,
        PurchaseOrderRow,
        sorted(rows, key=lambda row: str(row["number_key"])),
        ignore_conflicts=True,
        returning=["number_key"],
    )
    return frozenset(row["number_key"] for row in inserted)


async def taken_keys(connection: AsyncConnection, organisation_id: UUID, number_keys: Sequence[str]) -> frozenset[str]:
    """Return those of the keys by which an organisation has an order."""
    query = select(Order.number_key).where(Order.organisation_id == organisation_id, Order.number_key.in_(number_keys))
    return frozenset(await connection.scalars(query))


async def insert_lines(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert lines of new orders."""
    await insert_rows(connection, PurchaseOrderLineRow, rows)


def effective_status(at: ColumnElement[datetime] | None = None) -> ColumnElement[str]:
    """Return the SQL of the status now, or at another instant, made from the rules of the lifecycle."""
    instant = func.now() if at is None else at
    return case(*[(_applies(rule, instant), literal(rule.status.value)) for rule in TIME_RULES], else_=Order.status)


def _has_become(status: OrderStatus) -> ColumnElement[bool]:
    return or_(false(), *[_applies(rule, func.now()) for rule in TIME_RULES if rule.status is status])


def _applies(rule: Any, at: ColumnElement[datetime]) -> ColumnElement[bool]:
    boundary = getattr(Order, rule.boundary.value)
    passed = boundary <= at if rule.comparison is Comparison.at_or_before else boundary > at
    touched = Order.status.in_([status.value for status in rule.touches])
    return and_(touched, func.coalesce(passed, literal_column("false")))


def has_role(organisation_id: UUID, role: Relation) -> ColumnElement[bool]:
    """Return the condition that the organisation has the relation to an order; nobody is a presenter by itself."""
    match role:
        case Relation.OWNER:
            return Order.organisation_id == organisation_id
        case Relation.SELLER:
            return and_(Order.seller_id == organisation_id, is_no_draft())
        case Relation.SHIP_TO:
            return and_(Order.ship_to_id == organisation_id, is_no_draft())
        case Relation.FORWARDER:
            return and_(Order.forwarder_ids.contains([organisation_id]), is_no_draft())
        case Relation.PRESENTER:
            return false()


def is_no_draft() -> ColumnElement[bool]:
    """Return the condition that an order has left its owner's desk."""
    return Order.issued_at.is_not(None)


def _target(action: Action) -> ColumnElement[str]:
    if action is Action.resume:
        return Order.suspended_from  # type: ignore[return-value]  # a column of the row is what it returns to
    targets = TRANSITIONS[action].targets
    return case({source.value: target.value for source, (target, *_) in targets.items()}, value=Order.status)
