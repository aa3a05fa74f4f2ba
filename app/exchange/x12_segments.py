"""Reads the elements of one X12 segment after the other, and says of each fault where it stands. Pure."""

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from app.exchange.documents import Document, Fault, Place

if TYPE_CHECKING:
    from mockedi.envelope import Seg

EXACT: Final = "PO-REGISTRY"
"""N902 before the MTX that have what other segments cannot say as it is, in JSON."""

_DATE: Final = re.compile(r"[0-9]{8}", re.ASCII)
_TIME: Final = re.compile(r"[0-9]{4}([0-9]{2}([0-9]{1,2})?)?", re.ASCII)
"""HHMM, HHMMSS, and with tenths or hundredths of a second, which are not kept."""
_DECIMAL: Final = re.compile(r"[+-]?(?=[.]?[0-9])[0-9]{0,30}([.][0-9]{0,30})?", re.ASCII)
_UTC: Final = frozenset({"", "UT", "GM", "Z"})


class SegmentReader:
    """The base of readers of a transaction set: `at` a segment, its elements are asked for by their positions."""

    def __init__(self, document: Document, component: str) -> None:
        self.document = document
        self._component = component
        from mockedi.envelope import Seg  # noqa: PLC0415 - as in `x12_sets`

        self._segment = Seg("")
        self._skipped: Counter[str] = Counter()

    def at(self, segment: "Seg") -> None:
        """Go to a segment."""
        self._segment = segment

    def skip(self, element: int | None = None, what: str = "") -> None:
        """Remember that the segment, an element or one of its codes has no field here: `note_skipped` tells it."""
        self._skipped[f"{self._segment.tag[:3]}{'' if element is None else f'{element:02d}'} {what[:3]}".strip()] += 1

    def note_skipped(self) -> None:
        """Note what was skipped, and how often."""
        if self._skipped:
            told = ", ".join(f"{tag} ({count})" for tag, count in sorted(self._skipped.items()))
            self.document.notes.append(f"Not kept: {told}")

    def raw(self, element: int) -> str:
        """Return an element as it came: empty where there is none."""
        value = self._segment.raw(element)
        # None of the elements that are read here is a composite: the separator is a character of the text.
        return value if isinstance(value, str) else self._component.join(value)

    def text(self, element: int) -> str:
        """Return an element without the spaces that fill it up."""
        return self.raw(element).strip()

    def put(self, place: Place, element: int, *, required: bool = False) -> str | None:
        """Set a field of the content to an element, where there is one, and remember where it came from."""
        text = self.text(element)
        self.place(place, element)
        if not text:
            if required:
                self.refuse(element, "missing", "The element is empty")
            return None
        target: Any = self.document.content
        for step in place[:-1]:
            target = target[step]
        target[place[-1]] = text
        return text

    def place(self, place: Place, element: int | None) -> None:
        """Remember that what stands at this place in the content came from an element of the segment."""
        self.document.places[place] = self.named(element)

    def named(self, element: int | None) -> str:
        """Return the name of an element of the segment, or of the segment itself, as faults have it."""
        tag, position = self._segment.tag, self._segment.position
        return f"{tag}{'' if element is None else f'{element:02d}'}, segment {position} of the transaction set"

    def refuse(self, element: int | None, code: str, message: str) -> None:
        """Add a fault of an element, or of the whole segment."""
        self.document.faults.append(Fault(self.named(element), code, message))

    def put_number(self) -> None:
        """Set the order's number to element 3, where BAK, BCA and BCH have it."""
        self.document.number = self.put(("number",), 3, required=True)

    def line_number(self, element: int) -> int:
        """Return the number of a line; 0 for what is none, which is refused."""
        text = self.text(element)
        if text.isascii() and text.isdigit() and len(text) <= 6 and int(text):
            return int(text)
        self.refuse(element, "line", f"`{text[:12]}` is no number of a line; lines count from 1")
        return 0

    def beginning_of(self, element: int) -> str | None:
        """Return the beginning of a day CCYYMMDD in RFC 3339; None where there is none, or none that can be."""
        day = self._day(element, self.text(element))
        return None if day is None else written(day)

    def date(self, element: int) -> str | None:
        """Return a date CCYYMMDD as it is written in ISO 8601; None where there is none, or none that can be."""
        text = self.text(element)
        if not text:
            return None
        day = self._day(element, text)
        return None if day is None else day.date().isoformat()

    def moment(self, element: int, *, ends: bool) -> str | None:
        """Return the moment of a DTM whose date is in `element`, in RFC 3339; of a day its beginning, or its end."""
        date, time, zone = self.text(element), self.text(element + 1), self.text(element + 2)
        day = self._day(element, date)
        if day is None:
            return None
        if zone not in _UTC:
            self.refuse(element + 2, "x12_time_code", f"The time zone `{zone[:4]}` is none that is always the same")
            return None
        if not time:
            return written(day + timedelta(days=1)) if ends and day.year < 9999 else written(day)
        moment = self._at_time(day, element + 1, time)
        return None if moment is None else written(moment)

    def clock_time(self, element: int) -> datetime | None:
        """Return what calendar and clock show, a date CCYYMMDD and the time behind it, as if it were UTC.

        The beginning of the day without a time; None where there is no date, or none that can be, which is refused.
        """
        text, time = self.text(element), self.text(element + 1)
        day = self._day(element, text) if text else None
        return day if day is None or not time else self._at_time(day, element + 1, time)

    def decimal(self, element: int) -> Decimal | None:
        """Return an element as a number; None where there is none, or one that is no number, which is refused."""
        text = self.text(element)
        if text:
            # Not what else Decimal reads: no exponent, no infinity, no underscores.
            if _DECIMAL.fullmatch(text):
                return Decimal(text)
            self.refuse(element, "decimal", f"`{text[:20]}` is no number")
        return None

    def check_lines(self, counted: int) -> None:
        """Refuse a CTT that states another number of lines."""
        stated = self.text(1)
        if not (stated.isascii() and stated.isdigit() and len(stated) <= 10 and int(stated) == counted):
            self.refuse(1, "x12_count", f"It states `{stated[:12]}` lines and {counted} came: some may be lost")

    def _at_time(self, day: datetime, element: int, time: str) -> datetime | None:
        try:
            # A text that has not this form has no digits where they are asked for.
            digits = time if _TIME.fullmatch(time) else ""
            return day.replace(hour=int(digits[:2]), minute=int(digits[2:4]), second=int(digits[4:6] or 0))
        except ValueError:
            self.refuse(element, "time", f"`{time[:12]}` is no time HHMM or HHMMSS")
            return None

    def _day(self, element: int, text: str) -> datetime | None:
        digits = text if _DATE.fullmatch(text) else ""
        try:
            return datetime(int(digits[:4]), int(digits[4:6]), int(digits[6:]), tzinfo=UTC)
        except ValueError:
            self.refuse(element, "date", f"`{text[:12]}` is no date CCYYMMDD")
            return None


def written(moment: datetime) -> str:
    """Return a moment in UTC in RFC 3339."""
    return moment.isoformat().replace("+00:00", "Z")
