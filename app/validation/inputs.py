"""What a person or a scanner sent, and the PO number in it. Pure: no I/O, no clock.

Three sources. `typed`: a written number, with or without the label that a document prints before it. `gs1`: GS1 element
strings, in which AI (400) is the customer's purchase order number (GS1 General Specifications, section 3.7.1), scanned
or written with their AIs in parentheses. `label`: the plain content of any other bar code.

What decides is the symbology identifier (ISO/IEC 15424), never the data: `4004500012345` is a number until something
says that it is GS1 data. Characters that a PO number cannot hold say so too: an FNC1 (GS, U+001D) in the text.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from app.numbers.gs1_elements import application_identifier, first_element
from app.numbers.number_keys import (
    NUMBER_KEY_LENGTH_MAX,
    TYPED_TEXT_LENGTH_MAX,
    MalformedNumber,
    NumberRule,
    candidate_keys,
    number_key,
)

InputSource = Literal["typed", "gs1", "label"]
InputRule = (
    NumberRule | Literal["gs1_unreadable", "gs1_without_number", "gs1_two_numbers", "article_bar_code", "web_address"]
)

# Most of what is asked looks like the numbers that are issued here. Behind the PO begins no word for "number" and no
# second label, so that there is nothing to find out; a test has it found out all the same.
_ISSUED_HERE: Final = re.compile("PO-?[A-MOQ-Z0-9][A-Z0-9]{1,32}", re.IGNORECASE | re.ASCII)

_GS: Final = "\x1d"
_ORDER_NUMBER_AI: Final = "400"
# Logistic labels carry a dozen elements, those of carriers thirty. A text of a thousand characters holds hundreds, and
# a batch has a thousand texts: what is beyond is not read at all.
_ELEMENTS_MAX: Final = 40
# AIs have 2 to 4 digits, so biip's table of them is walked at most once for each beginning of 4 characters.
_AI_LENGTH_MAX: Final = 4

# `]Y` (system expansion) has modifiers of varying length. A backslash and six digits name the character set (ECI).
_SYMBOLOGY_IDENTIFIER: Final = re.compile(r"[\s\ufeff\u200b]*\]([A-XZa-z][0-9A-Za-z])(?:\\[0-9]{6})?")
# FNC1 in first position: GS1-128, DataBar and Composite, DataMatrix (square and rectangular, without and with ECI), QR
# Code (without and with ECI), DotCode. `]C0`, `]d1` and `]Q1` are the same symbols with any other content.
_GS1_SYMBOLOGIES: Final = frozenset({"C1", "e0", "e1", "e2", "d2", "d5", "d8", "dB", "Q3", "Q4", "J1"})
_EAN_UPC: Final = "E"

# How a scanner that types cannot write GS: spelled out, as a control picture, or as ↔, which Windows makes of Alt+029.
_SPELLED_GS: Final = re.compile(r"<(?:GS|FNC1)>|\{(?:GS|FNC1)\}|\[(?:GS|FNC1)\]|\\x1d|\\u001d|\^\]|[␝↔]", re.IGNORECASE)
# No GS1 element string holds one of these, so in GS1 data they are stand-ins. Elsewhere they may be mistyped.
_SINGLE_GS: Final = r"[~|^]"
_ANY_GS: Final = re.compile(f"{_GS}|{_SPELLED_GS.pattern}|{_SINGLE_GS}", re.IGNORECASE)
_ENDING_GS: Final = re.compile(f"(?:{_ANY_GS.pattern})$", re.IGNORECASE)

# Far beyond a number with anything that documents print before it. What is longer is not folded, reading by reading.
_WRITTEN_CHARACTERS_MAX: Final = 200

_WRITTEN_AI: Final = re.compile(r"\(([0-9]{2,4})\)")
_WEB_ADDRESS: Final = re.compile(r"\s*https?://", re.IGNORECASE)
# GS1 General Specifications, figure 7.11-1 (AI encodable character set 82).
_OUTSIDE_SET_82: Final = re.compile(r"[^!\"%&'()*+,\-./0-9:;<=>?A-Z_a-z]")

# `PO` and a blank or a dash alone is no label here: numbers begin with PO, and their keys hold both readings.
_NUMBER_WORD: Final = r"""
    (?: [\s.-]*+ (?: (?: number | num | nbr | no | nr ) (?=[\s.:\#]) | n° | № )
      | [\s.]++ (?: no | nr ) (?=[0-9])
      | \s*+ (?=[:\#]) )"""
_DOCUMENT_LABEL: Final = re.compile(
    rf"""\s*+
    (?: (?: your | our | cust | (?: customer | buyer | client ) (?:'s)? ) \.?+ \s++ )?+
    (?: (?P<po> (?: P\s?[./]\s?O\.?+ | purchase[\s-]?order (?![A-Z]) ) {_NUMBER_WORD}? | P\s?O {_NUMBER_WORD} )
      | order (?: {_NUMBER_WORD} | \s++ (?=[0-9]) )
      | (?=\#) )
    [\s.:\#/-]*+ (?=\S)""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_LABELS_MAX: Final = 2


class MalformedInput(ValueError):  # noqa: N818 - named for what it says about the input, as the verdict `malformed` is
    """An input that holds no PO number. `rule` is stable; `sentence` is for the person who sent it."""

    def __init__(self, rule: InputRule, sentence: str) -> None:
        super().__init__(sentence)
        self.rule: InputRule = rule
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Element:
    """A GS1 element: `title` is the AI's in the GS1 General Specifications, `value` is as sent."""

    ai: str
    title: str
    value: str

    @property
    def error(self) -> str | None:
        """What is wrong with its GTIN, GLN or SSCC; None for other elements. Computed when asked for: 0.1 ms."""
        read = first_element(self.ai + self.value)
        return None if read is None else read.gln_error or read.sscc_error or read.gtin_error


@dataclass(frozen=True, slots=True)
class Gs1Facts:
    """What else the GS1 data said, in the order of the data. `unread`: what no element could be made of."""

    elements: tuple[Element, ...] = ()
    unread: tuple[str, ...] = ()

    @property
    def ship_to_gln(self) -> str | None:
        """AI (410), 13 digits; None without it, with a wrong check digit, and where two of them differ."""
        return self._only("410")

    @property
    def sscc(self) -> str | None:
        """AI (00), 18 digits; None without it, with a wrong check digit, and where two of them differ."""
        return self._only("00")

    @property
    def errors(self) -> tuple[str, ...]:
        """One sentence for each element whose check digit is wrong, with its AI."""
        return tuple(f"({element.ai}) {error}" for element in self.elements if (error := element.error) is not None)

    def _only(self, ai: str) -> str | None:
        found = {element for element in self.elements if element.ai == ai}
        if len(found) != 1:
            return None
        (element,) = found
        return element.value if element.error is None else None


@dataclass(frozen=True, slots=True)
class UnderstoodInput:
    """A PO number with where it came from.

    `number_text` is the number as it was written, without what stood around it: a document's label, a symbology
    identifier, AIs. `keys`: what it may mean, likeliest first, at least one (see `candidate_keys`).
    """

    source: InputSource
    number_text: str
    keys: tuple[str, ...]
    facts: Gs1Facts = Gs1Facts()


def understand(text: str) -> UnderstoodInput:
    """The PO number in what was typed or scanned. Takes any text, of any length.

    Raises `MalformedInput`: a number's own rules (`empty`, `too_long`, `character`); `gs1_unreadable`,
    `gs1_without_number`, `gs1_two_numbers`; `article_bar_code` (EAN, UPC); `web_address`, since nothing says which part
    of one would be the number. Positions in a sentence count from 1 in `text`.
    """
    if _ISSUED_HERE.fullmatch(text):
        key = text.replace("-", "").upper()
        return UnderstoodInput("typed", text, (key, key[2:]))
    if len(text) > TYPED_TEXT_LENGTH_MAX:
        raise MalformedInput("too_long", f"No PO number is written in more than {TYPED_TEXT_LENGTH_MAX:,} characters.")
    identifier = _SYMBOLOGY_IDENTIFIER.match(text)
    if identifier is None:
        return _scanned_without_identifier(text) or _written(text, "typed")
    data = text[identifier.end() :]
    if identifier[1] in _GS1_SYMBOLOGIES:
        return _scanned_gs1(data)
    if identifier[1].startswith(_EAN_UPC):
        raise MalformedInput("article_bar_code", "This is an article's bar code (EAN or UPC): it holds no PO number.")
    return _written(" " * identifier.end() + data, "label")


def _scanned_without_identifier(text: str) -> UnderstoodInput | None:
    """GS1 data from a scanner that sends no symbology identifier; None where a written number is likelier."""
    # No keyboard writes GS and no number holds it.
    if _GS in text:
        return _scanned_gs1(text)
    if not _SPELLED_GS.search(text):
        return None
    try:
        return _scanned_gs1(text)
    except MalformedInput as malformed:
        # `<` and `>` may stand in a number.
        if malformed.rule != "gs1_unreadable":
            raise
        return None


def _scanned_gs1(data: str) -> UnderstoodInput:
    data = data.strip(" \t\r\n")
    # Some scanners are set to send the AIs in parentheses.
    if _WRITTEN_AI.match(data):
        return _from_elements(_elements_with_written_ais(_without_blanks(data)), (), "gs1")
    if _GS in data:
        elements, unread = _elements(data.split(_GS))
        return _from_elements(elements, unread, "gs1")
    elements, unread = _elements(_ANY_GS.split(data))
    # A stand-in may be a character of a badly made label: cutting a number there would make another number of it.
    if unread:
        raise _unreadable(unread[0])
    return _from_elements(elements, (), "gs1")


def _written(text: str, source: InputSource) -> UnderstoodInput:
    folded = _fold(text)
    start, readings = 0, [text]
    for _ in range(_LABELS_MAX):
        label = _DOCUMENT_LABEL.match(folded, start)
        if label is None:
            break
        # Blanks in place of a label keep every position that a refusal names.
        readings += [_blanked(text, begin) for begin in (label.start("po"), label.end()) if begin > start]
        start = label.end()
    if _WEB_ADDRESS.match(folded, start):
        raise MalformedInput("web_address", "This is a web address, not a PO number: send the number itself.")
    written = _without_blanks(folded[start:])
    elements = _written_elements(written)
    if elements is not None:
        return _from_elements(elements, (), "gs1" if source == "typed" else source)
    if len(written.replace("-", "")) > _WRITTEN_CHARACTERS_MAX:
        raise MalformedInput("too_long", f"A PO number has at most {NUMBER_KEY_LENGTH_MAX} characters.")
    return UnderstoodInput(source, text[start:].strip(" \t\r\n\ufeff\u200b"), _keys(readings))


def _fold(text: str) -> str:
    """The text in the plain characters of labels and AIs, each where it was."""
    return text if text.isascii() else "".join(map(_folded_character, text))


@lru_cache(maxsize=4_096)
def _folded_character(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cf":
        return " "
    if category == "Pd" or character == "\u2212":
        return "-"
    folded = unicodedata.normalize("NFKC", character)
    return folded if len(folded) == 1 else character


def _blanked(text: str, start: int) -> str:
    return " " * start + text[start:]


def _without_blanks(text: str) -> str:
    # Not by str.split(), which takes GS for a blank: two elements would become one.
    return re.sub(r"[ \t\r\n\f\v]+", "", text)


def _keys(readings: Iterable[str]) -> tuple[str, ...]:
    """The keys of the readings that are well formed; the last reading's fault when none is."""
    keys: dict[str, None] = {}
    fault: MalformedNumber | None = None
    for reading in readings:
        try:
            keys |= dict.fromkeys(candidate_keys(reading))
        except MalformedNumber as malformed:
            fault = malformed
    if fault is not None and not keys:
        raise MalformedInput(fault.rule, str(fault)) from fault
    return tuple(keys)


def _written_elements(written: str) -> list[Element] | None:
    """The elements of `(400)...`, written by hand; None for a number that only begins with a parenthesis."""
    if not _WRITTEN_AI.match(written):
        return None
    try:
        return _elements_with_written_ais(written)
    except MalformedInput:
        if f"({_ORDER_NUMBER_AI})" in written:
            raise
        return None


def _elements_with_written_ais(written: str) -> list[Element]:
    """The elements of a human-readable interpretation, `(400)4500012345(410)...`, without blanks.

    Not by biip's `parse_hri`: it leaves out what it cannot read and reads `(400)A(B` as A.
    """
    _, *parts = _WRITTEN_AI.split(written)
    segments = [ai + _ENDING_GS.sub("", value) for ai, value in zip(parts[::2], parts[1::2], strict=True)]
    elements, unread = _elements(segments)
    if unread or len(elements) != len(segments):
        raise _unreadable(unread[0] if unread else written)
    return elements


class _Elements(NamedTuple):
    read: list[Element]
    unread: tuple[str, ...]


def _elements(segments: Iterable[str]) -> _Elements:
    """The elements of what stood between separators. Raises `MalformedInput` for a wrong AI (400) and for too many."""
    elements: list[Element] = []
    unread: list[str] = []
    filled = [segment for segment in segments if segment]
    if len(filled) > _ELEMENTS_MAX:
        raise _too_many_elements()
    for segment in filled:
        rest = segment
        while rest:
            element = _first_element(rest)
            if element is None:
                if rest.startswith(_ORDER_NUMBER_AI):
                    raise _wrong_order_number(rest.removeprefix(_ORDER_NUMBER_AI))
                unread.append(rest)
                break
            elements.append(element)
            if len(elements) > _ELEMENTS_MAX:
                raise _too_many_elements()
            rest = rest[len(element.ai) + len(element.value) :]
    return _Elements(elements, tuple(unread))


def _first_element(data: str) -> Element | None:
    ai = _ai_of(data[:_AI_LENGTH_MAX])
    # biip's `\d` takes digits of every script.
    found = None if ai is None else re.compile(ai.pattern.removesuffix("$"), re.ASCII).match(data)
    if ai is None or found is None:
        return None
    # biip cuts a value that is too long and takes its end for another element.
    varies = ".." in ai.format or "[" in ai.format
    if varies and found.end() < len(data):
        return None
    return Element(ai.ai, ai.data_title, data[len(ai.ai) : found.end()])


_ai_of = lru_cache(maxsize=1_024)(application_identifier)


def _from_elements(elements: Sequence[Element], unread: tuple[str, ...], source: InputSource) -> UnderstoodInput:
    numbers = [element.value for element in elements if element.ai == _ORDER_NUMBER_AI]
    if not numbers:
        raise _without_number(elements, unread)
    try:
        differing = {number_key(number) for number in numbers}
        keys = candidate_keys(numbers[0])
    except MalformedNumber as malformed:
        raise MalformedInput(malformed.rule, str(malformed)) from malformed
    if len(differing) > 1:
        raise MalformedInput(
            "gs1_two_numbers",
            f"This label holds more than one PO number: {', '.join(numbers[:3])}. Send the one meant.",
        )
    others = tuple(element for element in elements if element.ai != _ORDER_NUMBER_AI)
    return UnderstoodInput(source, numbers[0], keys, Gs1Facts(others, unread))


def _without_number(elements: Sequence[Element], unread: tuple[str, ...]) -> MalformedInput:
    if unread:
        return _unreadable(unread[0])
    if not elements:
        return MalformedInput("empty", "There is no PO number in this text.")
    held = ", ".join(dict.fromkeys(f"({element.ai}) {element.title}" for element in elements[:5]))
    return MalformedInput(
        "gs1_without_number", f"This GS1 data holds {held}, but no PO number: that stands in AI (400)."
    )


def _too_many_elements() -> MalformedInput:
    return MalformedInput("too_long", f"No label holds more than {_ELEMENTS_MAX} GS1 elements.")


def _wrong_order_number(value: str) -> MalformedInput:
    if not value:
        return MalformedInput("empty", "GS1 AI (400) is there, but the PO number in it is missing.")
    if wrong := _OUTSIDE_SET_82.search(value):
        return MalformedInput(
            "character", f"Character U+{ord(wrong[0]):04X} cannot stand in a PO number in GS1 AI (400)."
        )
    return MalformedInput("too_long", "A PO number in GS1 AI (400) has at most 30 characters.")


def _unreadable(data: str) -> MalformedInput:
    return MalformedInput("gs1_unreadable", f"No GS1 element begins at {data[:20]!a}: scan the label again.")
