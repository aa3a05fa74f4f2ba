"""Number formats: what a format writes, what it recognises, and whether two formats could write the same number."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Final, Literal, Self

from app.numbers.check_characters import NUMBER_ALPHABET, CheckScheme, calculate, is_valid
from app.numbers.format_grammar import COMPONENT_KINDS, Segment, SegmentKind, parse_pattern

ComponentRule = Literal["missing", "width", "character", "not_allowed"]

_DIGITS: Final = frozenset("0123456789")
_ALPHANUMERIC: Final = _DIGITS | frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_NUMBER_CHARACTERS: Final = frozenset(NUMBER_ALPHABET)
_CHECK_CHARACTERS: Final = {
    CheckScheme.MOD_37_2: _NUMBER_CHARACTERS,
    CheckScheme.MOD_37_36: _ALPHANUMERIC,
    CheckScheme.DAMM: _DIGITS,
}


class ComponentError(ValueError):
    """A component that a format needs and an order does not bring as it must. `rule` is stable."""

    def __init__(self, component: str, rule: ComponentRule, sentence: str) -> None:
        super().__init__(sentence)
        self.component = component
        self.rule: ComponentRule = rule


@dataclass(frozen=True)
class FormatPattern:
    """A parsed format. `str()` gives back its text; two formats of one text are equal."""

    prefix: str
    segments: tuple[Segment, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """The format that a text such as `PO-{random:9}{check}` describes. Raises `PatternError`."""
        return cls(*parse_pattern(text))

    def __str__(self) -> str:
        return self.prefix + "".join(map(_segment_text, self.segments))

    @cached_property
    def prefix_key(self) -> str:
        """The prefix as it stands in keys: without dashes."""
        return self.prefix.replace("-", "")

    @cached_property
    def is_random(self) -> bool:
        """Whether the serial is shown through the keyed bijection rather than as digits in order."""
        return self._serial_segment.kind is SegmentKind.RANDOM

    @cached_property
    def serial_width(self) -> int:
        """The N of `{serial:N}` or `{random:N}`."""
        return self._serial_segment.width

    @cached_property
    def serial_capacity(self) -> int:
        """How many serials a series of this format has, from 0: 10 ** N or 30 ** N.

        With `{random:N}{check}` about 30 of 37 serials give a number: the check character of the others lies outside
        the alphabet.
        """
        base = len(NUMBER_ALPHABET) if self.is_random else 10
        return int(base**self.serial_width)

    @cached_property
    def check_scheme(self) -> CheckScheme | None:
        """MOD 37-2 over `{random}`; over `{serial}` Damm when the whole key is digits, MOD 37,36 otherwise."""
        if self.segments[-1].kind is not SegmentKind.CHECK:
            return None
        if self.is_random:
            return CheckScheme.MOD_37_2
        return CheckScheme.DAMM if all(position <= _DIGITS for position in self._body_shape) else CheckScheme.MOD_37_36

    @cached_property
    def components(self) -> Mapping[str, int]:
        """The widths of the components that an order must bring, by name, in the order of the format."""
        return {str(segment.kind): segment.width for segment in self.segments if segment.kind in COMPONENT_KINDS}

    @cached_property
    def length(self) -> int:
        """Characters of a number as text, dashes included."""
        return len(self.prefix) + sum(segment.width + segment.dashed for segment in self.segments)

    @cached_property
    def shape(self) -> tuple[frozenset[str], ...]:
        """The characters that may stand at each position of a key."""
        check = () if self.check_scheme is None else (_CHECK_CHARACTERS[self.check_scheme],)
        return self._body_shape + check

    def period(self, at: date) -> str:
        """What a series of this format is counted by on a day: nothing, its year (`2026`) or its month (`202611`)."""
        kinds = {segment.kind for segment in self.segments}
        if SegmentKind.MONTH in kinds:
            return f"{at.year:04d}{at.month:02d}"
        return f"{at.year:04d}" if SegmentKind.YEAR in kinds else ""

    def serial_digits(self, serial: int) -> str:
        """The text of a serial in a `{serial:N}` format. Raises `ValueError` beyond the capacity."""
        if not 0 <= serial < self.serial_capacity:
            raise ValueError(f"serial {serial} is outside 0 to {self.serial_capacity - 1}")
        return f"{serial:0{self.serial_width}d}"

    def component_values(self, components: Mapping[str, str | None]) -> dict[str, str]:
        """The components as they stand in a number: upper case, of exactly their widths, of A-Z and 0-9.

        Components that the format does not name are left out. Raises `ComponentError`.
        """
        return {name: _component_value(name, width, components.get(name)) for name, width in self.components.items()}

    def render(self, serial_text: str, components: Mapping[str, str | None], year: int, month: int) -> str | None:
        """The number, as text, of a serial that is shown as `serial_text` (digits, or text of the bijection).

        None when the check character falls outside `NUMBER_ALPHABET` in a `{random}` format: the caller takes the next
        serial. Raises `ComponentError`, and `ValueError` for a serial text, year or month that does not fit the format.
        """
        if not 1 <= month <= 12:
            raise ValueError(f"there is no month {month}")
        texts = {
            SegmentKind.YEAR: f"{year:04d}",
            SegmentKind.MONTH: f"{month:02d}",
            self._serial_segment.kind: serial_text,
            **{SegmentKind(name): value for name, value in self.component_values(components).items()},
        }
        parts = [texts[segment.kind] for segment in self.segments if segment.kind is not SegmentKind.CHECK]
        key = self.prefix_key + "".join(parts)
        if self.check_scheme is not None:
            key += calculate(self.check_scheme, key)
            if key[-1] not in self.shape[-1]:
                return None
        return self.number_from_key(key)

    def matches(self, key: str) -> bool:
        """Whether a key has this format's shape. The check character is not computed."""
        return self._shape_expression.fullmatch(key) is not None

    def verifies(self, key: str) -> bool:
        """Whether a key has this format's shape and, where the format has one, its right check character."""
        return self.matches(key) and (self.check_scheme is None or is_valid(self.check_scheme, key))

    def overlaps(self, other: "FormatPattern") -> bool:
        """Whether some key fits the shapes of both formats."""
        return len(self.shape) == len(other.shape) and all(
            not mine.isdisjoint(theirs) for mine, theirs in zip(self.shape, other.shape, strict=True)
        )

    def number_from_key(self, key: str) -> str:
        """The text of the number with this key: its dashes put back. Raises `ValueError` for a key of another shape."""
        if not self.matches(key):
            raise ValueError(f"{key!r} has not the shape of {self}")
        parts = [self.prefix]
        start = len(self.prefix_key)
        for segment in self.segments:
            parts.append(("-" if segment.dashed else "") + key[start : start + segment.width])
            start += segment.width
        return "".join(parts)

    @cached_property
    def _serial_segment(self) -> Segment:
        return next(segment for segment in self.segments if segment.kind in {SegmentKind.SERIAL, SegmentKind.RANDOM})

    @cached_property
    def _body_shape(self) -> tuple[frozenset[str], ...]:
        prefix = tuple(frozenset(character) for character in self.prefix_key)
        return prefix + tuple(characters for segment in self.segments for characters in _segment_shape(segment))

    @cached_property
    def _shape_expression(self) -> re.Pattern[str]:
        return re.compile("".join(f"[{''.join(sorted(characters))}]" for characters in self.shape))


