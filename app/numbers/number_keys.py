"""The key of a PO number: what is left of a written form when all that copying and typing change is taken away.

Two numbers with one key are the same number to a scanner, so keys are compared and keys are unique, not texts.
Unicode variants, case, white space, dashes and typed labels (`PO#`, `P.O. No.`) are folded. ASCII look-alikes (0 and O,
1 and I) never are: a folded look-alike would accept another order's number.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, NamedTuple

NUMBER_KEY_LENGTH_MAX: Final = 35
NUMBER_TEXT_LENGTH_MAX: Final = 64
TYPED_TEXT_LENGTH_MAX: Final = 1_000
X12_LENGTH_MAX: Final = 22
GS1_LENGTH_MAX: Final = 30

NumberRule = Literal["empty", "too_long", "character"]
RegistrationWarningCode = Literal[
    "x12_length", "x12_delimiter", "gs1_length", "gs1_character_set", "carrier_central_character_set"
]

# GS1 General Specifications, figure 7.11-1 (AI encodable character set 82), but for the hyphen, which no key holds.
_KEY_CHARACTERS: Final = "!\"%&'()*+,./0-9:;<=>?A-Z_a-z"
_WELL_FORMED_KEY: Final = re.compile(f"[{_KEY_CHARACTERS}]{{1,{NUMBER_KEY_LENGTH_MAX}}}")
_KEY_CHARACTER: Final = re.compile(f"[{_KEY_CHARACTERS}]")
_SET_82: Final = re.compile(f"[{_KEY_CHARACTERS}-]*")

# Dashes outside Unicode's category Pd: minus signs, the hyphen bullet, the soft hyphen, the lines that Chinese text
# draws, and the prolonged sound mark, which a Japanese keyboard writes for its hyphen key.
_DASHES_OUTSIDE_PD: Final = frozenset("\u2212\u02d7\u2043\u2796\u00ad\u2500\u2501\u30fc")

# str.isspace() takes the information separators for white space. A scanner sends one of them (GS, U+001D) between two
# fields: removing it would join both into a number that nobody wrote.
_INFORMATION_SEPARATORS: Final = frozenset("\x1c\x1d\x1e\x1f")

_ASCII_SPACES_UNIFIED: Final = dict.fromkeys(map(ord, "\t\n\v\f\r"), " ")

# A word for "number" belongs to the label only where something parts it from what follows: `PO NORTH1` is not labelled
# `PO NO`.
_LABEL: Final = re.compile(
    r"""[ ]* (?: P[ ]?[./]?[ ]?O | PURCHASE[ -]?ORDER | (?=\#) )
        (?: [ .-]* (?: (?: NUMBER | NUM | NBR | NO | NR ) (?=[ .:\#]) | N° )
          | [ .]+  (?: NO | NR ) (?=[0-9]) )?
        [ .:\#/-]*""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)


class MalformedNumber(ValueError):  # noqa: N818 - named for what it says about the number, as the verdict `malformed` is
    """A text that no PO number can look like. `rule` is stable; the message is a sentence for people."""

    def __init__(self, rule: NumberRule, sentence: str) -> None:
        super().__init__(sentence)
        self.rule: NumberRule = rule


@dataclass(frozen=True, slots=True)
class RegistrationWarning:
    """What another system would refuse about a number that was issued elsewhere. `code` is stable."""

    code: RegistrationWarningCode
    detail: str


def number_key(text: str) -> str:
    """The key of a written number: NFKC, upper case, no white space, no dash of any kind, no invisible character.

    1 to 35 characters of GS1 set 82 (GS1 General Specifications, figure 7.11-1). Raises `MalformedNumber` (`empty`,
    `too_long`, `character`); positions in its message count from 1 in `text`. Takes any text, of any length.
    """
    if len(text) <= TYPED_TEXT_LENGTH_MAX and (key := _plain_key(text)) is not None:
        return key
    return _checked_key(text, _fold(text))


def candidate_keys(text: str) -> tuple[str, ...]:
    """The keys that a typed text may mean, the likeliest first, each once; at least one.

    The exact key; then the text with its label (`PO#`, `P.O. No.`, `Purchase order:`) read as `PO`; then what follows
    the label; in any case the exact key without a leading `PO`. A label before a number that begins with `PO` itself is
    read too (`PO# PO-123`). Raises `MalformedNumber` when no reading is well formed.
    """
    folded = _fold(text)
    labels = _labels(folded.characters)
    exact = _plain_key(folded.characters)
    keys = dict.fromkeys(filter(None, (exact, *map(_plain_key, _labelled_readings(folded.characters, labels)))))
    if exact is not None and exact.startswith("PO") and exact[2:3].isalnum():
        # What no label pattern reads: a P and an O that are parted oddly, and `PO NO 123` for the number NO123.
        keys[exact[2:]] = None
    if keys:
        return tuple(keys)
    start = labels[-1].end() if labels else 0
    return (_checked_key(text, _Folded(folded.characters[start:], folded.positions[start:])),)


def clean_number_text(text: str) -> str:
    """The text to store for a number issued elsewhere: as issued, without outer white space and invisible characters.

    At most 64 characters, no control characters or line breaks, a well-formed key; otherwise `MalformedNumber`.
    """
    number_key(text)
    # A direction mark would let a stored number show other digits than it has.
    visible = "".join(character for character in text if unicodedata.category(character) != "Cf")
    cleaned = visible.strip()
    for character in cleaned:
        if unicodedata.category(character) in {"Cc", "Zl", "Zp"}:
            raise MalformedNumber(
                "character", f"Character U+{ord(character):04X} cannot stand within a PO number's text."
            )
    if len(cleaned) > NUMBER_TEXT_LENGTH_MAX:
        raise MalformedNumber("too_long", f"A PO number is written in at most {NUMBER_TEXT_LENGTH_MAX} characters.")
    return cleaned


def registration_warnings(number: str) -> list[RegistrationWarning]:
    """What others would refuse about a number that is registered as it was issued elsewhere.

    Sources: X12 850 BEG03 (22 characters), GS1 AI (400) (30 characters of set 82), Amazon's Carrier Central (letters,
    digits and dashes).
    """
    checks: tuple[tuple[bool, RegistrationWarningCode, str], ...] = (
        (len(number) > X12_LENGTH_MAX, "x12_length", f"X12 850 BEG03 holds at most {X12_LENGTH_MAX} characters."),
        (bool(re.search("[*:>]", number)), "x12_delimiter", "X12 interchanges usually delimit with `*`, `:` or `>`."),
        (len(number) > GS1_LENGTH_MAX, "gs1_length", f"GS1 AI (400) holds at most {GS1_LENGTH_MAX} characters."),
        (
            not _SET_82.fullmatch(number),
            "gs1_character_set",
            "GS1 AI (400) takes set 82 only: no spaces, plain hyphens.",
        ),
        (
            not re.fullmatch("[A-Za-z0-9-]*", number),
            "carrier_central_character_set",
            "Amazon's Carrier Central takes letters, digits and dashes only.",
        ),
    )
    return [RegistrationWarning(code, detail) for refused, code, detail in checks if refused]


class _Folded(NamedTuple):
    """A text with every blank as a space and every dash as a hyphen; where each character was typed, from 1."""

    characters: str
    positions: Sequence[int]


def _fold(text: str) -> _Folded:
    if len(text) > TYPED_TEXT_LENGTH_MAX:
        raise MalformedNumber("too_long", f"No PO number is written in more than {TYPED_TEXT_LENGTH_MAX:,} characters.")
    if text.isascii():
        characters = text if text.isprintable() else text.translate(_ASCII_SPACES_UNIFIED)
        return _Folded(characters, range(1, len(text) + 1))
    # Character by character: normalising a whole text sorts its combining marks, in quadratic time on a hostile one.
    # Keys cannot differ by it, since no composition of Unicode yields a character of set 82.
    pieces = [_folded_character(character) for character in text]
    positions = [position for position, piece in enumerate(pieces, 1) for _ in piece]
    return _Folded("".join(pieces), positions)


@lru_cache(maxsize=4096)
def _folded_character(character: str) -> str:
    folded = []
    for part in unicodedata.normalize("NFKC", character):
        category = unicodedata.category(part)
        if category == "Pd" or part in _DASHES_OUTSIDE_PD:
            folded.append("-")
        elif part.isspace() and part not in _INFORMATION_SEPARATORS:
            folded.append(" ")
        elif category != "Cf":
            folded.append(part)
    return "".join(folded)


def _labels(characters: str) -> list[re.Match[str]]:
    """The typed labels that a number follows: none, one (`PO# 123`) or two (`PO# PO-123`)."""
    labels: list[re.Match[str]] = []
    start = 0
    while len(labels) < 2 and (label := _LABEL.match(characters, start)) and label.end() < len(characters):
        labels.append(label)
        start = label.end()
    return labels


def _labelled_readings(characters: str, labels: Sequence[re.Match[str]]) -> list[str]:
    if not labels:
        return []
    rest = characters[labels[-1].end() :]
    return [*(characters[label.end() :] for label in labels[:-1]), "PO" + rest, rest]


def _plain_key(text: str) -> str | None:
    """The key of a text whose only separators are spaces and hyphens; None for any other text."""
    compact = text.replace("-", "").replace(" ", "")
    return compact.upper() if _WELL_FORMED_KEY.fullmatch(compact) else None


def _checked_key(text: str, folded: _Folded) -> str:
    kept: list[str] = []
    for character, position in zip(folded.characters, folded.positions, strict=True):
        if character in " -":
            continue
        # Before upper-casing, which makes ASCII letters of others: 'ß' becomes SS, 'ı' becomes I.
        if not _KEY_CHARACTER.fullmatch(character):
            raise _wrong_character(text[position - 1], position)
        kept.append(character)
        if len(kept) > NUMBER_KEY_LENGTH_MAX:
            raise MalformedNumber(
                "too_long",
                f"A PO number has at most {NUMBER_KEY_LENGTH_MAX} characters, spaces and dashes not counted.",
            )
    if not kept:
        raise MalformedNumber("empty", "There is no PO number in this text.")
    return "".join(kept).upper()


def _wrong_character(character: str, position: int) -> MalformedNumber:
    return MalformedNumber(
        "character", f"Character U+{ord(character):04X} at position {position} cannot stand in a PO number."
    )
