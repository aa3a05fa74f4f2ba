"""docs/number-scheme.md is what handhelds are programmed by: its code runs, and its tables are the test vectors."""

import json
import re
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.numbers.check_characters import NUMBER_ALPHABET
from app.numbers.default_format import DEFAULT_PATTERN
from app.validation.questions import well_formed

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text(encoding="utf-8"))
PAGE_PATH = Path(__file__).parents[2] / "docs" / "number-scheme.md"
PAGE = PAGE_PATH.read_text(encoding="utf-8")
(CHECK,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
# A field separator between two fields of a scan, and letters that only upper case makes letters of.
NOT_OURS = ["PO-8CCTQ\x1d7394A", "PO-8CCTQ7394A\x1d", "PO-8CCTQ7394\u0250A", "PO8CC\x1cTQ7394A"]
VALID = [vector["number"] for vector in VECTORS["valid"]]


COMPILED = compile(CHECK, "docs/number-scheme.md", "exec")


@pytest.fixture(scope="module")
def reference() -> Any:
    names: dict[str, Any] = {"__name__": "reference"}
    exec(COMPILED, names)  # noqa: S102 - the page's own code is what is tested
    return names["is_well_formed"]


def rows(heading: str) -> list[tuple[str, ...]]:
    """The rows of the first table after a text."""
    table = re.search(r"(?:^\|.*\n?)+", PAGE.split(heading)[1], re.MULTILINE)
    assert table is not None
    return [tuple(cell.strip(" `") for cell in line.split("|")[1:-1]) for line in table[0].splitlines()]


def test_the_table_of_numbers_is_that_of_the_test_vectors() -> None:
    vectors = [(str(one["serial"]), one["number"], one["number_key"]) for one in VECTORS["valid"]]
    assert rows("## Test vectors") == [("serial", "number", "key"), ("---", "---", "---"), *vectors]


def test_the_table_of_texts_to_refuse_is_that_of_the_test_vectors() -> None:
    vectors = [(one["number"], one["reason"]) for one in VECTORS["invalid"]]
    assert rows("no well-formed number of this format:") == [("text", "why"), ("---", "---"), *vectors]


def test_the_check_has_twenty_lines_and_the_vectors_are_linked() -> None:
    assert len(CHECK.splitlines()) == 20
    (link,) = re.findall(r"\[`vectors.json`\]\((.+?)\)", PAGE)
    assert json.loads((PAGE_PATH.parent / link).read_text(encoding="utf-8")) == VECTORS


def test_the_page_names_the_skipped_serials_and_the_key_of_the_vectors() -> None:
    assert f"Skipped serials: {', '.join(map(str, VECTORS['skipped_serials']))}." in PAGE
    assert f"`{VECTORS['key']}`" in PAGE


def test_the_page_describes_the_default_format() -> None:
    assert str(DEFAULT_PATTERN) == VECTORS["format"] == "PO-{random:9}{check}"
    assert f"`{NUMBER_ALPHABET}`" in PAGE
    assert f"{DEFAULT_PATTERN.serial_capacity - 1:,}" in PAGE


@pytest.mark.parametrize("number", VALID)
def test_the_reference_check_takes_a_number_in_any_written_form(reference: Any, number: str) -> None:
    for written in (number, number.lower(), number.replace("-", ""), f" {number[:6]} – {number[6:]} "):
        assert reference(written), written


@pytest.mark.parametrize(
    "text", [*(one["number"] for one in VECTORS["invalid"]), "", "PO-", "PO-8CCTQ7394*", "ﬆ", *NOT_OURS]
)
def test_the_reference_check_refuses_what_is_no_number_of_the_format(reference: Any, text: str) -> None:
    assert not reference(text)


@given(st.sampled_from(VALID), st.integers(0, 13), st.characters() | st.sampled_from("-– \t\x1d\x1fßſ\u212aıﬆ"))
def test_what_the_reference_check_takes_the_service_takes_too(number: str, place: int, character: str) -> None:
    names: dict[str, Any] = {"__name__": "reference"}
    exec(COMPILED, names)  # noqa: S102 - the page's own code is what is tested
    for text in (number[:place] + character + number[place:], number[:place] + character + number[place + 1 :]):
        if names["is_well_formed"](text):
            assert well_formed(text) is True, ascii(text)


@pytest.mark.parametrize("number", VALID[:4])
def test_the_reference_check_finds_every_wrong_character_and_every_swap(reference: Any, number: str) -> None:
    key = number.replace("-", "")
    wrong = [key[:at] + other + key[at + 1 :] for at in range(2, 12) for other in NUMBER_ALPHABET if other != key[at]]
    swapped = []
    for one, two in combinations(range(2, 12), 2):
        characters = list(key)
        characters[one], characters[two] = characters[two], characters[one]
        swapped.append("".join(characters))
    assert not [text for text in wrong if reference(text)]
    assert not [text for text in swapped if text != key and reference(text)]


@pytest.mark.parametrize("body", ["8CCTQ7394", "RN9TANED8", "ZZZZZZZZZ", "222222222"])
def test_the_reference_check_agrees_with_the_service_on_every_check_character(reference: Any, body: str) -> None:
    texts = [f"PO{body}{check}" for check in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ*"]
    assert [reference(text) for text in texts] == [DEFAULT_PATTERN.verifies(text) for text in texts]


@pytest.mark.parametrize(("text", "status"), [(VALID[0], 0), (VALID[0].lower(), 0), (VALID[0][:-1] + "2", 1)])
def test_the_reference_check_stands_alone_as_a_command(tmp_path: Path, text: str, status: int) -> None:
    script = tmp_path / "check_number.py"
    script.write_text(CHECK, encoding="utf-8")
    assert subprocess.run([sys.executable, "-I", "-S", script, text], check=False).returncode == status
