"""Activation requests over HTTP: who may apply for which order, what a decision does, and who sees it."""

import pytest

from tests.orders.applications import (
    ORDERS,
    REQUESTS,
    Sql,
    applied,
    apply,
    confirmed,
    decide,
    decided,
    expired,
    lapsed,
    order_now,
    passed,
    shown,
    timeline,
)
from tests.outbox import recorded
from tests.parties import Party, ahead


def types(party: Party, order: dict[str, object]) -> list[str]:
    return [event["type"] for event in timeline(party, order)]


# Applying


def test_whoever_holds_the_number_applies_and_learns_nothing_of_the_order_but_that(
    buyer: Party, stranger: Party, sql: Sql
) -> None:
    order = expired(buyer, sql, lines=[{"sku": "SECRET", "quantity": "1"}])
    contact = {"name": "Dispatch", "phone": "+49 40 555 0177"}
    wanted = ahead(days=9)
    answer = apply(stranger, order, reason="held at Suez", expires_at=wanted, contact=contact)
    assert answer.status_code == 201
    made = answer.json()
    assert answer.headers["Location"] == f"{REQUESTS}/{made['id']}"
    assert (made["number"], made["status"], made["reason"]) == (order["number"], "pending", "held at Suez")
    assert (made["expires_at"], made["purchase_order"]) == (wanted, None)
    applicant = made["applicant"]
    assert (applicant["organisation_id"], applicant["name"]) == (stranger.id, "Stranger")
    assert (applicant["relation"], applicant["contact"]["phone"]) == ("presenter", contact["phone"])
    assert stranger.get(f"{REQUESTS}/{made['id']}").json() == made
    decided(buyer, made, "approve", reason="welcome")
    after = stranger.get(f"{REQUESTS}/{made['id']}")
    assert (after.json()["status"], after.json()["decision_reason"]) == ("approved", "welcome")
    for fact in ("SECRET", order["id"], buyer.id, "Nordwind"):
        assert fact not in answer.text + after.text


def test_the_orders_parties_apply_and_see_how_the_order_stands(
    buyer: Party, seller: Party, warehouse: Party, forwarder: Party, sql: Sql
) -> None:
    order = expired(
        buyer,
        sql,
        seller={"organisation_id": seller.id},
        ship_to={"organisation_id": warehouse.id},
        forwarders=[{"organisation_id": forwarder.id}],
    )
    for party, relation in ((buyer, "owner"), (seller, "seller"), (warehouse, "ship_to"), (forwarder, "forwarder")):
        made = applied(party, order)
        assert made["applicant"]["relation"] == relation
        assert (made["purchase_order"]["id"], made["purchase_order"]["status"]) == (order["id"], "expired")
        decided(party, made, "withdraw")


@pytest.mark.parametrize(
    ("steps", "moved", "reason"),
    [
        (["draft"], [], "not_issued"),
        ([], [], "not_confirmed"),
        (["confirm", "activate"], [], "in_force"),
        (["confirm", "suspend"], [], "suspended"),
        (["confirm", "activate", "suspend"], ["expires_at"], "suspended"),
        (["confirm", "activate", "receive"], [], "already_received"),
        (["reject"], ["expires_at"], "rejected"),
        (["cancel"], ["activate_by"], "cancelled"),
        (["confirm", "activate", "close"], ["expires_at"], "closed"),
    ],
)
def test_an_order_that_activation_would_not_help_is_refused_with_the_reason(
    buyer: Party, stranger: Party, sql: Sql, steps: list[str], moved: list[str], reason: str
) -> None:
    order = buyer.issue(draft=steps[:1] == ["draft"])
    for step in steps:
        if step != "draft":
            order = buyer.act(order, step)
    passed(sql, order, *moved)
    for party in (buyer, stranger):
        answer = apply(party, order)
        assert (answer.status_code, answer.json()["code"]) == (409, "activation_not_possible")
        assert answer.json()["reason"] == reason
        assert set(answer.json()) == {"type", "title", "status", "detail", "instance", "code", "reason"}
    assert order_now(buyer, order)["version"] == order["version"]


