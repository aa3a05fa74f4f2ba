"""Reads an X12 214 (transportation carrier shipment status, 004010 to 008010) as tracking events. Pure.

| X12 214 | what becomes of it |
|---|---|
| B1001, or L11 CN | the PRO number |
| B1003 | its carrier |
| L11 PO | orders that the PRO number is put on, where nobody has used it yet |
| AT701 and AT702 | an event, by the table of codes below |
| AT703 and AT704 AB | an estimate, `eta`; other appointments are remarks |
| AT705, AT706; AT707 | `occurred_at`, or the `eta` of an estimate; its time zone |
| MS101, MS102, MS103 | `location` of the event before |
| GS04, GS05 | when an estimate was told |

{codes}
A code that is not in this table is kept as a remark (`information`), and never read as a delivery. A time without zone
or with LT is read as UTC, a date without time as the beginning of the day, and the event's `note` says so. What was
told before, in whatever file, is the same event: a file that is sent twice changes nothing.

Sources: stedi.com/edi/x12-004040/segment/AT7; guides of XPO, CNH Industrial and AAFES at stedi.com/app/guides; the
codes are those of `x12_status_codes`.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

from app.exchange import x12_status_codes as codes
from app.exchange.documents import Document, Fault, Kind
from app.exchange.x12_segments import SegmentReader, written
from app.exchange.x12_sets import TransactionSet

_TOLD_BY_THE_ORDER: Final = frozenset({"LX", "N1", "N2", "N3", "N4", "PER", "MS3", "AT8", "G62"})
"""Segments that repeat the shipment or count loops: that they are not kept loses nothing."""


def tracking_of(found: TransactionSet) -> Document:
    """Return what a 214 says: `scac`, `pro_number`, `orders` (numbers) and `events` as the API takes them."""
    return _StatusReader(found).read()


def codes_page() -> str:
    """Return the table of codes, in Markdown."""
    rows: dict[str, list[str]] = {}
    for code, (type_, _) in codes.STATUSES.items():
        rows.setdefault(type_, []).append(code)
    rows["information with `eta`"] = sorted(codes.ESTIMATES)
    rows["information"] += sorted(codes.PLANS)
    told = "\n".join(f"| {', '.join(sorted(found))} | {type_} |" for type_, found in rows.items())
    return f"| AT701 | event |\n|---|---|\n{told}\n"


class _StatusReader(SegmentReader):
    """One 214 on its way to a document."""

    def __init__(self, found: TransactionSet) -> None:
        document = Document(Kind.TRACKING, found.line, faults=list(found.faults), size=found.length)
        super().__init__(document, found.component)
        self._found = found
        self._content = document.content
        self._content |= {"orders": [], "events": []}
        self._begun = False
        # The event that MS1 speaks of.
        self._current: dict[str, Any] | None = None

    def read(self) -> Document:
        """Read every segment, then what only all of them can tell."""
        for segment in self._found.segments:
            self.at(segment)
            read = self._READERS.get(segment.tag)
            if (read is None or not read(self)) and segment.tag not in _TOLD_BY_THE_ORDER:
                self.skip()
        document = self.document
        if not self._begun:
            document.faults.append(Fault("B10", "missing", "The set does not begin with B10"))
        elif not self._content.get("pro_number"):
            document.faults.append(Fault("B1001", "missing", "It names no PRO number, and no L11 has one with CN"))
        elif not self._content["events"] and not document.faults:
            document.faults.append(Fault("AT7", "missing", "It tells of no status"))
        document.reference = self._content.get("pro_number")
        self.note_skipped()
        return document

    def _b10(self) -> bool:
        if self._begun:
            self.refuse(None, "x12_repeated", "A second B10 in one transaction set")
        self._begun = True
        # What a problem with the shipment as a whole is told of.
        self.place(("number",), 1)
        if self.text(1):
            self.put(("pro_number",), 1)
        self.put(("scac",), 3, required=True)
        return True

    def _l11(self) -> bool:
        qualifier = self.text(2)
        if qualifier == "PO" and self.text(1):
            numbers = self._content["orders"]
            if self.text(1) not in numbers:
                numbers.append(self.text(1))
                self.place(("orders", len(numbers) - 1), 1)
            return True
        if qualifier == "CN" and self.text(1) and not self._content.get("pro_number"):
            self.put(("pro_number",), 1)
            self.place(("number",), 1)
            return True
        return qualifier == "CN" and self.text(1) == self._content.get("pro_number")

    def _at7(self) -> bool:
        self._current = None
        status, appointment = self.text(1), self.text(3)
        if bool(status) == bool(appointment):
            self.refuse(1, "x12_status", "Either AT701 or AT703 says what happened, and not both")
            return True
        moment, notes = self._moment()
        if moment is None:
            return True
        event = self._event_of(status, appointment, moment)
        if event is None:
            return True
        reason = codes.REASONS.get(self.text(2) or self.text(4), f"reason {self._shown(2) or self._shown(4)}")
        if (self.text(2) or self.text(4)) not in codes.NORMAL:
            if event["type"] == "exception":
                event["reason"] += f": {reason}"
            else:
                notes.insert(0, f"{reason[0].upper()}{reason[1:]}.")
        if notes:
            event["note"] = " ".join([*([event["note"]] if "note" in event else []), *notes])
        events = self._content["events"]
        events.append(event)
        self._current = event
        where = ("events", len(events) - 1)
        self.place(where, 1 if status else 3)
        self.place((*where, "eta"), 5)
        self.place((*where, "occurred_at"), 5)
        if event["occurred_at"] != written(moment):
            self.document.places[(*where, "occurred_at")] = "GS04"
        return True

    def _event_of(self, status: str, appointment: str, moment: datetime) -> dict[str, Any] | None:
        """Return the event that the codes stand for; None where what it needs is missing, which is refused."""
        if status in codes.STATUSES:
            type_, meaning = codes.STATUSES[status]
            said = {"reason": meaning} if type_ == "exception" else {"note": f"{meaning}."}
            return {"type": type_, "occurred_at": written(moment), **said}
        told = self._told()
        if told is None:
            return None
        if status in codes.ESTIMATES or appointment == "AB":
            meaning = codes.ESTIMATES.get(status) or codes.APPOINTMENTS[appointment]
            return {"type": "information", "occurred_at": told, "eta": written(moment), "note": f"{meaning}."}
        meaning = codes.PLANS.get(status) or codes.APPOINTMENTS.get(appointment, "")
        if not meaning:
            self.skip(1 if status else 3, status or appointment)
            meaning = f"X12 {'status' if status else 'appointment'} {self._shown(1) or self._shown(3)}"
        return {"type": "information", "occurred_at": told, "note": f"{meaning}: {written(moment)}."}

    def _moment(self) -> tuple[datetime | None, list[str]]:
        """Return the moment that AT705 to AT707 say, and what has to be said of it."""
        if not self.text(5):
            self.refuse(5, "missing", "The element is empty: nobody knows when it happened")
            return None, []
        local = self.clock_time(5)
        if local is None:
            return None, []
        zone = self.text(7).upper()
        try:
            moment = codes.in_utc(local, zone)
        except OverflowError:
            moment = None
        if moment is None:
            self.refuse(7, "x12_time_code", f"The time zone `{zone[:4]}` is not known")
            return None, []
        if not self.text(6):
            return moment, ["Day without time."]
        return moment, ["Local time, read as UTC."] if zone in codes.LOCAL else []

    def _told(self) -> str | None:
        """Return when the message was sent, by its group: an estimate does not say when it was made."""
        date, time = self._found.sent
        try:
            # Python would also take fewer digits for a month or a day.
            digits = f"{date}{time[:4]}" if len(date) == 8 and len(time) >= 4 else ""
            sent = datetime.strptime(digits, "%Y%m%d%H%M").replace(tzinfo=UTC)
        except ValueError:
            self.document.faults.append(
                Fault(
                    "GS04", "date", "GS04 and GS05 are no date and time, and an estimate needs to know when it was told"
                )
            )
            return None
        return written(sent)

    def _ms1(self) -> bool:
        if self._current is None:
            return False
        location = {"city": self.text(1), "state": self.text(2), "country": self._country(self.text(3))}
        said = {name: value for name, value in location.items() if value}
        if said:
            self._current["location"] = said
            self.place(("events", len(self._content["events"]) - 1, "location"), 1)
        return bool(said)

    def _country(self, code: str) -> str:
        """Return a country of two letters; X12 takes three, of which those of North America are sent."""
        return codes.COUNTRIES.get(code.upper(), code.upper())

    def _shown(self, element: int) -> str:
        return "".join(one for one in self.text(element)[:4] if one.isprintable())

    _READERS: ClassVar[Mapping[str, Callable[..., bool]]] = {"B10": _b10, "L11": _l11, "AT7": _at7, "MS1": _ms1}
