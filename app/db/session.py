"""The two ways to the database: `change` for what writes, `look` for what only looks; each in a hurry at the gate.

Every failure that means "the database is out of reach or too slow" leaves here as `TemporarilyUnavailable`, so no
caller can take it for an answer.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import asyncpg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.connections import Connector, GatePool, Pool, sqlstate
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
"""Longer than any statement may take."""

_DOUBT: Final = 0.4
"""The part of `gate_seconds` after which a request that still waits has the database's pulse felt."""

_BEATS: Final = 2
"""Attempts to feel the pulse: the connection for it may have ended by itself."""

LOCK_NOT_AVAILABLE = "55P03"

Result = TypeVar("Result")

# Connection lost, resources, intervention of an operator, the server's disk; and credentials or a database that are
# refused while we run.
_UNAVAILABLE_SQLSTATE_CLASSES = ("08", "28", "3D", "53", "57", "58")
_UNAVAILABLE_SQLSTATES = frozenset(
    {
        "25P03",  # idle in transaction for too long: the server has ended the connection
        "25006",  # read-only transaction: a standby, in the middle of a failover
        "40001",  # serialization failure
        "40P01",  # deadlock
        LOCK_NOT_AVAILABLE,
    }
)

_CONTENTION: Final = frozenset({"40001", "40P01", LOCK_NOT_AVAILABLE})

_NAME: Final = {"application_name": "po-registry"}
_SETTINGS: Final = {
    "lock_timeout": str(LOCK_TIMEOUT_MILLISECONDS),
    "statement_timeout": str(STATEMENT_TIMEOUT_MILLISECONDS),
    # A server that does not learn that we are gone keeps the locks of the orders that we were changing.
    "idle_in_transaction_session_timeout": "10000",
    "tcp_keepalives_idle": "4",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "timezone": "UTC",
}
_READ_ONLY: Final = {"default_transaction_read_only": "on"}
_SIGN_OF_LIFE: Final = text("SELECT true")
_SET_FOR_ONE_TRANSACTION: Final = text(
    f"SELECT set_config('lock_timeout', '{LOCK_TIMEOUT_MILLISECONDS}', true), "
    f"set_config('statement_timeout', '{STATEMENT_TIMEOUT_MILLISECONDS}', true)"
)


async def wait_no_longer_than(connection: AsyncConnection, milliseconds: int) -> None:
    """Have the running transaction wait no longer than that for what others hold: `is_contention` then."""
    await connection.exec_driver_sql("SELECT set_config('lock_timeout', $1, true)", (str(milliseconds),))


def is_contention(unavailable: TemporarilyUnavailable) -> bool:
    """Return whether a transaction came to nothing because of another one: it waited too long, or crosswise."""
    cause = unavailable.__cause__
    return cause is not None and _state_of(cause) in _CONTENTION


