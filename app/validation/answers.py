"""The verdict on one question, from what the database says about it; no query, no clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.db.identifiers import new_id
from app.orders.lifecycle import effective_status, next_change
from app.orders.location import LocatedOrder
from app.orders.views import lifecycle_facts, purchase_order
from app.principal import NAMED, Principal
from app.validation import checks, deliveries
from app.validation.checks import LastReceipt, lifecycle_refusals, refuse, weightiest_first, without_facts
from app.validation.knowledge import Knowledge, candidates, unanswered_of
from app.validation.next_steps import shown_refusal
from app.validation.questions import Question
from app.validation.refusal_codes import RefusalCode, Verdict
from app.validation.schemas import MatchedBy, Validation


@dataclass(frozen=True, slots=True)
class Answered:
    """A verdict with the one order that it is about, where there is one; `related`: the caller may see its facts."""

    validation: Validation
    order: LocatedOrder | None
    related: bool


def answer(question: Question, caller: Principal, knowledge: Knowledge, seen: set[tuple[str, UUID]]) -> Answered:
    """Return the verdict on a question; `seen` holds the orders of the manifest so far, and gets its own."""
    found = candidates(question, caller, knowledge)
    order = found[0] if len(found) == 1 else None
    at = question.asked.at or knowledge.checked_at
    refusals = _refusals(question, found, knowledge, at)
    related = order is not None and order.relation in NAMED
    if order is not None and (delivery := question.asked.delivery) is not None:
        lines = knowledge.lines[order.number_key, order.organisation_id]
        refusals += deliveries.refusals(delivery, order, lines, knowledge.deliveries, caller)
        related = related or deliveries.proves_relation(delivery, order, knowledge.deliveries)
    if order is not None:
        identity = (order.number_key, order.organisation_id)
        if identity in seen:
            refusals.append(refuse(RefusalCode.duplicate_in_request))
        seen.add(identity)
    # Without an order there is no fact to keep back: the sentence is about what was sent.
    if order is not None and not related:
        refusals = [without_facts(refusal) for refusal in refusals]
    verdict = checks.verdict(refusals)
    validation = Validation(
        id=new_id(),
        input=question.asked.input,
        source=question.source,
        number=order.row["number"] if order else question.number_text,
        matched_by=_matched_by(question, found),
        valid=verdict is Verdict.accept,
        verdict=verdict,
        status=effective_status(lifecycle_facts(order.row), at) if order and related else None,
        refusals=[shown_refusal(refusal, order, knowledge.directory) for refusal in weightiest_first(refusals)],
        did_you_mean=[] if found else knowledge.meant.get(unanswered_of(question), []),
        order=_shown_order(order, knowledge, at) if order and related else None,
        receipt=None,
        checked_at=knowledge.checked_at,
        valid_until=next_change(lifecycle_facts(order.row), at) if order and related else None,
    )
    return Answered(validation, order, related)


def _refusals(
    question: Question, found: Sequence[LocatedOrder], knowledge: Knowledge, at: datetime
) -> list[checks.Refusal]:
    if question.malformed is not None:
        return [refuse(RefusalCode.malformed, question.malformed, "input")]
    if len(found) > 1:
        if _matched_by(question, found) is MatchedBy.REFERENCE:
            return [refuse(RefusalCode.ambiguous_number, "More than one order has this reference.", "input")]
        return [refuse(RefusalCode.ambiguous_number, field="buyer")]
    if not found:
        misread = any(key in knowledge.misread for key in question.keys)
        return [refuse(RefusalCode.check_character_mismatch if misread else RefusalCode.unknown, field="input")]
    last = knowledge.last_receipts.get(found[0].identity)
    return lifecycle_refusals(
        lifecycle_facts(found[0].row), at, None if last is None else LastReceipt(last.received_at, last.dock)
    )


def _matched_by(question: Question, found: Sequence[LocatedOrder]) -> MatchedBy | None:
    if not found:
        return None
    return MatchedBy.NUMBER if found[0].number_key in question.keys else MatchedBy.REFERENCE


def _shown_order(order: LocatedOrder, knowledge: Knowledge, at: datetime) -> Any:
    lines = knowledge.lines[order.number_key, order.organisation_id]
    return purchase_order(order.row, [line._asdict() for line in lines], order.relation, at)
