"""An organisation's policy: its versions, in a clear order and with the moment from which each holds."""

import asyncio
import json
import os
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from tests.outbox import told_of_itself
from tests.parties import Party, ahead

Sql = Callable[..., list[Any]]

POLICIES = "/v1/policies"
RACING = int(os.environ.get("RACING_POLICIES", "12"))

DEFAULTS = {
    "mandatory_gate_facts": ["pro_number"],
    "gate_facts_that_hold": [],
    "receipt_tolerance": "0",
    "delivery_window_at_gate": "enforced",
    "default_validity": None,
    "activation_window": None,
    "booking_cutoff": None,
    "expiring_notice": "P7D",
    "activation": "manual",
    "split_shipments": "allowed",
    "format_id": None,
}


def stated(party: Party, **content: Any) -> dict[str, Any]:
    """State a version and return it."""
    answer = party.post(POLICIES, content)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def versions(party: Party) -> list[dict[str, Any]]:
    answer = party.get(POLICIES, params={"limit": 200})
    assert answer.status_code == 200, answer.text
    listed: list[dict[str, Any]] = answer.json()["data"]
    return listed


def test_an_organisation_that_has_said_nothing_has_no_version(stranger: Party) -> None:
    assert versions(stranger) == []


def test_a_version_is_whole_what_is_left_out_is_the_default_and_not_what_was_before(buyer: Party) -> None:
    first = stated(buyer, receipt_tolerance="0.05", gate_facts_that_hold=["seller"], delivery_window_at_gate="ignored")
    assert {name: first[name] for name in DEFAULTS} == {
        **DEFAULTS,
        "receipt_tolerance": "0.05",
        "gate_facts_that_hold": ["seller"],
        "delivery_window_at_gate": "ignored",
    }
    assert (first["version"], first["in_force"], first["effective_until"]) == (1, True, None)
    assert first["effective_from"] == first["created_at"]
    second = stated(buyer)
    assert {name: second[name] for name in DEFAULTS} == DEFAULTS
    assert second["version"] == 2


def test_versions_are_listed_newest_first_with_the_one_in_force_and_when_it_ends(buyer: Party, stranger: Party) -> None:
    stated(buyer)
    holds = stated(buyer, receipt_tolerance="0.01")
    planned = stated(buyer, receipt_tolerance="0.02", effective_from=ahead(days=2))
    third, second, first = versions(buyer)
    assert [one["version"] for one in (third, second, first)] == [3, 2, 1]
    assert [one["in_force"] for one in (third, second, first)] == [False, True, False]
    assert first["effective_until"] == holds["effective_from"]
    assert second["effective_until"] == planned["effective_from"]
    assert third["effective_until"] is None
    assert versions(stranger) == []


def test_a_planned_version_is_corrected_by_one_that_begins_no_later(buyer: Party) -> None:
    moment = ahead(days=2)
    stated(buyer, receipt_tolerance="0.5", effective_from=moment)
    stated(buyer, receipt_tolerance="0.05", effective_from=moment)
    correction, wrong = versions(buyer)
    assert wrong["effective_until"] == wrong["effective_from"]
    assert (correction["effective_until"], correction["in_force"], wrong["in_force"]) == (None, False, False)
    earlier = stated(buyer)
    assert earlier["in_force"]
    assert [one["in_force"] for one in versions(buyer)] == [True, False, False]
    assert all(one["effective_until"] == one["effective_from"] for one in versions(buyer)[1:])


def test_versions_have_pages(buyer: Party) -> None:
    for _ in range(5):
        stated(buyer)
    found: list[int] = []
    until: list[str | None] = []
    path = f"{POLICIES}?limit=2"
    while path:
        page = buyer.get(path)
        found += [one["version"] for one in page.json()["data"]]
        until += [one["effective_until"] for one in page.json()["data"]]
        path = page.links.get("next", {}).get("url", "")
    assert found == [5, 4, 3, 2, 1]
    assert until == [one["effective_until"] for one in versions(buyer)]


