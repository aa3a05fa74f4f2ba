"""`/v1/locations/{code}`: the calendar of a location, and what is free of it."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from app.deliveries import calendars
from app.deliveries.calendar_schemas import FreeSlot, LocationCalendar, LocationCode, PutCalendar
from app.http.authorisation import Caller
from app.http.errors import (
    NotFound,
    PreconditionFailed,
    PreconditionRequired,
    RelationNotAllowed,
    TooManyLookUps,
)
from app.http.openapi import documented
from app.http.pagination import DEFAULT_LIMIT, CursorText, Limit, decode_text_cursor, invalid_cursor, page_answer
from app.http.preconditions import IfMatch, IfNoneMatch
from app.http.schemas import Page, Timestamp, timestamp
from app.http.unit_of_work import Answer, Reading, Unit
from app.orders.endpoints import Buyer
from app.orders.errors import AmbiguousNumber

router = APIRouter(prefix="/locations", tags=["Deliveries"])

Code = Annotated[
    LocationCode,
    Path(
        description="The code of the location, as orders give it for their ship-to: case does not matter; `/` as %2F.",
        examples=["HAM-2"],
    ),
]
From = Annotated[
    Timestamp | None, Query(alias="from", description="Slots that begin then or later; now when left out.")
]
To = Annotated[
    Timestamp | None,
    Query(description="Slots that end by then, at most 31 days after `from`; seven days after it when left out."),
]
ShippedNumber = Annotated[
    str | None,
    Query(description="The number of an order that is to be delivered there, in any written form, or the order's id."),
]


@router.put(
    "/{code}/calendar",
    **documented(
        "put_location_calendar",
        LocationCalendar,
        PreconditionRequired,
        PreconditionFailed,
        headers=["ETag"],
        also={201: "Created: the location had no calendar."},
    ),
)
async def put_location_calendar(
    code: Code, body: PutCalendar, caller: Caller, unit: Unit, if_match: IfMatch = None
) -> Response:
    """Keep a calendar for a location.

    For one of your own locations, by the code that orders give it as their ship-to: when it takes vehicles in, in slots
    of which length, and how many vehicles in each. From then on a delivery is booked there by slots: a window is one
    slot or several that follow one another, and a slot takes no more bookings than it has places. A location without a
    calendar takes any window.

    Hours are those of the location's own wall clock. Where it is put forward, the hour that is missing has no slot;
    where it is put back, the hour that comes twice has its slots twice; a slot is always as long as `slot_minutes`
    says.

    The calendar is whole: what is left out is not what it said before. To replace one that is there, send its ETag as
    `If-Match`. What is booked stays booked, whatever the new calendar says; a capacity below what is booked refuses new
    bookings only. What was booked while there was no calendar takes no place.
    """
    return await unit.write(
        lambda connection: calendars.put(connection, caller, code, if_match, body),
        lambda stored: _answer(stored[0], 201 if stored[1] else 200),
    )


@router.get(
    "/{code}/calendar",
    **documented("get_location_calendar", LocationCalendar, NotFound, headers=["ETag"], conditional=True),
)
async def get_location_calendar(
    code: Code, caller: Caller, unit: Reading, if_none_match: IfNoneMatch = None
) -> Response:
    """Get the calendar of a location.

    Of one of your own locations. Who brings goods there asks for its free slots.
    """
    return await unit.read(lambda connection: calendars.get(connection, caller, code), _answer)


@router.delete(
    "/{code}/calendar",
    **documented("delete_location_calendar", LocationCalendar, NotFound, PreconditionRequired, PreconditionFailed),
)
async def delete_location_calendar(code: Code, caller: Caller, unit: Unit, if_match: IfMatch = None) -> Response:
    """Delete the calendar of a location.

    The location takes any window again; the answer is the calendar as it was. Bookings stay, and have their places
    again where a calendar is kept later.
    """
    return await unit.write(lambda connection: calendars.delete(connection, caller, code, if_match), Answer)


@router.get(
    "/{code}/slots",
    **documented(
        "list_free_slots",
        Page[FreeSlot],
        NotFound,
        AmbiguousNumber,
        RelationNotAllowed,
        TooManyLookUps,
        headers=["Link"],
    ),
)
async def list_free_slots(
    request: Request,
    code: Code,
    caller: Caller,
    unit: Reading,
    start: From = None,
    to: To = None,
    number: ShippedNumber = None,
    buyer: Buyer = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorText = None,
) -> Response:
    """List free slots.

    The slots of a location that can be booked now and have a free place, earliest first. Of your own location without
    more. Who brings goods there names one of the orders, `number`, that goes to this location and that he may ship, as
    for linking a PRO number; otherwise the location is 404, as is one that keeps no calendar, which takes any window.

    What is free may be taken a moment later: booking is what decides.
    """
    text = decode_text_cursor(cursor)
    after = None if text is None else _instant(text)
    # Of one's own location nothing can be guessed.
    read = unit.read if number is None else unit.read_counted
    return await read(
        lambda connection: calendars.free_slots(
            connection,
            caller,
            code,
            number=number,
            buyer=buyer,
            start=start,
            end=to,
            after=after,
            limit=limit + 1,
        ),
        lambda found: page_answer(request, Page[FreeSlot], found, limit, lambda slot: timestamp(slot.start)),
    )


def _answer(calendar: LocationCalendar, status: int = 200) -> Answer:
    return Answer(calendar, status, {"ETag": calendars.etag(calendar)})


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise invalid_cursor() from None
    if instant.tzinfo is None:
        raise invalid_cursor()
    return instant
