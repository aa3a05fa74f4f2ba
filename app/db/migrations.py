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


async def is_migrated(database: Database) -> bool:
    """Return whether the database is at the revision that this code expects."""
    try:
        revision = await database.look(
            lambda connection: connection.scalar(text("SELECT version_num FROM alembic_version")),
            seconds=database.gate_seconds,
        )
    except ProgrammingError:
        return False
    return bool(revision == await asyncio.to_thread(newest_revision))
