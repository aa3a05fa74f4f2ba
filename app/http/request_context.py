"""The outermost layer of a request: its id, its line in the log, its metrics, and the last catch for faults."""

import re
import time
from typing import Final
from urllib.parse import unquote
from uuid import UUID

import structlog
from prometheus_client import Counter, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.db.identifiers import new_id_text
from app.http.problems import internal_error
from app.telemetry import REQUEST_LOG, REQUEST_SECONDS, REQUESTS, logger

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
        request_id = usable_request_id(Headers(scope=scope).get("x-request-id", ""))
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
                count_request(
                    getattr(scope.get("route"), "operation_id", None) or "none",
                    scope["method"],
                    status,
                    time.perf_counter() - started,
                    request_id=request_id,
                    path=_path(scope),
                    organisation_id=scope.get(_CALLER),
                )


def remember_caller(scope: Scope, organisation_id: UUID) -> None:
    """Let the request's line in the log name the calling organisation."""
    scope[_CALLER] = organisation_id


def count_request(
    operation: str,
    method: str,
    status: int,
    seconds: float,
    *,
    request_id: str,
    path: str,
    organisation_id: UUID | None,
) -> None:
    """Count an answered request in the metrics, and log it; the operation of one that is of none is `none`."""
    # Labels come from the closed list of routes: a scanner that tries paths must not fill the memory.
    labels = (operation, method if operation != "none" else "any", status)
    counted = _COUNTED.get(labels)
    if counted is None:
        counted = _COUNTED[labels] = (REQUESTS.labels(*labels), REQUEST_SECONDS.labels(operation))
    requests, duration = counted
    requests.inc()
    duration.observe(seconds)
    REQUEST_LOG.note(
        request_id=request_id,
        method=method,
        path=path,
        operation=operation,
        status=status,
        milliseconds=seconds * 1000,
        organisation_id=None if organisation_id is None else str(organisation_id),
    )


_COUNTED: Final[dict[tuple[str, str, int], tuple[Counter, Histogram]]] = {}
"""The two metrics of each operation, method and status; looked up once."""


def usable_request_id(given: str) -> str:
    """Return the id of a request: the one that came with it where it is usable, otherwise a new one."""
    return given if _USABLE_REQUEST_ID.fullmatch(given) else new_request_id()


def new_request_id() -> str:
    """Return an id for a request that came without one."""
    return new_id_text()


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
