"""The question at the gate: one input or a thousand, a handful of queries in all, and everything else is pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter, ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.identifiers import new_id
from app.db.pace import unhurried
from app.errors import InvalidRequest, Problem
from app.http.problems import invalid_item
from app.http.schemas import ProblemDetails
from app.numbers import service as numbers
from app.orders import receipt_repository, receiving
from app.orders import repository as orders
from app.orders.contacts import Directory, directory_for
from app.orders.lifecycle import LifecycleFacts, StoredStatus, effective_status, next_change
from app.orders.location import LocatedOrder, require_relation
from app.orders.receipt_schemas import ReceivedPurchaseOrder, ReceivePurchaseOrder
from app.orders.schemas import PurchaseOrder
from app.orders.views import lifecycle_facts, purchase_order, relation_of
from app.principal import NAMED, OPERATIONS, Principal
from app.telemetry import REFUSALS, VERDICTS
from app.validation import checks
from app.validation.checks import LastReceipt, lifecycle_refusals, refuse, without_facts
from app.validation.inputs import MalformedInput, understand
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

RECEIVING = OPERATIONS["receive_purchase_order"]
"""What receiving asks for, scope and relation, holds when it comes with a question too."""

_ITEM: TypeAdapter[ValidateInput] = TypeAdapter(ValidateInput)
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Question:
    """An input with the keys that it may mean, best first; no keys: no number could look like it."""

    asked: ValidateInput
    keys: tuple[str, ...]
    source: Source
    number_text: str | None
    malformed: str | None


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What the database says about all questions together."""

    checked_at: datetime
    orders: Mapping[str, Sequence[Mapping[str, Any]]]
    directory: Directory
    lines: Mapping[tuple[str, UUID], Sequence[Any]]
    last_receipts: Mapping[tuple[str, UUID], Any]
    misread: frozenset[str]


@dataclass(frozen=True, slots=True)
class Manifest:
    """The questions of a batch by their index, and the items that are no question."""

    questions: Mapping[int, Question]
    invalid: Mapping[int, InvalidItem]


async def validate_one(connection: AsyncConnection, caller: Principal, asked: ValidateInput) -> Validation:
    """Answer one question."""
    question = _question(asked)
    knowledge = await _look_up(connection, caller, [question])
    return _counted(_answer(question, caller, knowledge, set()))


async def validate_and_receive(
    connection: AsyncConnection, caller: Principal, asked: ValidateInput, receive: ReceivePurchaseOrder
) -> Validation:
    """Answer one question and, where the verdict is `accept`, take in what came, in the transaction of `connection`.

    Another dock may be quicker between the verdict and the receipt: then the question is asked again, and what has
    become of the order is the verdict. Raises DuplicateReceipt, RelationNotAllowed where another party receives, and
    what `receiving.try_to_receive` does.
    """
    repeated = await receiving.repetition(connection, caller, receive)
    if repeated is not None:
        raise repeated
    question = _question(asked)
    for _ in range(_ATTEMPTS):
        knowledge = await _look_up(connection, caller, [question])
        answer = _answer(question, caller, knowledge, set())
        if answer.verdict is not Verdict.accept:
            return _counted(answer)
        (order,) = _candidates(question, caller, knowledge)
        require_relation(order, RECEIVING)
        received = await receiving.try_to_receive(connection, caller, order, receive, ["body", "receive"])
        if received is not None:
            return _counted(_with_receipt(answer, received))
    raise await receiving.refusal(connection, caller, order, receive)


async def manifest_of(body: ValidateBatch) -> Manifest:
    """Return the questions of a batch; each item is judged by itself."""
    questions: dict[int, Question] = {}
    invalid: dict[int, InvalidItem] = {}
    async for index, item in unhurried(enumerate(body.inputs)):
        try:
            asked = _ITEM.validate_python({"input": item} if isinstance(item, str) else item)
            if asked.receive is not None:
                invalid[index] = _invalid_item(index, _receives_alone(index))
            else:
                questions[index] = _question(asked)
        except ValidationError as error:
            invalid[index] = _invalid_item(index, invalid_item(error, ("body", "inputs", index)))
    return Manifest(questions, invalid)


async def look_up(connection: AsyncConnection, caller: Principal, manifest: Manifest) -> Knowledge:
    """Return what the database says about all questions of a manifest."""
    return await _look_up(connection, caller, list(manifest.questions.values()))


async def judge(caller: Principal, manifest: Manifest, knowledge: Knowledge) -> ValidationBatch:
    """Answer the questions of a manifest; a number that stands in it twice is held from the second time on."""
    seen: set[tuple[str, UUID]] = set()
    results: dict[int, ValidationResult | InvalidItem] = dict(manifest.invalid)
    answers = []
    async for index, question in unhurried(manifest.questions.items()):
        answers.append(_counted(_answer(question, caller, knowledge, seen)))
        results[index] = ValidationResult.model_construct(index=index, **dict(answers[-1]))
    return ValidationBatch.model_construct(
        accepted=sum(answer.verdict is Verdict.accept for answer in answers),
        held=sum(answer.verdict is Verdict.hold for answer in answers),
        rejected=sum(answer.verdict is Verdict.reject for answer in answers),
        summary=_summary(answers),
        results=[results[index] for index in sorted(results)],
    )


def _counted(answer: Validation) -> Validation:
    VERDICTS.labels(answer.verdict).inc()
    for refusal in answer.refusals:
        REFUSALS.labels(refusal.code).inc()
    return answer


