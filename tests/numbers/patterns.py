"""Strategies for hypothesis: well-formed formats, and numbers of them."""

from dataclasses import dataclass

from hypothesis import strategies as st

from app.numbers.check_characters import NUMBER_ALPHABET
from app.numbers.format_patterns import FormatPattern

ALPHANUMERIC = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@st.composite
def format_texts(draw: st.DrawFn) -> str:
    prefix = draw(st.from_regex(r"[A-Z0-9](-?[A-Z0-9]){1,4}-?", fullmatch=True))
    check = draw(st.booleans()) or prefix.replace("-", "").isdigit()
    serial = draw(st.integers(1, 7).map("{{serial:{}}}".format) | st.integers(5, 9).map("{{random:{}}}".format))
    date_parts = draw(st.sampled_from([[], ["{year}"], ["{year}", "{month}"]]))
    component = draw(st.sampled_from([[], ["{cost_center:1}"], ["{category:2}"], ["{location:3}"]]))
    segments = draw(st.permutations([serial, *component]))
    place = draw(st.integers(0, len(segments)))
    segments = [*segments[:place], *date_parts, *segments[place:], *(["{check}"] if check else [])]
    text = prefix + segments[0]
    for segment in segments[1:]:
        text += draw(st.sampled_from(["", "-"])) + segment
    return text


def formats() -> st.SearchStrategy[FormatPattern]:
    def fits(text: str) -> bool:
        try:
            FormatPattern.parse(text)
        except ValueError as refused:
            assert "22 is the most" in str(refused)  # noqa: PT017 - the only way in which the strategy may miss
            return False
        return True

    return format_texts().filter(fits).map(FormatPattern.parse)


@dataclass(frozen=True)
class Rendered:
    """A format and one number that it wrote, with what went into it."""

    pattern: FormatPattern
    serial_text: str
    components: dict[str, str]
    number: str


@st.composite
def rendered_numbers(draw: st.DrawFn) -> Rendered:
    pattern = draw(formats())
    alphabet = NUMBER_ALPHABET if pattern.is_random else "0123456789"
    components = {name: draw(st.text(ALPHANUMERIC, min_size=w, max_size=w)) for name, w in pattern.components.items()}
    year, month = draw(st.integers(2000, 2099)), draw(st.integers(1, 12))
    width = pattern.serial_width
    serial_text = draw(
        st.text(alphabet, min_size=width, max_size=width).filter(
            lambda text: pattern.render(text, components, year, month) is not None
        )
    )
    number = pattern.render(serial_text, components, year, month)
    assert number is not None
    return Rendered(pattern, serial_text, components, number)