def test_one_request_is_open_at_a_time_and_only_its_parties_are_told_which(
    buyer: Party, seller: Party, stranger: Party
) -> None:
    order = confirmed(buyer, seller={"organisation_id": seller.id})
    first = applied(stranger, order)
    for party, named in ((buyer, first["id"]), (stranger, first["id"]), (seller, None)):
        answer = apply(party, order)
        assert (answer.status_code, answer.json()["code"]) == (409, "activation_request_open")
        assert answer.json().get("activation_request_id") == named
        assert " was applied for on 20" in answer.json()["detail"]
    decided(stranger, first, "withdraw")
    second = applied(seller, order)
    decided(buyer, second, "deny")
    third = applied(seller, order)
    assert third["id"] not in {first["id"], second["id"]}
    # Who merely holds the number is not told when others applied.
    assert apply(stranger, order).json()["detail"] == (
        f"Activation of {order['number']} was applied for and is not decided yet."
    )


def test_an_unknown_number_and_an_id_without_its_number_are_no_order_to_a_presenter(
    buyer: Party, stranger: Party
) -> None:
    order = confirmed(buyer)
    for number in ("NOSUCHORDER77", order["id"]):
        answer = apply(stranger, {"number": number})
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert apply(buyer, {"number": order["id"]}).status_code == 201


def test_of_two_buyers_orders_with_one_number_the_applicant_says_whose_it_means(
    buyer: Party, seller: Party, stranger: Party
) -> None:
    orders = {party.id: confirmed(party, number="4500088123") for party in (buyer, seller)}
    answer = apply(stranger, {"number": "4500088123"})
    assert (answer.status_code, answer.json()["code"]) == (409, "ambiguous_number")
    path = f"{ORDERS}/4500088123/activation-requests"
    made = stranger.post(path, {"reason": "here"}, params={"buyer": seller.id})
    assert made.status_code == 201
    listed = [seller.get(REQUESTS).json()["data"], buyer.get(REQUESTS).json()["data"]]
    assert [[request["id"] for request in data] for data in listed] == [[made.json()["id"]], []]
    assert listed[0][0]["purchase_order"]["id"] == orders[seller.id]["id"]


@pytest.mark.parametrize(
    ("body", "place", "rule"),
    [
        ({}, ["body", "reason"], "missing"),
        ({"reason": " "}, ["body", "reason"], "string_too_short"),
        ({"reason": "x", "expires_at": "2020-01-01T00:00:00Z"}, ["body", "expires_at"], "in_the_past"),
        ({"reason": "x", "expires_at": "tomorrow"}, ["body", "expires_at"], "rfc_3339"),
        ({"reason": "x", "contact": {"name": "Dispatch"}}, ["body", "contact"], "value_error"),
        ({"reason": "x", "until": "2036-01-01T00:00:00Z"}, ["body", "until"], "extra_forbidden"),
    ],
)
def test_a_body_that_does_not_fit_names_the_field(
    buyer: Party, body: dict[str, object], place: list[str], rule: str
) -> None:
    order = confirmed(buyer)
    answer = buyer.post(f"{ORDERS}/{order['id']}/activation-requests", body)
    assert answer.status_code == 422
    assert [(fault["loc"], fault["code"]) for fault in answer.json()["errors"]] == [(place, rule)]


