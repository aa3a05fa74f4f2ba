"""What is expected of the deliveries that are asked about: read at once for all of them, handed to the pure checks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.orders import policies, policy_repository
from app.orders.content_schemas import Window
from app.orders.identity import Identity
from app.orders.lifecycle import OPEN, StoredStatus
from app.orders.location import LocatedOrder
from app.orders.policies import DEFAULT_POLICY, Policy, PolicyVersion, WindowAtGate
from app.orders.quantities import LineQuantities
from app.orders.views import relation_of
from app.principal import NAMED, Principal, Relation
from app.shipments import pro_scans
from app.shipments import repository as shipments
from app.shipments.repository import Disruption
from app.validation.checks import Refusal
from app.validation.delivery_checks import delivery_refusals, window_boundaries
from app.validation.delivery_facts import (
    DeliveredQuantity,
    DeliveryFacts,
    Expectation,
    OpenLine,
    PartyFacts,
    ProLink,
    TimeWindow,
    carriers_concerned,
    names_a_link,
)
from app.validation.delivery_schemas import Delivery, DeliveryParty

_TRADING = frozenset({Relation.OWNER, Relation.SELLER})

_EXPECTING = frozenset({*OPEN, StoredStatus.suspended})

_NOT_ASKED_OF_A_BOOKING: dict[str, Any] = {
    "mandatory_gate_facts": frozenset(),
    "delivery_window_at_gate": WindowAtGate.ignored,
}
"""What is missing is asked for at the gate, and the window is the very thing that is being booked."""


@dataclass(frozen=True, slots=True)
class DeliveryKnowledge:
    """PRO links by order identity, carriers in trouble by who says so (None: the operator), policies by whose.

    `is_booked`: the delivery is only being booked, so that neither its papers nor its window are judged.
    `arriving`: the booking whose vehicle is at the gate; what it has written on links counts, whoever has made it.
    """

    links: Mapping[Identity, Sequence[Any]]
    disruptions: Mapping[tuple[UUID | None, str], Disruption]
    policies: Mapping[UUID, Sequence[PolicyVersion]]
    is_booked: bool = False
    arriving: UUID | None = None


async def look_up(
    connection: AsyncConnection, asked: Sequence[tuple[Delivery, Sequence[Mapping[str, Any]]]]
) -> DeliveryKnowledge:
    """Return what has to be known of deliveries, each with the orders that may be meant: three queries at most."""
    if not asked:
        return DeliveryKnowledge({}, {}, {})
    orders = {(row["number_key"], row["organisation_id"]): row for _, rows in asked for row in rows}
    links = await shipments.links_of_all(connection, orders)
    concerned = frozenset[str]().union(
        *(
            carriers_concerned(_told(delivery), _pro_links(row, links[row["number_key"], row["organisation_id"]]))
            for delivery, rows in asked
            for row in rows
        )
    )
    announcing = {party for row in orders.values() for party in _announcing(row)}
    judging = {party for row in orders.values() for party in (gate_of(row), row["organisation_id"])}
    return DeliveryKnowledge(
        links,
        await shipments.disruptions(connection, announcing, concerned),
        await policy_repository.versions_of(connection, judging),
    )


def refusals(
    delivery: Delivery,
    order: LocatedOrder,
    lines: Sequence[Any],
    knowledge: DeliveryKnowledge,
    caller: Principal,
    at: datetime,
) -> list[Refusal]:
    """Return everything in which the delivery at the instant `at` is not the one that the order expects."""
    # Dock and operator say who asks, not what has come.
    if delivery.model_copy(update={"dock": None, "operator": None}) == Delivery():
        return []
    in_force = policies.in_force(knowledge.policies[gate_of(order.row)], at)
    policy = DEFAULT_POLICY if in_force is None else in_force.policy
    if knowledge.is_booked:
        policy = replace(policy, **_NOT_ASKED_OF_A_BOOKING)
    return delivery_refusals(_told(delivery), _expected(order, lines, knowledge, caller, at), at, policy)


def boundaries(delivery: Delivery, order: LocatedOrder, knowledge: DeliveryKnowledge) -> frozenset[datetime]:
    """Return the instants at which time alone may change what is refused of the delivery."""
    windows = Expectation(
        _pro_links(order.row, knowledge.links[order.identity]),
        delivery_window=_time_window(order.row["delivery_window"]),
    )
    versions = knowledge.policies[gate_of(order.row)]
    ends = {mark.until for _, _, mark in _marks(order.row, knowledge) if mark.until is not None}
    return window_boundaries(_told(delivery), windows) | {version.effective_from for version in versions} | ends


def proves_relation(delivery: Delivery, order: LocatedOrder, knowledge: DeliveryKnowledge) -> bool:
    """Whether the PRO number is on the order by the word of one of its parties.

    Whoever holds the order's number may link PRO numbers while no forwarder is named: that alone opens no order.
    """
    links = knowledge.links.get(order.identity, ())
    vouched = [link for link in links if _is_vouched(order.row, link)]
    return names_a_link(_told(delivery), _pro_links(order.row, vouched))


def _expected(
    order: LocatedOrder, lines: Sequence[Any], knowledge: DeliveryKnowledge, caller: Principal, at: datetime
) -> Expectation:
    row, tolerance = order.row, _tolerance(order.row, knowledge)
    disrupted: dict[str, str | None] = {}
    for party, scac, mark in _marks(row, knowledge):
        if mark.lasts(at):
            # What an organisation says of a carrier it says for itself alone, what the operator says he says to all.
            told = mark.reason if party in {None, caller.organisation_id} else None
            disrupted[scac] = disrupted.get(scac) or told
    return Expectation(
        links=_expected_links(order, knowledge),
        ship_to=_party(row["ship_to_id"], row["ship_to"], "name", "code", "gln"),
        # The buyer's code of its supplier is a matter between the two.
        seller=_party(
            row["seller_id"], row["seller"], "name", *(["code"] if order.relation in _TRADING else []), "gln"
        ),
        lines=[_open_line(line, tolerance) for line in lines] if row["status"] in _EXPECTING else [],
        delivery_window=_time_window(row["delivery_window"]),
        disrupted=disrupted,
    )


def _expected_links(order: LocatedOrder, knowledge: DeliveryKnowledge) -> list[ProLink]:
    stored = knowledge.links.get(order.identity, ())
    arriving = [link for link in stored if knowledge.arriving is not None and link.booking_id == knowledge.arriving]
    return [_pro_link(link, is_vouched=link in arriving or _is_vouched(order.row, link)) for link in stored]


def _announcing(row: Mapping[str, Any]) -> list[UUID]:
    """Whose word on a carrier counts at the gate: that of the organisation that receives, and the buyer's."""
    return [party for party in (row["ship_to_id"], row["organisation_id"]) if party is not None]


