"""Rules of policies: what an organisation asks of deliveries at its gate, and how much may come in beyond its orders.

A policy has versions, and each states all of it. In force at a moment is the highest version among those that have
begun: so a version that was planned is corrected by a later one that begins at the same moment or earlier.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final


class GateFact(StrEnum):
    """What of a delivery a gate can ask for and compare; all but `booking` are told with the question."""

    scac = "scac"
    pro_number = "pro_number"
    trailer_number = "trailer_number"
    ship_to = "ship_to"
    seller = "seller"
    quantities = "quantities"
    booking = "booking"


GATE_FACT_MEANINGS: Final = {
    GateFact.scac: "The carrier's code.",
    GateFact.pro_number: "The PRO number on the waybill.",
    GateFact.trailer_number: "The vehicle's number.",
    GateFact.ship_to: "Where the goods are.",
    GateFact.seller: "Who sent the goods.",
    GateFact.quantities: "What the delivery brings of the order.",
    GateFact.booking: "The window that is booked for the delivery, and coming within it.",
}


class WindowAtGate(StrEnum):
    """Whether a delivery outside its window is refused."""

    enforced = "enforced"
    ignored = "ignored"


@dataclass(frozen=True, slots=True)
class Policy:
    """What holds by one version; the defaults are what holds where an organisation has said nothing.

    `gate_facts_that_hold`: facts whose contradiction is held instead of rejected. `receipt_tolerance`: the share of
    what was ordered that may come in beyond it; 0.05 takes 105 of 100.
    """

    mandatory_gate_facts: frozenset[GateFact] = frozenset({GateFact.pro_number})
    gate_facts_that_hold: frozenset[GateFact] = frozenset()
    receipt_tolerance: Decimal = Decimal(0)
    delivery_window_at_gate: WindowAtGate = WindowAtGate.enforced


DEFAULT_POLICY: Final = Policy()


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """One version; versions count from 1 within their organisation."""

    version: int
    effective_from: datetime
    policy: Policy


def in_force(versions: Iterable[PolicyVersion], at: datetime) -> PolicyVersion | None:
    """Return the version that holds at the instant `at`; None before the first."""
    begun = (version for version in versions if version.effective_from <= at)
    return max(begun, key=lambda version: version.version, default=None)
