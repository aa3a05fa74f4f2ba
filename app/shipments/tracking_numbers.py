"""Tracking numbers of parcels: how their written forms are compared. Pure: no I/O, no clock.

Every carrier writes them in its own way, and none publishes a rule that holds for all of its numbers: letters and
digits, spaces and dashes between them as it pleases.
"""

import unicodedata
from typing import Final

MAX_LENGTH: Final = 40


class InvalidTrackingNumber(ValueError):  # noqa: N818 - named for what is wrong, like the house's problems
    """The text is no tracking number. `rule` is stable for programs, `detail` is a sentence for a person."""

    def __init__(self, rule: str, detail: str) -> None:
        super().__init__(detail)
        self.rule = rule
        self.detail = detail


def tracking_number_key(text: str) -> str:
    """Return what the spellings of a tracking number share: upper case, without spaces and dashes, 1 to 40 characters.

    Raises InvalidTrackingNumber.
    """
    folded = "".join(
        letter for letter in unicodedata.normalize("NFKC", text) if unicodedata.category(letter) not in {"Zs", "Pd"}
    )
    key = folded.strip()
    # Upper case comes after the ASCII test: some letters turn into two.
    if key and not (key.isascii() and key.isalnum()):
        raise InvalidTrackingNumber(
            "characters", "A tracking number has letters A to Z, digits, spaces and dashes only"
        )
    if not key:
        raise InvalidTrackingNumber("empty", "A tracking number has at least one letter or digit")
    if len(key) > MAX_LENGTH:
        raise InvalidTrackingNumber("too_long", f"A tracking number has at most {MAX_LENGTH} letters and digits")
    return key.upper()
