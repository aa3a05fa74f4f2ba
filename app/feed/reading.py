"""Use case of the feed's endpoint: one page for a caller, now or as soon as there is something on it."""

from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.session import Database
from app.feed import service
from app.feed.repository import FeedFilter
from app.feed.service import FeedPage
from app.feed.waiting import LongPolls
from app.orders.location import locate
from app.principal import Principal, Relation

LATEST: Final = "latest"


@dataclass(frozen=True, slots=True)
class Asked:
    """What of its feed a caller asks for; `after` is a position, `latest`, or None for the oldest that is kept.

    `number` is that of an order, in any written form, and `buyer` its buyer, where that is needed to tell two apart.
    """

    after: int | Literal["latest"] | None
    types: frozenset[str] | None
    number: str | None
    buyer: UUID | None
    relation: Relation | None
    limit: int


async def page(database: Database, polls: LongPolls, caller: Principal, asked: Asked, wait: float) -> FeedPage:
    """Return a page of the caller's feed, up to `wait` seconds later where there is nothing on it yet.

    No connection is held while it waits. Raises what `locate` does for a number, and what `events_after` does.
    """
    after, only = await database.look(lambda connection: _beginning(connection, caller, asked))

    async def find(position: int | None) -> FeedPage:
        return await database.look(
            lambda connection: service.events_after(connection, caller.organisation_id, position, asked.limit, only)
        )

    return await polls.first(caller.organisation_id, after, find, wait)


async def _beginning(connection: AsyncConnection, caller: Principal, asked: Asked) -> tuple[int | None, FeedFilter]:
    order = None
    if asked.number is not None:
        order = (await locate(connection, caller, asked.number, asked.buyer, place=("query", "number"))).identity
    after = asked.after
    if after == LATEST:
        after = (await service.head_of(connection, caller.organisation_id)).position
    return after, FeedFilter(asked.types, asked.relation, order)
