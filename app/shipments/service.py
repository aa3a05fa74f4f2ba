"""Use cases of PRO numbers: claim one by using it, put it on orders and take it off, look it up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.events import service as events
from app.events.event_types import EventType
from app.http.errors import NotFound
from app.orders import repository as orders
from app.orders.lifecycle import effective_status
from app.orders.location import locate, unknown_order
from app.orders.views import lifecycle_facts, relation_of
from app.principal import Principal, Relation
from app.shipments import claim_repository, claims, reading, repository, tracking_repository
from app.shipments.links import (
    EVENT_OF,
    LINKABLE,
    booked,
    change,
    event_data,
    may_ship,
    refusal,
    require_single,
    says_otherwise,
    vehicle_of,
)
from app.shipments.models import LinkOutcome
from app.shipments.schemas import LinkedOrder, LinkProNumber, ProNumber, ProNumberLink
from app.shipments.tracking_views import link_shown


@dataclass(frozen=True, slots=True)
class LinkPosition:
    """A link with where it stands among its order's links: by carrier, then by the PRO number's key."""

    link: ProNumberLink
    scac: str
    key: str


async def link(
    connection: AsyncConnection, caller: Principal, number: str, buyer: UUID | None, body: LinkProNumber
) -> tuple[ProNumberLink, bool]:
    """Put a PRO number on an order and claim it; return the link and whether it is new.

    A repetition changes nothing but the vehicle that is expected, where it says another one.

    Raises what `locate` does, InvalidProNumber, ProNumberClaimed, ProNumberReused, ProNumberBooked for another vehicle
    than that of its delivery booking, InvalidTransition where no goods are expected, and SplitShipmentNotAllowed.
    """
    order = await locate(connection, caller, number, buyer, admits=may_ship)
    scac, pro = await reading.read(connection, caller, body.scac, body.pro_number)
    claimed = await claims.claim(connection, caller, scac, pro)
    vehicle = vehicle_of(body)
    row, outcome = await repository.link(
        connection,
        {
            "number_key": order.number_key,
            "organisation_id": order.organisation_id,
            "scac": scac,
            "pro_number": pro.key,
            "display": pro.display,
            "linked_by": caller.organisation_id,
        },
        vehicle,
    )
    if row.booking_id is not None and says_otherwise(row, vehicle):
        raise booked(row)
    if outcome is LinkOutcome.MADE:
        await claims.require_unused(connection, claimed, order.identity)
    if outcome is not LinkOutcome.UNCHANGED:
        changed = await orders.bump_version(
            connection,
            order.number_key,
            order.organisation_id,
            while_in=LINKABLE,
            while_no_forwarder=order.relation is Relation.PRESENTER,
        )
        if changed is None:
            raise await refusal(connection, order, number)
        if outcome is LinkOutcome.MADE:
            await require_single(connection, caller, order.relation, changed, row)
        await events.record(connection, [change(caller, order, EVENT_OF[outcome], changed.version, event_data(row))])
    states = await tracking_repository.states_of(connection, [(scac, pro.key)])
    return link_shown(row, states, order.row, linked=True), outcome is LinkOutcome.MADE


async def unlink(
    connection: AsyncConnection,
    caller: Principal,
    number: str,
    buyer: UUID | None,
    scac: str,
    pro_number: str,
    reason: str | None,
) -> ProNumberLink:
    """Take a PRO number off an order, whatever its status; the claim stays. Raises what `locate` does, and NotFound.

    Who merely presents the order's number takes off only what his own organisation linked: the rest he does not see.
    """
    order = await locate(connection, caller, number, buyer, admits=may_ship)
    code, key = reading.named(scac, pro_number)
    row = await repository.unlink(
        connection,
        order.number_key,
        order.organisation_id,
        code,
        key,
        linked_by=caller.organisation_id if order.relation is Relation.PRESENTER else None,
    )
    if row is None:
        raise NotFound(f"The PRO number {key} of {code} is not linked to this order.")
    changed = await orders.bump_version(connection, order.number_key, order.organisation_id)
    if changed is None:
        raise unknown_order(number)
    data = {**event_data(row), "reason": reason}
    await events.record(connection, [change(caller, order, EventType.PRO_NUMBER_UNLINKED, changed.version, data)])
    states = await tracking_repository.states_of(connection, [(code, key)])
    return link_shown(row, states, order.row, linked=False)


async def page(
    connection: AsyncConnection,
    caller: Principal,
    number: str,
    buyer: UUID | None,
    after: tuple[str, str] | None,
    limit: int,
) -> Sequence[LinkPosition]:
    """Return up to `limit` links of an order after the (carrier, key) `after`; raises what `locate` does."""
    order = await locate(connection, caller, number, buyer)
    rows = await repository.links_of(connection, order.number_key, order.organisation_id, after=after, limit=limit)
    states = await tracking_repository.states_of(connection, [(row.scac, row.pro_number) for row in rows])
    return [LinkPosition(link_shown(row, states, order.row, linked=True), row.scac, row.pro_number) for row in rows]


async def look_up(
    connection: AsyncConnection, caller: Principal, scac: str, pro_number: str, after: UUID | None, limit: int
) -> ProNumber:
    """Return a PRO number with up to `limit` of its orders after the id `after`: those that name the organisation.

    Raises NotFound where it neither claimed the PRO number nor is named on any of its orders, InvalidProNumber for a
    text that no carrier's number looks like.
    """
    code, key = reading.named(scac, pro_number)
    claim = await claim_repository.find_claim(connection, code, key)
    rows = await repository.linked_orders(connection, code, key, caller.organisation_id, after=after, limit=limit)
    claimed = claim is not None and claim.organisation_id == caller.organisation_id
    if claim is None or not (claimed or rows):
        raise NotFound(f"There is no PRO number {key} of {code} that this organisation has to do with.")
    return ProNumber(
        scac=code,
        pro_number=claim.display,
        claimed=claimed,
        purchase_orders=[_linked_order(row._asdict(), caller.organisation_id) for row in rows],
        next_cursor=None,
    )


def _linked_order(row: Mapping[str, Any], organisation_id: UUID) -> LinkedOrder:
    return LinkedOrder(
        id=row["id"],
        number=row["number"],
        status=effective_status(lifecycle_facts(row), row["read_at"]),
        relation=relation_of(row, organisation_id),
        linked_at=row["linked_at"],
    )
