"""A batch of links: each item as if it came alone, all of them by a number of statements that does not grow."""

import asyncio
import os
from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import event

from app.principal import OPERATIONS, Principal, Scope
from app.settings import Settings
from app.shipments import batches
from app.shipments.schemas import LinkBatch
from tests.conftest import serving
from tests.databases import patient
from tests.orders.test_activation_races import at_once
from tests.orders.test_policies import stated
from tests.parties import Party, ahead
from tests.shipments.test_moving import refused
from tests.shipments.waybills import (
    account_of,
    any_shape,
    batch,
    item,
    link,
    linked,
    pro_numbers_of,
    timeline,
    unlink,
    xpo,
)

Sql = Callable[..., list[asyncpg.Record]]
RACES = int(os.environ.get("LINK_BATCH_RACES", "3"))
MANY = int(os.environ.get("LINK_BATCH_SIZE", "200"))


def results(party: Party, *links: dict[str, Any], **body: Any) -> list[dict[str, Any]]:
    answer = batch(party, *links, **body)
    assert answer.status_code == 200, answer.text
    shown: list[dict[str, Any]] = answer.json()["results"]
    assert [one["index"] for one in shown] == list(range(len(links)))
    return shown


def outcomes(shown: list[dict[str, Any]]) -> list[str]:
    return [one["outcome"] if "link" in one else one["problem"]["code"] for one in shown]


def orders_of(party: Party, count: int) -> list[dict[str, Any]]:
    made = party.post("/v1/purchase-orders/batch", {"purchase_orders": [{}] * count}).json()["results"]
    return [one["purchase_order"] for one in made]


def test_a_batch_links_as_single_links_do_with_an_event_each(buyer: Party) -> None:
    first, second = buyer.issue(), buyer.issue()
    pro, other = xpo(), any_shape()
    window = {"start": ahead(days=1), "end": ahead(days=2)}
    shown = results(
        buyer,
        item(first, " cnwy", pro.replace("-", " "), trailer_number="HH-77", window=window, bol="BOL-7"),
        item({"number": first["number"].lower()}, "SAIA", other),
        item({"number": second["id"]}, "CNWY", pro),
    )
    assert outcomes(shown) == ["linked"] * 3
    assert shown[0]["link"].items() >= {"scac": "CNWY", "pro_number": pro, "trailer_number": "HH-77"}.items()
    assert (shown[0]["link"]["window"], shown[0]["link"]["bol"]) == (window, "BOL-7")
    assert (shown[0]["link"]["linked"], shown[0]["link"]["linked_by"]) == (True, buyer.id)
    assert pro_numbers_of(buyer, first) == [("CNWY", pro), ("SAIA", other)]
    assert pro_numbers_of(buyer, second) == [("CNWY", pro)]
    events = [(one["sequence"], one["type"]) for one in timeline(buyer, first)]
    assert events == [(1, "purchase_order.issued"), (2, "pro_number.linked"), (3, "pro_number.linked")]
    told = timeline(buyer, first)[1]["data"]
    assert told == {"scac": "CNWY", "pro_number": pro, "trailer_number": "HH-77", "window": window, "bol": "BOL-7"}
    assert buyer.get(f"/v1/purchase-orders/{first['id']}").json()["version"] == 3


def test_each_item_is_judged_by_itself(buyer: Party, stranger: Party, warehouse: Party, sql: Sql) -> None:
    good, ended, received = buyer.issue(), buyer.issue(), buyer.active()
    theirs = stranger.issue(ship_to={"organisation_id": buyer.id})
    claimed, unused, over = xpo(), any_shape(), any_shape()
    linked(stranger, stranger.issue(), "CNWY", claimed)
    linked(buyer, received, "SAIA", over)
    buyer.act(ended, "cancel")
    buyer.act(received, "receive")
    shown = results(
        buyer,
        item(good, "CNWY", claimed),
        item(ended, "EXLA", unused),
        item(good, "SAIA", over),
        item({"number": "NOSUCHORDER77"}, "SAIA", unused),
        item(theirs, "SAIA", unused),
        item(good, "CNWY", "118-450326"),
        item(good, "ABCU", unused),
        {"number": good["number"], "pro_number": unused},
        {"number": good["number"], "scac": "SAIA", "pro_number": unused, "colour": "red"},
        "neither an object",
        item({"number": "§"}, "SAIA", unused),
        item(good, "SAIA", unused),
    )
    assert outcomes(shown) == [
        "pro_number_claimed",
        "invalid_transition",
        "pro_number_reused",
        "not_found",
        "relation_not_allowed",
        "invalid_pro_number",
        "invalid_pro_number",
        "invalid_pro_number",
        "invalid_request",
        "invalid_request",
        "invalid_request",
        "linked",
    ]
    assert shown[1]["problem"]["order_status"] == "cancelled"
    assert [shown[index]["problem"]["field"] for index in (5, 6, 7)] == ["pro_number", "scac", "scac"]
    assert [shown[index]["problem"]["errors"][0]["loc"] for index in (8, 10)] == [
        ["body", "links", 8, "colour"],
        ["body", "links", 10, "number"],
    ]
    assert pro_numbers_of(buyer, good) == [("SAIA", unused)]
    # What is refused claims nothing, and counts no change of its order.
    assert sql("SELECT * FROM pro_claims WHERE scac = 'EXLA' AND pro_number = $1", unused) == []
    assert buyer.get(f"/v1/purchase-orders/{ended['id']}").json()["version"] == 2


