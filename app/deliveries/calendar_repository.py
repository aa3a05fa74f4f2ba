"""SQL of calendars and of the places that bookings have taken.

A place is taken by inserting its row: of several bookings at once the first gets it, the others wait for its commit.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Integer,
    Result,
    Row,
    Select,
    Text,
    Uuid,
    and_,
    bindparam,
    delete,
    func,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from app.deliveries.calendar_models import LocationCalendarRow, SlotClaimRow
from app.deliveries.calendar_rules import LONGEST_SLOT, Claimed, Slot

Calendar = LocationCalendarRow
Claim = SlotClaimRow
_with_time = [*LocationCalendarRow.__table__.c, func.now().label("read_at")]


_TAKE_PLACE = text(
    """
    WITH wanted AS (
        SELECT place
        FROM generate_series(1, CAST(:capacity AS integer)) AS places (place)
        WHERE NOT EXISTS (
            SELECT FROM slot_claims AS same
            WHERE same.organisation_id = :organisation_id AND same.location = :location
                AND same.starts_at = :starts_at AND same.place = places.place
        )
        AND place + (
            SELECT count(*) FROM slot_claims AS beside
            WHERE beside.organisation_id = :organisation_id AND beside.location = :location
                AND beside.starts_at > :earliest AND beside.starts_at < :ends_at AND beside.ends_at > :starts_at
                AND beside.booking_id <> :booking_id
                AND (beside.starts_at <> :starts_at OR beside.place > places.place)
        ) <= :capacity
        ORDER BY mod(place + CAST(:preferred AS integer), :capacity)
        LIMIT 1
    ), got AS (
        INSERT INTO slot_claims (organisation_id, location, starts_at, place, ends_at, booking_id, claimed_at)
        SELECT :organisation_id, :location, :starts_at, place, :ends_at, :booking_id, now() FROM wanted
        ON CONFLICT DO NOTHING
        RETURNING place
    )
    SELECT (SELECT place FROM wanted) AS wanted, (SELECT place FROM got) AS got
    """
).bindparams(
    bindparam("organisation_id", type_=Uuid()),
    bindparam("booking_id", type_=Uuid()),
    bindparam("location", type_=Text()),
    *(bindparam(name, type_=DateTime(timezone=True)) for name in ("starts_at", "ends_at", "earliest")),
    *(bindparam(name, type_=Integer()) for name in ("capacity", "preferred")),
)


async def find(connection: AsyncConnection, organisation_id: UUID, location: str) -> Row[Any] | None:
    """Return the calendar of a location, with `read_at`, the database's time; None where none is kept."""
    kept = and_(_is_at(Calendar, organisation_id, location), Calendar.deleted_at.is_(None))
    return (await connection.execute(select(*_with_time).where(kept))).one_or_none()


async def kept_among(connection: AsyncConnection, organisation_id: UUID, locations: Collection[str]) -> frozenset[str]:
    """Return those of an organisation's locations that a calendar is kept for."""
    query = select(Calendar.location).where(
        Calendar.organisation_id == organisation_id, Calendar.location.in_(locations), Calendar.deleted_at.is_(None)
    )
    return frozenset(await connection.scalars(query))


async def create(
    connection: AsyncConnection, organisation_id: UUID, location: str, values: Mapping[str, Any]
) -> Row[Any] | None:
    """Begin to keep a calendar and return it; None where one is kept."""
    said = {**values, "created_at": func.now(), "updated_at": func.now()}
    statement = postgresql.insert(Calendar).values(
        organisation_id=organisation_id, location=location, version=1, **said
    )
    # One that was deleted is taken up again under its next version.
    again = {**said, "version": Calendar.version + 1, "deleted_at": None}
    statement = statement.on_conflict_do_update(
        index_elements=[Calendar.organisation_id, Calendar.location],
        set_=again,
        where=Calendar.deleted_at.is_not(None),
    )
    return (await connection.execute(statement.returning(*_with_time))).one_or_none()


async def change(
    connection: AsyncConnection, organisation_id: UUID, location: str, version: int, values: Mapping[str, Any]
) -> Row[Any] | None:
    """Replace what a calendar of this version says and return it; None where it has moved on."""
    result = await connection.execute(
        update(Calendar)
        .where(*_is_version(organisation_id, location, version))
        .values(version=version + 1, updated_at=func.now(), **values)
        .returning(*_with_time)
    )
    return result.one_or_none()


