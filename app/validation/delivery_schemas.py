"""Bodies of what is told of a delivery at the gate."""

from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BeforeValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError
from stdnum import ean

from app.http.schemas import PRINTABLE, Quantity, RequestModel, ShortText
from app.orders.content_schemas import LINES_MAX, Gln, Gtin
from app.shipments.schemas import WrittenCode, WrittenProNumber

WrittenTrailerNumber = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=32), PRINTABLE]
"""As a guard reads it, with whatever stands between letters and digits."""

_GLN_LENGTH = 13


def _or_text(schema: dict[str, Any]) -> None:
    schema["anyOf"].insert(1, {"type": "string", "examples": ["HAM-2", "4012345000009"]})


class DeliveryParty(RequestModel):
    """A party, as the papers or the dock know it; what of it the order states too decides, `organisation_id` first."""

    organisation_id: UUID | None = None
    code: ShortText | None = None
    """The buyer's own code for the party: a supplier number, a site code."""
    gln: Gln | None = None
    """GS1 Global Location Number, 13 digits."""

    @model_validator(mode="after")
    def _is_identified(self) -> Self:
        if not (self.organisation_id or self.code or self.gln):
            raise PydanticCustomError("party", "A party needs an organisation_id, a code or a gln")
        return self


def _told_as_text(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = value.strip()
    is_gln = len(text) == _GLN_LENGTH and ean.is_valid(text)
    return {"gln" if is_gln else "code": text}


ToldParty = Annotated[DeliveryParty | None, BeforeValidator(_told_as_text), Field(json_schema_extra=_or_text)]
"""A party as an object, or its code or GLN as text."""


class DeliveryQuantity(RequestModel):
    """How much of a product the delivery brings."""

    line: Annotated[int, Field(ge=1)] | None = None
    """The order's line, from 1."""
    sku: ShortText | None = None
    """The buyer's code of the product."""
    gtin: Gtin | None = None
    quantity: Quantity

    @model_validator(mode="after")
    def _names_a_product(self) -> Self:
        if self.line is None and not (self.sku or self.gtin):
            raise PydanticCustomError("product", "A quantity needs a line, a sku or a gtin")
        return self


class Delivery(RequestModel):
    """What stands at the gate, as far as it is known; what is left out is not compared."""

    scac: WrittenCode | None = None
    """The carrier's code (SCAC), 2 to 4 letters."""
    pro_number: WrittenProNumber | None = None
    """As it stands on the waybill: case, spaces and dashes do not matter. Or as its bar code was scanned: a VICS bill
    of lading's, which says the carrier too, or GS1 AI (401) or (402). Without it the delivery is held, unless the
    gate's policy does not ask for it."""
    trailer_number: WrittenTrailerNumber | None = None
    """The vehicle's, as it stands on the plate: only letters and digits are compared, whatever their case. Compared
    where a vehicle is expected with the PRO number."""
    dock: ShortText | None = None
    """Where the vehicle stands; kept with the check in the order's timeline, as is who asks for it."""
    operator: ShortText | None = None
    """Who asks, as the warehouse knows him."""
    ship_to: ToldParty = None
    """Where the goods are: an object, or a code or GLN as text."""
    seller: ToldParty = None
    """Who sent the goods: an object, or a code or GLN as text."""
    quantities: Annotated[list[DeliveryQuantity], Field(max_length=LINES_MAX)] = []
    """What the delivery brings of this order; held against what is still open."""
