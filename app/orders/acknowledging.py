"""Use cases of the seller's answer to an order (X12 855) and to a change of it (X12 865)."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic import JsonValue
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import InvalidRequest
from app.events import service as events
from app.events.event_types import EventType
from app.events.service import OrderChange
from app.http.schemas import plain_decimal
from app.orders import (
    acknowledgement_repository,
    activation_repository,
    change_repository,
    policy_service,
    receipt_repository,
    repository,
)
from app.orders.acknowledgement_rules import AcknowledgementDecision, rejected_of_line, rest_of_line
from app.orders.acknowledgement_schemas import ConfirmPurchaseOrder, LineDecision
from app.orders.change_schemas import RejectPurchaseOrder
from app.orders.changes import ReceiptConflict, receipt_conflicts
from app.orders.changing import quantity_received, rewrite_references, terms_as_columns
from app.orders.lifecycle import Action, StoredStatus, status_by_acknowledgement
from app.orders.location import LocatedOrder, locate
from app.orders.policies import ActivationMode
from app.orders.quantities import LineQuantities, anything_open, sum_by_line
from app.orders.repository import Conditions
from app.orders.schemas import PurchaseOrder
from app.orders.service import ATTEMPTS, carry_out, overtaken, reject, shown, superseded, transition_refused
from app.principal import Principal


async def confirm(
    connection: AsyncConnection, caller: Principal, number: str, buyer: UUID | None, body: ConfirmPurchaseOrder
) -> PurchaseOrder:
    """Take the seller's acknowledgement of the order's newest revision; a later one replaces an earlier.

    Raises what `locate` does, RevisionSuperseded, InvalidTransition, InvalidRequest for decisions that the order's
    lines do not bear, and QuantityReceived where they, or a change order, would deny what has come in.
    """
    for _ in range(ATTEMPTS):
        order = await locate(connection, caller, number, buyer)
        newest: int = order.row["proposed_revision"] or order.row["revision"]
        if body.revision not in {None, newest}:
            raise superseded(body.revision or newest, newest)
        values = {
            "confirmed_at": order.read_at,
            "contract_number": body.contract_number,
            "invoice_number": body.invoice_number,
        }
        conditions = Conditions(newest)
        if order.row["proposed_revision"] is not None:
            # What the new revision follows on must be what it was when it was read, to the last receipt.
            conditions = Conditions(newest, version=order.row["version"])
            values |= await _terms_of(connection, order, newest)
        row = await repository.change_status(connection, *order.identity, Action.confirm, values, conditions=conditions)
        if row is not None:
            if order.row["proposed_revision"] is not None:
                await _put_in_force(connection, order, row)
            row = await _decide(connection, caller, order, row, body)
            return await shown(connection, LocatedOrder(row._asdict(), order.relation))
        refused = await transition_refused(connection, order, Action.confirm)
        if refused is not None:
            raise refused
    raise overtaken(order.row["number"])


async def decline(
    connection: AsyncConnection, caller: Principal, number: str, buyer: UUID | None, body: RejectPurchaseOrder
) -> PurchaseOrder:
    """Decline an order, or the change order that is proposed where its revision is named.

    Raises what `locate` does, RevisionSuperseded and InvalidTransition.
    """
    order = await locate(connection, caller, number, buyer)
    proposed: int | None = order.row["proposed_revision"]
    if body.revision is None or (proposed is None and body.revision == order.row["revision"]):
        return await reject(connection, caller, order, body.reason, body.revision)
    row = await change_repository.decline(connection, order.identity, body.revision, body.reason)
    if row is None:
        (current,) = await repository.find_by_keys(connection, [order.number_key], None, order.organisation_id)
        newest = current.proposed_revision or current.revision
        if body.revision != newest:
            raise superseded(body.revision, newest)
        raise await transition_refused(connection, order, Action.reject) or overtaken(order.row["number"])
    data: dict[str, JsonValue] = {"revision": body.revision, "reason": body.reason}
    await _record(connection, caller, order, row, EventType.CHANGE_DECLINED, data)
    return await shown(connection, LocatedOrder(row._asdict(), order.relation))


async def _terms_of(connection: AsyncConnection, order: LocatedOrder, revision: int) -> dict[str, Any]:
    proposed = await change_repository.find_revision(connection, order.identity, revision)
    if proposed is None:
        raise LookupError(f"the order {order.identity} has no revision {revision}")
    return {**terms_as_columns(proposed.terms), "revision": revision, "proposed_revision": None}


async def _put_in_force(connection: AsyncConnection, order: LocatedOrder, row: Row[Any]) -> None:
    """Let the lines of the acknowledged change order take up what has come in, and the order be found by its parties.

    Raises QuantityReceived where more has come in since it was proposed than it orders.
    """
    old = await repository.current_lines(connection, *order.identity, order.row["revision"])
    carried = await change_repository.carry_received(connection, order.identity, order.row["revision"], row.revision)
    if carried != sum(line.received > 0 for line in old):
        new = await repository.current_lines(connection, *order.identity, row.revision)
        conflicts = receipt_conflicts([line._asdict() for line in old], [line._asdict() for line in new])
        raise quantity_received(conflicts)
    await change_repository.make_current(connection, order.identity, row.revision)
    await rewrite_references(connection, order.row, row._asdict())


async def _decide(
    connection: AsyncConnection, caller: Principal, order: LocatedOrder, row: Row[Any], body: ConfirmPurchaseOrder
) -> Row[Any]:
    """Keep what was decided of each line of an order that this transaction holds, and return the order as it is then.

    Where nothing is to come any more, the order has come to its end: rejected, or received where goods have come in.
    """
    lines = await repository.current_lines(connection, *order.identity, row.revision)
    decided = _decisions(body, lines)
    rejected = {line.line: rejected_of_line(_quantities(decided.get(line.line, []))) for line in lines}
    moved = {line.line: rejected[line.line] for line in lines if line.rejected != rejected[line.line]}
    possible = await acknowledgement_repository.set_rejected(connection, order.identity, row.revision, moved)
    if refused := [line for line in lines if line.line in moved.keys() - possible]:
        raise quantity_received(
            [ReceiptConflict(line.line, line.received, line.quantity - rejected[line.line]) for line in refused]
        )
    left = [LineQuantities(line.line, line.quantity, line.received, rejected[line.line]) for line in lines]
    status = status_by_acknowledgement(StoredStatus(row.status), anything_left=not left or anything_open(left))
    acknowledgement = {
        "number_key": order.number_key,
        "organisation_id": order.organisation_id,
        "sequence": row.version,
        "revision": row.revision,
        "acknowledged_by": caller.organisation_id,
        "acknowledged_as": order.relation,
        "contract_number": body.contract_number,
        "invoice_number": body.invoice_number,
        "lines": [{"line": line, "decisions": parts} for line, parts in sorted(decided.items())],
    }
    await acknowledgement_repository.insert(connection, acknowledgement)
    data: dict[str, JsonValue] = {
        **{name: acknowledgement[name] for name in ("contract_number", "invoice_number", "revision")},
        **{
            str(what): _summed(decided, what)
            for what in (AcknowledgementDecision.backordered, AcknowledgementDecision.rejected)
        },
    }
    return await _end(connection, caller, order, row, status, data)


def _decisions(body: ConfirmPurchaseOrder, lines: Sequence[Row[Any]]) -> dict[int, list[dict[str, Any]]]:
    """Return the decisions by line, whatever was left unsaid of it being accepted; raises InvalidRequest."""
    ordered = {line.line: line.quantity for line in lines}
    faults: list[dict[str, JsonValue]] = []
    decided: dict[int, list[dict[str, Any]]] = {}
    for position, given in enumerate(body.lines):
        place: list[JsonValue] = ["body", "lines", position]
        if given.line not in ordered:
            message = f"The order has no such line; it has {len(ordered) or 'none'}"
            faults.append({"loc": [*place, "line"], "code": "unknown_line", "message": message})
            continue
        rest = rest_of_line(ordered[given.line], ((one.decision, one.quantity) for one in given.decisions))
        if rest < 0:
            message = f"Decided on {plain_decimal(-rest)} more than the {plain_decimal(ordered[given.line])} ordered"
            faults.append({"loc": [*place, "decisions"], "code": "more_than_ordered", "message": message})
            continue
        parts = [one.model_dump(mode="json") for one in given.decisions]
        if rest:
            unsaid = LineDecision(decision=AcknowledgementDecision.accepted, quantity=rest)
            parts.append(unsaid.model_dump(mode="json"))
        decided[given.line] = parts
    if faults:
        raise InvalidRequest.of(faults)
    return decided


def _quantities(parts: Sequence[Mapping[str, Any]]) -> list[tuple[AcknowledgementDecision, Decimal]]:
    return [(AcknowledgementDecision(part["decision"]), Decimal(part["quantity"])) for part in parts]


def _summed(decided: Mapping[int, Sequence[Mapping[str, Any]]], what: AcknowledgementDecision) -> JsonValue:
    """Return the quantities of one decision, by line, as an event tells them."""
    of_decision = ((line, quantity) for line in decided for one, quantity in _quantities(decided[line]) if one is what)
    return [
        {"line": line, "quantity": plain_decimal(quantity)}
        for line, quantity in sorted(sum_by_line(of_decision).items())
    ]


async def _end(
    connection: AsyncConnection,
    caller: Principal,
    order: LocatedOrder,
    row: Row[Any],
    status: StoredStatus,
    data: dict[str, JsonValue],
) -> Row[Any]:
    """Record the acknowledgement, with what it made of the order, and return the order as it is then."""
    if status is StoredStatus(row.status):
        await _record(connection, caller, order, row, EventType.CONFIRMED, data)
        return await _activate(connection, caller, order, row) if status is StoredStatus.confirmed else row
    settled = await activation_repository.close_open(connection, order.identity, caller.organisation_id)
    if settled is not None:
        data["activation_request_id"] = str(settled.id)
    if status is StoredStatus.rejected:
        await _record(connection, caller, order, row, EventType.REJECTED, data)
    else:
        # Two things have happened: the seller has said that no more comes, and so all has come in.
        await _record(connection, caller, order, row, EventType.CONFIRMED, data)
        row = await repository.bump_version(connection, *order.identity) or row
        await _record(connection, caller, order, row, EventType.RECEIVED, {"quantities": []})
    return await receipt_repository.set_status(connection, order.identity, status)


async def _activate(connection: AsyncConnection, caller: Principal, order: LocatedOrder, row: Row[Any]) -> Row[Any]:
    """Activate an order that is confirmed now, where the policy that it was issued under says so, and return it.

    The confirmation holds its row: nobody has cancelled or suspended it in between, and time stands still.
    """
    policy = await policy_service.kept_by_order(connection, order.organisation_id, row.policy_version)
    if policy.activation is not ActivationMode.on_confirmation:
        return row
    data = {"policy_version": row.policy_version}
    values = {"activated_at": row.read_at}
    return await carry_out(connection, caller, order, Action.activate, EventType.ACTIVATED, values, data)


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
