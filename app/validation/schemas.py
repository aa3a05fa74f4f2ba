"""Bodies of validations."""

from enum import StrEnum
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from app.http.schemas import AnswerModel, LargeAnswer, Moment, ProblemDetails, RequestModel, Timestamp
from app.orders.contacts import ContactPoint
from app.orders.lifecycle import OrderStatus
from app.orders.receipt_schemas import Receipt, ReceivePurchaseOrder
from app.orders.schemas import PurchaseOrder
from app.validation.delivery_schemas import Delivery
from app.validation.examples import ACCEPTED, AT_THE_DOCK, BATCH, EXPIRED
from app.validation.refusal_codes import NextStepAction, RefusalCode, Verdict

BATCH_MAX = 1_000
INPUT_MAX = 4_096
_VALIDATE_INPUT = {"$ref": "#/components/schemas/ValidateInput"}

# Whatever a person or a scanner sends is a question that has an answer: what cannot be a number gets `malformed`.
Input = Annotated[str, StringConstraints(max_length=INPUT_MAX)]


class ValidateInput(RequestModel):
    """The question at the gate."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"input": "po 7k3m9qwx2r"}, AT_THE_DOCK]})

    input: Input
    """What was typed or scanned, at most 4,096 characters. One of the order's `references` finds it too, for those whom
    the order names; its own `reference` does for buyer and seller."""
    buyer: UUID | None = None
    """The buyer's organisation id, where two buyers use one number."""
    at: Moment | None = None
    """The moment that is asked about, now when left out: goods sail for weeks. One that has passed is taken for now."""
    delivery: Delivery | None = None
    """What is known of the delivery, to be matched with the order."""
    receive: ReceivePurchaseOrder | None = None
    """What came in, `{}` for all that is open: received in the same moment where the verdict is `accept`. One at a
    time, not in a batch, and never with `at`."""

    @model_validator(mode="after")
    def _receives_now(self) -> Self:
        if self.receive is not None and self.at is not None:
            raise PydanticCustomError("receive_at", "Goods are received now: leave `at` out, or `receive`")
        return self


class ValidateBatch(RequestModel):
    """Up to 1,000 questions at once: the manifest of a vehicle."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"inputs": ["PO-7K3M9QWX2R", {"input": "4500012345", "buyer": None}]}]}
    )

    inputs: Annotated[
        # Each item is judged by itself, so that one bad item does not take the others with it.
        list[Annotated[Any, WithJsonSchema({"anyOf": [{"type": "string"}, _VALIDATE_INPUT]})]],
        Field(min_length=1, max_length=BATCH_MAX),
    ]
    """Texts, or objects as `POST /v1/validations` takes them."""


class Source(StrEnum):
    """How the input was understood."""

    TYPED = "typed"
    GS1 = "gs1"
    LABEL = "label"


class MatchedBy(StrEnum):
    """What of the order the input is."""

    NUMBER = "number"
    REFERENCE = "reference"


class NextStep(AnswerModel):
    """What to do now."""

    action: NextStepAction
    """For programs."""
    description: str
    """For the person at the gate."""
    href: str | None
    """The path of the request that takes the step, for this caller at this moment: a POST to apply for activation or to
    confirm, a GET to look at the activation request that is waited for. Its scope is needed too. Null where no request
    of this service does it."""
    then: NextStepAction | None
    """What to do where the step has not helped."""
    then_href: str | None
    """The path of the request for `then`, a POST, for those whom the order names: `/v1/support-cases`, with the number
    and the cause of the code as `category`. Null where no request of this service does it."""
    contact: ContactPoint | None
    """Whom to reach, where somebody is to be reached and has said how."""


class Refusal(AnswerModel):
    """One reason."""

    code: RefusalCode
    """For programs; `RefusalCode` lists every code with its verdict, what it says, and what the gate is told to do."""
    verdict: Verdict
    """What this reason alone comes to: the code's own verdict, unless the policy of the receiving organisation only
    holds what it would reject."""
    title: str
    """For the person at the gate, as `next_step.description` is."""
    detail: str
    """What is wrong with this order, with its facts for those who may know them."""
    field: str | None
    """The field of the request that does not fit, where one does not."""
    next_step: NextStep


class Afterwards(AnswerModel):
    """What the same question is answered once `valid_until` has come, if nobody changes the order before."""

    status: OrderStatus
    verdict: Verdict
    codes: list[RefusalCode]
    """What is against it then; empty where it is accepted."""


class Validation(AnswerModel):
    """A verdict, with every reason."""

    model_config = ConfigDict(json_schema_extra={"examples": [ACCEPTED, EXPIRED]})

    id: UUID
    input: str
    source: Source
    number: str | None
    """The number that was understood: as issued where the order is known, as it was written otherwise; null when the
    input cannot be a number."""
    matched_by: MatchedBy | None
    """Whether the input is the number of the order or, for those whom the order names, one of its `references`; null
    where no order was found. Numbers win: a reference is looked for only where no order has that number."""
    valid: bool
    """True when the verdict is `accept`."""
    verdict: Verdict
    """The worst of the refusals' verdicts; `accept` where there is none."""
    status: OrderStatus | None
    """The order's status at the moment that was asked about, or as receiving has left it; for those who see
    `order`."""
    refusals: list[Refusal]
    """Every reason against it, the weightiest first; empty when it is accepted."""
    did_you_mean: list[str]
    """Numbers that may have been meant where the input is `unknown` or fails its check character: at most three, best
    first, only of orders that the caller has a relation to. In a batch the first ten such inputs get them."""
    order: PurchaseOrder | None
    """What the caller's relation may see of the order, as receiving has left it; null without a relation. Who has none,
    but gives a PRO number that a party of the order has put on it, sees what a forwarder does. Null too where
    `Prefer: return=minimal` asks for the verdict alone."""
    receipt: Receipt | None
    """What was received with this question; null where nothing was."""
    checked_at: Timestamp
    """The database's time of the check."""
    valid_until: Timestamp | None
    """Until when the answer holds: the next moment at which time alone changes it; null when it never does, and without
    a relation to the order."""
    afterwards: Afterwards | None
    """What the answer will be from `valid_until` on; null where that is."""


class ValidationResult(Validation):
    """The verdict on one input of a batch."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"index": 0, **ACCEPTED}]})

    index: int


class InvalidItem(AnswerModel):
    """An item of a batch that has no verdict: it is no question, or one too many."""

    index: int
    problem: ProblemDetails


class ValidationBatch(LargeAnswer):
    """Verdicts in the order of the inputs."""

    model_config = ConfigDict(json_schema_extra={"examples": [BATCH]})

    accepted: int
    held: int
    rejected: int
    summary: dict[RefusalCode, int]
    """How often each refusal code was given."""
    results: list[ValidationResult | InvalidItem]
    """In the order of the inputs: a verdict, or a problem where an item is no question."""
