"""`/v1/purchase-orders/{number}/receive`, its receipts, and `/v1/receipts`: goods that come in."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from app.http.authorisation import Caller
from app.http.errors import NotFound, RelationNotAllowed
from app.http.openapi import documented
from app.http.pagination import DEFAULT_LIMIT, CursorText, Limit, decode_cursor, page_answer
from app.http.schemas import Page
from app.http.unit_of_work import Reading, Unit
from app.orders import receiving
from app.orders.endpoints import Buyer, OrderNumber, order_answer
from app.orders.errors import (
    AlreadyReceived,
    AmbiguousNumber,
    DuplicateReceipt,
    InvalidTransition,
    OverReceipt,
    ReceiptReversed,
)
from app.orders.examples import RECEIVE
from app.orders.receipt_schemas import (
    PutAwayReceipt,
    Receipt,
    ReceivedPurchaseOrder,
    ReceivePurchaseOrder,
    ReverseReceipt,
)

router = APIRouter(tags=["Receiving"])

ReceiptId = Annotated[UUID, Path(description="The receipt's id.", examples=["0198f5b1-3a70-7c55-9e21-5b7d9f1a3c64"])]


@router.post(
    "/purchase-orders/{number}/receive",
    **documented(
        "receive_purchase_order",
        ReceivedPurchaseOrder,
        NotFound,
        AmbiguousNumber,
        RelationNotAllowed,
        AlreadyReceived,
        OverReceipt,
        DuplicateReceipt,
        InvalidTransition,
        headers=["ETag"],
        requests={"What came in, by line and lot": RECEIVE, "All that is open": {"dock": "4"}},
    ),
)
async def receive_purchase_order(
    number: OrderNumber, caller: Caller, unit: Unit, buyer: Buyer = None, body: ReceivePurchaseOrder | None = None
) -> Response:
    """Receive a purchase order.

    Takes goods in, once: of several docks that receive all that is open at the same moment, one makes the receipt and
    the others get `already_received`, with when and where. With `lines` a part comes in, and the order is
    `partially_received` until nothing is open. More than was ordered, and than the buyer's policy tolerates beyond it,
    is refused whole, `over_receipt`. An order without lines comes in as a whole. A `receipt_reference` makes it safe to
    send a receipt again, on any later day.
    """
    given = body or ReceivePurchaseOrder()
    return await unit.write_at_the_gate(
        lambda connection: receiving.receive(connection, caller, number, buyer, given), order_answer
    )


@router.get(
    "/purchase-orders/{number}/receipts",
    **documented("list_receipts", Page[Receipt], NotFound, AmbiguousNumber, headers=["Link"]),
)
async def list_receipts(
    request: Request,
    number: OrderNumber,
    caller: Caller,
    unit: Reading,
    buyer: Buyer = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorText = None,
) -> Response:
    """List an order's receipts.

    What came in on the order, oldest first, for every party that the order names. A receipt that was reversed stays
    listed and says so.
    """
    after = decode_cursor(cursor)
    return await unit.read(
        lambda connection: receiving.page(connection, caller, number, buyer, after, limit + 1),
        lambda found: page_answer(request, Page[Receipt], found, limit),
    )


@router.post(
    "/receipts/{receipt_id}/reverse",
    **documented(
        "reverse_receipt",
        ReceivedPurchaseOrder,
        NotFound,
        RelationNotAllowed,
        ReceiptReversed,
        InvalidTransition,
        headers=["ETag"],
    ),
)
async def reverse_receipt(receipt_id: ReceiptId, body: ReverseReceipt, caller: Caller, unit: Unit) -> Response:
    """Reverse a receipt.

    Takes a receipt back whole, with a reason: its quantities are open again, and the order is `partially_received`, or
    `active` when nothing is left that came in. An expired order can be corrected too; one that is suspended or closed
    cannot. The receipt stays listed, and its `receipt_reference` stays taken.
    """
    return await unit.write(lambda connection: receiving.reverse(connection, caller, receipt_id, body), order_answer)


@router.post(
    "/receipts/{receipt_id}/put-away",
    **documented(
        "put_away_receipt",
        ReceivedPurchaseOrder,
        NotFound,
        RelationNotAllowed,
        ReceiptReversed,
        headers=["ETag"],
    ),
)
async def put_away_receipt(receipt_id: ReceiptId, body: PutAwayReceipt, caller: Caller, unit: Unit) -> Response:
    """Put away a receipt's goods.

    Notes the place in the warehouse where the goods are. Repeatable: a later place replaces an earlier one, and the
    order's events tell every move.
    """
    return await unit.write(lambda connection: receiving.put_away(connection, caller, receipt_id, body), order_answer)
