"""Connections to Postgres: found among its hosts, kept in pools, and dropped once their server is gone."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from weakref import WeakSet

import asyncpg
from pydantic_core import from_json
from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

_GONE_SQLSTATE_CLASSES: Final = ("08", "57P")
_READ_ONLY: Final = "25006"


class Connector:
    """Makes connections to the one Postgres that a URL names, on whichever of its hosts that is now."""

    def __init__(
        self, url: str, *, timeout: float, statement_cache_size: int, settings: dict[str, str], any_host: bool = False
    ) -> None:
        """Take the libpq URL; `timeout` in seconds is for all hosts together, `settings` are the server's.

        `any_host`: a standby does as well as the primary.
        """
        self._urls = urls_of_each_host(url)
        self._timeout = timeout
        self._statement_cache_size = statement_cache_size
        self._settings = settings
        wanted = dict(parse_qsl(urlsplit(url).query)).get("target_session_attrs")
        # Verdicts and keys never come from a standby, unless the operator's own URL says so.
        self._attributes = {} if wanted or any_host else {"target_session_attrs": "primary"}
        self._must_write = wanted == "read-write"
        self._open: WeakSet[asyncpg.Connection] = WeakSet()

    async def connect(self, *, settings: Mapping[str, str] = MappingProxyType({})) -> asyncpg.Connection:
        """Return a new connection, to the host that was right last time where it still is; `settings`: further ones.

        Each host has its share of the time: one that says nothing at all must not keep us from the others.
        """
        fault: Exception | None = None
        for url in list(self._urls):
            try:
                connection = await asyncpg.connect(
                    url,
                    timeout=self._timeout / len(self._urls),
                    statement_cache_size=self._statement_cache_size,
                    server_settings={**self._settings, **settings},
                    **self._attributes,
                )
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
                fault = error
                continue
            if url != self._urls[0]:
                # The primary has moved: what still leads to the old one may never say so.
                self.drop_all()
                self._urls.remove(url)
                self._urls.insert(0, url)
            self._open.add(connection)
            return connection
        raise fault or OSError("the URL names no host")

    def is_stale(self, connection: asyncpg.Connection) -> bool:
        """Return whether a connection leads nowhere, or to a server that reported itself as read-only since."""
        if connection.is_closed():
            return True
        settings = connection.get_settings()
        return self._must_write and getattr(settings, "default_transaction_read_only", "off") == "on"

    def drop_all(self) -> None:
        """Drop every connection at once, without a word to a server that hears none: who waits on one gets an error."""
        for connection in list(self._open):
            connection.terminate()


class Pool:
    """Up to `size` connections, and the line of those who wait for one.

    The line is ours: SQLAlchemy's own tells none of those who wait that a place became free because its connection
    could not be made, and they would go on waiting after the database has returned.
    """

    def __init__(
        self,
        connector: Connector,
        size: int,
        patience: float,
        settings: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Make a pool whose line is left after `patience` seconds; `settings`: the server's, for its connections."""
        self._connector = connector
        self._places = asyncio.Semaphore(size)
        self._patience = patience
        self._engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=lambda *_, **__: connector.connect(settings=settings),
            pool_size=size,
            max_overflow=0,
            pool_timeout=patience,
            pool_use_lifo=True,
            # What an error says must never carry values: they are people's data, or secrets.
            hide_parameters=True,
            # Of an order eight columns hold JSON; Python's own reader takes three times as long.
            json_deserializer=from_json,
        )
        # Mostly one statement: without BEGIN and ROLLBACK it is one round trip instead of three.
        self._autocommit = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        event.listen(self._engine.sync_engine, "checkout", self._replace_stale)
        event.listen(self._engine.sync_engine, "handle_error", _drop_gone)

    @asynccontextmanager
    async def place(self) -> AsyncIterator[AsyncEngine]:
        """Yield the engine once it has a connection to give; raises TimeoutError when that takes too long."""
        async with asyncio.timeout(self._patience):
            await self._places.acquire()
        try:
            yield self._engine
        finally:
            self._places.release()

    @asynccontextmanager
    async def looking(self) -> AsyncIterator[AsyncConnection]:
        """Yield a connection on which each statement stands alone; raises what `place` does."""
        async with self.place(), self._autocommit.connect() as connection:
            yield connection

    async def dispose(self) -> None:
        """Close every connection."""
        await self._engine.dispose()

    def _replace_stale(self, connection: Any, *_: object) -> None:
        # Costs no round trip: after an outage the whole pool is stale, and nobody shall find that out the hard way.
        if self._connector.is_stale(connection.driver_connection):
            connection.driver_connection.terminate()
            raise DisconnectionError


