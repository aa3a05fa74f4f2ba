"""The command `po-registry` as its users meet it: a process of its own, with a port and a data directory of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import httpx

ROOT = Path(__file__).resolve().parent.parent
COMMAND = Path(sys.executable).with_name("po-registry")

UNMEASURED = {"COVERAGE_PROCESS_CONFIG": ""}
"""Measuring lines doubles the time of a start. Some tests of the command measure `serve`; the others need not."""

_OURS = ("DATABASE", "PO_REGISTRY", "METRICS", "PROMETHEUS")
_PLAIN = {"HOST", "PORT", "LOG_LEVEL", "SHUTDOWN_TIMEOUT", "BACKGROUND_WORK"}


def environment(**settings: object) -> dict[str, str]:
    """Return this process's environment with these settings and no others of the service."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS) and name not in _PLAIN}
    return {**kept, **{name: str(value) for name, value in settings.items()}}


def run(*arguments: str, timeout: float = 120, **settings: object) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [COMMAND, *arguments],
        check=False,
        env=environment(**settings),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def until(true: Callable[[], Any], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def children(process_id: int) -> list[int]:
    """Return the process ids of the worker processes that a `serve` has started."""
    try:
        started = Path(f"/proc/{process_id}/task/{process_id}/children").read_text().split()
    except FileNotFoundError:
        return []
    return [int(one) for one in started if "spawn_main" in _command_line(int(one))]


def is_running(process_id: int) -> bool:
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def _command_line(process_id: int) -> str:
    try:
        return Path(f"/proc/{process_id}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


class Service:
    """`po-registry serve` for as long as the block lasts, with its logs in a file."""

    def __init__(
        self,
        *arguments: str,
        key: str = "",
        port: int | None = None,
        terminal: int | None = None,
        measure: bool = False,
        **settings: object,
    ) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.key = key
        self._arguments = arguments
        measured = {} if measure else UNMEASURED
        self._settings = {"PORT": self.port, "PO_REGISTRY_DATA_DIR": "/dev/null", **measured, **settings}
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed at the end of the block
        self._output = self._log.fileno() if terminal is None else terminal

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            [COMMAND, "serve", *self._arguments],
            env=environment(**self._settings),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._output,
        )
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(90)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise
        self._log.close()

    def ready(self) -> Self:
        """Wait until it answers, and return it."""
        self.until_answers("/readyz", 200)
        return self

    def until_answers(self, path: str, status: int) -> None:
        def answers() -> bool:
            assert self.process.poll() is None, f"the service ended: {self.output()}"
            try:
                return httpx.get(self.url + path, timeout=5).status_code == status
            except httpx.TransportError:
                return False

        until(answers)

    def stop(self, with_signal: signal.Signals = signal.SIGTERM) -> int:
        """Send the signal and return the exit status."""
        self.process.send_signal(with_signal)
        return self.process.wait(90)

    def output(self) -> str:
        """Everything that was written to standard output and standard error so far."""
        size = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), size, 0).decode()

    def lines(self) -> list[dict[str, Any]]:
        """The log; fails where a line is not JSON."""
        return [json.loads(line) for line in self.output().splitlines()]

    def workers(self) -> list[int]:
        return children(self.process.pid)

    def client(self, key: str | None = None) -> httpx.Client:
        headers = {"Authorization": f"Bearer {key or self.key}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30)

    def issue(self) -> str:
        """Issue a number on a connection of its own and return it."""
        with self.client() as client:
            answer = client.post("/v1/purchase-orders", json={})
        assert answer.status_code == 201, answer.text
        number: str = answer.json()["number"]
        return number
