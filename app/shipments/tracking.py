"""Use cases of tracking a PRO number: take in what happened, and say where the shipment is.

What events come to is ruled in `tracking_rules`. Whoever records events holds the row of the state first, so that of
two at once the second counts in what the first has written; the orders are told in the same transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from pydantic import JsonValue
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import clock
from app.errors import InvalidRequest
from app.events import service as events
from app.events.event_types import EventType
from app.events.service import OrderChange
from app.http.errors import NotFound, RelationNotAllowed
from app.http.schemas import timestamp
from app.orders import repository as orders
from app.orders.views import relation_of
from app.principal import Principal, Relation
from app.shipments import repository, tracking_repository
from app.shipments.errors import TooManyTrackingEvents, TrackingEventDiffers
from app.shipments.service import named
from app.shipments.tracking_repository import Trail
from app.shipments.tracking_rules import (
    TrackedEvent,
    digest_of,
    is_news,
    place_of,
    state_of,
)
from app.shipments.tracking_schemas import (
    RecordedTracking,
    ReportedEvent,
    TrackingHistory,
)
from app.shipments.tracking_views import (
    columns_of,
    event_shown,
    kept_state,
    told_of,
    tracked,
    tracking_shown,
)

EVENTS_MAX: Final = 1_000
"""Of one shipment or parcel: they are all read whenever one comes."""

AHEAD_MAX: Final = timedelta(days=1)
"""How far ahead of the clock an event may lie: a day covers local times that came without their zone. What lay further
ahead would be the last word on the shipment until then."""

_REPORTERS: Final = frozenset({Relation.OWNER, Relation.SELLER, Relation.FORWARDER})


@dataclass(frozen=True, slots=True)
class Page:
    """A page that is asked for: up to `limit` events after the place `after`."""

    after: str | None
    limit: int


async def record(
    connection: AsyncConnection, caller: Principal, scac: str, pro_number: str, reported: Sequence[ReportedEvent]
) -> RecordedTracking:
    """Record what happened to the shipment behind a PRO number, all of it or nothing.

    Raises NotFound where the caller has nothing to do with it, RelationNotAllowed for who only receives the goods,
    InvalidProNumber, InvalidRequest for an event that lies ahead, TrackingEventDiffers and TooManyTrackingEvents.
    """
    code, key = named(scac, pro_number)
    claim = await _require_relation(connection, caller, code, key, reports=True)
    trail = tracking_repository.shipment(code, key)
    recorded, change = await settle(connection, caller, trail, reported)
    if change is not None:
        changed = await orders.bump_versions(connection, await tracking_repository.orders_with(connection, code, key))
        await tell(connection, caller, changed, {"scac": code, "pro_number": claim.display, **change})
    return recorded


async def history(
    connection: AsyncConnection, caller: Principal, scac: str, pro_number: str, page: Page
) -> TrackingHistory:
    """Return where the shipment behind a PRO number is, with its events by when they happened.

    Raises NotFound where the caller has nothing to do with it, InvalidProNumber.
    """
    code, key = named(scac, pro_number)
    await _require_relation(connection, caller, code, key, reports=False)
    return await history_of(connection, tracking_repository.shipment(code, key), page)


async def settle(
    connection: AsyncConnection, caller: Principal, trail: Trail, reported: Sequence[ReportedEvent]
) -> tuple[RecordedTracking, Mapping[str, JsonValue] | None]:
    """Record events of a trail; return what came of it, and what its orders are to be told, where they are."""
    await _refuse_what_lies_ahead(connection, reported)
    held = await tracking_repository.hold(connection, trail)
    known = {row.event_key: row for row in await tracking_repository.events_of(connection, trail)}
    all_ = {row.digest: tracked(row) for row in known.values()}
    new: dict[str, dict[str, Any]] = {}
    for position, event in enumerate(reported):
        row = _row(event, caller)
        other = known.get(row["event_key"])
        said_before = new.get(row["event_key"]) if other is None else other._asdict()
        if said_before is not None:
            if said_before["digest"] != row["digest"]:
                raise _differs(position, event, said_before)
            continue
        new[row["event_key"]] = row
        all_[row["digest"]] = TrackedEvent(
            event.type, event.occurred_at, row["digest"], event.eta, row["location"], event.reason
        )
    if len(all_) > EVENTS_MAX:
        raise TooManyTrackingEvents(f"The shipment has {len(known)} events, and {len(new)} more came.")
    before, after = kept_state(held), state_of(all_.values())
    if new:
        await tracking_repository.insert_events(connection, trail, list(new.values()))
        await tracking_repository.store_state(connection, trail, columns_of(after, len(all_)))
    recorded = RecordedTracking(
        tracking=tracking_shown(after, len(all_)), recorded=len(new), known=len(reported) - len(new)
    )
    return recorded, told_of(before, after) if is_news(before, after) else None


async def tell(
    connection: AsyncConnection, caller: Principal, changed: Sequence[Row[Any]], data: Mapping[str, JsonValue]
) -> None:
    """Write the change of status into the timelines of orders, whose versions have counted it."""
    await events.record(
        connection,
        [
            OrderChange(
                type=EventType.SHIPMENT_STATUS_CHANGED,
                number_key=order.number_key,
                organisation_id=order.organisation_id,
                sequence=order.version,
                actor=caller,
                relation=relation_of(order._asdict(), caller.organisation_id),
                data=dict(data),
            )
            for order in changed
        ],
    )


async def history_of(connection: AsyncConnection, trail: Trail, page: Page) -> TrackingHistory:
    """Return a page of a trail's events, one more than `limit` where there are more, by when they happened."""
    state = await tracking_repository.state(connection, trail)
    rows = sorted(await tracking_repository.events_of(connection, trail), key=lambda row: place_of(tracked(row)))
    following = [row for row in rows if page.after is None or cursor_of(row) > page.after]
    shown = following[: page.limit]
    return TrackingHistory(
        tracking=None if state is None or not state.events else tracking_shown(kept_state(state), state.events),
        data=[event_shown(row) for row in shown],
        next_cursor=cursor_of(shown[-1]) if len(following) > len(shown) else None,
    )


