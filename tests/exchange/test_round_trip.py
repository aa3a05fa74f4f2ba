"""What goes out comes in again as the same order, whatever its texts hold.

ROUND_TRIPS makes the runs as long as one likes.
"""

import os
import secrets
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.exchange import csv_writer, x12_writer
from app.exchange.acknowledged_lines import lines_of, says_the_same
from app.exchange.documents import ORDER_FIELDS, Document, content_of_order
from app.exchange.readers import documents, form_of
from app.orders.acknowledgement_schemas import ConfirmPurchaseOrder
from app.orders.content_schemas import Content
from tests.exchange.files import counts, imported, interchange
from tests.exchange.orders import acknowledgements, contents
from tests.parties import Party

ROUND_TRIPS = int(os.environ.get("ROUND_TRIPS", "25"))
NOW = datetime(2036, 1, 4, 8, 32, tzinfo=UTC)

numbers = st.text(st.sampled_from("ABC123*~>:/ -"), min_size=1, max_size=20).map(str.strip).filter(bool)


def shown(content: dict[str, Any], number: str) -> dict[str, Any]:
    """The order as the API shows it."""
    return {
        **content,
        "number": number,
        "stored_status": "issued",
        "created_at": "2036-01-04T08:32:10Z",
        "issued_at": "2036-01-04T08:32:10Z",
    }


def read(text: str) -> list[Document]:
    return list(documents(form_of(text.encode()), BytesIO(text.encode())))


def test_an_export_knows_every_field_of_an_order() -> None:
    assert set(ORDER_FIELDS) == set(Content.model_fields)


@settings(max_examples=ROUND_TRIPS, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(contents(), numbers), min_size=1, max_size=3, unique_by=lambda one: one[1]))
def test_orders_become_x12_and_the_same_orders(orders: list[tuple[dict[str, Any], str]]) -> None:
    text = x12_writer.interchange("850", [shown(content, number) for content, number in orders], 1, NOW)
    found = read(text)
    assert [fault for one in found for fault in one.faults] == []
    assert [one.content for one in found] == [{**content, "number": number} for content, number in orders]


@settings(max_examples=ROUND_TRIPS, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(contents(), numbers), min_size=1, max_size=3, unique_by=lambda one: one[1]))
def test_orders_become_csv_and_the_same_orders(orders: list[tuple[dict[str, Any], str]]) -> None:
    text = csv_writer.header() + "".join(csv_writer.rows_of(shown(content, number)) for content, number in orders)
    found = read(text)
    assert [fault for one in found for fault in one.faults] == []
    assert [one.content for one in found] == [{**content, "number": number} for content, number in orders]


PLAIN: dict[str, Any] = {
    "reference": "SO-2036-0815",
    "seller": {"name": "Anders & Ko", "code": "S-1042"},
    "ship_to": {"name": "Hafenlager 2", "gln": "4012345000009", "address": {"city": "Hamburg", "country": "DE"}},
    "currency": "EUR",
    "payment_terms": "30 days net",
    "freight_terms": "DAP Hamburg",
    "ship_window": {"start": "2040-02-01T06:30:00Z", "end": "2040-02-03T00:00:00Z"},
    "expires_at": "2040-06-30T22:00:00Z",
    "metadata": {"order_date": "2036-01-04"},
    "lines": [
        {
            "sku": "TS-0042-L",
            "gtin": "4006381333931",
            "description": "T-shirt, L",
            "quantity": "240",
            "unit": "EA",
            "unit_price": "4.9",
            "tax": {"type": "VAT", "rate": "19"},
        }
    ],
}


def test_an_order_for_which_x12_has_elements_needs_no_others() -> None:
    text = x12_writer.interchange("850", [shown(PLAIN, "A1")], 1, NOW)
    assert "N9*" not in text
    assert "PO1*1*240*EA*4.9**IN*TS-0042-L*EN*4006381333931~" in text
    assert read(text)[0].content == {**PLAIN, "number": "A1"}
    csv = csv_writer.rows_of(shown(PLAIN, "A1"))
    assert "exact" not in csv
    assert '{""currency' not in csv


def test_what_a_spreadsheet_would_take_for_a_formula_is_written_as_text() -> None:
    order = shown({"lines": [{"sku": "=1+1", "quantity": "1", "unit": "EA"}], "requested_by": "@x"}, "-A1")
    text = csv_writer.header() + csv_writer.rows_of(order)
    assert ",=1+1" not in text
    assert ",'=1+1" in text
    assert read(text)[0].content == {**content_of_order(order), "number": "-A1"}


