"""Reads an X12 856 (ship notice, 004010 to 008010) as what is on its way: each shipment (HL S) is taken or not. Pure.

| X12 856 | what becomes of it |
|---|---|
| BSN01 00; 05; 01 | the notice is new; takes the place of the one before; is withdrawn, and its PRO numbers with it |
| BSN02 | `ship_notice.reference` |
| DTM 011, else BSN03 and BSN04 | `ship_notice.shipped_at` |
| HL03 S, T, O, P, I | shipment, tare, order, pack, item: what stands with one holds for all within it |
| TD502 2, TD503 | the carrier (TD5) |
| TD302 and TD303 | the trailer (TD3) |
| REF CN; REF BM | the PRO number; the bill of lading |
| PRF01 | the order's number |
| LIN01, or SN101 | `line` |
| LIN02 and on: IN, BP, SK; UP, EN, UK, UA, EO, GT; VP, VN, VA, VC | `sku`; `gtin`; `supplier_sku` |
| SN102, SN103 | `quantity`, `unit`; 0 is nothing that comes |
| CTT01, CTT02 | the number of HL segments or of items, the sum of SN102: both have to fit |

Each order gets the PRO number as over the API, with trailer and bill of lading, and what comes of its lines. An item is
a line of the order by its product, else by its number; one that is neither is refused, unless the order has no lines. A
notice that is sent twice changes nothing; with 00 it may not say something else than before.

Structure: HL02 names the HL above; SN1 stands with an item or a pack, PRF with an order. Sources: stedi.com/edi/
x12-004010/856; guides of Belk, 3M, Nordstrom and Shoe Carnival at stedi.com/app/guides and businessdocbox.com.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar, Final

from app.exchange import x12_codes as codes
from app.exchange import x12_status_codes as status_codes
from app.exchange.documents import Document, Fault, Kind, Place
from app.exchange.x12_segments import SegmentReader, written
from app.exchange.x12_sets import TransactionSet

PURPOSES: Final = frozenset({"00", "01", "05"})
ORDERS_MAX: Final = 500
"""Of one shipment: so many a delivery booking has, too."""

_LEVELS: Final = frozenset({"S", "T", "O", "P", "I"})
_REPEATS_THE_ORDER: Final = frozenset({"N1", "N2", "N3", "N4", "PER", "PID", "TD1", "PO4", "MAN", "MEA", "FOB", "PKG"})
"""Segments that repeat the order or say how goods are packed: what is kept here loses nothing by it."""

_Named = tuple[str, str]
"""A value, and where it stands."""


@dataclass(slots=True)
class _Level:
    """One HL: its code, the one above it, and what stands with it."""

    code: str
    above: "_Level | None"
    where: str
    document: Document
    said: dict[str, _Named] = field(default_factory=dict)
    order: dict[str, Any] | None = None
    position: int = 0
    item: dict[str, _Named] = field(default_factory=dict)
    has_quantity: bool = False

    def find(self, code: str) -> "_Level | None":
        """Return the nearest level with the code, this or above."""
        level: _Level | None = self
        while level is not None and level.code != code:
            level = level.above
        return level

    def nearest(self, name: str) -> _Named | None:
        """Return what is said by that name here or above."""
        level: _Level | None = self
        while level is not None:
            if name in level.said:
                return level.said[name]
            level = level.above
        return None


def notices_of(found: TransactionSet) -> list[Document]:
    """Return a document for each shipment of an 856; one for the whole set, where the set cannot be taken at all.

    `content`: `purpose`, `reference`, `shipped_at`, `shipment` and `shipments` (which of how many), and `orders` with
    `number`, `scac`, `pro_number`, `bol`, `trailer_number` and `lines`.
    """
    return _NoticeReader(found).read()


class _NoticeReader(SegmentReader):
    """One 856 on its way to documents: faults go to the document of the shipment that they are in."""

    def __init__(self, found: TransactionSet) -> None:
        self._head = Document(Kind.SHIP_NOTICE, found.line, faults=list(found.faults), size=found.length)
        super().__init__(self._head, found.component)
        self._found = found
        self._begun = False
        self._said: dict[str, Any] = {"purpose": "", "reference": "", "shipped_at": None}
        self._where: dict[str, str] = {}
        self._levels: dict[str, _Level] = {}
        self._level: _Level | None = None
        self._shipments: list[Document] = []
        self._items = 0
        self._sum = Decimal(0)

    def read(self) -> list[Document]:
        """Read every segment, then what only all of them can tell."""
        for segment in self._found.segments:
            self.at(segment)
            read = self._READERS.get(segment.tag)
            if (read is None or not read(self)) and segment.tag not in _REPEATS_THE_ORDER:
                self.skip()
        head = self._head
        if not self._begun:
            head.faults.append(Fault("BSN", "missing", "The set does not begin with BSN"))
        elif not self._shipments and not head.faults:
            head.faults.append(Fault("HL03", "missing", "It has no shipment, HL with S"))
        head.reference = self._said["reference"] or None
        self.document = head
        self.note_skipped()
        if head.faults:
            return [head]
        for level in self._levels.values():
            self._complete(level)
        for place, document in enumerate(self._shipments, start=1):
            self._finish(document, place)
        return self._shipments

    def _finish(self, document: Document, place: int) -> None:
        content = document.content
        shipped = content.pop("shipped", self._said["shipped_at"])
        content |= {**self._said, "shipped_at": shipped, "shipment": place, "shipments": len(self._shipments)}
        document.places = {**{(name,): where for name, where in self._where.items()}, **document.places}
        document.fingerprint = hashlib.sha256(self._found.digest + place.to_bytes(4)).digest()
        document.reference = self._head.reference
        document.notes += self._head.notes
        orders = content["orders"]
        document.number = orders[0]["number"] if len(orders) == 1 else None
        # A problem with the notice as a whole is told of its reference.
        document.places[("number",)] = document.places[("orders", 0, "number")] if len(orders) == 1 else "BSN02"
        if not orders and not document.faults and content["purpose"] != "01":
            document.faults.append(
                Fault(document.places[("shipment",)], "missing", "The shipment has no order, HL with O")
            )
        if len(orders) > ORDERS_MAX:
            message = f"A shipment has at most {ORDERS_MAX} orders, this one has {len(orders)}"
            document.faults.append(Fault(document.places[("shipment",)], "too_long", message))

    def _complete(self, level: _Level) -> None:
        """Give an order what stands above it, and refuse what it lacks."""
        if level.code == "I" and not level.has_quantity:
            level.document.faults.append(
                Fault(level.where, "missing", "The item has no SN1: nobody knows how much comes")
            )
        if level.code != "O":
            return
        order, document = level.order, level.document
        if order is None:
            document.faults.append(Fault(level.where, "missing", "The order has no PRF01, its number"))
            return
        for name, place in (("scac", "TD503"), ("pro_number", "REF02 with CN")):
            if level.nearest(name) is None and self._said["purpose"] != "01":
                message = f"Neither the order nor its shipment has {place}"
                document.faults.append(Fault(level.where, "missing", message))
        for name in ("scac", "pro_number", "bol", "trailer_number"):
            said = level.nearest(name)
            if said is not None:
                order[name], document.places[("orders", level.position, name)] = said

    def _bsn(self) -> bool:
        if self._begun:
            self.refuse(None, "x12_repeated", "A second BSN in one transaction set")
        self._begun = True
        purpose = self.text(1)
        if purpose not in PURPOSES:
            meant = codes.PURPOSES.get(purpose, "unknown")
            self.refuse(1, "x12_purpose", f"The purpose `{purpose[:4]}` ({meant}) is not that of a notice")
        reference = self.text(2)
        if not reference:
            self.refuse(2, "missing", "The element is empty")
        self._said |= {"purpose": purpose, "reference": reference}
        self._where |= {"purpose": self.named(1), "reference": self.named(2), "shipped_at": self.named(3)}
        moment = self.clock_time(3)
        self._said["shipped_at"] = None if moment is None else written(moment)
        return True

    def _dtm(self) -> bool:
        if self.text(1) != "011" or (self._level is not None and self._level.code != "S"):
            return False
        local = self.clock_time(2)
        if local is None:
            return bool(self.text(2))
        try:
            moment = status_codes.in_utc(local, self.text(4).upper())
        except OverflowError:
            moment = None
        if moment is None:
            self.refuse(4, "x12_time_code", f"The time zone `{self.text(4)[:4]}` is not known")
        elif self._level is None:
            self._said["shipped_at"], self._where["shipped_at"] = written(moment), self.named(2)
        else:
            self._level.document.content["shipped"] = written(moment)
            self.place(("shipped_at",), 2)
        return True

    def _hl(self) -> bool:
        name, above_name, code = self.text(1), self.text(2), self.text(3)
        above = self._levels.get(above_name)
        # Faults of the hierarchy leave open what belongs to what: the set is refused.
        self.document = self._head
        self._level = None
        faults = len(self._head.faults)
        if not name or name in self._levels:
            self.refuse(1, "x12_hierarchy", f"`{name[:12]}` is no number of an HL that has none yet")
        if code not in _LEVELS:
            self.refuse(3, "x12_level", f"The level `{code[:4]}` is none of S, T, O, P and I")
        elif above is None and (code != "S" or above_name not in {"", "0"}):
            self.refuse(2, "x12_hierarchy", f"There is no HL `{above_name[:12]}` above it")
        elif code == "S" and above is not None:
            self.refuse(2, "x12_hierarchy", "A shipment stands above everything")
        elif above is not None and code == "O" and above.find("O") is not None:
            self.refuse(2, "x12_hierarchy", "An order stands within another")
        elif above is not None and code == "I" and above.find("O") is None:
            self.refuse(2, "x12_hierarchy", "The item belongs to no order")
        if len(self._head.faults) == faults:
            self._begin_level(name, code, above)
        return True

    def _begin_level(self, name: str, code: str, above: _Level | None) -> None:
        if above is None:
            self.document = Document(Kind.SHIP_NOTICE, self._found.line, content={"orders": []})
            self.document.size = 0 if self._shipments else self._found.length
            self._shipments.append(self.document)
            self.place(("shipment",), None)
        else:
            self.document = above.document
        self._level = _Level(code, above, self.named(None), self.document)
        self._levels[name] = self._level

    def _td5(self) -> bool:
        if self.text(2) == "2" and self.text(3):
            return self._say("scac", self.text(3).upper(), 3)
        return False

    def _td3(self) -> bool:
        trailer = self.text(2) + self.text(3)
        return bool(trailer) and self._say("trailer_number", trailer, 3)

    def _ref(self) -> bool:
        name = {"CN": "pro_number", "BM": "bol"}.get(self.text(1))
        if name is None or not self.text(2):
            return False
        return self._say(name, self.text(2), 2)

    def _say(self, name: str, value: str, element: int) -> bool:
        """Note what stands with a shipment, a tare or an order; of a pack it is another number."""
        level = self._level
        if level is None or level.code not in {"S", "T", "O"}:
            return False
        if name in level.said and level.said[name][0] != value:
            self.refuse(element, "x12_ambiguous", f"`{level.said[name][0][:30]}` was said before: which is meant?")
        level.said.setdefault(name, (value, self.named(element)))
        return True

    def _prf(self) -> bool:
        level = self._level
        if level is None and self._head.faults:
            # It belongs to an HL that was refused.
            return True
        if level is None or level.code != "O":
            self.refuse(None, "x12_order", "PRF stands with no order, HL with O")
            return True
        if level.order is not None:
            self.refuse(1, "x12_repeated", "A second PRF of one order")
        number = self.text(1)
        if not number:
            self.refuse(1, "missing", "The element is empty")
        orders = self.document.content["orders"]
        level.order, level.position = {"number": number, "lines": []}, len(orders)
        orders.append(level.order)
        self.place(("orders", level.position, "number"), 1)
        return True

    def _lin(self) -> bool:
        if self._level is None or self._level.code not in {"I", "P"}:
            return False
        if self._level.has_quantity:
            self.refuse(None, "x12_order", "LIN stands behind the SN1 of its item")
        item = self._level.item
        if self.text(1):
            item["line"] = self.text(1), self.named(1)
        for element in range(2, 31, 2):
            name = codes.PRODUCT_IDS.get(self.text(element))
            if name is not None and self.text(element + 1):
                item.setdefault(name, (self.text(element + 1), self.named(element + 1)))
        return True

    def _sn1(self) -> bool:
        level = self._level
        within = None if level is None else level.find("O")
        if level is None or within is None or level.code not in {"I", "P"}:
            # Where an HL was refused, it belongs to that.
            if level is not None or not self._head.faults:
                self.refuse(None, "x12_order", "SN1 stands with no item of an order")
            return True
        if level.code == "P" and level.find("I") is not None:
            # How an item is packed, whose quantity was said.
            return False
        if level.has_quantity:
            self.refuse(None, "x12_repeated", "A second SN1 of one item")
        level.has_quantity = True
        self._items += 1
        if not self.text(2):
            self.refuse(2, "missing", "The element is empty")
        quantity = self.decimal(2) or Decimal(0)
        self._sum += quantity
        if quantity == 0:
            self.skip(2, "0")
        elif within.order is not None:
            self._begin_line(level, within.order["lines"], ("orders", within.position, "lines"))
        return True

    def _begin_line(self, level: _Level, lines: list[dict[str, Any]], where: Place) -> None:
        if self.text(1) and "line" not in level.item:
            level.item["line"] = self.text(1), self.named(1)
        said = {**level.item, "quantity": (self.text(2).removeprefix("+"), self.named(2))}
        if self.text(3):
            said["unit"] = self.text(3), self.named(3)
        where = (*where, len(lines))
        lines.append({name: value for name, (value, _) in said.items()})
        self.place(where, 2)
        self.document.places |= {(*where, name): place for name, (_, place) in said.items()}

    def _ctt(self) -> bool:
        # What stands behind it belongs to no HL.
        self.document, self._level = self._head, None
        stated = self.text(1)
        counts = {len(self._levels), self._items}
        if not (stated.isascii() and stated.isdigit() and len(stated) <= 10 and int(stated) in counts):
            message = (
                f"It states `{stated[:12]}`; {len(self._levels)} HL and {self._items} items came: some may be lost"
            )
            self.refuse(1, "x12_count", message)
        total = self.decimal(2)
        if total is not None and total != self._sum:
            self.refuse(2, "x12_hash_total", f"It states a sum of {total}, and {self._sum} came: some may be lost")
        return True

    _READERS: ClassVar[Mapping[str, Callable[..., bool]]] = {
        "BSN": _bsn,
        "DTM": _dtm,
        "HL": _hl,
        "TD5": _td5,
        "TD3": _td3,
        "REF": _ref,
        "PRF": _prf,
        "LIN": _lin,
        "SN1": _sn1,
        "CTT": _ctt,
    }
