"""The carriers' published rules, as they meet a caller."""

from typing import Any

import pytest

from app.shipments.carrier_directory import CARRIER_DIRECTORY
from tests.parties import Party
from tests.shipments.waybills import any_shape, link


@pytest.mark.parametrize(
    ("scac", "given", "written"),
    [
        ("CNWY", "118450323", "118-450323"),
        ("CNWY", "118-450334", "118-450334"),
        ("ODFL", "777 0000 0001", "77700000001"),
        ("ODFL", "07200000003", "07200000003"),
        ("ODFL", "80000000002", "80000000002"),
        ("RDWY", "123-456789-8", "123-456789-8"),
        ("RDWY", "123000001X", "123-000001-X"),
        ("ABFS", "053 217 894", "053217894"),
        ("SAIA", "a" * 30, "A" * 30),
        ("ZZZY", "any-shape-1", "ANYSHAPE1"),
    ],
)
def test_a_pro_number_that_keeps_its_carrier_s_rule_is_linked(
    buyer: Party, scac: str, given: str, written: str
) -> None:
    answer = link(buyer, buyer.issue(), scac, given)
    assert answer.status_code == 201, answer.text
    assert answer.json()["pro_number"] == written


@pytest.mark.parametrize(
    ("scac", "given", "field", "rule"),
    [
        ("CNWY", "118-450326", "pro_number", "check_digit"),
        ("CNWY", "118-45032", "pro_number", "shape"),
        ("ODFL", "77700000008", "pro_number", "check_digit"),
        ("ODFL", "77900000009", "pro_number", "shape"),
        ("RDWY", "123-456789-5", "pro_number", "check_digit"),
        ("RDWY", "123-000001-0", "pro_number", "check_digit"),
        ("ABFS", "12345678", "pro_number", "shape"),
        ("SAIA", "1" * 31, "pro_number", "too_long"),
        ("SAIA", "", "pro_number", "empty"),
        ("SAIA", "12/34", "pro_number", "characters"),
        ("A", "1234", "scac", "letters"),
        ("C4RR", "1234", "scac", "letters"),
        ("ABCU", "1234", "scac", "equipment_owner"),
    ],
)
def test_a_wrong_one_is_422_and_names_the_rule(buyer: Party, scac: str, given: str, field: str, rule: str) -> None:
    answer = link(buyer, buyer.issue(), scac, given)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "invalid_pro_number")
    assert (problem["field"], problem["rule"]) == (field, rule)


def test_a_wrong_one_names_the_carrier_and_where_its_rule_comes_from(buyer: Party) -> None:
    problem: dict[str, Any] = link(buyer, buyer.issue(), "cnwy", "118-450326").json()
    assert problem["detail"].startswith("XPO (CNWY): ")
    assert problem["carrier"]["scac"] == "CNWY"
    assert problem["carrier"]["pro_mask"] == "###-######"
    assert problem["carrier"]["check_scheme"] == "modulo_7"
    assert problem["carrier"]["source"].startswith("XPO")


def test_a_carrier_that_nobody_described_takes_the_general_shape(buyer: Party) -> None:
    assert link(buyer, buyer.issue(), "QQ", any_shape()).status_code == 201
    problem = link(buyer, buyer.issue(), "QQ", "1" * 31).json()
    assert problem["carrier"] == {
        "scac": "QQ",
        "name": None,
        "pro_mask": None,
        "check_scheme": None,
        "source": "No rule is known: only the general shape of a PRO number is checked.",
    }


def test_a_new_registry_knows_the_directory_s_carriers(buyer: Party) -> None:
    shown = {carrier["scac"]: carrier for carrier in buyer.get("/v1/carriers?limit=200").json()["data"]}
    for entry in CARRIER_DIRECTORY:
        carrier = shown[entry.scac]
        assert (carrier["name"], carrier["pro_mask"]) == (entry.name, entry.rule.mask)
        assert (carrier["check_scheme"], carrier["origin"]) == (entry.rule.check_scheme, "shared")
