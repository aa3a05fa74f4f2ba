"""The use cases of booking a delivery, and of adding a shipment to one: all of it, or what may come of it.

Whatever takes locks takes them in one order: the booking, its PRO numbers, the slots of the location's calendar, bills
of lading, links, orders. A vehicle of 500 orders is booked with eight statements.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import JsonValue
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.identifiers import new_id
from app.deliveries import booked_orders, calendars, drafts, repository
from app.deliveries.booked_orders import BookedLine
from app.deliveries.booking_lifecycle import BookingAction, BookingStatus
from app.deliveries.booking_numbers import BOOKING_FORMAT_ID, BOOKING_PATTERN
from app.deliveries.booking_rules import LoadType, cutoff_moment, trailer_key
from app.deliveries.drafts import Draft, Plan
from app.deliveries.errors import BookingCutoffPassed, DeliveryNotBookable
from app.deliveries.repository import Told
from app.deliveries.schemas import BookDelivery, BookShipment, DeliveryBooking, RefusedShipment
from app.deliveries.service import refusal, the_booking
from app.deliveries.views import whole
from app.events.event_types import EventType
from app.http.look_up_limits import LookUpAccount
from app.http.schemas import timestamp
from app.numbers.number_issuer import NumberIssuer
from app.orders.content_schemas import Window
from app.orders.service import overtaken
from app.principal import NAMED, Principal
from app.shipments import booking_repository as shipments
from app.shipments import claim_repository
from app.shipments import repository as links
from app.shipments.links import in_the_way, split_refused
from app.validation.delivery_schemas import DeliveryParty


async def book(
    connection: AsyncConnection, caller: Principal, issuer: NumberIssuer, account: LookUpAccount, body: BookDelivery
) -> DeliveryBooking:
    """Book a delivery: all shipments, or with `partial` what may come of them.

    Raises InvalidRequest for counts and windows, DeliveryNotBookable with everything that is against it,
    BookingCutoffPassed, what a calendar has against the window, and TemporarilyUnavailable where an order is being
    changed at this moment.
    """
    places: list[list[str | int]] = [["body", "shipments", index] for index in range(len(body.shipments))]
    drafts.require_counts(body.load_type, body.shipments, places)
    plan = await drafts.plan(connection, caller, account, body.shipments, body.ship_to, body.window)
    booking_id = new_id()
    await _reserve(connection, caller, plan, booking_id)
    await _require_bookable(connection, caller, plan, partial=body.partial)
    warehouse = _warehouse(plan)
    require_in_time(caller, warehouse, body.window.start, plan.policy.booking_cutoff, plan.read_at)
    location = body.ship_to.code if body.ship_to is not None and body.ship_to.code else _code_of(plan)
    await calendars.take(
        connection, warehouse=warehouse, location_code=location, booking_id=booking_id, window=body.window
    )
    number = await issuer.draw_own(BOOKING_FORMAT_ID, BOOKING_PATTERN)
    head = {
        "organisation_id": caller.organisation_id,
        "id": booking_id,
        "booking_number": number,
        "warehouse_id": warehouse,
        "warehouse_is_known": _may_know(plan, body.ship_to, warehouse),
        "status": BookingStatus.requested.value,
        "location_code": location,
        "window_start": body.window.start,
        "window_end": body.window.end,
        "load_type": body.load_type.value,
        "trailer_number": body.trailer_number,
        "trailer_key": trailer_key(body.trailer_number),
        "comments": body.comments,
        "ship_to": None if body.ship_to is None else body.ship_to.model_dump(mode="json"),
        "contact": None if body.contact is None else body.contact.model_dump(mode="json"),
    }
    row = await _write(connection, caller, plan, head, partial=body.partial)
    await _undo_the_rest(connection, plan, booking_id)
    await _put_on_orders(connection, caller, plan, row, EventType.DELIVERY_BOOKING_REQUESTED)
    return whole(row, caller)


async def add_shipment(
    connection: AsyncConnection, caller: Principal, account: LookUpAccount, name: str, body: BookShipment
) -> DeliveryBooking:
    """Add a shipment to a booking that is still to come; the whole of it, or nothing.

    Raises NotFound, InvalidTransition and what `book` does.
    """
    booking = await the_booking(connection, caller, name)
    drafts.require_counts(LoadType(booking.load_type), [body], [["body"]])
    drafts.require_room(booking.shipments, body)
    window = Window(start=booking.window_start, end=booking.window_end)
    ship_to = None if booking.ship_to is None else DeliveryParty.model_validate(booking.ship_to)
    plan = await drafts.plan(connection, caller, account, [body], ship_to, window, added_to=booking)
    (draft,) = plan.drafts
    told = Told(EventType.DELIVERY_BOOKING_SHIPMENT_ADDED, caller, _told_of(draft))
    added = [*booking.shipments, *([_stored(draft)] if draft.coming else [])]
    row = await repository.change(
        connection, booking, BookingAction.add_shipment, searchable(added), told, as_read=True
    )
    if row is None:
        raise await refusal(connection, caller, booking, BookingAction.add_shipment)
    await _reserve(connection, caller, plan, booking.id)
    if draft.bol is not None:
        drafts.note_bols(
            plan, await repository.claim_bols(connection, booking.organisation_id, booking.id, [draft.bol])
        )
    await _require_bookable(connection, caller, plan, partial=False)
    require_in_time(caller, booking.warehouse_id, window.start, plan.policy.booking_cutoff, plan.read_at)
    await _put_on_orders(connection, caller, plan, row, EventType.DELIVERY_BOOKING_SHIPMENT_ADDED)
    return whole(row, caller)


def require_in_time(
    caller: Principal, warehouse: UUID, start: datetime, cutoff: timedelta | None, now: datetime
) -> None:
    """Raise BookingCutoffPassed where it is too late for who has booked; the warehouse itself always may."""
    moment = cutoff_moment(start, cutoff)
    if moment is not None and moment < now and caller.organisation_id != warehouse:
        raise BookingCutoffPassed(
            f"Deliveries in this window could be booked and changed until {timestamp(moment)}.",
            members={"cutoff": timestamp(moment)},
        )


def searchable(stored: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the columns of a booking's shipments, with what lists search of them."""
    return {
        "shipments": list(stored),
        "scacs": sorted({one["scac"] for one in stored}),
        "pro_numbers": sorted({text for one in stored for text in (one["key"], f"{one['scac']}/{one['key']}")}),
        "bols": sorted({one["bol_key"] for one in stored if one["bol_key"] is not None}),
        "number_keys": sorted({order["number_key"] for one in stored for order in one["purchase_orders"]}),
    }


