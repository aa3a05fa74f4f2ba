"""An X12 856 is read as shipments with their orders and what comes of each; every fault names segment and element."""

from io import BytesIO

import pytest

from app.exchange.documents import Document, ImportFormat
from app.exchange.readers import documents
from tests.exchange.files import interchange

BEGINNING = "856|BSN*00*SN-1*20360226*1600*0001~"
SHIPMENT = "HL*1**S~TD1*CTN*12~TD5*B*2*CNWY*M~TD3*TL**4711~REF*CN*123-456782~REF*BM*BOL-9~DTM*011*20360226*1715*UT~"
ORDER = "HL*2*1*O~PRF*4500012345~"
ITEM = "HL*3*2*I~LIN*1*IN*TS-L*UP*036000291452~SN1**240*EA~"


def read(*sets: str) -> list[Document]:
    return list(documents(ImportFormat.X12, BytesIO(interchange(*sets).encode())))


def test_a_shipment_is_its_orders_each_with_pro_number_bill_of_lading_trailer_and_what_comes() -> None:
    (document,) = read(f"{BEGINNING}{SHIPMENT}N1*ST*Hafenlager~{ORDER}{ITEM}HL*4*1*O~PRF*4500012346~"
                       "HL*5*4*T~HL*6*5*P~MAN*GM*00340123450000000018~HL*7*6*I~SN1*2*12*CA~CTT*7*252~")  # fmt: skip
    assert document.faults == []
    carried = {"scac": "CNWY", "pro_number": "123-456782", "bol": "BOL-9", "trailer_number": "4711"}
    assert document.content == {
        "purpose": "00",
        "reference": "SN-1",
        "shipped_at": "2036-02-26T17:15:00Z",
        "shipment": 1,
        "shipments": 1,
        "orders": [
            {
                "number": "4500012345",
                **carried,
                "lines": [{"line": "1", "sku": "TS-L", "gtin": "036000291452", "quantity": "240", "unit": "EA"}],
            },
            {"number": "4500012346", **carried, "lines": [{"line": "2", "quantity": "12", "unit": "CA"}]},
        ],
    }
    assert document.place_of(("orders", 1, "lines", 0, "quantity")) == "SN102, segment 22 of the transaction set"
    assert document.place_of(("orders", 0, "bol")) == "REF02, segment 8 of the transaction set"


def test_what_stands_with_an_order_counts_before_what_stands_with_its_shipment() -> None:
    (document,) = read(f"{BEGINNING}{SHIPMENT}{ORDER}REF*CN*77-2~TD5**2*SAIA~{ITEM}HL*4*1*O~PRF*2~HL*5*4*I~SN1*1*1*EA~")
    assert [(order["scac"], order["pro_number"]) for order in document.content["orders"]] == [
        ("SAIA", "77-2"),
        ("CNWY", "123-456782"),
    ]
    assert {order["bol"] for order in document.content["orders"]} == {"BOL-9"}


def test_each_shipment_of_a_set_is_a_document_of_its_own_with_its_own_faults() -> None:
    second = "HL*4**S~TD5**2*SAIA~REF*CN*88~HL*5*4*O~PRF*2~HL*6*5*I~SN1*1*x*EA~"
    first, other = read(f"{BEGINNING}{SHIPMENT}{ORDER}{ITEM}{second}")
    assert first.faults == []
    assert [fault.place for fault in other.faults] == ["SN102, segment 21 of the transaction set"]
    assert [(one.content["shipment"], one.content["shipments"]) for one in (first, other)] == [(1, 2), (2, 2)]
    assert first.fingerprint != other.fingerprint


def test_packs_within_an_item_do_not_count_it_twice() -> None:
    (document,) = read(f"{BEGINNING}{SHIPMENT}{ORDER}{ITEM}HL*4*3*P~SN1**120*EA~HL*5*3*P~SN1**120*EA~")
    assert document.faults == []
    assert [line["quantity"] for line in document.content["orders"][0]["lines"]] == ["240"]


def test_without_dtm_the_notice_says_when_it_was_shipped_and_a_root_may_be_called_0() -> None:
    shipment = SHIPMENT.replace("HL*1**S", "HL*1*0*S").replace("DTM*011*20360226*1715*UT~", "")
    (document,) = read(f"{BEGINNING}{shipment}{ORDER}{ITEM}CTT*1~")
    assert document.faults == []
    assert document.content["shipped_at"] == "2036-02-26T16:00:00Z"


def test_a_cancellation_needs_no_more_than_its_reference() -> None:
    (document,) = read("856|BSN*01*SN-1*20360226*1600~HL*1**S~")
    assert document.faults == []
    assert (document.content["purpose"], document.content["orders"]) == ("01", [])


