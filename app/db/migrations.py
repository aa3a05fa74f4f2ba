"""Brings a database to the newest migration, and says whether it is there."""

import asyncio
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from app.db.session import Database

# Beside `app` both in a checkout and in an installed wheel.
_MIGRATIONS = Path(__file__).resolve().parent.parent.parent / "migrations"


def migrate(url: str) -> None:
    """Run every migration that the database at `url` (libpq form) has not seen yet."""
    command.upgrade(configuration(url), "head")


def configuration(url: str) -> Config:
    """Return Alembic's configuration for the database at `url`, independent of the working directory."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["url"] = url
    return config


@cache
def newest_revision() -> str:
    """Return the revision that this code expects."""
    revision = ScriptDirectory(str(_MIGRATIONS)).get_current_head()
    if revision is None:
        raise RuntimeError("the package ships no migrations")
    return revision


@cache
def _older_revisions() -> frozenset[str]:
    revisions = ScriptDirectory(str(_MIGRATIONS)).walk_revisions()
    return frozenset(script.revision for script in revisions) - {newest_revision()}


async def is_migrated(database: Database) -> bool:
    """Return whether the database has every migration that this code knows.

    A revision that it does not know is a newer one: while a new version is rolled out, the old one goes on serving.
    """
    try:
        revision = await database.look_at_the_gate(
            lambda connection: connection.scalar(text("SELECT version_num FROM alembic_version"))
        )
    except ProgrammingError:
        return False
    return revision is not None and revision not in await asyncio.to_thread(_older_revisions)
