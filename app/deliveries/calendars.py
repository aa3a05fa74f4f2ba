"""The seam to the calendars of locations: until they are kept here, every window is free."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.orders.content_schemas import Window


async def take(
    connection: AsyncConnection, *, warehouse: UUID, location_code: str | None, booking_id: UUID, window: Window
) -> None:
    """Take a place for a booking in each slot of its window, and give back those that it has in others."""


async def release(connection: AsyncConnection, *, warehouse: UUID, location_code: str | None, booking_id: UUID) -> None:
    """Give back the places of a booking."""
