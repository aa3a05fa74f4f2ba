"""Use cases of receiving: take goods in once, take a receipt back, note where its goods were put.

Every change begins with a conditional UPDATE of the order's row. It judges the status and holds the row to the end of
the transaction, so that all changes of one order come after one another and see its lines as they are.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
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
from app.http.errors import NotFound
from app.http.schemas import plain_decimal, timestamp
from app.orders import policy_service, receipt_repository, repository
from app.orders import quantities as rules
from app.orders.errors import AlreadyReceived, DuplicateReceipt, InvalidTransition, OverReceipt, ReceiptReversed
from app.orders.identity import Identity
from app.orders.lifecycle import (
    WITH_RECEIPTS,
    Action,
    StoredStatus,
    allowed_actions,
    effective_status,
    status_by_receipts,
)
from app.orders.location import LocatedOrder, locate, require_relation
from app.orders.quantities import LineQuantities
from app.orders.receipt_repository import Claim
from app.orders.receipt_schemas import (
    PutAwayReceipt,
    Receipt,
    ReceiptLine,
    ReceivedPurchaseOrder,
    ReceivePurchaseOrder,
    ReverseReceipt,
)
from app.orders.repository import Conditions
from app.orders.service import ATTEMPTS, overtaken, transition_refused
from app.orders.views import lifecycle_facts, purchase_order, relation_of
from app.principal import NAMED, Principal, Relation

_EVENT_OF = {
    StoredStatus.partially_received: EventType.PARTIALLY_RECEIVED,
    StoredStatus.received: EventType.RECEIVED,
}

_NOT_YET: dict[str, None] = dict.fromkeys(
    ("put_away_location", "put_away_at", "reversed_at", "reversed_by", "reversal_reason")
)


async def receive(
    connection: AsyncConnection, caller: Principal, number: str, buyer: UUID | None, body: ReceivePurchaseOrder
) -> ReceivedPurchaseOrder:
    """Take in what came, or all that is open.

    Raises what `locate` and `try_to_receive` do, DuplicateReceipt for a reference that was used before, AlreadyReceived
    when all has come in, InvalidTransition in every other status that takes no goods.
    """
    order = await locate(connection, caller, number, buyer)
    for _ in range(ATTEMPTS):
        received = await try_to_receive(connection, caller, order, body, ["body"])
        if received is not None:
            return received
        refused = await refusal(connection, caller, order, body)
        if refused is not None:
            raise refused
    raise overtaken(order.row["number"])


async def try_to_receive(
    connection: AsyncConnection,
    caller: Principal,
    order: LocatedOrder,
    body: ReceivePurchaseOrder,
    place: list[str | int],
) -> ReceivedPurchaseOrder | None:
    """Take in what came; None, with nothing written, where the order's status takes no goods at this moment.

    `place` is where the body stands in the request. Raises DuplicateReceipt, OverReceipt, and InvalidRequest for a line
    that the order has not.
    """
    row = await repository.change_status(
        connection, order.number_key, order.organisation_id, Action.receive, {}, conditions=Conditions()
    )
    if row is None:
        return None
    receipt = {
        "number_key": order.number_key,
        "organisation_id": order.organisation_id,
        "id": new_id(),
        "received_by": caller.organisation_id,
        **body.model_dump(exclude={"lines"}),
    }
    await _claim(connection, receipt)
    lines = await repository.current_lines(connection, *order.identity, row.revision)
    items = _items(body, lines, place)
    asked = rules.sum_by_line((item["line"], item["quantity"]) for item in items)
    policy = await policy_service.kept_by_order(connection, order.organisation_id, row.policy_version)
    lines = await _add(connection, order.identity, row.revision, lines, asked, policy.receipt_tolerance)
    status = status_by_receipts(anything_received=True, anything_open=rules.anything_open(_quantities(lines)))
    if status is not StoredStatus(row.status):
        await receipt_repository.set_status(connection, order.identity, status)
    await receipt_repository.insert_receipt(connection, receipt, items)
    data = {
        "receipt_id": str(receipt["id"]),
        **{name: receipt[name] for name in ("dock", "trailer_number", "scac", "pro_number")},
        "quantities": _as_json(asked),
    }
    await _record(connection, caller, order, row.version, _EVENT_OF[status], data)
    # The order was changed at the time of this transaction, and so was all else in it.
    whole = {**_NOT_YET, **receipt, "received_at": row.updated_at}
    return _answer({**row._asdict(), "status": status.value}, lines, order.relation, whole, items)


async def refusal(
    connection: AsyncConnection, caller: Principal, order: LocatedOrder, body: ReceivePurchaseOrder
) -> Problem | None:
    """Return why the order, read anew, takes no goods: first of all that this very receipt was taken in before.

    None where it takes goods by now: what stood against it, another receipt, was reversed meanwhile.
    """
    repeated = await repetition(connection, caller, body)
    if repeated is not None:
        return repeated
    refused = await transition_refused(connection, order, Action.receive)
    if refused is None or refused.members.get("order_status") != StoredStatus.received.value:
        return refused
    last = (await receipt_repository.last_receipts(connection, [order.identity])).get(order.identity)
    if last is None:
        return None
    where = f" at dock {last.dock}" if last.dock else ""
    return AlreadyReceived(
        f"{order.row['number']} was received on {timestamp(last.received_at)}{where}.",
        members={"received_at": timestamp(last.received_at), "dock": last.dock, "receipt_id": str(last.id)},
    )


async def repetition(
    connection: AsyncConnection, caller: Principal, body: ReceivePurchaseOrder
) -> DuplicateReceipt | None:
    """Return the problem for a receipt that was taken in before under its reference, whatever became of its order."""
    if body.receipt_reference is None:
        return None
    claim = await receipt_repository.find_claim(connection, caller.organisation_id, body.receipt_reference)
    return None if claim is None else _duplicate(body.receipt_reference, claim)


async def reverse(
    connection: AsyncConnection, caller: Principal, receipt_id: UUID, body: ReverseReceipt
) -> ReceivedPurchaseOrder:
    """Take a receipt back: its goods are open again. Also when time has passed the order by, but not once it is closed.

    Raises NotFound, RelationNotAllowed, ReceiptReversed, and InvalidTransition for a suspended or finished order.
    """
    order = await _order_of(connection, caller, receipt_id)
    row = await repository.bump_version(connection, *order.identity, while_in=WITH_RECEIPTS)
    receipt = row and await receipt_repository.reverse(
        connection, order.identity, receipt_id, caller.organisation_id, body.reason
    )
    if row is None or receipt is None:
        raise await _unchangeable(connection, order, receipt_id)
    items = await _items_of(connection, order, receipt_id)
    taken_back = rules.sum_by_line((item["line"], item["quantity"]) for item in items)
    lines = await repository.current_lines(connection, *order.identity, row.revision)
    lines = await _take_back(connection, order.identity, row.revision, lines, taken_back)
    left = _quantities(lines)
    status = status_by_receipts(
        anything_received=rules.anything_received(left), anything_open=rules.anything_open(left)
    )
    await receipt_repository.set_status(connection, order.identity, status)
    data: dict[str, JsonValue] = {
        "receipt_id": str(receipt_id),
        "reason": body.reason,
        "quantities": _as_json(taken_back),
    }
    await _record(connection, caller, order, row.version, EventType.RECEIPT_REVERSED, data)
    return _answer({**row._asdict(), "status": status.value}, lines, order.relation, receipt._asdict(), items)


async def put_away(
    connection: AsyncConnection, caller: Principal, receipt_id: UUID, body: PutAwayReceipt
) -> ReceivedPurchaseOrder:
    """Note where the goods of a receipt were put, whatever became of the order; a later place replaces an earlier.

    Raises NotFound, RelationNotAllowed and ReceiptReversed.
    """
    order = await _order_of(connection, caller, receipt_id)
    row = await repository.bump_version(connection, *order.identity)
    receipt = row and await receipt_repository.put_away(connection, order.identity, receipt_id, body.location)
    if row is None or receipt is None:
        raise await _unchangeable(connection, order, receipt_id)
    data: dict[str, JsonValue] = {"receipt_id": str(receipt_id), "location": body.location}
    await _record(connection, caller, order, row.version, EventType.RECEIPT_PUT_AWAY, data)
    lines = await repository.current_lines(connection, *order.identity, row.revision)
    items = await _items_of(connection, order, receipt_id)
    return _answer(row._asdict(), lines, order.relation, receipt._asdict(), items)


async def page(
    connection: AsyncConnection, caller: Principal, number: str, buyer: UUID | None, after: UUID | None, limit: int
) -> Sequence[Receipt]:
    """Return up to `limit` receipts of an order after the id `after`, oldest first; raises what `locate` does."""
    order = await locate(connection, caller, number, buyer)
    rows = await receipt_repository.page(connection, order.identity, after=after, limit=limit)
    items = await receipt_repository.items_of(connection, order.identity, [row.id for row in rows])
    return [_receipt(row._asdict(), [item._asdict() for item in items[row.id]]) for row in rows]


async def _order_of(connection: AsyncConnection, caller: Principal, receipt_id: UUID) -> LocatedOrder:
    row = await receipt_repository.find_order_of(connection, receipt_id)
    order = None if row is None else LocatedOrder(row._asdict(), relation_of(row._asdict(), caller.organisation_id))
    if order is None or order.relation not in NAMED:
        raise NotFound(f"There is no receipt {receipt_id} of an order that this organisation has a relation to.")
    require_relation(order, caller.rule)
    return order


async def _items_of(connection: AsyncConnection, order: LocatedOrder, receipt_id: UUID) -> list[dict[str, Any]]:
    items = await receipt_repository.items_of(connection, order.identity, [receipt_id])
    return [item._asdict() for item in items[receipt_id]]


async def _claim(connection: AsyncConnection, receipt: Mapping[str, Any]) -> None:
    reference = receipt["receipt_reference"]
    if reference is not None:
        order = (receipt["number_key"], receipt["organisation_id"])
        claim = await receipt_repository.claim_reference(
            connection, receipt["received_by"], reference, order, receipt["id"]
        )
        if claim.receipt_id != receipt["id"]:
            raise _duplicate(reference, claim)


def _items(body: ReceivePurchaseOrder, lines: Sequence[Row[Any]], place: list[str | int]) -> list[dict[str, Any]]:
    """Return what comes in, item by item; an order without lines comes in as a whole and has none."""
    if body.lines is None:
        open_ = rules.open_by_line(_quantities(lines))
        return [{"line": line, "quantity": open_[line], "condition": None, "lot": None} for line in open_]
    known = {line.line for line in lines}
    unknown = [position for position, item in enumerate(body.lines) if item.line not in known]
    if unknown:
        raise InvalidRequest.of(
            [
                {
                    "loc": [*place, "lines", position, "line"],
                    "code": "unknown_line",
                    "message": f"The order has no such line; it has {len(known) or 'none'}",
                }
                for position in unknown
            ]
        )
    return [item.model_dump() for item in body.lines]


async def _add(
    connection: AsyncConnection,
    identity: Identity,
    revision: int,
    lines: Sequence[Row[Any]],
    added: Mapping[int, Decimal],
    tolerance: Decimal,
) -> Sequence[Row[Any]]:
    """Add to what has come in and return all lines as they are then; raises OverReceipt where that is not possible."""
    changed = await receipt_repository.add_received(connection, identity, revision, added, tolerance=tolerance)
    refused = added.keys() - {line.line for line in changed}
    if refused:
        raise _over_receipt([line for line in _quantities(lines) if line.line in refused], added, tolerance)
    return _updated(lines, changed)


async def _take_back(
    connection: AsyncConnection,
    identity: Identity,
    revision: int,
    lines: Sequence[Row[Any]],
    taken_back: Mapping[int, Decimal],
) -> Sequence[Row[Any]]:
    less = {line: -quantity for line, quantity in taken_back.items()}
    changed = await receipt_repository.add_received(connection, identity, revision, less)
    if len(changed) != len(less):
        # No caller can bring this about: the lines do not hold what the receipts in force say.
        raise LookupError(f"the lines of order {identity} have received less than their receipts say")
    return _updated(lines, changed)


def _updated(lines: Sequence[Row[Any]], changed: Sequence[Row[Any]]) -> Sequence[Row[Any]]:
    by_line = {line.line: line for line in changed}
    return [by_line.get(line.line, line) for line in lines]


def _over_receipt(lines: Sequence[LineQuantities], asked: Mapping[int, Decimal], tolerance: Decimal) -> OverReceipt:
    first = lines[0]
    beyond = f" and {plain_decimal(first.receivable(tolerance))} may come in" if tolerance else ""
    more = f" {len(lines) - 1} more lines are at fault;" if len(lines) > 1 else ""
    return OverReceipt(
        f"Line {first.line}: {plain_decimal(first.open)} are open{beyond}, {plain_decimal(asked[first.line])} were to "
        f"be received;{more} nothing was received.",
        members={
            "lines": [
                {
                    "line": line.line,
                    "ordered": plain_decimal(line.ordered),
                    "received": plain_decimal(line.received),
                    "open": plain_decimal(line.open),
                    "receivable": plain_decimal(line.receivable(tolerance)),
                    "asked": plain_decimal(asked[line.line]),
                }
                for line in lines
            ]
        },
    )


def _duplicate(receipt_reference: str, claim: Claim) -> DuplicateReceipt:
    return DuplicateReceipt(
        f"The receipt {receipt_reference} was taken in on {timestamp(claim.claimed_at)}.",
        members={"receipt_id": str(claim.receipt_id), "received_at": timestamp(claim.claimed_at)},
    )


async def _unchangeable(connection: AsyncConnection, order: LocatedOrder, receipt_id: UUID) -> Problem:
    """Return why a receipt, read anew, can be changed no more."""
    receipt = await receipt_repository.find(connection, order.identity, receipt_id)
    if receipt.reversed_at is not None:
        return ReceiptReversed(
            f"This receipt was reversed on {timestamp(receipt.reversed_at)}.",
            members={"reversed_at": timestamp(receipt.reversed_at), "reason": receipt.reversal_reason},
        )
    (current,) = await repository.find_by_keys(connection, [order.number_key], None, order.organisation_id)
    facts = lifecycle_facts(current._asdict())
    status = effective_status(facts, current.read_at)
    allowed = [action.value for action in allowed_actions(facts, current.read_at)]
    return InvalidTransition(
        f"{current.number} is {status}: a receipt is reversed while its order is {' or '.join(WITH_RECEIPTS)}.",
        members={"order_status": status.value, "allowed": list(allowed)},
    )


async def _record(
    connection: AsyncConnection,
    caller: Principal,
    order: LocatedOrder,
    version: int,
    type_: EventType,
    data: Mapping[str, JsonValue],
) -> None:
    change = OrderChange(
        type=type_,
        number_key=order.number_key,
        organisation_id=order.organisation_id,
        sequence=version,
        actor=caller,
        relation=order.relation,
        data=dict(data),
    )
    await events.record(connection, [change])


def _answer(
    order: Mapping[str, Any],
    lines: Sequence[Row[Any]],
    relation: Relation,
    receipt: Mapping[str, Any],
    items: Sequence[Mapping[str, Any]],
) -> ReceivedPurchaseOrder:
    shown = purchase_order(order, [line._asdict() for line in lines], relation, order["read_at"])
    return ReceivedPurchaseOrder.model_construct(
        shown.model_fields_set | {"receipt"}, **dict(shown), receipt=_receipt(receipt, items)
    )


def _receipt(row: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> Receipt:
    return Receipt(
        **{name: row[name] for name in Receipt.model_fields if name != "lines"},
        lines=[ReceiptLine(**{name: item[name] for name in ReceiptLine.model_fields}) for item in items],
    )


def _quantities(lines: Sequence[Row[Any]]) -> list[LineQuantities]:
    return [LineQuantities(line.line, line.quantity, line.received, line.rejected) for line in lines]


def _as_json(quantities: Mapping[int, Decimal]) -> JsonValue:
    return [{"line": line, "quantity": plain_decimal(quantity)} for line, quantity in sorted(quantities.items())]
