"""Use cases of activation requests: apply for one, see the queue, approve, deny, withdraw.

Every change begins with an UPDATE of the order's row. It holds the row to the end of the transaction, so that whatever
happens to one order, its requests included, comes one after the other and sees the order as it is.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from pydantic import JsonValue
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.identifiers import new_id
from app.errors import InvalidRequest, Problem
from app.events import service as events
from app.events.event_types import EventType
from app.events.service import OrderChange
from app.http.errors import NotFound, RelationNotAllowed
from app.http.schemas import timestamp
from app.orders import activation_repository, repository
from app.orders.activation_repository import Filters
from app.orders.activation_rules import (
    BAR_SENTENCES,
    ActivationBar,
    ActivationRequestStatus,
    new_end,
    way_to_activation,
)
from app.orders.activation_schemas import (
    ActivationRequest,
    Applicant,
    ApproveActivationRequest,
    OrderOfRequest,
    RequestActivation,
)
from app.orders.contacts import ContactPoint, Directory, organisations_by_id
from app.orders.errors import ActivationNotPossible, ActivationRequestClosed, ActivationRequestOpen
from app.orders.lifecycle import Action, OrderStatus, effective_status, time_statuses
from app.orders.location import LocatedOrder, keys_of, locate, require_relation
from app.orders.service import carry_out, require_new_end
from app.orders.views import lifecycle_facts, relation_of
from app.principal import NAMED, Principal, Relation

_EVENT_OF = {Action.extend: EventType.EXTENDED, Action.activate: EventType.ACTIVATED}


async def apply(
    connection: AsyncConnection, caller: Principal, number: str, buyer: UUID | None, body: RequestActivation
) -> ActivationRequest:
    """Apply for the activation of an order; an expired one is to be extended.

    Raises what `locate` does, ActivationNotPossible where it would not help, ActivationRequestOpen where somebody has
    applied already, InvalidRequest for a date that has passed.
    """
    keys = keys_of(number, ["path", "number"])
    order = await locate(
        # Who is not named on the order holds its number: the order's id says nothing of that.
        connection, caller, number, buyer, admits=lambda one: one.relation in NAMED or one.number_key in keys
    )  # fmt: skip
    if body.expires_at is not None and body.expires_at <= order.read_at:
        raise InvalidRequest.at(["body", "expires_at"], "in_the_past", "`expires_at` has passed already")
    held = await _hold(connection, order)
    _require_way(held)
    request = {
        "number_key": order.number_key,
        "organisation_id": order.organisation_id,
        "id": new_id(),
        "requested_by": caller.organisation_id,
        "requested_as": order.relation,
        **body.model_dump(),
    }
    if not await activation_repository.insert(connection, request):
        raise await _is_open(connection, caller, held)
    data: dict[str, JsonValue] = {
        "activation_request_id": str(request["id"]),
        "reason": body.reason,
        "expires_at": None if body.expires_at is None else timestamp(body.expires_at),
    }
    await _record(connection, caller, held, EventType.ACTIVATION_REQUESTED, data)
    return await get(connection, caller, request["id"])


async def get(connection: AsyncConnection, caller: Principal, request_id: UUID) -> ActivationRequest:
    """Return a request to the owner of its order, or to the organisation that made it; NotFound to all others."""
    request, order = await _find(connection, caller, request_id)
    return await _shown(connection, request, order)


async def page(
    connection: AsyncConnection, caller: Principal, filters: Filters, before: UUID | None, limit: int
) -> Sequence[ActivationRequest]:
    """Return up to `limit` requests on the caller's orders or of its own making, newest first."""
    requests = await activation_repository.page(connection, caller.organisation_id, filters, before=before, limit=limit)
    keys = sorted({request.number_key for request in requests})
    rows = await repository.find_by_keys(connection, keys, None, None) if keys else []
    orders = {(row.number_key, row.organisation_id): _as_seen_by(caller, row) for row in rows}
    directory = await organisations_by_id(connection, {request.requested_by for request in requests})
    return [_view(request, orders[request.number_key, request.organisation_id], directory) for request in requests]


