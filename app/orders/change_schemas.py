"""Bodies of changes: what an order is to say from now on, and what each of its revisions said."""

from enum import StrEnum
from typing import Annotated, Any, ClassVar, Self
from uuid import UUID

from pydantic import ConfigDict, Field, model_serializer, model_validator
from pydantic_core import PydanticCustomError

from app.http.schemas import LargeAnswer, PartAnswerModel, RequestModel, ShortText, Timestamp
from app.orders.content_schemas import (
    LINES_MAX,
    Component,
    Content,
    Currency,
    Gln,
    Line,
    MetadataKey,
    MetadataValue,
    Party,
    Reference,
    ReferenceText,
    Window,
)
from app.orders.examples import CHANGE, REVISION
from app.orders.schemas import GiveReason, OrderLine, Totals
from app.orders.visibility import SEEN_BY_ALL, shown_to
from app.organisations.schemas import Address, Phone
from app.principal import Relation


class PartyChange(RequestModel):
    """What changes about a party; with another `organisation_id` it is another party, and nothing else of it stays."""

    organisation_id: UUID | None = None
    name: ShortText | None = None
    address: Address | None = None
    phone: Phone | None = None
    code: ShortText | None = None
    gln: Gln | None = None


class WindowChange(RequestModel):
    """What changes about a span of time."""

    start: Timestamp | None = None
    end: Timestamp | None = None


class ChangedLine(Line):
    """A product line as it is from now on, whole."""

    line: Annotated[int, Field(ge=1, le=LINES_MAX)] | None = None
    """Which line of the order it is. Left out, it gets the lowest number that no other line has: lines that are sent
    without numbers count from 1."""


class ChangedContent(Content):
    """What an order says after a change was merged into it."""

    lines: Annotated[list[ChangedLine], Field(max_length=LINES_MAX)] = []  # type: ignore[assignment]  # read only

    @model_validator(mode="after")
    def _lines_differ(self) -> Self:
        given = [line.line for line in self.lines if line.line is not None]
        if len(set(given)) < len(given):
            raise PydanticCustomError("duplicate_line", "Two `lines` have the same `line`")
        return self


class ChangePurchaseOrder(RequestModel):
    """What changes, as a JSON merge patch (RFC 7396): what is left out stays, and null takes a field away.

    Objects are merged, `metadata` key by key; lists are replaced whole.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [CHANGE]})

    reference: ReferenceText | None = None
    references: Annotated[list[Reference], Field(max_length=50)] | None = None
    buyer: PartyChange | None = None
    bill_to: PartyChange | None = None
    seller: PartyChange | None = None
    """Once the seller has confirmed, no other organisation can take its place."""
    ship_to: PartyChange | None = None
    forwarders: Annotated[list[Party], Field(max_length=20)] | None = None
    requested_by: ShortText | None = None
    lines: Annotated[list[ChangedLine], Field(max_length=LINES_MAX)] | None = None
    """All lines, as they are from now on. A line of which goods have come in keeps its number, product and unit, and
    cannot be ordered below what came in."""
    currency: Currency | None = None
    payment_methods: Annotated[list[ShortText], Field(max_length=20)] | None = None
    payment_terms: ShortText | None = None
    freight_terms: ShortText | None = None
    cost_center: Component | None = None
    category: Component | None = None
    location: Component | None = None
    activate_by: Timestamp | None = None
    valid_from: Timestamp | None = None
    expires_at: Timestamp | None = None
    ship_window: WindowChange | None = None
    delivery_window: WindowChange | None = None
    metadata: dict[MetadataKey, MetadataValue | None] | None = None
    sent_via: ShortText | None = None
    """How the order, as it is from now on, went to the supplier; `sent_at` becomes the time of this request."""


class RejectPurchaseOrder(GiveReason):
    """What is declined, and why."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Out of season."}]})

    revision: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    """The revision that is declined. Where it is a change order, the order stays as it was confirmed. Left out, the
    whole order is declined."""


class RevisionStatus(StrEnum):
    """What has become of a revision."""

    current = "current"
    proposed = "proposed"
    superseded = "superseded"
    declined = "declined"


REVISION_STATUS_MEANINGS = {
    RevisionStatus.current: "What the order says: in force once the seller has confirmed it.",
    RevisionStatus.proposed: "A change order that waits for the seller's acknowledgement.",
    RevisionStatus.superseded: "A later revision has taken its place, or it came to nothing: it was taken back, or the "
    "order ended before the seller had acknowledged it.",
    RevisionStatus.declined: "A change order that the seller has declined.",
}
"""What each status says; the API's document takes it from here."""


class Revision(PartAnswerModel, LargeAnswer):
    """What an order says, or said, in one of its revisions, as much of it as the caller's relation may see."""

    model_config = ConfigDict(json_schema_extra={"examples": [REVISION]})

    relation: Annotated[Relation, Field(exclude=True)] = Relation.OWNER
    revision: int
    revision_status: RevisionStatus
    created_at: Timestamp
    current_from: Timestamp | None
    """Since when the order says so; null where it never did."""
    declined_at: Timestamp | None = None
    decline_reason: str | None = None
    buyer: Party | None = None
    bill_to: Party | None = None
    seller: Party | None = None
    ship_to: Party | None = None
    lines: list[OrderLine] = []
    currency: str | None = None
    totals: Totals | None = None
    payment_methods: list[str] = []
    payment_terms: str | None = None
    freight_terms: str | None = None
    ship_window: Window | None = None
    delivery_window: Window | None = None

    SOMETIMES: ClassVar[frozenset[str]] = frozenset()

    @model_serializer(mode="wrap")
    def _only_what_the_relation_shows(self, serialise: Any) -> Any:
        return shown_to(self.relation, serialise(self))


Revision.SOMETIMES = frozenset(name for name in Revision.model_fields if name not in SEEN_BY_ALL)
