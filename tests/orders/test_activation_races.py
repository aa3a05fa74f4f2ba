"""Many applicants and reviewers at one order: one is heard, and what was acknowledged is what happened."""

import asyncio
from collections import Counter
from typing import Any

import httpx
import pytest

from tests.orders.applications import ORDERS, REQUESTS, Sql, applied, confirmed, expired, order_now, shown, timeline
from tests.orders.test_receiving_races import post
from tests.parties import Party, ahead

ROUNDS = 4


async def at_once(requests: list[tuple[Party, str, dict[str, Any]]]) -> list[httpx.Response]:
    clients = {party: party.asynchronous() for party, _, _ in requests}
    try:
        return await asyncio.gather(*(post(clients[party], path, body) for party, path, body in requests))
    finally:
        for client in clients.values():
            await client.aclose()


def outcomes(answers: list[httpx.Response]) -> Counter[tuple[int, str | None]]:
    return Counter((answer.status_code, answer.json().get("code")) for answer in answers)


def test_of_many_applications_at_once_one_is_made(buyer: Party, stranger: Party) -> None:
    for _ in range(ROUNDS):
        order = confirmed(buyer)
        path = f"{ORDERS}/{order['number']}/activation-requests"
        body = {"reason": "here"}
        answers = asyncio.run(at_once([(party, path, body) for party in (buyer, stranger) * 4]))
        assert outcomes(answers) == {(201, None): 1, (409, "activation_request_open"): 7}
        (made,) = [answer.json() for answer in answers if answer.status_code == 201]
        told = {answer.json().get("activation_request_id") for answer in answers if answer.status_code == 409}
        # The buyer is told of any, the stranger of its own.
        assert told in ({made["id"]}, {made["id"], None})
        listed = buyer.get(REQUESTS, params={"number": order["number"]}).json()["data"]
        assert [request["id"] for request in listed] == [made["id"]]
        assert [event["type"] for event in timeline(buyer, order)][2:] == ["activation.requested"]


def test_of_approval_denial_and_withdrawal_at_once_one_wins(buyer: Party, sql: Sql) -> None:
    seen = set()
    for round_ in range(ROUNDS):
        order = expired(buyer, sql)
        request = applied(buyer, order, expires_at=ahead(days=3))
        decisions = ["approve", "deny", "withdraw"] * 2
        decisions = decisions[round_ % 3 :] + decisions[: round_ % 3]
        bodies: dict[str, dict[str, Any]] = {"approve": {}, "deny": {"reason": "no"}, "withdraw": {}}
        asked = [(buyer, f"{REQUESTS}/{request['id']}/{decision}", bodies[decision]) for decision in decisions]
        answers = asyncio.run(at_once(asked))
        assert outcomes(answers) == {(200, None): 1, (409, "activation_request_closed"): 5}
        (won,) = [answer.json()["status"] for answer in answers if answer.status_code == 200]
        assert shown(buyer, request)["status"] == won
        assert {answer.json()["request_status"] for answer in answers if answer.status_code == 409} == {won}
        assert order_now(buyer, order)["status"] == ("active" if won == "approved" else "expired")
        after = [event["type"] for event in timeline(buyer, order)][4:]
        assert after == [f"activation.{won}", *(["purchase_order.extended"] if won == "approved" else [])]
        seen.add(won)
    print(f"{ROUNDS} rounds: {sorted(seen)}")


@pytest.mark.parametrize("end", ["cancel", "activate", "suspend"])
def test_an_approval_that_races_with_the_orders_owner_leaves_one_story(buyer: Party, end: str) -> None:
    for round_ in range(ROUNDS):
        order = confirmed(buyer)
        request = applied(buyer, order)
        asked: list[tuple[Party, str, dict[str, Any]]] = [
            (buyer, f"{REQUESTS}/{request['id']}/approve", {}),
            (buyer, f"{ORDERS}/{order['id']}/{end}", {}),
        ]
        answers = asyncio.run(at_once(asked if round_ % 2 else asked[::-1]))
        approved, ended = answers if round_ % 2 else answers[::-1]
        status, now = shown(buyer, request)["status"], order_now(buyer, order)["status"]
        after = [event["type"].partition(".")[2] for event in timeline(buyer, order)][3:]
        told = {"cancel": "cancelled", "activate": "activated", "suspend": "suspended"}[end]
        if approved.status_code == 200:
            assert (status, after[:2]) == ("approved", ["approved", "activated"])
            if end == "activate":
                assert (ended.json()["code"], now, after[2:]) == ("invalid_transition", "active", [])
            else:
                assert (ended.status_code, now, after[2:]) == (200, told, [told])
        else:
            assert (approved.status_code, ended.status_code, after) == (409, 200, [told])
            code = {"suspend": "activation_not_possible"}.get(end, "activation_request_closed")
            assert (approved.json()["code"], status) == (code, "pending" if end == "suspend" else "obsolete")


def test_an_application_that_races_with_a_cancellation_is_never_left_open(buyer: Party) -> None:
    for _ in range(ROUNDS):
        order = confirmed(buyer)
        made, ended = asyncio.run(
            at_once(
                [
                    (buyer, f"{ORDERS}/{order['id']}/activation-requests", {"reason": "here"}),
                    (buyer, f"{ORDERS}/{order['id']}/cancel", {}),
                ]
            )
        )
        assert ended.status_code == 200
        if made.status_code == 201:
            assert shown(buyer, made.json())["status"] == "obsolete"
        else:
            assert (made.json()["code"], made.json()["reason"]) == ("activation_not_possible", "cancelled")
        assert buyer.get(REQUESTS, params={"status": "pending", "number": order["number"]}).json()["data"] == []
