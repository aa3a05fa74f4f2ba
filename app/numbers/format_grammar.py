"""The grammar of number formats: a literal prefix, then segments in braces, with at most one dash between two segments.

PO-{random:9}{check}
ACME-{cost_center:4}-{year}{month}-{serial:5}{check}
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from app.numbers.serial_permutation import RANDOM_WIDTH_MAX, RANDOM_WIDTH_MIN

NUMBER_LENGTH_MAX: Final = 22
PREFIX_KEY_LENGTH_MIN: Final = 2
PREFIX_KEY_LENGTH_MAX: Final = 12
SERIAL_WIDTH_MAX: Final = 15

PatternRule = Literal[
    "prefix_missing",
    "prefix_character",
    "prefix_length",
    "prefix_letter",
    "dash",
    "between_segments",
    "segment_malformed",
    "segment_unknown",
    "segment_repeated",
    "width_missing",
    "width_not_taken",
    "width_range",
    "serial_missing",
    "serial_and_random",
    "check_not_last",
    "month_without_year",
    "too_long",
]


class SegmentKind(StrEnum):
    """What a segment is filled with: the name that stands in its braces."""

    COST_CENTER = "cost_center"
    CATEGORY = "category"
    LOCATION = "location"
    YEAR = "year"
    MONTH = "month"
    SERIAL = "serial"
    RANDOM = "random"
    CHECK = "check"


COMPONENT_KINDS: Final = (SegmentKind.COST_CENTER, SegmentKind.CATEGORY, SegmentKind.LOCATION)


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment. `width` counts its characters; `dashed`: a dash stands before it; `position` counts from 1."""

    kind: SegmentKind
    width: int
    dashed: bool
    position: int


class PatternError(ValueError):
    """A text that is no format. `rule` is stable, `position` counts from 1, the message is a sentence for people."""

    def __init__(self, rule: PatternRule, position: int, sentence: str) -> None:
        super().__init__(f"{sentence} (Position {position}.)")
        self.rule: PatternRule = rule
        self.position = position


def parse_pattern(text: str) -> tuple[str, tuple[Segment, ...]]:
    """The prefix and the segments of a format's text. Raises `PatternError`; takes any text.

    Limits: X12 BEG03 for the whole number (22 characters), NIST SP 800-38G for the least width of `random`, a `bigint`
    column for `serial`.
    """
    prefix = _prefix(text)
    segments: list[Segment] = []
    position = len(prefix)
    while position < len(text):
        segment, position = _segment(text, position)
        segments.append(segment)
    _check_order(text, segments)
    _check_reservation(prefix, segments)
    length = len(prefix) + sum(segment.width + segment.dashed for segment in segments)
    if length > NUMBER_LENGTH_MAX:
        raise PatternError("too_long", 1, f"Its numbers have {length} characters; {NUMBER_LENGTH_MAX} is the most.")
    return prefix, tuple(segments)


_SEGMENT: Final = re.compile(r"(?P<dash>-?)\{(?P<name>[^{}:]*)(?::(?P<width>[^{}]*))?\}")
_FIXED_WIDTHS: Final = {SegmentKind.YEAR: 4, SegmentKind.MONTH: 2, SegmentKind.CHECK: 1}
_WIDTHS: Final = {
    **{kind: range(1, NUMBER_LENGTH_MAX) for kind in COMPONENT_KINDS},
    SegmentKind.SERIAL: range(1, SERIAL_WIDTH_MAX + 1),
    SegmentKind.RANDOM: range(RANDOM_WIDTH_MIN, RANDOM_WIDTH_MAX + 1),
}


