import string
from collections.abc import Iterator
from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from stdnum import luhn

from app.shipments.pro_numbers import (
    MAX_ALTERNATIVES,
    MAX_LENGTH,
    InvalidMask,
    InvalidProNumber,
    ProCheckScheme,
    ProNumber,
    ProNumberFault,
    ProRule,
    check,
    parse_mask,
    pro_number_key,
)

ANY = ProRule(mask=None, check_scheme=None, source="test")
XPO = ProRule("###-######", ProCheckScheme.modulo_7, "test")
OLD_DOMINION = ProRule("777########|80#########", ProCheckScheme.luhn, "test")
YRC = ProRule("###-######-*", ProCheckScheme.yrc_modulo_11, "test")

LETTERS_AND_DIGITS = string.ascii_uppercase + string.digits
PLACES = {"#": string.digits, "@": string.ascii_uppercase, "*": LETTERS_AND_DIGITS}

keys = st.text(LETTERS_AND_DIGITS, min_size=1, max_size=MAX_LENGTH)
xpo_numbers = st.integers(0, 99_999_999).map(lambda serial: f"{serial:08}{serial % 7}")
old_dominion_numbers = st.integers(0, 99_999_99).map(
    lambda serial: f"777{serial:07}" + luhn.calc_check_digit(f"777{serial:07}")
)
yrc_numbers = st.tuples(st.integers(0, 999), st.integers(0, 999_999)).map(
    lambda parts: f"{parts[0]:03}{parts[1]:06}" + {10: "X", 11: "0"}.get(11 - parts[1] % 11, str(11 - parts[1] % 11))
)
one_alternative = st.text("#@*7A", min_size=1, max_size=12)
masks = st.lists(one_alternative, min_size=1, max_size=4).map("|".join)


def fault(rule: ProRule, text: str) -> ProNumberFault | None:
    try:
        check(rule, text)
    except InvalidProNumber as refused:
        return refused.rule
    return None


def with_one_other(number: str, characters: str) -> Iterator[tuple[int, str, str]]:
    """Position, the character put there, and the number with it, for every single wrong character."""
    for position, wrong in product(range(len(number)), characters):
        if number[position] != wrong:
            yield position, wrong, number[:position] + wrong + number[position + 1 :]


# What two spellings of one number share


@pytest.mark.parametrize(
    "text",
    [
        "123456784",
        "123-456784",
        " 123 456 784 ",
        "123–456784",
        "123−456784",
        "123‑456784",
        "１２３４５６７８４",
        "-123456784-",
        "123\u200b456784",
        "\ufeff123\u00ad456784\t",
    ],
)
def test_spaces_dashes_of_any_kind_and_width_are_no_part_of_the_key(text: str) -> None:
    assert pro_number_key(text) == "123456784"


def test_case_is_no_part_of_the_key() -> None:
    assert pro_number_key("ab-12x") == "AB12X"


@pytest.mark.parametrize("text", ["", "  ", "-", "– –", "\u200b"])
def test_a_number_without_a_letter_or_digit_is_refused_as_empty(text: str) -> None:
    assert fault(ANY, text) is ProNumberFault.empty


@pytest.mark.parametrize("text", ["12/34", "12.34", "#123", "ß1", "1²½", "١٢٣", "é1", "12_3", "12\x003"])
def test_anything_but_latin_letters_digits_and_dashes_is_refused(text: str) -> None:
    assert fault(ANY, text) is ProNumberFault.characters


def test_thirty_characters_are_taken_and_thirty_one_refused_dashes_and_spaces_not_counted() -> None:
    assert fault(ANY, "1" * 30) is None
    assert fault(ANY, "1-" * 30) is None
    assert fault(ANY, " 1" * 30) is None
    assert fault(ANY, "1" * 31) is ProNumberFault.too_long
    assert fault(ANY, "1" * 40) is ProNumberFault.too_long


def test_two_fields_of_a_scan_are_not_joined_into_one_number() -> None:
    assert fault(ANY, "1234\x1d5678") is ProNumberFault.characters


def test_a_very_long_text_is_refused_before_it_is_read() -> None:
    assert fault(ANY, "\u0301" * 5_000_000) is ProNumberFault.too_long


@given(keys, st.data())
def test_dashes_and_spaces_put_anywhere_leave_the_key_alone(key: str, data: st.DataObject) -> None:
    gaps = [data.draw(st.sampled_from(["", "-", " ", "–"])) for _ in key]
    text = "".join(character + gap for character, gap in zip(key, gaps, strict=True))
    assert pro_number_key(text) == pro_number_key(text.lower()) == key


