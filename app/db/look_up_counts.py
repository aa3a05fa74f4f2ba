"""Counts of look-ups by organisation, for all processes together: what the limit on guessing is held against."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import case, func, literal
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base

WINDOW: Final = timedelta(hours=1)


class LookUpCountRow(Base):
    """What an organisation has looked up in the running window and in the one before it."""

    __tablename__ = "look_up_counts"
    __table_args__ = ({"comment": "dist:organisation_id - look-ups of numbers without a relation, by the hour"},)

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    window_start: Mapped[datetime]
    unrelated: Mapped[int]
    unrelated_before: Mapped[int]
    related_at: Mapped[datetime | None]


@dataclass(frozen=True, slots=True)
class Counted:
    """Look-ups of an organisation since the last writing; `related`: one at least met an order that names it."""

    organisation_id: UUID
    unrelated: int
    related: bool


@dataclass(frozen=True, slots=True)
class Usage:
    """Look-ups of an organisation in the window that began at `window_start` and in the one before it.

    `related_at`: when one of them last met an order that names the organisation; `now`: the time of this statement.
    """

    organisation_id: UUID
    window_start: datetime
    unrelated: int
    unrelated_before: int
    related_at: datetime | None
    now: datetime


async def add(connection: AsyncConnection, counted: Sequence[Counted]) -> list[Usage]:
    """Add what was counted, one item per organisation, and return the sums over all processes."""
    row = LookUpCountRow
    window = func.date_bin(literal(WINDOW), func.now(), func.to_timestamp(0))
    given = insert(row).values(
        [
            {
                "organisation_id": one.organisation_id,
                "window_start": window,
                "unrelated": one.unrelated,
                "unrelated_before": 0,
                "related_at": func.now() if one.related else None,
            }
            # Always in one order: two processes must not wait for each other.
            for one in sorted(counted, key=lambda one: one.organisation_id)
        ]
    )
    new = given.excluded
    same, next_one = row.window_start == new.window_start, row.window_start == new.window_start - literal(WINDOW)
    statement = given.on_conflict_do_update(
        index_elements=[row.organisation_id],
        set_={
            "window_start": new.window_start,
            "unrelated": case((same, row.unrelated + new.unrelated), else_=new.unrelated),
            "unrelated_before": case((same, row.unrelated_before), (next_one, row.unrelated), else_=0),
            "related_at": func.greatest(row.related_at, new.related_at),
        },
    ).returning(*row.__table__.c, func.now().label("now"))
    return [Usage(**found._asdict()) for found in await connection.execute(statement)]
