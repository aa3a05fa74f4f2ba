"""`/v1/number-formats` over HTTP."""

import asyncio
import re
from collections.abc import Callable
from typing import Any

import asyncpg
import httpx
import pytest

from app.numbers.default_format import DEFAULT_FORMAT_ID
from tests.numbers.owners import fresh_prefix
from tests.parties import Party

FORMATS = "/v1/number-formats"
DEFAULT = f"{FORMATS}/{DEFAULT_FORMAT_ID}"


def create(party: Party, pattern: str, **options: Any) -> httpx.Response:
    return party.post(FORMATS, {"name": "Retail", "pattern": pattern}, **options)


def test_a_format_is_created_and_orders_get_numbers_of_it(buyer: Party) -> None:
    prefix = fresh_prefix()
    made = create(buyer, f"{prefix}-{{cost_center:4}}-{{serial:4}}{{check}}")
    assert made.status_code == 201, made.text
    shown = made.json()
    assert made.headers["Location"] == f"{FORMATS}/{shown['id']}"
    assert shown["organisation_id"] == buyer.id
    assert (shown["name"], shown["version"], shown["prefix"]) == ("Retail", 1, f"{prefix}-")
    assert shown["components"] == [{"name": "cost_center", "width": 4, "allowed_values": None}]
    assert (shown["length"], shown["check_scheme"]) == (19, "mod_37_36")
    assert (shown["capacity"], shown["capacity_per"]) == (10_000, None)
    order = buyer.issue(format_id=shown["id"], cost_center="4711")
    assert order["number"].startswith(f"{prefix}-4711-0001")
    assert order["format"] == {"id": shown["id"], "version": 1}


def test_a_format_is_read_back_as_it_was_answered_and_its_etag_spares_the_body(buyer: Party) -> None:
    made = create(buyer, fresh_prefix() + "{random:5}{check}")
    read = buyer.get(made.headers["Location"])
    assert read.json() == made.json()
    assert read.headers["ETag"] == made.headers["ETag"]
    assert buyer.get(made.headers["Location"], headers={"If-None-Match": read.headers["ETag"]}).status_code == 304


def test_everyone_may_use_the_default_format(stranger: Party) -> None:
    shown = stranger.get(DEFAULT).json()
    assert shown["organisation_id"] is None
    assert (shown["name"], shown["pattern"], shown["version"]) == ("Default", "PO-{random:9}{check}", 1)
    assert (shown["length"], shown["check_scheme"], shown["capacity_per"]) == (13, "mod_37_2", None)
    # 30 of 37 check characters stand in the alphabet.
    assert shown["capacity"] == 30**9 * 30 // 37


def test_the_list_holds_the_default_format_and_one_s_own_in_order(buyer: Party, stranger: Party) -> None:
    made = [create(buyer, fresh_prefix() + "{serial:3}").json()["id"] for _ in range(3)]
    create(stranger, fresh_prefix() + "{serial:3}")
    ids, path = [], f"{FORMATS}?limit=3"
    while path:
        page = buyer.get(path)
        ids += [shown["id"] for shown in page.json()["data"]]
        path = page.links["next"]["url"] if "next" in page.links else ""
    assert ids == [str(DEFAULT_FORMAT_ID), *made]


def test_another_organisation_s_format_does_not_exist(buyer: Party, stranger: Party) -> None:
    made = create(buyer, fresh_prefix() + "{serial:3}")
    assert stranger.get(made.headers["Location"]).json()["code"] == "not_found"
    refused = stranger.post("/v1/purchase-orders", {"format_id": made.json()["id"]})
    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_number_format")


def test_creating_a_format_needs_the_scope(buyer: Party) -> None:
    key = buyer.key_with("orders:write")
    body = {"name": "Retail", "pattern": fresh_prefix() + "{serial:3}"}
    refused = buyer.post(FORMATS, body, headers={"Authorization": f"Bearer {key}"})
    assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope")


def test_a_creation_is_written_to_the_audit_trail_once_and_a_repetition_replayed(
    buyer: Party, sql: Callable[..., list[asyncpg.Record]]
) -> None:
    pattern = fresh_prefix() + "{serial:3}"
    first, again = (create(buyer, pattern, headers={"Idempotency-Key": "once"}) for _ in range(2))
    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    rows = sql(
        "SELECT type, data->>'pattern' AS pattern FROM audit_events WHERE data->>'format_id' = $1", first.json()["id"]
    )
    assert [dict(row) for row in rows] == [{"type": "number_format.created", "pattern": pattern}]