def test_an_application_is_repeated_safely_under_one_key(buyer: Party, stranger: Party) -> None:
    order = confirmed(buyer)
    path, key = f"{ORDERS}/{order['number']}/activation-requests", {"Idempotency-Key": "gate-7"}
    first = stranger.post(path, {"reason": "here"}, headers=key)
    again = stranger.post(path, {"reason": "here"}, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert stranger.post(path, {"reason": "there"}, headers=key).json()["code"] == "idempotency_key_reused"


# Approving


def test_a_confirmed_order_is_active_at_once(buyer: Party, stranger: Party) -> None:
    order = confirmed(buyer)
    request = applied(stranger, order)
    approved = decided(buyer, request, "approve")
    assert (approved["status"], approved["purchase_order"]["status"]) == ("approved", "active")
    assert approved["decided_at"] is not None
    now = order_now(buyer, order)
    assert (now["status"], now["expires_at"]) == ("active", None)
    assert now["activated_at"] == approved["decided_at"]
    assert types(buyer, order)[2:] == ["activation.requested", "activation.approved", "purchase_order.activated"]
    asked, agreed, _ = timeline(buyer, order)[2:]
    assert (asked["relation"], asked["organisation_id"]) == ("presenter", stranger.id)
    assert asked["data"] == {"activation_request_id": request["id"], "reason": "at the gate", "expires_at": None}
    assert (agreed["relation"], agreed["data"]["activation_request_id"]) == ("owner", request["id"])


def test_a_lapsed_order_gets_a_new_deadline_and_is_active_at_once(buyer: Party, stranger: Party, sql: Sql) -> None:
    wanted = ahead(days=9)
    order = lapsed(buyer, sql, expires_at=ahead(days=5))
    decided(buyer, applied(stranger, order, expires_at=wanted), "approve")
    now = order_now(buyer, order)
    assert (now["status"], now["expires_at"], now["activate_by"]) == ("active", wanted, wanted)
    assert types(buyer, order)[3:] == [
        "activation.approved", "purchase_order.extended", "purchase_order.activated",
    ]  # fmt: skip
    assert timeline(buyer, order)[4]["data"] == {"expires_at": wanted, "activate_by": wanted}
    assert timeline(buyer, order)[5]["data"] == {}


def test_a_lapsed_order_without_an_end_has_no_deadline_any_more(buyer: Party, sql: Sql) -> None:
    order = lapsed(buyer, sql)
    decided(buyer, applied(buyer, order, expires_at=ahead(days=3)), "approve")
    now = order_now(buyer, order)
    assert (now["status"], now["expires_at"], now["activate_by"]) == ("active", None, None)


def test_an_expired_order_is_extended_to_the_date_that_was_wanted(buyer: Party, stranger: Party, sql: Sql) -> None:
    wanted = ahead(days=9)
    order = expired(buyer, sql)
    approved = decided(buyer, applied(stranger, order, expires_at=wanted), "approve")
    assert approved["purchase_order"]["expires_at"] == wanted
    assert (order_now(buyer, order)["status"], order_now(buyer, order)["expires_at"]) == ("active", wanted)
    assert types(buyer, order)[3:] == ["activation.requested", "activation.approved", "purchase_order.extended"]


def test_goods_that_came_in_partly_stay_received_under_an_extension(buyer: Party, sql: Sql) -> None:
    order = buyer.active(expires_at=ahead(days=1), lines=[{"sku": "A", "quantity": "2"}])
    buyer.act(order, "receive", lines=[{"line": 1, "quantity": "1"}])
    passed(sql, order, "expires_at")
    approved = decided(buyer, applied(buyer, order), "approve", expires_at=ahead(days=2))
    assert approved["purchase_order"]["status"] == "partially_received"


def test_an_order_that_its_supplier_has_not_confirmed_gets_its_time_back_and_waits_for_him(
    buyer: Party, sql: Sql
) -> None:
    order = buyer.issue(activate_by=ahead(days=1), expires_at=ahead(days=2))
    passed(sql, order, "activate_by", "expires_at")
    wanted = ahead(days=9)
    approved = decided(buyer, applied(buyer, order, expires_at=wanted), "approve")
    assert approved["purchase_order"]["status"] == "issued"
    now = order_now(buyer, order)
    assert (now["expires_at"], now["activate_by"], now["activated_at"]) == (wanted, wanted, None)
    buyer.act(order, "confirm")
    assert buyer.act(order, "activate")["status"] == "active"


def test_the_approver_decides_on_the_date(buyer: Party, stranger: Party, sql: Sql) -> None:
    given = ahead(days=2)
    order = expired(buyer, sql)
    decided(buyer, applied(stranger, order, expires_at=ahead(days=90)), "approve", expires_at=given)
    assert order_now(buyer, order)["expires_at"] == given


def test_an_applicant_never_makes_an_order_end_earlier(buyer: Party, stranger: Party) -> None:
    end = ahead(days=30)
    order = confirmed(buyer, expires_at=end)
    decided(buyer, applied(stranger, order, expires_at=ahead(days=1)), "approve")
    assert order_now(buyer, order)["expires_at"] == end


def test_an_expired_order_needs_an_end_that_is_still_to_come(buyer: Party, stranger: Party, sql: Sql) -> None:
    order = expired(buyer, sql)
    request = applied(stranger, order, expires_at=ahead(days=1))
    sql(
        "UPDATE activation_requests SET expires_at = now() - interval '1 second' WHERE id = $1",
        request["id"],
    )
    before = order_now(buyer, order)
    for body, rule in (
        ({}, "needed_when_expired"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "in_the_past"),
    ):
        answer = decide(buyer, request, "approve", **body)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, rule)
        assert answer.json()["errors"][0]["loc"] == ["body", "expires_at"]
    assert (order_now(buyer, order), shown(buyer, request)["status"]) == (before, "pending")
    decided(buyer, request, "approve", expires_at=ahead(days=1))