async def remove(connection: AsyncConnection, organisation_id: UUID, location: str, version: int) -> Row[Any] | None:
    """Stop keeping a calendar of this version and return it as it was; None where it has moved on."""
    result = await connection.execute(
        update(Calendar)
        .where(*_is_version(organisation_id, location, version))
        .values(deleted_at=func.now())
        .returning(*_with_time)
    )
    return result.one_or_none()


async def hold(connection: AsyncConnection, organisation_id: UUID, location: str, booking_id: UUID) -> Row[Any] | None:
    """Return a calendar as it stays until the end of the transaction, also one that was deleted; None: there was none.

    `held_from` and `held_until` are the starts and ends of the slots that the booking has a place in, in their order.
    """
    own = select(Claim.starts_at, Claim.ends_at).where(_is_of(organisation_id, location, booking_id)).subquery()
    starts = select(own.c.starts_at).order_by(own.c.starts_at)
    ends = select(own.c.ends_at).order_by(own.c.starts_at)
    held: Result[Any] = await connection.execute(
        select(*_with_time, _array(starts).label("held_from"), _array(ends).label("held_until"))
        .where(_is_at(Calendar, organisation_id, location))
        .with_for_update(read=True, of=Calendar)
    )
    return held.one_or_none()


async def take_place(
    connection: AsyncConnection, organisation_id: UUID, location: str, slot: Slot, booking_id: UUID
) -> bool:
    """Take a place in a slot for a booking; return False where all are taken.

    A place counts where the slot would not be over its capacity with all places before it taken: those beyond it,
    booked before the capacity was lowered, and those that reach into it from slots of an earlier calendar count too.
    """
    values = {
        "organisation_id": organisation_id,
        "location": location,
        "starts_at": slot.start,
        "ends_at": slot.end,
        "earliest": slot.start - LONGEST_SLOT,
        "capacity": slot.capacity,
        "booking_id": booking_id,
        # Each booking prefers other places, so that few wait for one another.
        "preferred": booking_id.int % slot.capacity,
    }
    # What looked free may have been taken while this waited for it: then another place may be free still.
    while True:
        row = (await connection.execute(_TAKE_PLACE, values)).one()
        if row.got is not None or row.wanted is None:
            return row.got is not None


async def give_back(
    connection: AsyncConnection,
    organisation_id: UUID,
    location: str,
    booking_id: UUID,
    *,
    but: Collection[tuple[datetime, datetime]] = (),
    only_from: Collection[datetime] | None = None,
) -> None:
    """Give back the places of a booking; not those in slots (start, end) of `but`, and only those from `only_from`."""
    conditions = [_is_of(organisation_id, location, booking_id)]
    if but:
        conditions.append(tuple_(Claim.starts_at, Claim.ends_at).not_in([*but]))
    if only_from is not None:
        conditions.append(Claim.starts_at.in_([*only_from]))
    await connection.execute(delete(Claim).where(*conditions))


async def claims(
    connection: AsyncConnection,
    organisation_id: UUID,
    location: str,
    start: datetime,
    end: datetime,
    *,
    without: UUID | None = None,
) -> Sequence[Claimed]:
    """Return what is booked of a span of time, by the start of it; not counting the booking `without`."""
    query = (
        select(Claim.starts_at, Claim.ends_at, func.count().label("vehicles"))
        .where(_reaches_into(organisation_id, location, start, end))
        .group_by(Claim.starts_at, Claim.ends_at)
        .order_by(Claim.starts_at)
    )
    if without is not None:
        query = query.where(Claim.booking_id != without)
    return [Claimed(row.starts_at, row.ends_at, row.vehicles) for row in await connection.execute(query)]


def _array(query: Select[Any]) -> ColumnElement[Any]:
    return func.array(query.scalar_subquery())


def _is_at(table: Any, organisation_id: UUID, location: str) -> ColumnElement[bool]:
    return and_(table.organisation_id == organisation_id, table.location == location)


def _is_version(organisation_id: UUID, location: str, version: int) -> list[ColumnElement[bool]]:
    return [_is_at(Calendar, organisation_id, location), Calendar.version == version, Calendar.deleted_at.is_(None)]


def _is_of(organisation_id: UUID, location: str, booking_id: UUID) -> ColumnElement[bool]:
    return and_(_is_at(Claim, organisation_id, location), Claim.booking_id == booking_id)


def _reaches_into(organisation_id: UUID, location: str, start: datetime, end: datetime) -> ColumnElement[bool]:
    # By the key: what began longer ago than any slot lasts has ended.
    began = and_(Claim.starts_at > start - LONGEST_SLOT, Claim.starts_at < end)
    return and_(_is_at(Claim, organisation_id, location), began, Claim.ends_at > start)
