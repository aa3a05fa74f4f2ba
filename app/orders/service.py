"""Use cases of purchase orders: read them, and lead them through their life."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import JsonValue
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.pace import unhurried
from app.errors import InvalidRequest, Problem, TemporarilyUnavailable
from app.events import service as events
from app.events.event_types import EventType
from app.events.service import OrderChange
from app.http.schemas import timestamp
from app.orders import acknowledgement_repository, activation_repository, list_repository, policy_service, repository
from app.orders.activation_rules import is_settled
from app.orders.errors import InvalidTransition, RevisionSuperseded
from app.orders.lifecycle import Action, OrderStatus, StoredStatus, allowed_actions, effective_status, time_statuses
from app.orders.list_repository import Filters
from app.orders.location import LocatedOrder, locate
from app.orders.new_orders import faults_of_dates
from app.orders.policies import DEFAULT_POLICY, OrderDates, dates_at_issue
from app.orders.repository import Conditions
from app.orders.schemas import (
    ActivatePurchaseOrder,
    ExtendPurchaseOrder,
    PurchaseOrder,
    SendPurchaseOrder,
)
from app.orders.views import acknowledgement_shown, lifecycle_facts, purchase_order, relation_of
from app.orders.visibility import may_see
from app.principal import NAMED, Principal, Relation

_NO_CONDITIONS = Conditions()

_SETTLING: Final = frozenset(
    {Action.activate, Action.extend, Action.resume, Action.reject, Action.cancel, Action.close}
)
"""Actions after which an activation request may have nothing left to decide: no other leads out of its being open."""

ATTEMPTS: Final = 3
"""How often a change is tried that another one came before, where nothing stands against it any more."""


async def get(connection: AsyncConnection, caller: Principal, number: str, buyer: UUID | None) -> PurchaseOrder:
    """Return the order that the number means to the caller, as its relation sees it."""
    return await shown(connection, await locate(connection, caller, number, buyer))


async def get_unless_unseen(
    connection: AsyncConnection, caller: Principal, number: str, buyer: UUID | None
) -> PurchaseOrder | None:
    """Do the same; None where the seller sees the order for the first time, which is `see`."""
    order = await locate(connection, caller, number, buyer)
    return None if _is_first_sight(order) else await shown(connection, order)


async def see(connection: AsyncConnection, caller: Principal, number: str, buyer: UUID | None) -> PurchaseOrder:
    """Return the order, and note once that its seller has seen it."""
    order = await locate(connection, caller, number, buyer)
    if _is_first_sight(order):
        row = await repository.see(connection, *order.identity, caller.organisation_id)
        if row is not None:
            order = LocatedOrder(row._asdict(), order.relation)
            await _record(connection, caller, order, row, EventType.SEEN, {"revision": row.revision})
    return await shown(connection, order)


def _is_first_sight(order: LocatedOrder) -> bool:
    waits = order.row["status"] == StoredStatus.issued and order.row["seen_at"] is None
    return waits and order.relation is Relation.SELLER


async def page(
    connection: AsyncConnection,
    caller: Principal,
    role: Relation | None,
    filters: Filters,
    before: UUID | None,
    limit: int,
) -> Sequence[PurchaseOrder]:
    """Return up to `limit` orders that the caller has a relation to, newest first."""
    roles = [relation for relation in Relation if relation in NAMED] if role is None else [role]
    rows = await list_repository.page(connection, caller.organisation_id, roles, filters, before=before, limit=limit)
    lines = await repository.lines_of(connection, rows)
    located = [LocatedOrder(row._asdict(), relation_of(row._asdict(), caller.organisation_id)) for row in rows]
    said = await acknowledgement_repository.latest(connection, _acknowledged(located))
    return [
        purchase_order(
            order.row,
            [line._asdict() for line in lines[order.identity]],
            order.relation,
            order.read_at,
            acknowledgement=acknowledgement_shown(said.get(order.identity)),
        )
        async for order in unhurried(located)
    ]


async def send(
    connection: AsyncConnection, caller: Principal, number: str, buyer: UUID | None, body: SendPurchaseOrder
) -> PurchaseOrder:
    """Issue a draft, under the policy that is in force at this moment, which fills in the dates that nobody has said.

    Raises what `locate` does, InvalidTransition, and InvalidRequest for dates that cannot be.
    """
    for _ in range(ATTEMPTS):
        order = await locate(connection, caller, number, buyer)
        _require_ahead(order, "activate_by", body.activate_by)
        if body.expires_at is not None:
            require_new_end(order, body.expires_at)
        if order.row["status"] != StoredStatus.draft:
            break
        values, data = await _issued(connection, order, body)
        # What the dates were filled in beside must be what it was when it was read.
        conditions = Conditions(version=order.row["version"])
        row = await repository.change_status(connection, *order.identity, Action.issue, values, conditions=conditions)
        if row is not None:
            await _record(connection, caller, order, row, EventType.ISSUED, data)
            return await shown(connection, LocatedOrder(row._asdict(), order.relation))
    raise await transition_refused(connection, order, Action.issue) or overtaken(order.row["number"])


async def _issued(
    connection: AsyncConnection, order: LocatedOrder, body: SendPurchaseOrder
) -> tuple[dict[str, Any], dict[str, JsonValue]]:
    """Return the columns that change when a draft is issued now, and what its event tells; raises InvalidRequest."""
    version = await policy_service.version_in_force(connection, order.organisation_id, order.read_at)
    row = order.row
    said = OrderDates(body.activate_by or row["activate_by"], row["valid_from"], body.expires_at or row["expires_at"])
    for name in ("activate_by", "expires_at"):
        _require_ahead(order, name, getattr(said, name))
    dates = dates_at_issue(DEFAULT_POLICY if version is None else version.policy, said, order.read_at)
    if faults := list(faults_of_dates(dates, said, ["body"])):
        raise InvalidRequest.of(faults)
    values: dict[str, Any] = asdict(dates)
    told: dict[str, JsonValue] = {name: timestamp(moment) for name, moment in values.items() if moment is not None}
    values |= {"issued_at": order.read_at, "policy_version": None if version is None else version.version}
    if body.sent_via is not None:
        values |= {"sent_via": body.sent_via, "sent_at": order.read_at}
    return values, {"sent_via": body.sent_via, **told}


async def activate(
    connection: AsyncConnection, caller: Principal, number: str, buyer: UUID | None, body: ActivatePurchaseOrder
) -> PurchaseOrder:
    """Make a confirmed order valid at the gate."""
    order = await locate(connection, caller, number, buyer)
    values: dict[str, Any] = {"activated_at": order.read_at}
    data: dict[str, JsonValue] = {}
    if body.expires_at is not None:
        require_new_end(order, body.expires_at)
        values["expires_at"] = body.expires_at
        data["expires_at"] = timestamp(body.expires_at)
    return await _act(connection, caller, order, Action.activate, EventType.ACTIVATED, values, data)


async def extend(
    connection: AsyncConnection, caller: Principal, number: str, buyer: UUID | None, body: ExtendPurchaseOrder
) -> PurchaseOrder:
    """Move the end of an order's validity; an expired or lapsed order comes back."""
    order = await locate(connection, caller, number, buyer)
    require_new_end(order, body.expires_at)
    values: dict[str, Any] = {"expires_at": body.expires_at}
    data: dict[str, JsonValue] = {"expires_at": timestamp(body.expires_at)}
    if body.activate_by is not None:
        _require_ahead(order, "activate_by", body.activate_by)
        values["activate_by"] = body.activate_by
        data["activate_by"] = timestamp(body.activate_by)
    conditions = Conditions(
        ends_before=body.expires_at,
        refused_when=frozenset() if body.activate_by else frozenset({OrderStatus.lapsed}),
    )
    return await _act(connection, caller, order, Action.extend, EventType.EXTENDED, values, data, conditions)


