"""What tests of the feed share."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.db.migrations import migrate
from app.db.session import Database
from tests.databases import patient


@pytest.fixture
async def workerless(new_database: str) -> AsyncIterator[Database]:
    """A migrated database of the test's own, which no worker looks after."""
    await asyncio.to_thread(migrate, new_database)
    database = patient(new_database, pool_size=2)
    yield database
    await database.dispose()
