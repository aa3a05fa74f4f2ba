"""A policy changes at a moment: each order goes by the version in whose time it was issued, to the microsecond."""

import asyncio
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.orders.docks import ORDERS, event_types, receive
from tests.orders.test_issuing_by_policy import days, moment, spans
from tests.orders.test_policies import stated, versions
from tests.parties import Party, ahead
from tests.shipments.waybills import any_shape, link, linked

CLIENTS = int(os.environ.get("POLICY_MOMENT_CLIENTS", "4"))
SECONDS_BEFORE, SECONDS_AFTER = 1.0, 0.3
LINES = [{"sku": "A", "quantity": "10"}]

BEFORE = {"default_validity": "P30D"}
AFTER = {
    "default_validity": "P90D",
    "activation_window": "P14D",
    "activation": "on_confirmation",
    "receipt_tolerance": "0.05",
    "split_shipments": "refused",
}


@dataclass(frozen=True)
class Crossing:
    """The orders that were issued while the second version began, by the instant of their issue."""

    buyer: Party
    begins: datetime
    orders: list[dict[str, Any]]
    drafts: frozenset[str]
    """The ids of those that were drafted before."""

    def of(self, version: int, *, drafted: bool | None = None) -> list[dict[str, Any]]:
        """Return the orders on one side of the moment, by their own word."""
        return [
            order
            for order in self.orders
            if order["policy_version"] == version and drafted in {None, order["id"] in self.drafts}
        ]


@pytest.fixture
def crossing(buyer: Party) -> Crossing:
    stated(buyer, **BEFORE)
    drafts = [buyer.issue(draft=True, lines=LINES)["id"] for _ in range(40)]
    begins = moment(stated(buyer, **AFTER, effective_from=ahead(seconds=SECONDS_BEFORE))["effective_from"])
    kept_back, waiting = drafts[:2], drafts[2:]

    async def client_at_work(client: httpx.AsyncClient, number: int) -> list[dict[str, Any]]:
        """Issue an order alone, two in a batch and a draft, in turns, until the moment is well past."""
        made: list[dict[str, Any]] = []
        turn = number
        while datetime.now(UTC) < begins + timedelta(seconds=SECONDS_AFTER):
            turn += 1
            if turn % 3 == 0:
                batch = {"purchase_orders": [{"lines": LINES}] * 2}
                results = (await client.post(f"{ORDERS}/batch", json=batch)).json()["results"]
                both = [item["purchase_order"] for item in results]
                assert len({(one["issued_at"], one["policy_version"]) for one in both}) == 1
                made += both
            elif turn % 3 == 1 and waiting:
                made.append((await client.post(f"{ORDERS}/{waiting.pop()}/issue", json={})).json())
            else:
                made.append((await client.post(ORDERS, json={"lines": LINES})).json())
            await asyncio.sleep(0.1 if datetime.now(UTC) < begins - timedelta(seconds=0.1) else 0)
        return made

    async def race() -> list[dict[str, Any]]:
        async with buyer.asynchronous() as client:
            made = await asyncio.gather(*(client_at_work(client, number) for number in range(CLIENTS)))
        return sorted((order for of_one in made for order in of_one), key=lambda order: moment(order["issued_at"]))

    orders = asyncio.run(race())
    # Some of either kind are issued when the moment is past for certain, however slow the race was.
    late = [*(buyer.act({"id": draft}, "issue") for draft in kept_back), buyer.issue(lines=LINES)]
    return Crossing(buyer, begins, [*orders, *late], frozenset(drafts))


def test_orders_before_and_after_the_moment_behave_by_their_own_version(crossing: Crossing) -> None:
    before, after = crossing.of(1), crossing.of(2)
    assert len(before) + len(after) == len(crossing.orders)
    # Each names the version in whose time it was issued, and has its dates from that one.
    for order in crossing.orders:
        assert order["policy_version"] == (2 if moment(order["issued_at"]) >= crossing.begins else 1)
        assert spans(order) == (days(14, 90) if order["policy_version"] == 2 else days(None, 30))
    listed = {one["version"]: one for one in versions(crossing.buyer)}
    assert (listed[2]["in_force"], listed[1]["effective_until"]) == (True, listed[2]["effective_from"])
    gap = moment(after[0]["issued_at"]) - moment(before[-1]["issued_at"])
    print(f"{len(before)} orders before, {len(after)} after; {gap} between the last and the first")

    # All that comes later comes after the moment: it is the order that remembers, not the clock.
    for drafted in (False, True):
        assert_goes_by_the_first(crossing.buyer, crossing.of(1, drafted=drafted)[-1])
        assert_goes_by_the_second(crossing.buyer, crossing.of(2, drafted=drafted)[0])


def assert_goes_by_the_first(buyer: Party, order: dict[str, Any]) -> None:
    assert buyer.act(order, "confirm")["status"] == "confirmed"
    assert buyer.act(order, "activate")["policy_version"] == 1
    for _ in range(2):
        linked(buyer, order, "SAIA", any_shape())
    answer = receive(buyer, order, lines=[{"line": 1, "quantity": "10.5"}])
    assert (answer.status_code, answer.json()["code"]) == (409, "over_receipt")


def assert_goes_by_the_second(buyer: Party, order: dict[str, Any]) -> None:
    assert buyer.act(order, "confirm")["status"] == "active"
    assert event_types(buyer, order)[-2:] == ["purchase_order.confirmed", "purchase_order.activated"]
    linked(buyer, order, "SAIA", any_shape())
    assert link(buyer, order, "SAIA", any_shape()).json()["code"] == "split_shipment_not_allowed"
    assert receive(buyer, order, lines=[{"line": 1, "quantity": "10.5"}]).status_code == 200
