"""Bodies of purchase orders: what is asked and what is answered."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Self
from uuid import UUID

from pydantic import (
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
    model_serializer,
    model_validator,
)
from pydantic_core import PydanticCustomError

from app.events.event_types import GATE_CHECKED, EventType
from app.http.schemas import (
    PRINTABLE,
    AnswerModel,
    LargeAnswer,
    LongText,
    PartAnswerModel,
    ProblemDetails,
    RequestModel,
    ShortText,
    Timestamp,
    decimal_schema,
    plain_decimal,
)
from app.orders.acknowledgement_schemas import Acknowledgement
from app.orders.content_schemas import Content, Party, Reference, Tax, Window
from app.orders.examples import ISSUE, ISSUED, PURCHASE_ORDER
from app.orders.lifecycle import Action, OrderStatus, StoredStatus
from app.orders.visibility import SEEN_BY_ALL, shown_to
from app.principal import Relation

BATCH_MAX = 1_000

NumberText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64), PRINTABLE]
PlainDecimal = Annotated[
    Decimal, PlainSerializer(plain_decimal, return_type=str, when_used="json"), decimal_schema(12, 6, "240")
]
Amount = Annotated[
    Decimal,
    PlainSerializer(lambda value: f"{value:f}", return_type=str, when_used="json"),
    decimal_schema(28, 6, "1176.00"),
]
"""Money with as many digits after the point as the currency's minor unit has."""


class IssuePurchaseOrder(Content):
    """A new order: `{}` issues a number alone."""

    model_config = ConfigDict(json_schema_extra={"examples": [ISSUE]})

    number: NumberText | None = None
    """A number issued elsewhere, to be registered as it is; left out, one is issued here."""
    format_id: UUID | None = None
    """The format of the number that is issued. Left out: the one that your policy names, else the default format,
    `PO-{random:9}{check}`."""
    draft: bool = False
    """Keep it as a draft: it has its number, and the gate answers `not_issued` until it is issued."""
    sent_via: ShortText | None = None
    """How the order went to the supplier: `EDI 850`, `email`, `portal`. Not with a draft, which goes nowhere yet."""

    @model_validator(mode="after")
    def _has_one_origin(self) -> Self:
        if self.number is not None and self.format_id is not None:
            raise PydanticCustomError(
                "number_origin", "`number` registers a number issued elsewhere; leave `format_id` out"
            )
        return self

    @model_validator(mode="after")
    def _is_sent_when_it_is_issued(self) -> Self:
        if self.draft and self.sent_via is not None:
            raise PydanticCustomError("sent_draft", "A draft has not been sent: say `sent_via` when it is issued")
        return self


class IssueBatch(RequestModel):
    """Up to 1,000 new orders at once."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"atomic": False, "purchase_orders": [ISSUE, {"reference": "SO-2036-0816"}]}]}
    )

    atomic: bool = False
    """True: all or none; one fault and nothing is issued (422). False: the good ones are issued."""
    purchase_orders: Annotated[
        # Each item is validated by itself, so that one bad item does not take the others with it.
        list[Annotated[Any, Field(json_schema_extra={"$ref": "#/components/schemas/IssuePurchaseOrder"})]],
        Field(min_length=1, max_length=BATCH_MAX),
    ]


class SendPurchaseOrder(RequestModel):
    """How a draft is issued."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"sent_via": "EDI 850"}]})

    sent_via: ShortText | None = None
    """How the order went to the supplier: `EDI 850`, `email`, `portal`."""
    activate_by: Timestamp | None = None
    """A new deadline for activation, where the draft's has passed meanwhile."""
    expires_at: Timestamp | None = None
    """A new end of its validity, where the draft's has passed meanwhile."""

    @model_validator(mode="after")
    def _dates_are_in_order(self) -> Self:
        if self.activate_by and self.expires_at and self.expires_at < self.activate_by:
            raise PydanticCustomError("date_order", "`activate_by` must not be after `expires_at`")
        return self


