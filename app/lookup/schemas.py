"""Answers of the look-up: the orders that a number on the papers means, and by what."""

from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from pydantic import ConfigDict

from app.http.schemas import AnswerModel
from app.orders.examples import BUYER_ID, PURCHASE_ORDER
from app.orders.lifecycle import OrderStatus
from app.principal import Relation

FOUND_MAX: Final = 50
"""Orders that one look-up answers. A number on papers means one, or a few."""

_FOUND: dict[str, Any] = {
    "id": PURCHASE_ORDER["id"],
    "number": "PO-7K3M9QWX2R",
    "status": "active",
    "relation": "ship_to",
    "buyer": {"organisation_id": BUYER_ID, "name": "Nordwind Retail"},
    "found_by": [{"field": "pro_number", "value": "123-456782", "qualifier": "CNWY"}],
}


class FoundField(StrEnum):
    """What of an order a text was found as."""

    number = "number"
    id = "id"
    pro_number = "pro_number"
    booking_number = "booking_number"
    appointment_number = "appointment_number"
    tracking_number = "tracking_number"
    reference = "reference"
    references = "references"
    contract_number = "contract_number"
    invoice_number = "invoice_number"


class FoundBy(AnswerModel):
    """What of the order the text is."""

    field: FoundField
    value: str
    """As the order has it."""
    qualifier: str | None
    """Of a PRO number the carrier's SCAC, of a tracking number its carrier, of one of the `references` its type; null
    otherwise."""


class BuyerOfFound(AnswerModel):
    """Whose order it is."""

    organisation_id: UUID
    name: str | None


class FoundOrder(AnswerModel):
    """An order that the text may mean."""

    model_config = ConfigDict(json_schema_extra={"examples": [_FOUND]})

    id: UUID
    number: str
    status: OrderStatus
    """The status now, time included."""
    relation: Relation
    """What your organisation is to it."""
    buyer: BuyerOfFound
    found_by: list[FoundBy]
    """Every field that the text was found in, the likeliest first."""


class LookUp(AnswerModel):
    """What a number on the papers means."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"q": "CNWY 123-456782", "data": [_FOUND], "complete": True}]}
    )

    q: str
    data: list[FoundOrder]
    """At most 50: by their own number first, then by what travels with the goods, then by the papers; newest first."""
    complete: bool
    """False where there are more than these."""
