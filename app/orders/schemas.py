"""Bodies of purchase orders."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    model_serializer,
    model_validator,
)
from pydantic_core import PydanticCustomError
from stdnum import ean
from stdnum.exceptions import ValidationError as StandardNumberError

from app.http.schemas import (
    PRINTABLE,
    AnswerModel,
    LongText,
    ProblemDetails,
    Quantity,
    RequestModel,
    ShortText,
    Timestamp,
    UnitPrice,
    plain_decimal,
)
from app.orders.examples import CONFIRMATION, ISSUE, ISSUED, PURCHASE_ORDER
from app.orders.lifecycle import Action, OrderStatus, StoredStatus
from app.orders.visibility import shown_to
from app.organisations.schemas import Address, Phone
from app.principal import Relation

LINES_MAX = 500
BATCH_MAX = 1_000


def _global_trade_item_number(text: str) -> str:
    return _checked_by_gs1(text, (8, 12, 13, 14), "GTIN")


def _global_location_number(text: str) -> str:
    return _checked_by_gs1(text, (13,), "GLN")


def _checked_by_gs1(text: str, lengths: tuple[int, ...], name: str) -> str:
    try:
        digits: str = ean.validate(text)
    except StandardNumberError:
        digits = ""
    if len(digits) not in lengths:
        raise PydanticCustomError(
            "gs1_key",
            "A {name} has {lengths} digits, the last of which is its check digit (GS1 General Specifications 7.9)",
            {"name": name, "lengths": " or ".join(map(str, lengths))},
        )
    return digits


Gtin = Annotated[str, AfterValidator(_global_trade_item_number)]
Gln = Annotated[str, AfterValidator(_global_location_number)]
Currency = Annotated[str, StringConstraints(pattern="^[A-Z]{3}$")]
Unit = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20), PRINTABLE]
Component = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40), PRINTABLE]
NumberText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64), PRINTABLE]
ReferenceText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), PRINTABLE]
MetadataKey = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40), PRINTABLE]
MetadataValue = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500), PRINTABLE]
PlainDecimal = Annotated[Decimal, PlainSerializer(plain_decimal, return_type=str, when_used="json")]


class Party(RequestModel):
    """A party of the order. Only `organisation_id` gives that organisation access: a name or a GLN grants nothing."""

    organisation_id: UUID | None = None
    name: ShortText | None = None
    """Filled from the organisation when left out."""
    address: Address | None = None
    phone: Phone | None = None
    code: ShortText | None = None
    """The buyer's own code for the party: a supplier number, a site code."""
    gln: Gln | None = None
    """GS1 Global Location Number, 13 digits."""

    @model_validator(mode="after")
    def _is_named(self) -> Self:
        if not (self.organisation_id or self.name or self.code or self.gln):
            raise PydanticCustomError("party", "A party needs an organisation_id, a name, a code or a gln")
        return self


class Reference(RequestModel):
    """A number under which somebody else knows the order."""

    type: Component
    """What kind of number it is, in your words: `fba_shipment_id`, `project`."""
    value: ReferenceText


class Tax(RequestModel):
    """The tax on a line."""

    type: ShortText | None = None
    """`VAT`, `GST`, ..."""
    rate: Annotated[
        Decimal,
        Field(ge=0, le=100, max_digits=7, decimal_places=4),
        PlainSerializer(plain_decimal, return_type=str, when_used="json"),
    ]
    """Per cent."""


class Line(RequestModel):
    """A product line."""

    sku: ShortText | None = None
    """The buyer's code of the product."""
    gtin: Gtin | None = None
    supplier_sku: ShortText | None = None
    description: LongText | None = None
    quantity: Quantity
    unit: Unit = "EA"
    """UN/ECE Recommendation 20 (`EA`, `KGM`) or the unit that buyer and seller agreed on."""
    unit_price: UnitPrice | None = None
    tax: Tax | None = None

    @model_validator(mode="after")
    def _names_a_product(self) -> Self:
        if not (self.sku or self.gtin or self.supplier_sku or self.description):
            raise PydanticCustomError("line", "A line needs a sku, a gtin, a supplier_sku or a description")
        return self


class Window(RequestModel):
    """A span of time."""

    start: Timestamp
    end: Timestamp

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.end <= self.start:
            raise PydanticCustomError("date_order", "`end` must be after `start`")
        return self


class Content(RequestModel):
    """What an order says; every field may be left out."""

    reference: ReferenceText | None = None
    """Your own order id, unique in your organisation."""
    references: Annotated[list[Reference], Field(max_length=50)] = []
    buyer: Party | None = None
    bill_to: Party | None = None
    seller: Party | None = None
    ship_to: Party | None = None
    forwarders: Annotated[list[Party], Field(max_length=20)] = []
    requested_by: ShortText | None = None
    lines: Annotated[list[Line], Field(max_length=LINES_MAX)] = []
    currency: Currency | None = None
    """ISO 4217; needed where a line has a price."""
    payment_methods: Annotated[list[ShortText], Field(max_length=20)] = []
    payment_terms: ShortText | None = None
    freight_terms: ShortText | None = None
    """Incoterms or freight terms: `DAP Hamburg`, `prepaid`, `collect`."""
    cost_center: Component | None = None
    category: Component | None = None
    location: Component | None = None
    activate_by: Timestamp | None = None
    """Not activated by then, the order lapses."""
    valid_from: Timestamp | None = None
    """Before this the gate answers `not_yet_valid`."""
    expires_at: Timestamp | None = None
    """From then on the gate answers `expired`."""
    ship_window: Window | None = None
    delivery_window: Window | None = None
    metadata: Annotated[dict[MetadataKey, MetadataValue], Field(max_length=50)] = {}
    """Your own keys and values, 50 at most; only you see them."""

    @model_validator(mode="after")
    def _dates_are_in_order(self) -> Self:
        if self.expires_at and self.valid_from and self.expires_at <= self.valid_from:
            raise PydanticCustomError("date_order", "`expires_at` must be after `valid_from`")
        if self.expires_at and self.activate_by and self.expires_at < self.activate_by:
            raise PydanticCustomError("date_order", "`activate_by` must not be after `expires_at`")
        return self

    @model_validator(mode="after")
    def _prices_have_a_currency(self) -> Self:
        if self.currency is None and any(line.unit_price is not None for line in self.lines):
            raise PydanticCustomError("currency_missing", "`currency` is needed where a line has a `unit_price`")
        return self


