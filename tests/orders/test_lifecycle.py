"""The life of an order over HTTP: transitions, races, what time does, ETags and events."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.outbox import recorded
from tests.parties import Party, ahead

ORDERS = "/v1/purchase-orders"
Sql = Callable[..., list[Any]]


def passed(sql: Sql, order: dict[str, Any], column: str) -> None:
    """Let a moment of the order lie in the past, as waiting for it would."""
    sql(f"UPDATE purchase_orders SET {column} = now() - interval '1 second' WHERE id = $1", order["id"])


def events(party: Party, order: dict[str, Any]) -> list[dict[str, Any]]:
    data: list[dict[str, Any]] = party.get(f"{ORDERS}/{order['id']}/events").json()["data"]
    return data


def test_an_order_goes_from_draft_to_closed_with_an_event_for_each_step(buyer: Party, seller: Party) -> None:
    order = buyer.issue(draft=True, seller={"organisation_id": seller.id})
    assert (order["status"], order["issued_at"]) == ("draft", None)
    order = buyer.act(order, "issue", sent_via="EDI 850")
    assert (order["status"], order["sent_via"]) == ("issued", "EDI 850")
    assert order["sent_at"] is not None
    order = seller.act(order, "confirm", contract_number="SC-1", invoice_number="I-1")
    assert (order["status"], order["contract_number"], order["invoice_number"]) == ("confirmed", "SC-1", "I-1")
    order = buyer.act(order, "activate", expires_at=ahead(days=2))
    assert order["status"] == "active"
    order = buyer.act(order, "extend", expires_at=ahead(days=9))
    order = buyer.act(order, "suspend", reason="dispute")
    assert (order["status"], order["status_reason"]) == ("suspended", "dispute")
    order = buyer.act(order, "resume")
    assert order["status"] == "active"
    order = buyer.act(order, "close")
    assert (order["status"], order["allowed_actions"]) == ("closed", [])
    timeline = events(buyer, order)
    assert [event["sequence"] for event in timeline] == list(range(1, 9))
    assert [event["type"].removeprefix("purchase_order.") for event in timeline] == [
        "drafted", "issued", "confirmed", "activated", "extended", "suspended", "resumed", "closed",
    ]  # fmt: skip
    assert timeline[2]["relation"] == "seller"
    assert timeline[2]["organisation_id"] == seller.id
    assert order["version"] == 8


def test_each_event_has_its_outbox_row(buyer: Party, sql: Sql) -> None:
    order = buyer.active()
    assert recorded(sql, order["number"]) == [(event["sequence"], event["type"]) for event in events(buyer, order)]


def test_the_owner_confirms_on_the_sellers_behalf_and_the_event_says_so(buyer: Party) -> None:
    order = buyer.issue()
    buyer.act(order, "confirm")
    assert events(buyer, order)[1]["relation"] == "owner"


def test_a_later_acknowledgement_replaces_an_earlier_one(buyer: Party) -> None:
    order = buyer.active()
    again = buyer.act(order, "confirm", contract_number="SC-2")
    assert (again["status"], again["contract_number"]) == ("active", "SC-2")


def test_an_acknowledgement_of_another_revision_is_superseded(buyer: Party) -> None:
    order = buyer.issue()
    answer = buyer.post(f"{ORDERS}/{order['id']}/confirm", {"revision": 2})
    assert (answer.status_code, answer.json()["code"]) == (409, "revision_superseded")
    assert answer.json()["current_revision"] == 1
    assert buyer.act(order, "confirm", revision=1)["status"] == "confirmed"


@pytest.mark.parametrize(
    ("steps", "action", "status", "allowed"),
    [
        ([], "activate", "issued", ["confirm", "reject", "extend", "suspend", "cancel"]),
        ([], "close", "issued", ["confirm", "reject", "extend", "suspend", "cancel"]),
        (["reject"], "confirm", "rejected", []),
        (["cancel"], "extend", "cancelled", []),
        (["suspend"], "activate", "suspended", ["resume", "cancel"]),
        (["confirm", "activate"], "activate", "active", ["confirm", "extend", "suspend", "cancel", "receive", "close"]),
    ],
)
def test_a_forbidden_transition_names_the_status_and_what_is_allowed(
    buyer: Party, steps: list[str], action: str, status: str, allowed: list[str]
) -> None:
    order = buyer.issue()
    for step in steps:
        order = buyer.act(order, step)
    body = {"expires_at": ahead(days=1)} if action == "extend" else {}
    answer = buyer.post(f"{ORDERS}/{order['id']}/{action}", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "invalid_transition")
    assert (answer.json()["order_status"], answer.json()["allowed"]) == (status, allowed)
    assert order["allowed_actions"] == allowed
    assert buyer.get(f"{ORDERS}/{order['id']}").json() == order


def test_cancelling_voids_a_number_and_it_stays_listed(buyer: Party) -> None:
    order = buyer.act(buyer.issue(draft=True), "cancel", reason="typed twice")
    assert (order["status"], order["status_reason"]) == ("cancelled", "typed twice")
    assert [listed["id"] for listed in buyer.get(ORDERS).json()["data"]] == [order["id"]]


def test_time_alone_expires_an_order_and_changes_its_etag(buyer: Party, sql: Sql) -> None:
    order = buyer.active(expires_at=ahead(days=1))
    before = buyer.get(f"{ORDERS}/{order['id']}")
    assert buyer.get(f"{ORDERS}/{order['id']}", headers={"If-None-Match": before.headers["ETag"]}).status_code == 304
    passed(sql, order, "expires_at")
    after = buyer.get(f"{ORDERS}/{order['id']}", headers={"If-None-Match": before.headers["ETag"]})
    assert after.status_code == 200
    assert (after.json()["status"], after.json()["stored_status"]) == ("expired", "active")
    assert after.headers["ETag"] != before.headers["ETag"]
    assert after.json()["version"] == before.json()["version"]


def test_an_expired_order_is_valid_again_when_it_is_extended(buyer: Party, sql: Sql) -> None:
    order = buyer.active(expires_at=ahead(days=1))
    passed(sql, order, "expires_at")
    assert buyer.act(order, "extend", expires_at=ahead(days=1))["status"] == "active"


def test_a_lapsed_order_cannot_be_activated_but_extended_with_a_new_deadline(buyer: Party, sql: Sql) -> None:
    order = buyer.act(buyer.issue(activate_by=ahead(days=1), expires_at=ahead(days=5)), "confirm")
    passed(sql, order, "activate_by")
    answer = buyer.post(f"{ORDERS}/{order['id']}/activate")
    assert (answer.json()["code"], answer.json()["order_status"]) == ("invalid_transition", "lapsed")
    answer = buyer.post(f"{ORDERS}/{order['id']}/extend", {"expires_at": ahead(days=9)})
    assert answer.json()["errors"][0]["code"] == "needed_when_lapsed"
    extended = buyer.act(order, "extend", expires_at=ahead(days=9), activate_by=ahead(days=2))
    assert extended["status"] == "confirmed"
    assert buyer.act(order, "activate")["status"] == "active"


def test_an_extension_ends_later_than_before(buyer: Party) -> None:
    order = buyer.active(expires_at=ahead(days=5), valid_from=ahead(days=1))
    for expires_at, rule in ((ahead(days=4), "not_later"), ("2020-01-01T00:00:00Z", "in_the_past")):
        answer = buyer.post(f"{ORDERS}/{order['id']}/extend", {"expires_at": expires_at})
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, rule)


def test_an_activation_cannot_end_before_the_order_begins(buyer: Party) -> None:
    order = buyer.act(buyer.issue(valid_from=ahead(days=3)), "confirm")
    answer = buyer.post(f"{ORDERS}/{order['id']}/activate", {"expires_at": ahead(days=2)})
    assert answer.json()["errors"][0]["code"] == "date_order"


def test_a_draft_whose_time_has_passed_cannot_be_issued(buyer: Party, sql: Sql) -> None:
    order = buyer.issue(draft=True, expires_at=ahead(days=1))
    passed(sql, order, "expires_at")
    answer = buyer.post(f"{ORDERS}/{order['id']}/issue")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "in_the_past")


async def test_of_ten_racing_activations_one_succeeds_and_makes_one_event(buyer: Party) -> None:
    order = buyer.act(buyer.issue(), "confirm")
    async with buyer.asynchronous() as client:
        answers = await asyncio.gather(*(client.post(f"{ORDERS}/{order['id']}/activate", json={}) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 9
    types = [event["type"] for event in events(buyer, order)]
    assert types.count("purchase_order.activated") == 1
    assert [event["sequence"] for event in events(buyer, order)] == [1, 2, 3]


async def test_racing_opposites_leave_one_story(buyer: Party) -> None:
    order = buyer.act(buyer.issue(), "confirm")
    async with buyer.asynchronous() as client:
        answers = await asyncio.gather(
            *(
                client.post(f"{ORDERS}/{order['id']}/{action}", json={})
                for action in ("activate", "reject", "cancel", "suspend") * 3
            )
        )
    succeeded = sum(answer.status_code == 200 for answer in answers)
    assert {answer.status_code for answer in answers} == {200, 409}
    timeline = events(buyer, order)
    assert [event["sequence"] for event in timeline] == list(range(1, 3 + succeeded))
    assert buyer.get(f"{ORDERS}/{order['id']}").json()["version"] == 2 + succeeded


async def test_racing_extensions_only_ever_move_the_end_later(buyer: Party) -> None:
    order = buyer.active(expires_at=ahead(days=1))
    async with buyer.asynchronous() as client:
        answers = await asyncio.gather(
            *(
                client.post(f"{ORDERS}/{order['id']}/extend", json={"expires_at": ahead(days=days)})
                for days in (2, 9, 3, 8, 4, 7, 5, 6)
            )
        )
    assert {answer.status_code for answer in answers} <= {200, 422}
    ends = [event["data"]["expires_at"] for event in events(buyer, order) if event["type"].endswith("extended")]
    assert ends == sorted(ends)
    assert len(ends) == sum(answer.status_code == 200 for answer in answers)
    assert buyer.get(f"{ORDERS}/{order['id']}").json()["expires_at"] == ends[-1]


def test_a_draft_is_issued_with_new_dates_where_its_own_have_passed(buyer: Party, sql: Sql) -> None:
    order = buyer.issue(draft=True, expires_at=ahead(days=1), activate_by=ahead(hours=1))
    passed(sql, order, "expires_at")
    passed(sql, order, "activate_by")
    issued = buyer.act(order, "issue", expires_at=ahead(days=3), activate_by=ahead(days=2))
    assert issued["status"] == "issued"


def test_the_seller_may_not_do_what_is_the_owners(buyer: Party, seller: Party) -> None:
    order = buyer.issue(seller={"organisation_id": seller.id})
    answer = seller.post(f"{ORDERS}/{order['id']}/cancel")
    assert (answer.status_code, answer.json()["code"]) == (403, "relation_not_allowed")
    assert buyer.get(f"{ORDERS}/{order['id']}").json()["status"] == "issued"


def test_an_event_timeline_has_pages(buyer: Party) -> None:
    order = buyer.active()
    first = buyer.get(f"{ORDERS}/{order['id']}/events", params={"limit": 2})
    second = buyer.get(first.links["next"]["url"])
    assert [event["sequence"] for event in first.json()["data"] + second.json()["data"]] == [1, 2, 3]
    assert second.json()["next_cursor"] is None
