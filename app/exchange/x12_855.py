"""Reads an X12 855 (purchase order acknowledgment) and an 865 (that of a change), 004010 to 008010. Pure.

| X12 855; 865 | of the body of `confirm` |
|---|---|
| BAK01; BCA01 | 00, 05, 06 or 07 |
| BAK02; BCA02 | AC, AD, AE, AK, AP, AT confirm; RD, RF, RJ, RN, RV reject |
| BAK03; BCA03 | the order's number |
| REF CT, or BAK07, BCA08; REF IV | `contract_number`; `invoice_number` |
| REF PP (order revision number) | `revision`; without it the newest, but an 855 answers no change order that waits |
| PO101; POC01 | `line` |
| ACK01 IA, AA, AC, AR; DR, IC, IE, IP, IQ, IS, SP | `decision` accepted; the same with its `reason` |
| ACK01 IB; IF, IH, IW | `decision` backordered; the same with its `reason` |
| ACK01 IR, R5 to R8; R1 to R4 | `decision` rejected; the same with its `reason` |
| ACK02 | `quantity`; all that was ordered where it is empty |
| ACK05 after ACK04, or DTM02 after DTM01: 068, 010, 011 or 079; 067, 002, 017 or 069 | `scheduled_ship_date`; \
`scheduled_delivery_date` |
| N9 ZZ `PO-REGISTRY`, N903, MTX02 | the decisions or a number exactly as an export of this service has it, in JSON |

What the ACKs of a line leave unsaid of it: is rejected after IQ and IC, which change the quantity; else the set is
refused. A line that is not spoken of is accepted, but an 855 with AC has to speak of all, and with an 865 what the
seller has said of it before stays where it still adds up. A line of an 865 with POC02 DI has to be gone.

Structure: ACK stands in the loop of PO1 (855) or POC (865), DTM in that of ACK. Sources: stedi.com/edi/x12-004010,
segments BAK, BCA, PO1, POC, ACK; Medline's and O'Reilly's guides of 855 and 865 at stedi.com/app/guides.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

from app.exchange import x12_codes as codes
from app.exchange.documents import Document, Fault, Kind
from app.exchange.x12_segments import EXACT, SegmentReader
from app.exchange.x12_sets import TransactionSet
from app.orders.acknowledgement_rules import LINE_STATUSES, AcknowledgementDecision

_PURPOSES: Final = frozenset({"00", "05", "06", "07"})
_NUMBERS_OF_PAPERS: Final = {"CT": "contract_number", "IV": "invoice_number"}
_GIVEN_EXACTLY: Final = {
    "lines": "exact_lines",
    "contract_number": "contract_number",
    "invoice_number": "invoice_number",
}
_TOLD_BY_THE_ORDER: Final = frozenset({"N1", "N2", "N3", "N4", "PER", "PID", "CUR"})
"""Segments that repeat the order: that they are not kept loses nothing."""


def acknowledgement_of(found: TransactionSet) -> Document:
    """Return what an 855 says; `AcknowledgementReader` says in which form."""
    return AcknowledgementReader(found).read()


def change_acknowledgement_of(found: TransactionSet) -> Document:
    """Return what an 865 says, in the same form."""
    return AcknowledgementReader(found, of_change=True).read()


class AcknowledgementReader(SegmentReader):
    """One 855 or 865 on its way to a document.

    `content`: `rejected`, with a `reason`; `of_change`; `speaks_of_all`; `contract_number`, `invoice_number`,
    `revision`; `lines` with `line`, `ordered` (as the set repeats it) and `decisions` as `confirm` takes them, whose
    quantities may be empty; `deleted`, the lines that an 865 says are gone; `exact_lines`, as an export has them.
    """

    def __init__(self, found: TransactionSet, *, of_change: bool = False) -> None:
        document = Document(
            Kind.ACKNOWLEDGEMENT,
            found.line,
            faults=list(found.faults),
            size=found.length,
            fingerprint=found.digest,
        )
        super().__init__(document, found.component)
        self._segments = found.segments
        self._content = document.content
        self._content |= {"rejected": False, "of_change": of_change, "speaks_of_all": False, "lines": [], "deleted": []}
        self._type = ""
        self._begun = False
        self._loops = 0
        self._unit = ""
        # What ACK speaks of, and DTM: none where there is none, and where the line is gone.
        self._current: dict[str, Any] | None = None
        self._part: dict[str, Any] | None = None
        self._exact_name: str | None = None
        self._exact: dict[str, list[str]] = {}

    def read(self) -> Document:
        """Read every segment, then what only all of them can tell."""
        beginning = "BCA" if self._content["of_change"] else "BAK"
        for segment in self._segments:
            self.at(segment)
            if segment.tag != "MTX":
                self._exact_name = None
            read = self._READERS.get(segment.tag)
            if segment.tag == beginning:
                self._begin()
            elif (read is None or not read(self)) and segment.tag not in _TOLD_BY_THE_ORDER:
                self.skip()
        if not self._begun:
            self.document.faults.append(Fault(f"{beginning}03", "unidentified", "The order has no number"))
        self._read_exact()
        self.note_skipped()
        return self.document

    def _begin(self) -> None:
        if self._begun:
            self.refuse(None, "x12_repeated", f"A second {self._segment.tag} in one transaction set")
        self._begun = True
        purpose, self._type = self.text(1), self.text(2)
        if purpose not in _PURPOSES:
            meant = codes.PURPOSES.get(purpose, "unknown")
            self.refuse(1, "x12_purpose", f"The purpose `{purpose[:4]}` ({meant}) is not that of an answer to an order")
        if self._type not in codes.ACCEPTANCES | codes.REJECTIONS.keys():
            self.refuse(2, "x12_acknowledgement", f"`{self._type[:4]}` neither confirms nor rejects an order")
        self.put_number()
        self.place(("type",), 2)
        self._content["rejected"] = self._type in codes.REJECTIONS
        self._content["reason"] = codes.REJECTIONS.get(self._type)
        self._content["speaks_of_all"] = self._type == "AC" and not self._content["of_change"]
        contract = 8 if self._content["of_change"] else 7
        if self.text(contract):
            self.put(("contract_number",), contract)

    def _ref(self) -> bool:
        if self._loops:
            return False
        if self.text(1) == "PP":
            self.put(("revision",), 2)
            return True
        name = _NUMBERS_OF_PAPERS.get(self.text(1))
        if name is not None:
            self.put((name,), 2, required=True)
        return name is not None

    def _line(self) -> bool:
        """Begin a line, with PO1 or POC."""
        of_change = self._segment.tag == "POC"
        self._loops += 1
        self._current = self._part = None
        number = self.line_number(1)
        self._unit = self.text(5 if of_change else 3)
        said = self.text(2) if of_change else "NC"
        if said == "DI":
            self._content["deleted"].append(number)
            self.place(("deleted", len(self._content["deleted"]) - 1), 1)
            return True
        if said not in codes.CHANGES:
            self.refuse(2, "x12_change", f"`{said[:4]}` is no answer to a change of a line that is kept here")
        lines = self._content["lines"]
        if any(line["line"] == number for line in lines):
            self.refuse(1, "duplicate_line", f"Line {number} is spoken of twice")
        self._current = {"line": number, "ordered": "", "decisions": []}
        lines.append(self._current)
        where = ("lines", len(lines) - 1)
        self.place(where, 1)
        self.put((*where, "ordered"), 3 if of_change else 2)
        return True

    def _ack(self) -> bool:
        self._part = None
        if not self._loops:
            self.refuse(None, "x12_order", "ACK stands before the first line")
        if self._current is None:
            return False
        said = LINE_STATUSES.get(self.text(1))
        if said is None:
            message = f"`{self.text(1)[:4]}` does not say one thing of the quantity: accepted, backordered or rejected"
            self.refuse(1, "x12_line_status", message)
            return True
        decision, reason = said
        self._judge(decision)
        if self.text(3) and self._unit and self.text(3).upper() != self._unit.upper():
            self.refuse(3, "x12_unit", f"The unit is `{self.text(3)[:12]}`, that of the line `{self._unit[:12]}`")
        self._part = {"decision": decision.value, "quantity": self.text(2)}
        if reason is not None:
            self._part["reason"] = reason.value
        decisions = self._current["decisions"]
        decisions.append(self._part)
        where = ("lines", len(self._content["lines"]) - 1, "decisions", len(decisions) - 1)
        self.place(where, 1)
        self.place((*where, "quantity"), 2)
        if self.text(5) and not self._schedule(4):
            self.skip(4, self.text(4))
        return True

    def _judge(self, decision: AcknowledgementDecision) -> None:
        """Refuse what says the opposite of the whole set's type."""
        rejected = decision is AcknowledgementDecision.rejected
        if self._content["rejected"] and not rejected:
            self.refuse(1, "x12_contradiction", f"It does not reject, and the whole set does (`{self._type}`)")
        elif rejected and self._type in codes.WITHOUT_CHANGE:
            self.refuse(1, "x12_contradiction", f"It rejects, and the whole set changes nothing (`{self._type}`)")

    def _dtm(self) -> bool:
        return self._part is not None and self._schedule(1)

    def _schedule(self, qualifier: int) -> bool:
        """Read the date behind its qualifier as the part's; what is rejected has none."""
        name = codes.SCHEDULED.get(self.text(qualifier))
        if name is None or self._part is None or self._part["decision"] == "rejected" or name in self._part:
            return False
        # ACK has no time beside its date.
        moment = self.moment(2, ends=False) if qualifier == 1 else self.beginning_of(qualifier + 1)
        if moment is not None:
            self._part[name] = moment
        return True

    def _n9(self) -> bool:
        if (self.text(1), self.text(2)) == ("ZZ", EXACT) and self.text(3) in _GIVEN_EXACTLY:
            self._exact_name = self.text(3)
        return self._exact_name is not None

    def _mtx(self) -> bool:
        if self._exact_name is None:
            return False
        # Not stripped: a value may be cut at a space.
        self._exact.setdefault(self._exact_name, []).append(self.raw(2))
        return True

    def _read_exact(self) -> None:
        for name, parts in self._exact.items():
            try:
                self._content[_GIVEN_EXACTLY[name]] = json.loads("".join(parts))
            except (ValueError, RecursionError):
                self.document.faults.append(Fault(f"MTX02 after N9 {EXACT}", "json", f"{name} is no JSON"))

    def _ctt(self) -> bool:
        self.check_lines(self._loops)
        return True

    _READERS: ClassVar[Mapping[str, Callable[..., bool]]] = {
        "REF": _ref,
        "PO1": _line,
        "POC": _line,
        "ACK": _ack,
        "DTM": _dtm,
        "N9": _n9,
        "MTX": _mtx,
        "CTT": _ctt,
    }
