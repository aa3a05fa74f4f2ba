"""Moving a PRO number, links in a batch, and what the operator does with a claim."""

from fastapi import APIRouter
from starlette.responses import Response

from app.http.authorisation import Caller
from app.http.errors import NotFound, RelationNotAllowed
from app.http.openapi import documented
from app.http.unit_of_work import Account, Answer, Unit
from app.orders.endpoints import Buyer, OrderNumber
from app.orders.errors import AmbiguousNumber, BatchRefused, InvalidTransition
from app.shipments import batches, claims, moving
from app.shipments.endpoints import ProNumberText, Scac
from app.shipments.errors import (
    InvalidProNumber,
    ProNumberBooked,
    ProNumberClaimed,
    ProNumberLinked,
    ProNumberReused,
    SplitShipmentNotAllowed,
)
from app.shipments.schemas import (
    GiveUpProNumber,
    LinkBatch,
    LinkedBatch,
    MoveProNumber,
    ProNumberLink,
    ReleasedProNumber,
)

router = APIRouter(tags=["Shipments"])


@router.post(
    "/purchase-orders/{number}/pro-numbers/{scac}/{pro_number}/move",
    **documented(
        "move_pro_number",
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
    ),
)
async def move_pro_number(
    number: OrderNumber,
    scac: Scac,
    pro_number: ProNumberText,
    body: MoveProNumber,
    caller: Caller,
    unit: Unit,
    buyer: Buyer = None,
) -> Response:
    """Move to another carrier or waybill.

    The order's goods go with another carrier, or under another PRO number: the new one takes the place of the old one,
    which is read, claimed and refused as with linking. The expected vehicle, its window and the bill of lading stay as
    they are; change the vehicle by linking the new PRO number again. The answer is the link that the order has now, and
    its timeline tells both PRO numbers and the `reason` in one `pro_number.moved`.

    What comes with a delivery booking is not moved (409 `pro_number_booked`), or the booking would promise another PRO
    number than the gate expects: take the shipment out of the booking first.

    Where the order has the new PRO number already, the old one is taken off. Moving to the same PRO number changes
    nothing. A policy that refuses split shipments is not in the way: one goes, one comes. Without a named relation to
    the order only what your own organisation linked can be moved. The old PRO number stays your organisation's.
    """
    return await unit.write(
        lambda connection: moving.move(connection, caller, number, buyer, scac, pro_number, body), Answer
    )


@router.post("/pro-numbers/batch", **documented("link_pro_number_batch", LinkedBatch, BatchRefused))
async def link_pro_number_batch(body: LinkBatch, caller: Caller, unit: Unit, account: Account) -> Response:
    """Link up to 1,000 PRO numbers.

    Each item is judged by itself as if it came alone, after those before it: `results` holds, in the order of the
    items, a link or a problem. One PRO number may stand with many orders, and one order with many PRO numbers. An
    item that is there twice is linked once, and of its vehicle the later one says what counts. With `atomic` one fault
    refuses the whole batch (422) and names the indexes at fault. Bodies up to 8 MiB.

    Each number of an order that does not name your organisation counts as a look-up; beyond the limit such items are
    refused, the others are not.
    """
    try:
        return await unit.write(lambda connection: batches.link_batch(connection, caller, account, body), Answer)
    finally:
        await account.settle()


@router.post(
    "/pro-numbers/{scac}/{pro_number}/release",
    **documented("release_pro_number", ReleasedProNumber, NotFound, InvalidProNumber, ProNumberLinked),
)
async def release_pro_number(
    scac: Scac, pro_number: ProNumberText, body: GiveUpProNumber, caller: Caller, unit: Unit
) -> Response:
    """Release a claimed PRO number.

    For the operator: an organisation took a PRO number by mistake, and another one needs it. The claim is given up,
    with the reason in the audit trail of the organisation that had it; whoever links the number next has it. Not
    possible while it is on an order.
    """
    return await unit.write(
        lambda connection: claims.release(connection, caller, scac, pro_number, body.reason), Answer
    )
