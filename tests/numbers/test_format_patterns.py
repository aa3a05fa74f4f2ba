import json
import random
from collections import Counter
from datetime import date
from itertools import product
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.numbers.check_characters import NUMBER_ALPHABET, CheckScheme
from app.numbers.format_patterns import ComponentError, FormatPattern, prefix_conflicts
from app.numbers.number_keys import number_key, registration_warnings
from app.numbers.serial_permutation import SerialPermutation
from tests.numbers.patterns import ALPHANUMERIC, Rendered, format_texts, formats, rendered_numbers

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text())
DEFAULT = FormatPattern.parse("PO-{random:9}{check}")


@given(format_texts())
def test_a_format_reads_back_as_it_was_written(text: str) -> None:
    try:
        pattern = FormatPattern.parse(text)
    except ValueError:
        assume(False)
    assert str(pattern) == text
    assert FormatPattern.parse(str(pattern)) == pattern


@given(rendered_numbers())
def test_every_number_that_a_format_writes_it_recognises(rendered: Rendered) -> None:
    pattern, number = rendered.pattern, rendered.number
    key = number_key(number)
    assert pattern.matches(key)
    assert pattern.verifies(key)
    assert pattern.number_from_key(key) == number
    assert len(number) == pattern.length <= 22
    assert len(key) == len(pattern.shape)
    assert key.startswith(pattern.prefix_key)
    assert rendered.serial_text in key
    assert not registration_warnings(number)


@given(rendered_numbers())
def test_numbers_of_two_serials_differ(rendered: Rendered) -> None:
    pattern = rendered.pattern
    other = ("3" if rendered.serial_text[0] != "3" else "4") + rendered.serial_text[1:]
    assert pattern.render(other, rendered.components, 2026, 11) != rendered.number


@given(rendered_numbers(), st.data())
def test_a_wrong_character_in_a_number_with_a_check_character_is_caught(
    rendered: Rendered, data: st.DataObject
) -> None:
    assume(rendered.pattern.check_scheme is not None)
    key = number_key(rendered.number)
    position = data.draw(st.integers(0, len(key) - 1))
    wrong = data.draw(st.sampled_from(ALPHANUMERIC).filter(lambda character: character != key[position]))
    assert not rendered.pattern.verifies(key[:position] + wrong + key[position + 1 :])


def default_keys(count: int) -> list[str]:
    texts = SerialPermutation(bytes(range(16)), 9).texts(range(count))
    return [number_key(number) for text in texts if (number := DEFAULT.render(text, {}, 2026, 11)) is not None]


def test_the_default_format_catches_every_substitution_and_every_swap_of_neighbours_in_300_numbers() -> None:
    keys = default_keys(380)[:300]
    assert len(keys) == 300
    substitutions = swaps = missed = 0
    for key in keys:
        for position in range(2, len(key)):
            for wrong in NUMBER_ALPHABET.replace(key[position], ""):
                substitutions += 1
                missed += DEFAULT.verifies(key[:position] + wrong + key[position + 1 :])
        for position in range(2, len(key) - 1):
            swapped = key[:position] + key[position + 1] + key[position] + key[position + 2 :]
            if swapped != key:
                swaps += 1
                missed += DEFAULT.verifies(swapped)
    assert substitutions == 300 * 10 * 29
    assert swaps > 2_500
    assert missed == 0


def test_the_default_format_skips_about_seven_of_37_serials() -> None:
    assert 0.79 < len(default_keys(5_000)) / 5_000 < 0.83


def test_a_random_text_of_the_default_shape_passes_the_check_once_in_37() -> None:
    generator = random.Random(20260104)
    keys = ["PO" + "".join(generator.choices(NUMBER_ALPHABET, k=10)) for _ in range(37_000)]
    assert all(map(DEFAULT.matches, keys))
    # Binomial(37,000, 1/37): mean 1,000, standard deviation 31.
    assert 850 < sum(map(DEFAULT.verifies, keys)) < 1_150


