"""Statements of the hot path, written out: the driver prepares each once per connection, and nothing is compiled.

What SQLAlchemy does for a statement of its own (a key for its cache, a compiled form, rows of its own kind) takes the
event loop five times as long as the driver takes for the statement itself.
"""

from collections.abc import Sequence
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.base import Base
from app.db.connections import is_gone


async def fetch(connection: AsyncConnection, statement: str, *values: Any) -> Sequence[dict[str, Any]]:
    """Return the rows of a statement with parameters $1, $2, ..., past SQLAlchemy itself wherever that can be.

    Raises what the driver raises, or a DBAPIError.
    """
    driver = await _driver(connection)
    if driver is None:
        result = await connection.exec_driver_sql(statement, values)
        return [dict(row) for row in result.mappings()] if result.returns_rows else []
    try:
        return [dict(record) for record in await driver.fetch(statement, *values)]
    except asyncpg.PostgresError as error:
        if is_gone(error):
            await connection.invalidate()
        raise


def columns(table: type[Base], alias: str) -> str:
    """Return every column of a table for a SELECT list, by the name of the table in the statement."""
    return ", ".join(f'{alias}."{column.name}"' for column in table.__table__.columns)


async def _driver(connection: AsyncConnection) -> asyncpg.Connection | None:
    """Return the driver's connection; None where a transaction has yet to begin: only SQLAlchemy knows when."""
    driver = (await connection.get_raw_connection()).driver_connection
    if driver is None or not (_stands_alone(connection) or driver.is_in_transaction()):
        return None
    return driver


def _stands_alone(connection: AsyncConnection) -> bool:
    return connection.sync_connection is not None and (
        connection.sync_connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT"
    )
