"""Reads orders from CSV, a row at a time: rows in a row with one number or reference are the lines of one order. Pure.

What looks like a formula to a spreadsheet program is written with an apostrophe before it, which is taken off again.
"""

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from io import TextIOWrapper
from typing import Any, BinaryIO, Final

from app.exchange.csv_columns import (
    JSON_COLUMNS,
    LINE_COLUMNS,
    LINE_NUMBER,
    METADATA_PREFIX,
    ORDER_COLUMNS,
    TIMES,
    Path,
    column_like,
    column_named,
)
from app.exchange.documents import DOCUMENT_LENGTH_MAX, ORDER_FIELDS, Document, Fault, Kind, Unreadable

_DELIMITERS: Final = ",;\t"
_LINE_LENGTH_MAX: Final = 1_000_000
_PACKED: Final = ("\x1f\udc8b", "PK\x03\x04")
_UTF_16: Final = ("\udcff\udcfe", "\udcfe\udcff")
"""As bytes that are no UTF-8 are read here: each as a surrogate."""

_LINES_KEPT: Final = 501
"""One more than an order may have, which is enough to refuse it."""

FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def documents(file: BinaryIO) -> Iterator[Document]:
    """Yield the orders of a file in UTF-8; raises Unreadable where it is no table any more."""
    text = TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
    lines = _bounded(text)
    first = next(lines, "")
    if first.startswith(_PACKED):
        raise Unreadable(1, "packed", "The file is packed, as gzip, ZIP and spreadsheets are: send its text.")
    if "\0" in first or first.startswith(_UTF_16):
        raise Unreadable(1, "encoding", "The file is not in UTF-8: it may be in UTF-16.")
    delimiter = max(_DELIMITERS, key=first.count)
    header = _header(first, delimiter)
    rows = csv.reader(lines, delimiter=delimiter, strict=True)
    group: list[tuple[int, Mapping[str, str]]] = []
    size = 0
    try:
        for line, cells in _numbered(rows):
            row = dict(zip(header, map(_unguarded, cells), strict=False))
            if len(cells) != len(header):
                row[_WIDTH] = f"The row has {len(cells)} cells and the header {len(header)}"
            if group and not _belongs(row, group[0][1]):
                yield _sized(order_of(group), size)
                group, size = [], 0
            length = len(delimiter.join(cells))
            if len(group) < _LINES_KEPT and size < DOCUMENT_LENGTH_MAX:
                group.append((line, row))
            size += length
    except Unreadable as unreadable:
        if group:
            unended = _sized(order_of(group), size)
            message = "The row after it cannot be read, and may be one of its lines"
            unended.faults.append(Fault(f"line {unreadable.line}", unreadable.code, message))
            yield unended
        raise
    if group:
        yield _sized(order_of(group), size)


_WIDTH: Final = " width"
"""No column has this name: a header's are without spaces around them."""


def _sized(order: Document, size: int) -> Document:
    """Return the order with its size; one that is too large has been cut off, and is refused."""
    order.size = min(size, DOCUMENT_LENGTH_MAX)
    if size >= DOCUMENT_LENGTH_MAX:
        message = f"The rows of the order have more than {DOCUMENT_LENGTH_MAX:,} characters together"
        order.faults.append(Fault(f"line {order.line}", "too_long", message))
    return order


def _bounded(text: TextIOWrapper) -> Iterator[str]:
    number = 0
    while line := text.readline(_LINE_LENGTH_MAX):
        number += 1
        if len(line) == _LINE_LENGTH_MAX:
            raise Unreadable(number, "line_too_long", f"Line {number} has {_LINE_LENGTH_MAX} characters or more.")
        yield line


