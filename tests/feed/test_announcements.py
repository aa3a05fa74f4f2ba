"""What time alone makes of orders is announced once, on time, in the timeline and in the feeds."""

import time
from datetime import UTC, datetime

from tests.feed.reader import Event, awaited
from tests.parties import Party, ahead

WITHIN = 5.0
"""Seconds after its time within which an announcement is there."""


def _types(events: list[Event]) -> list[str]:
    return [event["type"].removeprefix("purchase_order.") for event in events]


def _late(event: Event, date: str) -> float:
    """Return how many seconds after its date an event happened."""
    return (datetime.fromisoformat(event["occurred_at"]) - datetime.fromisoformat(event["data"][date])).total_seconds()


def test_the_end_of_an_order_is_announced_to_all_its_parties(buyer: Party, seller: Party, forwarder: Party) -> None:
    order = buyer.active(
        seller={"organisation_id": seller.id},
        forwarders=[{"organisation_id": forwarder.id}],
        expires_at=ahead(seconds=1.5),
    )
    for party in (buyer, seller, forwarder):
        (expired,) = awaited(party, 4)[3:]
        assert expired["type"] == "purchase_order.expired"
        assert expired["data"] == {"expires_at": order["expires_at"]}
        assert expired["actor"] is None
        assert 0 <= _late(expired, "expires_at") < WITHIN
    timeline = buyer.get(f"/v1/purchase-orders/{order['id']}/events").json()["data"]
    assert [event["sequence"] for event in timeline] == [1, 2, 3, 4]
    assert timeline[3]["type"] == "purchase_order.expired"


def test_an_order_that_is_not_activated_in_time_lapses_and_a_confirmed_one_was_not_activated(buyer: Party) -> None:
    issued, confirmed = (buyer.issue(activate_by=ahead(seconds=2)) for _ in range(2))
    buyer.act(confirmed, "confirm")
    events = awaited(buyer, 6)
    assert _types([event for event in events if event["purchase_order"]["id"] == issued["id"]]) == ["issued", "lapsed"]
    of_confirmed = [event for event in events if event["purchase_order"]["id"] == confirmed["id"]]
    assert _types(of_confirmed) == ["issued", "confirmed", "lapsed", "not_activated"]
    assert [event["sequence"] for event in of_confirmed] == [1, 2, 3, 4]
    assert {event["data"]["activate_by"] for event in of_confirmed[2:]} == {confirmed["activate_by"]}


def test_the_end_is_announced_ahead_as_the_policy_says(buyer: Party) -> None:
    assert buyer.post("/v1/policies", {"expiring_notice": "PT10M"}).json()["expiring_notice"] == "PT10M"
    order = buyer.issue(expires_at=ahead(minutes=10, seconds=1.5))
    expiring = awaited(buyer, 2, type=["purchase_order.issued", "purchase_order.expiring"])[1]
    assert expiring["data"] == {"expires_at": order["expires_at"]}
    assert -600 <= _late(expiring, "expires_at") < -600 + WITHIN


def test_an_end_that_is_set_nearer_than_its_notice_is_not_announced_ahead(buyer: Party) -> None:
    buyer.issue(expires_at=ahead(seconds=2))
    assert _types(awaited(buyer, 2)) == ["issued", "expired"]


def test_without_a_notice_no_end_is_announced_ahead(buyer: Party) -> None:
    assert buyer.post("/v1/policies", {"expiring_notice": None}).json()["expiring_notice"] is None
    buyer.issue(expires_at=ahead(days=7, seconds=1))
    time.sleep(2.5)
    assert _types(awaited(buyer, 1, type="purchase_order.issued")) == ["issued"]
    assert buyer.get("/v1/events", params={"type": "purchase_order.expiring"}).json()["data"] == []


def test_an_order_that_is_extended_ends_a_second_time(buyer: Party) -> None:
    order = buyer.active(expires_at=ahead(seconds=1))
    awaited(buyer, 4)
    again = buyer.act(order, "extend", expires_at=ahead(seconds=1))
    events = awaited(buyer, 6)
    assert _types(events) == ["issued", "confirmed", "activated", "expired", "extended", "expired"]
    assert events[5]["data"] == {"expires_at": again["expires_at"]}


def test_an_order_that_is_suspended_at_its_end_expires_when_it_is_resumed(buyer: Party) -> None:
    order = buyer.active(expires_at=ahead(seconds=1))
    buyer.act(order, "suspend")
    time.sleep(2.5)
    assert datetime.fromisoformat(order["expires_at"]) < datetime.now(UTC)
    buyer.act(order, "resume")
    assert _types(awaited(buyer, 6)) == ["issued", "confirmed", "activated", "suspended", "resumed", "expired"]


def test_what_has_ended_otherwise_does_not_expire(buyer: Party) -> None:
    order = buyer.active(expires_at=ahead(seconds=1.5))
    buyer.act(order, "cancel")
    other = buyer.active(expires_at=ahead(seconds=1.5))
    events = awaited(buyer, 8)
    assert "purchase_order.expired" not in {
        event["type"] for event in events if event["purchase_order"]["id"] == order["id"]
    }
    assert events[-1]["purchase_order"]["id"] == other["id"]
