"""SQL of tracking numbers on orders."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, func, null, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from app.shipments.repository import LinkOutcome
from app.shipments.tracking_models import TrackingNumberRow

Parcel = TrackingNumberRow
_KEY = ("number_key", "organisation_id", "tracking_number")


async def link(
    connection: AsyncConnection, values: Mapping[str, Any], *, own_alone: bool
) -> tuple[Row[Any] | None, LinkOutcome]:
    """Put a parcel on an order, again where it was taken off, or correct its carrier; return it.

    `own_alone`: only the organisation that put it there corrects it, and another gets None.
    """
    insert = postgresql.insert(Parcel).values(**values, linked_at=func.now(), events=0)
    renewed = {name: insert.excluded[name] for name in ("display", "carrier", "linked_by", "linked_at")}
    statement = insert.on_conflict_do_update(
        index_elements=list(_KEY), set_={**renewed, "unlinked_at": null()}, where=Parcel.unlinked_at.is_not(None)
    ).returning(Parcel.__table__)
    is_parcel = [*_is(*(values[name] for name in _KEY)), Parcel.unlinked_at.is_(None)]
    if own_alone:
        is_parcel.append(Parcel.linked_by == values["linked_by"])
    while True:
        if (made := (await connection.execute(statement)).one_or_none()) is not None:
            return made, LinkOutcome.MADE
        change = (
            update(Parcel)
            .where(*is_parcel, func.lower(Parcel.carrier) != func.lower(values["carrier"]))
            .values(carrier=values["carrier"])
            .returning(Parcel.__table__)
        )
        if (changed := (await connection.execute(change)).one_or_none()) is not None:
            return changed, LinkOutcome.CHANGED
        # Only an unlinking between the statements makes another round.
        found = await find(connection, *(values[name] for name in _KEY))
        if found is not None:
            mine = not own_alone or found.linked_by == values["linked_by"]
            return found if mine else None, LinkOutcome.UNCHANGED


async def unlink(
    connection: AsyncConnection,
    number_key: str,
    organisation_id: UUID,
    tracking_number: str,
    *,
    linked_by: UUID | None,
) -> Row[Any] | None:
    """Take a parcel off an order and return it; None where there is none (by `linked_by`)."""
    conditions = [*_is(number_key, organisation_id, tracking_number), Parcel.unlinked_at.is_(None)]
    if linked_by is not None:
        conditions.append(Parcel.linked_by == linked_by)
    result = await connection.execute(
        update(Parcel).where(*conditions).values(unlinked_at=func.now()).returning(Parcel.__table__)
    )
    found: Row[Any] | None = result.one_or_none()
    return found


async def find(
    connection: AsyncConnection, number_key: str, organisation_id: UUID, tracking_number: str
) -> Row[Any] | None:
    """Return a parcel that is on an order."""
    result = await connection.execute(
        select(Parcel.__table__).where(*_is(number_key, organisation_id, tracking_number), Parcel.unlinked_at.is_(None))
    )
    found: Row[Any] | None = result.one_or_none()
    return found


async def parcels_of(
    connection: AsyncConnection, number_key: str, organisation_id: UUID, *, after: str | None, limit: int
) -> Sequence[Row[Any]]:
    """Return up to `limit` parcels of an order after the key `after`, in the order of their keys."""
    query = (
        select(Parcel.__table__)
        .where(Parcel.number_key == number_key, Parcel.organisation_id == organisation_id, Parcel.unlinked_at.is_(None))
        .order_by(Parcel.tracking_number)
        .limit(limit)
    )
    if after is not None:
        query = query.where(Parcel.tracking_number > after)
    return (await connection.execute(query)).all()


def _is(number_key: str, organisation_id: UUID, tracking_number: str) -> list[ColumnElement[bool]]:
    return [
        Parcel.number_key == number_key,
        Parcel.organisation_id == organisation_id,
        Parcel.tracking_number == tracking_number,
    ]