def test_an_order_does_not_end_before_it_begins(buyer: Party) -> None:
    order = confirmed(buyer, valid_from=ahead(days=5))
    answer = decide(buyer, applied(buyer, order), "approve", expires_at=ahead(days=4))
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "date_order")


# Denying and withdrawing


def test_a_denial_has_a_reason_and_leaves_the_order_as_it_is(buyer: Party, stranger: Party, sql: Sql) -> None:
    order = expired(buyer, sql)
    request = applied(stranger, order)
    missing = buyer.post(f"{REQUESTS}/{request['id']}/deny", {})
    assert (missing.status_code, missing.json()["errors"][0]["loc"]) == (422, ["body", "reason"])
    decided(buyer, request, "deny", reason="the season is over")
    told = shown(stranger, request)
    assert (told["status"], told["decision_reason"]) == ("denied", "the season is over")
    assert (order_now(buyer, order)["status"], types(buyer, order)[4:]) == ("expired", ["activation.denied"])


def test_the_applicant_withdraws_and_the_owner_denies(buyer: Party, seller: Party, stranger: Party) -> None:
    order = confirmed(buyer, seller={"organisation_id": seller.id})
    request = applied(seller, order)
    refused = decide(buyer, request, "withdraw")
    assert (refused.status_code, refused.json()["code"]) == (403, "relation_not_allowed")
    for decision in ("approve", "deny"):
        refused = decide(seller, request, decision)
        assert (refused.status_code, refused.json()["code"]) == (403, "relation_not_allowed")
    for decision in ("approve", "deny", "withdraw"):
        refused = decide(stranger, request, decision)
        assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
    withdrawn = decided(seller, request, "withdraw", reason="the goods went back")
    assert (withdrawn["status"], withdrawn["decision_reason"]) == ("withdrawn", "the goods went back")
    assert types(buyer, order)[3:] == ["activation.withdrawn"]


@pytest.mark.parametrize("first", ["approve", "deny", "withdraw"])
def test_what_is_decided_stays_so(buyer: Party, first: str) -> None:
    order = confirmed(buyer)
    request = applied(buyer, order)
    done = decided(buyer, request, first)
    version = order_now(buyer, order)["version"]
    for decision in ("approve", "deny", "withdraw"):
        answer = decide(buyer, request, decision)
        assert (answer.status_code, answer.json()["code"]) == (409, "activation_request_closed")
        assert (answer.json()["request_status"], answer.json()["decided_at"]) == (done["status"], done["decided_at"])
    assert order_now(buyer, order)["version"] == version


# What becomes of the order meanwhile


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("cancel", {}),
        ("close", {}),
        ("extend", {"expires_at": ahead(days=4)}),
    ],
)
def test_a_request_whose_order_is_settled_otherwise_is_obsolete_with_it(
    buyer: Party, stranger: Party, sql: Sql, action: str, body: dict[str, str]
) -> None:
    order = expired(buyer, sql)
    request = applied(stranger, order)
    changed = buyer.act(order, action, **body)
    told = shown(stranger, request)
    assert (told["status"], told["decided_at"]) == ("obsolete", changed["updated_at"])
    assert timeline(buyer, order)[-1]["data"]["activation_request_id"] == request["id"]
    answer = decide(buyer, request, "approve", expires_at=ahead(days=9))
    assert (answer.status_code, answer.json()["code"]) == (409, "activation_request_closed")
    assert (answer.json()["request_status"], answer.json()["order_status"]) == ("obsolete", changed["status"])
    refused = decide(stranger, request, "withdraw").json()
    assert refused["code"] == "activation_request_closed"
    assert "order_status" not in refused


@pytest.mark.parametrize("action", ["activate", "reject"])
def test_so_is_that_of_a_confirmed_order_which_is_activated_or_rejected(buyer: Party, action: str) -> None:
    order = confirmed(buyer)
    request = applied(buyer, order)
    buyer.act(order, action)
    assert shown(buyer, request)["status"] == "obsolete"


