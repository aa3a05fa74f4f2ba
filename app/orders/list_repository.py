"""SQL of lists of purchase orders."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Row, ScalarSelect, and_, exists, false, func, or_, select, union
from sqlalchemy.ext.asyncio import AsyncConnection

from app.numbers.number_keys import MalformedNumber, number_key
from app.orders.models import PurchaseOrderForwarderRow, PurchaseOrderLineRow, PurchaseOrderRow, ReferenceClaimRow
from app.orders.repository import effective_status, has_role, is_no_draft, order_columns
from app.orders.visibility import may_see, may_see_code
from app.principal import Relation

Order = PurchaseOrderRow

_CLOCKS_APART: Final = timedelta(days=1)
"""Ids begin with the time of the machine that made them; no machine of the service is a day wrong."""


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
            *filters.conditions(organisation_id, role)
        )
        place: Any = Order.id
        if role is Relation.FORWARDER:
            # An array has no index in the order of ids: by it, the walk would pass everybody's orders.
            place = PurchaseOrderForwarderRow.id
            walk = walk.join(PurchaseOrderForwarderRow, _is_forwarded_by(organisation_id)).where(is_no_draft())
        else:
            walk = walk.where(has_role(organisation_id, role))
        if before is not None:
            walk = walk.where(place < before)
        walks.append(walk.order_by(place.desc()).limit(limit).subquery().select())
    together = union(*walks).subquery()
    query = (
        select(*order_columns)
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

    def conditions(  # noqa: C901, PLR0912 - a flat list, filter by filter
        self, organisation_id: UUID, role: Relation
    ) -> Iterator[ColumnElement[bool]]:
        """Yield the conditions for one role; what a role may not see it may not search either."""
        sees_reference = may_see(role, "reference")
        if self.status is not None:
            yield effective_status().in_(self.status)
        if self.number_keys is not None:
            yield Order.number_key.in_(self.number_keys)
        if self.reference is not None:
            yield Order.reference == self.reference if sees_reference else false()
            if role is Relation.OWNER:
                yield Order.number_key == _claimed_for(organisation_id, self.reference)
        if self.seller is not None:
            yield _is_party(Order.seller, Order.seller_id, self.seller, by_code=may_see_code(role, "seller"))
        if self.ship_to is not None:
            yield _is_party(Order.ship_to, Order.ship_to_id, self.ship_to, by_code=may_see_code(role, "ship_to"))
        if self.sku is not None:
            yield _has_line(PurchaseOrderLineRow.sku == self.sku)
        if self.expires_before is not None:
            yield Order.expires_at < self.expires_before
        if self.activate_by_before is not None:
            yield Order.activate_by < self.activate_by_before
        if self.created_after is not None:
            yield Order.created_at > self.created_after
            yield Order.id >= _id_at(self.created_after - _CLOCKS_APART)
        if self.updated_after is not None:
            yield Order.updated_at > self.updated_after
        if self.q is not None:
            searched = [
                Order.number_key.contains(_folded(self.q), autoescape=True),
                Order.number.icontains(self.q, autoescape=True),
                Order.seller["name"].astext.icontains(self.q, autoescape=True),
                _has_line(PurchaseOrderLineRow.sku.icontains(self.q, autoescape=True)),
            ]
            if sees_reference:
                searched.append(Order.reference.icontains(self.q, autoescape=True))
            yield or_(*searched)


def _folded(text: str) -> str:
    """Return a part of a number as it stands in keys: how it is written does not matter."""
    try:
        return number_key(text)
    except MalformedNumber:
        return text.upper()


def _is_party(party: Any, party_id: Any, text: str, *, by_code: bool) -> ColumnElement[bool]:
    named = [party["gln"].astext == text, func.lower(party["name"].astext) == text.lower()]
    if by_code:
        named.append(party["code"].astext == text)
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


def _is_forwarded_by(organisation_id: UUID) -> ColumnElement[bool]:
    forwarder = PurchaseOrderForwarderRow
    return and_(
        forwarder.forwarder_id == organisation_id,
        forwarder.number_key == Order.number_key,
        forwarder.organisation_id == Order.organisation_id,
    )


def _claimed_for(organisation_id: UUID, reference: str) -> ScalarSelect[str]:
    claim = ReferenceClaimRow
    return (
        select(claim.number_key)
        .where(claim.organisation_id == organisation_id, claim.reference == reference)
        .scalar_subquery()
    )


def _id_at(moment: datetime) -> UUID:
    """Return the least id (UUIDv7) that was made at the moment: the walk along the ids ends there."""
    milliseconds = max(int(moment.timestamp() * 1000), 0)
    return UUID(int=milliseconds << 80)
