"""An X12 214 is read as tracking events: each code by its table, each fault by segment and element."""

from io import BytesIO
from typing import Any

import pytest

from app.exchange import x12_status_codes as codes
from app.exchange.documents import Document, ImportFormat
from app.exchange.readers import documents
from app.shipments.tracking_rules import TrackingEventType
from app.shipments.tracking_schemas import ReportedEvent
from tests.exchange.files import interchange

HEAD = "214|B10*123-456782*SHP1*CNWY~L11*4500012345*PO~LX*1~"


def read(*sets: str) -> list[Document]:
    return list(documents(ImportFormat.X12, BytesIO(interchange(*sets).encode())))


def only(body: str) -> dict[str, Any]:
    """The one event that a 214 with these segments tells."""
    (document,) = read(HEAD + body)
    assert document.faults == []
    (event,) = document.content["events"]
    found: dict[str, Any] = event
    return found


def test_a_214_is_a_pro_number_its_orders_and_an_event_for_each_at7() -> None:
    (document,) = read(
        "214|B10*123-456782*SHP1*CNWY~L11*4500012345*PO~L11*4500012346*PO~L11*4500012345*PO~L11*B1*BM~"
        "MS3*CNWY*B**M~LX*1~AT7*AF*NS***20360301*0915*UT~MS1*DAYTON*OH*USA~MS2*CNWY*4711~"
        "AT7*X4*NS***20360301*1805*ET~MS1*COLUMBUS*OH~LX*2~AT7*SD*AO***20360302*0600*CS~AT8*G*L*900~"
    )
    assert document.faults == []
    assert document.content == {
        "scac": "CNWY",
        "pro_number": "123-456782",
        "orders": ["4500012345", "4500012346"],
        "events": [
            {
                "type": "picked_up",
                "occurred_at": "2036-03-01T09:15:00Z",
                "note": "Carrier departed pick-up location with shipment.",
                "location": {"city": "DAYTON", "state": "OH", "country": "US"},
            },
            {
                "type": "at_terminal",
                "occurred_at": "2036-03-01T23:05:00Z",
                "note": "Arrived at terminal location.",
                "location": {"city": "COLUMBUS", "state": "OH"},
            },
            {
                "type": "exception",
                "occurred_at": "2036-03-02T12:00:00Z",
                "reason": "Shipment delayed: weather or natural disaster related",
            },
        ],
    }
    assert document.notes == ["Not kept: L11 (1), MS2 (1)"]


@pytest.mark.parametrize("code", codes.STATUSES)
def test_each_status_of_the_table_is_an_event_that_the_api_would_take(code: str) -> None:
    event = only(f"AT7*{code}*NS***20360301*0915*UT~")
    assert event["type"] == codes.STATUSES[code][0]
    assert ReportedEvent.model_validate(event).type is TrackingEventType(event["type"])


def test_a_delivery_is_only_what_unloads_the_goods_at_their_end() -> None:
    delivered = {code for code, (type_, _) in codes.STATUSES.items() if type_ == "delivered"}
    assert delivered == {"D1", "CB"}
    for code in ("X1", "X5", "J1", "CD", "PA", "AG", "ZZ", "D2", "d1", "DD"):
        assert only(f"AT7*{code}*NS***20360301*0915*UT~")["type"] != "delivered"


def test_an_estimate_is_an_eta_that_was_told_when_its_group_was_sent() -> None:
    for segment in ("AT7*AG*NS***20360303*0700*UT~", "AT7*X2*NS***20360303*0700*UT~", "AT7***AB*NA*20360303*0700*UT~"):
        event = only(segment)
        assert event["eta"] == "2036-03-03T07:00:00Z"
        assert (event["type"], event["occurred_at"]) == ("information", "2036-01-04T08:32:00Z")


def test_what_is_in_no_table_is_a_remark_and_stands_in_the_notes() -> None:
    (document,) = read(HEAD + "AT7*Q9*NS***20360303*0700*UT~AT7*B6*AI***20360304*0700*UT~AT7***AA*NS*20360305**~")
    assert [event["type"] for event in document.content["events"]] == ["information"] * 3
    assert [event["note"] for event in document.content["events"]] == [
        "X12 status Q9: 2036-03-03T07:00:00Z.",
        "Estimated arrival at carrier terminal: 2036-03-04T07:00:00Z. Mechanical breakdown.",
        "Pick-up appointment: 2036-03-05T00:00:00Z. Day without time.",
    ]
    assert all("eta" not in event for event in document.content["events"])
    assert document.notes == ["Not kept: AT701 Q9 (1)"]


