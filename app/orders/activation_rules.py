"""Whether an activation would help an order, and which of its actions carry one out.

What is applied for is that the gate accepts the order: where nothing but its activation or its time is missing, there
is a way; everything else bars it, and the gate says the same in words of its own.
"""

from datetime import datetime
from enum import StrEnum
from typing import Final

from app.orders.lifecycle import Action, LifecycleFacts, OrderStatus, StoredStatus, time_statuses


class ActivationRequestStatus(StrEnum):
    """What has become of an activation request. All but `pending` are final."""

    pending = "pending"
    approved = "approved"
    denied = "denied"
    withdrawn = "withdrawn"
    obsolete = "obsolete"


REQUEST_STATUS_MEANINGS: Final = {
    ActivationRequestStatus.pending: "Waits for the buyer's decision; the gate answers `activation_pending`.",
    ActivationRequestStatus.approved: "The buyer has agreed, and the order has been changed with it.",
    ActivationRequestStatus.denied: "The buyer has refused, with a reason.",
    ActivationRequestStatus.withdrawn: "Taken back by the organisation that applied.",
    ActivationRequestStatus.obsolete: "Something else was done with the order, and it needs no decision any more.",
}
"""What each status says; the API's document takes it from here."""


class ActivationBar(StrEnum):
    """Why an activation would not help. Those who merely present the number learn no more from it than at the gate."""

    not_issued = "not_issued"
    not_confirmed = "not_confirmed"
    in_force = "in_force"
    suspended = "suspended"
    already_received = "already_received"
    rejected = "rejected"
    cancelled = "cancelled"
    closed = "closed"


BAR_SENTENCES: Final = {
    ActivationBar.not_issued: "it has not been issued yet",
    ActivationBar.not_confirmed: "it waits for its supplier's confirmation, and its time has not run out",
    ActivationBar.in_force: "it has been activated, and its time has not run out",
    ActivationBar.suspended: "the buyer has suspended it",
    ActivationBar.already_received: "all its goods have been received",
    ActivationBar.rejected: "the supplier has declined it",
    ActivationBar.cancelled: "the buyer has cancelled it",
    ActivationBar.closed: "it is closed",
}

_BARRED: Final = {
    StoredStatus.draft: ActivationBar.not_issued,
    StoredStatus.suspended: ActivationBar.suspended,
    StoredStatus.received: ActivationBar.already_received,
    StoredStatus.rejected: ActivationBar.rejected,
    StoredStatus.cancelled: ActivationBar.cancelled,
    StoredStatus.closed: ActivationBar.closed,
}


def way_to_activation(facts: LifecycleFacts, at: datetime) -> tuple[Action, ...] | ActivationBar:
    """The actions, in their order, that an approval at the instant `at` carries out, or why it cannot help.

    A confirmed order is activated. What time has stopped is extended, and activated then where it never was; without
    its supplier's confirmation it is extended alone, and waits for the supplier again.
    """
    if facts.stored in _BARRED:
        return _BARRED[facts.stored]
    late = not {OrderStatus.expired, OrderStatus.lapsed}.isdisjoint(time_statuses(facts, at))
    if facts.stored is StoredStatus.confirmed:
        return (Action.extend, Action.activate) if late else (Action.activate,)
    if late:
        return (Action.extend,)
    return ActivationBar.not_confirmed if facts.stored is StoredStatus.issued else ActivationBar.in_force


def is_settled(facts: LifecycleFacts, at: datetime) -> bool:
    """Whether an open request has nothing left to decide. A suspended order's request waits until it is resumed."""
    way = way_to_activation(facts, at)
    return isinstance(way, ActivationBar) and way is not ActivationBar.suspended


def new_end(facts: LifecycleFacts, given: datetime | None, wanted: datetime | None) -> datetime | None:
    """The end of validity under an approval: what the approver gives, else what was wanted where that is later.

    An applicant alone never makes an order end earlier, nor one end that has no end. It may lie in the past.
    """
    if given is not None or wanted is None or facts.expires_at is None:
        return given or facts.expires_at
    return max(wanted, facts.expires_at)
