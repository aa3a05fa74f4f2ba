"""Which place of a warehouse a booking goes to: the calendar that is kept there has a place for the vehicle, or not.

A place is named by the code that orders give it for their ship-to. A code is its buyer's own word: two codes of one
buyer are two places, those of two buyers may be one. Of several codes the one with a calendar counts, whatever who
books calls the place himself: or a slot that is taken could be had under another name.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from app.deliveries import calendar_repository
from app.deliveries.drafts import DraftOrder, Plan
from app.deliveries.errors import AnotherWarehouse
from app.validation.delivery_facts import folded


async def location_of(
    connection: AsyncConnection, plan: Plan, told: str | None, added_to: Row[Any] | None = None
) -> str | None:
    """Return the code of the place that a plan's orders go to, and note which of them go to another.

    `told`: what who books calls it, where no order says it. `added_to`: the booking that has its place already.
    """
    _refuse_other_places(plan, added_to)
    codes = {folded(code): code for one in _coming(plan) if (code := code_of(one.located.row)) is not None}
    place = next(iter(codes.values()), told) if added_to is None else added_to.location_code
    others = [code for code in codes if code is not None and code != folded(place)]
    if not others or plan.warehouse is None:
        return place
    kept = await calendar_repository.kept_among(connection, plan.warehouse, [code for code in codes if code])
    if added_to is None:
        place = next((code for key, code in codes.items() if key in kept), place)
    for one in list(_coming(plan)):
        key = folded(code_of(one.located.row))
        if key in kept and key != folded(place):
            one.problems.append(_another_place())
    return place


def code_of(order: Mapping[str, Any]) -> str | None:
    """Return the code that an order gives for where it goes."""
    code: str | None = (order["ship_to"] or {}).get("code")
    return code


def is_elsewhere(booked: str | None, order: Mapping[str, Any]) -> bool:
    """Whether an order goes to another place by now than that of the code it was `booked` with."""
    named = folded(code_of(order))
    return booked is not None and named is not None and folded(booked) != named


def _refuse_other_places(plan: Plan, added_to: Row[Any] | None) -> None:
    """Refuse orders that go to another place than the first of their buyer's."""
    places: dict[UUID, str | None] = {}
    for shipment in () if added_to is None else added_to.shipments:
        for order in shipment["purchase_orders"]:
            if order.get("location_code") is not None:
                places.setdefault(UUID(order["organisation_id"]), folded(order["location_code"]))
    for one in list(_coming(plan)):
        key = folded(code_of(one.located.row))
        if key is not None and places.setdefault(one.located.organisation_id, key) != key:
            one.problems.append(_another_place())


def _coming(plan: Plan) -> Iterator[DraftOrder]:
    return (one for draft in plan.drafts for one in draft.orders if one.may_come)


def _another_place() -> AnotherWarehouse:
    return AnotherWarehouse("This order goes to another place of the warehouse than the others of this booking.")