class Database:
    """The ways to one Postgres; time-outs in seconds.

    Nobody waits for a database that is gone, however long his work may take: see `_within`.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        statement_cache_size: int = 500,
        timeout: float = 0.9,
        read_only: bool = False,
    ) -> None:
        """`read_only`: nothing can be written, and a standby does as well as the primary."""
        self.gate_seconds = timeout
        # A pooler in transaction mode (PgBouncer) is what makes prepared statements impossible.
        self._behind_pooler = statement_cache_size == 0
        self._connector = Connector(
            url,
            timeout=timeout,
            statement_cache_size=statement_cache_size,
            # A pooler refuses settings that a server connection would keep.
            settings=_NAME if self._behind_pooler else _NAME | _SETTINGS | (_READ_ONLY if read_only else {}),
            any_host=read_only,
        )
        self._pool = Pool(self._connector, pool_size, SECONDS_FOR_A_CONNECTION)
        # Keys and the gate have connections of their own: they must not queue behind a rush of orders. Who has waited
        # for half of his time goes without: the other half would not do, and those behind him would wait in vain too.
        self._gate = GatePool(
            self._connector, _gate_connections(pool_size), timeout / 2, behind_pooler=self._behind_pooler
        )
        # And the pulse must not queue at all: it would take a crowd for an outage.
        self._pulse_pool = Pool(self._connector, 1, timeout)
        self._pulse: asyncio.Task[bool] | None = None
        self._given_up: set[asyncio.Task[Any]] = set()

    @classmethod
    def of(cls, settings: Settings, url: str, *, pool_size: int | None = None, read_only: bool = False) -> "Database":
        """Return the database at `url` with the pool that the settings ask for, or one of `pool_size`."""
        return cls(
            url,
            pool_size=pool_size or settings.database_pool_size,
            statement_cache_size=settings.database_statement_cache_size,
            timeout=settings.database_timeout,
            read_only=read_only,
        )

    def beside(self, pool_size: int) -> "Database":
        """Return another way to the same database with a pool of its own, for work that must not queue with the rest.

        Whichever of the two finds out that the database is gone drops the connections of both.
        """
        other = copy(self)
        other._pool = Pool(self._connector, pool_size, SECONDS_FOR_A_CONNECTION)  # noqa: SLF001 - of the same class
        return other

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """Yield a connection inside a transaction: committed when the block ends, rolled back when it raises.

        Where the connection breaks during the commit, the problem says that the outcome is unknown. Nothing ends the
        wait for a server that says nothing at all: what serves requests or runs for ever takes `change`.
        """
        async with self._transaction(_Progress()) as connection:
            yield connection

    async def change(
        self, work: Callable[[AsyncConnection], Awaitable[Result]], *, seconds: float = SECONDS_FOR_A_CHANGE
    ) -> Result:
        """Return what `work` did in a transaction that is committed now; raises what `transaction` does.

        After `seconds`, or once the database is gone, it is given up. Its outcome is unknown if it was being committed:
        a database that hangs may commit what it was sent. Before that it is certain that nothing was carried out.
        """
        progress = _Progress()
        return await self._within(seconds, self._change(work, progress), progress)

    @property
    def dock_seconds(self) -> float:
        """How long a change at the gate may take: longer than a look, since docks that scan one order wait in turn.

        With a key that is known, or looked up as quickly as it should be, the answer is there within two seconds.
        """
        return 1.5 * self.gate_seconds

    async def look(
        self, work: Callable[[AsyncConnection], Awaitable[Result]], *, seconds: float = SECONDS_FOR_A_LOOK
    ) -> Result:
        """Return what `work` finds on a connection on which each statement stands alone; for looking only.

        After `seconds`, or once the database is gone, it is given up, TemporarilyUnavailable, whatever the connection
        is doing: its clean-up (another two seconds where the database hangs) goes on without the caller.
        """
        return await self._within(seconds, self._look(self._pool, work), _Progress())

    async def look_at_the_gate(self, work: Callable[[AsyncConnection], Awaitable[Result]]) -> Result:
        """Do the same for a lorry that waits: on a connection of the gate's own, for `gate_seconds` at most."""
        return await self._within(self.gate_seconds, self._look(self._gate, work), _Progress())

    @asynccontextmanager
    async def listening(self, channel: str, hear: Callable[[str], None]) -> AsyncIterator[asyncio.Event]:
        """Hear what is notified on `channel`, on a connection of its own; what is yielded is set once that is lost.

        Only a hint may be told so: what is notified while nobody is connected is lost, and behind a pooler all is.
        """
        lost = asyncio.Event()
        if self._behind_pooler:
            yield lost
            return
        with _unavailable_when_out_of_reach():
            connection = await self._connector.connect()
        try:
            connection.add_termination_listener(lambda *_: lost.set())
            with _unavailable_when_out_of_reach():
                await connection.add_listener(channel, lambda *told: hear(told[-1]))
            yield lost
        finally:
            connection.terminate()

    async def dispose(self) -> None:
        """Close every connection, without waiting for a server that does not say goodbye."""
        closing = asyncio.create_task(self._dispose())
        await asyncio.wait({closing}, timeout=self.gate_seconds)
        self._connector.drop_all()
        await asyncio.wait({closing}, timeout=self.gate_seconds)
        if not closing.done():
            closing.cancel()
        closing.add_done_callback(self._forget)

    async def _dispose(self) -> None:
        for pool in (self._pool, self._gate, self._pulse_pool):
            await pool.dispose()

    async def _within(self, seconds: float, doing: Coroutine[Any, Any, Result], progress: "_Progress") -> Result:
        """Return what `doing` returns, unless that takes longer than `seconds` or the database gives no sign of life.

        A long statement and a dead server look the same from its connection. So whoever has waited for a while has the
        pulse felt, on a connection that does nothing else, again and again.
        """
        task = asyncio.create_task(doing)
        ends = time.monotonic() + seconds
        wait = self.gate_seconds * _DOUBT
        try:
            while not task.done() and (left := ends - time.monotonic()) > 0:
                await asyncio.wait({task}, timeout=min(wait, left))
                if not task.done() and not await self._is_alive(task, ends - time.monotonic()):
                    break
            if task.done():
                return task.result()
        finally:
            if not task.done():
                task.cancel()
                self._given_up.add(task)
                task.add_done_callback(self._forget)
        if progress.is_committing:
            raise TemporarilyUnavailable.with_unknown_outcome()
        raise TemporarilyUnavailable

    async def _is_alive(self, task: "asyncio.Task[Any]", seconds: float) -> bool:
        """Return False once the pulse is lost; True when it was felt, or `task` is done, or `seconds` are over."""
        if self._pulse is None:
            self._pulse = asyncio.create_task(self._feel_pulse())
        pulse = self._pulse
        await asyncio.wait({task, pulse}, timeout=max(0.0, seconds), return_when=asyncio.FIRST_COMPLETED)
        return task.done() or not pulse.done() or pulse.result()

    async def _feel_pulse(self) -> bool:
        beat = asyncio.create_task(self._beat())
        try:
            await asyncio.wait({beat}, timeout=self.gate_seconds)
            if beat.done() and beat.result():
                return True
            # What waits on these connections waits in vain, and the next to use one would too.
            self._connector.drop_all()
            return False
        finally:
            self._pulse = None
            if not beat.done():
                beat.cancel()
                self._given_up.add(beat)
                beat.add_done_callback(self._forget)

    async def _beat(self) -> bool:
        for _ in range(_BEATS):
            try:
                return bool(await self._look(self._pulse_pool, lambda connection: connection.scalar(_SIGN_OF_LIFE)))
            except TemporarilyUnavailable as unavailable:
                # Full, but alive: who has a connection may go on using it.
                if _is_full(unavailable.__cause__):
                    return True
        return False

    @asynccontextmanager
    async def _transaction(self, progress: "_Progress") -> AsyncIterator[AsyncConnection]:
        try:
            with _unavailable_when_out_of_reach():
                async with self._pool.place() as engine, engine.begin() as connection:
                    if self._behind_pooler:
                        # Its server connections are shared: what is set must end with the transaction.
                        await connection.execute(_SET_FOR_ONE_TRANSACTION)
                    yield connection
                    progress.is_committing = True
        except TemporarilyUnavailable as error:
            if progress.is_committing:
                raise TemporarilyUnavailable.with_unknown_outcome() from error
            raise

    async def _change(self, work: Callable[[AsyncConnection], Awaitable[Result]], progress: "_Progress") -> Result:
        async with self._transaction(progress) as connection:
            return await work(connection)

    async def _look(self, pool: Pool, work: Callable[[AsyncConnection], Awaitable[Result]]) -> Result:
        with _unavailable_when_out_of_reach():
            async with pool.looking() as connection:
                return await work(connection)

    def _forget(self, task: "asyncio.Task[Any]") -> None:
        self._given_up.discard(task)
        if not task.cancelled():
            # Asked for, so that asyncio does not report it as an error that nobody looked at.
            task.exception()


