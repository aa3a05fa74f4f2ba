"""Rules of booked orders: whether one will be accepted in the window that is booked for it. No clock, no I/O."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from app.deliveries.booking_rules import instants_judged
from app.orders.lifecycle import LifecycleFacts, OrderStatus
from app.validation.checks import lifecycle_refusals
from app.validation.delivery_facts import TimeWindow
from app.validation.refusal_codes import RefusalCode

ACCEPTED: Final = frozenset({OrderStatus.active, OrderStatus.partially_received})
"""The statuses in which the gate has nothing against an order's own life; all others are refused or held."""


def codes_in_window(
    facts: LifecycleFacts, window: TimeWindow, now: datetime, *, is_elsewhere: bool = False
) -> Sequence[RefusalCode]:
    """Return what the gate will have against the order when the window begins, or now, and just before it ends.

    `is_elsewhere`: the order goes to another place by now than its booking.
    """
    instants = instants_judged(window.start, window.end, now)
    refusals = [refusal for at in instants for refusal in lifecycle_refusals(facts, at)]
    mismatch = [RefusalCode.delivery_mismatch] if is_elsewhere else []
    return list(dict.fromkeys([*(refusal.code for refusal in refusals), *mismatch]))
