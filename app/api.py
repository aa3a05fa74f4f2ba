"""Every router of the API under `/v1`, and what the API's document says of the whole."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter

from app.access.endpoints import router as api_keys
from app.cases.case_rules import CASE_STATUS_MEANINGS, STEP_MEANINGS, CaseStatus, CaseStep
from app.cases.endpoints import router as support_cases
from app.deliveries.booking_lifecycle import STATUS_MEANINGS as BOOKING_STATUS_MEANINGS
from app.deliveries.booking_lifecycle import BookingStatus
from app.deliveries.booking_rules import LOAD_TYPE_MEANINGS, LoadType
from app.deliveries.calendar_endpoints import router as location_calendars
from app.deliveries.endpoints import router as delivery_bookings
from app.deliveries.lifecycle_endpoints import router as delivery_booking_lifecycle
from app.errors import PROBLEMS
from app.exchange.documents import FORMAT_MEANINGS, ImportFormat
from app.exchange.endpoints import router as exchange
from app.exchange.exporting import EXPORT_FORMAT_MEANINGS, ExportFormat
from app.exchange.schemas import OUTCOME_MEANINGS, ImportStatus, Outcome
from app.exchange.schemas import STATUS_MEANINGS as IMPORT_STATUS_MEANINGS
from app.feed.endpoints import router as events
from app.http.openapi import Webhook
from app.lookup.endpoints import router as lookup
from app.numbers.endpoints import router as number_formats
from app.orders.acknowledgement_rules import (
    DECISION_MEANINGS,
    AcknowledgementDecision,
    AcknowledgementReason,
    reason_meaning,
)
from app.orders.activation_endpoints import router as activation_requests
from app.orders.activation_rules import REQUEST_STATUS_MEANINGS, ActivationRequestStatus
from app.orders.causes import CAUSE_MEANINGS, Cause
from app.orders.change_endpoints import router as purchase_order_changes
from app.orders.change_schemas import REVISION_STATUS_MEANINGS, RevisionStatus
from app.orders.endpoints import router as purchase_orders
from app.orders.lifecycle import OrderStatus
from app.orders.lifecycle_endpoints import router as purchase_order_lifecycle
from app.orders.lifecycle_page import STATUS_MEANINGS
from app.orders.policies import (
    ACTIVATION_MEANINGS,
    GATE_FACT_MEANINGS,
    SPLIT_SHIPMENTS_MEANINGS,
    ActivationMode,
    GateFact,
    SplitShipments,
)
from app.orders.policy_endpoints import router as policies
from app.orders.receipt_endpoints import router as receipts
from app.organisations.endpoints import router as organisations
from app.principal import OPERATIONS, Scope
from app.shipments.endpoints import router as shipments
from app.shipments.parcel_endpoints import router as parcels
from app.shipments.pro_number_endpoints import router as pro_numbers
from app.shipments.tracking_endpoints import router as tracking
from app.shipments.tracking_rules import STATUS_MEANINGS as TRACKING_MEANINGS
from app.shipments.tracking_rules import TrackingEventType, TrackingStatus
from app.validation.endpoints import router as validations
from app.validation.refusal_codes import RefusalCode
from app.validation.refusal_page import refusal_meaning
from app.webhooks import examples as webhook_examples
from app.webhooks.endpoints import router as webhook_endpoints
from app.webhooks.schemas import (
    DELIVERY_MEANINGS,
    DISABLED_MEANINGS,
    ERROR_MEANINGS,
    TEST_TYPE,
    DeliveryStatus,
    DisabledReason,
    WebhookEvent,
    WebhookTest,
)
from app.webhooks.sender import AttemptError

router = APIRouter(prefix="/v1")

for part in (
    validations,
    purchase_orders,
    purchase_order_changes,
    lookup,
    events,
    webhook_endpoints,
    purchase_order_lifecycle,
    activation_requests,
    support_cases,
    receipts,
    exchange,
    shipments,
    pro_numbers,
    location_calendars,
    delivery_bookings,
    delivery_booking_lifecycle,
    tracking,
    parcels,
    policies,
    number_formats,
    organisations,
    api_keys,
):
    router.include_router(part)

TAGS: list[dict[str, Any]] = [
    {"name": "Validation", "description": "The question at the gate: may these goods come in?"},
    {"name": "Purchase orders", "description": "Issue orders, register numbers issued elsewhere, read and list."},
    {
        "name": "Purchase order lifecycle",
        "description": "Lead an order through its life: issued, confirmed, active, and how it ends.",
    },
    {
        "name": "Activation requests",
        "description": "Ask the buyer to have an order accepted that is not active, has lapsed or has expired.",
    },
    {
        "name": "Support cases",
        "description": "Ask the order's parties for help with a number that fails, with the order's facts attached.",
    },
    {"name": "Receiving", "description": "Goods that come in: each exactly once, whole or in parts, and taken back."},
    {
        "name": "Imports and exports",
        "description": "Files in and out: CSV, X12, the JSON of Amazon's Vendor Orders API.",
    },
    {
        "name": "Shipments",
        "description": "Carriers, the PRO numbers that link a vehicle to its orders, and where it is.",
    },
    {
        "name": "Deliveries",
        "description": "Book a vehicle at a warehouse, and lead it to the dock; calendars of locations.",
    },
    {
        "name": "Events",
        "description": "Follow what happens to your orders, complete and in order, without polling.",
    },
    {
        "name": "Webhooks",
        "description": "Have events sent to you, signed, in order and until they are taken.",
    },
    {
        "name": "Policies",
        "description": "How orders are issued, activated and shipped, and what a gate asks of deliveries.",
    },
    {"name": "Number formats", "description": "How numbers are written, and whether a text is one."},
    {"name": "Organisations", "description": "The parties of the trade; for the operator."},
    {"name": "API keys", "description": "Who may call, and for what."},
]

_INTRODUCTION = """
Issues unique purchase-order (PO) numbers, records their activation and expiry, validates them at the gate, and links
them to the carriers' PRO numbers.

