"""Standard Carrier Alpha Codes (SCAC): the short code that names a carrier.

Source: NMFTA, "How SCAC Codes Are Assigned": four letters, two or three for railroads and passenger carriers; codes
that end in U (containers), X (private railcars) or Z (chassis and trailers) name who owns a piece of equipment.
"""

import unicodedata
from enum import StrEnum

_EQUIPMENT_BY_ENDING = {"U": "containers", "X": "private railcars", "Z": "chassis and trailers"}


class ScacFault(StrEnum):
    """Which rule a text breaks that was given as a SCAC."""

    letters = "letters"
    equipment_owner = "equipment_owner"


class InvalidScac(ValueError):  # noqa: N818 - named for what is wrong, like the house's problems
    """The text is no carrier's SCAC. `rule` is stable for programs, `detail` is a sentence for a person."""

    def __init__(self, rule: ScacFault, detail: str) -> None:
        super().__init__(detail)
        self.rule = rule
        self.detail = detail


def parse_scac(text: str) -> str:
    """The code in upper case, 2 to 4 letters A to Z, without the spaces around it.

    Raises `InvalidScac` for any other shape and for codes of equipment owners.
    """
    letters = unicodedata.normalize("NFKC", text.strip()).strip()
    # Upper case comes after the ASCII test: "ß" would turn into the two valid letters "SS".
    if not (letters.isascii() and letters.isalpha() and 2 <= len(letters) <= 4):
        raise InvalidScac(ScacFault.letters, "A carrier code (SCAC) has 2 to 4 letters A to Z.")
    scac = letters.upper()
    if equipment := _EQUIPMENT_BY_ENDING.get(scac[-1]):
        raise InvalidScac(
            ScacFault.equipment_owner,
            f"{scac} ends in {scac[-1]}: such codes name owners of {equipment}, not carriers. "
            "Give the code of the carrier that brings the goods.",
        )
    return scac