@given(keys)
def test_a_key_is_its_own_key(key: str) -> None:
    assert pro_number_key(key) == key


# A carrier without a rule of its own


def test_without_a_mask_the_number_is_written_as_its_key() -> None:
    assert check(ANY, " ab12–34 ") == ProNumber(key="AB1234", display="AB1234")


# Masks


@pytest.mark.parametrize(
    ("mask", "text", "display"),
    [
        ("###", "123", "123"),
        ("@@#", "ab1", "AB1"),
        ("**", "A1", "A1"),
        ("AB-##", "ab12", "AB-12"),
        ("ab-##", "AB-12", "AB-12"),
        ("###-###", "1-2-3-4-5-6", "123-456"),
        ("7#|8##", "812", "812"),
        ("7#-#|7##", "712", "71-2"),
    ],
)
def test_a_number_is_written_as_the_first_alternative_that_fits_writes_it(mask: str, text: str, display: str) -> None:
    assert check(ProRule(mask, None, "test"), text) == ProNumber(display.replace("-", ""), display)


@pytest.mark.parametrize(
    ("mask", "text"),
    [("###", "12"), ("###", "1234"), ("###", "12A"), ("@@", "A1"), ("7##", "812"), ("A#", "B1"), ("7#|8##", "81")],
)
def test_a_number_that_fits_no_alternative_is_refused_and_told_the_shape(mask: str, text: str) -> None:
    with pytest.raises(InvalidProNumber) as refused:
        check(ProRule(mask, None, "test"), text)
    assert refused.value.rule is ProNumberFault.shape
    assert all(alternative in refused.value.detail for alternative in mask.split("|"))


@given(masks, st.data())
def test_every_number_that_a_mask_describes_fits_it_and_reads_back_from_its_display(
    mask: str, data: st.DataObject
) -> None:
    places = data.draw(st.sampled_from(mask.split("|")))
    key = "".join(data.draw(st.sampled_from(PLACES.get(place, place))) for place in places)
    rule = ProRule(mask, None, "test")
    number = check(rule, key)
    assert number.key == key
    assert check(rule, number.display) == number


@given(masks, keys)
def test_a_mask_takes_exactly_the_numbers_that_it_describes(mask: str, key: str) -> None:
    described = any(
        len(places) == len(key)
        and all(character in PLACES.get(place, place) for place, character in zip(places, key, strict=True))
        for places in mask.split("|")
    )
    assert fault(ProRule(mask, None, "test"), key) is (None if described else ProNumberFault.shape)


@pytest.mark.parametrize(
    "mask",
    ["", "|", "##|", "|##", "##||##", "## ##", "##.#", "\\d+", "[0-9]", "#?", "(##)", "-##", "##-", "#--#", "-", "é#"],
)
def test_a_mask_that_cannot_be_read_is_refused_with_a_sentence(mask: str) -> None:
    with pytest.raises(InvalidMask) as refused:
        ProRule(mask, None, "test")
    assert refused.value.detail.endswith(".")


def test_a_mask_is_no_longer_than_a_number_and_has_a_limited_number_of_alternatives() -> None:
    assert parse_mask("#" * MAX_LENGTH) == ("#" * MAX_LENGTH,)
    assert len(parse_mask("|".join(["#"] * MAX_ALTERNATIVES))) == MAX_ALTERNATIVES
    with pytest.raises(InvalidMask, match="at most 30 characters"):
        parse_mask("#" * (MAX_LENGTH + 1))
    with pytest.raises(InvalidMask, match="at most 20 alternatives"):
        parse_mask("|".join(["#"] * (MAX_ALTERNATIVES + 1)))


@pytest.mark.parametrize(
    ("mask", "scheme"),
    [
        ("########", ProCheckScheme.modulo_7),
        ("@########", ProCheckScheme.modulo_7),
        ("#########|##########", ProCheckScheme.modulo_7),
        ("###@", ProCheckScheme.luhn),
        ("#", ProCheckScheme.luhn),
        ("#########", ProCheckScheme.yrc_modulo_11),
    ],
)
def test_a_mask_that_leaves_no_room_for_its_check_scheme_is_refused(mask: str, scheme: ProCheckScheme) -> None:
    with pytest.raises(InvalidMask, match=scheme):
        ProRule(mask, scheme, "test")


