"""How much of an order may come in: arithmetic over the quantities of its lines, each in its line's own unit."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

_NOTHING: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class LineQuantities:
    """What was ordered on a line, what has come in of it, and what the seller has rejected of it."""

    line: int
    ordered: Decimal
    received: Decimal
    rejected: Decimal = _NOTHING

    @property
    def open(self) -> Decimal:
        """What is still to come."""
        return still_open(self.ordered, self.received, self.rejected)

    def receivable(self, tolerance: Decimal) -> Decimal:
        """What may still come in, `tolerance` being the share of what is to come at all that may come in beyond it."""
        return max((self.ordered - self.rejected) * (1 + tolerance) - self.received, _NOTHING)


def still_open(ordered: Decimal, received: Decimal, rejected: Decimal) -> Decimal:
    """What is still to come of what was ordered; never negative, also where more came in than was ordered."""
    if not received and not rejected:
        return ordered
    return max(ordered - rejected - received, _NOTHING)


def open_by_line(lines: Iterable[LineQuantities]) -> dict[int, Decimal]:
    """All that is open, by line, without the lines on which nothing is."""
    return {line.line: line.open for line in lines if line.open}


def sum_by_line(items: Iterable[tuple[int, Decimal]]) -> dict[int, Decimal]:
    """The quantities of (line, quantity) summed up by line: one line may come in several lots."""
    sums: dict[int, Decimal] = {}
    for line, quantity in items:
        sums[line] = sums.get(line, _NOTHING) + quantity
    return sums


def anything_received(lines: Iterable[LineQuantities]) -> bool:
    """Whether anything has come in on any line."""
    return any(line.received for line in lines)


def anything_open(lines: Iterable[LineQuantities]) -> bool:
    """Whether anything is still to come on any line; an order without lines comes in as a whole."""
    return any(line.open for line in lines)
