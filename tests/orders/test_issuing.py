"""Issuing orders: one, many, and numbers that were issued elsewhere."""

import asyncio
import re
from collections.abc import Callable
from secrets import choice
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.db.session import Database
from app.numbers import check_characters
from app.numbers.number_issuer import NumberIssuer
from app.orders.issuing import issue_batch
from app.orders.schemas import IssueBatch
from app.principal import OPERATIONS, Principal
from tests.parties import Party, ahead

ORDERS = "/v1/purchase-orders"


def test_an_empty_body_issues_a_number_of_the_default_format(buyer: Party) -> None:
    order = buyer.issue()
    assert re.fullmatch(r"PO-[23456789ABCDEFGHJKMNPQRSTVWXYZ]{10}", order["number"])
    assert check_characters.is_valid(check_characters.CheckScheme.MOD_37_2, order["number"].replace("-", ""))
    assert (order["status"], order["origin"], order["version"], order["revision"]) == ("issued", "issued", 1, 1)
    assert order["format"] == {"id": "00000000-0000-7000-8000-000000000001", "version": 1}
    assert order["buyer"]["organisation_id"] == buyer.id
    assert order["buyer"]["name"] == "Nordwind Retail"


def test_everything_that_is_said_is_stored_and_returned(buyer: Party, seller: Party, warehouse: Party) -> None:
    content: dict[str, Any] = {
        "reference": "SO-1",
        "references": [{"type": "fba_shipment_id", "value": "FBA15DKQ"}],
        "bill_to": {"name": "Nordwind Finance", "address": {"street": ["Kai 1"], "city": "Hamburg", "country": "DE"}},
        "seller": {"organisation_id": seller.id},
        "ship_to": {"organisation_id": warehouse.id, "code": "HAM-2", "gln": "4006381333931"},
        "forwarders": [{"name": "Elbe Spedition", "phone": "+49 40 1234"}],
        "requested_by": "Frau Petersen",
        "lines": [
            {
                "sku": "TS-42",
                "gtin": "4006381333931",
                "description": "T-shirt",
                "quantity": "240.5",
                "unit": "EA",
                "unit_price": "4.900000",
                "tax": {"type": "VAT", "rate": "19"},
            },
            {"supplier_sku": "X", "quantity": 3},
        ],
        "currency": "EUR",
        "payment_methods": ["bank transfer"],
        "payment_terms": "30 days net",
        "freight_terms": "DAP Hamburg",
        "cost_center": "4711",
        "category": "TX",
        "location": "HH",
        "activate_by": ahead(days=10),
        "valid_from": ahead(days=1),
        "expires_at": ahead(days=90),
        "ship_window": {"start": ahead(days=5), "end": ahead(days=6)},
        "delivery_window": {"start": ahead(days=9), "end": ahead(days=10)},
        "metadata": {"season": "summer"},
    }
    order = buyer.issue(**content)
    read = buyer.get(f"{ORDERS}/{order['number']}").json()
    assert read == order
    for name in content.keys() - {"seller", "ship_to", "bill_to", "lines", "forwarders"}:
        assert read[name] == content[name], name
    assert read["seller"]["name"] == "Anders & Ko"
    assert read["ship_to"]["gln"] == "4006381333931"
    assert read["bill_to"]["address"]["city"] == "Hamburg"
    assert read["forwarders"][0]["phone"] == "+49 40 1234"
    first, second = read["lines"]
    assert (first["line"], first["quantity"], first["open"], first["received"]) == (1, "240.5", "240.5", "0")
    assert (first["unit_price"], first["tax"]) == ("4.9", {"type": "VAT", "rate": "19"})
    assert (second["line"], second["quantity"], second["unit"]) == (2, "3", "EA")


def test_the_answer_names_where_the_order_is(buyer: Party) -> None:
    answer = buyer.post(ORDERS)
    assert buyer.get(answer.headers["Location"]).json() == answer.json()
    assert buyer.get(answer.headers["Location"]).headers["ETag"] == answer.headers["ETag"]


