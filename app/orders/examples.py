"""Examples of the API's documentation, written once and used by several schemas."""

from typing import Any

BUYER_ID = "0198f5a2-7c3e-7d41-9a52-3f6b8d2e1c07"
SELLER_ID = "0198f5a2-9b10-7c02-b1c3-8e2f4a6d9b55"
WAREHOUSE_ID = "0198f5a2-a4d7-7e19-8c60-1d5f7b3e9a22"

ISSUE: dict[str, Any] = {
    "reference": "SO-2036-0815",
    "seller": {"organisation_id": SELLER_ID, "name": "Anders & Ko Textil"},
    "ship_to": {"organisation_id": WAREHOUSE_ID, "code": "HAM-2"},
    "currency": "EUR",
    "lines": [{"sku": "TS-0042-L", "description": "T-shirt, L", "quantity": "240", "unit": "EA", "unit_price": "4.90"}],
    "activate_by": "2036-02-01T00:00:00Z",
    "expires_at": "2036-06-30T22:00:00Z",
    "metadata": {"season": "summer"},
}

ORDER_BETWEEN_STRANGERS: dict[str, Any] = {
    "seller": {"name": "Anders & Ko Textil", "code": "S-1042"},
    "ship_to": {"name": "Hafenlager 2", "address": {"street": ["Am Kai 4"], "city": "Hamburg", "country": "DE"}},
    "currency": "EUR",
    "lines": [{"sku": "TS-0042-L", "description": "T-shirt, L", "quantity": "240", "unit_price": "4.90"}],
    "expires_at": "2036-06-30T22:00:00Z",
}

REGISTRATION: dict[str, Any] = {"number": "4500012345", "seller": {"name": "Anders & Ko Textil"}}

_DECISIONS: list[dict[str, Any]] = [
    {
        "decision": "accepted",
        "quantity": "200",
        "scheduled_ship_date": "2036-02-10T00:00:00Z",
        "scheduled_delivery_date": "2036-03-01T00:00:00Z",
    },
    {"decision": "rejected", "quantity": "40", "reason": "obsolete_product"},
]

CONFIRMATION: dict[str, Any] = {"contract_number": "SC-4711", "revision": 1}

CONFIRMATION_BY_LINE: dict[str, Any] = {**CONFIRMATION, "lines": [{"line": 1, "decisions": _DECISIONS}]}

ACKNOWLEDGEMENT: dict[str, Any] = {
    "revision": 1,
    "acknowledged_at": "2036-01-05T09:12:44Z",
    "acknowledged_by": SELLER_ID,
    "relation": "seller",
    "contract_number": "SC-4711",
    "invoice_number": None,
    "lines": [
        {
            "line": 1,
            "decisions": [
                {**dict.fromkeys(("scheduled_ship_date", "scheduled_delivery_date", "reason")), **decision}
                for decision in _DECISIONS
            ],
        }
    ],
}

_NO_CONTACT: dict[str, Any] = {"address": None, "phone": None, "code": None, "gln": None}

PURCHASE_ORDER: dict[str, Any] = {
    "id": "0198f5a4-2b6f-7f80-9d13-6a4c8e0f2b71",
    "number": "PO-7K3M9QWX2R",
    "origin": "issued",
    "relation": "owner",
    "status": "issued",
    "stored_status": "issued",
    "status_reason": None,
    "allowed_actions": ["confirm", "reject", "extend", "suspend", "cancel"],
    "version": 1,
    "revision": 1,
    "proposed_revision": None,
    "policy_version": None,
    "format": {"id": "00000000-0000-7000-8000-000000000001", "version": 1},
    "warnings": [],
    "reference": "SO-2036-0815",
    "references": [],
    "buyer": {"organisation_id": BUYER_ID, "name": "Nordwind Retail", **_NO_CONTACT},
    "bill_to": None,
    "seller": {"organisation_id": SELLER_ID, "name": "Anders & Ko Textil", **_NO_CONTACT},
    "ship_to": {"organisation_id": WAREHOUSE_ID, "name": "Hafenlager 2", **_NO_CONTACT, "code": "HAM-2"},
    "forwarders": [],
    "requested_by": None,
    "lines": [
        {
            "line": 1,
            "sku": "TS-0042-L",
            "gtin": None,
            "supplier_sku": None,
            "description": "T-shirt, L",
            "quantity": "240",
            "unit": "EA",
            "received": "0",
            "rejected": "0",
            "open": "240",
            "unit_price": "4.9",
            "tax": None,
            "net_amount": "1176.00",
            "tax_amount": "0.00",
            "gross_amount": "1176.00",
        }
    ],
    "currency": "EUR",
    "totals": {"net_amount": "1176.00", "tax_amount": "0.00", "gross_amount": "1176.00"},
    "payment_methods": [],
    "payment_terms": None,
    "freight_terms": None,
    "cost_center": None,
    "category": None,
    "location": None,
    "contract_number": None,
    "invoice_number": None,
    "acknowledgement": None,
    "activate_by": "2036-02-01T00:00:00Z",
    "valid_from": None,
    "expires_at": "2036-06-30T22:00:00Z",
    "ship_window": None,
    "delivery_window": None,
    "sent_via": None,
    "sent_at": None,
    "seen_at": None,
    "issued_at": "2036-01-04T08:32:10Z",
    "confirmed_at": None,
    "activated_at": None,
    "created_at": "2036-01-04T08:32:10Z",
    "updated_at": "2036-01-04T08:32:10Z",
    "metadata": {"season": "summer"},
}

