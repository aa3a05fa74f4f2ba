"""Reads an X12 850 (purchase order, 004010 to 008010) as an order: which element is which field. Pure.

| X12 | field |
|---|---|
| BEG01 | 00, 06 or 07; others change or replace orders and are refused |
| BEG02, other than SA | `metadata.order_type` |
| BEG03 | `number` |
| BEG04; BEG05; BEG06 | `references` `release_number`; `metadata.order_date`; `references` `contract_number` |
| CUR02 | `currency` |
| REF CO | `reference` |
| REF ZZ, REF03 `cost_center`, `category`, `location`, `activate_by`, `payment_method` | that field |
| REF ZZ, REF03 any other | `references` of the type REF03 |
| REF, other qualifiers | `references` of the type REF01 |
| PER BD | `requested_by` |
| FOB01; FOB03, FOB05, FOB07 | `freight_terms` in words |
| ITD12, or ITD03, ITD05 and ITD07 | `payment_terms` |
| DTM 037 and 038, or 010 for a day | `ship_window` |
| DTM 064 and 063, or 002 for a day | `delivery_window` |
| DTM 007; 001 or 036 | `valid_from`; `expires_at` |
| N1 BY or BO, BT, SE or SU or VN, ST, FW | `buyer`, `bill_to`, `seller`, `ship_to`, `forwarders` |
| N102; N103 UL, 91 or 92 or 93 and N104 | `name`; `gln`, `code` |
| N301 and N302; N401 to N404; PER04 TE | `address`; `phone` |
| PO101 | nothing: lines count from 1, and the notes say where it does not |
| PO102, PO103, PO104 | `quantity`, `unit`, `unit_price` |
| PO106 and on: IN, BP, SK; UP, EN, UK, UA, EO, GT; VP, VN, VA, VC | `sku`; `gtin`; `supplier_sku` |
| PID F, PID05 | `description` |
| TXI01, TXI03 | `tax` |
| CTT01, CTT02 | the number of lines, the sum of quantities: both have to fit |
| N9 ZZ `PO-REGISTRY`, N903, MTX02 | a field exactly as an export of this service has it, in JSON |

A DTM without time zone is in UTC; without a time it is the whole day. Segments that are not in the table are named in
the `notes` of the report.
"""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Final

from app.exchange import x12_codes as codes
from app.exchange.documents import ORDER_FIELDS, Document, Fault, Kind, without_empty
from app.exchange.x12_segments import EXACT, SegmentReader
from app.exchange.x12_sets import TransactionSet

if TYPE_CHECKING:
    from mockedi.envelope import Seg

_PER_UNIT: Final = frozenset(
    {"", "CA", "CP", "CT", "EA", "LE", "NT", "PE", "PR", "QE", "QT", "RE", "TE", "UM", "WE", "WH"}
)
"""Basis of Unit Price (element 639) by which PO104 is the price of one unit of PO103."""


def order_of(found: TransactionSet) -> Document:
    """Return the order that an 850 is; its faults name segment and element."""
    reader = OrderReader(found, Kind.ORDER)
    reader.read("BEG03")
    return reader.document