## Start here

1. Send your key with every request: `Authorization: Bearer por_live_...`.
2. `POST /v1/purchase-orders` with `{}` issues a number; everything else about the order may be said too.
3. `POST /v1/purchase-orders/{number}/confirm`, then `.../activate`, make it valid.
4. `GET /v1/validations/{number}` is the question a gate asks. The answer is `accept`, `hold` or `reject`, with every
   reason and what to do next; `RefusalCode` lists all reasons.
5. `POST /v1/purchase-orders/{number}/receive` takes the goods in; `POST /v1/validations` with `receive` asks and, where
   the answer is `accept`, receives in one go.

## Numbers

Case, spaces and dashes do not matter, and neither do `PO#` or `P.O. No.` before a number; look-alikes (0 and O, 1 and
I) do. A `/` inside a number is written `%2F` in a path, and an order's `id` does wherever a number does. Two buyers may
have registered the same number that was issued elsewhere: `409 ambiguous_number` until `?buyer=` says whose is meant.

## Conventions

- **Bodies** are JSON in `snake_case`. An unknown field is an error, and so is an unknown query parameter: a typing
  error never passes as an omission. Answers may get new fields at any time. Bodies have up to 1 MiB, batches up to
  8 MiB, files to import up to 50 MiB.
- **Money and quantities** travel as strings (`"4.90"`), times as RFC 3339 in UTC (`2036-03-01T00:00:00Z`).
- **Repeating** is safe with an `Idempotency-Key` on any POST that writes: for 24 hours the same request gets the same
  answer, with `Idempotency-Replayed: true`.
- **Lists** answer `data` and `next_cursor`; give it as `cursor`, or follow `Link: rel="next"`. `limit` is 1 to 200.
- **Versions**: an answer's `ETag` does for `If-None-Match` (304 while nothing has changed), and a PATCH needs it as
  `If-Match`.
- **Access**: a resource that your organisation has no relation to is 404, never 403. An organisation is a party of an
  order where the order names its id: owner, seller, ship-to or forwarder; who only holds the number is a presenter.
- **Limits**: numbers of orders that name your organisation may be looked up without end. Others are limited by the
  hour; `RateLimit` says how many are left, and 429 comes with `Retry-After`.
