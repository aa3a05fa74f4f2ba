"""Rules of policies: how an organisation's orders are issued and activated, and what is asked of their deliveries.

A policy has versions, and each states all of it. In force at a moment is the highest version among those that have
begun: so a version that was planned is corrected by a later one that begins at the same moment or earlier.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final
from uuid import UUID


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


class ActivationMode(StrEnum):
    """How an order that its seller has confirmed becomes active."""

    manual = "manual"
    on_confirmation = "on_confirmation"


ACTIVATION_MEANINGS: Final = {
    ActivationMode.manual: "By the buyer, `POST .../activate`.",
    ActivationMode.on_confirmation: "With the seller's confirmation, at once.",
}
"""What each says; the API's document takes it from here."""


class SplitShipments(StrEnum):
    """Whether an order may come with more than one shipment."""

    allowed = "allowed"
    refused = "refused"


SPLIT_SHIPMENTS_MEANINGS: Final = {
    SplitShipments.allowed: "An order takes any number of PRO numbers.",
    SplitShipments.refused: "An order takes one PRO number at a time.",
}
"""What each says; the API's document takes it from here."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What holds by one version; the defaults are what holds where an organisation has said nothing.

    `gate_facts_that_hold`: facts whose contradiction is held instead of rejected. `receipt_tolerance`: the share of
    what was ordered that may come in beyond it; 0.05 takes 105 of 100. `default_validity` and `activation_window`: how
    long after its issue an order ends and lapses that says nothing of it; None: never. `format_id`: the format of
    numbers for which none is named; None: the default one. `booking_cutoff`: how long before the window of a delivery
    whoever has booked it may still change it; None: there is no such limit. `expiring_notice`: how long before the end
    of an order that is announced; None: it is not.
    """

    mandatory_gate_facts: frozenset[GateFact] = frozenset({GateFact.pro_number})
    gate_facts_that_hold: frozenset[GateFact] = frozenset()
    receipt_tolerance: Decimal = Decimal(0)
    delivery_window_at_gate: WindowAtGate = WindowAtGate.enforced
    default_validity: timedelta | None = None
    activation_window: timedelta | None = None
    activation: ActivationMode = ActivationMode.manual
    split_shipments: SplitShipments = SplitShipments.allowed
    format_id: UUID | None = None
    booking_cutoff: timedelta | None = None
    expiring_notice: timedelta | None = timedelta(days=7)


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


def held_before(versions: Iterable[PolicyVersion], new: PolicyVersion) -> PolicyVersion | None:
    """Return the version that holds until a new one begins; None where that is the defaults.

    One that was to begin at that very moment never does: the new one takes its place.
    """
    begun = (one for one in versions if one.version < new.version and one.effective_from < new.effective_from)
    return max(begun, key=lambda one: one.version, default=None)


def replaced_by(versions: Iterable[PolicyVersion], new: PolicyVersion, now: datetime) -> list[int]:
    """Return the versions that were to begin after `now` and will not, because the new one begins no later."""
    earlier = [one for one in versions if one.version < new.version]
    planned = [one for one in earlier if now < one.effective_from and in_force(earlier, one.effective_from) == one]
    return sorted(one.version for one in planned if new.effective_from <= one.effective_from)


@dataclass(frozen=True, slots=True)
class OrderDates:
    """The instants that bound an order's life; None sets no limit."""

    activate_by: datetime | None = None
    valid_from: datetime | None = None
    expires_at: datetime | None = None


def dates_at_issue(policy: Policy, said: OrderDates, issued_at: datetime) -> OrderDates:
    """Return the dates of an order that is issued under the policy: what was said, and the rest filled in.

    Validity counts from when the order begins to be valid: its issue, or `valid_from` where that is later. The window
    for activation counts from its issue, and closes with its validity where that ends before. An end that no calendar
    has, after the year 9999, is none. What was said may contradict what is filled in: see `in_order`.
    """
    if policy.default_validity is None and policy.activation_window is None:
        return said
    begins = max(issued_at, said.valid_from or issued_at)
    dates = replace(said, expires_at=said.expires_at or _after(begins, policy.default_validity))
    if dates.activate_by is None:
        ends = [one for one in (_after(issued_at, policy.activation_window), dates.expires_at) if one is not None]
        dates = dates if policy.activation_window is None else replace(dates, activate_by=min(ends, default=None))
    return dates


def in_order(dates: OrderDates) -> bool:
    """Whether the deadline for activation is not after the end of validity, as it is asked of what buyers say."""
    return dates.activate_by is None or dates.expires_at is None or dates.activate_by <= dates.expires_at


def _after(moment: datetime, span: timedelta | None) -> datetime | None:
    try:
        return None if span is None else moment + span
    except OverflowError:
        return None
