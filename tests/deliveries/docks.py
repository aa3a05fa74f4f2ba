"""Calendars for tests, and bookings that only take their slots."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from app.db.identifiers import new_id
from app.db.session import Database
from app.deliveries import calendars
from app.errors import Problem
from app.orders.content_schemas import Window
from tests.databases import patient
from tests.parties import Party

LOCATION = "HAM-2"
ROUND_THE_CLOCK = [{"opens": "00:00", "closes": "24:00"}]
EVERY_DAY = dict.fromkeys(
    ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"), ROUND_THE_CLOCK
)


def content(**said: Any) -> dict[str, Any]:
    """What a calendar says: an hour a slot, one vehicle each, round the clock, unless `said` otherwise."""
    return {"time_zone": "UTC", "slot_minutes": 60, "capacity": 1, "opening_hours": EVERY_DAY, **said}


def keep(warehouse: Party, code: str = LOCATION, **said: Any) -> dict[str, Any]:
    """Keep a calendar, in place of the one that is there."""
    path = f"/v1/locations/{code}/calendar"
    there = warehouse.get(path)
    match = {"If-Match": there.headers["ETag"]} if there.status_code == 200 else {}
    answer = warehouse.put(path, content(**said), headers=match)
    assert answer.status_code in {200, 201}, answer.text
    stored: dict[str, Any] = answer.json()
    return stored


def tomorrow(hour: int = 0, minute: int = 0, *, days: int = 1) -> datetime:
    """An hour of tomorrow, or of a day so many `days` ahead, UTC."""
    day = (datetime.now(UTC) + timedelta(days=days)).date()
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hour, minutes=minute)


def window(start: datetime, hours: float = 1) -> Window:
    return Window(start=start, end=start + timedelta(hours=hours))


def written(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")


class Bookings:
    """Takes and gives back slots, each time in a transaction of its own, as booking, moving and cancelling do."""

    def __init__(self, database: Database, warehouse: Party, location: str | None = LOCATION) -> None:
        self.database = database
        self.warehouse = UUID(warehouse.id)
        self.location = location

    async def take(
        self, wanted: Window, booking_id: UUID | None = None, *, seconds: float = 0
    ) -> tuple[UUID, Problem | None]:
        """Take what is wanted and return for whom, and what stood in the way; `seconds` of other work follow."""
        booking = booking_id or new_id()

        async def work(connection: Any) -> None:
            await calendars.take(
                connection,
                warehouse=self.warehouse,
                location_code=self.location,
                booking_id=booking,
                window=wanted,
            )
            await asyncio.sleep(seconds)

        try:
            await self.database.change(work)
        except Problem as problem:
            return booking, problem
        return booking, None

    async def release(self, booking_id: UUID) -> None:
        await self.database.change(
            lambda connection: calendars.release(
                connection, warehouse=self.warehouse, location_code=self.location, booking_id=booking_id
            )
        )


@asynccontextmanager
async def many_connections(url: str, number: int = 25) -> AsyncIterator[Database]:
    database = patient(url, pool_size=number)
    try:
        yield database
    finally:
        await database.dispose()


def starts(problem: Problem) -> Sequence[str]:
    """Return the starts of the next free windows that a problem names."""
    named = problem.members["next_free"]
    assert isinstance(named, list)
    return [str(one["start"]) for one in named if isinstance(one, dict)]