@pytest.mark.parametrize(
    ("mask", "scheme"),
    [
        ("*********", ProCheckScheme.modulo_7),
        ("12345678#", ProCheckScheme.modulo_7),
        ("**", ProCheckScheme.luhn),
        ("#########X", ProCheckScheme.yrc_modulo_11),
    ],
)
def test_a_mask_that_leaves_room_for_its_check_scheme_is_taken(mask: str, scheme: ProCheckScheme) -> None:
    assert ProRule(mask, scheme, "test").mask == mask


# Check digits as the carriers published them


@pytest.mark.parametrize(
    ("number", "check_character"),
    [("100-340397-", "9"), ("828-561881-", "X"), ("111-003542-", "0")],
)
def test_the_numbers_of_yrcs_own_page_fit_with_their_check_character_only(number: str, check_character: str) -> None:
    assert check(YRC, number + check_character).display == number + check_character
    for wrong in set(LETTERS_AND_DIGITS) - {check_character}:
        assert fault(YRC, number + wrong) is not None


@pytest.mark.parametrize(
    ("eight", "ninth"), [("12345678", "2"), ("00000007", "0"), ("99999999", "1"), ("00000006", "6")]
)
def test_the_ninth_digit_of_xpo_is_the_remainder_of_the_first_eight_by_seven(eight: str, ninth: str) -> None:
    assert check(XPO, eight + ninth).display == f"{eight[:3]}-{eight[3:]}{ninth}"
    for wrong in set(string.digits) - {ninth}:
        assert fault(XPO, eight + wrong) is ProNumberFault.check_digit


def test_a_scheme_without_a_mask_asks_for_its_own_shape() -> None:
    xpo = ProRule(None, ProCheckScheme.modulo_7, "test")
    assert fault(xpo, "12345-6782") is None
    assert fault(xpo, "1234567") is ProNumberFault.shape
    assert fault(xpo, "A23456782") is ProNumberFault.shape
    assert fault(ProRule(None, ProCheckScheme.luhn, "test"), "0") is ProNumberFault.shape
    assert fault(ProRule(None, ProCheckScheme.yrc_modulo_11, "test"), "A003403979") is ProNumberFault.shape


# Which single wrong characters a scheme notices


@given(xpo_numbers)
@example("000000000")
def test_modulo_7_misses_only_a_digit_seven_away_among_the_first_eight(number: str) -> None:
    assert fault(XPO, number) is None
    for position, wrong, altered in with_one_other(number, string.digits):
        missed = position < 8 and abs(int(wrong) - int(number[position])) == 7
        assert (fault(XPO, altered) is None) is missed, altered


@given(old_dominion_numbers)
def test_luhn_misses_no_single_wrong_digit(number: str) -> None:
    rule = ProRule(None, ProCheckScheme.luhn, "test")
    assert fault(OLD_DOMINION, number) is None
    for _, _, altered in with_one_other(number, string.digits):
        assert fault(rule, altered) is ProNumberFault.check_digit, altered


@given(yrc_numbers)
@example("1110035420")
@example("828561881X")
def test_yrc_modulo_11_misses_every_wrong_digit_of_the_prefix_and_no_other(number: str) -> None:
    assert fault(YRC, number) is None
    for position, _, altered in with_one_other(number, string.digits + "X"):
        if altered[:9].isdigit():
            assert (fault(YRC, altered) is None) is (position < 3), altered


# Nothing else ever comes out


@given(
    st.text() | st.text(LETTERS_AND_DIGITS + "- ", max_size=12) | st.text(string.digits, min_size=9, max_size=11),
    st.sampled_from([ANY, XPO, OLD_DOMINION, YRC, ProRule(None, ProCheckScheme.luhn, "test")]),
)
def test_any_text_is_a_number_or_refused_and_nothing_else(text: str, rule: ProRule) -> None:
    try:
        number = check(rule, text)
    except InvalidProNumber:
        return
    assert number.key == pro_number_key(text) == number.display.replace("-", "")
    assert set(number.key) <= set(LETTERS_AND_DIGITS)
    assert 1 <= len(number.key) <= len(number.display) <= MAX_LENGTH
    assert check(rule, number.display) == number


@given(st.text() | st.text("#@*-|79AZ", max_size=40), st.sampled_from([None, *ProCheckScheme]))
def test_any_text_is_a_mask_or_refused_and_nothing_else(text: str, scheme: ProCheckScheme | None) -> None:
    try:
        rule = ProRule(text, scheme, "test")
    except InvalidMask:
        return
    assert rule.mask == text
    assert all(1 <= len(alternative) <= MAX_LENGTH for alternative in parse_mask(text))
