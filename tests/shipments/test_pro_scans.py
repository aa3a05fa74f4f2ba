"""PRO numbers as bar codes hold them: read alike wherever a PRO number is taken."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.shipments.pro_scans import TEXT_MAX, WrittenPro, read
from tests.parties import Party
from tests.shipments.waybills import any_shape, link, linked, xpo
from tests.validation.test_verdicts import ask, codes

SCANS = [
    ("]C19012KCNWY123456782", WrittenPro("123456782", "CNWY")),
    ("9012KCNWY123456782", WrittenPro("123456782", "CNWY")),
    ("9012kcnwy123-456782", WrittenPro("123-456782", "CNWY")),
    ("(90)12KAB--123456782", WrittenPro("123456782", "AB")),
    ("(90) 12K ABF- 123456782", WrittenPro("123456782", "ABF")),
    ("]C140112345\x1d9012KCNWY123456782", WrittenPro("123456782", "CNWY")),
    ("(401)0614141ABC", WrittenPro("0614141ABC")),
    ("]C14010614141ABC\x1d40261414112345678905", WrittenPro("0614141ABC")),
    ("]d240261414112345678905", WrittenPro("61414112345678905")),
    ("(402)61414112345678905", WrittenPro("61414112345678905")),
]
WRITTEN = [
    "123-456782",
    "",
    # Not GS1 data, whatever the digits look like.
    "]C09012KCNWY123456782",
    "4010614141ABC",
    "12KCNWY123",
    "9012K123456",
    # The code of an equipment owner, and one that is not filled up to four characters.
    "9012KABCU123456782",
    "9012KAB123456782",
    "(90)12KCNWY",
    # No consignment in it, and no GS1 data at all.
    "(400)4500012345",
    "(401",
    "(402)123",
]


@pytest.mark.parametrize(("text", "expected"), SCANS)
def test_a_bar_code_of_freight_papers_is_read(text: str, expected: WrittenPro) -> None:
    assert read(text) == expected


@pytest.mark.parametrize("text", WRITTEN)
def test_anything_else_is_a_pro_number_as_somebody_wrote_it(text: str) -> None:
    assert read(text) == WrittenPro(text)


@given(st.one_of(st.text(max_size=TEXT_MAX + 1), st.from_regex(r"\A(\]C1|\(90\)|9012K|\(40[12]\)).{0,40}\Z")))
def test_any_text_is_read_as_something(text: str) -> None:
    read(text)


def bill_of_lading(scac: str, pro_number: str) -> str:
    return f"9012K{scac:-<4}{pro_number.replace('-', '')}"


def test_the_bar_code_of_a_bill_of_lading_is_linked_without_saying_its_carrier_again(buyer: Party) -> None:
    order, pro = buyer.issue(), xpo()
    path = f"/v1/purchase-orders/{order['number']}/pro-numbers"
    made = buyer.post(path, {"pro_number": f"]C1{bill_of_lading('CNWY', pro)}"})
    assert (made.status_code, made.json()["scac"], made.json()["pro_number"]) == (201, "CNWY", pro)
    assert buyer.post(path, {"scac": "CNWY", "pro_number": pro}).status_code == 200
    assert buyer.get(f"/v1/pro-numbers/CNWY/{bill_of_lading('CNWY', pro)}").json()["pro_number"] == pro


@pytest.mark.parametrize(
    "body", [{"pro_number": "123-456782"}, {"scac": "SAIA", "pro_number": "9012KCNWY123456782"}, {"pro_number": ""}]
)
def test_a_pro_number_without_a_carrier_or_with_two_is_refused_by_the_carriers_field(
    buyer: Party, body: dict[str, Any]
) -> None:
    answer = buyer.post(f"/v1/purchase-orders/{buyer.issue()['number']}/pro-numbers", body)
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, "invalid_pro_number", "scac")


@pytest.mark.parametrize("scan", ["]C1401{pro}\x1d90X", "(401){pro}"])
def test_a_scanned_consignment_is_the_pro_number_it_holds(buyer: Party, scan: str) -> None:
    order, pro = buyer.active(), any_shape()
    linked(buyer, order, "SAIA", pro)
    assert link(buyer, order, "SAIA", scan.format(pro=pro)).status_code == 200
    told = {"scac": "SAIA", "pro_number": scan.format(pro=pro)}
    assert ask(buyer, order["number"], delivery=told)["verdict"] == "accept"


def test_a_gate_that_scans_the_bill_of_lading_tells_carrier_and_pro_number_at_once(buyer: Party) -> None:
    order, pro = buyer.active(), xpo()
    linked(buyer, order, "CNWY", pro)
    assert ask(buyer, order["number"], delivery={"pro_number": bill_of_lading("CNWY", pro)})["verdict"] == "accept"
    other = ask(buyer, order["number"], delivery={"pro_number": bill_of_lading("CNWY", xpo())})
    assert codes(other) == ["pro_number_mismatch"]
    another_carrier = ask(buyer, order["number"], delivery={"pro_number": bill_of_lading("SAIA", pro)})
    assert "delivery_mismatch" in codes(another_carrier)


def test_a_control_character_in_a_pro_number_is_refused_but_the_one_between_elements(buyer: Party) -> None:
    path = f"/v1/purchase-orders/{buyer.issue()['number']}/pro-numbers"
    answer = buyer.post(path, {"scac": "SAIA", "pro_number": "12\x00345"})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "control_character")
