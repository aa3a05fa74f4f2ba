"""Many clients at once, and the service killed among them: no number twice, none lost that was acknowledged.

The sizes are CI's; `FIRE_CLIENTS=64 FIRE_NUMBERS=20000 FIRE_WORKERS=2` is the full one.
"""

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from app.db.embedded import url_of_running
from tests.command import Service, is_running, until
from tests.db.embedded import ask

CLIENTS = int(os.environ.get("FIRE_CLIENTS", "16"))
NUMBERS = int(os.environ.get("FIRE_NUMBERS", "1000"))
WORKERS = os.environ.get("FIRE_WORKERS", "2")

SETTINGS = {
    "LOG_LEVEL": "warning",
    "PO_REGISTRY_WORKERS": WORKERS,
    # These tests are about numbers. On a machine that others use too, a request may wait longer than a gate would.
    "DATABASE_TIMEOUT": os.environ.get("FIRE_DATABASE_TIMEOUT", "10"),
}


@pytest.fixture
def service(data_directory: Path) -> Iterator[Service]:
    key = (data_directory / "admin.key").read_text().strip()
    with Service(key=key, PO_REGISTRY_DATA_DIR=data_directory, **SETTINGS) as service:
        yield service.ready()


@dataclass
class Fire:
    """Clients with a connection each that ask for number after number, and what became of it."""

    service: Service
    wanted: int
    numbers: list[str] = field(default_factory=list)
    refused: list[bytes] = field(default_factory=list)
    asked: int = 0

    def run(self, in_the_middle: Callable[[], object] | None = None) -> None:
        asyncio.run(self._run(in_the_middle))

    def only_held_back(self) -> bool:
        """Return whether whatever was refused was refused as it should be without a database: 503, try again."""
        return all(head.startswith(b"HTTP/1.1 503 ") and b"retry-after:" in head.lower() for head in self.refused)

    async def _run(self, in_the_middle: Callable[[], object] | None) -> None:
        clients = [asyncio.create_task(self._client()) for _ in range(CLIENTS)]
        if in_the_middle is not None:
            while len(self.numbers) < self.wanted * 0.4:
                await asyncio.sleep(0.005)
            await asyncio.to_thread(in_the_middle)
        await asyncio.wait_for(asyncio.gather(*clients), 600)

    async def _client(self) -> None:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.service.port)
        except OSError:
            return
        request = (
            f"POST /v1/purchase-orders HTTP/1.1\r\nHost: fire\r\nAuthorization: Bearer {self.service.key}\r\n"
            "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
        ).encode()
        try:
            while self.asked < self.wanted:
                self.asked += 1
                writer.write(request)
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                body = await reader.readexactly(length)
                if head.startswith(b"HTTP/1.1 201 "):
                    self.numbers.append(json.loads(body)["number"])
                else:
                    self.refused.append(head)
        except (OSError, asyncio.IncompleteReadError):
            # The other side was killed: this client's last request has no answer.
            return
        finally:
            writer.close()


def known(service: Service, numbers: list[str]) -> int:
    """Return how many of the numbers the service knows, asked as a gate asks."""
    found = 0
    with service.client() as client:
        for start in range(0, len(numbers), 500):
            answer = client.post("/v1/validations/batch", json={"inputs": numbers[start : start + 500]})
            assert answer.status_code == 200, answer.text
            found += sum(result["order"] is not None for result in answer.json()["results"])
    return found


def test_every_client_gets_numbers_of_its_own_and_no_error(service: Service, data_directory: Path) -> None:
    fire = Fire(service, NUMBERS)
    started = time.monotonic()
    fire.run()
    seconds = time.monotonic() - started
    assert fire.refused == []
    assert len(fire.numbers) == NUMBERS
    assert len(set(fire.numbers)) == NUMBERS
    url = url_of_running(data_directory)
    assert url is not None
    assert ask(url, "SELECT count(DISTINCT number) FROM purchase_orders") == NUMBERS
    print(f"{NUMBERS} numbers, {CLIENTS} clients, {WORKERS} workers: {NUMBERS / seconds:.0f} numbers/s")


def test_a_service_that_is_killed_while_it_issues_loses_no_number_and_issues_none_twice(
    service: Service, data_directory: Path
) -> None:
    before = Fire(service, NUMBERS // 2)
    before.run(in_the_middle=service.process.kill)
    # Postgres dies with the service, and a worker may live a moment longer than both.
    assert before.only_held_back()
    assert 0.4 * before.wanted <= len(before.numbers) < before.wanted, "the kill came too late to prove anything"
    with Service(key=service.key, port=service.port, PO_REGISTRY_DATA_DIR=data_directory, **SETTINGS) as again:
        again.ready()
        after = Fire(again, NUMBERS // 4)
        after.run()
        assert after.refused == []
        numbers = before.numbers + after.numbers
        assert len(set(numbers)) == len(numbers) == len(before.numbers) + NUMBERS // 4
        assert known(again, numbers) == len(numbers)


@pytest.mark.parametrize("victim", ["worker", "postgres"])
def test_a_part_that_is_killed_while_numbers_are_issued_costs_only_the_requests_under_way(
    service: Service, data_directory: Path, victim: str
) -> None:
    postmaster = data_directory / "postgres" / "cluster" / "postmaster.pid"
    process_id = service.workers()[0] if victim == "worker" else int(postmaster.read_text().split("\n", 1)[0])
    before = Fire(service, NUMBERS // 2)
    before.run(in_the_middle=lambda: os.kill(process_id, signal.SIGKILL))
    until(lambda: not is_running(process_id) and len(service.workers()) == int(WORKERS))
    assert before.only_held_back()
    assert victim == "postgres" or before.refused == []
    until(lambda: recovers(before))
    after = Fire(service, NUMBERS // 4)
    after.run()
    assert after.refused == []
    numbers = before.numbers + after.numbers
    assert len(set(numbers)) == len(numbers)
    assert known(service, numbers) == len(numbers)


def recovers(fire: Fire) -> bool:
    """Ask for twice as many as come after; connections that broke with Postgres are found out by those who use them.

    That of a lease is used once in many numbers.
    """
    some = Fire(fire.service, NUMBERS // 2)
    some.run()
    assert some.only_held_back()
    fire.numbers += some.numbers
    return some.refused == []