def test_a_number_issued_elsewhere_is_registered_as_it_is(buyer: Party) -> None:
    order = buyer.issue(number="  ab-1/7 c  ")
    assert (order["number"], order["origin"], order["format"]) == ("ab-1/7 c", "registered", None)
    assert "carrier_central_character_set" in {warning["code"] for warning in order["warnings"]}


@pytest.mark.parametrize(
    "written", ["4500012345", "45000 12345", "4500-012345", "４５０００１２３４５", "4500‑012‒345"]
)
def test_one_buyer_cannot_register_one_number_twice_however_it_is_written(buyer: Party, written: str) -> None:
    buyer.issue(number="4500012345", reference="first")
    answer = buyer.post(ORDERS, {"number": written, "reference": "second"})
    assert (answer.status_code, answer.json()["code"]) == (409, "duplicate_number")
    assert buyer.issue(reference="second")["reference"] == "second"


def test_two_buyers_may_hold_the_same_number_and_neither_sees_the_other(buyer: Party, stranger: Party) -> None:
    one = buyer.issue(number="4500099999", requested_by="A")
    other = stranger.issue(number="4500099999", requested_by="B")
    assert one["id"] != other["id"]
    assert buyer.get(f"{ORDERS}/4500099999").json()["requested_by"] == "A"
    assert stranger.get(f"{ORDERS}/4500099999").json()["requested_by"] == "B"
    assert stranger.get(f"{ORDERS}/{one['id']}").status_code == 404


def test_who_may_see_both_must_name_the_buyer(buyer: Party, stranger: Party, warehouse: Party) -> None:
    for owner in (buyer, stranger):
        owner.issue(number="4500077777", ship_to={"organisation_id": warehouse.id}, requested_by=owner.id)
    answer = warehouse.get(f"{ORDERS}/4500077777")
    assert (answer.status_code, answer.json()["code"]) == (409, "ambiguous_number")
    assert answer.json()["buyers"] == sorted([buyer.id, stranger.id])
    named = warehouse.get(f"{ORDERS}/4500077777", params={"buyer": stranger.id})
    assert named.json()["buyer"]["organisation_id"] == stranger.id


def test_the_form_without_po_is_found_and_both_forms_are_ambiguous(buyer: Party) -> None:
    bare = buyer.issue(number="7700012345")
    for written in ("PO 7700012345", "po#7700012345", "P.O. No. 7700012345", "PO-7700012345"):
        assert buyer.get(f"{ORDERS}/{written.replace('#', '%23')}").json()["id"] == bare["id"], written
    prefixed = buyer.issue(number="PO7700012345")
    answer = buyer.get(f"{ORDERS}/PO7700012345")
    assert (answer.status_code, answer.json()["code"]) == (409, "ambiguous_number")
    assert buyer.get(f"{ORDERS}/PO7700012345", params={"buyer": buyer.id}).json()["id"] == prefixed["id"]
    assert buyer.get(f"{ORDERS}/7700012345").json()["id"] == bare["id"]


def test_look_alikes_are_never_folded(buyer: Party) -> None:
    buyer.issue(number="B0O1I")
    assert buyer.get(f"{ORDERS}/BO011").status_code == 404


def test_a_number_of_our_own_form_is_reserved(buyer: Party, stranger: Party) -> None:
    ours = stranger.issue()["number"]
    answer = buyer.post(ORDERS, {"number": ours})
    assert (answer.status_code, answer.json()["code"]) == (409, "reserved_number")
    wrong_check = ours[:-1] + ("2" if ours[-1] != "2" else "3")
    assert buyer.issue(number=wrong_check)["origin"] == "registered"


