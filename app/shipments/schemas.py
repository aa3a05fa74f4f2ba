"""Bodies of carriers and PRO numbers."""

from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID

from pydantic import ConfigDict, StringConstraints, model_validator

from app.http.schemas import PRINTABLE, AnswerModel, LongText, Quantity, RequestModel, ShortText, Timestamp
from app.orders.content_schemas import Window
from app.orders.lifecycle import OrderStatus
from app.principal import Relation
from app.shipments.examples import CARRIER, DISRUPTION, LINK, LINK_WITH_VEHICLE, LINKED, OWN_CARRIER, PRO_NUMBER
from app.shipments.pro_numbers import MAX_ALTERNATIVES, MAX_LENGTH, ProCheckScheme
from app.shipments.tracking_schemas import LinkTracking

# What is too long or too short to be one is refused by the carrier's rule, in words that name it, not by the schema.
WrittenCode = Annotated[str, StringConstraints(strip_whitespace=True, max_length=100), PRINTABLE]
TrailerNumber = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=32, pattern="^[A-Za-z0-9_-]+$"), PRINTABLE
]
Mask = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=MAX_ALTERNATIVES * (MAX_LENGTH + 1) - 1),
    PRINTABLE,
]


class PutCarrier(RequestModel):
    """Your organisation's word on a carrier; it replaces the one before as a whole."""

    model_config = ConfigDict(json_schema_extra={"examples": [DISRUPTION, OWN_CARRIER]})

    name: ShortText | None = None
    """The carrier's name; the directory's when left out, or else the code."""
    pro_mask: Mask | None = None
    """How the carrier writes its PRO numbers: `#` a digit, `@` a letter, `*` either, letters and digits themselves, a
    dash is optional when read, `|` between alternatives. Null: any PRO number. Left out together with `check_scheme`:
    the directory's rule."""
    check_scheme: ProCheckScheme | None = None
    """How the check character follows from the rest. Null: there is none."""
    disrupted: bool = False
    """Whether the carrier is in trouble, so that your gate holds, instead of rejecting, what it brings with wrong or
    missing papers, on another vehicle or too late."""
    disruption_reason: LongText | None = None
    """What the trouble is, in words for the person at the gate."""

    @property
    def states_rule(self) -> bool:
        """Whether mask and scheme replace the directory's; both are one rule, and null is a statement."""
        return not self.model_fields_set.isdisjoint({"pro_mask", "check_scheme"})

    @model_validator(mode="after")
    def _reason_needs_disruption(self) -> Self:
        if self.disruption_reason is not None and not self.disrupted:
            raise ValueError("`disruption_reason` needs `disrupted: true`")
        return self


class CarrierOrigin(StrEnum):
    """Where what is shown of a carrier comes from."""

    SHARED = "shared"
    OVERRIDDEN = "overridden"
    OWN = "own"


class Carrier(AnswerModel):
    """A carrier as your organisation sees it."""

    model_config = ConfigDict(json_schema_extra={"examples": [CARRIER]})

    scac: str
    """Its Standard Carrier Alpha Code."""
    name: str
    pro_mask: str | None
    """How its PRO numbers are written (`#` a digit, `@` a letter, `*` either); null: any PRO number."""
    check_scheme: ProCheckScheme | None
    source: str
    """Who published the rule."""
    origin: CarrierOrigin
    """`shared`: the directory's. `overridden`: your word over the directory's. `own`: a carrier of yours alone."""
    disrupted: bool
    """Whether your organisation has marked it as disrupted."""
    disruption_reason: str | None
    updated_at: Timestamp


class LinkProNumber(RequestModel):
    """A PRO number for an order."""

    model_config = ConfigDict(json_schema_extra={"examples": [LINK, LINK_WITH_VEHICLE]})

    scac: WrittenCode
    """The carrier's code (SCAC), 2 to 4 letters."""
    pro_number: WrittenCode
    """As it stands on the waybill: case, spaces and dashes do not matter."""
    trailer_number: TrailerNumber | None = None
    """The vehicle that is expected with it. Left out: as it was said before; null takes it away."""
    window: Window | None = None
    """When it is booked to come; at exactly `end` the window is over. It counts before the order's `delivery_window`.
    Left out: as it was said before; null takes it away."""


class ShippedLine(AnswerModel):
    """What comes of one line of an order."""

    line: int | None
    """The order's line; null where the notice names only the product and several lines have it, or none."""
    sku: str | None
    gtin: str | None
    supplier_sku: str | None
    quantity: Quantity
    unit: str | None


class ShipNotice(AnswerModel):
    """What a sender has said is on its way."""

    reference: str
    """The sender's number of the notice (BSN02)."""
    shipped_at: Timestamp | None
    lines: list[ShippedLine]


class ProNumberLink(AnswerModel):
    """A PRO number on an order."""

    model_config = ConfigDict(json_schema_extra={"examples": [LINKED]})

    scac: str
    pro_number: str
    """As the carrier writes it."""
    trailer_number: str | None
    """The vehicle that is expected with it, where that is known."""
    window: Window | None
    """When it is booked to come."""
    bol: str | None
    """Its bill of lading."""
    tracking: LinkTracking | None
    """Where the shipment is; null where nothing was told of it."""
    ship_notice: ShipNotice | None
    """What its sender has said is in it for this order (X12 856); null where nothing was."""
    linked: bool
    """False in the answer that took it off the order."""
    linked_by: UUID
    """The organisation that linked it."""
    linked_at: Timestamp


class LinkedOrder(AnswerModel):
    """An order that a PRO number is on."""

    id: UUID
    number: str
    status: OrderStatus
    relation: Relation
    """What your organisation is to the order."""
    linked_at: Timestamp


class ProNumber(AnswerModel):
    """A PRO number with its orders, as far as your organisation has to do with them."""

    model_config = ConfigDict(json_schema_extra={"examples": [PRO_NUMBER]})

    scac: str
    pro_number: str
    """As the carrier writes it."""
    claimed: bool
    """Whether it is your organisation that uses it; no other may then link it."""
    purchase_orders: list[LinkedOrder]
    """Oldest first; only orders that name your organisation."""
    next_cursor: str | None
    """Give it as `cursor` for further orders; null when there are none."""
