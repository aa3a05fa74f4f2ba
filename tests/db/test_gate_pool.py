"""The connections of the gate, which stay checked out: whatever becomes of one, its place is there for the next."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.pool import Pool

from app.db.session import Database
from app.db.statements import fetch
from tests.databases import patient

TIMES = 5


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """With one connection for the gate."""
    database = patient(database_url, pool_size=3)
    yield database
    await database.dispose()


async def backend(connection: AsyncConnection) -> int:
    (row,) = await fetch(connection, "SELECT pg_backend_pid() AS backend")
    number: int = row["backend"]
    return number


async def test_looks_one_after_the_other_share_a_connection_that_stays_out(database: Database) -> None:
    given_out = []

    def remember(connection: object, *_: object) -> None:
        given_out.append(connection)

    event.listen(Pool, "checkout", remember)
    try:
        assert len({await database.look_at_the_gate(backend) for _ in range(TIMES)}) == 1
    finally:
        event.remove(Pool, "checkout", remember)
    assert len(given_out) == 1


async def test_a_connection_that_is_cut_is_replaced_however_often(database: Database, database_url: str) -> None:
    operator = await asyncpg.connect(database_url)
    seen = []
    for _ in range(TIMES):
        seen.append(await database.look_at_the_gate(backend))
        await operator.execute("SELECT pg_terminate_backend($1, 5000)", seen[-1])
        await asyncio.sleep(0.1)
    await operator.close()
    assert len({*seen}) == TIMES


async def test_a_look_that_fails_leaves_its_place(database: Database) -> None:
    async def wrong(connection: AsyncConnection) -> None:
        await fetch(connection, "SELECT 1 / 0")

    async def wrong_by_sqlalchemy(connection: AsyncConnection) -> None:
        await connection.execute(text("SELECT 1 / 0"))

    for _ in range(TIMES):
        for one in (wrong, wrong_by_sqlalchemy):
            with pytest.raises(Exception, match="division by zero"):
                await database.look_at_the_gate(one)
        assert await database.look_at_the_gate(backend)


async def test_a_look_that_is_given_up_leaves_its_place(database: Database) -> None:
    async def long(connection: AsyncConnection) -> None:
        await fetch(connection, "SELECT pg_sleep(60)")

    for _ in range(TIMES):
        look = asyncio.create_task(database.look_at_the_gate(long))
        await asyncio.sleep(0.1)
        look.cancel()
        with pytest.raises(asyncio.CancelledError):
            await look
        assert await database.look_at_the_gate(backend)


async def test_what_sqlalchemy_begins_ends_with_the_look(database: Database) -> None:
    async def begun(connection: AsyncConnection) -> bool:
        was_begun = connection.in_transaction()
        await connection.execute(text("SELECT 1"))
        return was_begun

    assert [await database.look_at_the_gate(begun) for _ in range(TIMES)] == [False] * TIMES