def test_a_reference_is_unique_in_its_organisation(buyer: Party, stranger: Party) -> None:
    buyer.issue(reference="SO-1")
    answer = buyer.post(ORDERS, {"reference": "SO-1"})
    assert (answer.status_code, answer.json()["code"]) == (409, "duplicate_reference")
    assert stranger.issue(reference="SO-1")["reference"] == "SO-1"


def test_the_buyer_is_the_organisation_that_issues(buyer: Party, stranger: Party) -> None:
    answer = buyer.post(ORDERS, {"buyer": {"organisation_id": stranger.id}})
    assert answer.json()["errors"][0]["code"] == "not_the_caller"


def test_a_batch_issues_the_good_ones_and_explains_the_bad_ones(buyer: Party) -> None:
    buyer.issue(reference="taken", number="4711")
    items: list[Any] = [
        {"reference": "a"},
        {"reference": "taken"},
        {"reference": "a"},
        {"number": "47-11", "reference": "b"},
        {"number": "4712", "reference": "b"},
        {"number": "4712"},
        {"nonsense": True},
        "text",
        {"expires_at": "2020-01-01T00:00:00Z"},
        {"number": "bad\x00"},
        {"seller": {"organisation_id": "0198f5a2-7c3e-7d41-9a52-3f6b8d2e1c07"}},
        {},
    ]
    answer = buyer.post(f"{ORDERS}/batch", {"purchase_orders": items})
    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [result["index"] for result in results] == list(range(len(items)))
    codes = [result["problem"]["code"] if "problem" in result else "issued" for result in results]
    assert codes == [
        "issued",
        "duplicate_reference",
        "duplicate_reference",
        "duplicate_number",
        "issued",
        "duplicate_number",
        "invalid_request",
        "invalid_request",
        "invalid_request",
        "invalid_request",
        "invalid_request",
        "issued",
    ]
    assert answer.json()["issued"] == 3
    assert results[8]["problem"]["errors"][0]["loc"] == ["body", "purchase_orders", 8, "expires_at"]
    assert results[10]["problem"]["errors"][0]["loc"] == [
        "body", "purchase_orders", 10, "seller", "organisation_id",
    ]  # fmt: skip
    assert len(buyer.get(ORDERS).json()["data"]) == 4
    # The reference of an item that failed for its number went to the next one that asked for it.
    assert results[4]["purchase_order"]["reference"] == "b"


def test_an_atomic_batch_with_a_fault_does_nothing(buyer: Party) -> None:
    items = [{"reference": "a"}, {"reference": "a"}, {"unknown": 1}]
    answer = buyer.post(f"{ORDERS}/batch", {"atomic": True, "purchase_orders": items})
    assert (answer.status_code, answer.json()["code"]) == (422, "batch_refused")
    assert [entry["index"] for entry in answer.json()["problems"]] == [2]
    answer = buyer.post(f"{ORDERS}/batch", {"atomic": True, "purchase_orders": items[:2]})
    assert [(entry["index"], entry["problem"]["code"]) for entry in answer.json()["problems"]] == [
        (1, "duplicate_reference")
    ]
    assert buyer.get(ORDERS).json()["data"] == []
    good = buyer.post(f"{ORDERS}/batch", {"atomic": True, "purchase_orders": items[:1]})
    assert (good.status_code, good.json()["issued"]) == (200, 1)


def test_a_thousand_orders_go_in_one_batch(buyer: Party) -> None:
    items = [{"reference": str(n), "lines": [{"sku": f"S{n}", "quantity": "1"}]} for n in range(1000)]
    results = buyer.post(f"{ORDERS}/batch", {"purchase_orders": items}).json()["results"]
    numbers = {result["purchase_order"]["number"] for result in results}
    assert len(numbers) == 1000
    assert results[999]["purchase_order"]["lines"][0]["sku"] == "S999"


