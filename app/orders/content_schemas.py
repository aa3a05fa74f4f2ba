"""What a purchase order says: its parties, lines and dates, as they come in."""

from decimal import Decimal
from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, StringConstraints, model_validator
from pydantic_core import PydanticCustomError
from stdnum import ean
from stdnum.exceptions import ValidationError as StandardNumberError

from app.http.schemas import (
    PRINTABLE,
    LongText,
    Quantity,
    RequestModel,
    ShortText,
    Timestamp,
    UnitPrice,
    decimal_schema,
    empty,
    plain_decimal,
    written_as_decimal,
)
from app.orders.amounts import MINOR_UNITS
from app.organisations.schemas import Address, Phone

LINES_MAX = 500


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


def _currency_code(text: str) -> str:
    if text not in MINOR_UNITS:
        raise PydanticCustomError("unknown_currency", "ISO 4217 has no currency {code}", {"code": text})
    return text


Gtin = Annotated[str, AfterValidator(_global_trade_item_number)]
Gln = Annotated[str, AfterValidator(_global_location_number)]
Currency = Annotated[str, StringConstraints(pattern="^[A-Z]{3}$"), AfterValidator(_currency_code)]
Unit = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20), PRINTABLE]
Component = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40), PRINTABLE]
ReferenceText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), PRINTABLE]
MetadataKey = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40), PRINTABLE]
MetadataValue = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500), PRINTABLE]


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
        BeforeValidator(written_as_decimal),
        PlainSerializer(plain_decimal, return_type=str, when_used="json"),
        decimal_schema(3, 4, "19"),
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
    references: Annotated[list[Reference], Field(max_length=50)] = empty(list)
    """Other numbers of the order. At a gate they find it for every organisation that the order names by id, as long as
    they have at most 35 characters, as a number has."""
    buyer: Party | None = None
    bill_to: Party | None = None
    seller: Party | None = None
    ship_to: Party | None = None
    forwarders: Annotated[list[Party], Field(max_length=20)] = empty(list)
    requested_by: ShortText | None = None
    lines: Annotated[list[Line], Field(max_length=LINES_MAX)] = empty(list)
    currency: Currency | None = None
    """ISO 4217; needed where a line has a price."""
    payment_methods: Annotated[list[ShortText], Field(max_length=20)] = empty(list)
    payment_terms: ShortText | None = None
    freight_terms: ShortText | None = None
    """Incoterms or freight terms: `DAP Hamburg`, `prepaid`, `collect`."""
    cost_center: Component | None = None
    category: Component | None = None
    location: Component | None = None
    activate_by: Timestamp | None = None
    """Not activated by then, the order lapses. Left out: as long after its issue as your policy says, if it does."""
    valid_from: Timestamp | None = None
    """Before this the gate answers `not_yet_valid`."""
    expires_at: Timestamp | None = None
    """From then on the gate answers `expired`. Left out: as long after its issue as your policy says, if it does."""
    ship_window: Window | None = None
    delivery_window: Window | None = None
    metadata: Annotated[dict[MetadataKey, MetadataValue], Field(max_length=50)] = empty(dict)
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