def _numbered(rows: Any) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that hold anything, each with the line of the file in which it begins."""
    while True:
        # The header is line 1 and was read before.
        line = rows.line_num + 2
        try:
            cells = next(rows, None)
        except csv.Error as error:
            raise Unreadable(line, "csv_syntax", f"The row that begins in line {line} is no CSV: {error}.") from None
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            yield line, cells


def _header(first: str, delimiter: str) -> list[str]:
    try:
        cells = next(csv.reader([first], delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        raise Unreadable(1, "csv_header", f"The header is no CSV: {error}.") from None
    header: list[str] = []
    for cell in cells:
        column = column_named(cell)
        shown = cell.strip()[:60].encode("utf-8", "replace").decode()
        if column is None:
            near = column_like(shown)
            told = "an export in CSV has all that are" if near is None else f"`{near}` is"
            raise Unreadable(1, "csv_header", f"The header names a column `{shown}` that is not known; {told}.")
        if column in header:
            raise Unreadable(1, "csv_header", f"The column `{shown}` says the same as another: `{column}`.")
        header.append(column)
    if not {"number", "reference"} & set(header):
        raise Unreadable(1, "csv_header", "The header names neither a column `number` nor `reference`.")
    return header


def _belongs(row: Mapping[str, str], first: Mapping[str, str]) -> bool:
    return all(row.get(name, "").strip() == first.get(name, "").strip() for name in ("number", "reference")) and any(
        row.get(name, "").strip() for name in ("number", "reference")
    )


def order_of(rows: Sequence[tuple[int, Mapping[str, str]]]) -> Document:
    """Return the order that rows (line of the file, column -> cell) make together."""
    line, first = rows[0]
    found = Document(Kind.ORDER, line)
    for number, row in rows:
        if _WIDTH in row:
            found.faults.append(Fault(f"line {number}", "csv_width", row[_WIDTH]))
        _compare(found, number, row, first)
        _read_line(found, number, row)
    for column, path in ORDER_COLUMNS.items():
        text = first.get(column, "").strip()
        if text:
            _set(found, found.content, (), path, column, line, text)
    _read_metadata(found, line, first)
    _read_exact(found, line)
    found.number = found.content.get("number")
    found.reference = found.content.get("reference")
    if not (found.number or found.reference):
        found.faults.append(
            Fault(f"line {line}", "unidentified", "The row has neither a number nor a reference to know the order by")
        )
    return found


def _compare(found: Document, number: int, row: Mapping[str, str], first: Mapping[str, str]) -> None:
    for column, cell in row.items():
        text = cell.strip()
        if text and column not in _OF_THE_ROW and text != first.get(column, "").strip():
            found.faults.append(
                Fault(_place(column, number), "rows_differ", "The first row of the same order says something else")
            )


_OF_THE_ROW: Final = frozenset({*LINE_COLUMNS, LINE_NUMBER, _WIDTH})


def _read_line(found: Document, number: int, row: Mapping[str, str]) -> None:
    cells = {column: text for column in LINE_COLUMNS if (text := row.get(column, "").strip())}
    if not cells:
        return
    lines = found.content.setdefault("lines", [])
    lines.append({})
    where = ("lines", len(lines) - 1)
    found.places[where] = f"line {number}"
    given = row.get(LINE_NUMBER, "").strip()
    if given and given.lstrip("0") != str(len(lines)):
        found.notes.append(f"Not kept: {_place(LINE_NUMBER, number)}: `{given[:20]}` is line {len(lines)} of the order")
    for column, text in cells.items():
        _set(found, lines[-1], where, LINE_COLUMNS[column], column, number, text)


def _read_metadata(found: Document, line: int, first: Mapping[str, str]) -> None:
    keys = {
        column.removeprefix(METADATA_PREFIX): cell.strip()
        for column, cell in first.items()
        if column.startswith(METADATA_PREFIX) and cell.strip()
    }
    if keys:
        whole = found.content.get("metadata")
        found.content["metadata"] = {**whole, **keys} if isinstance(whole, dict) else keys
        found.places.setdefault(("metadata",), f"columns metadata.*, line {line}")


def _read_exact(found: Document, line: int) -> None:
    exact = found.content.pop("exact", None)
    if exact is None:
        return
    if not isinstance(exact, dict) or exact.keys() - set(ORDER_FIELDS):
        found.faults.append(
            Fault(_place("exact", line), "exact", "An object with fields of a purchase order is expected here")
        )
        return
    found.content.update(exact)


def _set(
    found: Document, target: dict[str, Any], where: tuple[str | int, ...], path: Path, column: str, line: int, text: str
) -> None:
    place = _place(column, line)
    found.places[where + path] = place
    if not text.isprintable() and max(text) >= "\udc80" and any("\udc80" <= one <= "\udcff" for one in text):
        found.faults.append(Fault(place, "encoding", "The cell is not in UTF-8"))
        return
    value = _value(found, column, place, text)
    for name in path[:-1]:
        target = target.setdefault(name, {})
    target[path[-1]] = value


def _value(found: Document, column: str, place: str, text: str) -> Any:
    if column in TIMES and _DAY.fullmatch(text):
        return f"{text}T00:00:00Z"
    if column == "draft":
        # What is neither is told by the rule for the field itself.
        return {"true": True, "false": False}.get(text.lower(), text)
    if column.endswith("_street"):
        return text.split("\n")
    if column == "payment_methods" and not text.startswith("["):
        return [method.strip() for method in text.split(";") if method.strip()]
    if column in JSON_COLUMNS:
        return _json(found, place, text)
    return text


def _json(found: Document, place: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        found.faults.append(Fault(place, "json", "The cell holds no JSON"))
        return None


def _unguarded(cell: str) -> str:
    return cell[1:] if cell[:1] == "'" and cell[1:2] in {*FORMULA_STARTS, "'"} else cell


def _place(column: str, line: int) -> str:
    return f"column {column}, line {line}"
