"""Where a shipment is: told by its carrier in any order, seen by the parties of its orders."""

import asyncio
import itertools
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from app.principal import Scope
from tests.parties import Party, ahead
from tests.shipments.waybills import any_shape, linked, timeline, xpo

Sql = Callable[..., list[asyncpg.Record]]
BEGAN = datetime.now(UTC).replace(microsecond=0) - timedelta(days=3)


def hour(hours: float) -> str:
    return (BEGAN + timedelta(hours=hours)).isoformat().replace("+00:00", "Z")


SIX: list[dict[str, Any]] = [
    {"type": "picked_up", "occurred_at": hour(0), "location": {"city": "Dayton", "state": "OH", "country": "US"}},
    {"type": "in_transit", "occurred_at": hour(4), "eta": hour(30)},
    {"type": "exception", "occurred_at": hour(9), "reason": "Snow", "eta": hour(40)},
    {"type": "at_terminal", "occurred_at": hour(14), "location": {"terminal": "XCB"}, "source_reference": "S-4"},
    {"type": "out_for_delivery", "occurred_at": hour(38)},
    {"type": "delivered", "occurred_at": hour(40), "location": {"city": "Akron"}},
]


def report(party: Party, pro: str, *events: dict[str, Any], scac: str = "CNWY", **options: Any) -> httpx.Response:
    return party.post(f"/v1/pro-numbers/{scac}/{pro}/tracking-events", {"events": list(events)}, **options)


def history(party: Party, pro: str, scac: str = "CNWY", **params: Any) -> dict[str, Any]:
    answer = party.get(f"/v1/pro-numbers/{scac}/{pro}/tracking-events", params=params)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def tracking_of(party: Party, order: dict[str, Any]) -> dict[str, Any] | None:
    """What the list of an order's PRO numbers shows of its only one."""
    (found,) = party.get(f"/v1/purchase-orders/{order['id']}/pro-numbers").json()["data"]
    shown: dict[str, Any] | None = found["tracking"]
    return shown


@pytest.fixture
def shipped(buyer: Party, seller: Party, warehouse: Party, forwarder: Party) -> tuple[dict[str, Any], str]:
    """An order with all its parties, and the PRO number that the seller has put on it."""
    order = buyer.issue(
        seller={"organisation_id": seller.id},
        ship_to={"organisation_id": warehouse.id},
        forwarders=[{"organisation_id": forwarder.id}],
        delivery_window={"start": hour(24), "end": hour(36)},
    )
    pro = xpo()
    linked(seller, order, "CNWY", pro)
    return order, pro


def test_what_is_told_is_201_and_the_same_again_200_with_nothing_doubled(
    seller: Party, shipped: tuple[dict[str, Any], str]
) -> None:
    _, pro = shipped
    first = report(seller, pro, SIX[0], SIX[3])
    assert first.status_code == 201
    assert (first.json()["recorded"], first.json()["known"]) == (2, 0)
    again = report(seller, pro, SIX[3], SIX[0], SIX[0])
    assert again.status_code == 200
    assert (again.json()["recorded"], again.json()["known"]) == (0, 3)
    assert again.json()["tracking"] == first.json()["tracking"]
    found = history(seller, pro)
    assert [event["type"] for event in found["data"]] == ["picked_up", "at_terminal"]
    assert found["tracking"]["events"] == 2


def test_an_event_may_be_sent_by_itself_and_as_a_plain_list(seller: Party, shipped: tuple[dict[str, Any], str]) -> None:
    path = f"/v1/pro-numbers/CNWY/{shipped[1]}/tracking-events"
    assert seller.post(path, SIX[0]).status_code == 201
    assert seller.post(path, [SIX[0], SIX[1]]).json()["recorded"] == 1


