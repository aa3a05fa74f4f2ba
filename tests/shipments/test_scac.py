import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.shipments.scac import InvalidScac, ScacFault, parse_scac


@pytest.mark.parametrize("code", ["CNWY", "ODFL", "UP", "NS", "CPT"])
def test_codes_of_two_to_four_letters_are_taken(code: str) -> None:
    assert parse_scac(code) == code


@pytest.mark.parametrize("text", [" cnwy ", "Cnwy\n", "ＣＮＷＹ", "\u00a0CNWY"])
def test_case_width_and_surrounding_spaces_do_not_matter(text: str) -> None:
    assert parse_scac(text) == "CNWY"


@pytest.mark.parametrize("text", ["", " ", "A", "ABCDE", "CN WY", "CN-Y", "CNW1", "ß", "ı", "CNWŸ", "СNWY"])
def test_anything_but_two_to_four_latin_letters_is_refused(text: str) -> None:
    with pytest.raises(InvalidScac) as refused:
        parse_scac(text)
    assert refused.value.rule is ScacFault.letters
    assert "2 to 4 letters" in str(refused.value)


@pytest.mark.parametrize(
    ("code", "equipment"), [("MSCU", "containers"), ("GATX", "private railcars"), ("tipz", "chassis and trailers")]
)
def test_codes_of_equipment_owners_are_refused_with_that_reason(code: str, equipment: str) -> None:
    with pytest.raises(InvalidScac) as refused:
        parse_scac(code)
    assert refused.value.rule is ScacFault.equipment_owner
    assert f"ends in {code[-1].upper()}: such codes name owners of {equipment}" in refused.value.detail


@given(
    st.text(string.ascii_letters, min_size=2, max_size=4).filter(lambda code: code[-1].upper() not in {"U", "X", "Z"})
)
def test_every_carrier_code_is_its_own_reading(code: str) -> None:
    scac = parse_scac(code)
    assert scac == code.upper()
    assert parse_scac(scac) == scac


@given(st.text())
def test_any_text_is_read_or_refused_and_nothing_else(text: str) -> None:
    try:
        scac = parse_scac(text)
    except InvalidScac:
        return
    assert 2 <= len(scac) <= 4
    assert set(scac) <= set(string.ascii_uppercase)
