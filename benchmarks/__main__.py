"""What the service can do, as ratios: `make bench`, or `.venv/bin/python -m benchmarks --help` for a quick run.

Starts a Postgres of its own, fills it, and measures the service beside small applications that do less, interleaved.
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import uvloop

from app.db.embedded import EmbeddedPostgres
from benchmarks import growth, loading, memory, pace, report, rounds
from benchmarks.processes import Contestant, Load, missing_programs, run_pgbench
from benchmarks.rounds import Figure, Runner
from benchmarks.service import Served

PARTS = ("throughput", "latency", "memory", "growth")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what is asked for, print the tables, and write README.md where that is asked for too."""
    options = _parser().parse_args(arguments)
    if missing := missing_programs():
        sys.exit("\n".join(missing))
    results = report.Results(rounds=options.rounds, seconds=options.seconds, orders=options.orders)
    with tempfile.TemporaryDirectory(dir=options.directory, ignore_cleanup_errors=True) as directory:
        # Postgres does not run as root: whose ever it runs as must be able to go in.
        Path(directory).chmod(0o755)
        try:
            with EmbeddedPostgres(Path(directory)) as postgres:
                _measure(options, postgres, results)
        finally:
            # Whatever ends a run of half an hour early: what it has measured is worth a look.
            sys.stdout.write(report.tables(results))
    if options.write:
        report.write(results)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="rounds, of which the median is taken (7)")
    parser.add_argument("--seconds", type=float, default=3, help="seconds of each load in a round (3)")
    parser.add_argument("--orders", type=int, default=100_000, help="orders in the database that is asked (100000)")
    parser.add_argument(
        "--sizes",
        type=lambda text: [int(one) for one in text.split(",")],
        default=[10_000, 100_000, 1_000_000, 10_000_000],
        help="orders at which growth is measured (10000,100000,1000000,10000000)",
    )
    parser.add_argument("--requests", type=int, default=memory.REQUESTS, help="requests before memory is weighed")
    parser.add_argument("--only", choices=PARTS, action="append", help="only this part; may be given several times")
    parser.add_argument("--directory", help="where the databases are made: 1.6 kB an order, 18 GB by default")
    parser.add_argument("--write", action="store_true", help="write the tables and the plot into benchmarks/")
    return parser


def _measure(options: argparse.Namespace, postgres: EmbeddedPostgres, results: report.Results) -> None:
    parts = set(options.only or PARTS)
    if parts != {"growth"}:
        served = growth.filled(postgres.url, "bench", options.orders, _say, afternoon=True)
        if parts & {"throughput", "latency"}:
            with ExitStack() as stack:
                _compare(options, stack, served, postgres, results, parts)
        if "memory" in parts:
            results.memory = memory.run(served, orders=options.orders, requests=options.requests, say=_say)
    if "growth" in parts:
        results.growth = growth.run(
            postgres.url, options.sizes, rounds=options.rounds, seconds=options.seconds, say=_say
        )


def _compare(
    options: argparse.Namespace,
    stack: ExitStack,
    served: Served,
    postgres: EmbeddedPostgres,
    results: report.Results,
    parts: set[str],
) -> None:
    stack.enter_context(served)
    apps = {
        name: stack.enter_context(Contestant(name, served.database_url))
        for name in ("hello", "bare", "afternoon", "afternoon_by_hand")
    }

    def of(name: str, kind: str, path: str = "") -> Runner:
        return Runner(Load(apps[name].url + path, kind), apps[name].process.pid)

    def ours(kind: str, *, batch: bool = False) -> Runner:
        # A thousand at a time are what two systems send, not sixty-four.
        load = Load(served.url, kind, served.key, 2 if batch else 64)
        return Runner(load, served.process, rounds.BATCH if batch else 1)

    runners: dict[str, Runner | rounds.Measure] = {
        rounds.HELLO: of("hello", "plain", "/hello"),
        rounds.VALIDATE: ours("validate"),
        rounds.VALIDATE_MINIMAL: ours("validate_minimal"),
        rounds.ISSUE: ours("issue"),
        rounds.ECHO: of("hello", "echo"),
        rounds.BARE: of("bare", "plain"),
        rounds.VALIDATE_POST: ours("validate_post"),
        rounds.ORM_VALIDATE: of("afternoon", "afternoon_validate"),
        rounds.ORM_ISSUE: of("afternoon", "afternoon_issue"),
        rounds.HAND_VALIDATE: of("afternoon_by_hand", "afternoon_validate"),
        rounds.HAND_ISSUE: of("afternoon_by_hand", "afternoon_issue"),
        rounds.VALIDATE_BATCH: ours("validate_batch", batch=True),
        rounds.PGBENCH: lambda seconds: run_pgbench(served.database_url, orders=options.orders, seconds=seconds),
        rounds.ISSUE_BATCH: ours("issue_batch", batch=True),
        rounds.INSERT_SELECT: rounds.insert_select(served.database_url, served.pattern),
    }
    if "throughput" not in parts:
        runners = {name: runners[name] for name in (rounds.HELLO, rounds.VALIDATE)}
    assert postgres.pid is not None
    figures = rounds.run(
        runners,
        rounds=options.rounds,
        seconds=options.seconds,
        orders=options.orders,
        postmaster=postgres.pid,
        say=_say,
    )
    if "throughput" in parts:
        results.figures = figures
    if "latency" in parts:
        results.latency = _latency(options, runners, figures)


def _latency(
    options: argparse.Namespace, runners: dict[str, Runner | rounds.Measure], figures: dict[str, Figure]
) -> dict[str, pace.Latency]:
    """Measure hello and validate, each at half of its own peak, in turn."""
    taken = {name: pace.Latency(figures[name].median() / 2) for name in (rounds.HELLO, rounds.VALIDATE)}
    for number in range(options.rounds):
        for name, latency in taken.items():
            runner = runners[name]
            assert isinstance(runner, Runner)
            chance = random.Random(number)

            def request(load: Load = runner.load, chance: random.Random = chance) -> bytes:
                if load.kind == "plain":
                    return pace.get(load.url, "/hello")
                number = loading.number_of(chance.randrange(options.orders))
                return pace.get(load.url, f"/v1/validations/{number}", load.key)

            latency.add(
                uvloop.run(pace.latencies(runner.load.url, request, a_second=latency.a_second, seconds=options.seconds))
            )
        _say(f"latency, round {number + 1} of {options.rounds}")
    return taken


def _say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")


if __name__ == "__main__":
    main()
