"""The whole life of a purchase order: its statuses, what time does to them, and which action leads where.

Everything else that knows the lifecycle is made from the two tables here, `TIME_RULES` and `TRANSITIONS`: the SQL that
filters and updates by status, the refusals of the gate, and docs/lifecycle.md. Instants are aware datetimes (UTC); none
is read from a clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Final


class StoredStatus(StrEnum):
    """What the row of an order says: the result of actions alone, never of time."""

    draft = "draft"
    issued = "issued"
    confirmed = "confirmed"
    active = "active"
    partially_received = "partially_received"
    received = "received"
    rejected = "rejected"
    suspended = "suspended"
    cancelled = "cancelled"
    closed = "closed"


class OrderStatus(StrEnum):
    """What the outside sees: the stored status, or what time has made of it."""

    draft = "draft"
    issued = "issued"
    confirmed = "confirmed"
    active = "active"
    partially_received = "partially_received"
    received = "received"
    rejected = "rejected"
    suspended = "suspended"
    cancelled = "cancelled"
    closed = "closed"
    lapsed = "lapsed"
    not_yet_valid = "not_yet_valid"
    expired = "expired"


class Action(StrEnum):
    """What can be done to an order, in the order in which answers list it."""

    issue = "issue"
    confirm = "confirm"
    reject = "reject"
    activate = "activate"
    extend = "extend"
    suspend = "suspend"
    resume = "resume"
    cancel = "cancel"
    receive = "receive"
    close = "close"


OPEN: Final = (StoredStatus.issued, StoredStatus.confirmed, StoredStatus.active, StoredStatus.partially_received)
"""Goods may still come: time and suspension touch these and no others."""

ACTIVATED: Final = frozenset({StoredStatus.active, StoredStatus.partially_received, StoredStatus.received})
"""The deadline for activation has been met; it is a fact of the stored status and kept nowhere else."""

CHANGEABLE: Final = frozenset({StoredStatus.draft, *OPEN, StoredStatus.suspended})
"""What was agreed may still change: a draft at once, an order that was issued by a change order."""

WITH_RECEIPTS: Final = (StoredStatus.partially_received, StoredStatus.received)
"""Goods have come in, and a receipt may be reversed, whatever time has made of the order."""

TERMINAL: Final = frozenset(
    {StoredStatus.received, StoredStatus.rejected, StoredStatus.cancelled, StoredStatus.closed},
)
"""No goods are expected any more. Only a received order has an action left: closing it."""


@dataclass(frozen=True, slots=True)
class LifecycleFacts:
    """What the lifecycle needs to know of an order. An instant that is None sets no limit.

    `suspended_from` is the status to return to, one of `OPEN`: stated while suspended and only then (ValueError).
    """

    stored: StoredStatus
    valid_from: datetime | None = None
    expires_at: datetime | None = None
    activate_by: datetime | None = None
    suspended_from: StoredStatus | None = None

    def __post_init__(self) -> None:
        if self.stored is StoredStatus.suspended:
            if self.suspended_from not in OPEN:
                raise ValueError(f"an order cannot be suspended from {self.suspended_from}")
        elif self.suspended_from is not None:
            raise ValueError(f"an order that is {self.stored} is not suspended from {self.suspended_from}")


class Boundary(StrEnum):
    """The fields of an order (and the columns) at which time alone changes its status."""

    valid_from = "valid_from"
    expires_at = "expires_at"
    activate_by = "activate_by"


class Comparison(StrEnum):
    """Where the boundary has to lie, seen from the instant that is asked about."""

    at_or_before = "at_or_before"
    after = "after"


@dataclass(frozen=True, slots=True)
class TimeRule:
    """`status` shows instead of the stored status when that is in `touches` and the boundary lies as `comparison` says.

    A boundary that is None (NULL) never does.
    """

    status: OrderStatus
    boundary: Boundary
    comparison: Comparison
    touches: frozenset[StoredStatus]

    def applies(self, facts: LifecycleFacts, at: datetime) -> bool:
        """Whether the rule holds at the instant `at`."""
        instant = self.instant(facts)
        if instant is None or facts.stored not in self.touches:
            return False
        return instant <= at if self.comparison is Comparison.at_or_before else instant > at

    def instant(self, facts: LifecycleFacts) -> datetime | None:
        """The order's own instant for this rule, whether or not the rule touches the order."""
        instant: datetime | None = getattr(facts, self.boundary)
        return instant


TIME_RULES: Final[tuple[TimeRule, ...]] = (
    TimeRule(OrderStatus.expired, Boundary.expires_at, Comparison.at_or_before, frozenset(OPEN)),
    TimeRule(
        OrderStatus.lapsed,
        Boundary.activate_by,
        Comparison.at_or_before,
        frozenset(OPEN) - ACTIVATED,
    ),
    TimeRule(OrderStatus.not_yet_valid, Boundary.valid_from, Comparison.after, frozenset(OPEN)),
)
"""In order of precedence: the first that applies is the order's status, and where none does, the stored one is.

SQL is made of the same rows: CASE WHEN status IN (touches) AND boundary <= now() (or > now()) THEN ... ELSE status END.
"""