async def approve(
    connection: AsyncConnection, caller: Principal, request_id: UUID, body: ApproveActivationRequest
) -> ActivationRequest:
    """Approve a request, and do with its order what it needs: extend it, activate it, or both.

    Raises NotFound, RelationNotAllowed, ActivationRequestClosed, ActivationNotPossible where the order has become
    something that no activation helps, and InvalidRequest where the new end cannot be.
    """
    request, order = await _find(connection, caller, request_id)
    require_relation(order, caller.rule)
    held = await _hold(connection, order)
    decided = await activation_repository.decide(
        connection,
        order.identity,
        request_id,
        ActivationRequestStatus.approved,
        caller.organisation_id,
        body.reason,
    )
    if decided is None:
        raise await _closed(connection, held, request_id)
    way = _require_way(held)
    dates = _new_dates(held, request, body)
    moved = {name: value and timestamp(value) for name, value in dates.items()}
    data: dict[str, JsonValue] = {"activation_request_id": str(request_id), "reason": body.reason, **moved}
    await _record(connection, caller, held, EventType.ACTIVATION_APPROVED, data)
    for action in way:
        values = dates | ({"activated_at": held.read_at} if action is Action.activate else {})
        row = await carry_out(connection, caller, held, action, _EVENT_OF[action], values, moved)
        held = LocatedOrder(row._asdict(), order.relation)
        # What the first of two actions has moved is told by its event alone.
        dates, moved = {}, {}
    return await _shown(connection, decided, held)


async def deny(connection: AsyncConnection, caller: Principal, request_id: UUID, reason: str) -> ActivationRequest:
    """Deny a request, whatever has become of its order.

    Raises NotFound, RelationNotAllowed and ActivationRequestClosed.
    """
    _, order = await _find(connection, caller, request_id)
    require_relation(order, caller.rule)
    return await _end(
        connection, caller, order, request_id, ActivationRequestStatus.denied, EventType.ACTIVATION_DENIED, reason
    )


async def withdraw(
    connection: AsyncConnection, caller: Principal, request_id: UUID, reason: str | None
) -> ActivationRequest:
    """Take back a request of the caller's own organisation.

    Raises NotFound, RelationNotAllowed for the owner of the order, and ActivationRequestClosed.
    """
    request, order = await _find(connection, caller, request_id)
    if request.requested_by != caller.organisation_id:
        raise RelationNotAllowed("A request is withdrawn by the organisation that made it; the owner denies it.")
    return await _end(
        connection,
        caller,
        order,
        request_id,
        ActivationRequestStatus.withdrawn,
        EventType.ACTIVATION_WITHDRAWN,
        reason,
    )


async def _hold(connection: AsyncConnection, order: LocatedOrder) -> LocatedOrder:
    """Count a change of the order, hold its row to the end of the transaction, and return it as it is."""
    row = await repository.bump_version(connection, *order.identity)
    if row is None:
        raise LookupError(f"the order {order.identity} is gone, and orders are never deleted")
    return LocatedOrder(row._asdict(), order.relation)


def _require_way(order: LocatedOrder) -> tuple[Action, ...]:
    """Return what an approval does with the order; raises ActivationNotPossible where it would not help."""
    way = way_to_activation(lifecycle_facts(order.row), order.read_at)
    if isinstance(way, ActivationBar):
        raise ActivationNotPossible(
            f"Activation of {order.row['number']} would not help: {BAR_SENTENCES[way]}.", members={"reason": way.value}
        )
    return way


async def _end(
    connection: AsyncConnection,
    caller: Principal,
    order: LocatedOrder,
    request_id: UUID,
    status: ActivationRequestStatus,
    event: EventType,
    reason: str | None,
) -> ActivationRequest:
    """Close an open request, with its event, and leave its order as it is."""
    held = await _hold(connection, order)
    decided = await activation_repository.decide(
        connection, order.identity, request_id, status, caller.organisation_id, reason
    )
    if decided is None:
        raise await _closed(connection, held, request_id)
    data: dict[str, JsonValue] = {"activation_request_id": str(request_id), "reason": reason}
    await _record(connection, caller, held, event, data)
    return await _shown(connection, decided, held)