@pytest.mark.parametrize(
    ("pattern", "rule", "position"),
    [
        ("acme-{serial:3}", "prefix_character", 1),
        ("ACME-{year}", "serial_missing", 11),
        ("ACME-{serial:3}{random:5}", "serial_and_random", 16),
        ("ACME-{color:3}", "segment_unknown", 6),
        ("ACME-{cost_center:9}-{serial:9}", "too_long", 1),
    ],
)
def test_a_text_that_is_no_pattern_is_explained(buyer: Party, pattern: str, rule: str, position: int) -> None:
    for path in (FORMATS, f"{FORMATS}/preview"):
        refused = buyer.post(path, {"pattern": pattern, **({"name": "Retail"} if path == FORMATS else {})})
        problem = refused.json()
        assert (refused.status_code, problem["code"], problem["position"]) == (422, "invalid_pattern", position)
        assert problem["errors"] == [{"loc": ["body", "pattern"], "code": rule, "message": problem["detail"]}]


def test_no_prefix_may_begin_another_s_or_the_default_s(buyer: Party, stranger: Party) -> None:
    prefix = fresh_prefix()
    assert create(buyer, f"{prefix}-{{serial:3}}").status_code == 201
    for other in (prefix, f"{prefix}-AB", f"{prefix[:5]}-{prefix[5:7]}", "PO", "PO-1", "P-OZ"):
        refused = create(stranger, f"{other}{{serial:3}}")
        assert (refused.status_code, refused.json()["code"]) == (409, "prefix_taken"), other


def test_of_creations_with_conflicting_prefixes_at_once_one_succeeds(buyer: Party, stranger: Party) -> None:
    prefix = fresh_prefix()

    async def race() -> list[int]:
        async with buyer.asynchronous() as one, stranger.asynchronous() as other:
            answers = await asyncio.gather(
                *(
                    client.post(FORMATS, json={"name": "Race", "pattern": f"{prefix}{more}{{serial:3}}"})
                    for more in ("", "A", "AB", "ABC")
                    for client in (one, other)
                )
            )
        return [answer.status_code for answer in answers]

    assert sorted(asyncio.run(race())) == [201] + [409] * 7


def test_a_batch_names_the_item_whose_components_do_not_fit(buyer: Party) -> None:
    made = create(buyer, fresh_prefix() + "{cost_center:4}{serial:3}").json()
    items = [{"format_id": made["id"], "cost_center": text} for text in ("4711", "47", "4712")]
    results = buyer.post("/v1/purchase-orders/batch", {"purchase_orders": items}).json()["results"]
    assert [result["purchase_order"]["number"][-3:] for result in (results[0], results[2])] == ["001", "002"]
    problem = results[1]["problem"]
    assert problem["code"] == "components_do_not_fit"
    assert problem["errors"][0]["loc"] == ["body", "purchase_orders", 1, "cost_center"]


def test_a_number_that_a_format_may_issue_is_not_registered_as_issued_elsewhere(buyer: Party, stranger: Party) -> None:
    number = fresh_prefix() + "123"
    assert buyer.post("/v1/purchase-orders", {"number": number}).status_code == 201
    assert create(stranger, number[:-3] + "{serial:3}").status_code == 201
    refused = buyer.post("/v1/purchase-orders", {"number": number[:-3] + "-456"})
    assert (refused.status_code, refused.json()["code"]) == (409, "reserved_number")


def test_a_format_goes_round_a_number_that_its_owner_had_registered_before(buyer: Party) -> None:
    number = fresh_prefix() + "2"
    buyer.issue(number=number)
    made = create(buyer, number[:-1] + "{serial:1}").json()
    items = [{"format_id": made["id"]}] * 9
    results = buyer.post("/v1/purchase-orders/batch", {"purchase_orders": items}).json()["results"]
    issued = [result["purchase_order"]["number"][-1] for result in results]
    assert sorted(issued) == sorted("134567890")


def test_a_format_without_numbers_left_says_so(buyer: Party) -> None:
    made = create(buyer, fresh_prefix() + "{serial:1}").json()
    items = [{"format_id": made["id"]}] * 11
    results = buyer.post("/v1/purchase-orders/batch", {"purchase_orders": items}).json()["results"]
    assert ["purchase_order" in result for result in results] == [True] * 10 + [False]
    refused = buyer.post("/v1/purchase-orders", items[0])
    assert (refused.status_code, refused.json()["code"]) == (409, "number_format_exhausted")


