"""`po-registry serve` while it runs: stopping it, killing it, its workers, its logs, its metrics, its connections."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import asyncpg
import httpx
import pytest

from app.db.embedded import EmbeddedPostgres, url_of_running
from tests.command import Service, free_port, is_running, run, until
from tests.db.embedded import ask, has_no_process

both = pytest.mark.parametrize("workers", [1, 2])


@pytest.fixture
def key(data_directory: Path) -> str:
    return (data_directory / "admin.key").read_text().strip()


@pytest.fixture
def service(data_directory: Path, key: str) -> Iterator[Service]:
    """A service with two workers and the embedded Postgres, to be harmed."""
    with Service("--workers", "2", PO_REGISTRY_DATA_DIR=data_directory, key=key) as service:
        yield service.ready()


@pytest.fixture(scope="module")
def shared_directory(made_by_serve: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("shared") / "data"
    subprocess.run(["cp", "-a", made_by_serve, directory], check=True)
    return directory


@pytest.fixture(scope="module")
def shared(shared_directory: Path) -> Iterator[Service]:
    """A service with two workers for the tests that leave it as it was."""
    key = (shared_directory / "admin.key").read_text().strip()
    with Service("--workers", "2", PO_REGISTRY_DATA_DIR=shared_directory, key=key, measure=True) as service:
        yield service.ready()


class Lock:
    """Keeps every order from being written for as long as the block lasts."""

    def __init__(self, data_directory: Path) -> None:
        url = url_of_running(data_directory)
        assert url is not None
        self._url = url
        self._taken, self._released = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._hold()))

    def __enter__(self) -> None:
        self._thread.start()
        assert self._taken.wait(10)

    def __exit__(self, *_: object) -> None:
        self._released.set()
        self._thread.join()

    async def _hold(self) -> None:
        connection = await asyncpg.connect(self._url)
        async with connection.transaction():
            await connection.execute("LOCK TABLE purchase_orders IN SHARE MODE")
            self._taken.set()
            await asyncio.to_thread(self._released.wait, 10)
        await connection.close()


class Conversation:
    """One connection, byte by byte."""

    def __init__(self, service: Service) -> None:
        self._socket = socket.create_connection(("127.0.0.1", service.port), timeout=20)
        self._key = service.key

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def begin(self, path: str, length: int) -> None:
        """Send the head of a POST."""
        self.send(
            f"POST {path} HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {self._key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n".encode()
        )

    def answer(self) -> tuple[int, Any]:
        """Return the status and the body of the next answer."""
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._more()
        head, body = received.split(b"\r\n\r\n", 1)
        length = re.search(rb"content-length: (\d+)", head.lower())
        assert length is not None
        while len(body) < int(length[1]):
            body += self._more()
        return int(head.split()[1]), json.loads(body)

    def _more(self) -> bytes:
        block = self._socket.recv(65536)
        assert block, "the connection was closed before the answer"
        return block


@contextmanager
def hang_ups(what: signal.Handlers) -> Iterator[None]:
    """Have SIGHUP ignored, as `nohup` does, or not, in whatever the block starts: this process may be under nohup."""
    before = signal.signal(signal.SIGHUP, what)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(
    ("workers", "with_signal"),
    [(1, signal.SIGTERM), (1, signal.SIGHUP), (2, signal.SIGTERM), (2, signal.SIGINT), (2, signal.SIGHUP)],
)
def test_a_request_that_began_before_the_stop_gets_its_answer(
    data_directory: Path, key: str, workers: int, with_signal: signal.Signals
) -> None:
    served = Service("--workers", str(workers), PO_REGISTRY_DATA_DIR=data_directory, key=key)
    with hang_ups(signal.SIG_DFL), served as service:
        service.ready()
        with Conversation(service) as waiting, Conversation(service) as sending, Conversation(service) as idle:
            with Lock(data_directory):
                waiting.begin("/v1/purchase-orders", 2)
                waiting.send(b"{}")
                sending.begin("/v1/purchase-orders", 2)
                sending.send(b"{")
                time.sleep(0.3)
                service.process.send_signal(with_signal)
                until(lambda: '"event": "Shutting down"' in service.output())
                time.sleep(0.3)
            sending.send(b"}")
            numbers = []
            for conversation in (waiting, sending):
                status, order = conversation.answer()
                assert status == 201
                numbers.append(order["number"])
            assert service.process.wait(60) == 0
            idle.send(b"")
        assert "Traceback" not in service.output()
        assert service.lines()[-1]["event"] == "stopped"
    assert has_no_process(data_directory)
    with EmbeddedPostgres(data_directory) as postgres:
        assert {*numbers} <= {*ask(postgres.url, "SELECT array_agg(number) FROM purchase_orders")}


@both
def test_started_to_outlive_its_terminal_it_goes_on(data_directory: Path, key: str, workers: int) -> None:
    served = Service("--workers", str(workers), PO_REGISTRY_DATA_DIR=data_directory, key=key)
    with hang_ups(signal.SIG_IGN), served as service:
        service.ready()
        for process in (service.process.pid, *service.workers()):
            os.kill(process, signal.SIGHUP)
        time.sleep(1)
        assert "Shutting down" not in service.output()
        service.issue()
        assert service.stop() == 0


def test_a_request_that_never_ends_does_not_keep_the_service_from_stopping(data_directory: Path, key: str) -> None:
    with Service(PO_REGISTRY_DATA_DIR=data_directory, SHUTDOWN_TIMEOUT=1, key=key) as service:
        service.ready()
        with Conversation(service) as endless:
            endless.begin("/v1/purchase-orders", 2)
            time.sleep(0.3)
            started = time.monotonic()
            assert service.stop() == 0
            assert 0.9 < time.monotonic() - started < 10
        assert "Traceback" not in service.output()


def test_ctrl_c_twice_stops_at_once_and_postgres_properly(data_directory: Path, key: str) -> None:
    with Service(PO_REGISTRY_DATA_DIR=data_directory, key=key) as service:
        service.ready()
        with Conversation(service) as endless:
            endless.begin("/v1/purchase-orders", 2)
            time.sleep(0.3)
            service.process.send_signal(signal.SIGINT)
            until(lambda: '"event": "Shutting down"' in service.output())
            assert service.stop(signal.SIGINT) == 0
        assert "Traceback" not in service.output()
    assert (data_directory / "postgres.log").read_text().rstrip().endswith("database system is shut down")


def test_killed_without_a_word_it_leaves_no_process_no_port_and_no_file_and_the_next_start_serves(
    data_directory: Path, key: str, tmp_path: Path
) -> None:
    # Other tests start services at the same time: this one keeps its temporary files apart.
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with Service("--workers", "2", PO_REGISTRY_DATA_DIR=data_directory, TMPDIR=temporary, key=key) as service:
        number = service.ready().issue()
        assert list(temporary.glob("po-registry-metrics-*"))
        workers = service.workers()
        assert len(workers) == 2
        service.stop(signal.SIGKILL)
        with Service(PO_REGISTRY_DATA_DIR=data_directory, key=key, port=service.port) as next_one:
            assert next_one.ready().issue() != number
            until(lambda: not any(is_running(worker) for worker in workers))
            assert list(temporary.iterdir()) == []


def test_killed_while_its_workers_start_it_leaves_no_process(data_directory: Path, key: str) -> None:
    with Service("--workers", "2", PO_REGISTRY_DATA_DIR=data_directory, key=key) as service:
        until(lambda: len(service.workers()) == 2)
        workers = service.workers()
        service.stop(signal.SIGKILL)
        until(lambda: not any(is_running(worker) for worker in workers))
    until(lambda: has_no_process(data_directory))


def test_a_worker_that_is_killed_is_replaced_and_the_others_go_on(service: Service) -> None:
    # Ready is the service as soon as one of them is.
    until(lambda: starts_of_workers(service) == 2)
    victim, other = service.workers()
    os.kill(victim, signal.SIGKILL)
    until(lambda: len(set(service.workers()) - {victim}) == 2)
    assert other in service.workers()
    for _ in range(20):
        service.issue()
    until(lambda: starts_of_workers(service) == 3)
    assert service.stop() == 0


def starts_of_workers(service: Service) -> int:
    return sum(line["event"] == "Application startup complete." for line in service.lines())


def test_postgres_that_is_killed_comes_back_without_a_restart(data_directory: Path, service: Service) -> None:
    number = service.issue()
    postmaster = (data_directory / "postgres" / "cluster" / "postmaster.pid").read_text().split("\n", 1)[0]
    os.kill(int(postmaster), signal.SIGKILL)
    service.until_answers("/readyz", 200)
    with service.client() as client:
        until(lambda: client.get(f"/v1/purchase-orders/{number}").status_code == 200)


@pytest.mark.alone
def test_a_revoked_key_stops_on_both_workers_within_a_second(shared: Service) -> None:
    with shared.client() as client:
        made = client.post("/v1/api-keys", json={"name": "leaked", "scopes": ["orders:read"]}).json()
        clients: list[httpx.Client] = []
        until(lambda: len(workers_asked(shared, made["key"], clients)) == 2)
        assert client.post(f"/v1/api-keys/{made['id']}/revoke", json={}).status_code == 200
        revoked = time.monotonic()
    accepted_last = revoked
    while time.monotonic() < revoked + 1.6:
        for one in clients:
            asked = time.monotonic()
            if one.get("/v1/purchase-orders").status_code != 401:
                accepted_last = asked
    assert accepted_last - revoked < 1.0
    for one in clients:
        one.close()


def workers_asked(service: Service, key: str, clients: list[httpx.Client]) -> set[int]:
    """Ask by sixteen more clients at once, which stay connected, and return the workers that have answered so far."""
    more = [service.client(key) for _ in range(16)]
    clients += more
    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(lambda one: one.get("/v1/purchase-orders").status_code, more))
    assert statuses == [200] * 16
    return workers_that_answered(service)


def workers_that_answered(service: Service) -> set[int]:
    """Each worker counts for itself, in a file that bears its process id."""
    directory = environment_of(service.workers()[0])["PROMETHEUS_MULTIPROC_DIR"]
    return {int(file.stem.split("_")[1]) for file in Path(directory).glob("counter_*.db")}


def environment_of(process_id: int) -> dict[str, str]:
    members = Path(f"/proc/{process_id}/environ").read_bytes().split(b"\0")
    return dict(member.decode().split("=", 1) for member in members if b"=" in member)


def issued(metrics: str) -> float:
    lines = [line for line in metrics.splitlines() if line.startswith("po_registry_numbers_issued_total{")]
    return sum(float(line.split()[-1]) for line in lines)


def test_metrics_on_the_main_port_are_for_the_operator_and_add_up_over_the_workers(shared: Service) -> None:
    with shared.client() as client:
        before = issued(client.get("/metrics").text)
    numbers = [shared.issue() for _ in range(30)]
    # Which worker gets a connection is the kernel's affair.
    until(lambda: numbers.append(shared.issue()) or len(workers_that_answered(shared)) == 2)
    assert httpx.get(shared.url + "/metrics").status_code == 401
    with shared.client() as client:
        other = client.post("/v1/api-keys", json={"name": "no operator", "scopes": ["orders:read"]}).json()["key"]
        assert issued(client.get("/metrics").text) == before + len(numbers)
    with shared.client(other) as client:
        assert client.get("/metrics").status_code == 403


@both
def test_metrics_on_a_port_of_their_own_need_no_key_and_add_up_over_the_workers(
    data_directory: Path, key: str, workers: int
) -> None:
    metrics = free_port()
    settings = {"METRICS_PORT": metrics, "PO_REGISTRY_WORKERS": workers, "PO_REGISTRY_DATA_DIR": data_directory}
    with Service(key=key, measure=True, **settings) as service:
        service.ready()
        for _ in range(10):
            service.issue()
        assert issued(httpx.get(f"http://127.0.0.1:{metrics}/metrics").text) == 10
        with service.client() as client:
            assert client.get("/metrics").status_code == 404
        assert service.stop() == 0


def test_each_request_is_one_line_of_json_with_its_id_and_no_secret(shared: Service) -> None:
    with shared.client() as client:
        made = client.post("/v1/api-keys", json={"name": "hunter2", "scopes": ["orders:read"]})
        listed = client.get("/v1/purchase-orders?q=hunter2", headers={"X-Request-ID": "ours-1"})
        answers = [made, listed, client.get("/nowhere?note=hunter2")]

    def lines_by_id() -> dict[str, dict[str, Any]]:
        return {line["request_id"]: line for line in shared.lines() if line["event"] == "request"}

    # A line is written once its answer is sent.
    until(lambda: all(answer.headers["X-Request-ID"] in lines_by_id() for answer in answers))
    lines = lines_by_id()
    for answer in answers:
        line = lines[answer.headers["X-Request-ID"]]
        assert line["status"] == answer.status_code
        assert line["path"] == answer.request.url.path
        assert line["milliseconds"] > 0
    assert "ours-1" in lines
    for secret in (shared.key, made.json()["key"], "hunter2", "Bearer"):
        assert secret not in shared.output()


def test_a_fault_is_logged_by_its_kind_and_place_and_answered_without_a_word_about_it(
    data_directory: Path, service: Service
) -> None:
    url = url_of_running(data_directory)
    assert url is not None
    ask(url, "ALTER TABLE purchase_orders RENAME TO elsewhere")
    with service.client() as client:
        answer = client.post("/v1/purchase-orders", json={"reference": "hunter2"})
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal_error"
    until(lambda: any(line["event"] == "fault" for line in service.lines()))
    (fault,) = [line for line in service.lines() if line["event"] == "fault"]
    assert fault["request_id"] == answer.headers["X-Request-ID"]
    assert fault["sqlstate"] == "42P01"
    assert fault["at"]
    for word in ("INSERT", "SELECT", "Traceback", "hunter2", "elsewhere"):
        assert word not in service.output()
        assert word not in answer.text


def test_a_connection_serves_many_requests(shared: Service) -> None:
    with Conversation(shared) as conversation:
        numbers = set()
        for _ in range(5):
            conversation.begin("/v1/purchase-orders", 2)
            conversation.send(b"{}")
            status, order = conversation.answer()
            assert status == 201
            numbers.add(order["number"])
    assert len(numbers) == 5


@pytest.mark.parametrize("path", ["/v1/purchase-orders", "/v1/purchase-orders/batch"])
def test_a_client_is_told_that_its_body_is_too_large_while_it_still_sends(shared: Service, path: str) -> None:
    size = 9 * 1024 * 1024
    with Conversation(shared) as conversation:
        conversation.begin(path, size)
        conversation.send(b"[" + b" " * 65535)
        status, problem = conversation.answer()
        assert (status, problem["code"]) == (413, "content_too_large")
        # What is still on its way is thrown away, and the connection can be used on.
        conversation.send(b" " * (size - 65536))
        conversation.begin("/v1/purchase-orders", 2)
        conversation.send(b"{}")
        assert conversation.answer()[0] == 201


def test_a_client_that_hangs_up_harms_nobody(shared_directory: Path, shared: Service) -> None:
    def hang_up(after: Callable[[Conversation], None]) -> None:
        with Conversation(shared) as conversation:
            after(conversation)

    def in_the_body(conversation: Conversation) -> None:
        conversation.begin("/v1/purchase-orders", 100)
        conversation.send(b'{"reference": "half')

    def before_the_answer(conversation: Conversation) -> None:
        conversation.begin("/v1/purchase-orders", 2)
        conversation.send(b"{}")

    with Lock(shared_directory):
        for _ in range(30):
            hang_up(in_the_body)
            hang_up(before_the_answer)
            hang_up(lambda conversation: conversation.send(b"GET /v1/purchase-o"))
    for _ in range(10):
        shared.issue()
    with shared.client() as client:
        orders = client.get("/v1/purchase-orders", params={"limit": 200}).json()["data"]
    assert not any(order.get("reference") == "half" for order in orders)
    assert not any(line["level"] in {"error", "critical"} for line in shared.lines())


def test_bytes_that_are_no_http_get_a_400_and_no_stack_trace(shared: Service) -> None:
    with socket.create_connection(("127.0.0.1", shared.port), timeout=10) as raw:
        raw.sendall(b"\x16\x03\x01\x00 this is TLS\r\n\r\n")
        assert raw.recv(65536).startswith(b"HTTP/1.1 400 ")
    shared.issue()
    assert "Traceback" not in shared.output()


def test_a_key_made_on_the_command_line_works_on_a_running_service_at_once(
    shared_directory: Path, shared: Service
) -> None:
    made = run("create-key", "--new-organisation", "Nordwind", PO_REGISTRY_DATA_DIR=shared_directory)
    with shared.client(made.stdout.strip()) as client:
        assert client.post("/v1/purchase-orders", json={}).status_code == 201
