"""docs/lifecycle.md, made from the tables of the lifecycle, so that the page cannot say anything else than the code.

`make pages` writes it anew.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from app.orders.activation_rules import ActivationBar, way_to_activation
from app.orders.lifecycle import (
    OPEN,
    TERMINAL,
    TIME_RULES,
    TRANSITIONS,
    Action,
    Comparison,
    LifecycleFacts,
    OrderStatus,
    StoredStatus,
    TimeRule,
    Transition,
)

_AN_INSTANT: Final = datetime(2036, 1, 1, tzinfo=UTC)

STATUS_MEANINGS: Final = {
    OrderStatus.draft: "Has its number, is not sent yet.",
    OrderStatus.issued: "Sent to the supplier, who has not answered yet.",
    OrderStatus.confirmed: "Acknowledged by the supplier, not released for delivery yet.",
    OrderStatus.active: "Released: the gate accepts its goods.",
    OrderStatus.partially_received: "Some goods have come in, more may come.",
    OrderStatus.received: "All goods have come in.",
    OrderStatus.rejected: "The supplier declined it.",
    OrderStatus.suspended: "The buyer has stopped it for now.",
    OrderStatus.cancelled: "The buyer has called it off before any goods came in.",
    OrderStatus.closed: "Finished: nothing more is expected, whatever was still open.",
    OrderStatus.lapsed: "Was not activated by `activate_by`.",
    OrderStatus.not_yet_valid: "`valid_from` is still to come.",
    OrderStatus.expired: "`expires_at` has been reached.",
}
"""What each status says; the API's document takes it from here too."""

_INTRODUCTION: Final = """\
# The life of a purchase order

`status` in every answer is the *effective* status: what actions have made of the order, and what time has made of it
since. Actions are calls, `POST /v1/purchase-orders/{number}/<action>`. Time needs no call: an order expires, lapses and
becomes valid at the very instant its fields name, in every answer at once.

The gate accepts goods of an order whose status is `active` or `partially_received`, and of no other.
"""

_ACTIONS: Final = """\
An action that a status does not list is answered 409 `invalid_transition`, with the actions that are possible.

- **confirm** is the supplier's acknowledgement. A later one replaces an earlier one, also after activation. Where the
  policy that the order was issued under has `activation: on_confirmation`, it activates the order too.
- **issue** fills in `expires_at` and `activate_by` where nobody has said them and the buyer's policy does.
- **receive** leads to `received` when nothing stays open. Reversing a receipt leads back: to `partially_received`, or
  to `active` when nothing is left that was received.
- **resume** returns to the status that the order was suspended from.
- **extend** is possible while an order is expired or lapsed: time forbids it never.
- **cancel** is for orders of which nothing was received; those with receipts are closed. A suspended order with
  receipts is resumed, then closed.
"""

_REQUESTS: Final = """\
Whoever holds an order's number may ask its buyer to have the gate accept it: `POST .../activation-requests`, with a
reason and the end of validity that is wanted. One request is open at a time, and meanwhile the gate answers
`activation_pending` (hold) in the place of `not_active`, `lapsed` and `expired`.

- **Who may apply when** is the table below: where it shows a `-`, the answer is 409 `activation_not_possible` with the
  reason.
- **approve** does in one transaction what the order lacks, by the actions above and with their events. Its new end is
  what the approver gives, else what was wanted where that is later. A deadline that has passed moves to the end of the
  order's validity, or is lifted where it has none.
- **deny** and **withdraw** leave the order as it is. Then another request can be made.
- **obsolete** is a request whose order was activated, extended, rejected, cancelled or closed by hand: it is closed in
  the same transaction, and the event of the order names it (`activation_request_id`). It blocks no other request.
- A **suspended** order keeps its open request. It cannot be approved until the order is resumed; the gate answers
  `suspended`.

What an approval does:
"""

_TIME: Final = """\
The first row that applies is the status. Where none does, the status is what actions have made of it. Drafts, suspended
and finished orders are not touched by time. A field without a value sets no limit.
"""


