"""What a ship notice says of one shipment, held to the rules of its fields."""

from typing import Annotated

from pydantic import Field, StringConstraints

from app.http.schemas import PRINTABLE, Quantity, RequestModel, ShortText, Timestamp
from app.orders.content_schemas import Unit
from app.shipments.schemas import Bol, TrailerNumber, WrittenCode

_Number = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), PRINTABLE]
_Reference = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), PRINTABLE]


class ShippedItem(RequestModel):
    """What comes of a product, or of a line."""

    line: Annotated[int, Field(ge=1, le=999_999)] | None = None
    sku: ShortText | None = None
    gtin: ShortText | None = None
    supplier_sku: ShortText | None = None
    quantity: Quantity
    unit: Unit | None = None


class ShippedOrder(RequestModel):
    """What comes of an order, and with which PRO number."""

    number: _Number
    scac: WrittenCode
    pro_number: WrittenCode
    bol: Bol | None = None
    trailer_number: TrailerNumber | None = None
    lines: list[ShippedItem] = []


class WithdrawnNotice(RequestModel):
    """A notice that is taken back, all of its shipments."""

    reference: _Reference


class ReceivedNotice(RequestModel):
    """One shipment of a notice: which of how many, and whether it takes the place of what was said before."""

    reference: _Reference
    shipment: int
    shipments: int
    shipped_at: Timestamp | None = None
    replaces: bool
    orders: list[ShippedOrder]