def cursor_of(row: Row[Any]) -> str:
    """Return the place of an event as a text that sorts like it."""
    happened, rank, digest = place_of(tracked(row))
    # The year has four digits, and so has what is left of the moment always as many.
    return f"{happened.year:04}{happened:%m%dT%H%M%S.%f} {rank} {digest}"


async def _require_relation(
    connection: AsyncConnection, caller: Principal, scac: str, key: str, *, reports: bool
) -> Row[Any]:
    """Return the claim on a PRO number whose shipment the caller may see, and where it `reports` may speak of."""
    claim = await repository.find_claim(connection, scac, key)
    relations = await tracking_repository.relations_to(connection, scac, key, caller.organisation_id)
    claimed = claim is not None and claim.organisation_id == caller.organisation_id
    caller.met.update(relations)
    if claim is None or not (claimed or relations):
        raise NotFound(f"There is no PRO number {key} of {scac} that this organisation has to do with.")
    if reports and not (claimed or relations & _REPORTERS):
        raise RelationNotAllowed(
            "What happened to a shipment is told by whoever uses its PRO number, and by the owner, the seller and the "
            "forwarders of its orders; the calling organisation only receives the goods."
        )
    return claim


async def _refuse_what_lies_ahead(connection: AsyncConnection, reported: Sequence[ReportedEvent]) -> None:
    latest = await clock.now(connection) + AHEAD_MAX
    faults: list[dict[str, JsonValue]] = [
        {
            "loc": ["body", "events", position, "occurred_at"],
            "code": "in_the_future",
            "message": f"It lies more than a day ahead: what has happened lies before {timestamp(latest)}",
        }
        for position, event in enumerate(reported)
        if event.occurred_at > latest
    ]
    if faults:
        raise InvalidRequest.of(faults)


def _row(event: ReportedEvent, caller: Principal) -> dict[str, Any]:
    said = event.model_dump(mode="json", exclude_none=True)
    digest = digest_of(said)
    return {
        "event_key": digest if event.source_reference is None else f"ref {event.source_reference}",
        "digest": digest,
        "reported_by": caller.organisation_id,
        **{name: said.get(name) for name in ReportedEvent.model_fields},
    }


def _differs(position: int, event: ReportedEvent, other: Mapping[str, Any]) -> TrackingEventDiffers:
    happened = other["occurred_at"]
    told = happened if isinstance(happened, str) else timestamp(happened)
    return TrackingEventDiffers(
        f"{event.source_reference} is another event of this shipment: {other['type']}, {told}.",
        members={"event": position},
    )
