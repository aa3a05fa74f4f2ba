"""Runs the migrations, online only, with time-outs: a migration that cannot get its lock gives up, traffic goes on."""

import asyncio
import os

import asyncpg
from alembic import context
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

# Each import fills the metadata with the tables of a domain.
import app.access.models
import app.cases.models
import app.db.idempotency_keys
import app.db.look_up_counts
import app.deliveries.calendar_models
import app.deliveries.models
import app.events.models
import app.exchange.models
import app.numbers.models
import app.orders.announcement_models
import app.orders.models
import app.organisations.models
import app.shipments.models
import app.shipments.tracking_models
import app.webhooks.models  # noqa: F401
from app.db.base import Base

LOCK_TIMEOUT = "5s"
STATEMENT_TIMEOUT = "15min"
MIGRATION_LOCK = 7_401_985_501_377


def run(connection: Connection) -> None:
    """Migrate in one transaction per revision; two processes that start together do it one after the other."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_type=True,
        compare_server_default=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


async def connect_and_run(url: str) -> None:
    """Open one connection for the whole run."""

    async def connect(*_: object, **__: object) -> asyncpg.Connection:
        return await asyncpg.connect(url, timeout=10, server_settings={"application_name": "po-registry migrate"})

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.execute(text(f"SET statement_timeout = '{STATEMENT_TIMEOUT}'"))
        # Waiting here holds no lock that traffic wants; waiting inside a migration would.
        await connection.execute(text(f"SELECT pg_advisory_lock({MIGRATION_LOCK})"))
        await connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
        await connection.commit()
        await connection.run_sync(run)
        await connection.commit()
    await engine.dispose()


if context.is_offline_mode():
    raise SystemExit("Migrations run against a database: set DATABASE_URL.")

asyncio.run(connect_and_run(context.config.attributes.get("url") or os.environ["DATABASE_URL"]))
