"""Orders of Amazon's Vendor Orders API come in as they are, awkward numbers and cancelled items included."""

import json
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.exchange.amazon import documents
from app.exchange.documents import Unreadable
from tests.exchange.amazon_sandbox import ANSWERS, CANCELLED_ITEMS, EXAMPLE, LONG_NUMBERS
from tests.exchange.files import counts, finished, imported, start
from tests.parties import Party


def read(answer: Any) -> list[Any]:
    return list(documents(BytesIO(json.dumps(answer).encode())))


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_that_amazon_publishes_imports_whole_and_a_second_time_changes_nothing(
    name: str, buyer: Party
) -> None:
    file = json.dumps(ANSWERS[name], indent=2)
    orders = ANSWERS[name]["payload"]["orders"]
    assert counts(imported(buyer, file)) == {"created": len(orders)}
    assert counts(imported(buyer, file)) == {"unchanged": len(orders)}
    for order in orders:
        found = buyer.get(f"/v1/purchase-orders/{order['purchaseOrderNumber']}").json()
        assert found["number"] == order["purchaseOrderNumber"]
        asked = [item for item in order.get("orderDetails", {}).get("items", []) if item["orderedQuantity"]["amount"]]
        assert [line["quantity"] for line in found["lines"]] == [str(one["orderedQuantity"]["amount"]) for one in asked]
        assert [line["sku"] for line in found["lines"]] == [one["amazonProductIdentifier"] for one in asked]
        assert [line["unit_price"] for line in found["lines"]] == [
            one["netCost"]["amount"] if "netCost" in one else None for one in asked
        ]


def test_an_order_keeps_its_parties_terms_dates_and_what_has_no_field() -> None:
    (document,) = read(EXAMPLE)
    assert document.faults == []
    content = document.content
    assert content["ship_to"] == {
        "code": "ABCD",
        "name": "APPARIO RETAIL PVT.LTD.",
        "phone": "206-266-8000",
        "address": {
            "street": ["3APPARIO RETAIL PVT.LTD.- C/O. AMAZON SELLER SERVIC"],
            "city": "Siddhapudur",
            "region": "Tamil Nadu",
            "postal_code": "641044",
            "country": "IN",
        },
    }
    assert content["delivery_window"] == {"start": "2019-05-23T10:00:00Z", "end": "2019-05-30T10:00:00Z"}
    assert content["freight_terms"] == "ExWorks, YANTIAN, CHINA"
    assert content["currency"] == "INR"
    assert content["lines"] == [
        {
            "sku": "ABC123434",
            "supplier_sku": "028877454078",
            "quantity": "2",
            "unit": "CA",
            "unit_price": "1800",
            "description": "Case of 10",
        }
    ]
    assert content["metadata"]["dealCode"] == "BTS"
    assert content["metadata"]["taxInfo"] == "GST 098522PCA6346DTEDD"


def test_an_item_that_amazon_has_cancelled_makes_no_line_and_the_report_says_so(buyer: Party) -> None:
    found = finished(buyer, start(buyer, json.dumps(CANCELLED_ITEMS)), outcome="created")
    (result,) = found["report"]["data"]
    assert "quantity 0" in result["notes"][0]
    assert len(buyer.get("/v1/purchase-orders/TestPO1").json()["lines"]) == 1


def test_several_answers_in_one_file_are_read_one_after_the_other(buyer: Party) -> None:
    file = "\ufeff" + json.dumps(EXAMPLE) + "\n" + json.dumps(LONG_NUMBERS)
    assert counts(imported(buyer, file)) == {"created": 3}


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda order: order["orderDetails"]["items"][0]["orderedQuantity"].update(amount=-1), "items[0].orderedQ"),
        (lambda order: order["orderDetails"]["items"][0]["netCost"].update(amount="many"), "items[0].netCost.amount"),
        (lambda order: order["orderDetails"].update(items={}), None),
        (lambda order: order["orderDetails"].update(items="none"), "orderDetails.items"),
        (lambda order: order["orderDetails"].update(deliveryWindow="tomorrow"), "orderDetails.deliveryWindow"),
        (lambda order: order.pop("purchaseOrderNumber"), "orders[0].purchaseOrderNumber"),
        (lambda order: order["orderDetails"]["items"].append({"orderedQuantity": {"amount": 1}}), "items[1]"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_place(
    change: Callable[[dict[str, Any]], Any], place: str | None, buyer: Party
) -> None:
    answer = json.loads(json.dumps(EXAMPLE))
    change(answer["payload"]["orders"][0])
    found = imported(buyer, json.dumps(answer))
    if place is None:
        assert counts(found) == {"created": 1}
    else:
        assert counts(found) == {"refused": 1}
        assert place in found["report"]["data"][0]["reason"]


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ('{"errors": [{"code": "InvalidRequest"}]}', "amazon_errors"),
        ('{"orders": []}', "not_amazon"),
        (json.dumps(EXAMPLE)[:-30], "json_syntax"),
        ("{", "json_syntax"),
        ('{"payload": {"orders": [' + "[" * 100_000, "json_depth"),
    ],
)
def test_a_file_that_is_no_answer_fails_and_says_why(file: str, code: str, buyer: Party) -> None:
    found = imported(buyer, file)
    assert (found["status"], found["fault"]["code"], found["created"]) == ("failed", code, 0)


def test_an_order_that_goes_on_and_on_is_not_kept_in_memory() -> None:
    answer = json.loads(json.dumps(EXAMPLE))
    answer["payload"]["orders"].append({"purchaseOrderNumber": "x" * 2_000_001})
    found = documents(BytesIO(json.dumps(answer).encode()))
    assert next(found).number == "L8266355"
    with pytest.raises(Unreadable, match="2,000,000"):
        next(found)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_whatever_stands_in_a_place_is_read_or_refused_and_never_a_fault_of_the_reader(data: st.DataObject) -> None:
    answer = json.loads(json.dumps(EXAMPLE))
    part: Any = answer["payload"]["orders"]
    while True:
        key = data.draw(st.sampled_from(sorted(part) if isinstance(part, dict) else range(len(part))))
        if not isinstance(part[key], dict | list) or not part[key] or data.draw(st.booleans()):
            part[key] = data.draw(json_values)
            break
        part = part[key]
    # NaN and Infinity are no JSON.
    with suppress(Unreadable):
        read(answer)