def _marks(row: Mapping[str, Any], knowledge: DeliveryKnowledge) -> list[tuple[UUID | None, str, Disruption]]:
    """Return the carriers in trouble that count for an order, by who says so: the operator's word comes last."""
    return [
        (party, scac, mark)
        for party in (*_announcing(row), None)
        for (announcing, scac), mark in knowledge.disruptions.items()
        if announcing == party
    ]


def gate_of(row: Mapping[str, Any]) -> UUID:
    """Whose policy the gate goes by: the receiving organisation's; without one the buyer receives."""
    party: UUID = row["ship_to_id"] or row["organisation_id"]
    return party


def _tolerance(row: Mapping[str, Any], knowledge: DeliveryKnowledge) -> Decimal:
    versions = knowledge.policies[row["organisation_id"]]
    kept: Policy = next((one.policy for one in versions if one.version == row["policy_version"]), DEFAULT_POLICY)
    return kept.receipt_tolerance


def _told(delivery: Delivery) -> DeliveryFacts:
    written = pro_scans.read(delivery.pro_number or "")
    return DeliveryFacts(
        scac=delivery.scac or written.scac,
        pro_number=written.text or None,
        trailer_number=delivery.trailer_number,
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


def _pro_links(row: Mapping[str, Any], links: Sequence[Any]) -> list[ProLink]:
    return [_pro_link(link, is_vouched=_is_vouched(row, link)) for link in links]


def _pro_link(link: Any, *, is_vouched: bool) -> ProLink:
    vehicle = _expected_vehicle(link) if is_vouched else (None, None)
    return ProLink(link.scac, link.pro_number, link.display, is_vouched, *vehicle)


def _is_vouched(row: Mapping[str, Any], link: Any) -> bool:
    """Whether one of the order's parties has linked it: what others say of a vehicle books nothing."""
    return relation_of(row, link.linked_by) in NAMED


def _expected_vehicle(link: Any) -> tuple[str | None, TimeWindow | None]:
    return link.trailer_number, _time_window(link.delivery_window)


def _time_window(stored: Mapping[str, Any] | None) -> TimeWindow | None:
    if stored is None:
        return None
    window = Window.model_validate(stored)
    return TimeWindow(window.start, window.end)


def _open_line(row: Mapping[str, Any], tolerance: Decimal) -> OpenLine:
    line = LineQuantities(row["line"], row["quantity"], row["received"], row["rejected"])
    return OpenLine(row["line"], row["sku"], row["gtin"], row["unit"], line.open, line.receivable(tolerance))
