"""Bodies of webhook endpoints, of deliveries, and of what is delivered."""

from enum import StrEnum
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field, WithJsonSchema, field_validator, model_validator
from pydantic_core import PydanticCustomError

from app.feed.schemas import FEED_TYPES, FeedEvent
from app.http.schemas import AnswerModel, RequestModel, ShortText, Timestamp
from app.webhooks.destinations import LONGEST_URL
from app.webhooks.sender import AttemptError

TEST_TYPE = "webhook.test"

Url = Annotated[str, Field(min_length=1, max_length=LONGEST_URL)]
# What is left out stays as it is; a default would say something else.

NamedRelation = Literal["owner", "seller", "ship_to", "forwarder"]


def _known_types(types: list[str] | None) -> list[str] | None:
    for one in types or []:
        if one not in FEED_TYPES:
            raise PydanticCustomError("unknown_type", "There is no type of events `{type}`", {"type": one[:64]})
    return None if types is None else [one for one in FEED_TYPES if one in types]


EventTypes = Annotated[
    list[str],
    Field(min_length=1, max_length=len(FEED_TYPES)),
    WithJsonSchema({"type": "array", "items": {"type": "string", "enum": [*FEED_TYPES]}, "minItems": 1}),
]

_ID = "0198f5c0-52ce-7d11-8a37-0c9be1f4d201"
_ENDPOINT: dict[str, Any] = {
    "id": _ID,
    "url": "https://erp.nordwind.example/hooks/po-registry",
    "description": "ERP, order synchronisation",
    "event_types": ["purchase_order.confirmed", "purchase_order.expired"],
    "relation": None,
    "enabled": True,
    "disabled_at": None,
    "disabled_reason": None,
    "failing_since": None,
    "previous_secret_expires_at": None,
    "created_at": "2036-01-04T08:31:00Z",
    "updated_at": "2036-01-04T08:31:00Z",
}
_SECRET = "whsec_EXAMPLEEXAMPLEEXAMPLEEXAMPLEEXAMPLEEXAMPLE="  # noqa: S105 - an example
_ATTEMPTS: list[dict[str, Any]] = [
    {
        "at": "2036-01-05T09:12:45Z",
        "seconds": 0.214,
        "status": 503,
        "excerpt": "maintenance",
        "error": "refused",
    },
    {"at": "2036-01-05T09:12:51Z", "seconds": 0.048, "status": 204, "excerpt": "", "error": None},
]
_DELIVERY: dict[str, Any] = {
    "id": "0198f5c1-0a3b-7e45-b8d9-5f2c7a9e1b34",
    "webhook_endpoint_id": _ID,
    "webhook_id": "0198f5a2-9b10-7c02-b1c3-8e2f4a6d9c01",
    "event_type": "purchase_order.confirmed",
    "position": 1042,
    "status": "delivered",
    "created_at": "2036-01-05T09:12:45Z",
    "next_attempt_at": None,
    "waits_for_an_earlier_one": False,
    "delivered_at": "2036-01-05T09:12:51Z",
    "attempts": _ATTEMPTS,
}


_OF_FEED: Any = FeedEvent.model_config.get("json_schema_extra")

EXAMPLE_EVENT: dict[str, Any] = {
    **_OF_FEED["examples"][0],
    "timestamp": _OF_FEED["examples"][0]["occurred_at"],
    "data_left_out": False,
}


class DisabledReason(StrEnum):
    """Why an endpoint is not called."""

    BY_OWNER = "by_owner"
    GONE = "gone"
    FAILING = "failing"


class DeliveryStatus(StrEnum):
    """How far a delivery is."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


DISABLED_MEANINGS = {
    DisabledReason.BY_OWNER: "Your organisation has turned it off.",
    DisabledReason.GONE: "It answered 410.",
    DisabledReason.FAILING: "Every attempt has failed for three days.",
}

DELIVERY_MEANINGS = {
    DeliveryStatus.PENDING: "Not taken yet: it is tried again, waits for an earlier one, or for the endpoint to be "
    "enabled.",
    DeliveryStatus.DELIVERED: "The endpoint answered 2xx.",
    DeliveryStatus.FAILED: "Not taken within three days, and given up.",
}

ERROR_MEANINGS = {
    AttemptError.REFUSED: "The answer was neither 2xx nor one of those below.",
    AttemptError.GONE: "The answer was 410: the endpoint was disabled.",
    AttemptError.REDIRECTED: "The answer was 3xx: no redirect is followed.",
    AttemptError.TIMED_OUT: "No answer in time.",
    AttemptError.ADDRESS_NOT_ALLOWED: "The host leads to an internal address: nothing was sent.",
    AttemptError.NAME_NOT_RESOLVED: "The host has no address.",
    AttemptError.NOT_CONNECTED: "Nobody took the connection.",
    AttemptError.TLS_FAILED: "The certificate is not that of the host, has ended, or comes from nobody known.",
    AttemptError.PROTOCOL_ERROR: "The connection broke, or what was answered is not HTTP.",
}


class CreateWebhookEndpoint(RequestModel):
    """Where to send events."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{name: _ENDPOINT[name] for name in ("url", "description", "event_types", "relation")}]
        }
    )

    url: Url
    """Where events are POSTed to: `https`, on the public Internet. No redirect is followed."""
    description: ShortText | None = None
    """What it is for, in words."""
    event_types: EventTypes | None = None
    """The types to send; all, and those that later versions add, when left out."""
    relation: NamedRelation | None = None
    """Only events of orders to which your organisation had this relation; events of any order, and of your own policy
    and formats, when left out."""

    _known = field_validator("event_types")(_known_types)


