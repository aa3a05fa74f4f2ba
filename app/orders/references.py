"""By which references an order is found at a gate, and by whom. Pure: no I/O, no clock.

Whoever scans a label may hold another number than the buyer's: a shipment id of a marketplace, a project. It finds the
order for the parties that the order names, and for nobody else.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from app.numbers.number_keys import MalformedNumber, number_key
from app.orders.visibility import may_see
from app.principal import Relation


def reference_rows(order: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows by which the parties of an order find it, from the order's own row.

    `references` find it for every party, by the key of their value, as a number's: who presents such a value has it
    from the goods. The buyer's own `reference` finds it for those alone who may see it.
    """
    for_all = {key for one in order["references"] if (key := reference_key(one["value"]))}
    own = {key for text in [order["reference"]] if text is not None and (key := reference_key(text))}
    found = {
        (key, party)
        for relation, party in _parties(order)
        for key in (for_all | own if may_see(relation, "reference") else for_all)
    }
    return [
        {
            "reference_key": key,
            "party_id": party,
            "organisation_id": order["organisation_id"],
            "number_key": order["number_key"],
        }
        for key, party in sorted(found)
    ]


def reference_key(text: str) -> str | None:
    """Return the key of a reference, or None for one that no input at a gate can be, such as one of 40 characters."""
    try:
        return number_key(text)
    except MalformedNumber:
        return None


def _parties(order: Mapping[str, Any]) -> Iterator[tuple[Relation, UUID]]:
    yield Relation.OWNER, order["organisation_id"]
    for relation, party in ((Relation.SELLER, order["seller_id"]), (Relation.SHIP_TO, order["ship_to_id"])):
        if party is not None:
            yield relation, party
    for forwarder in order["forwarder_ids"]:
        yield Relation.FORWARDER, forwarder
