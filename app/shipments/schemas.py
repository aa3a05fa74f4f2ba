"""Bodies of carriers and PRO numbers."""

from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, StringConstraints, model_validator

from app.http.schemas import (
    PRINTABLE,
    AnswerModel,
    LongText,
    Quantity,
    RequestModel,
    ShortText,
    Timestamp,
    without_control_characters,
)
from app.orders.content_schemas import Window
from app.orders.lifecycle import OrderStatus
from app.principal import Relation
from app.shipments.examples import (
    CARRIER,
    DISRUPTION,
    LINK,
    LINK_WITH_VEHICLE,
    LINKED,
    OWN_CARRIER,
    PRO_NUMBER,
    SHARED_CARRIER,
)
from app.shipments.pro_numbers import MAX_ALTERNATIVES, MAX_LENGTH, ProCheckScheme
from app.shipments.pro_scans import TEXT_MAX
from app.shipments.tracking_schemas import LinkTracking

# What is too long or too short to be one is refused by the carrier's rule, in words that name it, not by the schema.
WrittenCode = Annotated[str, StringConstraints(strip_whitespace=True, max_length=100), PRINTABLE]
WrittenProNumber = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=TEXT_MAX),
    # GS stands between the elements of a bar code.
    AfterValidator(partial(without_control_characters, except_for="\x1d")),
]
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
    disrupted_until: Timestamp | None = None
    """When the mark is over by itself; null: when you take it away."""

    @property
    def states_rule(self) -> bool:
        """Whether mask and scheme replace the directory's; both are one rule, and null is a statement."""
        return not self.model_fields_set.isdisjoint({"pro_mask", "check_scheme"})

    @model_validator(mode="after")
    def _reason_needs_disruption(self) -> Self:
        _require_trouble(self.disrupted, self.disruption_reason, self.disrupted_until)
        return self


class PutSharedCarrier(RequestModel):
    """A carrier of the directory that everybody shares; it replaces what was said before as a whole."""

    model_config = ConfigDict(json_schema_extra={"examples": [SHARED_CARRIER]})

    name: ShortText
    """The carrier's name, as it calls itself."""
    pro_mask: Mask | None = None
    """How the carrier writes its PRO numbers, as in `PUT /v1/carriers/{scac}`. Null: any PRO number."""
    check_scheme: ProCheckScheme | None = None
    """How the check character follows from the rest. Null: there is none."""
    source: LongText
    """Who published the rule, and where; that none was found is a statement too."""
    disrupted: bool = False
    """Whether the carrier is in trouble, at every gate."""
    disruption_reason: LongText | None = None
    """What the trouble is, in words for the person at the gate; every organisation reads them."""
    disrupted_until: Timestamp | None = None
    """When the mark is over by itself; null: when it is taken away."""

    @model_validator(mode="after")
    def _reason_needs_disruption(self) -> Self:
        _require_trouble(self.disrupted, self.disruption_reason, self.disrupted_until)
        return self


def _require_trouble(disrupted: bool, reason: str | None, until: datetime | None) -> None:
    for name, said in (("disruption_reason", reason), ("disrupted_until", until)):
        if said is not None and not disrupted:
            raise ValueError(f"`{name}` needs `disrupted: true`")


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
    """Whether it is in trouble now: your organisation has marked it, or the operator has for all."""
    disruption_reason: str | None
    disrupted_until: Timestamp | None
    """When the mark is over by itself; null where nobody has said, and where there is none."""
    updated_at: Timestamp


class LinkProNumber(RequestModel):
    """A PRO number for an order."""

    model_config = ConfigDict(json_schema_extra={"examples": [LINK, LINK_WITH_VEHICLE]})

    scac: WrittenCode | None = None
    """The carrier's code (SCAC), 2 to 4 letters. Needed, unless the bar code of a bill of lading says it."""
    pro_number: WrittenProNumber
    """As it stands on the waybill: case, spaces and dashes do not matter. Or as its bar code was scanned: a VICS bill
    of lading's (`9012K`, carrier, PRO number), or GS1 AI (401) or (402)."""
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