def test_all_parties_see_the_shipment_on_the_order_with_the_estimate_held_against_the_window(
    buyer: Party, seller: Party, warehouse: Party, forwarder: Party, shipped: tuple[dict[str, Any], str]
) -> None:
    order, pro = shipped
    assert tracking_of(buyer, order) is None
    report(forwarder, pro, *SIX[:4])
    expected = {
        "status": "at_terminal",
        "occurred_at": hour(14),
        "eta": hour(40),
        "location": {"city": None, "state": None, "country": None, "terminal": "XCB"},
        "exception": None,
        "events": 4,
        "eta_outside_window": True,
    }
    for party in (buyer, seller, warehouse, forwarder):
        assert tracking_of(party, order) == expected
        assert len(history(party, pro)["data"]) == 4
    report(buyer, pro, {"type": "information", "occurred_at": hour(15), "eta": hour(30)})
    assert (tracking_of(seller, order) or {})["eta_outside_window"] is False
    # What the link itself is booked for counts before the order's window.
    window = {"start": hour(40), "end": hour(42)}
    seller.post(f"/v1/purchase-orders/{order['id']}/pro-numbers", {"scac": "CNWY", "pro_number": pro, "window": window})
    assert (tracking_of(seller, order) or {})["eta_outside_window"] is True


def test_each_change_of_status_stands_in_the_timeline_of_every_order_of_the_shipment(
    buyer: Party, warehouse: Party, shipped: tuple[dict[str, Any], str], seller: Party
) -> None:
    order, pro = shipped
    other = buyer.issue(seller={"organisation_id": seller.id})
    linked(seller, other, "CNWY", pro)
    for event in (SIX[1], SIX[0], SIX[2], {**SIX[2], "note": "still"}, SIX[5]):
        assert report(seller, pro, event).status_code == 201
    for one, reader in ((order, warehouse), (other, buyer)):
        told = [event for event in timeline(reader, one) if event["type"] == "shipment.status_changed"]
        assert [event["data"].get("previous_tracking_status") for event in told] == [None, "in_transit", "exception"]
        assert [event["data"]["tracking_status"] for event in told] == ["in_transit", "exception", "delivered"]
        assert told[1]["data"]["reason"] == "Snow"
        assert told[1]["data"]["pro_number"] == pro
        assert {event["relation"] for event in told} == {"seller"}
        sequences = [event["sequence"] for event in timeline(reader, one)]
        assert sequences == list(range(1, len(sequences) + 1))
        assert buyer.get(f"/v1/purchase-orders/{one['id']}").json()["version"] == len(sequences)


def test_six_messages_in_orders_drawn_at_random_end_in_the_same_state(buyer: Party, seller: Party) -> None:
    order = buyer.issue(seller={"organisation_id": seller.id})
    chance = random.Random(214)
    drawn = chance.sample(list(itertools.permutations(SIX)), 6)
    found = []
    for sequence in drawn:
        pro = xpo()
        linked(seller, order, "CNWY", pro)
        for event in sequence:
            assert report(seller, pro, event).status_code == 201
        told = history(buyer, pro)
        found.append((told["tracking"], [event["type"] for event in told["data"]]))
    assert all(one == found[0] for one in found)
    assert found[0][0]["status"] == "delivered"
    assert found[0][0]["occurred_at"] == hour(40)
    assert found[0][1] == [event["type"] for event in SIX]


def test_of_twelve_reports_at_once_none_is_lost(seller: Party, shipped: tuple[dict[str, Any], str]) -> None:
    _, pro = shipped
    # Six different ones, each twice: the doubles meet as well.
    answers = asyncio.run(_at_once(seller, pro, [*SIX, *SIX]))
    assert sorted(answer.status_code for answer in answers) == [200] * 6 + [201] * 6
    told = history(seller, pro)
    assert told["tracking"]["events"] == len(told["data"]) == 6
    assert told["tracking"]["status"] == "delivered"
    assert told["tracking"]["exception"] is None


def test_reports_of_shipments_that_share_their_orders_do_not_hold_each_other_up(buyer: Party) -> None:
    orders = [buyer.issue() for _ in range(6)]
    pros = [xpo() for _ in range(4)]
    for place, pro in enumerate(pros):
        for order in orders if place % 2 else reversed(orders):
            linked(buyer, order, "CNWY", pro)

    async def race() -> list[httpx.Response]:
        async with buyer.asynchronous() as client:
            return await asyncio.gather(*(_report(client, pro, event) for event in SIX for pro in pros))

    assert {answer.status_code for answer in asyncio.run(race())} == {201}
    for order in orders:
        sequences = [event["sequence"] for event in timeline(buyer, order)]
        assert sequences == list(range(1, len(sequences) + 1))