def _prefix(text: str) -> str:
    prefix = text.partition("{")[0]
    if not prefix:
        raise PatternError("prefix_missing", 1, "A format begins with a literal prefix such as `PO-`.")
    if wrong := re.search("[^A-Z0-9-]", prefix):
        raise PatternError("prefix_character", wrong.start() + 1, "A prefix consists of A to Z, 0 to 9 and dashes.")
    if wrong := re.search("^-|--", prefix):
        raise PatternError("dash", wrong.end(), "A prefix begins with a letter or digit, and no dash follows another.")
    key_length = len(prefix.replace("-", ""))
    if not PREFIX_KEY_LENGTH_MIN <= key_length <= PREFIX_KEY_LENGTH_MAX:
        raise PatternError(
            "prefix_length",
            1,
            f"A prefix has {PREFIX_KEY_LENGTH_MIN} to {PREFIX_KEY_LENGTH_MAX} letters and digits, not {key_length}.",
        )
    return prefix


def _segment(text: str, start: int) -> tuple[Segment, int]:
    """The segment that begins at the index `start`, and the index behind it."""
    match = _SEGMENT.match(text, start)
    if match is None:
        raise _no_segment(text, start)
    position = match.start("name")  # the index of the name is the position of the brace, which counts from 1
    try:
        kind = SegmentKind(match["name"])
    except ValueError:
        raise PatternError(
            "segment_unknown", position, f"The segments are {', '.join(f'{{{kind}}}' for kind in SegmentKind)}."
        ) from None
    return Segment(kind, _width(kind, match["width"], position), bool(match["dash"]), position), match.end()


def _no_segment(text: str, start: int) -> PatternError:
    rest = text[start:]
    if rest.startswith(("{", "-{")):
        return PatternError("segment_malformed", text.index("{", start) + 1, "A segment is {name} or {name:width}.")
    if rest.startswith("-") and not rest.strip("-"):
        return PatternError("dash", start + 1, "A dash stands between two segments, not at the end.")
    return PatternError("between_segments", start + 1, "Between two segments stands one dash or nothing.")


def _width(kind: SegmentKind, width: str | None, position: int) -> int:
    if kind in _FIXED_WIDTHS:
        if width is not None:
            raise PatternError("width_not_taken", position, f"{{{kind}}} takes no width.")
        return _FIXED_WIDTHS[kind]
    widths = _WIDTHS[kind]
    if width is None:
        raise PatternError("width_missing", position, f"{{{kind}}} needs a width, as in {{{kind}:{widths[-1] // 2}}}.")
    if not re.fullmatch("[1-9][0-9]?", width) or int(width) not in widths:
        raise PatternError(
            "width_range",
            position,
            f"{{{kind}}} takes a width of {widths[0]} to {widths[-1]}, written in plain digits.",
        )
    return int(width)


def _check_order(text: str, segments: list[Segment]) -> None:
    kinds = [segment.kind for segment in segments]
    for index, segment in enumerate(segments):
        if segment.kind in kinds[:index]:
            raise PatternError("segment_repeated", segment.position, f"{{{segment.kind}}} stands in a format once.")
        if segment.kind is SegmentKind.CHECK and index + 1 < len(segments):
            raise PatternError(
                "check_not_last", segment.position, "{check} covers what stands before it: it is the last."
            )
        if segment.kind is SegmentKind.MONTH and SegmentKind.YEAR not in kinds[:index]:
            raise PatternError("month_without_year", segment.position, "{month} needs {year} before it.")
    serials = [segment for segment in segments if segment.kind in {SegmentKind.SERIAL, SegmentKind.RANDOM}]
    if not serials:
        raise PatternError(
            "serial_missing", len(text), "A format needs {serial:N} or {random:N}: numbers differ by it."
        )
    if len(serials) > 1:
        raise PatternError("serial_and_random", serials[1].position, "A format has {serial:N} or {random:N}, not both.")


def _check_reservation(prefix: str, segments: list[Segment]) -> None:
    # All numbers of a format's shape are reserved for it; with a check character, one in ten of them at most.
    if segments[-1].kind is not SegmentKind.CHECK and not re.search("[A-Z]", prefix):
        raise PatternError(
            "prefix_letter",
            1,
            "Without {check} the prefix needs a letter: digits alone would reserve what other companies issue.",
        )
