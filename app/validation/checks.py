"""Checks of the gate: what an order's own life says against taking its goods in, and the verdict on all refusals.

A check answers `Pass` or `Refusal`, and a verdict comes with every refusal, not only the first: whoever stands at the
gate settles them in one call. No clock: the instant is an argument, and may lie in the future.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from app.orders.lifecycle import TIME_RULES, LifecycleFacts, OrderStatus, StoredStatus, time_statuses
from app.validation.refusal_codes import (
    REFUSAL_CODES,
    WHEN_MISSING,
    ContactDesk,
    NextStepAction,
    RefusalCode,
    Verdict,
)


@dataclass(frozen=True, slots=True)
class NextStep:
    """What to do about a refusal; `contact` says whose contact point belongs beside it, `then` what to try after it."""

    action: NextStepAction
    description: str
    contact: ContactDesk | None
    then: NextStepAction | None


@dataclass(frozen=True, slots=True)
class Pass:
    """The check has nothing against it."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a check has against it. `detail` is a sentence with facts of the order, for those who may know them.

    `field` is the way to the member of the request that does not fit (`delivery.pro_number`), None when the request is
    not what is wrong. `verdict` is the code's, unless a gate's policy says otherwise. `tells_facts`: `detail` may be
    kept from those without a relation.
    """

    code: RefusalCode
    detail: str
    field: str | None
    next_step: NextStep
    verdict: Verdict
    tells_facts: bool = True


_NEXT_STEPS: Final = {
    code: NextStep(rule.action, rule.description, rule.contact, rule.then) for code, rule in REFUSAL_CODES.items()
}


def verdict(refusals: Iterable[Refusal]) -> Verdict:
    """`reject` when any refusal rejects, else `hold` when there is any, else `accept`."""
    worst = Verdict.accept
    for refusal in refusals:
        if refusal.verdict is Verdict.reject:
            return Verdict.reject
        worst = Verdict.hold
    return worst


def refuse(code: RefusalCode, detail: str | None = None, field: str | None = None) -> Refusal:
    """A refusal with the next step of its code, and the explanation of its code where no `detail` is given."""
    rule = REFUSAL_CODES[code]
    return Refusal(code, detail or rule.explanation, field, _NEXT_STEPS[code], rule.verdict)


def refuse_missing(code: RefusalCode, what: str, field: str) -> Refusal:
    """A refusal that holds until `what` is told: a gate asks for it, so it says nothing of the order."""
    step = replace(_NEXT_STEPS[code], description=WHEN_MISSING.description)
    return Refusal(code, WHEN_MISSING.explanation.format(what=what), field, step, WHEN_MISSING.verdict, False)


def without_facts(refusal: Refusal) -> Refusal:
    """The same refusal for someone who only presents the number: no date, name or quantity of the order in `detail`."""
    return replace(refusal, detail=REFUSAL_CODES[refusal.code].explanation) if refusal.tells_facts else refusal


def weightiest_first(refusals: Iterable[Refusal]) -> list[Refusal]:
    """What rejects before what holds, otherwise in the order given."""
    return sorted(refusals, key=lambda refusal: refusal.verdict is not Verdict.reject)


def refusals_among(outcomes: Iterable[Pass | Refusal]) -> list[Refusal]:
    """The refusals among the outcomes of checks, in their order."""
    return [outcome for outcome in outcomes if isinstance(outcome, Refusal)]


@dataclass(frozen=True, slots=True)
class LastReceipt:
    """When and where an order's goods came in at last; a dock that nobody named is None."""

    received_at: datetime
    dock: str | None


@dataclass(frozen=True, slots=True)
class WayToSupplier:
    """How far an order has come on its way to the supplier's confirmation; what nobody has said is None."""

    sent_via: str | None = None
    sent_at: datetime | None = None
    seen_at: datetime | None = None


