"""Cuts a stream into X12 transaction sets and has each parsed by mock-edi: never more than one set is in memory. Pure.

Taken although the standard (X12.5) says otherwise, since only one reading is possible: a byte order mark; fields of ISA
shorter or longer than they should be; CR and LF after terminators, or where a system has wrapped lines (no element may
hold them); empty segments; a last segment without its terminator. Whatever could mean that segments were lost is
refused: a count in SE01, GE01 or IEA01, or a control number, that does not fit.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import TextIOWrapper
from typing import TYPE_CHECKING, BinaryIO, Final

from app.exchange.documents import DOCUMENT_LENGTH_MAX, Fault, Unreadable

if TYPE_CHECKING:
    from mockedi.envelope import Delimiters, Seg

_CHARACTERS_AT_ONCE: Final = 65_536
_ISA_LENGTH_MAX: Final = 400
_LINE_BREAKS: Final = {ord("\r"): None, ord("\n"): None}


@dataclass(slots=True)
class TransactionSet:
    """One transaction set. `code` is ST01; `segments` are those between ST and SE, each with its place in the set."""

    line: int
    code: str = ""
    control: str = ""
    segments: "list[Seg]" = field(default_factory=list)
    component: str = ":"
    faults: list[Fault] = field(default_factory=list)
    digest: bytes = b""
    length: int = 0
    sent: tuple[str, str] = ("", "")
    """Date and time of the group that it is in, GS04 and GS05, as they came."""


@dataclass(frozen=True, slots=True)
class EnvelopeFault:
    """What is wrong around transaction sets: those themselves stand for themselves."""

    line: int
    fault: Fault


def transaction_sets(file: BinaryIO) -> Iterator[TransactionSet | EnvelopeFault]:
    """Yield the sets of all interchanges of a file; raises Unreadable where no interchange begins."""
    yield from _Scanner(TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")).run()


class _Scanner:
    """Goes through the text segment by segment, with the line in which each begins."""

    def __init__(self, text: TextIOWrapper) -> None:
        self._text = text
        self._buffer = ""
        self._place = 0
        self._line = 1
        self._interchanges = 0
        self._isa = ""
        from mockedi.envelope import Delimiters  # noqa: PLC0415 - 3 MB, which nobody needs who exchanges no X12

        self._delimiters = Delimiters()
        self._open: _OpenSet | None = None
        self._groups: int | None = None
        self._sets: int | None = None
        self._interchange_control = self._group_control = ""
        self._sent = ("", "")

    def run(self) -> Iterator[TransactionSet | EnvelopeFault]:
        while self._skip_blanks():
            self._begin_interchange()
            yield from self._interchange()
        if not self._interchanges:
            raise Unreadable(1, "x12_empty", "The file is empty: an X12 interchange begins with ISA.")

    def _skip_blanks(self) -> bool:
        """Go to the next character that is none; False where there is none."""
        while True:
            rest = self._buffer[self._place :]
            stripped = rest.lstrip("\ufeff\r\n\t ")
            self._advance(len(rest) - len(stripped))
            if stripped:
                return True
            if not self._read():
                return False

    def _begin_interchange(self) -> None:
        while len(self._buffer) - self._place < _ISA_LENGTH_MAX and self._read():
            pass
        head = self._buffer[self._place : self._place + _ISA_LENGTH_MAX]
        if head[:3] != "ISA":
            shown = head[:12].encode("ascii", "replace").decode().strip()
            what = "another interchange (ISA)" if self._interchanges else "an X12 interchange, which begins with ISA"
            raise Unreadable(self._line, "x12_start", f"Line {self._line} begins with `{shown}`, not with {what}.")
        element = head[3:4]
        fields = head.split(element, 16)
        if element.isalnum() or len(fields) <= 16 or element in "\r\n ":
            raise Unreadable(self._line, "x12_isa", f"ISA in line {self._line} has not its 16 elements.")
        # No separator is a line break: one before ISA16 has wrapped the line.
        tail = fields[16].lstrip("\r\n")
        beginning = len(head) - len(tail)
        fields = [*(one.translate(_LINE_BREAKS) for one in fields[:16]), tail]
        self._delimiters = self._punctuation(element.join(fields), fields)
        isa = element.join(fields[:16]) + element + self._delimiters.component
        self._isa = isa + self._delimiters.segment
        self._interchange_control = fields[13].strip()
        self._interchanges += 1
        self._groups, self._sets = 0, None
        end = self._buffer.index(self._delimiters.segment, self._place + beginning + 1) + 1
        self._advance(end - self._place)

    def _punctuation(self, isa: str, fields: list[str]) -> "Delimiters":
        """Return the delimiters that ISA states, held against what can be one."""
        from mockedi import x12  # noqa: PLC0415 - as above
        from mockedi.envelope import Delimiters, EdiSyntaxError  # noqa: PLC0415 - as above

        try:
            found = x12.read_delimiters(isa)
        except EdiSyntaxError as error:
            raise Unreadable(self._line, "x12_isa", f"ISA in line {self._line}: {error.message}.") from None
        component, segment = found.component, found.segment
        tail = fields[16][1:].lstrip("\r\n")
        if segment in "\r\n" and tail and not tail[0].isalnum():
            # The line was wrapped between ISA16 and the terminator.
            segment = tail[0]
        stated = {found.element, component, segment}
        if len(stated) < 3 or any(one.isalnum() or one == " " for one in stated) or component in "\r\n":
            raise Unreadable(
                self._line,
                "x12_isa",
                f"ISA16 in line {self._line} and what follows it are no separator and terminator.",
            )
        return Delimiters(segment=segment, element=found.element, component=component, repetition=found.repetition)

    def _interchange(self) -> Iterator[TransactionSet | EnvelopeFault]:
        for line, segment in self._segments():
            tag, _, rest = segment.partition(self._delimiters.element)
            tag = tag.strip()
            if tag == "ISA":
                # Taken for the beginning of the next interchange: the one before has lost its end.
                yield from self._end_of_set(line)
                yield self._envelope(line, "IEA", "x12_trailer", "Another ISA comes before the IEA of the one before")
                self._go_back(segment)
                return
            elements = [element.strip() for element in rest.split(self._delimiters.element)]
            yield from self._take(line, tag, elements, segment)
            if tag == "IEA":
                return
        yield from self._end_of_set(self._line)
        yield self._envelope(self._line, "IEA", "x12_trailer", "The file ends before the interchange does (IEA)")

    def _take(self, line: int, tag: str, elements: list[str], segment: str) -> Iterator[TransactionSet | EnvelopeFault]:
        if tag in {"ST", "GS", "GE", "IEA"}:
            yield from self._end_of_set(line)
        if tag == "ST":
            self._open = _OpenSet(line, self._sent)
            self._sets = None if self._sets is None else self._sets + 1
        elif tag == "GS":
            self._groups, self._sets = (self._groups or 0) + 1, 0
            self._group_control = elements[5] if len(elements) > 5 else ""
            self._sent = (elements[3], elements[4]) if len(elements) > 4 else ("", "")
        elif tag == "GE":
            yield from self._check(line, "GE", elements, self._sets, self._group_control, "transaction sets")
            self._sets = None
        elif tag == "IEA":
            yield from self._check(line, "IEA", elements, self._groups, self._interchange_control, "groups")
        elif self._open is None and tag != "TA1":
            yield self._envelope(
                line, tag[:3] or "segment", "x12_stray", "The segment stands outside of any transaction set"
            )
        if self._open is not None:
            self._open.add(segment)
            if tag == "SE":
                yield self._open.finished(self._isa, self._delimiters)
                self._open = None

    def _check(
        self, line: int, tag: str, elements: list[str], counted: int | None, control: str, what: str
    ) -> Iterator[EnvelopeFault]:
        stated = elements[0] if elements else ""
        if counted is None or not _is_count(stated, counted):
            yield self._envelope(
                line, f"{tag}01", "x12_count", f"It states `{stated[:12]}` {what}; {counted or 0} came"
            )
        elif not _same_control(elements[1] if len(elements) > 1 else "", control):
            yield self._envelope(line, f"{tag}02", "x12_control", "The control number is not that of the beginning")

    def _end_of_set(self, line: int) -> Iterator[TransactionSet]:
        if self._open is not None:
            unended = self._open.finished(self._isa, self._delimiters)
            unended.faults.insert(0, Fault("SE", "x12_trailer", f"The transaction set has no SE before line {line}"))
            self._open = None
            yield unended

    def _envelope(self, line: int, place: str, code: str, message: str) -> EnvelopeFault:
        return EnvelopeFault(line, Fault(place, code, message))

    def _segments(self) -> Iterator[tuple[int, str]]:
        terminator = self._delimiters.segment
        while True:
            end = self._buffer.find(terminator, self._place)
            if end < 0:
                if len(self._buffer) - self._place > DOCUMENT_LENGTH_MAX:
                    raise Unreadable(self._line, "x12_segment", f"The segment in line {self._line} does not end.")
                if self._read():
                    continue
                end = len(self._buffer)
                if not self._buffer[self._place :].strip():
                    return
            raw = self._buffer[self._place : end]
            lead = len(raw) - len(raw.lstrip("\r\n\t "))
            self._advance(lead)
            line = self._line
            self._advance(end + 1 - self._place)
            segment = raw.translate(_LINE_BREAKS).strip("\t ")
            if segment:
                yield line, segment

    def _go_back(self, segment: str) -> None:
        self._buffer = segment + self._delimiters.segment + self._buffer[self._place :]
        self._place = 0

    def _advance(self, characters: int) -> None:
        end = min(self._place + characters, len(self._buffer))
        self._line += self._buffer.count("\n", self._place, end)
        self._place = end

    def _read(self) -> bool:
        more = self._text.read(_CHARACTERS_AT_ONCE)
        if more:
            self._buffer = self._buffer[self._place :] + more
            self._place = 0
        return bool(more)


class _OpenSet:
    """The text of a set whose end has not come yet."""

    def __init__(self, line: int, sent: tuple[str, str]) -> None:
        self._line = line
        self._sent = sent
        self._texts: list[str] = []
        self.length = 0

    def add(self, segment: str) -> None:
        self.length += len(segment)
        if self.length <= DOCUMENT_LENGTH_MAX:
            self._texts.append(segment)

    def finished(self, isa: str, delimiters: "Delimiters") -> TransactionSet:
        """Return the set as mock-edi reads it, with what is wrong with its ends."""
        from mockedi import x12  # noqa: PLC0415 - as above
        from mockedi.envelope import EdiSyntaxError  # noqa: PLC0415 - as above

        found = TransactionSet(self._line, component=delimiters.component, length=self.length, sent=self._sent)
        if self.length > DOCUMENT_LENGTH_MAX:
            found.faults.append(
                Fault("ST", "x12_too_long", f"The set has more than {DOCUMENT_LENGTH_MAX:,} characters")
            )
            self._texts = self._texts[:1]
        text = delimiters.segment.join(self._texts) + delimiters.segment
        # With its interchange: the control numbers of sets begin anew in each, and a seller may say a thing again.
        found.digest = hashlib.sha256((isa + text).encode("utf-8", "surrogateescape")).digest()
        try:
            _, message = next(x12.parse(isa + text, delimiters).messages())
        except (EdiSyntaxError, StopIteration):
            found.faults.append(Fault("ST", "x12_syntax", "The transaction set cannot be read"))
            return found
        found.code, found.control = message.code.strip(), message.control.strip()
        found.segments = message.segments[1:-1]
        trailer = message.segments[-1]
        if trailer.tag != "SE":
            found.segments = message.segments[1:]
        elif not found.faults:
            found.faults += _faults_of_trailer(trailer, len(message.segments), found.control)
        if any("\udc80" <= character <= "\udcff" for one in self._texts for character in one if not one.isascii()):
            found.faults.append(Fault("ST", "encoding", "The transaction set is not in UTF-8"))
        return found


def _faults_of_trailer(trailer: "Seg", counted: int, control: str) -> list[Fault]:
    stated, end = trailer.get(1).strip(), trailer.get(2).strip()
    if not _is_count(stated, counted):
        message = f"It states `{stated[:12]}` segments and {counted} came: some may be lost"
        return [Fault("SE01", "x12_count", message)]
    if not _same_control(end, control):
        return [Fault("SE02", "x12_control", f"The control number is `{end[:12]}`, that of ST02 is `{control[:12]}`")]
    return []


def _is_count(stated: str, counted: int) -> bool:
    return stated.isascii() and stated.isdigit() and len(stated) <= 10 and int(stated) == counted


def _same_control(one: str, other: str) -> bool:
    return one == other or (one.lstrip("0") == other.lstrip("0") and one != "" != other)
