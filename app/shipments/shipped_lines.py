"""Which lines of an order the items of a ship notice are. Pure: no I/O.

An item is the line whose product it names. Numbers of lines come second: senders often count their own items. Where
several lines have the product, its number decides, and without one it stays open which of them comes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

PRODUCT: Final = ("sku", "gtin", "supplier_sku")
_TOO_MUCH: Final = Decimal(10) ** 12

Fault = tuple[int, str, str, str]
"""Of an item: its position, the field, the code of the rule and a sentence."""


@dataclass(frozen=True, slots=True)
class Item:
    """What comes, as the notice says it; any of `line` and the product may be missing."""

    line: int | None
    product: Mapping[str, str]
    quantity: Decimal
    unit: str | None


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the order, with the names that it has for its product."""

    line: int
    product: Mapping[str, str]


def matched(items: Sequence[Item], lines: Sequence[Line]) -> tuple[list[dict[str, Any]], list[Fault]]:
    """Return what comes by line, items of one line and unit added up, and why items are no lines of the order.

    An order without lines takes the items as they are said.
    """
    faults: list[Fault] = []
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for position, item in enumerate(items):
        line = _line_of(item, lines)
        if isinstance(line, str):
            field = next((name for name in PRODUCT if name in item.product), "line")
            faults.append((position, field, "unknown_line", line))
            continue
        product = {**(line.product if line is not None else {}), **item.product}
        number = None if line is None else line.line
        if line is None and not lines:
            number = item.line
        told = {"line": number, **{name: product.get(name) for name in PRODUCT}, "unit": item.unit}
        same = found.setdefault(
            (number, item.unit, *(product.get(name) for name in PRODUCT)), {**told, "quantity": Decimal(0)}
        )
        same["quantity"] += item.quantity
        if same["quantity"] >= _TOO_MUCH:
            faults.append(
                (position, "quantity", "too_large", "All items of the line come to more than a quantity holds")
            )
    return list(found.values()), faults


def _line_of(item: Item, lines: Sequence[Line]) -> Line | str | None:
    """Return the line that an item is; None where it may be several or the order has none; a sentence where no line."""
    if not lines:
        return None
    of_product = [line for line in lines if _is_same(item, line) is True]
    of_number = [line for line in lines if line.line == item.line]
    if of_product:
        both = [line for line in of_number if line in of_product]
        return both[0] if both else of_product[0] if len(of_product) == 1 else None
    if of_number and _is_same(item, of_number[0]) is None:
        return of_number[0]
    has = ", ".join(str(line.line) for line in lines[:20])
    if item.product:
        return f"No line of the order has this product; it has the lines {has}"
    return f"The order has no such line; it has {has}" if item.line is not None else "It names no line and no product"


def _is_same(item: Item, line: Line) -> bool | None:
    """Whether both name the same product; None where no name is known of both."""
    compared = [
        _key(name, item.product[name]) == _key(name, line.product[name])
        for name in PRODUCT
        if name in item.product and name in line.product
    ]
    return any(compared) if compared else None


def _key(name: str, text: str) -> str:
    # A GTIN has up to 14 digits, and shorter forms are filled up with zeros.
    return text.strip().lstrip("0") if name == "gtin" else text.strip().casefold()