def test_an_atomic_batch_with_a_fault_does_nothing_and_names_the_indexes(
    buyer: Party, stranger: Party, sql: Sql
) -> None:
    order, claimed, free = buyer.issue(), xpo(), any_shape()
    linked(stranger, stranger.issue(), "CNWY", claimed)
    links = [item(order, "SAIA", free), item(order, "CNWY", claimed), {"number": order["number"]}]
    problem = refused(batch(buyer, *links, atomic=True), 422, "batch_refused")
    assert [(one["index"], one["problem"]["code"]) for one in problem["problems"]] == [
        (1, "pro_number_claimed"),
        (2, "invalid_request"),
    ]
    assert problem["detail"] == "2 of 3 links are at fault (index 1, 2); nothing was linked."
    assert pro_numbers_of(buyer, order) == []
    assert sql("SELECT * FROM pro_claims WHERE pro_number = $1", free) == []
    assert outcomes(results(buyer, links[0], atomic=True)) == ["linked"]


def test_what_is_twice_in_a_batch_is_linked_once_and_the_later_word_counts(buyer: Party) -> None:
    order, pro = buyer.issue(), xpo()
    answer = batch(
        buyer,
        item(order, "CNWY", pro, trailer_number="ONE", bol="BOL-1"),
        item(order, "cnwy", pro.replace("-", ""), trailer_number="TWO"),
        item(order, "CNWY", pro),
    ).json()
    assert (answer["linked"], outcomes(answer["results"])) == (1, ["linked"] * 3)
    assert {(one["link"]["trailer_number"], one["link"]["bol"]) for one in answer["results"]} == {("TWO", "BOL-1")}
    assert [one["type"] for one in timeline(buyer, order)].count("pro_number.linked") == 1


def test_what_is_on_its_order_is_changed_or_unchanged(buyer: Party) -> None:
    order, ended, pro = buyer.issue(), buyer.issue(), xpo()
    for one in (order, ended):
        linked(buyer, one, "CNWY", pro)
    buyer.act(ended, "cancel")
    answer = batch(
        buyer,
        item(order, "CNWY", pro),
        item(order, "CNWY", pro, bol="BOL-2"),
        item(ended, "CNWY", pro),
        item(ended, "CNWY", pro, bol=None),
        item(ended, "CNWY", pro, bol="BOL-2"),
    ).json()
    assert answer["linked"] == 0
    assert outcomes(answer["results"]) == ["changed", "changed", "unchanged", "unchanged", "invalid_transition"]
    assert timeline(buyer, order)[-1]["type"] == "pro_number.changed"
    again = results(buyer, item(order, "CNWY", pro, bol="BOL-2"), item(order, "CNWY", pro, bol=None))
    assert outcomes(again) == ["changed", "changed"]
    assert again[0]["link"]["bol"] is None


