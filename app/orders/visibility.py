"""What of an order each relation may see (contract, section 3, "read whole")."""

from collections.abc import Mapping
from typing import Any

from app.principal import Relation

_OWNERS_ALONE = frozenset({"metadata"})

_BUYER_AND_SELLER_ALONE = frozenset(
    {
        "bill_to",
        "reference",
        "requested_by",
        "currency",
        "payment_methods",
        "payment_terms",
        "cost_center",
        "category",
        "contract_number",
        "invoice_number",
        "sent_via",
    }
)

HIDDEN_FIELDS: Mapping[Relation, frozenset[str]] = {
    Relation.OWNER: frozenset(),
    Relation.SELLER: _OWNERS_ALONE,
    Relation.SHIP_TO: _OWNERS_ALONE | _BUYER_AND_SELLER_ALONE,
    Relation.FORWARDER: _OWNERS_ALONE | _BUYER_AND_SELLER_ALONE,
    Relation.PRESENTER: _OWNERS_ALONE | _BUYER_AND_SELLER_ALONE,
}
"""Fields that are left out of the answer to each relation.

A presenter sees an order at the gate alone, by a PRO number that a party of the order has put on it, and then what a
forwarder sees.
"""

HIDDEN_LINE_FIELDS = frozenset({"unit_price", "tax"})
"""Prices never go to those who carry and store the goods."""

VISIBLE_EVENT_DATA = frozenset({"activate_by", "valid_from", "expires_at", "reason", "scac", "pro_number"})
"""Of the data of an event, what ship-to and forwarder see."""

_LOGISTICS = frozenset({Relation.SHIP_TO, Relation.FORWARDER, Relation.PRESENTER})


def shown_to(relation: Relation, order: dict[str, Any]) -> dict[str, Any]:
    """Return the serialised order without what the relation may not see."""
    hidden = HIDDEN_FIELDS[relation]
    shown = {name: value for name, value in order.items() if name not in hidden}
    if relation in _LOGISTICS:
        shown["lines"] = [
            {name: value for name, value in line.items() if name not in HIDDEN_LINE_FIELDS} for line in shown["lines"]
        ]
    return shown


def event_data_shown_to(relation: Relation, data: dict[str, Any]) -> dict[str, Any]:
    """Return the data of an event without what the relation may not see."""
    if relation not in _LOGISTICS:
        return data
    return {name: value for name, value in data.items() if name in VISIBLE_EVENT_DATA}
