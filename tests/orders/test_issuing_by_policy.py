"""What an order leaves unsaid is filled in by its buyer's policy as it is issued: its dates, its number's form."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.numbers.default_format import DEFAULT_FORMAT_ID
from tests.exchange.files import counts, imported
from tests.numbers.owners import fresh_prefix
from tests.numbers.test_formats_over_time import made
from tests.numbers.test_gapless_series import serials
from tests.orders.docks import ORDERS
from tests.orders.test_policies import stated
from tests.orders.test_receiving_races import at_once
from tests.parties import Party, ahead

Sql = Callable[..., list[Any]]
DATES = ("activate_by", "valid_from", "expires_at")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def spans(order: dict[str, Any]) -> tuple[timedelta | None, timedelta | None]:
    """Return how long after its issue an order lapses and ends."""
    issued_at = moment(order["issued_at"])
    lapses, ends = (order[name] and moment(order[name]) - issued_at for name in ("activate_by", "expires_at"))
    return lapses, ends


def days(lapses: float | None, ends: float | None) -> tuple[timedelta | None, timedelta | None]:
    return tuple(None if span is None else timedelta(days=span) for span in (lapses, ends))  # type: ignore[return-value]  # a pair it stays


@pytest.fixture
def dated(buyer: Party) -> Party:
    """A buyer whose orders lapse after 14 days and end after 90."""
    stated(buyer, default_validity="P90D", activation_window="P14D")
    return buyer


# Dates


def test_an_order_that_says_nothing_of_its_dates_has_those_of_the_policy_and_shows_them_as_its_own(
    dated: Party, seller: Party, sql: Sql
) -> None:
    order = dated.issue(seller={"organisation_id": seller.id})
    assert spans(order) == days(14, 90)
    assert seller.get(f"{ORDERS}/{order['id']}").json()["expires_at"] == order["expires_at"]
    event, *_ = dated.get(f"{ORDERS}/{order['id']}/events").json()["data"]
    told = {name: event["data"].get(name) for name in DATES}
    assert told == {"activate_by": order["activate_by"], "valid_from": None, "expires_at": order["expires_at"]}
    found = dated.get(ORDERS, params={"expires_before": ahead(days=91)}).json()["data"]
    assert [one["id"] for one in found] == [order["id"]]
    sql("UPDATE purchase_orders SET activate_by = now() WHERE id = $1", order["id"])
    assert dated.get(f"{ORDERS}/{order['id']}").json()["status"] == "lapsed"


def test_what_an_order_says_goes_before_the_policy(dated: Party) -> None:
    end, deadline = ahead(days=20), ahead(days=3)
    assert dated.issue(expires_at=end)["expires_at"] == end
    order = dated.issue(activate_by=deadline)
    assert (order["activate_by"], spans(order)[1]) == (deadline, timedelta(days=90))
    order = dated.issue(activate_by=deadline, expires_at=end)
    assert (order["activate_by"], order["expires_at"]) == (deadline, end)


def test_validity_counts_from_the_day_on_which_an_order_begins_to_be_valid(dated: Party) -> None:
    begins = ahead(days=30)
    order = dated.issue(valid_from=begins)
    assert moment(order["expires_at"]) == moment(begins) + timedelta(days=90)
    assert spans(order)[0] == timedelta(days=14)
    assert spans(dated.issue(valid_from="2020-01-01T00:00:00Z"))[1] == timedelta(days=90)
    assert dated.issue(valid_from="9999-12-01T00:00:00Z")["expires_at"] is None


def test_a_deadline_that_is_filled_in_is_never_after_the_end(dated: Party) -> None:
    end = ahead(days=2)
    assert dated.issue(expires_at=end)["activate_by"] == end


def test_a_deadline_after_the_end_that_the_policy_sets_is_refused_and_the_field_named(dated: Party) -> None:
    late = ahead(days=91)
    answers = [dated.post(ORDERS, {"activate_by": late})]
    draft = dated.issue(draft=True, activate_by=late)
    answers.append(dated.post(f"{ORDERS}/{draft['id']}/issue"))
    for answer in answers:
        (fault,) = answer.json()["errors"]
        assert (answer.status_code, fault["loc"], fault["code"]) == (422, ["body", "activate_by"], "date_order")
        assert "by your policy" in fault["message"]
    assert dated.act(draft, "issue", expires_at=ahead(days=120))["status"] == "issued"
    with_both = dated.issue(draft=True, expires_at=ahead(days=30))
    refused = dated.post(f"{ORDERS}/{with_both['id']}/issue", {"activate_by": ahead(days=31)})
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "date_order")


def test_a_draft_has_only_the_dates_that_it_says_until_it_is_issued(dated: Party) -> None:
    end, deadline = ahead(days=20), ahead(days=3)
    draft = dated.issue(draft=True)
    assert [draft[name] for name in DATES] == [None] * 3
    issued = dated.act(draft, "issue")
    assert (spans(issued), issued["policy_version"]) == (days(14, 90), 1)
    assert moment(issued["issued_at"]) > moment(draft["created_at"])
    told = dated.get(f"{ORDERS}/{draft['id']}/events").json()["data"][1]["data"]
    assert (told["activate_by"], told["expires_at"]) == (issued["activate_by"], issued["expires_at"])
    assert dated.act(dated.issue(draft=True, expires_at=end), "issue")["expires_at"] == end
    issued = dated.act(dated.issue(draft=True), "issue", activate_by=deadline)
    assert (issued["activate_by"], spans(issued)[1]) == (deadline, timedelta(days=90))


def test_a_draft_that_is_changed_while_it_is_issued_keeps_what_its_buyer_said(dated: Party) -> None:
    for _ in range(4):
        draft, end = dated.issue(draft=True), ahead(days=20)
        etag = dated.get(f"{ORDERS}/{draft['id']}").headers["ETag"]

        async def race(order: str = draft["id"], etag: str = etag, end: str = end) -> list[Any]:
            async with dated.asynchronous() as client:
                return await asyncio.gather(
                    client.patch(f"{ORDERS}/{order}", json={"expires_at": end}, headers={"If-Match": etag}),
                    client.post(f"{ORDERS}/{order}/issue", json={}),
                )

        changed, issued = asyncio.run(race())
        assert issued.status_code == 200
        shown = dated.get(f"{ORDERS}/{draft['id']}").json()
        # Whatever came first: where the change was taken, it stands.
        assert shown["expires_at"] == end if changed.status_code == 200 else spans(shown) == days(14, 90)


def test_batches_and_imports_are_issued_under_the_policy_and_a_file_that_comes_again_changes_nothing(
    dated: Party,
) -> None:
    answer = dated.post(f"{ORDERS}/batch", {"purchase_orders": [{}, {"draft": True}, {"number": "4500012345"}]})
    one, draft, registered = (item["purchase_order"] for item in answer.json()["results"])
    assert (spans(one), spans(registered), draft["expires_at"]) == (days(14, 90), days(14, 90), None)
    file = "number,reference,activate_by\nA1,,\n,R1,\nA2,,2036-01-01\n"
    found = imported(dated, file.replace("2036-01-01", ahead(days=30)[:10]))
    assert counts(found) == {"created": 3}
    orders = dated.get(ORDERS).json()["data"][:3]
    assert [spans(order)[1] for order in orders] == [timedelta(days=90)] * 3
    stated(dated)
    assert counts(imported(dated, file.replace("2036-01-01", ahead(days=30)[:10]))) == {"unchanged": 3}
    assert dated.get(ORDERS).json()["data"][:3] == orders
    dated.act(orders[0], "extend", expires_at=ahead(days=200))
    assert counts(imported(dated, "number,activate_by\nA2," + ahead(days=30)[:10])) == {"refused": 1}


# The number's format


def test_an_order_that_names_no_format_has_the_number_of_the_policys(buyer: Party) -> None:
    prefix = fresh_prefix()
    own = made(buyer, prefix + "{serial:6}")
    stated(buyer, format_id=own["id"])
    order = buyer.issue()
    assert (order["number"], order["format"]["id"]) == (prefix + "000001", own["id"])
    assert buyer.issue(draft=True)["number"] == prefix + "000002"
    batch = buyer.post(f"{ORDERS}/batch", {"purchase_orders": [{}, {"number": "4500012345"}]}).json()["results"]
    assert [one["purchase_order"]["number"] for one in batch] == [prefix + "000003", "4500012345"]
    assert counts(imported(buyer, "reference,sku,quantity\nR1,X,1\n")) == {"created": 1}
    assert buyer.get(ORDERS).json()["data"][0]["number"] == prefix + "000004"
    # Whoever wants another one says so, the default one too.
    assert buyer.issue(format_id=str(DEFAULT_FORMAT_ID))["number"].startswith("PO-")
    stated(buyer)
    assert buyer.issue()["number"].startswith("PO-")


def test_a_policy_names_a_format_of_its_own_organisation(buyer: Party, stranger: Party) -> None:
    own = made(buyer, fresh_prefix() + "{serial:6}")
    refused = stranger.post("/v1/policies", {"format_id": own["id"]})
    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_number_format")
    assert refused.json()["errors"][0]["loc"] == ["body", "format_id"]
    assert stranger.get("/v1/policies").json()["data"] == []
    assert stated(stranger, format_id=str(DEFAULT_FORMAT_ID))["format_id"] == str(DEFAULT_FORMAT_ID)


def test_an_order_that_lacks_a_component_of_the_policys_format_is_refused_and_the_component_named(buyer: Party) -> None:
    prefix = fresh_prefix()
    own = made(buyer, prefix + "-{cost_center:4}{serial:6}", allowed_values={"cost_center": ["4711"]})
    stated(buyer, format_id=own["id"])
    for body, rule in (({}, "missing"), ({"cost_center": "0815"}, "not_allowed")):
        refused = buyer.post(ORDERS, body)
        (fault,) = refused.json()["errors"]
        assert (refused.status_code, refused.json()["code"]) == (422, "components_do_not_fit")
        assert (fault["loc"], fault["code"]) == (["body", "cost_center"], rule)
    assert buyer.issue(cost_center="4711")["number"] == f"{prefix}-4711000001"
    assert buyer.issue(number="A1")["number"] == "A1"


def test_a_gapless_format_of_the_policy_has_no_hole_where_orders_fail(buyer: Party, sql: Sql) -> None:
    prefix = fresh_prefix()
    stated(buyer, format_id=made(buyer, prefix + "{serial:6}", gapless=True)["id"])
    assert buyer.issue(reference="taken")["number"] == prefix + "000001"
    items = [{"reference": f"R{n}" if n % 3 else "taken"} for n in range(9)]
    batch = buyer.post(f"{ORDERS}/batch", {"purchase_orders": items}).json()
    assert batch["issued"] == 6
    requests = [(ORDERS, {"reference": "taken"} if n % 4 == 0 else {}) for n in range(12)]
    answers = asyncio.run(at_once(buyer, requests))
    assert sum(answer.status_code == 201 for answer in answers) == 9
    assert serials(sql, prefix) == list(range(1, 17))
