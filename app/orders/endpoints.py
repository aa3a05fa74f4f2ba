"""`/v1/purchase-orders`: issuing, reading, listing."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import StringConstraints
from starlette.responses import Response

from app.http.authorisation import Caller
from app.http.errors import NotFound
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
from app.http.preconditions import IfNoneMatch
from app.http.schemas import LARGEST_INTEGER, PRINTABLE, Page, Timestamp
from app.http.unit_of_work import Answer, Reading, Unit
from app.numbers.endpoints import Issuer
from app.numbers.errors import ComponentsDoNotFit, NumberFormatExhausted, UnknownNumberFormat
from app.orders import issuing, service, timeline
from app.orders.errors import AmbiguousNumber, BatchRefused, DuplicateNumber, DuplicateReference, ReservedNumber
from app.orders.examples import ISSUE, ORDER_BETWEEN_STRANGERS, REGISTRATION
from app.orders.lifecycle import OrderStatus
from app.orders.list_repository import Filters
from app.orders.location import keys_of
from app.orders.schemas import (
    IssueBatch,
    IssuedBatch,
    IssuePurchaseOrder,
    OrderEvent,
    PurchaseOrder,
)
from app.orders.views import etag
from app.principal import Relation

router = APIRouter(prefix="/purchase-orders", tags=["Purchase orders"])


OrderNumber = Annotated[
    str,
    Path(
        description="The order's number in any written form (case, spaces and dashes do not matter; `/` as %2F), or "
        "its id.",
        examples=["PO-7K3M9QWX2R"],
    ),
]
Buyer = Annotated[
    UUID | None,
    Query(description="The organisation id of the buyer, where orders of two buyers have this number."),
]
ListFilter = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), PRINTABLE]


@router.post(
    "",
    **documented(
        "issue_purchase_order",
        PurchaseOrder,
        DuplicateReference,
        DuplicateNumber,
        ReservedNumber,
        UnknownNumberFormat,
        ComponentsDoNotFit,
        NumberFormatExhausted,
        status=201,
        headers=["ETag", "Location"],
        requests={
            "A number alone": {},
            "An order whose parties are only named": ORDER_BETWEEN_STRANGERS,
            "An order that its seller and warehouse see, by their ids": ISSUE,
            "A number issued elsewhere": REGISTRATION,
        },
    ),
)
async def issue_purchase_order(body: IssuePurchaseOrder, caller: Caller, unit: Unit, issuer: Issuer) -> Response:
    """Issue a purchase order.

    `{}` is enough for a number of the default format; everything else may be said now. With `number`, one that was
    issued elsewhere is registered as it is: unique among your own orders, and `warnings` say what other systems would
    refuse about it. The order is `issued` and waits for the seller's confirmation, or is a `draft`.

    Your policy (`POST /v1/policies`) says what you leave out: the format of the number, and of an order that is issued
    its `expires_at` and `activate_by`. What you say goes before it.
    """
    return await unit.write(
        lambda connection: issuing.issue_one(connection, caller, issuer, body),
        lambda order: Answer(order.content, 201, issuing.headers_of(order)),
    )


@router.post(
    "/batch",
    **documented("issue_purchase_order_batch", IssuedBatch, BatchRefused),
)
async def issue_purchase_order_batch(body: IssueBatch, caller: Caller, unit: Unit, issuer: Issuer) -> Response:
    """Issue up to 1,000 purchase orders.

    Each item is judged by itself: `results` holds, in the order of the items, an order or a problem. With `atomic` one
    fault refuses the whole batch (422) and names the indexes at fault. Bodies up to 8 MiB.
    """
    return await unit.write(lambda connection: issuing.issue_batch(connection, caller, issuer, body), Answer)


def list_filters(
    status: Annotated[list[OrderStatus] | None, Query(description="One or more statuses, time included.")] = None,
    number: Annotated[ListFilter | None, Query(description="A number in any written form.")] = None,
    reference: Annotated[ListFilter | None, Query(description="The buyer's own order id, exactly.")] = None,
    seller: Annotated[ListFilter | None, Query(description="The seller's organisation id, code, GLN or name.")] = None,
    ship_to: Annotated[
        ListFilter | None, Query(description="The ship-to's organisation id, code, GLN or name.")
    ] = None,
    sku: Annotated[ListFilter | None, Query(description="A product code on one of the lines.")] = None,
    expires_before: Annotated[Timestamp | None, Query(description="Valid no longer than this.")] = None,
    activate_by_before: Annotated[Timestamp | None, Query(description="To be activated before this.")] = None,
    created_after: Annotated[Timestamp | None, Query(description="Created after this.")] = None,
    updated_after: Annotated[Timestamp | None, Query(description="Changed after this.")] = None,
    q: Annotated[
        ListFilter | None, Query(description="Part of a number, a reference, a seller's name or a product code.")
    ] = None,
) -> Filters:
    """Return what a list is narrowed to."""
    return Filters(
        status=None if status is None else [str(wanted) for wanted in status],
        number_keys=None if number is None else keys_of(number, ["query", "number"]),
        reference=reference,
        seller=seller,
        ship_to=ship_to,
        sku=sku,
        expires_before=expires_before,
        activate_by_before=activate_by_before,
        created_after=created_after,
        updated_after=updated_after,
        q=q,
    )


@router.get("", **documented("list_purchase_orders", Page[PurchaseOrder], headers=["Link"]))
async def list_purchase_orders(
    request: Request,
    caller: Caller,
    unit: Reading,
    filters: Annotated[Filters, Depends(list_filters)],
    role: Annotated[
        Literal["owner", "seller", "ship_to", "forwarder"] | None,
        Query(description="Only orders to which your organisation has this relation."),
    ] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorText = None,
) -> Response:
    """List purchase orders.

    All orders that your organisation owns, sells, receives or forwards, newest first, each as much as the relation may
    see. Filters add up: all of them must fit.
    """
    before = decode_cursor(cursor)
    only = None if role is None else Relation(role)
    return await unit.read_list(
        lambda connection: service.page(connection, caller, only, filters, before, limit + 1),
        lambda found: page_answer(request, Page[PurchaseOrder], found, limit),
    )


@router.get(
    "/{number}",
    **documented("get_purchase_order", PurchaseOrder, NotFound, AmbiguousNumber, headers=["ETag"], conditional=True),
)
async def get_purchase_order(
    number: OrderNumber, caller: Caller, unit: Reading, buyer: Buyer = None, if_none_match: IfNoneMatch = None
) -> Response:
    """Get a purchase order.

    The exact form of the number comes first, then the form without a leading `PO`. The ETag changes when the order
    does, and when time alone changes its status. That the seller reads an order which waits for its confirmation is
    noted once, as `seen_at`.
    """
    return await unit.read_or_write(
        lambda connection: service.get_unless_unseen(connection, caller, number, buyer),
        lambda connection: service.see(connection, caller, number, buyer),
        order_answer,
    )


@router.get(
    "/{number}/events",
    **documented("list_purchase_order_events", Page[OrderEvent], NotFound, AmbiguousNumber, headers=["Link"]),
)
async def list_purchase_order_events(
    request: Request,
    number: OrderNumber,
    caller: Caller,
    unit: Reading,
    buyer: Buyer = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorText = None,
) -> Response:
    """List a purchase order's events.

    Its timeline, oldest first: what happened, when, and who did it in which role. `sequence` counts without a hole.
    Checks at gates that told of a delivery or were refused stand among the changes as `gate.checked`, with verdict,
    codes and dock. They come in within a second after the answer, after the change that they saw: whoever follows a
    timeline page by page reads its last page again. Checks by organisations that the order does not
    name are shown to its owner only.
    """
    after = _place(decode_text_cursor(cursor))
    return await unit.read(
        lambda connection: timeline.page(connection, caller, number, buyer, after, limit + 1),
        lambda found: page_answer(request, Page[OrderEvent], found, limit, _place_as_text),
    )


def _place_as_text(event: OrderEvent) -> str:
    sequence, check_id = timeline.place_in_timeline(event)
    return f"{sequence} {check_id}"


def _place(text: str | None) -> timeline.Place:
    if text is None:
        return 0, timeline.BEFORE_ALL_CHECKS
    sequence, _, check_id = text.partition(" ")
    try:
        return min(int(sequence), LARGEST_INTEGER), UUID(check_id)
    except ValueError:
        raise invalid_cursor() from None


def order_answer(order: PurchaseOrder, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    """Return an order with its ETag."""
    return Answer(order, status, {"ETag": etag(order), **(headers or {})})
