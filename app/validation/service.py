"""Use cases of the gate: one input or a thousand, and goods that come in with the question."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.coalescing import Coalescer
from app.db.group_writer import GroupWriter
from app.db.pace import unhurried
from app.db.session import Database
from app.errors import TemporarilyUnavailable
from app.events.gate_checks import GateCheck
from app.http.errors import TooManyLookUps
from app.http.look_up_limits import LookUpLimiter
from app.http.schemas import ProblemDetails
from app.json_writer import write_json
from app.orders import receiving
from app.orders.lifecycle import LifecycleFacts
from app.orders.location import LocatedOrder, require_relation
from app.orders.receipt_schemas import ReceivedPurchaseOrder, ReceivePurchaseOrder
from app.orders.schemas import PurchaseOrder
from app.orders.service import ATTEMPTS, overtaken
from app.principal import OPERATIONS, Principal
from app.telemetry import REFUSALS, VERDICTS
from app.validation.answers import Answered, GateAnswer, ahead, answer, written
from app.validation.checks import lifecycle_refusals
from app.validation.delivery_schemas import Delivery
from app.validation.knowledge import (
    Asked,
    Knowledge,
    candidates,
    gather,
    gather_for_all,
    suggested,
    unanswered_of,
)
from app.validation.questions import Manifest, Question
from app.validation.refusal_codes import RefusalCode, Verdict
from app.validation.schemas import InvalidItem

_LEAVES_TIME_TO_SUGGEST: Final = 0.5
"""The part of the time of a gate within which the verdict must be there."""

_VERDICTS: Final = {verdict: VERDICTS.labels(verdict) for verdict in Verdict}

RECEIVING = OPERATIONS["receive_purchase_order"]
"""What receiving asks for, scope and relation, holds when it comes with a question too."""


class Gate:
    """Answers the questions of a gate, and keeps what is to be remembered of them."""

    def __init__(self, database: Database, look_ups: LookUpLimiter, history: GroupWriter[GateCheck]) -> None:
        self._database = database
        self._look_ups = look_ups
        self._history = history
        self._seconds = database.gate_seconds
        self._known: Coalescer[Asked, Knowledge] = Coalescer(self._look_up_together, seconds=self._seconds)

    def headers(self, caller: Principal) -> dict[str, str]:
        """Return the header fields that say what the caller may still look up."""
        return self._look_ups.allowance(caller.organisation_id).headers()

    def header_lines(self, caller: Principal) -> bytes:
        """Return the same as lines of an answer's head."""
        return self._look_ups.allowance(caller.organisation_id).header_lines

    async def answer(self, caller: Principal, question: Question) -> bytes:
        """Return the answer to one question, as JSON; raises TooManyLookUps, and TemporarilyUnavailable in time."""
        begun = time.monotonic()
        knowledge = await self.look_up_one(caller, question)
        found = candidates(question, caller, knowledge)
        if question.keys and not found:
            knowledge = await self._with_suggestions(caller, question, knowledge, begun)
        given, delay = self.judge(caller, question, knowledge, found)
        # Counted first: many at once must not all slip through while they are held back.
        await asyncio.sleep(delay)
        return given

    def look_up_one(
        self, caller: Principal, question: Question, *, is_gone: Callable[[], bool] | None = None
    ) -> "asyncio.Future[Knowledge]":
        """Return what the database will have said about a question, and about those that others ask meanwhile.

        Nothing in it says what may have been meant. `is_gone`: whether nobody waits for the answer any more.
        """
        return self._known.ask(Asked(caller, question), is_gone=is_gone)

    async def _look_up_together(self, asked: Sequence[Asked]) -> Sequence[Knowledge]:
        knowledge = await self._database.look_at_the_gate(lambda connection: gather_for_all(connection, asked))
        return [knowledge] * len(asked)

    async def _with_suggestions(
        self, caller: Principal, question: Question, knowledge: Knowledge, begun: float
    ) -> Knowledge:
        """Return the knowledge with what may have been meant, where there is time for it.

        It is a comfort, and must never turn a verdict into a 503.
        """
        passed = time.monotonic() - begun
        allowance = self._look_ups.allowance(caller.organisation_id)
        if passed > self._seconds * _LEAVES_TIME_TO_SUGGEST or not allowance.suggests:
            return knowledge
        try:
            async with asyncio.timeout(self._seconds - passed):
                meant = await self._database.look_at_the_gate(
                    lambda connection: suggested(connection, caller, [unanswered_of(question)])
                )
        except (TimeoutError, TemporarilyUnavailable):
            return knowledge
        return replace(knowledge, meant=meant)

    async def look_up(self, connection: AsyncConnection, caller: Principal, questions: Sequence[Question]) -> Knowledge:
        """Return what the database says about all questions of a request."""
        allowance = self._look_ups.allowance(caller.organisation_id)
        seconds = self._seconds * _LEAVES_TIME_TO_SUGGEST if allowance.suggests else 0.0
        return await gather(connection, caller, questions, suggests_within=seconds)

    def judge(
        self, caller: Principal, question: Question, knowledge: Knowledge, found: Sequence[LocatedOrder]
    ) -> tuple[bytes, float]:
        """Return the answer to one question, as JSON, and the seconds to hold it back; raises TooManyLookUps.

        `found`: the orders that it may mean, by `candidates`.
        """
        answered = answer(question, caller, knowledge, set(), found)
        delay = 0.0 if answered.free_of_charge else self._look_ups.allowance(caller.organisation_id).delay
        return written(self._given(caller, question, answered)), delay

    async def judge_manifest(self, caller: Principal, manifest: Manifest, knowledge: Knowledge) -> bytes:
        """Answer the questions of a manifest; a number that stands in it twice is held from the second time on.

        Numbers without relation beyond what the caller may still look up get a problem each. Returns the JSON of a
        `ValidationBatch`.
        """
        seen: set[tuple[str, UUID]] = set()
        results = {index: item.model_dump_json().encode() for index, item in manifest.invalid.items()}
        delay = self._look_ups.allowance(caller.organisation_id).delay
        given: list[Answered] = []
        verdicts, codes = Counter[Verdict](), Counter[RefusalCode]()
        try:
            async for index, question in unhurried(manifest.questions.items()):
                answered = answer(question, caller, knowledge, seen)
                try:
                    # One by one: other manifests of the same caller are judged at the same time.
                    self._hold(caller, answered)
                except TooManyLookUps as refusal:
                    results[index] = _refused(index, refusal)
                    continue
                shown = self._remembered(caller, question, answered)
                verdicts[shown.verdict] += 1
                codes.update(refusal.code for refusal in shown.refusals)
                results[index] = written(shown, index=index)
                # What is written down is not kept: a thousand orders are megabytes.
                shown.order = None
                given.append(answered)
        finally:
            self._note(caller, given)
        if not all(one.free_of_charge for one in given):
            await asyncio.sleep(delay)
        return _batch(verdicts, codes, [results[index] for index in sorted(results)])

    async def judge_and_receive(
        self, connection: AsyncConnection, caller: Principal, question: Question, receive: ReceivePurchaseOrder
    ) -> GateAnswer:
        """Answer one question and, where the verdict is `accept`, take in what came, in one transaction.

        Another dock may be quicker between the verdict and the receipt: then the question is asked again, and what has
        become of the order is the verdict. Raises DuplicateReceipt, RelationNotAllowed where another party receives,
        TooManyLookUps, and what `receiving.try_to_receive` does.
        """
        repeated = await receiving.repetition(connection, caller, receive)
        if repeated is not None:
            raise repeated
        for _ in range(ATTEMPTS):
            knowledge = await self.look_up(connection, caller, [question])
            answered = answer(question, caller, knowledge, set())
            order = answered.order
            if order is None or answered.validation.verdict is not Verdict.accept:
                return self._given(caller, question, answered)
            # Who may not receive is told of the order all the same.
            self._hold(caller, answered)
            self._note(caller, [answered])
            require_relation(order, RECEIVING)
            received = await receiving.try_to_receive(connection, caller, order, receive, ["body", "receive"])
            if received is not None:
                remembered = self._remembered(caller, question, answered)
                return _with_receipt(remembered, received, shows_order=question.shows_order)
        raise overtaken(question.asked.input[:64])

    def _given(self, caller: Principal, question: Question, answered: Answered) -> GateAnswer:
        """Count one answer and note it; raises TooManyLookUps."""
        self._hold(caller, answered)
        self._note(caller, [answered])
        return self._remembered(caller, question, answered)

    def _hold(self, caller: Principal, answered: Answered) -> None:
        """Hold an answer against the caller's limit, unless it is free; raises TooManyLookUps."""
        if answered.free_of_charge:
            return
        allowance = self._look_ups.allowance(caller.organisation_id)
        if not allowance.remaining:
            raise allowance.refusal()
        self._look_ups.hold(caller.organisation_id, 1)

    def _note(self, caller: Principal, held: Sequence[Answered]) -> None:
        """Have the answers that were held against the limit counted for all processes."""
        unrelated, related = 0, False
        for one in held:
            unrelated += not one.free_of_charge
            related = related or one.related
        self._look_ups.note(caller.organisation_id, unrelated, related=related)

    def _remembered(self, caller: Principal, question: Question, answered: Answered) -> GateAnswer:
        """Count the verdict, and note a check that told of a delivery or was refused for the order's timeline."""
        validation, order, delivery = answered.validation, answered.order, question.asked.delivery
        _VERDICTS[validation.verdict].inc()
        for refusal in validation.refusals:
            REFUSALS.labels(refusal.code, caller.organisation_id).inc()
        if order is not None and (delivery is not None or not validation.valid):
            self._history.note(gate_check(caller, order, validation, delivery))
        return validation