class OrderReader(SegmentReader):
    """One 850 on its way to a document, or a set that says the same things of an order."""

    def __init__(self, found: TransactionSet, kind: Kind) -> None:
        super().__init__(Document(kind, found.line, faults=list(found.faults), size=found.length), found.component)
        self._segments = found.segments
        self._content = self.document.content
        self._party: dict[str, Any] | None = None
        self._exact_name: str | None = None
        self._exact: dict[str, list[str]] = {}
        self._windows: dict[str, str] = {}
        self._quantities = Decimal(0)

    def read(self, number: str) -> None:
        """Read every segment, then what only all of them can tell; `number` is the element that has the order's."""
        for segment in self._segments:
            self.at(segment)
            if segment.tag != "MTX":
                self._exact_name = None if segment.tag != "N9" else self._exact_name
            read = self._READERS.get(segment.tag)
            if read is None or not read(self, segment):
                self.skip()
        self.document.number = self._content.get("number")
        if self.document.number is None and not any(fault.place.startswith(number) for fault in self.document.faults):
            self.document.faults.append(Fault(number, "unidentified", "The order has no number"))
        self._read_exact()
        self.document.content = without_empty(self._content)
        self.document.reference = self._content.get("reference")
        self.note_skipped()

    @property
    def _line(self) -> dict[str, Any] | None:
        lines = self._content.get("lines")
        return lines[-1] if lines else None

    def _beg(self, segment: "Seg") -> bool:
        if "number" in self._content:
            self.refuse(None, "x12_repeated", "A second BEG in one transaction set")
        purpose = self.text(1)
        if purpose not in {"00", "06", "07"}:
            meant = codes.PURPOSES.get(purpose, "unknown")
            self.refuse(1, "x12_purpose", f"The purpose `{purpose[:4]}` ({meant}) is not that of a new order")
        order_type = self.text(2)
        if order_type not in {"", "SA"}:
            self._metadata("order_type", order_type)
        self.put(("number",), 3, required=True)
        for name, element in (("release_number", 4), ("contract_number", 6)):
            self._reference(name, self.text(element))
        date = self.date(5)
        if date is not None:
            self._metadata("order_date", date)
        return True

    def _cur(self, segment: "Seg") -> bool:
        self.put(("currency",), 2, required=True)
        return True

    def _ref(self, segment: "Seg") -> bool:
        qualifier, value, name = self.text(1), self.text(2) or self.text(3), self.text(3)
        if self._party is not None and self._line is None:
            if qualifier == "ZZ" and name == "organisation_id":
                self._party["organisation_id"] = value
                return True
            return False
        if self._line is not None:
            return False
        if qualifier == "CO":
            self.put(("reference",), 2)
        elif qualifier == "ZZ" and name == "payment_method":
            self._content.setdefault("payment_methods", []).append(value)
        elif qualifier == "ZZ" and name in {"cost_center", "category", "location", "activate_by"}:
            self._content[name] = value
            self.place((name,), 2)
        else:
            self._reference(name if qualifier == "ZZ" and self.text(2) and name else qualifier, value)
        return True

    def _per(self, segment: "Seg") -> bool:
        if self._line is not None:
            return False
        if self._party is not None:
            for number in (3, 5, 7):
                if self.text(number) == "TE" and "phone" not in self._party:
                    self._party["phone"] = self.text(number + 1)
                    return True
            return False
        if self.text(1) == "BD" and self.text(2) and "requested_by" not in self._content:
            self.put(("requested_by",), 2)
            return True
        return False

    def _fob(self, segment: "Seg") -> bool:
        if "freight_terms" in self._content or self._line is not None:
            return False
        paid = "" if self.text(1) == "DF" else codes.SHIPMENT_PAYMENT.get(self.text(1), self.text(1))
        place = self.text(3) or self.text(7)
        terms = " ".join(part for part in (self.text(5), place) if part)
        self._content["freight_terms"] = ", ".join(part for part in (paid, terms) if part)
        self.place(("freight_terms",), 1)
        return True

    def _itd(self, segment: "Seg") -> bool:
        if "payment_terms" in self._content:
            return False
        discount, within, net = self.text(3), self.text(5), self.text(7)
        words = [f"{discount}% {within} days" if discount and within else "", f"net {net} days" if net else ""]
        self._content["payment_terms"] = self.text(12) or ", ".join(word for word in words if word)
        self.place(("payment_terms",), 12)
        return True

    def _dtm(self, segment: "Seg") -> bool:
        place = codes.DATES.get(self.text(1))
        if place is None or self._line is not None:
            return False
        moment = self.moment(2, ends=place in codes.ENDS)
        if moment is None:
            return True
        if place == ("expires_at",) and "expires_at" in self._content:
            return False
        if place[-1] == "day":
            window = self._content.setdefault(place[0], {})
            window.setdefault("start", moment)
            window.setdefault("end", self.moment(2, ends=True))
        elif len(place) == 2:
            self._content.setdefault(place[0], {})[place[1]] = moment
        else:
            self._content[place[0]] = moment
        self.place(place[:1], 2)
        return True

    def _n1(self, segment: "Seg") -> bool:
        role = codes.PARTIES.get(self.text(1))
        party: dict[str, Any] = {"name": self.text(2)}
        # A party that has no place here takes its address and contacts with it.
        self._party = party
        if role is None or self._line is not None:
            return False
        if role == "forwarders":
            forwarders = self._content.setdefault("forwarders", [])
            forwarders.append(party)
            self.place(("forwarders", len(forwarders) - 1), 1)
        elif role in self._content:
            return False
        else:
            self._content[role] = party
            self.place((role,), 1)
        if self.text(4):
            party["gln" if self.text(3) == "UL" else "code"] = self.text(4)
        return True

    def _n2(self, segment: "Seg") -> bool:
        return False

    def _n3(self, segment: "Seg") -> bool:
        if self._party is None or self._line is not None:
            return False
        street = self._party.setdefault("address", {}).setdefault("street", [])
        street += [line for line in (self.text(1), self.text(2)) if line]
        return True

    def _n4(self, segment: "Seg") -> bool:
        if self._party is None or self._line is not None:
            return False
        address = self._party.setdefault("address", {})
        for name, element in (("city", 1), ("region", 2), ("postal_code", 3), ("country", 4)):
            if self.text(element):
                address[name] = self.text(element)
        return True

    def _n9(self, segment: "Seg") -> bool:
        if self.text(1) == "ZZ" and self.text(2) == EXACT and self.text(3):
            self._exact_name = self.text(3)
            return True
        self._exact_name = None
        return False

    def _mtx(self, segment: "Seg") -> bool:
        if self._exact_name is None:
            return False
        # Not stripped: a value may be cut at a space.
        self._exact.setdefault(self._exact_name, []).append(self.raw(2))
        return True

    def _po1(self, segment: "Seg") -> bool:
        where = self._begin_line()
        if self.text(1) and self.text(1).lstrip("0") != str(where[1] + 1):
            self.skip(1)
        self.put((*where, "quantity"), 2, required=True)
        self._read_line(segment, where, quantity=2, unit=3)
        return True

    def _begin_line(self) -> tuple[str, int]:
        lines = self._content.setdefault("lines", [])
        lines.append({})
        self._party = None
        where = ("lines", len(lines) - 1)
        self.place(where, 1)
        return where

    def _read_line(self, segment: "Seg", where: tuple[str, int], *, quantity: int, unit: int) -> Decimal | None:
        """Read the unit and what follows it: price, basis of it, products; return the quantity in its element."""
        line = self._content["lines"][where[1]]
        ordered = self.decimal(quantity)
        self._quantities += ordered or 0
        self.put((*where, "unit"), unit)
        self.put((*where, "unit_price"), unit + 1)
        if self.text(unit + 1) and self.text(unit + 2) not in _PER_UNIT:
            price_of = self.text(unit + 2)[:4]
            self.refuse(unit + 2, "x12_price_basis", f"The price is not that of one unit (`{price_of}`)")
        for element in range(unit + 3, segment.width, 2):
            name = codes.PRODUCT_IDS.get(self.text(element))
            if name is not None and name not in line:
                self.put((*where, name), element + 1)
            elif self.text(element + 1):
                self.skip(what=self.text(element)[:2])
        return ordered

    def _pid(self, segment: "Seg") -> bool:
        line = self._line
        if line is None or not self.text(5):
            return False
        line["description"] = f"{line['description']} {self.text(5)}" if "description" in line else self.text(5)
        self.place(("lines", len(self._content["lines"]) - 1, "description"), 5)
        return True

    def _txi(self, segment: "Seg") -> bool:
        line = self._line
        if line is None or "tax" in line or not self.text(3):
            return False
        rate = self.decimal(3)
        if rate is not None:
            line["tax"] = {"type": codes.TAXES.get(self.text(1), self.text(1)), "rate": _plain(rate * 100)}
        self.place(("lines", len(self._content["lines"]) - 1, "tax"), 3)
        return True

    def _ctt(self, segment: "Seg") -> bool:
        self.check_lines(len(self._content.get("lines", ())))
        total = self.decimal(2)
        if total is not None and total != self._quantities:
            self.refuse(2, "x12_hash_total", f"The quantities add up to {self._quantities}, not to {total}")
        return True

    def _read_exact(self) -> None:
        for name, parts in self._exact.items():
            try:
                value = json.loads("".join(parts))
            except (ValueError, RecursionError):
                value = None
                self.document.faults.append(Fault(f"MTX02 after N9 {EXACT}", "json", f"{name[:40]} is no JSON"))
            if name in ORDER_FIELDS:
                self._content[name] = value
            else:
                self.document.faults.append(Fault(f"N903 of N9 {EXACT}", "unknown_field", f"`{name[:40]}` is no field"))

    def _reference(self, name: str, value: str) -> None:
        if value:
            references = self._content.setdefault("references", [])
            references.append({"type": name, "value": value})
            self.place(("references", len(references) - 1), 2)

    def _metadata(self, name: str, value: str) -> None:
        self._content.setdefault("metadata", {})[name] = value

    _READERS: ClassVar[Mapping[str, Callable[..., bool]]] = {
        "BEG": _beg,
        "CUR": _cur,
        "REF": _ref,
        "PER": _per,
        "FOB": _fob,
        "ITD": _itd,
        "DTM": _dtm,
        "N1": _n1,
        "N2": _n2,
        "N3": _n3,
        "N4": _n4,
        "N9": _n9,
        "MTX": _mtx,
        "PO1": _po1,
        "PID": _pid,
        "TXI": _txi,
        "CTT": _ctt,
    }


def _plain(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