async def reject(
    connection: AsyncConnection,
    caller: Principal,
    order: LocatedOrder,
    reason: str | None,
    revision: int | None,
) -> PurchaseOrder:
    """Decline an order; raises RevisionSuperseded where `revision` is given and not its newest any more."""
    values: dict[str, Any] = {"status_reason": reason}
    data: dict[str, JsonValue] = {"reason": reason}
    conditions = Conditions(revision)
    return await _act(connection, caller, order, Action.reject, EventType.REJECTED, values, data, conditions)


async def suspend(
    connection: AsyncConnection, caller: Principal, number: str, buyer: UUID | None, reason: str | None
) -> PurchaseOrder:
    """Stop an order for a while."""
    return await _act_with_reason(connection, caller, number, buyer, Action.suspend, EventType.SUSPENDED, reason)


async def resume(
    connection: AsyncConnection, caller: Principal, number: str, buyer: UUID | None, reason: str | None
) -> PurchaseOrder:
    """Return a suspended order to where it was."""
    return await _act_with_reason(connection, caller, number, buyer, Action.resume, EventType.RESUMED, reason)


async def cancel(
    connection: AsyncConnection, caller: Principal, number: str, buyer: UUID | None, reason: str | None
) -> PurchaseOrder:
    """Void an order; it stays listed and its number is not issued again."""
    return await _act_with_reason(connection, caller, number, buyer, Action.cancel, EventType.CANCELLED, reason)


