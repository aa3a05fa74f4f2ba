"""Use cases of the seller's answer to an order (X12 855) and to a change of it (X12 865)."""

from typing import Any
from uuid import UUID

from pydantic import JsonValue
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from app.events import service as events
from app.events.event_types import EventType
from app.events.service import OrderChange
from app.orders import change_repository, repository
from app.orders.change_schemas import RejectPurchaseOrder
from app.orders.changes import receipt_conflicts
from app.orders.changing import quantity_received, rewrite_references, terms_as_columns
from app.orders.lifecycle import Action
from app.orders.location import LocatedOrder, locate
from app.orders.repository import Conditions
from app.orders.schemas import ConfirmPurchaseOrder, PurchaseOrder
from app.orders.service import ATTEMPTS, overtaken, reject, shown, superseded, transition_refused
from app.principal import Principal


async def confirm(
    connection: AsyncConnection, caller: Principal, number: str, buyer: UUID | None, body: ConfirmPurchaseOrder
) -> PurchaseOrder:
    """Take the seller's acknowledgement of the order's newest revision; a later one replaces an earlier.

    Raises what `locate` does, RevisionSuperseded, InvalidTransition, and QuantityReceived where a change order has
    become impossible by what came in since.
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
            await _record(connection, caller, order, row, body)
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
        return await reject(connection, caller, number, buyer, body.reason)
    row = await change_repository.decline(connection, order.identity, body.revision, body.reason)
    if row is None:
        (current,) = await repository.find_by_keys(connection, [order.number_key], None, order.organisation_id)
        newest = current.proposed_revision or current.revision
        if body.revision != newest:
            raise superseded(body.revision, newest)
        raise await transition_refused(connection, order, Action.reject) or overtaken(order.row["number"])
    data: dict[str, JsonValue] = {"revision": body.revision, "reason": body.reason}
    await _record_event(connection, caller, order, row, EventType.CHANGE_DECLINED, data)
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


async def _record(
    connection: AsyncConnection, caller: Principal, order: LocatedOrder, row: Row[Any], body: ConfirmPurchaseOrder
) -> None:
    data: dict[str, JsonValue] = {
        "contract_number": body.contract_number,
        "invoice_number": body.invoice_number,
        "revision": row.revision,
    }
    await _record_event(connection, caller, order, row, EventType.CONFIRMED, data)


async def _record_event(
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
