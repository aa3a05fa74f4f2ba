"""Examples of the API's documentation, written once and used by several schemas."""

from typing import Any

CARRIER: dict[str, Any] = {
    "scac": "CNWY",
    "name": "XPO",
    "pro_mask": "###-######",
    "check_scheme": "modulo_7",
    "source": "XPO help center, PRO Number Check-Digit: https://ltl-solutions.xpo.com/help-center/pro-number/",
    "origin": "overridden",
    "disrupted": True,
    "disruption_reason": "Hamburg terminal is flooded.",
    "disrupted_until": "2036-02-14T22:00:00Z",
    "updated_at": "2036-02-11T06:10:00Z",
}

DISRUPTION: dict[str, Any] = {
    "disrupted": True,
    "disruption_reason": "Hamburg terminal is flooded.",
    "disrupted_until": "2036-02-14T22:00:00Z",
}

OWN_CARRIER: dict[str, Any] = {"name": "Kroll Nahverkehr", "pro_mask": "KN-######", "check_scheme": None}

SHARED_CARRIER: dict[str, Any] = {
    "name": "Kroll Nahverkehr",
    "pro_mask": "##########",
    "check_scheme": None,
    "source": "Kroll Nahverkehr, Frachtbriefnummern, 2035-11",
}

LINK: dict[str, Any] = {"scac": "CNWY", "pro_number": "123-456782"}

LINK_WITH_VEHICLE: dict[str, Any] = {
    **LINK,
    "trailer_number": "HH-AB-1234",
    "window": {"start": "2036-03-01T06:00:00Z", "end": "2036-03-01T08:00:00Z"},
}

LINKED: dict[str, Any] = {
    **LINK_WITH_VEHICLE,
    "bol": "4711-0815",
    "tracking": {
        "status": "at_terminal",
        "occurred_at": "2036-02-27T21:40:00Z",
        "eta": "2036-03-01T07:00:00Z",
        "location": {"city": "Columbus", "state": "OH", "country": "US", "terminal": "XCB"},
        "exception": None,
        "events": 3,
        "eta_outside_window": False,
    },
    "ship_notice": {
        "reference": "SN-20360226-7",
        "shipped_at": "2036-02-26T16:00:00Z",
        "lines": [
            {
                "line": 1,
                "sku": "TS-0042-L",
                "gtin": None,
                "supplier_sku": None,
                "quantity": "240",
                "unit": "EA",
            }
        ],
    },
    "linked": True,
    "linked_by": "0198f5a2-9b10-7c02-b1c3-8e2f4a6d9b55",
    "linked_at": "2036-02-12T14:05:00Z",
}

PRO_NUMBER: dict[str, Any] = {
    "scac": "CNWY",
    "pro_number": "123-456782",
    "claimed": True,
    "purchase_orders": [
        {
            "id": "0198f5a4-2b6f-7f80-9d13-6a4c8e0f2b71",
            "number": "PO-7K3M9QWX2R",
            "status": "active",
            "relation": "seller",
            "linked_at": "2036-02-12T14:05:00Z",
        }
    ],
    "next_cursor": None,
}
