import pytest

from app.shipments.carrier_directory import CARRIER_DIRECTORY, DirectoryEntry
from app.shipments.pro_numbers import InvalidProNumber, check
from app.shipments.scac import parse_scac

BY_SCAC = {entry.scac: entry for entry in CARRIER_DIRECTORY}


def test_every_carrier_is_listed_once_under_a_carriers_code() -> None:
    assert len(BY_SCAC) == len(CARRIER_DIRECTORY)
    assert [parse_scac(scac) for scac in BY_SCAC] == list(BY_SCAC)


@pytest.mark.parametrize("entry", CARRIER_DIRECTORY, ids=lambda entry: entry.scac)
def test_every_carrier_has_a_name_and_says_where_its_rule_is_from(entry: DirectoryEntry) -> None:
    assert entry.name
    assert entry.rule.source


@pytest.mark.parametrize(
    ("scac", "display"),
    [
        ("CNWY", "123-456782"),
        ("ODFL", "77767553207"),
        ("ODFL", "77806528897"),
        ("ODFL", "07209562763"),
        ("ODFL", "78000000006"),
        ("ODFL", "80003280379"),
        ("ODFL", "80993847369"),
        ("RDWY", "100-340397-9"),
        ("RDWY", "828-561881-X"),
        ("ABFS", "123456789"),
    ],
)
def test_a_number_that_the_carrier_issues_is_taken_and_written_its_way(scac: str, display: str) -> None:
    number = check(BY_SCAC[scac].rule, display.replace("-", " ").lower())
    assert number.display == display


@pytest.mark.parametrize(
    ("scac", "number"),
    [
        ("CNWY", "123456783"),
        ("CNWY", "12345678"),
        ("ODFL", "07209562773"),
        ("ODFL", "79927398713"),
        ("ODFL", "7776755320"),
        ("RDWY", "100-340397-8"),
        ("ABFS", "12345678"),
        ("ABFS", "12345678A"),
    ],
)
def test_a_number_against_the_carriers_published_rule_is_refused(scac: str, number: str) -> None:
    with pytest.raises(InvalidProNumber):
        check(BY_SCAC[scac].rule, number)


@pytest.mark.parametrize("scac", ["FXFE", "EXLA", "SAIA", "RLCA", "UPGF"])
def test_a_carrier_without_a_published_rule_takes_any_pro_number(scac: str) -> None:
    assert check(BY_SCAC[scac].rule, "i123-4567").key == "I1234567"
    with pytest.raises(InvalidProNumber):
        check(BY_SCAC[scac].rule, "1" * 31)
