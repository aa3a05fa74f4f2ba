"""Problems of purchase orders."""

from typing import ClassVar

from pydantic import JsonValue

from app.errors import Problem


class InvalidTransition(Problem):
    """The status of the order, or of its delivery booking, does not allow what was asked."""

    status = 409
    code = "invalid_transition"
    title = "The status does not allow this"
    remedy = (
        "`order_status` is the status now and `allowed` lists what can be done in it. Two callers may have acted at "
        "once: read the order again before trying anything else; its `allowed_actions` say the same. Of a delivery "
        "booking it is `booking_status`; a vehicle that has arrived already is told with `arrived_at` and `dock`."
    )
    example_detail = "PO-7K3M9QWX2R is issued: activate is not possible; possible are confirm, reject, extend."
    example_members: ClassVar[dict[str, JsonValue]] = {
        "order_status": "issued",
        "allowed": ["confirm", "reject", "extend", "suspend", "cancel"],
    }


class RevisionSuperseded(Problem):
    """What was acknowledged or declined is not the order's newest revision."""

    status = 409
    code = "revision_superseded"
    title = "The order has a newer revision"
    remedy = (
        "Look at what changed since `revision`, GET /v1/purchase-orders/{number}/revisions, and acknowledge or decline "
        "`current_revision`."
    )
    example_detail = "Revision 1 was meant; the order is at revision 2."
    example_members: ClassVar[dict[str, JsonValue]] = {"revision": 1, "current_revision": 2}


class AmbiguousNumber(Problem):
    """Two buyers use the same number, and the caller may see both orders."""

    status = 409
    code = "ambiguous_number"
    title = "The number belongs to more than one order"
    remedy = (
        "Numbers issued elsewhere are unique within one buyer only. Send `buyer` with one of the organisation ids in "
        "`buyers`, as a query parameter or, where the number stands in the body, beside it; or use the order's id in "
        "the number's place."
    )
    example_detail = (
        "More than one order has this number; send `buyer`, the organisation id of the buyer that is meant."
    )
    example_members: ClassVar[dict[str, JsonValue]] = {
        "buyers": ["0198f5a2-7c3e-7d41-9a52-3f6b8d2e1c07", "0198f5a2-9b10-7c02-b1c3-8e2f4a6d9b55"]
    }


class DuplicateNumber(Problem):
    """The buyer has an order with this number already."""

    status = 409
    code = "duplicate_number"
    title = "The number is taken"
    remedy = (
        "Within one buyer a number belongs to one order, however it is written: case, spaces and dashes do not make a "
        "different number. Read the order that has it, or register this one under its own number."
    )
    example_detail = "This organisation has an order 4500012345 already."


class DuplicateReference(Problem):
    """The buyer's own order id was used before."""

    status = 409
    code = "duplicate_reference"
    title = "The reference is taken"
    remedy = (
        "`reference` is your own order id and unique in your organisation. "
        "GET /v1/purchase-orders?reference= finds the order that has it."
    )
    example_detail = "This organisation has an order with the reference SO-2036-0815 already."


class ReservedNumber(Problem):
    """The number looks like one that this service issues."""

    status = 409
    code = "reserved_number"
    title = "The number has the form of numbers issued here"
    remedy = (
        "A number issued elsewhere may not have the shape and the right check character of a format of this service: "
        "the service may issue it one day. Leave `number` out to have one issued."
    )
    example_detail = "PO-7K3M9QWX2R has the form of numbers that this service issues."


class QuantityReceived(Problem):
    """What has come in would be denied."""

    status = 409
    code = "quantity_received"
    title = "Goods of this line have come in"
    remedy = (
        "What was received stays received. `lines` lists each line at fault with what came in (`received`) and what "
        "would be left of the order (`ordered`, null where the line would be gone): order no less than came in, keep "
        "the line's product and unit, or reverse the receipt first, POST /v1/receipts/{receipt_id}/reverse."
    )
    example_detail = "Line 1 cannot be ordered at 80: 100 have come in."
    example_members: ClassVar[dict[str, JsonValue]] = {"lines": [{"line": 1, "received": "100", "ordered": "80"}]}


class BatchRefused(Problem):
    """An atomic batch with a fault in it: nothing was done."""

    status = 422
    code = "batch_refused"
    title = "The atomic batch was refused"
    remedy = (
        "`problems` lists the index and the problem of each item at fault. Nothing was issued: correct them and send "
        "the batch again, or send it with `atomic: false` to issue the others."
    )
    example_detail = "1 of 2 purchase orders is at fault (index 1); nothing was issued."
    example_members: ClassVar[dict[str, JsonValue]] = {
        "problems": [
            {
                "index": 1,
                "problem": {
                    "type": "/problems/duplicate_reference",
                    "title": "The reference is taken",
                    "status": 409,
                    "detail": "This organisation has an order with the reference SO-2036-0815 already.",
                    "code": "duplicate_reference",
                },
            }
        ]
    }


