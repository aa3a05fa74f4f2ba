"""SQL of carriers, claims and links."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, and_, case, delete, false, func, null, or_, select, tuple_, union_all, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from app.orders.models import PurchaseOrderRow
from app.orders.repository import has_role
from app.principal import Relation
from app.shipments.models import CarrierOverrideRow, CarrierRow, LinkOutcome, ProLinkRow

Link = ProLinkRow
Order = PurchaseOrderRow
Override = CarrierOverrideRow
_order_columns = [*PurchaseOrderRow.__table__.c, Link.linked_at, func.now().label("read_at")]


@dataclass(frozen=True, slots=True)
class CarrierRecord:
    """A carrier as one organisation sees it; `shared` and `overridden` say who has a word on it, at least one has.

    `source` is the directory's and None where the organisation's own rule holds. `disrupted` is what holds now: by its
    own word, else by the directory's.
    """

    scac: str
    name: str | None
    mask: str | None
    check_scheme: str | None
    source: str | None
    own_rule: bool
    disrupted: bool
    disruption_reason: str | None
    disrupted_until: datetime | None
    updated_at: datetime
    shared: bool
    overridden: bool


async def find_carriers(
    connection: AsyncConnection,
    organisation_id: UUID,
    *,
    scacs: Collection[str] | None = None,
    after: str | None = None,
    limit: int | None = None,
) -> Sequence[CarrierRecord]:
    """Return carriers by their code: the organisation's own word on each before the shared directory's."""
    # Both sides are narrowed before they are joined, so that each is a walk along its own key.
    shared = select(CarrierRow).where(*_narrowed(CarrierRow.scac, scacs, after)).subquery()
    own = (
        select(Override)
        .where(Override.organisation_id == organisation_id, *_narrowed(Override.scac, scacs, after))
        .subquery()
    )
    scac = func.coalesce(own.c.scac, shared.c.scac).label("scac")
    own_rule = func.coalesce(own.c.own_rule, False)
    troubled, troubled_for_all = _in_trouble(own.c), _in_trouble(shared.c)
    query = (
        select(
            scac,
            func.coalesce(own.c.name, shared.c.name).label("name"),
            case((own_rule, own.c.mask), else_=shared.c.mask).label("mask"),
            case((own_rule, own.c.check_scheme), else_=shared.c.check_scheme).label("check_scheme"),
            case((own_rule, None), else_=shared.c.source).label("source"),
            own_rule.label("own_rule"),
            or_(troubled, troubled_for_all).label("disrupted"),
            *(
                case((troubled, own.c[name]), (troubled_for_all, shared.c[name]), else_=None).label(name)
                for name in ("disruption_reason", "disrupted_until")
            ),
            func.greatest(own.c.updated_at, shared.c.updated_at).label("updated_at"),
            shared.c.scac.is_not(None).label("shared"),
            own.c.scac.is_not(None).label("overridden"),
        )
        .select_from(shared.join(own, own.c.scac == shared.c.scac, full=True))
        .order_by(scac)
        .limit(limit)
    )
    return [CarrierRecord(**row._asdict()) for row in await connection.execute(query)]


async def store_override(
    connection: AsyncConnection, organisation_id: UUID, scac: str, values: Mapping[str, Any]
) -> bool:
    """Store an organisation's word on a carrier in place of the one before; return whether there was none before."""
    inserted = await connection.execute(
        postgresql.insert(Override)
        .values(organisation_id=organisation_id, scac=scac, created_at=func.now(), updated_at=func.now(), **values)
        .on_conflict_do_nothing()
        .returning(Override.scac)
    )
    if inserted.one_or_none() is not None:
        return True
    await connection.execute(
        update(Override)
        .where(Override.organisation_id == organisation_id, Override.scac == scac)
        .values(updated_at=func.now(), **values)
    )
    return False


async def store_shared(connection: AsyncConnection, scac: str, values: Mapping[str, Any]) -> bool:
    """Store a carrier of the shared directory in place of what was said before; return whether it is a new one."""
    inserted = await connection.execute(
        postgresql.insert(CarrierRow)
        .values(scac=scac, created_at=func.now(), updated_at=func.now(), **values)
        .on_conflict_do_nothing()
        .returning(CarrierRow.scac)
    )
    if inserted.one_or_none() is not None:
        return True
    await connection.execute(update(CarrierRow).where(CarrierRow.scac == scac).values(updated_at=func.now(), **values))
    return False


async def link(
    connection: AsyncConnection, values: Mapping[str, Any], vehicle: Mapping[str, Any]
) -> tuple[Row[Any], LinkOutcome]:
    """Link a PRO number to an order, or note the `vehicle` that is expected with one that is linked; return the link.

    `vehicle`: those of the columns trailer_number, delivery_window and bol that are said anew. A link that a delivery
    booking has its vehicle on stays as it is.
    """
    statement = (
        postgresql.insert(Link)
        .values(linked_at=func.now(), **values, **vehicle)
        .on_conflict_do_nothing()
        .returning(Link.__table__)
    )
    is_link = _is_link(values["number_key"], values["organisation_id"], values["scac"], values["pro_number"])
    differs = or_(false(), *(getattr(Link, name).is_distinct_from(value) for name, value in vehicle.items()))
    # Only an unlinking between the statements makes another round.
    while True:
        if (made := (await connection.execute(statement)).one_or_none()) is not None:
            return made, LinkOutcome.MADE
        if vehicle:
            not_booked = Link.booking_id.is_(None)
            change = update(Link).where(*is_link, differs, not_booked).values(**vehicle).returning(Link.__table__)
            if (changed := (await connection.execute(change)).one_or_none()) is not None:
                return changed, LinkOutcome.CHANGED
        if (found := (await connection.execute(select(Link.__table__).where(*is_link))).one_or_none()) is not None:
            return found, LinkOutcome.UNCHANGED


