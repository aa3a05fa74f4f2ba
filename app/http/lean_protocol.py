"""The server's protocol, with a shorter way for requests that a lane takes.

uvicorn makes a task, a scope and two messages of every request and its answer; that is a third of what a look-up may
cost. Where the application has a `hot_lane` (in its state), it is shown the head of each request first. What it takes
it gets with its body, and answers by one write. Everything else, and whatever it hands back, goes the way of ASGI as if
there were no lane: pipelining, keep-alive and the end of connections are uvicorn's own in either case.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import unquote

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from app.telemetry import logger

_log = logger(__name__)

Headers = list[tuple[bytes, bytes]]


class LeanRequest:
    """A request that a lane has taken: its handler is called once the body is there, and answers or hands back.

    Stands in for uvicorn's own cycle of request and response wherever that asks how far it is.
    """

    __slots__ = (
        *("_protocol", "body", "disconnected", "handle", "headers", "keep_alive", "message_event", "method"),
        *("response_complete", "scope", "target"),
    )

    def __init__(
        self, protocol: "LeanProtocol", method: bytes, target: bytes, headers: Headers, handle: "Handler"
    ) -> None:
        self._protocol = protocol
        self.scope: Scope = protocol.scope  # type: ignore[assignment]  # uvicorn's own name for the same
        self.method = method
        self.target = target
        self.headers = headers
        self.handle = handle
        self.body = b""
        self.keep_alive = True
        self.disconnected = False
        self.response_complete = False
        self.message_event = _NOBODY_WAITS

    def is_gone(self) -> bool:
        """Whether nobody waits for the answer any more."""
        return self._protocol.transport.is_closing()

    def answer(self, status: int, headers: Sequence[bytes], content: bytes) -> None:
        """Write the answer; `headers` are whole lines with their ends."""
        transport = self._protocol.transport
        self.response_complete = True
        if not transport.is_closing():
            ending = b"content-length: %d\r\n%s\r\n" % (
                len(content),
                b"" if self.keep_alive else b"connection: close\r\n",
            )
            transport.write(b"".join([STATUS_LINE[status], self._protocol.common_headers(), *headers, ending, content]))
            if not self.keep_alive:
                transport.close()
        self._protocol.on_response_complete()

    def hand_back(self) -> None:
        """Let it go the way of ASGI; it must not have been answered."""
        self._protocol.go_the_way_of_asgi(self)


Handler = Callable[[LeanRequest], None]


class Lane(Protocol):
    """What an application keeps as `hot_lane` in its state."""

    def handler(self, method: bytes, target: bytes, headers: Headers) -> Handler | None:
        """Return what answers a request with this head; None: the way of ASGI."""
        ...


@lru_cache(maxsize=4)
def _lines_of(headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    return b"".join(part for name, value in headers for part in (name, b": ", value, b"\r\n"))


class _NobodyWaits:
    def set(self) -> None:
        """Nobody waits for the next part of a body: it comes as a whole."""


_NOBODY_WAITS = _NobodyWaits()


class LeanProtocol(HttpToolsProtocol):
    """uvicorn's protocol on httptools, with the lane of the application before it."""

    cycle: RequestResponseCycle | LeanRequest | None  # type: ignore[assignment]  # one stands in for the other

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        lane: Lane | None = getattr(getattr(self.app, "state", None), "hot_lane", None)
        self._lane = None if self.root_path or self.limit_concurrency is not None else lane

    def common_headers(self) -> bytes:
        """Return the header fields of every answer of this server, which uvicorn makes anew each second."""
        return _lines_of(tuple(self.server_state.default_headers))

    def on_headers_complete(self) -> None:
        """Show the head to the lane, unless something about it, or before it, is out of the ordinary."""
        if self._lane is not None and self._is_ordinary():
            method = self.parser.get_method()
            handle = self._lane.handler(method, self.url, self.headers)
            if handle is not None:
                self.cycle = LeanRequest(self, method, self.url, self.headers, handle)
                return
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Keep the body, or what has come of it; the lane takes none whose length is not known to be small."""
        if isinstance(self.cycle, LeanRequest):
            self.cycle.body += body
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Have a request handled that is there now as a whole."""
        request = self.cycle
        if isinstance(request, LeanRequest):
            try:
                request.handle(request)
            except Exception:  # noqa: BLE001 - within the parser: it would be taken for a fault of the request
                _log.exception("fault of the lane")
                if not request.response_complete:
                    request.hand_back()
        else:
            super().on_message_complete()

    def go_the_way_of_asgi(self, request: LeanRequest) -> None:
        """Begin the request anew, with the body that has come, as uvicorn would have begun it."""
        raw, _, query = request.target.partition(b"?")
        path = raw.decode("ascii")
        request.scope.update(
            method=request.method.decode("ascii"),
            path=unquote(path) if "%" in path else path,
            raw_path=raw,
            query_string=query,
        )
        cycle = RequestResponseCycle(
            scope=request.scope,  # type: ignore[arg-type]  # uvicorn's own name for the same
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=request.keep_alive,
            on_response=self.on_response_complete,
        )
        cycle.body = bytearray(request.body)
        cycle.more_body = False
        cycle.message_event.set()
        cycle.disconnected = self.transport.is_closing()
        request.response_complete = True
        if self.cycle is request:
            # Otherwise a request that was sent before this one was answered stands there.
            self.cycle = cycle
        self._start_asgi_task(cycle, self.app)

    def _is_ordinary(self) -> bool:
        parser = self.parser
        return (
            (self.cycle is None or self.cycle.response_complete)
            and not self.expect_100_continue
            and not self.flow.write_paused
            and parser.get_http_version() == "1.1"
            and bool(parser.should_keep_alive())
            and not parser.should_upgrade()
        )