@pytest.mark.parametrize(
    ("content", "field", "rule"),
    [
        ({"effective_from": "2026-01-01T00:00:00Z"}, ["effective_from"], "in_the_past"),
        ({"effective_from": "tomorrow"}, ["effective_from"], "rfc_3339"),
        ({"receipt_tolerance": "1.01"}, ["receipt_tolerance"], "less_than_equal"),
        ({"receipt_tolerance": "-0.01"}, ["receipt_tolerance"], "greater_than_equal"),
        ({"receipt_tolerance": "0.00001"}, ["receipt_tolerance"], "decimal_max_places"),
        ({"receipt_tolerance": "5 %"}, ["receipt_tolerance"], "decimal"),
        ({"mandatory_gate_facts": ["colour"]}, ["mandatory_gate_facts", 0], "enum"),
        ({"mandatory_gate_facts": None}, ["mandatory_gate_facts"], "list_type"),
        ({"gate_facts_that_hold": "seller"}, ["gate_facts_that_hold"], "list_type"),
        ({"delivery_window_at_gate": "warn"}, ["delivery_window_at_gate"], "enum"),
        ({"default_validity": "P3M"}, ["default_validity"], "duration"),
        ({"default_validity": 90}, ["default_validity"], "duration"),
        ({"default_validity": "-P1D"}, ["default_validity"], "duration"),
        ({"default_validity": "PT0S"}, ["default_validity"], "greater_than"),
        ({"default_validity": "P3661D"}, ["default_validity"], "less_than_equal"),
        ({"activation_window": "two weeks"}, ["activation_window"], "duration"),
        ({"activation_window": "PT99999H"}, ["activation_window"], "less_than_equal"),
        ({"activation": "automatic"}, ["activation"], "enum"),
        ({"split_shipments": True}, ["split_shipments"], "enum"),
        ({"format_id": "PO"}, ["format_id"], "uuid_parsing"),
        ({"format_id": str(UUID(int=4711))}, ["format_id"], "unknown_number_format"),
        ({"colour": "red"}, ["colour"], "extra_forbidden"),
    ],
)
def test_a_policy_that_cannot_be_read_names_the_field_and_the_rule(
    buyer: Party, content: dict[str, Any], field: list[Any], rule: str
) -> None:
    answer = buyer.post(POLICIES, content)
    assert answer.status_code == 422
    (fault,) = answer.json()["errors"]
    assert (fault["loc"], fault["code"]) == (["body", *field], rule)
    assert versions(buyer) == []


def test_a_fact_that_is_named_twice_counts_once_and_none_may_be_mandatory(buyer: Party) -> None:
    made = stated(buyer, mandatory_gate_facts=["seller", "scac", "seller"], gate_facts_that_hold=["booking"])
    assert (made["mandatory_gate_facts"], made["gate_facts_that_hold"]) == (["scac", "seller"], ["booking"])
    assert stated(buyer, mandatory_gate_facts=[])["mandatory_gate_facts"] == []


def test_stating_a_policy_needs_its_scope_and_reading_it_none(buyer: Party) -> None:
    reader = {"Authorization": f"Bearer {buyer.key_with('validate')}"}
    refused = buyer.post(POLICIES, {}, headers=reader)
    assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope")
    assert buyer.get(POLICIES, headers=reader).status_code == 200


