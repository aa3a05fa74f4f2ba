"""Rules of changing an order: what a change is merged with, and what the seller has to agree to. Pure: no I/O.

What buyer and seller agreed on, the terms and the lines, is a revision: after the seller's acknowledgement another one
is a change order (X12 860), which the seller acknowledges again. Everything else is the buyer's own to change: when the
number is valid at the gate, who fetches the goods, and what the order is filed under.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

TERMS: Final = (
    *("buyer", "bill_to", "seller", "ship_to", "currency", "payment_methods", "payment_terms", "freight_terms"),
    *("ship_window", "delivery_window"),
)
"""What a revision says beside its lines; columns of an order's row."""

AT_ANY_TIME: Final = frozenset(
    {"reference", "references", "requested_by", "cost_center", "category", "location", "metadata"}
)
"""What the buyer files an order under: it may be put right after the order has ended, too."""

PARTIES: Final = ("buyer", "bill_to", "seller", "ship_to")

PRODUCT: Final = ("sku", "gtin", "supplier_sku", "unit")
"""What a line is a line of: goods that came in on it are these, whatever is ordered later; columns of a line."""


def merged(target: Any, patch: Any) -> Any:
    """Return what a JSON merge patch makes of a document (RFC 7396): null takes away, objects merge, lists replace."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def merged_content(content: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Return an order's content with a patch merged into it.

    A party that is given with another `organisation_id` replaces the one before: the name, address and telephone of one
    organisation are nothing to another.
    """
    base = dict(content)
    for name in PARTIES:
        before, given = base.get(name), patch.get(name)
        if isinstance(before, Mapping) and isinstance(given, Mapping):
            another = given.get("organisation_id")
            if another and another != before.get("organisation_id"):
                base[name] = None
    result: dict[str, Any] = merged(base, patch)
    return result


def line_numbers(given: Sequence[int | None]) -> list[int]:
    """Return the number of each line: the given one, and for each without one the lowest that is free, in their order.

    The given ones differ from each other.
    """
    taken = {number for number in given if number is not None}
    free = (number for number in range(1, len(given) + len(taken) + 1) if number not in taken)
    return [next(free) if number is None else number for number in given]


@dataclass(frozen=True, slots=True)
class ReceiptConflict:
    """A line of which more has come in than a change would leave of it; `ordered` is None where the line would go.

    `renamed`: it would be another product, or count in another unit, than what came in.
    """

    line: int
    received: Decimal
    ordered: Decimal | None
    renamed: bool = False


def receipt_conflicts(before: Iterable[Mapping[str, Any]], after: Iterable[Mapping[str, Any]]) -> list[ReceiptConflict]:
    """What has come in stays received: the lines of a new revision that would deny it.

    More may have come in than was ordered, where a policy tolerates that; then the quantity must only not fall.
    """
    lines = {line["line"]: line for line in after}
    found = []
    for line in before:
        if not line["received"]:
            continue
        new = lines.get(line["line"])
        if new is None:
            found.append(ReceiptConflict(line["line"], line["received"], None))
        elif new["quantity"] < min(line["received"], line["quantity"]):
            found.append(ReceiptConflict(line["line"], line["received"], new["quantity"]))
        elif any(new[name] != line[name] for name in PRODUCT):
            found.append(ReceiptConflict(line["line"], line["received"], new["quantity"], renamed=True))
    return found