def test_a_preview_shows_ten_numbers_and_writes_nothing(buyer: Party, sql: Callable[..., list[asyncpg.Record]]) -> None:
    prefix = fresh_prefix()
    pattern = f"{prefix}-{{cost_center:2}}{{category:2}}{{year}}{{month}}{{serial:3}}"
    for _ in range(2):
        shown = buyer.post(f"{FORMATS}/preview", {"pattern": pattern, "cost_center": "hh"}).json()
    assert [sample[-3:] for sample in shown["samples"]] == [f"{serial:03d}" for serial in range(1, 11)]
    assert re.fullmatch(rf"{prefix}-HHXX20\d\d(0[1-9]|1[0-2])001", shown["samples"][0])
    assert {len(sample) for sample in shown["samples"]} == {shown["length"]}
    assert (shown["capacity"], shown["capacity_per"], shown["check_scheme"]) == (1_000, "month", None)
    assert shown["prefix_available"] is True
    assert not sql("SELECT 1 FROM number_formats WHERE prefix_key = $1", prefix)
    assert create(buyer, pattern).status_code == 201
    assert buyer.post(f"{FORMATS}/preview", {"pattern": pattern}).json()["prefix_available"] is False


def test_a_preview_of_random_numbers_foretells_none(buyer: Party) -> None:
    body = {"pattern": "PO-{random:9}{check}"}
    first, second = (buyer.post(f"{FORMATS}/preview", body).json() for _ in range(2))
    assert len(set(first["samples"]) | set(second["samples"])) == 20
    assert all(buyer.get(f"{FORMATS}/verify/{sample}").json()["well_formed"] for sample in first["samples"])


def test_a_preview_s_component_must_fit(buyer: Party) -> None:
    body = {"pattern": "ZZ{cost_center:2}{serial:3}", "cost_center": "471"}
    problem = buyer.post(f"{FORMATS}/preview", body).json()
    assert (problem["code"], problem["errors"][0]["loc"]) == ("components_do_not_fit", ["body", "cost_center"])


def test_an_issued_number_is_well_formed_however_it_is_typed(buyer: Party, stranger: Party) -> None:
    number = buyer.issue()["number"]
    for text in (number, number.lower().replace("-", " "), f"PO%23 {number}", number.replace("-", "–")):
        found = stranger.get(f"{FORMATS}/verify/{text}").json()
        assert (found["well_formed"], found["number_key"]) == (True, number.replace("-", ""))
        (shape,) = found["formats"]
        assert (shape["name"], shape["check"]) == ("Default", "passed")


def test_a_mistyped_number_names_the_format_whose_check_it_fails(buyer: Party) -> None:
    number = buyer.issue()["number"]
    found = buyer.get(f"{FORMATS}/verify/{number[:-1] + ('2' if number[-1] != '2' else '3')}").json()
    assert (found["well_formed"], found["formats"][0]["check"]) == (False, "failed")
    assert "mistyped" in found["detail"]


def test_a_format_of_others_counts_but_is_not_named(buyer: Party, stranger: Party) -> None:
    prefix = fresh_prefix()
    made = create(buyer, f"{prefix}-{{serial:3}}").json()
    own = buyer.get(f"{FORMATS}/verify/{prefix}-123").json()
    assert [shape["id"] for shape in own["formats"]] == [made["id"]]
    foreign = stranger.get(f"{FORMATS}/verify/{prefix}-123").json()
    assert (foreign["well_formed"], foreign["formats"]) == (True, [])
    assert "Retail" not in foreign["detail"]


@pytest.mark.parametrize(
    ("text", "key", "verdict"),
    [("4500012345", "4500012345", None), ("ab%2F12", "AB/12", None), ("Zürich", None, False), ("%20", None, False)],
)
def test_a_text_of_no_format_is_left_open_unless_no_number_could_look_so(
    buyer: Party, text: str, key: str | None, verdict: bool | None
) -> None:
    found = buyer.get(f"{FORMATS}/verify/{text}").json()
    assert (found["number_key"], found["well_formed"], found["formats"]) == (key, verdict, [])
    assert found["detail"].endswith(".")
