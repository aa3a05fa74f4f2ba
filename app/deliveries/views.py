"""Makes the booking that an answer shows from its row, as much of it as the organisation may see."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from app.deliveries.booking_lifecycle import BookingStatus, allowed_actions
from app.deliveries.booking_rules import LoadType
from app.deliveries.schemas import (
    Arrived,
    BookedOrder,
    BookedShipment,
    BookingEvent,
    BookingSummary,
    DeliveryBooking,
    RefusedShipment,
)
from app.orders.contacts import ContactPoint
from app.orders.content_schemas import Window
from app.principal import Principal
from app.validation.delivery_schemas import DeliveryParty
from app.validation.refusal_codes import RefusalCode, Verdict

_COPIED = ("id", "booking_number", "version", "trailer_number", "comments", "appointment_number", "reason")


def whole(row: Row[Any], caller: Principal) -> DeliveryBooking:
    """Return a booking to one of its parties."""
    is_booker = row.organisation_id == caller.organisation_id
    refused = row.refused if is_booker else []
    return DeliveryBooking.model_construct(
        **_fields(row, caller),
        refused=[RefusedShipment.model_validate(one) for one in refused],
        arrival=None if row.arrival is None else Arrived(arrived_at=row.arrived_at, **row.arrival),
    )


def summary(row: Row[Any], caller: Principal) -> BookingSummary:
    """Return a booking to one of its parties as lists show it."""
    return BookingSummary.model_construct(**_fields(row, caller))


def event(row: Row[Any], booking: Row[Any], caller: Principal) -> BookingEvent:
    """Return an event of a booking to one of its parties."""
    is_shown = row.actor_organisation_id != booking.warehouse_id or _knows_warehouse(booking, caller)
    return BookingEvent(
        sequence=row.sequence,
        type=row.type,
        occurred_at=row.occurred_at,
        organisation_id=row.actor_organisation_id if is_shown else None,
        data=row.data,
    )


def _fields(row: Row[Any], caller: Principal) -> dict[str, Any]:
    me, stored = caller.organisation_id, row._asdict()
    is_warehouse = row.warehouse_id == me
    status = BookingStatus(row.status)
    actions = allowed_actions(status, by_warehouse=is_warehouse, by_booker=row.organisation_id == me)
    return {
        **{name: stored[name] for name in _COPIED},
        "status": status,
        "load_type": LoadType(row.load_type),
        "allowed_actions": list(actions),
        "booked_by": row.organisation_id,
        "warehouse": row.warehouse_id if _knows_warehouse(row, caller) else None,
        "ship_to": None if row.ship_to is None else DeliveryParty.model_validate(row.ship_to),
        "window": Window(start=row.window_start, end=row.window_end),
        "contact": None if row.contact is None else ContactPoint.model_validate(row.contact),
        "shipments": [_shipment(one) for one in row.shipments],
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def _knows_warehouse(booking: Row[Any], caller: Principal) -> bool:
    known: bool = booking.warehouse_is_known
    return known or booking.warehouse_id == caller.organisation_id


def _shipment(stored: Mapping[str, Any]) -> BookedShipment:
    names = ("scac", "pro_number", "bol", "freight_terms", "pallets", "cartons", "units")
    return BookedShipment.model_construct(
        id=UUID(stored["id"]),
        **{name: stored[name] for name in names},
        purchase_orders=[
            BookedOrder.model_construct(
                number=one["number"],
                verdict=Verdict(one["verdict"]),
                codes=[RefusalCode(code) for code in one["codes"]],
            )
            for one in stored["purchase_orders"]
        ],
    )
