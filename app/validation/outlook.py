"""Until when a verdict holds, and what time alone makes of it then. Pure: instants come in as arguments."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.orders.lifecycle import LifecycleFacts, OrderStatus, effective_status
from app.validation.checks import Refusal, verdict
from app.validation.refusal_codes import RefusalCode, Verdict


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the answer to the same question is from the instant `at` on."""

    at: datetime
    status: OrderStatus
    verdict: Verdict
    codes: tuple[RefusalCode, ...]


def outlook(
    facts: LifecycleFacts,
    now: datetime,
    instants: Iterable[datetime],
    refusals_at: Callable[[datetime], Sequence[Refusal]],
) -> Outlook | None:
    """The first of the `instants` after `now` at which status or refusals are others; None where they never change.

    `refusals_at` gives what is against the order at an instant.
    """
    ahead = sorted({instant for instant in instants if instant > now})
    today = _seen(facts, now, refusals_at(now)) if ahead else ()
    for instant in ahead:
        refusals = refusals_at(instant)
        if _seen(facts, instant, refusals) != today:
            codes = tuple(refusal.code for refusal in refusals)
            return Outlook(instant, effective_status(facts, instant), verdict(refusals), codes)
    return None


def _seen(facts: LifecycleFacts, at: datetime, refusals: Sequence[Refusal]) -> tuple[object, ...]:
    return effective_status(facts, at), [(refusal.code, refusal.field, refusal.verdict) for refusal in refusals]
