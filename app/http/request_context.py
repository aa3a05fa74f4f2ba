"""The outermost layer of a request: its id, its line in the log, its metrics, and the last catch for faults."""

import re
import time
from urllib.parse import unquote
from uuid import UUID

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.db.identifiers import new_id
from app.http.problems import internal_error
from app.telemetry import REQUEST_SECONDS, REQUESTS, logger

_log = logger(__name__)
_USABLE_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")
_CALLER = "po_registry.caller"


class RequestContext:
    """Gives each request an id (the caller's `X-Request-ID` where it is usable), logs and counts it."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        request_id = _request_id(scope)
        started = time.perf_counter()
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                _keep_encoded_slashes(scope)
                await self._application(scope, receive, send_with_id)
            except Exception:  # noqa: BLE001 - the last place where a fault can still become an answer
                _log.exception("fault", method=scope["method"], path=_path(scope))
                if status == 0:
                    await internal_error(scope)(scope, receive, send_with_id)
            finally:
                _count(scope, status, time.perf_counter() - started)


def remember_caller(scope: Scope, organisation_id: UUID) -> None:
    """Let the request's line in the log name the calling organisation."""
    scope[_CALLER] = organisation_id


def _count(scope: Scope, status: int, seconds: float) -> None:
    # Labels come from the closed list of routes: a scanner that tries paths must not fill the memory.
    operation = getattr(scope.get("route"), "operation_id", None) or "none"
    REQUESTS.labels(operation, scope["method"] if operation != "none" else "any", status).inc()
    REQUEST_SECONDS.labels(operation).observe(seconds)
    caller = scope.get(_CALLER)
    _log.info(
        "request",
        method=scope["method"],
        path=_path(scope),
        operation=operation,
        status=status,
        milliseconds=round(seconds * 1000, 2),
        organisation_id=str(caller) if caller else None,
    )


def _request_id(scope: Scope) -> str:
    given = Headers(scope=scope).get("x-request-id", "")
    return given if _USABLE_REQUEST_ID.fullmatch(given) else str(new_id())


def _path(scope: Scope) -> str:
    return str((scope.get("raw_path") or scope["path"].encode("utf-8", "replace")).decode("ascii", "replace"))[:512]


def _keep_encoded_slashes(scope: Scope) -> None:
    """Keep a `%2F` inside its path segment.

    The server decodes it before the path is split at its slashes. A full-width solidus splits nothing, and the key of
    a number folds it back to `/` (NFKC), so `AB%2F12` in a path finds the order AB/12.
    """
    raw = scope.get("raw_path") or b""
    if b"%2f" in raw.lower():
        scope["path"] = unquote(re.sub("%2f", "%EF%BC%8F", raw.decode("ascii", "replace"), flags=re.IGNORECASE))
