"""Writes orders as CSV rows that give the same orders back. Pure."""

import csv
import json
from collections.abc import Mapping
from io import StringIO
from typing import Any, Final

from app.exchange.csv_columns import COLUMNS, JSON_COLUMNS, LINE_COLUMNS, ORDER_COLUMNS, Path
from app.exchange.csv_reader import FORMULA_STARTS, order_of
from app.exchange.documents import content_of_order, without_empty

_LEFT_OUT: Final = frozenset({"format_id"})
"""What an order says of where its number came from: it has its number now."""

EXPORTED: Final = tuple(column for column in COLUMNS if column not in _LEFT_OUT)


def header() -> str:
    """Return the first line."""
    return _text([list(EXPORTED)])


def rows_of(order: Mapping[str, Any]) -> str:
    """Return the rows of an order as the API shows it: one for each line, or one where it has none."""
    content = content_of_order(order)
    content |= {"number": order["number"]}
    if order["stored_status"] == "draft":
        content["draft"] = True
    rows = _cells(content)
    read = without_empty(order_of(list(enumerate(rows, start=1))).content)
    exact = {name: content.get(name) for name in content.keys() | read.keys() if content.get(name) != read.get(name)}
    if exact:
        rows[0]["exact"] = json.dumps(exact, ensure_ascii=True)
    return _text([[_guarded(row.get(column, "")) for column in EXPORTED] for row in rows])


def _cells(content: Mapping[str, Any]) -> list[dict[str, str]]:
    first = {column: _cell(column, content, path) for column, path in ORDER_COLUMNS.items() if column != "exact"}
    rows = [
        {column: _cell(column, line, path) for column, path in LINE_COLUMNS.items()}
        for line in content.get("lines", [{}]) or [{}]
    ]
    # A reader may find no line in a row that has none of its cells: such a line is said by `exact`.
    for row in rows[1:]:
        row |= {name: first[name] for name in ("number", "reference")}
    rows[0] = first | rows[0]
    return rows


def _cell(column: str, content: Mapping[str, Any], path: Path) -> str:
    value: Any = content
    for name in path:
        value = (value or {}).get(name)
    if value is None:
        return ""
    if column in JSON_COLUMNS:
        return json.dumps(value, ensure_ascii=False)
    if column.endswith("_street"):
        return "\n".join(value)
    return "true" if value is True else str(value)


def _guarded(cell: str) -> str:
    return f"'{cell}" if cell[:1] in {*FORMULA_STARTS, "'"} and cell else cell


def _text(rows: list[list[str]]) -> str:
    written = StringIO(newline="")
    csv.writer(written).writerows(rows)
    return written.getvalue()
