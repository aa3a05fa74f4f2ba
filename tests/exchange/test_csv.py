"""Orders come in from tables as spreadsheets write them, and each cell that does not fit is named."""

from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.exchange.csv_columns import COLUMNS, JSON_COLUMNS, LINE_COLUMNS, LINE_NUMBER, ORDER_COLUMNS, SYNONYMS, TIMES
from app.exchange.csv_reader import documents
from app.exchange.documents import ORDER_FIELDS, Document, Unreadable
from tests.exchange.files import counts, imported
from tests.parties import Party


def read(text: str | bytes) -> list[Document]:
    return list(documents(BytesIO(text if isinstance(text, bytes) else text.encode())))


def test_rows_that_follow_each_other_with_one_number_are_the_lines_of_one_order() -> None:
    one, two, three = read(
        "number,reference,currency,sku,quantity,unit_price\nA1,R1,EUR,X,2,4.90\nA1,R1,,Y,3,1\n\nA2,,,,,\n,R2,EUR,X,1,2\n"
    )
    assert one.content == {
        "number": "A1",
        "reference": "R1",
        "currency": "EUR",
        "lines": [
            {"sku": "X", "quantity": "2", "unit_price": "4.90"},
            {"sku": "Y", "quantity": "3", "unit_price": "1"},
        ],
    }
    assert (one.line, two.line, three.line) == (2, 5, 6)
    assert two.content == {"number": "A2"}
    assert three.content["reference"] == "R2"


def test_numbers_of_lines_are_noted_where_they_are_not_those_of_the_order() -> None:
    counted, noted = read("number,Line No.,sku,quantity\nA1,1,X,2\nA1,2,Y,3\nA2,00010,X,1\nA2,00020,Y,1\n")
    assert (counted.faults, counted.notes, noted.faults) == ([], [], [])
    assert [line["sku"] for line in noted.content["lines"]] == ["X", "Y"]
    assert noted.notes == [
        "Not kept: column line, line 4: `00010` is line 1 of the order",
        "Not kept: column line, line 5: `00020` is line 2 of the order",
    ]


def test_a_column_that_is_misspelled_is_told_with_the_one_that_is_meant() -> None:
    for header, told in (("suplier", "`seller_name` is"), ("qunatity", "`quantity` is"), ("x", "an export in CSV")):
        with pytest.raises(Unreadable) as refused:
            read(f"number,{header}\nA1,1\n")
        assert told in refused.value.message


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("number,ship_to_code,sku,quantity", "A1,HAM,X,2"),
        ("PO Number,Ship-to location,Item #,QTY", "A1,HAM,X,2"),
        ("po_no;warehouse;article;order quantity", "A1;HAM;X;2"),
        ("\ufeffpurchase order number\tdestination\tproduct code\tqty", "A1\tHAM\tX\t2"),
        ('"number","ship_to_code","sku","quantity"', '"A1","HAM","X","2"'),
    ],
)
def test_columns_have_the_names_that_others_give_them(header: str, row: str) -> None:
    (order,) = read(f"{header}\r\n{row}\r\n")
    assert order.faults == []
    assert order.content == {"number": "A1", "ship_to": {"code": "HAM"}, "lines": [{"sku": "X", "quantity": "2"}]}


def test_cells_hold_dates_parties_metadata_and_json() -> None:
    (order,) = read(
        "number,expires_at,ship_window_start,seller_street,seller_city,payment_methods,metadata.Season,references,draft,"
        'tax_rate,sku,quantity\nA1,2040-06-30,2040-01-01T08:00:00Z,"Am Kai 4\nTor 2",Hamburg,Invoice; Card,summer,'
        '"[{""type"": ""a"", ""value"": ""b""}]",true,19,X,1\n'
    )
    assert order.faults == []
    assert order.content == {
        "number": "A1",
        "draft": True,
        "expires_at": "2040-06-30T00:00:00Z",
        "ship_window": {"start": "2040-01-01T08:00:00Z"},
        "seller": {"address": {"street": ["Am Kai 4", "Tor 2"], "city": "Hamburg"}},
        "payment_methods": ["Invoice", "Card"],
        "metadata": {"Season": "summer"},
        "references": [{"type": "a", "value": "b"}],
        "lines": [{"tax": {"rate": "19"}, "sku": "X", "quantity": "1"}],
    }


@pytest.mark.parametrize(
    ("rows", "place", "code"),
    [
        ("A1,EUR,X,2,4.90,extra\n", "line 2", "csv_width"),
        ("A1,EUR,X,2\n", "line 2", "csv_width"),
        ("A1,EUR,X,2,4.90\nA1,USD,Y,1,1\n", "column currency, line 3", "rows_differ"),
        (",EUR,X,2,4.90\n", "line 2", "unidentified"),
        (b"A1,EUR,\xe4,2,4.90\n", "column sku, line 2", "encoding"),
    ],
)
def test_a_row_that_cannot_be_meant_so_is_refused_by_its_line(rows: str | bytes, place: str, code: str) -> None:
    content = rows if isinstance(rows, bytes) else rows.encode()
    (order,) = read(b"number,currency,sku,quantity,unit_price\n" + content)
    assert (place, code) in [(fault.place, fault.code) for fault in order.faults]