class GiveReason(RequestModel):
    """Why it is done."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Prices are in dispute."}]})

    reason: LongText | None = None
    """In words; the order's parties see it."""


class ActivatePurchaseOrder(RequestModel):
    """How an order is activated."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"expires_at": "2036-06-30T22:00:00Z"}]})

    expires_at: Timestamp | None = None
    """A new end of its validity; unchanged when left out."""


class ExtendPurchaseOrder(RequestModel):
    """How an order is extended; this also brings back one that has expired or lapsed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"expires_at": "2036-09-30T22:00:00Z"}]})

    expires_at: Timestamp
    activate_by: Timestamp | None = None
    """A new deadline for activation; a lapsed order needs one."""

    @model_validator(mode="after")
    def _dates_are_in_order(self) -> Self:
        if self.activate_by and self.expires_at < self.activate_by:
            raise PydanticCustomError("date_order", "`activate_by` must not be after `expires_at`")
        return self


class Origin(StrEnum):
    """Where the number comes from."""

    ISSUED = "issued"
    REGISTERED = "registered"


class NumberWarning(AnswerModel):
    """What another system would refuse about a number that was issued elsewhere."""

    code: str
    detail: str


class FormatOfNumber(AnswerModel):
    """The format that a number was issued under."""

    id: UUID
    version: int


class OrderLine(AnswerModel):
    """A product line; lines count from 1."""

    line: int
    sku: str | None
    gtin: str | None
    supplier_sku: str | None
    description: str | None
    quantity: PlainDecimal
    unit: str
    received: PlainDecimal
    rejected: PlainDecimal
    """What the seller has said will not come."""
    open: PlainDecimal
    """What is still to come, later or not: neither received nor rejected."""
    unit_price: PlainDecimal | None = None
    """Shown to owner and seller."""
    tax: Tax | None = None
    """Shown to owner and seller."""
    net_amount: Amount | None = None
    """Quantity times unit price of what was ordered, rounded half up by the minor unit of the currency (ISO 4217); null
    without a price. Shown to owner and seller, as the other amounts are."""
    tax_amount: Amount | None = None
    """The tax on `net_amount`, rounded likewise; 0 without a `tax`."""
    gross_amount: Amount | None = None
    """Both together."""


class Totals(AnswerModel):
    """What all that was ordered comes to, in the order's currency: the sums of its lines."""

    net_amount: Amount
    tax_amount: Amount
    gross_amount: Amount


