"""SQL of delivery bookings: each change names the statuses that it starts from, and tells the booking's own history."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Row,
    Text,
    and_,
    case,
    column,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    union,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from app.deliveries.booking_lifecycle import EXPECTED, TRANSITIONS, BookingAction, BookingStatus, starts
from app.deliveries.models import AppointmentClaimRow, BolClaimRow, DeliveryBookingEventRow, DeliveryBookingRow
from app.principal import Principal

Booking = DeliveryBookingRow
Event = DeliveryBookingEventRow
_columns = [*Booking.__table__.c, func.now().label("read_at")]


@dataclass(frozen=True, slots=True)
class Told:
    """What a booking's history tells of a change: what happened, by whom, with which facts (JSON values)."""

    type: str
    actor: Principal
    data: Mapping[str, Any]


async def create(
    connection: AsyncConnection, values: Mapping[str, Any], bols: Collection[str], told: Told
) -> tuple[Row[Any], frozenset[str]]:
    """Write a booking with its history and its bills of lading: one statement on the shard of who makes it.

    Returns its row, and those of the bills of lading (keys) that another booking of the organisation has.
    """
    made = (
        insert(Booking)
        .values(**values, version=1, created_at=func.now(), updated_at=func.now())
        .returning(*Booking.__table__.c)
        .cte("made")
    )
    history = _history(made, told)
    claimed = _claiming(values["organisation_id"], values["id"], bols)
    taken = select(func.array_agg(claimed.c.bol, type_=ARRAY(Text()))).scalar_subquery()
    query = select(made, func.now().label("read_at"), taken.label("claimed")).add_cte(history, claimed)
    row = (await connection.execute(query)).one()
    return row, frozenset(bols) - frozenset(row.claimed or ())


async def take_out(connection: AsyncConnection, organisation_id: UUID, booking_id: UUID) -> None:
    """Delete a booking that this same transaction has made, before anything refers to it."""
    for table, column_ in ((BolClaimRow, BolClaimRow.booking_id), (Event, Event.booking_id), (Booking, Booking.id)):
        await connection.execute(delete(table).where(table.organisation_id == organisation_id, column_ == booking_id))


async def change(
    connection: AsyncConnection,
    booking: Row[Any],
    action: BookingAction,
    values: Mapping[str, Any],
    told: Told,
    *,
    keeps_status: bool = False,
    as_read: bool = False,
) -> Row[Any] | None:
    """Carry an action out if the booking's status allows it at this moment, and return the changed row.

    `keeps_status`: it leads nowhere else, whatever the table says. `as_read`: only if nobody has changed the booking
    since it was read.
    """
    conditions = [
        Booking.organisation_id == booking.organisation_id,
        Booking.id == booking.id,
        Booking.status.in_([status.value for status in starts(action)]),
    ]
    if as_read:
        conditions.append(Booking.version == booking.version)
    leads = {source.value: target.value for source, target in TRANSITIONS[action].items()}
    times = {"arrived_at": func.now()} if action is BookingAction.arrive else {}
    changed = (
        update(Booking)
        .where(*conditions)
        .values(
            version=Booking.version + 1,
            updated_at=func.now(),
            status=Booking.status if keeps_status else case(leads, value=Booking.status),
            **times,
            **values,
        )
        .returning(*Booking.__table__.c)
        .cte("changed")
    )
    query = select(changed, func.now().label("read_at")).add_cte(_history(changed, told))
    return (await connection.execute(query)).one_or_none()


async def claim_bols(
    connection: AsyncConnection, organisation_id: UUID, booking_id: UUID, bols: Collection[str]
) -> frozenset[str]:
    """Claim bills of lading (keys) for a booking; return those that another one has."""
    claimed = _claiming(organisation_id, booking_id, bols)
    rows = await connection.execute(select(claimed.c.bol))
    return frozenset(bols) - frozenset(rows.scalars())


async def taken_bols(connection: AsyncConnection, organisation_id: UUID, bols: Collection[str]) -> frozenset[str]:
    """Return those of the bills of lading (keys) that a booking of the organisation has."""
    query = select(BolClaimRow.bol).where(BolClaimRow.organisation_id == organisation_id, BolClaimRow.bol.in_(bols))
    return frozenset(await connection.scalars(query))


