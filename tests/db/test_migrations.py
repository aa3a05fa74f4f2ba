"""Models and migrations agree, and a migration can be taken back."""

import asyncio
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from alembic import command
from alembic.util import CommandError

from app.db.migrations import configuration, is_migrated, migrate, newest_revision
from app.db.session import Database


@pytest.fixture
def empty_database_url(database_url: str) -> str:
    """Another database beside the tests' own, empty."""

    async def create() -> None:
        connection = await asyncpg.connect(database_url)
        await connection.execute("DROP DATABASE IF EXISTS empty_one")
        await connection.execute("CREATE DATABASE empty_one")
        await connection.close()

    asyncio.run(create())
    return urlunsplit(urlsplit(database_url)._replace(path="/empty_one"))


def test_models_and_migrations_agree(database_url: str) -> None:
    try:
        command.check(configuration(database_url))
    except CommandError as difference:
        pytest.fail(f"a model has changed without a migration: {difference}")


def test_every_migration_can_be_taken_back_and_run_again(empty_database_url: str) -> None:
    migrate(empty_database_url)
    command.downgrade(configuration(empty_database_url), "base")
    migrate(empty_database_url)

    async def state() -> bool:
        database = Database(empty_database_url, pool_size=1)
        try:
            return await is_migrated(database)
        finally:
            await database.dispose()

    assert asyncio.run(state())


def test_a_database_that_was_never_migrated_is_not_ready(empty_database_url: str) -> None:
    async def state() -> bool:
        database = Database(empty_database_url, pool_size=1)
        try:
            return await is_migrated(database)
        finally:
            await database.dispose()

    assert not asyncio.run(state())
    assert newest_revision()
