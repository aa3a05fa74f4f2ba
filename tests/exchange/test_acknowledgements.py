"""What sellers say in X12, 855 to an order and 865 to a change of it, goes the way of `confirm`, line by line, once."""

import secrets
from typing import Any

import httpx
import pytest

from tests.exchange.files import counts, finished, imported, interchange, start
from tests.parties import Party

LINES = [{"sku": "A", "quantity": "10"}, {"sku": "B", "quantity": "4"}, {"sku": "C", "quantity": "2.5", "unit": "KGM"}]
PO1 = ("PO1*1*10*EA***IN*A~", "PO1*2*4*EA***IN*B~", "PO1*3*2.5*KGM***IN*C~")


@pytest.fixture
def order(buyer: Party, seller: Party) -> dict[str, Any]:
    return buyer.issue(number=f"C-{secrets.token_hex(4)}", seller={"organisation_id": seller.id}, lines=LINES)


def answered(order: dict[str, Any], *segments: str, of: str = "AC", code: str = "855", beginning: str = "") -> str:
    """Return a file with an 855 or 865 to an order."""
    bak = beginning or (f"BAK*00*{of}*{{}}*20360104~" if code == "855" else f"BCA*00*{of}*{{}}***20360104~")
    body = "".join(segments)
    lines = body.count("PO1*") + body.count("POC*")
    return interchange(f"{code}|{bak.format(order['number'])}{body}{f'CTT*{lines}~' if lines else ''}")


def refused(party: Party, file: str) -> dict[str, Any]:
    """Return why the only document of a file is refused."""
    found = imported(party, file)
    assert counts(found) == {"refused": 1}, found
    reasons: dict[str, Any] = found["report"]["data"][0]
    return reasons