async def close(
    connection: AsyncConnection, caller: Principal, number: str, buyer: UUID | None, reason: str | None
) -> PurchaseOrder:
    """End an order; nothing more is expected on it."""
    return await _act_with_reason(connection, caller, number, buyer, Action.close, EventType.CLOSED, reason)


async def _act_with_reason(
    connection: AsyncConnection,
    caller: Principal,
    number: str,
    buyer: UUID | None,
    action: Action,
    event: EventType,
    reason: str | None,
) -> PurchaseOrder:
    order = await locate(connection, caller, number, buyer)
    return await _act(connection, caller, order, action, event, {"status_reason": reason}, {"reason": reason})


async def _act(
    connection: AsyncConnection,
    caller: Principal,
    order: LocatedOrder,
    action: Action,
    event: EventType,
    values: dict[str, Any],
    data: dict[str, JsonValue],
    conditions: Conditions = _NO_CONDITIONS,
) -> PurchaseOrder:
    """Carry out a transition with its event and return the order, or raise why it cannot be."""
    row = await carry_out(connection, caller, order, action, event, values, data, conditions)
    return await shown(connection, LocatedOrder(row._asdict(), order.relation))


async def carry_out(
    connection: AsyncConnection,
    caller: Principal,
    order: LocatedOrder,
    action: Action,
    event: EventType,
    values: Mapping[str, Any],
    data: Mapping[str, JsonValue],
    conditions: Conditions = _NO_CONDITIONS,
) -> Row[Any]:
    """Carry out a transition with its event and return the order's row, or raise why it cannot be.

    An activation request that has nothing left to decide after it becomes obsolete with it, and the event names it.
    """
    row = await change_status(connection, order, action, values, conditions)
    data = dict(data)
    if action in _SETTLING and is_settled(lifecycle_facts(row._asdict()), row.read_at):
        settled = await activation_repository.close_open(connection, order.identity, caller.organisation_id)
        if settled is not None:
            data["activation_request_id"] = str(settled.id)
    await _record(connection, caller, order, row, event, data)
    return row


async def _record(
    connection: AsyncConnection,
    caller: Principal,
    order: LocatedOrder,
    row: Row[Any],
    type_: EventType,
    data: dict[str, JsonValue],
) -> None:
    change = OrderChange(
        type=type_,
        number_key=order.number_key,
        organisation_id=order.organisation_id,
        sequence=row.version,
        actor=caller,
        relation=order.relation,
        data=data,
    )
    await events.record(connection, [change])


async def change_status(
    connection: AsyncConnection,
    order: LocatedOrder,
    action: Action,
    values: Mapping[str, Any],
    conditions: Conditions = _NO_CONDITIONS,
) -> Row[Any]:
    """Carry out a transition and return the order as it is then, or raise why it cannot be.

    What stood against it may be gone by the time it is looked at: then it is tried again.
    """
    for _ in range(ATTEMPTS):
        row = await repository.change_status(connection, *order.identity, action, values, conditions=conditions)
        if row is not None:
            return row
        refused = await transition_refused(connection, order, action, conditions)
        if refused is not None:
            raise refused
    raise overtaken(order.row["number"])


