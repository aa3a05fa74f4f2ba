"""What an 860 makes of an order's content: a JSON merge patch, as `PATCH` takes it. Pure: no I/O.

The meaning of its codes heads `x12_860`. What cannot be meant of the order as it is, is refused, all of it.
"""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from app.exchange.documents import LINE_FIELDS, PARTIES, Place, Refused

_LISTS: Final = ("payment_methods", "forwarders")
_PLAIN: Final = (
    *("reference", "requested_by", "currency", "payment_terms", "freight_terms", "cost_center", "category", "location"),
    *("activate_by", "valid_from", "expires_at", "ship_window", "delivery_window", "metadata"),
)
_IDENTIFIERS: Final = ("organisation_id", "code", "gln")

_MAY_CHANGE: Final[Mapping[str, frozenset[str]]] = {
    "NC": frozenset(),
    "QD": frozenset({"quantity"}),
    "QI": frozenset({"quantity"}),
    "PC": frozenset({"unit_price"}),
    "PQ": frozenset({"quantity", "unit_price"}),
    "CA": frozenset(LINE_FIELDS),
}
"""Which fields of a line each code changes; what else is said of it has to be as it is."""

_PRODUCT: Final = ("sku", "gtin", "supplier_sku")
_HELD_AGAINST: Final[Mapping[str, tuple[str, ...]]] = {
    "AI": (),
    "RZ": (),
    "DI": _PRODUCT,
    **dict.fromkeys(_MAY_CHANGE, (*_PRODUCT, "quantity", "unit", "unit_price")),
}
"""What is held against the line as it is: no description, since X12 shortens it; of what is deleted the product."""

_NEEDS: Final[Mapping[str, frozenset[str]]] = {
    "AI": frozenset({"quantity"}),
    "RZ": frozenset({"quantity"}),
    "QD": frozenset({"quantity"}),
    "QI": frozenset({"quantity"}),
    "PC": frozenset({"unit_price"}),
    "PQ": frozenset({"quantity", "unit_price"}),
}


