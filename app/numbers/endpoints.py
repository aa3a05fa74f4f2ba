"""`/v1/number-formats`, and the dependency by which orders draw numbers."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import Response

from app.http.authorisation import Caller
from app.http.errors import NotFound
from app.http.openapi import documented
from app.http.pagination import DEFAULT_LIMIT, CursorText, Limit, decode_cursor, page_answer
from app.http.path_text import ANY_TEXT
from app.http.preconditions import IfNoneMatch, content_etag
from app.http.schemas import Page
from app.http.unit_of_work import Answer, Reading, Unit
from app.numbers import format_versions, service
from app.numbers.errors import ComponentsDoNotFit, InvalidPattern, PrefixTaken, ShapeTaken
from app.numbers.number_issuer import NumberIssuer
from app.numbers.schemas import (
    CreateNumberFormat,
    CreateNumberFormatVersion,
    NumberFormat,
    NumberFormatPreview,
    NumberVerification,
    PreviewNumberFormat,
)

router = APIRouter(prefix="/number-formats", tags=["Number formats"])


def number_issuer(request: Request) -> NumberIssuer:
    """Return the process's one issuer of numbers."""
    issuer: NumberIssuer = request.app.state.number_issuer
    return issuer


FormatId = Annotated[UUID, Path(description="The format's id.", examples=["00000000-0000-7000-8000-000000000001"])]
Issuer = Annotated[NumberIssuer, Depends(number_issuer)]


@router.post(
    "",
    **documented(
        "create_number_format", NumberFormat, InvalidPattern, PrefixTaken, status=201, headers=["ETag", "Location"]
    ),
)
async def create_number_format(body: CreateNumberFormat, caller: Caller, unit: Unit) -> Response:
    """Create a number format.

    Your own way to write numbers: orders name it as `format_id`. Its prefix is yours alone, service-wide, and a number
    of its shape can no longer be registered as issued elsewhere. Look at it first with `POST .../preview`.
    """
    return await unit.write(
        lambda connection: service.create(connection, caller, body),
        lambda made: _answer(made, 201, {"Location": f"/v1/number-formats/{made.id}"}),
    )


@router.get("", **documented("list_number_formats", Page[NumberFormat], headers=["Link"]))
async def list_number_formats(
    request: Request, caller: Caller, unit: Reading, limit: Limit = DEFAULT_LIMIT, cursor: CursorText = None
) -> Response:
    """List number formats.

    The default format, which everyone may use, and your own after it, oldest first.
    """
    after = decode_cursor(cursor)
    return await unit.read(
        lambda connection: service.page(connection, caller, after, limit + 1),
        lambda found: page_answer(request, Page[NumberFormat], found, limit),
    )


@router.post("/preview", **documented("preview_number_format", NumberFormatPreview, InvalidPattern, ComponentsDoNotFit))
async def preview_number_format(body: PreviewNumberFormat, unit: Reading) -> Response:
    """Preview a number format.

    Ten numbers that a pattern writes, how many there are, and whether its prefix is free. Nothing is created.
    """
    return await unit.read(lambda connection: service.preview(connection, body), Answer)


@router.get(f"/verify/{{text:{ANY_TEXT}}}", **documented("verify_number", NumberVerification))
async def verify_number(
    text: Annotated[
        str, Path(description="A number as it was typed or scanned.", examples=["po 7k3m9qwx2r"], max_length=4096)
    ],
    caller: Caller,
    unit: Reading,
) -> Response:
    """Verify a number's form.

    Whether the text has the shape of a number that is issued here and its check character is right. No order is looked
    up: a well-formed number need not have been issued (`GET /v1/validations/{number}` answers that).
    """
    return await unit.read(lambda connection: service.verify(connection, caller, text), Answer)


@router.get(
    "/{format_id}", **documented("get_number_format", NumberFormat, NotFound, headers=["ETag"], conditional=True)
)
async def get_number_format(
    format_id: FormatId, caller: Caller, unit: Reading, if_none_match: IfNoneMatch = None
) -> Response:
    """Get a number format.

    With its version in force: the pattern, what an order must bring for it, and how many numbers it has.
    """
    return await unit.read(lambda connection: service.get(connection, caller, format_id), _answer)


@router.post(
    "/{format_id}/versions",
    **documented(
        "create_number_format_version",
        NumberFormat,
        NotFound,
        InvalidPattern,
        ShapeTaken,
        status=201,
        headers=["ETag", "Location"],
    ),
)
async def create_number_format_version(
    format_id: FormatId, body: CreateNumberFormatVersion, caller: Caller, unit: Unit
) -> Response:
    """Create a version of a number format.

    What numbers look like, and which values their components may have, from `effective_from` on, to the instant. Orders
    keep the numbers that they have. A new shape must not be able to write a number of an earlier version
    (`shape_taken`); to change the allowed values alone, give the same pattern again. Answers the format with its
    version in force and those that are planned.
    """
    return await unit.write(
        lambda connection: format_versions.add(connection, caller, format_id, body),
        lambda made: _answer(made, 201, {"Location": f"/v1/number-formats/{made.id}"}),
    )


def _answer(number_format: NumberFormat, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    return Answer(number_format, status, {"ETag": content_etag(number_format), **(headers or {})})
