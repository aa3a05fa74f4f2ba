"""Arithmetic of what may come in."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from app.orders.quantities import (
    LineQuantities,
    anything_open,
    anything_received,
    open_by_line,
    sum_by_line,
)

amounts = st.decimals(0, 1000, places=3)
lines = st.lists(st.tuples(amounts.filter(bool), amounts), max_size=5).map(
    lambda rows: [LineQuantities(line, *row) for line, row in enumerate(rows, start=1)]
)


@given(lines)
def test_when_all_that_is_open_has_come_in_nothing_is_open(order: list[LineQuantities]) -> None:
    asked = open_by_line(order)
    assert all(quantity > 0 for quantity in asked.values())
    after = [LineQuantities(line.line, line.ordered, line.received + asked.get(line.line, 0)) for line in order]
    assert not anything_open(after)


def test_lots_of_one_line_are_summed_up() -> None:
    assert sum_by_line([(2, Decimal("1.5")), (1, Decimal(1)), (2, Decimal(2))]) == {2: Decimal("3.5"), 1: Decimal(1)}


def test_an_order_without_lines_has_nothing_open_and_nothing_received() -> None:
    assert not anything_open([])
    assert not anything_received([])
    assert anything_received([LineQuantities(1, Decimal(5), Decimal("0.1"))])
