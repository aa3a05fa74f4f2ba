"""Workers apart: what one leaves behind that is killed, another delivers; and a dead endpoint delays no other."""

import os
import statistics
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest

from tests.feed.workers import Apart, Worker, served_apart
from tests.parties import Party
from tests.webhooks.receiver import Receiver, until

ORDERS = int(os.environ.get("WEBHOOK_ORDERS", "5"))
SECONDS = float(os.environ.get("WEBHOOK_SECONDS", "0"))
"""How long to issue orders at `RATE` a second."""

RATE = int(os.environ.get("WEBHOOK_RATE", "50"))

INSIDE = {"WEBHOOK_INTERNAL_HOSTS": "127.0.0.1"}


@pytest.fixture
def apart(new_database: str) -> Iterator[Apart]:
    with served_apart(new_database, **INSIDE) as apart:
        yield apart


def test_what_a_killed_worker_leaves_is_delivered_by_another_in_order(apart: Apart) -> None:
    with apart.operator.new_party("Nordwind") as buyer, Receiver(pause=0.1) as receiver:
        endpoints = [receiver.of(buyer) for _ in range(2)]
        with Worker(apart.database_url, **INSIDE) as first, Worker(apart.database_url, **INSIDE) as second:
            until(lambda: len(apart.holders()) == 2, 90)
            for _ in range(ORDERS):
                order = buyer.issue()
                buyer.act(order, "confirm")
                buyer.act(order, "activate")
            receiver.wait(ORDERS)
            first.kill()
            killed = time.time()
            wanted = ORDERS * 3 * len(endpoints)
            until(lambda: delivered(apart) == wanted, 60 + 2 * ORDERS, lambda: f"{delivered(apart)} of {wanted}")
            assert second.faults() == []
    assert receiver.faults == []
    events = {event["id"]: event for event in receiver.received}
    assert len(events) == ORDERS * 3
    # Both endpoints send to this one place: each brings each event at least once, and an order's in its order.
    of_order: dict[str, list[int]] = defaultdict(list)
    for _, headers in receiver.arrivals:
        event = events[headers["webhook-id"]]
        of_order[event["purchase_order"]["id"]].append(event["sequence"])
    for sequences in of_order.values():
        assert sequences.index(1) < sequences.index(2) < sequences.index(3)
        assert all(sequences.count(one) >= len(endpoints) for one in (1, 2, 3))
    arrivals = [at for at, _ in receiver.arrivals if at >= killed]
    gaps = [later - earlier for earlier, later in zip([killed, *arrivals], arrivals, strict=False)]
    print(f"\n{len(receiver.received) - wanted} of {wanted} came twice; longest silence {max(gaps, default=0):.1f} s")


def delivered(apart: Apart) -> int:
    (row,) = apart.rows("SELECT count(*) AS n FROM webhook_deliveries WHERE status = 'delivered'")
    count: int = row["n"]
    return count


@pytest.mark.alone
@pytest.mark.skipif(not SECONDS, reason="measures, and asserts nothing: WEBHOOK_SECONDS says for how long")
def test_one_endpoint_that_hangs_does_not_delay_two_others(apart: Apart) -> None:
    with apart.operator.new_party("Nordwind") as buyer, Receiver(0) as hanging, Receiver() as one, Receiver() as two:
        for receiver in (hanging, one, two):
            receiver.of(buyer)
        with Worker(apart.database_url, **INSIDE) as worker:
            buyer.issue()
            for receiver in (one, two):
                receiver.wait(1, 60)
            before = cpu_seconds(worker)
            issued = issue_steadily(buyer)
            for receiver in (one, two):
                receiver.wait(1 + issued, 120)
            print(f"\n{1000 * (cpu_seconds(worker) - before) / (2 * issued):.1f} ms of the worker for each delivery")
            assert worker.faults() == []
    for receiver in (one, two):
        assert len({event["id"] for event in receiver.received}) == len(receiver.received) == 1 + issued
        delays = sorted(
            at - datetime.fromisoformat(event["occurred_at"]).timestamp()
            for (at, _), event in list(zip(receiver.arrivals, receiver.received, strict=True))[1:]
        )
        p99 = delays[int(len(delays) * 0.99)]
        print(f"\n{issued} events: median {statistics.median(delays):.3f} s, p99 {p99:.3f} s, most {delays[-1]:.3f} s")


def cpu_seconds(worker: Worker) -> float:
    fields = Path(f"/proc/{worker.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def issue_steadily(buyer: Party) -> int:
    """Issue orders at a steady rate, and return how many were issued."""
    count, local = int(SECONDS * RATE), threading.local()
    begins = time.monotonic()

    def issue(number: int) -> None:
        time.sleep(max(0.0, begins + number / RATE - time.monotonic()))
        if not hasattr(local, "party"):
            local.party = Party(buyer.base_url, buyer.id, buyer.key)
        local.party.issue()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(issue, range(count)))
    return count
