"""`/v1/webhook-endpoints` and `/v1/webhook-deliveries`."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from app.http.authorisation import Caller
from app.http.errors import NotFound, PreconditionFailed, PreconditionRequired
from app.http.openapi import documented
from app.http.pagination import DEFAULT_LIMIT, CursorText, Limit, decode_cursor, page_answer
from app.http.preconditions import IfMatch, IfNoneMatch
from app.http.schemas import Nothing, Page
from app.http.unit_of_work import Answer, Reading, Unit
from app.settings import Settings
from app.webhooks import delivering, service
from app.webhooks.errors import TooManyWebhookEndpoints
from app.webhooks.schemas import (
    CreateWebhookEndpoint,
    DeliveryStatus,
    Redelivered,
    RedeliverWebhooks,
    RotateWebhookSecret,
    UpdateWebhookEndpoint,
    WebhookDelivery,
    WebhookDeliveryWithBody,
    WebhookEndpoint,
    WebhookEndpointWithSecret,
)
from app.webhooks.secrets import Vault

router = APIRouter(tags=["Webhooks"])

EndpointId = Annotated[
    UUID,
    Path(
        alias="webhook_endpoint_id", description="The endpoint's id.", examples=["0198f5c0-52ce-7d11-8a37-0c9be1f4d201"]
    ),
]
DeliveryId = Annotated[
    UUID,
    Path(
        alias="webhook_delivery_id", description="The delivery's id.", examples=["0198f5c1-0a3b-7e45-b8d9-5f2c7a9e1b34"]
    ),
]
_ONE = "/webhook-endpoints/{webhook_endpoint_id}"
_DELIVERY = "/webhook-deliveries/{webhook_delivery_id}"


@router.post(
    "/webhook-endpoints",
    **documented(
        "create_webhook_endpoint",
        WebhookEndpointWithSecret,
        TooManyWebhookEndpoints,
        status=201,
        headers=["ETag", "Location"],
    ),
)
async def create_webhook_endpoint(
    request: Request, body: CreateWebhookEndpoint, caller: Caller, unit: Unit
) -> Response:
    """Create a webhook endpoint.

    From now on the events of your organisation's feed are POSTed to the URL, each with what your relation to the order
    may see, signed as Standard Webhooks says. The field `secret` of the answer is what to verify them by, shown this
    once; `docs/webhooks.md` has a receiver in twenty lines. Answer 2xx within 15 seconds: whatever else you answer, the
    delivery is tried again, for three days. A delivery may come twice; its header `webhook-id` stays the same. Events
    of one order come one after the other.

    Webhooks go to public addresses only, by `https`, unless the operator has named the host.
    """
    settings: Settings = request.app.state.settings
    vault: Vault = request.app.state.webhook_vault
    return await unit.write(
        lambda connection: service.create(connection, caller, vault, settings.internal_hosts, body),
        lambda made: _with_secret(made, 201),
    )


@router.get("/webhook-endpoints", **documented("list_webhook_endpoints", Page[WebhookEndpoint], headers=["Link"]))
async def list_webhook_endpoints(
    request: Request, caller: Caller, unit: Reading, limit: Limit = DEFAULT_LIMIT, cursor: CursorText = None
) -> Response:
    """List webhook endpoints.

    Those of your organisation, oldest first, without their secrets.
    """
    after = decode_cursor(cursor)
    return await unit.read(
        lambda connection: service.page(connection, caller, after, limit + 1),
        lambda found: page_answer(request, Page[WebhookEndpoint], found, limit),
    )


@router.get(_ONE, **documented("get_webhook_endpoint", WebhookEndpoint, NotFound, headers=["ETag"], conditional=True))
async def get_webhook_endpoint(
    endpoint_id: EndpointId, caller: Caller, unit: Reading, _: IfNoneMatch = None
) -> Response:
    """Get a webhook endpoint.

    Without its secret. `failing_since` says that it takes nothing, and `disabled_reason` why it is not called.
    """
    return await unit.read(lambda connection: service.get(connection, caller, endpoint_id), _answer)


@router.patch(
    _ONE,
    **documented(
        "update_webhook_endpoint",
        WebhookEndpoint,
        NotFound,
        PreconditionRequired,
        PreconditionFailed,
        headers=["ETag"],
    ),
)
async def update_webhook_endpoint(
    request: Request,
    endpoint_id: EndpointId,
    body: UpdateWebhookEndpoint,
    caller: Caller,
    unit: Unit,
    if_match: IfMatch = None,
) -> Response:
    """Change a webhook endpoint.

    Only the fields that are sent change; null takes a filter away. `enabled` turns an endpoint off, or on again, also
    one that was disabled because it answered 410 or failed for three days: it goes on where it stopped, and nothing is
    left out that your feed still keeps.
    """
    settings: Settings = request.app.state.settings
    return await unit.write(
        lambda connection: service.update(connection, caller, settings.internal_hosts, endpoint_id, if_match, body),
        _answer,
    )


@router.delete(_ONE, **documented("delete_webhook_endpoint", WebhookEndpoint, NotFound))
async def delete_webhook_endpoint(endpoint_id: EndpointId, caller: Caller, unit: Unit) -> Response:
    """Delete a webhook endpoint.

    With its secrets and its deliveries; what is pending is not sent any more. The answer is the endpoint as it was.
    """
    return await unit.write(lambda connection: service.delete(connection, caller, endpoint_id), Answer)


@router.post(
    f"{_ONE}/rotate-secret",
    **documented("rotate_webhook_secret", WebhookEndpointWithSecret, NotFound, headers=["ETag"]),
)
async def rotate_webhook_secret(
    request: Request,
    endpoint_id: EndpointId,
    caller: Caller,
    unit: Unit,
    body: RotateWebhookSecret | None = None,
) -> Response:
    """Rotate the secret of a webhook endpoint.

    The new secret is shown this once. For a day, or as long as `overlap_seconds` says, webhooks carry two signatures,
    one by each secret: time to bring the new one to the receiver.
    """
    vault: Vault = request.app.state.webhook_vault
    return await unit.write(
        lambda connection: service.rotate_secret(connection, caller, vault, endpoint_id, body or RotateWebhookSecret()),
        _with_secret,
    )


@router.post(f"{_ONE}/test", **documented("send_test_webhook", WebhookDelivery, NotFound, status=201))
async def send_test_webhook(endpoint_id: EndpointId, caller: Caller, unit: Unit, _: Nothing | None = None) -> Response:
    """Try a webhook endpoint out.

    Sends it something of the type `webhook.test`, like any other delivery and within a second. What became of it is
    told by `GET /v1/webhook-deliveries/{id}`. An endpoint that is disabled gets it when it is enabled.
    """
    return await unit.write(
        lambda connection: delivering.send_test(connection, caller, endpoint_id), lambda made: Answer(made, 201)
    )


@router.get(
    f"{_ONE}/deliveries", **documented("list_webhook_deliveries", Page[WebhookDelivery], NotFound, headers=["Link"])
)
async def list_webhook_deliveries(
    request: Request,
    endpoint_id: EndpointId,
    caller: Caller,
    unit: Reading,
    status: Annotated[DeliveryStatus | None, Query(description="Only deliveries that have come so far.")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorText = None,
) -> Response:
    """List deliveries to a webhook endpoint.

    Newest first, each with its attempts: when, what was answered, and why it did not succeed. They are kept for a time
    that the operator sets (30 days where he says nothing).
    """
    before = decode_cursor(cursor)
    return await unit.read(
        lambda connection: delivering.page(
            connection, caller, endpoint_id, status=status, before=before, limit=limit + 1
        ),
        lambda found: page_answer(request, Page[WebhookDelivery], found, limit),
    )


@router.post(f"{_ONE}/redeliver", **documented("redeliver_webhook_deliveries", Redelivered, NotFound))
async def redeliver_webhook_deliveries(
    endpoint_id: EndpointId, body: RedeliverWebhooks, caller: Caller, unit: Unit
) -> Response:
    """Make the deliveries of a span of time once more.

    Those that failed, or also those that were delivered, for a receiver that has lost them. Each keeps its
    `webhook-id`, so a receiver that knows it already lets it be. Those of one order come in their order.
    """
    return await unit.write(lambda connection: delivering.redeliver_some(connection, caller, endpoint_id, body), Answer)


@router.get(_DELIVERY, **documented("get_webhook_delivery", WebhookDeliveryWithBody, NotFound))
async def get_webhook_delivery(delivery_id: DeliveryId, caller: Caller, unit: Reading) -> Response:
    """Get a delivery.

    With its attempts, and the body as it is sent.
    """
    return await unit.read(lambda connection: delivering.get(connection, caller, delivery_id), Answer)


@router.post(f"{_DELIVERY}/redeliver", **documented("redeliver_webhook_delivery", WebhookDelivery, NotFound))
async def redeliver_webhook_delivery(
    delivery_id: DeliveryId, caller: Caller, unit: Unit, _: Nothing | None = None
) -> Response:
    """Make a delivery once more.

    At once, whatever became of it, and for another three days. Its `webhook-id` stays the same. Later deliveries of the
    same order wait for it.
    """
    return await unit.write(lambda connection: delivering.redeliver(connection, caller, delivery_id), Answer)


def _answer(endpoint: WebhookEndpoint) -> Answer:
    return Answer(endpoint, headers={"ETag": service.etag(endpoint)})


def _with_secret(made: WebhookEndpointWithSecret, status: int = 200) -> Answer:
    shown = WebhookEndpoint.model_validate(made.model_dump(exclude={"secret"}))
    headers = {"Cache-Control": "no-store", "ETag": service.etag(shown)}
    if status == 201:
        headers["Location"] = f"/v1/webhook-endpoints/{made.id}"
    return Answer(made, status, headers, made.model_copy(update={"secret": None}))
