"""Bad input gets a clear problem that names the field and the rule, and never more than that."""

import json
from typing import Any

import httpx
import pytest

from tests.parties import Party, ahead

ORDERS = "/v1/purchase-orders"


def faults(answer: httpx.Response) -> dict[str, str]:
    """Return place -> rule of every fault in a problem."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem = answer.json()
    assert problem["type"] == f"/problems/{problem['code']}"
    assert problem["status"] == answer.status_code
    return {".".join(map(str, fault["loc"])): fault["code"] for fault in problem.get("errors", [])}


@pytest.mark.parametrize(
    ("body", "place", "rule"),
    [
        ({"refrence": "A"}, "body.refrence", "extra_forbidden"),
        ({"reference": 7}, "body.reference", "string_type"),
        ({"reference": "a\x00b"}, "body.reference", "control_character"),
        ({"reference": ""}, "body.reference", "string_too_short"),
        ({"metadata": {"k": "v\x00"}}, "body.metadata.k", "control_character"),
        ({"metadata": {"k\x00": "v"}}, "body.metadata.k\x00.[key]", "control_character"),
        ({"metadata": {str(n): "" for n in range(51)}}, "body.metadata", "too_long"),
        ({"number": "x" * 10_000}, "body.number", "string_too_long"),
        ({"number": "x" * 36}, "body.number", "number_too_long"),
        ({"number": "Straße"}, "body.number", "number_character"),
        ({"number": "- -"}, "body.number", "number_empty"),
        ({"number": "1", "format_id": "00000000-0000-7000-8000-000000000001"}, "body", "number_origin"),
        ({"expires_at": "2030-01-01T00:00:00"}, "body.expires_at", "timezone_aware"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "body.expires_at", "in_the_past"),
        ({"activate_by": "2020-01-01T00:00:00Z"}, "body.activate_by", "in_the_past"),
        ({"expires_at": ahead(days=1), "valid_from": ahead(days=2)}, "body", "date_order"),
        ({"expires_at": ahead(days=1), "activate_by": ahead(days=2)}, "body", "date_order"),
        ({"ship_window": {"start": ahead(days=2), "end": ahead(days=1)}}, "body.ship_window", "date_order"),
        ({"lines": [{"sku": "A", "quantity": "0"}]}, "body.lines.0.quantity", "greater_than"),
        ({"lines": [{"sku": "A", "quantity": "NaN"}]}, "body.lines.0.quantity", "decimal"),
        ({"lines": [{"sku": "A", "quantity": "1.1234567"}]}, "body.lines.0.quantity", "decimal_max_places"),
        ({"lines": [{"quantity": "1"}]}, "body.lines.0", "line"),
        ({"lines": [{"sku": "A", "quantity": "1", "unit_price": "1"}]}, "body", "currency_missing"),
        ({"lines": [{"gtin": "4006381333932", "quantity": "1"}]}, "body.lines.0.gtin", "gs1_key"),
        ({"seller": {"gln": "4006381333932"}}, "body.seller.gln", "gs1_key"),
        ({"seller": {"phone": "+49 40 1"}}, "body.seller", "party"),
        ({"lines": [{"sku": "A", "quantity": "1"}] * 501}, "body.lines", "too_long"),
        ({"seller": {"organisation_id": "7"}}, "body.seller.organisation_id", "uuid_parsing"),
        (
            {"seller": {"organisation_id": "0198f5a2-7c3e-7d41-9a52-3f6b8d2e1c07"}},
            "body.seller.organisation_id",
            "unknown_organisation",
        ),
        ({"currency": "euro"}, "body.currency", "string_pattern_mismatch"),
        ({"currency": "EUX"}, "body.currency", "unknown_currency"),
    ],
)
def test_a_body_that_does_not_fit_names_the_field_and_the_rule(
    buyer: Party, body: dict[str, Any], place: str, rule: str
) -> None:
    answer = buyer.post(ORDERS, body)
    assert answer.status_code == 422
    assert faults(answer)[place] == rule
    assert buyer.get(ORDERS).json()["data"] == []


def test_a_number_beyond_the_column_is_named(buyer: Party) -> None:
    order = buyer.issue()
    answer = buyer.post(f"{ORDERS}/{order['id']}/confirm", {"revision": 2**31})
    assert answer.status_code == 422
    assert faults(answer) == {"body.revision": "less_than_equal"}


def test_what_was_sent_is_not_repeated_in_the_answer(buyer: Party) -> None:
    answer = buyer.post("/v1/api-keys", {"name": "x", "scopes": ["validate"], "secret": "por_live_hidden"})
    assert answer.status_code == 422
    assert "por_live_hidden" not in answer.text


@pytest.mark.parametrize("content", [b"{", b"", b"\xff\xfe", b"[" * 100_000, b"nul", b'{"a": 1e99999}'])
def test_a_body_that_is_not_json_is_a_problem(buyer: Party, content: bytes) -> None:
    answer = buyer.http.post(ORDERS, content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code in {400, 422}
    faults(answer)


@pytest.mark.parametrize("body", [[], "text", 7, None, True])
def test_a_body_of_another_type_is_a_problem(buyer: Party, body: Any) -> None:
    answer = buyer.http.post(ORDERS, content=json.dumps(body).encode(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert "body" in faults(answer)


def test_a_body_over_one_mebibyte_is_too_large(buyer: Party) -> None:
    answer = buyer.post(ORDERS, {"requested_by": "x" * 1_100_000})
    assert (answer.status_code, answer.json()["code"]) == (413, "content_too_large")
    faults(answer)


def test_a_body_without_a_length_is_measured_as_it_comes(buyer: Party) -> None:
    def chunks() -> Any:
        yield b'{"requested_by": "'
        for _ in range(20):
            yield b"x" * 100_000
        yield b'"}'

    answer = buyer.http.post(ORDERS, content=chunks(), headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (413, "content_too_large")


def test_a_batch_may_be_larger_than_one_mebibyte_but_not_than_eight(buyer: Party) -> None:
    big = {"purchase_orders": [{"requested_by": "x" * 200, "metadata": {"k": "v" * 500}} for _ in range(1000)]}
    big["purchase_orders"][0]["lines"] = [{"description": "d" * 1900, "quantity": "1"}] * 400
    assert len(json.dumps(big)) > 1_048_576
    answer = buyer.post(f"{ORDERS}/batch", big)
    assert (answer.status_code, answer.json()["issued"]) == (200, 1000)
    answer = buyer.post(f"{ORDERS}/batch", {"purchase_orders": ["x" * 8_500_000]})
    assert (answer.status_code, answer.json()["code"]) == (413, "content_too_large")


@pytest.mark.parametrize("items", [0, 1001])
def test_a_batch_of_none_or_too_many_is_refused(buyer: Party, items: int) -> None:
    answer = buyer.post(f"{ORDERS}/batch", {"purchase_orders": [{}] * items})
    assert answer.status_code == 422
    assert set(faults(answer)) == {"body.purchase_orders"}


@pytest.mark.parametrize("cursor", ["x", "AAAA", "é", "A" * 24, "%00", "A" * 101])
def test_a_broken_cursor_is_named(buyer: Party, cursor: str) -> None:
    answer = buyer.get(ORDERS, params={"cursor": cursor})
    assert answer.status_code == 422
    assert set(faults(answer)) == {"query.cursor"}


@pytest.mark.parametrize("limit", ["0", "201", "-1", "x", "1.5"])
def test_a_limit_out_of_range_is_named(buyer: Party, limit: str) -> None:
    answer = buyer.get(ORDERS, params={"limit": limit})
    assert answer.status_code == 422
    assert set(faults(answer)) == {"query.limit"}


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("%00", "number_character"),
        ("x" * 10_000, "number_too_long"),
        ("%20-%20", "number_empty"),
        ("%C3%9F", "number_character"),
    ],
)
def test_a_path_that_cannot_hold_a_number_is_named(buyer: Party, text: str, rule: str) -> None:
    answer = buyer.http.get(f"{ORDERS}/{text}")
    assert answer.status_code == 422
    assert faults(answer) == {"path.number": rule}


def test_a_number_with_a_slash_is_found_with_the_slash_encoded(buyer: Party) -> None:
    order = buyer.issue(number="AB/12")
    assert buyer.http.get(f"{ORDERS}/AB%2F12").json()["id"] == order["id"]
    assert buyer.http.get(f"{ORDERS}/ab%2f12/events").json()["data"][0]["sequence"] == 1
    assert buyer.http.get("/v1/validations/AB%2F12").json()["number"] == "AB/12"
    assert buyer.http.get("/v1/validations/AB/12").json()["number"] == "AB/12"


def test_a_bare_slash_in_a_number_is_no_path(buyer: Party) -> None:
    answer = buyer.http.get(f"{ORDERS}/AB/12")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_an_unknown_path_and_a_wrong_method_are_problems(buyer: Party) -> None:
    assert buyer.get("/v1/nothing").json()["code"] == "not_found"
    answer = buyer.http.delete(ORDERS)
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert "GET" in answer.headers["Allow"]


def test_a_request_id_is_taken_or_made(buyer: Party) -> None:
    assert buyer.get(ORDERS, headers={"X-Request-ID": "dock-4/1"}).headers["X-Request-ID"] == "dock-4/1"
    made = buyer.get(ORDERS, headers={"X-Request-ID": "bad id with spaces"}).headers["X-Request-ID"]
    assert len(made) == 36
    assert buyer.get("/v1/nothing").headers["X-Request-ID"]


def test_unknown_query_values_are_named(buyer: Party) -> None:
    answer = buyer.get(ORDERS, params={"status": "lost", "role": "presenter", "created_after": "yesterday"})
    assert set(faults(answer)) == {"query.status.0", "query.role", "query.created_after"}


def test_a_body_that_is_not_sent_as_json_is_told_what_to_send(buyer: Party) -> None:
    answer = buyer.http.post(ORDERS, content=b"{}", headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    assert "application/json" in answer.json()["detail"]
    faults(answer)


def test_a_query_parameter_that_an_operation_does_not_have_is_refused_and_the_one_that_is_meant_is_named(
    operator: Party,
) -> None:
    answer = operator.get(f"{ORDERS}?statsu=active&buyers=1")
    assert answer.status_code == 422
    assert faults(answer) == {"query.statsu": "unknown_parameter", "query.buyers": "unknown_parameter"}
    assert "`status`" in answer.json()["errors"][0]["message"]
    number = operator.post(ORDERS, {}).json()["number"]
    answer = operator.post(f"{ORDERS}/{number}/cancel?byer={operator.id}", {})
    assert faults(answer) == {"query.byer": "unknown_parameter"}
    assert operator.get(f"{ORDERS}/{number}").json()["status"] == "issued"
