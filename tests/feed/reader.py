"""Reads feeds in tests, as a client does."""

import time
from collections.abc import Iterator
from typing import Any

from tests.parties import Party

Event = dict[str, Any]


def events_of(party: Party, after: int | None = None, **filters: Any) -> list[Event]:
    """Return all events of a party's feed after a position, page by page."""
    found: list[Event] = []
    asked = filters | ({} if after is None else {"after": str(after)})
    while True:
        answer = party.get("/v1/events", params=asked)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += page["data"]
        asked["after"] = page["next_cursor"]
        if not page["has_more"]:
            return found


def awaited(party: Party, count: int, seconds: float = 30, **filters: Any) -> list[Event]:
    """Return a party's events once there are `count` of them; fails where there are more, or not so many in time."""
    found: list[Event] = []
    asked: dict[str, Any] = {"wait": "2", **filters}
    ends = time.monotonic() + seconds
    while len(found) < count:
        assert time.monotonic() < ends, [event["type"] for event in found]
        answer = party.get("/v1/events", params=asked)
        assert answer.status_code == 200, answer.text
        found += answer.json()["data"]
        asked["after"] = answer.json()["next_cursor"]
    assert len(found) == count, [event["type"] for event in found]
    return found


def of_order(events: list[Event], order: Event) -> Iterator[Event]:
    """Yield the events of one order."""
    return (event for event in events if (event["purchase_order"] or {}).get("id") == order["id"])
