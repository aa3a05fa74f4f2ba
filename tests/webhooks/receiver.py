"""Receivers of webhooks, on this machine, that do what a test tells them to."""

import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from standardwebhooks import Webhook, WebhookVerificationError

from tests.parties import Party

Received = dict[str, Any]


class Receiver:
    """A receiver for as long as the block lasts; `received` are the bodies of what came, in the order of arrival.

    `answers` are the statuses to answer with, one for each request and the last for all that follow; 0 says nothing
    until the block ends. It answers after a `pause`, in seconds. With one of its `secrets` every webhook has to verify.
    """

    def __init__(self, *answers: int, headers: dict[str, str] | None = None, pause: float = 0) -> None:
        self.pause = pause
        self.answers = list(answers) or [204]
        self.headers = headers or {}
        self.secrets: list[str] = []
        self.received: list[Received] = []
        self.arrivals: list[tuple[float, dict[str, str]]] = []
        self.faults: list[str] = []
        self._lock = threading.Lock()
        self._ended = threading.Event()

        class Handler(_Handler):
            receiver = self

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hooks"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()

    def of(self, party: Party, **fields: Any) -> dict[str, Any]:
        """Make an endpoint of a party's that sends here, and return it."""
        made = party.post("/v1/webhook-endpoints", {"url": self.url, **fields})
        assert made.status_code == 201, made.text
        endpoint: dict[str, Any] = made.json()
        self.secrets.append(endpoint["secret"])
        return endpoint

    def wait(self, count: int, seconds: float = 15) -> list[Received]:
        """Return the first `count` of what came; fails where it is not there in time, or was not signed as it must."""
        until(lambda: len(self.received) >= count, seconds, lambda: f"{len(self.received)} came, not {count}")
        assert self.faults == []
        return self.received[:count]

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """Note what came, and return the status to answer with."""
        fault = self._fault(headers, body)
        with self._lock:
            if fault is not None:
                self.faults.append(fault)
            self.arrivals.append((time.time(), headers))
            self.received.append(json.loads(body))
            return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def hang(self) -> None:
        """Say nothing until the end."""
        self._ended.wait(30)

    def _fault(self, headers: dict[str, str], body: bytes) -> str | None:
        verified = 0
        for secret in self.secrets:
            with suppress(WebhookVerificationError):
                Webhook(secret).verify(body, headers)
                verified += 1
        return None if verified else f"not verified: {headers}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


class _Handler(BaseHTTPRequestHandler):
    receiver: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.receiver.take({name.lower(): value for name, value in self.headers.items()}, body)
        time.sleep(self.receiver.pause)
        if status == 0:
            self.receiver.hang()
            return
        self.send_response(status)
        for name, value in self.receiver.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def until(true: Callable[[], Any], seconds: float = 15, why: Callable[[], str] = str) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, why() or "it did not happen in time"
        time.sleep(0.02)


def delivery(party: Party, endpoint: dict[str, Any], webhook_id: str) -> dict[str, Any]:
    """Return a party's delivery of an event to an endpoint."""
    page = party.get(f"/v1/webhook-endpoints/{endpoint['id']}/deliveries", params={"limit": 200}).json()
    (found,) = (one for one in page["data"] if one["webhook_id"] == webhook_id)
    return dict(found)


def settled(party: Party, endpoint: dict[str, Any], webhook_id: str, attempts: int) -> dict[str, Any]:
    """Return a delivery once so many attempts are written down."""
    found: dict[str, Any] = {}

    def is_there() -> bool:
        found.update(delivery(party, endpoint, webhook_id))
        return len(found["attempts"]) >= attempts

    until(is_there, why=lambda: str(found))
    return found
