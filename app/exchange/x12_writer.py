"""Writes orders as X12 005010: 850 purchase orders and 855 acknowledgements that give the same orders back. Pure.

An interchange holds some orders, and its delimiters are characters that none of them holds: nothing has to be left out
or replaced. What an 850 has no place for, or shortens, follows in `N9*ZZ*PO-REGISTRY` with MTX, in JSON: it is what the
reader of `x12_850` does not give back from the other segments.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from app.exchange import x12_codes as codes
from app.exchange.acknowledged_lines import lines_of, says_the_same
from app.exchange.documents import Refused, content_of_order, without_empty
from app.exchange.x12_850 import order_of
from app.exchange.x12_855 import acknowledgement_of
from app.exchange.x12_segments import EXACT
from app.exchange.x12_sets import TransactionSet
from app.orders.acknowledgement_rules import AcknowledgementDecision, AcknowledgementReason, line_status

Segment = tuple[str, ...]
"""The tag and the elements after it; empty ones at the end are not written."""

_ROLES: Final = {"buyer": "BY", "bill_to": "BT", "seller": "SE", "ship_to": "ST"}
_PRODUCTS: Final = {"sku": "IN", "gtin": "GTIN", "supplier_sku": "VN"}
_GTINS: Final = {8: "UP", 12: "UP", 13: "EN", 14: "UK"}
_CODE_OF_TAX: Final = {name: code for code, name in codes.TAXES.items()}
_DATES_WRITTEN: Final = frozenset({"037", "038", "064", "063", "007", "001"})
_MTX_LENGTH: Final = 2_000
_ONE_LINE: Final = dict.fromkeys(map(ord, "\t\r\n"), " ")
"""No element holds a line break: what is read back must not either."""


def interchange(code: str, orders: Sequence[Mapping[str, Any]], control: int, written_at: datetime) -> str:
    """Return an interchange of orders as the API shows them: `code` is 850 or 855, `control` counts interchanges."""
    from mockedi.envelope import Delimiters  # noqa: PLC0415 - as in `x12_sets`

    body_of: Callable[[Mapping[str, Any]], list[Segment]] = _850 if code == "850" else _855
    sets = [body_of(order) for order in orders]
    used = set().union(*(set(element) for body in sets for segment in body for element in segment))
    marks = Delimiters(
        segment=_free("~\x1c", used), element=_free("*|\x1d", used), component=_free(">\x1f", used), repetition="^"
    )
    day, time, number = written_at.strftime("%Y%m%d"), written_at.strftime("%H%M"), str(control)
    isa = ("ISA", "00", " " * 10, "00", " " * 10, "ZZ", f"{EXACT:15}", "ZZ", f"{'PARTNER':15}", day[2:], time)
    written = [
        (*isa, _free("^\x1e", used), "00501", f"{control:09}", "0", "P", marks.component),
        ("GS", "PO" if code == "850" else "PR", EXACT, "PARTNER", day, time, number, "X", "005010"),
    ]
    for place, body in enumerate(sets, start=1):
        written += [("ST", code, f"{place:04}"), *body, ("SE", str(len(body) + 2), f"{place:04}")]
    written += [("GE", str(len(sets)), number), ("IEA", "1", f"{control:09}")]
    # A line for each segment: the terminator ends it, and people can read it.
    return "".join(f"{_joined(segment, marks.element)}{marks.segment}\n" for segment in written)


def _free(candidates: str, used: set[str]) -> str:
    """Return the first that is not used; the last is a control character, which no text of an order holds."""
    return next((one for one in candidates if one not in used), candidates[-1])


def _joined(segment: Segment, element: str) -> str:
    last = max(place for place, value in enumerate(segment) if value)
    return element.join(segment[: last + 1])


def _850(order: Mapping[str, Any]) -> list[Segment]:
    content = content_of_order(order)
    segments = [tuple(element.translate(_ONE_LINE) for element in segment) for segment in _body(order, content)]
    read = without_empty(_read_back(segments))
    unsaid = {name: content.get(name) for name in content if content.get(name) != read.get(name)}
    unsaid |= {name: None for name in read if name not in content and name not in {"number", "metadata"}}
    if content.get("metadata", {}) != read.get("metadata", {}):
        unsaid["metadata"] = content.get("metadata", {})
    place = next((at for at, segment in enumerate(segments) if segment[0] in {"N1", "PO1", "CTT"}), len(segments))
    return segments[:place] + list(_exact(unsaid)) + segments[place:]


def _body(order: Mapping[str, Any], content: Mapping[str, Any]) -> list[Segment]:
    metadata = content.get("metadata", {})
    kind = metadata.get("order_type", "SA")
    ordered = _date(metadata.get("order_date", "")) or str(order.get("issued_at") or order["created_at"])[:10]
    segments: list[Segment] = [("BEG", "00", _clipped(kind, 2), order["number"], "", ordered.replace("-", ""))]
    if "currency" in content:
        segments.append(("CUR", "BY", content["currency"]))
    segments += _references(content)
    if "requested_by" in content:
        segments.append(("PER", "BD", _clipped(content["requested_by"], 60)))
    if "freight_terms" in content:
        segments.append(("FOB", "DF", "ZZ", _clipped(content["freight_terms"], 80)))
    if "payment_terms" in content:
        segments.append(("ITD", "ZZ", *[""] * 10, _clipped(content["payment_terms"], 80)))
    segments += _dates(content)
    for name, role in _ROLES.items():
        segments += _party(role, content.get(name))
    for forwarder in content.get("forwarders", ()):
        segments += _party("FW", forwarder)
    quantities = Decimal(0)
    # As buyer and seller know them: after a change the numbers may have holes.
    numbers = [line.get("line", at) for at, line in enumerate(order.get("lines", ()), start=1)]
    for number, line in zip(numbers, content.get("lines", ()), strict=True):
        quantities += Decimal(line["quantity"])
        segments += _line(number, line)
    total = f"{quantities:f}"
    count = str(len(content.get("lines", ())))
    return [*segments, ("CTT", count, total if len(total.replace(".", "")) <= 10 else "")]


def _date(text: str) -> str | None:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return None


def _references(content: Mapping[str, Any]) -> Iterable[Segment]:
    if "reference" in content:
        yield "REF", "CO", _clipped(content["reference"], 50)
    for name in ("cost_center", "category", "location", "activate_by"):
        if name in content:
            yield "REF", "ZZ", _clipped(content[name], 50), name
    for method in content.get("payment_methods", ()):
        yield "REF", "ZZ", _clipped(method, 50), "payment_method"
    for reference in content.get("references", ()):
        kind = reference["type"]
        if 2 <= len(kind) <= 3 and kind.isascii() and kind.isalnum() and kind.isupper() and kind not in {"CO", "ZZ"}:
            yield "REF", kind, _clipped(reference["value"], 50)
        else:
            yield "REF", "ZZ", _clipped(reference["value"], 50), _clipped(kind, 80)


def _dates(content: Mapping[str, Any]) -> Iterable[Segment]:
    for code, place in codes.DATES.items():
        if code not in _DATES_WRITTEN:
            continue
        value: Any = content
        for name in place:
            value = value.get(name, {}) if isinstance(value, Mapping) else {}
        if isinstance(value, str):
            yield _moment(code, value)


def _moment(code: str, value: str) -> Segment:
    digits = "".join(character for character in value[:19] if character.isdigit())
    return "DTM", code, digits[:8], digits[8:14], "UT"


def _party(role: str, party: Mapping[str, Any] | None) -> Iterable[Segment]:
    if party is None:
        return
    identified = ("UL", party["gln"]) if "gln" in party and "code" not in party else ("92", party.get("code", ""))
    yield "N1", role, _clipped(party.get("name", ""), 60), *(identified if identified[1] else ())
    address = party.get("address", {})
    street = [_clipped(line, 55) for line in address.get("street", ())]
    for at in range(0, len(street), 2):
        yield "N3", *street[at : at + 2]
    if address.keys() - {"street"}:
        limits = {"city": 30, "region": 30, "postal_code": 15, "country": 3}
        yield "N4", *(_clipped(address.get(name, ""), limit) for name, limit in limits.items())
    if "organisation_id" in party:
        yield "REF", "ZZ", party["organisation_id"], "organisation_id"
    if "phone" in party:
        yield "PER", "IC", "", "TE", _clipped(party["phone"], 40)


def _line(number: int, line: Mapping[str, Any]) -> Iterable[Segment]:
    products: list[str] = []
    for name, qualifier in _PRODUCTS.items():
        if name in line:
            products += [_GTINS[len(line[name])] if name == "gtin" else qualifier, _clipped(line[name], 80)]
    yield "PO1", str(number), line["quantity"], line["unit"], line.get("unit_price", ""), "", *products
    if "description" in line:
        yield "PID", "F", "", "", "", _clipped(line["description"], 80)
    if "tax" in line:
        kind = line["tax"].get("type", "")
        yield "TXI", _CODE_OF_TAX.get(kind, "ZZ"), "", f"{(Decimal(line['tax']['rate']) / 100).normalize():f}"


def _exact(unsaid: Mapping[str, Any]) -> Iterable[Segment]:
    for name, value in sorted(unsaid.items()):
        # No space: where a value is cut, one at the end would be taken for filling.
        text = json.dumps(value, separators=(",", ":")).replace(" ", "\\u0020")
        yield "N9", "ZZ", EXACT, name
        for at in range(0, len(text), _MTX_LENGTH):
            yield "MTX", "", text[at : at + _MTX_LENGTH]


def _read_back(segments: Sequence[Segment]) -> dict[str, Any]:
    return order_of(_as_set("850", segments)).content


def _as_set(code: str, segments: Sequence[Segment]) -> TransactionSet:
    from mockedi.envelope import Seg  # noqa: PLC0415 - as in `x12_sets`

    return TransactionSet(0, code, segments=[Seg(segment[0], list(segment[1:])) for segment in segments])


def _855(order: Mapping[str, Any]) -> list[Segment]:
    said = order["acknowledgement"]
    decided = {line["line"]: line["decisions"] for line in said["lines"]}
    parts = [part for of_line in decided.values() for part in of_line]
    plain = all(part["decision"] == "accepted" and not part.get("reason") for part in parts)
    day = str(said["acknowledged_at"])[:10].replace("-", "")
    issued = str(order.get("issued_at") or order["created_at"])[:10].replace("-", "")
    head: list[Segment] = [("BAK", "00", "AD" if plain else "AC", order["number"], issued, "", "", "", "", day)]
    head.append(("REF", "PP", str(said["revision"])))
    for qualifier, name in (("CT", "contract_number"), ("IV", "invoice_number")):
        if said[name]:
            head.append(("REF", qualifier, said[name].translate(_ONE_LINE)))
    content = content_of_order(order)
    parties = [
        segment
        for name, role in (("buyer", "BY"), ("seller", "SE"), ("ship_to", "ST"))
        for segment in list(_party(role, content.get(name)))[:1]
    ]
    lines: list[Segment] = []
    for shown, line in zip(order["lines"], content.get("lines", ()), strict=True):
        lines += [segment for segment in _line(shown["line"], line) if segment[0] == "PO1"]
        whole = [{"decision": "accepted", "quantity": line["quantity"]}]
        for part in decided.get(shown["line"], whole):
            lines += _part(part, line["unit"])
    count = ("CTT", str(len(order["lines"])))
    return [*head, *_exact(_unsaid([*head, *lines, count], order)), *parties, *lines, count]


def _part(part: Mapping[str, Any], unit: str) -> Iterable[Segment]:
    """Yield ACK, and DTM for the dates: ACK itself has room for one, without a time."""
    reason = part.get("reason")
    status = line_status(
        AcknowledgementDecision(part["decision"]), None if reason is None else AcknowledgementReason(reason)
    )
    yield "ACK", status, str(part["quantity"]), unit
    for code, name in (("068", "scheduled_ship_date"), ("067", "scheduled_delivery_date")):
        if part.get(name):
            yield _moment(code, part[name])


def _unsaid(segments: Sequence[Segment], order: Mapping[str, Any]) -> dict[str, Any]:
    """Return what reading the segments does not give back of the order's acknowledgement."""
    said = order["acknowledgement"]
    ordered = {line["line"]: Decimal(line["quantity"]) for line in order["lines"]}
    read = acknowledgement_of(_as_set("855", segments)).content
    unsaid = {name: said[name] for name in ("contract_number", "invoice_number") if read.get(name) != said[name]}
    try:
        known = says_the_same(lines_of(read, ordered, {}), said["lines"], ordered)
    except Refused:
        known = False
    return unsaid if known else {**unsaid, "lines": said["lines"]}


def _clipped(text: str, limit: int) -> str:
    return _clean(text)[:limit].strip()


def _clean(text: str) -> str:
    return " ".join(text.split())
