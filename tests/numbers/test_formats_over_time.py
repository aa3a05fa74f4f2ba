"""Formats over time: the values that components may have, versions from a moment on, and the end of a series."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.numbers.owners import fresh_prefix
from tests.outbox import told_of_itself
from tests.parties import Party, ahead

FORMATS = "/v1/number-formats"
ORDERS = "/v1/purchase-orders"
Sql = Callable[..., list[Any]]


def made(party: Party, pattern: str, **body: Any) -> dict[str, Any]:
    answer = party.post(FORMATS, {"name": "Retail", "pattern": pattern, **body})
    assert answer.status_code == 201, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


def version(party: Party, number_format: dict[str, Any], pattern: str, **body: Any) -> httpx.Response:
    return party.post(f"{FORMATS}/{number_format['id']}/versions", {"pattern": pattern, **body})


def issued(party: Party, number_format: dict[str, Any], **content: Any) -> str:
    return str(party.issue(format_id=number_format["id"], **content)["number"])


def begins_now(sql: Sql, number_format: dict[str, Any], number: int) -> None:
    """Let the moment of a planned version have come, as waiting for it would."""
    sql(
        "UPDATE number_format_versions SET effective_from = now() - interval '1 ms' "
        "WHERE format_id = $1 AND version = $2",
        number_format["id"],
        number,
    )


# Allowed values


def test_a_component_may_have_only_the_values_that_its_format_allows(buyer: Party) -> None:
    prefix = fresh_prefix()
    allowed = {"cost_center": ["4711", "A712"]}
    one = made(buyer, f"{prefix}-{{cost_center:4}}{{category:1}}-{{serial:4}}", allowed_values=allowed)
    assert [(part["name"], part["allowed_values"]) for part in one["components"]] == [
        ("cost_center", ["4711", "A712"]),
        ("category", None),
    ]
    assert issued(buyer, one, cost_center="a712", category="Z") == f"{prefix}-A712Z-0001"
    refused = buyer.post(ORDERS, {"format_id": one["id"], "cost_center": "4713", "category": "Z"})
    assert (refused.status_code, refused.json()["code"]) == (422, "components_do_not_fit")
    (fault,) = refused.json()["errors"]
    assert (fault["loc"], fault["code"]) == (["body", "cost_center"], "not_allowed")
    assert "4711, A712" in fault["message"]
    # What was refused took no number.
    assert issued(buyer, one, cost_center="4711", category="Z").endswith("-0002")


def test_a_long_list_of_values_is_named_in_part(buyer: Party) -> None:
    values = [f"{number:03d}" for number in range(1_000)]
    one = made(buyer, f"{fresh_prefix()}{{location:3}}{{serial:4}}", allowed_values={"location": values})
    refused = buyer.post(ORDERS, {"format_id": one["id"], "location": "ABC"}).json()
    assert "(1000 in all)" in refused["detail"]
    assert len(refused["detail"]) < 300


@pytest.mark.parametrize(
    ("allowed", "loc", "code"),
    [
        ({"cost_center": ["47"]}, ["cost_center", 0], "width"),
        ({"cost_center": ["4711", "4711"]}, ["cost_center", 1], "repeated"),
        ({"category": ["A"]}, ["category"], "component_not_shown"),
        ({"cost_center": []}, ["cost_center"], "too_short"),
        ({"cost_center": ["47a1"]}, ["cost_center", 0], "string_pattern_mismatch"),
        ({"colour": ["A"]}, ["colour"], "extra_forbidden"),
    ],
)
def test_values_that_a_pattern_cannot_show_are_refused(
    buyer: Party, allowed: dict[str, Any], loc: list[Any], code: str
) -> None:
    body = {"pattern": f"{fresh_prefix()}{{cost_center:4}}{{serial:4}}", "allowed_values": allowed}
    for path in (FORMATS, f"{FORMATS}/preview"):
        answer = buyer.post(path, body if path.endswith("preview") else body | {"name": "Retail"})
        assert answer.status_code == 422, answer.text
        assert [(fault["loc"], fault["code"]) for fault in answer.json()["errors"]] == [
            (["body", "allowed_values", *loc], code)
        ]


def test_a_preview_shows_an_allowed_value(buyer: Party) -> None:
    pattern, allowed = f"{fresh_prefix()}-{{cost_center:4}}-{{serial:3}}", {"cost_center": ["4711", "4712"]}
    shown = buyer.post(f"{FORMATS}/preview", {"pattern": pattern, "allowed_values": allowed}).json()
    assert all("-4711-" in sample for sample in shown["samples"])
    assert shown["capacity"] == 1_000
    refused = buyer.post(f"{FORMATS}/preview", {"pattern": pattern, "allowed_values": allowed, "cost_center": "0815"})
    assert refused.json()["errors"][0]["code"] == "not_allowed"


# Versions


def test_a_version_holds_from_its_moment_on_and_orders_keep_their_numbers(buyer: Party, sql: Sql) -> None:
    prefix = fresh_prefix()
    one = made(buyer, f"{prefix}-{{serial:4}}")
    before = buyer.issue(format_id=one["id"])
    answer = version(buyer, one, f"{prefix}-{{serial:6}}", effective_from=ahead(days=1))
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == f"{FORMATS}/{one['id']}"
    assert (answer.json()["version"], answer.json()["pattern"]) == (1, f"{prefix}-{{serial:4}}")
    assert [(coming["version"], coming["capacity"]) for coming in answer.json()["planned"]] == [(2, 1_000_000)]
    assert issued(buyer, one) == f"{prefix}-0002"
    begins_now(sql, one, 2)
    after = buyer.issue(format_id=one["id"])
    assert (after["number"], after["format"]["version"]) == (f"{prefix}-000001", 2)
    kept = buyer.get(f"{ORDERS}/{before['id']}").json()
    assert (kept["number"], kept["format"]["version"]) == (f"{prefix}-0001", 1)
    shown = buyer.get(f"{FORMATS}/{one['id']}").json()
    assert (shown["version"], shown["planned"]) == (2, [])
    # Both shapes are the format's, now and for ever.
    for number in (f"{prefix}-0009", f"{prefix}-000009"):
        assert buyer.post(ORDERS, {"number": number}).json()["code"] == "reserved_number"


def test_a_planned_shape_is_reserved_before_its_moment(buyer: Party, stranger: Party) -> None:
    prefix = fresh_prefix()
    one = made(buyer, f"{prefix}-{{serial:4}}")
    version(buyer, one, f"{prefix}-{{serial:6}}", effective_from=ahead(days=1))
    assert stranger.post(ORDERS, {"number": f"{prefix}-000009"}).json()["code"] == "reserved_number"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("{serial:4}", "-{serial:4}"),
        ("{serial:5}", "{serial:4}{check}"),
        ("{cost_center:1}{serial:4}", "{serial:5}"),
        ("{serial:9}", "{random:9}"),
        ("{year}{serial:4}", "{serial:8}"),
    ],
)
def test_a_version_may_not_write_what_an_earlier_one_writes(buyer: Party, first: str, second: str) -> None:
    prefix = fresh_prefix()
    one = made(buyer, prefix + first)
    refused = version(buyer, one, prefix + second)
    assert (refused.status_code, refused.json()["code"]) == (409, "shape_taken")
    assert refused.json()["pattern"] == prefix + first
    assert version(buyer, one, prefix + "{serial:3}").status_code == 201
    assert version(buyer, one, prefix + second).json()["version"] == 1


def test_the_same_pattern_with_other_values_goes_on_counting(buyer: Party, sql: Sql) -> None:
    prefix = fresh_prefix()
    pattern = f"{prefix}{{cost_center:2}}{{serial:3}}"
    one = made(buyer, pattern, allowed_values={"cost_center": ["AA"]})
    issued(buyer, one, cost_center="AA")
    assert version(buyer, one, pattern, allowed_values={"cost_center": ["BB"]}).json()["version"] == 2
    assert issued(buyer, one, cost_center="BB") == f"{prefix}BB002"
    assert buyer.post(ORDERS, {"format_id": one["id"], "cost_center": "AA"}).status_code == 422
    version(buyer, one, f"{prefix}{{serial:9}}")
    assert issued(buyer, one) == f"{prefix}000000001"
    # Back to the first shape: no number of it comes a second time.
    version(buyer, one, pattern)
    assert issued(buyer, one, cost_center="AA") == f"{prefix}AA003"


def test_a_later_version_corrects_a_planned_one(buyer: Party) -> None:
    prefix = fresh_prefix()
    one = made(buyer, f"{prefix}-{{serial:4}}")
    version(buyer, one, f"{prefix}-{{serial:5}}", effective_from=ahead(days=2))
    version(buyer, one, f"{prefix}-{{serial:6}}", effective_from=ahead(days=3))
    both = buyer.get(f"{FORMATS}/{one['id']}").json()["planned"]
    assert [coming["version"] for coming in both] == [2, 3]
    corrected = version(buyer, one, f"{prefix}-{{serial:7}}", effective_from=ahead(days=1)).json()["planned"]
    assert [coming["version"] for coming in corrected] == [4]


def test_a_version_is_of_ones_own_format_with_its_prefix_and_for_the_time_to_come(
    buyer: Party, stranger: Party
) -> None:
    prefix = fresh_prefix()
    one = made(buyer, f"{prefix}{{serial:4}}")
    assert version(stranger, one, f"{prefix}{{serial:5}}").status_code == 404
    assert version(buyer, {"id": "00000000-0000-7000-8000-000000000001"}, "PO-{serial:5}").status_code == 404
    for body, loc, code in (
        ({"pattern": f"{fresh_prefix()}{{serial:5}}"}, "pattern", "prefix_changed"),
        ({"pattern": f"{prefix}A{{serial:5}}"}, "pattern", "prefix_changed"),
        ({"pattern": f"{prefix}{{serial:5}}", "effective_from": ahead(days=-1)}, "effective_from", "in_the_past"),
        ({"pattern": f"{prefix}{{nonsense}}"}, "pattern", "segment_unknown"),
    ):
        answer = version(buyer, one, **body)
        assert answer.status_code == 422
        assert [(fault["loc"], fault["code"]) for fault in answer.json()["errors"]] == [(["body", loc], code)]


def test_a_version_is_written_to_the_audit_trail(buyer: Party, sql: Sql) -> None:
    prefix = fresh_prefix()
    one = made(buyer, f"{prefix}{{serial:4}}")
    version(buyer, one, f"{prefix}{{serial:5}}")
    rows = sql("SELECT type FROM audit_events WHERE data->>'format_id' = $1 ORDER BY id", one["id"])
    assert [row["type"] for row in rows] == ["number_format.created", "number_format.version_created"]


# The end of a series


@pytest.mark.parametrize("gapless", [False, True])
def test_the_owner_is_told_once_when_a_format_is_nearly_full_and_nothing_is_issued_beyond_it(
    buyer: Party, sql: Sql, gapless: bool
) -> None:
    one = made(buyer, f"{fresh_prefix()}{{serial:2}}", gapless=gapless)

    def told() -> list[Any]:
        rows = sql(
            "SELECT data->>'used' AS used FROM audit_events WHERE organisation_id = $1 "
            "AND type = 'number_format.nearly_full' AND data->>'format_id' = $2",
            buyer.id,
            one["id"],
        )
        return [row["used"] for row in rows]

    def issue(count: int) -> list[str]:
        body = {"purchase_orders": [{"format_id": one["id"]}] * count}
        results = buyer.post(f"{ORDERS}/batch", body).json()["results"]
        return [result.get("problem", {}).get("code", "issued") for result in results]

    assert issue(70) == ["issued"] * 70
    assert told() == []
    assert issue(15) == ["issued"] * 15
    assert told() == ["85"]
    assert issue(20) == ["issued"] * 15 + ["number_format_exhausted"] * 5
    refused = buyer.post(ORDERS, {"format_id": one["id"]})
    assert (refused.status_code, refused.json()["code"]) == (409, "number_format_exhausted")
    assert told() == ["85"]
    assert len(told_of_itself(sql, buyer.id, "number_format.nearly_full")) == 1


@pytest.mark.parametrize("gapless", [False, True])
def test_a_series_passes_over_what_was_registered_before_its_format_was_made(buyer: Party, gapless: bool) -> None:
    prefix = fresh_prefix()
    old = [f"{prefix}{serial:03d}" for serial in (*range(1, 41), 43)]
    assert buyer.post(f"{ORDERS}/batch", {"purchase_orders": [{"number": number} for number in old]}).json()["issued"]
    one = made(buyer, f"{prefix}{{serial:3}}", gapless=gapless)
    first = [issued(buyer, one) for _ in range(2)]
    results = buyer.post(f"{ORDERS}/batch", {"purchase_orders": [{"format_id": one["id"]}] * 3}).json()["results"]
    numbers = [*first, *(result["purchase_order"]["number"] for result in results)]
    assert len(set(numbers)) == 5
    assert not set(numbers) & set(old)
    if gapless:
        assert sorted(numbers) == [f"{prefix}{serial:03d}" for serial in (41, 42, 44, 45, 46)]


@pytest.mark.parametrize("gapless", [False, True])
def test_a_series_that_is_registered_to_its_end_is_exhausted_and_not_a_duplicate(buyer: Party, gapless: bool) -> None:
    prefix = fresh_prefix()
    old = [{"number": f"{prefix}{serial}"} for serial in range(10)]
    assert buyer.post(f"{ORDERS}/batch", {"purchase_orders": old}).json()["issued"] == 10
    one = made(buyer, f"{prefix}{{serial:1}}", gapless=gapless)
    refused = buyer.post(ORDERS, {"format_id": one["id"]})
    assert (refused.status_code, refused.json()["code"]) == (409, "number_format_exhausted")


def test_a_voided_number_is_never_issued_again(buyer: Party, stranger: Party) -> None:
    one = made(buyer, f"{fresh_prefix()}{{serial:1}}", gapless=True)
    numbers = []
    for _ in range(5):
        draft = buyer.issue(format_id=one["id"], draft=True)
        buyer.act(draft, "cancel")
        numbers += [draft["number"], issued(buyer, one)]
    assert len(set(numbers)) == 10
    assert buyer.post(ORDERS, {"format_id": one["id"]}).json()["code"] == "number_format_exhausted"
    assert stranger.post(ORDERS, {"number": numbers[0]}).json()["code"] == "reserved_number"
