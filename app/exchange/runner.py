"""Works on imports in the background: one after the other for each organisation, on any number of processes.

All that counts is in Postgres. Whoever works on an import holds a lease and renews it; a batch of documents, what has
become of them and how far the import is are one transaction, which counts only while the lease is held and nobody has
counted the batch before. So a process that is killed leaves whole batches behind, and the next to take the import over
reads the file from its beginning, passes over what is counted, and goes on.
"""

import asyncio
import itertools
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, BinaryIO, Final
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.session import Database
from app.errors import TemporarilyUnavailable
from app.exchange import importing, repository
from app.exchange.documents import Document, Fault, ImportFormat, Unreadable
from app.exchange.importing import Job, Result
from app.exchange.readers import documents
from app.numbers.number_issuer import NumberIssuer
from app.principal import OPERATIONS, Principal, Scope
from app.telemetry import logger

_log = logger(__name__)

SECONDS_BETWEEN_LOOKS: Final = 2.0
_AT_ONCE: Final = 2
"""Imports that a process works on at a time: gates are served by the same processes."""

_DOCUMENTS: Final = 200
_WEIGHT: Final = 1_000
"""Of one batch, in lines and orders: it takes a fraction of a second."""

_PASSED_OVER_AT_ONCE: Final = 1_000


class _Overtaken(Exception):  # noqa: N818 - nothing is wrong: another process does the work
    """Another has taken the import over."""


class ImportRunner:
    """Looks for imports that wait, every few seconds and when it is woken."""

    def __init__(self, database: Database, issuer: NumberIssuer) -> None:
        self._database = database
        self._issuer = issuer
        self._woken = asyncio.Event()
        self._working: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        """Look now: an import has come in."""
        self._woken.set()

    async def run_for_ever(self) -> None:
        """Work on imports until cancelled; what is then half done goes on elsewhere."""
        try:
            while True:
                self._woken.clear()
                try:
                    await self._take_what_waits()
                except TemporarilyUnavailable:
                    _log.warning("imports wait for the database")
                except Exception:  # noqa: BLE001 - one faulty look must not end the work
                    _log.exception("looking for imports failed")
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), SECONDS_BETWEEN_LOOKS)
        finally:
            for task in self._working:
                task.cancel()
            await asyncio.gather(*self._working, return_exceptions=True)

    async def _take_what_waits(self) -> None:
        free = _AT_ONCE - len(self._working)
        if free <= 0:
            return
        for candidate in await self._database.look(lambda connection: repository.waiting(connection, free)):
            leased = await self._database.change(_leasing(candidate.id, candidate.lease_token))
            if leased is not None:
                task = asyncio.create_task(self._work_on(leased))
                self._working.add(task)
                task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._working.discard(task)
        self.wake()

    async def _work_on(self, row: Row[Any]) -> None:
        work = _Work(self._database, self._issuer, row)
        holding = asyncio.create_task(work.hold())
        doing = asyncio.create_task(work.run())
        try:
            await asyncio.wait({holding, doing}, return_when=asyncio.FIRST_COMPLETED)
            if doing.done():
                doing.result()
        except (TemporarilyUnavailable, _Overtaken):
            _log.warning("an import goes on later", import_id=str(row.id))
        except Exception:  # noqa: BLE001 - whatever it was: the import must end, others of the organisation wait for it
            _log.exception("working on an import failed", import_id=str(row.id))
            with suppress(TemporarilyUnavailable, _Overtaken):
                await work.give_up()
        finally:
            for task in (holding, doing):
                task.cancel()
            await asyncio.gather(holding, doing, return_exceptions=True)