def lifecycle_refusals(
    facts: LifecycleFacts,
    at: datetime,
    last_receipt: LastReceipt | None = None,
    *,
    activation_pending: bool = False,
    way: WayToSupplier | None = None,
) -> list[Refusal]:
    """Everything that the order's life says against it at the instant `at`, in order of precedence; [] is accepted.

    A drafted or finished order has that one reason. A suspended order has it, and that it has expired as well. All
    others have each reason of time, then what the supplier or the buyer still has to do; with `way`, which step to the
    supplier's confirmation is missing. While activation has been applied for, `activation_pending` stands where the
    reasons did that it would do away with.
    """
    if facts.stored is StoredStatus.received and last_receipt is not None:
        dock = "" if last_receipt.dock is None else f" at dock {last_receipt.dock}"
        return [refuse(RefusalCode.already_received, f"Received on {rfc3339(last_receipt.received_at)}{dock}.")]
    if facts.stored in _SOLE_REASONS:
        return [refuse(_SOLE_REASONS[facts.stored])]
    if facts.suspended_from is not None:
        underneath = replace(facts, stored=facts.suspended_from, suspended_from=None)
        expired = [status for status in time_statuses(underneath, at) if status is OrderStatus.expired]
        return [refuse(RefusalCode.suspended), *_by_time(expired, facts)]
    in_time = time_statuses(facts, at)
    found = _by_time(in_time, facts)
    if facts.stored is StoredStatus.issued:
        found.append(_not_confirmed(way))
    # Lapsed says more: not only is the activation missing, it can no longer come without an application.
    elif facts.stored is StoredStatus.confirmed and OrderStatus.lapsed not in in_time:
        found.append(_not_active(facts))
    return _pending_instead(found) if activation_pending else found


_ENDED_BY_ACTIVATION: Final = frozenset({RefusalCode.expired, RefusalCode.lapsed, RefusalCode.not_active})


def _pending_instead(refusals: list[Refusal]) -> list[Refusal]:
    others = [refusal for refusal in refusals if refusal.code not in _ENDED_BY_ACTIVATION]
    return others if others == refusals else [refuse(RefusalCode.activation_pending), *others]


_SOLE_REASONS: Final = {
    StoredStatus.draft: RefusalCode.not_issued,
    StoredStatus.received: RefusalCode.already_received,
    StoredStatus.rejected: RefusalCode.rejected,
    StoredStatus.cancelled: RefusalCode.cancelled,
    StoredStatus.closed: RefusalCode.closed,
}

_BEFORE_THE_INSTANT: Final = {
    OrderStatus.expired: (RefusalCode.expired, "Expired on"),
    OrderStatus.lapsed: (RefusalCode.lapsed, "Not activated by its deadline,"),
    OrderStatus.not_yet_valid: (RefusalCode.not_yet_valid, "Not valid before"),
}
_BOUNDARIES: Final = {rule.status: rule.boundary for rule in TIME_RULES}


def _by_time(statuses: Iterable[OrderStatus], facts: LifecycleFacts) -> list[Refusal]:
    """What the statuses that time alone has given an order say against it."""
    refusals = []
    for status in statuses:
        code, words = _BEFORE_THE_INSTANT[status]
        instant: datetime = getattr(facts, _BOUNDARIES[status])
        refusals.append(refuse(code, f"{words} {rfc3339(instant)}."))
    return refusals


def _not_confirmed(way: WayToSupplier | None) -> Refusal:
    if way is None:
        return refuse(RefusalCode.not_confirmed)
    if way.seen_at is not None:
        detail = f"The supplier has seen the order, on {rfc3339(way.seen_at)}, and has not confirmed it yet."
    elif way.sent_at is not None:
        detail = (
            f"The order was sent to the supplier on {rfc3339(way.sent_at)} ({way.sent_via}), who has neither looked at "
            "it here nor confirmed it yet."
        )
    else:
        detail = (
            "Nothing says that the order was sent to the supplier, who has neither looked at it here nor confirmed it."
        )
    return refuse(RefusalCode.not_confirmed, detail)


def _not_active(facts: LifecycleFacts) -> Refusal:
    if facts.activate_by is None:
        return refuse(RefusalCode.not_active)
    return refuse(RefusalCode.not_active, f"Not activated yet; activation is due by {rfc3339(facts.activate_by)}.")


def rfc3339(instant: datetime) -> str:
    """Return an instant as a detail names it."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
