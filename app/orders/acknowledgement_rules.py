"""What a seller can say of a line (X12 855, segment ACK), and what that leaves to come. Pure: no I/O."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final


class AcknowledgementDecision(StrEnum):
    """What becomes of a quantity; Amazon's `acknowledgementCode` knows the same three."""

    accepted = "accepted"
    backordered = "backordered"
    rejected = "rejected"


DECISION_MEANINGS: Final = {
    AcknowledgementDecision.accepted: "It comes.",
    AcknowledgementDecision.backordered: "It comes later: it stays open.",
    AcknowledgementDecision.rejected: "It does not come, and is open no more.",
}
"""What each decision says; the API's document takes it from here."""


class AcknowledgementReason(StrEnum):
    """Why; the closed vocabulary of `reason`."""

    changed = "changed"
    date_rescheduled = "date_rescheduled"
    price_changed = "price_changed"
    price_pending = "price_pending"
    quantity_changed = "quantity_changed"
    schedule_pending = "schedule_pending"
    substituted = "substituted"
    temporarily_unavailable = "temporarily_unavailable"
    on_hold = "on_hold"
    incomplete_description = "incomplete_description"
    waiver_required = "waiver_required"
    invalid_product_identifier = "invalid_product_identifier"
    obsolete_product = "obsolete_product"
    not_a_contract_item = "not_a_contract_item"
    contract_item_unavailable = "contract_item_unavailable"
    invalid_unit = "invalid_unit"


@dataclass(frozen=True, slots=True)
class ReasonRule:
    """With which decisions a reason goes, and what others call it.

    `x12`: element 668, Line Item Status Code (ACK01), where a code says this and nothing less. `amazon`:
    `rejectionReason` of the vendor orders API.
    """

    meaning: str
    decisions: frozenset[AcknowledgementDecision]
    x12: str | None = None
    amazon: str | None = None


_ACCEPTED: Final = frozenset({AcknowledgementDecision.accepted})
_BACKORDERED: Final = frozenset({AcknowledgementDecision.backordered})
_REJECTED: Final = frozenset({AcknowledgementDecision.rejected})

REASONS: Final[Mapping[AcknowledgementReason, ReasonRule]] = {
    AcknowledgementReason.changed: ReasonRule("Accepted with changes", _ACCEPTED, "IC"),
    AcknowledgementReason.date_rescheduled: ReasonRule("Accepted for another date", _ACCEPTED | _BACKORDERED, "DR"),
    AcknowledgementReason.price_changed: ReasonRule("Accepted at another price", _ACCEPTED, "IP"),
    AcknowledgementReason.price_pending: ReasonRule("Accepted, the price is still to be agreed", _ACCEPTED, "IE"),
    AcknowledgementReason.quantity_changed: ReasonRule("Accepted in another quantity", _ACCEPTED, "IQ"),
    AcknowledgementReason.schedule_pending: ReasonRule(
        "Accepted, the date is still to be said", _ACCEPTED | _BACKORDERED, "SP"
    ),
    AcknowledgementReason.substituted: ReasonRule("Accepted, another product comes instead", _ACCEPTED, "IS"),
    AcknowledgementReason.temporarily_unavailable: ReasonRule(
        "Out of stock for now", _BACKORDERED | _REJECTED, amazon="TemporarilyUnavailable"
    ),
    AcknowledgementReason.on_hold: ReasonRule("On hold at the seller's", _BACKORDERED, "IH"),
    AcknowledgementReason.incomplete_description: ReasonRule(
        "On hold, the description is incomplete", _BACKORDERED, "IF"
    ),
    AcknowledgementReason.waiver_required: ReasonRule("On hold, a waiver is needed", _BACKORDERED, "IW"),
    AcknowledgementReason.invalid_product_identifier: ReasonRule(
        "No such product", _REJECTED, "R2", "InvalidProductIdentifier"
    ),
    AcknowledgementReason.obsolete_product: ReasonRule("Made no longer", _REJECTED, amazon="ObsoleteProduct"),
    AcknowledgementReason.not_a_contract_item: ReasonRule("Not an item of the contract", _REJECTED, "R1"),
    AcknowledgementReason.contract_item_unavailable: ReasonRule(
        "An item of the contract that is not available", _REJECTED, "R4"
    ),
    AcknowledgementReason.invalid_unit: ReasonRule("Not sold in this unit", _REJECTED, "R3"),
}
"""Every reason. Sources: ASC X12 004030, data element 668 (kasoftware.com/schema/edi/x12/00403/elements/SN1/SN108/);
Amazon Selling Partner API, vendor orders v1, `OrderItemAcknowledgement.rejectionReason`."""

_WITHOUT_REASON: Final = {
    AcknowledgementDecision.accepted: "IA",
    AcknowledgementDecision.backordered: "IB",
    AcknowledgementDecision.rejected: "IR",
}

_SHIPPED: Final = ("AA", "AC", "AR")
"""Accepted and forwarded to another location of the supplier, shipped, released for shipment."""

_ORDER_OTHERWISE: Final = ("R5", "R6", "R7", "R8")
"""Rejected, and to be ordered again: just in time, with extended delivery, as a drop shipment, as a surge order."""

Said = tuple[AcknowledgementDecision, AcknowledgementReason | None]


def line_status(decision: AcknowledgementDecision, reason: AcknowledgementReason | None) -> str:
    """Return the code of element 668 for a decision: that of its reason, where it says the decision too."""
    code = None if reason is None else REASONS[reason].x12
    return code if code is not None and LINE_STATUSES[code] == (decision, reason) else _WITHOUT_REASON[decision]


def _line_statuses() -> Mapping[str, Said]:
    said: dict[str, Said] = {code: (decision, None) for decision, code in _WITHOUT_REASON.items()}
    said |= dict.fromkeys(_SHIPPED, (AcknowledgementDecision.accepted, None))
    said |= dict.fromkeys(_ORDER_OTHERWISE, (AcknowledgementDecision.rejected, None))
    for reason, rule in REASONS.items():
        if rule.x12 is not None:
            # "Item Accepted - Date Rescheduled" is no word for what comes at no date that is known.
            said[rule.x12] = (min(rule.decisions, key=list(AcknowledgementDecision).index), reason)
    return said


LINE_STATUSES: Final = _line_statuses()
"""Codes of element 668 that say one thing. BP says two of one quantity (accepted in part, the rest backordered), and ID
("Item Deleted") does not say by whom."""


def reason_meaning(reason: AcknowledgementReason) -> str:
    """What a reason says, with which decisions it goes, and what X12 and Amazon call it."""
    rule = REASONS[reason]
    decisions = " or ".join(decision for decision in AcknowledgementDecision if decision in rule.decisions)
    names = {"X12": rule.x12, "Amazon": rule.amazon}
    others = ", ".join(f"{who} {name}" for who, name in names.items() if name is not None)
    return f"{rule.meaning}; goes with {decisions} ({others})."


Decided = Iterable[tuple[AcknowledgementDecision, Decimal]]
"""The decisions on one line, each with its quantity."""


def rest_of_line(ordered: Decimal, decided: Decided) -> Decimal:
    """What is left unsaid of a line, and so accepted; negative where more was decided on than was ordered."""
    return ordered - sum((quantity for _, quantity in decided), Decimal(0))


def rejected_of_line(decided: Decided) -> Decimal:
    """What does not come of a line."""
    return sum((quantity for decision, quantity in decided if decision is AcknowledgementDecision.rejected), Decimal(0))