class _Work:
    """One import in the hands of this process."""

    def __init__(self, database: Database, issuer: NumberIssuer, row: Row[Any]) -> None:
        self._database = database
        self._issuer = issuer
        self._row = row
        self._done: int = row.documents
        scopes = frozenset(Scope(scope) for scope in row.scopes)
        caller = Principal(row.organisation_id, row.key_id, scopes, OPERATIONS["import_purchase_orders"])
        self._job = Job(row.id, caller, row.currency, row.dry_run)
        self._seen: dict[str, int] = {}

    async def hold(self) -> None:
        """Renew the lease until another has taken it."""
        while True:
            await asyncio.sleep(repository.LEASE.total_seconds() / 4)
            with suppress(TemporarilyUnavailable):
                if not await self._database.change(
                    lambda connection: repository.renew(connection, self._row.id, self._row.lease_token)
                ):
                    return

    async def run(self) -> None:
        """Do what is left of the import."""
        with tempfile.TemporaryFile() as file:
            await self._fetch(file)
            found = documents(ImportFormat(self._row.format), file)
            unreadable = await self._pass_over(found)
            while unreadable is None:
                batch, unreadable = await asyncio.to_thread(_batch, found)
                if batch:
                    await self._settle(batch)
                elif unreadable is None:
                    break
            await self._finish(unreadable)

    async def give_up(self) -> None:
        """End the import where the service has failed at it; what is done of it stays, and it may be sent again."""
        await self._finish(Unreadable(None, "internal_error", "The service has failed to go on with the import."))

    async def _fetch(self, file: BinaryIO) -> None:
        for number in range(1, self._row.parts + 1):
            content = await self._database.look(_reading_part(self._row.id, number))
            if content is None:
                raise _Overtaken
            await asyncio.to_thread(file.write, content)
        file.seek(0)

    async def _pass_over(self, found: Iterator[Document]) -> Unreadable | None:
        left = self._done
        while left:
            passed, unreadable = await asyncio.to_thread(_take, found, min(left, _PASSED_OVER_AT_ONCE))
            if self._job.dry_run:
                self._seen |= {name: said for document in passed for name, said in importing.identities(document)}
            left -= len(passed)
            if unreadable is not None:
                return unreadable
            if not passed:
                break
        return None

    async def _settle(self, batch: Sequence[Document]) -> None:
        try:
            await self._settle_together(batch)
        except (TemporarilyUnavailable, _Overtaken):
            raise
        except Exception:  # noqa: BLE001 - one faulty document must not keep the others out
            if len(batch) == 1:
                _log.exception("a document could not be imported", import_id=str(self._row.id))
                fault = Fault(f"line {batch[0].line}", "internal_error", "The service has failed to import this")
                batch[0].faults.append(fault)
                await self._settle_together(batch)
                return
            # One may have taken the others with it: each by itself shows which.
            for document in batch:
                await self._settle([document])

    async def _settle_together(self, batch: Sequence[Document]) -> None:
        async def work(connection: AsyncConnection) -> None:
            savepoint = await connection.begin_nested()
            results = await importing.settle(connection, self._issuer, self._job, batch)
            if self._job.dry_run:
                await savepoint.rollback()
                # What earlier batches would have made was taken back too.
                results = importing.against_earlier(batch, results, self._seen)
            else:
                await savepoint.commit()
            if not await repository.advance(
                connection, self._row.id, self._row.lease_token, self._done, _counts(results)
            ):
                raise _Overtaken
            await repository.insert_results(connection, importing.rows_of(self._job, self._done + 1, batch, results))

        await self._database.change(work)
        self._done += len(batch)
        if self._job.dry_run:
            self._seen |= {name: said for document in batch for name, said in importing.identities(document)}

    async def _finish(self, unreadable: Unreadable | None) -> None:
        fault = None
        if unreadable is not None:
            message = importing.storable(unreadable.message)
            fault = {"line": unreadable.line, "code": unreadable.code, "message": message}

        async def work(connection: AsyncConnection) -> None:
            status = "finished" if fault is None else "failed"
            if not await repository.finish(connection, self._row.id, self._row.lease_token, status, fault):
                raise _Overtaken
            await repository.delete_parts(connection, self._row.id)

        await self._database.change(work)


def _batch(found: Iterator[Document]) -> tuple[list[Document], Unreadable | None]:
    """Return the next documents, as many as make one transaction, and why there are no more where that is a fault."""
    taken: list[Document] = []
    weight = 0
    while len(taken) < _DOCUMENTS and weight < _WEIGHT:
        more, unreadable = _take(found, 1)
        if not more:
            return taken, unreadable
        taken += more
        weight += more[0].weight
    return taken, None


def _take(found: Iterator[Document], number: int) -> tuple[list[Document], Unreadable | None]:
    taken: list[Document] = []
    try:
        taken.extend(itertools.islice(found, number))
    except Unreadable as fault:
        return taken, fault
    except Exception:  # noqa: BLE001 - whatever a file holds, the import must end, and say so
        _log.exception("a file could not be read")
        return taken, Unreadable(None, "internal_error", "The service has failed to read on.")
    return taken, None


def _leasing(import_id: UUID, token: int) -> Callable[[AsyncConnection], Awaitable[Row[Any] | None]]:
    return lambda connection: repository.lease(connection, import_id, token)


def _reading_part(import_id: UUID, number: int) -> Callable[[AsyncConnection], Awaitable[bytes | None]]:
    return lambda connection: repository.part(connection, import_id, number)


def _counts(results: Sequence[Result]) -> dict[str, int]:
    return dict(Counter(result.outcome for result in results))