async def release_bols(
    connection: AsyncConnection, organisation_id: UUID, booking_id: UUID, bols: Collection[str] | None = None
) -> None:
    """Give back a booking's bills of lading: all, or these (keys)."""
    claim = BolClaimRow
    condition = [claim.organisation_id == organisation_id, claim.booking_id == booking_id]
    if bols is not None:
        condition.append(claim.bol.in_(bols))
    await connection.execute(delete(claim).where(*condition))


async def claim_appointment(
    connection: AsyncConnection, warehouse_id: UUID, appointment_number: str, booking_id: UUID
) -> bool:
    """Give a booking an appointment number of its warehouse; False where another one has it."""
    claim = AppointmentClaimRow
    await connection.execute(
        postgresql.insert(claim)
        .values(
            warehouse_id=warehouse_id,
            appointment_number=appointment_number,
            booking_id=booking_id,
            claimed_at=func.now(),
        )
        .on_conflict_do_nothing()
    )
    holder = await connection.scalar(
        select(claim.booking_id).where(
            claim.warehouse_id == warehouse_id, claim.appointment_number == appointment_number
        )
    )
    return bool(holder == booking_id)


async def find(
    connection: AsyncConnection, organisation_id: UUID, booking_id: UUID | None, booking_number: str | None
) -> Row[Any] | None:
    """Return a booking that the organisation has made or that comes to it, by its id or its number."""
    wanted = Booking.id == booking_id if booking_id is not None else Booking.booking_number == booking_number
    return (await connection.execute(select(*_columns).where(wanted, _concerns(organisation_id)))).one_or_none()


async def find_arriving(connection: AsyncConnection, warehouse_id: UUID, papers: "Papers", limit: int) -> Sequence[Any]:
    """Return up to `limit` bookings of a warehouse's that papers at its gate may mean: expected ones, or there already.

    Each way is a walk along its own index; newest first.
    """
    mine = [
        Booking.warehouse_id == warehouse_id,
        Booking.status.in_([status.value for status in (*EXPECTED, BookingStatus.arrived)]),
    ]
    walks = [
        select(Booking.organisation_id, Booking.id).where(*mine, condition).order_by(Booking.id.desc()).limit(limit)
        for condition in papers.conditions()
    ]
    if not walks:
        return []
    together = union(*(walk.subquery().select() for walk in walks)).subquery()
    query = (
        select(*_columns)
        .join(together, (together.c.organisation_id == Booking.organisation_id) & (together.c.id == Booking.id))
        .order_by(Booking.id.desc())
    )
    return (await connection.execute(query)).all()


