"""`/v1/imports` and `/v1/exports`: files in and out."""

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterator
from typing import Annotated, Any, BinaryIO, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.requests import ClientDisconnect
from starlette.responses import Response, StreamingResponse

from app.db.lists import Lists
from app.errors import InvalidRequest
from app.exchange import exporting, readers, service
from app.exchange.documents import ImportFormat
from app.exchange.errors import TooManyImports, UploadBrokenOff
from app.exchange.exporting import ExportFormat
from app.exchange.runner import ImportRunner
from app.exchange.schemas import Import, Outcome
from app.http.authorisation import Caller
from app.http.errors import NotFound
from app.http.openapi import documented
from app.http.pagination import (
    DEFAULT_LIMIT,
    CursorText,
    Limit,
    decode_text_cursor,
    invalid_cursor,
    link_to_next,
)
from app.http.preconditions import IfNoneMatch
from app.http.schemas import LARGEST_INTEGER
from app.http.unit_of_work import Answer, Reading, Unit
from app.orders.content_schemas import Currency
from app.orders.endpoints import list_filters
from app.orders.list_repository import Filters
from app.principal import Relation

router = APIRouter(tags=["Imports and exports"])

_WRITTEN_AT_ONCE: Final = 1024 * 1024

_CSV: Final = (
    "number,seller_name,currency,sku,description,quantity,unit,unit_price\n"
    '4500012345,Anders & Ko Textil,EUR,TS-0042-L,"T-shirt, L",240,EA,4.90\n'
    '4500012345,,,TS-0042-XL,"T-shirt, XL",120,EA,4.90\n'
)
_X12: Final = (
    "ISA*00*          *00*          *ZZ*NORDWIND       *ZZ*ANDERS         *360104*0832*U*00401*000000001*0*P*>~\n"
    "GS*PO*NORDWIND*ANDERS*20360104*0832*1*X*004010~\nST*850*0001~\nBEG*00*SA*4500012345**20360104~\nCUR*BY*EUR~\n"
    "N1*SE*Anders & Ko Textil*92*S-1042~\nPO1*1*240*EA*4.90**IN*TS-0042-L~\nPID*F****T-shirt, L~\nCTT*1*240~\n"
    "SE*8*0001~\nGE*1*1~\nIEA*1*000000001~\n"
)
_AMAZON: Final = {
    "payload": {
        "orders": [
            {
                "purchaseOrderNumber": "2JK3S9VC",
                "purchaseOrderState": "New",
                "orderDetails": {
                    "purchaseOrderDate": "2036-01-04T08:32:10Z",
                    "sellingParty": {"partyId": "999US"},
                    "shipToParty": {"partyId": "ABCD"},
                    "shipWindow": "2036-02-01T07:00:00Z--2036-02-08T07:00:00Z",
                    "items": [
                        {
                            "itemSequenceNumber": "1",
                            "amazonProductIdentifier": "B07DFVDRAB",
                            "orderedQuantity": {"amount": 1, "unitOfMeasure": "Eaches", "unitSize": 1},
                            "netCost": {"amount": "346.27", "currencyCode": "USD"},
                        }
                    ],
                },
            }
        ]
    }
}

