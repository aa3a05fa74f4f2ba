"""A webhook goes to the place that its owner has named, and to no place inside."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpcore2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from app.webhooks import sender as sender_module
from app.webhooks.destinations import InvalidDestination, destination, is_public
from app.webhooks.sender import EXCERPT_BYTES, Answer, AttemptError, Sender

OK = b"HTTP/1.1 204 No Content\r\n\r\n"
PUBLIC = "93.184.215.14"

INTERNAL = [
    *("127.0.0.1", "127.8.9.1", "10.0.0.5", "172.16.0.1", "172.31.255.255", "192.168.1.1"),
    "0.0.0.0",  # noqa: S104 - nothing is bound
    *("169.254.169.254", "169.254.0.1", "100.64.0.1", "100.100.100.200", "168.63.129.16", "192.0.0.192"),
    *("224.0.0.1", "239.255.255.250", "255.255.255.255", "240.0.0.1", "198.18.0.1", "192.0.2.1", "203.0.113.9"),
    *("::1", "::", "fe80::1", "fe80::1%lo", "fc00::1", "fd00:ec2::254", "ff02::1", "fec0::1", "2001:db8::1"),
    *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:93.184.215.14", "::127.0.0.1"),
    *("2002:7f00:1::", "2002:a9fe:a9fe::1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1"),
    *("2001:0:4136:e378:8000:63bf:3fff:fdd2", "3fff::1", "100::1", "5f00::1"),
]
"""Addresses to which a name may lead: loopback, private, link-local, metadata, CGNAT, multicast, reserved, and IPv6
that carries such an IPv4 address."""

WRITTEN = [
    *(
        "https://127.0.0.1:{port}/",
        "https://localhost:{port}/",
        "https://LOCALHOST:{port}/",
        "https://a.localhost:{port}/",
    ),
    *(
        "https://2130706433:{port}/",
        "https://0x7f000001:{port}/",
        "https://0x7f.0.0.1:{port}/",
        "https://0177.0.0.1:{port}/",
    ),
    *("https://017700000001:{port}/", "https://127.1:{port}/", "https://127.0.1:{port}/", "https://0:{port}/"),
    *("https://[::1]:{port}/", "https://[::ffff:127.0.0.1]:{port}/", "https://[::ffff:7f00:1]:{port}/"),
    *("https://[0:0:0:0:0:0:0:1]:{port}/", "https://[::127.0.0.1]:{port}/", "https://[64:ff9b::127.0.0.1]:{port}/"),
    *(
        "https://[2002:7f00:1::]:{port}/",
        "https://169.254.169.254/latest/meta-data/",
        "https://metadata.google.internal/",
    ),
    *("https://[fe80::1%25lo]:{port}/", "https://127.0.0.1.:{port}/", "https://localhost.:{port}/"),
    *(
        "http://127.0.0.1:{port}/",
        "https://public.example@127.0.0.1:{port}/",
        "https://127.0.0.1:{port}#public.example",
    ),
    *("https://public.example\\@127.0.0.1:{port}/", "https://127。0。0。1:{port}/", "https://①②⑦.0.0.1:{port}/"),
    *("https:127.0.0.1:{port}", "//127.0.0.1:{port}/", "https://127.0.0.1 :{port}/", "gopher://127.0.0.1:{port}/"),
    *("file:///etc/passwd", "https://", "https://public.example:0/", "https://public.example:65536/"),
    *("https://public.example/\r\nHost: other", "https://intranet/", "https://" + "a" * 2000 + ".example/"),
]
"""URLs, refused as they are written: there is no name to resolve."""


class Listener:
    """A socket that listens inside; `connections` counts who came."""

    def __init__(self, answer: bytes = OK, tls: ssl.SSLContext | None = None, pause: float = 0) -> None:
        self.connections = 0
        self.requests: list[bytes] = []
        self.port = 0
        self._answer, self._tls, self._pause = answer, tls, pause

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Listener"]:
        server = await asyncio.start_server(self._take, "127.0.0.1", 0, ssl=self._tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0] or b"0")
            self.requests.append(head + await reader.readexactly(length))
            await asyncio.sleep(self._pause)
            writer.write(self._answer)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def leading_to(*answers: Sequence[str]) -> Callable[[str, int], Awaitable[Sequence[str]]]:
    """A resolver that gives these answers, one after the other, and counts nothing but what it is asked."""
    left = list(answers)

    async def resolve(_: str, __: int) -> Sequence[str]:
        return left.pop(0)

    return resolve


async def sent(sender: Sender, url: str) -> Answer:
    try:
        return await sender.send(url, {"webhook-id": "a"}, b"{}")
    finally:
        sender.close()


@pytest.mark.parametrize("address", INTERNAL)
async def test_a_name_that_leads_inside_is_not_connected_to(address: str) -> None:
    assert not is_public(address)
    async with Listener().listening() as inside:
        for answers in ([address], [PUBLIC, address]):
            answer = await sent(Sender((), 2, resolve=leading_to(answers)), f"https://public.example:{inside.port}/")
            assert (answer.error, answer.status) == (AttemptError.ADDRESS_NOT_ALLOWED, None)
        assert inside.connections == 0


@pytest.mark.parametrize("url", WRITTEN)
async def test_an_internal_address_is_not_connected_to_however_it_is_written(url: str) -> None:
    async with Listener().listening() as inside:
        written = url.replace("{port}", str(inside.port))
        # Where the listener is not, nothing may be tried even by a sender that is broken.
        resolve = None if "{port}" in url else leading_to(["127.0.0.1"])
        answer = await sent(Sender((), 2, resolve=resolve), written)
        assert (answer.error, answer.status) == (AttemptError.ADDRESS_NOT_ALLOWED, None)
        with pytest.raises(InvalidDestination):
            destination(written, ())
        assert inside.connections == 0


class Network:
    """Stands where connections are made, notes where they would go, and makes none."""

    def __init__(self) -> None:
        self.connected_to: list[str] = []

    async def connect_tcp(self, address: str, *_: object) -> httpcore2.AsyncNetworkStream:
        self.connected_to.append(address)
        raise httpcore2.ConnectError


async def test_what_the_system_resolves_is_what_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Listener().listening() as inside:
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", inside.port))]
        monkeypatch.setattr(sender_module.socket, "getaddrinfo", lambda *_, **__: found)
        answer = await sent(Sender((), 2), f"https://inside.example:{inside.port}/")
        assert answer.error is AttemptError.ADDRESS_NOT_ALLOWED
        assert inside.connections == 0


async def test_a_name_that_changes_between_check_and_connect_is_connected_to_as_it_was_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = Network()
    monkeypatch.setattr(sender_module, "_NETWORK", network)
    asked = leading_to([PUBLIC, "8.8.8.8"], ["127.0.0.1"])
    answer = await sent(Sender((), 2, resolve=asked), "https://public.example/")
    assert answer.error is AttemptError.NOT_CONNECTED
    assert network.connected_to == [PUBLIC, "8.8.8.8"]
    # It was asked once; its second answer is there for the next attempt, which looks again.
    answer = await sent(Sender((), 2, resolve=asked), "https://public.example/")
    assert answer.error is AttemptError.ADDRESS_NOT_ALLOWED
    assert network.connected_to == [PUBLIC, "8.8.8.8"]


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "172.32.0.1", "2606:2800:220:1::1", "64:ff9b::808:808"])
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)


@settings(max_examples=50, deadline=None)
@given(st.ip_addresses())
def test_what_python_takes_for_internal_is_no_public_address(address: object) -> None:
    known = ip_address(str(address))
    if known.is_private or known.is_loopback or known.is_link_local or known.is_multicast or known.is_reserved:
        assert not is_public(str(address)) or str(address).startswith("64:ff9b::")


async def test_a_host_that_the_setting_names_is_sent_to() -> None:
    async with Listener().listening() as inside:
        answer = await sent(Sender({"127.0.0.1"}, 2), f"http://127.0.0.1:{inside.port}/hooks?a=b")
        assert (answer.status, answer.error, answer.excerpt) == (204, None, "")
        (request,) = inside.requests
        assert request.startswith(b"POST /hooks?a=b HTTP/1.1\r\n")
        assert request.endswith(b"\r\n\r\n{}")
        for header in (f"host: 127.0.0.1:{inside.port}".encode(), b"webhook-id: a", b"connection: close"):
            assert header in request.lower()


async def test_redirects_are_not_followed() -> None:
    async with Listener().listening() as other:
        location = f"http://127.0.0.1:{other.port}/".encode()
        moved = b"HTTP/1.1 307 Temporary Redirect\r\nContent-Length: 0\r\nLocation: " + location + b"\r\n\r\n"
        async with Listener(moved).listening() as first:
            answer = await sent(Sender({"127.0.0.1"}, 2), f"http://127.0.0.1:{first.port}/")
        assert (answer.status, answer.error) == (307, AttemptError.REDIRECTED)
        assert other.connections == 0


async def test_a_receiver_that_says_nothing_is_waited_for_no_longer_than_the_setting_says() -> None:
    async with Listener(pause=30).listening() as silent:
        answer = await sent(Sender({"127.0.0.1"}, 0.2), f"http://127.0.0.1:{silent.port}/")
    assert answer.error is AttemptError.TIMED_OUT
    assert 0.2 <= answer.seconds < 2


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (b"HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\nwhy?", AttemptError.REFUSED),
        (b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n", AttemptError.GONE),
        (b"SSH-2.0-OpenSSH_9.6\r\n", AttemptError.PROTOCOL_ERROR),
        (b"", AttemptError.PROTOCOL_ERROR),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50_000 + b"\r\n", AttemptError.PROTOCOL_ERROR),
    ],
)
async def test_what_is_no_success_is_named(said: bytes, error: AttemptError) -> None:
    async with Listener(said).listening() as receiver:
        answer = await sent(Sender({"127.0.0.1"}, 2), f"http://127.0.0.1:{receiver.port}/")
    assert answer.error is error


async def test_of_an_answer_only_the_beginning_is_read() -> None:
    endless = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\nfine \x00\xff" + b"a" * 200_000
    async with Listener(endless).listening() as receiver:
        answer = await sent(Sender({"127.0.0.1"}, 5), f"http://127.0.0.1:{receiver.port}/")
    assert (answer.status, answer.error) == (200, None)
    assert answer.excerpt is not None
    assert answer.excerpt.startswith("fine ��aaa")
    assert len(answer.excerpt) <= EXCERPT_BYTES


async def test_a_receiver_may_ask_for_a_pause() -> None:
    busy = b"HTTP/1.1 503 Busy\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n"
    async with Listener(busy).listening() as receiver:
        answer = await sent(Sender({"127.0.0.1"}, 5), f"http://127.0.0.1:{receiver.port}/")
    assert (answer.error, answer.pause) == (AttemptError.REFUSED, 120)


async def test_tls_is_verified_against_the_name_though_the_address_is_connected_to(tmp_path: Path) -> None:
    server_side, client_side = certified("receiver.example", tmp_path)
    async with Listener(tls=server_side).listening() as receiver:
        for host, error in (("receiver.example", None), ("other.example", AttemptError.TLS_FAILED)):
            sender = Sender({host}, 5, resolve=leading_to(["127.0.0.1"]), tls=client_side)
            answer = await sent(sender, f"https://{host}:{receiver.port}/")
            assert answer.error is error
        # Another authority than the one that the sender trusts.
        sender = Sender({"receiver.example"}, 5, resolve=leading_to(["127.0.0.1"]), tls=ssl.create_default_context())
        assert (await sent(sender, f"https://receiver.example:{receiver.port}/")).error is AttemptError.TLS_FAILED
        assert len(receiver.requests) == 1


def certified(name: str, directory: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The two sides of a connection to `name`: one with its certificate, and one that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    today = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    kept = certificate.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (directory / "both.pem").write_bytes(secret + kept)
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(directory / "both.pem")
    return server_side, ssl.create_default_context(cadata=kept.decode())