@pytest.mark.parametrize(
    ("text", "scheme"),
    [
        ("PO-{random:9}{check}", CheckScheme.MOD_37_2),
        ("12-{random:9}{check}", CheckScheme.MOD_37_2),
        ("45-{serial:7}{check}", CheckScheme.DAMM),
        ("45{year}{month}{serial:5}{check}", CheckScheme.DAMM),
        ("45{category:2}{serial:5}{check}", CheckScheme.MOD_37_36),
        ("AB{serial:7}{check}", CheckScheme.MOD_37_36),
        ("AB{serial:7}", None),
        ("AB{random:7}", None),
    ],
)
def test_the_check_scheme_follows_from_what_the_key_is_made_of(text: str, scheme: CheckScheme | None) -> None:
    assert FormatPattern.parse(text).check_scheme is scheme


@pytest.mark.parametrize("text", ["45-{serial:2}{check}", "AB{serial:2}{check}", "AB{location:1}{serial:2}{check}"])
def test_a_serial_format_skips_no_serial(text: str) -> None:
    pattern = FormatPattern.parse(text)
    numbers = [pattern.render(pattern.serial_digits(serial), {"location": "7"}, 2026, 11) for serial in range(100)]
    assert None not in numbers
    assert len(set(numbers)) == pattern.serial_capacity == 100


def test_a_number_is_put_together_in_the_order_of_its_format() -> None:
    pattern = FormatPattern.parse("AC-{cost_center:3}-{year}{month}-{serial:4}")
    components = {"cost_center": "m07", "category": "not in this format", "location": None}
    assert pattern.render(pattern.serial_digits(42), components, 2026, 3) == "AC-M07-202603-0042"
    assert pattern.component_values(components) == {"cost_center": "M07"}
    assert pattern.components == {"cost_center": 3}
    assert pattern.length == 18
    assert pattern.serial_capacity == 10_000
    assert not pattern.is_random


@pytest.mark.parametrize(
    ("value", "rule"),
    [(None, "missing"), ("", "missing"), ("A1", "width"), ("A123", "width"), ("A-1", "character"), ("A1 ", "character"),
     ("aß1", "character"), ("A1\u0662", "character"), ("ıA1", "character")],
)  # fmt: skip
def test_a_component_has_exactly_its_width_in_letters_and_digits(value: str | None, rule: str) -> None:
    pattern = FormatPattern.parse("AC-{cost_center:3}-{serial:4}")
    components = {} if value is None else {"cost_center": value}
    with pytest.raises(ComponentError, match="cost_center") as refused:
        pattern.render("0042", components, 2026, 3)
    assert (refused.value.component, refused.value.rule) == ("cost_center", rule)


@pytest.mark.parametrize(
    ("serial_text", "year", "month"),
    [
        ("042", 2026, 3),
        ("00042", 2026, 3),
        ("004A", 2026, 3),
        ("0042", 12026, 3),
        ("0042", 2026, 0),
        ("0042", 2026, 13),
    ],
)
def test_a_serial_or_a_date_that_does_not_fit_the_format_is_an_error(serial_text: str, year: int, month: int) -> None:
    with pytest.raises(ValueError, match=r"shape|month"):
        FormatPattern.parse("AC{year}{month}-{serial:4}").render(serial_text, {}, year, month)


@pytest.mark.parametrize("serial", [-1, 100])
def test_a_serial_beyond_the_capacity_is_an_error(serial: int) -> None:
    with pytest.raises(ValueError, match="outside 0 to 99"):
        FormatPattern.parse("AC{serial:2}").serial_digits(serial)


@pytest.mark.parametrize(
    ("text", "period"),
    [("AC{serial:2}", ""), ("AC{year}{serial:2}", "2026"), ("AC{year}{month}{serial:2}", "202603")],
)
def test_a_series_is_counted_by_the_dates_that_its_numbers_show(text: str, period: str) -> None:
    assert FormatPattern.parse(text).period(date(2026, 3, 31)) == period