def test_after_an_obsolete_request_another_can_be_made(buyer: Party, stranger: Party, sql: Sql) -> None:
    order = expired(buyer, sql)
    applied(stranger, order)
    buyer.act(order, "extend", expires_at=ahead(days=4))
    passed(sql, order, "expires_at")
    applied(stranger, order)


def test_a_request_whose_order_still_needs_it_stays_open(buyer: Party) -> None:
    order = confirmed(buyer, expires_at=ahead(days=4))
    request = applied(buyer, order)
    buyer.act(order, "extend", expires_at=ahead(days=9))
    assert shown(buyer, request)["status"] == "pending"
    assert "activation_request_id" not in timeline(buyer, order)[-1]["data"]


def test_a_suspended_orders_request_waits_until_it_is_resumed(buyer: Party, sql: Sql) -> None:
    order = expired(buyer, sql)
    request = applied(buyer, order, expires_at=ahead(days=3))
    buyer.act(order, "suspend")
    answer = decide(buyer, request, "approve")
    assert (answer.status_code, answer.json()["code"]) == (409, "activation_not_possible")
    assert answer.json()["reason"] == "suspended"
    buyer.act(order, "resume")
    assert decided(buyer, request, "approve")["purchase_order"]["status"] == "active"


# Seeing


def test_the_queue_is_the_owners_and_the_applicants_list_is_its_own(
    buyer: Party, seller: Party, stranger: Party
) -> None:
    orders = [confirmed(buyer, seller={"organisation_id": seller.id}) for _ in range(3)]
    requests = [applied(party, order) for party, order in zip((seller, stranger, buyer), orders, strict=True)]
    decided(buyer, requests[0], "deny")

    def listed(party: Party, **filters: str) -> list[str]:
        return [request["id"] for request in party.get(REQUESTS, params=filters).json()["data"]]

    ids = [request["id"] for request in requests]
    assert listed(buyer) == ids[::-1]
    assert listed(seller) == ids[:1]
    assert listed(stranger) == ids[1:2]
    assert listed(buyer, status="pending") == [ids[2], ids[1]]
    assert listed(seller, status="pending") == []
    assert listed(buyer, number=orders[1]["number"].lower()) == [ids[1]]
    both = buyer.get(REQUESTS, params={"status": ["denied", "pending"]}).json()["data"]
    assert [(request["status"], request["purchase_order"]["id"]) for request in both] == [
        ("pending", orders[2]["id"]),
        ("pending", orders[1]["id"]),
        ("denied", orders[0]["id"]),
    ]
    first = buyer.get(REQUESTS, params={"limit": 2})
    second = buyer.get(first.links["next"]["url"])
    assert [request["id"] for request in first.json()["data"] + second.json()["data"]] == ids[::-1]
    assert second.json()["next_cursor"] is None
    assert buyer.get(REQUESTS, params={"status": "open"}).status_code == 422


def test_a_request_is_not_there_for_a_party_of_the_order_that_has_not_made_it(
    buyer: Party, seller: Party, stranger: Party
) -> None:
    request = applied(stranger, confirmed(buyer, seller={"organisation_id": seller.id}))
    answer = seller.get(f"{REQUESTS}/{request['id']}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_the_etag_changes_with_the_decision_and_with_the_orders_time(buyer: Party, sql: Sql) -> None:
    order = confirmed(buyer, activate_by=ahead(days=1))
    request = applied(buyer, order)
    path = f"{REQUESTS}/{request['id']}"
    tags = [buyer.get(path).headers["ETag"]]
    assert buyer.get(path, headers={"If-None-Match": tags[0]}).status_code == 304
    passed(sql, order, "activate_by")
    tags.append(buyer.get(path).headers["ETag"])
    decided(buyer, request, "deny")
    tags.append(buyer.get(path).headers["ETag"])
    assert len(set(tags)) == 3


def test_each_event_has_its_outbox_row(buyer: Party, sql: Sql) -> None:
    order = lapsed(buyer, sql)
    decided(buyer, applied(buyer, order), "approve")
    assert recorded(sql, order["number"]) == [(event["sequence"], event["type"]) for event in timeline(buyer, order)]
