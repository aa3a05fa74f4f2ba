import string
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.numbers.number_keys import (
    MalformedNumber,
    candidate_keys,
    clean_number_text,
    number_key,
    registration_warnings,
)

SET_82 = "!\"%&'()*+,-./_:;<=>?" + string.ascii_letters + string.digits
ZERO_WIDTH_SPACE, BYTE_ORDER_MARK, RIGHT_TO_LEFT_MARK = "\u200b", "\ufeff", "\u200f"


def rule_of(text: str) -> str:
    with pytest.raises(MalformedNumber) as refused:
        number_key(text)
    return refused.value.rule


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("PO-7K3M9QRTWX", "PO7K3M9QRTWX"),
        ("po 7k3m 9qrt wx", "PO7K3M9QRTWX"),
        ("\tPO-7K3M\n9QRTWX\r\n", "PO7K3M9QRTWX"),
        ("ＰＯ－７Ｋ３Ｍ", "PO7K3M"),
        ("PO\u00a07K3M", "PO7K3M"),
        (f"{BYTE_ORDER_MARK}PO-{ZERO_WIDTH_SPACE}7K3M{RIGHT_TO_LEFT_MARK}", "PO7K3M"),
        ("12／34", "12/34"),
        ("a_b/c.d", "A_B/C.D"),
        ("４５００・", None),
    ],
)
def test_a_written_number_has_one_key_whatever_its_case_blanks_dashes_and_width(text: str, key: str | None) -> None:
    if key is None:
        assert rule_of(text) == "character"
    else:
        assert number_key(text) == key


@pytest.mark.parametrize(
    "dash",
    list(
        "-\u00ad\u058a\u05be\u1400\u1806\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u207b\u208b\u2212\u02d7"
        "\u2500\u2796\u2e3a\u301c\u30fc\ufe31\ufe58\ufe63\uff0d\uff70"
    ),
)
def test_dashes_of_every_kind_vanish(dash: str) -> None:
    assert number_key(f"PO{dash}12{dash}{dash}3") == "PO123"


def test_look_alikes_are_never_folded() -> None:
    assert len({number_key(text) for text in ("PO-O1", "PO-01", "PO-OI", "PO-0I", "PO-Ol")}) == 5


@pytest.mark.parametrize("text", ["straße", "ıstanbul", "ŀ1", "PO-1\u0301", "РО-12", "½", "PO\x1d12", "PO#1", "12 €"])
def test_a_character_outside_set_82_is_refused_even_where_upper_case_would_make_it_a_letter(text: str) -> None:
    assert rule_of(text) == "character"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("PO-12ß4", "Character U+00DF at position 6 cannot stand in a PO number."),
        ("PO-12\x00", "Character U+0000 at position 6 cannot stand in a PO number."),
        (f"{ZERO_WIDTH_SPACE}PO\ud800", "Character U+D800 at position 4 cannot stand in a PO number."),
        ("ＰＯ\U0001f600", "Character U+1F600 at position 3 cannot stand in a PO number."),
    ],
)
def test_the_refusal_names_the_character_and_its_position_in_the_typed_text(text: str, sentence: str) -> None:
    with pytest.raises(MalformedNumber) as refused:
        number_key(text)
    assert str(refused.value) == sentence


@pytest.mark.parametrize("text", ["", " ", "---", f"\u2003{ZERO_WIDTH_SPACE}\u2014"])
def test_a_text_of_separators_alone_is_empty(text: str) -> None:
    assert rule_of(text) == "empty"


def test_a_key_holds_35_characters_and_not_one_more() -> None:
    assert number_key("1-" * 35) == "1" * 35
    assert number_key("１－" * 35) == "1" * 35
    assert rule_of("1" * 36) == "too_long"
    assert rule_of("１" * 36) == "too_long"


@pytest.mark.parametrize(
    "text",
    [
        "1" * 10_000,
        " " * 10_000,
        ZERO_WIDTH_SPACE * 10_000,
        "\ufdfa" * 10_000,
        "\x00" * 10_000,
        "\ud800" * 10_000,
        "a" + "\u0315\u0300" * 500_000,
    ],
    ids=["digits", "spaces", "zero width", "expanding to 18", "NUL", "surrogates", "unsorted combining marks"],
)
def test_a_hostile_text_is_refused_quickly(text: str) -> None:
    start = time.process_time()
    assert rule_of(text) in {"too_long", "character", "empty"}
    with pytest.raises(MalformedNumber):
        candidate_keys(text)
    assert time.process_time() - start < 0.5


def plain_key(text: str) -> str | None:
    """The contract's sentence, taken word for word over the whole text."""
    folded = "".join(
        character
        for character in unicodedata.normalize("NFKC", text)
        if not (character.isspace() and character not in "\x1c\x1d\x1e\x1f")
        and unicodedata.category(character) not in {"Pd", "Cf"}
        and character not in "\u2212\u02d7\u2043\u2796\u2500\u2501\u30fc"
    )
    if not 1 <= len(folded) <= 35 or not set(folded) <= set(SET_82):
        return None
    return folded.upper()


@given(
    st.text(max_size=40) | st.text(alphabet=SET_82 + " \u2013\u00a0\u200b\uff0fＡ１ßı№\u0301\u0338\x1d", max_size=40)
)
def test_the_key_is_the_one_that_the_contract_words(text: str) -> None:
    expected = plain_key(text)
    if expected is None:
        with pytest.raises(MalformedNumber):
            number_key(text)
    else:
        assert number_key(text) == expected


