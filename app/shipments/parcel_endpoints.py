"""`/v1/purchase-orders/{number}/tracking-numbers`: parcels."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from app.http.authorisation import Caller
from app.http.errors import NotFound, RelationNotAllowed
from app.http.openapi import documented
from app.http.pagination import (
    DEFAULT_LIMIT,
    CursorText,
    Limit,
    decode_text_cursor,
    encode_cursor,
    link_to_next,
)
from app.http.schemas import Page as PageOf
from app.http.unit_of_work import Answer, Reading, Unit
from app.orders.endpoints import Buyer, OrderNumber
from app.orders.errors import AmbiguousNumber, InvalidTransition
from app.orders.schemas import GiveReason
from app.shipments import parcels
from app.shipments.errors import TooManyTrackingEvents, TrackingEventDiffers, TrackingNumberTaken
from app.shipments.parcel_schemas import LinkTrackingNumber, TrackingNumber
from app.shipments.parcels import ParcelPosition
from app.shipments.tracking import Page
from app.shipments.tracking_endpoints import REPORTS, history_answer, recorded_answer
from app.shipments.tracking_schemas import RecordedTracking, ReportTracking, TrackingHistory

router = APIRouter(tags=["Shipments"])

TrackingNumberText = Annotated[
    str,
    Path(
        description="The tracking number in any written form: case, spaces and dashes do not matter.",
        examples=["1Z999AA10123456784"],
    ),
]


@router.post(
    "/purchase-orders/{number}/tracking-numbers",
    **documented(
        "link_tracking_number",
        TrackingNumber,
        NotFound,
        AmbiguousNumber,
        RelationNotAllowed,
        InvalidTransition,
        TrackingNumberTaken,
        status=201,
        also={200: "The order has this tracking number already; at most its carrier was corrected."},
    ),
)
async def link_tracking_number(
    number: OrderNumber, body: LinkTrackingNumber, caller: Caller, unit: Unit, buyer: Buyer = None
) -> Response:
    """Link a tracking number.

    Puts a parcel on the order: the owner, the seller and a named forwarder do this; whoever presents the number may
    while the order names no forwarder. Parcels of one order have different tracking numbers; the same again is 200 and
    corrects the carrier where it says another one. Unlike a PRO number, a tracking number is nobody's own: what is told
    of a parcel stays with the order that it is on.
    """
    return await unit.write(
        lambda connection: parcels.link(connection, caller, number, buyer, body),
        lambda made: Answer(made[0], 201 if made[1] else 200),
    )


@router.get(
    "/purchase-orders/{number}/tracking-numbers",
    **documented("list_tracking_numbers", PageOf[TrackingNumber], NotFound, AmbiguousNumber, headers=["Link"]),
)
async def list_tracking_numbers(
    request: Request,
    number: OrderNumber,
    caller: Caller,
    unit: Reading,
    buyer: Buyer = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorText = None,
) -> Response:
    """List an order's tracking numbers.

    The parcels of the order with where each of them is, for every party that the order names.
    """
    after = decode_text_cursor(cursor)

    def present(found: list[ParcelPosition]) -> Answer:
        shown = found[:limit]
        next_cursor = encode_cursor(shown[-1].key) if len(found) > limit else None
        page = PageOf[TrackingNumber](data=[one.parcel for one in shown], next_cursor=next_cursor)
        return Answer(page, headers=link_to_next(request, next_cursor))

    return await unit.read(
        lambda connection: parcels.page(connection, caller, number, buyer, after, limit + 1),
        lambda found: present([*found]),
    )


@router.post(
    "/purchase-orders/{number}/tracking-numbers/{tracking_number}/unlink",
    **documented("unlink_tracking_number", TrackingNumber, NotFound, AmbiguousNumber, RelationNotAllowed),
)
async def unlink_tracking_number(
    number: OrderNumber,
    tracking_number: TrackingNumberText,
    caller: Caller,
    unit: Unit,
    buyer: Buyer = None,
    body: GiveReason | None = None,
) -> Response:
    """Unlink a tracking number.

    Takes the parcel off the order, in any status of it; the answer shows it with `linked: false`. Put on again, it is
    the same parcel with all that was told of it. Without a named relation to the order only what your own organisation
    put there can be taken off.
    """
    reason = body.reason if body else None
    return await unit.write(
        lambda connection: parcels.unlink(connection, caller, number, buyer, tracking_number, reason), Answer
    )


@router.post(
    "/purchase-orders/{number}/tracking-numbers/{tracking_number}/tracking-events",
    **documented(
        "record_parcel_events",
        RecordedTracking,
        NotFound,
        AmbiguousNumber,
        RelationNotAllowed,
        TrackingEventDiffers,
        TooManyTrackingEvents,
        status=201,
        also={200: "All of it was known: nothing has changed."},
        requests=REPORTS,
    ),
)
async def record_parcel_events(
    number: OrderNumber,
    tracking_number: TrackingNumberText,
    body: ReportTracking,
    caller: Caller,
    unit: Unit,
    buyer: Buyer = None,
) -> Response:
    """Record events of a parcel.

    Tell what happened to a parcel: one event or up to 100, all or none, in any order, by the rules of a PRO number's
    tracking events. The owner, the seller and a named forwarder do this, and whoever put the parcel on the order.
    Another status is an event `shipment.status_changed` of the order.
    """
    return await unit.write(
        lambda connection: parcels.record(connection, caller, number, buyer, tracking_number, body.events),
        recorded_answer,
    )


@router.get(
    "/purchase-orders/{number}/tracking-numbers/{tracking_number}/tracking-events",
    **documented("list_parcel_events", TrackingHistory, NotFound, AmbiguousNumber, headers=["Link"]),
)
async def list_parcel_events(
    request: Request,
    number: OrderNumber,
    tracking_number: TrackingNumberText,
    caller: Caller,
    unit: Reading,
    buyer: Buyer = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorText = None,
) -> Response:
    """List events of a parcel.

    Where the parcel is, and what happened on its way, by when it happened.
    """
    page = Page(decode_text_cursor(cursor), limit)
    return await unit.read(
        lambda connection: parcels.history(connection, caller, number, buyer, tracking_number, page),
        lambda found: history_answer(request, found),
    )