class GatePool(Pool):
    """A pool for those in a hurry, who only look: what they ask is planned once, and connections stay checked out.

    SQLAlchemy takes as long to give a connection out and to take it back as a look-up takes. It is given back where
    anything went wrong with it.
    """

    def __init__(self, connector: Connector, size: int, patience: float, *, behind_pooler: bool) -> None:
        """`behind_pooler`: the server's connections are not ours to set, and nothing is prepared on them."""
        super().__init__(connector, size, patience, {} if behind_pooler else _PLANNED_ONCE)
        self._kept: list[tuple[AsyncConnection, asyncpg.Connection]] = []

    @asynccontextmanager
    async def looking(self) -> AsyncIterator[AsyncConnection]:
        """Yield one that the next look has too, unless this one goes wrong."""
        async with self.place(), AsyncExitStack() as giving_back:
            connection = await self._next()
            giving_back.push_async_exit(connection)
            yield connection
            if connection.in_transaction():
                # So SQLAlchemy says: for the server each statement has stood alone.
                await connection.rollback()
            driver = (await connection.get_raw_connection()).driver_connection
            giving_back.pop_all()
            self._kept.append((connection, driver))

    async def dispose(self) -> None:
        """Close every connection."""
        while self._kept:
            connection, _ = self._kept.pop()
            await connection.close()
        await super().dispose()

    async def _next(self) -> AsyncConnection:
        while self._kept:
            connection, driver = self._kept.pop()
            if not self._connector.is_stale(driver):
                return connection
            driver.terminate()
            # Whoever gives up meanwhile: SQLAlchemy counts those that are out.
            await asyncio.shield(connection.close())
        return await self._autocommit.connect()


# Of a list Postgres takes its own length to be unusual, and plans anew each time: five times as long as the look-up
# itself, which has but one way, along a key.
_PLANNED_ONCE: Final = {"plan_cache_mode": "force_generic_plan"}


def _drop_gone(failure: ExceptionContext) -> None:
    """Let no pool keep a connection to a server that is shut down or has become a standby."""
    if is_gone(failure.original_exception):
        failure.is_disconnect = True


def is_gone(error: BaseException) -> bool:
    """Return whether an error of the driver says that its server is shut down or has become a standby."""
    state = getattr(error, "sqlstate", None) or ""
    return state == _READ_ONLY or state.startswith(_GONE_SQLSTATE_CLASSES)


def urls_of_each_host(url: str) -> list[str]:
    """Return a libpq URL with several hosts as one URL for each: `a:5432,b/db` or `/db?host=a,b&port=5432,5433`."""
    parts = urlsplit(url)
    user, at, hosts = parts.netloc.rpartition("@")
    if "," in hosts:
        return [urlunsplit(parts._replace(netloc=user + at + host)) for host in hosts.split(",")]
    query = parse_qsl(parts.query, keep_blank_values=True)
    named, ports = (dict(query).get(name, "").split(",") for name in ("host", "port"))
    if len(named) < 2:
        return [url]
    ports = ports * len(named) if len(ports) == 1 else ports
    others = [(name, value) for name, value in query if name not in {"host", "port"}]
    each = [[*others, ("host", host), ("port", port)] for host, port in zip(named, ports, strict=False)]
    return [
        urlunsplit(parts._replace(query=urlencode([(name, value) for name, value in one if value or name != "port"])))
        for one in each
    ]


def sqlstate(error: DBAPIError) -> str | None:
    """Return the SQLSTATE of a database error (Postgres, appendix A), or None when the connection itself failed."""
    state = getattr(error.orig, "sqlstate", None)
    return state if isinstance(state, str) else None
