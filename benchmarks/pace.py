"""Requests at a rate that is given, to see how long an answer takes while the server is not at its limit.

wrk sends as fast as it is answered, and wrk2, which does not, is in no distribution. httpx takes a millisecond of
processor time a request, more than what is measured. So this is an asyncio protocol over httptools, uvicorn's own
parser, that costs some 30 microseconds. Requests are due at ticks of a millisecond, whether or not the answers to
earlier ones have come, and latency counts from the tick: a server that stalls is charged for all whom it kept waiting.
Who is refused has waited for ten seconds.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

import httptools

_TICK = 0.001
_CONNECTIONS = 64
_SECONDS_TO_END = 10.0


@dataclass
class Latency:
    """Milliseconds at a rate, by round."""

    a_second: float
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)

    def add(self, ordered: list[float]) -> None:
        """Add the sorted latencies of a round."""
        self.p50.append(quantile(ordered, 0.5))
        self.p99.append(quantile(ordered, 0.99))


async def latencies(url: str, request: Callable[[], bytes], *, a_second: float, seconds: float) -> list[float]:
    """Send `a_second` requests for a while and return their latencies in milliseconds, sorted."""
    async with _Clients(url, request) as clients:
        begun, sent = time.perf_counter(), 0
        for tick in range(round(seconds / _TICK)):
            due = begun + tick * _TICK
            if (pause := due - time.perf_counter()) > 0:
                await asyncio.sleep(pause)
            while sent < (tick + 1) * _TICK * a_second:
                clients.send(due)
                sent += 1
        return await clients.all_answers(sent)


class _Clients:
    """Connections, each with at most one request under way; what is due while none is free waits in line."""

    def __init__(self, url: str, request: Callable[[], bytes]) -> None:
        self._address = urlsplit(url)
        self._request = request
        self._connections: list[_Connection] = []
        self._free: deque[_Connection] = deque()
        self._waiting: deque[float] = deque()
        self._taken: list[float] = []
        self._all = asyncio.Event()
        self._sent: int | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for _ in range(_CONNECTIONS):
            transport, made = await loop.create_connection(
                lambda: _Connection(self._answered), self._address.hostname, self._address.port
            )
            made.transport = transport
            self._connections.append(made)
        self._free.extend(self._connections)
        return self

    async def __aexit__(self, *_: object) -> None:
        for connection in self._connections:
            connection.transport.close()

    def send(self, due: float) -> None:
        if self._free:
            self._free.popleft().send(self._request(), due)
        else:
            self._waiting.append(due)

    async def all_answers(self, sent: int) -> list[float]:
        self._sent = sent
        with suppress(TimeoutError):
            async with asyncio.timeout(_SECONDS_TO_END):
                while len(self._taken) < sent:
                    await self._all.wait()
        return sorted(self._taken) + [_SECONDS_TO_END * 1000] * (sent - len(self._taken))

    def _answered(self, connection: "_Connection", since: float, status: int) -> None:
        self._taken.append((time.perf_counter() - since) * 1000 if status < 300 else _SECONDS_TO_END * 1000)
        if len(self._taken) == self._sent:
            self._all.set()
        if self._waiting:
            connection.send(self._request(), self._waiting.popleft())
        else:
            self._free.append(connection)


def quantile(ordered: list[float], share: float) -> float:
    """Return the value below which `share` of the sorted values lie."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def get(url: str, path: str, key: str | None = None) -> bytes:
    """Return a GET request as it goes over the wire."""
    authorization = "" if key is None else f"Authorization: Bearer {key}\r\n"
    return f"GET {path} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\n{authorization}\r\n".encode()


class _Connection(asyncio.Protocol):
    """One connection, with at most one request under way."""

    transport: asyncio.Transport

    def __init__(self, answered: Callable[["_Connection", float, int], None]) -> None:
        self._answered = answered
        self._since = 0.0
        self._parser = httptools.HttpResponseParser(self)

    def send(self, request: bytes, since: float) -> None:
        self._since = since
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._answered(self, self._since, self._parser.get_status_code())