@pytest.mark.parametrize(
    ("zone", "moment"),
    [
        ("", "2036-07-01T09:15:00Z"),
        ("LT", "2036-07-01T09:15:00Z"),
        ("UT", "2036-07-01T09:15:00Z"),
        ("ET", "2036-07-01T13:15:00Z"),
        ("ED", "2036-07-01T13:15:00Z"),
        ("ES", "2036-07-01T14:15:00Z"),
        ("PT", "2036-07-01T16:15:00Z"),
        ("01", "2036-07-01T08:15:00Z"),
        ("12", "2036-06-30T21:15:00Z"),
        ("13", "2036-07-01T21:15:00Z"),
        ("24", "2036-07-01T10:15:00Z"),
    ],
)
def test_a_time_is_that_of_its_zone_and_one_without_says_so(zone: str, moment: str) -> None:
    event = only(f"AT7*D1*NS***20360701*0915*{zone}~")
    assert event["occurred_at"] == moment
    assert ("read as UTC" in event["note"]) == (zone in {"", "LT"})


def test_winter_and_summer_of_a_zone_are_told_apart_by_the_day() -> None:
    assert only("AT7*D1*NS***20360115*0915*ET~")["occurred_at"] == "2036-01-15T14:15:00Z"
    assert only("AT7*D1*NS***20360115*091530*ET~")["occurred_at"] == "2036-01-15T14:15:30Z"
    assert only("AT7*D1*NS***20360115*09153099*ET~")["occurred_at"] == "2036-01-15T14:15:30Z"


def test_the_pro_number_may_stand_in_l11_where_b1001_is_empty() -> None:
    (document,) = read("214|B10**SHP1*CNWY~L11*123456782*CN~AT7*D1*NS***20360701*0915*UT~")
    assert document.faults == []
    assert document.content["pro_number"] == "123456782"
    assert document.place_of(("pro_number",)) == "L1101, segment 3 of the transaction set"


REFUSED = [
    ("nothing begins it", "214|AT7*D1*NS***20360701*0915*UT~", "B10", "missing"),
    ("two beginnings", "214|B10*1*S*CNWY~B10*2*S*CNWY~AT7*D1****20360701~", "B10, segment 3", "x12_repeated"),
    ("no PRO number", "214|B10**S*CNWY~AT7*D1*NS***20360701~", "B1001", "missing"),
    ("no carrier", "214|B10*1*S~AT7*D1*NS***20360701~", "B1003, segment 2", "missing"),
    ("nothing told", "214|B10*1*S*CNWY~LX*1~", "AT7", "missing"),
    ("no code", "214|B10*1*S*CNWY~AT7*****20360701~", "AT701, segment 3", "x12_status"),
    ("two codes", "214|B10*1*S*CNWY~AT7*D1**AB**20360701~", "AT701, segment 3", "x12_status"),
    ("no date", "214|B10*1*S*CNWY~AT7*D1*NS****0915~", "AT705, segment 3", "missing"),
    ("a date of six digits", "214|B10*1*S*CNWY~AT7*D1*NS***360701~", "AT705, segment 3", "date"),
    ("a day that is none", "214|B10*1*S*CNWY~AT7*D1*NS***20360231~", "AT705, segment 3", "date"),
    ("a time that is none", "214|B10*1*S*CNWY~AT7*D1*NS***20360701*2460~", "AT706, segment 3", "time"),
    ("a zone that is none", "214|B10*1*S*CNWY~AT7*D1*NS***20360701*0915*XX~", "AT707, segment 3", "x12_time_code"),
    ("before all dates", "214|B10*1*S*CNWY~AT7*D1*NS***00010101*0000*12~", "AT707, segment 3", "x12_time_code"),
]


@pytest.mark.parametrize(("body", "place", "code"), [one[1:] for one in REFUSED], ids=[one[0] for one in REFUSED])
def test_what_cannot_be_meant_is_refused_by_segment_and_element(body: str, place: str, code: str) -> None:
    (document,) = read(body)
    (fault,) = document.faults
    assert fault.place.startswith(place)
    assert fault.code == code


def test_an_estimate_of_a_group_without_a_date_is_refused() -> None:
    file = interchange(HEAD + "AT7*AG*NS***20360303*0700*UT~").replace("*20360104*0832*1*X", "*360104*0832*1*X")
    (document,) = documents(ImportFormat.X12, BytesIO(file.encode()))
    assert [fault.place for fault in document.faults] == ["GS04"]