class AlreadyReceived(Problem):
    """All goods of the order have come in before."""

    status = 409
    code = "already_received"
    title = "The goods were received already"
    remedy = (
        "Everything that was ordered has come in: `received_at`, `dock` and `receipt_id` say when, where and by which "
        "receipt last. Compare the number with the document; if it is the same, ask the buyer whether it was used "
        "again. A receipt that was taken in by mistake is reversed with POST /v1/receipts/{receipt_id}/reverse."
    )
    example_detail = "PO-7K3M9QWX2R was received on 2036-03-01T06:14:09Z at dock 4."
    example_members: ClassVar[dict[str, JsonValue]] = {
        "received_at": "2036-03-01T06:14:09Z",
        "dock": "4",
        "receipt_id": "0198f5b1-3a70-7c55-9e21-5b7d9f1a3c64",
    }


class OverReceipt(Problem):
    """More would come in than was ordered, and than the buyer's policy tolerates beyond it."""

    status = 409
    code = "over_receipt"
    title = "More than was ordered"
    remedy = (
        "`lines` lists each line at fault with what was ordered, what has come in, what is open, what may still come "
        "in (`receivable`: more than is open where the policy that the order was issued under has a "
        "`receipt_tolerance`) and what was asked. Nothing was received: count again, receive what is receivable, and "
        "ask the buyer about the rest."
    )
    example_detail = "Line 1: 40 are open, 60 were to be received; nothing was received."
    example_members: ClassVar[dict[str, JsonValue]] = {
        "lines": [{"line": 1, "ordered": "240", "received": "200", "open": "40", "receivable": "40", "asked": "60"}]
    }


class DuplicateReceipt(Problem):
    """The receipt's reference was used before."""

    status = 409
    code = "duplicate_receipt"
    title = "This receipt was sent before"
    remedy = (
        "`receipt_reference` is unique in your organisation for ever, also after its receipt was reversed. A device "
        "that sends again what it kept while offline is done: `receipt_id` is the receipt it made, at `received_at`. "
        "Nothing was received this time; a new receipt needs a new reference."
    )
    example_detail = "The receipt HH7-000123 was taken in on 2036-03-01T06:14:09Z."
    example_members: ClassVar[dict[str, JsonValue]] = {
        "receipt_id": "0198f5b1-3a70-7c55-9e21-5b7d9f1a3c64",
        "received_at": "2036-03-01T06:14:09Z",
    }


class ReceiptReversed(Problem):
    """The receipt has been taken back."""

    status = 409
    code = "receipt_reversed"
    title = "The receipt was reversed"
    remedy = (
        "`reversed_at` and `reason` say when and why. What was reversed stays so: receive the goods anew if they are "
        "there after all."
    )
    example_detail = "This receipt was reversed on 2036-03-01T07:30:00Z."
    example_members: ClassVar[dict[str, JsonValue]] = {
        "reversed_at": "2036-03-01T07:30:00Z",
        "reason": "Booked on the wrong order.",
    }


class ActivationNotPossible(Problem):
    """An activation would not make the gate accept the order, or nothing stands in the way of its acceptance."""

    status = 409
    code = "activation_not_possible"
    title = "Activation would not help this order"
    remedy = (
        "Activation is for orders that are confirmed and not active, that were not activated in time (`lapsed`), or "
        "whose validity has ended (`expired`). `reason` says what it is instead: `in_force` orders need nothing, "
        "`not_confirmed` ones the supplier's confirmation, `not_issued` ones to be issued; about those that are "
        "`suspended`, `cancelled`, `rejected`, `closed` or `already_received`, ask the buyer. The number's validation, "
        "GET /v1/validations/{number}, names the next step."
    )
    example_detail = "Activation of PO-7K3M9QWX2R would not help: the buyer has cancelled it."
    example_members: ClassVar[dict[str, JsonValue]] = {"reason": "cancelled"}


class ActivationRequestOpen(Problem):
    """Somebody has applied for this order already, and nothing is decided yet."""

    status = 409
    code = "activation_request_open"
    title = "Activation of this order has been applied for already"
    remedy = (
        "An order has one open activation request at a time: wait until the buyer has decided it. Where it is your own "
        "organisation's, or you own the order, `activation_request_id` names it; to apply with another reason or date, "
        "withdraw it first."
    )
    example_detail = "Activation of PO-7K3M9QWX2R was applied for on 2036-03-01T06:20:00Z and is not decided yet."
    example_members: ClassVar[dict[str, JsonValue]] = {"activation_request_id": "0198f5b2-1c44-7b10-8f3a-6d2e4b8a9c11"}


class ActivationRequestClosed(Problem):
    """The request has its final status already."""

    status = 409
    code = "activation_request_closed"
    title = "The activation request is not open any more"
    remedy = (
        "`request_status` says what became of it and `decided_at` when: it was approved, denied or withdrawn, or it is "
        "obsolete because the order was activated, extended, cancelled or ended otherwise. What was decided stays so; "
        "where the order still needs it, apply anew."
    )
    example_detail = "The request was denied on 2036-03-01T07:05:00Z."
    example_members: ClassVar[dict[str, JsonValue]] = {
        "request_status": "denied",
        "decided_at": "2036-03-01T07:05:00Z",
    }
