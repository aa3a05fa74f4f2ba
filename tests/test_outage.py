"""Postgres is killed under load, stays away, and returns: 503 soon in between, no false refusal, no restart.

The outage is CI's; `OUTAGE_SECONDS=30 OUTAGE_CLIENTS=16` is the full one.
"""

import asyncio
import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from app.db.embedded import EmbeddedPostgres
from tests.command import Service
from tests.parties import Operator

pytestmark = pytest.mark.alone

SECONDS = float(os.environ.get("OUTAGE_SECONDS", "3"))
CLIENTS = int(os.environ.get("OUTAGE_CLIENTS", "16"))

MOST_SECONDS = 2.0
SECONDS_TO_RETURN = 3.0


@dataclass(frozen=True)
class Answer:
    """What a client saw of one request, in seconds of the monotonic clock."""

    what: str
    asked: float
    answered: float
    status: int
    headers: str
    body: Any

    @property
    def seconds(self) -> float:
        return self.answered - self.asked

    @property
    def is_normal(self) -> bool:
        """Whether it is what the same question gets on a good day."""
        if self.what == "issue":
            return self.status == 201
        if self.status != 200:
            return False
        verdicts = self.body["results"] if self.what == "batch" else [self.body]
        return self.what == "receive" or all(verdict["verdict"] == "accept" for verdict in verdicts)

    @property
    def is_held(self) -> bool:
        """Whether it says that nothing is known, and when to ask again."""
        if (self.status, self.body.get("code")) != (503, "temporarily_unavailable"):
            return False
        if "\r\nretry-after: " not in self.headers:
            return False
        well_formed = {"look": True, "ask": True, "ask_and_receive": True, "batch": None}
        return self.what not in well_formed or self.body["well_formed"] is well_formed[self.what]


@dataclass
class Gates:
    """Clients with a connection each that go on asking, and every answer that they got."""

    port: int
    key: str
    numbers: list[str]
    answers: list[Answer] = field(default_factory=list)
    going_on: bool = True

    async def run(self, meanwhile: Callable[[], None]) -> None:
        clients = [asyncio.create_task(self._client(turn, number)) for turn, number in enumerate(self.numbers)]
        await asyncio.to_thread(meanwhile)
        self.going_on = False
        await asyncio.wait_for(asyncio.gather(*clients), 30)

    async def _client(self, turn: int, number: str) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        while self.going_on:
            turn += 1
            asked = time.monotonic()
            what, request = self._request(turn, number)
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            body = await reader.readexactly(int(head.split("content-length: ")[1].split("\r\n")[0]))
            status = int(head.split(" ", 2)[1])
            self.answers.append(Answer(what, asked, time.monotonic(), status, head, json.loads(body)))
            # As many as a busy site has, and not so many that it is the machine that is measured.
            await asyncio.sleep(0.05)
        writer.close()

    def _request(self, turn: int, number: str) -> tuple[str, bytes]:
        one = {"lines": [{"line": 1, "quantity": "1"}]}
        what, method, path, body = (
            ("look", "GET", f"/v1/validations/{number}", None),
            ("ask", "POST", "/v1/validations", {"input": f"]C1400{number}"}),
            ("batch", "POST", "/v1/validations/batch", {"inputs": [number]}),
            ("ask_and_receive", "POST", "/v1/validations", {"input": number, "receive": one}),
            ("issue", "POST", "/v1/purchase-orders", {}),
            ("receive", "POST", f"/v1/purchase-orders/{number}/receive", one),
        )[turn % 6]
        content = b"" if body is None else json.dumps(body).encode()
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: gate\r\nAuthorization: Bearer {self.key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        return what, head.encode() + content


@pytest.mark.parametrize("whose", ["embedded", "separate"])
def test_in_an_outage_every_answer_is_503_within_two_seconds_and_normal_soon_after(
    whose: str, data_directory: Path, tmp_path: Path
) -> None:
    with serving(whose, data_directory, tmp_path) as (service, cluster):
        with Operator(service.url, service.key) as operator:
            line = {"sku": "A-100", "quantity": "1000000", "unit": "EA", "unit_price": "1.00"}
            numbers = [operator.active(lines=[line], currency="EUR")["number"] for _ in range(CLIENTS)]
        gates = Gates(service.port, service.key, numbers)
        moments: list[float] = []

        def outage() -> None:
            time.sleep(1)
            moments.append(time.monotonic())
            kill(cluster)
            time.sleep(SECONDS)
            moments.append(time.monotonic())
            cluster.with_name("away").rename(cluster)
            time.sleep(SECONDS_TO_RETURN + 1.5)

        asyncio.run(gates.run(outage))
    began, ended = moments
    wrong = [answer for answer in gates.answers if not answer.is_normal and not answer.is_held]
    assert not wrong, wrong[:3]
    slowest = max(gates.answers, key=lambda answer: answer.seconds)
    held = [answer for answer in gates.answers if answer.is_held]
    in_it = [answer for answer in gates.answers if began + 0.5 < answer.asked < ended]
    normal_again = min(answer.answered for answer in gates.answers if answer.is_normal and answer.answered > ended)
    last_held = max(answer.answered for answer in held)
    print(
        f"{whose}: {len(gates.answers)} requests, {len(in_it)} asked in the outage of {SECONDS:g} s, {len(held)} held; "
        f"slowest {slowest.seconds:.2f} s ({slowest.what}); after the return: first normal answer "
        f"{normal_again - ended:.2f} s, last held one {last_held - ended:.2f} s; "
        f"{sorted(Counter((answer.what, answer.status) for answer in gates.answers).items())}"
    )
    assert in_it
    assert all(answer.is_held for answer in in_it if answer.answered < ended)
    assert slowest.seconds < MOST_SECONDS, slowest
    back = [answer for answer in gates.answers if ended < answer.answered < ended + SECONDS_TO_RETURN]
    assert {answer.what for answer in back if answer.is_normal} == {answer.what for answer in in_it}
    # A machine that others use too may be late for one or the other.
    after = [answer.is_normal for answer in gates.answers if answer.asked > ended + SECONDS_TO_RETURN]
    assert sum(after) >= 0.95 * len(after) > 0


@contextmanager
def serving(whose: str, data_directory: Path, tmp_path: Path) -> Iterator[tuple[Service, Path]]:
    """Yield a service and the directory of its Postgres' cluster; `separate`: which others run, at a DATABASE_URL."""
    key = (data_directory / "admin.key").read_text().strip()
    cluster = data_directory / "postgres" / "cluster"
    if whose == "embedded":
        with Service(key=key, PO_REGISTRY_DATA_DIR=data_directory, LOG_LEVEL="warning") as service:
            yield service.ready(), cluster
        return
    with (
        EmbeddedPostgres(data_directory) as postgres,
        Service(key=key, DATABASE_URL=postgres.url, LOG_LEVEL="warning") as service,
    ):
        yield service.ready(), cluster


def kill(cluster: Path) -> None:
    """Kill Postgres without a word, every process, and take its cluster away, so that it cannot be started."""
    postmaster = int((cluster / "postmaster.pid").read_text().split("\n", 1)[0])
    backends = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    cluster.rename(cluster.with_name("away"))
    for process in (postmaster, *map(int, backends)):
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            continue
