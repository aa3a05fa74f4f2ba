"""Spans of time as policies write them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.orders.durations import LONGEST, MalformedDurationError, parse_duration, written_duration

spans = st.integers(0, int(LONGEST.total_seconds())).map(lambda seconds: timedelta(seconds=seconds))


@given(spans)
def test_what_is_written_is_read_as_the_same_span(span: timedelta) -> None:
    assert parse_duration(written_duration(span)) == span


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("P90D", "P90D"),
        ("P400D", "P400D"),
        ("P2W", "P14D"),
        ("PT36H", "P1DT12H"),
        ("PT2160H", "P90D"),
        ("P1DT12H", "P1DT12H"),
        ("PT1H30M", "PT1H30M"),
        ("PT90M", "PT1H30M"),
        ("PT1H5S", "PT1H5S"),
        ("P0D", "PT0S"),
    ],
)
def test_a_span_is_shown_in_days_and_what_is_left_of_them(text: str, written: str) -> None:
    assert written_duration(parse_duration(text)) == written


@pytest.mark.parametrize(
    "text",
    [
        *("", "P", "PT", "P1DT", "90D", "P1M", "P1Y", "P1Y2D", "P1W2D", "-P1D", "P-1D", "+P1D", "PT1.5H", "P0,5D"),
        *("p90d", "P90D ", "P90D\n", "P٩D", "PT30M1H", "P99999D", "90", "1 day", "P1DT12H30"),
    ],
)
def test_what_has_no_one_length_or_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(MalformedDurationError):
        parse_duration(text)
