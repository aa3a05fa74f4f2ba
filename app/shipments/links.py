"""What every use case of links shares: who may link, which order takes a link, how a link is shown and recorded."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from pydantic import JsonValue
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import Problem
from app.events.event_types import EventType
from app.events.service import OrderChange
from app.orders import policy_service
from app.orders import repository as orders
from app.orders.errors import InvalidTransition
from app.orders.lifecycle import OPEN, StoredStatus, allowed_actions, effective_status
from app.orders.location import LocatedOrder, unknown_order
from app.orders.policies import SplitShipments
from app.orders.views import lifecycle_facts
from app.principal import Principal, Relation
from app.shipments import repository
from app.shipments.claim_repository import Pro
from app.shipments.errors import ProNumberBooked, SplitShipmentNotAllowed
from app.shipments.models import LinkOutcome
from app.shipments.schemas import LinkProNumber

LINKABLE: Final = (*OPEN, StoredStatus.suspended)
"""Goods may still come. Time is no obstacle: an expired order may be extended while its goods are on their way."""

EVENT_OF: Final = {LinkOutcome.MADE: EventType.PRO_NUMBER_LINKED, LinkOutcome.CHANGED: EventType.PRO_NUMBER_CHANGED}

VEHICLE_COLUMNS: Final = {"trailer_number": "trailer_number", "window": "delivery_window", "bol": "bol"}
"""What is said of an expected vehicle, by the columns of a link."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A PRO number that is on an order, or about to be."""

    scac: str
    pro_number: str
    display: str
    linked_by: UUID


def may_ship(order: LocatedOrder) -> bool:
    """Whoever presents the number may act for its shipment until the order names who forwards it (contract, 3)."""
    return order.relation is not Relation.PRESENTER or not order.row["forwarder_ids"]


def vehicle_of(body: LinkProNumber) -> dict[str, Any]:
    """Return what is said of the expected vehicle, by the columns of a link: what is left out is not touched."""
    said = body.model_dump(mode="json", include=body.model_fields_set)
    return {column: said[name] for name, column in VEHICLE_COLUMNS.items() if name in said}


async def require_single(
    connection: AsyncConnection, caller: Principal, relation: Relation, order: Row[Any], made: Row[Any]
) -> None:
    """Raise SplitShipmentNotAllowed for a second link of an order whose policy lets it have one.

    The order's row is held: whoever links at the same moment waits for the end of this transaction, and finds its link.
    """
    policy = await policy_service.kept_by_order(connection, order.organisation_id, order.policy_version)
    if policy.split_shipments is SplitShipments.allowed:
        return
    parties = parties_of(order._asdict()) if relation is not Relation.PRESENTER else None
    other = await repository.another_link(connection, made, parties)
    if other is not None:
        raise split_refused(caller, relation, order._asdict(), other)


def in_the_way(relation: Relation, order: Mapping[str, Any], wanted: Pro, on_it: Iterable[Any]) -> Any | None:
    """Return the first link on an order, whose policy lets it have one, that keeps the wanted one from being made.

    What somebody linked who merely presented the number keeps none of the order's parties from linking the right one.
    """
    parties = parties_of(order) if relation is not Relation.PRESENTER else None
    others = (link for link in on_it if (link.scac, link.pro_number) != wanted)
    return next((link for link in others if parties is None or link.linked_by in parties), None)


def parties_of(order: Mapping[str, Any]) -> set[UUID]:
    """Return the organisations that an order names."""
    return {order["organisation_id"], order["seller_id"], order["ship_to_id"], *order["forwarder_ids"]} - {None}


def split_refused(
    caller: Principal, relation: Relation, order: Mapping[str, Any], other: Any | None
) -> SplitShipmentNotAllowed:
    """Return the problem of a second link beside `other`, which a mere presenter is told of where it is its own.

    None: beside one that is wanted at the same time.
    """
    text, linked = f"{order['number']} is shipped with one PRO number at a time, by its buyer's policy", None
    if other is not None and (relation is not Relation.PRESENTER or other.linked_by == caller.organisation_id):
        text = f"{text}, and has {other.display} of {other.scac}"
        linked = {"scac": other.scac, "pro_number": other.display}
    elif other is not None:
        text = f"{text}, and has one"
    return SplitShipmentNotAllowed(f"{text}.", members={"policy_version": order["policy_version"], "linked": linked})


async def refusal(connection: AsyncConnection, order: LocatedOrder, number: str) -> Problem:
    """Return why the order, read anew, takes no PRO number from the caller."""
    found = await orders.find_by_keys(connection, [order.number_key], None, order.organisation_id)
    current = [LocatedOrder(row._asdict(), order.relation) for row in found]
    return not_linkable(current[0]) if current and may_ship(current[0]) else unknown_order(number)


def not_linkable(order: LocatedOrder) -> InvalidTransition:
    """Return the problem of an order to which no goods come any more, or not yet."""
    facts = lifecycle_facts(order.row)
    status = effective_status(facts, order.read_at)
    return InvalidTransition(
        f"The order is {status}: shipments are put on orders that are {', '.join(LINKABLE)}.",
        members={
            "order_status": status.value,
            "allowed": [action.value for action in allowed_actions(facts, order.read_at)],
        },
    )


def says_otherwise(row: Any, vehicle: Mapping[str, Any]) -> bool:
    """Whether a `vehicle`, by the columns of a link, is another one than that of the link."""
    return any(getattr(row, column) != value for column, value in vehicle.items())


def booked(row: Any) -> ProNumberBooked:
    """Return the problem of a link on which a delivery booking has its PRO number, its vehicle and its window."""
    return ProNumberBooked(f"The PRO number {row.display} of {row.scac} comes with a delivery booking.")


def change(
    caller: Principal, order: LocatedOrder, type_: EventType, sequence: int, data: Mapping[str, JsonValue]
) -> OrderChange:
    """Return the event of a change of an order's links, numbered by the order's version after it."""
    return OrderChange(
        type=type_,
        number_key=order.number_key,
        organisation_id=order.organisation_id,
        sequence=sequence,
        actor=caller,
        relation=order.relation,
        data=dict(data),
    )


def event_data(row: Row[Any]) -> dict[str, JsonValue]:
    """Return what the events of a link say of it: its PRO number and what is known of the vehicle."""
    vehicle = {name: getattr(row, column) for name, column in VEHICLE_COLUMNS.items()}
    return {"scac": row.scac, "pro_number": row.display, **{name: said for name, said in vehicle.items() if said}}
