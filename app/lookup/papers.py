"""What a number on the papers of a delivery may be. Pure: no I/O, no clock.

A text says rarely what it is: `CNWY 123-456782` may be a PO number, a reference, or a PRO number behind its carrier's
code. So every reading is tried, and what is found says which one it was.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from app.numbers.number_keys import MalformedNumber, number_key
from app.shipments import pro_scans
from app.shipments.pro_numbers import InvalidProNumber, pro_number_key
from app.shipments.scac import InvalidScac, parse_scac
from app.shipments.tracking_numbers import InvalidTrackingNumber, tracking_number_key
from app.validation.inputs import MalformedInput, understand

_PRO_LABEL: Final = re.compile(r"\s*PRO(?:\s*(?:NUMBER|NO\b\.?))?[\s.:#-]+", re.IGNORECASE)
_SEPARATORS: Final = re.compile(r"[\s.,:;/#]+")
_SCAC_LENGTHS: Final = (4, 3, 2)


@dataclass(frozen=True, slots=True)
class ProReading:
    """A PRO number's key, and its carrier where the text says one."""

    scac: str | None
    key: str


@dataclass(frozen=True, slots=True)
class PaperNumber:
    """The readings of a text. `keys`: as a PO number, a reference, a contract or an invoice; the likeliest first.

    `papers`: as a contract or an invoice, whose numbers may be longer than any key and hold other characters.
    """

    text: str
    keys: tuple[str, ...]
    papers: tuple[str, ...]
    pro_numbers: tuple[ProReading, ...]
    tracking_number: str | None
    """Its key, where it may be one of a parcel."""


def read(text: str) -> PaperNumber:
    """Return what a text may be; takes any text, and one that can be nothing has no readings."""
    keys = _keys(text)
    papers = tuple(dict.fromkeys((*keys, paper_key(text))))
    return PaperNumber(text.strip(), keys, papers, tuple(dict.fromkeys(_pro_readings(text))), _tracking_number(text))


def paper_key(text: str) -> str:
    """Return what the written forms of a contract's or invoice's number share, as the index of them has it."""
    # Letter by letter, as Postgres does: `str.upper` of a whole text makes SS of a sharp s.
    return "".join(_capital(letter) for letter in text.strip() if letter not in " -")


def _capital(letter: str) -> str:
    capital = letter.upper()
    return capital if len(capital) == 1 else letter


def _keys(text: str) -> tuple[str, ...]:
    keys: dict[str, None] = {}
    with suppress(MalformedInput):
        keys |= dict.fromkeys(understand(text).keys)
    with suppress(MalformedNumber):
        # What documents print before a PO number may be part of another one: `PO-88` of an invoice.
        keys[number_key(text)] = None
    return tuple(keys)


def _tracking_number(text: str) -> str | None:
    try:
        return tracking_number_key(text)
    except InvalidTrackingNumber:
        return None


def _pro_readings(text: str) -> Iterator[ProReading]:
    scanned = pro_scans.read(text)
    if scanned.text != text:
        yield from _reading(scanned.scac, scanned.text)
    for written in (text, _PRO_LABEL.sub("", text, count=1)):
        try:
            key = pro_number_key(_SEPARATORS.sub(" ", written))
        except InvalidProNumber:
            continue
        yield ProReading(None, key)
        for length in _SCAC_LENGTHS:
            yield from _reading(key[:length], key[length:])


def _reading(scac: str | None, pro_number: str) -> Iterator[ProReading]:
    try:
        yield ProReading(None if scac is None else parse_scac(scac), pro_number_key(pro_number))
    except (InvalidScac, InvalidProNumber):
        return
