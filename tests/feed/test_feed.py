"""`GET /v1/events`: each organisation follows what happens to the orders that name it."""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app.db.session import Database
from app.feed import service, trimming, waiting
from app.feed.repository import FeedFilter
from tests.feed.reader import Event, awaited, events_of
from tests.parties import Party, ahead

FEED = "/v1/events"
Sql = Callable[..., list[Any]]


def named(party: Party) -> dict[str, str]:
    return {"organisation_id": party.id}


def types(events: list[Event]) -> list[str]:
    return [event["type"] for event in events]


def refused(party: Party, **asked: Any) -> dict[str, Any]:
    answer = party.get(FEED, params=asked)
    assert answer.is_client_error, answer.text
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == answer.status_code
    return problem


def test_everything_that_happens_to_an_order_is_told_in_order(buyer: Party, seller: Party) -> None:
    order = buyer.active(seller=named(seller))
    for party, relation in ((buyer, "owner"), (seller, "seller")):
        events = awaited(party, 3)
        assert [event["position"] for event in events] == [1, 2, 3]
        assert [event["sequence"] for event in events] == [1, 2, 3]
        assert types(events) == ["purchase_order.issued", "purchase_order.confirmed", "purchase_order.activated"]
        assert {event["purchase_order"]["id"] for event in events} == {order["id"]}
        assert {event["purchase_order"]["number"] for event in events} == {order["number"]}
        assert {event["purchase_order"]["organisation_id"] for event in events} == {buyer.id}
        assert {event["purchase_order"]["relation"] for event in events} == {relation}
        assert {event["actor"]["organisation_id"] for event in events} == {buyer.id}


def test_an_event_has_one_id_for_all_and_its_data_as_each_may_see_it(
    buyer: Party, seller: Party, warehouse: Party, forwarder: Party, stranger: Party
) -> None:
    order = buyer.issue(seller=named(seller), ship_to=named(warehouse), forwarders=[named(forwarder)])
    seller.act(order, "confirm", contract_number="SC-4711")
    told = {party.id: awaited(party, 2)[1] for party in (buyer, seller, warehouse, forwarder)}
    assert len({event["id"] for event in told.values()}) == 1
    assert [event["purchase_order"]["relation"] for event in told.values()] == [
        "owner", "seller", "ship_to", "forwarder",
    ]  # fmt: skip
    for party in (buyer, seller, warehouse, forwarder):
        timeline = party.get(f"/v1/purchase-orders/{order['id']}/events").json()["data"]
        assert told[party.id]["data"] == timeline[1]["data"]
    assert told[buyer.id]["data"]["contract_number"] == "SC-4711"
    assert "contract_number" not in told[forwarder.id]["data"]
    assert events_of(stranger) == []


def test_an_event_is_told_to_those_whom_the_order_named_as_it_happened(
    buyer: Party, seller: Party, forwarder: Party, party: Callable[..., Party]
) -> None:
    other = party("Weser Spedition")
    order = buyer.issue(draft=True, seller=named(seller), forwarders=[named(forwarder)])
    buyer.act(order, "issue")
    tag = buyer.get(f"/v1/purchase-orders/{order['id']}").headers["ETag"]
    body = {"forwarders": [named(other)]}
    changed = buyer.patch(f"/v1/purchase-orders/{order['id']}", body, headers={"If-Match": tag})
    assert changed.status_code == 200, changed.text
    seller.act(order, "confirm", revision=changed.json()["proposed_revision"] or changed.json()["revision"])
    whole = awaited(buyer, len(buyer.get(f"/v1/purchase-orders/{order['id']}/events").json()["data"]))
    assert types(whole)[:2] == ["purchase_order.drafted", "purchase_order.issued"]
    # A draft is nobody's but its owner's.
    assert types(events_of(seller)) == types(whole)[1:]
    before, after = events_of(forwarder), events_of(other)
    assert types(before)[0] == "purchase_order.issued"
    assert types(after)[-1] == "purchase_order.confirmed"
    sequences = [event["sequence"] for event in (*before, *after)]
    assert sequences == [event["sequence"] for event in whole[1:]]


def test_who_is_named_twice_is_told_once_by_its_strongest_relation(buyer: Party) -> None:
    buyer.issue(ship_to=named(buyer), forwarders=[named(buyer)])
    assert [event["purchase_order"]["relation"] for event in awaited(buyer, 1)] == ["owner"]


def test_what_changes_for_the_organisation_itself_is_told_to_it_alone(buyer: Party, stranger: Party) -> None:
    stated = buyer.post("/v1/policies", {"receipt_tolerance": "0.05", "effective_from": ahead(days=7)}).json()
    created, changing = awaited(buyer, 2)
    assert types([created, changing]) == ["policy.created", "policy.changing"]
    assert (changing["sequence"], changing["purchase_order"]) == (None, None)
    assert changing["data"]["effective_from"] == stated["effective_from"]
    assert changing["actor"] == {"organisation_id": buyer.id, "relation": None}
    # Of keys the feed tells nobody: who may read orders may not see them.
    buyer.key_with("validate")
    buyer.issue()
    assert types(awaited(buyer, 1, after="2")) == ["purchase_order.issued"]
    assert events_of(stranger) == []


