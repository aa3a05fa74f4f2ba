"""Keys that are made without a key: the first of a new data directory, and those of `po-registry create-key`."""

import os
import sys
from pathlib import Path
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.access import service
from app.access.schemas import CreateApiKey
from app.db.embedded_cluster import sync
from app.db.session import Database
from app.http.errors import NotFound
from app.organisations import repository as organisation_rows
from app.organisations import service as organisations
from app.organisations.schemas import CreateOrganisation
from app.principal import Scope
from app.settings import SettingsError

FIRST_ORGANISATION = "Demo"
KEY_FILE = "admin.key"


async def create_first_key(url: str, data_directory: Path) -> None:
    """Give a new database the organisation `Demo` and a key with every scope, written to `admin.key` (0600).

    The file is on disk before the key is committed: a crash in between leaves a file whose key never worked and which
    the next start replaces, and never a database whose only key nobody knows.
    """
    database = Database(url, pool_size=1)
    try:
        async with database.transaction() as connection:
            if await organisation_rows.exists_any(connection):
                return
            secret = await _create(
                connection, CreateApiKey(name="First key", scopes=list(Scope)), FIRST_ORGANISATION, None
            )
            _write_durably(data_directory / KEY_FILE, secret)
    finally:
        await database.dispose()
    if sys.stderr.isatty():
        sys.stderr.write(f"\nYour first API key (also in {data_directory / KEY_FILE}):\n\n    {secret}\n\n")


async def create_key(url: str, body: CreateApiKey, new_organisation: str | None, organisation_id: UUID | None) -> str:
    """Create a key for a new organisation or an existing one and return its secret; raises NotFound."""
    database = Database(url, pool_size=1)
    try:
        async with database.transaction() as connection:
            return await _create(connection, body, new_organisation, organisation_id)
    finally:
        await database.dispose()


async def _create(
    connection: AsyncConnection, body: CreateApiKey, new_organisation: str | None, organisation_id: UUID | None
) -> str:
    if new_organisation is not None:
        made = await organisations.create(connection, None, CreateOrganisation(name=new_organisation))
        organisation_id = made.id
    if organisation_id is None or await organisation_rows.find(connection, organisation_id) is None:
        raise NotFound(f"There is no organisation {organisation_id}.")
    key = await service.create_unchecked(connection, None, organisation_id, body)
    if key.key is None:
        raise RuntimeError("a new key has a secret")
    return key.key


def _write_durably(path: Path, secret: str) -> None:
    """Replace the file, readable by its directory's owner alone, and wait until it is on disk; raises SettingsError.

    Links are not followed: as root we may work in a directory of a user who must not lead us elsewhere.
    """
    new = path.with_suffix(".new")
    try:
        new.unlink(missing_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w") as file:
            if os.geteuid() == 0:
                owner = path.parent.stat()
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
            file.write(secret + "\n")
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
        sync(path.parent)
    except OSError as error:
        raise SettingsError(f"{path} cannot be written ({error.strerror}): set PO_REGISTRY_DATA_DIR.") from error
