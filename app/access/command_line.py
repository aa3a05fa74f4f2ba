"""Keys that are made without a key: the first of a new data directory, and those of `po-registry create-key`."""

import os
import sys
from pathlib import Path
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.access import service
from app.access.schemas import CreateApiKey
from app.db.session import Database
from app.http.errors import NotFound
from app.organisations import repository as organisation_rows
from app.organisations import service as organisations
from app.organisations.schemas import CreateOrganisation
from app.principal import Scope

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
    """Replace the file, readable by its owner alone, and wait until it is on disk."""
    new = path.with_suffix(".new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(secret + "\n")
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