def test_a_booking_is_told_to_the_parties_of_its_orders(buyer: Party, warehouse: Party) -> None:
    order = buyer.active(ship_to=named(warehouse))
    shipment = {
        "scac": "QXZB", "pro_number": f"PRO{int(time.time() * 1e6)}", "pallets": 1, "cartons": 1, "units": 1,
        "purchase_orders": [order["number"]],
    }  # fmt: skip
    window = {"start": ahead(hours=5), "end": ahead(hours=6)}
    body = {"ship_to": named(warehouse), "window": window, "load_type": "palletised", "shipments": [shipment]}
    booking = buyer.post("/v1/delivery-bookings", body)
    assert booking.status_code == 201, booking.text
    told = awaited(warehouse, 1, type="delivery_booking.requested")
    assert told[0]["data"]["booking_number"] == booking.json()["booking_number"]
    # And that it is at risk, within five seconds.
    buyer.act(order, "suspend")
    (at_risk,) = awaited(warehouse, 1, seconds=5, type="delivery_booking.at_risk")
    assert at_risk["data"]["codes"] == ["suspended"]


# Asking for a part


def test_a_page_goes_on_where_the_one_before_ended(buyer: Party) -> None:
    for _ in range(5):
        buyer.issue()
    whole = awaited(buyer, 5)
    first = buyer.get(FEED, params={"limit": 2})
    assert first.json()["data"] == whole[:2]
    assert (first.json()["next_cursor"], first.json()["has_more"]) == ("2", True)
    second = buyer.get(first.links["next"]["url"])
    assert second.json()["data"] == whole[2:4]
    last = buyer.get(second.links["next"]["url"]).json()
    assert (last["data"], last["next_cursor"], last["has_more"]) == (whole[4:], "5", False)
    assert buyer.get(FEED, params={"after": whole[2]["position"]}).json()["data"] == whole[3:]
    end = buyer.get(FEED, params={"after": last["next_cursor"]}).json()
    assert (end["data"], end["next_cursor"], end["has_more"]) == ([], "5", False)


def test_a_feed_is_filtered_by_type_order_and_relation(buyer: Party, seller: Party) -> None:
    orders = [buyer.active(seller=named(seller)) for _ in range(2)]
    own = seller.issue()
    whole = awaited(seller, 7)
    confirmed = events_of(seller, type=["purchase_order.confirmed", "purchase_order.activated"])
    assert confirmed == [one for one in whole if one["type"] != "purchase_order.issued"]
    of_second = events_of(seller, number=orders[1]["number"].lower().replace("-", " "))
    assert of_second == [one for one in whole if one["purchase_order"]["id"] == orders[1]["id"]]
    assert events_of(seller, number=orders[1]["id"]) == of_second
    (mine,) = events_of(seller, relation="owner")
    assert mine["purchase_order"]["id"] == own["id"]
    assert len(events_of(seller, relation="seller")) == 6
    # What is filtered out has been looked at all the same.
    page = seller.get(FEED, params={"type": "purchase_order.confirmed"}).json()
    assert (len(page["data"]), page["next_cursor"], page["has_more"]) == (2, "7", False)
    page = seller.get(FEED, params={"relation": "forwarder"}).json()
    assert (page["data"], page["next_cursor"], page["has_more"]) == ([], "7", False)


