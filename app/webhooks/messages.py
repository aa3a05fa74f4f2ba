"""What is sent of an event."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from app.feed.schemas import FeedEvent
from app.webhooks.schemas import TEST_TYPE, WebhookEvent, WebhookTest

LARGEST_BODY: Final = 20_000
"""In bytes (Standard Webhooks advises less than 20 kB)."""


def body_of(event: FeedEvent) -> str:
    """Return the JSON text that is sent of an event; its `data` stays behind where that would be too much."""
    whole = WebhookEvent(**_members(event), timestamp=event.occurred_at, data_left_out=False)
    text = whole.model_dump_json()
    if len(text.encode()) <= LARGEST_BODY:
        return text
    return whole.model_copy(update={"data": {}, "data_left_out": True}).model_dump_json()


def body_of_test(webhook_id: UUID, endpoint_id: UUID, at: datetime) -> str:
    """Return the JSON text that is sent to try an endpoint out."""
    data = {"webhook_endpoint_id": str(endpoint_id)}
    return WebhookTest(type="webhook.test", id=webhook_id, timestamp=at, data=data).model_dump_json()


def lane_of(event: FeedEvent, organisation_id: UUID) -> UUID:
    """Return what an event goes one after the other with: others of its order, or of the organisation itself."""
    return organisation_id if event.purchase_order is None else event.purchase_order.id


def is_about_webhooks(event_type: str) -> bool:
    """Return whether events of the type tell of webhooks themselves: that these fail is not told again."""
    return event_type == TEST_TYPE or event_type.startswith("webhook_")


def _members(event: FeedEvent) -> dict[str, Any]:
    return {name: getattr(event, name) for name in FeedEvent.model_fields}