async def _reserve(connection: AsyncConnection, caller: Principal, plan: Plan, booking_id: UUID) -> None:
    """Claim the PRO numbers, and note whose they are where they cannot be had."""
    displays = {
        draft.key: draft.pro.display for draft in plan.drafts if draft.key is not None and draft.pro is not None
    }
    if displays:
        holders = await shipments.reserve(connection, caller.organisation_id, booking_id, displays)
        drafts.note_holders(plan, caller, booking_id, holders)
        used = {pro for pro, holder in holders.items() if not holder.is_new}
        in_doubt = {draft.key for draft in plan.drafts if draft.key in used - plan.expected and not draft.problems}
        drafts.note_delivered(plan, await claim_repository.delivered(connection, in_doubt))


async def _require_bookable(connection: AsyncConnection, caller: Principal, plan: Plan, *, partial: bool) -> None:
    """Raise DeliveryNotBookable where not everything may come, or with `partial` nothing."""
    if plan.is_whole or (partial and plan.kept):
        return
    # All at once: what only the last statement would have found is looked for now.
    unclaimed = [draft.bol for draft in plan.drafts if draft.bol is not None and not draft.has_reused_bol]
    if unclaimed and not plan.is_added:
        drafts.note_bols(plan, await repository.taken_bols(connection, caller.organisation_id, unclaimed))
    raise _not_bookable(plan)


def _not_bookable(plan: Plan) -> DeliveryNotBookable:
    asked = sum(len(draft.orders) for draft in plan.drafts)
    left = asked - sum(len(draft.coming) for draft in plan.drafts)
    results: list[JsonValue] = [one.model_dump(mode="json") for one in drafts.refused(plan)]
    return DeliveryNotBookable(
        f"{left} of {asked} purchase orders cannot come as they are; nothing was booked.", members={"results": results}
    )


async def _write(
    connection: AsyncConnection, caller: Principal, plan: Plan, head: Mapping[str, Any], *, partial: bool
) -> Row[Any]:
    """Write the booking with what may come; a bill of lading may turn out to be another shipment's only here."""
    while True:
        stored = [_stored(draft) for draft in plan.kept]
        rest: list[RefusedShipment] = drafts.refused(plan)
        values = {**head, **searchable(stored), "refused": [one.model_dump(mode="json") for one in rest]}
        told = Told(EventType.DELIVERY_BOOKING_REQUESTED, caller, _told_of(*plan.kept))
        bols = [draft.bol for draft in plan.kept if draft.bol is not None]
        row, taken = await repository.create(connection, values, bols, told)
        if not taken:
            return row
        drafts.note_bols(plan, taken)
        if not partial or not plan.kept:
            raise _not_bookable(plan)
        await repository.take_out(connection, caller.organisation_id, head["id"])


