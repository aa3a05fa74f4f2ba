"""Examples of the API's documentation of validations."""

from typing import Any

from app.orders.examples import PURCHASE_ORDER, RECEIPT, RECEIVED_PURCHASE_ORDER

AT_THE_DOCK: dict[str, Any] = {
    "input": "PO-7K3M9QWX2R",
    "delivery": {
        "scac": "CNWY",
        "pro_number": "123-456782",
        "trailer_number": "HH-AB-1234",
        "ship_to": "HAM-2",
        "seller": {"code": "S-1042"},
        "quantities": [{"sku": "TS-0042-L", "quantity": "240"}],
    },
}

ACCEPTED: dict[str, Any] = {
    "id": "0198f5b0-6d21-7a34-8e5f-90ab12cd34ef",
    "input": "po 7k3m9qwx2r",
    "source": "typed",
    "number": "PO-7K3M9QWX2R",
    "matched_by": "number",
    "valid": True,
    "verdict": "accept",
    "status": "active",
    "refusals": [],
    "did_you_mean": [],
    "order": {**PURCHASE_ORDER, "status": "active", "stored_status": "active", "allowed_actions": ["extend", "close"]},
    "receipt": None,
    "checked_at": "2036-03-01T06:14:09.120345Z",
    "valid_until": "2036-06-30T22:00:00Z",
    "afterwards": {"status": "expired", "verdict": "reject", "codes": ["expired"]},
}

ACCEPTED_AND_RECEIVED: dict[str, Any] = {
    **ACCEPTED,
    "status": "partially_received",
    "order": {name: value for name, value in RECEIVED_PURCHASE_ORDER.items() if name != "receipt"},
    "receipt": RECEIPT,
}

EXPIRED: dict[str, Any] = {
    **ACCEPTED,
    "valid": False,
    "verdict": "reject",
    "status": None,
    "refusals": [
        {
            "code": "expired",
            "verdict": "reject",
            "title": "Expired",
            "detail": "The validity of this order has ended.",
            "field": None,
            "next_step": {
                "action": "apply_for_activation",
                "description": "Do not take the goods in. Apply for activation to have the order extended, or ask the "
                "buyer for a new one.",
                "then": "open_support_case",
                "then_href": None,
                "href": "/v1/purchase-orders/PO-7K3M9QWX2R/activation-requests",
                "contact": {
                    "name": "Purchasing desk",
                    "phone": "+49 40 555 0199",
                    "email": None,
                    "url": None,
                    "hours": "Mon-Fri 06:00-20:00 CET",
                },
            },
        }
    ],
    "order": None,
    "valid_until": None,
    "afterwards": None,
}

_NOBODY_TO_CALL: dict[str, Any] = {"href": None, "contact": None}

MISTYPED: dict[str, Any] = {
    **ACCEPTED,
    "input": "PO-7K3M9QWX28",
    "number": "PO7K3M9QWX28",
    "matched_by": None,
    "valid": False,
    "verdict": "reject",
    "status": None,
    "refusals": [
        {
            "code": "check_character_mismatch",
            "verdict": "reject",
            "title": "Mistyped or misread",
            "detail": "The check character does not fit the rest of the number, so at least one character is wrong.",
            "field": "input",
            "next_step": {
                "action": "check_the_document",
                "description": "Compare with the document character by character and enter the number again.",
                "then": "open_support_case",
                "then_href": None,
                **_NOBODY_TO_CALL,
            },
        }
    ],
    "did_you_mean": ["PO-7K3M9QWX2R"],
    "order": None,
    "valid_until": None,
    "afterwards": None,
}

OTHER_DELIVERY: dict[str, Any] = {
    **ACCEPTED,
    "input": "PO-7K3M9QWX2R",
    "valid": False,
    "verdict": "reject",
    "refusals": [
        {
            "code": "pro_number_mismatch",
            "verdict": "reject",
            "title": "Another PRO number is expected",
            "detail": "The order's PRO number is 123-456782 of CNWY.",
            "field": "delivery.pro_number",
            "next_step": {
                "action": "check_the_document",
                "description": "Compare the PRO number with the carrier's waybill. If it is the same, call the "
                "logistics partner.",
                "then": "contact_logistics_partner",
                "then_href": None,
                **_NOBODY_TO_CALL,
            },
        }
    ],
}

BATCH: dict[str, Any] = {
    "accepted": 1,
    "held": 0,
    "rejected": 1,
    "summary": {"expired": 1},
    "results": [{"index": 0, **ACCEPTED}, {"index": 1, **EXPIRED}],
}
