"""`/v1/delivery-bookings`: book, see, list, update; add and remove shipments."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from app.deliveries import booking, changing, service
from app.deliveries.booking_lifecycle import BookingStatus
from app.deliveries.booking_numbers import appointment_number_of, booking_number_of
from app.deliveries.booking_rules import bol_key
from app.deliveries.calendar_errors import OutsideCalendar, SlotTaken
from app.deliveries.errors import BookingCutoffPassed, DeliveryNotBookable, LastShipment
from app.deliveries.examples import BOOK, SHIPMENT, SHIPMENT_ID
from app.deliveries.repository import Filters
from app.deliveries.schemas import (
    BookDelivery,
    BookingEvent,
    BookingSummary,
    BookShipment,
    DeliveryBooking,
    UpdateBooking,
)
from app.errors import InvalidRequest, Problem
from app.http.authorisation import Caller
from app.http.errors import NotFound, PreconditionFailed, PreconditionRequired
from app.http.openapi import documented
from app.http.pagination import (
    DEFAULT_LIMIT,
    CursorText,
    Limit,
    decode_cursor,
    decode_text_cursor,
    invalid_cursor,
    page_answer,
)
from app.http.preconditions import IfMatch, IfNoneMatch, content_etag
from app.http.schemas import LARGEST_INTEGER, Page, Timestamp
from app.http.unit_of_work import Account, Answer, Reading, Unit
from app.numbers.number_issuer import NumberIssuer
from app.orders.endpoints import ListFilter
from app.orders.errors import InvalidTransition
from app.orders.location import keys_of
from app.orders.schemas import GiveReason
from app.shipments.pro_numbers import InvalidProNumber, pro_number_key
from app.shipments.scac import InvalidScac, parse_scac

router = APIRouter(prefix="/delivery-bookings", tags=["Deliveries"])

BookingName = Annotated[
    str,
    Path(
        description="The booking's id, or its number in any written form.",
        max_length=100,
        examples=["DB-7K3M9QWX2"],
    ),
]
ShipmentId = Annotated[UUID, Path(description="The shipment's id.", examples=[SHIPMENT_ID])]


def _number_issuer(request: Request) -> NumberIssuer:
    issuer: NumberIssuer = request.app.state.number_issuer
    return issuer


Issuer = Annotated[NumberIssuer, Depends(_number_issuer)]


def step(operation_id: str, *problems: type[Problem], requests: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return what the operations that change a booking share of their documentation."""
    return documented(
        operation_id, DeliveryBooking, NotFound, InvalidTransition, *problems, headers=["ETag"], requests=requests
    )


@router.post(
    "",
    **documented(
        "book_delivery",
        DeliveryBooking,
        DeliveryNotBookable,
        BookingCutoffPassed,
        SlotTaken,
        OutsideCalendar,
        status=201,
        headers=["ETag", "Location"],
        requests={
            "A vehicle with one shipment": BOOK,
            "Whatever may come, on the floor of the vehicle": {
                "window": BOOK["window"],
                "load_type": "floor_loaded",
                "partial": True,
                "shipments": [
                    {
                        **SHIPMENT,
                        "pallets": 0,
                        "purchase_orders": ["po 7k3m9qwx2r", {"number": "4500012345", "buyer": None}],
                    }
                ],
            },
        },
    ),
)
async def book_delivery(body: BookDelivery, caller: Caller, unit: Unit, issuer: Issuer, account: Account) -> Response:
    """Book a delivery.

    One vehicle, one window, one gate: up to 500 purchase orders in one or more shipments, each with the carrier's PRO
    number. Every order is judged as the gate would judge it, at the beginning of the window and until its end, and
    everything that is wrong is told at once: expired or not yet active orders, another destination, a PRO number that
    is mistyped, another organisation's or an earlier shipment's. Nothing is booked unless all may come; with `partial`
    what may come is booked, and `refused` names the rest.

    Who may link PRO numbers to an order may book it: owner, seller, a named forwarder, and whoever presents its number
    while it names no forwarder. The warehouse is the order's ship-to, or the buyer where none is named; all orders of a
    booking go to one, and where the ship-to has a `code`, to the place that it names. The calendar that is kept for
    that place has a slot for the vehicle, or not. A booking is read by who has made it and by its warehouse; the
    parties of its orders find it in their timelines.

    With the booking the PRO numbers are linked to the orders, and gates expect the vehicle in its window. Numbers of
    orders that name you are never limited; others count as look-ups at the gate do.
    """
    try:
        return await unit.write(
            lambda connection: booking.book(connection, caller, issuer, account, body),
            lambda made: _answer(made, 201, {"Location": f"/v1/delivery-bookings/{made.id}"}),
        )
    finally:
        await account.settle()


def list_filters(
    status: Annotated[list[BookingStatus] | None, Query(description="One or more statuses.")] = None,
    ship_to: Annotated[
        ListFilter | None, Query(description="Where it goes: the warehouse's organisation id, or the code or GLN.")
    ] = None,
    window_from: Annotated[Timestamp | None, Query(description="Windows that begin then or later.")] = None,
    window_to: Annotated[Timestamp | None, Query(description="Windows that begin before.")] = None,
    scac: Annotated[ListFilter | None, Query(description="The carrier's code of one of the shipments.")] = None,
    pro_number: Annotated[
        ListFilter | None, Query(description="The PRO number of one of the shipments; with `scac`, of that carrier.")
    ] = None,
    bol: Annotated[ListFilter | None, Query(description="A bill of lading's number.")] = None,
    appointment_number: Annotated[ListFilter | None, Query(description="The warehouse's appointment number.")] = None,
    number: Annotated[ListFilter | None, Query(description="A PO number on it, in any written form.")] = None,
    booking_number: Annotated[ListFilter | None, Query(description="The booking's number.")] = None,
) -> Filters:
    """Return what a list is narrowed to."""
    return Filters(
        status=status,
        ship_to=ship_to,
        window_from=window_from,
        window_to=window_to,
        scac=None if scac is None else _scac(scac),
        pro_number=None if pro_number is None else _pro_number(pro_number),
        bol=None if bol is None else bol_key(bol),
        appointment_number=None if appointment_number is None else appointment_number_of(appointment_number),
        number_keys=None if number is None else keys_of(number, ["query", "number"]),
        # What can be no booking's number is nobody's.
        booking_number=None if booking_number is None else booking_number_of(booking_number) or "",
    )


