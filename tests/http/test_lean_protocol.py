"""The server's protocol before the lane: what HTTP promises of connections holds there as everywhere."""

import json
import re
import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.parties import Party


class Wire:
    """One connection, byte by byte."""

    def __init__(self, party: Party) -> None:
        self._party = party
        address = urlsplit(party.base_url)
        self.socket = socket.create_connection((str(address.hostname), address.port or 80), timeout=20)
        self.received = b""

    def request(self, method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
        head = {"Host": "x", "Authorization": f"Bearer {self._party.key}", **headers}
        if body:
            head |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def answer(self) -> tuple[int, str, bytes]:
        """The next answer: status, head and body."""
        while b"\r\n\r\n" not in self.received:
            self._more()
        head, _, rest = self.received.partition(b"\r\n\r\n")
        length = int(re.findall(rb"(?i)content-length: (\d+)", head)[0])
        while len(rest) < length:
            self._more()
            rest = self.received.partition(b"\r\n\r\n")[2]
        self.received = rest[length:]
        return int(head.split()[1]), head.decode("latin-1"), rest[:length]

    def _more(self) -> None:
        more = self.socket.recv(65536)
        assert more, "the connection was closed"
        self.received += more


@pytest.fixture
def wire(buyer: Party) -> Iterator[Wire]:
    wire = Wire(buyer)
    # The key is known then, and the lane takes what comes.
    wire.send(wire.request("GET", "/v1/validations/none"))
    assert wire.answer()[0] == 200
    yield wire
    wire.socket.close()


def test_requests_that_are_sent_without_waiting_are_answered_in_their_order(wire: Wire, buyer: Party) -> None:
    numbers = [buyer.active()["number"] for _ in range(3)]
    asked = [wire.request("GET", f"/v1/validations/{number}") for number in numbers]
    posted = [
        wire.request("POST", "/v1/purchase-orders", b"{}"),
        wire.request("GET", "/healthz"),
        wire.request("POST", "/v1/validations", json.dumps({"input": numbers[0]}).encode()),
    ]
    wire.send(b"".join([*asked, *posted]))
    assert [json.loads(wire.answer()[2])["number"] for _ in numbers] == numbers
    assert wire.answer()[0] == 201
    assert wire.answer()[0] == 200
    assert json.loads(wire.answer()[2])["number"] == numbers[0]


def test_a_body_may_come_in_pieces(wire: Wire) -> None:
    sent = wire.request("POST", "/v1/purchase-orders", b'{"requested_by": "Desk 7"}')
    for start in range(0, len(sent), 7):
        wire.send(sent[start : start + 7])
        time.sleep(0.001)
    status, _, body = wire.answer()
    assert (status, json.loads(body)["requested_by"]) == (201, "Desk 7")


def test_a_connection_that_is_to_be_closed_is(wire: Wire, buyer: Party) -> None:
    wire.send(wire.request("GET", f"/v1/validations/{buyer.active()['number']}", Connection="close"))
    status, head, _ = wire.answer()
    assert status == 200
    assert "connection: close" in head.lower()
    assert wire.socket.recv(1) == b""


def test_who_hangs_up_harms_nobody(wire: Wire, buyer: Party) -> None:
    number = buyer.active()["number"]
    for _ in range(20):
        gone = Wire(buyer)
        gone.send(gone.request("GET", f"/v1/validations/{number}") * 3)
        gone.send(gone.request("POST", "/v1/purchase-orders", b"{}"))
        gone.socket.close()
    wire.send(wire.request("GET", f"/v1/validations/{number}"))
    assert json.loads(wire.answer()[2])["verdict"] == "accept"
