"""The verdict on one question, from what the database says about it; no query, no clock."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.db.identifiers import new_id
from app.orders.lifecycle import LifecycleFacts, boundaries, effective_status
from app.orders.location import LocatedOrder
from app.orders.views import lifecycle_facts, purchase_order
from app.principal import NAMED, Principal
from app.validation import checks, deliveries
from app.validation.checks import (
    LastReceipt,
    Refusal,
    WayToSupplier,
    lifecycle_refusals,
    refuse,
    weightiest_first,
    without_facts,
)
from app.validation.knowledge import Knowledge, candidates, unanswered_of
from app.validation.next_steps import requests_that_help, shown_refusal
from app.validation.outlook import outlook
from app.validation.questions import Question
from app.validation.refusal_codes import RefusalCode, Verdict
from app.validation.schemas import Afterwards, MatchedBy, Validation


@dataclass(frozen=True, slots=True)
class Answered:
    """A verdict with the one order that it is about, where there is one; `related`: an order names the caller.

    `free_of_charge`: it does not count towards the caller's limit, because it tells nothing about orders of others.
    """

    validation: Validation
    order: LocatedOrder | None
    related: bool
    free_of_charge: bool


def answer(question: Question, caller: Principal, knowledge: Knowledge, seen: set[tuple[str, UUID]]) -> Answered:
    """Return the verdict on a question; `seen` holds the orders of the manifest so far, and gets its own."""
    found = candidates(question, caller, knowledge)
    if len(found) != 1:
        named = any(one.relation in NAMED for one in found)
        shown = _without_order(question, found, knowledge)
        return Answered(shown, None, named, free_of_charge=named or not question.keys)
    (order,) = found
    repeated = order.identity in seen
    seen.add(order.identity)
    named = order.relation in NAMED
    delivery = question.asked.delivery
    related = named or (delivery is not None and deliveries.proves_relation(delivery, order, knowledge.deliveries))
    shown = _about(question, order, caller, knowledge, related=related, repeated=repeated)
    return Answered(shown, order, named, free_of_charge=related)


def ahead(
    facts: LifecycleFacts,
    now: datetime,
    refusals_at: Callable[[datetime], Sequence[Refusal]],
    instants: Iterable[datetime] = (),
) -> dict[str, Any]:
    """Return the fields of an answer that say until when it holds and what comes then.

    `instants`: those at which more than the order's own status may change.
    """
    coming = outlook(facts, now, [*boundaries(facts), *instants], refusals_at)
    if coming is None:
        return {"valid_until": None, "afterwards": None}
    then = Afterwards(status=coming.status, verdict=coming.verdict, codes=list(coming.codes))
    return {"valid_until": coming.at, "afterwards": then}


def _without_order(question: Question, found: Sequence[LocatedOrder], knowledge: Knowledge) -> Validation:
    """Return the answer where the input means no order, or several. There is no fact to keep back."""
    refusal = _not_one_order(question, found, knowledge)
    return Validation(
        **_head(question, knowledge, question.number_text, [refusal]),
        matched_by=_matched_by(question, found),
        status=None,
        refusals=[shown_refusal(refusal, None, knowledge.directory, {})],
        did_you_mean=[] if found else knowledge.meant.get(unanswered_of(question), []),
        order=None,
        valid_until=None,
        afterwards=None,
    )


def _not_one_order(question: Question, found: Sequence[LocatedOrder], knowledge: Knowledge) -> Refusal:
    if question.malformed is not None:
        return refuse(RefusalCode.malformed, question.malformed, "input")
    if _matched_by(question, found) is MatchedBy.REFERENCE:
        return refuse(RefusalCode.ambiguous_number, "More than one order has this reference.", "input")
    if found:
        return refuse(RefusalCode.ambiguous_number, field="buyer")
    misread = any(key in knowledge.misread for key in question.keys)
    return refuse(RefusalCode.check_character_mismatch if misread else RefusalCode.unknown, field="input")


def _matched_by(question: Question, found: Sequence[LocatedOrder]) -> MatchedBy | None:
    if not found:
        return None
    return MatchedBy.NUMBER if found[0].number_key in question.keys else MatchedBy.REFERENCE


def _about(
    question: Question,
    order: LocatedOrder,
    caller: Principal,
    knowledge: Knowledge,
    *,
    related: bool,
    repeated: bool,
) -> Validation:
    """Return the answer about one order, with its facts for those who are `related` to it."""
    facts, at = lifecycle_facts(order.row), _moment(question, knowledge)

    def refusals_at(instant: datetime) -> list[Refusal]:
        return refusals_of(question, order, facts, caller, knowledge, instant)

    refusals = refusals_at(at) + ([refuse(RefusalCode.duplicate_in_request)] if repeated else [])
    hrefs = requests_that_help(order, question.asked.buyer, knowledge, caller)
    delivery = question.asked.delivery
    instants = [] if delivery is None else deliveries.boundaries(delivery, order, knowledge.deliveries)
    told = weightiest_first(refusals if related else [without_facts(refusal) for refusal in refusals])
    return Validation(
        **_head(question, knowledge, order.row["number"], refusals),
        matched_by=_matched_by(question, [order]),
        status=effective_status(facts, at) if related else None,
        refusals=[shown_refusal(refusal, order, knowledge.directory, hrefs) for refusal in told],
        did_you_mean=[],
        order=_shown_order(order, knowledge, at) if related else None,
        **(ahead(facts, at, refusals_at, instants) if related else {"valid_until": None, "afterwards": None}),
    )


def _moment(question: Question, knowledge: Knowledge) -> datetime:
    """Return the moment that is asked about: one that has passed is now, whatever the clock of a handheld says."""
    return max(question.asked.at or knowledge.checked_at, knowledge.checked_at)


def _head(question: Question, knowledge: Knowledge, number: str | None, refusals: Sequence[Refusal]) -> dict[str, Any]:
    verdict = checks.verdict(refusals)
    return {
        "id": new_id(),
        "input": question.asked.input,
        "source": question.source,
        "number": number,
        "valid": verdict is Verdict.accept,
        "verdict": verdict,
        "receipt": None,
        "checked_at": knowledge.checked_at,
    }


def refusals_of(
    question: Question,
    order: LocatedOrder,
    facts: LifecycleFacts,
    caller: Principal,
    knowledge: Knowledge,
    at: datetime,
) -> list[Refusal]:
    """Return everything that is against the order at an instant: its own life, and the delivery that is told."""
    last = knowledge.last_receipts.get(order.identity)
    refusals = lifecycle_refusals(
        facts,
        at,
        None if last is None else LastReceipt(last.received_at, last.dock),
        activation_pending=order.identity in knowledge.open_requests,
        way=WayToSupplier(*(order.row[name] for name in ("sent_via", "sent_at", "seen_at"))),
    )
    if question.asked.delivery is not None:
        lines = knowledge.lines[order.identity]
        refusals += deliveries.refusals(question.asked.delivery, order, lines, knowledge.deliveries, caller, at)
    return refusals


def _shown_order(order: LocatedOrder, knowledge: Knowledge, at: datetime) -> Any:
    lines = knowledge.lines[order.number_key, order.organisation_id]
    return purchase_order(order.row, [line._asdict() for line in lines], order.relation, at)
