"""What buyers change in X12 (860) is a change order, whole or not at all, and once."""

import secrets
from typing import Any

import pytest

from tests.exchange.files import counts, finished, imported, interchange, start
from tests.parties import Party

CONTENT: dict[str, Any] = {
    "currency": "EUR",
    "references": [{"type": "DP", "value": "012"}, {"type": "project", "value": "P-9"}],
    "ship_to": {"name": "Hafenlager 2", "code": "HAM", "address": {"street": ["Am Kai 4"], "city": "Hamburg"}},
    "ship_window": {"start": "2040-02-01T00:00:00Z", "end": "2040-02-09T00:00:00Z"},
    "payment_terms": "30 days net",
    "lines": [
        {"sku": "A", "quantity": "10", "unit_price": "4.9", "description": "T-shirt, L", "gtin": "4006381333931"},
        {"sku": "B", "quantity": "4", "unit_price": "5"},
        {"sku": "C", "quantity": "2.5", "unit": "KGM"},
    ],
}


@pytest.fixture
def order(buyer: Party, seller: Party) -> dict[str, Any]:
    return buyer.issue(number=f"C-{secrets.token_hex(4)}", seller={"organisation_id": seller.id}, **CONTENT)


def changing(order: dict[str, Any], body: str, purpose: str = "04") -> str:
    """Return an 860 for an order, as `interchange` takes it."""
    lines = f"CTT*{body.count('POC*')}~" if "POC*" in body and "CTT*" not in body else ""
    return f"860|BCH*{purpose}*SA*{order['number']}**1*20360104~{body}{lines}"


