"""The engine, and the two ways to the database: `transaction` for what writes, `look` for what only looks.

Every failure that means "the database is out of reach or too slow" leaves here as `TemporarilyUnavailable`, so no
caller can take it for an answer.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

import asyncpg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from app.errors import TemporarilyUnavailable
from app.settings import Settings

LOCK_TIMEOUT_MILLISECONDS = 2_000
"""The contract's 2 s that a duplicate waits for the first request with its Idempotency-Key."""

STATEMENT_TIMEOUT_MILLISECONDS: Final = 20_000
SECONDS_FOR_A_LOOK: Final = 20.0
"""A list may take its time; the gate has a time-out of its own, `Database.gate_seconds`."""

SECONDS_FOR_A_CONNECTION: Final = 10.0
"""How long a request that writes or lists waits for a connection: in a rush, better late than refused."""

SECONDS_FOR_A_CHANGE: Final = 25.0
"""Longer than any statement may take: it ends the wait for a server that says nothing at all."""

LOCK_NOT_AVAILABLE = "55P03"

Result = TypeVar("Result")

# Connection lost, resources, intervention of an operator; and credentials or a database that are refused while we run.
_UNAVAILABLE_SQLSTATE_CLASSES = ("08", "28", "3D", "53", "57")
_UNAVAILABLE_SQLSTATES = frozenset(
    {
        "25006",  # read-only transaction: a standby, in the middle of a failover
        "40001",  # serialization failure
        "40P01",  # deadlock
        LOCK_NOT_AVAILABLE,
    }
)


_SET_FOR_ONE_TRANSACTION: Final = text(
    f"SELECT set_config('lock_timeout', '{LOCK_TIMEOUT_MILLISECONDS}', true), "
    f"set_config('statement_timeout', '{STATEMENT_TIMEOUT_MILLISECONDS}', true)"
)


