"""Examples of support cases for the API's documentation."""

from typing import Any

from app.orders.examples import BUYER_ID, PURCHASE_ORDER, WAREHOUSE_ID
from app.orders.visibility import shown_to
from app.principal import Relation

CASE_ID = "0198f5b4-3e11-7a02-9c5d-7f1a2b3c4d5e"

OPENING: dict[str, Any] = {
    "number": "PO-7K3M9QWX2R",
    "category": "stopped",
    "description": "The lorry is at dock 4 and the gate says suspended. The driver cannot wait beyond 18:00.",
    "contact": {"name": "J. Petersen, inbound", "phone": "+49 40 555 0142"},
    "validation_id": "0198f5b3-77aa-7c10-8e2b-1a2b3c4d5e6f",
}

_OPENED_AT = "2036-07-02T06:20:00.412098Z"
_RESOLVED_AT = "2036-07-02T09:41:30.220145Z"

CASE_IN_LIST: dict[str, Any] = {
    "id": CASE_ID,
    "number": "PO-7K3M9QWX2R",
    "relation": "ship_to",
    "status": "assigned",
    "category": "stopped",
    "description": OPENING["description"],
    "contact": {**OPENING["contact"], "email": None, "url": None, "hours": None},
    "validation_id": OPENING["validation_id"],
    "opened_by": {"organisation_id": WAREHOUSE_ID, "name": "Hafenlager 2", "relation": "ship_to"},
    "opened_at": _OPENED_AT,
    "assigned_to": {"organisation_id": BUYER_ID, "name": "Nordwind Retail", "relation": "owner"},
    "assignee": "Purchasing desk, Ms Okafor",
    "assigned_at": "2036-07-02T06:31:12.004512Z",
    "resolution": None,
    "resolved_by": None,
    "resolved_at": None,
    "comments": 1,
    "updated_at": "2036-07-02T06:40:55.871230Z",
    "purchase_order": {"id": PURCHASE_ORDER["id"], "status": "suspended"},
}

_SNAPSHOT: dict[str, Any] = {
    "taken_at": _OPENED_AT,
    "purchase_order": shown_to(
        Relation.SHIP_TO,
        {
            **PURCHASE_ORDER,
            "relation": "ship_to",
            "status": "suspended",
            "stored_status": "suspended",
            "allowed_actions": ["extend", "resume", "cancel", "close"],
            "version": 4,
            "updated_at": _OPENED_AT,
        },
    ),
    "events": [
        {
            "sequence": 4,
            "type": "support_case.opened",
            "occurred_at": _OPENED_AT,
            "organisation_id": WAREHOUSE_ID,
            "relation": "ship_to",
            "check_id": None,
            "data": {"support_case_id": CASE_ID, "support_case_category": "stopped"},
        }
    ],
}

CASE: dict[str, Any] = {
    **CASE_IN_LIST,
    "history": [
        {
            "sequence": 5,
            "step": "assigned",
            "by": {"organisation_id": BUYER_ID, "name": "Nordwind Retail", "relation": "owner"},
            "author": "A. Okafor",
            "at": "2036-07-02T06:31:12.004512Z",
            "text": None,
            "assigned_to": CASE_IN_LIST["assigned_to"],
            "assignee": CASE_IN_LIST["assignee"],
        },
        {
            "sequence": 6,
            "step": "commented",
            "by": {"organisation_id": BUYER_ID, "name": "Nordwind Retail", "relation": "owner"},
            "author": "A. Okafor",
            "at": "2036-07-02T06:40:55.871230Z",
            "text": "We ask the supplier about the price. Please keep the goods at the dock.",
            "assigned_to": None,
            "assignee": None,
        },
    ],
    "snapshot": _SNAPSHOT,
}
