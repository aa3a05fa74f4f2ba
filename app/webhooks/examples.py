"""What each type of event means, and what its `data` holds: for the OpenAPI document's `webhooks`."""

from typing import Any, Final

from app.events.event_types import AuditType, EventType
from app.feed.schemas import FEED_TYPES
from app.webhooks.schemas import EXAMPLE_EVENT, TEST_TYPE, WebhookTest

_WINDOW = {"start": "2036-01-12T10:00:00Z", "end": "2036-01-12T11:00:00Z"}
_PRO = {"scac": "EXLA", "pro_number": "17954158381"}
_BOOKING = {
    "booking_number": "DB-MCSCRPA9V",
    "appointment_number": "HL2-017",
    "window": _WINDOW,
    **_PRO,
    "trailer_number": "HH-ES-17",
}
_CASE = {"support_case_id": "0198f5a3-7b5d-7f10-b3a7-5f8e1c9d2a66", "support_case_category": "stopped"}
_REQUEST = {"activation_request_id": "0198f5a3-6a4c-7e0f-a2f6-4e7d0b8c1f55", "reason": "Nobody activated it."}
_RECEIPT = {"receipt_id": "0198f5a3-593b-7dfe-91e5-3d6cfa7b0e44"}
_TAKEN_IN = {"dock": "4", "trailer_number": None, **_PRO, "quantities": [{"line": 1, "quantity": "140"}]}
_PARCEL = {"carrier": "UPS", "tracking_number": "1Z1AE28A8149EEF553"}
_NOTICE = {**_PRO, "ship_notice": "SN-1", "bol": "BOL-9"}
_FORMAT = {"format_id": "0198f5a2-8d2e-7c91-8e3f-1a7b5c9d0e22", "pattern": "ACME-{serial:6}{check}"}
_ENDPOINT = {"webhook_endpoint_id": "0198f5c0-52ce-7d11-8a37-0c9be1f4d201"}
_END = {"expires_at": "2036-06-30T22:00:00Z"}
_DEADLINE = {"activate_by": "2036-01-10T12:00:00Z"}

_NOTICED: Final = frozenset(
    {
        *(EventType.EXPIRING, EventType.EXPIRED, EventType.LAPSED, EventType.NOT_ACTIVATED),
        EventType.DELIVERY_BOOKING_AT_RISK,
    }
)
"""What nobody has done."""

