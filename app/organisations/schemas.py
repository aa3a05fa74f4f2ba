"""Bodies of organisations, and the address and contact point that orders use too."""

from enum import StrEnum
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from app.http.schemas import PRINTABLE, AnswerModel, RequestModel, ShortText, Timestamp


class OrganisationKind(StrEnum):
    """What an organisation is in the trade; this describes it and authorises nothing."""

    BUYER = "buyer"
    SUPPLIER = "supplier"
    WAREHOUSE = "warehouse"
    FORWARDER = "forwarder"
    CARRIER = "carrier"
    OPERATOR = "operator"


Country = Annotated[str, StringConstraints(pattern="^[A-Z]{2}$")]
Phone = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=40), PRINTABLE]
Url = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500, pattern=r"^https?://\S+$"), PRINTABLE]
Email = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=254, pattern=r"^[^@\s]+@[^@\s]+$"), PRINTABLE
]


class Address(RequestModel):
    """A postal address."""

    street: Annotated[list[ShortText], Field(max_length=4)] = []
    """Up to four lines, as they stand on a label."""
    postal_code: ShortText | None = None
    city: ShortText | None = None
    region: ShortText | None = None
    country: Country | None = None
    """ISO 3166-1, two capital letters."""


class ContactPoint(RequestModel):
    """Whom to reach; at least one of phone, email and url."""

    name: ShortText | None = None
    phone: Phone | None = None
    email: Email | None = None
    url: Url | None = None
    hours: ShortText | None = None
    """When somebody answers, in words: `Mon-Fri 06:00-20:00 CET`."""

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        if not (self.phone or self.email or self.url):
            raise ValueError("a contact point needs a phone, an email or a url")
        return self


class ContactPoints(RequestModel):
    """Whom the answer at a gate names as the next step."""

    buyer_desk: ContactPoint | None = None
    """Asked about expired, cancelled, suspended and reused numbers."""
    supplier_desk: ContactPoint | None = None
    """Asked about orders that wait for their confirmation."""
    logistics: ContactPoint | None = None
    """Asked about deliveries that do not match."""


_EXAMPLE: dict[str, Any] = {
    "name": "Nordwind Retail",
    "kinds": ["buyer"],
    "address": {"street": ["Speicherstrasse 7"], "postal_code": "20457", "city": "Hamburg", "country": "DE"},
    "phone": "+49 40 555 0100",
    "contact_points": {"buyer_desk": {"name": "Purchasing desk", "phone": "+49 40 555 0199"}},
}


class CreateOrganisation(RequestModel):
    """A new organisation."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    name: ShortText
    kinds: Annotated[list[OrganisationKind], Field(max_length=6)] = []
    address: Address | None = None
    phone: Phone | None = None
    contact_points: ContactPoints = ContactPoints()


def _without_defaults(schema: dict[str, Any]) -> None:
    # What is left out is not set to a default: it stays as it is.
    for field in schema["properties"].values():
        field.pop("default", None)
    schema["examples"] = [{"phone": "+49 40 555 0101"}]


class UpdateOrganisation(RequestModel):
    """The fields to change; what is left out stays as it is, null takes away."""

    model_config = ConfigDict(json_schema_extra=_without_defaults)

    name: ShortText = ""
    kinds: Annotated[list[OrganisationKind], Field(max_length=6)] = []
    address: Address | None = None
    phone: Phone | None = None
    contact_points: ContactPoints = ContactPoints()


class Organisation(AnswerModel):
    """An organisation."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0198f5a2-7c3e-7d41-9a52-3f6b8d2e1c07",
                    **_EXAMPLE,
                    "version": 1,
                    "created_at": "2036-01-04T08:30:00Z",
                    "updated_at": "2036-01-04T08:30:00Z",
                }
            ]
        }
    )

    id: UUID
    name: str
    kinds: list[OrganisationKind]
    address: Address | None
    phone: str | None
    contact_points: ContactPoints
    version: int
    created_at: Timestamp
    updated_at: Timestamp
