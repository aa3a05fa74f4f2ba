"""Every PRO number that a carrier's source gives as an example, and what becomes of it with one digit wrong.

A wrong character is noticed wherever the scheme has a check digit, but for what `blind` says, which the schemes' own
descriptions say too (`ProCheckScheme`): XPO's remainder of seven is the same for digits that are seven apart, and YRC's
check digit does not cover the first three. ABF publishes no check digit, and XPO no number but the table of remainders:
one number of each remainder stands for it.
"""

import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from app.shipments.carrier_directory import CARRIER_DIRECTORY
from app.shipments.pro_numbers import InvalidProNumber, ProNumberFault, check
from tests.parties import Party
from tests.shipments.waybills import link

RULES = {entry.scac: entry.rule for entry in CARRIER_DIRECTORY}

Blind = Callable[[int, str, str], bool]


def never(_: int, __: str, ___: str) -> bool:
    return False


def seven_apart(position: int, right: str, wrong: str) -> bool:
    return position < 8 and abs(int(right) - int(wrong)) == 7


def first_three(position: int, _: str, __: str) -> bool:
    return position < 3


def anywhere(_: int, __: str, ___: str) -> bool:
    return True


@dataclass(frozen=True)
class Published:
    """An example with where it comes from; `blind`: which wrong digit (position, right, wrong) the scheme lets pass."""

    scac: str
    number: str
    source: str
    blind: Blind


XPO = "ltl-solutions.xpo.com/help-center/pro-number: the remainder of the first eight digits by seven"
YRC = "YRC Freight, Freight bill numbering, check digit calculation as of 2012-06-25"
ODFL = "github.com/jkeen/tracking_number_data, couriers/old_dominion.json"
ABF = "domain: nine digits, weak source"

EXAMPLES = [
    *(Published("CNWY", f"123-456{76 + remainder}{remainder}", XPO, seven_apart) for remainder in range(7)),
    *(Published("RDWY", number, YRC, first_three) for number in ("100-340397-9", "828-561881-X", "111-003542-0")),
    *(
        Published("ODFL", number, ODFL, never)
        for number in ("07209562763", "77767553207", "77806528897", "80003280379", "80993847369")
    ),
    Published("ABFS", "123456789", ABF, anywhere),
]
each_example = pytest.mark.parametrize("one", EXAMPLES, ids=lambda one: f"{one.scac} {one.number}")


def with_one_digit_wrong(number: str) -> Iterator[tuple[int, str, str, str]]:
    """The position, the right and the wrong character and the whole, for each digit in the place of each character."""
    for position, right in enumerate(number):
        for wrong in string.digits:
            if wrong != right:
                yield position, right, wrong, number[:position] + wrong + number[position + 1 :]


def fault(scac: str, number: str) -> ProNumberFault | None:
    try:
        check(RULES[scac], number)
    except InvalidProNumber as refused:
        return refused.rule
    return None


def test_each_carrier_with_a_rule_of_its_own_has_an_example_and_each_remainder_of_xpo_is_there() -> None:
    assert {one.scac for one in EXAMPLES} == {scac for scac, rule in RULES.items() if rule.mask is not None}
    assert sorted(one.number[-1] for one in EXAMPLES if one.scac == "CNWY") == list("0123456")


@each_example
def test_a_published_example_is_taken_and_written_as_its_carrier_writes_it(one: Published) -> None:
    for written in (one.number, one.number.replace("-", ""), f" {one.number.replace('-', ' ').lower()} "):
        assert check(RULES[one.scac], written).display == one.number


@each_example
def test_with_any_one_digit_wrong_it_is_refused_but_for_the_scheme_s_blind_spots(one: Published) -> None:
    key = one.number.replace("-", "")
    passed = {
        (position, wrong) for position, _, wrong, number in with_one_digit_wrong(key) if fault(one.scac, number) is None
    }
    blind = {
        (position, wrong)
        for position, right, wrong, _ in with_one_digit_wrong(key)
        if one.blind(position, right, wrong)
    }
    assert passed == blind
    noticed = {fault(one.scac, number) for _, _, _, number in with_one_digit_wrong(key)} - {None}
    # A wrong digit of Old Dominion's prefix breaks the mask before the check digit is asked.
    assert noticed <= {ProNumberFault.check_digit, ProNumberFault.shape}


@pytest.mark.parametrize("number", ["07209562773", "79927398713", "10000000000", "80003280389"])
def test_what_the_source_calls_invalid_is_refused(number: str) -> None:
    assert fault("ODFL", number) is not None


def test_all_of_them_can_be_linked_and_none_with_a_wrong_check_digit(buyer: Party) -> None:
    order = buyer.issue()
    for one in EXAMPLES:
        answer = link(buyer, order, one.scac, one.number)
        # Another run on the same database may have used it: then it is claimed, and was read all the same.
        assert answer.status_code == 201 or answer.json()["code"] == "pro_number_claimed", answer.text
        if RULES[one.scac].check_scheme is not None:
            wrong = one.number[:-1] + str((int(one.number[-1].replace("X", "9")) + 1) % 10)
            answer = link(buyer, order, one.scac, wrong)
            assert (answer.status_code, answer.json().get("rule")) == (422, "check_digit"), wrong
