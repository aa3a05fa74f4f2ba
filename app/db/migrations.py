"""Brings a database to the newest migration, and says whether it is there."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from app.db.session import Database

# Beside `app` both in a checkout and in an installed wheel.
_MIGRATIONS = Path(__file__).resolve().parent.parent.parent / "migrations"

_SECONDS_TO_LOOK = 30.0

if TYPE_CHECKING:
    from alembic.config import Config


class MigrationError(Exception):
    """The database cannot be brought to the newest migration; the text is a line for a person."""


def migrate(url: str) -> None:
    """Run every migration that the database at `url` (libpq form) has not seen yet."""
    from alembic import command  # noqa: PLC0415 - 10 MB and a second, which nobody needs who only serves
    from alembic.util import CommandError  # noqa: PLC0415 - as above

    try:
        command.upgrade(configuration(url), "head")
    except CommandError as error:
        raise MigrationError(str(error)) from error


def configuration(url: str) -> "Config":
    """Return Alembic's configuration for the database at `url`, independent of the working directory."""
    from alembic.config import Config  # noqa: PLC0415 - as above

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["url"] = url
    return config


@cache
def revisions() -> tuple[str, ...]:
    """Return the revisions that this code knows, oldest first: what the names of their files begin with."""
    found = sorted(file.name.partition("_")[0] for file in (_MIGRATIONS / "versions").glob("*_*.py"))
    if not found:
        raise RuntimeError("the package ships no migrations")
    return tuple(found)


def newest_revision() -> str:
    """Return the revision that this code expects."""
    return revisions()[-1]


async def is_migrated(database: Database) -> bool:
    """Return whether the database has every migration that this code knows.

    A revision that it does not know is a newer one: while a new version is rolled out, the old one goes on serving.
    """
    revision = await _stored_revision(database)
    return revision is not None and revision not in revisions()[:-1]


async def is_at_newest(url: str) -> bool:
    """Return whether there is nothing to migrate in the database at `url`: then Alembic need not be asked."""
    # As patient as migrating is: the server may have started this very moment.
    database = Database(url, pool_size=1, timeout=_SECONDS_TO_LOOK)
    try:
        return await _stored_revision(database) == newest_revision()
    finally:
        await database.dispose()


async def _stored_revision(database: Database) -> str | None:
    """Return the revision that the database is at; None where no migration was ever run."""
    try:
        revision: str | None = await database.look_at_the_gate(
            lambda connection: connection.scalar(text("SELECT version_num FROM alembic_version"))
        )
    except ProgrammingError:
        return None
    return revision