@settings(max_examples=1, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(st.lists(contents(), min_size=10, max_size=10))
def test_orders_of_one_buyer_are_those_of_another_by_way_of_each_form(
    buyer: Party, stranger: Party, party: Any, orders: list[dict[str, Any]]
) -> None:
    made = {}
    for place, content in enumerate(orders):
        number = f"A{place}-{secrets.token_hex(3)}"
        made[number] = content_of_order(buyer.issue(number=number, reference=f"R-{number}", **content))
    for form, other in (("csv", stranger), ("x12_850", party("Another"))):
        file = buyer.get(f"/v1/exports/purchase-orders?format={form}").content
        assert counts(imported(buyer, file)) == {"unchanged": len(orders)}
        assert counts(imported(other, file)) == {"created": len(orders)}
        for number, content in made.items():
            assert content_of_order(other.get(f"/v1/purchase-orders/{number}").json()) == content
        assert counts(imported(other, file)) == {"unchanged": len(orders)}


def answers(order: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    return acknowledgements({line["line"]: line["quantity"] for line in order["lines"]})


@settings(max_examples=ROUND_TRIPS, deadline=None, suppress_health_check=list(HealthCheck))
@given(contents().filter(lambda content: "lines" in content), st.data())
def test_acknowledgements_become_x12_and_the_same_decisions(content: dict[str, Any], data: st.DataObject) -> None:
    # After changes the numbers of lines may have holes.
    lines = [{**line, "line": 3 * place + 1} for place, line in enumerate(content["lines"])]
    order = {**shown(content, "A1"), "lines": lines}
    body = ConfirmPurchaseOrder.model_validate(data.draw(answers(order))).model_dump(mode="json")
    order["acknowledgement"] = {**body, "revision": 3, "acknowledged_at": "2036-01-05T09:12:44Z"}
    (found,) = read(x12_writer.interchange("855", [order], 1, NOW))
    assert found.faults == []
    ordered = {line["line"]: Decimal(line["quantity"]) for line in lines}
    said = {**found.content, "lines": lines_of(found.content, ordered, {})}
    again = ConfirmPurchaseOrder.model_validate({name: said.get(name) for name in body if name in said})
    assert says_the_same(again.model_dump(mode="json")["lines"], body["lines"], ordered)
    assert (again.contract_number, again.invoice_number) == (body["contract_number"], body["invoice_number"])
    assert again.revision == 3


@settings(max_examples=1, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(st.lists(contents(), min_size=8, max_size=8), st.data())
def test_orders_that_were_changed_and_acknowledged_come_in_again_as_they_are(
    buyer: Party, seller: Party, orders: list[dict[str, Any]], data: st.DataObject
) -> None:
    paths = []
    for place, content in enumerate(orders):
        named = {**content.get("seller", {}), "organisation_id": seller.id}
        order = buyer.issue(number=f"A{place}-{secrets.token_hex(3)}", **{**content, "seller": named})
        path = f"/v1/purchase-orders/{order['id']}"
        paths.append(path)
        # Confirmed and changed, or changed and confirmed, or one of both, or each twice.
        for step in data.draw(st.sampled_from(["c", "p", "cp", "pc", "cpcp", "pcpc"])):
            if step == "c":
                newest = order["proposed_revision"] or order["revision"]
                said = buyer.get(f"{path}/revisions/{newest}").json()
                seller.act(order, "confirm", **data.draw(answers(said)))
            else:
                left = [{"line": 7, "sku": "Z", "quantity": "3"}, *order["lines"][1:]]
                fields = {"line", "sku", "gtin", "supplier_sku", "description", "quantity", "unit"}
                patch = {
                    "lines": [{name: line[name] for name in fields & line.keys()} for line in left],
                    "payment_terms": secrets.token_hex(4),
                }
                changed = buyer.patch(path, patch, headers={"If-Match": buyer.get(path).headers["ETag"]})
                assert changed.status_code in {200, 409}, changed.text
            order = buyer.get(path).json()
    before = [buyer.get(path).json() for path in paths]
    acknowledged = sum(one["acknowledgement"] is not None for one in before)
    for form, of, count in (("csv", buyer, 8), ("x12_850", buyer, 8), ("x12_855", buyer, acknowledged)):
        file = of.get(f"/v1/exports/purchase-orders?format={form}").content
        assert counts(imported(of, file)) == ({"unchanged": count} if count else {}), form
    file = seller.get("/v1/exports/purchase-orders?format=x12_855").content
    assert counts(imported(seller, file)) == ({"unchanged": acknowledged} if acknowledged else {})
    assert [buyer.get(path).json() for path in paths] == before


def test_acknowledgements_go_out_and_come_in_again(buyer: Party, seller: Party) -> None:
    order = buyer.issue(
        number=f"C-{secrets.token_hex(4)}",
        seller={"organisation_id": seller.id},
        lines=[{"sku": "X", "quantity": "2.50"}, {"sku": "Y", "quantity": "3"}],
    )
    seller.act(order, "confirm", contract_number="SC-4711", invoice_number="I-9")
    file = seller.get("/v1/exports/purchase-orders?format=x12_855").text
    assert f"BAK*00*AD*{order['number']}*" in file
    assert counts(imported(seller, file)) == {"unchanged": 1}
    later = file.replace("SC-4711", "SC-4712")
    assert counts(imported(seller, later)) == {"applied": 1}
    assert buyer.get(f"/v1/purchase-orders/{order['number']}").json()["contract_number"] == "SC-4712"
    assert counts(imported(seller, later)) == {"unchanged": 1}
    version = buyer.get(f"/v1/purchase-orders/{order['number']}").json()["version"]
    assert counts(imported(seller, interchange(f"855|BAK*00*AK*{order['number']}*20360104~REF*CT*SC-4712~REF*IV*I-9~")))
    assert buyer.get(f"/v1/purchase-orders/{order['number']}").json()["version"] == version