WHOLE = f"{BEGINNING}{SHIPMENT}{ORDER}{ITEM}"
REFUSED = [
    ("no beginning", WHOLE.replace("BSN*00*SN-1*20360226*1600*0001~", ""), "BSN", "missing"),
    ("a second beginning", WHOLE + "BSN*00*X*20360226*1600~", "BSN, segment 15", "x12_repeated"),
    ("a purpose that is none", WHOLE.replace("BSN*00", "BSN*04"), "BSN01, segment 2", "x12_purpose"),
    ("no reference", WHOLE.replace("SN-1", ""), "BSN02, segment 2", "missing"),
    ("a date that is none", WHOLE.replace("20360226*1600", "20360230*1600"), "BSN03, segment 2", "date"),
    ("a zone that is none", WHOLE.replace("*UT~", "*QQ~"), "DTM04, segment 9", "x12_time_code"),
    ("no shipment", BEGINNING, "HL03", "missing"),
    ("no order", BEGINNING + SHIPMENT, "HL, segment 3", "missing"),
    ("an HL without a number", WHOLE.replace("HL*3*2", "HL**2"), "HL01, segment 12", "x12_hierarchy"),
    ("an HL twice", WHOLE.replace("HL*3*2", "HL*2*2"), "HL01, segment 12", "x12_hierarchy"),
    ("an HL above that is not there", WHOLE.replace("HL*3*2", "HL*3*9"), "HL02, segment 12", "x12_hierarchy"),
    ("a level that is none", WHOLE.replace("*2*I~", "*2*Q~"), "HL03, segment 12", "x12_level"),
    ("an item of no order", WHOLE.replace("HL*3*2", "HL*3*1"), "HL02, segment 12", "x12_hierarchy"),
    ("an order within an order", WHOLE + "HL*4*2*O~PRF*3~", "HL02, segment 15", "x12_hierarchy"),
    ("a shipment within one", WHOLE + "HL*4*1*S~", "HL02, segment 15", "x12_hierarchy"),
    ("an order without PRF", WHOLE.replace("PRF*4500012345~", ""), "HL, segment 10", "missing"),
    ("an empty PRF01", WHOLE.replace("4500012345", ""), "PRF01, segment 11", "missing"),
    ("two numbers of one order", WHOLE.replace("PRF*", "PRF*1~PRF*"), "PRF01, segment 12", "x12_repeated"),
    ("no carrier", WHOLE.replace("TD5*B*2*CNWY*M~", ""), "HL, segment 9", "missing"),
    ("no PRO number", WHOLE.replace("REF*CN*123-456782~", ""), "HL, segment 9", "missing"),
    ("two PRO numbers", WHOLE.replace("REF*BM", "REF*CN*9~REF*BM"), "REF02, segment 8", "x12_ambiguous"),
    ("two carriers", WHOLE.replace("TD3*", "TD5**2*SAIA~TD3*"), "TD503, segment 6", "x12_ambiguous"),
    ("an item without SN1", WHOLE.replace("SN1**240*EA~", ""), "HL, segment 12", "missing"),
    ("no quantity", WHOLE.replace("*240*", "**"), "SN102, segment 14", "missing"),
    ("a quantity that is none", WHOLE.replace("*240*", "*1e3*"), "SN102, segment 14", "decimal"),
    ("two quantities", WHOLE + "SN1**2*EA~", "SN1, segment 15", "x12_repeated"),
    ("a product behind its quantity", WHOLE + "LIN**IN*X~", "LIN, segment 15", "x12_order"),
    ("a count that does not fit", WHOLE + "CTT*2~", "CTT01, segment 15", "x12_count"),
    ("a sum that does not fit", WHOLE + "CTT*3*241~", "CTT02, segment 15", "x12_hash_total"),
]


@pytest.mark.parametrize(("body", "place", "code"), [one[1:] for one in REFUSED], ids=[one[0] for one in REFUSED])
def test_what_cannot_be_meant_is_refused_by_segment_and_element(body: str, place: str, code: str) -> None:
    found = [(fault.place, fault.code) for document in read(body) for fault in document.faults]
    assert found, "it was taken"
    assert any(there.startswith(place) and said == code for there, said in found), found
    assert len(found) <= 2


def test_a_shipment_of_more_orders_than_a_vehicle_takes_is_refused() -> None:
    orders = "".join(f"HL*{place}*1*O~PRF*{place}~" for place in range(2, 503))
    (document,) = read(f"{BEGINNING}{SHIPMENT}{orders}")
    assert [fault.code for fault in document.faults] == ["too_long"]
