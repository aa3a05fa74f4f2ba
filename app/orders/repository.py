"""SQL of purchase orders: reading them, and changing one under the conditions of its lifecycle."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Row,
    and_,
    case,
    delete,
    exists,
    false,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
    union,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.bulk import insert_rows
from app.orders.lifecycle import TIME_RULES, TRANSITIONS, Action, Comparison, OrderStatus, StoredStatus
from app.orders.models import PurchaseOrderLineRow, PurchaseOrderRow, ReferenceClaimRow
from app.orders.visibility import HIDDEN_FIELDS
from app.principal import Relation

Order = PurchaseOrderRow
_order_columns = [*PurchaseOrderRow.__table__.c, func.now().label("read_at")]


async def find_by_keys(
    connection: AsyncConnection, number_keys: Sequence[str], order_id: UUID | None, buyer: UUID | None
) -> Sequence[Row[Any]]:
    """Return the orders of any buyer whose number has one of the keys, or whose id it is."""
    wanted: ColumnElement[bool] = Order.number_key.in_(number_keys)
    if order_id is not None:
        wanted = or_(wanted, Order.id == order_id)
    query = select(*_order_columns).where(wanted)
    if buyer is not None:
        query = query.where(Order.organisation_id == buyer)
    return (await connection.execute(query)).all()


async def find_for_validation(
    connection: AsyncConnection, number_keys: Sequence[str]
) -> tuple[datetime, Sequence[Row[Any]]]:
    """Return the database's time and the orders of any buyer whose number has one of the keys."""
    asked = select(func.now().label("read_at")).subquery()
    found = (
        await connection.execute(
            select(asked.c.read_at, *PurchaseOrderRow.__table__.c).join_from(
                asked, PurchaseOrderRow, Order.number_key.in_(number_keys), isouter=True
            )
        )
    ).all()
    return found[0].read_at, [row for row in found if row.number_key is not None]


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


async def lines_of(
    connection: AsyncConnection, orders: Sequence[Row[Any]]
) -> Mapping[tuple[str, UUID], list[Row[Any]]]:
    """Return the lines of the orders' current revisions, by order identity, in their order."""
    line = PurchaseOrderLineRow
    found: dict[tuple[str, UUID], list[Row[Any]]] = {(order.number_key, order.organisation_id): [] for order in orders}
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


async def change_status(
    connection: AsyncConnection,
    number_key: str,
    organisation_id: UUID,
    action: Action,
    values: Mapping[str, Any],
    *,
    revision: int | None = None,
) -> Row[Any] | None:
    """Carry out a transition if the order's status allows it at this moment, and return the changed row.

    Postgres judges: of two callers at once one finds the row changed and gets None. `revision` makes the order's
    current revision a condition too.
    """
    transition = TRANSITIONS[action]
    stored = Order.status
    condition = and_(
        Order.number_key == number_key,
        Order.organisation_id == organisation_id,
        stored.in_([status.value for status in transition.targets]),
        *(not_(_has_become(status)) for status in sorted(transition.refused_when)),
    )
    if transition.refused_when_suspended_from:
        barred = [status.value for status in transition.refused_when_suspended_from]
        condition = and_(condition, func.coalesce(Order.suspended_from, "").not_in(barred))
    if revision is not None:
        condition = and_(condition, Order.revision == revision)
    result = await connection.execute(
        update(Order)
        .where(condition)
        .values(
            status=_target(action),
            suspended_from=stored if action is Action.suspend else None,
            version=Order.version + 1,
            updated_at=func.now(),
            **values,
        )
        .returning(*_order_columns)
    )
    return result.one_or_none()


async def bump_version(
    connection: AsyncConnection,
    number_key: str,
    organisation_id: UUID,
    *,
    while_in: Iterable[StoredStatus] | None = None,
    while_no_forwarder: bool = False,
) -> Row[Any] | None:
    """Count a change that touches no column of the order itself, such as a link, and return the changed row.

    None where the order has, at this moment, none of the statuses `while_in`, or names a forwarder though it must not.
    """
    conditions = [Order.number_key == number_key, Order.organisation_id == organisation_id]
    if while_in is not None:
        conditions.append(Order.status.in_([status.value for status in while_in]))
    if while_no_forwarder:
        conditions.append(func.cardinality(Order.forwarder_ids) == 0)
    result = await connection.execute(
        update(Order)
        .where(*conditions)
        .values(version=Order.version + 1, updated_at=func.now())
        .returning(*_order_columns)
    )
    return result.one_or_none()


