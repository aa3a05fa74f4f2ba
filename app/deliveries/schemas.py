"""Bodies of delivery bookings."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field, GetJsonSchemaHandler, JsonValue, StringConstraints, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from app.deliveries.booking_lifecycle import BookingAction, BookingStatus
from app.deliveries.booking_rules import COMMENTS_MAX, ORDERS_MAX, SHIPMENTS_MAX, LoadType
from app.deliveries.examples import (
    ARRIVE,
    ARRIVED,
    BOOK,
    BOOKING,
    BOOKING_IN_LIST,
    EVENT,
    REFUSED,
    RESCHEDULE,
    SHIPMENT,
    UPDATE,
)
from app.http.schemas import (
    LARGEST_INTEGER,
    PRINTABLE,
    AnswerModel,
    LargeAnswer,
    LongText,
    ProblemDetails,
    RequestModel,
    ShortText,
    Timestamp,
)
from app.orders.contacts import ContactPoint
from app.orders.content_schemas import Window
from app.shipments.schemas import Bol, TrailerNumber, WrittenCode, WrittenProNumber
from app.validation.delivery_schemas import DeliveryParty, ToldParty, WrittenTrailerNumber
from app.validation.refusal_codes import RefusalCode, Verdict
from app.validation.schemas import INPUT_MAX, Input, Refusal

AppointmentNumber = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40), PRINTABLE]
Comments = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=COMMENTS_MAX), PRINTABLE]
Count = Annotated[int, Field(strict=True, ge=0, le=LARGEST_INTEGER)]


class BookedNumber(RequestModel):
    """A PO number as text, or as an object with the `buyer` that is meant, where two buyers use one number."""

    number: Input
    """The number in any written form, or what a scanner sent."""
    buyer: UUID | None = None
    """The organisation id of the buyer."""

    @model_validator(mode="before")
    @classmethod
    def _told_as_text(cls, value: Any) -> Any:
        return {"number": value} if isinstance(value, str) else value

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the schema of a text or the object."""
        whole = handler(schema)
        described = handler.resolve_ref_schema(whole)
        as_object = {name: described.pop(name) for name in [*described] if name != "description"}
        described["anyOf"] = [{"type": "string", "maxLength": INPUT_MAX}, as_object]
        return whole


class BookShipment(RequestModel):
    """What comes under one PRO number."""

    model_config = ConfigDict(json_schema_extra={"examples": [SHIPMENT]})

    scac: WrittenCode | None = None
    """The carrier's code (SCAC), 2 to 4 letters. Needed, unless the bar code of a bill of lading says it."""
    pro_number: WrittenProNumber
    """As it stands on the waybill: case, spaces and dashes do not matter; or as its bar code was scanned. Of an earlier
    shipment it is refused."""
    bol: Bol | None = None
    """The number of the bill of lading, at most 30 characters; that of an earlier shipment of yours is refused."""
    freight_terms: ShortText | None = None
    """`prepaid`, `collect`, ..."""
    pallets: Count = 0
    """At least one when palletised, none when floor-loaded, never more than cartons."""
    cartons: Count
    """At least one, and never more than units."""
    units: Count
    purchase_orders: Annotated[list[BookedNumber], Field(min_length=1, max_length=ORDERS_MAX)]
    """Numbers as text in any written form, or objects with the `buyer`; each once. An order may stand in several
    shipments where its buyer's policy allows split shipments."""


class BookDelivery(RequestModel):
    """A vehicle that is to come."""

    model_config = ConfigDict(json_schema_extra={"examples": [BOOK]})

    ship_to: ToldParty = None
    """Where it goes: an object, or a code or GLN as text. Compared with each order. Left out: where the orders go."""
    window: Window
    """When it comes."""
    load_type: LoadType
    trailer_number: TrailerNumber | None = None
    """The vehicle's, at most 32 of letters, digits, `_` and `-`. Gates compare it where it is told."""
    contact: ContactPoint | None = None
    """Whom the warehouse reaches about it."""
    comments: Comments | None = None
    partial: bool = False
    """Book what may come, and name the rest, instead of booking nothing unless all may."""
    shipments: Annotated[list[BookShipment], Field(min_length=1, max_length=SHIPMENTS_MAX)]
    """At most 500 purchase orders in all."""


class UpdateBooking(RequestModel):
    """What is known better by now. Left out: as it was said before; null takes it away."""

    model_config = ConfigDict(json_schema_extra={"examples": [UPDATE]})

    trailer_number: TrailerNumber | None = None
    """The vehicle's, which the order's gates compare from now on."""
    contact: ContactPoint | None = None
    """Whom the warehouse reaches about it."""
    comments: Comments | None = None


class ConfirmBooking(RequestModel):
    """The warehouse's yes."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"appointment_number": "HL2-20360314-017"}]})

    appointment_number: AppointmentNumber | None = None
    """The warehouse's own number for it, used once. Left out: one is made here; one that was given before is kept."""