def _with_receipt(answer: Validation, received: ReceivedPurchaseOrder) -> Validation:
    """Return an accepted answer as receiving has left it: what the gate shows is what is true when it is read."""
    order = PurchaseOrder.model_construct(**{name: getattr(received, name) for name in PurchaseOrder.model_fields})
    facts = LifecycleFacts(received.stored_status, received.valid_from, received.expires_at, received.activate_by)
    return answer.model_copy(
        update={
            "status": received.status,
            "order": order,
            "receipt": received.receipt,
            "valid_until": next_change(facts, answer.checked_at),
        }
    )


def _invalid_item(index: int, problem: Problem) -> InvalidItem:
    return InvalidItem(index=index, problem=ProblemDetails.model_validate(problem.as_dict()))


def _receives_alone(index: int) -> Problem:
    return InvalidRequest.at(
        ["body", "inputs", index, "receive"],
        "not_in_a_batch",
        "Goods are received one order at a time: POST /v1/validations",
    )


def _question(asked: ValidateInput) -> Question:
    try:
        understood = understand(asked.input)
    except MalformedInput as error:
        return Question(asked, (), Source.TYPED, None, error.sentence)
    return Question(asked, understood.keys, Source(understood.source), understood.number_text, None)


async def _look_up(connection: AsyncConnection, caller: Principal, questions: Sequence[Question]) -> Knowledge:
    keys = sorted({key for question in questions for key in question.keys})
    checked_at, rows = await orders.find_for_validation(connection, keys)
    by_key: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_key.setdefault(row.number_key, []).append(row._asdict())
    unknown = [key for question in questions for key in question.keys if not any(k in by_key for k in question.keys)]
    related = [row for row in rows if relation_of(row._asdict(), caller.organisation_id) in NAMED]
    received = [(row.number_key, row.organisation_id) for row in related if row.status == StoredStatus.received]
    return Knowledge(
        checked_at,
        by_key,
        await directory_for(connection, rows),
        await orders.lines_of(connection, related),
        await receipt_repository.last_receipts(connection, received),
        await numbers.misread_keys(connection, unknown),
    )


def _answer(question: Question, caller: Principal, knowledge: Knowledge, seen: set[tuple[str, UUID]]) -> Validation:
    found = _candidates(question, caller, knowledge)
    order = found[0] if len(found) == 1 else None
    at = question.asked.at or knowledge.checked_at
    refusals = _refusals(question, found, knowledge, at)
    if order is not None:
        identity = (order.number_key, order.organisation_id)
        if identity in seen:
            refusals.append(refuse(RefusalCode.duplicate_in_request))
        seen.add(identity)
    related = order is not None and order.relation in NAMED
    # Without an order there is no fact to keep back: the sentence is about what was sent.
    if order is not None and not related:
        refusals = [without_facts(refusal) for refusal in refusals]
    verdict = checks.verdict(refusals)
    return Validation(
        id=new_id(),
        input=question.asked.input,
        source=question.source,
        number=order.row["number"] if order else question.number_text,
        valid=verdict is Verdict.accept,
        verdict=verdict,
        status=effective_status(lifecycle_facts(order.row), at) if order and related else None,
        refusals=[shown_refusal(refusal, order, knowledge.directory) for refusal in refusals],
        did_you_mean=[],
        order=_shown_order(order, knowledge, at) if order and related else None,
        receipt=None,
        checked_at=knowledge.checked_at,
        valid_until=next_change(lifecycle_facts(order.row), at) if order and related else None,
    )


def _refusals(
    question: Question, found: Sequence[LocatedOrder], knowledge: Knowledge, at: datetime
) -> list[checks.Refusal]:
    if question.malformed is not None:
        return [refuse(RefusalCode.malformed, question.malformed, "input")]
    if len(found) > 1:
        return [refuse(RefusalCode.ambiguous_number, field="buyer")]
    if not found:
        misread = any(key in knowledge.misread for key in question.keys)
        return [refuse(RefusalCode.check_character_mismatch if misread else RefusalCode.unknown, field="input")]
    last = knowledge.last_receipts.get(found[0].identity)
    return lifecycle_refusals(
        lifecycle_facts(found[0].row), at, None if last is None else LastReceipt(last.received_at, last.dock)
    )


def _candidates(question: Question, caller: Principal, knowledge: Knowledge) -> list[LocatedOrder]:
    """Return the orders that the input may mean: those the caller is named on, or else all that are presented."""
    found = [
        LocatedOrder(row, relation_of(row, caller.organisation_id))
        for key in question.keys
        for row in knowledge.orders.get(key, ())
        if question.asked.buyer in {None, row["organisation_id"]}
    ]
    # What was issued here under exactly this number is meant, whoever has registered the rest of it without its PO.
    if exact := [order for order in found if order.row["issued_here"] and order.number_key == question.keys[0]]:
        return exact
    found = [order for order in found if order.relation in NAMED] or found
    # One buyer may hold both PO123 and 123: once the buyer is named, the exact form wins.
    return found if question.asked.buyer is None else found[:1]


def _shown_order(order: LocatedOrder, knowledge: Knowledge, at: datetime) -> Any:
    lines = knowledge.lines[order.number_key, order.organisation_id]
    return purchase_order(order.row, [line._asdict() for line in lines], order.relation, at)


def _summary(answers: Sequence[Validation]) -> dict[RefusalCode, int]:
    counts: dict[RefusalCode, int] = {}
    for answer in answers:
        for refusal in answer.refusals:
            counts[refusal.code] = counts.get(refusal.code, 0) + 1
    return counts
