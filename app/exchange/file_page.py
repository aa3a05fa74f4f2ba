"""docs/import-files.md, made from the tables of the readers, so that the page cannot say anything else. Pure.

`make pages` writes it anew.
"""

from collections.abc import Mapping
from typing import Final

from app.exchange import amazon, x12_214, x12_850, x12_855, x12_856, x12_860
from app.exchange.csv_columns import (
    COLUMNS,
    JSON_COLUMNS,
    LINE_COLUMNS,
    LINE_NUMBER,
    ORDER_COLUMNS,
    SYNONYMS,
    TIMES,
    Path,
)
from app.exchange.documents import FORMAT_MEANINGS

_INTRODUCTION: Final = """\
# What may stand in a file

`POST /v1/imports` takes a file of up to 50 MiB as its body, `GET /v1/exports/purchase-orders` writes one. The first
characters of a file tell its form, unless `format` does:

{forms}

A document of a file, an order, a change of one, an acknowledgement or a shipment, is taken whole or not at all. What is
not taken is in the report of `GET /v1/imports/{{id}}`, with its line, its number and the reason, which names the
column, the segment and element, or the JSON path. An order is known by its number, or by its `reference` where the file
says no number: one that is there already and says the same is `unchanged`. A change or an acknowledgement that has come
before, in an interchange that says the same in its ISA, is `unchanged` too, whatever has become of the order since.
"""

_CSV: Final = """\
## CSV

UTF-8, with a header; comma, semicolon or tab. Rows that follow each other with the same `number`, or the same
`reference` where they have no number, are the lines of one order: what stands in columns of the order is said in the
first of them, and the others leave it empty or repeat it. Case does not matter in the header, and neither does what
stands between its words. A column that is not known is an error, but for `metadata.<key>`, which is a key of
`metadata`. A column `line` ({line_numbers}) is taken, and its numbers are not kept: lines count from 1, as they come.
Decimals have a point. A time is written as in RFC 3339; a date alone is the beginning of that day in UTC.
What looks like a formula to a spreadsheet program is written with an apostrophe before it, which is taken off again.
"""

_X12: Final = """\
## X12

Read are interchanges of the versions 004010 to 008010, one or several in a file. Taken although the standard asks for
something else: a byte order mark, fields of ISA that are not filled up, line breaks after terminators or where a system
has wrapped lines, empty segments, a last segment without its terminator. Refused is what may mean that something was
lost: a count in SE01, GE01, IEA01 or CTT01, a sum in CTT02, a control number that does not fit, a set without SE.

Exports are 005010. An interchange holds up to 100 orders, and its delimiters are characters that none of them holds:
mostly `*` and `~`, otherwise `|` or control characters.

Lines count from 1, in the order of the 850, and are known by these numbers in an 855, 860 and 865; an 850 that is
exported has them in PO101. An 860 changes an order as `PATCH` does: at once while nobody has confirmed it, else by a
change order that its seller answers, with an 865 or over the API. An 855 or 865 is an acknowledgement as `confirm`
takes it, by the order's seller, or by its buyer on the seller's behalf.

An 856 and a 214 are of shipments: a key needs the scope `ship` for them, and `orders:write` for all else. They are sent
by the owner, the seller or a named forwarder of the orders; whoever merely holds the number of an order does this over
the API.
"""


def file_page() -> str:
    """Return the page, in Markdown."""
    forms = "\n".join(f"- `{form}`: {meaning}" for form, meaning in FORMAT_MEANINGS.items())
    return "\n".join(
        (
            _INTRODUCTION.format(forms=forms),
            _CSV.format(line_numbers=", ".join(f"`{one}`" for one, meant in SYNONYMS.items() if meant == LINE_NUMBER)),
            _columns("of the order", ORDER_COLUMNS),
            _columns("of the line", LINE_COLUMNS),
            _X12,
            f"### 850, purchase order\n\n{_table_of(x12_850.__doc__)}",
            f"### 860, change order\n\n{_table_of(x12_860.__doc__)}",
            f"### 855, acknowledgement, and 865, acknowledgement of a change\n\n{_table_of(x12_855.__doc__)}",
            f"### 856, ship notice\n\n{_table_of(x12_856.__doc__)}",
            f"### 214, shipment status\n\n{_table_of(x12_214.__doc__).format(codes=x12_214.codes_page())}",
            f"## Amazon's Vendor Orders API\n\n{_table_of(amazon.__doc__)}",
        )
    )


def _columns(whose: str, columns: Mapping[str, Path]) -> str:
    rows = [f"| column {whose} | also called | holds |", "|---|---|---|"]
    for name in COLUMNS:
        if name in columns:
            others = ", ".join(f"`{other}`" for other, meant in SYNONYMS.items() if meant == name)
            rows.append(f"| `{name}` | {others} | {_holds(name)} |")
    return "\n".join(rows) + "\n"


def _holds(column: str) -> str:
    if column == "exact":
        return "JSON: fields of the order, written where the other columns do not give it back as it is"
    if column == "payment_methods":
        return "texts with `;` between them, or JSON"
    if column in JSON_COLUMNS:
        return "JSON, as in the API"
    if column in TIMES:
        return "time"
    if column.endswith("_street"):
        return "up to four lines"
    return ""


def _table_of(text: str | None) -> str:
    """Return what a module says of its mapping: its docstring from the table on."""
    _, begin, rest = (text or "").partition("\n\n|")
    return f"{begin.strip()}{rest.strip()}\n"