def test_one_id_of_the_carrier_is_one_event_and_another_story_under_it_is_refused_whole(
    seller: Party, shipped: tuple[dict[str, Any], str]
) -> None:
    _, pro = shipped
    named = {**SIX[1], "source_reference": "X-1"}
    assert report(seller, pro, named).status_code == 201
    answer = report(seller, pro, SIX[0], {**named, "occurred_at": hour(5)})
    assert (answer.status_code, answer.json()["code"], answer.json()["event"]) == (409, "tracking_event_differs", 1)
    within = report(seller, pro, {**SIX[0], "source_reference": "X-2"}, {**SIX[1], "source_reference": "X-2"})
    assert (within.status_code, within.json()["event"]) == (409, 1)
    assert [event["type"] for event in history(seller, pro)["data"]] == ["in_transit"]


def test_nobody_can_say_the_last_word_by_a_date_to_come(seller: Party, shipped: tuple[dict[str, Any], str]) -> None:
    _, pro = shipped
    # Local times that came without their zone may lie some hours ahead.
    assert report(seller, pro, {"type": "in_transit", "occurred_at": ahead(hours=13)}).status_code == 201
    answer = report(seller, pro, SIX[0], {"type": "delivered", "occurred_at": ahead(days=1, minutes=5)})
    assert answer.status_code == 422
    (fault,) = answer.json()["errors"]
    assert (fault["loc"], fault["code"]) == (["body", "events", 1, "occurred_at"], "in_the_future")
    assert history(seller, pro)["tracking"]["events"] == 1


def test_who_speaks_of_a_shipment_is_whoever_uses_it_or_ships_one_of_its_orders(
    buyer: Party,
    seller: Party,
    warehouse: Party,
    forwarder: Party,
    stranger: Party,
    shipped: tuple[dict[str, Any], str],
) -> None:
    _, pro = shipped
    for place, party in enumerate((buyer, seller, forwarder)):
        assert report(party, pro, SIX[place]).status_code == 201
    refused = report(warehouse, pro, SIX[4])
    assert (refused.status_code, refused.json()["code"]) == (403, "relation_not_allowed")
    for call in (report(stranger, pro, SIX[4]), stranger.get(f"/v1/pro-numbers/CNWY/{pro}/tracking-events")):
        assert (call.status_code, call.json()["code"]) == (404, "not_found")
    assert report(seller, xpo(), SIX[0]).status_code == 404
    reads = httpx.get(
        f"{buyer.base_url}/v1/pro-numbers/CNWY/{pro}/tracking-events",
        headers={"Authorization": f"Bearer {warehouse.key_with(Scope.ORDERS_READ)}"},
    )
    assert reads.status_code == 200


def test_who_has_put_his_number_on_an_order_that_names_no_forwarder_speaks_of_it_and_reads_it(
    buyer: Party, stranger: Party
) -> None:
    order, pro = buyer.issue(), xpo()
    linked(stranger, order, "CNWY", pro)
    assert report(stranger, pro, SIX[0]).status_code == 201
    assert history(stranger, pro)["tracking"]["status"] == "picked_up"
    last = timeline(buyer, order)[-1]
    assert (last["type"], last["relation"]) == ("shipment.status_changed", "presenter")


def test_a_shipment_stays_what_it_is_when_its_number_is_taken_off_and_put_on_again(
    buyer: Party, seller: Party, shipped: tuple[dict[str, Any], str]
) -> None:
    order, pro = shipped
    report(seller, pro, SIX[0])
    path = f"/v1/purchase-orders/{order['id']}/pro-numbers"
    assert seller.post(f"{path}/CNWY/{pro}/unlink").json()["tracking"]["status"] == "picked_up"
    # Off its orders it is still the seller's own, and nobody else's.
    assert report(seller, pro, SIX[1]).status_code == 201
    assert report(buyer, pro, SIX[2]).status_code == 404
    again = seller.post(path, {"scac": "CNWY", "pro_number": pro})
    assert again.json()["tracking"]["status"] == "in_transit"


