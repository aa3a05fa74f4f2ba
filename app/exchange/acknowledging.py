"""Carries out what an 855 says of an order, once. What an 860 says is refused until orders can be changed."""

from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter, ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import InvalidRequest, Problem
from app.exchange import repository
from app.exchange.documents import Document, Kind
from app.http.authorisation import require_scope
from app.http.problems import invalid_item
from app.orders import acknowledging
from app.orders import service as orders
from app.orders.acknowledgement_schemas import ConfirmPurchaseOrder
from app.orders.schemas import PurchaseOrder
from app.principal import OPERATIONS, Principal

_CONFIRMATION: Final[TypeAdapter[ConfirmPurchaseOrder]] = TypeAdapter(ConfirmPurchaseOrder)
_TAKES_LINES: Final = "lines" in ConfirmPurchaseOrder.model_fields
"""Whether `confirm` takes decisions line by line; until then only what accepts every line whole is carried out."""


async def carry_out(
    connection: AsyncConnection, caller: Principal, import_id: UUID, document: Document
) -> "str | Problem":
    """Return what has become of a document, or the problem that it meets, which leaves nothing behind."""
    savepoint = await connection.begin_nested()
    try:
        outcome = await _carried_out(connection, caller, import_id, document)
    except Problem as problem:
        await savepoint.rollback()
        return problem
    await savepoint.commit()
    return outcome


async def _carried_out(connection: AsyncConnection, caller: Principal, import_id: UUID, document: Document) -> str:
    number = document.number or ""
    if document.kind is Kind.CHANGE:
        raise InvalidRequest.at(
            ["body", "number"], "change_orders_not_taken", "Change orders (860) are read, but cannot be carried out yet"
        )
    content = document.content
    operation = OPERATIONS["reject_purchase_order" if content["rejected"] else "confirm_purchase_order"]
    require_scope(caller.scopes, operation)
    seller = Principal(caller.organisation_id, caller.key_id, caller.scopes, operation)
    if content["rejected"]:
        if not await _claim(connection, caller, import_id, document):
            return "unchanged"
        await orders.reject(connection, seller, number, None, None)
        return "applied"
    order = await orders.get(connection, seller, number, None)
    body = _body_of(content, order)
    if order.confirmed_at is not None and _says_the_same(order, content, body):
        return "unchanged"
    if not await _claim(connection, caller, import_id, document):
        return "unchanged"
    await acknowledging.confirm(connection, seller, number, None, body)
    return "applied"


async def _claim(connection: AsyncConnection, caller: Principal, import_id: UUID, document: Document) -> bool:
    """Take what the document says for this import; False where it was carried out from an earlier file."""
    if document.fingerprint is None:
        return True
    return await repository.claim(connection, caller.organisation_id, document.fingerprint, import_id)


def _body_of(content: dict[str, Any], order: PurchaseOrder) -> ConfirmPurchaseOrder:
    body = {name: content.get(name) or None for name in ("contract_number", "invoice_number")}
    if content["lines"] and _TAKES_LINES:
        body["lines"] = content["lines"]
    elif content["lines"] and not _accepts_all(content["lines"], order):
        raise InvalidRequest.at(
            ["body", "lines"],
            "line_decisions_not_taken",
            "The acknowledgement does not accept every line as ordered, and decisions by line are not taken yet",
        )
    try:
        return _CONFIRMATION.validate_python(body)
    except ValidationError as error:
        raise invalid_item(error, ("body",)) from None


def _accepts_all(lines: list[dict[str, Any]], order: PurchaseOrder) -> bool:
    accepted: dict[int, str] = {}
    for line in lines:
        decisions = line["decisions"]
        if (
            len(decisions) != 1
            or decisions[0]["decision"] != "accepted"
            or decisions[0].keys() > {"decision", "quantity"}
        ):
            return False
        accepted[line["line"]] = decisions[0]["quantity"]
    ordered = {line.line: line.quantity for line in order.lines}
    return accepted.keys() == ordered.keys() and all(
        _is(accepted[number], quantity) for number, quantity in ordered.items()
    )


def _is(text: str, quantity: Decimal) -> bool:
    try:
        return not text or Decimal(text) == quantity
    except ArithmeticError:
        return False


def _says_the_same(order: PurchaseOrder, content: dict[str, Any], body: ConfirmPurchaseOrder) -> bool:
    papers = (order.contract_number, order.invoice_number) == (body.contract_number, body.invoice_number)
    return papers and (not content["lines"] or _accepts_all(content["lines"], order))
