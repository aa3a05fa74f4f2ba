"""The closed vocabulary of event types: what can happen, one place, documented from here."""

from enum import StrEnum
from typing import Final


class EventType(StrEnum):
    """What happened to a purchase order. `purchase_order.issued` is also the event of a number issued elsewhere."""

    DRAFTED = "purchase_order.drafted"
    ISSUED = "purchase_order.issued"
    CHANGED = "purchase_order.changed"
    CHANGE_DECLINED = "purchase_order.change_declined"
    SEEN = "purchase_order.seen"
    CONFIRMED = "purchase_order.confirmed"
    REJECTED = "purchase_order.rejected"
    ACTIVATED = "purchase_order.activated"
    EXTENDED = "purchase_order.extended"
    EXPIRING = "purchase_order.expiring"
    EXPIRED = "purchase_order.expired"
    LAPSED = "purchase_order.lapsed"
    NOT_ACTIVATED = "purchase_order.not_activated"
    SUSPENDED = "purchase_order.suspended"
    RESUMED = "purchase_order.resumed"
    CANCELLED = "purchase_order.cancelled"
    PARTIALLY_RECEIVED = "purchase_order.partially_received"
    RECEIVED = "purchase_order.received"
    CLOSED = "purchase_order.closed"
    RECEIPT_REVERSED = "receipt.reversed"
    RECEIPT_PUT_AWAY = "receipt.put_away"
    ACTIVATION_REQUESTED = "activation.requested"
    ACTIVATION_APPROVED = "activation.approved"
    ACTIVATION_DENIED = "activation.denied"
    ACTIVATION_WITHDRAWN = "activation.withdrawn"
    PRO_NUMBER_LINKED = "pro_number.linked"
    PRO_NUMBER_CHANGED = "pro_number.changed"
    PRO_NUMBER_MOVED = "pro_number.moved"
    PRO_NUMBER_UNLINKED = "pro_number.unlinked"
    DELIVERY_BOOKING_REQUESTED = "delivery_booking.requested"
    DELIVERY_BOOKING_CONFIRMED = "delivery_booking.confirmed"
    DELIVERY_BOOKING_RESCHEDULED = "delivery_booking.rescheduled"
    DELIVERY_BOOKING_CHANGED = "delivery_booking.changed"
    DELIVERY_BOOKING_CANCELLED = "delivery_booking.cancelled"
    DELIVERY_BOOKING_ARRIVED = "delivery_booking.arrived"
    DELIVERY_BOOKING_COMPLETED = "delivery_booking.completed"
    DELIVERY_BOOKING_NO_SHOW = "delivery_booking.no_show"
    DELIVERY_BOOKING_SHIPMENT_ADDED = "delivery_booking.shipment_added"
    DELIVERY_BOOKING_SHIPMENT_REMOVED = "delivery_booking.shipment_removed"
    DELIVERY_BOOKING_AT_RISK = "delivery_booking.at_risk"
    TRACKING_NUMBER_LINKED = "tracking_number.linked"
    TRACKING_NUMBER_CHANGED = "tracking_number.changed"
    TRACKING_NUMBER_UNLINKED = "tracking_number.unlinked"
    SHIPMENT_STATUS_CHANGED = "shipment.status_changed"
    SHIP_NOTICE_RECEIVED = "ship_notice.received"
    SHIP_NOTICE_CANCELLED = "ship_notice.cancelled"
    SUPPORT_CASE_OPENED = "support_case.opened"
    SUPPORT_CASE_COMMENTED = "support_case.commented"
    SUPPORT_CASE_ASSIGNED = "support_case.assigned"
    SUPPORT_CASE_RESOLVED = "support_case.resolved"
    SUPPORT_CASE_REOPENED = "support_case.reopened"


GATE_CHECKED: Final = "gate.checked"
"""Stands in an order's timeline among its events. It changes nothing, so it has no number of its own."""


class AuditType(StrEnum):
    """What happened to an organisation itself: its keys, its formats, its policy, its carriers, its calendars."""

    ORGANISATION_CREATED = "organisation.created"
    ORGANISATION_UPDATED = "organisation.updated"
    API_KEY_CREATED = "api_key.created"
    API_KEY_REVOKED = "api_key.revoked"
    API_KEY_ROTATED = "api_key.rotated"
    NUMBER_FORMAT_CREATED = "number_format.created"
    NUMBER_FORMAT_VERSION_CREATED = "number_format.version_created"
    NUMBER_FORMAT_NEARLY_FULL = "number_format.nearly_full"
    POLICY_CREATED = "policy.created"
    POLICY_CHANGING = "policy.changing"
    CARRIER_STORED = "carrier.stored"
    CALENDAR_STORED = "calendar.stored"
    CALENDAR_DELETED = "calendar.deleted"
    SHARED_CARRIER_STORED = "shared_carrier.stored"
    PRO_CLAIM_RELEASED = "pro_claim.released"
    WEBHOOK_ENDPOINT_CREATED = "webhook_endpoint.created"
    WEBHOOK_ENDPOINT_UPDATED = "webhook_endpoint.updated"
    WEBHOOK_ENDPOINT_DELETED = "webhook_endpoint.deleted"
    WEBHOOK_ENDPOINT_SECRET_ROTATED = "webhook_endpoint.secret_rotated"  # noqa: S105 - no secret
    WEBHOOK_ENDPOINT_DISABLED = "webhook_endpoint.disabled"
    WEBHOOK_ENDPOINT_EVENTS_SKIPPED = "webhook_endpoint.events_skipped"
    WEBHOOK_DELIVERY_FAILED = "webhook_delivery.failed"


TOLD_TO_THE_ORGANISATION: Final = frozenset(
    {
        *(AuditType.POLICY_CREATED, AuditType.POLICY_CHANGING),
        *(AuditType.NUMBER_FORMAT_CREATED, AuditType.NUMBER_FORMAT_VERSION_CREATED),
        AuditType.NUMBER_FORMAT_NEARLY_FULL,
        *(AuditType.WEBHOOK_ENDPOINT_DISABLED, AuditType.WEBHOOK_ENDPOINT_EVENTS_SKIPPED),
        AuditType.WEBHOOK_DELIVERY_FAILED,
    }
)
"""What of itself an organisation's feed tells: of what every key may read. Of keys, say, it tells nobody."""