def gate_check(caller: Principal, order: LocatedOrder, validation: GateAnswer, delivery: Delivery | None) -> GateCheck:
    """Return an answer about an order as its timeline keeps it."""
    return GateCheck(
        number_key=order.number_key,
        organisation_id=order.organisation_id,
        sequence=order.row["version"],
        id=UUID(validation.id),
        checked_at=validation.checked_at,
        checked_by=caller.organisation_id,
        key_id=caller.key_id,
        relation=order.relation,
        verdict=validation.verdict,
        codes=[refusal.code for refusal in validation.refusals],
        delivery=_told(delivery or Delivery()),
    )


def _told(delivery: Delivery) -> dict[str, Any]:
    return {name: getattr(delivery, name) for name in ("dock", "operator", "trailer_number", "scac", "pro_number")}


def _refused(index: int, refusal: TooManyLookUps) -> bytes:
    return InvalidItem(index=index, problem=ProblemDetails.model_validate(refusal.as_dict())).model_dump_json().encode()


def _with_receipt(validation: GateAnswer, received: ReceivedPurchaseOrder, *, shows_order: bool) -> GateAnswer:
    """Return an accepted answer as receiving has left it: what the gate shows is what is true when it is read."""
    order = PurchaseOrder.model_construct(
        received.model_fields_set - {"receipt"},
        **{name: getattr(received, name) for name in PurchaseOrder.model_fields},
    )
    facts = LifecycleFacts(received.stored_status, received.valid_from, received.expires_at, received.activate_by)
    return replace(
        validation,
        status=received.status,
        order=order if shows_order else None,
        receipt=received.receipt,
        **ahead(facts, validation.checked_at, lambda at: lifecycle_refusals(facts, at)),
    )


def _batch(verdicts: Mapping[Verdict, int], codes: Mapping[RefusalCode, int], results: Sequence[bytes]) -> bytes:
    counts = write_json(
        {
            "accepted": verdicts[Verdict.accept],
            "held": verdicts[Verdict.hold],
            "rejected": verdicts[Verdict.reject],
            "summary": codes,
        }
    )
    return b"".join([counts[:-1], b',"results":[', b",".join(results), b"]}"])
