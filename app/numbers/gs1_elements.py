"""GS1 element strings (GS1 General Specifications, section 3), as the library biip reads them. Pure: no I/O, no clock.

biip brings a table of the companies' GS1 prefixes, by which it tells where one ends within a GLN or an SSCC. Nobody
asks for that here, and the table is 10 MB of each worker's memory: so it is emptied as soon as it is loaded, which to
biip means that no prefix is known.
"""

from typing import Final

import biip
from biip import ParseConfig, ParseError, gs1_prefixes
from biip.gs1_application_identifiers import GS1ApplicationIdentifier
from biip.gs1_element_strings import GS1ElementString
from biip.gs1_messages import GS1Message

gs1_prefixes._GS1_COMPANY_PREFIX_TRIE.clear()  # type: ignore[union-attr]  # noqa: SLF001 - see above

# A wrong best-before date must not cost the number beside it.
_CONFIG: Final = ParseConfig(gs1_element_strings_verify_date=False)


def application_identifier(beginning: str) -> GS1ApplicationIdentifier | None:
    """Return the AI that data begin with, if any."""
    try:
        return GS1ApplicationIdentifier.extract(beginning)
    except ParseError:
        return None


def first_element(data: str) -> GS1ElementString | None:
    """Return the element string that data begin with, if biip can read it."""
    try:
        return GS1ElementString.extract(data, config=_CONFIG)
    except ParseError:
        return None


def scanned_message(data: str) -> GS1Message | None:
    """Return what a scanner sent, with its symbology identifier before it, if it is a GS1 message."""
    try:
        return biip.parse(data, config=_CONFIG).gs1_message
    except ParseError:
        return None


def written_message(data: str) -> GS1Message | None:
    """Return what is written with its AIs in parentheses, if it can be read."""
    try:
        return GS1Message.parse_hri(data, config=_CONFIG)
    except ParseError:
        return None
