"""Runs the one service call of an endpoint in one transaction, committed before the response leaves.

Idempotency keys live here too: the key, its fingerprint and the answer are written in that same transaction, so there
is no moment at which the work is done and its key is not (contract, section 1).
"""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, Final, TypeVar, cast
from uuid import UUID

import http_sf
from fastapi import Depends, Header, Request
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from app.db import idempotency_keys
from app.db.connections import sqlstate
from app.db.idempotency_keys import StoredAnswer
from app.db.session import LOCK_NOT_AVAILABLE, LOCK_TIMEOUT_MILLISECONDS, SECONDS_FOR_A_CHANGE, Database
from app.errors import Problem
from app.http.authorisation import Caller
from app.http.errors import IdempotencyKeyInUse, IdempotencyKeyReused, InvalidIdempotencyKey, NotFound
from app.http.look_up_limits import LookUpAccount, LookUpLimiter
from app.http.preconditions import is_current
from app.http.schemas import AnswerModel, LargeAnswer
from app.principal import Principal, Relation

Result = TypeVar("Result")

SECONDS_FOR_A_MANIFEST: Final = 5.0
"""A manifest of a thousand numbers is read ahead, not with the lorry at the gate."""

SECONDS_FOR_A_DUPLICATE: Final = LOCK_TIMEOUT_MILLISECONDS / 1000
"""The contract's 2 s that a duplicate waits for the first request with its Idempotency-Key; less at the gate."""

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="Makes the request safe to repeat for 24 hours: 1 to 255 printable characters, quoted or not "
        "(draft-ietf-httpapi-idempotency-key-header-07). A repetition gets the stored answer with "
        "`Idempotency-Replayed: true`.",
    ),
]


@dataclass(frozen=True, slots=True)
class Answer:
    """What an endpoint answers: a body, a status, headers.

    `stored` is the body that a replay gets, where the first answer holds a secret that must not be kept. `did_nothing`:
    no work was done, so that the Idempotency-Key stays free for the request that does it.
    """

    body: AnswerModel
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    stored: AnswerModel | None = None
    did_nothing: bool = False


class RequestsUnderWay:
    """Lets duplicates of a request wait in this process, where they hold no connection to the database.

    It only spares connections: between processes, and in the end here too, Postgres is the judge of a key.
    """

    def __init__(self) -> None:
        self._locks: dict[tuple[UUID, str], asyncio.Lock] = {}

    @asynccontextmanager
    async def alone(self, organisation_id: UUID, key: str, seconds: float) -> AsyncIterator[None]:
        """Hold the key in this process; raises IdempotencyKeyInUse after `seconds`."""
        lock = self._locks.setdefault((organisation_id, key), asyncio.Lock())
        try:
            try:
                async with asyncio.timeout(seconds):
                    await lock.acquire()
            except TimeoutError:
                raise IdempotencyKeyInUse from None
            try:
                yield
            finally:
                lock.release()
        finally:
            if not lock.locked() and self._locks.get((organisation_id, key)) is lock:
                del self._locks[organisation_id, key]