CHANGE: dict[str, Any] = {
    "payment_terms": "30 days net",
    "delivery_window": {"start": "2036-03-01T06:00:00Z", "end": "2036-03-03T18:00:00Z"},
    "metadata": {"season": "autumn", "margin": None},
}

REVISION: dict[str, Any] = {
    "revision": 2,
    "revision_status": "proposed",
    "created_at": "2036-01-20T10:04:51Z",
    "current_from": None,
    "declined_at": None,
    "decline_reason": None,
    **{
        name: PURCHASE_ORDER[name]
        for name in (
            *("buyer", "bill_to", "seller", "ship_to", "lines", "currency", "totals", "payment_methods"),
            *("freight_terms", "ship_window"),
        )
    },
    "payment_terms": CHANGE["payment_terms"],
    "delivery_window": CHANGE["delivery_window"],
}

ISSUED: dict[str, Any] = {
    "issued": 1,
    "results": [
        {"index": 0, "purchase_order": PURCHASE_ORDER},
        {
            "index": 1,
            "problem": {
                "type": "/problems/duplicate_reference",
                "title": "The reference is taken",
                "status": 409,
                "detail": "This organisation has an order with the reference SO-2036-0816 already.",
                "code": "duplicate_reference",
            },
        },
    ],
}

RECEIVE: dict[str, Any] = {
    "lines": [
        {"line": 1, "quantity": "100", "lot": "L-2036-07"},
        {"line": 1, "quantity": "4", "condition": "damaged", "lot": "L-2036-07"},
    ],
    "dock": "4",
    "operator": "J. Petersen",
    "trailer_number": "TR-8841",
    "scac": "CNWY",
    "pro_number": "123-456782",
    "receipt_reference": "HH7-000123",
}

RECEIPT: dict[str, Any] = {
    "id": "0198f5b1-3a70-7c55-9e21-5b7d9f1a3c64",
    "received_by": WAREHOUSE_ID,
    "received_at": "2036-03-01T06:14:09.120345Z",
    "lines": [{"condition": None, **line} for line in RECEIVE["lines"]],
    **{name: value for name, value in RECEIVE.items() if name != "lines"},
    **dict.fromkeys(("put_away_location", "put_away_at", "reversed_at", "reversed_by", "reversal_reason")),
}

RECEIVED_PURCHASE_ORDER: dict[str, Any] = {
    **{name: value for name, value in PURCHASE_ORDER.items() if name != "acknowledgement"},
    "status": "partially_received",
    "stored_status": "partially_received",
    "allowed_actions": ["confirm", "extend", "suspend", "receive", "close"],
    "version": 4,
    "lines": [{**PURCHASE_ORDER["lines"][0], "received": "104", "open": "136"}],
    "confirmed_at": "2036-01-05T09:12:44Z",
    "activated_at": "2036-01-06T07:00:00Z",
    "updated_at": "2036-03-01T06:14:09.120345Z",
    "receipt": RECEIPT,
}

APPLICATION: dict[str, Any] = {
    "reason": "The vessel was held at Suez for nine days; the goods are at the gate.",
    "expires_at": "2036-07-31T22:00:00Z",
    "contact": {"name": "Elbe Spedition, dispatch", "phone": "+49 40 555 0177"},
}

ACTIVATION_REQUEST: dict[str, Any] = {
    "id": "0198f5b2-1c44-7b10-8f3a-6d2e4b8a9c11",
    "number": "PO-7K3M9QWX2R",
    "status": "pending",
    "reason": APPLICATION["reason"],
    "expires_at": APPLICATION["expires_at"],
    "requested_at": "2036-07-02T06:20:00.412098Z",
    "applicant": {
        "organisation_id": WAREHOUSE_ID,
        "name": "Hafenlager 2",
        "relation": "ship_to",
        "contact": {"email": None, "url": None, "hours": None, **APPLICATION["contact"]},
    },
    "decided_at": None,
    "decision_reason": None,
    "purchase_order": {
        "id": PURCHASE_ORDER["id"],
        "status": "expired",
        "activate_by": None,
        "valid_from": None,
        "expires_at": "2036-06-30T22:00:00Z",
    },
}
