"""Problems of calendars and their slots."""

from typing import ClassVar

from pydantic import JsonValue

from app.errors import Problem

_NEXT_FREE: list[JsonValue] = [
    {"start": "2036-03-14T09:00:00Z", "end": "2036-03-14T10:00:00Z", "capacity": 2, "free": 1},
    {"start": "2036-03-14T11:00:00Z", "end": "2036-03-14T12:00:00Z", "capacity": 2, "free": 2},
]


class SlotTaken(Problem):
    """The location has a place for so many vehicles in a slot, and all are booked."""

    status = 409
    code = "slot_taken"
    title = "The slot is fully booked"
    remedy = (
        "Others have booked every place of the slot, perhaps a moment ago. `next_free` names the next windows of the "
        "same length that have a free place; send the request again with one of them, which somebody else may take "
        "meanwhile. GET /v1/locations/{code}/slots lists what else is free. Nothing was changed: a booking that was to "
        "be moved keeps its slot."
    )
    example_detail = "All 2 places of the slot that begins on 2036-03-14T08:00:00Z are booked."
    example_members: ClassVar[dict[str, JsonValue]] = {"next_free": _NEXT_FREE}


class OutsideCalendar(Problem):
    """The location keeps a calendar, and the window is not one or more of its slots."""

    status = 422
    code = "outside_calendar"
    title = "The window does not fit the location's calendar"
    remedy = (
        "The location takes vehicles in by slots; a window is one slot, or several that follow one another without a "
        "gap. `rule` says what is wrong: `not_whole_slots` (it begins or ends within a slot), `closed` (in all of it "
        "or a part), `too_soon` and `too_far_ahead` (the location is booked some time ahead, and not for ever), "
        "`too_long`. `next_free` names the next windows that are free and about as long as the one that was asked for; "
        "GET /v1/locations/{code}/slots lists what else is."
    )
    example_detail = "The window does not begin and end where slots do."
    example_members: ClassVar[dict[str, JsonValue]] = {
        "field": "window",
        "rule": "not_whole_slots",
        "next_free": _NEXT_FREE,
    }
