"""The time: the database's, never this machine's (rule 4 of the house)."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection


async def now(connection: AsyncConnection) -> datetime:
    """Return the time of the running transaction."""
    moment: datetime = (await connection.execute(select(func.now()))).scalar_one()
    return moment
