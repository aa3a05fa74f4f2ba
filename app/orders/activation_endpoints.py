"""`/v1/purchase-orders/{number}/activation-requests` and `/v1/activation-requests`: apply, review, decide."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from app.errors import Problem
from app.http.authorisation import Caller
from app.http.errors import NotFound, RelationNotAllowed
from app.http.openapi import documented
from app.http.pagination import DEFAULT_LIMIT, CursorText, Limit, decode_cursor, page_answer
from app.http.preconditions import IfNoneMatch, content_etag
from app.http.schemas import Page
from app.http.unit_of_work import Answer, Reading, Unit
from app.orders import activation_requests as service
from app.orders.activation_repository import Filters
from app.orders.activation_rules import ActivationRequestStatus
from app.orders.activation_schemas import (
    ActivationRequest,
    ApproveActivationRequest,
    DenyActivationRequest,
    RequestActivation,
)
from app.orders.endpoints import Buyer, ListFilter, OrderNumber
from app.orders.errors import ActivationNotPossible, ActivationRequestClosed, ActivationRequestOpen, AmbiguousNumber
from app.orders.examples import APPLICATION
from app.orders.location import keys_of
from app.orders.schemas import GiveReason

router = APIRouter(tags=["Activation requests"])

ActivationRequestId = Annotated[
    UUID, Path(description="The activation request's id.", examples=["0198f5b2-1c44-7b10-8f3a-6d2e4b8a9c11"])
]


@router.post(
    "/purchase-orders/{number}/activation-requests",
    **documented(
        "request_activation",
        ActivationRequest,
        NotFound,
        AmbiguousNumber,
        ActivationNotPossible,
        ActivationRequestOpen,
        status=201,
        headers=["ETag", "Location"],
        requests={
            "With the date wanted, and whom to reach": APPLICATION,
            "A reason alone": {"reason": "The goods are at the gate."},
        },
    ),
)
async def request_activation(
    number: OrderNumber, body: RequestActivation, caller: Caller, unit: Unit, buyer: Buyer = None
) -> Response:
    """Apply for activation.

    Asks the buyer to have the gate accept an order that is confirmed and not active, that was not activated in time
    (`lapsed`), or that has expired and is to be extended. Whoever holds the number may apply, named on the order or
    not. Until the buyer decides, the gate answers `activation_pending`: hold the goods. One request is open at a time;
    of two that come at once one is made, and the other gets `activation_request_open`.
    """
    return await unit.write(
        lambda connection: service.apply(connection, caller, number, buyer, body),
        lambda made: _answer(made, 201, {"Location": f"/v1/activation-requests/{made.id}"}),
    )


def list_filters(
    status: Annotated[list[ActivationRequestStatus] | None, Query(description="One or more statuses.")] = None,
    number: Annotated[ListFilter | None, Query(description="The order's number, in any written form.")] = None,
) -> Filters:
    """Return what a list is narrowed to."""
    return Filters(status=status, number_keys=None if number is None else keys_of(number, ["query", "number"]))


@router.get("/activation-requests", **documented("list_activation_requests", Page[ActivationRequest], headers=["Link"]))
async def list_activation_requests(
    request: Request,
    caller: Caller,
    unit: Reading,
    filters: Annotated[Filters, Depends(list_filters)],
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorText = None,
) -> Response:
    """List activation requests.

    Those on orders that your organisation owns, and those that it has made itself, newest first. With `status=pending`
    this is the queue of the buyer's reviewers.
    """
    before = decode_cursor(cursor)
    return await unit.read_list(
        lambda connection: service.page(connection, caller, filters, before, limit + 1),
        lambda found: page_answer(request, Page[ActivationRequest], found, limit),
    )


@router.get(
    "/activation-requests/{activation_request_id}",
    **documented("get_activation_request", ActivationRequest, NotFound, headers=["ETag"], conditional=True),
)
async def get_activation_request(
    activation_request_id: ActivationRequestId, caller: Caller, unit: Reading, if_none_match: IfNoneMatch = None
) -> Response:
    """Get an activation request.

    For the owner of its order, and for the organisation that made it. Who merely presented the number sees the request
    and nothing of the order.
    """
    return await unit.read(lambda connection: service.get(connection, caller, activation_request_id), _answer)


def _decision(operation_id: str, *problems: type[Problem]) -> dict[str, Any]:
    return documented(
        operation_id,
        ActivationRequest,
        NotFound,
        RelationNotAllowed,
        ActivationRequestClosed,
        *problems,
        headers=["ETag"],
    )


@router.post(
    "/activation-requests/{activation_request_id}/approve",
    **_decision("approve_activation_request", ActivationNotPossible),
)
async def approve_activation_request(
    activation_request_id: ActivationRequestId,
    caller: Caller,
    unit: Unit,
    body: ApproveActivationRequest | None = None,
) -> Response:
    """Approve an activation request.

    In one step the order gets what it lacks. A confirmed order becomes active at once; an expired one gets a new end;
    one that was not activated in time gets a new deadline, the end of its validity, and becomes active too. An order
    that its supplier has not confirmed gets its time back and waits for the confirmation again: `purchase_order.status`
    says so. Its events follow that of the approval. A suspended order is resumed first.
    """
    given = body or ApproveActivationRequest()
    return await unit.write(
        lambda connection: service.approve(connection, caller, activation_request_id, given), _answer
    )


@router.post("/activation-requests/{activation_request_id}/deny", **_decision("deny_activation_request"))
async def deny_activation_request(
    activation_request_id: ActivationRequestId, body: DenyActivationRequest, caller: Caller, unit: Unit
) -> Response:
    """Deny an activation request.

    With a reason, which the applicant sees. The order stays as it is, and the gate says again what is wrong with it.
    """
    return await unit.write(
        lambda connection: service.deny(connection, caller, activation_request_id, body.reason), _answer
    )


@router.post("/activation-requests/{activation_request_id}/withdraw", **_decision("withdraw_activation_request"))
async def withdraw_activation_request(
    activation_request_id: ActivationRequestId, caller: Caller, unit: Unit, body: GiveReason | None = None
) -> Response:
    """Withdraw an activation request.

    For the organisation that made it, while it is `pending`. Another request can be made then.
    """
    reason = body.reason if body else None
    return await unit.write(
        lambda connection: service.withdraw(connection, caller, activation_request_id, reason), _answer
    )


def _answer(request: ActivationRequest, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    return Answer(request, status, {"ETag": content_etag(request), **(headers or {})})
