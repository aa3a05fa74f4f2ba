import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.numbers.check_characters import NUMBER_ALPHABET, CheckScheme, calculate, is_valid

ALPHANUMERIC = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ALPHABETS = {CheckScheme.MOD_37_2: ALPHANUMERIC, CheckScheme.MOD_37_36: ALPHANUMERIC, CheckScheme.DAMM: "0123456789"}
every_scheme = pytest.mark.parametrize("scheme", CheckScheme)


# Sources: an ISBT 128 donation number, a Global Release Identifier, the example published with Damm's quasigroup.
@pytest.mark.parametrize(
    ("scheme", "body", "check"),
    [
        (CheckScheme.MOD_37_2, "G123489654321", "Y"),
        (CheckScheme.MOD_37_36, "A12425GABC1234002", "M"),
        (CheckScheme.DAMM, "572", "4"),
    ],
)
def test_a_published_example_has_its_published_check_character(scheme: CheckScheme, body: str, check: str) -> None:
    assert calculate(scheme, body) == check
    assert is_valid(scheme, body + check)


@every_scheme
@given(data=st.data())
def test_exactly_one_character_checks_a_body(scheme: CheckScheme, data: st.DataObject) -> None:
    body = data.draw(st.text(alphabet=ALPHABETS[scheme], min_size=1, max_size=34))
    valid = [check for check in ALPHANUMERIC + "*" if is_valid(scheme, body + check)]
    assert valid == [calculate(scheme, body)]


@every_scheme
def test_every_single_wrong_character_is_caught(scheme: CheckScheme) -> None:
    generator = random.Random(20260101)
    for _ in range(30):
        body = "".join(generator.choices(ALPHABETS[scheme], k=10))
        key = body + calculate(scheme, body)
        for position, right in enumerate(key):
            for wrong in ALPHABETS[scheme]:
                if wrong != right:
                    assert not is_valid(scheme, key[:position] + wrong + key[position + 1 :])


@pytest.mark.parametrize("scheme", [CheckScheme.MOD_37_2, CheckScheme.DAMM])
@pytest.mark.parametrize("distance", [1, 2])
def test_swapped_neighbours_are_caught_and_by_mod_37_2_characters_one_apart_too(
    scheme: CheckScheme, distance: int
) -> None:
    generator = random.Random(20260102)
    caught = tried = 0
    for _ in range(500):
        body = "".join(generator.choices(ALPHABETS[scheme], k=10))
        key = body + calculate(scheme, body)
        for position in range(len(key) - distance):
            swapped = list(key)
            swapped[position], swapped[position + distance] = swapped[position + distance], swapped[position]
            if swapped != list(key):
                tried += 1
                caught += not is_valid(scheme, "".join(swapped))
    assert tried > 3_000
    if (scheme, distance) == (CheckScheme.DAMM, 2):
        assert 0.85 < caught / tried < 0.95
    else:
        assert caught == tried


@every_scheme
@given(text=st.text(max_size=12) | st.text(alphabet="0123456789٣AZaz*- ", max_size=12))
def test_validity_of_any_text_is_answered_without_an_error(scheme: CheckScheme, text: str) -> None:
    answer = is_valid(scheme, text)
    assert not answer or set(text[:-1]) <= set(ALPHABETS[scheme])


def test_digits_of_other_scripts_and_a_star_within_are_no_valid_keys() -> None:
    assert not is_valid(CheckScheme.DAMM, "57\u06624")
    star_within = next(f"A*{check}" for check in ALPHANUMERIC if mod_37_2_sum(f"A*{check}") == 1)
    assert not is_valid(CheckScheme.MOD_37_2, star_within)


def mod_37_2_sum(key: str) -> int:
    total = 0
    for character in key:
        total = (2 * total + (ALPHANUMERIC + "*").index(character)) % 37
    return total


@pytest.mark.parametrize(
    ("scheme", "body"),
    [
        (CheckScheme.DAMM, "12A"),
        (CheckScheme.DAMM, "12\u0663"),
        (CheckScheme.MOD_37_2, "PO-1"),
        (CheckScheme.MOD_37_2, "A*1"),
        (CheckScheme.MOD_37_36, "po1"),
        (CheckScheme.MOD_37_36, ""),
    ],
)
def test_a_body_outside_the_scheme_has_no_check_character(scheme: CheckScheme, body: str) -> None:
    with pytest.raises(ValueError, match="check character"):
        calculate(scheme, body)


def test_seven_of_37_check_characters_of_mod_37_2_lie_outside_the_number_alphabet() -> None:
    assert len(NUMBER_ALPHABET) == len(set(NUMBER_ALPHABET)) == 30
    outside = set(ALPHANUMERIC + "*") - set(NUMBER_ALPHABET)
    assert outside == set("01ILOU*")
    generator = random.Random(20260103)
    checks = [
        calculate(CheckScheme.MOD_37_2, "PO" + "".join(generator.choices(NUMBER_ALPHABET, k=9))) for _ in range(4_000)
    ]
    assert 0.17 < sum(check in outside for check in checks) / len(checks) < 0.21