class UnitOfWork:
    """One request's way to the database."""

    def __init__(self, request: Request, caller: Principal, idempotency_key: str | None) -> None:
        self._request = request
        self._caller = caller
        self._idempotency_key = idempotency_key
        self._digest: bytes | None = None
        self._database: Database = request.app.state.database
        self._look_ups: LookUpLimiter = request.app.state.look_ups
        self._seconds_held_back = 0.0
        self._under_way: RequestsUnderWay = request.app.state.requests_under_way

    async def write(
        self, work: Callable[[AsyncConnection], Awaitable[Result]], present: Callable[[Result], Answer]
    ) -> Response:
        """Run `work` in a transaction, commit it, and return its presented result."""
        try:
            return await self._write(self._counted(work), present, SECONDS_FOR_A_CHANGE)
        finally:
            # Here, with the connection given back.
            await asyncio.sleep(self._seconds_held_back)

    async def write_streamed(
        self,
        work: Callable[[AsyncConnection], Awaitable[Result]],
        present: Callable[[Result], Answer],
        digest: bytes,
    ) -> Response:
        """Do the same for a request whose body the endpoint has read as a stream: `digest` is its SHA-256."""
        self._digest = digest
        return await self._write(work, present, SECONDS_FOR_A_CHANGE)

    async def write_at_the_gate(
        self, work: Callable[[AsyncConnection], Awaitable[Result]], present: Callable[[Result], Answer]
    ) -> Response:
        """Do the same and give it up while the lorry is in sight: 503, and `outcome` where that is unknown.

        Look-ups are counted by the gate itself, which knows whose order was met.
        """
        return await self._write(work, present, self._database.dock_seconds)

    async def _write(
        self,
        work: Callable[[AsyncConnection], Awaitable[Result]],
        present: Callable[[Result], Answer],
        seconds: float,
    ) -> Response:
        # Read only here: an operation that may write or look ignores the key, whatever it says, where it looks.
        key = None if self._idempotency_key is None else parse_idempotency_key(self._idempotency_key)
        if key is not None:
            return await self._write_once(key, work, present, seconds)
        answer = present(await self._database.change(work, seconds=seconds))
        return _response(answer.status, answer.headers, await _content(answer.body))

    async def read(
        self, work: Callable[[AsyncConnection], Awaitable[Result]], present: Callable[[Result], Answer]
    ) -> Response:
        """Run `work`, which only looks, and return its presented result; 304 where the caller has it already."""
        return await self._unless_current(present(await self._database.look(work)))

    async def read_through(
        self, find: Callable[[Database], Awaitable[Result]], present: Callable[[Result], Answer]
    ) -> Response:
        """Do the same for what looks more than once, and holds no connection in between: `find` looks by itself."""
        return await self._unless_current(present(await find(self._database)))

    async def read_counted(
        self, work: Callable[[AsyncConnection], Awaitable[Result]], present: Callable[[Result], Answer]
    ) -> Response:
        """Do the same for what is open to whoever presents a number: it counts as a look-up."""
        try:
            return await self.read(self._counted(work), present)
        finally:
            await asyncio.sleep(self._seconds_held_back)

    async def read_or_write(
        self,
        look: Callable[[AsyncConnection], Awaitable[Result | None]],
        work: Callable[[AsyncConnection], Awaitable[Result]],
        present: Callable[[Result], Answer],
    ) -> Response:
        """Run `look`, which only looks, and present what it finds; where that is None, `work` has something to write.

        So that what mostly only reads holds no transaction for it.
        """
        found = await self._database.look(look)
        if found is None:
            return await self.write(work, present)
        return await self._unless_current(present(found))

    async def _unless_current(self, answer: Answer) -> Response:
        etag = answer.headers.get("ETag")
        if etag is not None and is_current(self._request.headers.get("if-none-match"), etag):
            return Response(status_code=304, headers={"ETag": etag})
        return _response(answer.status, answer.headers, await _content(answer.body))

    async def read_at_the_gate(
        self, work: Callable[[AsyncConnection], Awaitable[Result]], judge: Callable[[Result], Awaitable[Answer]]
    ) -> Response:
        """Run `work`, which only looks, and give it up while the lorry is in sight: 503 says hold.

        What `judge` makes of its result, the connection given back, is answered.
        """
        answer = await judge(await self._database.look_at_the_gate(work))
        return _response(answer.status, answer.headers, await _content(answer.body))

    async def read_manifest(
        self, work: Callable[[AsyncConnection], Awaitable[Result]], judge: Callable[[Result], Awaitable[Answer]]
    ) -> Response:
        """Do the same for a manifest, which may take longer."""
        answer = await judge(await self._database.look(work, seconds=SECONDS_FOR_A_MANIFEST))
        return _response(answer.status, answer.headers, await _content(answer.body))

    def _counted(
        self, work: Callable[[AsyncConnection], Awaitable[Result]]
    ) -> Callable[[AsyncConnection], Awaitable[Result]]:
        """Hold what is open to whoever presents a number against the limit on look-ups: it must not serve to guess."""
        if Relation.PRESENTER not in self._caller.rule.relations:
            return work

        async def counted(connection: AsyncConnection) -> Result:
            try:
                result = await work(connection)
            except Problem as problem:
                self._charge(found_nothing=isinstance(problem, NotFound))
                raise
            self._charge(found_nothing=False)
            return result

        return counted

    def _charge(self, *, found_nothing: bool) -> None:
        """Count a look-up of an order that does not name the caller, or of none; raises TooManyLookUps."""
        met = self._caller.met
        if Relation.PRESENTER not in met and (met or not found_nothing):
            return
        allowance = self._look_ups.allowance(self._caller.organisation_id)
        if not allowance.remaining:
            # In the transaction: nothing is done either, so that what exists is answered like what does not.
            raise allowance.refusal() from None
        self._seconds_held_back = allowance.delay
        self._look_ups.count(self._caller.organisation_id, 1, related=False)

    async def _write_once(
        self,
        key: str,
        work: Callable[[AsyncConnection], Awaitable[Result]],
        present: Callable[[Result], Answer],
        seconds: float,
    ) -> Response:
        body = await self._request.body() if self._digest is None else self._digest
        fingerprint = _fingerprint(self._request, body)
        organisation_id = self._caller.organisation_id

        async def once(connection: AsyncConnection) -> Response:
            try:
                claimed = await idempotency_keys.claim(connection, organisation_id, key, fingerprint)
            except DBAPIError as error:
                if sqlstate(error) == LOCK_NOT_AVAILABLE:
                    raise IdempotencyKeyInUse from error
                raise
            if not claimed:
                stored = await idempotency_keys.replay(connection, organisation_id, key)
                return _replayed(stored, fingerprint)
            answer = present(await work(connection))
            content = await _content(answer.body)
            if answer.did_nothing:
                await idempotency_keys.release(connection, organisation_id, key)
                return _response(answer.status, answer.headers, content)
            kept = content if answer.stored is None else await _content(answer.stored)
            await idempotency_keys.store(
                connection,
                organisation_id,
                key,
                StoredAnswer(fingerprint, answer.status, answer.headers, kept),
            )
            return _response(answer.status, answer.headers, content)

        ends = time.monotonic() + seconds
        async with self._under_way.alone(organisation_id, key, min(seconds, SECONDS_FOR_A_DUPLICATE)):
            return await self._database.change(once, seconds=ends - time.monotonic())


