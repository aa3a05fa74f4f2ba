"""Use cases of parcels: put a tracking number on an order, take it off, and tell where the parcel is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from pydantic import JsonValue
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import InvalidRequest
from app.events import service as events
from app.events.event_types import EventType
from app.http.errors import NotFound
from app.orders import repository as orders
from app.orders.location import LocatedOrder, locate, unknown_order
from app.principal import Principal, Relation
from app.shipments import parcel_repository, tracking, tracking_repository
from app.shipments.errors import TrackingNumberTaken
from app.shipments.links import LINKABLE, change, may_ship, refusal
from app.shipments.models import LinkOutcome
from app.shipments.parcel_schemas import LinkTrackingNumber, TrackingNumber
from app.shipments.scac import InvalidScac, parse_scac
from app.shipments.tracking import Page
from app.shipments.tracking_numbers import InvalidTrackingNumber, tracking_number_key
from app.shipments.tracking_schemas import RecordedTracking, ReportedEvent, TrackingHistory
from app.shipments.tracking_views import link_tracking, window_of

_EVENT_OF: Final = {
    LinkOutcome.MADE: EventType.TRACKING_NUMBER_LINKED,
    LinkOutcome.CHANGED: EventType.TRACKING_NUMBER_CHANGED,
}


@dataclass(frozen=True, slots=True)
class ParcelPosition:
    """A parcel with its key, by which an order's parcels are sorted."""

    parcel: TrackingNumber
    key: str


async def link(
    connection: AsyncConnection, caller: Principal, number: str, buyer: UUID | None, body: LinkTrackingNumber
) -> tuple[TrackingNumber, bool]:
    """Put a tracking number on an order; return the parcel and whether it is new there.

    Raises what `locate` does, InvalidRequest for what is no tracking number, InvalidTransition where no goods are
    expected, and TrackingNumberTaken for who merely presents the order's number, where another has put it there.
    """
    order = await locate(connection, caller, number, buyer, admits=may_ship)
    key = _key(body.tracking_number, ["body", "tracking_number"])
    values = {
        "number_key": order.number_key,
        "organisation_id": order.organisation_id,
        "tracking_number": key,
        "display": body.tracking_number,
        "carrier": _carrier(body.carrier),
        "linked_by": caller.organisation_id,
    }
    presents = order.relation is Relation.PRESENTER
    row, outcome = await parcel_repository.link(connection, values, own_alone=presents)
    if row is None:
        raise TrackingNumberTaken(f"Another organisation has put {body.tracking_number} on this order.")
    if outcome is not LinkOutcome.UNCHANGED:
        changed = await orders.bump_version(connection, *order.identity, while_in=LINKABLE, while_no_forwarder=presents)
        if changed is None:
            raise await refusal(connection, order, number)
        event = change(caller, order, _EVENT_OF[outcome], changed.version, _event_data(row))
        await events.record(connection, [event])
    return _shown(row, order, linked=True), outcome is LinkOutcome.MADE


async def unlink(
    connection: AsyncConnection,
    caller: Principal,
    number: str,
    buyer: UUID | None,
    tracking_number: str,
    reason: str | None,
) -> TrackingNumber:
    """Take a tracking number off an order, whatever its status. Raises what `locate` does, and NotFound.

    Who merely presents the order's number takes off only what his own organisation put there.
    """
    order = await locate(connection, caller, number, buyer, admits=may_ship)
    key = _key(tracking_number, ["path", "tracking_number"])
    presents = order.relation is Relation.PRESENTER
    own = caller.organisation_id if presents else None
    row = await parcel_repository.unlink(connection, *order.identity, key, linked_by=own)
    if row is None:
        raise _not_there(key)
    changed = await orders.bump_version(connection, *order.identity)
    if changed is None:
        raise unknown_order(number)
    data = {**_event_data(row), "reason": reason}
    event = change(caller, order, EventType.TRACKING_NUMBER_UNLINKED, changed.version, data)
    await events.record(connection, [event])
    return _shown(row, order, linked=False)


async def page(
    connection: AsyncConnection, caller: Principal, number: str, buyer: UUID | None, after: str | None, limit: int
) -> Sequence[ParcelPosition]:
    """Return up to `limit` parcels of an order after the key `after`; raises what `locate` does."""
    order = await locate(connection, caller, number, buyer)
    rows = await parcel_repository.parcels_of(connection, *order.identity, after=after, limit=limit)
    return [ParcelPosition(_shown(row, order, linked=True), row.tracking_number) for row in rows]


async def record(
    connection: AsyncConnection,
    caller: Principal,
    number: str,
    buyer: UUID | None,
    tracking_number: str,
    reported: Sequence[ReportedEvent],
) -> RecordedTracking:
    """Record what happened to a parcel, all of it or nothing; raises what `locate` and `tracking.settle` do, NotFound.

    Who merely presents the order's number speaks only of what his own organisation put on it.
    """
    order = await locate(connection, caller, number, buyer, admits=may_ship)
    row = await _parcel(connection, order, tracking_number)
    if order.relation is Relation.PRESENTER and row.linked_by != caller.organisation_id:
        raise _not_there(row.tracking_number)
    trail = tracking_repository.parcel(*order.identity, row.tracking_number)
    recorded, change = await tracking.settle(connection, caller, trail, reported)
    if change is not None:
        changed = await orders.bump_versions(connection, [order.identity])
        await tracking.tell(connection, caller, changed, {**_event_data(row), **change})
    return recorded


async def history(
    connection: AsyncConnection, caller: Principal, number: str, buyer: UUID | None, tracking_number: str, page_: Page
) -> TrackingHistory:
    """Return where a parcel is, with its events by when they happened; raises what `locate` does, and NotFound."""
    order = await locate(connection, caller, number, buyer)
    row = await _parcel(connection, order, tracking_number)
    trail = tracking_repository.parcel(*order.identity, row.tracking_number)
    return await tracking.history_of(connection, trail, page_)


async def _parcel(connection: AsyncConnection, order: LocatedOrder, tracking_number: str) -> Row[Any]:
    key = _key(tracking_number, ["path", "tracking_number"])
    row = await parcel_repository.find(connection, *order.identity, key)
    if row is None:
        raise _not_there(key)
    return row


def _key(text: str, place: list[str | int]) -> str:
    try:
        return tracking_number_key(text)
    except InvalidTrackingNumber as fault:
        raise InvalidRequest.at(place, f"tracking_number_{fault.rule}", fault.detail) from None


def _carrier(text: str) -> str:
    """Return a carrier as it is written, and a code in capitals."""
    try:
        return parse_scac(text)
    except InvalidScac:
        return text


def _not_there(key: str) -> NotFound:
    return NotFound(f"The tracking number {key} is not on this order.")


def _event_data(row: Row[Any]) -> dict[str, JsonValue]:
    return {"carrier": str(row.carrier), "tracking_number": str(row.display)}


def _shown(row: Row[Any], order: LocatedOrder, *, linked: bool) -> TrackingNumber:
    return TrackingNumber(
        carrier=row.carrier,
        tracking_number=row.display,
        tracking=link_tracking(row, window_of(order.row["delivery_window"])),
        linked=linked,
        linked_by=row.linked_by,
        linked_at=row.linked_at,
    )