def lifecycle_page() -> str:
    """The page in Markdown, ending in one newline."""
    sections = (
        _INTRODUCTION,
        "## Statuses\n",
        _table(("status", "meaning"), ((f"`{status}`", STATUS_MEANINGS[status]) for status in OrderStatus)),
        "## Diagram\n",
        "Actions that leave the status as it is are not drawn. An edge named after a field is the work of time.\n",
        f"```mermaid\n{transition_diagram()}```\n",
        "## Actions\n",
        _ACTIONS,
        _table(("status", *(f"`{action}`" for action in Action)), _action_rows()),
        "## What time does\n",
        _TIME,
        _table(("status", "shows", "instead of"), map(_time_row, TIME_RULES)),
        "## Activation requests\n",
        _REQUESTS,
        _table(("status without time", "in time", "expired or lapsed"), _request_rows()),
    )
    return "\n".join(sections)


def transition_diagram() -> str:
    """The lifecycle as a Mermaid `stateDiagram-v2`, ending in one newline: actions that change the status, and time."""
    labels: dict[tuple[str, str], list[str]] = {
        ("[*]", StoredStatus.draft): ["create a draft"],
        ("[*]", StoredStatus.issued): ["create"],
    }
    for action in Action:
        for source, targets in TRANSITIONS[action].targets.items():
            for target in targets:
                if target is not source:
                    labels.setdefault((source, target), []).append(action)
    for rule in TIME_RULES:
        for source in OPEN:
            if source in rule.touches:
                labels[source, rule.status] = [_boundary_words(rule)]
    edges = [f"{source} --> {target} : {', '.join(label)}" for (source, target), label in labels.items()]
    ends = [f"{status} --> [*]" for status in StoredStatus if status in TERMINAL and not _may_leave(status)]
    notes = [f"note right of {rule.status} : by time alone" for rule in TIME_RULES]
    return "".join(f"{line}\n" for line in ["stateDiagram-v2", *(f"    {line}" for line in edges + ends + notes)])


def _may_leave(status: StoredStatus) -> bool:
    return any(status in transition.targets for transition in TRANSITIONS.values())


def _action_rows() -> Iterator[tuple[str, ...]]:
    for status in StoredStatus:
        yield (f"`{status}`", *(_targets(TRANSITIONS[action], status) for action in Action))
    yield ("not while", *(_exceptions(TRANSITIONS[action]) for action in Action))


def _targets(transition: Transition, status: StoredStatus) -> str:
    return " or ".join(f"`{target}`" for target in transition.targets.get(status, ())) or "-"


def _exceptions(transition: Transition) -> str:
    by_time = [f"`{status}`" for status in OrderStatus if status in transition.refused_when]
    before = [f"suspended from `{status}`" for status in OPEN if status in transition.refused_when_suspended_from]
    return ", ".join(by_time + before)


def _time_row(rule: TimeRule) -> tuple[str, str, str]:
    touched = ", ".join(f"`{status}`" for status in OPEN if status in rule.touches)
    return (f"`{rule.status}`", _boundary_words(rule).replace(rule.boundary, f"`{rule.boundary}`"), touched)


def _request_rows() -> Iterator[tuple[str, ...]]:
    for status in StoredStatus:
        suspended_from = StoredStatus.active if status is StoredStatus.suspended else None
        in_time = LifecycleFacts(status, suspended_from=suspended_from)
        yield (f"`{status}`", *(_approval(facts) for facts in (in_time, replace(in_time, expires_at=_AN_INSTANT))))


def _approval(facts: LifecycleFacts) -> str:
    way = way_to_activation(facts, _AN_INSTANT)
    return f"- (`{way}`)" if isinstance(way, ActivationBar) else ", then ".join(f"`{action}`" for action in way)


def _boundary_words(rule: TimeRule) -> str:
    return f"from {rule.boundary} on" if rule.comparison is Comparison.at_or_before else f"until {rule.boundary}"


def _table(header: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