- **Help**: quote the `X-Request-ID` of an answer. Send your own, and it is used.

## Problems

Errors are problem details (RFC 9457), `application/problem+json`: decide by `code`, show `detail`; `type` is the page
of this service that says what to do. With `invalid_request`, `errors` names every field and the rule it breaks. After
a 503 nothing is known and, unless its `outcome` is `unknown`, nothing was done: repeat the request after
`Retry-After` seconds. [All problems, with what
they mean](/problems).
"""


def introduction() -> str:
    """Return the description of the API, in Markdown."""
    codes: dict[int, list[str]] = {}
    for code, problem in sorted(PROBLEMS.items()):
        codes.setdefault(problem.status, []).append(f"[`{code}`](/problems/{code})")
    rows = "\n".join(f"| {status} | {', '.join(linked)} |" for status, linked in sorted(codes.items()))
    return f"{_INTRODUCTION.strip()}\n\n| status | codes |\n|---|---|\n{rows}\n"


def vocabularies() -> Mapping[str, Mapping[str, str]]:
    """Return what the values of closed vocabularies mean, by the names of their schemas."""
    return {
        "Scope": {scope: _use_of(scope) for scope in Scope},
        "OrderStatus": {status: STATUS_MEANINGS[status] for status in OrderStatus},
        "ActivationRequestStatus": {status: REQUEST_STATUS_MEANINGS[status] for status in ActivationRequestStatus},
        "RevisionStatus": {status: REVISION_STATUS_MEANINGS[status] for status in RevisionStatus},
        "AcknowledgementDecision": {decision: DECISION_MEANINGS[decision] for decision in AcknowledgementDecision},
        "AcknowledgementReason": {reason: reason_meaning(reason) for reason in AcknowledgementReason},
        "CaseStatus": {status: CASE_STATUS_MEANINGS[status] for status in CaseStatus},
        "CaseStep": {step: STEP_MEANINGS[step] for step in CaseStep},
        "Cause": {cause: CAUSE_MEANINGS[cause] for cause in Cause},
        "ImportFormat": {form: FORMAT_MEANINGS[form] for form in ImportFormat},
        "ImportStatus": {status: IMPORT_STATUS_MEANINGS[status] for status in ImportStatus},
        "Outcome": {outcome: OUTCOME_MEANINGS[outcome] for outcome in Outcome},
        "ExportFormat": {form: EXPORT_FORMAT_MEANINGS[form] for form in ExportFormat},
        "GateFact": {fact: GATE_FACT_MEANINGS[fact] for fact in GateFact},
        "ActivationMode": {mode: ACTIVATION_MEANINGS[mode] for mode in ActivationMode},
        "BookingStatus": {status: BOOKING_STATUS_MEANINGS[status] for status in BookingStatus},
        "LoadType": {one: LOAD_TYPE_MEANINGS[one] for one in LoadType},
        "SplitShipments": {one: SPLIT_SHIPMENTS_MEANINGS[one] for one in SplitShipments},
        "TrackingEventType": {type_: TRACKING_MEANINGS[type_] for type_ in TrackingEventType},
        "TrackingStatus": {status: TRACKING_MEANINGS[status] for status in TrackingStatus},
        "DeliveryStatus": {one: DELIVERY_MEANINGS[one] for one in DeliveryStatus},
        "DisabledReason": {one: DISABLED_MEANINGS[one] for one in DisabledReason},
        "AttemptError": {one: ERROR_MEANINGS[one] for one in AttemptError},
        "RefusalCode": {code: refusal_meaning(code) for code in RefusalCode},
    }


def webhooks() -> Mapping[str, Webhook]:
    """Return what the service sends by itself."""
    return {
        type_: Webhook(meaning, WebhookTest if type_ == TEST_TYPE else WebhookEvent, example)
        for type_, (meaning, example) in webhook_examples.webhooks().items()
    }


def _use_of(scope: Scope) -> str:
    operations = [f"`{operation_id}`" for operation_id, rule in OPERATIONS.items() if scope in rule.scopes]
    return ", ".join(operations) or "Nothing yet."