def test_nobody_stands_in_for_a_number_issued_here_by_registering_it_without_its_po(
    buyer: Party, stranger: Party, warehouse: Party, seller: Party
) -> None:
    order = buyer.active(reference="ours")
    bare = order["number"].removeprefix("PO-")
    stranger.active(number=bare, ship_to={"organisation_id": warehouse.id}, seller={"organisation_id": buyer.id})
    assert buyer.get(f"{ORDERS}/{order['number']}").json()["reference"] == "ours"
    for gate in (buyer, warehouse, seller):
        assert gate.get(f"/v1/validations/{order['number']}").json()["number"] == order["number"]
    buyer.act(order, "cancel")
    for gate in (warehouse, seller):
        verdict = gate.get(f"/v1/validations/{order['number']}").json()
        assert [refusal["code"] for refusal in verdict["refusals"]] == ["cancelled"]
    assert warehouse.get(f"/v1/validations/{bare}").json()["verdict"] == "accept"


async def test_a_batch_leaves_the_event_loop_to_a_gate_before_each_item(
    buyer: Party, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = OPERATIONS["issue_purchase_order_batch"]
    caller = Principal(UUID(buyer.id), uuid4(), rule.scopes, rule)
    body = IssueBatch(purchase_orders=[{"lines": [{"sku": "S", "quantity": "1"}]}] * 50)
    issuer, turns, sleep = NumberIssuer(database.beside(1)), 0, asyncio.sleep

    async def counted(seconds: float) -> None:
        nonlocal turns
        turns += seconds == 0
        await sleep(seconds)

    monkeypatch.setattr(asyncio, "sleep", counted)
    issued = await database.change(lambda connection: issue_batch(connection, caller, issuer, body))
    await issuer.dispose()
    assert issued.issued == 50
    # As it is read, judged, written down and shown.
    assert turns >= 4 * 50


async def test_of_racing_registrations_of_one_number_one_wins(buyer: Party) -> None:
    async with buyer.asynchronous() as client:
        answers = await asyncio.gather(
            *(client.post(ORDERS, json={"number": "4500055555", "reference": str(n)}) for n in range(10))
        )
        listed = (await client.get(ORDERS)).json()["data"]
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9
    assert len(listed) == 1


async def test_two_batches_that_claim_the_same_references_crosswise_both_come_to_an_end(buyer: Party) -> None:
    forwards = [{"reference": str(n)} for n in range(200)]
    async with buyer.asynchronous() as client:
        answers = await asyncio.gather(
            *(
                client.post(f"{ORDERS}/batch", json={"purchase_orders": items})
                for items in (forwards, forwards[::-1], forwards, forwards[::-1])
            )
        )
    assert [answer.status_code for answer in answers] == [200] * 4
    assert sum(answer.json()["issued"] for answer in answers) == 200


def test_a_number_that_its_buyer_registered_before_its_format_existed_is_passed_over(
    buyer: Party, sql: Callable[..., list[Any]]
) -> None:
    prefix = "T" + "".join(choice("ABCDEFGHJKMNPQRSTVWXYZ") for _ in range(7))
    for serial in ("0001", "0002", "0004"):
        buyer.issue(number=f"{prefix}-{serial}")
    made = buyer.post("/v1/number-formats", {"name": "Ours", "pattern": f"{prefix}-{{serial:4}}"})
    assert made.status_code == 201, made.text
    items = [{"format_id": made.json()["id"], "reference": str(n)} for n in range(4)]
    results = buyer.post(f"{ORDERS}/batch", {"purchase_orders": items}).json()["results"]
    numbers = [result["purchase_order"]["number"] for result in results]
    assert sorted(numbers) == [f"{prefix}-{serial}" for serial in ("0003", "0005", "0006", "0007")]
    claims = sql("SELECT reference, number_key FROM reference_claims WHERE organisation_id = $1", buyer.id)
    assert {row["reference"]: row["number_key"] for row in claims} == {
        str(n): number.replace("-", "") for n, number in enumerate(numbers)
    }
