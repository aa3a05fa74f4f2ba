"""Use cases of PRO numbers: claim one by using it, put it on orders and take it off, look it up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import JsonValue
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import Problem
from app.events import service as events
from app.events.event_types import EventType
from app.events.service import OrderChange
from app.http.errors import NotFound
from app.orders import policy_service
from app.orders import repository as orders
from app.orders.errors import InvalidTransition
from app.orders.lifecycle import OPEN, StoredStatus, allowed_actions, effective_status
from app.orders.location import LocatedOrder, locate, unknown_order
from app.orders.policies import SplitShipments
from app.orders.views import lifecycle_facts, relation_of
from app.principal import Principal, Relation
from app.shipments import carriers, pro_numbers, pro_scans, repository, tracking_repository
from app.shipments.errors import InvalidProNumber, ProNumberClaimed, SplitShipmentNotAllowed
from app.shipments.pro_numbers import ProRule, pro_number_key
from app.shipments.repository import LinkOutcome
from app.shipments.scac import InvalidScac, parse_scac
from app.shipments.schemas import LinkedOrder, LinkProNumber, ProNumber, ProNumberLink
from app.shipments.tracking_views import link_shown

LINKABLE = (*OPEN, StoredStatus.suspended)
"""Goods may still come. Time is no obstacle: an expired order may be extended while its goods are on their way."""

_EVENT_OF = {LinkOutcome.MADE: EventType.PRO_NUMBER_LINKED, LinkOutcome.CHANGED: EventType.PRO_NUMBER_CHANGED}


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

    Raises what `locate` does, InvalidProNumber, ProNumberClaimed, InvalidTransition where no goods are expected, and
    SplitShipmentNotAllowed.
    """
    order = await locate(connection, caller, number, buyer, admits=may_ship)
    scac, text = _waybill(body.scac, body.pro_number)
    pro = await _pro_number(connection, caller, scac, text)
    holder = await repository.claim(connection, scac, pro.key, pro.display, caller.organisation_id)
    if holder != caller.organisation_id:
        raise ProNumberClaimed(f"The PRO number {pro.display} of {scac} is used by another organisation already.")
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
        _vehicle(body),
    )
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
            await _require_single(connection, caller, order.relation, changed, row)
        await _record(connection, caller, order, _EVENT_OF[outcome], changed, _event_data(row))
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
    code, key = named(scac, pro_number)
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
    data = {**_event_data(row), "reason": reason}
    await _record(connection, caller, order, EventType.PRO_NUMBER_UNLINKED, changed, data)
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
    code, key = named(scac, pro_number)
    claim = await repository.find_claim(connection, code, key)
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


async def _require_single(
    connection: AsyncConnection, caller: Principal, relation: Relation, order: Row[Any], made: Row[Any]
) -> None:
    """Raise SplitShipmentNotAllowed for a second link of an order whose policy lets it have one.

    The order's row is held: whoever links at the same moment waits for the end of this transaction, and finds its link.
    What somebody linked who merely presented the number keeps none of the order's parties from linking the right one.
    """
    policy = await policy_service.kept_by_order(connection, order.organisation_id, order.policy_version)
    if policy.split_shipments is SplitShipments.allowed:
        return
    parties = {order.organisation_id, order.seller_id, order.ship_to_id, *order.forwarder_ids} - {None}
    named = relation is not Relation.PRESENTER
    other = await repository.another_link(connection, made, parties if named else None)
    if other is None:
        return
    seen = named or other.linked_by == caller.organisation_id
    raise SplitShipmentNotAllowed(
        f"{order.number} is shipped with one PRO number at a time, by its buyer's policy, and has "
        f"{f'{other.display} of {other.scac}' if seen else 'one'}.",
        members={
            "policy_version": order.policy_version,
            "linked": {"scac": other.scac, "pro_number": other.display} if seen else None,
        },
    )


def _vehicle(body: LinkProNumber) -> dict[str, Any]:
    """Return what is said of the expected vehicle, by the columns of a link: what is left out is not touched."""
    said = body.model_dump(mode="json", include=body.model_fields_set)
    columns = {"trailer_number": "trailer_number", "window": "delivery_window"}
    return {column: said[name] for name, column in columns.items() if name in said}


def may_ship(order: LocatedOrder) -> bool:
    """Return whether the caller may act for the shipment of an order that he has located.

    Whoever presents the number may act for its shipment until the order names who forwards it (contract, 3).
    """
    return order.relation is not Relation.PRESENTER or not order.row["forwarder_ids"]


