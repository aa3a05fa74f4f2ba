"""What is expected of the deliveries that are asked about: read at once for all of them, handed to the pure checks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.orders.lifecycle import OPEN, StoredStatus
from app.orders.location import LocatedOrder
from app.orders.views import order_line, relation_of
from app.principal import NAMED, Principal, Relation
from app.shipments import repository as shipments
from app.validation.checks import Refusal
from app.validation.delivery_checks import (
    DeliveredQuantity,
    DeliveryFacts,
    Expectation,
    OpenLine,
    PartyFacts,
    ProLink,
    carriers_concerned,
    delivery_refusals,
    names_a_link,
)
from app.validation.delivery_schemas import Delivery, DeliveryParty

Identity = tuple[str, UUID]

_TRADING = frozenset({Relation.OWNER, Relation.SELLER})

_EXPECTING = frozenset({*OPEN, StoredStatus.suspended})


@dataclass(frozen=True, slots=True)
class DeliveryKnowledge:
    """PRO links by order identity, and carriers in trouble by who says so, of all deliveries that are asked about."""

    links: Mapping[Identity, Sequence[Any]]
    disruptions: Mapping[tuple[UUID, str], str | None]


async def look_up(
    connection: AsyncConnection, asked: Sequence[tuple[Delivery, Sequence[Mapping[str, Any]]]]
) -> DeliveryKnowledge:
    """Return what has to be known of deliveries, each with the orders that may be meant: two queries at most."""
    orders = {(row["number_key"], row["organisation_id"]): row for _, rows in asked for row in rows}
    links = await shipments.links_of_all(connection, orders)
    concerned = frozenset[str]().union(
        *(
            carriers_concerned(_told(delivery), _pro_links(links[row["number_key"], row["organisation_id"]]))
            for delivery, rows in asked
            for row in rows
        )
    )
    announcing = {party for row in orders.values() for party in _announcing(row)}
    return DeliveryKnowledge(links, await shipments.disruptions(connection, announcing, concerned))


def refusals(
    delivery: Delivery, order: LocatedOrder, lines: Sequence[Any], knowledge: DeliveryKnowledge, caller: Principal
) -> list[Refusal]:
    """Return everything in which the delivery is not the one that the order expects."""
    # Dock and operator say who asks, not what has come.
    if delivery.model_copy(update={"dock": None, "operator": None}) == Delivery():
        return []
    return delivery_refusals(_told(delivery), _expected(order, lines, knowledge, caller))


def proves_relation(delivery: Delivery, order: LocatedOrder, knowledge: DeliveryKnowledge) -> bool:
    """Whether the PRO number is on the order by the word of one of its parties.

    Whoever holds the order's number may link PRO numbers while no forwarder is named: that alone opens no order.
    """
    links = knowledge.links.get((order.number_key, order.organisation_id), ())
    vouched = [link for link in links if relation_of(order.row, link.linked_by) in NAMED]
    return names_a_link(_told(delivery), _pro_links(vouched))


def _expected(
    order: LocatedOrder, lines: Sequence[Any], knowledge: DeliveryKnowledge, caller: Principal
) -> Expectation:
    row = order.row
    disrupted: dict[str, str | None] = {}
    for party in _announcing(row):
        for (announcing, scac), reason in knowledge.disruptions.items():
            if announcing == party:
                # What an organisation says of a carrier it says for itself alone.
                told = reason if party == caller.organisation_id else None
                disrupted[scac] = disrupted.get(scac) or told
    return Expectation(
        links=_pro_links(knowledge.links.get((order.number_key, order.organisation_id), ())),
        ship_to=_party(row["ship_to_id"], row["ship_to"], "name", "code", "gln"),
        # The buyer's code of its supplier is a matter between the two.
        seller=_party(
            row["seller_id"], row["seller"], "name", *(["code"] if order.relation in _TRADING else []), "gln"
        ),
        lines=[_open_line(line) for line in lines] if row["status"] in _EXPECTING else [],
        disrupted=disrupted,
    )


def _announcing(row: Mapping[str, Any]) -> list[UUID]:
    """Whose word on a carrier counts at the gate: that of the organisation that receives, and the buyer's."""
    return [party for party in (row["ship_to_id"], row["organisation_id"]) if party is not None]


def _told(delivery: Delivery) -> DeliveryFacts:
    return DeliveryFacts(
        scac=delivery.scac or None,
        pro_number=delivery.pro_number or None,
        ship_to=_told_party(delivery.ship_to),
        seller=_told_party(delivery.seller),
        quantities=tuple(DeliveredQuantity(one.quantity, one.line, one.sku, one.gtin) for one in delivery.quantities),
    )


def _told_party(party: DeliveryParty | None) -> PartyFacts | None:
    return None if party is None else PartyFacts(party.organisation_id, party.gln, party.code)


def _party(organisation_id: UUID | None, party: Mapping[str, Any] | None, *readable: str) -> PartyFacts:
    stated = party or {}
    shown = next((stated[name] for name in readable if stated.get(name)), None)
    return PartyFacts(organisation_id, stated.get("gln"), stated.get("code"), shown)


def _pro_links(rows: Sequence[Any]) -> list[ProLink]:
    return [ProLink(row.scac, row.pro_number, row.display) for row in rows]


def _open_line(row: Any) -> OpenLine:
    line = order_line(row._asdict())
    return OpenLine(line.line, line.sku, line.gtin, line.unit, line.open)
