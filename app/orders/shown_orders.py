"""Orders as answers show them, straight from their rows: what the hot path writes, without a model in between.

A test holds what is written here against the model, byte by byte.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from operator import itemgetter
from typing import Any, Final

from app.http.schemas import plain_decimal
from app.numbers.number_keys import registration_warnings
from app.orders.acknowledgement_schemas import Acknowledgement
from app.orders.amounts import Amounts, order_amounts
from app.orders.lifecycle import LifecycleFacts, allowed_actions, effective_status
from app.orders.quantities import still_open
from app.orders.schemas import Origin, PurchaseOrder
from app.orders.views import amounts_of, lifecycle_facts
from app.orders.visibility import may_see, may_see_code, may_see_prices
from app.organisations.schemas import Address
from app.principal import Relation


def shown_order(
    row: Mapping[str, Any],
    lines: Sequence[Mapping[str, Any]],
    relation: Relation,
    at: datetime,
    facts: LifecycleFacts | None = None,
    **beside: Acknowledgement | None,
) -> dict[str, Any]:
    """Return what the body of `views.purchase_order` of the same arguments says, ready for `write_json`.

    `facts` are the row's, where they are known already. It is a fifth of the work: nothing is validated that comes
    from the database, and what the relation may not see is not made in the first place.
    """
    facts = facts or lifecycle_facts(row)
    view = _view(relation, tuple(beside))
    shown = view.empty.copy()
    shown.update(zip(view.copied, view.columns_of(row), strict=True))
    shown["origin"] = Origin.ISSUED if row["issued_here"] else Origin.REGISTERED
    shown["relation"] = relation
    shown["status"] = effective_status(facts, at)
    shown["allowed_actions"] = allowed_actions(facts, at)
    shown["lines"] = shown_lines = [_shown_line(line) for line in lines]
    for name, made in view.made:
        if shown[name]:
            shown[name] = made(shown[name])
    if row["format_id"]:
        shown["format"] = {"id": row["format_id"], "version": row["format_version"]}
    if not row["issued_here"]:
        warnings = registration_warnings(row["number"])
        shown["warnings"] = [{"code": warning.code, "detail": warning.detail} for warning in warnings]
    if view.has_prices:
        shown["totals"] = _add_prices(shown_lines, lines, row["currency"])
    shown.update({name: value for name, value in beside.items() if name in shown})
    return shown


@dataclass(frozen=True, slots=True)
class _View:
    """What a relation sees of an order: all members in their order, and which columns some are, or are made of."""

    empty: dict[str, Any]
    copied: tuple[str, ...]
    columns_of: Callable[[Mapping[str, Any]], tuple[Any, ...]]
    made: tuple[tuple[str, Callable[[Any], Any]], ...]
    has_prices: bool


@cache
def _view(relation: Relation, beside: tuple[str, ...]) -> _View:
    members = [name for name in PurchaseOrder.model_fields if may_see(relation, name)]
    empty = dict.fromkeys(name for name in members if name in beside or name not in _LOOKED_UP)
    empty["warnings"] = ()
    copied = tuple(name for name in empty if name not in {*_COMPUTED, *_LOOKED_UP})
    made: dict[str, Callable[[Any], Any]] = {
        "references": _shown_references,
        **{
            party: _shown_party if may_see_code(relation, party) else _shown_party_without_code
            for party in ("buyer", "bill_to", "seller", "ship_to")
        },
        "forwarders": lambda parties: [_shown_party(party) for party in parties],
        "ship_window": _shown_window,
        "delivery_window": _shown_window,
    }
    return _View(
        empty,
        copied,
        itemgetter(*(_RENAMED.get(name, name) for name in copied)),
        tuple((name, make) for name, make in made.items() if name in empty),
        may_see_prices(relation),
    )


_LOOKED_UP: Final = frozenset({"acknowledgement"})
"""Members that only an answer has for which they were looked up."""

_COMPUTED: Final = frozenset(
    {"origin", "relation", "status", "allowed_actions", "format", "warnings", "lines", "totals"},
)
_RENAMED: Final = {"stored_status": "status", "metadata": "order_metadata"}

_ADDRESS: Final = {name: field.get_default(call_default_factory=True) for name, field in Address.model_fields.items()}


def _shown_references(references: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{"type": one["type"], "value": one["value"]} for one in references]


def _shown_window(window: Mapping[str, Any]) -> dict[str, Any]:
    return {"start": window["start"], "end": window["end"]}


def _shown_party(party: Mapping[str, Any]) -> dict[str, Any]:
    get = party.get
    address = get("address")
    return {
        "organisation_id": get("organisation_id"),
        "name": get("name"),
        "address": address and {name: address.get(name, missing) for name, missing in _ADDRESS.items()},
        "phone": get("phone"),
        "code": get("code"),
        "gln": get("gln"),
    }


def _shown_party_without_code(party: Mapping[str, Any]) -> dict[str, Any]:
    shown = _shown_party(party)
    del shown["code"]
    return shown


def _shown_line(line: Mapping[str, Any]) -> dict[str, Any]:
    number, sku, gtin, supplier_sku, description, quantity, unit, received, rejected = _of_a_line(line)
    ordered = plain_decimal(quantity)
    return {
        "line": number,
        "sku": sku,
        "gtin": gtin,
        "supplier_sku": supplier_sku,
        "description": description,
        "quantity": ordered,
        "unit": unit,
        "received": plain_decimal(received) if received else "0",
        "rejected": plain_decimal(rejected) if rejected else "0",
        "open": plain_decimal(still_open(quantity, received, rejected)) if received or rejected else ordered,
    }


_of_a_line = itemgetter(
    *("line", "sku", "gtin", "supplier_sku", "description", "quantity", "unit", "received", "rejected")
)


def _add_prices(
    shown: Sequence[dict[str, Any]], lines: Sequence[Mapping[str, Any]], currency: str | None
) -> dict[str, str] | None:
    """Add to the lines that are shown what they cost, and return what all of them come to."""
    amounts = [amounts_of(line, currency) for line in lines]
    for one, line, its in zip(shown, lines, amounts, strict=True):
        price, tax = line["unit_price"], line["tax"]
        one["unit_price"] = None if price is None else plain_decimal(price)
        one["tax"] = tax and {"type": tax.get("type"), "rate": tax["rate"]}
        one.update(_NO_AMOUNTS if its is None else _written(its))
    total = order_amounts(amounts)
    return None if total is None else _written(total)


def _written(amounts: Amounts) -> dict[str, str]:
    net, tax, gross = amounts
    return {"net_amount": str(net), "tax_amount": str(tax), "gross_amount": str(gross)}


_NO_AMOUNTS: Final = dict.fromkeys(("net_amount", "tax_amount", "gross_amount"))