def test_a_policy_against_split_shipments_holds_within_the_batch_too(buyer: Party, stranger: Party) -> None:
    stated(buyer, split_shipments="refused")
    orders = [buyer.active() for _ in range(3)]
    before, first, second, strangers = xpo(), xpo(), any_shape(), any_shape()
    linked(buyer, orders[1], "CNWY", before)
    linked(stranger, orders[2], "SAIA", strangers)
    shown = results(
        buyer,
        item(orders[0], "CNWY", first),
        item(orders[0], "SAIA", second),
        item(orders[0], "CNWY", first, bol="BOL-1"),
        item(orders[1], "SAIA", second),
        item(orders[1], "CNWY", before),
        item(orders[2], "SAIA", second),
    )
    assert outcomes(shown) == [
        *("linked", "split_shipment_not_allowed", "linked", "split_shipment_not_allowed", "unchanged", "linked")
    ]
    assert [shown[index]["problem"]["linked"]["pro_number"] for index in (1, 3)] == [first, before]
    # An item that is refused for something else stands in no other's way.
    order = buyer.active()
    taken = any_shape()
    linked(stranger, stranger.issue(), "EXLA", taken)
    shown = results(buyer, item(order, "EXLA", taken), item(order, "SAIA", any_shape()))
    assert outcomes(shown) == ["pro_number_claimed", "linked"]


def test_a_presenter_links_orders_that_name_no_forwarder(buyer: Party, forwarder: Party, stranger: Party) -> None:
    free, named, pro = buyer.issue(), buyer.issue(forwarders=[{"organisation_id": forwarder.id}]), any_shape()
    shown = results(stranger, item(free, "SAIA", pro), item(named, "SAIA", pro))
    assert outcomes(shown) == ["linked", "not_found"]
    assert named["id"] not in str(shown)
    assert timeline(buyer, free)[-1]["relation"] == "presenter"


def test_the_buyer_is_asked_for_where_a_number_is_two_orders(buyer: Party, seller: Party, stranger: Party) -> None:
    number = f"45{any_shape()[:10]}"
    orders = [party.issue(number=number) for party in (buyer, seller)]
    pro = any_shape()
    shown = results(
        stranger,
        item(orders[0], "SAIA", pro),
        item(orders[0], "SAIA", pro, buyer=seller.id),
        item(orders[0], "SAIA", pro, buyer=buyer.id),
        item(orders[0], "SAIA", pro, buyer=stranger.id),
    )
    assert outcomes(shown) == ["ambiguous_number", "linked", "linked", "not_found"]


def test_a_bar_code_says_the_carrier(buyer: Party) -> None:
    order, pro = buyer.issue(), xpo()
    code = f"]C19012KCNWY{pro.replace('-', '')}"
    shown = results(
        buyer,
        {"number": order["number"], "pro_number": code},
        item(order, "SAIA", code),
    )
    assert outcomes(shown) == ["linked", "invalid_pro_number"]
    assert shown[0]["link"]["pro_number"] == pro


@pytest.mark.parametrize("links", [[], [{}] * 1001, {}, None, "x"])
def test_a_batch_has_1_to_1000_items(buyer: Party, links: Any) -> None:
    refused(buyer.post("/v1/pro-numbers/batch", {"links": links}), 422, "invalid_request")


def test_the_statements_do_not_grow_with_the_batch(buyer: Party, database_url: str) -> None:
    few, many = orders_of(buyer, 2), orders_of(buyer, MANY)

    async def statements(orders: list[dict[str, Any]]) -> int:
        rule = OPERATIONS["link_pro_number_batch"]
        caller = Principal(UUID(buyer.id), UUID(int=1), frozenset({Scope.SHIP}), rule)
        body = LinkBatch.model_validate({"links": [item(order, "SAIA", any_shape()) for order in orders]})
        count = 0

        def counted(*_: Any) -> None:
            nonlocal count
            count += 1

        database = patient(database_url, pool_size=1)
        async with database.transaction() as connection:
            raw = connection.sync_connection
            assert raw is not None
            event.listen(raw, "before_cursor_execute", counted)
            answer = await batches.link_batch(connection, caller, account_of(database, caller), body)
            event.remove(raw, "before_cursor_execute", counted)
        await database.dispose()
        assert answer.linked == len(orders)
        return count

    assert asyncio.run(statements(few)) == asyncio.run(statements(many)) <= 12


def test_batches_that_race_for_the_same_numbers_leave_one_holder_each(party: Callable[..., Party], sql: Sql) -> None:
    racers = [party(f"Racer {number}") for number in range(4)]
    for _ in range(RACES):
        pros = [any_shape() for _ in range(6)]
        requests = []
        for place, racer in enumerate(racers):
            order = racer.issue()
            # Crosswise: nobody waits for somebody who waits for him.
            turned = pros[place:] + pros[:place]
            links = [item(order, "SAIA", pro) for pro in turned]
            requests.append((racer, "/v1/pro-numbers/batch", {"links": links}))
        answers = asyncio.run(at_once(requests))
        assert [answer.status_code for answer in answers] == [200] * 4
        told = Counter(one for answer in answers for one in outcomes(answer.json()["results"]))
        assert told == {"linked": 6, "pro_number_claimed": 18}
        rows = sql(
            "SELECT c.organisation_id = l.linked_by AS same "
            "FROM pro_claims c JOIN pro_links l USING (scac, pro_number) WHERE pro_number = ANY($1)",
            pros,
        )
        assert [row["same"] for row in rows] == [True] * 6


