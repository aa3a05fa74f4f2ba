"""`/v1/pro-numbers/{scac}/{pro_number}/tracking-events`."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.http.authorisation import Caller
from app.http.errors import NotFound, RelationNotAllowed
from app.http.openapi import documented
from app.http.pagination import DEFAULT_LIMIT, CursorText, Limit, decode_text_cursor, encode_cursor, link_to_next
from app.http.unit_of_work import Answer, Reading, Unit
from app.shipments import tracking
from app.shipments.endpoints import ProNumberText, Scac
from app.shipments.errors import InvalidProNumber, TooManyTrackingEvents, TrackingEventDiffers
from app.shipments.tracking import Page
from app.shipments.tracking_schemas import EVENT, EXCEPTION, RecordedTracking, ReportTracking, TrackingHistory

router = APIRouter(tags=["Shipments"])

REPORTS = {"One event": {"events": [EVENT]}, "Several, in any order": {"events": [EXCEPTION, EVENT]}}


@router.post(
    "/pro-numbers/{scac}/{pro_number}/tracking-events",
    **documented(
        "record_tracking_events",
        RecordedTracking,
        NotFound,
        RelationNotAllowed,
        InvalidProNumber,
        TrackingEventDiffers,
        TooManyTrackingEvents,
        status=201,
        also={200: "All of it was known: nothing has changed."},
        requests=REPORTS,
    ),
)
async def record_tracking_events(
    scac: Scac, pro_number: ProNumberText, body: ReportTracking, caller: Caller, unit: Unit
) -> Response:
    """Record tracking events.

    Tell what happened to the shipment behind a PRO number: one event or up to 100, all or none. Whoever uses the PRO
    number does this, and the owner, the seller and the named forwarders of the orders that it is on. An event that was
    told before, known by its `source_reference` or else by all that it says, changes nothing; where all of them were,
    the answer is 200.

    Events may come late and in any order, the state is the same in the end. They count by `occurred_at`; of one moment
    the one that is further along counts. `delivered` is final: no movement undoes it, whenever it is told. An exception
    after the delivery is shown beside it, and a later `delivered` closes it.

    Another status is an event `shipment.status_changed` of every order that the PRO number is on.
    """
    return await unit.write(
        lambda connection: tracking.record(connection, caller, scac, pro_number, body.events), recorded_answer
    )


@router.get(
    "/pro-numbers/{scac}/{pro_number}/tracking-events",
    **documented("list_tracking_events", TrackingHistory, NotFound, InvalidProNumber, headers=["Link"]),
)
async def list_tracking_events(
    request: Request,
    scac: Scac,
    pro_number: ProNumberText,
    caller: Caller,
    unit: Reading,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorText = None,
) -> Response:
    """List tracking events.

    Where the shipment behind a PRO number is, and what happened on its way, by when it happened: for whoever uses the
    PRO number, and for every party of the orders that it is on. An event that comes late takes its place among those
    before it.
    """
    page = Page(decode_text_cursor(cursor), limit)
    return await unit.read(
        lambda connection: tracking.history(connection, caller, scac, pro_number, page),
        lambda found: history_answer(request, found),
    )


def recorded_answer(recorded: RecordedTracking) -> Answer:
    """Return the answer to a report: 201 where something of it is new."""
    return Answer(recorded, 201 if recorded.recorded else 200)


def history_answer(request: Request, found: TrackingHistory) -> Answer:
    """Return the answer with a page of events."""
    next_cursor = None if found.next_cursor is None else encode_cursor(found.next_cursor)
    shown = found.model_copy(update={"next_cursor": next_cursor})
    return Answer(shown, headers=link_to_next(request, next_cursor))
