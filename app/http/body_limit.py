"""Bodies are taken up to 1 MiB, those of batches up to 8 and files to import up to 50, with or without a stated length.

Starlette limits bodies too, but answers in plain text where every other answer of this service is a problem object.
"""

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MEBIBYTE = 1024 * 1024

_MOST_DIGITS = 15


class BodyLimit:
    """Ends the reading of a body that is too large, with 413."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        limit = _limit(scope["path"])
        stated = Headers(scope=scope).get("content-length", "")
        # Compared as text first: Python refuses to read a number of more than 4,300 digits.
        digits = stated.lstrip("0") if stated.isdecimal() else ""
        too_large = len(digits) > _MOST_DIGITS or int(digits or 0) > limit * MEBIBYTE
        await self._application(scope, _refuse(limit) if too_large else _counting(receive, limit), send)


def _limit(path: str) -> int:
    if path == "/v1/imports":
        return 50
    return 8 if path.endswith("/batch") else 1


def _refuse(mebibytes: int) -> Receive:
    async def refuse() -> Message:
        raise _too_large(mebibytes)

    return refuse


def _counting(receive: Receive, mebibytes: int) -> Receive:
    received = 0

    async def count() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > mebibytes * MEBIBYTE:
            raise _too_large(mebibytes)
        return message

    return count


def _too_large(mebibytes: int) -> HTTPException:
    return HTTPException(413, f"The body is larger than the {mebibytes} MiB that this operation takes.")