def test_batches_and_single_links_at_once_leave_one_pro_number_where_one_may_be(buyer: Party) -> None:
    stated(buyer, split_shipments="refused")
    for _ in range(RACES):
        order = buyer.active()
        path = f"/v1/purchase-orders/{order['id']}/pro-numbers"
        requests: list[tuple[Party, str, dict[str, Any]]] = []
        for _ in range(3):
            requests.append((buyer, path, {"scac": "SAIA", "pro_number": any_shape()}))
            requests.append((buyer, "/v1/pro-numbers/batch", {"links": [item(order, "SAIA", any_shape())]}))
        answers = asyncio.run(at_once(requests))
        assert {answer.status_code for answer in answers} <= {200, 201, 409}
        assert len(pro_numbers_of(buyer, order)) == 1
        linked_events = [one for one in timeline(buyer, order) if one["type"] == "pro_number.linked"]
        assert len(linked_events) == 1


def test_a_batch_that_races_with_its_orders_ends_leaves_all_or_nothing(buyer: Party, sql: Sql) -> None:
    for _ in range(RACES):
        orders, pros = orders_of(buyer, 4), [any_shape() for _ in range(4)]
        links = [item(order, "SAIA", pro) for order, pro in zip(orders, pros, strict=True)]
        requests: list[tuple[Party, str, dict[str, Any]]] = [(buyer, "/v1/pro-numbers/batch", {"links": links})]
        requests += [(buyer, f"/v1/purchase-orders/{order['id']}/cancel", {}) for order in orders]
        answers = asyncio.run(at_once(requests))
        told = outcomes(answers[0].json()["results"])
        assert set(told) <= {"linked", "invalid_transition"}
        for order, pro, outcome in zip(orders, pros, told, strict=True):
            won = outcome == "linked"
            assert len(pro_numbers_of(buyer, order)) == won
            assert len(sql("SELECT * FROM pro_claims WHERE pro_number = $1", pro)) == won
            events = timeline(buyer, order)
            assert [one["type"] for one in events].count("pro_number.linked") == won
            assert [one["sequence"] for one in events] == list(range(1, len(events) + 1))


def test_an_idempotency_key_replays_the_batch(buyer: Party) -> None:
    order, pro = buyer.issue(), any_shape()
    headers = {"Idempotency-Key": f"batch-{pro}"}
    first, again = (
        buyer.post("/v1/pro-numbers/batch", {"links": [item(order, "SAIA", pro)]}, headers=headers) for _ in range(2)
    )
    assert again.headers["Idempotency-Replayed"] == "true"
    assert first.json() == again.json()
    assert unlink(buyer, order, "SAIA", pro).status_code == 200


def test_numbers_of_strangers_orders_are_counted_one_by_one(
    database_url: str, buyer: Party, stranger: Party, sql: Sql
) -> None:
    limits = dict.fromkeys(("LOOK_UPS_PER_HOUR", "LOOK_UPS_PER_HOUR_AT_A_GATE"), 10)
    settings = {"DATABASE_URL": database_url, "LOG_LEVEL": "error", **limits}
    own = [item(stranger.issue(), "SAIA", any_shape()) for _ in range(15)]
    guesses = [item({"number": f"PO-{any_shape()[:10]}"}, "SAIA", any_shape()) for _ in range(8)]
    with serving(Settings.model_validate(settings)) as url, Party(url, stranger.id, stranger.key) as guesser:
        assert set(outcomes(results(guesser, *own))) == {"linked"}
        assert set(outcomes(results(guesser, *guesses))) == {"not_found"}
        real = buyer.issue()
        more = results(guesser, *guesses[:2], item(real, "SAIA", any_shape()), *own[:1])
        assert outcomes(more) == ["not_found", "not_found", "too_many_look_ups", "unchanged"]
        assert pro_numbers_of(buyer, real) == []
        refused(link(guesser, real, "SAIA", any_shape()), 429, "too_many_look_ups")
