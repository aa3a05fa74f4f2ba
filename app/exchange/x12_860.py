"""Reads an X12 860 (purchase order change by the buyer, 004010 to 008010) as what changes about an order. Pure.

| X12 860 | what becomes of the order |
|---|---|
| BCH01 01; 04; 05 | it is cancelled, with DI for all lines or without any; changed; its lines are those of the 860 |
| BCH03 | its number |
| CUR, REF, PER, FOB, ITD, DTM, N1 to N4 | as in an 850: what is said replaces, what is not said stays |
| POC01 | the line; one that is added may do without |
| POC02 AI; DI | the line is added; deleted |
| POC02 QD, QI; PC; PQ; NC | another quantity, less or more; another price; both; the line stays |
| POC02 CA; RZ | what is said of the line replaces, the rest stays; all of it is replaced |
| POC03 | `quantity` after the change, never the difference; 0 deletes the line |
| POC04 | nothing: what is left to receive is no more than POC03 |
| POC05, POC06, POC08 and on, PID, TXI | as PO103, PO104, PO106 and on, PID and TXI of an 850 |

What is said of a line beside its change has to be as it is: a QD with another price is refused. A party with another
code or GLN, or without any and with another name, takes the place of the one before; otherwise what is said of it
replaces. A type of `references` that is given replaces those of its type. BCH02 and BCH04 to BCH12 are not kept.

Sources: internal.dcsnewyork.com/tech/edi/x12 (element 670), stedi.com/edi/x12-004010 and x12-005050/segment/POC ("POC03
is quantity ordered"); ibm.com/docs/en/b2bis on 860 (BCH01). From 006050 on POC04 may be composite, with the
difference to what POC03 then is, before the change: it is refused.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from app.exchange import x12_codes as codes
from app.exchange.documents import Document, Fault, Kind
from app.exchange.x12_850 import OrderReader
from app.exchange.x12_sets import TransactionSet

if TYPE_CHECKING:
    from mockedi.envelope import Seg

_PURPOSES: Final = frozenset({"01", "04", "05"})


def change_of(found: TransactionSet) -> Document:
    """Return what an 860 says.

    `content` has `purpose` (BCH01), the fields of an order that change, and `lines` with `line` (absent where it is
    added without a number), `change` (POC02) and the fields of a line.
    """
    reader = _ChangeReader(found, Kind.CHANGE)
    reader.read("BCH03")
    document = reader.document
    document.fingerprint = found.digest
    if document.content.get("purpose") == "05" and not document.content.get("lines"):
        message = "The lines of the order are to be replaced, and there are none"
        document.faults.append(Fault("BCH01", "missing", message))
    return document


class _ChangeReader(OrderReader):
    """One 860 on its way to a document."""

    def _bch(self, segment: "Seg") -> bool:
        if "purpose" in self._content:
            self.refuse(None, "x12_repeated", "A second BCH in one transaction set")
        purpose = self.text(1)
        self._content["purpose"] = purpose
        self.place(("purpose",), 1)
        if purpose not in _PURPOSES:
            meant = codes.PURPOSES.get(purpose, "unknown")
            self.refuse(1, "x12_purpose", f"The purpose `{purpose[:4]}` ({meant}) is not that of a change")
        self.put_number()
        return True

    def _poc(self, segment: "Seg") -> bool:
        where = self._begin_line()
        line: dict[str, Any] = self._content["lines"][where[1]]
        line["change"] = self.text(2)
        self.place((*where, "change"), 2)
        if line["change"] not in codes.CHANGES:
            self.refuse(2, "x12_change", f"`{line['change'][:4]}` is no change of a line that is kept here")
        if self.text(1) or line["change"] != "AI":
            line["line"] = self.line_number(1)
            if any(other.get("line") == line["line"] for other in self._content["lines"][:-1]):
                self.refuse(1, "duplicate_line", f"Line {line['line']} is changed twice")
        self.put((*where, "quantity"), 3)
        ordered = self._read_line(segment, where, quantity=3, unit=5)
        if self._is_composite(4):
            self.refuse(4, "x12_difference", "POC04 is composite: it says differences, and POC03 is no new quantity")
        else:
            left = self.decimal(4)
            if left is not None and ordered is not None and left > ordered > 0:
                self.refuse(4, "x12_left", f"More is left to receive, {left}, than is ordered, {ordered}")
        return True

    def _is_composite(self, element: int) -> bool:
        return self._component in self.raw(element)

    _READERS: ClassVar[Mapping[str, Callable[..., bool]]] = {
        **{tag: read for tag, read in OrderReader._READERS.items() if tag not in {"BEG", "PO1", "N9", "MTX"}},  # noqa: SLF001 - its own base
        "BCH": _bch,
        "POC": _poc,
    }