class Database:
    """One pool of connections to one Postgres; time-outs in seconds."""

    def __init__(self, url: str, *, pool_size: int = 10, statement_cache_size: int = 500, timeout: float = 0.9) -> None:
        self._url = url
        self.gate_seconds = timeout
        self._given_up: set[asyncio.Task[Any]] = set()
        self._statement_cache_size = statement_cache_size
        # A pooler in transaction mode (PgBouncer) is what makes prepared statements impossible.
        self._behind_pooler = statement_cache_size == 0
        self._engine = self._pool(pool_size, SECONDS_FOR_A_CONNECTION)
        # Keys and the gate have connections of their own: they must not queue behind a rush of orders.
        self._gate_engine = self._pool(gate_connections(pool_size), timeout)

    @classmethod
    def of(cls, settings: Settings, url: str, *, pool_size: int | None = None) -> "Database":
        """Return the database at `url` with the pool that the settings ask for, or one of `pool_size`."""
        return cls(
            url,
            pool_size=pool_size or settings.database_pool_size,
            statement_cache_size=settings.database_statement_cache_size,
            timeout=settings.database_timeout,
        )

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """Yield a connection inside a transaction: committed when the block ends, rolled back when it raises.

        Where the connection breaks during the commit, the problem says that the outcome is unknown.
        """
        worked = False
        try:
            with _unavailable_when_out_of_reach():
                async with self._engine.begin() as connection:
                    if self._behind_pooler:
                        # Its server connections are shared: what is set must end with the transaction.
                        await connection.execute(_SET_FOR_ONE_TRANSACTION)
                    yield connection
                    worked = True
        except TemporarilyUnavailable as error:
            if worked:
                raise TemporarilyUnavailable.with_unknown_outcome() from error
            raise

    async def change(
        self, work: Callable[[AsyncConnection], Awaitable[Result]], *, seconds: float = SECONDS_FOR_A_CHANGE
    ) -> Result:
        """Return what `work` did in a transaction that is committed now; raises what `transaction` does.

        After `seconds` it is given up, with an unknown outcome: a database that hangs may commit what it was sent.
        """
        return await self._within(seconds, self._change(work), TemporarilyUnavailable.with_unknown_outcome)

    async def look(
        self, work: Callable[[AsyncConnection], Awaitable[Result]], *, seconds: float = SECONDS_FOR_A_LOOK
    ) -> Result:
        """Return what `work` finds on a connection on which each statement stands alone; for looking only.

        After `seconds` it is given up, TemporarilyUnavailable, whatever the connection is doing: its clean-up (another
        two seconds where the database hangs) goes on without the caller.
        """
        return await self._within(seconds, self._look(self._engine, work), TemporarilyUnavailable)

    async def look_at_the_gate(self, work: Callable[[AsyncConnection], Awaitable[Result]]) -> Result:
        """Do the same for a lorry that waits: on a connection of the gate's own, for `gate_seconds` at most."""
        return await self._within(self.gate_seconds, self._look(self._gate_engine, work), TemporarilyUnavailable)

    async def _within(
        self, seconds: float, doing: Coroutine[Any, Any, Result], too_late: Callable[[], TemporarilyUnavailable]
    ) -> Result:
        task = asyncio.create_task(doing)
        try:
            await asyncio.wait({task}, timeout=seconds)
            if task.done():
                return task.result()
        finally:
            if not task.done():
                task.cancel()
                self._given_up.add(task)
                task.add_done_callback(self._forget)
        raise too_late()

    async def _change(self, work: Callable[[AsyncConnection], Awaitable[Result]]) -> Result:
        async with self.transaction() as connection:
            return await work(connection)

    async def _look(self, engine: AsyncEngine, work: Callable[[AsyncConnection], Awaitable[Result]]) -> Result:
        # Mostly one statement: without BEGIN and ROLLBACK it is one round trip instead of three.
        autocommit = engine.execution_options(isolation_level="AUTOCOMMIT")
        with _unavailable_when_out_of_reach():
            async with autocommit.connect() as connection:
                return await work(connection)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._given_up.discard(task)
        if not task.cancelled():
            # Asked for, so that asyncio does not report it as an error that nobody looked at.
            task.exception()

    async def dispose(self) -> None:
        """Close every connection."""
        await self._engine.dispose()
        await self._gate_engine.dispose()

    def _pool(self, size: int, seconds: float) -> AsyncEngine:
        return create_async_engine(
            "postgresql+asyncpg://",
            async_creator=self._connect,
            pool_size=size,
            max_overflow=0,
            pool_timeout=seconds,
            pool_use_lifo=True,
            # What an error says must never carry values: they are people's data, or secrets.
            hide_parameters=True,
        )

    async def _connect(self, *_: Any, **__: Any) -> asyncpg.Connection:
        settings = {
            "application_name": "po-registry",
            "lock_timeout": str(LOCK_TIMEOUT_MILLISECONDS),
            "statement_timeout": str(STATEMENT_TIMEOUT_MILLISECONDS),
            "idle_in_transaction_session_timeout": "30000",
            "timezone": "UTC",
        }
        # A pooler refuses settings that a server connection would keep.
        return await asyncpg.connect(
            self._url,
            timeout=self.gate_seconds,
            statement_cache_size=self._statement_cache_size,
            server_settings={"application_name": "po-registry"} if self._behind_pooler else settings,
        )


def gate_connections(pool_size: int) -> int:
    """Return how many connections keys and the gate have besides the `pool_size` of all else."""
    return max(1, pool_size // 3)


def sqlstate(error: DBAPIError) -> str | None:
    """Return the SQLSTATE of a database error (Postgres, appendix A), or None when the connection itself failed."""
    state = getattr(error.orig, "sqlstate", None)
    return state if isinstance(state, str) else None


class _unavailable_when_out_of_reach:  # noqa: N801 - reads as a statement where it is used
    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if error is not None and _is_out_of_reach(error):
            raise TemporarilyUnavailable from error


def _is_out_of_reach(error: BaseException) -> bool:
    if isinstance(error, DBAPIError):
        state = sqlstate(error)
        if state is None:
            return error.connection_invalidated or isinstance(error, InterfaceError)
        return state in _UNAVAILABLE_SQLSTATES or state.startswith(_UNAVAILABLE_SQLSTATE_CLASSES)
    if isinstance(error, asyncpg.PostgresError):
        state = getattr(error, "sqlstate", None) or ""
        return state.startswith(_UNAVAILABLE_SQLSTATE_CLASSES)
    # InternalClientError: what asyncpg raises when a connection breaks while it sends.
    return isinstance(
        error, PoolTimeoutError | OSError | TimeoutError | asyncpg.InterfaceError | asyncpg.InternalClientError
    )
