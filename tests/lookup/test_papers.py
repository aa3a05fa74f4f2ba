"""What a text on the papers may be, as pure readings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.lookup.papers import ProReading, read


@pytest.mark.parametrize(
    ("text", "scac", "key"),
    [
        ("123-456782", None, "123456782"),
        ("CNWY 123-456782", "CNWY", "123456782"),
        ("cnwy123456782", "CNWY", "123456782"),
        ("CNWY/123456782", "CNWY", "123456782"),
        ("PRO# 123-456782", None, "123456782"),
        ("PRO No.: CNWY 123-456782", "CNWY", "123456782"),
        ("]C19012KCNWY123456782", "CNWY", "123456782"),
        ("(90)12KAB--123456782", "AB", "123456782"),
        ("PRO12345", None, "PRO12345"),
    ],
)
def test_a_pro_number_is_read_with_its_carrier_and_without(text: str, scac: str | None, key: str) -> None:
    assert ProReading(scac, key) in read(text).pro_numbers


@pytest.mark.parametrize("text", ["po# 4500-012345", "]C14004500012345", "(400)4500012345", "4500 012345"])
def test_a_po_number_is_understood_as_at_the_gate(text: str) -> None:
    assert "4500012345" in read(text).keys


@given(st.text(max_size=1_100))
def test_any_text_has_readings_or_none(text: str) -> None:
    for key in read(text).keys:
        assert 1 <= len(key) <= 35
    for reading in read(text).pro_numbers:
        assert reading.key.isalnum()
