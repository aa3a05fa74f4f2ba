"""Labels as they are printed and scanned: drawn by zxing-cpp, turned, scaled, with noise, read back, asked about."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest
import zxingcpp

from tests.parties import Party
from tests.validation.input_table import GLN, SSCC
from tests.validation.pictures import Picture

CODE_128 = zxingcpp.BarcodeFormat.Code128
DATA_MATRIX = zxingcpp.BarcodeFormat.DataMatrix
QR_CODE = zxingcpp.BarcodeFormat.QRCode

TURNED = (0, 90, 180)
SCALED = (0.75, 2)


@dataclass(frozen=True)
class Label:
    """A bar code with what it holds; `identifier` is what a scanner sends before the data."""

    symbology: zxingcpp.BarcodeFormat
    content: str
    identifier: str
    source: str
    options: tuple[tuple[str, Any], ...] = (("gs1", True),)

    def picture(self, number: str) -> Picture:
        return Picture.of(self.content.format(number=number), self.symbology, **dict(self.options))


GS1_CONTENTS = (
    "(400){number}",
    f"(400){{number}}(410){GLN}",
    f"(00){SSCC}(410){GLN}(400){{number}}(10)LOT7",
)
GS1_SYMBOLOGIES = ((CODE_128, "]C1"), (DATA_MATRIX, "]d2"), (QR_CODE, "]Q3"))
PLAIN_SYMBOLOGIES = ((CODE_128, "]C0"), (DATA_MATRIX, "]d1"), (QR_CODE, "]Q1"))
LABELS = [
    *(
        Label(symbology, content, identifier, "gs1", (("gs1", True), ("force_square", True)))
        for symbology, identifier in GS1_SYMBOLOGIES
        for content in GS1_CONTENTS
    ),
    *(
        Label(symbology, content, identifier, "label", (("force_square", True),))
        for symbology, identifier in PLAIN_SYMBOLOGIES
        for content in ("{number}", "PO# {number}")
    ),
]
RECTANGULAR = Label(DATA_MATRIX, "(400){number}", "]d8", "gs1")
SQUARE = Label(DATA_MATRIX, "(400){number}", "]d2", "gs1", (("gs1", True), ("force_square", True)))


def pictures(label: Label, number: str) -> Iterator[tuple[str, Picture]]:
    """A label as seen in every way, each with its own noise."""
    drawn = label.picture(number)
    yield "as drawn", drawn
    for seed, (degrees, factor) in enumerate(product(TURNED, SCALED)):
        yield f"turned by {degrees}, times {factor}", drawn.scaled(factor).turned(degrees).noisy(seed)


def refused(party: Party, label: Label, number: str, pictures: Iterable[tuple[str, Picture]]) -> list[str]:
    """Which of the pictures of a label were not accepted as the number, in words."""
    failed = []
    for way, picture in pictures:
        scanned = picture.scanned()
        if len(scanned) != 1 or not scanned[0].startswith(label.identifier):
            failed.append(f"{label.content} {way}: read as {scanned}")
            continue
        answer = party.post("/v1/validations", {"input": scanned[0]}).json()
        if (answer["verdict"], answer["number"], answer["source"]) != ("accept", number, label.source):
            failed.append(f"{scanned[0]!r} {way}: {answer}")
    return failed


def test_every_bar_code_that_is_read_back_is_accepted(buyer: Party) -> None:
    # One number in every run, so that every run has the same pictures.
    number = buyer.active(number="CC10-RAW-4711")["number"]
    seen = [(label, list(pictures(label, number))) for label in LABELS]
    failed = [words for label, ways in seen for words in refused(buyer, label, number, ways)]
    asked = sum(len(ways) for _, ways in seen)
    print(f"{asked} bar codes drawn, read back and asked about: {asked - len(failed)} accepted")
    assert failed == []
    assert asked == 105


def test_a_number_that_is_issued_here_is_accepted_from_every_bar_code(buyer: Party) -> None:
    number = buyer.active()["number"]
    for label in LABELS:
        assert refused(buyer, label, number, [("as drawn", label.picture(number))]) == []


def test_a_number_of_thirty_characters_is_accepted_from_a_rectangular_and_from_a_square_symbol(buyer: Party) -> None:
    number = buyer.active(number="ABCDEFGHJKMNPQRSTVWXYZABCDEFGH")["number"]
    for label in (RECTANGULAR, SQUARE):
        rows = label.picture(number).rows
        assert (len(rows) == len(rows[0])) is (label is SQUARE)
        assert refused(buyer, label, number, pictures(label, number)) == []


@pytest.mark.parametrize("label", [LABELS[0], LABELS[4], LABELS[8]], ids=["Code 128", "DataMatrix", "QR Code"])
def test_what_zxing_writes_outside_of_gs1_set_82_is_told_as_malformed(buyer: Party, label: Label) -> None:
    (scanned,) = label.picture("45#1").scanned()
    answer = buyer.post("/v1/validations", {"input": scanned}).json()
    assert [refusal["code"] for refusal in answer["refusals"]] == ["malformed"]
    assert "U+0023" in answer["refusals"][0]["detail"]