async def unlink(
    connection: AsyncConnection,
    number_key: str,
    organisation_id: UUID,
    scac: str,
    pro_number: str,
    *,
    linked_by: UUID | None = None,
) -> Row[Any] | None:
    """Take a PRO number off an order and return the link that was; None where there is none (by `linked_by`)."""
    conditions = _is_link(number_key, organisation_id, scac, pro_number)
    if linked_by is not None:
        conditions = [*conditions, Link.linked_by == linked_by]
    result = await connection.execute(delete(Link).where(*conditions).returning(Link.__table__))
    return result.one_or_none()


async def links_of(
    connection: AsyncConnection,
    number_key: str,
    organisation_id: UUID,
    *,
    after: tuple[str, str] | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """Return up to `limit` links of an order after the (scac, key) `after`, in that order."""
    query = (
        select(Link.__table__)
        .where(Link.number_key == number_key, Link.organisation_id == organisation_id)
        .order_by(Link.scac, Link.pro_number)
        .limit(limit)
    )
    if after is not None:
        query = query.where(tuple_(Link.scac, Link.pro_number) > tuple_(*after))
    return (await connection.execute(query)).all()


async def another_link(
    connection: AsyncConnection, link: Row[Any], linked_by: Collection[UUID] | None
) -> Row[Any] | None:
    """Return a link of the order that `link` is on, other than that; by one of `linked_by`, where that is given.

    Of several, one of those that were made first. What others are linking at this moment is seen once it is committed:
    ask while the order's row is held.
    """
    other = tuple_(Link.scac, Link.pro_number) != tuple_(link.scac, link.pro_number)
    query = (
        select(Link.__table__)
        .where(Link.number_key == link.number_key, Link.organisation_id == link.organisation_id, other)
        .order_by(Link.linked_at, Link.scac, Link.pro_number)
        .limit(1)
    )
    if linked_by is not None:
        query = query.where(Link.linked_by.in_(linked_by))
    return (await connection.execute(query)).one_or_none()


async def links_of_all(
    connection: AsyncConnection, orders: Collection[tuple[str, UUID]]
) -> Mapping[tuple[str, UUID], list[Row[Any]]]:
    """Return the links of orders by order identity, by carrier and PRO number."""
    found: dict[tuple[str, UUID], list[Row[Any]]] = {identity: [] for identity in orders}
    if found:
        result = await connection.execute(
            select(Link.__table__)
            .where(Link.number_key.in_({key for key, _ in found}))
            .order_by(Link.number_key, Link.organisation_id, Link.scac, Link.pro_number)
        )
        for row in result:
            if (identity := (row.number_key, row.organisation_id)) in found:
                found[identity].append(row)
    return found


@dataclass(frozen=True, slots=True)
class Disruption:
    """A carrier's trouble, in the words of who has marked it; `until`: when it is over by itself."""

    reason: str | None
    until: datetime | None

    def lasts(self, at: datetime) -> bool:
        """Whether it is not over at the instant `at`."""
        return self.until is None or at < self.until


async def disruptions(
    connection: AsyncConnection, organisation_ids: Collection[UUID], scacs: Collection[str]
) -> Mapping[tuple[UUID | None, str], Disruption]:
    """Return which of the organisations have marked which of the carriers as disrupted; None: the operator, for all."""
    if not scacs:
        return {}
    own = select(Override.organisation_id, Override.scac, Override.disruption_reason, Override.disrupted_until).where(
        Override.organisation_id.in_(organisation_ids), Override.scac.in_(scacs), _in_trouble(Override)
    )
    shared = select(
        null().label("organisation_id"), CarrierRow.scac, CarrierRow.disruption_reason, CarrierRow.disrupted_until
    ).where(CarrierRow.scac.in_(scacs), _in_trouble(CarrierRow))
    marked: Any = union_all(own, shared)
    result = await connection.execute(marked)
    return {(row.organisation_id, row.scac): Disruption(row.disruption_reason, row.disrupted_until) for row in result}


async def linked_orders(
    connection: AsyncConnection,
    scac: str,
    pro_number: str,
    organisation_id: UUID,
    *,
    after: UUID | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """Return up to `limit` orders with the PRO number that name the organisation, with `linked_at` and `read_at`."""
    query = (
        select(*_order_columns)
        .join(Link, and_(Link.number_key == Order.number_key, Link.organisation_id == Order.organisation_id))
        .where(
            Link.scac == scac,
            Link.pro_number == pro_number,
            or_(*[has_role(organisation_id, relation) for relation in Relation]),
        )
        .order_by(Order.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(Order.id > after)
    return (await connection.execute(query)).all()


def _is_link(number_key: str, organisation_id: UUID, scac: str, pro_number: str) -> list[ColumnElement[bool]]:
    return [
        Link.number_key == number_key,
        Link.organisation_id == organisation_id,
        Link.scac == scac,
        Link.pro_number == pro_number,
    ]


def _in_trouble(carrier: Any) -> ColumnElement[bool]:
    """Whether a row of carriers or of overrides says now that the carrier is disrupted; false where there is no row."""
    over = func.coalesce(carrier.disrupted_until <= func.now(), False)
    return and_(func.coalesce(carrier.disrupted, False), ~over)


def _narrowed(column: Any, scacs: Collection[str] | None, after: str | None) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if scacs is not None:
        conditions.append(column.in_(scacs))
    if after is not None:
        conditions.append(column > after)
    return conditions