@given(st.text(alphabet=SET_82 + " -", max_size=30))
def test_a_key_is_its_own_key(text: str) -> None:
    try:
        key = number_key(text)
    except MalformedNumber:
        return
    assert number_key(key) == key
    assert number_key("-".join(key.lower())) == key


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("123", ("123",)),
        ("4500012345", ("4500012345",)),
        ("PO# 4500012345", ("PO4500012345", "4500012345")),
        ("po #4500012345", ("PO4500012345", "4500012345")),
        ("PO-7K3M9QRTWX", ("PO7K3M9QRTWX", "7K3M9QRTWX")),
        ("P.O. No. 123", ("P.O.NO.123", "PO123", "123")),
        ("P.O. 123", ("P.O.123", "PO123", "123")),
        ("P/O 123", ("P/O123", "PO123", "123")),
        ("P／O: 123", ("P/O:123", "PO123", "123")),
        ("PO NO 123", ("PONO123", "PO123", "123", "NO123")),
        ("PO NUMBER: 123", ("PONUMBER:123", "PO123", "123", "NUMBER:123")),
        ("PO N° 123", ("PO123", "123")),
        ("PO № 123", ("PONO123", "PO123", "123", "NO123")),
        ("PURCHASE ORDER NO. 123", ("PURCHASEORDERNO.123", "PO123", "123")),
        ("Purchase Order #: ab-12", ("POAB12", "AB12")),
        ("# 123", ("PO123", "123")),
        ("PO# PO-7K3M", ("PO7K3M", "7K3M")),
        ("PO PO-7K3M", ("POPO7K3M", "PO7K3M", "7K3M")),
        ("PORT123", ("PORT123", "RT123")),
        ("p-o-123", ("PO123", "123")),
        ("PO NORTH1", ("PONORTH1", "NORTH1")),
        ("PO-NO123", ("PONO123", "NO123")),
        ("PO", ("PO",)),
        ("P.O.", ("P.O.",)),
        (f"{BYTE_ORDER_MARK}PO{RIGHT_TO_LEFT_MARK}# 45—6", ("PO456", "456")),
        ("PO# " + "1" * 34, ("1" * 34,)),
    ],
)
def test_a_typed_label_is_read_after_the_exact_key(text: str, keys: tuple[str, ...]) -> None:
    assert candidate_keys(text) == keys


def test_a_label_does_not_hide_where_the_number_behind_it_is_wrong() -> None:
    with pytest.raises(MalformedNumber, match=r"U\+00DF at position 7"):
        candidate_keys("PO# 12ß")


@pytest.mark.parametrize("text", ["", "#", "PO#", "PO # :", "12#3", "PO# " + "1" * 36])
def test_a_text_without_a_well_formed_reading_is_malformed(text: str) -> None:
    with pytest.raises(MalformedNumber):
        candidate_keys(text)


@given(st.text(max_size=40) | st.text(alphabet="PpOo#./: -NnUuMmBbEeRr°0123４－ß", max_size=30))
def test_candidates_are_distinct_well_formed_keys_with_the_exact_one_first(text: str) -> None:
    try:
        exact = number_key(text)
    except MalformedNumber:
        exact = None
    try:
        candidates = candidate_keys(text)
    except MalformedNumber:
        assert exact is None
        return
    assert len(set(candidates)) == len(candidates) <= 5
    assert all(number_key(candidate) == candidate for candidate in candidates)
    if exact is not None:
        assert candidates[0] == exact
        if exact.startswith("PO") and exact[2:3].isalnum():
            assert exact[2:] in candidates


def test_the_stored_text_is_the_text_as_issued() -> None:
    assert clean_number_text("  Po 12–3/A \n") == "Po 12–3/A"
    assert clean_number_text(f"{BYTE_ORDER_MARK} ＰＯ{ZERO_WIDTH_SPACE}１２ ") == "ＰＯ１２"


def test_a_direction_mark_cannot_reorder_a_stored_number() -> None:
    assert clean_number_text("PO-12\u202e34") == "PO-1234"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("12\n34", "character"),
        ("12\t34", "character"),
        ("12\u202834", "character"),
        ("12\x0034", "character"),
        ("1234\x1d", "character"),
        ("1-" * 33, "too_long"),
        ("1" * 36, "too_long"),
        (" ", "empty"),
    ],
)
def test_a_text_that_cannot_be_stored_and_shown_as_one_line_is_refused(text: str, rule: str) -> None:
    with pytest.raises(MalformedNumber) as refused:
        clean_number_text(text)
    assert refused.value.rule == rule


@given(st.text(alphabet=SET_82 + " \u2013\u00a0\u200b\u202eＡ\n\x00", max_size=70))
def test_cleaning_changes_no_key_and_is_done_once(text: str) -> None:
    try:
        cleaned = clean_number_text(text)
    except MalformedNumber:
        return
    assert number_key(cleaned) == number_key(text)
    assert clean_number_text(cleaned) == cleaned


@pytest.mark.parametrize(
    ("number", "codes"),
    [
        ("4500012345", []),
        ("PO-98676856", []),
        ("1" * 22, []),
        ("1" * 23, ["x12_length"]),
        ("1" * 30, ["x12_length"]),
        ("1" * 31, ["x12_length", "gs1_length"]),
        ("45/12", ["carrier_central_character_set"]),
        ("45*12", ["x12_delimiter", "carrier_central_character_set"]),
        ("45 12", ["gs1_character_set", "carrier_central_character_set"]),
        ("45–12", ["gs1_character_set", "carrier_central_character_set"]),
        ("４５", ["gs1_character_set", "carrier_central_character_set"]),
    ],
)
def test_registration_warns_of_what_other_systems_would_refuse(number: str, codes: list[str]) -> None:
    warnings = registration_warnings(number)
    assert [warning.code for warning in warnings] == codes
    assert all(warning.detail.endswith(".") for warning in warnings)
