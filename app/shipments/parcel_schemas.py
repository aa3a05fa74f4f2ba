"""Bodies of parcels: tracking numbers on orders."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, StringConstraints

from app.http.schemas import PRINTABLE, AnswerModel, RequestModel, Timestamp
from app.shipments.schemas import WrittenCode
from app.shipments.tracking_schemas import TRACKING, LinkTracking

_CarrierName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), PRINTABLE]

PARCEL: dict[str, Any] = {"carrier": "UPS", "tracking_number": "1Z 999 AA1 01 2345 6784"}

LINKED_PARCEL: dict[str, Any] = {
    **PARCEL,
    "tracking": {**TRACKING, "eta_outside_window": False},
    "linked": True,
    "linked_by": "0198f5a2-9b10-7c02-b1c3-8e2f4a6d9b55",
    "linked_at": "2036-02-26T14:05:00Z",
}


class LinkTrackingNumber(RequestModel):
    """A parcel of an order."""

    model_config = ConfigDict(json_schema_extra={"examples": [PARCEL]})

    carrier: _CarrierName
    """The carrier's name or its code (SCAC)."""
    tracking_number: WrittenCode
    """1 to 40 letters and digits, as they stand on the parcel: case, spaces and dashes do not matter."""


class TrackingNumber(AnswerModel):
    """A parcel of an order."""

    model_config = ConfigDict(json_schema_extra={"examples": [LINKED_PARCEL]})

    carrier: str
    tracking_number: str
    """As it was given."""
    tracking: LinkTracking | None
    """Where the parcel is; null where nothing was told of it."""
    linked: bool
    """False in the answer that took it off the order."""
    linked_by: UUID
    """The organisation that put it on the order."""
    linked_at: Timestamp