class PurchaseOrder(PartAnswerModel):
    """A purchase order, as much of it as the caller's relation to it may see; the other fields are left out."""

    model_config = ConfigDict(json_schema_extra={"examples": [PURCHASE_ORDER]})

    id: UUID
    number: str
    """As issued."""
    origin: Origin
    """`issued` by this service, or `registered`: issued elsewhere."""
    relation: Relation
    """What the calling organisation is to this order."""
    status: OrderStatus
    """The status now, time included."""
    stored_status: StoredStatus
    """The status that actions have led to, time left out: an `expired` order may be stored as `active`."""
    status_reason: str | None
    """Why it was rejected, suspended, resumed, cancelled or closed, whichever came last."""
    allowed_actions: list[Action]
    """What can be done in this status, by the party that may do it."""
    version: int
    """Counts every change; the `sequence` of the newest event."""
    revision: int
    """Counts changes of what was agreed: the lines, prices, parties, windows and terms that this answer shows."""
    proposed_revision: int | None = None
    """The change order that waits for the seller's acknowledgement; `revision` stays in force meanwhile. Shown to owner
    and seller."""
    policy_version: int | None
    """The version of the buyer's policy that it was issued under, and keeps; null for the defaults, and in a draft."""
    format: FormatOfNumber | None
    warnings: list[NumberWarning]
    reference: str | None = None
    references: list[Reference] = []
    buyer: Party | None = None
    bill_to: Party | None = None
    seller: Party | None = None
    ship_to: Party | None = None
    forwarders: list[Party] = []
    requested_by: str | None = None
    lines: list[OrderLine] = []
    currency: str | None = None
    totals: Totals | None = None
    """Shown to owner and seller; null while a line has no price."""
    payment_methods: list[str] = []
    payment_terms: str | None = None
    freight_terms: str | None = None
    cost_center: str | None = None
    category: str | None = None
    location: str | None = None
    contract_number: str | None = None
    invoice_number: str | None = None
    acknowledgement: Acknowledgement | None = None
    """What the seller has said last; null before it has said anything. Shown to owner and seller where orders are read,
    listed, changed and led through their life; answers of the gate and of receiving leave it out."""
    activate_by: Timestamp | None
    valid_from: Timestamp | None
    expires_at: Timestamp | None
    ship_window: Window | None
    delivery_window: Window | None
    sent_via: str | None = None
    sent_at: Timestamp | None = None
    seen_at: Timestamp | None = None
    """When the seller first read the order here, before it confirmed; a new revision is still to be seen. Shown to
    owner and seller, as is when and how it was sent."""
    issued_at: Timestamp | None
    confirmed_at: Timestamp | None
    activated_at: Timestamp | None
    created_at: Timestamp
    updated_at: Timestamp
    metadata: dict[str, str] = {}
    """Shown to the owner."""

    @model_serializer(mode="wrap")
    def _only_what_the_relation_shows(self, serialise: Any) -> Any:
        shown = shown_to(self.relation, serialise(self))
        if "acknowledgement" not in self.model_fields_set:
            shown.pop("acknowledgement", None)
        return shown


PurchaseOrder.SOMETIMES = frozenset(name for name in PurchaseOrder.model_fields if name not in SEEN_BY_ALL)


class BatchResult(PartAnswerModel):
    """What became of one item: its order or its problem."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"index": 0, "purchase_order": PURCHASE_ORDER}]})

    index: int
    purchase_order: PurchaseOrder | None = None
    problem: ProblemDetails | None = None

    SOMETIMES: ClassVar[frozenset[str]] = frozenset({"purchase_order", "problem"})

    @model_serializer(mode="wrap")
    def _order_or_problem(self, serialise: Any) -> Any:
        shown = serialise(self)
        del shown["problem" if self.problem is None else "purchase_order"]
        return shown


class IssuedBatch(LargeAnswer):
    """What became of a batch, in the order of its items."""

    model_config = ConfigDict(json_schema_extra={"examples": [ISSUED]})

    issued: int
    """How many were issued or registered."""
    results: list[BatchResult]


class OrderEvent(AnswerModel):
    """One change of an order, or one check of it at a gate."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "sequence": 2,
                    "type": "purchase_order.confirmed",
                    "occurred_at": "2036-01-05T09:12:44Z",
                    "organisation_id": "0198f5a2-9b10-7c02-b1c3-8e2f4a6d9b55",
                    "relation": "seller",
                    "check_id": None,
                    "data": {"contract_number": "SC-4711", "invoice_number": None, "revision": 1},
                }
            ]
        }
    )

    sequence: int
    """Of a change: counts from 1 within the order, without a hole. Of a `gate.checked`: that of the last change before
    it."""
    type: Annotated[str, WithJsonSchema({"type": "string", "enum": [*(str(one) for one in EventType), GATE_CHECKED]})]
    """What happened; later versions may add types."""
    occurred_at: Timestamp
    organisation_id: UUID | None
    """Who did it; null where nobody did: the service has noticed what others, or time, have made of the order."""
    relation: Relation | None
    """In which role: an `owner` who confirms does so on the seller's behalf."""
    check_id: UUID | None
    """The `id` of the verdict that was given, where this is a check at a gate."""
    data: dict[str, Any]