_TOLD: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    EventType.DRAFTED: ("A draft was made; it has its number.", {"number": "PO-7K3M9QWX2R", "revision": 1}),
    EventType.ISSUED: (
        "An order was issued, or a number issued elsewhere was registered.",
        {"number": "PO-7K3M9QWX2R", "revision": 1},
    ),
    EventType.CHANGED: ("An order was changed.", {"fields": ["lines"], "revision": 1, "proposed_revision": 2}),
    EventType.CHANGE_DECLINED: ("The seller declined a change.", {"revision": 2, "reason": "Cut already."}),
    EventType.SEEN: ("The seller has read the order.", {"revision": 1}),
    EventType.CONFIRMED: (
        "An order was acknowledged.",
        {"contract_number": "SC-4711", "invoice_number": None, "revision": 1, "backordered": [], "rejected": []},
    ),
    EventType.REJECTED: ("The seller rejected the order.", {"reason": "Out of the programme."}),
    EventType.ACTIVATED: ("Goods may come in under the order.", {"policy_version": 1}),
    EventType.EXTENDED: ("An order is valid for longer.", _END),
    EventType.EXPIRING: ("An order will soon expire: ahead by as much as the policy says.", _END),
    EventType.EXPIRED: ("An order has expired.", _END),
    EventType.LAPSED: ("An order that was not activated by its deadline has lapsed, confirmed or not.", _DEADLINE),
    EventType.NOT_ACTIVATED: ("An order that the seller has confirmed was not activated by its deadline.", _DEADLINE),
    EventType.SUSPENDED: ("An order was suspended.", {"reason": "Recall."}),
    EventType.RESUMED: ("An order is in force again.", {"reason": None}),
    EventType.CANCELLED: ("An order was cancelled.", {"reason": "Ordered twice."}),
    EventType.PARTIALLY_RECEIVED: ("Some of the goods came in.", {**_RECEIPT, **_TAKEN_IN}),
    EventType.RECEIVED: ("The last of the goods came in.", {**_RECEIPT, **_TAKEN_IN}),
    EventType.CLOSED: ("An order was closed: no more comes in.", {"reason": None}),
    EventType.RECEIPT_REVERSED: (
        "A receipt was taken back.",
        {**_RECEIPT, "reason": "It belonged to another order.", "quantities": [{"line": 1, "quantity": "140"}]},
    ),
    EventType.RECEIPT_PUT_AWAY: ("Goods were put where they stay.", {**_RECEIPT, "location": "A-04-2"}),
    EventType.ACTIVATION_REQUESTED: ("Somebody asks for activation.", {**_REQUEST, "expires_at": None}),
    EventType.ACTIVATION_APPROVED: ("The buyer has granted activation.", {**_REQUEST, **_END}),
    EventType.ACTIVATION_DENIED: ("The buyer has denied activation.", {**_REQUEST, "reason": "It was replaced."}),
    EventType.ACTIVATION_WITHDRAWN: ("Who asked for activation asks no more.", _REQUEST),
    EventType.PRO_NUMBER_LINKED: ("A PRO number was linked to the order.", {**_PRO, "trailer_number": "HH-4711"}),
    EventType.PRO_NUMBER_CHANGED: ("What is known of a linked PRO number changed.", {**_PRO, "trailer_number": "HH-1"}),
    EventType.PRO_NUMBER_MOVED: (
        "A PRO number took the place of another.",
        {"from": _PRO, "to": {"scac": "EXLA", "pro_number": "17954158384"}, "reason": "Reloaded."},
    ),
    EventType.PRO_NUMBER_UNLINKED: ("A PRO number was taken off the order.", {**_PRO, "reason": "Mistyped."}),
    EventType.DELIVERY_BOOKING_REQUESTED: ("A delivery was booked.", _BOOKING),
    EventType.DELIVERY_BOOKING_CONFIRMED: ("The warehouse has confirmed a delivery.", _BOOKING),
    EventType.DELIVERY_BOOKING_RESCHEDULED: ("A delivery has another window.", {**_BOOKING, "reason": "Ferry late."}),
    EventType.DELIVERY_BOOKING_CHANGED: (
        "What a booking says of its vehicle, contact or comments is another.",
        _BOOKING,
    ),
    EventType.DELIVERY_BOOKING_CANCELLED: ("A delivery was cancelled.", {**_BOOKING, "reason": "Broken down."}),
    EventType.DELIVERY_BOOKING_ARRIVED: ("The vehicle of a delivery is there.", _BOOKING),
    EventType.DELIVERY_BOOKING_COMPLETED: ("A delivery is done.", _BOOKING),
    EventType.DELIVERY_BOOKING_NO_SHOW: ("The vehicle of a delivery did not come.", _BOOKING),
    EventType.DELIVERY_BOOKING_SHIPMENT_ADDED: ("A shipment was added to a delivery.", _BOOKING),
    EventType.DELIVERY_BOOKING_SHIPMENT_REMOVED: ("A shipment was taken off a delivery.", _BOOKING),
    EventType.DELIVERY_BOOKING_AT_RISK: (
        "The gate would not take the order as it is booked, from what is known today; `codes` say why.",
        {
            "booking_id": "0198f5a3-4829-7ced-80d4-2c5be96afd33",
            "booking_number": "DB-MCSCRPA9V",
            "window": _WINDOW,
            "codes": ["suspended"],
            "pro_numbers": [_PRO],
        },
    ),
    EventType.TRACKING_NUMBER_LINKED: ("A parcel was linked to the order.", _PARCEL),
    EventType.TRACKING_NUMBER_CHANGED: ("A parcel's number is written otherwise.", _PARCEL),
    EventType.TRACKING_NUMBER_UNLINKED: ("A parcel was taken off the order.", {**_PARCEL, "reason": None}),
    EventType.SHIPMENT_STATUS_CHANGED: (
        "A shipment or parcel has come further, or is held up.",
        {
            **_PARCEL,
            "tracking_status": "exception",
            "previous_tracking_status": "in_transit",
            "occurred_at": "2036-01-11T15:35:41Z",
            "eta": "2036-01-12T22:35:41Z",
            "reason": "Snow",
        },
    ),
    EventType.SHIP_NOTICE_RECEIVED: ("A ship notice (X12 856) has come in.", _NOTICE),
    EventType.SHIP_NOTICE_CANCELLED: ("A ship notice was withdrawn.", _NOTICE),
    EventType.SUPPORT_CASE_OPENED: ("A support case was opened.", _CASE),
    EventType.SUPPORT_CASE_COMMENTED: ("Somebody wrote in a support case.", _CASE),
    EventType.SUPPORT_CASE_ASSIGNED: (
        "A support case has somebody to see to it.",
        {**_CASE, "support_case_assigned_to": "0198f5a2-9b10-7c02-b1c3-8e2f4a6d9b01"},
    ),
    EventType.SUPPORT_CASE_RESOLVED: ("A support case is resolved.", _CASE),
    EventType.SUPPORT_CASE_REOPENED: ("A support case is open again.", _CASE),
    AuditType.NUMBER_FORMAT_CREATED: (
        "Your organisation has a new number format.",
        {**_FORMAT, "name": "ACME", "gapless": False, "allowed_values": None},
    ),
    AuditType.NUMBER_FORMAT_NEARLY_FULL: (
        "A number format of yours will soon have no numbers left.",
        {**_FORMAT, "version": 1, "period": None, "capacity": 999999, "used": 900000},
    ),
    AuditType.NUMBER_FORMAT_VERSION_CREATED: (
        "A number format of yours has a new version.",
        {**_FORMAT, "version": 2, "allowed_values": None, "effective_from": "2036-02-01T00:00:00Z"},
    ),
    AuditType.POLICY_CHANGING: (
        "Your policy will change at `effective_from`.",
        {
            "version": 2,
            "effective_from": "2036-02-01T00:00:00Z",
            "version_before": 1,
            "replaced_versions": [],
            "changes": {"receipt_tolerance": {"from": "0", "to": "5"}},
        },
    ),
    AuditType.POLICY_CREATED: (
        "Your policy has a new version.",
        {"version": 2, "effective_from": "2036-02-01T00:00:00Z", "receipt_tolerance": "5", "activation": "manual"},
    ),
    AuditType.WEBHOOK_DELIVERY_FAILED: (
        "A delivery to one of your endpoints was not taken within three days, and given up.",
        {
            **_ENDPOINT,
            "webhook_delivery_id": "0198f5c1-0a3b-7e45-b8d9-5f2c7a9e1b34",
            "event_id": "0198f5a2-9b10-7c02-b1c3-8e2f4a6d9c01",
            "event_type": "purchase_order.confirmed",
            "position": 1042,
        },
    ),
    AuditType.WEBHOOK_ENDPOINT_DISABLED: (
        "One of your endpoints is called no more: it answered 410, or failed for three days.",
        {**_ENDPOINT, "reason": "gone", "url": "https://erp.nordwind.example/hooks/po-registry"},
    ),
    AuditType.WEBHOOK_ENDPOINT_EVENTS_SKIPPED: (
        "One of your endpoints was off for longer than your feed keeps events: it misses these positions.",
        {**_ENDPOINT, "after": 1042, "up_to": 2311},
    ),
}


def webhooks() -> dict[str, tuple[str, dict[str, Any]]]:
    """Return what each type of webhook says, and an example of its body; KeyError for a type that is missing above."""
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    for type_ in FEED_TYPES:
        meaning, data = _TOLD[type_]
        body = {**EXAMPLE_EVENT, "type": type_, "data": data}
        if type_ not in set(EventType):
            body |= {"sequence": None, "purchase_order": None, "actor": None}
        elif type_ in _NOTICED:
            body |= {"actor": None}
        found[type_] = (meaning, body)
    test: Any = WebhookTest.model_config["json_schema_extra"]
    found[TEST_TYPE] = ("Nothing has happened: you have asked for a test.", test["examples"][0])
    return found
