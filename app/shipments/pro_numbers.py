"""PRO numbers: what a carrier's waybill number looks like, how it is compared, and how the carrier writes it.

A PRO number has at most 30 letters and digits (X12 REF02); dashes are the way it is written and no part of it. There is
no common check digit: each carrier has a rule of its own or none: a mask, a check scheme, the source of both.

A mask is not a regular expression. It is read left to right, one place of the number for each character:

    #  a digit                 A-Z 0-9  that very letter or digit
    @  a letter                -        a dash, shown when the number is written, optional when it is read
    *  a letter or a digit     |        between alternatives, the first that fits is taken

So `777########|80#########` is 11 digits that begin with 777 or 80, and matching takes time linear in the mask.

Standard library and the rule of number keys only, and `stdnum.luhn`: it is pure as well, and a Luhn of our own would be
one more to keep right.
"""

import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from stdnum import luhn

from app.numbers.number_keys import MalformedNumber, NumberRule, number_key

MAX_LENGTH: Final = 30
MAX_ALTERNATIVES: Final = 20

_CHARACTERS_AT: Final = {
    "#": string.digits,
    "@": string.ascii_uppercase,
    "*": string.digits + string.ascii_uppercase,
}
_LITERALS: Final = frozenset(string.digits + string.ascii_uppercase)


class ProCheckScheme(StrEnum):
    """How a carrier's check character follows from the rest of the number, and which errors it does not notice."""

    modulo_7 = "modulo_7"
    """XPO: the ninth digit is the first eight, read as one number, modulo 7. A digit among the first eight that is
    replaced by one 7 away (0 and 7, 1 and 8, 2 and 9) is not noticed; every other single wrong digit is."""

    luhn = "luhn"
    """Old Dominion: Luhn over all digits. Every single wrong digit is noticed."""

    yrc_modulo_11 = "yrc_modulo_11"
    """YRC: the tenth character is 11 minus (the middle six digits modulo 11), where 11 is written 0 and 10 is X. Every
    single wrong character from the fourth to the last is noticed, and none of the first three: no check covers them."""


class ProNumberFault(StrEnum):
    """Which rule a text breaks that was given as a PRO number."""

    empty = "empty"
    too_long = "too_long"
    characters = "characters"
    shape = "shape"
    check_digit = "check_digit"


class InvalidProNumber(ValueError):  # noqa: N818 - named for what is wrong, like the house's problems
    """The text is no PRO number of the carrier. `rule` is stable for programs, `detail` is a sentence for a person."""

    def __init__(self, rule: ProNumberFault, detail: str) -> None:
        super().__init__(detail)
        self.rule = rule
        self.detail = detail


class InvalidMask(ValueError):  # noqa: N818 - named for what is wrong, like the house's problems
    """The mask cannot be read, or no number could satisfy it together with the check scheme. `detail` says why."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


@dataclass(frozen=True, slots=True)
class ProRule:
    """A carrier's rule. No mask: any PRO number. No scheme: no check character. `source` says who published the rule.

    Raises `InvalidMask` when it is made, so that a rule that refuses every number is never stored.
    """

    mask: str | None
    check_scheme: ProCheckScheme | None
    source: str

    def __post_init__(self) -> None:
        if self.mask is None:
            return
        for alternative in parse_mask(self.mask):
            if self.check_scheme is not None and not _leaves_room_for(self.check_scheme, alternative):
                raise InvalidMask(
                    f"{alternative} cannot hold numbers of the check scheme {self.check_scheme}: "
                    f"{_SCHEMES[self.check_scheme].form}."
                )


@dataclass(frozen=True, slots=True)
class ProNumber:
    """`key` is compared and stored: upper case, no dashes. `display` is as the carrier writes it. At most 30 each."""

    key: str
    display: str


def check(rule: ProRule, text: str) -> ProNumber:
    """The number in `text`, read by the carrier's rule; case, spaces and dashes in `text` do not matter.

    Written as the first alternative of the mask that fits writes it, without a mask as the key. Raises
    `InvalidProNumber`.
    """
    key = pro_number_key(text)
    display = key if rule.mask is None else _written_by(rule.mask, key)
    if rule.check_scheme is not None:
        _verify_check_character(rule.check_scheme, key)
    return ProNumber(key, display)


def pro_number_key(text: str) -> str:
    """What two spellings of one PRO number share: folded like a PO number's key, 1 to 30 letters and digits.

    No carrier's rule is applied. Raises `InvalidProNumber`.
    """
    try:
        key = number_key(text)
    except MalformedNumber as malformed:
        raise _invalid(malformed.rule) from malformed
    if not key.isalnum():
        raise _invalid("character")
    if len(key) > MAX_LENGTH:
        raise _invalid("too_long")
    return key


def _invalid(rule: NumberRule) -> InvalidProNumber:
    match rule:
        case "empty":
            return InvalidProNumber(ProNumberFault.empty, "A PRO number has at least one letter or digit.")
        case "too_long":
            return InvalidProNumber(ProNumberFault.too_long, f"A PRO number has at most {MAX_LENGTH} characters.")
        case "character":
            return InvalidProNumber(
                ProNumberFault.characters, "A PRO number has letters A to Z, digits and dashes only."
            )


def parse_mask(mask: str) -> tuple[str, ...]:
    """The mask's alternatives in upper case, in the order given. Raises `InvalidMask`."""
    alternatives = tuple(mask.upper().split("|")) if mask.isascii() else (mask,)
    if len(alternatives) > MAX_ALTERNATIVES:
        raise InvalidMask(f"A mask has at most {MAX_ALTERNATIVES} alternatives, this one has {len(alternatives)}.")
    for alternative in alternatives:
        _refuse_unreadable(alternative)
    return alternatives


