"""`Prefer` (RFC 7240): what is understood of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.http.preferences import prefers_minimal


@pytest.mark.parametrize(
    "field",
    [
        *("return=minimal", "Return=minimal", 'return="minimal"', " return = minimal ", "return=minimal; foo"),
        *("respond-async, return=minimal", "wait=10,return=minimal", 'x="a, return=representation", return=minimal'),
        *("return=minimal, return=representation", ", ,return=minimal", "handling=lenient;a=1, return=minimal"),
    ],
)
def test_the_first_return_is_the_one_that_counts(field: str) -> None:
    assert prefers_minimal(field)


@pytest.mark.parametrize(
    "field",
    [
        *("", "return", "return=", "return=representation", "returns=minimal", "return=minimalist", "minimal"),
        *("return=representation, return=minimal", 'x="return=minimal"', "x; return=minimal"),
        "return=minimal" + " " * 1_000,
    ],
)
def test_all_else_is_no_preference(field: str) -> None:
    assert not prefers_minimal(field)


@given(st.text('return=minimal,;"\\ ', max_size=2_000))
def test_nothing_that_is_sent_is_a_fault(field: str) -> None:
    assert prefers_minimal(field) in {True, False}
