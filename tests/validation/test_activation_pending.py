"""What the gate says while somebody has applied for the activation of an order, and the requests that it offers."""

from typing import Any

import pytest

from app.orders.lifecycle import LifecycleFacts, StoredStatus
from app.validation.checks import lifecycle_refusals
from tests.orders.applications import (
    ORDERS,
    REQUESTS,
    Sql,
    applied,
    confirmed,
    decided,
    expired,
    lapsed,
    passed,
)
from tests.parties import Party, ahead
from tests.validation.test_checks import AFTER, BEFORE, NOW
from tests.validation.test_verdicts import ask, codes


def hrefs(verdict: dict[str, Any]) -> list[str | None]:
    return [refusal["next_step"]["href"] for refusal in verdict["refusals"]]


@pytest.mark.parametrize("make", [expired, lapsed, lambda owner, _: confirmed(owner)])
def test_goods_are_held_while_the_buyer_has_not_decided(buyer: Party, stranger: Party, sql: Sql, make: Any) -> None:
    order = make(buyer, sql)
    before = codes(ask(stranger, order["number"]))
    request = applied(stranger, order)
    for party in (stranger, buyer):
        held = ask(party, order["number"])
        assert (held["verdict"], codes(held)) == ("hold", ["activation_pending"])
        assert held["refusals"][0]["next_step"]["action"] == "wait_for_review"
    decided(buyer, request, "deny")
    assert codes(ask(stranger, order["number"])) == before
    decided(buyer, applied(stranger, order, expires_at=ahead(days=2)), "approve")
    assert ask(stranger, order["number"])["verdict"] == "accept"


def test_what_an_activation_does_not_end_is_still_told(buyer: Party, sql: Sql) -> None:
    order = buyer.issue(activate_by=ahead(days=1), valid_from=ahead(hours=1))
    passed(sql, order, "activate_by")
    applied(buyer, order)
    assert codes(ask(buyer, order["number"])) == ["activation_pending", "not_yet_valid", "not_confirmed"]
    buyer.act(order, "suspend")
    assert codes(ask(buyer, order["number"])) == ["suspended"]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (LifecycleFacts(StoredStatus.confirmed, expires_at=BEFORE), ["activation_pending"]),
        (LifecycleFacts(StoredStatus.confirmed, AFTER, BEFORE, BEFORE), ["activation_pending", "not_yet_valid"]),
        (LifecycleFacts(StoredStatus.issued, activate_by=BEFORE), ["activation_pending", "not_confirmed"]),
        (LifecycleFacts(StoredStatus.issued), ["not_confirmed"]),
        (LifecycleFacts(StoredStatus.active), []),
        (LifecycleFacts(StoredStatus.suspended, None, BEFORE, None, StoredStatus.active), ["suspended", "expired"]),
        (LifecycleFacts(StoredStatus.cancelled, expires_at=BEFORE), ["cancelled"]),
        (LifecycleFacts(StoredStatus.rejected, activate_by=BEFORE), ["rejected"]),
        (LifecycleFacts(StoredStatus.closed), ["closed"]),
        (LifecycleFacts(StoredStatus.received), ["already_received"]),
    ],
)
def test_only_what_an_activation_would_end_is_pending(facts: LifecycleFacts, expected: list[str]) -> None:
    assert [refusal.code for refusal in lifecycle_refusals(facts, NOW, activation_pending=True)] == expected


def test_a_manifest_holds_those_that_wait_and_no_others(buyer: Party, stranger: Party, sql: Sql) -> None:
    waiting, late, good = expired(buyer, sql), expired(buyer, sql), buyer.active()
    applied(stranger, waiting)
    numbers = [order["number"] for order in (waiting, late, good)]
    answer = stranger.post("/v1/validations/batch", {"inputs": numbers}).json()
    assert [codes(result) for result in answer["results"]] == [["activation_pending"], ["expired"], []]
    assert (answer["accepted"], answer["held"], answer["rejected"]) == (1, 1, 1)


def test_another_buyers_order_with_the_same_number_waits_for_nothing(
    buyer: Party, seller: Party, stranger: Party
) -> None:
    for owner in (buyer, seller):
        confirmed(owner, number="4500077555")
    path = f"{ORDERS}/4500077555/activation-requests"
    assert stranger.post(path, {"reason": "here"}, params={"buyer": buyer.id}).status_code == 201
    assert codes(ask(stranger, "4500077555", buyer=buyer.id)) == ["activation_pending"]
    assert codes(ask(stranger, "4500077555", buyer=seller.id)) == ["not_active"]


def test_the_next_step_is_a_request_that_works_as_it_stands(buyer: Party, stranger: Party, sql: Sql) -> None:
    for make, number in (
        (expired, "45/E 77?1"),
        (lapsed, "45/L%77"),
        (lambda owner, _, **more: confirmed(owner, **more), "45/C+77"),
    ):
        order = make(buyer, sql, number=number)
        (href,) = hrefs(ask(stranger, order["number"]))
        assert href is not None
        assert order["id"] not in href
        made = stranger.post(href, {"reason": "here"})
        assert made.status_code == 201, made.text
        request = made.json()
        assert hrefs(ask(stranger, order["number"])) == [f"{REQUESTS}/{request['id']}"]
        assert hrefs(ask(buyer, order["number"])) == [f"{REQUESTS}/{request['id']}"]
        decided(stranger, request, "withdraw")
        (href,) = hrefs(ask(buyer, order["number"]))
        assert href == f"{ORDERS}/{order['id']}/activation-requests"
        decided(buyer, buyer.post(href, {"reason": "here"}).json(), "deny")


def test_a_third_party_is_not_told_whose_request_is_waited_for(buyer: Party, seller: Party, stranger: Party) -> None:
    order = confirmed(buyer, seller={"organisation_id": seller.id})
    applied(stranger, order)
    held = ask(seller, order["number"])
    assert (codes(held), hrefs(held)) == (["activation_pending"], [None])


def test_with_the_buyer_named_the_next_step_names_it_too(buyer: Party, seller: Party, stranger: Party) -> None:
    for owner in (buyer, seller):
        confirmed(owner, number="4500066444")
    (href,) = hrefs(ask(stranger, "4500066444", buyer=seller.id))
    assert href is not None
    assert stranger.post(href, {"reason": "here"}).status_code == 201


def test_nobody_is_offered_what_would_be_refused(buyer: Party, seller: Party, stranger: Party, sql: Sql) -> None:
    order = buyer.active(expires_at=ahead(days=1))
    assert hrefs(ask(stranger, order["number"], at=ahead(days=2))) == [None]
    passed(sql, order, "expires_at")
    buyer.act(order, "suspend")
    assert hrefs(ask(stranger, order["number"])) == [None, None]
    unconfirmed = buyer.issue(seller={"organisation_id": seller.id}, activate_by=ahead(days=1))
    confirming = f"{ORDERS}/{unconfirmed['id']}/confirm"
    offered = [hrefs(ask(party, unconfirmed["number"])) for party in (buyer, seller, stranger)]
    assert offered == [[confirming], [confirming], [None]]
    passed(sql, unconfirmed, "activate_by")
    late = ask(seller, unconfirmed["number"])
    applying = f"{ORDERS}/{unconfirmed['id']}/activation-requests"
    assert (codes(late), hrefs(late)) == (["lapsed", "not_confirmed"], [applying, None])