def unit_of_work(request: Request, caller: Caller, idempotency_key: IdempotencyKey = None) -> UnitOfWork:
    """Return the unit of work of a request that writes."""
    return UnitOfWork(request, caller, idempotency_key)


def reading(request: Request, caller: Caller) -> UnitOfWork:
    """Return the unit of work of a request that only looks: an Idempotency-Key is ignored."""
    return UnitOfWork(request, caller, None)


def look_up_account(request: Request, caller: Caller) -> LookUpAccount:
    """Return the account of a request that asks about many numbers; settle it at its end."""
    return LookUpAccount(request.app.state.look_ups, caller.organisation_id)


Unit = Annotated[UnitOfWork, Depends(unit_of_work)]
Reading = Annotated[UnitOfWork, Depends(reading)]
Account = Annotated[LookUpAccount, Depends(look_up_account)]


def parse_idempotency_key(header: str) -> str:
    """Return the key: a structured-field string (RFC 8941, section 3.3.3) or, as many clients send it, bare text."""
    text = header.strip()
    if text.startswith('"'):
        try:
            parsed, _ = cast("tuple[object, object]", http_sf.parse(text.encode("ascii"), tltype="item"))
        except (ValueError, UnicodeEncodeError):
            raise InvalidIdempotencyKey("The Idempotency-Key begins with a quote but is no quoted string.") from None
        text = parsed if isinstance(parsed, str) else ""
    if not 1 <= len(text) <= 255:
        raise InvalidIdempotencyKey(f"The Idempotency-Key has {len(text)} characters; 1 to 255 are taken.")
    if not (text.isascii() and text.isprintable()):
        raise InvalidIdempotencyKey("The Idempotency-Key holds a character that is not printable ASCII.")
    return text


def _fingerprint(request: Request, body: bytes) -> bytes:
    digest = hashlib.sha256()
    for part in (
        request.method.encode(),
        request.url.path.encode("utf-8", "surrogateescape"),
        request.url.query.encode(),
        body,
    ):
        # Lengths keep the parts apart: no two requests may run together to the same bytes.
        digest.update(len(part).to_bytes(8))
        digest.update(part)
    return digest.digest()


def _replayed(stored: StoredAnswer | None, fingerprint: bytes) -> Response:
    if stored is None:
        raise IdempotencyKeyInUse
    if stored.fingerprint != fingerprint:
        raise IdempotencyKeyReused(IdempotencyKeyReused.example_detail)
    return _response(stored.status, {**stored.headers, "Idempotency-Replayed": "true"}, stored.body)


async def _content(body: AnswerModel) -> bytes:
    if isinstance(body, LargeAnswer):
        # A batch of a thousand takes long enough to write down for others to notice.
        return (await asyncio.to_thread(body.model_dump_json)).encode()
    return body.model_dump_json().encode()


def _response(status: int, headers: dict[str, str], content: bytes) -> Response:
    return Response(content, status_code=status, headers=headers, media_type="application/json")