class RescheduleBooking(RequestModel):
    """Another window."""

    model_config = ConfigDict(json_schema_extra={"examples": [RESCHEDULE]})

    window: Window
    reason: LongText | None = None


class ArriveBooking(RequestModel):
    """Where the vehicle stands, and what of it is known; all may be left out."""

    model_config = ConfigDict(json_schema_extra={"examples": [ARRIVE]})

    dock: ShortText | None = None
    operator: ShortText | None = None
    """Who asks, as the warehouse knows him."""
    trailer_number: WrittenTrailerNumber | None = None
    """The vehicle's, as on the plate: compared with the one that is expected."""


class ArriveVehicle(ArriveBooking):
    """A vehicle at the gate, by whatever the driver shows."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"input": "HL2-20360314-017", **ARRIVE}]})

    input: Input
    """A booking or appointment number, the trailer number, or a PO or PRO number on it, typed or scanned."""


class BookedOrder(AnswerModel):
    """A purchase order of a shipment."""

    number: str
    verdict: Verdict
    """What the gate said of it last: for the window when it was booked, at the moment of arrival since then."""
    codes: list[RefusalCode]
    """What was against it then."""


class BookedShipment(AnswerModel):
    """What comes under one PRO number."""

    id: UUID
    scac: str
    pro_number: str
    """As the carrier writes it."""
    bol: str | None
    freight_terms: str | None
    pallets: int
    cartons: int
    units: int
    purchase_orders: list[BookedOrder]


class RefusedOrder(AnswerModel):
    """A purchase order that cannot come."""

    index: int
    """Its place in the shipment, from 0."""
    input: str
    """As it was sent."""
    number: str | None
    """The number that was understood; null where the text can be none."""
    refusals: list[Refusal]
    """What the gate has against it in this window, as `POST /v1/validations` says it."""
    problems: list[ProblemDetails]
    """What is against booking it."""
    did_you_mean: list[str]
    """Numbers that may have been meant, as at the gate."""


class RefusedShipment(AnswerModel):
    """A shipment that cannot come, or some orders of which cannot."""

    model_config = ConfigDict(json_schema_extra={"examples": [REFUSED]})

    index: int
    """Its place in the request, from 0."""
    problems: list[ProblemDetails]
    """What is against the shipment as a whole: its PRO number or its bill of lading."""
    purchase_orders: list[RefusedOrder]
    """Only those that cannot come."""


class Arrived(AnswerModel):
    """How a vehicle came."""

    arrived_at: Timestamp
    dock: str | None
    operator: str | None
    trailer_number: str | None
    verdict: Verdict
    """The worst of its orders' verdicts."""


class BookingSummary(AnswerModel):
    """A delivery booking as lists show it."""

    model_config = ConfigDict(json_schema_extra={"examples": [BOOKING_IN_LIST]})

    id: UUID
    booking_number: str
    status: BookingStatus
    version: int
    allowed_actions: list[BookingAction]
    """What your organisation can do to it in this status."""
    booked_by: UUID
    """The organisation that has made it."""
    warehouse: UUID | None
    """The organisation whose gate it comes to. Null for who has booked it where no order of it names him, unless he has
    said it himself."""
    ship_to: DeliveryParty | None
    """As it was booked."""
    window: Window
    load_type: LoadType
    trailer_number: str | None
    contact: ContactPoint | None
    comments: str | None
    appointment_number: str | None
    """The warehouse's, once it was confirmed."""
    reason: str | None
    """Why it was rescheduled or cancelled last, where somebody has said so."""
    shipments: list[BookedShipment]
    created_at: Timestamp
    updated_at: Timestamp


class DeliveryBooking(BookingSummary, LargeAnswer):
    """A delivery booking."""

    model_config = ConfigDict(json_schema_extra={"examples": [BOOKING]})

    refused: list[RefusedShipment]
    """With `partial`, what was not booked; for who has booked alone."""
    arrival: Arrived | None
    """How it came; null until then."""


class ArrivedOrder(AnswerModel):
    """What the gate says of one purchase order of a vehicle."""

    scac: str
    pro_number: str
    number: str
    verdict: Verdict
    refusals: list[Refusal]


class VehicleArrival(LargeAnswer):
    """One verdict for the whole vehicle."""

    model_config = ConfigDict(json_schema_extra={"examples": [ARRIVED]})

    verdict: Verdict
    """The worst of its orders' verdicts."""
    arrived: bool
    """Whether the vehicle is noted as arrived: unless its verdict is `reject`."""
    checked_at: Timestamp
    purchase_orders: list[ArrivedOrder]
    delivery_booking: DeliveryBooking


class BookingEvent(AnswerModel):
    """One change of a delivery booking."""

    model_config = ConfigDict(json_schema_extra={"examples": [EVENT]})

    sequence: int
    """Counts the booking's changes from 1."""
    type: str
    occurred_at: Timestamp
    organisation_id: UUID | None
    """Who did it. Null where it was the warehouse, and `warehouse` is null to who has booked it."""
    data: dict[str, JsonValue]
