"""The time: the database's, never this machine's (rule 4 of the house)."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.statements import fetch


async def now(connection: AsyncConnection) -> datetime:
    """Return the time of the running transaction."""
    (row,) = await fetch(connection, "SELECT now() AS moment")
    moment: datetime = row["moment"]
    return moment
