"""What time makes of an order that is announced by an event: which, of which date, and when. No clock, no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from app.events.event_types import EventType
from app.orders.lifecycle import ACTIVATED, OPEN, LifecycleFacts, StoredStatus

ANNOUNCED_BY_TIME: Final = (EventType.EXPIRING, EventType.EXPIRED, EventType.LAPSED, EventType.NOT_ACTIVATED)
"""In the order in which they are announced where they come about at one moment."""

_NOT_ACTIVATED: Final = frozenset(OPEN) - ACTIVATED


@dataclass(frozen=True, slots=True)
class Announcement:
    """An event of the order's date `date`, due at the moment `at`."""

    type: EventType
    date: datetime
    at: datetime


def announcements(
    facts: LifecycleFacts, notice: timedelta | None, announced: Mapping[EventType, datetime]
) -> list[Announcement]:
    """Return what time will make of an order as it is now, or has made and nobody has announced yet; earliest first.

    `notice`: how long before its end that is announced; None: it is not. `announced`: the date of which each was
    announced last; it is announced again where the order has another date by now.
    """
    found = []
    expires_at, activate_by = facts.expires_at, facts.activate_by
    if expires_at is not None and facts.stored in OPEN:
        if notice is not None:
            found.append(Announcement(EventType.EXPIRING, expires_at, _before(expires_at, notice)))
        found.append(Announcement(EventType.EXPIRED, expires_at, expires_at))
    if activate_by is not None and facts.stored in _NOT_ACTIVATED:
        found.append(Announcement(EventType.LAPSED, activate_by, activate_by))
        if facts.stored is StoredStatus.confirmed:
            found.append(Announcement(EventType.NOT_ACTIVATED, activate_by, activate_by))
    new = [one for one in found if announced.get(one.type) != one.date]
    return sorted(new, key=lambda one: (one.at, ANNOUNCED_BY_TIME.index(one.type)))


def is_known_to_whoever_set_it(announcement: Announcement, set_at: datetime) -> bool:
    """Whether the end of an order was nearer than its notice already when it was set: nobody is told of that."""
    return announcement.type is EventType.EXPIRING and announcement.at <= set_at


def _before(moment: datetime, span: timedelta) -> datetime:
    try:
        return moment - span
    except OverflowError:
        return moment
