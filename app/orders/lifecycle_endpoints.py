"""`/v1/purchase-orders/{number}/...`: the transitions of an order's life."""

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from app.errors import Problem
from app.http.authorisation import Caller
from app.http.errors import NotFound, RelationNotAllowed
from app.http.openapi import Examples, documented
from app.http.unit_of_work import Unit
from app.orders import acknowledging, service
from app.orders.acknowledgement_schemas import ConfirmPurchaseOrder
from app.orders.change_schemas import RejectPurchaseOrder
from app.orders.endpoints import Buyer, OrderNumber, order_answer
from app.orders.errors import AmbiguousNumber, InvalidTransition, QuantityReceived, RevisionSuperseded
from app.orders.examples import CONFIRMATION, CONFIRMATION_BY_LINE
from app.orders.schemas import (
    ActivatePurchaseOrder,
    ExtendPurchaseOrder,
    GiveReason,
    PurchaseOrder,
    SendPurchaseOrder,
)

router = APIRouter(prefix="/purchase-orders/{number}", tags=["Purchase order lifecycle"])


def _transition(operation_id: str, *problems: type[Problem], requests: Examples | None = None) -> dict[str, Any]:
    return documented(
        operation_id,
        PurchaseOrder,
        NotFound,
        AmbiguousNumber,
        RelationNotAllowed,
        InvalidTransition,
        *problems,
        headers=["ETag"],
        requests=requests,
    )


@router.post("/issue", **_transition("send_purchase_order"))
async def send_purchase_order(
    number: OrderNumber, caller: Caller, unit: Unit, buyer: Buyer = None, body: SendPurchaseOrder | None = None
) -> Response:
    """Issue a draft.

    The draft becomes `issued` and waits for the seller's confirmation. `sent_via` says how it went to the supplier.
    From this moment on it goes by the version of your policy that is in force, which fills in `activate_by` and
    `expires_at` where neither the draft nor this request says them.
    """
    given = body or SendPurchaseOrder()
    return await unit.write(lambda connection: service.send(connection, caller, number, buyer, given), order_answer)


@router.post(
    "/confirm",
    **_transition(
        "confirm_purchase_order",
        RevisionSuperseded,
        QuantityReceived,
        requests={"All is accepted": CONFIRMATION, "What becomes of each line": CONFIRMATION_BY_LINE},
    ),
)
async def confirm_purchase_order(
    number: OrderNumber, caller: Caller, unit: Unit, buyer: Buyer = None, body: ConfirmPurchaseOrder | None = None
) -> Response:
    """Confirm a purchase order.

    The seller's acknowledgement (X12 855), with its contract or invoice number. The owner may confirm on the seller's
    behalf; the event then says `relation: owner`. Repeatable: a later acknowledgement replaces the earlier one.

    With `lines` the seller says what becomes of each, in as many parts as it likes: `accepted`, `backordered` (comes
    later, and stays open) or `rejected` (is open no more, at the gate and for receiving), with dates and a reason. What
    is left unsaid is accepted; without `lines` all is. Where nothing is left to come, the order is `rejected`, or
    `received` where goods have come in before.

    Where the policy that the order was issued under has `activation: on_confirmation`, the order is active at once, and
    its timeline shows both events. A later acknowledgement changes nothing about that.

    Where a change order is proposed, it is what is acknowledged, and comes into force with that. An acknowledgement of
    any revision but the newest is 409 `revision_superseded`.
    """
    given = body or ConfirmPurchaseOrder()
    return await unit.write(
        lambda connection: acknowledging.confirm(connection, caller, number, buyer, given), order_answer
    )


@router.post("/reject", **_transition("reject_purchase_order", RevisionSuperseded))
async def reject_purchase_order(
    number: OrderNumber, caller: Caller, unit: Unit, buyer: Buyer = None, body: RejectPurchaseOrder | None = None
) -> Response:
    """Reject a purchase order.

    The seller declines, with a reason; the owner may do so on its behalf. A rejected order has ended. With the
    `revision` of a change order that is proposed, only that one is declined: what was confirmed stays in force.
    """
    given = body or RejectPurchaseOrder()
    return await unit.write(
        lambda connection: acknowledging.decline(connection, caller, number, buyer, given), order_answer
    )


@router.post("/activate", **_transition("activate_purchase_order"))
async def activate_purchase_order(
    number: OrderNumber, caller: Caller, unit: Unit, buyer: Buyer = None, body: ActivatePurchaseOrder | None = None
) -> Response:
    """Activate a purchase order.

    The confirmed order becomes valid: from `valid_from` until `expires_at` the gate accepts its number. Of several
    callers at once one activates it, the others get `invalid_transition`.
    """
    given = body or ActivatePurchaseOrder()
    return await unit.write(lambda connection: service.activate(connection, caller, number, buyer, given), order_answer)


@router.post("/extend", **_transition("extend_purchase_order"))
async def extend_purchase_order(
    number: OrderNumber, body: ExtendPurchaseOrder, caller: Caller, unit: Unit, buyer: Buyer = None
) -> Response:
    """Extend a purchase order.

    Moves `expires_at` to a later time. An `expired` order is valid again; a `lapsed` one needs a new `activate_by` too
    and then waits for its activation.
    """
    return await unit.write(lambda connection: service.extend(connection, caller, number, buyer, body), order_answer)


@router.post("/suspend", **_transition("suspend_purchase_order"))
async def suspend_purchase_order(
    number: OrderNumber, caller: Caller, unit: Unit, buyer: Buyer = None, body: GiveReason | None = None
) -> Response:
    """Suspend a purchase order.

    Stops an order, during a dispute for example: the gate answers `suspended` until it is resumed.
    """
    reason = body.reason if body else None
    return await unit.write(lambda connection: service.suspend(connection, caller, number, buyer, reason), order_answer)


@router.post("/resume", **_transition("resume_purchase_order"))
async def resume_purchase_order(
    number: OrderNumber, caller: Caller, unit: Unit, buyer: Buyer = None, body: GiveReason | None = None
) -> Response:
    """Resume a purchase order.

    Returns a suspended order to the status that it was suspended from. Time has not stood still: it may have expired.
    """
    reason = body.reason if body else None
    return await unit.write(lambda connection: service.resume(connection, caller, number, buyer, reason), order_answer)


@router.post("/cancel", **_transition("cancel_purchase_order"))
async def cancel_purchase_order(
    number: OrderNumber, caller: Caller, unit: Unit, buyer: Buyer = None, body: GiveReason | None = None
) -> Response:
    """Cancel a purchase order.

    Voids a draft or an order of which nothing was received. It stays listed, and its number is never issued again.
    """
    reason = body.reason if body else None
    return await unit.write(lambda connection: service.cancel(connection, caller, number, buyer, reason), order_answer)


@router.post("/close", **_transition("close_purchase_order"))
async def close_purchase_order(
    number: OrderNumber, caller: Caller, unit: Unit, buyer: Buyer = None, body: GiveReason | None = None
) -> Response:
    """Close a purchase order.

    Ends an active or received order: nothing more is expected on it, and the gate answers `closed`.
    """
    reason = body.reason if body else None
    return await unit.write(lambda connection: service.close(connection, caller, number, buyer, reason), order_answer)