@dataclass(slots=True)
class _Progress:
    """How far a transaction has come: once it is being committed, only the database knows whether it was."""

    is_committing: bool = False


def connections_of(pool_size: int) -> int:
    """Return how many connections a `Database` with a pool of `pool_size` opens at most."""
    return pool_size + _gate_connections(pool_size) + 2


def _gate_connections(pool_size: int) -> int:
    return max(1, pool_size // 3)


class _unavailable_when_out_of_reach:  # noqa: N801 - reads as a statement where it is used
    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if error is not None and _is_out_of_reach(error):
            raise TemporarilyUnavailable from error


def _is_out_of_reach(error: BaseException) -> bool:
    if isinstance(error, DBAPIError) and sqlstate(error) is None:
        # InternalError: the driver's, for what InternalClientError is below.
        return error.connection_invalidated or isinstance(error, InterfaceError | InternalError)
    if isinstance(error, DBAPIError | asyncpg.PostgresError):
        state = _state_of(error)
        return state in _UNAVAILABLE_SQLSTATES or state.startswith(_UNAVAILABLE_SQLSTATE_CLASSES)
    # InternalClientError: what asyncpg raises when a connection breaks while it sends, or no host is the primary.
    return isinstance(
        error, PoolTimeoutError | OSError | TimeoutError | asyncpg.InterfaceError | asyncpg.InternalClientError
    )


def _is_full(error: BaseException | None) -> bool:
    return error is not None and _state_of(error).startswith("53")


def _state_of(error: BaseException) -> str:
    state = sqlstate(error) if isinstance(error, DBAPIError) else getattr(error, "sqlstate", None)
    return state or ""