@dataclass(frozen=True, slots=True)
class Papers:
    """What a text at a gate may be of a booking; None and () are nothing."""

    booking_number: str | None
    appointment_number: str
    trailer_key: str | None
    number_keys: Sequence[str]
    pro_numbers: Sequence[str]

    def conditions(self) -> Iterable[ColumnElement[bool]]:
        """Yield a condition for each thing that it may be."""
        if self.booking_number is not None:
            yield Booking.booking_number == self.booking_number
        yield Booking.appointment_number == self.appointment_number
        if self.trailer_key is not None:
            yield Booking.trailer_key == self.trailer_key
        if self.number_keys:
            yield Booking.number_keys.overlap(list(self.number_keys))
        if self.pro_numbers:
            yield Booking.pro_numbers.overlap(list(self.pro_numbers))


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed to; None narrows nothing."""

    status: Sequence[BookingStatus] | None = None
    ship_to: str | None = None
    window_from: datetime | None = None
    window_to: datetime | None = None
    scac: str | None = None
    pro_number: str | None = None
    bol: str | None = None
    appointment_number: str | None = None
    number_keys: Sequence[str] | None = None
    booking_number: str | None = None

    def conditions(  # noqa: C901 - a flat list, filter by filter
        self, organisation_id: UUID
    ) -> Iterable[ColumnElement[bool]]:
        """Yield what must hold of a booking."""
        if self.status is not None:
            yield Booking.status.in_([status.value for status in self.status])
        if self.ship_to is not None:
            yield _comes_to(self.ship_to, organisation_id)
        if self.window_from is not None:
            yield Booking.window_start >= self.window_from
        if self.window_to is not None:
            yield Booking.window_start < self.window_to
        if self.pro_number is not None:
            # With its carrier it is one text: two shipments must not make a third of theirs together.
            key = self.pro_number if self.scac is None else f"{self.scac}/{self.pro_number}"
            yield Booking.pro_numbers.contains([key])
        elif self.scac is not None:
            yield Booking.scacs.contains([self.scac])
        if self.bol is not None:
            yield Booking.bols.contains([self.bol])
        if self.appointment_number is not None:
            yield Booking.appointment_number == self.appointment_number
        if self.number_keys is not None:
            yield Booking.number_keys.overlap(list(self.number_keys))
        if self.booking_number is not None:
            yield Booking.booking_number == self.booking_number


async def page(
    connection: AsyncConnection,
    organisation_id: UUID,
    filters: Filters,
    *,
    made: bool,
    coming: bool,
    before: UUID | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """Return up to `limit` bookings, newest first: those that the organisation has `made`, and those `coming` to it."""
    walks = []
    for wanted, whose in ((made, Booking.organisation_id), (coming, Booking.warehouse_id)):
        walk = select(Booking.organisation_id, Booking.id).where(
            whose == organisation_id, *filters.conditions(organisation_id)
        )
        if before is not None:
            walk = walk.where(Booking.id < before)
        if wanted:
            walks.append(walk.order_by(Booking.id.desc()).limit(limit).subquery().select())
    together = union(*walks).subquery()
    query = (
        select(*_columns)
        .join(together, (together.c.organisation_id == Booking.organisation_id) & (together.c.id == Booking.id))
        .order_by(Booking.id.desc())
        .limit(limit)
    )
    return (await connection.execute(query)).all()


async def events(
    connection: AsyncConnection, organisation_id: UUID, booking_id: UUID, *, after: int, limit: int
) -> Sequence[Row[Any]]:
    """Return up to `limit` events of a booking after the sequence `after`, oldest first."""
    query = (
        select(Event.__table__)
        .where(Event.organisation_id == organisation_id, Event.booking_id == booking_id, Event.sequence > after)
        .order_by(Event.sequence)
        .limit(limit)
    )
    return (await connection.execute(query)).all()


async def ids_by_number(connection: AsyncConnection, number: str | None, appointment_number: str) -> Sequence[Any]:
    """Return up to 50 bookings of anybody with this booking or appointment number: id and both numbers."""
    wanted = [Booking.appointment_number == appointment_number]
    if number is not None:
        wanted.append(Booking.booking_number == number)
    query = select(Booking.id, Booking.booking_number, Booking.appointment_number).where(or_(*wanted))
    return (await connection.execute(query.order_by(Booking.id.desc()).limit(50))).all()


def _history(changed: Any, told: Told) -> Any:
    """Return the insertion of what a changed booking's history tells."""
    return (
        insert(Event)
        .from_select(
            [one.name for one in Event.__table__.c],
            select(
                changed.c.organisation_id,
                changed.c.id,
                changed.c.version,
                literal(told.type, Text),
                func.now(),
                literal(told.actor.organisation_id),
                literal(told.actor.key_id),
                literal(dict(told.data), JSONB),
            ),
        )
        .returning(Event.sequence)
        .cte("history")
    )


def _claiming(organisation_id: UUID, booking_id: UUID, bols: Collection[str]) -> Any:
    # In one order everywhere: two bookings that claim the same ones must not wait for each other crosswise.
    given = func.unnest(literal(sorted(bols), ARRAY(Text()))).table_valued(column("bol", Text)).render_derived("given")
    return (
        postgresql.insert(BolClaimRow)
        .from_select(
            ["organisation_id", "bol", "booking_id", "claimed_at"],
            select(literal(organisation_id), given.c.bol, literal(booking_id), func.now()).order_by(given.c.bol),
        )
        .on_conflict_do_nothing()
        .returning(BolClaimRow.bol)
        .cte("claimed")
    )


def _concerns(organisation_id: UUID) -> ColumnElement[bool]:
    return or_(Booking.organisation_id == organisation_id, Booking.warehouse_id == organisation_id)


def _comes_to(text: str, organisation_id: UUID) -> ColumnElement[bool]:
    """Return the condition that a booking comes to a place: by what was told, or by whose gate it is, where known."""
    told = [Booking.ship_to[name].astext == text for name in ("code", "gln")]
    try:
        seen = or_(Booking.warehouse_is_known, Booking.warehouse_id == organisation_id)
        return or_(and_(Booking.warehouse_id == UUID(text), seen), *told)
    except ValueError:
        return or_(*told)