async def _undo_the_rest(connection: AsyncConnection, plan: Plan, booking_id: UUID) -> None:
    kept = {draft.key for draft in plan.kept}
    rest = {draft.key for draft in plan.drafts if draft.key is not None and draft.key not in kept}
    if rest:
        await shipments.undo_reservation(connection, booking_id, rest)


async def _put_on_orders(
    connection: AsyncConnection, caller: Principal, plan: Plan, booking: Row[Any], type_: EventType
) -> None:
    """Put the PRO numbers on the orders, with the vehicle and the window, and tell each order."""
    window = {"start": timestamp(booking.window_start), "end": timestamp(booking.window_end)}
    pairs = [(draft, one.located) for draft in plan.kept for one in draft.coming]
    await shipments.link(
        connection,
        [
            {
                "number_key": order.number_key,
                "organisation_id": order.organisation_id,
                "scac": draft.scac,
                "pro_number": draft.pro.key,
                "display": draft.pro.display,
                "trailer_number": booking.trailer_number,
                "delivery_window": window,
                "bol": draft.told.bol,
                "booking_id": booking.id,
                "warehouse_id": booking.warehouse_id,
                "location_code": booking.location_code,
                "linked_by": caller.organisation_id,
            }
            for draft, order in pairs
            if draft.pro is not None
        ],
    )
    lines = [
        BookedLine(*order.identity, draft.scac or "", draft.pro.display, draft.told.bol)
        for draft, order in pairs
        if draft.pro is not None
    ]
    judged = {order.identity: order.row for _, order in pairs}
    rows = await booked_orders.count(connection, lines, judged)
    changed = next((order for _, order in pairs if order.identity not in rows), None)
    if changed is not None:
        raise overtaken(changed.row["number"])
    await _require_single(connection, caller, plan)
    await booked_orders.tell(connection, caller, type_, booking, lines, rows)


async def _require_single(connection: AsyncConnection, caller: Principal, plan: Plan) -> None:
    """Raise DeliveryNotBookable where somebody has linked an order meanwhile that takes one PRO number only.

    The orders' rows are held: whoever links at this moment waits, and finds these links.
    """
    single = [(draft, one) for draft in plan.kept for one in draft.coming if one.located.identity in plan.takes_one]
    if not single:
        return
    found = await links.links_of_all(connection, {one.located.identity for _, one in single})
    for draft, one in single:
        if draft.key is None:
            continue
        relation, row = one.located.relation, one.located.row
        other = in_the_way(relation, row, draft.key, found[one.located.identity])
        if other is not None:
            one.problems.append(split_refused(caller, relation, row, other))
    if any(one.problems for _, one in single):
        raise _not_bookable(plan)


def _stored(draft: Draft) -> dict[str, Any]:
    if draft.pro is None:
        raise LookupError("a shipment that may come has a PRO number")
    told = draft.told
    return {
        "id": str(draft.id),
        "scac": draft.scac,
        "key": draft.pro.key,
        "pro_number": draft.pro.display,
        "bol": told.bol,
        "bol_key": draft.bol,
        **{name: getattr(told, name) for name in ("freight_terms", "pallets", "cartons", "units")},
        "purchase_orders": [
            {
                "number_key": one.located.number_key,
                "organisation_id": str(one.located.organisation_id),
                "number": one.located.row["number"],
                "verdict": "accept",
                "codes": [],
            }
            for one in draft.coming
        ],
    }


def _told_of(*kept: Draft) -> dict[str, Any]:
    """Return what a booking's history tells of shipments."""
    return {
        "shipments": [
            {
                "id": str(draft.id),
                "scac": draft.scac,
                "pro_number": None if draft.pro is None else draft.pro.display,
                "bol": draft.told.bol,
                "purchase_orders": [one.located.row["number"] for one in draft.coming],
            }
            for draft in kept
        ]
    }


def _warehouse(plan: Plan) -> UUID:
    if plan.warehouse is None:
        raise LookupError("an order that may come goes somewhere")
    return plan.warehouse


def _code_of(plan: Plan) -> str | None:
    """Return the buyer's code of where the first order goes."""
    stated = plan.kept[0].coming[0].located.row["ship_to"] or {}
    code: str | None = stated.get("code")
    return code


def _may_know(plan: Plan, ship_to: DeliveryParty | None, warehouse: UUID) -> bool:
    """Whether who books may know whose gate it is: an order names him, or he has said so himself."""
    named = any(one.located.relation in NAMED for draft in plan.kept for one in draft.coming)
    return named or (ship_to is not None and ship_to.organisation_id == warehouse)
