"""Models and migrations agree, and a migration can be taken back."""

import asyncio
import subprocess
import sys
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from alembic import command
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from app.db.migrations import configuration, is_migrated, migrate, newest_revision, revisions
from tests.databases import patient


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
        database = patient(empty_database_url, pool_size=1)
        try:
            return await is_migrated(database)
        finally:
            await database.dispose()

    assert asyncio.run(state())


def test_a_database_that_was_never_migrated_is_not_ready(empty_database_url: str) -> None:
    async def state() -> bool:
        database = patient(empty_database_url, pool_size=1)
        try:
            return await is_migrated(database)
        finally:
            await database.dispose()

    assert not asyncio.run(state())


def test_the_names_of_the_files_say_the_revisions_in_their_order() -> None:
    scripts = ScriptDirectory(configuration("").get_main_option("script_location") or "")
    assert revisions() == tuple(script.revision for script in scripts.walk_revisions())[::-1]
    assert newest_revision() == scripts.get_current_head()


def test_who_only_serves_does_not_load_what_migrates() -> None:
    # 10 MB of a worker, and a second of its start.
    loaded = "import sys, app.cli, app.main; sys.exit('alembic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", loaded], check=False).returncode == 0
