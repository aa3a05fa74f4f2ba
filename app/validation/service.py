"""The question at the gate: one input or a thousand, a handful of queries in all, and everything else is pure."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter, ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.identifiers import new_id
from app.errors import Problem
from app.http.problems import invalid_request
from app.http.schemas import ProblemDetails
from app.numbers import service as numbers
from app.numbers.number_keys import MalformedNumber, candidate_keys
from app.orders import repository as orders
from app.orders.contacts import Directory, directory_for
from app.orders.lifecycle import effective_status, next_change
from app.orders.location import LocatedOrder
from app.orders.views import lifecycle_facts, purchase_order, relation_of
from app.principal import NAMED, Principal
from app.telemetry import REFUSALS, VERDICTS
from app.validation import checks, deliveries, repository, suggestions
from app.validation.checks import lifecycle_refusals, refuse, weightiest_first, without_facts
from app.validation.deliveries import DeliveryKnowledge
from app.validation.next_steps import shown_refusal
from app.validation.refusal_codes import RefusalCode, Verdict
from app.validation.schemas import (
    InvalidItem,
    Source,
    ValidateBatch,
    ValidateInput,
    Validation,
    ValidationBatch,
    ValidationResult,
)

_ITEM: TypeAdapter[ValidateInput] = TypeAdapter(ValidateInput)

SUGGESTED_INPUTS_MAX: Final = 10
"""So many inputs of a batch get suggestions: a manifest with more wrong numbers is itself the wrong one."""

_SECONDS_THAT_LEAVE_TIME_TO_SUGGEST: Final = 0.4
"""Half of what the gate waits: suggestions are a comfort, and must never turn a verdict into a 503."""


@dataclass(frozen=True, slots=True)
class _Question:
    """An input with the keys that it may mean, best first; no keys: no number could look like it."""

    asked: ValidateInput
    keys: tuple[str, ...]
    malformed: str | None


@dataclass(frozen=True, slots=True)
class _Knowledge:
    """What the database says about all questions together."""

    checked_at: datetime
    orders: Mapping[str, Sequence[Mapping[str, Any]]]
    directory: Directory
    lines: Mapping[tuple[str, UUID], Sequence[Any]]
    misread: frozenset[str]
    deliveries: DeliveryKnowledge
    meant: Mapping["_Unanswered", list[str]]


async def validate_one(connection: AsyncConnection, caller: Principal, asked: ValidateInput) -> Validation:
    """Answer one question."""
    (answer,) = await _answers(connection, caller, [asked])
    return answer


async def validate_batch(connection: AsyncConnection, caller: Principal, body: ValidateBatch) -> ValidationBatch:
    """Answer the questions of a manifest; a number that stands in it twice is held from the second time on."""
    questions: dict[int, ValidateInput] = {}
    invalid: dict[int, InvalidItem] = {}
    for index, item in enumerate(body.inputs):
        try:
            questions[index] = _ITEM.validate_python({"input": item} if isinstance(item, str) else item)
        except ValidationError as error:
            problem: Problem = invalid_request(error.errors(), prefix=("body", "inputs", index))
            invalid[index] = InvalidItem(index=index, problem=ProblemDetails.model_validate(problem.as_dict()))
    answers = await _answers(connection, caller, list(questions.values()))
    verdicts = dict(zip(questions, answers, strict=True))
    results: list[ValidationResult | InvalidItem] = [
        invalid[index] if index in invalid else ValidationResult.model_construct(index=index, **dict(verdicts[index]))
        for index in range(len(body.inputs))
    ]
    return ValidationBatch(
        accepted=sum(answer.verdict is Verdict.accept for answer in answers),
        held=sum(answer.verdict is Verdict.hold for answer in answers),
        rejected=sum(answer.verdict is Verdict.reject for answer in answers),
        summary=_summary(answers),
        results=results,
    )


async def _answers(connection: AsyncConnection, caller: Principal, asked: Sequence[ValidateInput]) -> list[Validation]:
    questions = [_question(one) for one in asked]
    knowledge = await _look_up(connection, caller, questions)
    seen: set[tuple[str, UUID]] = set()
    answers = []
    for question in questions:
        answer = _answer(question, caller, knowledge, seen)
        VERDICTS.labels(answer.verdict).inc()
        for refusal in answer.refusals:
            REFUSALS.labels(refusal.code).inc()
        answers.append(answer)
    return answers


def _question(asked: ValidateInput) -> _Question:
    try:
        return _Question(asked, candidate_keys(asked.input), None)
    except MalformedNumber as error:
        return _Question(asked, (), str(error))


async def _look_up(connection: AsyncConnection, caller: Principal, questions: Sequence[_Question]) -> _Knowledge:
    begun = asyncio.get_running_loop().time()
    keys = sorted({key for question in questions for key in question.keys})
    checked_at, rows = await orders.find_for_validation(connection, keys)
    by_key: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_key.setdefault(row.number_key, []).append(row._asdict())
    unknown = [key for question in questions for key in question.keys if not any(k in by_key for k in question.keys)]
    delivered = [
        (question.asked.delivery, [row for key in question.keys for row in by_key.get(key, ())])
        for question in questions
        if question.asked.delivery is not None
    ]
    held_against = {key for question in questions if question.asked.delivery is not None for key in question.keys}
    with_lines = [
        row
        for row in rows
        if row.number_key in held_against or relation_of(row._asdict(), caller.organisation_id) in NAMED
    ]
    found = _Knowledge(
        checked_at,
        by_key,
        await directory_for(connection, rows),
        await orders.lines_of(connection, with_lines),
        await numbers.misread_keys(connection, unknown),
        await deliveries.look_up(connection, delivered),
        {},
    )
    if asyncio.get_running_loop().time() - begun > _SECONDS_THAT_LEAVE_TIME_TO_SUGGEST:
        return found
    unanswered = [
        _unanswered(question) for question in questions if question.keys and not _candidates(question, caller, found)
    ]
    return replace(found, meant=await _suggested(connection, caller, unanswered))


_Unanswered = tuple[tuple[str, ...], UUID | None]
"""The keys of a question that found no order, and the buyer that it names."""


def _unanswered(question: _Question) -> _Unanswered:
    return question.keys, question.asked.buyer


async def _suggested(
    connection: AsyncConnection, caller: Principal, unanswered: Sequence[_Unanswered]
) -> Mapping[_Unanswered, list[str]]:
    """Return what may have been meant by the first of the questions that found no order: one query for all."""
    ranked: dict[_Unanswered, list[str]] = {}
    for asked in list(dict.fromkeys(unanswered))[:SUGGESTED_INPUTS_MAX]:
        ranked[asked] = suggestions.candidates(asked[0])
        # A few milliseconds each: other requests get their turn in between.
        await asyncio.sleep(0)
    keys = {key for candidates in ranked.values() for key in candidates}
    rows = await repository.numbers_among(connection, caller.organisation_id, keys) if keys else []
    return {
        (asked, buyer): suggestions.best(
            candidates, [(row.number_key, row.number) for row in rows if buyer in {None, row.organisation_id}]
        )
        for (asked, buyer), candidates in ranked.items()
    }


def _answer(question: _Question, caller: Principal, knowledge: _Knowledge, seen: set[tuple[str, UUID]]) -> Validation:
    found = _candidates(question, caller, knowledge)
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
    if not related:
        refusals = [without_facts(refusal) for refusal in refusals]
    verdict = checks.verdict(refusals)
    return Validation(
        id=new_id(),
        input=question.asked.input,
        source=Source.TYPED,
        number=order.row["number"] if order else next(iter(question.keys), None),
        valid=verdict is Verdict.accept,
        verdict=verdict,
        status=effective_status(lifecycle_facts(order.row), at) if order and related else None,
        refusals=[shown_refusal(refusal, order, knowledge.directory) for refusal in weightiest_first(refusals)],
        did_you_mean=[] if found else knowledge.meant.get(_unanswered(question), []),
        order=_shown_order(order, knowledge, at) if order and related else None,
        checked_at=knowledge.checked_at,
        valid_until=next_change(lifecycle_facts(order.row), at) if order else None,
    )


def _refusals(
    question: _Question, found: Sequence[LocatedOrder], knowledge: _Knowledge, at: datetime
) -> list[checks.Refusal]:
    if question.malformed is not None:
        return [refuse(RefusalCode.malformed, question.malformed, "input")]
    if len(found) > 1:
        return [refuse(RefusalCode.ambiguous_number, field="buyer")]
    if not found:
        misread = any(key in knowledge.misread for key in question.keys)
        return [refuse(RefusalCode.check_character_mismatch if misread else RefusalCode.unknown, field="input")]
    return lifecycle_refusals(lifecycle_facts(found[0].row), at)


def _candidates(question: _Question, caller: Principal, knowledge: _Knowledge) -> list[LocatedOrder]:
    """Return the orders that the input may mean: those the caller is named on, or else all that are presented."""
    found = [
        LocatedOrder(row, relation_of(row, caller.organisation_id))
        for key in question.keys
        for row in knowledge.orders.get(key, ())
        if question.asked.buyer in {None, row["organisation_id"]}
    ]
    found = [order for order in found if order.relation in NAMED] or found
    # One buyer may hold both PO123 and 123: once the buyer is named, the exact form wins.
    return found if question.asked.buyer is None else found[:1]


def _shown_order(order: LocatedOrder, knowledge: _Knowledge, at: datetime) -> Any:
    lines = knowledge.lines[order.number_key, order.organisation_id]
    return purchase_order(order.row, [line._asdict() for line in lines], order.relation, at)


def _summary(answers: Sequence[Validation]) -> dict[RefusalCode, int]:
    counts: dict[RefusalCode, int] = {}
    for answer in answers:
        for refusal in answer.refusals:
            counts[refusal.code] = counts.get(refusal.code, 0) + 1
    return counts
