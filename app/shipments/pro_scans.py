"""PRO numbers as bar codes hold them, beside those that are typed. Pure: no I/O, no clock.

Three bar codes of freight papers hold one. The VICS bill of lading's is AI (90) with the identifier `12K`, the SCAC
filled up with dashes to four characters, then the PRO number (VICS Standard Bill of Lading). AI (401), the global
identification number for consignment (GINC), and AI (402), the global shipment identification number (GSIN), are what
some carriers print in its place (GS1 General Specifications, sections 3.7.2 and 3.7.3).

A text is one of these when a symbology identifier or an AI in parentheses begins it, or `9012K` and what can be a SCAC;
anything else is a PRO number as somebody wrote it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from app.numbers.gs1_elements import scanned_message, written_message
from app.shipments.scac import InvalidScac, parse_scac

TEXT_MAX: Final = 200
"""Characters of a text that is read at all: a label of freight papers holds fewer."""

# FNC1 in first position: GS1-128 and DataBar, DataMatrix, QR Code. `]C0` and the like are no GS1 data; biip takes them.
_GS1_SYMBOLOGY: Final = re.compile(r"\](?:C1|e0|d2|d8|Q3)")
_WRITTEN_AI: Final = re.compile(r"\([0-9]{2,4}\)")
_BILL_OF_LADING: Final = re.compile(r"12K(?P<scac>[A-Z]{2,4}-{0,2})(?P<pro>.+)", re.IGNORECASE | re.ASCII)
_SCAC_LENGTH: Final = 4


@dataclass(frozen=True, slots=True)
class WrittenPro:
    """A PRO number as it is written, not checked by any rule; `scac` is the carrier's where a bar code names it."""

    text: str
    scac: str | None = None


def read(text: str) -> WrittenPro:
    """Return the PRO number that a text holds: a bar code's, or the text itself."""
    if len(text) > TEXT_MAX:
        return WrittenPro(text)
    data = text.strip(" \t\r\n")
    if data[:5].upper() == "9012K":
        return _bill_of_lading(data[2:]) or WrittenPro(text)
    elements = _elements(data)
    if (bill := elements.get("90")) is not None and (found := _bill_of_lading(bill)) is not None:
        return found
    consignment = elements.get("401") or elements.get("402")
    return WrittenPro(text) if consignment is None else WrittenPro(consignment)


def _elements(data: str) -> Mapping[str, str]:
    if _GS1_SYMBOLOGY.match(data):
        message = scanned_message(data)
    elif _WRITTEN_AI.match(data):
        message = written_message(data.replace(" ", ""))
    else:
        return {}
    return {} if message is None else {element.ai.ai: element.value for element in message.element_strings}


def _bill_of_lading(data: str) -> WrittenPro | None:
    found = _BILL_OF_LADING.fullmatch(data)
    if found is None or len(found["scac"]) != _SCAC_LENGTH:
        return None
    try:
        return WrittenPro(found["pro"].strip(), parse_scac(found["scac"].rstrip("-")))
    except InvalidScac:
        return None