def patch_of(said: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[dict[str, Any], list[int | None]]:
    """Return the patch, and for each of its lines which line of the 860 it comes from; None where from none.

    `said` is what the 860 says (`x12_860.change_of`), `now` what the order says. Raises Refused.
    """
    patch = {name: said[name] for name in (*_PLAIN, *_LISTS) if name in said}
    for party in PARTIES:
        if party in said:
            patch[party] = _party(said[party], now.get(party) or {})
    if "references" in said:
        given = {reference["type"] for reference in said["references"]}
        kept = [reference for reference in now.get("references") or () if reference["type"] not in given]
        patch["references"] = kept + said["references"]
    if not said.get("lines") and said["purpose"] == "04":
        return patch, []
    lines = _Lines(said, now)
    patch["lines"] = lines.result
    return patch, lines.origins


def deletes_all(said: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether the lines that come with a cancellation say no less than it does: none, or DI for every one there is."""
    deleted = {line.get("line") for line in said.get("lines", ()) if line["change"] == "DI"}
    return not said.get("lines") or (
        len(deleted) == len(said["lines"]) and deleted == {line["line"] for line in now["lines"]}
    )


def _party(said: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """Return the patch of a party: of another one nothing of the one before stays, of the same one what is unsaid."""
    both = [name for name in _IDENTIFIERS if said.get(name) and now.get(name)]
    if both:
        same = all(str(said[name]) == str(now[name]) for name in both)
    else:
        same = not any(said.get(name) for name in _IDENTIFIERS) and said.get("name") in {None, now.get("name")}
    if not same:
        return {**dict.fromkeys(now), **said}
    if "address" in said:
        # An address is said as a whole.
        return {**said, "address": {**dict.fromkeys(now.get("address") or {}), **said["address"]}}
    return dict(said)


_Before = Mapping[int, Mapping[str, Any]]
"""The lines of the order as it is, by their numbers."""


class _Lines:
    """The lines of an order on their way from what they are to what an 860 makes of them.

    `result` are the lines of the patch, whole; `origins` says from which line of the 860 each comes.
    """

    def __init__(self, said: Mapping[str, Any], now: Mapping[str, Any]) -> None:
        self._faults: list[tuple[Place, str, str]] = []
        self._lines: dict[int, dict[str, Any]] = {line["line"]: dict(line) for line in now["lines"]}
        self._added: list[tuple[dict[str, Any], int]] = []
        self._origins: dict[int, int] = {}
        before = dict(self._lines)
        for position, line in enumerate(said.get("lines", ())):
            self._apply(position, line, before, said_whole=said["purpose"] == "05")
        if said["purpose"] == "05":
            self._lines = {number: line for number, line in self._lines.items() if number in self._origins}
        if self._faults:
            raise Refused(self._faults)
        self.result = [*self._lines.values(), *(line for line, _ in self._added)]
        self.origins: list[int | None] = [
            *(self._origins.get(number) for number in self._lines),
            *(position for _, position in self._added),
        ]

    def _apply(self, position: int, line: Mapping[str, Any], before: _Before, *, said_whole: bool) -> None:
        place: Place = ("lines", position)
        change, number = line["change"], line.get("line")
        said = {name: line[name] for name in LINE_FIELDS if name in line}
        current = before.get(number) if number is not None else None
        missing = sorted(_NEEDS.get(change, frozenset()) - said.keys())
        if missing:
            self._refuse((*place, missing[0]), "missing", f"`{change}` says no {missing[0].replace('_', ' ')}")
        elif change == "AI" and (current is None or said_whole):
            self._put(position, number, {**({} if number is None else {"line": number}), **said})
        elif change == "AI":
            self._refuse((*place, "line"), "line_exists", f"The order has a line {number} already")
        elif current is None or number is None:
            has = ", ".join(map(str, before)) or "none"
            self._refuse((*place, "line"), "unknown_line", f"The order has no line {number}; it has {has}")
        else:
            self._compare(place, change, said, current)
            if change == "DI" or _is_nothing(said.get("quantity")):
                del self._lines[number]
            elif change == "RZ":
                self._put(position, number, {"line": number, **said})
            else:
                changed = {name: said[name] for name in _MAY_CHANGE[change] if name in said}
                self._put(position, number, {**current, **changed})

    def _put(self, position: int, number: int | None, line: dict[str, Any]) -> None:
        if number is None:
            self._added.append((line, position))
        else:
            self._origins[number] = position
            self._lines[number] = line

    def _compare(self, place: Place, change: str, said: Mapping[str, Any], current: Mapping[str, Any]) -> None:
        """Refuse what is said of a line, is not what changes, and is not as it is; and a change the wrong way."""
        for name in _HELD_AGAINST[change]:
            # A name for the product that the order has not is another name for it, and no contradiction.
            same = _is_same_number if name in {"quantity", "unit_price"} else _is_same_text
            unlike = name in said and name in current and not same(said[name], current[name])
            if unlike and name not in _MAY_CHANGE.get(change, ()):
                message = f"`{change}` does not change it, and the order says `{str(current[name])[:40]}`"
                self._refuse((*place, name), "not_as_it_is", message)
        if change in {"QD", "QI"} and not _moves(said["quantity"], current["quantity"], less=change == "QD"):
            wanted = "less" if change == "QD" else "more"
            message = f"It is to become {wanted}, and the order says {current['quantity']}"
            self._refuse((*place, "quantity"), "x12_direction", message)

    def _refuse(self, place: Place, code: str, message: str) -> None:
        self._faults.append((place, code, message))


def _is_same_text(said: str, now: str) -> bool:
    return said.casefold() == now.casefold()


def _is_same_number(said: str, now: str) -> bool:
    try:
        return Decimal(said) == Decimal(now)
    except InvalidOperation:
        return False


def _moves(said: str, now: str, *, less: bool) -> bool:
    try:
        return Decimal(said) < Decimal(now) if less else Decimal(said) > Decimal(now)
    except InvalidOperation:
        return True


def _is_nothing(quantity: str | None) -> bool:
    try:
        return quantity is not None and Decimal(quantity) == 0
    except InvalidOperation:
        return False
