"""The carriers that a new registry knows, with the PRO number rule that each of them published, or none.

An organisation may put its own rule over any of these and may add any carrier; a rule here refuses numbers on the word
of its source only.
"""

from dataclasses import dataclass
from typing import Final

from app.shipments.pro_numbers import ProCheckScheme, ProRule


@dataclass(frozen=True, slots=True)
class DirectoryEntry:
    """A carrier known from the start: its SCAC, its name as it calls itself, and its rule."""

    scac: str
    name: str
    rule: ProRule


_GENERAL_SHAPE: Final = ProRule(
    mask=None,
    check_scheme=None,
    source="No published rule: only the general shape of a PRO number is checked.",
)

CARRIER_DIRECTORY: Final[tuple[DirectoryEntry, ...]] = (
    DirectoryEntry(
        "CNWY",
        "XPO",
        ProRule(
            mask="###-######",
            check_scheme=ProCheckScheme.modulo_7,
            source="XPO help center, PRO Number Check-Digit: https://ltl-solutions.xpo.com/help-center/pro-number/",
        ),
    ),
    DirectoryEntry(
        "ODFL",
        "Old Dominion Freight Line",
        ProRule(
            mask="777########|778########|072########|780########|80#########",
            check_scheme=ProCheckScheme.luhn,
            source="Numbers in use, collected at https://github.com/jkeen/tracking_number_data",
        ),
    ),
    DirectoryEntry(
        "RDWY",
        "YRC Freight (legacy)",
        ProRule(
            mask="###-######-*",
            check_scheme=ProCheckScheme.yrc_modulo_11,
            source="YRC Freight, Freight bill numbering, check digit calculation as of 2012-06-25",
        ),
    ),
    DirectoryEntry(
        "ABFS",
        "ABF Freight",
        ProRule(
            mask="#########",
            check_scheme=None,
            source="Weak: tracking guides of third parties agree on nine digits, no document of the carrier was found.",
        ),
    ),
    DirectoryEntry("FXFE", "FedEx Freight", _GENERAL_SHAPE),
    DirectoryEntry("EXLA", "Estes Express Lines", _GENERAL_SHAPE),
    DirectoryEntry("SAIA", "Saia", _GENERAL_SHAPE),
    DirectoryEntry("RLCA", "R+L Carriers", _GENERAL_SHAPE),
    DirectoryEntry("UPGF", "TForce Freight", _GENERAL_SHAPE),
)