@pytest.mark.parametrize(
    ("rows", "place"),
    [
        ("A1,EUR,X,many,4.90,\n", "column quantity, line 2"),
        ("A1,EUR,X,0,4.90,\n", "column quantity, line 2"),
        ('A1,EUR,X,1,"4,90",\n', "column unit_price, line 2"),
        ("A1,Euro,X,1,4.90,\n", "column currency, line 2"),
        ("A1,,X,1,4.90,\n", "currency"),
        ("A1,EUR,X,1,4.90,06/30/2040\n", "column expires_at, line 2"),
        ("A1,EUR,X,1,4.90,2020-01-01\n", "column expires_at, line 2"),
        ("A1,EUR,X,1,4.90,\nA1,,Y,,1,\n", "line 3"),
        ("A\u20ac1,EUR,X,1,4.90,\n", "column number, line 2"),
    ],
)
def test_a_cell_that_the_order_does_not_take_is_named_in_the_report(rows: str, place: str, buyer: Party) -> None:
    found = imported(buyer, f"number,currency,sku,quantity,unit_price,expires_at\n{rows}A9,,,,,\n")
    assert counts(found) == {"created": 1, "refused": 1}
    (refused,) = found["report"]["data"]
    assert (refused["code"], refused["line"]) == ("invalid", 2)
    assert place in refused["reason"]


def test_the_currency_of_prices_may_be_said_beside_the_file(buyer: Party) -> None:
    file = "number,sku,quantity,unit_price\nA1,X,1,4.90\nA2,X,1,\n"
    assert counts(imported(buyer, file, currency="USD")) == {"created": 2}
    assert buyer.get("/v1/purchase-orders/A1").json()["currency"] == "USD"
    assert buyer.get("/v1/purchase-orders/A2").json()["currency"] is None
    assert counts(imported(buyer, file, currency="USD")) == {"unchanged": 2}


@pytest.mark.parametrize(
    ("text", "line", "code"),
    [
        ("number,colour\nA1,red\n", 1, "csv_header"),
        ("number,po_number\nA1,A1\n", 1, "csv_header"),
        ("sku,quantity\nX,1\n", 1, "csv_header"),
        ("", 1, "csv_header"),
        ('number,sku\nA1,X\nA2,"X\n', 3, "csv_syntax"),
        ('number,sku\nA1,X\nA2,"X"y\n', 3, "csv_syntax"),
        ("number,sku\nA1," + "x" * 1_000_001, 2, "line_too_long"),
    ],
)
def test_what_is_no_table_is_unreadable_from_there_on(text: str, line: int, code: str) -> None:
    with pytest.raises(Unreadable) as unreadable:
        read(text)
    assert (unreadable.value.line, unreadable.value.code) == (line, code)


def test_an_order_that_goes_on_and_on_is_refused_and_not_kept_in_memory() -> None:
    row = "A1,R1,X,1," + "y" * 2_000 + "\n"
    long, other = read("number,reference,sku,quantity,description\n" + row * 1_200 + "A2,,X,1,\n")
    assert "too_long" in [fault.code for fault in long.faults]
    assert len(long.content["lines"]) <= 501
    assert other.faults == []
    wide = "A1,,X,1," + "y" * 100_000 + "\n"
    (cut,) = read("number,reference,sku,quantity,description\n" + wide * 30)
    assert len(cut.content["lines"]) <= 21


def test_columns_are_consistent() -> None:
    assert set(SYNONYMS.values()) <= {*COLUMNS, LINE_NUMBER}
    assert not set(SYNONYMS) & set(COLUMNS)
    assert set(ORDER_COLUMNS) >= TIMES | JSON_COLUMNS
    assert not set(ORDER_COLUMNS) & set(LINE_COLUMNS)
    told = {path[0] for path in ORDER_COLUMNS.values()} | {"lines"}
    assert set(ORDER_FIELDS) <= told


cells = st.text(st.sampled_from("A1,;\"'\n\r\t \x00=[]{}\ud800é"), max_size=8)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from([*COLUMNS, "qty", "metadata.x", "?"]), max_size=4), st.lists(cells, max_size=12))
def test_whatever_a_table_holds_is_read_or_refused(header: list[str], values: list[str]) -> None:
    text = ",".join(["number", *header]) + "\n" + ",".join(values)
    found: list[Any] = []
    try:
        found = read(text.encode("utf-8", "surrogatepass"))
    except Unreadable as unreadable:
        found = [unreadable.code]
    assert found is not None
