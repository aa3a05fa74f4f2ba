"""Bodies of acknowledgements: what a seller says to an order (X12 855)."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from app.http.schemas import LARGEST_INTEGER, AnswerModel, Quantity, RequestModel, ShortText, Timestamp
from app.orders.acknowledgement_rules import REASONS, AcknowledgementDecision, AcknowledgementReason
from app.orders.content_schemas import LINES_MAX
from app.orders.examples import ACKNOWLEDGEMENT, CONFIRMATION
from app.principal import Relation

DECISIONS_MAX = 50


class LineDecision(RequestModel):
    """What becomes of a part of a line."""

    decision: AcknowledgementDecision
    quantity: Quantity
    scheduled_ship_date: Timestamp | None = None
    scheduled_delivery_date: Timestamp | None = None
    reason: AcknowledgementReason | None = None

    @model_validator(mode="after")
    def _is_one_story(self) -> Self:
        if self.reason is not None and self.decision not in REASONS[self.reason].decisions:
            raise PydanticCustomError(
                "reason_of_another_decision",
                "`{reason}` is no reason for `{decision}`",
                {"reason": str(self.reason), "decision": str(self.decision)},
            )
        dates = [day for day in (self.scheduled_ship_date, self.scheduled_delivery_date) if day is not None]
        if dates and self.decision is AcknowledgementDecision.rejected:
            raise PydanticCustomError("rejected_with_date", "What is rejected has no date")
        if dates != sorted(dates):
            raise PydanticCustomError("date_order", "`scheduled_delivery_date` is before `scheduled_ship_date`")
        return self


class AcknowledgeLine(RequestModel):
    """What becomes of a line; what is left unsaid of its quantity is accepted."""

    line: Annotated[int, Field(ge=1, le=LINES_MAX)]
    decisions: Annotated[list[LineDecision], Field(min_length=1, max_length=DECISIONS_MAX)]
    """One for each part that is treated alike; together no more than was ordered."""


class ConfirmPurchaseOrder(RequestModel):
    """The seller's acknowledgement; a later one replaces an earlier."""

    model_config = ConfigDict(json_schema_extra={"examples": [CONFIRMATION]})

    contract_number: ShortText | None = None
    invoice_number: ShortText | None = None
    revision: Annotated[int, Field(ge=1, le=LARGEST_INTEGER)] | None = None
    """The revision of the order that is acknowledged; the newest one when left out."""
    lines: Annotated[list[AcknowledgeLine], Field(max_length=LINES_MAX)] = []
    """What becomes of each line. Lines that are left out are accepted whole; without any, all is accepted."""

    @model_validator(mode="after")
    def _speaks_of_each_line_once(self) -> Self:
        lines = [line.line for line in self.lines]
        if len(set(lines)) < len(lines):
            raise PydanticCustomError("duplicate_line", "Two `lines` have the same `line`; put them together")
        return self


class AcknowledgedPart(AnswerModel):
    """What becomes of a part of a line."""

    decision: AcknowledgementDecision
    quantity: Quantity
    scheduled_ship_date: Timestamp | None
    scheduled_delivery_date: Timestamp | None
    reason: AcknowledgementReason | None


class AcknowledgedLine(AnswerModel):
    """What becomes of a line; the quantities add up to what was ordered."""

    line: int
    decisions: list[AcknowledgedPart]


class Acknowledgement(AnswerModel):
    """What the seller has said to the order last."""

    model_config = ConfigDict(json_schema_extra={"examples": [ACKNOWLEDGEMENT]})

    revision: int
    acknowledged_at: Timestamp
    acknowledged_by: UUID
    relation: Relation
    """`owner`: on the seller's behalf."""
    contract_number: str | None
    invoice_number: str | None
    lines: list[AcknowledgedLine]
    """The lines that were spoken of, whatever was left unsaid of one being accepted; all others are accepted whole."""
