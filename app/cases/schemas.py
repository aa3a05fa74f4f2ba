"""Bodies of support cases: what somebody asks for help with, what is done about it, and what came of it."""

from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from app.cases.case_rules import CaseStatus, CaseStep
from app.cases.examples import CASE, CASE_IN_LIST, OPENING
from app.http.schemas import AnswerModel, LargeAnswer, LongText, RequestModel, ShortText, Timestamp
from app.orders.causes import Cause
from app.orders.contacts import ContactPoint
from app.orders.lifecycle import OrderStatus
from app.orders.schemas import NumberText
from app.principal import Relation

_AUTHOR = ShortText | None


class OpenSupportCase(RequestModel):
    """What is wrong with a number."""

    model_config = ConfigDict(json_schema_extra={"examples": [OPENING]})

    number: NumberText
    """The order's number in any written form, or its id."""
    buyer: UUID | None = None
    """The organisation id of the buyer, where orders of two buyers have this number."""
    category: Cause
    """Why the number fails; the page of refusal codes names the cause of each."""
    description: LongText
    """What happened and what you need; everyone who may see the case reads it."""
    contact: ContactPoint | None = None
    """Whom to reach about it on your side."""
    validation_id: UUID | None = None
    """The `id` of the gate's answer that it is about; the timeline shows it as `check_id`."""


class CommentOnSupportCase(RequestModel):
    """What is added to a case."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"text": "The driver leaves at 18:00.", "author": "J. Petersen"}]}
    )

    text: LongText
    """Everyone who may see the case reads it."""
    author: _AUTHOR = None
    """Who writes, in words."""


class AssignSupportCase(RequestModel):
    """Who looks after a case from now on: an organisation, and who there."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"assignee": "Purchasing desk, Ms Okafor"}]})

    organisation_id: UUID | None = None
    """The order's owner, seller, ship-to or forwarder, or who opened the case; your own organisation when left out."""
    assignee: ShortText | None = None
    """The person or desk there, in words; not shown to an organisation that the order does not name."""
    text: LongText | None = None
    """What to do or to know."""
    author: _AUTHOR = None
    """Who assigns it, in words."""

    @model_validator(mode="after")
    def _says_to_whom(self) -> Self:
        if self.organisation_id is None and self.assignee is None:
            raise PydanticCustomError("assignee", "Say to whom: an organisation_id, an assignee or both")
        return self


class ResolveSupportCase(RequestModel):
    """What came of a case."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"resolution": "The price is agreed and the order resumed: take the goods in."}]
        }
    )

    resolution: LongText
    """Everyone who may see the case reads it."""
    author: _AUTHOR = None
    """Who says so, in words."""


class ReopenSupportCase(RequestModel):
    """Why a case is taken up again."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "The gate still answers suspended."}]})

    reason: LongText
    """Everyone who may see the case reads it."""
    author: _AUTHOR = None
    """Who asks for it, in words."""


class PartyOfCase(AnswerModel):
    """An organisation that has to do with a case."""

    organisation_id: UUID | None
    """Null for other organisations than your own where the order does not name yours."""
    name: str | None
    """Null where `organisation_id` is."""
    relation: Relation
    """What it was to the order then; to whom a case was given, what it is now."""


class OrderOfCase(AnswerModel):
    """The order that a case is about, as it is now."""

    id: UUID
    status: OrderStatus
    """The status now, time included."""


class SupportCaseSummary(AnswerModel):
    """A support case as lists show it."""

    model_config = ConfigDict(json_schema_extra={"examples": [CASE_IN_LIST]})

    id: UUID
    number: str
    """The order's number."""
    relation: Relation
    """What your organisation is to the order: a `presenter` sees the case that it has opened, and nothing of the
    order."""
    status: CaseStatus
    category: Cause
    description: str
    contact: ContactPoint | None
    """Whom to reach on the side of who opened it."""
    validation_id: UUID | None
    opened_by: PartyOfCase
    opened_at: Timestamp
    assigned_to: PartyOfCase | None
    assignee: str | None
    assigned_at: Timestamp | None
    resolution: str | None
    resolved_by: PartyOfCase | None
    resolved_at: Timestamp | None
    comments: int
    """How many there are."""
    updated_at: Timestamp
    purchase_order: OrderOfCase | None
    """Null where the order does not name your organisation."""


class StepOfCase(AnswerModel):
    """What was said or done in a case."""

    sequence: int
    """That of the order's event."""
    step: CaseStep
    by: PartyOfCase
    author: str | None
    at: Timestamp
    text: str | None
    """The comment, the resolution, or the reason."""
    assigned_to: PartyOfCase | None
    """With `assigned`."""
    assignee: str | None


class CaseSnapshot(AnswerModel):
    """The order and its timeline at the moment when a case was opened, as much of them as you may see."""

    taken_at: Timestamp
    purchase_order: Annotated[Any, Field(json_schema_extra={"allOf": [{"$ref": "#/components/schemas/PurchaseOrder"}]})]
    """The order as it was; fields that a later version of the service has added are not in it."""
    events: list[Annotated[Any, Field(json_schema_extra={"$ref": "#/components/schemas/OrderEvent"})]]
    """The newest 100 entries of its timeline, oldest first."""


class SupportCase(SupportCaseSummary, LargeAnswer):
    """A support case, whole."""

    model_config = ConfigDict(json_schema_extra={"examples": [CASE]})

    history: list[StepOfCase]
    """What was said and done, oldest first."""
    snapshot: CaseSnapshot | None
    """What the order was when the case was opened. Null where the order does not name your organisation; where it was a
    draft then, for all but its buyer; and where its seller was another then, for the seller."""
