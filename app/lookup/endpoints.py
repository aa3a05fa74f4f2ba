"""`/v1/lookup`: the order that a number on the papers means."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import StringConstraints
from starlette.responses import Response

from app.http.authorisation import Caller
from app.http.openapi import documented
from app.http.unit_of_work import Answer, Reading
from app.lookup import service
from app.lookup.schemas import LookUp

router = APIRouter(prefix="/lookup", tags=["Purchase orders"])

PaperText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1_000)]


@router.get("", **documented("find_purchase_orders", LookUp))
async def find_purchase_orders(
    q: Annotated[
        PaperText,
        Query(
            description="A number as it stands on the papers, or what a scanner sent: a PO number or an order's id, a "
            "PRO number with or without its carrier's code, a bill of lading, a delivery's booking or appointment "
            "number, a parcel's tracking number, a reference, a contract or invoice number.",
            examples=["CNWY 123-456782"],
        ),
    ],
    caller: Caller,
    unit: Reading,
) -> Response:
    """Find orders by a number on the papers.

    Whatever number it is: the PO number, the order's id, a PRO number (with the carrier's code or without, also as a
    bill of lading's bar code), the bill of lading that it travels under, the booking or appointment number of its
    delivery, a parcel's tracking number, the buyer's reference, one of the `references`, or the number of the seller's
    contract or invoice. Each order says by what it was found. Written forms do not matter, as at the gate. Only orders
    that name your organisation are found, and only by fields that it may see. For a part of a number,
    `GET /v1/purchase-orders` has `q`.
    """
    return await unit.read_list(lambda connection: service.look_up(connection, caller, q), Answer)