def test_a_version_is_in_the_audit_trail_once_and_a_repetition_is_replayed(buyer: Party, sql: Sql) -> None:
    content = {"receipt_tolerance": "0.05", "effective_from": ahead(days=1)}
    answers = [buyer.post(POLICIES, content, headers={"Idempotency-Key": "policy-1"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert answers[1].headers["Idempotency-Replayed"] == "true"
    (event,) = sql("SELECT id, data FROM audit_events WHERE organisation_id = $1 AND type = 'policy.created'", buyer.id)
    made = answers[0].json()
    assert json.loads(event["data"]) == {name: made[name] for name in ("version", "effective_from", *DEFAULTS)}
    assert told_of_itself(sql, buyer.id, "policy.created") == [event["id"]]


def test_versions_that_are_stated_at_once_get_one_number_each_in_the_order_in_which_they_hold(buyer: Party) -> None:
    async def race() -> list[Any]:
        async with buyer.asynchronous() as client:
            return await asyncio.gather(
                *(client.post(POLICIES, json={"receipt_tolerance": f"0.{n:03}"}) for n in range(1, RACING + 1))
            )

    made = [answer.json() for answer in asyncio.run(race()) if answer.status_code == 201]
    assert len(made) == RACING
    assert sorted(one["version"] for one in made) == list(range(1, RACING + 1))
    listed = versions(buyer)
    assert [one["version"] for one in listed] == list(range(RACING, 0, -1))
    assert [one["in_force"] for one in listed] == [True] + [False] * (RACING - 1)
    said = {one["version"]: one["receipt_tolerance"] for one in made}
    assert {one["version"]: one["receipt_tolerance"] for one in listed} == said


# What a version announces


def announced(party: Party, sql: Sql) -> list[dict[str, Any]]:
    """Return what the events of changes to come say, oldest first: those of the audit trail, each told once."""
    rows = sql(
        "SELECT id, data FROM audit_events WHERE organisation_id = $1 AND type = $2 ORDER BY id",
        party.id,
        "policy.changing",
    )
    assert told_of_itself(sql, party.id, "policy.changing") == [row["id"] for row in rows]
    return [json.loads(row["data"]) for row in rows]


def test_a_version_that_begins_later_is_announced_with_what_it_changes(buyer: Party, sql: Sql) -> None:
    stated(buyer, receipt_tolerance="0.05", default_validity="P30D")
    assert announced(buyer, sql) == []
    planned = stated(buyer, default_validity="PT2160H", activation="on_confirmation", effective_from=ahead(days=7))
    assert announced(buyer, sql) == [
        {
            "version": 2,
            "effective_from": planned["effective_from"],
            "version_before": 1,
            "replaced_versions": [],
            "changes": {
                "receipt_tolerance": {"from": "0.05", "to": "0"},
                "default_validity": {"from": "P30D", "to": "P90D"},
                "activation": {"from": "manual", "to": "on_confirmation"},
            },
        }
    ]


def test_the_first_version_is_announced_against_the_defaults(buyer: Party, sql: Sql) -> None:
    stated(buyer, split_shipments="refused", effective_from=ahead(days=1))
    (said,) = announced(buyer, sql)
    assert (said["version_before"], said["changes"]) == (
        None,
        {"split_shipments": {"from": "allowed", "to": "refused"}},
    )


def test_a_plan_that_is_corrected_is_announced_again_against_what_holds_until_then(buyer: Party, sql: Sql) -> None:
    moment = ahead(days=7)
    stated(buyer, receipt_tolerance="0.01")
    stated(buyer, receipt_tolerance="0.5", effective_from=moment)
    stated(buyer, receipt_tolerance="0.05", effective_from=moment)
    stated(buyer, receipt_tolerance="0.06", effective_from=ahead(days=9))
    told = [(one["version"], one["version_before"], one["replaced_versions"]) for one in announced(buyer, sql)]
    assert told == [(2, 1, []), (3, 1, [2]), (4, 3, [])]
    assert [one["changes"]["receipt_tolerance"] for one in announced(buyer, sql)] == [
        {"from": "0.01", "to": "0.5"},
        {"from": "0.01", "to": "0.05"},
        {"from": "0.05", "to": "0.06"},
    ]
    # What was announced and will not come is told too, though what comes instead begins at once and changes nothing.
    stated(buyer, receipt_tolerance="0.01")
    last = announced(buyer, sql)[-1]
    assert (last["version"], last["replaced_versions"], last["changes"]) == (5, [3, 4], {})
    stated(buyer)
    assert len(announced(buyer, sql)) == 4
