"""An organisation's own word on carriers: what it changes, and for whom."""

from collections.abc import Callable
from typing import Any

import asyncpg
import pytest

from tests.parties import Operator, Party
from tests.shipments.waybills import any_shape, link, linked, xpo


def put(party: Party, scac: str, **body: Any) -> dict[str, Any]:
    answer = party.put(f"/v1/carriers/{scac}", body)
    assert answer.status_code in {200, 201}, answer.text
    stored: dict[str, Any] = answer.json()
    return stored


def test_a_carrier_of_one_s_own_is_201_then_200(buyer: Party) -> None:
    first = buyer.put("/v1/carriers/krln", {"name": "Kroll Nahverkehr", "pro_mask": "kn-######"})
    assert first.status_code == 201
    assert first.json()["pro_mask"] == "KN-######"
    assert first.json()["origin"] == "own"
    again = buyer.put("/v1/carriers/KRLN", {"name": "Kroll"})
    assert (again.status_code, again.json()["name"], again.json()["pro_mask"]) == (200, "Kroll", None)
    assert buyer.get("/v1/carriers/KRLN").json() == again.json()


def test_what_one_says_of_a_carrier_nobody_else_sees(buyer: Party, stranger: Party) -> None:
    before = stranger.get("/v1/carriers/CNWY").json()
    put(buyer, "CNWY", name="XPO, by us", pro_mask="X#########", disrupted=True)
    put(buyer, "KRLN", name="Kroll Nahverkehr")
    assert stranger.get("/v1/carriers/CNWY").json() == before
    assert stranger.get("/v1/carriers/KRLN").status_code == 404
    listed = {carrier["scac"] for carrier in stranger.get("/v1/carriers?limit=200").json()["data"]}
    assert "KRLN" not in listed


def test_one_s_own_rule_comes_before_the_directory_s_for_oneself_alone(buyer: Party, stranger: Party) -> None:
    put(buyer, "CNWY", pro_mask="XP-**********")
    pro = any_shape()[:10]
    assert linked(buyer, buyer.issue(), "CNWY", f"XP{pro}")["pro_number"] == f"XP-{pro}"
    assert link(buyer, buyer.issue(), "CNWY", xpo()).status_code == 422
    assert link(stranger, stranger.issue(), "CNWY", f"XP{any_shape()[:10]}").status_code == 422
    assert link(stranger, stranger.issue(), "CNWY", xpo()).status_code == 201


def test_null_for_mask_and_scheme_takes_any_pro_number(buyer: Party) -> None:
    shown = put(buyer, "CNWY", pro_mask=None, check_scheme=None)
    assert (shown["pro_mask"], shown["check_scheme"], shown["name"]) == (None, None, "XPO")
    assert link(buyer, buyer.issue(), "CNWY", any_shape()).status_code == 201


def test_one_s_own_check_scheme_refuses_a_mistyped_number(buyer: Party) -> None:
    shown = put(buyer, "KRLN", pro_mask="####-####", check_scheme="luhn")
    assert (shown["check_scheme"], shown["source"]) == ("luhn", "Your organisation's own rule.")
    order = buyer.issue()
    assert linked(buyer, order, "KRLN", "79927398")["pro_number"] == "7992-7398"
    problem = link(buyer, order, "KRLN", "7992-7397").json()
    assert (problem["rule"], problem["carrier"]["check_scheme"]) == ("check_digit", "luhn")


def test_announcing_a_disruption_keeps_the_directory_s_rule(buyer: Party) -> None:
    shown = put(buyer, "CNWY", disrupted=True, disruption_reason="Hamburg terminal is flooded.")
    assert (shown["disrupted"], shown["disruption_reason"]) == (True, "Hamburg terminal is flooded.")
    assert (shown["pro_mask"], shown["check_scheme"], shown["origin"]) == ("###-######", "modulo_7", "overridden")
    assert buyer.get("/v1/carriers/cnwy").json() == shown
    assert link(buyer, buyer.issue(), "CNWY", "118-450326").status_code == 422
    over = put(buyer, "CNWY")
    assert (over["disrupted"], over["disruption_reason"]) == (False, None)


