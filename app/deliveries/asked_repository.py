"""SQL of what has to be known of the orders that a booking asks for: one query, however many they are."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Text, and_, case, cast, column, func, literal, select, true
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from app.orders import policy_repository
from app.orders.identity import Identity
from app.orders.models import PolicyVersionRow, PurchaseOrderRow
from app.orders.policies import PolicyVersion, SplitShipments
from app.shipments.models import CarrierOverrideRow, CarrierRow, ProLinkRow
from app.shipments.pro_numbers import ProCheckScheme, ProRule

Order = PurchaseOrderRow
Link = ProLinkRow

_LINK_COLUMNS = ("scac", "pro_number", "display", "trailer_number", "delivery_window", "booking_id", "linked_by")
_GATE = "gate_"
_gate_columns = [one.label(f"{_GATE}{one.name}") for one in PolicyVersionRow.__table__.c]


@dataclass(frozen=True, slots=True)
class StoredLink:
    """A PRO number that is on an order, as its row has it."""

    scac: str
    pro_number: str
    display: str
    trailer_number: str | None
    delivery_window: Mapping[str, Any] | None
    booking_id: UUID | None
    linked_by: UUID


@dataclass(frozen=True, slots=True)
class Carrier:
    """A carrier as the caller's organisation reads its PRO numbers; one that nobody knows has no name."""

    rule: ProRule
    name: str | None


@dataclass(slots=True)
class Found:
    """Orders with their PRO links by identity, whether each takes one PRO number only, carriers by their code.

    `policies`: of each organisation whose gate is one of theirs the version that holds at the instant asked about.
    """

    read_at: datetime
    orders: dict[Identity, Mapping[str, Any]] = field(default_factory=dict)
    links: dict[Identity, Sequence[StoredLink]] = field(default_factory=dict)
    takes_one: set[Identity] = field(default_factory=set)
    policies: dict[UUID, list[PolicyVersion]] = field(default_factory=dict)
    carriers: dict[str, Carrier] = field(default_factory=dict)


async def find(
    connection: AsyncConnection, organisation_id: UUID, asked: Collection[tuple[str, str | None]], at: datetime
) -> Found:
    """Return the orders of any buyer with one of the number keys, and each key's carrier as the organisation sees it.

    `asked`: pairs of a number key and a carrier's code, at least one. Policies are those in force at `at`.
    """
    rows = (await connection.execute(_query(organisation_id, asked, at))).all()
    found = Found(rows[0].read_at)
    for row in rows:
        known = row._asdict()
        if (scac := known["asked_scac"]) is not None and scac not in found.carriers:
            found.carriers[scac] = _carrier(known)
        if known["number_key"] is not None:
            _add(found, known)
    return found


def _query(organisation_id: UUID, asked: Collection[tuple[str, str | None]], at: datetime) -> Any:
    given = json.dumps([{"number_key": key, "scac": scac} for key, scac in asked])
    one = (
        func.jsonb_to_recordset(cast(cast(literal(given), Text), JSONB))
        .table_valued(column("number_key", Text), column("scac", Text))
        .render_derived(name="asked", with_types=True)
    )
    kept = aliased(PolicyVersionRow, name="kept")
    gate = (
        select(*_gate_columns)
        .where(
            PolicyVersionRow.organisation_id == func.coalesce(Order.ship_to_id, Order.organisation_id),
            PolicyVersionRow.effective_from <= at,
        )
        .order_by(PolicyVersionRow.version.desc())
        .limit(1)
        .lateral("gate")
    )
    links = (
        select(func.jsonb_agg(func.jsonb_build_object(*_named(Link, _LINK_COLUMNS)), type_=JSONB))
        .where(Link.number_key == Order.number_key, Link.organisation_id == Order.organisation_id)
        .correlate(Order)
        .scalar_subquery()
    )
    own = CarrierOverrideRow
    own_rule = func.coalesce(own.own_rule, False)
    return (
        select(
            func.now().label("read_at"),
            one.c.scac.label("asked_scac"),
            func.coalesce(own.name, CarrierRow.name).label("carrier_name"),
            case((own_rule, own.mask), else_=CarrierRow.mask).label("carrier_mask"),
            case((own_rule, own.check_scheme), else_=CarrierRow.check_scheme).label("carrier_scheme"),
            CarrierRow.source.label("carrier_source"),
            own_rule.label("carrier_own_rule"),
            kept.split_shipments.label("split_shipments"),
            links.label("links"),
            *gate.c,
            *Order.__table__.c,
        )
        .select_from(one)
        .outerjoin(Order, Order.number_key == one.c.number_key)
        .outerjoin(CarrierRow, CarrierRow.scac == one.c.scac)
        .outerjoin(own, and_(own.scac == one.c.scac, own.organisation_id == organisation_id))
        .outerjoin(kept, and_(kept.organisation_id == Order.organisation_id, kept.version == Order.policy_version))
        .outerjoin(gate, true())
    )


def _named(table: Any, columns: Sequence[str]) -> list[Any]:
    return [part for name in columns for part in (name, getattr(table, name))]


def _add(found: Found, known: dict[str, Any]) -> None:
    identity = (known["number_key"], known["organisation_id"])
    if identity in found.orders:
        return
    found.orders[identity] = known
    found.links[identity] = [_link(link) for link in known.pop("links") or ()]
    if known["split_shipments"] == SplitShipments.refused:
        found.takes_one.add(identity)
    stated = {name.removeprefix(_GATE): known.pop(name) for name in [*known] if name.startswith(_GATE)}
    gate = known["ship_to_id"] or known["organisation_id"]
    versions = found.policies.setdefault(gate, [])
    if stated["version"] is not None and not versions:
        versions.append(policy_repository.policy_version(stated))
    # The buyer's tolerance is asked for with the quantities alone, which a booking does not tell.
    found.policies.setdefault(known["organisation_id"], [])


def _link(stored: Mapping[str, Any]) -> StoredLink:
    booking = stored["booking_id"]
    return StoredLink(**{**stored, "booking_id": booking and UUID(booking), "linked_by": UUID(stored["linked_by"])})


def _carrier(known: Mapping[str, Any]) -> Carrier:
    scheme = known["carrier_scheme"]
    source = "Your organisation's own rule." if known["carrier_own_rule"] else known["carrier_source"] or "No rule."
    return Carrier(
        ProRule(known["carrier_mask"], ProCheckScheme(scheme) if scheme else None, source), known["carrier_name"]
    )