_FILE: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "The file itself, up to 50 MiB.",
        "content": {
            "application/json": {
                "schema": {"type": "object", "description": "An answer of Amazon's `getPurchaseOrders`."},
                "example": _AMAZON,
            },
            "text/csv": {"schema": {"type": "string"}, "example": _CSV},
            "application/edi-x12": {"schema": {"type": "string"}, "example": _X12},
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


def import_runner(request: Request) -> ImportRunner:
    """Return the process's runner of imports."""
    runner: ImportRunner = request.app.state.import_runner
    return runner


def lists(request: Request) -> Lists:
    """Return where the process reads lists."""
    found: Lists = request.app.state.lists
    return found


@router.post(
    "/imports",
    **documented("import_purchase_orders", Import, UploadBrokenOff, TooManyImports, status=202, headers=["Location"]),
    openapi_extra=_FILE,
)
async def import_purchase_orders(
    request: Request,
    caller: Caller,
    unit: Unit,
    runner: Annotated[ImportRunner, Depends(import_runner)],
    form: Annotated[
        ImportFormat | None,
        Query(alias="format", description="The form of the file; what it begins with tells, where this is left out."),
    ] = None,
    dry_run: Annotated[bool, Query(description="Keep nothing, and report what would become of each document.")] = False,
    currency: Annotated[
        Currency | None, Query(description="The currency (ISO 4217) of prices where the file says none.")
    ] = None,
) -> Response:
    """Import purchase orders.

    Send the file as the body: CSV, X12 or the JSON of Amazon's Vendor Orders API; the media type does not matter. The
    answer comes when the file is kept safely; its documents are then taken one after the other, and
    `GET /v1/imports/{id}` says how far that is and what became of each. An import that was accepted is done, also where
    its key is revoked meanwhile.

    **A document is an order, a change of one, an acknowledgement or a shipment: taken whole or not at all.** Your
    organisation becomes the buyer. An order is known by its number, or where the file says none by its `reference`; one
    that is there already and says the same is `unchanged`, so a file may be sent twice. One that is there and says
    something else is `refused` as `differs`.

    **CSV**: UTF-8 with a header; comma, semicolon or tab. Rows that follow each other with the same `number` (or
    `reference`) are the lines of one order. Columns are the fields of an order, with `_` instead of the dots:
    `seller_name`, `ship_to_code`, `ship_to_city`, `ship_window_start`, `metadata.season`, ...; `references`,
    `forwarders` and `metadata` may hold JSON, `payment_methods` texts with `;` between them. Usual other names are
    taken (`po_number`, `qty`, `price`, `vendor_code`, ...), an unknown column is an error. Decimals have a point; a
    date alone is its beginning in UTC.

    **X12**: 850 with purpose 00, 06 or 07 makes an order. An 860 changes or cancels one of yours, as `PATCH` and
    `cancel` do. An 855 is the acknowledgement of an order, an 865 that of a change, line by line as `confirm` takes it:
    by the seller or on the seller's behalf, and with the scope `orders:confirm` too. Interchanges that are not quite as
    they should be are taken where only one reading is possible; counts and control numbers have to fit.

    An 856 (ship notice) puts a PRO number with its bill of lading and what comes of each line on all orders of a
    shipment, a 214 tells where a shipment is: done by the owner, the seller or a named forwarder, with the scope `ship`
    instead of `orders:write`. A key that has `ship` alone imports these two and nothing else.

    **JSON**: one or several answers of `getPurchaseOrders`. Items of quantity 0 are cancelled ones and make no line.
    """
    with tempfile.TemporaryFile() as file:
        digest, size = await _spool(request, file)
        if size == 0:
            raise InvalidRequest.at(["body"], "missing", "The body is the file to import, and it is empty")
        file.seek(0)
        sniffed = readers.form_of(file.read(readers.SNIFFED))
        wanted = service.Wanted(form or sniffed, size, dry_run, currency)
        answer = await unit.write_streamed(
            lambda connection: service.create(connection, caller, file, wanted),
            lambda made: Answer(made, 202, {"Location": f"/v1/imports/{made.id}"}),
            digest,
        )
    runner.wake()
    return answer


@router.get(
    "/imports/{import_id}",
    **documented("get_import", Import, NotFound, headers=["ETag", "Link"], conditional=True),
)
async def get_import(
    request: Request,
    import_id: Annotated[UUID, Path(description="The import's id.", examples=["0198f5c0-7d21-7a44-9b0e-2f6c8d1e5a73"])],
    caller: Caller,
    unit: Reading,
    outcome: Annotated[
        list[Outcome] | None, Query(description="What the report lists: what was refused, where this is left out.")
    ] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorText = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Get an import.

    Its status, its counts, and a page of its report: the documents with one of the outcomes asked for, in the order of
    the file. Ask again until `status` is `finished` or `failed`; the ETag changes with every step. An import can be
    read for as long after its end as the operator has set, 90 days by default; what it has carried out stays.
    """
    after = _after(decode_text_cursor(cursor))
    outcomes = outcome or [Outcome.REFUSED]

    def present(found: Import) -> Answer:
        headers = link_to_next(request, found.report.next_cursor)
        return Answer(found, headers={"ETag": f'"{found.documents}-{found.status}"', **headers})

    return await unit.read(
        lambda connection: service.get(connection, caller, import_id, outcomes, after, limit), present
    )


@router.get(
    "/exports/purchase-orders",
    **documented(
        "export_purchase_orders",
        None,
        files={"text/csv": _CSV, "application/edi-x12": _X12},
    ),
)
async def export_purchase_orders(
    caller: Caller,
    source: Annotated[Lists, Depends(lists)],
    filters: Annotated[Filters, Depends(list_filters)],
    form: Annotated[ExportFormat, Query(alias="format", description="The form of the file.")] = ExportFormat.CSV,
    role: Annotated[
        Literal["owner", "seller", "ship_to", "forwarder"] | None,
        Query(description="Only orders to which your organisation has this relation."),
    ] = None,
) -> Response:
    """Export purchase orders.

    The orders that the list has under the same filters, newest first and each as much as your relation may see, as a
    file that is written while it is sent. What your organisation owns imports again as the same orders.

    An interchange of X12 holds up to 100 orders, and its delimiters are characters that none of them holds. What an 850
    has no element for stands in `N9*ZZ*PO-REGISTRY` with `MTX`, in JSON.
    """
    only = None if role is None else Relation(role)
    pages = exporting.pages(source, caller, form, only, filters)
    # Asked for before the answer begins: without a database it is a problem, not a file that breaks off.
    first = await anext(pages, "")
    second = await anext(pages, "")
    name = f"purchase-orders.{'csv' if form is ExportFormat.CSV else 'edi'}"
    return StreamingResponse(
        _with(first + second, pages),
        media_type=exporting.MEDIA_TYPES[form],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


async def _spool(request: Request, file: BinaryIO) -> tuple[bytes, int]:
    """Write the body to a file and return its SHA-256 and size: a slow upload must hold no connection."""
    digest, size, waiting = hashlib.sha256(), 0, bytearray()
    try:
        async for chunk in request.stream():
            digest.update(chunk)
            size += len(chunk)
            waiting += chunk
            if len(waiting) >= _WRITTEN_AT_ONCE:
                await asyncio.to_thread(file.write, bytes(waiting))
                waiting.clear()
    except ClientDisconnect:
        raise UploadBrokenOff(f"The connection ended after {size} bytes.") from None
    await asyncio.to_thread(file.write, bytes(waiting))
    return digest.digest(), size


async def _with(beginning: str, rest: AsyncIterator[str]) -> AsyncIterator[str]:
    yield beginning
    async for text in rest:
        yield text


def _after(text: str | None) -> int:
    if text is None:
        return 0
    if not (text.isdigit() and len(text) <= 10):
        raise invalid_cursor()
    return min(int(text), LARGEST_INTEGER)