@dataclass(frozen=True, slots=True)
class Transition:
    """From which stored statuses an action may start, and to which it can lead from each.

    More than one target: `resume` returns to where the suspension came from, `receive` goes by what stays open, and
    `confirm` leads to the second where it leaves nothing to come.
    A status by time in `refused_when` forbids it, also when one of higher precedence hides it; while suspended, so does
    having been suspended from a status in `refused_when_suspended_from`.
    """

    targets: Mapping[StoredStatus, tuple[StoredStatus, ...]]
    refused_when: frozenset[OrderStatus] = field(default_factory=frozenset)
    refused_when_suspended_from: frozenset[StoredStatus] = field(default_factory=frozenset)


_TOO_LATE: Final = frozenset({OrderStatus.expired, OrderStatus.lapsed})

TRANSITIONS: Final[Mapping[Action, Transition]] = {
    Action.issue: Transition({StoredStatus.draft: (StoredStatus.issued,)}),
    # A later acknowledgement replaces the earlier one, also after activation, and takes nothing back.
    Action.confirm: Transition(
        {
            # Where it leaves nothing to come, the order has come to its end.
            StoredStatus.issued: (StoredStatus.confirmed, StoredStatus.rejected),
            StoredStatus.confirmed: (StoredStatus.confirmed, StoredStatus.rejected),
            StoredStatus.active: (StoredStatus.active, StoredStatus.rejected),
            StoredStatus.partially_received: (StoredStatus.partially_received, StoredStatus.received),
        },
        refused_when=_TOO_LATE,
    ),
    Action.reject: Transition(dict.fromkeys((StoredStatus.issued, StoredStatus.confirmed), (StoredStatus.rejected,))),
    Action.activate: Transition({StoredStatus.confirmed: (StoredStatus.active,)}, refused_when=_TOO_LATE),
    # Never refused by time: an order that time has stopped is what an extension is for.
    Action.extend: Transition({status: (status,) for status in OPEN}),
    Action.suspend: Transition(dict.fromkeys(OPEN, (StoredStatus.suspended,))),
    Action.resume: Transition({StoredStatus.suspended: OPEN}),
    # Once goods have come in, an order is closed and not cancelled: its receipts stay true.
    Action.cancel: Transition(
        dict.fromkeys(
            (
                StoredStatus.draft,
                StoredStatus.issued,
                StoredStatus.confirmed,
                StoredStatus.active,
                StoredStatus.suspended,
            ),
            (StoredStatus.cancelled,),
        ),
        refused_when_suspended_from=frozenset({StoredStatus.partially_received}),
    ),
    Action.receive: Transition(
        dict.fromkeys((StoredStatus.active, StoredStatus.partially_received), WITH_RECEIPTS),
        refused_when=frozenset({OrderStatus.expired, OrderStatus.not_yet_valid}),
    ),
    Action.close: Transition(
        dict.fromkeys(
            (StoredStatus.active, StoredStatus.partially_received, StoredStatus.received), (StoredStatus.closed,)
        ),
    ),
}


def allowed_actions(facts: LifecycleFacts, at: datetime) -> tuple[Action, ...]:
    """What can be done at the instant `at`, in the order of `Action`."""
    return _allowed(facts.stored, facts.suspended_from, time_statuses(facts, at))


@cache
def _allowed(
    stored: StoredStatus, suspended_from: StoredStatus | None, in_time: tuple[OrderStatus, ...]
) -> tuple[Action, ...]:
    return tuple(
        action
        for action, transition in sorted(TRANSITIONS.items(), key=lambda one: _PLACES[one[0]])
        if stored in transition.targets
        and suspended_from not in transition.refused_when_suspended_from
        and transition.refused_when.isdisjoint(in_time)
    )


_PLACES: Final = {action: place for place, action in enumerate(Action)}


def effective_status(facts: LifecycleFacts, at: datetime) -> OrderStatus:
    """The status at the instant `at`. Precedence: terminal, draft, suspended, expired, lapsed, not yet valid, stored.

    At exactly `expires_at` an order is expired, at exactly `activate_by` lapsed, at exactly `valid_from` valid.
    """
    in_time = time_statuses(facts, at)
    return in_time[0] if in_time else _WITHOUT_TIME[facts.stored]


_WITHOUT_TIME: Final = {stored: OrderStatus(stored) for stored in StoredStatus}


def time_statuses(facts: LifecycleFacts, at: datetime) -> tuple[OrderStatus, ...]:
    """Every status that time alone gives the order at the instant `at`, in order of precedence; mostly none."""
    return tuple([rule.status for rule in _RULES_TOUCHING[facts.stored] if rule.applies(facts, at)])


_RULES_TOUCHING: Final = {
    stored: tuple(rule for rule in TIME_RULES if stored in rule.touches) for stored in StoredStatus
}


def boundaries(facts: LifecycleFacts) -> tuple[datetime, ...]:
    """The instants at which time may change the order's status, or the one that it will be resumed to."""
    instants = [rule.instant(facts) for rule in _RULES_TOUCHING[facts.suspended_from or facts.stored]]
    return tuple([instant for instant in instants if instant is not None])


def status_by_receipts(*, anything_received: bool, anything_open: bool) -> StoredStatus:
    """The stored status of an activated order by its receipts: after one was taken in, and after one was reversed."""
    if not anything_received:
        return StoredStatus.active
    return StoredStatus.partially_received if anything_open else StoredStatus.received


def status_by_acknowledgement(stored: StoredStatus, *, anything_left: bool) -> StoredStatus:
    """The stored status after an acknowledgement; `anything_left`: whether anything is still to come by it.

    An order without lines is acknowledged as a whole: there it always is.
    """
    some, nothing = TRANSITIONS[Action.confirm].targets[stored]
    return some if anything_left else nothing
