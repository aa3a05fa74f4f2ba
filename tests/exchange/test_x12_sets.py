"""X12 that is not quite as the standard asks for is read where only one reading is possible, and refused elsewhere."""

from io import BytesIO
from typing import Any

import pytest

from app.exchange.documents import Document, ImportFormat, Unreadable
from app.exchange.readers import documents, form_of
from tests.exchange.files import interchange

ORDER = "850|BEG*00*SA*4500012345**20360104~CUR*BY*EUR~PO1*1*240*EA*4.90**IN*TS-0042-L~PID*F****T-shirt, L~CTT*1*240~"
GOOD = interchange(ORDER)
SHORT_ISA = "ISA*00**00**ZZ*NORDWIND*ZZ*ANDERS*360104*0832*U*00401*1*0*P*>~"


def read(text: str | bytes) -> list[Document]:
    content = text if isinstance(text, bytes) else text.encode()
    return list(documents(ImportFormat.X12, BytesIO(content)))


def wrapped(text: str, width: int, line_break: str = "\r\n") -> str:
    return line_break.join(text[at : at + width] for at in range(0, len(text), width))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(GOOD, id="as the standard has it"),
        pytest.param("\ufeff" + GOOD, id="byte order mark"),
        pytest.param("\r\n \t" + GOOD + "\r\n\x20\n", id="blanks around it"),
        pytest.param(interchange(ORDER, isa=SHORT_ISA).replace("*000000001~", "*1~"), id="fields of ISA not filled up"),
        pytest.param(GOOD.replace("~", "~\r\n"), id="CR LF after terminators"),
        pytest.param(GOOD.replace("~", "~\n"), id="LF after terminators"),
        pytest.param(GOOD.replace("~", "\n"), id="LF as terminator"),
        pytest.param(GOOD.replace("~", "\r\n"), id="CR LF as terminator"),
        *(pytest.param(wrapped(GOOD, width), id=f"lines wrapped at {width}") for width in (40, 72, 80, 104, 105, 106)),
        pytest.param(wrapped(GOOD, 80, "\n"), id="lines wrapped with LF"),
        pytest.param(GOOD.replace("~ST", "~~~ST"), id="empty segments"),
        pytest.param(GOOD[:-1], id="the last terminator is missing"),
        pytest.param(GOOD.replace("*", "|").replace("~", "'"), id="other delimiters"),
        pytest.param(GOOD.replace("*", "\x1d").replace("~", "\x1c"), id="delimiters of control characters"),
        pytest.param(GOOD.replace("00401", "00200"), id="an old version"),
        pytest.param(GOOD.replace("*0001~", "*1~", 1), id="control numbers with other zeros"),
    ],
)
def test_what_has_only_one_reading_is_read(text: str) -> None:
    (order,) = read(text)
    assert order.faults == []
    assert order.content == {
        "number": "4500012345",
        "metadata": {"order_date": "2036-01-04"},
        "currency": "EUR",
        "lines": [
            {"quantity": "240", "unit": "EA", "unit_price": "4.90", "sku": "TS-0042-L", "description": "T-shirt, L"}
        ],
    }
    assert form_of(text.encode()) is ImportFormat.X12


def test_a_file_of_many_interchanges_with_delimiters_of_their_own_is_read_to_its_end() -> None:
    other = GOOD.replace("4500012345", "B1").replace("*", "|").replace("~", "'").replace(">", ":")
    assert [one.number for one in read(GOOD + "\r\n" + other + "\n" + GOOD.replace("4500012345", "C1"))] == [
        "4500012345",
        "B1",
        "C1",
    ]


def test_a_document_says_in_which_line_it_begins() -> None:
    text = interchange(ORDER, ORDER.replace("4500012345", "B1")).replace("~", "~\n")
    assert [one.line for one in read(text)] == [3, 10]


@pytest.mark.parametrize(
    ("change", "place", "code"),
    [
        (("PID*F****T-shirt, L~", ""), "SE01", "x12_count"),
        (("SE*7*", "SE*x*"), "SE01", "x12_count"),
        (("SE*7*0001", "SE*7*0002"), "SE02", "x12_control"),
        (("CTT*1*", "CTT*2*"), "CTT01, segment 6 of the transaction set", "x12_count"),
        (("CTT*1*240", "CTT*1*241"), "CTT02, segment 6 of the transaction set", "x12_hash_total"),
        (("BEG*00", "BEG*01"), "BEG01, segment 2 of the transaction set", "x12_purpose"),
        (("*4500012345*", "**"), "BEG03, segment 2 of the transaction set", "missing"),
        (("20360104~CUR", "20361304~CUR"), "BEG05, segment 2 of the transaction set", "date"),
        (("*240*EA", "*many*EA"), "PO102, segment 4 of the transaction set", "decimal"),
        (("*4.90**", "*4.90*HP*"), "PO105, segment 4 of the transaction set", "x12_price_basis"),
        (("T-shirt", "T-shirt\udcff"), "ST", "encoding"),
        (("ST*850", "ST*810"), "ST01", "x12_set"),
    ],
)
def test_what_may_have_lost_something_or_has_no_meaning_is_refused_by_segment_and_element(
    change: tuple[str, str], place: str, code: str
) -> None:
    text = GOOD.replace(*change)
    assert text != GOOD
    found = read(text.encode("utf-8", "surrogateescape"))
    faults = [(fault.place, fault.code) for one in found for fault in one.faults]
    assert (place, code) in faults


def test_a_set_without_its_end_is_refused_and_the_next_is_taken() -> None:
    text = interchange(ORDER, ORDER.replace("4500012345", "B1")).replace("SE*7*0001~", "", 1)
    first, second = read(text)
    assert (first.faults[0].place, first.faults[0].code) == ("SE", "x12_trailer")
    assert (second.number, second.faults) == ("B1", [])


