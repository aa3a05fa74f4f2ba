"""Who is calling, and who may do what: the contract's table of operations, scopes and relations, in one place.

Endpoints take their rule from `OPERATIONS` by their operationId; an endpoint without a row fails the start.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol
from uuid import UUID


class Scope(StrEnum):
    """What a key may be used for; the closed vocabulary of `scopes`."""

    ADMIN = "admin"
    KEYS_WRITE = "keys:write"
    FORMATS_WRITE = "formats:write"
    POLICIES_WRITE = "policies:write"
    ORDERS_WRITE = "orders:write"
    ORDERS_READ = "orders:read"
    ORDERS_CONFIRM = "orders:confirm"
    ACTIVATIONS_REQUEST = "activations:request"
    ACTIVATIONS_REVIEW = "activations:review"
    VALIDATE = "validate"
    RECEIVE = "receive"
    RECEIVE_REVERSE = "receive:reverse"
    SHIP = "ship"
    CASES = "cases"
    WEBHOOKS_WRITE = "webhooks:write"


class Relation(StrEnum):
    """What an organisation is to an order. Most privileged first: the first that holds decides what is shown."""

    OWNER = "owner"
    SELLER = "seller"
    SHIP_TO = "ship_to"
    FORWARDER = "forwarder"
    PRESENTER = "presenter"


NAMED = frozenset({Relation.OWNER, Relation.SELLER, Relation.SHIP_TO, Relation.FORWARDER})
"""Relations that an order itself names; a presenter only holds its number."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What an operation asks for: one of `scopes`, and for operations on an order one of `relations` to it.

    No scopes: any valid key will do. No relations: the operation is about the caller's own organisation.
    """

    scopes: frozenset[Scope]
    relations: frozenset[Relation] = frozenset()


def _rule(*scopes: Scope, relations: frozenset[Relation] = frozenset()) -> Rule:
    return Rule(frozenset(scopes), relations)


_OWNER = frozenset({Relation.OWNER})
_RECEIVERS = frozenset({Relation.OWNER, Relation.SHIP_TO})
_SHIPPERS = frozenset({Relation.OWNER, Relation.SELLER, Relation.FORWARDER, Relation.PRESENTER})

OPERATIONS: Mapping[str, Rule] = {
    # The operator's
    "create_organisation": _rule(Scope.ADMIN),
    "list_organisations": _rule(Scope.ADMIN),
    "get_organisation": _rule(Scope.ADMIN),
    "update_organisation": _rule(Scope.ADMIN),
    "put_shared_carrier": _rule(Scope.ADMIN),
    "release_pro_number": _rule(Scope.ADMIN),
    # An organisation's own
    "create_api_key": _rule(Scope.KEYS_WRITE, Scope.ADMIN),
    "list_api_keys": _rule(Scope.KEYS_WRITE, Scope.ADMIN),
    "revoke_api_key": _rule(Scope.KEYS_WRITE, Scope.ADMIN),
    "rotate_api_key": _rule(Scope.KEYS_WRITE, Scope.ADMIN),
    "create_number_format": _rule(Scope.FORMATS_WRITE),
    "create_number_format_version": _rule(Scope.FORMATS_WRITE),
    "list_number_formats": _rule(),
    "get_number_format": _rule(),
    "preview_number_format": _rule(),
    "verify_number": _rule(),
    "create_policy": _rule(Scope.POLICIES_WRITE),
    "list_policies": _rule(),
    # Orders
    "issue_purchase_order": _rule(Scope.ORDERS_WRITE),
    "issue_purchase_order_batch": _rule(Scope.ORDERS_WRITE),
    "list_purchase_orders": _rule(Scope.ORDERS_READ, relations=NAMED),
    "get_purchase_order": _rule(Scope.ORDERS_READ, relations=NAMED),
    "update_purchase_order": _rule(Scope.ORDERS_WRITE, relations=_OWNER),
    "list_purchase_order_revisions": _rule(Scope.ORDERS_READ, relations=NAMED),
    "get_purchase_order_revision": _rule(Scope.ORDERS_READ, relations=NAMED),
    "list_purchase_order_events": _rule(Scope.ORDERS_READ, relations=NAMED),
    "find_purchase_orders": _rule(Scope.ORDERS_READ, relations=NAMED),
    "send_purchase_order": _rule(Scope.ORDERS_WRITE, relations=_OWNER),
    "confirm_purchase_order": _rule(Scope.ORDERS_CONFIRM, relations=frozenset({Relation.SELLER, Relation.OWNER})),
    "reject_purchase_order": _rule(Scope.ORDERS_CONFIRM, relations=frozenset({Relation.SELLER, Relation.OWNER})),
    "activate_purchase_order": _rule(Scope.ORDERS_WRITE, relations=_OWNER),
    "extend_purchase_order": _rule(Scope.ORDERS_WRITE, relations=_OWNER),
    "suspend_purchase_order": _rule(Scope.ORDERS_WRITE, relations=_OWNER),
    "resume_purchase_order": _rule(Scope.ORDERS_WRITE, relations=_OWNER),
    "cancel_purchase_order": _rule(Scope.ORDERS_WRITE, relations=_OWNER),
    "close_purchase_order": _rule(Scope.ORDERS_WRITE, relations=_OWNER),
    # What happened
    "follow_events": _rule(Scope.ORDERS_READ, relations=NAMED),
    # Webhooks: an organisation's own
    "create_webhook_endpoint": _rule(Scope.WEBHOOKS_WRITE),
    "list_webhook_endpoints": _rule(Scope.WEBHOOKS_WRITE),
    "get_webhook_endpoint": _rule(Scope.WEBHOOKS_WRITE),
    "update_webhook_endpoint": _rule(Scope.WEBHOOKS_WRITE),
    "delete_webhook_endpoint": _rule(Scope.WEBHOOKS_WRITE),
    "rotate_webhook_secret": _rule(Scope.WEBHOOKS_WRITE),
    "send_test_webhook": _rule(Scope.WEBHOOKS_WRITE),
    "list_webhook_deliveries": _rule(Scope.WEBHOOKS_WRITE),
    "redeliver_webhook_deliveries": _rule(Scope.WEBHOOKS_WRITE),
    "get_webhook_delivery": _rule(Scope.WEBHOOKS_WRITE),
    "redeliver_webhook_delivery": _rule(Scope.WEBHOOKS_WRITE),
    # Imports and exports
    # Orders with `orders:write`, messages about shipments with `ship`: what a file holds shows only when it is read.
    "import_purchase_orders": _rule(Scope.ORDERS_WRITE, Scope.SHIP),
    "get_import": _rule(Scope.ORDERS_WRITE, Scope.SHIP),
    "export_purchase_orders": _rule(Scope.ORDERS_READ, relations=NAMED),
    # Activation requests
    "request_activation": _rule(Scope.ACTIVATIONS_REQUEST, relations=frozenset(Relation)),
    "list_activation_requests": _rule(
        Scope.ACTIVATIONS_REQUEST, Scope.ACTIVATIONS_REVIEW, relations=frozenset(Relation)
    ),
    "get_activation_request": _rule(Scope.ACTIVATIONS_REQUEST, Scope.ACTIVATIONS_REVIEW, relations=frozenset(Relation)),
    "approve_activation_request": _rule(Scope.ACTIVATIONS_REVIEW, relations=_OWNER),
    "deny_activation_request": _rule(Scope.ACTIVATIONS_REVIEW, relations=_OWNER),
    "withdraw_activation_request": _rule(Scope.ACTIVATIONS_REQUEST, relations=frozenset(Relation)),
    # Support cases
    "open_support_case": _rule(Scope.CASES, relations=frozenset(Relation)),
    "list_support_cases": _rule(Scope.CASES, relations=frozenset(Relation)),
    "get_support_case": _rule(Scope.CASES, relations=frozenset(Relation)),
    "comment_on_support_case": _rule(Scope.CASES, relations=frozenset(Relation)),
    "assign_support_case": _rule(Scope.CASES, relations=NAMED),
    "resolve_support_case": _rule(Scope.CASES, relations=frozenset(Relation)),
    "reopen_support_case": _rule(Scope.CASES, relations=frozenset(Relation)),
    # Receiving
    "receive_purchase_order": _rule(Scope.RECEIVE, relations=_RECEIVERS),
    "list_receipts": _rule(Scope.ORDERS_READ, Scope.RECEIVE, relations=NAMED),
    "reverse_receipt": _rule(Scope.RECEIVE_REVERSE, relations=_RECEIVERS),
    "put_away_receipt": _rule(Scope.RECEIVE, relations=_RECEIVERS),
    # The gate
    "validate_number": _rule(Scope.VALIDATE, relations=frozenset(Relation)),
    "validate_input": _rule(Scope.VALIDATE, relations=frozenset(Relation)),
    "validate_batch": _rule(Scope.VALIDATE, relations=frozenset(Relation)),
    # Shipments
    "list_carriers": _rule(Scope.SHIP),
    "get_carrier": _rule(Scope.SHIP),
    "put_carrier": _rule(Scope.SHIP),
    "link_pro_number": _rule(Scope.SHIP, relations=_SHIPPERS),
    "list_pro_numbers": _rule(Scope.ORDERS_READ, Scope.SHIP, relations=NAMED),
    "link_pro_number_batch": _rule(Scope.SHIP, relations=_SHIPPERS),
    "move_pro_number": _rule(Scope.SHIP, relations=_SHIPPERS),
    "unlink_pro_number": _rule(Scope.SHIP, relations=_SHIPPERS),
    "get_pro_number": _rule(Scope.ORDERS_READ, Scope.SHIP, relations=NAMED),
    # Calendars: a location is an organisation's own; who ships an order that goes there asks what is free
    "put_location_calendar": _rule(Scope.SHIP),
    "get_location_calendar": _rule(Scope.SHIP),
    "delete_location_calendar": _rule(Scope.SHIP),
    "list_free_slots": _rule(Scope.SHIP, relations=_SHIPPERS),
    # Deliveries
    "book_delivery": _rule(Scope.SHIP, relations=_SHIPPERS),
    "list_delivery_bookings": _rule(Scope.SHIP),
    "get_delivery_booking": _rule(Scope.SHIP),
    "list_delivery_booking_events": _rule(Scope.SHIP),
    "confirm_delivery_booking": _rule(Scope.SHIP),
    "reschedule_delivery_booking": _rule(Scope.SHIP),
    "cancel_delivery_booking": _rule(Scope.SHIP),
    "arrive_delivery_booking": _rule(Scope.SHIP),
    "arrive_vehicle": _rule(Scope.SHIP),
    "complete_delivery_booking": _rule(Scope.SHIP),
    "mark_delivery_booking_no_show": _rule(Scope.SHIP),
    "add_delivery_booking_shipment": _rule(Scope.SHIP),
    "remove_delivery_booking_shipment": _rule(Scope.SHIP),
    "record_tracking_events": _rule(Scope.SHIP, relations=_SHIPPERS),
    "list_tracking_events": _rule(Scope.ORDERS_READ, Scope.SHIP, relations=NAMED),
    "link_tracking_number": _rule(Scope.SHIP, relations=_SHIPPERS),
    "list_tracking_numbers": _rule(Scope.ORDERS_READ, Scope.SHIP, relations=NAMED),
    "unlink_tracking_number": _rule(Scope.SHIP, relations=_SHIPPERS),
    "record_parcel_events": _rule(Scope.SHIP, relations=_SHIPPERS),
    "list_parcel_events": _rule(Scope.ORDERS_READ, Scope.SHIP, relations=NAMED),
}
"""operationId -> rule (contract, section 3)."""


@dataclass(frozen=True, slots=True)
class Principal:
    """The organisation that is calling, with the scopes of the key it presented.

    `key_id` names the key in the audit trail; `rule` is the rule of the operation that is running. `met`: what it has
    turned out to be to the orders that this request has looked for and found.
    """

    organisation_id: UUID
    key_id: UUID
    scopes: frozenset[Scope]
    rule: Rule
    met: set[Relation] = field(default_factory=set, init=False, repr=False, compare=False)

    @property
    def is_operator(self) -> bool:
        """Whether the caller runs the service; this opens no order of another organisation."""
        return Scope.ADMIN in self.scopes


class Authenticated(Protocol):
    """What an accepted key stands for."""

    @property
    def organisation_id(self) -> UUID: ...
    @property
    def key_id(self) -> UUID: ...
    @property
    def scopes(self) -> frozenset[Scope]: ...


class Authenticator(Protocol):
    """The roof hands one to the HTTP floor, so that no domain ever sees an API key."""

    async def authenticate(self, secret: str) -> Authenticated:
        """Return whom the key stands for; raises the 401 problems of the access domain, or 503 without a database."""
        ...
