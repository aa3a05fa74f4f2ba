"""What of an order each relation may see (contract, section 3, "read whole")."""

from typing import Any

from app.events.event_types import EventType
from app.principal import Relation

SEEN_BY_ALL = frozenset(
    {
        *("id", "number", "origin", "relation", "status", "stored_status", "allowed_actions", "version", "revision"),
        *("format", "warnings", "policy_version", "buyer", "seller", "ship_to", "forwarders", "lines", "activate_by"),
        *("valid_from", "expires_at", "ship_window", "delivery_window", "issued_at", "confirmed_at", "activated_at"),
        *("created_at", "updated_at"),
    }
)
"""What those see, too, who carry and store the goods. A new field is theirs only where it is named here."""

_BESIDE_THE_ORDER = frozenset({"receipt", "revision_status", "current_from"})
"""What an answer carries beside the fields of the order, for all whom the order names."""

_SEEN_BY_LOGISTICS = SEEN_BY_ALL | _BESIDE_THE_ORDER

_OWNERS_ALONE = frozenset({"metadata"})

_LOGISTICS = frozenset({Relation.SHIP_TO, Relation.FORWARDER, Relation.PRESENTER})

_LINE_FIELDS_OF_BUYER_AND_SELLER = frozenset({"unit_price", "tax", "net_amount", "tax_amount", "gross_amount"})

_PARTY_FIELDS_OF_BUYER_AND_SELLER = frozenset({"code"})

_BUYER_AND_SELLER = frozenset({"buyer", "seller"})


def may_see(relation: Relation, name: str) -> bool:
    """Return whether the relation may see the field of an order, and so search by it."""
    if relation in _LOGISTICS:
        return name in _SEEN_BY_LOGISTICS
    return relation is Relation.OWNER or name not in _OWNERS_ALONE


def may_see_code(relation: Relation, party: str) -> bool:
    """Return whether the relation may see the code that a party of an order has with the buyer, and so search by it."""
    return relation not in _LOGISTICS or party not in _BUYER_AND_SELLER


VISIBLE_EVENT_DATA = frozenset(
    {
        *("activate_by", "valid_from", "expires_at", "reason", "scac", "pro_number"),
        *("receipt_id", "dock", "trailer_number", "window", "location", "quantities"),
        *("booking_id", "booking_number", "codes", "pro_numbers"),
        *("support_case_id", "support_case_category", "policy_version"),
        *("appointment_number", "from", "to"),
        *("carrier", "tracking_number", "tracking_status", "previous_tracking_status", "occurred_at", "eta"),
        *("ship_notice", "bol"),
    }
)
"""Of the data of an event, what ship-to and forwarder see."""


def may_see_prices(relation: Relation) -> bool:
    """Return whether the relation may see what lines cost, and what they come to."""
    return relation not in _LOGISTICS


def shown_to(relation: Relation, order: dict[str, Any]) -> dict[str, Any]:
    """Return the serialised order without what the relation may not see."""
    if relation is Relation.OWNER:
        return order
    shown = {name: value for name, value in order.items() if may_see(relation, name)}
    if relation in _LOGISTICS:
        shown["lines"] = [_without(_LINE_FIELDS_OF_BUYER_AND_SELLER, line) for line in shown["lines"]]
        for name in _BUYER_AND_SELLER:
            shown[name] = shown[name] and _without(_PARTY_FIELDS_OF_BUYER_AND_SELLER, shown[name])
    return shown


def _without(hidden: frozenset[str], shown: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in shown.items() if name not in hidden}


_BETWEEN_BUYER_AND_SELLER = frozenset({EventType.CHANGE_DECLINED})
"""What never came in force, and why not, is nothing to those who carry and store the goods."""


def event_data_shown_to(relation: Relation, event_type: str, data: dict[str, Any]) -> dict[str, Any]:
    """Return the data of an event without what the relation may not see."""
    if relation not in _LOGISTICS:
        return data
    if event_type in _BETWEEN_BUYER_AND_SELLER:
        return {}
    return {name: value for name, value in data.items() if name in VISIBLE_EVENT_DATA}
