"""`PATCH /v1/purchase-orders/{number}` and `.../revisions`: what an order says, and what it said before."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from app.http.authorisation import Caller
from app.http.errors import NotFound, PreconditionFailed, PreconditionRequired, RelationNotAllowed
from app.http.openapi import documented
from app.http.pagination import DEFAULT_LIMIT, CursorText, Limit, decode_cursor, page_answer
from app.http.preconditions import IfMatch
from app.http.schemas import LARGEST_INTEGER, Page
from app.http.unit_of_work import Answer, Reading, Unit
from app.orders import changing, revisions
from app.orders.change_schemas import ChangePurchaseOrder, Revision
from app.orders.endpoints import Buyer, OrderNumber, order_answer
from app.orders.errors import AmbiguousNumber, DuplicateReference, InvalidTransition, QuantityReceived
from app.orders.examples import CHANGE
from app.orders.schemas import PurchaseOrder

router = APIRouter(prefix="/purchase-orders/{number}", tags=["Purchase orders"])

RevisionNumber = Annotated[
    int, Path(ge=1, le=LARGEST_INTEGER, description="The revision; they count from 1.", examples=[2])
]


@router.patch(
    "",
    **documented(
        "update_purchase_order",
        PurchaseOrder,
        NotFound,
        AmbiguousNumber,
        RelationNotAllowed,
        InvalidTransition,
        QuantityReceived,
        DuplicateReference,
        PreconditionRequired,
        PreconditionFailed,
        headers=["ETag"],
        requests={
            "Terms and the buyer's own fields": CHANGE,
            "Another quantity, and a new line": {
                "lines": [
                    {"line": 1, "sku": "TS-0042-L", "quantity": "300", "unit_price": "4.90"},
                    {"sku": "TS-0042-M", "quantity": "60", "unit_price": "4.90"},
                ]
            },
            "No end of its validity any more": {"expires_at": None},
        },
    ),
)
async def update_purchase_order(
    number: OrderNumber,
    body: ChangePurchaseOrder,
    caller: Caller,
    unit: Unit,
    buyer: Buyer = None,
    if_match: IfMatch = None,
) -> Response:
    """Change a purchase order.

    A JSON merge patch (RFC 7396; `application/merge-patch+json` is taken too): what is left out stays, null takes a
    field away, objects are merged and lists replaced whole. `If-Match` carries the ETag of what you read; of several
    changes at once one is made, and the others get 412.

    A draft changes in everything but its number. An order that was issued changes by a change order (X12 860), a new
    `revision`, where what the parties agree on changes: `lines`, `currency`, `buyer`, `bill_to`, `seller`, `ship_to`,
    `payment_methods`, `payment_terms`, `freight_terms`, `ship_window` and `delivery_window`. Before the seller has
    confirmed, the new revision takes the old one's place at once. After that it is `proposed_revision`, and what was
    confirmed stays in force, at the gate too, until the seller acknowledges the new one. A later change continues from
    the proposed one and takes its place; a change back to what was confirmed withdraws it.

    Everything else is the buyer's own and changes at once: `activate_by`, `valid_from` and `expires_at`, `forwarders`,
    `sent_via` once it was issued, and what you file the order under: `reference`, `references`, `requested_by`,
    `cost_center`, `category`, `location` and `metadata`, the latter seven also after the order has ended. A change to
    what the order says already changes nothing, not even its version.
    """
    return await unit.write(
        lambda connection: changing.change(connection, caller, number, buyer, if_match, body), order_answer
    )


@router.get(
    "/revisions",
    **documented("list_purchase_order_revisions", Page[Revision], NotFound, AmbiguousNumber, headers=["Link"]),
)
async def list_purchase_order_revisions(
    request: Request,
    number: OrderNumber,
    caller: Caller,
    unit: Reading,
    buyer: Buyer = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorText = None,
) -> Response:
    """List a purchase order's revisions.

    What it said each time, newest first, with the lines of that time. Change orders that are proposed, and those that
    came to nothing, are shown to owner and seller; a seller sees none that asked another organisation.
    """
    position = decode_cursor(cursor)
    before = None if position is None else min(position.int, LARGEST_INTEGER)
    return await unit.read(
        lambda connection: revisions.page(connection, caller, number, buyer, before, limit + 1),
        lambda found: page_answer(request, Page[Revision], found, limit, lambda one: UUID(int=one.revision)),
    )


@router.get(
    "/revisions/{revision}",
    **documented("get_purchase_order_revision", Revision, NotFound, AmbiguousNumber),
)
async def get_purchase_order_revision(
    number: OrderNumber, revision: RevisionNumber, caller: Caller, unit: Reading, buyer: Buyer = None
) -> Response:
    """Get a revision of a purchase order.

    What the order says, said or is to say in it. `received` on its lines is what had come in while it was in force.
    """
    return await unit.read(lambda connection: revisions.get(connection, caller, number, buyer, revision), Answer)
