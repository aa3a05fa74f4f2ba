"""A server that is shut down, is full, or has become a standby: 503, and the next connection finds the new primary."""

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.connections import urls_of_each_host
from app.db.embedded import EmbeddedPostgres
from app.db.session import Database
from app.errors import TemporarilyUnavailable
from tests.proxy import Network

pytestmark = pytest.mark.alone


@pytest.mark.parametrize(
    ("sqlstate", "is_dropped"),
    [
        ("08006", True),
        ("25006", True),
        ("57P01", True),
        ("57P02", True),
        ("57P03", True),
        ("53300", False),
        ("58030", False),
        ("57014", False),
        ("40001", False),
    ],
)
async def test_what_a_failing_server_says_is_503_and_a_connection_that_leads_nowhere_is_dropped(
    database: Database, sqlstate: str, is_dropped: bool
) -> None:
    async def fail(connection: AsyncConnection) -> None:
        backends.append(await backend(connection))
        await connection.execute(text(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{sqlstate}'; END $$"))

    backends: list[int] = []
    for way in (database.look, database.change):
        with pytest.raises(TemporarilyUnavailable) as unavailable:
            await way(fail)
        assert unavailable.value.members == {}
        assert (await database.look(backend) != backends[-1]) is is_dropped


async def test_connections_that_ended_meanwhile_are_replaced_before_anybody_uses_them(
    database: Database, database_url: str
) -> None:
    ended = await asyncio.gather(*(database.look(backend_that_rests) for _ in range(5)))
    connection = await asyncpg.connect(database_url)
    for one in ended:
        await connection.execute("SELECT pg_terminate_backend($1, 2000)", one)
    await connection.close()
    await asyncio.sleep(0.1)
    again = await asyncio.gather(*(database.look(backend_that_rests) for _ in range(5)))
    assert not set(again) & set(ended)


async def test_those_who_wait_for_a_connection_get_one_once_the_database_is_back(database_url: str) -> None:
    with Network(database_url) as network:
        database = Database(network.url, pool_size=1)
        assert await database.look(backend)
        network.refused()
        waiting = [asyncio.create_task(database.look(backend)) for _ in range(20)]
        held = await asyncio.gather(*waiting, return_exceptions=True)
        assert {type(answer) for answer in held} == {TemporarilyUnavailable}
        network.back()
        assert await asyncio.wait_for(asyncio.gather(*(database.look(backend) for _ in range(20))), 2)
        await database.dispose()


async def test_a_database_that_says_nothing_is_given_up_however_long_the_work_may_take(database_url: str) -> None:
    with Network(database_url) as network:
        database = Database(network.url, pool_size=4, timeout=0.4)
        await asyncio.gather(*(database.look(backend_that_rests) for _ in range(4)))
        network.silent()
        started = time.monotonic()
        # Four have a connection, the others wait for one.
        given_up = (database.change(backend) if turn % 2 else database.look(backend) for turn in range(8))
        held = await asyncio.gather(*given_up, return_exceptions=True)
        assert {type(answer) for answer in held} == {TemporarilyUnavailable}
        assert time.monotonic() - started < 1.5
        network.back()
        assert await asyncio.wait_for(asyncio.gather(*(database.look(backend) for _ in range(8))), 1)
        await database.dispose()


async def test_work_that_takes_its_time_is_not_given_up_while_the_database_lives(database_url: str) -> None:
    database = Database(database_url, pool_size=2, timeout=0.3)
    await asyncio.gather(database.look(work_for_a_while), database.change(work_for_a_while))
    await database.dispose()


async def test_closing_does_not_wait_for_a_server_that_says_nothing(database_url: str) -> None:
    with Network(database_url) as network:
        database = Database(network.url, pool_size=2, timeout=0.3)
        assert await database.look(backend)
        network.silent()
        await asyncio.wait_for(database.dispose(), 2)


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[EmbeddedPostgres, EmbeddedPostgres]]:
    """Two servers, as a primary and its standby are."""
    one, other = (tmp_path_factory.mktemp("twins") / name for name in ("one", "other"))
    with EmbeddedPostgres(one) as first:
        asyncio.run(make(first.url))
    subprocess.run(["cp", "-a", one, other], check=True)
    with EmbeddedPostgres(one) as first, EmbeddedPostgres(other) as second:
        yield first, second


@pytest.mark.parametrize("fate", ["demoted", "refused", "silent"])
async def test_the_new_primary_among_several_hosts_is_found_without_a_restart(
    twins: tuple[EmbeddedPostgres, EmbeddedPostgres], fate: str
) -> None:
    async with AsyncExitStack() as stack:
        networks = [stack.enter_context(Network(twin.url)) for twin in twins]
        old, new = [await stack.enter_async_context(administering(twin)) for twin in twins]
        await be_writable(old, True)
        await be_writable(new, False)
        hosts = ",".join(f"127.0.0.1:{network.port}" for network in networks)
        # Without a question about TLS: of one that is cut short the driver leaves an exception that nobody asks for.
        options = "target_session_attrs=read-write&sslmode=disable"
        database = Database(f"postgresql://po_registry@{hosts}/po_registry?{options}")
        stack.push_async_callback(database.dispose)
        await asyncio.gather(*(database.change(note) for _ in range(5)))
        if fate == "demoted":
            await be_writable(old, False)
        else:
            getattr(networks[0], fate)()
        await be_writable(new, True)
        primary = await new.fetchval("SHOW data_directory")
        returned = time.monotonic()
        while await found(database) != primary:
            assert time.monotonic() - returned < 4
        await database.change(note)
        # Nobody is left with a connection to the old one.
        answered = await asyncio.gather(*(answer(database) for _ in range(8)))
        assert set(answered) == {primary}


async def test_a_server_that_is_full_holds_who_needs_a_connection_and_nobody_who_has_one(
    twins: tuple[EmbeddedPostgres, EmbeddedPostgres],
) -> None:
    async with AsyncExitStack() as stack:
        database = Database(twins[0].url, pool_size=1, timeout=0.3)
        stack.push_async_callback(database.dispose)
        assert await database.look(backend)
        # Those of an earlier test may still be on their way out.
        while (full := await connected_or_full(twins[0].url)) is not None:
            stack.push_async_callback(full.close)
        # The pulse finds no room either, and takes that for a sign of life.
        long = asyncio.create_task(database.look(work_for_a_while))
        with pytest.raises(TemporarilyUnavailable):
            await database.look_at_the_gate(backend)
        await long


async def test_a_standby_answers_no_question_unless_the_operator_says_so(database_url: str) -> None:
    # What stands for a standby here is a server that is no primary: none of the hosts is taken.
    database = Database(f"{database_url}&target_session_attrs=standby", timeout=0.9)
    with pytest.raises(TemporarilyUnavailable):
        await database.look(backend)
    await database.dispose()


@pytest.mark.parametrize(
    ("url", "urls"),
    [
        ("postgresql://u:p@a:1,b/db?x=1", ["postgresql://u:p@a:1/db?x=1", "postgresql://u:p@b/db?x=1"]),
        ("postgresql://[::1]:1,[::2]:2/db", ["postgresql://[::1]:1/db", "postgresql://[::2]:2/db"]),
        (
            "postgresql://u@/db?host=a,b&port=1,2",
            ["postgresql://u@/db?host=a&port=1", "postgresql://u@/db?host=b&port=2"],
        ),
        ("postgresql://u@/db?host=a,b", ["postgresql://u@/db?host=a", "postgresql://u@/db?host=b"]),
        ("postgresql://u@/db?host=/run/x&port=5432", ["postgresql://u@/db?host=/run/x&port=5432"]),
        ("postgresql://u:p%2Cq@a/db", ["postgresql://u:p%2Cq@a/db"]),
    ],
)
def test_a_url_with_several_hosts_is_one_url_for_each(url: str, urls: list[str]) -> None:
    assert urls_of_each_host(url) == urls


async def backend(connection: AsyncConnection) -> int:
    return int((await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one())


async def backend_that_rests(connection: AsyncConnection) -> int:
    return int((await connection.execute(text("SELECT pg_backend_pid() FROM pg_sleep(0.1)"))).scalar_one())


async def work_for_a_while(connection: AsyncConnection) -> None:
    await connection.execute(text("SELECT pg_sleep(1.5)"))


async def directory(connection: AsyncConnection) -> str:
    return str((await connection.execute(text("SHOW data_directory"))).scalar_one())


async def answer(database: Database) -> str:
    """Return whom an order asks, as soon as it is not held."""
    async with asyncio.timeout(20):
        while True:
            with suppress(TemporarilyUnavailable):
                return await database.look(directory)


async def found(database: Database) -> str:
    """Return whom the gate asks; nobody, where it is held."""
    try:
        return await database.look_at_the_gate(directory)
    except TemporarilyUnavailable:
        return ""


async def note(connection: AsyncConnection) -> None:
    await connection.execute(text("INSERT INTO noted VALUES (now())"))


async def make(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE noted (at timestamptz)")
    await connection.close()


async def connected_or_full(url: str) -> asyncpg.Connection | None:
    try:
        return await asyncpg.connect(url)
    except asyncpg.TooManyConnectionsError:
        return None


@asynccontextmanager
async def administering(postgres: EmbeddedPostgres) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(postgres.url)
    try:
        yield connection
    finally:
        await connection.close()


async def be_writable(server: asyncpg.Connection, is_writable: bool) -> None:
    value = "off" if is_writable else "on"
    await server.execute("SET default_transaction_read_only = off")
    await server.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
    await server.execute("SELECT pg_reload_conf()")
    await asyncio.sleep(0.2)
