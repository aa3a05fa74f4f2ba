"""Who is measured, one after the other in each round: a machine that is busy for a while is busy for all of them."""

import asyncio
import itertools
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import asyncpg

from benchmarks.processes import Load, family, processor_seconds, run_wrk, until_idle

BATCH = 1_000
_SECONDS_FOR_BATCHES = 6

HELLO, BARE, ECHO = "hello", "bare ASGI", "echo of an issue's body"
ORM_VALIDATE, ORM_ISSUE = "afternoon's ORM, validate", "afternoon's ORM, issue"
HAND_VALIDATE, HAND_ISSUE = "afternoon by hand, validate", "afternoon by hand, issue"
VALIDATE, VALIDATE_POST, ISSUE = "validate one, GET", "validate one, POST", "issue one"
VALIDATE_MINIMAL = "validate one, GET, return=minimal"
VALIDATE_BATCH, ISSUE_BATCH = "validate 1,000 in a batch, numbers", "issue 1,000 in a batch, numbers"
OURS = (VALIDATE, VALIDATE_MINIMAL, VALIDATE_POST, ISSUE, VALIDATE_BATCH, ISSUE_BATCH)
PGBENCH, INSERT_SELECT = "pgbench, single SELECTs, 16 clients", "one INSERT ... SELECT of 1,000 orders, orders"


@dataclass
class Figure:
    """What the rounds have measured of one: things a second, and how much processor time each has cost.

    `server` and `postgres` are microseconds a request; latencies are milliseconds of the loop that is closed.
    """

    rates: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    server: list[float] = field(default_factory=list)
    postgres: list[float] = field(default_factory=list)

    def median(self) -> float:
        """Return the median of the rates."""
        return statistics.median(self.rates)

    def ratios(self, other: "Figure") -> list[float]:
        """Return the ratio to another in each round."""
        return [one / two for one, two in zip(self.rates, other.rates, strict=True)]


@dataclass(frozen=True)
class Runner:
    """A load for wrk, the process that serves it, and what one answer counts as."""

    load: Load
    process: int
    counts: int = 1


Measure = Callable[[float], float]
"""A measurement that is not wrk's: takes seconds, returns things a second."""


def run(
    runners: Mapping[str, Runner | Measure],
    *,
    rounds: int,
    seconds: float,
    orders: int,
    postmaster: int,
    say: Callable[[str], None],
) -> dict[str, Figure]:
    """Measure everyone in each round, in turned order every second one; the first round only warms up."""
    figures = {name: Figure() for name in runners}
    for number in range(rounds + 1):
        began = time.monotonic()
        for name in list(runners) if number % 2 else reversed(list(runners)):
            if number == 0:
                _measure(Figure(), runners[name], min(seconds, 1), orders, postmaster)
            else:
                _measure(figures[name], runners[name], seconds, orders, postmaster)
        say(f"round {number} of {rounds}: {time.monotonic() - began:.0f} s" if number else "warmed up")
    return figures


def _measure(figure: Figure, runner: Runner | Measure, seconds: float, orders: int, postmaster: int) -> None:
    if not isinstance(runner, Runner):
        figure.rates.append(runner(seconds))
        return
    before = processor_seconds([runner.process]), processor_seconds(family(postmaster))
    # wrk leaves out what it has not finished: of batches that would be too much.
    long_enough = seconds if runner.counts == 1 else max(seconds, _SECONDS_FOR_BATCHES)
    measured = run_wrk(runner.load, orders=orders, seconds=long_enough)
    after = processor_seconds([runner.process]), processor_seconds(family(postmaster))
    # What wrk has hung up on is still being done: the next one must not pay for it.
    until_idle(runner.process)
    figure.rates.append(measured.a_second * runner.counts)
    figure.refused.append(measured.refused)
    figure.p50.append(measured.p50)
    figure.p99.append(measured.p99)
    figure.server.append((after[0] - before[0]) * 1e6 / max(measured.requests, 1))
    figure.postgres.append((after[1] - before[1]) * 1e6 / max(measured.requests, 1))


def spread(values: list[float], digits: int = 2) -> str:
    """Return the median with the least and the greatest."""
    median, least, most = statistics.median(values), min(values), max(values)
    return f"{median:,.{digits}f} [{least:,.{digits}f}, {most:,.{digits}f}]"


def insert_select(url: str, key: str) -> Measure:
    """Return the measurement of one SQL statement that inserts 1,000 orders with all that issuing writes of them.

    Their lines, events and outbox rows too, as copies of those of the order with the number key `key`.
    """
    times = itertools.count(1)
    return lambda seconds: asyncio.run(_insert_for_a_while(url, key, seconds, next(times)))


async def _insert_for_a_while(url: str, key: str, seconds: float, time_: int) -> float:
    connection = await asyncpg.connect(url)
    try:
        statement = await _insert_statement(connection, key)
        began, inserted = time.perf_counter(), 0
        while time.perf_counter() < began + seconds:
            await connection.execute(statement, time_, inserted)
            inserted += BATCH
        return inserted / (time.perf_counter() - began)
    finally:
        await connection.close()


async def _insert_statement(connection: asyncpg.Connection, key: str) -> str:
    number = "'POC' || lpad($1::int::text, 4, '0') || lpad(($2::int + n)::text, 9, '0')"
    serial = "lpad(to_hex($1::int), 4, '0') || '-7000-8000-' || lpad(to_hex($2::int + n), 12, '0')"
    made = {"number_key": number, "number": number, "id": f"('01900001-' || {serial})::uuid"}
    parties = {"seller_id": "NULL::uuid", "ship_to_id": "NULL::uuid", "forwarder_ids": "'{}'::uuid[]"}
    event = {**made, **parties, "bucket": "n % 64"}
    copies = {
        "purchase_orders": ("purchase_orders", made, ""),
        "purchase_order_lines": ("purchase_order_lines", made, ""),
        "purchase_order_events": ("purchase_order_events", made, " AND sequence = 1"),
        # A relay may have taken the pattern's own.
        "outbox": ("purchase_order_events", event, " AND sequence = 1"),
    }
    parts = []
    for table, (source, changed, only) in copies.items():
        columns = await connection.fetch(
            "SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped", table
        )
        names = [row["attname"] for row in columns]
        quoted = ", ".join(f'"{name}"' for name in names)
        values = [changed.get(name, f'copied."{name}"') for name in names]
        parts.append(
            f"{table}_made AS (INSERT INTO {table} ({quoted}) SELECT {', '.join(values)} "
            f"FROM {source} AS copied, generate_series(1, {BATCH}) AS n WHERE number_key = '{key}'{only})"
        )
    return f"WITH {', '.join(parts)} SELECT 1"