async def test_a_filter_that_nothing_passes_is_followed_in_spans(
    buyer: Party, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        buyer.issue()
    whole = awaited(buyer, 5)
    monkeypatch.setattr(service, "ENTRIES_LOOKED_AT", 2)
    only = FeedFilter(types=frozenset({"purchase_order.expired"}))
    positions, has_more = [0], True
    while has_more:
        page = await database.look(
            lambda connection: service.events_after(connection, UUID(buyer.id), positions[-1], 10, only)
        )
        assert page.events == []
        positions.append(page.position)
        has_more = page.has_more
    assert positions == [0, 2, 4, len(whole)]


def test_from_now_on(buyer: Party) -> None:
    buyer.issue()
    awaited(buyer, 1)
    latest = buyer.get(FEED, params={"after": "latest"}).json()
    assert (latest["data"], latest["next_cursor"]) == ([], "1")
    order = buyer.issue()
    (event,) = awaited(buyer, 1, after=latest["next_cursor"])
    assert event["purchase_order"]["id"] == order["id"]


@pytest.mark.parametrize("after", ["-1", "1.5", "abc", "", "1" * 19, "٣"])
def test_what_is_no_position_is_told_so(buyer: Party, after: str) -> None:
    problem = refused(buyer, after=after)
    assert (problem["status"], problem["code"]) == (422, "invalid_request")
    assert (problem["errors"][0]["loc"], problem["errors"][0]["code"]) == (["query", "after"], "position")


def test_a_position_beyond_the_end_is_told_with_the_end(buyer: Party, stranger: Party) -> None:
    buyer.issue()
    awaited(buyer, 1)
    problem = refused(buyer, after="2")
    assert (problem["status"], problem["code"], problem["last_position"]) == (409, "feed_position_unknown", 1)
    assert refused(stranger, after="1")["last_position"] == 0


@pytest.mark.parametrize(
    ("asked", "place"),
    [
        ({"type": "purchase_order.exploded"}, ["query", "type", 0]),
        ({"wait": "31"}, ["query", "wait"]),
        ({"relation": "presenter"}, ["query", "relation"]),
        ({"limit": "201"}, ["query", "limit"]),
    ],
)
def test_a_filter_that_cannot_be_is_refused(buyer: Party, asked: dict[str, str], place: list[Any]) -> None:
    problem = refused(buyer, **asked)
    assert (problem["status"], problem["errors"][0]["loc"]) == (422, place)


def test_the_order_of_a_filter_is_one_that_names_the_caller(buyer: Party, stranger: Party) -> None:
    order = buyer.issue()
    assert refused(stranger, number=order["number"])["code"] == "not_found"


def test_the_feed_asks_for_the_scope_of_reading_orders(buyer: Party) -> None:
    headers = {"Authorization": f"Bearer {buyer.key_with('validate')}"}
    answer = buyer.get(FEED, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")


# Waiting


def test_who_waits_is_woken_by_what_happens(buyer: Party, stranger: Party, monkeypatch: pytest.MonkeyPatch) -> None:
    # By the relay alone: nobody looks meanwhile, once the look that may be under way is over.
    between_looks = waiting.SECONDS_BETWEEN_LOOKS
    monkeypatch.setattr(waiting, "SECONDS_BETWEEN_LOOKS", 60.0)

    async def race() -> None:
        async with buyer.asynchronous() as client, stranger.asynchronous() as other:
            asked = {"wait": 30, "after": 0}
            waiting_there = [asyncio.create_task(client.get(FEED, params=asked)) for _ in range(10)]
            in_vain = asyncio.create_task(other.get(FEED, params={"wait": 3}))
            await asyncio.sleep(between_looks + 0.2)
            assert not any(one.done() for one in waiting_there)
            started = time.monotonic()
            assert (await client.post("/v1/purchase-orders", json={})).status_code == 201
            answers = await asyncio.gather(*waiting_there)
            assert time.monotonic() - started < 10
            assert [types(answer.json()["data"]) for answer in answers] == [["purchase_order.issued"]] * 10
            empty = await in_vain
            assert (empty.status_code, empty.json()["data"]) == (200, [])
            assert empty.elapsed.total_seconds() >= 3

    asyncio.run(race())


def test_who_waits_for_a_type_sleeps_on_through_others(buyer: Party) -> None:
    async def race() -> dict[str, Any]:
        async with buyer.asynchronous() as client:
            asked = {"wait": 20, "type": "purchase_order.suspended"}
            waiting = asyncio.create_task(client.get(FEED, params=asked))
            order = (await client.post("/v1/purchase-orders", json={})).json()
            await asyncio.sleep(1)
            assert not waiting.done()
            await client.post(f"/v1/purchase-orders/{order['id']}/suspend", json={})
            page: dict[str, Any] = (await waiting).json()
            return page

    page = asyncio.run(race())
    assert (types(page["data"]), page["next_cursor"]) == (["purchase_order.suspended"], "2")


# How long it is kept


async def test_what_is_kept_no_more_is_told_instead_of_a_hole(
    buyer: Party, stranger: Party, database: Database
) -> None:
    for _ in range(5):
        buyer.issue()
    whole = awaited(buyer, 5)
    stranger.issue()
    awaited(stranger, 1)
    await database.change(lambda connection: _age(connection, buyer.id, 4))
    assert await trimming.run_once(database, timedelta(days=90), batch=3) == 4
    problem = refused(buyer, after="2")
    assert (problem["status"], problem["code"], problem["oldest_after"]) == (410, "feed_position_gone", 4)
    assert events_of(buyer, after=problem["oldest_after"]) == whole[4:]
    # Who names no position begins with what there is.
    assert events_of(buyer) == whole[4:]
    assert len(events_of(stranger)) == 1
    buyer.issue()
    assert [event["position"] for event in awaited(buyer, 1, after="5")] == [6]


async def _age(connection: Any, organisation_id: str, until: int) -> None:
    await connection.exec_driver_sql(
        "UPDATE feed_entries SET relayed_at = relayed_at - interval '91 days' "
        f"WHERE organisation_id = '{organisation_id}' AND position <= {until}"
    )
