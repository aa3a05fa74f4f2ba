"""Why a PO number fails at a gate, as the trade tells causes apart: what refusals and support cases are sorted by.

It stands beside the order because both speak of it: the gate that refuses, and whoever opens a case about a refusal.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Cause(StrEnum):
    """Why a PO number fails at a gate: what a refusal comes from, and what a support case is about."""

    entered_incorrectly = "entered_incorrectly"
    reused = "reused"
    expired = "expired"
    not_valid_yet = "not_valid_yet"
    not_activated = "not_activated"
    not_confirmed = "not_confirmed"
    other_delivery = "other_delivery"
    system_fault = "system_fault"
    stopped = "stopped"


CAUSE_MEANINGS: Final[Mapping[Cause, str]] = {
    Cause.entered_incorrectly: "entered incorrectly: mistyped, misread, or not a PO number at all",
    Cause.reused: "reused: its goods were received already",
    Cause.expired: "expired: its validity has ended",
    Cause.not_valid_yet: "come too early: its validity has not begun",
    Cause.not_activated: "not activated in time",
    Cause.not_confirmed: "not sent, or not confirmed by the supplier",
    Cause.other_delivery: "does not match the delivery: carrier, vehicle, PRO number, time, destination, supplier or "
    "quantity",
    Cause.system_fault: "logistics system fault or delay",
    Cause.stopped: "stopped: cancelled, rejected, suspended or closed",
}
"""What each cause says; the page of refusal codes and the API's document take it from here."""
