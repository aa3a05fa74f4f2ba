"""Tracking: what the messages about a shipment or a parcel come to. Pure: no I/O, no clock.

Messages come late, twice and in any order, so the state is a function of the set of events and never of their order of
arrival. They are put in one order: by when they happened, then by how far along the type is, then by what they say.
Then they are gone through once:

- A movement is the status from then on: `picked_up`, `in_transit`, `at_terminal`, `out_for_delivery`. So is
  `exception`, until a later movement shows that the goods go on.
- `information` changes the estimate and the place, and no status.
- `delivered` is final. Of events of one time it comes last, so nothing that happened before or at the same time can
  undo it, however late it is told.
- A movement after the delivery changes nothing: carriers book papers and empty equipment with the number of a shipment
  that is long there, and a gate must not be told to wait for goods that it has.
- An exception after the delivery leaves it `delivered` and is shown beside it, since somebody has to look: damage that
  was found, goods at the wrong door. A later `delivered` is the redelivery: it closes the exception, and is when and
  where the goods were delivered. A later `delivered` without an exception in between repeats the first.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final


class TrackingStatus(StrEnum):
    """Where a shipment or parcel is on its way; the closed vocabulary."""

    picked_up = "picked_up"
    in_transit = "in_transit"
    at_terminal = "at_terminal"
    out_for_delivery = "out_for_delivery"
    exception = "exception"
    delivered = "delivered"


class TrackingEventType(StrEnum):
    """What an event says happened: a status, or nothing but information about the way."""

    information = "information"
    picked_up = "picked_up"
    in_transit = "in_transit"
    at_terminal = "at_terminal"
    out_for_delivery = "out_for_delivery"
    exception = "exception"
    delivered = "delivered"


STATUS_MEANINGS: Final[Mapping[str, str]] = {
    "information": "Nothing moved: another estimate, an appointment, a remark. It changes no status.",
    "picked_up": "The carrier has left the pick-up location with the goods.",
    "in_transit": "On the way between places.",
    "at_terminal": "At a terminal or ramp of the carrier.",
    "out_for_delivery": "On the last leg, or at the consignee's door and not unloaded yet.",
    "exception": "Something is wrong: delayed, damaged, refused, held. `reason` says what; a later movement ends it.",
    "delivered": "Unloaded at the delivery location. Final: nothing that happened before, and no later movement, "
    "undoes it. A later exception is shown beside it.",
}
"""What the types of events mean, and with them the statuses."""

RANK: Final[Mapping[TrackingEventType, int]] = {type_: rank for rank, type_ in enumerate(TrackingEventType)}
"""Of events of one moment the one that is further along counts, and `delivered` before all: the order above."""

SORT_KEY_LENGTH: Final = 32


@dataclass(frozen=True, slots=True)
class TrackedEvent:
    """One message. `digest` stands for all that it says (`digest_of`); no two of a set have the same."""

    type: TrackingEventType
    occurred_at: datetime
    digest: str
    eta: datetime | None = None
    location: Mapping[str, Any] | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class OpenException:
    """What is wrong, and since when."""

    reason: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class TrackingState:
    """What events come to. No status: nothing has moved yet.

    `since`: when it came to its status. `eta`: the estimate last told, none once it is delivered. `location`: the last
    one that was told until the delivery.
    """

    status: TrackingStatus | None = None
    since: datetime | None = None
    eta: datetime | None = None
    location: Mapping[str, Any] | None = None
    exception: OpenException | None = None


def place_of(event: TrackedEvent) -> tuple[datetime, int, str]:
    """Return where an event stands in the one order of events."""
    return event.occurred_at, RANK[event.type], event.digest


def state_of(events: Collection[TrackedEvent]) -> TrackingState:
    """Return what a set of events comes to; their order does not matter, and neither does one that is there twice."""
    state = TrackingState()
    for event in sorted(set_of(events), key=place_of):
        state = _after_delivery(state, event) if state.status is TrackingStatus.delivered else _after(state, event)
    return state


def set_of(events: Collection[TrackedEvent]) -> Collection[TrackedEvent]:
    """Return the events, each once."""
    return {event.digest: event for event in events}.values()


def _after(state: TrackingState, event: TrackedEvent) -> TrackingState:
    eta, location = event.eta or state.eta, event.location or state.location
    if event.type is TrackingEventType.information:
        return replace(state, eta=eta, location=location)
    status = TrackingStatus(event.type)
    same = status is state.status
    exception = None
    if status is TrackingStatus.exception:
        # The last that was said of it; since when it is stuck stays.
        began = state.exception.occurred_at if same and state.exception is not None else event.occurred_at
        exception = OpenException(event.reason or "", began)
    return TrackingState(
        status=status,
        since=state.since if same else event.occurred_at,
        eta=None if status is TrackingStatus.delivered else eta,
        location=location,
        exception=exception,
    )


def _after_delivery(state: TrackingState, event: TrackedEvent) -> TrackingState:
    if event.type is TrackingEventType.exception:
        began = event.occurred_at if state.exception is None else state.exception.occurred_at
        return replace(state, exception=OpenException(event.reason or "", began))
    if event.type is TrackingEventType.delivered and state.exception is not None:
        return replace(state, since=event.occurred_at, location=event.location or state.location, exception=None)
    return state


def is_news(before: TrackingState, after: TrackingState) -> bool:
    """Whether the parties of an order are to be told: another status, or an exception that is new or over."""
    return before.status is not after.status or (before.exception is None) is not (after.exception is None)


def outside(eta: datetime | None, window: tuple[datetime, datetime] | None) -> bool | None:
    """Return whether an estimate lies outside a window, at whose end it is over; None where one of them is unknown."""
    if eta is None or window is None:
        return None
    start, end = window
    return not start <= eta < end


def digest_of(said: Mapping[str, Any]) -> str:
    """Return what stands for all that an event says, written as JSON would have it: the same text, the same event."""
    written = json.dumps(said, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(written.encode("ascii")).hexdigest()[:SORT_KEY_LENGTH]
