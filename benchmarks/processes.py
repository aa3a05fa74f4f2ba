"""The processes of a run, wrk and pgbench among them, and what they cost: all are children of the one that measures."""

import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.command import ROOT, environment, free_port, until

HERE = Path(__file__).resolve().parent
_seeds = itertools.count(1)
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


def missing_programs() -> list[str]:
    """Return a sentence for each program that is not installed."""
    wanted = {"wrk": "wrk", "pgbench": "postgresql-contrib"}
    return [
        f"{program} is not installed (Debian: apt-get install {package})"
        for program, package in wanted.items()
        if shutil.which(program) is None
    ]


class Contestant:
    """One of the small applications, served as the service is: uvicorn, uvloop, httptools, one worker."""

    def __init__(self, module: str, database_url: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._module = module
        self._database_url = database_url
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed at the end of the block

    def __enter__(self) -> Self:
        options = ["--host", "127.0.0.1", "--loop", "uvloop", "--http", "httptools", "--no-access-log"]
        where = f"benchmarks.contestants.{self._module}:application"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", where, "--port", str(self.port), *options],
            cwd=ROOT,
            env=environment(DATABASE_URL=self._database_url),
            stdout=self._log,
            stderr=self._log,
        )
        until(self._listens)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(30)
        self._log.close()

    def _listens(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(f"{self._module} ended: {os.pread(self._log.fileno(), 10_000, 0).decode()}")
        return b"Uvicorn running" in os.pread(self._log.fileno(), 10_000, 0)


@dataclass(frozen=True)
class Load:
    """What wrk is to send: a kind of requests.lua to `url`, on so many connections; times in milliseconds."""

    url: str
    kind: str
    key: str = "-"
    connections: int = 64


@dataclass(frozen=True)
class Measured:
    """What came of it: good answers a second and their latencies in milliseconds.

    `refused`: the share of all requests that got another answer, or none.
    """

    requests: int
    refused: float
    a_second: float
    p50: float
    p99: float


def run_wrk(load: Load, *, orders: int, seconds: float) -> Measured:
    """Send a load for a while; raises RuntimeError where wrk itself fails.

    Each run draws other numbers and other Idempotency-Keys than all others of this process.
    """
    seed = next(_seeds)
    command = ["wrk", "-t1", f"-c{load.connections}", f"-d{max(1, round(seconds))}s", "--timeout", "30s"]
    script = ["-s", str(HERE / "requests.lua"), load.url, "--", load.kind, load.key, str(orders), str(seed)]
    ran = subprocess.run([*command, *script], check=True, capture_output=True, text=True)
    found = re.search(r"^RESULT (.*)$", ran.stdout, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"wrk said nothing of use: {ran.stdout}{ran.stderr}")
    result: dict[str, Any] = json.loads(found[1])
    bad = result["refused"] + result["broken"]
    good = result["requests"] - result["refused"]
    return Measured(
        requests=result["requests"],
        refused=bad / max(good + bad, 1),
        a_second=good / (result["microseconds"] / 1e6),
        p50=result["p50"] / 1000,
        p99=result["p99"] / 1000,
    )


def run_pgbench(url: str, *, orders: int, seconds: float, clients: int = 16) -> float:
    """Return how many single SELECTs of an order by its number a second pgbench does, prepared."""
    options = ["-n", "-M", "prepared", "-c", str(clients), "-j", "2", "-T", str(max(1, round(seconds)))]
    script = ["-f", str(HERE / "select_one.sql"), "-D", f"orders={orders}", url]
    ran = subprocess.run(["pgbench", *options, *script], check=True, capture_output=True, text=True)
    found = re.search(r"tps = ([\d.]+) \(without", ran.stdout)
    if found is None:
        raise RuntimeError(f"pgbench said nothing of use: {ran.stdout}{ran.stderr}")
    return float(found[1])


def processor_seconds(processes: Iterable[int]) -> float:
    """Return the seconds of processor time that the processes have had so far."""
    return sum(_ticks(process) for process in processes) / _TICKS_A_SECOND


def until_idle(process: int) -> None:
    """Wait until a process does nothing, for half a minute at most."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        before = _ticks(process)
        time.sleep(0.15)
        if _ticks(process) - before <= 1:
            return


def family(process: int) -> list[int]:
    """Return a process and its children: a postmaster with its backends."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [process, *map(int, children)]


def memory(process: int, name: str = "VmRSS") -> float:
    """Return megabytes (10**6 bytes) of memory that a process holds now, or held at most (`VmHWM`)."""
    status = Path(f"/proc/{process}/status").read_text()
    found = re.search(rf"^{name}:\s+(\d+) kB$", status, re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024 / 1e6


def forget_most(process: int) -> None:
    """Have the kernel count the most memory that a process holds anew (proc(5), clear_refs)."""
    Path(f"/proc/{process}/clear_refs").write_text("5")


def _ticks(process: int) -> int:
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(fields[11]) + int(fields[12])
