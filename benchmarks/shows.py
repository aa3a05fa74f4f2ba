"""What is promised of the service's speed, as ratios within one run."""

import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from benchmarks import rounds
from benchmarks.growth import P50s
from benchmarks.pace import Latency
from benchmarks.rounds import Figure


@dataclass(frozen=True)
class Show:
    """One promise and what the rounds have shown of it; `at_most` where less is better."""

    name: str
    wanted: float
    at_most: bool
    values: list[float]

    @property
    def reached(self) -> bool:
        median = statistics.median(self.values)
        return median <= self.wanted if self.at_most else median >= self.wanted


_RATIOS = (
    ("validate one / hello", rounds.VALIDATE, rounds.HELLO, 2.0),
    ("issue one (durable, two lines, event, Idempotency-Key) / hello", rounds.ISSUE, rounds.HELLO, 0.9),
    ("issue one / a FastAPI endpoint that only echoes the same body", rounds.ISSUE, rounds.ECHO, 1.5),
    ("validate one / the afternoon's ORM endpoint", rounds.VALIDATE, rounds.ORM_VALIDATE, 15),
    ("issue one / the afternoon's ORM endpoint", rounds.ISSUE, rounds.ORM_ISSUE, 8),
    (
        "numbers in batches of 1,000 validations / pgbench, single SELECTs at 16 clients",
        rounds.VALIDATE_BATCH,
        rounds.PGBENCH,
        1.5,
    ),
    (
        "numbers in batches of 1,000 issues / orders of one SQL INSERT ... SELECT into the same tables",
        rounds.ISSUE_BATCH,
        rounds.INSERT_SELECT,
        0.5,
    ),
)


def shows(figures: Mapping[str, Figure], latency: Mapping[str, Latency], growth: P50s) -> Iterator[Show]:
    """Yield the promises of which this run can say something."""
    for name, one, other, wanted in _RATIOS:
        if figures:
            yield Show(name, wanted, at_most=False, values=figures[one].ratios(figures[other]))
    if latency:
        values = _by_round(latency[rounds.VALIDATE].p99, latency[rounds.HELLO].p99)
        yield Show("p99 of validate at half its peak / p99 of hello at half its own", 2, at_most=True, values=values)
    if len(growth) > 1:
        most, least = max(growth), min(growth)
        name = f"p50 of validate at {most:,} orders / at {least:,}"
        yield Show(name, 1.15, at_most=True, values=_by_round(growth[most], growth[least]))


def _by_round(ones: list[float], others: list[float]) -> list[float]:
    return [one / other for one, other in zip(ones, others, strict=True)]
