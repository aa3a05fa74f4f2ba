"""Events reach their endpoints: signed, in the order of each purchase order, until they are taken."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.feed.schemas import FeedEvent
from app.webhooks.messages import body_of
from tests.feed.reader import awaited, of_order
from tests.parties import Party
from tests.webhooks.receiver import Receiver, delivery, settled, until

Sql = Callable[..., list[Any]]


def types_of(received: list[dict[str, Any]]) -> list[str]:
    return [one["type"].removeprefix("purchase_order.") for one in received]


def come_due(sql: Sql, endpoint: dict[str, Any]) -> None:
    """Let what waits for its next attempt wait no longer."""
    sql(
        "UPDATE webhook_deliveries SET next_attempt_at = now() WHERE endpoint_id = $1 AND next_attempt_at > now()",
        endpoint["id"],
    )


def let_time_pass(sql: Sql, endpoint: dict[str, Any], days: float) -> None:
    """Let what was tried be tried since `days` longer."""
    span = timedelta(days=days)
    sql(
        "UPDATE webhook_deliveries SET tried_since = tried_since - $2::interval, next_attempt_at = now() "
        "WHERE endpoint_id = $1 AND next_attempt_at IS NOT NULL",
        endpoint["id"],
        span,
    )


def test_an_event_is_sent_as_the_feed_tells_it_and_verifies(buyer: Party, seller: Party) -> None:
    with Receiver() as of_buyer, Receiver() as of_seller:
        of_buyer.of(buyer)
        of_seller.of(seller)
        order = buyer.issue(seller={"organisation_id": seller.id}, metadata={"internal": "secret"})
        seller.act(order, "confirm")
        for party, receiver in ((buyer, of_buyer), (seller, of_seller)):
            received = receiver.wait(2)
            told = awaited(party, 2)
            assert [{name: one[name] for name in told[0]} for one in received] == told
            assert [one["timestamp"] for one in received] == [one["occurred_at"] for one in told]
            assert [one["data_left_out"] for one in received] == [False, False]
            for (at, headers), event in zip(receiver.arrivals, told, strict=True):
                assert headers["webhook-id"] == event["id"]
                assert abs(int(headers["webhook-timestamp"]) - at) < 5
                assert headers["content-type"] == "application/json"


def test_an_endpoint_gets_what_it_asks_for_and_nothing_from_before(buyer: Party, seller: Party) -> None:
    before = buyer.issue()
    awaited(buyer, 1)
    with Receiver() as some, Receiver() as sold:
        some.of(buyer, event_types=["purchase_order.confirmed", "purchase_order.cancelled"])
        sold.of(seller, relation="owner")
        order = buyer.issue(seller={"organisation_id": seller.id})
        buyer.act(order, "confirm")
        buyer.act(before, "cancel", reason="A")
        own = seller.issue()
        assert sorted(types_of(some.wait(2))) == ["cancelled", "confirmed"]
        (received,) = sold.wait(1)
        assert received["purchase_order"]["id"] == own["id"]


def test_what_is_not_taken_is_sent_again_under_the_same_id(buyer: Party, sql: Sql) -> None:
    with Receiver(500, 503, 204, headers={"X-Why": "maintenance"}) as receiver:
        endpoint = receiver.of(buyer)
        order = buyer.issue()
        (event,) = receiver.wait(1)
        waiting = settled(buyer, endpoint, event["id"], 1)
        assert (waiting["status"], waiting["waits_for_an_earlier_one"]) == ("pending", False)
        (attempt,) = waiting["attempts"]
        assert (attempt["status"], attempt["error"]) == (500, "refused")
        wait = datetime.fromisoformat(waiting["next_attempt_at"]) - datetime.fromisoformat(attempt["at"])
        assert timedelta(seconds=3.9) <= wait <= timedelta(seconds=8)
        come_due(sql, endpoint)
        receiver.wait(2)
        again = settled(buyer, endpoint, event["id"], 2)
        later = datetime.fromisoformat(again["next_attempt_at"]) - datetime.fromisoformat(again["attempts"][1]["at"])
        assert timedelta(seconds=23) <= later <= timedelta(seconds=40)
        come_due(sql, endpoint)
        assert receiver.wait(3) == [event] * 3
        taken = settled(buyer, endpoint, event["id"], 3)
        assert taken["status"] == "delivered"
        assert taken["delivered_at"] is not None
        assert taken["next_attempt_at"] is None
        assert [one["status"] for one in taken["attempts"]] == [500, 503, 204]
        assert {headers["webhook-id"] for _, headers in receiver.arrivals} == {event["id"]}
        assert event["purchase_order"]["id"] == order["id"]


def test_a_later_event_of_an_order_waits_for_the_earlier_one_and_others_do_not(buyer: Party, sql: Sql) -> None:
    with Receiver(500, 204) as receiver:
        endpoint = receiver.of(buyer)
        order = buyer.issue()
        (issued,) = receiver.wait(1)
        settled(buyer, endpoint, issued["id"], 1)
        buyer.act(order, "confirm")
        buyer.act(order, "activate")
        other = buyer.issue()
        assert receiver.wait(2)[1]["purchase_order"]["id"] == other["id"]
        events = awaited(buyer, 4)
        ids = [event["id"] for event in of_order(events, order)]
        held_up = [delivery(buyer, endpoint, one) for one in ids]
        assert [one["waits_for_an_earlier_one"] for one in held_up] == [False, True, True]
        come_due(sql, endpoint)
        received = receiver.wait(5)[2:]
        assert types_of(received) == ["issued", "confirmed", "activated"]
        assert {one["purchase_order"]["id"] for one in received} == {order["id"]}


def test_after_three_days_a_delivery_has_failed_which_the_feed_tells_and_the_next_goes_on(
    buyer: Party, sql: Sql
) -> None:
    with Receiver(500, 500, 204) as receiver:
        endpoint = receiver.of(buyer, event_types=["purchase_order.issued", "purchase_order.confirmed"])
        order = buyer.issue()
        buyer.act(order, "confirm")
        (issued,) = receiver.wait(1)
        settled(buyer, endpoint, issued["id"], 1)
        let_time_pass(sql, endpoint, days=3)
        assert types_of(receiver.wait(3)) == ["issued", "issued", "confirmed"]
        failed = settled(buyer, endpoint, issued["id"], 2)
        assert (failed["status"], failed["next_attempt_at"]) == ("failed", None)
        (told,) = [one for one in awaited(buyer, 3) if one["type"] == "webhook_delivery.failed"]
        assert told["data"] == {
            "webhook_endpoint_id": endpoint["id"],
            "webhook_delivery_id": failed["id"],
            "event_id": issued["id"],
            "event_type": "purchase_order.issued",
            "position": 1,
        }
        assert told["purchase_order"] is None
        assert told["actor"] is None


def test_who_answers_410_is_called_no_more_until_it_is_enabled_again(buyer: Party) -> None:
    with Receiver(410, 204) as receiver:
        endpoint = receiver.of(buyer, event_types=["purchase_order.issued"])
        path = f"/v1/webhook-endpoints/{endpoint['id']}"
        first = buyer.issue()
        receiver.wait(1)
        until(lambda: not buyer.get(path).json()["enabled"])
        second = buyer.issue()
        (told,) = [one for one in awaited(buyer, 3) if one["type"] == "webhook_endpoint.disabled"]
        assert told["data"] == {"webhook_endpoint_id": endpoint["id"], "reason": "gone", "url": receiver.url}
        answer = buyer.get(path)
        assert answer.json()["disabled_reason"] == "gone"
        assert len(receiver.received) == 1
        enabled = buyer.patch(path, {"enabled": True}, headers={"If-Match": answer.headers["ETag"]})
        assert (enabled.json()["enabled"], enabled.json()["disabled_reason"]) == (True, None)
        orders = [one["purchase_order"]["id"] for one in receiver.wait(3)[1:]]
        assert sorted(orders) == sorted([first["id"], second["id"]])


def test_an_endpoint_that_fails_for_three_days_is_disabled(buyer: Party, sql: Sql) -> None:
    with Receiver(500) as receiver:
        endpoint = receiver.of(buyer)
        path = f"/v1/webhook-endpoints/{endpoint['id']}"
        buyer.issue()
        (event,) = receiver.wait(1)
        settled(buyer, endpoint, event["id"], 1)
        assert buyer.get(path).json()["failing_since"] is not None
        sql("UPDATE webhook_endpoints SET failing_since = now() - interval '3 days' WHERE id = $1", endpoint["id"])
        come_due(sql, endpoint)
        until(lambda: not buyer.get(path).json()["enabled"])
        assert buyer.get(path).json()["disabled_reason"] == "failing"
        assert delivery(buyer, endpoint, event["id"])["status"] == "pending"
        (told,) = [one for one in awaited(buyer, 2) if one["type"] == "webhook_endpoint.disabled"]
        assert told["data"]["reason"] == "failing"


def test_a_success_ends_a_failing_streak(buyer: Party, sql: Sql) -> None:
    with Receiver(500, 204) as receiver:
        endpoint = receiver.of(buyer)
        buyer.issue()
        (event,) = receiver.wait(1)
        settled(buyer, endpoint, event["id"], 1)
        come_due(sql, endpoint)
        settled(buyer, endpoint, event["id"], 2)
        assert buyer.get(f"/v1/webhook-endpoints/{endpoint['id']}").json()["failing_since"] is None


@pytest.mark.parametrize(("answer", "error"), [(302, "redirected"), (0, "timed_out")])
def test_redirects_and_silence_are_failures(answer: int, error: str, buyer: Party) -> None:
    with Receiver() as elsewhere, Receiver(answer, headers={"Location": elsewhere.url}) as receiver:
        endpoint = receiver.of(buyer)
        buyer.issue()
        (event,) = receiver.wait(1)
        found = settled(buyer, endpoint, event["id"], 1)
        assert found["attempts"][0]["error"] == error
        assert found["status"] == "pending"
        assert elsewhere.received == []


def test_an_endpoint_that_hangs_delays_no_other(buyer: Party) -> None:
    with Receiver(0) as hanging, Receiver() as prompt:
        hanging.of(buyer)
        prompt.of(buyer)
        for _ in range(20):
            buyer.issue()
        prompt.wait(20, seconds=10)


def test_a_delivery_is_made_once_more_when_asked_for(buyer: Party) -> None:
    with Receiver() as receiver:
        endpoint = receiver.of(buyer)
        order = buyer.active()
        received = receiver.wait(3)
        first = settled(buyer, endpoint, received[0]["id"], 1)
        assert first["status"] == "delivered"
        path = f"/v1/webhook-deliveries/{first['id']}"
        whole = buyer.get(path).json()
        assert whole["body"].startswith('{"position":1,')
        assert {name: value for name, value in whole.items() if name != "body"} == first
        answer = buyer.post(f"{path}/redeliver")
        assert (answer.status_code, answer.json()["status"]) == (200, "pending")
        assert receiver.wait(4)[3] == received[0]
        span = {"since": (datetime.now(UTC) - timedelta(minutes=5)).isoformat(), "status": "any"}
        settled(buyer, endpoint, received[0]["id"], 2)
        again = buyer.post(f"/v1/webhook-endpoints/{endpoint['id']}/redeliver", span)
        assert again.json() == {"redelivered": 3, "next_since": None}
        assert types_of(receiver.wait(7)[4:]) == ["issued", "confirmed", "activated"]
        assert {one["purchase_order"]["id"] for one in receiver.received} == {order["id"]}
        failed = buyer.post(f"/v1/webhook-endpoints/{endpoint['id']}/redeliver", span | {"status": "failed"})
        assert failed.json()["redelivered"] == 0


def test_a_rotated_secret_signs_beside_the_old_one_until_that_ends(buyer: Party) -> None:
    with Receiver() as receiver:
        endpoint = receiver.of(buyer)
        old = receiver.secrets.pop()
        path = f"/v1/webhook-endpoints/{endpoint['id']}"
        rotated = buyer.post(f"{path}/rotate-secret").json()
        assert rotated["secret"] not in {old, None}
        ends = datetime.fromisoformat(rotated["previous_secret_expires_at"]) - datetime.now(UTC)
        assert timedelta(hours=23) < ends < timedelta(hours=25)
        for number, secret in enumerate((old, rotated["secret"]), start=1):
            receiver.secrets = [secret]
            buyer.issue()
            receiver.wait(number)
        assert all(len(headers["webhook-signature"].split(" ")) == 2 for _, headers in receiver.arrivals)
        newest = buyer.post(f"{path}/rotate-secret", {"overlap_seconds": 0}).json()
        receiver.secrets = [newest["secret"]]
        buyer.issue()
        receiver.wait(3)
        assert len(receiver.arrivals[-1][1]["webhook-signature"].split(" ")) == 1
        assert newest["previous_secret_expires_at"] is None


def test_an_endpoint_can_be_tried_out(buyer: Party) -> None:
    with Receiver() as receiver:
        endpoint = receiver.of(buyer)
        made = buyer.post(f"/v1/webhook-endpoints/{endpoint['id']}/test")
        assert (made.status_code, made.json()["event_type"]) == (201, "webhook.test")
        (received,) = receiver.wait(1)
        assert received["type"] == "webhook.test"
        assert received["data"] == {"webhook_endpoint_id": endpoint["id"]}
        assert settled(buyer, endpoint, received["id"], 1)["status"] == "delivered"


def test_an_event_that_is_too_large_is_sent_without_its_data() -> None:
    for size, left_out in ((19_000, False), (20_000, True)):
        example: Any = FeedEvent.model_config["json_schema_extra"]
        event = FeedEvent.model_validate({**example["examples"][0], "data": {"reason": "ä" * (size // 2)}})
        body = body_of(event)
        assert len(body.encode()) <= 20_000
        sent = json.loads(body)
        assert sent["data_left_out"] is left_out
        assert (sent["data"] == {}) is left_out
        assert (sent["id"], sent["position"]) == (str(event.id), event.position)
