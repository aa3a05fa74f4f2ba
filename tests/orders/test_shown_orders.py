"""What is written down at once is what the documented model of an order writes, whoever looks."""

import json
import os
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from app.json_writer import write_json
from app.orders.lifecycle import OPEN, StoredStatus
from app.orders.schemas import PurchaseOrder
from app.orders.shown_orders import shown_order
from app.orders.views import purchase_order
from app.principal import Relation

NOW = datetime(2036, 1, 5, 9, 0, tzinfo=UTC)

# As they are stored: without white space around them.
texts = st.none() | st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=5)
moments = st.none() | st.integers(-(10**11), 10**11).map(lambda span: NOW + timedelta(microseconds=span))
quantities = st.decimals(0, 1000, places=3, allow_nan=False) | st.integers(0, 1000).map(Decimal)
uuids = st.uuids()
addresses = st.none() | st.fixed_dictionaries(
    {"street": st.just(["Kai 1"]), "postal_code": st.none(), "city": st.just("Hamburg"), "region": st.none()}
).map(lambda address: {**address, "country": "DE"})
parties = st.fixed_dictionaries(
    {
        "gln": st.just("4012345000009") | st.none(),
        "code": texts,
        "name": st.just("Nordwind"),
        "phone": st.none() | st.just("+49 40 555 0199"),
        "address": addresses,
        "organisation_id": st.none() | uuids.map(str),
    }
)
windows = st.none() | st.just({"end": "2036-03-02T00:00:00Z", "start": "2036-03-01T00:00:00.500000Z"})
taxes = st.none() | st.just({"rate": "19.5", "type": None}) | st.just({"rate": "0", "type": "VAT"})


@st.composite
def lines(draw: st.DrawFn) -> list[dict[str, Any]]:
    priced = draw(st.booleans())
    return [
        {
            "line": number,
            **{name: draw(texts) for name in ("sku", "supplier_sku", "description")},
            "gtin": None,
            "unit": "EA",
            **{name: draw(quantities) for name in ("quantity", "received", "rejected")},
            "unit_price": draw(quantities) if priced else None,
            "tax": draw(taxes),
        }
        for number in range(1, draw(st.integers(0, 2)) + 1)
    ]


@st.composite
def rows(draw: st.DrawFn) -> dict[str, Any]:
    status = draw(st.sampled_from(StoredStatus))
    own = ("status_reason", "reference", "requested_by", "payment_terms", "freight_terms", "cost_center", "category")
    here = draw(st.booleans())
    return {
        **{name: draw(texts) for name in (*own, "location", "contract_number", "invoice_number", "sent_via")},
        **{name: draw(moments) for name in ("activate_by", "valid_from", "expires_at", "sent_at", "seen_at")},
        **{name: draw(moments) for name in ("issued_at", "confirmed_at", "activated_at")},
        **dict.fromkeys(("created_at", "updated_at"), NOW),
        **{name: draw(windows) for name in ("ship_window", "delivery_window")},
        **{name: draw(st.none() | parties) for name in ("buyer", "bill_to", "seller", "ship_to")},
        "forwarders": draw(st.lists(parties, max_size=2)),
        "references": [{"value": "P 17", "type": "project"}][: draw(st.integers(0, 1))],
        "id": draw(uuids),
        "number": "PO-7K3M9QWX2R" if here else draw(st.sampled_from(["4500012345", "A*B C", "X" * 31])),
        "issued_here": here,
        "format_id": UUID(int=1) if here else None,
        "format_version": 1 if here else None,
        **{name: draw(st.integers(1, 3)) for name in ("version", "revision")},
        **{name: draw(st.none() | st.integers(1, 3)) for name in ("proposed_revision", "policy_version")},
        "status": status.value,
        "suspended_from": draw(st.sampled_from(OPEN)).value if status is StoredStatus.suspended else None,
        "currency": draw(st.sampled_from([None, "EUR", "JPY", "KWD", "XAU"])),
        "payment_methods": draw(st.just([]) | st.just(["wire"])),
        "order_metadata": draw(st.just({}) | st.just({"colour": "blue"})),
    }


@settings(max_examples=int(os.environ.get("SHOWN_ORDERS", "60")))
@given(rows(), lines(), st.sampled_from(Relation), st.booleans())
def test_it_is_what_the_model_writes_byte_by_byte(
    row: dict[str, Any], shown_lines: list[dict[str, Any]], relation: Relation, looked_up: bool
) -> None:
    beside = {"acknowledgement": None} if looked_up else {}
    model = purchase_order(row, shown_lines, relation, NOW, **beside)
    written = write_json(shown_order(row, shown_lines, relation, NOW, **beside))
    assert written.decode() == model.model_dump_json()
    assert json.loads(written).keys() <= PurchaseOrder.model_fields.keys()