def read(party: Party, order: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = party.get(f"/v1/purchase-orders/{order['id']}").json()
    return shown


def decided(order: dict[str, Any]) -> dict[int, list[tuple[str, str, str | None]]]:
    return {
        line["line"]: [(part["decision"], part["quantity"], part["reason"]) for part in line["decisions"]]
        for line in order["acknowledgement"]["lines"]
    }


def test_an_855_says_of_each_line_what_comes_when_and_why_not(
    buyer: Party, seller: Party, order: dict[str, Any]
) -> None:
    file = answered(
        order,
        "REF*CT*SC-4711~REF*IV*I-9~",
        PO1[0] + "ACK*IA*6*EA*068*20400201~DTM*067*20400205*0630*UT~ACK*IB*3*EA~ACK*R2*1*EA~",
        PO1[1] + "ACK*IR*4*EA*068*20400201~",
        PO1[2] + "ACK*DR**KGM*017*20400301~",
    )
    found = finished(seller, start(seller, file), outcome="applied")
    assert counts(found) == {"applied": 1}
    assert found["report"]["data"][0]["notes"] == ["Not kept: ACK04 068 (1)"]
    shown = read(buyer, order)
    assert (shown["status"], shown["contract_number"], shown["invoice_number"]) == ("confirmed", "SC-4711", "I-9")
    assert [(line["open"], line["rejected"]) for line in shown["lines"]] == [("9", "1"), ("0", "4"), ("2.5", "0")]
    assert decided(shown) == {
        1: [
            ("accepted", "6", None),
            ("backordered", "3", None),
            ("rejected", "1", "invalid_product_identifier"),
        ],
        2: [("rejected", "4", None)],
        3: [("accepted", "2.5", "date_rescheduled")],
    }
    first, _, last = shown["acknowledgement"]["lines"]
    assert first["decisions"][0]["scheduled_ship_date"] == "2040-02-01T00:00:00Z"
    assert first["decisions"][0]["scheduled_delivery_date"] == "2040-02-05T06:30:00Z"
    assert last["decisions"][0]["scheduled_delivery_date"] == "2040-03-01T00:00:00Z"
    assert counts(imported(seller, file)) == {"unchanged": 1}
    assert read(buyer, order)["version"] == shown["version"]


def test_what_a_changed_quantity_leaves_does_not_come(buyer: Party, seller: Party, order: dict[str, Any]) -> None:
    assert counts(imported(seller, answered(order, PO1[0] + "ACK*IQ*6*EA~", *PO1[1:]))) == {"applied": 1}
    shown = read(buyer, order)
    assert decided(shown)[1] == [("accepted", "6", "quantity_changed"), ("rejected", "4", None)]
    assert [line["open"] for line in shown["lines"]] == ["6", "4", "2.5"]


@pytest.mark.parametrize("kind", ["AD", "AK", "AT", "AE", "AP"])
def test_an_855_without_lines_accepts_all(kind: str, buyer: Party, seller: Party, order: dict[str, Any]) -> None:
    assert counts(imported(seller, answered(order, of=kind))) == {"applied": 1}
    assert read(buyer, order)["status"] == "confirmed"


def test_an_855_that_rejects_every_line_rejects_the_order(buyer: Party, seller: Party, order: dict[str, Any]) -> None:
    file = answered(order, PO1[0] + "ACK*R1*10*EA~", PO1[1] + "ACK*IR*4*EA~", PO1[2] + "ACK*IR~", of="RD")
    assert counts(imported(seller, file)) == {"applied": 1}
    assert read(buyer, order)["status"] == "rejected"
    assert counts(imported(seller, answered(order, of="RN"))) == {"unchanged": 1}


NOT_PLAIN: list[tuple[str, str, str]] = [
    ("BAK*01*AD*{}*20360104~", "BAK01, segment 2 ", "x12_purpose"),
    ("BAK*00*AH*{}*20360104~", "BAK02, segment 2 ", "x12_acknowledgement"),
    ("BAK*00*RO*{}*20360104~", "BAK02, segment 2 ", "x12_acknowledgement"),
    ("BAK*00*AD**20360104~", "BAK03, segment 2 ", "missing"),
    ("BAK*00*AD*{0}*20360104~BAK*00*RD*{0}*20360104~", "BAK, segment 3 ", "x12_repeated"),
    ("PO1*x*10*EA~{1}{2}", "PO101, segment 3 ", "line"),
    ("{0}ACK*QQ*10*EA~{1}{2}", "ACK01, segment 4 ", "x12_line_status"),
    ("{0}ACK*BP*6*EA~{1}{2}", "ACK01, segment 4 ", "x12_line_status"),
    ("{0}ACK*IA*6*EA~{1}{2}", "ACK02, segment 4 ", "quantity_unsaid"),
    ("{0}ACK*IA*11*EA~{1}{2}", "PO101, segment 3 ", "more_than_ordered"),
    ("{0}ACK*IA*10*CA~{1}{2}", "ACK03, segment 4 ", "x12_unit"),
    ("{0}ACK*IA*ten*EA~{1}{2}", "ACK02, segment 4 ", "decimal"),
    ("{0}ACK*IA*1E999999999*EA~{1}{2}", "ACK02, segment 4 ", "decimal"),
    ("ACK*IA*10*EA~{0}{1}{2}", "ACK, segment 3 ", "x12_order"),
    ("PO1*1*8*EA***IN*A~{1}{2}", "PO102, segment 3 ", "not_as_ordered"),
    ("{0}{1}{2}PO1*4*1*EA***IN*D~ACK*IA*1*EA~", "PO101, segment 6 ", "unknown_line"),
    ("{0}{1}{2}{0}", "PO101, segment 6 ", "duplicate_line"),
    ("{0}{1}", "BAK02, segment 2 ", "line_unsaid"),
    ("BAK*00*AD*{}*20360104~PO1*1~ACK*IR*10*EA~", "ACK01, segment 4 ", "x12_contradiction"),
    ("BAK*00*RD*{}*20360104~PO1*1~ACK*IA*10*EA~", "ACK01, segment 4 ", "x12_contradiction"),
    ("{0}ACK*IA*10*EA*068*20400203~DTM*067*20400201~{1}{2}", "ACK01, segment 4 ", "date_order"),
    ("{0}ACK*IA*10*EA*068*20401301~{1}{2}", "ACK05, segment 4 ", "date"),
    ("REF*PP*7~{0}{1}{2}", "BAK03, segment 2 ", "revision_superseded"),
    ("REF*PP*x~{0}{1}{2}", "REF02, segment 3 ", "int_parsing"),
    ("{0}{1}{2}N9*ZZ*PO-REGISTRY*lines~MTX**[[[~", "MTX02 after N9", "json"),
    ('{0}{1}{2}N9*ZZ*PO-REGISTRY*lines~MTX**{{"a":1}}~', "lines", "list_type"),
]


def test_what_is_not_plain_is_refused_by_segment_and_element_and_nothing_of_it_is_done(
    buyer: Party, seller: Party, order: dict[str, Any]
) -> None:
    bak = f"BAK*00*AC*{order['number']}*20360104~"
    sets = []
    for text, _, _ in NOT_PLAIN:
        body = text.format(order["number"]) if text.startswith("BAK") else bak + text.format(*PO1)
        sets.append(f"855|{body}CTT*{body.count('PO1*')}~")
    results = finished(seller, start(seller, interchange(*sets)), limit=200)["report"]["data"]
    assert len(results) == len(NOT_PLAIN)
    for (text, place, code), told in zip(NOT_PLAIN, results, strict=True):
        assert code in {told["code"], told["errors"][0]["code"]}, (text, told)
        assert told["errors"][0]["place"].startswith(place), (text, told)
    assert read(buyer, order)["version"] == order["version"]


def test_an_855_answers_no_change_order_and_an_865_does(buyer: Party, seller: Party, order: dict[str, Any]) -> None:
    first = answered(order, PO1[0], PO1[1] + "ACK*IR*4*EA~", PO1[2], "", beginning="BAK*00*AC*{}*20360104***SC-1~")
    assert counts(imported(seller, first)) == {"applied": 1}
    path = f"/v1/purchase-orders/{order['id']}"
    lines = [{**LINES[0], "line": 1, "quantity": "20"}, {**LINES[1], "line": 2}]
    changed = buyer.patch(path, {"lines": lines}, headers={"If-Match": buyer.get(path).headers["ETag"]})
    assert changed.json()["proposed_revision"] == 2
    # The same again, in another interchange, is known; anything else may mean either.
    assert counts(imported(seller, first.replace("360104*0832", "360105*0832"))) == {"unchanged": 1}
    assert refused(seller, answered(order, of="AT"))["errors"][0]["code"] == "change_waits"
    assert refused(seller, answered(order, of="RJ"))["errors"][0]["code"] == "change_waits"
    still = answered(order, "POC*3*DI*0**KGM~POC*2*DI*0**EA~", code="865")
    assert refused(seller, still)["errors"][0]["place"].startswith("POC01, segment 4 ")
    file = answered(order, "POC*1*QI*20*20*EA*~ACK*IA*15*EA~ACK*IB*5*EA~", "POC*3*DI*0**KGM~ACK*IA~", code="865")
    assert counts(imported(seller, file)) == {"applied": 1}
    shown = read(buyer, order)
    assert (shown["revision"], shown["proposed_revision"], shown["contract_number"]) == (2, None, "SC-1")
    # What the seller has said of the line that did not change still holds.
    assert decided(shown) == {
        1: [("accepted", "15", None), ("backordered", "5", None)],
        2: [("rejected", "4", None)],
    }
    assert counts(imported(seller, file)) == {"unchanged": 1}
    assert refused(seller, answered(order, of="RJ", code="865"))["errors"][0]["code"] == "no_change_waits"


def test_an_865_declines_a_change_and_the_order_stays(buyer: Party, seller: Party, order: dict[str, Any]) -> None:
    assert counts(imported(seller, answered(order, of="AK"))) == {"applied": 1}
    path = f"/v1/purchase-orders/{order['id']}"
    buyer.patch(path, {"payment_terms": "90 days"}, headers={"If-Match": buyer.get(path).headers["ETag"]})
    file = answered(order, of="RN", code="865")
    assert counts(imported(seller, file)) == {"applied": 1}
    shown = read(buyer, order)
    assert (shown["status"], shown["revision"], shown["proposed_revision"]) == ("confirmed", 1, None)
    assert counts(imported(seller, file)) == {"unchanged": 1}


def test_what_a_seller_says_again_in_another_interchange_counts_again(
    buyer: Party, seller: Party, order: dict[str, Any]
) -> None:
    plain = answered(order, of="AT")
    short = answered(order, PO1[0] + "ACK*IR*10*EA~", *PO1[1:])
    for file, left in ((plain, "10"), (short, "0"), (plain.replace("360104*0832", "360106*0832"), "10"), (short, "10")):
        imported(seller, file)
        assert read(buyer, order)["lines"][0]["open"] == left


def test_an_acknowledgement_needs_the_scope_of_who_confirms_and_a_relation_to_the_order(
    buyer: Party, seller: Party, stranger: Party
) -> None:
    number = f"C-{secrets.token_hex(4)}"
    buyer.issue(number=number, seller={"organisation_id": seller.id}, lines=[{"sku": "X", "quantity": "5"}])
    file = interchange(f"855|BAK*00*AD*{number}*20360104~REF*CT*SC-1~PO1*1*5*EA***IN*X~ACK*IA*5*EA~CTT*1~")
    lacking = seller.key_with("orders:write")
    answer = httpx.post(f"{seller.base_url}/v1/imports", content=file, headers={"Authorization": f"Bearer {lacking}"})
    assert finished(seller, answer.json()["id"])["report"]["data"][0]["code"] == "missing_scope"
    assert imported(stranger, file)["report"]["data"][0]["code"] == "not_found"
    assert counts(imported(seller, file)) == {"applied": 1}
    order = buyer.get(f"/v1/purchase-orders/{number}").json()
    assert (order["status"], order["contract_number"]) == ("confirmed", "SC-1")
    assert counts(imported(seller, file)) == {"unchanged": 1}


def test_an_855_that_rejects_an_order_rejects_it_once(buyer: Party, seller: Party) -> None:
    number = f"C-{secrets.token_hex(4)}"
    buyer.issue(number=number, seller={"organisation_id": seller.id})
    file = interchange(f"855|BAK*00*RJ*{number}*20360104~")
    assert counts(imported(seller, file)) == {"applied": 1}
    assert buyer.get(f"/v1/purchase-orders/{number}").json()["status"] == "rejected"
    assert counts(imported(seller, file)) == {"unchanged": 1}