@pytest.mark.parametrize(
    ("body", "loc", "code"),
    [
        ({"pro_mask": "[0-9]+"}, ["body", "pro_mask"], "invalid_mask"),
        ({"pro_mask": "@@@@@@@@@", "check_scheme": "modulo_7"}, ["body", "pro_mask"], "invalid_mask"),
        ({"pro_mask": "#" * 31}, ["body", "pro_mask"], "invalid_mask"),
        ({"pro_mask": ""}, ["body", "pro_mask"], "invalid_mask"),
        ({"check_scheme": "crc32"}, ["body", "check_scheme"], "enum"),
        ({"disruption_reason": "Flooded."}, ["body"], "value_error"),
        ({"disrupted_until": "2036-02-14T22:00:00Z"}, ["body"], "value_error"),
        ({"disrupted": True, "disrupted_until": "tomorrow"}, ["body", "disrupted_until"], "rfc_3339"),
        ({"mask": "####"}, ["body", "mask"], "extra_forbidden"),
    ],
)
def test_a_rule_that_cannot_be_used_is_refused_at_its_field(
    buyer: Party, body: dict[str, Any], loc: list[str], code: str
) -> None:
    answer = buyer.put("/v1/carriers/CNWY", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    (fault,) = answer.json()["errors"]
    assert (fault["loc"], fault["code"]) == (loc, code)
    assert buyer.get("/v1/carriers/CNWY").json()["origin"] == "shared"


def test_a_code_that_no_carrier_has_is_refused(buyer: Party) -> None:
    for scac, code in (("ABCU", "scac_equipment_owner"), ("A1", "scac_letters")):
        for answer in (buyer.put(f"/v1/carriers/{scac}", {}), buyer.get(f"/v1/carriers/{scac}")):
            assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, code)


def test_the_etag_holds_until_the_carrier_changes(buyer: Party) -> None:
    stored = buyer.put("/v1/carriers/CNWY", {"disrupted": True})
    read = buyer.get("/v1/carriers/CNWY")
    assert read.headers["ETag"] == stored.headers["ETag"]
    condition = {"If-None-Match": read.headers["ETag"]}
    assert buyer.get("/v1/carriers/CNWY", headers=condition).status_code == 304
    put(buyer, "CNWY")
    assert buyer.get("/v1/carriers/CNWY", headers=condition).status_code == 200


def test_carriers_are_listed_by_code_in_pages_with_one_s_own_among_the_shared(buyer: Party) -> None:
    for scac in ("AAAA", "MMMM", "YYYY"):
        put(buyer, scac, name=f"Carrier {scac}")
    put(buyer, "CNWY", name="XPO, by us")
    found: list[dict[str, Any]] = []
    path = "/v1/carriers?limit=4"
    while path:
        page = buyer.get(path)
        found += page.json()["data"]
        path = page.links.get("next", {}).get("url", "")
    codes = [carrier["scac"] for carrier in found]
    assert codes == sorted(set(codes))
    origins = {carrier["scac"]: carrier["origin"] for carrier in found}
    assert (origins["AAAA"], origins["CNWY"], origins["SAIA"]) == ("own", "overridden", "shared")


@pytest.mark.parametrize("cursor", ["rubbish", "AgA", "AsO8", "AQ", "AgAAAA", "Ä"])
def test_a_cursor_of_another_making_is_refused(buyer: Party, cursor: str) -> None:
    answer = buyer.get("/v1/carriers", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "invalid_cursor")


def test_a_shared_carrier_is_the_operators_and_everybody_goes_by_it(
    operator: Operator, buyer: Party, sql: Callable[..., list[asyncpg.Record]]
) -> None:
    said = {"name": "Kroll", "pro_mask": "kn-######", "source": "Kroll, 2035-11"}
    assert buyer.put("/v1/shared-carriers/KSHR", said).status_code == 403
    assert operator.put("/v1/shared-carriers/KSHR", said).status_code in {200, 201}
    shown = buyer.get("/v1/carriers/KSHR").json()
    assert (shown["origin"], shown["pro_mask"], shown["source"]) == ("shared", "KN-######", "Kroll, 2035-11")
    assert link(buyer, buyer.issue(), "KSHR", any_shape()).json()["carrier"]["source"] == "Kroll, 2035-11"
    put(buyer, "KSHR", pro_mask=None)
    assert operator.put("/v1/shared-carriers/KSHR", {**said, "pro_mask": "####"}).status_code == 200
    assert (buyer.get("/v1/carriers/KSHR").json()["pro_mask"], buyer.get("/v1/carriers/KSHR").json()["name"]) == (
        None,
        "Kroll",
    )
    assert operator.put("/v1/shared-carriers/KSHR", {**said, "pro_mask": "[0-9]"}).status_code == 422
    stored = sql(
        "SELECT data->>'mask' AS mask FROM audit_events WHERE type = 'shared_carrier.stored' AND "
        "data->>'scac' = 'KSHR' ORDER BY id"
    )
    assert [row["mask"] for row in stored][-2:] == ["KN-######", "####"]


def test_storing_a_carrier_needs_the_scope_ship_and_is_in_the_audit_trail(
    buyer: Party, sql: Callable[..., list[asyncpg.Record]]
) -> None:
    reader = {"Authorization": f"Bearer {buyer.key_with('orders:read')}"}
    assert buyer.put("/v1/carriers/CNWY", {}, headers=reader).status_code == 403
    assert buyer.get("/v1/carriers/CNWY", headers=reader).status_code == 403
    put(buyer, "CNWY", disrupted=True)
    events = sql("SELECT data FROM audit_events WHERE organisation_id = $1 AND type = 'carrier.stored'", buyer.id)
    assert len(events) == 1
