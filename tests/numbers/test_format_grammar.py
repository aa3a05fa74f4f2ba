import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.numbers.format_grammar import PatternError, SegmentKind, parse_pattern


def kinds_and_widths(text: str) -> list[tuple[str, int, bool]]:
    return [(segment.kind, segment.width, segment.dashed) for segment in parse_pattern(text)[1]]


def test_a_format_is_a_prefix_and_segments_with_their_widths_and_dashes() -> None:
    assert parse_pattern("PO-{random:9}{check}")[0] == "PO-"
    assert kinds_and_widths("PO-{random:9}{check}") == [("random", 9, False), ("check", 1, False)]
    assert kinds_and_widths("A-1{cost_center:3}-{year}{month}-{serial:4}-{check}") == [
        ("cost_center", 3, False),
        ("year", 4, True),
        ("month", 2, False),
        ("serial", 4, True),
        ("check", 1, True),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "AB{serial:1}",
        "PO-{serial:15}{check}",
        "PO-{random:5}",
        "PO-{random:16}{check}",
        "12{serial:8}{check}",
        "12-{random:8}{check}",
        "ABCDEFGHIJKL-{serial:9}",
        "A-B-{category:2}{location:3}{cost_center:1}{serial:2}",
        "AB{year}-{category:4}-{month}{serial:3}",
    ],
)
def test_formats_at_the_limits_are_taken(text: str) -> None:
    parse_pattern(text)


@pytest.mark.parametrize(
    ("text", "rule", "position"),
    [
        ("", "prefix_missing", 1),
        ("{serial:4}", "prefix_missing", 1),
        ("po-{serial:4}", "prefix_character", 1),
        ("P_O-{serial:4}", "prefix_character", 2),
        ("P\u00c4-{serial:4}", "prefix_character", 2),
        ("PO\u0662{serial:4}", "prefix_character", 3),
        (" PO{serial:4}", "prefix_character", 1),
        ("-PO{serial:4}", "dash", 1),
        ("PO--{serial:4}", "dash", 4),
        ("PO{serial:4}-", "dash", 13),
        ("P-{serial:4}", "prefix_length", 1),
        ("ABCDEFGHIJKLM{serial:4}", "prefix_length", 1),
        ("12-{serial:8}", "prefix_letter", 1),
        ("12{random:8}", "prefix_letter", 1),
        ("PO{serial:4}x{check}", "between_segments", 13),
        ("PO{serial:4}--{check}", "between_segments", 13),
        ("PO{serial:4} {check}", "between_segments", 13),
        ("PO{serial:4}}", "between_segments", 13),
        ("PO{serial:4}-A", "between_segments", 13),
        ("PO{serial:4", "segment_malformed", 3),
        ("PO{serial:4}-{", "segment_malformed", 14),
        ("PO{{serial:4}}", "segment_malformed", 3),
        ("PO{}", "segment_unknown", 3),
        ("PO{Serial:4}", "segment_unknown", 3),
        ("PO{ serial:4}", "segment_unknown", 3),
        ("PO-{serial:4}-{day}", "segment_unknown", 15),
        ("PO{serial}", "width_missing", 3),
        ("PO{category}{serial:4}", "width_missing", 3),
        ("PO{year:4}{serial:4}", "width_not_taken", 3),
        ("PO{serial:4}{check:1}", "width_not_taken", 13),
        ("PO{serial:0}", "width_range", 3),
        ("PO{serial:16}", "width_range", 3),
        ("PO{serial:04}", "width_range", 3),
        ("PO{serial:-4}", "width_range", 3),
        ("PO{serial:}", "width_range", 3),
        ("PO{serial:\u0664}", "width_range", 3),
        ("PO{serial:" + "9" * 5_000 + "}", "width_range", 3),
        ("PO{random:4}", "width_range", 3),
        ("PO{random:17}", "width_range", 3),
        ("PO{category:0}{serial:4}", "width_range", 3),
        ("PO-", "serial_missing", 3),
        ("PO{year}{check}", "serial_missing", 15),
        ("PO{serial:3}{random:5}", "serial_and_random", 13),
        ("PO{serial:3}{serial:5}", "segment_repeated", 13),
        ("PO{year}{year}{serial:5}", "segment_repeated", 9),
        ("PO{serial:4}{check}{check}", "check_not_last", 13),
        ("PO{check}{serial:4}", "check_not_last", 3),
        ("PO{month}{serial:4}", "month_without_year", 3),
        ("PO{month}{year}{serial:4}", "month_without_year", 3),
        ("POPOPO-{serial:15}{check}", "too_long", 1),
        ("PO{category:21}{serial:1}", "too_long", 1),
    ],
)
def test_each_violation_is_named_by_its_rule_and_position(text: str, rule: str, position: int) -> None:
    with pytest.raises(PatternError) as refused:
        parse_pattern(text)
    assert (refused.value.rule, refused.value.position) == (rule, position)
    assert str(refused.value).endswith(f"(Position {position}.)")


def test_a_number_of_22_characters_is_the_longest() -> None:
    parse_pattern("POPOP-{serial:15}{check}")
    with pytest.raises(PatternError, match="have 23 characters"):
        parse_pattern("POPOPO-{serial:15}{check}")


pieces = st.sampled_from(
    ["PO", "A", "1", "-", "--", "{", "}", ":", "x", " ", *(f"{{{kind}}}" for kind in SegmentKind)]
    + [f"{{{kind}:{width}}}" for kind in SegmentKind for width in (0, 1, 4, 5, 9, 15, 16, 17, 99)]
)


@given(st.text(max_size=60) | st.lists(pieces, max_size=8).map("".join))
@example("PO{serial:1}" * 10_000)
@example("{" * 10_000)
@example("PO-" + "-{" * 10_000)
def test_any_text_is_a_format_or_a_pattern_error_within_it(text: str) -> None:
    position = 1
    try:
        prefix, segments = parse_pattern(text)
    except PatternError as refused:
        prefix, segments, position = "", None, refused.position
    assert 1 <= position <= max(1, len(text))
    if segments is None:
        return
    assert text.startswith(prefix)
    assert sum(segment.kind in {SegmentKind.SERIAL, SegmentKind.RANDOM} for segment in segments) == 1
    assert len(prefix) + sum(segment.width + segment.dashed for segment in segments) <= 22
    assert all(text[segment.position - 1 :].startswith("{" + segment.kind) for segment in segments)
