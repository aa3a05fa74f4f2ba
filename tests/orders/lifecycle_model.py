"""Where an action leads, said once more for one order; the service's own word on it is an UPDATE."""

from datetime import datetime

from app.orders.lifecycle import (
    TRANSITIONS,
    Action,
    LifecycleFacts,
    OrderStatus,
    StoredStatus,
    allowed_actions,
    effective_status,
    status_by_acknowledgement,
    status_by_receipts,
)


class TransitionRefusedError(ValueError):
    """The action is not possible: `status` is the effective status, `allowed` what is possible instead."""

    def __init__(self, action: Action, status: OrderStatus, allowed: tuple[Action, ...]) -> None:
        listed = ", ".join(allowed) or "nothing"
        super().__init__(f"An order that is {status} does not allow {action}; it allows {listed}.")
        self.action = action
        self.status = status
        self.allowed = allowed


def target_status(action: Action, facts: LifecycleFacts, at: datetime, *, anything_open: bool = False) -> StoredStatus:
    """The stored status that the action leads to at the instant `at`.

    `anything_open` counts for `receive` and `confirm`: whether quantities stay open after it. Raises
    `TransitionRefusedError`.
    """
    if action not in allowed_actions(facts, at):
        raise TransitionRefusedError(action, effective_status(facts, at), allowed_actions(facts, at))
    if action is Action.resume and facts.suspended_from is not None:
        return facts.suspended_from
    if action is Action.receive:
        return status_by_receipts(anything_received=True, anything_open=anything_open)
    if action is Action.confirm:
        return status_by_acknowledgement(facts.stored, anything_left=anything_open)
    (target,) = TRANSITIONS[action].targets[facts.stored]
    return target
