"""Support cases: opened with the order's facts, seen by whom they concern, and brought to an end."""

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.outbox import recorded
from tests.parties import Party, ahead

CASES = "/v1/support-cases"
ORDERS = "/v1/purchase-orders"
Sql = Callable[..., list[Any]]


def open_case(party: Party, order: dict[str, Any], **body: Any) -> httpx.Response:
    given = {"number": order["number"], "category": "stopped", "description": "The lorry waits."} | body
    return party.post(CASES, given)


def opened(party: Party, order: dict[str, Any], **body: Any) -> dict[str, Any]:
    answer = open_case(party, order, **body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def step(party: Party, case: dict[str, Any], name: str, **body: Any) -> httpx.Response:
    needed = {"comments": "text", "resolve": "resolution", "reopen": "reason", "assign": "assignee"}
    return party.post(f"{CASES}/{case['id']}/{name}", {needed[name]: f"{name} it"} | body)


def done(party: Party, case: dict[str, Any], name: str, **body: Any) -> dict[str, Any]:
    answer = step(party, case, name, **body)
    assert answer.status_code == 200, answer.text
    changed: dict[str, Any] = answer.json()
    return changed


def shown(party: Party, case: dict[str, Any]) -> dict[str, Any]:
    answer = party.get(f"{CASES}/{case['id']}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def listed(party: Party, **filters: Any) -> list[str]:
    return [case["id"] for case in party.get(CASES, params=filters).json()["data"]]


@pytest.fixture
def order(buyer: Party, seller: Party, warehouse: Party, forwarder: Party) -> dict[str, Any]:
    return buyer.active(
        seller={"organisation_id": seller.id, "code": "S-1"},
        ship_to={"organisation_id": warehouse.id},
        forwarders=[{"organisation_id": forwarder.id}],
        currency="EUR",
        lines=[{"sku": "TS-42", "quantity": "24", "unit_price": "4.90"}],
        metadata={"season": "summer"},
    )


# Opening


def test_a_case_is_opened_with_what_is_wrong_and_whom_to_reach(warehouse: Party, order: dict[str, Any]) -> None:
    contact = {"name": "J. Petersen", "phone": "+49 40 555 0142"}
    verdict = warehouse.get(f"/v1/validations/{order['number']}").json()
    answer = open_case(warehouse, order, contact=contact, validation_id=verdict["id"])
    case = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"{CASES}/{case['id']}"
    assert answer.headers["ETag"] == warehouse.get(f"{CASES}/{case['id']}").headers["ETag"]
    assert (case["status"], case["category"], case["number"]) == ("open", "stopped", order["number"])
    assert case["validation_id"] == verdict["id"]
    assert {name: value for name, value in case["contact"].items() if value} == contact
    assert case["opened_by"] == {"organisation_id": warehouse.id, "name": "Hafenlager 2", "relation": "ship_to"}
    assert case["purchase_order"] == {"id": order["id"], "status": "active"}
    assert case["history"] == []


def test_a_case_keeps_the_order_as_it_was_and_shows_each_reader_what_its_relation_may_see(
    buyer: Party, seller: Party, warehouse: Party, forwarder: Party, stranger: Party, order: dict[str, Any]
) -> None:
    buyer.act(order, "suspend", reason="Prices are in dispute.")
    case = opened(warehouse, order)
    before = {party.id: party.get(f"{ORDERS}/{order['id']}").json() for party in (buyer, seller, warehouse, forwarder)}
    buyer.act(order, "cancel")
    for party in (buyer, seller, warehouse, forwarder):
        seen = shown(party, case)
        assert seen["snapshot"]["purchase_order"] == before[party.id]
        assert seen["purchase_order"]["status"] == "cancelled"
        kept = seen["snapshot"]["events"]
        now = party.get(f"{ORDERS}/{order['id']}/events").json()["data"]
        assert kept == now[: len(kept)]
        assert kept[-1]["type"] == "support_case.opened"
        assert len(now) == len(kept) + 1
    prices = {party.id: "4.9" in str(shown(party, case)["snapshot"]) for party in (buyer, seller, warehouse, forwarder)}
    assert prices == {buyer.id: True, seller.id: True, warehouse.id: False, forwarder.id: False}
    assert shown(buyer, case)["snapshot"]["purchase_order"]["metadata"] == {"season": "summer"}
    assert "metadata" not in shown(seller, case)["snapshot"]["purchase_order"]
    assert stranger.get(f"{CASES}/{case['id']}").status_code == 404


def test_the_timeline_of_a_case_tells_of_checks_by_others_to_the_owner_alone(
    buyer: Party, warehouse: Party, stranger: Party, order: dict[str, Any], sql: Sql
) -> None:
    buyer.act(order, "suspend")
    for party in (warehouse, stranger):
        party.get(f"/v1/validations/{order['number']}")
    until_checks_are_written(sql, order, 2)
    case = opened(warehouse, order)

    def checks(party: Party) -> list[str]:
        events = shown(party, case)["snapshot"]["events"]
        return sorted(event["relation"] for event in events if event["type"] == "gate.checked")

    assert checks(buyer) == ["presenter", "ship_to"]
    assert checks(warehouse) == ["ship_to"]


def until_checks_are_written(sql: Sql, order: dict[str, Any], count: int) -> None:
    key, until = order["number"].replace("-", ""), time.monotonic() + 5
    while sql("SELECT count(*) FROM gate_checks WHERE number_key = $1", key)[0][0] < count:
        assert time.monotonic() < until, "the checks were not written"
        time.sleep(0.05)


def test_of_a_long_timeline_a_case_keeps_the_newest(buyer: Party, order: dict[str, Any]) -> None:
    for _ in range(50):
        buyer.act(order, "suspend")
        buyer.act(order, "resume")
    events = opened(buyer, order)["snapshot"]["events"]
    assert [event["sequence"] for event in events] == list(range(5, 105))


def test_who_only_holds_the_number_may_open_one_and_is_shown_nothing_of_the_order(
    buyer: Party, stranger: Party, order: dict[str, Any]
) -> None:
    case = opened(stranger, order)
    assert (case["relation"], case["snapshot"], case["purchase_order"]) == ("presenter", None, None)
    done(buyer, case, "assign", assignee="Ms Okafor")
    done(buyer, case, "comments", text="Which carrier?")
    case = shown(stranger, case)
    for secret in (order["id"], buyer.id, "Nordwind", "Okafor"):
        assert secret not in str(case)
    assert [(one["by"]["relation"], one["text"]) for one in case["history"]] == [
        ("owner", None),
        ("owner", "Which carrier?"),
    ]
    assert case["opened_by"]["organisation_id"] == stranger.id
    assert shown(buyer, case)["snapshot"]["purchase_order"]["number"] == order["number"]
    # The order's id, which only its parties know, opens nothing to others.
    assert open_case(stranger, order, number=order["id"]).status_code == 404


def test_who_only_holds_the_number_has_one_unresolved_case_at_a_time(
    buyer: Party, stranger: Party, warehouse: Party, order: dict[str, Any]
) -> None:
    first = opened(stranger, order)
    again = open_case(stranger, order, category="expired")
    assert (again.status_code, again.json()["code"]) == (409, "support_case_open")
    assert again.json()["support_case_id"] == first["id"]
    done(stranger, first, "resolve")
    opened(stranger, order)
    reopened = step(stranger, first, "reopen")
    assert (reopened.status_code, reopened.json()["code"]) == (409, "support_case_open")
    for _ in range(2):
        opened(warehouse, order)


def test_a_number_that_is_not_there_is_a_404_and_one_of_two_buyers_is_asked_for(
    buyer: Party, seller: Party, stranger: Party
) -> None:
    unknown = open_case(stranger, {"number": "PO-7K3M9QWX2R"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
    for owner in (buyer, seller):
        owner.active(number="4500066777")
    ambiguous = open_case(stranger, {"number": "4500066777"})
    assert (ambiguous.status_code, ambiguous.json()["code"]) == (409, "ambiguous_number")
    case = opened(stranger, {"number": "po# 4500-066777"}, buyer=seller.id)
    assert listed(seller) == [case["id"]]
    assert listed(buyer) == []


def test_guessing_by_way_of_cases_counts_as_guessing_at_the_gate_does(stranger: Party, sql: Sql) -> None:
    for digit in range(3):
        assert open_case(stranger, {"number": f"NOBODYS-{digit}"}).status_code == 404

    def counted() -> int:
        rows = sql("SELECT unrelated FROM look_up_counts WHERE organisation_id = $1", stranger.id)
        return rows[0][0] if rows else 0

    until = time.monotonic() + 5
    while counted() < 3 and time.monotonic() < until:
        time.sleep(0.05)
    assert counted() == 3


@pytest.mark.parametrize(
    ("wrong", "loc"),
    [
        ({"category": "other"}, ["body", "category"]),
        ({"description": ""}, ["body", "description"]),
        ({"number": "§"}, ["body", "number"]),
        ({"validation_id": "4711"}, ["body", "validation_id"]),
        ({"colour": "red"}, ["body", "colour"]),
    ],
)
def test_what_does_not_fit_is_named(buyer: Party, wrong: dict[str, Any], loc: list[str]) -> None:
    answer = open_case(buyer, {"number": "PO-7K3M9QWX2R"}, **wrong)
    assert answer.status_code == 422
    assert [fault["loc"] for fault in answer.json()["errors"]] == [loc]


def test_a_draft_is_a_case_for_its_owner_and_who_opened_it(buyer: Party, seller: Party) -> None:
    order = buyer.issue(draft=True, seller={"organisation_id": seller.id})
    case = opened(buyer, order)
    assert seller.get(f"{CASES}/{case['id']}").status_code == 404
    assert listed(seller) == []
    buyer.act(order, "issue")
    assert listed(seller) == [case["id"]]


def test_a_seller_is_not_shown_what_a_draft_said_or_another_seller_was_asked(
    buyer: Party, seller: Party, warehouse: Party, stranger: Party
) -> None:
    def content(of: Party, price: str) -> dict[str, Any]:
        lines = [{"sku": "TS-42", "quantity": "24", "unit_price": price}]
        return {"seller": {"organisation_id": of.id}, "lines": lines, "currency": "EUR"}

    def change(order: dict[str, Any], of: Party, price: str) -> None:
        answer = buyer.patch(f"{ORDERS}/{order['id']}", content(of, price), headers={"If-Match": "*"})
        assert answer.status_code == 200, answer.text

    ship_to = {"ship_to": {"organisation_id": warehouse.id}}
    draft = buyer.issue(draft=True, **content(seller, "7.77"), **ship_to)
    of_draft = opened(buyer, draft)
    change(draft, seller, "9.99")
    buyer.act(draft, "issue")
    asked = buyer.issue(**content(seller, "7.77"), **ship_to)
    of_first = opened(buyer, asked)
    change(asked, stranger, "9.99")
    snapshots = [
        [shown(party, case)["snapshot"] is not None for party in (buyer, warehouse, one)]
        for case, one in ((of_draft, seller), (of_first, stranger))
    ]
    assert snapshots == [[True, False, False], [True, True, False]]


# What is done with it


def test_a_case_is_commented_assigned_resolved_and_taken_up_again(
    buyer: Party, seller: Party, warehouse: Party, order: dict[str, Any]
) -> None:
    case = opened(warehouse, order)
    assert done(buyer, case, "comments", text="We look at it.", author="A. Okafor")["comments"] == 1
    assigned = done(buyer, case, "assign", assignee="Ms Okafor", text="Before 18:00")
    assert (assigned["status"], assigned["assignee"]) == ("assigned", "Ms Okafor")
    assert assigned["assigned_to"] == {"organisation_id": buyer.id, "name": "Nordwind Retail", "relation": "owner"}
    again = done(seller, case, "assign", organisation_id=warehouse.id, assignee=None)
    assert (again["assigned_to"]["relation"], again["assignee"]) == ("ship_to", None)
    resolved = done(seller, case, "resolve", resolution="Take them in.")
    assert (resolved["status"], resolved["resolution"]) == ("resolved", "Take them in.")
    assert resolved["resolved_by"]["relation"] == "seller"
    done(warehouse, case, "comments", text="Thank you.")
    taken_up = done(warehouse, case, "reopen", reason="It still says suspended.")
    assert (taken_up["status"], taken_up["assigned_to"]["organisation_id"]) == ("assigned", warehouse.id)
    assert (taken_up["resolution"], taken_up["resolved_at"], taken_up["resolved_by"]) == (None, None, None)
    assert [(one["step"], one["by"]["relation"], one["text"], one["author"]) for one in taken_up["history"]] == [
        ("commented", "owner", "We look at it.", "A. Okafor"),
        ("assigned", "owner", "Before 18:00", None),
        ("assigned", "seller", None, None),
        ("resolved", "seller", "Take them in.", None),
        ("commented", "ship_to", "Thank you.", None),
        ("reopened", "ship_to", "It still says suspended.", None),
    ]
    assert done(warehouse, case, "resolve")["status"] == "resolved"


def test_a_case_that_nobody_took_is_open_again_when_it_is_reopened(buyer: Party, order: dict[str, Any]) -> None:
    case = opened(buyer, order)
    done(buyer, case, "resolve")
    assert done(buyer, case, "reopen")["status"] == "open"


def test_what_is_resolved_is_neither_assigned_nor_resolved_and_nothing_else_is_reopened(
    buyer: Party, order: dict[str, Any]
) -> None:
    case = opened(buyer, order)
    early = step(buyer, case, "reopen")
    assert (early.status_code, early.json()["code"], early.json()["case_status"]) == (
        409,
        "support_case_not_resolved",
        "open",
    )
    resolved = done(buyer, case, "resolve")
    for name in ("resolve", "assign"):
        answer = step(buyer, case, name)
        assert (answer.status_code, answer.json()["code"]) == (409, "support_case_resolved")
        assert answer.json()["resolved_at"] == resolved["resolved_at"]
    assert shown(buyer, case) == resolved


def test_a_case_is_given_only_to_those_who_may_see_it(
    buyer: Party, stranger: Party, party: Callable[..., Party], order: dict[str, Any]
) -> None:
    case = opened(stranger, order)
    other = party("Somebody else")
    for nobody in (other.id, "0198f5a2-7c3e-7d41-9a52-3f6b8d2e1c07"):
        answer = step(buyer, case, "assign", organisation_id=nobody)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["loc"] == ["body", "organisation_id"]
    assert done(buyer, case, "assign", organisation_id=stranger.id)["assigned_to"]["relation"] == "presenter"
    nobody_said = buyer.post(f"{CASES}/{case['id']}/assign", {})
    assert nobody_said.status_code == 422
    by_opener = step(stranger, case, "assign")
    assert (by_opener.status_code, by_opener.json()["code"]) == (403, "relation_not_allowed")
    for name in ("assign", "comments", "resolve", "reopen"):
        assert step(other, case, name).status_code == 404


def test_a_full_case_takes_no_more_comments(buyer: Party, order: dict[str, Any], sql: Sql) -> None:
    case = opened(buyer, order)
    sql("UPDATE support_cases SET comments = 499 WHERE id = $1", case["id"])
    done(buyer, case, "comments")
    full = step(buyer, case, "comments")
    assert (full.status_code, full.json()["code"]) == (409, "too_many_comments")
    done(buyer, case, "resolve")


def test_every_step_is_an_event_of_the_order_without_its_words(
    buyer: Party, warehouse: Party, order: dict[str, Any], sql: Sql
) -> None:
    case = opened(warehouse, order, description="confidential")
    for name in ("comments", "assign", "resolve", "reopen"):
        done(buyer, case, name)
    events = warehouse.get(f"{ORDERS}/{order['id']}/events").json()["data"]
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    told = [event for event in events if event["type"].startswith("support_case.")]
    names = ["opened", "commented", "assigned", "resolved", "reopened"]
    assert [event["type"] for event in told] == [f"support_case.{name}" for name in names]
    assert {event["data"]["support_case_id"] for event in told} == {case["id"]}
    assert {event["data"]["support_case_category"] for event in told} == {"stopped"}
    assert "confidential" not in str(told)
    assert [one["sequence"] for one in shown(buyer, case)["history"]] == [event["sequence"] for event in told[1:]]
    assert [type_ for _, type_ in recorded(sql, order["number"])] == [event["type"] for event in events]


def test_a_repetition_under_one_idempotency_key_opens_one_case(buyer: Party, order: dict[str, Any]) -> None:
    body = {"number": order["number"], "category": "reused", "description": "twice"}
    answers = [buyer.post(CASES, body, headers={"Idempotency-Key": f"case-{order['id']}"}) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert answers[1].headers["Idempotency-Replayed"] == "true"
    assert len(listed(buyer)) == 1


# Seeing


def test_a_list_holds_the_cases_of_the_orders_parties_and_of_who_opened_them(
    buyer: Party, seller: Party, warehouse: Party, forwarder: Party, stranger: Party, order: dict[str, Any]
) -> None:
    other = buyer.issue()
    ids = [
        opened(warehouse, order)["id"],
        opened(stranger, order, category="expired")["id"],
        opened(buyer, other, category="not_confirmed")["id"],
    ]
    both = ids[1::-1]
    assert listed(buyer) == ids[::-1]
    for party in (seller, warehouse, forwarder):
        assert listed(party) == both
    assert listed(stranger) == [ids[1]]
    assert listed(buyer, category="expired") == [ids[1]]
    assert listed(buyer, category=["expired", "stopped"]) == both
    assert listed(buyer, number=other["number"].lower()) == [ids[2]]
    assert listed(buyer, role="owner") == ids[::-1]
    assert listed(buyer, role="presenter") == [ids[2]]
    assert listed(warehouse, role="ship_to") == both
    assert listed(warehouse, role="presenter") == [ids[0]]
    assert listed(warehouse, role="seller") == []
    assert listed(forwarder, role="forwarder") == both
    done(buyer, {"id": ids[0]}, "assign", organisation_id=warehouse.id)
    done(buyer, {"id": ids[1]}, "resolve")
    assert listed(buyer, status="open") == [ids[2]]
    assert listed(buyer, status=["open", "assigned"]) == [ids[2], ids[0]]
    assert listed(seller, status="resolved") == [ids[1]]
    assert listed(warehouse, assigned_to=warehouse.id) == [ids[0]]
    first = buyer.get(CASES, params={"limit": 2})
    second = buyer.get(first.links["next"]["url"])
    assert [case["id"] for case in first.json()["data"] + second.json()["data"]] == ids[::-1]
    assert "snapshot" not in first.json()["data"][0]
    assert buyer.get(CASES, params={"status": "closed"}).status_code == 422


def test_the_etag_changes_with_a_comment_and_with_the_orders_time(
    buyer: Party, order: dict[str, Any], sql: Sql
) -> None:
    path = f"{CASES}/{opened(buyer, order)['id']}"
    tags = [buyer.get(path).headers["ETag"]]
    assert buyer.get(path, headers={"If-None-Match": tags[0]}).status_code == 304
    assert buyer.post(f"{path}/comments", {"text": "A"}).headers["ETag"] != tags[0]
    tags.append(buyer.get(path).headers["ETag"])
    sql("UPDATE purchase_orders SET expires_at = now() - interval '1 second' WHERE id = $1", order["id"])
    tags.append(buyer.get(path).headers["ETag"])
    assert len(set(tags)) == 3


def test_the_gate_offers_a_case_to_those_whom_the_order_names(
    buyer: Party, warehouse: Party, stranger: Party, order: dict[str, Any]
) -> None:
    buyer.act(order, "suspend")

    def offered(party: Party, number: str) -> list[Any]:
        refusals = party.get(f"/v1/validations/{number}").json()["refusals"]
        return [(refusal["next_step"]["then"], refusal["next_step"]["then_href"]) for refusal in refusals]

    assert offered(warehouse, order["number"]) == [("open_support_case", CASES)]
    assert offered(stranger, order["number"]) == [("open_support_case", None)]
    assert offered(warehouse, "%C2%A7") == [("open_support_case", None)]
    unconfirmed = buyer.issue(expires_at=ahead(days=1))
    assert offered(buyer, unconfirmed["number"]) == [("contact_buyer", None)]