@pytest.mark.parametrize(
    ("change", "place", "code"),
    [
        (("GE*1*1", "GE*2*1"), "GE01", "x12_count"),
        (("GE*1*1", "GE*1*7"), "GE02", "x12_control"),
        (("IEA*1*", "IEA*3*"), "IEA01", "x12_count"),
        (("IEA*1*000000001", "IEA*1*000000002"), "IEA02", "x12_control"),
        (("IEA*1*000000001~", ""), "IEA", "x12_trailer"),
        (("GS*PO", "XX*PO"), "XX", "x12_stray"),
    ],
)
def test_what_is_wrong_around_sets_is_reported_and_leaves_the_sets_alone(
    change: tuple[str, str], place: str, code: str
) -> None:
    found = read(GOOD.replace(*change))
    assert [one.number for one in found if not one.faults] == ["4500012345"]
    assert (place, code) in [(fault.place, fault.code) for one in found for fault in one.faults]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "x12_empty"),
        ("   \n", "x12_empty"),
        ("hello", "x12_start"),
        ("ISA*00*", "x12_isa"),
        ("ISA" * 200, "x12_isa"),
        (GOOD.replace("*>~", "*>S"), "x12_isa"),
        (GOOD.replace("*>~", "*~~"), "x12_isa"),
        (GOOD + "and more", "x12_start"),
        (GOOD[:200] + "x" * 3_000_000, "x12_segment"),
    ],
)
def test_where_no_interchange_begins_or_none_goes_on_the_file_is_unreadable(text: str, code: str) -> None:
    with pytest.raises(Unreadable) as unreadable:
        read(text)
    assert unreadable.value.code == code


def test_a_set_that_does_not_end_is_refused_without_being_kept_in_memory() -> None:
    (refused, _) = read(
        GOOD[: GOOD.index("CTT")] + "PID*F****" + "x" * 60 + "~" + ("PID*F****" + "x" * 60 + "~") * 40_000
    )
    assert any(fault.code == "x12_too_long" for fault in refused.faults)


MAPPED: dict[str, Any] = {
    "number": "A1",
    "currency": "USD",
    "reference": "SO-1",
    "references": [
        {"type": "release_number", "value": "R7"},
        {"type": "DP", "value": "012"},
        {"type": "project", "value": "P-9"},
    ],
    "cost_center": "4711",
    "payment_methods": ["Invoice"],
    "requested_by": "M. Petersen",
    "freight_terms": "prepaid, DAP Hamburg",
    "payment_terms": "2% 10 days, net 30 days",
    "valid_from": "2036-01-10T00:00:00Z",
    "expires_at": "2036-07-01T00:00:00Z",
    "ship_window": {"start": "2036-02-01T06:30:00Z", "end": "2036-02-03T00:00:00Z"},
    "delivery_window": {"start": "2036-02-08T00:00:00Z", "end": "2036-02-09T00:00:00Z"},
    "buyer": {"name": "Nordwind Retail", "gln": "4012345000009"},
    "seller": {"name": "Anders & Ko", "code": "S-1042"},
    "ship_to": {
        "name": "Hafenlager 2",
        "code": "HAM",
        "address": {"street": ["Am Kai 4", "Tor 2"], "city": "Hamburg", "postal_code": "20457", "country": "DE"},
        "phone": "+49 40 555 0142",
    },
    "forwarders": [{"name": "Elbe Spedition"}],
    "metadata": {"order_type": "DS", "order_date": "2036-01-04"},
    "lines": [
        {
            "quantity": "10",
            "unit": "CA",
            "unit_price": "9.25",
            "sku": "X-1",
            "gtin": "4006381333931",
            "supplier_sku": "V-1",
            "description": "T-shirt, L",
            "tax": {"type": "VAT", "rate": "19"},
        },
        {"quantity": "2.5", "unit": "KG", "sku": "X-2"},
    ],
}


def test_each_element_that_has_a_field_becomes_that_field_and_the_report_names_the_rest() -> None:
    segments = (
        "BEG*00*DS*A1*R7*20360104~CUR*BY*USD~REF*CO*SO-1~REF*DP*012~REF*ZZ*P-9*project~REF*ZZ*4711*cost_center~"
        "REF*ZZ*Invoice*payment_method~PER*BD*M. Petersen*TE*555~FOB*PP*DE*Hamburg*01*DAP~ITD*01*3*2**10**30~"
        "DTM*007*20360110~DTM*001*20360630~DTM*037*20360201*0630*UT~DTM*038*20360202~DTM*002*20360208~SAC*A*D240~"
        "TD5*O*2*CNWY~N1*BY*Nordwind Retail*UL*4012345000009~N1*SE*Anders & Ko*92*S-1042~N1*ST*Hafenlager 2*92*HAM~"
        "N3*Am Kai 4*Tor 2~N4*Hamburg**20457*DE~PER*IC**TE*+49 40 555 0142~N1*FW*Elbe Spedition~N1*II*Somebody~"
        "N3*elsewhere~PO1*1*10*CA*9.25*PE*IN*X-1*EN*4006381333931*VN*V-1*MG*M-1~PID*F****T-shirt, L~TXI*VA**.19~"
        "PO1**2.5*KG***IN*X-2~CTT*2*12.5~"
    )
    (order,) = read(interchange(f"850|{segments}"))
    assert order.faults == []
    assert order.content == MAPPED
    assert order.notes == ["Not kept: N1 (1), PO1 MG (1), SAC (1), TD5 (1)"]
