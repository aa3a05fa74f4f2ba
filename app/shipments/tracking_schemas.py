"""Bodies of tracking: events in, and where a shipment or parcel is."""

from typing import Annotated, Any, Final, Self

from pydantic import ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from app.http.schemas import PRINTABLE, AnswerModel, LargeAnswer, LongText, RequestModel, Timestamp
from app.shipments.tracking_rules import TrackingEventType, TrackingStatus

REPORTED_AT_ONCE: Final = 100

_Place = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), PRINTABLE]
_Country = Annotated[str, StringConstraints(pattern="^[A-Z]{2}$")]
_SourceReference = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), PRINTABLE]

LOCATION: dict[str, Any] = {"city": "Columbus", "state": "OH", "country": "US", "terminal": "XCB"}

EVENT: dict[str, Any] = {
    "type": "at_terminal",
    "occurred_at": "2036-02-27T21:40:00Z",
    "location": LOCATION,
    "eta": "2036-03-01T07:00:00Z",
    "source_reference": "XPO-88120441",
}

EXCEPTION: dict[str, Any] = {
    "type": "exception",
    "occurred_at": "2036-02-28T05:15:00Z",
    "reason": "Interstate 70 is closed by snow",
    "eta": "2036-03-01T15:00:00Z",
}

_RECORDED: dict[str, Any] = {
    **dict.fromkeys(("reason", "note"), None),
    **EVENT,
    "recorded_at": "2036-02-27T21:44:12Z",
}

TRACKING: dict[str, Any] = {
    "status": "at_terminal",
    "occurred_at": "2036-02-27T21:40:00Z",
    "eta": "2036-03-01T07:00:00Z",
    "location": LOCATION,
    "exception": None,
    "events": 3,
}


class TrackingLocation(RequestModel):
    """Where something happened; at least one of the fields."""

    city: _Place | None = None
    state: _Place | None = None
    """State, province or region."""
    country: _Country | None = None
    """ISO 3166-1, two capital letters."""
    terminal: _Place | None = None
    """The carrier's own name or code for its terminal."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.city or self.state or self.country or self.terminal):
            raise PydanticCustomError("location", "A location needs a city, a state, a country or a terminal")
        return self


class ReportedEvent(RequestModel):
    """One thing that happened on the way."""

    model_config = ConfigDict(json_schema_extra={"examples": [EVENT, EXCEPTION]})

    type: TrackingEventType
    occurred_at: Timestamp
    """When it happened, not when it was told; at most a day ahead of the service's clock, for clocks and time zones
    that are not right."""
    location: TrackingLocation | None = None
    eta: Timestamp | None = None
    """When the goods are now expected. Left out: as it was said before."""
    reason: LongText | None = None
    """Of an exception, and needed there: what is wrong."""
    note: LongText | None = None
    """A remark, kept with the event."""
    source_reference: _SourceReference | None = None
    """The carrier's own id of the event: told again, it is the same event. Without it an event is known by everything
    that it says."""

    @model_validator(mode="after")
    def _reason_is_that_of_an_exception(self) -> Self:
        excepted = self.type is TrackingEventType.exception
        if excepted and self.reason is None:
            raise PydanticCustomError("reason_missing", "An exception needs a `reason`")
        if self.reason is not None and not excepted:
            raise PydanticCustomError("reason_without_exception", "`reason` is that of an exception; use `note`")
        return self


class ReportTracking(RequestModel):
    """What happened on the way, in any order; one event may also be sent by itself, without `events`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"events": [EVENT]}]})

    events: Annotated[list[ReportedEvent], Field(min_length=1, max_length=REPORTED_AT_ONCE)]

    @model_validator(mode="before")
    @classmethod
    def _one_is_a_list_of_one(cls, sent: Any) -> Any:
        if isinstance(sent, list):
            return {"events": sent}
        return {"events": [sent]} if isinstance(sent, dict) and "type" in sent and "events" not in sent else sent


class TrackingEvent(AnswerModel):
    """One thing that happened on the way."""

    model_config = ConfigDict(json_schema_extra={"examples": [_RECORDED]})

    type: TrackingEventType
    occurred_at: Timestamp
    location: TrackingLocation | None
    eta: Timestamp | None
    reason: str | None
    note: str | None
    source_reference: str | None
    recorded_at: Timestamp
    """When the service was told."""


class TrackingException(AnswerModel):
    """What is wrong with a shipment."""

    reason: str
    occurred_at: Timestamp
    """Since when."""


class Tracking(AnswerModel):
    """Where a shipment or parcel is: what all its events come to, in whatever order they came."""

    model_config = ConfigDict(json_schema_extra={"examples": [TRACKING]})

    status: TrackingStatus | None
    """Null: nothing has moved yet."""
    occurred_at: Timestamp | None
    """When it came to this status."""
    eta: Timestamp | None
    """When it is expected; null once it is delivered."""
    location: TrackingLocation | None
    """The last place that was told."""
    exception: TrackingException | None
    """What is wrong, also where that was found after the delivery; null where nothing is."""
    events: int
    """How many events were told."""


class LinkTracking(Tracking):
    """Where the shipment behind a PRO number or a parcel of an order is."""

    eta_outside_window: bool | None
    """Whether the estimate lies outside the window in which it is booked to come, else outside the order's
    `delivery_window`. Null where there is no estimate or no window."""


class RecordedTracking(LargeAnswer):
    """What was recorded, and what all events come to."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"tracking": TRACKING, "recorded": 1, "known": 0}]})

    tracking: Tracking
    recorded: int
    """How many of the events are new."""
    known: int
    """How many were known before: they changed nothing."""


class TrackingHistory(LargeAnswer):
    """Where a shipment or parcel is, and a page of what happened on its way, by when it happened."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"tracking": TRACKING, "data": [_RECORDED], "next_cursor": None}]}
    )

    tracking: Tracking | None
    """Null where nothing was told yet."""
    data: list[TrackingEvent]
    next_cursor: str | None
    """Give it as `cursor` to get the next page; null on the last. `Link` says the same."""
