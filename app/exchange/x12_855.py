"""Reads an X12 855 (purchase order acknowledgment) and an 860 (purchase order change). Pure.

| X12 855 | of the body of `confirm` |
|---|---|
| BAK02 AC, AD, AK, AP, AT; RD, RJ | confirmed; rejected |
| BAK03 | the order's number |
| REF CT, REF IV | `contract_number`, `invoice_number` |
| PO101, ACK02 | `line`, `quantity` |
| ACK01 IA, AC, AR, DR, IQ; IB; IR | `decision` accepted, backordered, rejected |
| ACK05 after ACK04 068 or 010; 067 or 017 | `scheduled_ship_date`, `scheduled_delivery_date` |

Of an 860 the number (BCH03) and the changes of lines (POC) are read: `line`, `change` (POC02), `quantity`,
`unit_price`.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

from mockedi.envelope import Seg

from app.exchange.documents import Document, Fault, Kind
from app.exchange.x12_segments import SegmentReader
from app.exchange.x12_sets import TransactionSet

_CONFIRMED: Final = frozenset({"AC", "AD", "AK", "AP", "AT"})
_REJECTED: Final = frozenset({"RD", "RJ"})
_DECISIONS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("IA", "AC", "AR", "DR", "IQ"), "accepted"),
    "IB": "backordered",
    "IR": "rejected",
}
_SCHEDULED: Final[Mapping[str, str]] = {
    **dict.fromkeys(("068", "010"), "scheduled_ship_date"),
    **dict.fromkeys(("067", "017"), "scheduled_delivery_date"),
}
_NUMBERS_OF_PAPERS: Final = {"CT": "contract_number", "IV": "invoice_number"}


def acknowledgement_of(found: TransactionSet) -> Document:
    """Return what an 855 says; `content` has `rejected` and, for `confirm`, its body."""
    reader = _Acknowledgement(found, Kind.ACKNOWLEDGEMENT)
    reader.document.content |= {"rejected": False, "lines": []}
    return reader.read("BAK03")


def change_of(found: TransactionSet) -> Document:
    """Return what an 860 says; `content` has the changed lines."""
    reader = _Change(found, Kind.CHANGE)
    reader.document.content |= {"lines": []}
    return reader.read("BCH03")


class _Reader(SegmentReader):
    _READERS: ClassVar[Mapping[str, Callable[..., None]]]

    def __init__(self, found: TransactionSet, kind: Kind) -> None:
        document = Document(kind, found.line, faults=list(found.faults), size=found.length, fingerprint=found.digest)
        super().__init__(document, found.component)
        self._segments = found.segments

    def read(self, number: str) -> Document:
        """Read every segment; `number` names the element that has the order's number."""
        for segment in self._segments:
            self.at(segment)
            if segment.tag in self._READERS:
                self._READERS[segment.tag](self, segment)
        if self.document.number is None:
            self.document.faults.append(Fault(number, "unidentified", "The order has no number"))
        return self.document

    def _numbered(self) -> None:
        self.document.number = self.text(3) or None
        self.place(("number",), 3)

    def _line(self, key: str) -> dict[str, Any]:
        text = self.text(1)
        if not (text.isascii() and text.isdigit() and 1 <= len(text) <= 4 and int(text)):
            self.refuse(1, "line", f"`{text[:12]}` is no number of a line; lines count from 1")
            text = "1"
        line: dict[str, Any] = {"line": int(text), key: []}
        lines = self.document.content["lines"]
        lines.append(line)
        self.place(("lines", len(lines) - 1), 1)
        return line

    def _ctt(self, segment: Seg) -> None:
        self.check_lines(len(self.document.content["lines"]))


class _Acknowledgement(_Reader):
    def _bak(self, segment: Seg) -> None:
        self._numbered()
        kind = self.text(2)
        if kind not in _CONFIRMED | _REJECTED:
            self.refuse(2, "x12_acknowledgement", f"`{kind[:4]}` neither confirms nor rejects an order")
        self.document.content["rejected"] = kind in _REJECTED

    def _ref(self, segment: Seg) -> None:
        name = _NUMBERS_OF_PAPERS.get(self.text(1))
        if name is not None:
            self.document.content[name] = self.text(2)
            self.place((name,), 2)

    def _po1(self, segment: Seg) -> None:
        self._line("decisions")

    def _ack(self, segment: Seg) -> None:
        lines = self.document.content["lines"]
        decision = _DECISIONS.get(self.text(1))
        if not lines:
            self.refuse(None, "x12_order", "ACK stands before the first PO1")
        elif decision is None:
            self.refuse(1, "x12_line_status", f"`{self.text(1)[:4]}` is not taken: it neither accepts nor rejects")
        else:
            found = {"decision": decision, "quantity": self.text(2)}
            scheduled = _SCHEDULED.get(self.text(4))
            if scheduled is not None and self.text(5):
                found[scheduled] = self.date(5) or ""
            lines[-1]["decisions"].append(found)

    _READERS: ClassVar = {"BAK": _bak, "REF": _ref, "PO1": _po1, "ACK": _ack, "CTT": _Reader._ctt}  # noqa: SLF001 - its own base


class _Change(_Reader):
    def _bch(self, segment: Seg) -> None:
        self._numbered()

    def _poc(self, segment: Seg) -> None:
        line = self._line("decisions")
        del line["decisions"]
        line |= {"change": self.text(2), "quantity": self.text(3), "unit_price": self.text(6)}

    _READERS: ClassVar = {"BCH": _bch, "POC": _poc, "CTT": _Reader._ctt}  # noqa: SLF001 - its own base
