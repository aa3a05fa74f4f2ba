"""Where the policy says so, an order is active with its seller's confirmation: one transaction, two events."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.exchange.files import counts, imported, interchange
from tests.orders.docks import ORDERS, event_types
from tests.orders.test_activation_races import at_once
from tests.orders.test_policies import stated
from tests.parties import Party, ahead

Sql = Callable[..., list[Any]]
LINES = [{"sku": "A", "quantity": "10"}]
BEGINNING = ["purchase_order.issued", "purchase_order.confirmed", "purchase_order.activated"]
ROUNDS = 4


@pytest.fixture
def prompt(buyer: Party) -> Party:
    """A buyer whose orders are active once they are confirmed."""
    stated(buyer, activation="on_confirmation")
    return buyer


@pytest.fixture
def order(prompt: Party, seller: Party) -> dict[str, Any]:
    return prompt.issue(seller={"organisation_id": seller.id}, lines=LINES)


def rejecting(quantity: str) -> list[dict[str, Any]]:
    return [{"line": 1, "decisions": [{"decision": "rejected", "quantity": quantity}]}]


def test_the_confirmation_activates_the_order_and_the_timeline_shows_both(
    prompt: Party, seller: Party, warehouse: Party, order: dict[str, Any]
) -> None:
    confirmed = seller.act(order, "confirm", contract_number="SC-1")
    assert (confirmed["status"], confirmed["version"]) == ("active", 3)
    assert confirmed["confirmed_at"] == confirmed["activated_at"]
    assert event_types(prompt, order) == BEGINNING
    *_, said, active = prompt.get(f"{ORDERS}/{order['id']}/events").json()["data"]
    assert (said["data"]["contract_number"], active["data"]) == ("SC-1", {"policy_version": 1})
    assert (active["relation"], active["organisation_id"]) == ("seller", seller.id)
    assert prompt.get(f"/v1/validations/{order['number']}").json()["verdict"] == "accept"


def test_a_later_acknowledgement_changes_nothing_about_an_active_order(
    prompt: Party, seller: Party, order: dict[str, Any]
) -> None:
    active = seller.act(order, "confirm")
    again = seller.act(order, "confirm", invoice_number="I-1", lines=rejecting("4"))
    assert (again["status"], again["activated_at"]) == ("active", active["activated_at"])
    assert event_types(prompt, order) == [*BEGINNING, "purchase_order.confirmed"]


def test_an_order_of_which_nothing_is_left_to_come_is_rejected_and_not_activated(
    prompt: Party, seller: Party, order: dict[str, Any]
) -> None:
    assert seller.act(order, "confirm", lines=rejecting("10"))["status"] == "rejected"
    assert event_types(prompt, order) == ["purchase_order.issued", "purchase_order.rejected"]
    other = prompt.issue(seller={"organisation_id": seller.id}, lines=LINES)
    assert seller.act(other, "confirm", lines=rejecting("4"))["status"] == "active"


@pytest.mark.parametrize("column", ["activate_by", "expires_at"])
def test_an_order_that_time_has_stopped_is_neither_confirmed_nor_activated(
    prompt: Party, seller: Party, order: dict[str, Any], sql: Sql, column: str
) -> None:
    sql(f"UPDATE purchase_orders SET {column} = now() WHERE id = $1", order["id"])
    refused = seller.post(f"{ORDERS}/{order['id']}/confirm")
    assert (refused.status_code, refused.json()["code"]) == (409, "invalid_transition")
    assert event_types(prompt, order) == ["purchase_order.issued"]


def test_a_suspended_order_waits_and_is_activated_when_it_is_confirmed_after_all(
    prompt: Party, seller: Party, order: dict[str, Any]
) -> None:
    prompt.act(order, "suspend")
    assert seller.post(f"{ORDERS}/{order['id']}/confirm").json()["code"] == "invalid_transition"
    prompt.act(order, "resume")
    assert seller.act(order, "confirm")["status"] == "active"


def test_an_order_that_is_not_valid_yet_is_activated_and_waits_for_its_day(prompt: Party) -> None:
    order = prompt.issue(valid_from=ahead(days=3))
    confirmed = prompt.act(order, "confirm")
    assert (confirmed["status"], confirmed["stored_status"]) == ("not_yet_valid", "active")


def test_an_activation_that_was_applied_for_has_nothing_left_to_decide(
    prompt: Party, seller: Party, order: dict[str, Any], sql: Sql
) -> None:
    sql("UPDATE purchase_orders SET activate_by = now() WHERE id = $1", order["id"])
    path = f"{ORDERS}/{order['number']}/activation-requests"
    request = seller.post(path, {"reason": "late"}).json()
    # Time alone opens what nobody has extended.
    sql("UPDATE purchase_orders SET activate_by = NULL WHERE id = $1", order["id"])
    seller.act(order, "confirm")
    now = prompt.get("/v1/activation-requests", params={"number": order["number"]}).json()["data"]
    assert [(one["id"], one["status"]) for one in now] == [(request["id"], "obsolete")]


def test_it_is_the_version_that_the_order_was_issued_under(prompt: Party, seller: Party, order: dict[str, Any]) -> None:
    stated(prompt)
    by_hand = prompt.issue(seller={"organisation_id": seller.id})
    stated(seller, activation="on_confirmation")
    assert seller.act(order, "confirm")["status"] == "active"
    assert seller.act(by_hand, "confirm")["status"] == "confirmed"
    assert event_types(prompt, by_hand) == BEGINNING[:2]


def test_an_acknowledgement_of_a_file_activates_too(prompt: Party, seller: Party) -> None:
    order = prompt.issue(number="4500012345", seller={"organisation_id": seller.id}, lines=LINES)
    file = interchange("855|BAK*00*AD*4500012345*20360105~PO1*1*10*EA~ACK*IA*10*EA~CTT*1~")
    assert counts(imported(seller, file)) == {"applied": 1}
    assert prompt.get(f"{ORDERS}/{order['id']}").json()["status"] == "active"
    assert counts(imported(seller, file)) == {"unchanged": 1}
    assert event_types(prompt, order) == BEGINNING


def test_of_confirmations_and_a_cancellation_at_once_the_order_has_one_story(prompt: Party, seller: Party) -> None:
    seen: Counter[tuple[str, ...]] = Counter()
    for round_ in range(ROUNDS):
        order = prompt.issue(seller={"organisation_id": seller.id}, lines=LINES)
        asked = [(seller, "confirm"), (seller, "confirm"), (prompt, "cancel"), (prompt, "suspend")]
        asked = asked[round_ % 4 :] + asked[: round_ % 4]
        answers = asyncio.run(at_once([(party, f"{ORDERS}/{order['id']}/{what}", {}) for party, what in asked]))
        assert {answer.status_code for answer in answers} <= {200, 409}
        story = [type_.partition(".")[2] for type_ in event_types(prompt, order)][1:]
        done = [what for (_, what), answer in zip(asked, answers, strict=True) if answer.status_code == 200]
        assert Counter(story) - Counter(["activated"]) == Counter(
            {"confirm": "confirmed", "cancel": "cancelled", "suspend": "suspended"}[what] for what in done
        )
        assert story.count("activated") == ("confirmed" in story)
        if "confirmed" in story:
            assert story[story.index("confirmed") + 1] == "activated"
        assert prompt.get(f"{ORDERS}/{order['id']}").json()["status"] == "cancelled"
        seen[tuple(story)] += 1
    print(f"{ROUNDS} rounds: {dict(seen)}")
