"""What an 855 or 865 says of the lines of an order, as `confirm` takes it. Pure: no I/O.

The meaning of its segments heads `x12_855`.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from app.exchange.documents import Place, Refused

_CHANGES_THE_QUANTITY: Final = frozenset({"quantity_changed", "changed"})


def lines_of(
    said: Mapping[str, Any], ordered: Mapping[int, Decimal], before: Mapping[int, Sequence[Mapping[str, Any]]]
) -> list[dict[str, Any]]:
    """Return `lines` of the body of `confirm`: those that are spoken of in their order, then what stays of `before`.

    `said` is what the set says (`x12_855.AcknowledgementReader`), `ordered` the quantity of each line of the revision
    that is meant, `before` the decisions on lines that the seller has said last. Raises Refused.
    """
    if "exact_lines" in said:
        exact: list[dict[str, Any]] = said["exact_lines"]
        return exact
    faults: list[tuple[Place, str, str]] = []
    lines = []
    for position, line in enumerate(said["lines"]):
        place: Place = ("lines", position)
        quantity = ordered.get(line["line"])
        if quantity is None:
            has = ", ".join(map(str, ordered)) or "none"
            faults.append(((*place, "line"), "unknown_line", f"The order has no line {line['line']}; it has {has}"))
        else:
            lines.append({"line": line["line"], "decisions": _decisions(place, line, quantity, faults)})
    for position, number in enumerate(said["deleted"]):
        if number in ordered:
            message = f"The order has a line {number} still: nobody has asked for it to be deleted"
            faults.append((("deleted", position), "line_exists", message))
    unsaid = sorted(ordered.keys() - {line["line"] for line in lines})
    if unsaid and said["speaks_of_all"] and not faults:
        message = f"Not all is accepted as it was ordered, and nothing is said of line {unsaid[0]}"
        faults.append((("type",), "line_unsaid", message))
    if faults:
        raise Refused(faults)
    if said["of_change"]:
        lines += [{"line": number, "decisions": [*before[number]]} for number in unsaid if number in before]
    return lines


def _decisions(
    place: Place, line: Mapping[str, Any], ordered: Decimal, faults: list[tuple[Place, str, str]]
) -> list[dict[str, Any]]:
    """Return the decisions on one line, each with its quantity, so that they add up to what was ordered."""
    decisions = [dict(decision) for decision in line["decisions"]]
    if not decisions:
        repeated = _number(line["ordered"])
        if line["ordered"] and repeated != ordered:
            message = f"It says {line['ordered'][:20]}, and {ordered.normalize():f} were ordered"
            faults.append(((*place, "ordered"), "not_as_ordered", message))
        return [{"decision": "accepted", "quantity": f"{ordered:f}"}]
    if len(decisions) == 1 and not decisions[0]["quantity"]:
        decisions[0]["quantity"] = f"{ordered:f}"
    quantities = [_number(decision["quantity"]) for decision in decisions]
    for part, quantity in enumerate(quantities):
        if quantity is None:
            message = f"`{decisions[part]['quantity'][:20]}` is no quantity"
            faults.append(((*place, "decisions", part, "quantity"), "decimal", message))
    if None in quantities:
        return decisions
    rest = ordered - sum((quantity for quantity in quantities if quantity is not None), Decimal(0))
    if rest > 0 and any(decision.get("reason") in _CHANGES_THE_QUANTITY for decision in decisions):
        decisions.append({"decision": "rejected", "quantity": f"{rest:f}"})
    elif rest > 0:
        message = f"What becomes of {rest.normalize():f} of the {ordered.normalize():f} that were ordered is not said"
        faults.append(((*place, "decisions", len(decisions) - 1, "quantity"), "quantity_unsaid", message))
    # Nothing of a line may be said of no quantity: several ACKs of one line say 0 of what does not apply.
    rejected = decisions[len(quantities) :]
    return [one for one, quantity in zip(decisions, quantities, strict=False) if quantity] + rejected


def _number(text: str) -> Decimal | None:
    """Return a quantity; None for what is none."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() and 0 <= value < 10**15 else None


def says_the_same(
    lines: Sequence[Mapping[str, Any]], stored: Sequence[Mapping[str, Any]], ordered: Mapping[int, Decimal]
) -> bool:
    """Whether two valid acknowledgements decide alike; what one of them does not speak of, it accepts."""
    known = all(line["line"] in ordered for line in (*lines, *stored))
    return known and _whole(lines, ordered) == _whole(stored, ordered)


def _whole(lines: Sequence[Mapping[str, Any]], ordered: Mapping[int, Decimal]) -> dict[int, list[tuple[Any, ...]]]:
    whole: dict[int, list[tuple[Any, ...]]] = {
        number: [_part({"decision": "accepted", "quantity": quantity})] for number, quantity in ordered.items()
    }
    for line in lines:
        parts = [_part(part) for part in line["decisions"]]
        rest = ordered[line["line"]] - sum(part[1] for part in parts)
        whole[line["line"]] = parts + ([_part({"decision": "accepted", "quantity": rest})] if rest else [])
    return whole


def _part(part: Mapping[str, Any]) -> tuple[Any, ...]:
    names = ("scheduled_ship_date", "scheduled_delivery_date", "reason")
    return (part["decision"], Decimal(part["quantity"]), *(part.get(name) for name in names))