def read(party: Party, order: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = party.get(f"/v1/purchase-orders/{order['id']}").json()
    return shown


def said(shown: dict[str, Any]) -> dict[int, tuple[str, str, str, str | None]]:
    return {line["line"]: (line["sku"], line["quantity"], line["unit"], line["unit_price"]) for line in shown["lines"]}


def test_an_860_changes_lines_and_terms_of_an_order_at_once_and_once(buyer: Party, order: dict[str, Any]) -> None:
    body = (
        "REF*DP*013~DTM*038*20400219~ITD*01***********60 days net~N1*ST*Suedlager*92*MUC~"
        "POC*1*QI*12*12*EA*4.90**IN*A~POC*2*PC*4**EA*5.5~POC*3*DI*0**KGM~POC**AI*7**EA*1.25**IN*D~PID*F****Socks~"
    )
    file = interchange(changing(order, body))
    assert counts(imported(buyer, file)) == {"applied": 1}
    shown = read(buyer, order)
    # The lowest number that is free, as in the API.
    assert said(shown) == {1: ("A", "12", "EA", "4.9"), 2: ("B", "4", "EA", "5.5"), 3: ("D", "7", "EA", "1.25")}
    assert [line["description"] for line in shown["lines"]] == ["T-shirt, L", None, "Socks"]
    assert shown["lines"][0]["gtin"] == "4006381333931"
    assert shown["references"] == [{"type": "project", "value": "P-9"}, {"type": "DP", "value": "013"}]
    assert shown["ship_window"] == {"start": "2040-02-01T00:00:00Z", "end": "2040-02-20T00:00:00Z"}
    assert shown["payment_terms"] == "60 days net"
    # Another code is another place: nothing of the one before stays.
    assert {name: value for name, value in shown["ship_to"].items() if value} == {"name": "Suedlager", "code": "MUC"}
    assert (shown["revision"], shown["version"]) == (2, order["version"] + 1)
    assert counts(imported(buyer, file)) == {"unchanged": 1}
    assert read(buyer, order)["version"] == shown["version"]


def test_after_the_sellers_word_an_860_proposes_and_an_865_settles_it(
    buyer: Party, seller: Party, order: dict[str, Any]
) -> None:
    seller.act(order, "confirm")
    file = interchange(changing(order, "POC*2*QD*1*1*EA~"), changing(order, "POC*2*PQ*2**EA*4~POC*1*NC*10**EA~"))
    assert counts(imported(buyer, file)) == {"applied": 2}
    shown = read(buyer, order)
    assert (shown["revision"], shown["proposed_revision"]) == (1, 3)
    assert said(shown)[2] == ("B", "4", "EA", "5")
    answer = interchange(f"865|BCA*00*AC*{order['number']}***20360104~POC*2*PQ*2**EA*4~ACK*IP*2*EA~CTT*1~")
    assert counts(imported(seller, answer)) == {"applied": 1}
    shown = read(buyer, order)
    assert (shown["revision"], shown["proposed_revision"]) == (3, None)
    assert said(shown)[2] == ("B", "2", "EA", "4")


def test_an_860_replaces_lines_and_cancels_orders(buyer: Party, order: dict[str, Any]) -> None:
    whole = "POC*1*RZ*9**EA*3**IN*A2~POC*2*CA*5**EA~POC*4*AI*1**EA***IN*E~"
    assert counts(imported(buyer, interchange(changing(order, whole, "05")))) == {"applied": 1}
    shown = read(buyer, order)
    assert said(shown) == {1: ("A2", "9", "EA", "3"), 2: ("B", "5", "EA", "5"), 4: ("E", "1", "EA", None)}
    assert (shown["lines"][0]["description"], shown["payment_terms"]) == (None, "30 days net")
    some = interchange(changing(order, "POC*1*DI*0**EA~", "01"))
    (told,) = imported(buyer, some)["report"]["data"]
    assert told["errors"][0]["place"].startswith("BCH01")
    file = interchange(changing(order, "POC*1*DI*0**EA~POC*2*DI*0**EA~POC*4*DI*0**EA~", "01"))
    assert counts(imported(buyer, file)) == {"applied": 1}
    assert read(buyer, order)["status"] == "cancelled"
    assert counts(imported(buyer, interchange(changing(order, "", "01")))) == {"unchanged": 1}


NOT_PLAIN: list[tuple[str, str, str, str]] = [
    ("00", "", "BCH01, segment 2 ", "x12_purpose"),
    ("06", "POC*1*QI*12**EA~", "BCH01, segment 2 ", "x12_purpose"),
    ("05", "", "BCH01", "missing"),
    ("04", "BCH*04*SA*X***20360104~", "BCH, segment 3 ", "x12_repeated"),
    ("04", "POC*x*QI*12**EA~", "POC01, segment 3 ", "line"),
    ("04", "POC*9*QI*12**EA~", "POC01, segment 3 ", "unknown_line"),
    ("04", "POC*1*AI*12**EA***IN*A~", "POC01, segment 3 ", "line_exists"),
    ("04", "POC*1*QI*12**EA~POC*1*PC***EA*3~", "POC01, segment 4 ", "duplicate_line"),
    ("04", "POC*1*RS*12**EA~", "POC02, segment 3 ", "x12_change"),
    ("04", "POC*1*QC*10*>2*EA~", "POC02, segment 3 ", "x12_change"),
    ("04", "POC*1*QI~", "POC03, segment 3 ", "missing"),
    ("04", "POC*1*QI*many**EA~", "POC03, segment 3 ", "decimal"),
    ("04", "POC*1*QI*2**EA~", "POC03, segment 3 ", "x12_direction"),
    ("04", "POC*1*QD*10**EA~", "POC03, segment 3 ", "x12_direction"),
    ("04", "POC*1*QI*12*13*EA~", "POC04, segment 3 ", "x12_left"),
    ("04", "POC*1*QI*12*>2*EA~", "POC04, segment 3 ", "x12_difference"),
    ("04", "POC*1*QI*12**CA~", "POC05, segment 3 ", "not_as_it_is"),
    ("04", "POC*1*QI*12**EA*9~", "POC06, segment 3 ", "not_as_it_is"),
    ("04", "POC*1*PC*12**EA*9~", "POC03, segment 3 ", "not_as_it_is"),
    ("04", "POC*1*NC*12**EA~", "POC03, segment 3 ", "not_as_it_is"),
    ("04", "POC*1*QI*12**EA*4.9*HP~", "POC07, segment 3 ", "x12_price_basis"),
    ("04", "POC*1*DI*0**EA***IN*B~", "POC09, segment 3 ", "not_as_it_is"),
    ("04", "POC*1*CA*10**EA*-1~", "POC06, segment 3 ", "greater_than_equal"),
    ("04", "POC*2*PC*4**EA*3~POC**AI*7**EA~", "POC01, segment 4 ", "line"),
    ("04", "DTM*038*20360101~", "DTM02, segment 3 ", "date_order"),
    ("04", "CUR*BY*EURO~", "CUR02, segment 3 ", "string_pattern_mismatch"),
    ("04", "POC*1*QI*12**EA~CTT*2~", "CTT01, segment 4 ", "x12_count"),
]


def test_what_is_not_plain_is_refused_by_segment_and_element_and_nothing_of_it_is_done(
    buyer: Party, order: dict[str, Any]
) -> None:
    sets = [changing(order, body, purpose) for purpose, body, _, _ in NOT_PLAIN]
    results = finished(buyer, start(buyer, interchange(*sets)), limit=200)["report"]["data"]
    assert len(results) == len(NOT_PLAIN)
    for (purpose, body, place, code), told in zip(NOT_PLAIN, results, strict=True):
        assert code in {told["code"], told["errors"][0]["code"]}, (purpose, body, told)
        assert told["errors"][0]["place"].startswith(place), (purpose, body, told)
    assert read(buyer, order)["version"] == order["version"]


def test_an_860_is_the_buyers_and_denies_nothing_that_has_come_in(
    buyer: Party, seller: Party, order: dict[str, Any]
) -> None:
    file = interchange(changing(order, "POC*1*QD*3**EA~"))
    (told,) = imported(seller, file)["report"]["data"]
    assert told["code"] == "not_found"
    for action in ("confirm", "activate"):
        buyer.act(order, action)
    buyer.act(order, "receive", lines=[{"line": 1, "quantity": "5"}])
    version = read(buyer, order)["version"]
    (told,) = imported(buyer, file)["report"]["data"]
    assert told["code"] == "quantity_received"
    assert read(buyer, order)["version"] == version
    more = interchange(changing(order, "POC*1*QI*11**EA~"))
    assert counts(imported(buyer, more, dry_run=True)) == {"applied": 1}
    assert read(buyer, order)["version"] == version
    assert counts(imported(buyer, more)) == {"applied": 1}