@pytest.mark.parametrize(
    "key", ["", "PO", "PO22222222", "PO222222222222", "po8CCTQ7394A", "PO8CCTQ739OA", "PO8CCTQ7394A\n", "QO8CCTQ7394A"]
)
def test_a_key_of_another_shape_is_not_recognised(key: str) -> None:
    assert not DEFAULT.matches(key)
    assert not DEFAULT.verifies(key)
    with pytest.raises(ValueError, match="shape"):
        DEFAULT.number_from_key(key)


@given(formats(), st.text(max_size=22))
def test_any_text_is_answered_without_an_error(pattern: FormatPattern, text: str) -> None:
    assert pattern.matches(text) or not pattern.verifies(text)


@given(formats(), formats())
def test_overlap_is_symmetric_and_every_format_overlaps_itself(one: FormatPattern, other: FormatPattern) -> None:
    assert one.overlaps(one)
    assert one.overlaps(other) == other.overlaps(one)
    if not prefix_conflicts(one.prefix_key, other.prefix_key):
        assert not one.overlaps(other)


SMALL_FORMATS = ["AB{serial:1}", "AB{category:1}", "A2{serial:1}", "A-2{serial:1}", "ABC{serial:1}", "AB{serial:2}"]
SMALL_FORMATS = [text if "serial" in text else text + "{serial:1}" for text in SMALL_FORMATS] + [
    "AB{serial:1}{check}", "22{serial:1}{check}", "2A{serial:1}{check}", "222{serial:1}{check}", "AB2{serial:1}",
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), list(product(SMALL_FORMATS, SMALL_FORMATS)))
def test_overlap_agrees_with_trying_every_key(one: str, other: str) -> None:
    first, second = FormatPattern.parse(one), FormatPattern.parse(other)
    # The prefixes are spelt with these characters, and each class of characters is told from the others by one of them.
    keys = ("".join(characters) for length in (3, 4, 5) for characters in product("AB2C0I", repeat=length))
    assert first.overlaps(second) == any(first.matches(key) and second.matches(key) for key in keys)


def test_shape_and_matching_agree() -> None:
    pattern = FormatPattern.parse("AB{year}{month}-{random:5}{check}")
    assert [len(characters) for characters in pattern.shape] == [1, 1, 10, 10, 10, 10, 2, 10, 30, 30, 30, 30, 30, 30]


@pytest.mark.parametrize(
    ("one", "other", "conflict"),
    [("PO", "PO", True), ("PO", "POX", True), ("POX", "PO", True), ("PO", "PA", False), ("AB1", "AB2", False)],
)
def test_prefixes_conflict_when_one_begins_the_other(one: str, other: str, *, conflict: bool) -> None:
    assert prefix_conflicts(one, other) is conflict


def test_capacity_is_a_power_of_the_alphabet() -> None:
    assert DEFAULT.serial_capacity == 30**9 == 19_683_000_000_000


def test_the_published_vectors_of_the_default_format_hold() -> None:
    assert str(DEFAULT) == VECTORS["format"]
    permutation = SerialPermutation(bytes.fromhex(VECTORS["key"]), 9)
    for vector in VECTORS["valid"]:
        [text] = permutation.texts([vector["serial"]])
        assert DEFAULT.render(text, {}, 2026, 11) == vector["number"]
        assert number_key(vector["number"]) == vector["number_key"]
        assert DEFAULT.verifies(vector["number_key"])
        assert permutation.serial(vector["number_key"][2:11]) == vector["serial"]
    for serial in VECTORS["skipped_serials"]:
        [text] = permutation.texts([serial])
        assert DEFAULT.render(text, {}, 2026, 11) is None
    for vector in VECTORS["invalid"]:
        key = number_key(vector["number"])
        assert not DEFAULT.verifies(key)
        assert DEFAULT.matches(key) is vector["has_the_shape"]
    reasons = Counter(vector["reason"] for vector in VECTORS["invalid"])
    assert len(VECTORS["valid"]) >= 20
    assert len(reasons) >= 5