def prefix_conflicts(prefix_key: str, other_prefix_key: str) -> bool:
    """Whether one prefix begins the other, so that a number's beginning would not tell whose it is."""
    return prefix_key.startswith(other_prefix_key) or other_prefix_key.startswith(prefix_key)


def _segment_text(segment: Segment) -> str:
    width = "" if segment.kind in {SegmentKind.YEAR, SegmentKind.MONTH, SegmentKind.CHECK} else f":{segment.width}"
    return f"{'-' if segment.dashed else ''}{{{segment.kind}{width}}}"


def _segment_shape(segment: Segment) -> tuple[frozenset[str], ...]:
    """The characters of each position of a segment; none for the check character, which depends on all the others."""
    if segment.kind is SegmentKind.CHECK:
        return ()
    if segment.kind is SegmentKind.MONTH:
        return (frozenset("01"), _DIGITS)
    if segment.kind in COMPONENT_KINDS:
        return (_ALPHANUMERIC,) * segment.width
    return (_NUMBER_CHARACTERS if segment.kind is SegmentKind.RANDOM else _DIGITS,) * segment.width


def _component_value(name: str, width: int, value: str | None) -> str:
    if not value:
        raise ComponentError(name, "missing", f"The format of this number needs {name}, of {width} characters.")
    # Before upper-casing, which makes ASCII letters of others: 'ß' becomes SS.
    if not re.fullmatch("[A-Za-z0-9]+", value):
        raise ComponentError(name, "character", f"In a number {name} consists of A to Z and 0 to 9.")
    if len(value) != width:
        raise ComponentError(name, "width", f"In this format {name} has exactly {width} characters, not {len(value)}.")
    return value.upper()
