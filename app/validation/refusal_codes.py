"""Why a PO number is not accepted: the closed vocabulary of refusals, each with its verdict and its next step.

The texts are read by a person at a gate with a lorry waiting: short, plain, and naming what to do now. Which cause asks
for which step is the trade's: compare with the document first, then turn to whoever can change the order.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.orders.causes import Cause


class Verdict(StrEnum):
    """The answer to the gate. `hold`: may become good, keep the goods waiting. `reject`: not without a change."""

    accept = "accept"
    hold = "hold"
    reject = "reject"


class RefusalCode(StrEnum):
    """Holds first, then rejections."""

    not_confirmed = "not_confirmed"
    not_active = "not_active"
    activation_pending = "activation_pending"
    not_yet_valid = "not_yet_valid"
    pro_number_missing = "pro_number_missing"
    ambiguous_number = "ambiguous_number"
    carrier_disrupted = "carrier_disrupted"
    duplicate_in_request = "duplicate_in_request"
    no_booking = "no_booking"
    before_window = "before_window"

    malformed = "malformed"
    check_character_mismatch = "check_character_mismatch"
    unknown = "unknown"
    not_issued = "not_issued"
    lapsed = "lapsed"
    expired = "expired"
    already_received = "already_received"
    suspended = "suspended"
    rejected = "rejected"
    cancelled = "cancelled"
    closed = "closed"
    delivery_mismatch = "delivery_mismatch"
    pro_number_mismatch = "pro_number_mismatch"
    after_window = "after_window"


class NextStepAction(StrEnum):
    """What a program can offer as a button; the description says it in words."""

    check_the_document = "check_the_document"
    contact_supplier = "contact_supplier"
    contact_buyer = "contact_buyer"
    contact_logistics_partner = "contact_logistics_partner"
    apply_for_activation = "apply_for_activation"
    wait_for_review = "wait_for_review"
    wait_until_valid = "wait_until_valid"
    wait_for_the_window = "wait_for_the_window"
    name_the_buyer = "name_the_buyer"
    give_the_pro_number = "give_the_pro_number"
    remove_the_duplicate = "remove_the_duplicate"
    book_the_delivery = "book_the_delivery"
    open_support_case = "open_support_case"


class ContactDesk(StrEnum):
    """Whose contact point the next step shows; named like the contact points of an organisation."""

    buyer_desk = "buyer_desk"
    supplier_desk = "supplier_desk"
    logistics = "logistics"


@dataclass(frozen=True, slots=True)
class RefusalRule:
    """One code: what the verdict is, what is wrong, and what to do.

    `title` and `explanation` tell nothing of the order but the refusal itself, so anyone who presents a number may read
    them. `then` is the step to take when `action` has not helped.
    """

    verdict: Verdict
    title: str
    explanation: str
    action: NextStepAction
    description: str
    contact: ContactDesk | None = None
    then: NextStepAction | None = None


REFUSAL_CODES: Final[Mapping[RefusalCode, RefusalRule]] = {
    RefusalCode.not_confirmed: RefusalRule(
        Verdict.hold,
        "Not confirmed by the supplier",
        "The supplier has not confirmed this order yet.",
        NextStepAction.contact_supplier,
        "Hold the goods and call the supplier: the order waits for its confirmation.",
        ContactDesk.supplier_desk,
        NextStepAction.contact_buyer,
    ),
    RefusalCode.not_active: RefusalRule(
        Verdict.hold,
        "Not activated",
        "The supplier has confirmed this order, but it has not been activated for delivery.",
        NextStepAction.apply_for_activation,
        "Hold the goods and apply for activation. If it is urgent, call the buyer, who decides on it.",
        ContactDesk.buyer_desk,
        NextStepAction.open_support_case,
    ),
    RefusalCode.activation_pending: RefusalRule(
        Verdict.hold,
        "Activation applied for",
        "Activation of this order has been applied for, and the buyer has not decided yet.",
        NextStepAction.wait_for_review,
        "Hold the goods and check again later. If it is urgent, call the buyer.",
        ContactDesk.buyer_desk,
        NextStepAction.contact_buyer,
    ),
    RefusalCode.not_yet_valid: RefusalRule(
        Verdict.hold,
        "Not valid yet",
        "The goods have come before this order begins to be valid.",
        NextStepAction.wait_until_valid,
        "Hold the goods until the order is valid, or call the buyer to have it begin earlier.",
        ContactDesk.buyer_desk,
        NextStepAction.contact_buyer,
    ),
    RefusalCode.pro_number_missing: RefusalRule(
        Verdict.hold,
        "PRO number missing",
        "This delivery needs a PRO number, and none was given.",
        NextStepAction.give_the_pro_number,
        "Ask the driver for the PRO number on the waybill and check again. If there is none, call the logistics "
        "partner.",
        ContactDesk.logistics,
        NextStepAction.contact_logistics_partner,
    ),
    RefusalCode.ambiguous_number: RefusalRule(
        Verdict.hold,
        "More than one order fits",
        "More than one order has this number or reference, so it does not say which one is meant.",
        NextStepAction.name_the_buyer,
        "Find the buyer's name on the document and check again with that buyer chosen, or with the order's own number.",
        None,
        NextStepAction.open_support_case,
    ),
    RefusalCode.carrier_disrupted: RefusalRule(
        Verdict.hold,
        "The carrier reports a disruption",
        "The carrier's service is disrupted, so its deliveries cannot be relied on right now.",
        NextStepAction.contact_logistics_partner,
        "Hold the goods, call the logistics partner, and check again later. The number itself is not wrong.",
        ContactDesk.logistics,
        NextStepAction.open_support_case,
    ),
    RefusalCode.duplicate_in_request: RefusalRule(
        Verdict.hold,
        "Listed twice",
        "This number stands in the list more than once.",
        NextStepAction.remove_the_duplicate,
        "Compare the list with the documents: take the number out, or put in the one that was meant.",
        None,
        NextStepAction.check_the_document,
    ),
    RefusalCode.no_booking: RefusalRule(
        Verdict.hold,
        "No delivery booked",
        "No delivery appointment is booked for this order.",
        NextStepAction.book_the_delivery,
        "Hold the vehicle and book a delivery, or call the logistics partner for the appointment number.",
        ContactDesk.logistics,
        NextStepAction.contact_logistics_partner,
    ),
    RefusalCode.before_window: RefusalRule(
        Verdict.hold,
        "Too early for the appointment",
        "The vehicle has come before its delivery window begins.",
        NextStepAction.wait_for_the_window,
        "Let the vehicle wait until the window begins, or call the logistics partner to move the appointment.",
        ContactDesk.logistics,
        NextStepAction.contact_logistics_partner,
    ),
    RefusalCode.malformed: RefusalRule(
        Verdict.reject,
        "Not a PO number",
        "No PO number looks like this.",
        NextStepAction.check_the_document,
        "Compare with the document and enter the PO number again. Another number may have been taken for it.",
        None,
        NextStepAction.open_support_case,
    ),
    RefusalCode.check_character_mismatch: RefusalRule(
        Verdict.reject,
        "Mistyped or misread",
        "The check character does not fit the rest of the number, so at least one character is wrong.",
        NextStepAction.check_the_document,
        "Compare with the document character by character and enter the number again.",
        None,
        NextStepAction.open_support_case,
    ),
    RefusalCode.unknown: RefusalRule(
        Verdict.reject,
        "Unknown number",
        "No order has this number.",
        NextStepAction.check_the_document,
        "Compare with the document and enter the number again. If it is the same, call the buyer.",
        ContactDesk.buyer_desk,
        NextStepAction.contact_buyer,
    ),
    RefusalCode.not_issued: RefusalRule(
        Verdict.reject,
        "Not issued",
        "The buyer has drafted this order, but has not sent it to the supplier.",
        NextStepAction.contact_buyer,
        "Do not take the goods in. Call the buyer: the order has to be issued first.",
        ContactDesk.buyer_desk,
        NextStepAction.open_support_case,
    ),
    RefusalCode.lapsed: RefusalRule(
        Verdict.reject,
        "Not activated in time",
        "This order was not activated before its deadline.",
        NextStepAction.apply_for_activation,
        "Do not take the goods in. Apply for activation. If it is urgent, call the buyer, who decides on it.",
        ContactDesk.buyer_desk,
        NextStepAction.open_support_case,
    ),
    RefusalCode.expired: RefusalRule(
        Verdict.reject,
        "Expired",
        "The validity of this order has ended.",
        NextStepAction.apply_for_activation,
        "Do not take the goods in. Apply for activation to have the order extended, or ask the buyer for a new one.",
        ContactDesk.buyer_desk,
        NextStepAction.open_support_case,
    ),
    RefusalCode.already_received: RefusalRule(
        Verdict.reject,
        "Goods received already",
        "All goods of this order have been received already.",
        NextStepAction.check_the_document,
        "Compare with the document. If the number is the same, call the buyer: it may have been used again.",
        ContactDesk.buyer_desk,
        NextStepAction.contact_buyer,
    ),
    RefusalCode.suspended: RefusalRule(
        Verdict.reject,
        "Suspended",
        "The buyer has suspended this order.",
        NextStepAction.contact_buyer,
        "Do not take the goods in. Call the buyer, who can resume the order; if that fails, open a support case.",
        ContactDesk.buyer_desk,
        NextStepAction.open_support_case,
    ),
    RefusalCode.rejected: RefusalRule(
        Verdict.reject,
        "Rejected by the supplier",
        "The supplier has declined this order, so no goods are due for it.",
        NextStepAction.contact_buyer,
        "Do not take the goods in. Call the buyer for the right order; if that fails, open a support case.",
        ContactDesk.buyer_desk,
        NextStepAction.open_support_case,
    ),
    RefusalCode.cancelled: RefusalRule(
        Verdict.reject,
        "Cancelled",
        "The buyer has cancelled this order.",
        NextStepAction.contact_buyer,
        "Do not take the goods in. Call the buyer; if that fails, open a support case.",
        ContactDesk.buyer_desk,
        NextStepAction.open_support_case,
    ),
    RefusalCode.closed: RefusalRule(
        Verdict.reject,
        "Closed",
        "This order is closed and expects no more goods.",
        NextStepAction.contact_buyer,
        "Do not take the goods in. Call the buyer for a new order; if that fails, open a support case.",
        ContactDesk.buyer_desk,
        NextStepAction.open_support_case,
    ),
    RefusalCode.delivery_mismatch: RefusalRule(
        Verdict.reject,
        "Not this delivery",
        "The delivery is not the one that this order expects.",
        NextStepAction.check_the_document,
        "Compare carrier, trailer, destination, supplier and quantities with the document, then call the logistics "
        "partner.",
        ContactDesk.logistics,
        NextStepAction.contact_logistics_partner,
    ),
    RefusalCode.pro_number_mismatch: RefusalRule(
        Verdict.reject,
        "Another PRO number is expected",
        "The PRO number given does not belong to this order.",
        NextStepAction.check_the_document,
        "Compare the PRO number with the carrier's waybill. If it is the same, call the logistics partner.",
        ContactDesk.logistics,
        NextStepAction.contact_logistics_partner,
    ),
    RefusalCode.after_window: RefusalRule(
        Verdict.reject,
        "Too late for the appointment",
        "The vehicle has come after its delivery window has ended.",
        NextStepAction.book_the_delivery,
        "Do not take the goods in. Book a new appointment, or call the logistics partner to move this one.",
        ContactDesk.logistics,
        NextStepAction.contact_logistics_partner,
    ),
}


@dataclass(frozen=True, slots=True)
class MissingFactRule:
    """What is said where a gate asks for a fact of the delivery that was not told, and its code has other words."""

    verdict: Verdict
    explanation: str
    description: str


WHEN_MISSING: Final = MissingFactRule(
    Verdict.hold,
    "This gate asks for {what} of a delivery, and none was given.",
    "Ask the driver or look at the papers, and check again with it. If nobody knows, call the logistics partner.",
)
"""With `what` as the gate calls it; it holds, since nothing contradicts what is not told."""


CAUSES: Final[Mapping[Cause, tuple[RefusalCode, ...]]] = {
    Cause.entered_incorrectly: (
        RefusalCode.malformed,
        RefusalCode.check_character_mismatch,
        RefusalCode.unknown,
        RefusalCode.ambiguous_number,
        RefusalCode.duplicate_in_request,
    ),
    Cause.reused: (RefusalCode.already_received,),
    Cause.expired: (RefusalCode.expired,),
    Cause.not_valid_yet: (RefusalCode.not_yet_valid,),
    Cause.not_activated: (RefusalCode.lapsed, RefusalCode.not_active, RefusalCode.activation_pending),
    Cause.not_confirmed: (RefusalCode.not_confirmed, RefusalCode.not_issued),
    Cause.other_delivery: (
        RefusalCode.delivery_mismatch,
        RefusalCode.pro_number_mismatch,
        RefusalCode.pro_number_missing,
        RefusalCode.no_booking,
        RefusalCode.before_window,
        RefusalCode.after_window,
    ),
    Cause.system_fault: (RefusalCode.carrier_disrupted,),
    Cause.stopped: (RefusalCode.cancelled, RefusalCode.rejected, RefusalCode.suspended, RefusalCode.closed),
}
"""Each code under one cause."""

FIELDS: Final[Mapping[RefusalCode, tuple[str, ...]]] = {
    RefusalCode.malformed: ("input",),
    RefusalCode.check_character_mismatch: ("input",),
    RefusalCode.unknown: ("input",),
    RefusalCode.ambiguous_number: ("buyer", "input"),
    RefusalCode.delivery_mismatch: (
        "delivery.scac",
        "delivery.trailer_number",
        "delivery.ship_to",
        "delivery.seller",
        "delivery.quantities.<index>",
    ),
    RefusalCode.pro_number_mismatch: ("delivery.pro_number",),
    RefusalCode.pro_number_missing: ("delivery.pro_number",),
    RefusalCode.carrier_disrupted: ("delivery.scac", "delivery.pro_number"),
}
"""What of the request a refusal may name as its `field`; the request is not what is wrong where a code is missing."""
