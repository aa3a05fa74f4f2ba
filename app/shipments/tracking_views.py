"""Makes what answers and timelines show of a shipment from what is kept of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import JsonValue
from sqlalchemy import Row

from app.http.schemas import timestamp
from app.orders.content_schemas import Window
from app.shipments.schemas import ProNumberLink, ShipNotice
from app.shipments.tracking_rules import (
    OpenException,
    TrackedEvent,
    TrackingEventType,
    TrackingState,
    TrackingStatus,
    outside,
)
from app.shipments.tracking_schemas import (
    LinkTracking,
    Tracking,
    TrackingEvent,
    TrackingException,
    TrackingLocation,
)


def link_shown(
    row: Row[Any], states: Mapping[tuple[str, str], Row[Any]], order: Mapping[str, Any], *, linked: bool
) -> ProNumberLink:
    """Return a PRO number on an order, with where its shipment is: `states` by carrier and key."""
    window = window_of(row.delivery_window)
    notice = row.ship_notice
    return ProNumberLink(
        scac=row.scac,
        pro_number=row.display,
        trailer_number=row.trailer_number,
        window=window,
        bol=row.bol,
        ship_notice=None if notice is None else ShipNotice(**{name: notice[name] for name in ShipNotice.model_fields}),
        tracking=link_tracking(states.get((row.scac, row.pro_number)), window or window_of(order["delivery_window"])),
        linked=linked,
        linked_by=row.linked_by,
        linked_at=row.linked_at,
    )


def link_tracking(state: Row[Any] | None, window: Window | None) -> LinkTracking | None:
    """Return where a shipment is, held against the window in which it is expected; None where nothing was told."""
    if state is None or not state.events:
        return None
    kept = kept_state(state)
    span = None if window is None else (window.start, window.end)
    shown = tracking_shown(kept, state.events)
    values = {name: getattr(shown, name) for name in Tracking.model_fields}
    return LinkTracking(**values, eta_outside_window=outside(kept.eta, span))


def kept_state(row: Row[Any]) -> TrackingState:
    """Return the state that a row keeps."""
    said = row.exception
    return TrackingState(
        status=None if row.status is None else TrackingStatus(row.status),
        since=row.since,
        eta=row.eta,
        location=row.location,
        exception=None if said is None else OpenException(said["reason"], datetime.fromisoformat(said["occurred_at"])),
    )


def tracked(row: Row[Any]) -> TrackedEvent:
    """Return what the rules ask of an event."""
    return TrackedEvent(TrackingEventType(row.type), row.occurred_at, row.digest, row.eta, row.location, row.reason)


def columns_of(state: TrackingState, count: int) -> dict[str, Any]:
    """Return the columns that keep a state and how many events it comes from."""
    exception = state.exception
    return {
        "status": state.status,
        "since": state.since,
        "eta": state.eta,
        "location": state.location,
        "exception": exception and {"reason": exception.reason, "occurred_at": exception.occurred_at.isoformat()},
        "events": count,
    }


def told_of(before: TrackingState, after: TrackingState) -> dict[str, JsonValue]:
    """Return what an order is told of a change: what there is to say."""
    since = after.since if after.exception is None else after.exception.occurred_at
    said: dict[str, JsonValue] = {
        "tracking_status": after.status,
        "previous_tracking_status": before.status,
        "occurred_at": None if since is None else timestamp(since),
        "eta": None if after.eta is None else timestamp(after.eta),
        "location": None if after.location is None else dict(after.location),
        "reason": None if after.exception is None else after.exception.reason,
    }
    return {name: value for name, value in said.items() if value is not None}


def tracking_shown(state: TrackingState, count: int) -> Tracking:
    """Return what an answer shows of a state."""
    exception = state.exception
    return Tracking(
        status=state.status,
        occurred_at=state.since,
        eta=state.eta,
        location=_location(state.location),
        exception=exception and TrackingException(reason=exception.reason, occurred_at=exception.occurred_at),
        events=count,
    )


def event_shown(row: Row[Any]) -> TrackingEvent:
    """Return what an answer shows of an event."""
    values = {name: getattr(row, name) for name in TrackingEvent.model_fields}
    return TrackingEvent(**{**values, "location": _location(row.location)})


def _location(said: Mapping[str, Any] | None) -> TrackingLocation | None:
    return None if said is None else TrackingLocation.model_validate(said)


def window_of(said: Mapping[str, Any] | None) -> Window | None:
    """Return a window as it is kept."""
    return None if said is None else Window.model_validate(said)
