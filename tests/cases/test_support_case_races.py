"""Of two that do the same with a support case at once, one has done it."""

import asyncio
from collections import Counter
from typing import Any

import httpx

from tests.cases.test_support_cases import CASES, opened, shown
from tests.parties import Party


def together(parties: list[Party], path: str, body: dict[str, Any]) -> list[httpx.Response]:
    async def run() -> list[httpx.Response]:
        clients = [party.asynchronous() for party in parties]
        try:
            return await asyncio.gather(*(client.post(path, json=body) for client in clients))
        finally:
            for client in clients:
                await client.aclose()

    return asyncio.run(run())


def test_a_case_is_resolved_once(buyer: Party, seller: Party) -> None:
    order = buyer.active(seller={"organisation_id": seller.id})
    for _ in range(5):
        case = opened(buyer, order)
        path = f"{CASES}/{case['id']}/resolve"
        answers = together([buyer, seller] * 4, path, {"resolution": "done"})
        assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 7}
        assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"support_case_resolved"}
        assert [step["step"] for step in shown(buyer, case)["history"]] == ["resolved"]


def test_who_only_holds_the_number_opens_one_however_often_it_tries_at_once(buyer: Party, stranger: Party) -> None:
    order = buyer.active()
    body = {"number": order["number"], "category": "expired", "description": "race"}
    answers = together([stranger] * 8, CASES, body)
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 7}
    (made,) = [answer.json()["id"] for answer in answers if answer.status_code == 201]
    assert {answer.json()["support_case_id"] for answer in answers if answer.status_code == 409} == {made}
    # What was refused has left nothing behind.
    events = buyer.get(f"/v1/purchase-orders/{order['id']}/events").json()["data"]
    assert [event["type"] for event in events].count("support_case.opened") == 1
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))


def test_no_comment_is_lost(buyer: Party, seller: Party) -> None:
    order = buyer.active(seller={"organisation_id": seller.id})
    case = opened(buyer, order)
    answers = together([buyer, seller] * 8, f"{CASES}/{case['id']}/comments", {"text": "race"})
    assert {answer.status_code for answer in answers} == {200}
    case = shown(buyer, case)
    assert case["comments"] == len(case["history"]) == 16