def _without_defaults(schema: dict[str, Any]) -> None:
    # What is left out is not set to a default: it stays as it is.
    for field in schema["properties"].values():
        field.pop("default", None)
    schema["examples"] = [{"enabled": True}]


class UpdateWebhookEndpoint(RequestModel):
    """What to change; what is left out stays as it is."""

    model_config = ConfigDict(json_schema_extra=_without_defaults)

    url: Url = ""
    description: ShortText | None = None
    event_types: EventTypes | None = None
    """Null: all."""
    relation: NamedRelation | None = None
    """Null: any."""
    enabled: bool = True
    """False: the endpoint is not called. True: it is called again, and begins where it stopped: what has happened since
    is sent, and what was pending is tried for another three days."""

    _known = field_validator("event_types")(_known_types)


class RotateWebhookSecret(RequestModel):
    """How to change the secret."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"overlap_seconds": 86400}]})

    overlap_seconds: Annotated[int, Field(ge=0, le=604_800)] = 86_400
    """How long webhooks are signed by the old secret besides, in seconds; 0 ends it at once."""


class RedeliverWebhooks(RequestModel):
    """Which deliveries to make once more."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"since": "2036-01-05T08:00:00Z", "until": "2036-01-05T12:00:00Z", "status": "failed"}]
        }
    )

    since: Timestamp
    """Deliveries that were made ready at this time or later (`created_at`)."""
    until: Timestamp | None = None
    """And before this one; until now when left out."""
    status: Literal["failed", "delivered", "any"] = "failed"
    """Those that failed; those that were delivered, for a receiver that has lost them; or both."""

    @model_validator(mode="after")
    def _some_time(self) -> Self:
        if self.until is not None and self.until <= self.since:
            raise PydanticCustomError("span_of_time", "`until` is later than `since`")
        return self


class WebhookEndpoint(AnswerModel):
    """A place that events are sent to, without its secret."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ENDPOINT]})

    id: UUID
    url: str
    description: str | None
    event_types: list[str] | None
    """Null: all."""
    relation: NamedRelation | None
    """Null: any."""
    enabled: bool
    disabled_at: Timestamp | None
    disabled_reason: DisabledReason | None
    failing_since: Timestamp | None
    """Since when every attempt has failed; null while the endpoint takes what it is sent. After three days it is
    disabled."""
    previous_secret_expires_at: Timestamp | None
    """Until when webhooks are signed by the secret before this one, too."""
    created_at: Timestamp
    updated_at: Timestamp


class WebhookEndpointWithSecret(WebhookEndpoint):
    """An endpoint at the moment of its creation, or when its secret is rotated: the only times that it is shown."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_ENDPOINT, "secret": _SECRET}]})

    secret: str | None
    """What webhooks are signed by (Standard Webhooks), shown this once. Null where an Idempotency-Key repeats the
    answer."""


class WebhookAttempt(AnswerModel):
    """One attempt of a delivery."""

    at: Timestamp
    seconds: float
    """How long it took."""
    status: int | None
    """The status of the answer; null where there was none."""
    excerpt: str | None
    """The beginning of the answer's body."""
    error: AttemptError | None
    """Why it did not succeed; null where it did."""


class WebhookDelivery(AnswerModel):
    """An event on its way to an endpoint."""

    model_config = ConfigDict(json_schema_extra={"examples": [_DELIVERY]})

    id: UUID
    webhook_endpoint_id: UUID
    webhook_id: UUID
    """What the header `webhook-id` says, the same in each attempt: the event's id."""
    event_type: str
    position: int | None
    """The event's position in your feed; null for a test."""
    status: DeliveryStatus
    created_at: Timestamp
    next_attempt_at: Timestamp | None
    waits_for_an_earlier_one: bool
    """Whether an earlier event of the same order is on its way still."""
    delivered_at: Timestamp | None
    attempts: list[WebhookAttempt]
    """The last fifty, oldest first."""


class WebhookDeliveryWithBody(WebhookDelivery):
    """A delivery with what is sent."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {**_DELIVERY, "body": '{"type":"purchase_order.confirmed","timestamp":"2036-01-05T09:12:44Z"}'}
            ]
        }
    )

    body: str
    """The body, byte for byte as it is signed."""


class Redelivered(AnswerModel):
    """How many deliveries are made once more."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"redelivered": 17, "next_since": None}]})

    redelivered: int
    next_since: Timestamp | None
    """Null: these were all. Otherwise there are more than are taken at once: ask again with this as `since`."""


class WebhookEvent(FeedEvent):
    """What is sent: the event as in your organisation's feed, with what Standard Webhooks asks for besides."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_EVENT]})

    timestamp: Timestamp
    """When it happened: the same as `occurred_at`."""
    data_left_out: bool
    """True where the body would have more than 20,000 bytes: then `data` is empty, and
    `GET /v1/events?after=<position - 1>&limit=1` answers the event whole."""


class WebhookTest(AnswerModel):
    """What `test` sends."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": TEST_TYPE,
                    "id": "0198f5c2-7d1e-7a93-95c6-2b8e4f0d6a17",
                    "timestamp": "2036-01-04T08:35:00Z",
                    "data": {"webhook_endpoint_id": _ID},
                }
            ]
        }
    )

    type: Literal["webhook.test"]
    id: UUID
    timestamp: Timestamp
    data: dict[str, Any]
