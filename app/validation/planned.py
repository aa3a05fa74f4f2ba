"""What the gate would say of a delivery that is only being booked: the same checks, at the times of its window.

The PRO number, the vehicle and the window are taken as given: they are what is being booked. All else is judged as at
the gate, and what it would only miss, such as quantities, can still be told there. Most orders of a booking pass with
what one query says of them; whatever does not is answered as the gate answers.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from app.orders.identity import Identity
from app.orders.location import LocatedOrder
from app.orders.policies import PolicyVersion
from app.orders.views import lifecycle_facts
from app.principal import NAMED, Principal
from app.validation import knowledge as known
from app.validation.answers import Answered, answer, refusals_of
from app.validation.deliveries import DeliveryKnowledge, proves_relation
from app.validation.knowledge import Knowledge
from app.validation.questions import Question
from app.validation.refusal_codes import Verdict
from app.validation.schemas import Refusal


@dataclass(frozen=True, slots=True)
class Planned:
    """A number of a booking: the question, asked about the window's beginning, and until when it has to hold."""

    question: Question
    until: datetime


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of a number: an order that may come, or what the gate has against it.

    `related` and `free_of_charge` are as in `Answered`.
    """

    order: LocatedOrder | None
    refusals: Sequence[Refusal]
    did_you_mean: Sequence[str]
    related: bool
    free_of_charge: bool


def known_of(
    checked_at: datetime,
    orders: Mapping[Identity, Mapping[str, Any]],
    links: Mapping[Identity, Sequence[Any]],
    policies: Mapping[UUID, Sequence[PolicyVersion]],
) -> Knowledge:
    """Return what is enough to let a number pass: orders by identity, with their links and their gates' policies."""
    by_key: dict[str, list[Mapping[str, Any]]] = {}
    for (key, _), row in orders.items():
        by_key.setdefault(key, []).append(row)
    deliveries = DeliveryKnowledge(links, {}, policies, is_booked=True)
    lines = dict[Identity, Sequence[Any]](dict.fromkeys(orders, ()))
    return Knowledge(checked_at, by_key, {}, {}, lines, {}, {}, frozenset(), deliveries, {})


def passes(planned: Planned, caller: Principal, knowledge: Knowledge) -> Judged | None:
    """Return the order that a number means where nothing is against it; None where the gate has to be asked."""
    question = planned.question
    found = known.candidates(question, caller, knowledge)
    if len(found) != 1 or not known.is_settled(question, found[0].row, caller):
        return None
    (order,) = found
    facts = lifecycle_facts(order.row)
    for at in _instants(planned, knowledge):
        if refusals_of(question, order, facts, caller, knowledge, at):
            return None
    named, delivery = order.relation in NAMED, question.asked.delivery
    proved = delivery is not None and proves_relation(delivery, order, knowledge.deliveries)
    return Judged(order, [], [], related=named, free_of_charge=named or proved)


def without_orders_of(knowledge: Knowledge, hidden: Iterable[Identity]) -> Knowledge:
    """Return what is known without some of the orders: they are answered like numbers that do not exist."""
    gone = frozenset(hidden)
    left = {
        key: [row for row in rows if (row["number_key"], row["organisation_id"]) not in gone]
        for key, rows in knowledge.orders.items()
    }
    return replace(knowledge, orders=left)


def judge(planned: Planned, caller: Principal, knowledge: Knowledge) -> Judged:
    """Return what the gate says of a number, at the beginning of its window and until its end."""
    knowledge = replace(knowledge, deliveries=replace(knowledge.deliveries, is_booked=True))
    answers = [_answer_at(at, planned.question, caller, knowledge) for at in _instants(planned, knowledge)]
    refusals: dict[tuple[str, str | None], Refusal] = {}
    for one in answers:
        for refusal in one.validation.refusals:
            refusals.setdefault((refusal.code, refusal.field), refusal)
    first = answers[0]
    return Judged(
        first.order,
        sorted(refusals.values(), key=lambda refusal: refusal.verdict is not Verdict.reject),
        first.validation.did_you_mean,
        related=first.related,
        free_of_charge=first.free_of_charge,
    )


def _instants(planned: Planned, knowledge: Knowledge) -> list[datetime]:
    at = planned.question.asked.at or knowledge.checked_at
    return sorted({max(at, knowledge.checked_at), max(planned.until, knowledge.checked_at)})


def _answer_at(at: datetime, question: Question, caller: Principal, knowledge: Knowledge) -> Answered:
    asked = question.asked.model_copy(update={"at": at})
    return answer(replace(question, asked=asked), caller, knowledge, set())