WRONG: list[tuple[str, dict[str, Any], list[Any]]] = [
    ("an unknown type", {"type": "lost", "occurred_at": hour(1)}, ["type"]),
    ("no time", {"type": "delivered"}, ["occurred_at"]),
    ("a time without a zone", {"type": "delivered", "occurred_at": "2036-01-01T00:00:00"}, ["occurred_at"]),
    ("a number for a time", {"type": "delivered", "occurred_at": 5}, ["occurred_at"]),
    ("an exception without a reason", {"type": "exception", "occurred_at": hour(1)}, []),
    ("a reason without an exception", {"type": "delivered", "occurred_at": hour(1), "reason": "x"}, []),
    ("a location that says nothing", {"type": "delivered", "occurred_at": hour(1), "location": {}}, ["location"]),
    ("a field that is not known", {"type": "delivered", "occurred_at": hour(1), "speed": 1}, ["speed"]),
    ("a NUL in a note", {"type": "delivered", "occurred_at": hour(1), "note": "a\x00b"}, ["note"]),
    (
        "a country that is none",
        {"type": "delivered", "occurred_at": hour(1), "location": {"country": "Germany"}},
        ["location", "country"],
    ),
    (
        "a carrier's id that is too long",
        {"type": "delivered", "occurred_at": hour(1), "source_reference": "x" * 101},
        ["source_reference"],
    ),
]


@pytest.mark.parametrize(("event", "place"), [one[1:] for one in WRONG], ids=[one[0] for one in WRONG])
def test_what_no_event_can_say_is_refused_by_name(
    event: dict[str, Any], place: list[Any], seller: Party, shipped: tuple[dict[str, Any], str]
) -> None:
    answer = report(seller, shipped[1], SIX[0], event)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["loc"] == ["body", "events", 1, *place]
    assert history(seller, shipped[1])["tracking"] is None


def test_a_report_has_one_to_a_hundred_events(seller: Party, shipped: tuple[dict[str, Any], str], sql: Sql) -> None:
    _, pro = shipped
    many = [{"type": "in_transit", "occurred_at": hour(place / 100)} for place in range(101)]
    assert report(seller, pro).status_code == 422
    assert report(seller, pro, *many).status_code == 422
    assert report(seller, pro, *many[:100]).json()["recorded"] == 100
    # What a page begins with is where the one before has ended, also for an event that came late.
    first = history(seller, pro, limit=60)
    assert report(seller, pro, {"type": "in_transit", "occurred_at": hour(-1)}).status_code == 201
    second = history(seller, pro, limit=60, cursor=first["next_cursor"])
    assert [event["occurred_at"] for event in first["data"] + second["data"]] == [
        one["occurred_at"] for one in many[:100]
    ]
    assert second["next_cursor"] is None
    sql(
        "INSERT INTO tracking_events (scac, pro_number, event_key, digest, type, occurred_at, recorded_at, "
        "reported_by) "
        "SELECT 'CNWY', $1, n::text, n::text, 'in_transit', now(), now(), $2 FROM generate_series(1, 899) n",
        pro.replace("-", ""),
        seller.id,
    )
    answer = report(seller, pro, SIX[5])
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_tracking_events")


def test_a_report_under_one_idempotency_key_is_made_once(seller: Party, shipped: tuple[dict[str, Any], str]) -> None:
    _, pro = shipped
    key = {"headers": {"Idempotency-Key": any_shape()}}
    first, again = report(seller, pro, SIX[0], **key), report(seller, pro, SIX[0], **key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json() == first.json()


async def _at_once(party: Party, pro: str, events: list[dict[str, Any]]) -> list[httpx.Response]:
    async with party.asynchronous() as client:
        return await asyncio.gather(*(_report(client, pro, event) for event in events))


async def _report(client: httpx.AsyncClient, pro: str, event: dict[str, Any]) -> httpx.Response:
    return await client.post(f"/v1/pro-numbers/CNWY/{pro}/tracking-events", json={"events": [event]})