async def page(
    connection: AsyncConnection,
    organisation_id: UUID,
    roles: Sequence[Relation],
    filters: "Filters",
    *,
    before: UUID | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """Return up to `limit` orders to which the organisation has one of the relations, newest first.

    Each role is a walk along its own index; the walks are cut to `limit` before they are put together.
    """
    walks = []
    for role in roles:
        walk = select(Order.id, Order.number_key, Order.organisation_id).where(
            has_role(organisation_id, role), *filters.conditions(role)
        )
        if before is not None:
            walk = walk.where(Order.id < before)
        walks.append(walk.order_by(Order.id.desc()).limit(limit).subquery().select())
    together = union(*walks).subquery()
    query = (
        select(*_order_columns)
        .join(
            together,
            and_(together.c.number_key == Order.number_key, together.c.organisation_id == Order.organisation_id),
        )
        .order_by(Order.id.desc())
        .limit(limit)
    )
    return (await connection.execute(query)).all()


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed to; None narrows nothing. `number_keys` are the forms that a number may mean."""

    status: Sequence[str] | None = None
    number_keys: Sequence[str] | None = None
    reference: str | None = None
    seller: str | None = None
    ship_to: str | None = None
    sku: str | None = None
    expires_before: datetime | None = None
    activate_by_before: datetime | None = None
    created_after: datetime | None = None
    updated_after: datetime | None = None
    q: str | None = None

    def conditions(self, role: Relation) -> Iterator[ColumnElement[bool]]:  # noqa: C901 - a flat list, filter by filter
        """Yield the conditions for one role; what a role may not see it may not search either."""
        hidden = HIDDEN_FIELDS[role]
        if self.status is not None:
            yield effective_status().in_(self.status)
        if self.number_keys is not None:
            yield Order.number_key.in_(self.number_keys)
        if self.reference is not None:
            yield false() if "reference" in hidden else Order.reference == self.reference
        if self.seller is not None:
            yield _is_party(Order.seller, Order.seller_id, self.seller)
        if self.ship_to is not None:
            yield _is_party(Order.ship_to, Order.ship_to_id, self.ship_to)
        if self.sku is not None:
            yield _has_line(PurchaseOrderLineRow.sku == self.sku)
        if self.expires_before is not None:
            yield Order.expires_at < self.expires_before
        if self.activate_by_before is not None:
            yield Order.activate_by < self.activate_by_before
        if self.created_after is not None:
            yield Order.created_at > self.created_after
        if self.updated_after is not None:
            yield Order.updated_at > self.updated_after
        if self.q is not None:
            searched = [
                Order.number_key.contains(self.q.upper(), autoescape=True),
                Order.number.icontains(self.q, autoescape=True),
                Order.seller["name"].astext.icontains(self.q, autoescape=True),
                _has_line(PurchaseOrderLineRow.sku.icontains(self.q, autoescape=True)),
            ]
            if "reference" not in hidden:
                searched.append(Order.reference.icontains(self.q, autoescape=True))
            yield or_(*searched)


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


async def release_references(connection: AsyncConnection, organisation_id: UUID, references: Sequence[str]) -> None:
    """Give back claims of this same transaction whose orders were not written after all."""
    if not references:
        return
    claim = ReferenceClaimRow
    await connection.execute(
        delete(claim).where(claim.organisation_id == organisation_id, claim.reference.in_(references))
    )


async def point_references(connection: AsyncConnection, organisation_id: UUID, number_keys: Mapping[str, str]) -> None:
    """Let claims of this transaction (reference -> number key) point to the numbers that the orders got at last."""
    claim = ReferenceClaimRow
    for reference, number_key in number_keys.items():
        await connection.execute(
            update(claim)
            .where(claim.organisation_id == organisation_id, claim.reference == reference)
            .values(number_key=number_key)
        )


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


async def insert_lines(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert lines of new orders."""
    await insert_rows(connection, PurchaseOrderLineRow, rows)


async def now(connection: AsyncConnection) -> datetime:
    """Return the time of the running transaction, by the database's clock."""
    moment: datetime = (await connection.execute(select(func.now()))).scalar_one()
    return moment


def effective_status() -> ColumnElement[str]:
    """Return the SQL of the status now, made from the rules of the lifecycle."""
    return case(*[(_applies(rule), literal(rule.status.value)) for rule in TIME_RULES], else_=Order.status)


def _has_become(status: OrderStatus) -> ColumnElement[bool]:
    return or_(false(), *[_applies(rule) for rule in TIME_RULES if rule.status is status])


def _applies(rule: Any) -> ColumnElement[bool]:
    boundary = getattr(Order, rule.boundary.value)
    passed = boundary <= func.now() if rule.comparison is Comparison.at_or_before else boundary > func.now()
    touched = Order.status.in_([status.value for status in rule.touches])
    return and_(touched, func.coalesce(passed, literal_column("false")))


def has_role(organisation_id: UUID, role: Relation) -> ColumnElement[bool]:
    """Return the condition that the organisation has the relation to an order; nobody is a presenter by itself."""
    match role:
        case Relation.OWNER:
            return Order.organisation_id == organisation_id
        case Relation.SELLER:
            return Order.seller_id == organisation_id
        case Relation.SHIP_TO:
            return Order.ship_to_id == organisation_id
        case Relation.FORWARDER:
            return Order.forwarder_ids.contains([organisation_id])
        case Relation.PRESENTER:
            return false()


def _is_party(party: Any, party_id: Any, text: str) -> ColumnElement[bool]:
    named = [
        party["code"].astext == text,
        party["gln"].astext == text,
        func.lower(party["name"].astext) == text.lower(),
    ]
    try:
        return or_(party_id == UUID(text), *named)
    except ValueError:
        return or_(*named)


def _has_line(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    line = PurchaseOrderLineRow
    return exists().where(
        line.number_key == Order.number_key,
        line.organisation_id == Order.organisation_id,
        line.revision == Order.revision,
        condition,
    )


def _target(action: Action) -> ColumnElement[str]:
    if action is Action.resume:
        return Order.suspended_from  # type: ignore[return-value]  # a column of the row is what it returns to
    targets = TRANSITIONS[action].targets
    return case({source.value: target.value for source, (target, *_) in targets.items()}, value=Order.status)
