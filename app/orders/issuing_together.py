"""Issues the orders that come at the same time together: one transaction, and one write to the disk, for all of them.

They go through the same function as a batch, and are judged one by one as there. Whatever fails the transaction as a
whole, or makes it wait, has each of them issued in one of its own: nobody is refused for what another has sent. Of an
Idempotency-Key the answer is written with the work, and the key itself last: whoever repeats a request finds either
both or neither.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import idempotency_keys
from app.db.coalescing import Coalescer
from app.db.idempotency_keys import Finished, StoredAnswer
from app.db.session import SECONDS_FOR_A_CHANGE, Database, is_contention, wait_no_longer_than
from app.errors import TemporarilyUnavailable
from app.numbers.number_issuer import NumberIssuer
from app.orders import issuing
from app.orders.issuing import NewOrder, Outcome
from app.orders.schemas import IssuePurchaseOrder
from app.principal import Principal

if TYPE_CHECKING:
    import asyncio

_MOST_AT_ONCE: Final = 100
_LOCK_MILLISECONDS_TOGETHER: Final = 100
"""How long a group waits for what another transaction holds, before each goes on alone and waits for itself."""


@dataclass(frozen=True, slots=True, eq=False)
class Ordered:
    """An order that somebody asks for; with an Idempotency-Key the fingerprint of the request."""

    caller: Principal
    body: IssuePurchaseOrder
    key: str | None = None
    fingerprint: bytes = b""


class KeyTaken(Exception):  # noqa: N818 - not a fault: the request was carried out before, or is just now
    """The Idempotency-Key of one of the requests belongs to another one; nothing was done."""


class _WaitedForOthers(Exception):  # noqa: N818 - not a fault either
    """The group has met another transaction; nothing was done."""


class OrderDesk:
    """Takes orders one by one and issues those that come together in one transaction."""

    def __init__(self, database: Database, issuer: NumberIssuer) -> None:
        self._database = database
        self._issuer = issuer
        self._together: Coalescer[Ordered, Outcome | KeyTaken] = Coalescer(
            self._issue, seconds=SECONDS_FOR_A_CHANGE, most=_MOST_AT_ONCE
        )

    def issue(
        self, ordered: Ordered, *, is_gone: Callable[[], bool] | None = None
    ) -> "asyncio.Future[Outcome | KeyTaken]":
        """Return the order, once it is committed, or its problem, or that its key was used before.

        Fails with TemporarilyUnavailable, and with KeyTaken where another process uses the key just now. `is_gone`:
        whether nobody waits for the answer any more, so that it need not be begun.
        """
        return self._together.ask(ordered, is_gone=is_gone)

    async def _issue(self, group: Sequence[Ordered]) -> Sequence[Outcome | KeyTaken]:
        try:
            return await self._database.change(lambda connection: self._carry_out(connection, group))
        except TemporarilyUnavailable as unavailable:
            if len(group) > 1 and is_contention(unavailable):
                raise _WaitedForOthers from unavailable
            raise

    async def _carry_out(self, connection: AsyncConnection, group: Sequence[Ordered]) -> Sequence[Outcome | KeyTaken]:
        if len(group) > 1:
            await wait_no_longer_than(connection, _LOCK_MILLISECONDS_TOGETHER)
        keys = {one: (one.caller.organisation_id, one.key) for one in group if one.key is not None}
        taken = await idempotency_keys.taken(connection, list(keys.values())) if keys else frozenset()
        outcomes: dict[Ordered, Outcome | KeyTaken] = {one: KeyTaken() for one in keys if keys[one] in taken}
        for caller, ordered in _by_caller([one for one in group if one not in outcomes]):
            bodies = [one.body for one in ordered]
            issued = await issuing.issue_many(connection, caller, self._issuer, bodies)
            outcomes.update(zip(ordered, issued, strict=True))
        finished = [one for ordered, its in outcomes.items() if (one := _finished(ordered, its)) is not None]
        if finished and not await idempotency_keys.keep(connection, finished):
            raise KeyTaken
        return [outcomes[one] for one in group]


def _by_caller(group: Sequence[Ordered]) -> list[tuple[Principal, list[Ordered]]]:
    """Return the group by who asks, in one order everywhere: two groups must not wait for each other crosswise."""
    by_key: dict[tuple[str, str], list[Ordered]] = {}
    for one in group:
        by_key.setdefault((str(one.caller.organisation_id), str(one.caller.key_id)), []).append(one)
    return [(ordered[0].caller, ordered) for _, ordered in sorted(by_key.items())]


def _finished(ordered: Ordered, outcome: Outcome | KeyTaken) -> Finished | None:
    """Return what is kept under the key of a request; None of a problem, which may be another one next time."""
    if not isinstance(outcome, NewOrder) or ordered.key is None:
        return None
    answer = StoredAnswer(ordered.fingerprint, 201, issuing.headers_of(outcome), outcome.content)
    return Finished(ordered.caller.organisation_id, ordered.key, answer)
