"""Sends one HTTP request to a place that somebody else has named, and to no place inside.

The name is resolved once for each attempt, all of its addresses have to be public, and the connection goes to the
addresses that were looked at: a name that changes in between changes nothing. TLS is verified against the name. Each
attempt has a connection of its own. Redirects are not followed, a proxy is not asked, and of the answer no more is read
than is kept.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import httpcore2

from app.webhooks.destinations import Destination, InvalidDestination, destination, is_public

SECONDS_TO_CONNECT: Final = 5.0
SECONDS_FOR_AN_EXCERPT: Final = 2.0
"""The status has decided by then; what a receiver says besides is not waited for."""

EXCERPT_BYTES: Final = 1_000
_LONGEST_PAUSE: Final = 12 * 3600
_ADDRESSES_TRIED: Final = 3
_NAMES_AT_ONCE: Final = 32

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Returns the addresses of a host, as the system knows them; raises OSError where there are none."""


class AttemptError(StrEnum):
    """Why an attempt did not succeed."""

    REFUSED = "refused"
    GONE = "gone"
    REDIRECTED = "redirected"
    TIMED_OUT = "timed_out"
    ADDRESS_NOT_ALLOWED = "address_not_allowed"
    NAME_NOT_RESOLVED = "name_not_resolved"
    NOT_CONNECTED = "not_connected"
    TLS_FAILED = "tls_failed"
    PROTOCOL_ERROR = "protocol_error"


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of an attempt; `error` is None where it succeeded, `status` where there was no answer.

    `excerpt` holds the first bytes of the answer's body, as text. `pause`: seconds for which the receiver asks not to
    be called.
    """

    seconds: float
    status: int | None = None
    excerpt: str | None = None
    error: AttemptError | None = None
    pause: float = 0.0


class Sender:
    """Sends to hosts on the Internet, and to the internal ones that are named."""

    def __init__(
        self,
        internal_hosts: Collection[str],
        seconds: float,
        *,
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Make a sender whose attempts take `seconds` at most.

        `tls` is what certificates are verified by, the system's authorities unless given.
        """
        self._internal_hosts = frozenset(internal_hosts)
        self._seconds = seconds
        self._tls = tls
        # Threads of its own: a resolver that hangs holds one, and must not hold those that others need.
        self._threads = ThreadPoolExecutor(_NAMES_AT_ONCE, "webhook-names")
        self._resolve = resolve or self._resolve_by_the_system

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """POST the body and return what became of it; nothing is raised for what a receiver does."""
        began = time.monotonic()
        answer = await self._answer(url, headers, body)
        return Answer(time.monotonic() - began, answer.status, answer.excerpt, answer.error, answer.pause)

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _answer(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        try:
            async with asyncio.timeout(self._seconds):
                # Read anew each time: what may be sent to depends on settings, and they may have changed.
                place = destination(url, self._internal_hosts)
                return await self._exchange(place, await self._addresses(place), headers, body)
        except _FAULTS as fault:
            return Answer(0.0, error=_error_behind(fault))

    async def _addresses(self, place: Destination) -> Sequence[str]:
        """Return the addresses to connect to; raises InvalidDestination where one of the host's is internal."""
        addresses = await self._resolve(place.host, place.port)
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "no address")
        if place.host not in self._internal_hosts and not all(is_public(one) for one in addresses):
            raise InvalidDestination("The host leads to an internal address")
        return addresses

    async def _exchange(
        self, place: Destination, addresses: Sequence[str], headers: Mapping[str, str], body: bytes
    ) -> Answer:
        connection = httpcore2.AsyncHTTPConnection(
            httpcore2.Origin(place.scheme.encode(), place.host.encode(), place.port),
            ssl_context=self._context() if place.scheme == "https" else None,
            network_backend=_ToAddresses(addresses),
        )
        url = httpcore2.URL(scheme=place.scheme, host=place.host, port=place.port, target=place.target)
        sent = {"Host": place.authority, **headers, "Accept-Encoding": "identity", "Connection": "close"}
        limits = {"timeout": {"connect": SECONDS_TO_CONNECT}}
        try:
            async with connection.stream(
                "POST", url, headers=list(sent.items()), content=body, extensions=limits
            ) as response:
                return Answer(
                    0.0, response.status, await _excerpt(response), _error_of(response.status), _pause(response.headers)
                )
        finally:
            await connection.aclose()

    def _context(self) -> ssl.SSLContext:
        # Made once, and only where it is needed: it reads the certificates of every authority.
        if self._tls is None:
            self._tls = httpcore2.default_ssl_context()
        return self._tls

    async def _resolve_by_the_system(self, host: str, port: int) -> Sequence[str]:
        found = await asyncio.get_running_loop().run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
        return [str(address[0]) for *_, address in found]


class _ToAddresses(httpcore2.AsyncNetworkBackend):
    """Connects to the given addresses, whatever host it is asked for."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._addresses = addresses[:_ADDRESSES_TRIED]

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's interface
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Return a stream to the first of the addresses that takes one."""
        for address in self._addresses[:-1]:
            try:
                return await _NETWORK.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return await _NETWORK.connect_tcp(self._addresses[-1], port, timeout, local_address, socket_options)


_NETWORK: Final = httpcore2.AnyIOBackend()


async def _excerpt(response: httpcore2.Response) -> str:
    """Return the beginning of the answer's body, as text that the database takes."""
    kept = bytearray()
    try:
        async with asyncio.timeout(SECONDS_FOR_AN_EXCERPT):
            async for part in response.aiter_stream():
                kept += part
                if len(kept) >= EXCERPT_BYTES:
                    break
    except (TimeoutError, httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError):
        # The status was there, and that is what counts.
        pass
    text = bytes(kept[:EXCERPT_BYTES]).decode("utf-8", "replace")
    return "".join(character if character.isprintable() or character in "\n\t" else "�" for character in text)


def _error_of(status: int) -> AttemptError | None:
    if 200 <= status < 300:
        return None
    if status == 410:
        return AttemptError.GONE
    return AttemptError.REDIRECTED if 300 <= status < 400 else AttemptError.REFUSED


def _pause(headers: Sequence[tuple[bytes, bytes]]) -> float:
    """Return the seconds of `Retry-After`; its other form, a date, says the same and is hardly met."""
    for name, value in headers:
        if name.lower() == b"retry-after" and value.isdigit():
            return float(min(int(value[:9]), _LONGEST_PAUSE))
    return 0.0


def _error_behind(fault: Exception) -> AttemptError:
    if isinstance(fault, httpcore2.ConnectError):
        is_tls = isinstance(fault.__cause__, ssl.SSLError) or isinstance(fault.__context__, ssl.SSLError)
        return AttemptError.TLS_FAILED if is_tls else AttemptError.NOT_CONNECTED
    return next(error for kinds, error in _ERRORS if isinstance(fault, kinds))


# From the particular to the general: a time-out, and a name that is not found, are errors of the system too.
_ERRORS: Final[Sequence[tuple[type[Exception] | tuple[type[Exception], ...], AttemptError]]] = (
    (InvalidDestination, AttemptError.ADDRESS_NOT_ALLOWED),
    ((TimeoutError, httpcore2.TimeoutException), AttemptError.TIMED_OUT),
    ((socket.gaierror, UnicodeError), AttemptError.NAME_NOT_RESOLVED),
    (OSError, AttemptError.NOT_CONNECTED),
    (Exception, AttemptError.PROTOCOL_ERROR),
)
_FAULTS: Final = (
    *(InvalidDestination, UnicodeError, OSError, TimeoutError),
    *(httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError),
)