@router.get("", **documented("list_delivery_bookings", Page[BookingSummary], headers=["Link"]))
async def list_delivery_bookings(
    request: Request,
    caller: Caller,
    unit: Reading,
    filters: Annotated[Filters, Depends(list_filters)],
    role: Annotated[
        Literal["booker", "warehouse"] | None,
        Query(description="Only those that your organisation has made, or only those that come to it."),
    ] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorText = None,
) -> Response:
    """List delivery bookings.

    Those that your organisation has made, and those that come to its gate, newest first.
    """
    before = decode_cursor(cursor)
    return await unit.read_list(
        lambda connection: service.page(connection, caller, filters, role, before, limit + 1),
        lambda found: page_answer(request, Page[BookingSummary], found, limit),
    )


@router.get(
    "/{delivery_booking_id}",
    **documented("get_delivery_booking", DeliveryBooking, NotFound, headers=["ETag"], conditional=True),
)
async def get_delivery_booking(
    delivery_booking_id: BookingName, caller: Caller, unit: Reading, if_none_match: IfNoneMatch = None
) -> Response:
    """Get a delivery booking.

    For who has made it, and for the warehouse that it comes to.
    """
    return await unit.read(lambda connection: service.get(connection, caller, delivery_booking_id), _answer)


@router.patch("/{delivery_booking_id}", **step("update_delivery_booking", PreconditionRequired, PreconditionFailed))
async def update_delivery_booking(
    delivery_booking_id: BookingName, body: UpdateBooking, caller: Caller, unit: Unit, if_match: IfMatch = None
) -> Response:
    """Update a delivery booking.

    The trailer, often known only when it is loaded, whom the warehouse reaches, and comments: while the vehicle is
    still to come, and however late that is. Gates expect the new trailer with the orders from now on. Send the ETag of
    the booking as `If-Match`. Another window is a `reschedule`; other goods are another shipment.
    """
    return await unit.write(
        lambda connection: changing.update(connection, caller, delivery_booking_id, if_match, body), _answer
    )


@router.get(
    "/{delivery_booking_id}/events",
    **documented("list_delivery_booking_events", Page[BookingEvent], NotFound, headers=["Link"]),
)
async def list_delivery_booking_events(
    request: Request,
    delivery_booking_id: BookingName,
    caller: Caller,
    unit: Reading,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorText = None,
) -> Response:
    """List what happened to a booking.

    Who did what to it and when, oldest first; for who has made it and for its warehouse. The orders of the booking have
    these events in their timelines too.
    """
    after = _sequence(decode_text_cursor(cursor))
    return await unit.read(
        lambda connection: service.events(connection, caller, delivery_booking_id, after, limit + 1),
        lambda found: page_answer(request, Page[BookingEvent], found, limit, lambda event: str(event.sequence)),
    )


@router.post(
    "/{delivery_booking_id}/shipments",
    **step("add_delivery_booking_shipment", DeliveryNotBookable, BookingCutoffPassed),
)
async def add_delivery_booking_shipment(
    delivery_booking_id: BookingName, body: BookShipment, caller: Caller, unit: Unit, account: Account
) -> Response:
    """Add a shipment to a booking.

    While the vehicle is still to come. Judged as when a delivery is booked, and by whom: all of it may come, or nothing
    is added.
    """
    try:
        return await unit.write(
            lambda connection: booking.add_shipment(connection, caller, account, delivery_booking_id, body), _answer
        )
    finally:
        await account.settle()


@router.post(
    "/{delivery_booking_id}/shipments/{shipment_id}/remove",
    **step("remove_delivery_booking_shipment", LastShipment, BookingCutoffPassed),
)
async def remove_delivery_booking_shipment(
    delivery_booking_id: BookingName,
    shipment_id: ShipmentId,
    caller: Caller,
    unit: Unit,
    body: GiveReason | None = None,
) -> Response:
    """Remove a shipment from a booking.

    While the vehicle is still to come. Its PRO number and its bill of lading may be booked anew; the links of its
    orders stay, with no vehicle expected. The last shipment cannot be removed: cancel the booking instead.
    """
    reason = body.reason if body else None
    return await unit.write(
        lambda connection: changing.remove_shipment(connection, caller, delivery_booking_id, shipment_id, reason),
        _answer,
    )


def _answer(made: DeliveryBooking, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    return Answer(made, status, {"ETag": content_etag(made), **(headers or {})})


def _sequence(text: str | None) -> int:
    if text is None:
        return 0
    if not (text.isdecimal() and len(text) <= len(str(LARGEST_INTEGER)) and int(text) <= LARGEST_INTEGER):
        raise invalid_cursor()
    return int(text)


def _scac(text: str) -> str:
    try:
        return parse_scac(text)
    except InvalidScac as fault:
        raise InvalidRequest.at(["query", "scac"], f"scac_{fault.rule}", fault.detail) from None


def _pro_number(text: str) -> str:
    try:
        return pro_number_key(text)
    except InvalidProNumber as fault:
        raise InvalidRequest.at(["query", "pro_number"], f"pro_number_{fault.rule}", fault.detail) from None
