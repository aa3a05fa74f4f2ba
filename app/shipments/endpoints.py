"""`/v1/carriers`, `/v1/purchase-orders/{number}/pro-numbers` and `/v1/pro-numbers`."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from app.http.authorisation import Caller
from app.http.errors import NotFound, RelationNotAllowed
from app.http.openapi import documented
from app.http.pagination import (
    DEFAULT_LIMIT,
    CursorText,
    Limit,
    decode_cursor,
    decode_text_cursor,
    encode_cursor,
    link_to_next,
    page_answer,
)
from app.http.preconditions import IfNoneMatch, content_etag
from app.http.schemas import Page
from app.http.unit_of_work import Answer, Reading, Unit
from app.orders.endpoints import Buyer, OrderNumber
from app.orders.errors import AmbiguousNumber, InvalidTransition
from app.orders.schemas import GiveReason
from app.shipments import carriers, service
from app.shipments.errors import (
    InvalidProNumber,
    ProNumberBooked,
    ProNumberClaimed,
    ProNumberReused,
    SplitShipmentNotAllowed,
)
from app.shipments.examples import DISRUPTION, LINK, LINK_WITH_VEHICLE, OWN_CARRIER
from app.shipments.schemas import Carrier, LinkProNumber, ProNumber, ProNumberLink, PutCarrier, PutSharedCarrier
from app.shipments.service import LinkPosition

router = APIRouter(tags=["Shipments"])

Scac = Annotated[str, Path(description="The carrier's code (SCAC), 2 to 4 letters.", examples=["CNWY"])]
ProNumberText = Annotated[
    str,
    Path(description="The PRO number in any written form: case and dashes do not matter.", examples=["123-456782"]),
]
OrderLimit = Annotated[int, Query(ge=1, le=200, description="How many orders at most: 1 to 200.")]


@router.get("/carriers", **documented("list_carriers", Page[Carrier], headers=["Link"]))
async def list_carriers(
    request: Request, caller: Caller, unit: Reading, limit: Limit = DEFAULT_LIMIT, cursor: CursorText = None
) -> Response:
    """List carriers.

    The shared directory with your organisation's own word over it, and the carriers of your own, by their code. A
    carrier need not be listed to be used: PRO numbers of an unknown one are held to the general shape alone.
    """
    after = decode_text_cursor(cursor)
    return await unit.read(
        lambda connection: carriers.page(connection, caller, after, limit + 1),
        lambda found: page_answer(request, Page[Carrier], found, limit, lambda carrier: carrier.scac),
    )


@router.get("/carriers/{scac}", **documented("get_carrier", Carrier, NotFound, headers=["ETag"], conditional=True))
async def get_carrier(scac: Scac, caller: Caller, unit: Reading, if_none_match: IfNoneMatch = None) -> Response:
    """Get a carrier.

    With the rule by which its PRO numbers are read, who published the rule, and whether your organisation has marked
    the carrier as disrupted.
    """
    return await unit.read(lambda connection: carriers.get(connection, caller, scac), _carrier_answer)


@router.put(
    "/carriers/{scac}",
    **documented(
        "put_carrier",
        Carrier,
        headers=["ETag"],
        also={201: "Created: the first word of your organisation on this carrier."},
        requests={
            "The carrier is in trouble": DISRUPTION,
            "A carrier of your own, with its mask": OWN_CARRIER,
        },
    ),
)
async def put_carrier(scac: Scac, body: PutCarrier, caller: Caller, unit: Unit) -> Response:
    """Store your own carrier.

    What you say of a carrier holds for your organisation alone: nobody else sees it. It replaces what you said before;
    what you leave out is taken from the shared directory, so `{"disrupted": true}` keeps the directory's rule. With
    `disrupted_until` the mark is over by itself. A mask
    is no regular expression: `#` is a digit, `@` a letter, `*` either, letters and digits stand for themselves.
    """
    return await unit.write(
        lambda connection: carriers.put(connection, caller, scac, body),
        lambda stored: _carrier_answer(stored[0], 201 if stored[1] else 200),
    )


@router.put(
    "/shared-carriers/{scac}",
    **documented(
        "put_shared_carrier",
        Carrier,
        headers=["ETag"],
        also={201: "Created: a carrier that the directory did not have."},
    ),
)
async def put_shared_carrier(scac: Scac, body: PutSharedCarrier, caller: Caller, unit: Unit) -> Response:
    """Store a shared carrier.

    The directory that every organisation sees is the operator's. What an organisation says of a carrier itself, with
    `PUT /v1/carriers/{scac}`, goes before it, for that organisation. A disruption that is marked here counts at every
    gate.
    """
    return await unit.write(
        lambda connection: carriers.put_shared(connection, caller, scac, body),
        lambda stored: _carrier_answer(stored[0], 201 if stored[1] else 200),
    )


@router.post(
    "/purchase-orders/{number}/pro-numbers",
    **documented(
        "link_pro_number",
        ProNumberLink,
        NotFound,
        AmbiguousNumber,
        RelationNotAllowed,
        InvalidTransition,
        InvalidProNumber,
        ProNumberClaimed,
        ProNumberReused,
        ProNumberBooked,
        SplitShipmentNotAllowed,
        status=201,
        also={200: "The order has this PRO number already; at most the expected vehicle was changed."},
        requests={"The PRO number alone": LINK, "With the vehicle and its window": LINK_WITH_VEHICLE},
    ),
)
async def link_pro_number(
    number: OrderNumber, body: LinkProNumber, caller: Caller, unit: Unit, buyer: Buyer = None
) -> Response:
    """Link a PRO number.

    Puts the carrier's waybill number on the order, read by your own rule for the carrier, else by the directory's, else
    by the general shape. The first organisation that uses a PRO number claims it and may link it to further orders;
    another gets `pro_number_claimed`. Once its shipment was delivered it stands for no other: `pro_number_reused`. The
    owner, the seller and a named forwarder do this; whoever presents the number may while the order names no forwarder.

    `trailer_number` and `window` say which vehicle is expected with it and when it is booked to come: a gate that is
    told of a delivery compares both. `bol` is the bill of lading. Linking again is 200 and changes nothing but these
    three, where they are said anew. What a mere presenter says of a vehicle books nothing: gates do not go by it. Where
    the order comes with a delivery booking the three are the booking's, and others are 409 `pro_number_booked`.

    Where the policy that the order was issued under refuses split shipments, a second PRO number is 409
    `split_shipment_not_allowed` until the first is taken off. One that a mere presenter linked is in no party's way.
    """
    return await unit.write(
        lambda connection: service.link(connection, caller, number, buyer, body),
        lambda made: Answer(made[0], 201 if made[1] else 200),
    )


@router.get(
    "/purchase-orders/{number}/pro-numbers",
    **documented("list_pro_numbers", Page[ProNumberLink], NotFound, AmbiguousNumber, headers=["Link"]),
)
async def list_pro_numbers(
    request: Request,
    number: OrderNumber,
    caller: Caller,
    unit: Reading,
    buyer: Buyer = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorText = None,
) -> Response:
    """List an order's PRO numbers.

    The PRO numbers that are linked to the order, by carrier, for every party that the order names.
    """
    after = decode_text_cursor(cursor)
    position = None if after is None else _position(after)
    return await unit.read(
        lambda connection: service.page(connection, caller, number, buyer, position, limit + 1),
        lambda found: _page_of_links(request, found, limit),
    )


@router.post(
    "/purchase-orders/{number}/pro-numbers/{scac}/{pro_number}/unlink",
    **documented("unlink_pro_number", ProNumberLink, NotFound, AmbiguousNumber, RelationNotAllowed, InvalidProNumber),
)
async def unlink_pro_number(
    number: OrderNumber,
    scac: Scac,
    pro_number: ProNumberText,
    caller: Caller,
    unit: Unit,
    buyer: Buyer = None,
    body: GiveReason | None = None,
) -> Response:
    """Unlink a PRO number.

    Takes the PRO number off the order, in any status of it; the answer shows the link that was, `linked: false`. The
    PRO number stays your organisation's: no other can link it. Without a named relation to the order only what your
    own organisation linked can be taken off.
    """
    reason = body.reason if body else None
    return await unit.write(
        lambda connection: service.unlink(connection, caller, number, buyer, scac, pro_number, reason), Answer
    )


@router.get(
    "/pro-numbers/{scac}/{pro_number}",
    **documented("get_pro_number", ProNumber, NotFound, InvalidProNumber, headers=["ETag", "Link"], conditional=True),
)
async def get_pro_number(
    request: Request,
    scac: Scac,
    pro_number: ProNumberText,
    caller: Caller,
    unit: Reading,
    limit: OrderLimit = 200,
    cursor: CursorText = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Get a PRO number.

    Which orders a vehicle's waybill stands for: those that name your organisation, oldest first. A PRO number that
    your organisation neither uses nor finds on any such order is 404.
    """
    after = decode_cursor(cursor)
    return await unit.read(
        lambda connection: service.look_up(connection, caller, scac, pro_number, after, limit + 1),
        lambda found: _pro_number_answer(request, found, limit),
    )


def _carrier_answer(carrier: Carrier, status: int = 200) -> Answer:
    return Answer(carrier, status, {"ETag": content_etag(carrier)})


def _position(text: str) -> tuple[str, str]:
    scac, _, key = text.partition("/")
    return scac, key


def _page_of_links(request: Request, found: Sequence[LinkPosition], limit: int) -> Answer:
    shown = found[:limit]
    next_cursor = encode_cursor(f"{shown[-1].scac}/{shown[-1].key}") if len(found) > limit else None
    page = Page[ProNumberLink](data=[position.link for position in shown], next_cursor=next_cursor)
    return Answer(page, headers=link_to_next(request, next_cursor))


def _pro_number_answer(request: Request, found: ProNumber, limit: int) -> Answer:
    orders = found.purchase_orders
    next_cursor = encode_cursor(orders[limit - 1].id) if len(orders) > limit else None
    shown = found.model_copy(update={"purchase_orders": orders[:limit], "next_cursor": next_cursor})
    return Answer(shown, headers={"ETag": content_etag(shown), **link_to_next(request, next_cursor)})
