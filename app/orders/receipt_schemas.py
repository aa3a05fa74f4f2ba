"""Bodies of receiving: what a dock says of goods that came in, and what is kept of it."""

from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from app.http.schemas import PRINTABLE, AnswerModel, LongText, Quantity, RequestModel, ShortText, Timestamp
from app.orders.content_schemas import LINES_MAX
from app.orders.examples import RECEIPT, RECEIVE, RECEIVED_PURCHASE_ORDER
from app.orders.schemas import PlainDecimal, PurchaseOrder

ITEMS_MAX = 2 * LINES_MAX

ReceiptReference = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), PRINTABLE]
Scac = Annotated[str, StringConstraints(strip_whitespace=True, pattern="^[A-Za-z]{2,4}$")]
Waybill = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=30), PRINTABLE]
Trailer = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=32), PRINTABLE]


class ReceiveLine(RequestModel):
    """What came in on one line of the order."""

    line: Annotated[int, Field(ge=1, le=LINES_MAX)]
    """The order's line; lines count from 1."""
    quantity: Quantity
    condition: ShortText | None = None
    """In what state it came, in your words: `good`, `damaged`."""
    lot: ShortText | None = None
    """The lot or batch number on the goods."""


class ReceivePurchaseOrder(RequestModel):
    """What came in: `{}` receives all that is open."""

    model_config = ConfigDict(json_schema_extra={"examples": [RECEIVE]})

    lines: Annotated[list[ReceiveLine], Field(min_length=1, max_length=ITEMS_MAX)] | None = None
    """What came in, line by line; a line may be listed more than once, for several lots or conditions. Left out, all
    that is open has come in."""
    dock: ShortText | None = None
    operator: ShortText | None = None
    """Who received it, as your organisation calls them."""
    trailer_number: Trailer | None = None
    scac: Scac | None = None
    """The carrier's code, 2 to 4 letters."""
    pro_number: Waybill | None = None
    """The carrier's PRO number, as it stood on the waybill."""
    receipt_reference: ReceiptReference | None = None
    """Your own id of this receipt, unique in your organisation for ever: sending it again never receives twice."""


class ReverseReceipt(RequestModel):
    """Why a receipt is taken back."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Booked on the wrong order."}]})

    reason: LongText
    """In words; the order's parties see it."""


class PutAwayReceipt(RequestModel):
    """Where the goods were put."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"location": "A-04-17"}]})

    location: ShortText
    """The place in the warehouse, as it is called there."""


class ReceiptLine(AnswerModel):
    """What came in on one line of the order, in one lot and condition."""

    line: int
    quantity: PlainDecimal
    condition: str | None
    lot: str | None


class Receipt(AnswerModel):
    """Goods that came in at once."""

    model_config = ConfigDict(json_schema_extra={"examples": [RECEIPT]})

    id: UUID
    received_by: UUID
    """The organisation that received the goods."""
    received_at: Timestamp
    lines: list[ReceiptLine]
    """Empty where the order has no lines: it came in as a whole."""
    dock: str | None
    operator: str | None
    trailer_number: str | None
    scac: str | None
    pro_number: str | None
    receipt_reference: str | None
    put_away_location: str | None
    put_away_at: Timestamp | None
    reversed_at: Timestamp | None
    """When it was taken back; its goods count no more."""
    reversed_by: UUID | None
    reversal_reason: str | None


class ReceivedPurchaseOrder(PurchaseOrder):
    """A purchase order with the receipt that was just made or changed."""

    model_config = ConfigDict(json_schema_extra={"examples": [RECEIVED_PURCHASE_ORDER]})

    receipt: Receipt
