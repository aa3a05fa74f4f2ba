"""Use cases of the gate: one input or a thousand, and goods that come in with the question."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.pace import unhurried
from app.orders import receiving
from app.orders.lifecycle import LifecycleFacts, next_change
from app.orders.location import require_relation
from app.orders.receipt_schemas import ReceivedPurchaseOrder, ReceivePurchaseOrder
from app.orders.schemas import PurchaseOrder
from app.orders.service import ATTEMPTS, overtaken
from app.principal import OPERATIONS, Principal
from app.telemetry import REFUSALS, VERDICTS
from app.validation.answers import answer
from app.validation.knowledge import Knowledge, gather
from app.validation.questions import Manifest, question_of
from app.validation.refusal_codes import RefusalCode, Verdict
from app.validation.schemas import InvalidItem, ValidateInput, Validation, ValidationBatch, ValidationResult

RECEIVING = OPERATIONS["receive_purchase_order"]
"""What receiving asks for, scope and relation, holds when it comes with a question too."""


async def validate_one(connection: AsyncConnection, caller: Principal, asked: ValidateInput) -> Validation:
    """Answer one question."""
    question = question_of(asked)
    knowledge = await gather(connection, caller, [question])
    return _counted(answer(question, caller, knowledge, set()).validation)


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
    question = question_of(asked)
    for _ in range(ATTEMPTS):
        answered = answer(question, caller, await gather(connection, caller, [question]), set())
        order = answered.order
        if order is None or answered.validation.verdict is not Verdict.accept:
            return _counted(answered.validation)
        require_relation(order, RECEIVING)
        received = await receiving.try_to_receive(connection, caller, order, receive, ["body", "receive"])
        if received is not None:
            return _counted(_with_receipt(answered.validation, received))
    raise overtaken(asked.input[:64])


async def look_up(connection: AsyncConnection, caller: Principal, manifest: Manifest) -> Knowledge:
    """Return what the database says about all questions of a manifest."""
    return await gather(connection, caller, list(manifest.questions.values()))


async def judge(caller: Principal, manifest: Manifest, knowledge: Knowledge) -> ValidationBatch:
    """Answer the questions of a manifest; a number that stands in it twice is held from the second time on."""
    seen: set[tuple[str, UUID]] = set()
    results: dict[int, ValidationResult | InvalidItem] = dict(manifest.invalid)
    answers = []
    async for index, question in unhurried(manifest.questions.items()):
        answers.append(_counted(answer(question, caller, knowledge, seen).validation))
        results[index] = ValidationResult.model_construct(index=index, **dict(answers[-1]))
    return ValidationBatch.model_construct(
        accepted=sum(one.verdict is Verdict.accept for one in answers),
        held=sum(one.verdict is Verdict.hold for one in answers),
        rejected=sum(one.verdict is Verdict.reject for one in answers),
        summary=_summary(answers),
        results=[results[index] for index in sorted(results)],
    )


def _counted(validation: Validation) -> Validation:
    VERDICTS.labels(validation.verdict).inc()
    for refusal in validation.refusals:
        REFUSALS.labels(refusal.code).inc()
    return validation


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


def _summary(answers: Sequence[Validation]) -> dict[RefusalCode, int]:
    counts: dict[RefusalCode, int] = {}
    for one in answers:
        for refusal in one.refusals:
            counts[refusal.code] = counts.get(refusal.code, 0) + 1
    return counts