def _new_dates(order: LocatedOrder, request: Row[Any], body: ApproveActivationRequest) -> dict[str, Any]:
    """Return the fields of the order that an approval moves; raises InvalidRequest where the order cannot end so."""
    facts = lifecycle_facts(order.row)
    end = new_end(facts, body.expires_at, request.expires_at)
    if body.expires_at is None and end is not None and end <= order.read_at:
        raise InvalidRequest.at(
            ["body", "expires_at"],
            "needed_when_expired",
            "The order has expired, and no date that is still to come was applied for: it needs a new end",
        )
    if end is not None:
        require_new_end(order, end)
    dates = {} if end == facts.expires_at else {"expires_at": end}
    if OrderStatus.lapsed in time_statuses(facts, order.read_at):
        # Until the order ends there is time enough now: the buyer has just said that it may be activated.
        dates["activate_by"] = end
    return dates


async def _find(connection: AsyncConnection, caller: Principal, request_id: UUID) -> tuple[Row[Any], LocatedOrder]:
    request = await activation_repository.find(connection, request_id)
    if request is not None:
        (row,) = await repository.find_by_keys(connection, [request.number_key], None, request.organisation_id)
        order = _as_seen_by(caller, row)
        if order.relation is Relation.OWNER or request.requested_by == caller.organisation_id:
            return request, order
    raise NotFound(f"There is no activation request {request_id} that this organisation made or decides.")


def _as_seen_by(caller: Principal, row: Row[Any]) -> LocatedOrder:
    return LocatedOrder(row._asdict(), relation_of(row._asdict(), caller.organisation_id))


async def _closed(connection: AsyncConnection, order: LocatedOrder, request_id: UUID) -> Problem:
    """Return the problem for a request of an order that is held, whose final status was given before."""
    request = await activation_repository.get(connection, order.identity, request_id)
    became = "became obsolete" if request.status == ActivationRequestStatus.obsolete else f"was {request.status}"
    members: dict[str, JsonValue] = {"request_status": request.status, "decided_at": timestamp(request.decided_at)}
    now = ""
    if order.relation in NAMED:
        status = effective_status(lifecycle_facts(order.row), order.read_at)
        members["order_status"] = status.value
        now = f"; {order.row['number']} is {status}"
    return ActivationRequestClosed(f"The request {became} on {timestamp(request.decided_at)}{now}.", members=members)


async def _is_open(connection: AsyncConnection, caller: Principal, held: LocatedOrder) -> Problem:
    """Return the problem that names the open request of an order that is held, to those who may see it."""
    request = (await activation_repository.open_requests(connection, {held.identity}))[held.identity]
    may_see = held.relation is Relation.OWNER or request.requested_by == caller.organisation_id
    # When others applied is a fact of the order, for those whom it names.
    when = f" on {timestamp(request.requested_at)}" if may_see or held.relation in NAMED else ""
    return ActivationRequestOpen(
        f"Activation of {held.row['number']} was applied for{when} and is not decided yet.",
        members={"activation_request_id": str(request.id)} if may_see else {},
    )


async def _record(
    connection: AsyncConnection,
    caller: Principal,
    held: LocatedOrder,
    type_: EventType,
    data: Mapping[str, JsonValue],
) -> None:
    change = OrderChange(
        type=type_,
        number_key=held.number_key,
        organisation_id=held.organisation_id,
        sequence=held.row["version"],
        actor=caller,
        relation=held.relation,
        data=dict(data),
    )
    await events.record(connection, [change])


async def _shown(connection: AsyncConnection, request: Row[Any], order: LocatedOrder) -> ActivationRequest:
    return _view(request, order, await organisations_by_id(connection, {request.requested_by}))


def _view(request: Row[Any], order: LocatedOrder, directory: Directory) -> ActivationRequest:
    """Return a request as its reader sees it: nothing of the order but its number, unless the order names him."""
    return ActivationRequest(
        id=request.id,
        number=order.row["number"],
        status=ActivationRequestStatus(request.status),
        reason=request.reason,
        expires_at=request.expires_at,
        requested_at=request.requested_at,
        applicant=Applicant(
            organisation_id=request.requested_by,
            name=directory[request.requested_by].name,
            relation=Relation(request.requested_as),
            contact=None if request.contact is None else ContactPoint.model_validate(request.contact),
        ),
        decided_at=request.decided_at,
        decision_reason=request.decision_reason,
        purchase_order=_order(order) if order.relation in NAMED else None,
    )


def _order(order: LocatedOrder) -> OrderOfRequest:
    return OrderOfRequest(
        status=effective_status(lifecycle_facts(order.row), order.read_at),
        **{name: order.row[name] for name in ("id", "activate_by", "valid_from", "expires_at")},
    )