def _scac(text: str) -> str:
    try:
        return parse_scac(text)
    except InvalidScac as fault:
        raise InvalidProNumber(
            fault.detail, members={"field": "scac", "rule": fault.rule.value, "carrier": None}
        ) from None


def _waybill(scac: str | None, pro_number: str) -> tuple[str, str]:
    """Return the carrier and its PRO number, as they are written or as a bar code holds them.

    Raises InvalidProNumber where neither names a carrier, or the two name different ones.
    """
    written = pro_scans.read(pro_number)
    if scac is None and written.scac is None:
        raise _wrong_carrier("The carrier's code (SCAC) is missing, and the PRO number is no bar code that says it.")
    said = written.scac if scac is None else _scac(scac)
    if said is None or written.scac not in {None, said}:
        raise _wrong_carrier(f"The bar code is of {written.scac}, and the carrier that is given is {said}.")
    return said, written.text


def _wrong_carrier(detail: str) -> InvalidProNumber:
    return InvalidProNumber(detail, members={"field": "scac", "rule": "carrier", "carrier": None})


def named(scac: str, pro_number: str) -> tuple[str, str]:
    """Return the carrier and the key of the PRO number that a path names; raises InvalidProNumber."""
    code, text = _waybill(scac, pro_number)
    try:
        return code, pro_number_key(text)
    except pro_numbers.InvalidProNumber as fault:
        raise _invalid(fault, fault.detail, None) from None


async def _pro_number(connection: AsyncConnection, caller: Principal, scac: str, text: str) -> pro_numbers.ProNumber:
    rule, name = await carriers.rule_of(connection, caller, scac)
    try:
        return pro_numbers.check(rule, text)
    except pro_numbers.InvalidProNumber as fault:
        detail = f"{name} ({scac}): {fault.detail}" if name else f"{scac}: {fault.detail}"
        raise _invalid(fault, detail, _described(rule, scac, name)) from None


def _invalid(fault: pro_numbers.InvalidProNumber, detail: str, carrier: JsonValue) -> InvalidProNumber:
    return InvalidProNumber(detail, members={"field": "pro_number", "rule": fault.rule.value, "carrier": carrier})


def _described(rule: ProRule, scac: str, name: str | None) -> JsonValue:
    return {
        "scac": scac,
        "name": name,
        "pro_mask": rule.mask,
        "check_scheme": rule.check_scheme,
        "source": rule.source,
    }


async def refusal(connection: AsyncConnection, order: LocatedOrder, number: str) -> Problem:
    """Return why the order, read anew, takes no PRO number from the caller."""
    found = await orders.find_by_keys(connection, [order.number_key], None, order.organisation_id)
    current = [LocatedOrder(row._asdict(), order.relation) for row in found]
    if not current or not may_ship(current[0]):
        return unknown_order(number)
    facts = lifecycle_facts(current[0].row)
    status = effective_status(facts, current[0].read_at)
    return InvalidTransition(
        f"The order is {status}: shipments are put on orders that are {', '.join(LINKABLE)}.",
        members={
            "order_status": status.value,
            "allowed": [action.value for action in allowed_actions(facts, current[0].read_at)],
        },
    )


async def _record(
    connection: AsyncConnection,
    caller: Principal,
    order: LocatedOrder,
    type_: EventType,
    changed: Row[Any],
    data: Mapping[str, JsonValue],
) -> None:
    change = OrderChange(
        type=type_,
        number_key=order.number_key,
        organisation_id=order.organisation_id,
        sequence=changed.version,
        actor=caller,
        relation=order.relation,
        data=dict(data),
    )
    await events.record(connection, [change])


def _event_data(row: Row[Any]) -> dict[str, JsonValue]:
    vehicle = {"trailer_number": row.trailer_number, "window": row.delivery_window}
    return {"scac": row.scac, "pro_number": row.display, **{name: said for name, said in vehicle.items() if said}}


def _linked_order(row: Mapping[str, Any], organisation_id: UUID) -> LinkedOrder:
    return LinkedOrder(
        id=row["id"],
        number=row["number"],
        status=effective_status(lifecycle_facts(row), row["read_at"]),
        relation=relation_of(row, organisation_id),
        linked_at=row["linked_at"],
    )