async def transition_refused(
    connection: AsyncConnection, order: LocatedOrder, action: Action, conditions: Conditions = _NO_CONDITIONS
) -> Problem | None:
    """Return why the order, read anew, does not allow the action; None where it does by now."""
    (current,) = await repository.find_by_keys(connection, [order.number_key], None, order.organisation_id)
    newest = current.proposed_revision or current.revision
    if conditions.revision is not None and conditions.revision != newest:
        return superseded(conditions.revision, newest)
    facts = lifecycle_facts(current._asdict())
    if action in allowed_actions(facts, current.read_at):
        return _unmet(conditions, time_statuses(facts, current.read_at), current.expires_at)
    status = effective_status(facts, current.read_at)
    allowed = [str(possible) for possible in allowed_actions(facts, current.read_at)]
    return InvalidTransition(
        f"{current.number} is {status}: {action} is not possible; "
        f"{'possible: ' + ', '.join(allowed) if allowed else 'nothing is'}.",
        members={"order_status": str(status), "allowed": list(allowed)},
    )


def superseded(revision: int, newest: int) -> RevisionSuperseded:
    """Return the problem for an answer to a revision that is not the order's newest."""
    return RevisionSuperseded(
        f"Revision {revision} was meant; the order is at revision {newest}.",
        members={"revision": revision, "current_revision": newest},
    )


def _unmet(conditions: Conditions, statuses: Sequence[OrderStatus], ends: datetime | None) -> Problem | None:
    if conditions.refused_when & set(statuses):
        return InvalidRequest.at(
            ["body", "activate_by"],
            "needed_when_lapsed",
            "The order has lapsed: it needs a new deadline for activation",
        )
    if ends is None or conditions.ends_before is None or ends < conditions.ends_before:
        return None
    return InvalidRequest.at(
        ["body", "expires_at"], "not_later", f"An extension ends later than the order does now, {timestamp(ends)}"
    )


def overtaken(number: str) -> Problem:
    """Return the problem for an order that others changed each time it was looked at."""
    return TemporarilyUnavailable(f"{number} was being changed by others; nothing was carried out.")


async def hold(connection: AsyncConnection, order: LocatedOrder) -> LocatedOrder:
    """Count a change of the order, hold its row to the end of the transaction, and return it as it is."""
    row = await repository.bump_version(connection, *order.identity)
    if row is None:
        raise LookupError(f"the order {order.identity} is gone, and orders are never deleted")
    return LocatedOrder(row._asdict(), order.relation)


async def shown(connection: AsyncConnection, order: LocatedOrder) -> PurchaseOrder:
    """Return an order as the caller's relation sees it."""
    lines = await repository.current_lines(connection, *order.identity, order.row["revision"])
    said = await acknowledgement_repository.latest(connection, _acknowledged([order]))
    return purchase_order(
        order.row,
        [line._asdict() for line in lines],
        order.relation,
        order.read_at,
        acknowledgement=acknowledgement_shown(said.get(order.identity)),
    )


def _acknowledged(orders: Sequence[LocatedOrder]) -> set[tuple[str, UUID]]:
    """Return those of the orders that have an acknowledgement which the caller may see."""
    return {
        order.identity
        for order in orders
        if order.row["confirmed_at"] is not None and may_see(order.relation, "acknowledgement")
    }


def require_new_end(order: LocatedOrder, expires_at: datetime) -> None:
    """Raise InvalidRequest where an order cannot end at `expires_at`: that has passed, or is before it begins."""
    _require_ahead(order, "expires_at", expires_at)
    valid_from = order.row["valid_from"]
    if valid_from is not None and expires_at <= valid_from:
        raise InvalidRequest.at(
            ["body", "expires_at"], "date_order", f"`expires_at` must be after `valid_from`, {timestamp(valid_from)}"
        )


def _require_ahead(order: LocatedOrder, name: str, moment: datetime | None) -> None:
    if moment is not None and moment <= order.read_at:
        raise InvalidRequest.at(["body", name], "in_the_past", f"`{name}`, {timestamp(moment)}, has passed already")