def _refuse_unreadable(alternative: str) -> None:
    if not alternative:
        raise InvalidMask("The mask, or one of its alternatives, is empty.")
    if len(alternative) > MAX_LENGTH:
        raise InvalidMask(f"A PRO number has at most {MAX_LENGTH} characters, {alternative[:MAX_LENGTH]}... has more.")
    for character in alternative:
        if character not in _CHARACTERS_AT and character not in _LITERALS and character != "-":
            raise InvalidMask(
                f"A mask does not know {character!r}: it has # for a digit, @ for a letter, * for either, "
                "letters and digits for themselves, a dash, and | between alternatives."
            )
    if alternative.startswith("-") or alternative.endswith("-") or "--" in alternative:
        raise InvalidMask(f"In {alternative} a dash does not stand between two other characters.")


def _written_by(mask: str, key: str) -> str:
    for alternative in parse_mask(mask):
        if _fits(alternative.replace("-", ""), key):
            characters = iter(key)
            return "".join(place if place == "-" else next(characters) for place in alternative)
    raise InvalidProNumber(
        ProNumberFault.shape,
        f"This carrier writes its PRO numbers {' or '.join(mask.upper().split('|'))} "
        "(# is a digit, @ a letter, * either).",
    )


def _verify_check_character(scheme: ProCheckScheme, key: str) -> None:
    form = _SCHEMES[scheme]
    if not _fits(form.shape_for(key), key):
        raise InvalidProNumber(ProNumberFault.shape, f"This carrier's PRO numbers have a check digit: {form.form}.")
    if not form.holds(key):
        raise InvalidProNumber(
            ProNumberFault.check_digit,
            "The check digit does not fit the rest of the PRO number: a character was mistyped or misread.",
        )


def _fits(shape: str, key: str) -> bool:
    return len(shape) == len(key) and all(
        character in _CHARACTERS_AT.get(place, place) for place, character in zip(shape, key, strict=True)
    )


def _leaves_room_for(scheme: ProCheckScheme, alternative: str) -> bool:
    places = alternative.replace("-", "")
    shape = _SCHEMES[scheme].shape_for(places)
    return len(shape) == len(places) and all(
        set(_CHARACTERS_AT.get(ours, ours)) & set(_CHARACTERS_AT.get(theirs, theirs))
        for ours, theirs in zip(shape, places, strict=True)
    )


@dataclass(frozen=True, slots=True)
class _Scheme:
    """`shape` in the mask language; None is digits only, two or more. `form` says it in words."""

    shape: str | None
    form: str
    holds: Callable[[str], bool]

    def shape_for(self, places: str) -> str:
        return "#" * max(len(places), 2) if self.shape is None else self.shape


def _modulo_7_holds(key: str) -> bool:
    return int(key[:8]) % 7 == int(key[8])


def _yrc_modulo_11_holds(key: str) -> bool:
    return key[9] == "0123456789X"[-int(key[3:9]) % 11]


_SCHEMES: Final[Mapping[ProCheckScheme, _Scheme]] = {
    ProCheckScheme.modulo_7: _Scheme("#########", "nine digits", _modulo_7_holds),
    ProCheckScheme.luhn: _Scheme(None, "digits only", luhn.is_valid),
    ProCheckScheme.yrc_modulo_11: _Scheme("#########*", "nine digits, then a digit or X", _yrc_modulo_11_holds),
}
