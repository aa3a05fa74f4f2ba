"""Bodies of calendars and their slots."""

import re
from datetime import date, timedelta
from functools import lru_cache
from typing import Annotated, Any, Final
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from app.http.schemas import PRINTABLE, AnswerModel, RequestModel, ShortText, Timestamp
from app.orders.policy_schemas import Duration

BOOK_AT_MOST: Final = timedelta(days=366)
_MACHINES_OWN: Final = frozenset({"localtime", "Factory"})


@lru_cache(maxsize=1)
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones()) - _MACHINES_OWN


def _known_time_zone(name: str) -> str:
    if name not in _time_zones():
        raise PydanticCustomError(
            "time_zone", "A time zone is named as in the IANA time zone database, such as Europe/Berlin"
        )
    return name


def _written_as_date(value: object) -> object:
    """Refuse what Pydantic would take besides: seconds since 1970, and a time behind the date."""
    if isinstance(value, date) or (isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value)):
        return value
    raise PydanticCustomError("date", "A date is written as in RFC 3339, such as 2036-12-24")


TimeZone = Annotated[
    str,
    StringConstraints(max_length=64),
    AfterValidator(_known_time_zone),
    Field(examples=["Europe/Berlin"]),
]
Opens = Annotated[str, StringConstraints(pattern="^(?:[01][0-9]|2[0-3]):[0-5][0-9]$"), Field(examples=["06:00"])]
Closes = Annotated[
    str, StringConstraints(pattern="^(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"), Field(examples=["14:00"])
]
Vehicles = Annotated[int, Field(ge=1, le=200, strict=True)]
Day = Annotated[
    date,
    BeforeValidator(_written_as_date),
    PlainSerializer(date.isoformat, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date", "examples": ["2036-12-24"]}),
]
LocationCode = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), PRINTABLE]

_WEEKDAY: list[dict[str, Any]] = [
    {"opens": "06:00", "closes": "14:00", "capacity": None},
    {"opens": "14:00", "closes": "20:00", "capacity": 2},
]
_HOURS: dict[str, Any] = {
    **dict.fromkeys(("monday", "tuesday", "wednesday", "thursday"), _WEEKDAY),
    "friday": [{"opens": "06:00", "closes": "14:00", "capacity": None}],
    "saturday": [],
    "sunday": [],
}
_STATED: dict[str, Any] = {
    "time_zone": "Europe/Berlin",
    "slot_minutes": 60,
    "capacity": 4,
    "opening_hours": _HOURS,
    "exceptions": [
        {
            "date": "2036-12-24",
            "name": "Christmas Eve",
            "hours": [{"opens": "06:00", "closes": "12:00", "capacity": 2}],
        },
        {"date": "2036-12-25", "name": "Christmas Day", "hours": []},
    ],
    "book_ahead": {"at_least": "PT4H", "at_most": "P60D"},
}


class Hours(RequestModel):
    """A span of one day in which vehicles are taken in, on the wall clock of the location."""

    opens: Opens
    closes: Closes
    """After `opens`; `24:00` is the end of the day. Hours over midnight are two: until `24:00`, and from `00:00` on the
    day after."""
    capacity: Vehicles | None = None
    """Vehicles in each slot of this span; the calendar's when left out."""


DayHours = Annotated[list[Hours], Field(max_length=12)]


class OpeningHours(RequestModel):
    """The hours of each weekday, several spans or none; a day that is left out is closed."""

    monday: DayHours = []
    tuesday: DayHours = []
    wednesday: DayHours = []
    thursday: DayHours = []
    friday: DayHours = []
    saturday: DayHours = []
    sunday: DayHours = []


class CalendarException(RequestModel):
    """A date with hours of its own: a holiday, or a day that is longer or shorter than usual."""

    date: Day
    name: ShortText | None = None
    """What the day is, in words."""
    hours: DayHours = []
    """Instead of the weekday's; none: closed."""


class BookAhead(RequestModel):
    """How near and how far the start of a slot may be when it is booked."""

    at_least: Duration | None = None
    """Written as in ISO 8601, in days, hours and minutes, such as `PT4H`. Left out: until the slot begins."""
    at_most: Annotated[Duration, Field(le=BOOK_AT_MOST)] = timedelta(days=90)
    """At most 366 days. Left out: 90 days."""


class CalendarContent(RequestModel):
    """What a calendar says."""

    time_zone: TimeZone
    """The location's, by its IANA name. Hours and slots are of its wall clock, in summer and in winter."""
    slot_minutes: Annotated[int, Field(ge=5, le=720, strict=True)]
    """How long a slot is: 5 to 720 minutes. Each span of hours is a whole number of slots, the first at its start."""
    capacity: Vehicles
    """Vehicles in each slot, unless the span says otherwise."""
    opening_hours: OpeningHours
    exceptions: Annotated[list[CalendarException], Field(max_length=400)] = []
    """Holidays and days with hours of their own, each date once."""
    book_ahead: BookAhead = BookAhead()


class PutCalendar(CalendarContent):
    """The calendar of a location; it replaces the one before as a whole."""

    model_config = ConfigDict(json_schema_extra={"examples": [_STATED]})


class LocationCalendar(AnswerModel):
    """When a location takes vehicles in."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "location": "HAM-2",
                    **_STATED,
                    "version": 1,
                    "created_at": "2036-01-04T08:30:00Z",
                    "updated_at": "2036-01-04T08:30:00Z",
                }
            ]
        }
    )

    location: str
    """The code of the location, as it was written when the calendar was first put."""
    time_zone: str
    slot_minutes: int
    capacity: int
    opening_hours: OpeningHours
    exceptions: list[CalendarException]
    """By their date."""
    book_ahead: BookAhead
    version: int
    created_at: Timestamp
    updated_at: Timestamp


class FreeSlot(AnswerModel):
    """A slot that has a free place."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"start": "2036-03-14T09:00:00Z", "end": "2036-03-14T10:00:00Z", "capacity": 4, "free": 1}]
        }
    )

    start: Timestamp
    end: Timestamp
    capacity: int
    """Vehicles that it has places for."""
    free: int
    """Places that nobody has booked."""
