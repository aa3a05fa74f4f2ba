"""Opens a file with the reader that its form asks for. Pure."""

from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO, Final

from app.exchange import amazon, csv_reader, x12_214, x12_850, x12_855, x12_856, x12_860
from app.exchange.documents import Document, Fault, ImportFormat, Kind
from app.exchange.x12_sets import EnvelopeFault, TransactionSet, transaction_sets

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
SNIFFED: Final = 64
"""Bytes at the beginning of a file that are enough to tell its form."""

_SETS: Final[Mapping[str, Callable[[TransactionSet], Document | list[Document]]]] = {
    "214": x12_214.tracking_of,
    "850": x12_850.order_of,
    "855": x12_855.acknowledgement_of,
    "856": x12_856.notices_of,
    "860": x12_860.change_of,
    "865": x12_855.change_acknowledgement_of,
}

_TAKEN: Final = f"{', '.join([*_SETS][:-1])} and {[*_SETS][-1]}"


def form_of(beginning: bytes) -> ImportFormat:
    """Return the form of a file that begins so: X12 with ISA, JSON with a brace, whatever else is CSV."""
    text = beginning.removeprefix(_BYTE_ORDER_MARK).lstrip()
    if text.startswith(b"ISA") and text[3:4] and not text[3:4].isalnum() and text[3:4] not in b"_,;\t":
        return ImportFormat.X12
    return ImportFormat.AMAZON if text[:1] in {b"{", b"["} else ImportFormat.CSV


def documents(form: ImportFormat, file: BinaryIO) -> Iterator[Document]:
    """Yield what a file asks for, in its order and the same each time; raises Unreadable where it ends to be readable.

    Only a part of the file is in memory at a time: an order, or 64 KiB.
    """
    if form is ImportFormat.CSV:
        return csv_reader.documents(file)
    if form is ImportFormat.X12:
        return _x12(file)
    if file.read(len(_BYTE_ORDER_MARK)) != _BYTE_ORDER_MARK:
        file.seek(0)
    return amazon.documents(file)


def _x12(file: BinaryIO) -> Iterator[Document]:
    for found in transaction_sets(file):
        if isinstance(found, EnvelopeFault):
            yield Document(Kind.NOTHING, found.line, faults=[found.fault])
        elif found.code in _SETS:
            read = _SETS[found.code](found)
            yield from read if isinstance(read, list) else [read]
        else:
            code = found.code[:6]
            fault = Fault("ST01", "x12_set", f"The transaction set `{code}` is not taken; {_TAKEN} are")
            yield Document(Kind.NOTHING, found.line, faults=[*found.faults, fault])
