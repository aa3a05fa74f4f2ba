"""SQL of tracking: events, the state that they come to, and the orders that are told of it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, and_, func, or_, select, tuple_, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.bulk import insert_rows
from app.orders.models import PurchaseOrderRow
from app.orders.repository import has_role
from app.principal import NAMED, Relation
from app.shipments.models import ProLinkRow
from app.shipments.tracking_models import ParcelEventRow, ShipmentStateRow, TrackingEventRow, TrackingNumberRow

Link = ProLinkRow
Order = PurchaseOrderRow
State = ShipmentStateRow


@dataclass(frozen=True, slots=True)
class Trail:
    """Where the events and the state of one shipment or parcel stand: its tables, and its key in both."""

    events: type[TrackingEventRow] | type[ParcelEventRow]
    states: type[ShipmentStateRow] | type[TrackingNumberRow]
    key: Mapping[str, Any]

    def of_events(self) -> list[ColumnElement[bool]]:
        """Return the condition of its events."""
        return [getattr(self.events, name) == value for name, value in self.key.items()]

    def of_state(self) -> list[ColumnElement[bool]]:
        """Return the condition of its state."""
        return [getattr(self.states, name) == value for name, value in self.key.items()]


def shipment(scac: str, pro_number: str) -> Trail:
    """Return the trail of a PRO number (its key)."""
    return Trail(TrackingEventRow, ShipmentStateRow, {"scac": scac, "pro_number": pro_number})


def parcel(number_key: str, organisation_id: UUID, tracking_number: str) -> Trail:
    """Return the trail of a parcel: a tracking number (its key) on an order."""
    key = {"number_key": number_key, "organisation_id": organisation_id, "tracking_number": tracking_number}
    return Trail(ParcelEventRow, TrackingNumberRow, key)


async def hold(connection: AsyncConnection, trail: Trail) -> Row[Any]:
    """Return the state, held until the transaction ends: whoever else records events of it waits, and sees these."""
    if trail.states is ShipmentStateRow:
        await connection.execute(
            postgresql.insert(ShipmentStateRow).values(**trail.key, events=0).on_conflict_do_nothing()
        )
    result = await connection.execute(select(trail.states.__table__).where(*trail.of_state()).with_for_update())
    return result.one()


async def events_of(connection: AsyncConnection, trail: Trail) -> Sequence[Row[Any]]:
    """Return all events; how many one trail has is limited."""
    return (await connection.execute(select(trail.events.__table__).where(*trail.of_events()))).all()


async def insert_events(connection: AsyncConnection, trail: Trail, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert events that are not there yet."""
    await insert_rows(connection, trail.events, [{**trail.key, **row} for row in rows], at_now=["recorded_at"])


async def store_state(connection: AsyncConnection, trail: Trail, values: Mapping[str, Any]) -> None:
    """Store what the events come to, in the row that is held."""
    await connection.execute(update(trail.states).where(*trail.of_state()).values(**values))


async def state(connection: AsyncConnection, trail: Trail) -> Row[Any] | None:
    """Return the state as it is, or None where nothing was ever told."""
    return (await connection.execute(select(trail.states.__table__).where(*trail.of_state()))).one_or_none()


async def states_of(
    connection: AsyncConnection, pro_numbers: Collection[tuple[str, str]]
) -> Mapping[tuple[str, str], Row[Any]]:
    """Return the states of PRO numbers (carrier, key), of those that were told of."""
    if not pro_numbers:
        return {}
    result = await connection.execute(
        select(State.__table__).where(
            # The plain list first, by which the rows are found where they are distributed.
            State.pro_number.in_(sorted({key for _, key in pro_numbers})),
            tuple_(State.scac, State.pro_number).in_(sorted(pro_numbers)),
            State.events > 0,
        )
    )
    return {(row.scac, row.pro_number): row for row in result}


async def relations_to(
    connection: AsyncConnection, scac: str, pro_number: str, organisation_id: UUID
) -> frozenset[Relation]:
    """Return what an organisation is to the orders with a PRO number, of the relations that orders name."""
    roles = sorted(NAMED)
    query = (
        select(*[func.bool_or(has_role(organisation_id, role)).label(role) for role in roles])
        .join(Link, and_(Link.number_key == Order.number_key, Link.organisation_id == Order.organisation_id))
        .where(
            Link.scac == scac,
            Link.pro_number == pro_number,
            or_(*(has_role(organisation_id, role) for role in roles)),
        )
    )
    found = (await connection.execute(query)).one()
    return frozenset(role for role, holds in zip(roles, found, strict=True) if holds)


async def orders_with(connection: AsyncConnection, scac: str, pro_number: str) -> Sequence[tuple[str, UUID]]:
    """Return the identities of the orders that a PRO number is on."""
    result = await connection.execute(
        select(Link.number_key, Link.organisation_id).where(Link.scac == scac, Link.pro_number == pro_number)
    )
    return [(row.number_key, row.organisation_id) for row in result]