class IssuePurchaseOrder(Content):
    """A new order: `{}` issues a number alone."""

    model_config = ConfigDict(json_schema_extra={"examples": [ISSUE]})

    number: NumberText | None = None
    """A number issued elsewhere, to be registered as it is; left out, one is issued here."""
    format_id: UUID | None = None
    """The format of the number that is issued; the default format `PO-{random:9}{check}` when left out."""
    draft: bool = False
    """Keep it as a draft: it has its number, and the gate answers `not_issued` until it is issued."""

    @model_validator(mode="after")
    def _has_one_origin(self) -> Self:
        if self.number is not None and self.format_id is not None:
            raise PydanticCustomError(
                "number_origin", "`number` registers a number issued elsewhere; leave `format_id` out"
            )
        return self


class IssueBatch(RequestModel):
    """Up to 1,000 new orders at once."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"atomic": False, "purchase_orders": [ISSUE, {"reference": "SO-2027-0816"}]}]}
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


class ConfirmPurchaseOrder(RequestModel):
    """The seller's acknowledgement; a later one replaces an earlier."""

    model_config = ConfigDict(json_schema_extra={"examples": [CONFIRMATION]})

    contract_number: ShortText | None = None
    invoice_number: ShortText | None = None
    revision: Annotated[int, Field(ge=1)] | None = None
    """The revision of the order that is acknowledged; the current one when left out."""


class GiveReason(RequestModel):
    """Why it is done."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Prices are in dispute."}]})

    reason: LongText | None = None
    """In words; the order's parties see it."""


class ActivatePurchaseOrder(RequestModel):
    """How an order is activated."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"expires_at": "2027-06-30T22:00:00Z"}]})

    expires_at: Timestamp | None = None
    """A new end of its validity; unchanged when left out."""


class ExtendPurchaseOrder(RequestModel):
    """How an order is extended; this also brings back one that has expired or lapsed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"expires_at": "2027-09-30T22:00:00Z"}]})

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


class Warning_(AnswerModel):  # noqa: N801 - the plain name is Python's
    """What another system would refuse about a number that was issued elsewhere."""

    model_config = ConfigDict(title="Warning")

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
    open: PlainDecimal
    """What is still to come."""
    unit_price: PlainDecimal | None = None
    """Shown to owner and seller."""
    tax: Tax | None = None
    """Shown to owner and seller."""


class PurchaseOrder(AnswerModel):
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
    """Why it was rejected, suspended or cancelled."""
    allowed_actions: list[Action]
    """What can be done in this status, by the party that may do it."""
    version: int
    """Counts every change; the `sequence` of the newest event."""
    revision: int
    """Counts changes of the content."""
    format: FormatOfNumber | None
    warnings: list[Warning_]
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
    payment_methods: list[str] = []
    payment_terms: str | None = None
    freight_terms: str | None = None
    cost_center: str | None = None
    category: str | None = None
    location: str | None = None
    contract_number: str | None = None
    invoice_number: str | None = None
    activate_by: Timestamp | None
    valid_from: Timestamp | None
    expires_at: Timestamp | None
    ship_window: Window | None
    delivery_window: Window | None
    sent_via: str | None = None
    sent_at: Timestamp | None
    issued_at: Timestamp | None
    confirmed_at: Timestamp | None
    activated_at: Timestamp | None
    created_at: Timestamp
    updated_at: Timestamp
    metadata: dict[str, str] = {}
    """Shown to the owner."""

    @model_serializer(mode="wrap")
    def _only_what_the_relation_shows(self, serialise: Any) -> Any:
        return shown_to(self.relation, serialise(self))


class BatchResult(AnswerModel):
    """What became of one item: its order or its problem."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"index": 0, "purchase_order": PURCHASE_ORDER}]})

    index: int
    purchase_order: PurchaseOrder | None = None
    problem: ProblemDetails | None = None

    @model_serializer(mode="wrap")
    def _order_or_problem(self, serialise: Any) -> Any:
        shown = serialise(self)
        del shown["problem" if self.problem is None else "purchase_order"]
        return shown


class IssuedBatch(AnswerModel):
    """What became of a batch, in the order of its items."""

    model_config = ConfigDict(json_schema_extra={"examples": [ISSUED]})

    issued: int
    """How many were issued or registered."""
    results: list[BatchResult]


class OrderEvent(AnswerModel):
    """One change of an order."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "sequence": 2,
                    "type": "purchase_order.confirmed",
                    "occurred_at": "2027-01-05T09:12:44Z",
                    "organisation_id": "0198f5a2-9b10-7c02-b1c3-8e2f4a6d9b55",
                    "relation": "seller",
                    "data": {"contract_number": "SC-4711", "invoice_number": None, "revision": 1},
                }
            ]
        }
    )

    sequence: int
    """Counts from 1 within the order, without a hole."""
    type: str
    occurred_at: Timestamp
    organisation_id: UUID
    """Who did it."""
    relation: Relation
    """In which role: an `owner` who confirms does so on the seller's behalf."""
    data: dict[str, Any]
