"""`/v1/events`: the feed."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError
from starlette.responses import Response

from app.db.session import Database
from app.errors import InvalidRequest
from app.feed import reading
from app.feed.errors import FeedPositionGone, FeedPositionUnknown
from app.feed.reading import LATEST, Asked
from app.feed.schemas import FEED_TYPES, FeedEvents
from app.feed.service import FeedPage
from app.feed.waiting import LongPolls
from app.http.authorisation import Caller
from app.http.errors import NotFound
from app.http.openapi import documented
from app.http.pagination import DEFAULT_LIMIT, Limit, link_to_next
from app.http.unit_of_work import Answer, Reading
from app.orders.endpoints import Buyer, ListFilter
from app.orders.errors import AmbiguousNumber
from app.principal import Relation

router = APIRouter(prefix="/events", tags=["Events"])

LONGEST_WAIT = 30


def _position(value: object) -> object:
    """Refuse what is no position, with one sentence for the two forms it can have."""
    text = value if isinstance(value, str) else ""
    if text == LATEST:
        return text
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise PydanticCustomError(
            "position", "A position is a whole number, the `next_cursor` of a page before, or `latest`"
        )
    return int(text)


After = Annotated[
    int | Literal["latest"] | None,
    BeforeValidator(_position),
    WithJsonSchema({"type": "string", "pattern": "^([0-9]{1,18}|latest)$", "examples": ["1042"]}),
    Query(
        description="The position after which to go on: `next_cursor` of the page before, or the `position` of an "
        "event. Left out: from the oldest event that is kept. `latest`: from now on.",
    ),
]
"""As pages say it."""


@router.get(
    "",
    **documented(
        "follow_events",
        FeedEvents,
        FeedPositionGone,
        FeedPositionUnknown,
        NotFound,
        AmbiguousNumber,
        headers=["Link"],
    ),
)
async def follow_events(
    request: Request,
    caller: Caller,
    unit: Reading,
    after: After = None,
    type: Annotated[  # noqa: A002 - the parameter's name in the API
        list[str] | None,
        Query(
            max_length=len(FEED_TYPES),
            description="Only events of this type; may be given several times.",
            examples=[["purchase_order.expired"]],
        ),
    ] = None,
    number: Annotated[
        ListFilter | None,
        Query(description="Only events of this order: its number in any written form, or its id."),
    ] = None,
    buyer: Buyer = None,
    relation: Annotated[
        Literal["owner", "seller", "ship_to", "forwarder"] | None,
        Query(description="Only events of orders to which your organisation had this relation."),
    ] = None,
    wait: Annotated[
        int,
        Query(
            ge=0,
            le=LONGEST_WAIT,
            description="Seconds to wait for an event where there is none yet, instead of an empty page at once.",
        ),
    ] = 0,
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """Follow events.

    Your organisation's feed: what happened to the orders that name it, and to its own policy and number formats, in
    one order that never changes. Store `next_cursor` with what you have made of the page, and ask for the rest with
    `after`: nothing is ever skipped, however late it was committed, and no event comes twice. Events of one order come
    in the order of its `sequence`. An event is in the feed within a second.

    You see each event that happened while your organisation was named on the order, with what its relation then may
    see. With `wait` the answer comes as soon as there is an event, and empty after that many seconds; a stopping server
    answers before. Ask again at once, there is no need to pause. `docs/events.md` shows how each event is handled
    exactly once.

    Events are kept for a time that the operator sets (90 days where he says nothing). Whoever comes back later gets
    `feed_position_gone` instead of a feed with a hole.
    """
    asked = Asked(after, _types(type), number, buyer, None if relation is None else Relation(relation), limit)
    polls: LongPolls = request.app.state.long_polls

    async def first(database: Database) -> FeedPage:
        return await reading.page(database, polls, caller, asked, wait)

    return await unit.read_through(first, lambda page: _answer(request, page))


def _types(given: list[str] | None) -> frozenset[str] | None:
    """Return the types that are asked for; raises InvalidRequest for one that there is not: it would find nothing."""
    for index, one in enumerate(given or []):
        if one not in FEED_TYPES:
            raise InvalidRequest.at(
                ["query", "type", index], "unknown_type", f"There is no type of events `{one[:64]}` in the feed"
            )
    return frozenset(given) if given else None


def _answer(request: Request, page: FeedPage) -> Answer:
    body = FeedEvents(data=list(page.events), next_cursor=str(page.position), has_more=page.has_more)
    return Answer(body, headers=link_to_next(request, body.next_cursor, "after"))
