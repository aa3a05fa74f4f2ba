"""The verdict on one question, from what the database says about it; no query, no clock."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import JsonValue

from app.db.identifiers import new_id_text
from app.json_writer import write_json
from app.orders.lifecycle import LifecycleFacts, OrderStatus, StoredStatus, boundaries, effective_status
from app.orders.location import LocatedOrder
from app.orders.receipt_schemas import Receipt
from app.orders.schemas import PurchaseOrder
from app.orders.shown_orders import shown_order
from app.orders.views import lifecycle_facts
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
from app.validation.schemas import MatchedBy, Source
from app.validation.schemas import Refusal as ShownRefusal


@dataclass(slots=True)
class GateAnswer:
    """What is answered to a question: the body that `Validation` describes, before it is written down."""

    id: str
    input: str
    source: Source
    number: str | None
    matched_by: MatchedBy | None
    verdict: Verdict
    status: OrderStatus | None
    refusals: Sequence[ShownRefusal]
    did_you_mean: Sequence[str]
    order: Mapping[str, Any] | PurchaseOrder | None
    receipt: Receipt | None
    checked_at: datetime
    valid_until: datetime | None
    afterwards: Mapping[str, Any] | None

    @property
    def valid(self) -> bool:
        """Whether it is accepted."""
        return self.verdict is Verdict.accept


def written(answer: GateAnswer, **beside: JsonValue) -> bytes:
    """Return the answer as JSON, the members `beside` behind its own.

    Written at once, without a model of it: to build one and have it find out again what it holds takes longer than the
    whole way from the question to here. Tests hold what is written against the model.
    """
    return write_json(
        {
            "id": answer.id,
            "input": answer.input,
            "source": answer.source,
            "number": answer.number,
            "matched_by": answer.matched_by,
            "valid": answer.verdict is Verdict.accept,
            "verdict": answer.verdict,
            "status": answer.status,
            "refusals": answer.refusals,
            "did_you_mean": answer.did_you_mean,
            "order": answer.order,
            "receipt": answer.receipt,
            "checked_at": answer.checked_at,
            "valid_until": answer.valid_until,
            "afterwards": answer.afterwards,
            **beside,
        }
    )


@dataclass(slots=True)
class Answered:
    """A verdict with the one order that it is about, where there is one; `related`: an order names the caller.

    `free_of_charge`: it does not count towards the caller's limit, because it tells nothing about orders of others.
    """

    validation: GateAnswer
    order: LocatedOrder | None
    related: bool
    free_of_charge: bool


def answer(
    question: Question,
    caller: Principal,
    knowledge: Knowledge,
    seen: set[tuple[str, UUID]],
    found: Sequence[LocatedOrder] | None = None,
) -> Answered:
    """Return the verdict on a question; `seen` holds the orders of the manifest so far, and gets its own.

    `found`: the orders that it may mean, where that was found out before.
    """
    if found is None:
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
) -> Mapping[str, Any]:
    """Return the fields of an answer that say until when it holds and what comes then.

    `instants`: those at which more than the order's own status may change.
    """
    coming = outlook(facts, now, [*boundaries(facts), *instants], refusals_at)
    if coming is None:
        return _FOR_EVER
    then = {"status": coming.status, "verdict": coming.verdict, "codes": coming.codes}
    return {"valid_until": coming.at, "afterwards": then}


_FOR_EVER: Final[Mapping[str, Any]] = {"valid_until": None, "afterwards": None}


def _without_order(question: Question, found: Sequence[LocatedOrder], knowledge: Knowledge) -> GateAnswer:
    """Return the answer where the input means no order, or several. There is no fact to keep back."""
    refusal = _not_one_order(question, found, knowledge)
    return GateAnswer(
        id=new_id_text(),
        input=question.asked.input,
        source=question.source,
        number=question.number_text,
        matched_by=_matched_by(question, found),
        verdict=checks.verdict([refusal]),
        status=None,
        refusals=[shown_refusal(refusal, None, knowledge.directory, {})],
        did_you_mean=[] if found else knowledge.meant.get(unanswered_of(question), []),
        order=None,
        receipt=None,
        checked_at=knowledge.checked_at,
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
) -> GateAnswer:
    """Return the answer about one order, with its facts for those who are `related` to it."""
    facts, at = lifecycle_facts(order.row), _moment(question, knowledge)

    def refusals_at(instant: datetime) -> list[Refusal]:
        return refusals_of(question, order, facts, caller, knowledge, instant)

    refusals = refusals_at(at) + ([refuse(RefusalCode.duplicate_in_request)] if repeated else [])
    hrefs = requests_that_help(order, question.asked.buyer, knowledge, caller) if refusals else {}
    delivery = question.asked.delivery
    told = weightiest_first(refusals if related else [without_facts(refusal) for refusal in refusals])
    coming, shown = _FOR_EVER, None
    if related:
        instants = [] if delivery is None else deliveries.boundaries(delivery, order, knowledge.deliveries)
        coming = ahead(facts, at, refusals_at, instants)
    if related and question.shows_order:
        shown = shown_order(order.row, knowledge.lines[order.identity], order.relation, at, facts)
    return GateAnswer(
        id=new_id_text(),
        input=question.asked.input,
        source=question.source,
        number=order.row["number"],
        matched_by=_matched_by(question, [order]),
        verdict=checks.verdict(refusals),
        status=effective_status(facts, at) if related else None,
        refusals=[shown_refusal(refusal, order, knowledge.directory, hrefs) for refusal in told],
        did_you_mean=[],
        order=shown,
        receipt=None,
        checked_at=knowledge.checked_at,
        **coming,
    )


def _moment(question: Question, knowledge: Knowledge) -> datetime:
    """Return the moment that is asked about: one that has passed is now, whatever the clock of a handheld says."""
    return max(question.asked.at or knowledge.checked_at, knowledge.checked_at)


def refusals_of(
    question: Question,
    order: LocatedOrder,
    facts: LifecycleFacts,
    caller: Principal,
    knowledge: Knowledge,
    at: datetime,
) -> list[Refusal]:
    """Return everything that is against the order at an instant: its own life, and the delivery that is told."""
    # For those alone whom the order names: others may be asking at the same time.
    row, identity = order.row, order.identity
    last = knowledge.last_receipts.get(identity) if order.relation in NAMED else None
    waits = facts.stored is StoredStatus.issued
    refusals = lifecycle_refusals(
        facts,
        at,
        None if last is None else LastReceipt(last.received_at, last.dock),
        activation_pending=identity in knowledge.open_requests,
        way=WayToSupplier(row["sent_via"], row["sent_at"], row["seen_at"]) if waits else None,
    )
    if question.asked.delivery is not None:
        lines = knowledge.lines[identity]
        refusals += deliveries.refusals(question.asked.delivery, order, lines, knowledge.deliveries, caller, at)
    return refusals
