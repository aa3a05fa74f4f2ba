"""How much memory a worker holds: when it is ready, after 100,000 requests, and for a batch."""

import random
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from benchmarks import loading
from benchmarks.processes import Load, forget_most, memory, run_wrk
from benchmarks.rounds import BATCH
from benchmarks.service import Served

REQUESTS = 100_000
_BATCHES = 4


@dataclass(frozen=True)
class Memory:
    """Megabytes (10**6 bytes). `held_by_a_batch`: the most above what was held before it, by the kind of batch."""

    ready_after: float
    """Seconds from the command to the first `/readyz` that is 200, on a migrated database."""
    ready: float
    after: dict[int, float]
    held_by_a_batch: dict[str, float]


def run(served: Served, *, orders: int, requests: int, say: Callable[[str], None]) -> Memory:
    """Start the service, ask it `requests` times, most of them validations, and weigh it in between."""
    began = time.monotonic()
    with served:
        ready_after, ready = time.monotonic() - began, memory(served.process)
        after: dict[int, float] = {}
        asked = 0
        for goal in (requests // 10, requests):
            while asked < goal:
                for kind, seconds in (("validate", 4), ("issue", 1)):
                    load = Load(served.url, kind, served.key)
                    asked += run_wrk(load, orders=orders, seconds=seconds).requests
            after[asked] = memory(served.process)
            say(f"{after[asked]:.0f} MB after {asked:,} requests")
        held = {
            "validations": _held(served, "/v1/validations/batch", _manifests(orders)),
            "issues": _held(served, "/v1/purchase-orders/batch", _new_orders()),
        }
    return Memory(ready_after, ready, after, held)


def _held(served: Served, path: str, bodies: Iterable[Any]) -> float:
    """Return the most that the worker holds above what it held before, while one client sends batches."""
    forget_most(served.process)
    before = memory(served.process)
    with httpx.Client(base_url=served.url, headers={"Authorization": f"Bearer {served.key}"}, timeout=60) as client:
        for body in bodies:
            client.post(path, json=body).raise_for_status()
    return memory(served.process, "VmHWM") - before


def _manifests(orders: int) -> Iterator[Any]:
    for seed in range(_BATCHES):
        chance = random.Random(seed)
        yield {"inputs": [loading.number_of(chance.randrange(orders)) for _ in range(BATCH)]}


def _new_orders() -> Iterator[Any]:
    for number in range(_BATCHES):
        lines = [{"sku": f"{letter}-{number}", "quantity": "24", "unit_price": "4.90"} for letter in "AB"]
        yield {"purchase_orders": [{"currency": "EUR", "lines": lines}] * BATCH}
