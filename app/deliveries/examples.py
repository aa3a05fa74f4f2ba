"""Examples of the API's documentation, written once and used by several schemas."""

from typing import Any

BOOKING_ID = "0198f5a2-7c3e-7d41-9a52-3f6b8d2e1c07"
SHIPMENT_ID = "0198f5a2-9b10-7c02-b1c3-8e2f4a6d9b55"
_FORWARDER_ID = "0198f5a2-aa11-7c02-b1c3-8e2f4a6d9b55"
_WAREHOUSE_ID = "0198f5a2-bb22-7c02-b1c3-8e2f4a6d9b55"
WINDOW: dict[str, Any] = {"start": "2036-03-14T08:00:00Z", "end": "2036-03-14T10:00:00Z"}

SHIPMENT: dict[str, Any] = {
    "scac": "CNWY",
    "pro_number": "123-456782",
    "bol": "BOL-4711",
    "freight_terms": "prepaid",
    "pallets": 4,
    "cartons": 96,
    "units": 1152,
    "purchase_orders": ["PO-7K3M9QWX2R", "PO-4Q8RTV2HJN"],
}

BOOK: dict[str, Any] = {
    "ship_to": "HAM-2",
    "window": WINDOW,
    "load_type": "palletised",
    "trailer_number": "HH-AB-1234",
    "contact": {"name": "Dispatch", "phone": "+49 40 555 0170"},
    "comments": "Tail lift needed.",
    "shipments": [SHIPMENT],
}

RESCHEDULE: dict[str, Any] = {
    "window": {"start": "2036-03-15T08:00:00Z", "end": "2036-03-15T10:00:00Z"},
    "reason": "Border crossing closed until tonight.",
}

ARRIVE: dict[str, Any] = {"dock": "D7", "operator": "J. Petersen", "trailer_number": "HH-AB-1234"}

NEXT_STEP: dict[str, Any] = {
    "action": "apply_for_activation",
    "description": "Apply for activation, or ask the buyer for a new order.",
    "href": "/v1/purchase-orders/0198f5a2-7c3e-7d41-9a52-3f6b8d2e1c07/activation-requests",
    "then": "open_support_case",
    "then_href": "/v1/support-cases",
    "contact": None,
}

REFUSAL: dict[str, Any] = {
    "code": "expired",
    "verdict": "reject",
    "title": "Expired",
    "detail": "Expired on 2036-03-14T09:00:00Z.",
    "field": None,
    "next_step": NEXT_STEP,
}

REFUSED: dict[str, Any] = {
    "index": 0,
    "problems": [],
    "purchase_orders": [
        {
            "index": 1,
            "input": "PO-4Q8RTV2HJN",
            "number": "PO-4Q8RTV2HJN",
            "refusals": [REFUSAL],
            "problems": [],
            "did_you_mean": [],
        }
    ],
}

BOOKING: dict[str, Any] = {
    "id": BOOKING_ID,
    "booking_number": "DB-7K3M9QWX2",
    "status": "confirmed",
    "version": 2,
    "allowed_actions": ["reschedule", "update", "add_shipment", "remove_shipment", "cancel"],
    "booked_by": _FORWARDER_ID,
    "warehouse": _WAREHOUSE_ID,
    "ship_to": {"organisation_id": None, "code": "HAM-2", "gln": None},
    "window": WINDOW,
    "load_type": "palletised",
    "trailer_number": "HH-AB-1234",
    "contact": {"name": "Dispatch", "phone": "+49 40 555 0170", "email": None, "url": None, "hours": None},
    "comments": "Tail lift needed.",
    "appointment_number": "HL2-20360314-017",
    "reason": None,
    "shipments": [
        {
            "id": SHIPMENT_ID,
            **SHIPMENT,
            "purchase_orders": [
                {"number": "PO-7K3M9QWX2R", "verdict": "accept", "codes": []},
                {"number": "PO-4Q8RTV2HJN", "verdict": "accept", "codes": []},
            ],
        }
    ],
    "refused": [],
    "arrival": None,
    "created_at": "2036-03-02T10:15:00Z",
    "updated_at": "2036-03-02T11:40:00Z",
}

BOOKING_IN_LIST = {name: value for name, value in BOOKING.items() if name not in {"refused", "arrival"}}

ARRIVED: dict[str, Any] = {
    "verdict": "hold",
    "arrived": True,
    "checked_at": "2036-03-14T08:12:00Z",
    "purchase_orders": [
        {
            "scac": "CNWY",
            "pro_number": "123-456782",
            "number": "PO-7K3M9QWX2R",
            "verdict": "accept",
            "refusals": [],
        },
        {
            "scac": "CNWY",
            "pro_number": "123-456782",
            "number": "PO-4Q8RTV2HJN",
            "verdict": "hold",
            "refusals": [
                {
                    **REFUSAL,
                    "code": "activation_pending",
                    "verdict": "hold",
                    "title": "Activation applied for",
                    "detail": "Activation of this order has been applied for, and the buyer has not decided yet.",
                }
            ],
        },
    ],
    "delivery_booking": {
        **BOOKING,
        "status": "arrived",
        "version": 3,
        "allowed_actions": ["complete"],
        "arrival": {**ARRIVE, "arrived_at": "2036-03-14T08:12:00Z", "verdict": "hold"},
        "updated_at": "2036-03-14T08:12:00Z",
    },
}

UPDATE: dict[str, Any] = {"trailer_number": "HH-ES-42", "contact": {"name": "Cem", "phone": "+49 171 555 0104"}}

EVENT: dict[str, Any] = {
    "sequence": 2,
    "type": "delivery_booking.confirmed",
    "occurred_at": "2036-03-02T11:40:00Z",
    "organisation_id": _WAREHOUSE_ID,
    "data": {"appointment_number": "HL2-20360314-017", "window": WINDOW},
}
