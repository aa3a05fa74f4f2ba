"""Who stands behind a presented key, with a cache that no revocation outlives by more than a second."""

import asyncio
import time
from dataclasses import dataclass, field
from uuid import UUID

from cachetools import TLRUCache

from app.access import repository
from app.access.errors import InvalidKey
from app.access.repository import PresentedKey
from app.access.secrets import LENGTH, PREFIX, hash_of
from app.db.session import Database
from app.errors import TemporarilyUnavailable
from app.principal import OPERATIONS, Principal, Scope

MOST_SECONDS_CACHED = 1.0
MOST_KEYS_CACHED = 10_000


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """The organisation that a key belongs to, the key's id and its scopes."""

    organisation_id: UUID
    key_id: UUID
    scopes: frozenset[Scope]
    _callers: dict[str, Principal] = field(default_factory=dict, init=False, repr=False, compare=False)

    def as_caller_of(self, operation: str) -> Principal | None:
        """Return the holder as the caller of an operation that looks for no order by itself; None without its scope."""
        rule = OPERATIONS[operation]
        if not rule.scopes & self.scopes:
            return None
        caller = self._callers.get(operation)
        if caller is None:
            caller = self._callers[operation] = Principal(self.organisation_id, self.key_id, self.scopes, rule)
        return caller


@dataclass(frozen=True, slots=True)
class _Entry:
    holder: KeyHolder
    usable_until: float


class CachingAuthenticator:
    """Looks keys up in the primary database; an accepted key is remembered for at most a second.

    The second counts from the start of the look-up, not from its answer: a key revoked while the answer travelled
    stops within a second all the same. Refused keys are not remembered. Requests that come with one key at once share
    one look-up.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._entries: TLRUCache[bytes, _Entry] = TLRUCache(
            MOST_KEYS_CACHED, ttu=lambda _, entry, __: entry.usable_until, timer=time.monotonic
        )
        # The same once more, for `known`, which looks at their ends itself: that takes a tenth of the time.
        self._newest: dict[bytes, _Entry] = {}
        self._under_way: dict[bytes, asyncio.Task[_Entry]] = {}

    def known(self, secret: str) -> KeyHolder | None:
        """Return whom the secret stands for where that was looked up within the last second.

        A key that is in use is looked up again in time, so that its users need not wait for that once a second.
        """
        secret_hash = hash_of(secret)
        entry, now = self._newest.get(secret_hash), time.monotonic()
        if entry is None or now >= entry.usable_until:
            return None
        if now > entry.usable_until - MOST_SECONDS_CACHED / 2:
            # What it finds is remembered, or not; who asks when this entry has ended asks for himself.
            self._look_up_once(secret_hash)
        return entry.holder

    async def authenticate(self, secret: str) -> KeyHolder:
        """Return whom the secret stands for; raises InvalidKey, or TemporarilyUnavailable without a database."""
        if len(secret) != LENGTH or not secret.startswith(PREFIX):
            raise InvalidKey("This is no API key of this service: one begins with por_live_ and has 49 characters.")
        secret_hash = hash_of(secret)
        entry = self._entries.get(secret_hash)
        if entry is None:
            # Shielded: a caller that hangs up must not end the look-up for the others who wait for it.
            entry = await asyncio.shield(self._look_up_once(secret_hash))
            if time.monotonic() >= entry.usable_until:
                # It joined a look-up that had begun long before: what that found may be out of date.
                entry = await asyncio.shield(self._look_up_once(secret_hash))
        return entry.holder

    def _look_up_once(self, secret_hash: bytes) -> "asyncio.Task[_Entry]":
        task = self._under_way.get(secret_hash)
        if task is None:
            task = asyncio.create_task(self._look_up(secret_hash))
            self._under_way[secret_hash] = task
            task.add_done_callback(lambda done: self._finish(secret_hash, done))
        return task

    def _finish(self, secret_hash: bytes, task: "asyncio.Task[_Entry]") -> None:
        del self._under_way[secret_hash]
        if not task.cancelled():
            if task.exception() is None:
                self._entries[secret_hash] = self._newest[secret_hash] = task.result()
                if len(self._newest) > MOST_KEYS_CACHED:
                    self._newest.clear()
            elif not isinstance(task.exception(), TemporarilyUnavailable):
                # Found out ahead of its time that it was revoked: then it need not wait for that either.
                self._entries.pop(secret_hash, None)
                self._newest.pop(secret_hash, None)

    async def _look_up(self, secret_hash: bytes) -> _Entry:
        started = time.monotonic()
        key = await self._database.look_at_the_gate(
            lambda connection: repository.find_presented(connection, secret_hash)
        )
        return _Entry(_accepted(key), started + min(MOST_SECONDS_CACHED, _seconds_left(key)))


def _accepted(key: PresentedKey | None) -> KeyHolder:
    if key is None:
        raise InvalidKey("This API key was not issued here, or it was replaced by a rotation long ago.")
    if key.is_revoked:
        raise InvalidKey("The API key was revoked.")
    if _seconds_left(key) <= 0:
        raise InvalidKey("The API key has expired or was replaced by a rotation.")
    # A scope that a later version took away again means nothing.
    scopes = frozenset(scope for scope in Scope if scope in key.scopes)
    return KeyHolder(key.organisation_id, key.key_id, scopes)


def _seconds_left(key: PresentedKey | None) -> float:
    return MOST_SECONDS_CACHED if key is None or key.seconds_left is None else key.seconds_left
