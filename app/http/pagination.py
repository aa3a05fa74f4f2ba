"""Cursor pagination: `limit`, `cursor`, `next_cursor` and `Link: rel="next"` (RFC 8288)."""

import base64
import binascii
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request

from app.errors import InvalidRequest
from app.http.schemas import Page
from app.http.unit_of_work import Answer

Limit = Annotated[int, Query(ge=1, le=200, description="How many at most: 1 to 200.")]
CursorText = Annotated[
    str | None,
    Query(max_length=100, description="`next_cursor` of the page before; leave it out for the first page."),
]

DEFAULT_LIMIT = 50


# The first byte of a cursor is the version of its form.
_AFTER_ID = b"\x01"
_AFTER_TEXT = b"\x02"


def encode_cursor(last: UUID | str) -> str:
    """Return the opaque cursor after the item `last`: its id, or its short ASCII text where a list is sorted by one."""
    raw = _AFTER_ID + last.bytes if isinstance(last, UUID) else _AFTER_TEXT + last.encode("ascii")
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def decode_cursor(cursor: str | None) -> UUID | None:
    """Return the id of the last item of the page before; raises InvalidRequest for a text that is no cursor."""
    if cursor is None:
        return None
    raw = _decoded(cursor, _AFTER_ID)
    if len(raw) != 16:
        raise invalid_cursor()
    return UUID(bytes=raw)


def decode_text_cursor(cursor: str | None) -> str | None:
    """Return the text of the last item of the page before; raises InvalidRequest for a text that is no cursor."""
    if cursor is None:
        return None
    raw = _decoded(cursor, _AFTER_TEXT)
    # A forged cursor may hold what the database cannot take, such as NUL.
    if not (raw.isascii() and raw.decode("ascii").isprintable()):
        raise invalid_cursor()
    return raw.decode("ascii")


def _decoded(cursor: str, form: bytes) -> bytes:
    try:
        raw = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise invalid_cursor() from None
    if raw[:1] != form:
        raise invalid_cursor()
    return raw[1:]


def invalid_cursor() -> InvalidRequest:
    """Return the problem for a text that is no cursor."""
    return InvalidRequest.at(["query", "cursor"], "invalid_cursor", "This is not a next_cursor of this service.")


def link_to_next(request: Request, next_cursor: str | None, parameter: str = "cursor") -> dict[str, str]:
    """Return the Link header for the next page, relative to this request, or nothing on the last page."""
    if next_cursor is None:
        return {}
    target = request.url.include_query_params(**{parameter: next_cursor})
    # The path as it was sent: decoded, it may hold what no header can.
    path = request.scope["raw_path"].decode("ascii", "replace")
    return {"Link": f'<{path}?{target.query}>; rel="next"'}


def page_answer(
    request: Request,
    page: type[Page[Any]],
    found: Sequence[Any],
    limit: int,
    position: Callable[[Any], UUID | str] = attrgetter("id"),
) -> Answer:
    """Return the page of the first `limit` of `found`, which was asked for one more to know whether more follow.

    `position` tells where an item stands in the list's order: its id, unless said otherwise. A list that is sorted by a
    text reads its cursor with `decode_text_cursor`.
    """
    shown = found[:limit]
    next_cursor = encode_cursor(position(shown[-1])) if len(found) > limit else None
    return Answer(page(data=list(shown), next_cursor=next_cursor), headers=link_to_next(request, next_cursor))
