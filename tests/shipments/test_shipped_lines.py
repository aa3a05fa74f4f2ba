"""The items of a ship notice are the order's lines by their product, else by their number."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.shipments.shipped_lines import Item, Line, matched

LINES = [
    Line(1, {"sku": "TS-L", "gtin": "04006381333931"}),
    Line(2, {"sku": "TS-XL"}),
    Line(3, {"sku": "TS-L", "supplier_sku": "A-9"}),
]


def item(line: int | None = None, quantity: str = "5", unit: str | None = "EA", **product: str) -> Item:
    return Item(line, product, Decimal(quantity), unit)


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (item(sku="ts-xl"), 2),
        # A sender counts his own items.
        (item(7, sku="TS-XL"), 2),
        (item(gtin="4006381333931"), 1),
        (item(supplier_sku="A-9"), 3),
        (item(3, sku="TS-L"), 3),
        (item(1, sku="TS-L"), 1),
        # Two lines have it, and nothing says which.
        (item(sku="TS-L"), None),
        (item(2), 2),
        # No name is known of both: the number decides.
        (item(2, gtin="96385074"), 2),
    ],
)
def test_an_item_is_the_line_of_its_product_else_of_its_number(said: Item, line: int | None) -> None:
    (found,), faults = matched([said], LINES)
    assert faults == []
    assert found["line"] == line
    assert found["quantity"] == 5


@pytest.mark.parametrize(
    ("said", "field"),
    [
        (item(9), "line"),
        (item(), "line"),
        (item(sku="SOCKS"), "sku"),
        # The order's line 2 is another product.
        (item(2, sku="SOCKS"), "sku"),
        (item(9, supplier_sku="Z"), "supplier_sku"),
    ],
)
def test_what_is_no_line_of_the_order_is_refused_by_what_it_names(said: Item, field: str) -> None:
    found, faults = matched([item(2), said], LINES)
    assert [fault[:3] for fault in faults] == [(1, field, "unknown_line")]
    assert len(found) == 1


def test_items_of_one_line_and_unit_are_added_up_and_units_kept_apart() -> None:
    found, _ = matched([item(2), item(sku="TS-XL", quantity="1.5"), item(2, unit="CA")], LINES)
    assert [(one["line"], one["unit"], one["quantity"]) for one in found] == [(2, "EA", Decimal("6.5")), (2, "CA", 5)]


def test_more_than_a_quantity_holds_is_refused_and_an_order_without_lines_takes_what_is_said() -> None:
    _, faults = matched([item(2, "999999999999"), item(2, "1")], LINES)
    assert [fault[:3] for fault in faults] == [(1, "quantity", "too_large")]
    found, faults = matched([item(4, sku="ANY")], [])
    assert faults == []
    assert found == [
        {"line": 4, "sku": "ANY", "gtin": None, "supplier_sku": None, "unit": "EA", "quantity": Decimal(5)}
    ]


items: st.SearchStrategy[Any] = st.builds(
    lambda line, sku, quantity: item(line, quantity, **({} if sku is None else {"sku": sku})),
    st.none() | st.integers(1, 4),
    st.none() | st.sampled_from(["TS-L", "TS-XL", "SOCKS"]),
    st.integers(1, 9).map(str),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(items, max_size=6))
def test_nothing_that_comes_is_lost_or_counted_twice(said: list[Item]) -> None:
    found, faults = matched(said, LINES)
    refused = {fault[0] for fault in faults}
    kept = sum(one.quantity for position, one in enumerate(said) if position not in refused)
    assert sum(one["quantity"] for one in found) == kept
