"""Applies an 855 or 865: what it says of each line goes the way of `confirm`, or all of it is declined."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import InvalidRequest
from app.exchange.acknowledged_lines import lines_of, says_the_same
from app.exchange.documents import Document, Refused
from app.http.authorisation import require_scope
from app.http.problems import invalid_item
from app.orders import acknowledging, revisions
from app.orders import service as orders
from app.orders.acknowledgement_schemas import ConfirmPurchaseOrder
from app.orders.change_schemas import RejectPurchaseOrder
from app.orders.lifecycle import StoredStatus
from app.orders.schemas import OrderLine, PurchaseOrder
from app.principal import OPERATIONS, Principal

_CONFIRMATION: Final[TypeAdapter[ConfirmPurchaseOrder]] = TypeAdapter(ConfirmPurchaseOrder)
_REJECTION: Final[TypeAdapter[RejectPurchaseOrder]] = TypeAdapter(RejectPurchaseOrder)


async def acknowledge(connection: AsyncConnection, caller: Principal, document: Document) -> bool:
    """Return whether the acknowledgement has changed anything.

    Raises Refused, and what `confirm` and `decline` raise.
    """
    number, said = document.number or "", document.content
    operation = OPERATIONS["reject_purchase_order" if said["rejected"] else "confirm_purchase_order"]
    require_scope(caller.scopes, operation)
    seller = Principal(caller.organisation_id, caller.key_id, caller.scopes, operation)
    order = await orders.get(connection, seller, number, None)
    if said["rejected"]:
        return await _reject(connection, seller, number, order, said)
    if order.proposed_revision is None or not said["of_change"]:
        # What was said before is no answer to a change that came later.
        if _is_known(order, said):
            return False
        if order.proposed_revision is not None and "revision" not in said:
            raise Refused([_change_waits(order.proposed_revision)])
    lines = order.lines
    if order.proposed_revision is not None:
        lines = (await revisions.get(connection, seller, number, None, order.proposed_revision)).lines
    newest = order.proposed_revision or order.revision
    await acknowledging.confirm(connection, seller, number, None, _body(order, said, lines, newest))
    return True


async def _reject(
    connection: AsyncConnection, seller: Principal, number: str, order: PurchaseOrder, said: Mapping[str, Any]
) -> bool:
    if order.stored_status is StoredStatus.rejected:
        return False
    revision = said.get("revision")
    if said["of_change"] and order.proposed_revision is None:
        raise Refused([(("type",), "no_change_waits", "It rejects a change, and none waits for an answer")])
    if said["of_change"]:
        revision = revision or order.proposed_revision
    elif revision is None and order.proposed_revision is not None:
        raise Refused([_change_waits(order.proposed_revision)])
    try:
        body = _REJECTION.validate_python({"reason": said["reason"], "revision": revision})
    except ValidationError as error:
        raise invalid_item(error, ("body",)) from None
    await acknowledging.decline(connection, seller, number, None, body)
    return True


def _change_waits(revision: int) -> tuple[tuple[str], str, str]:
    message = f"A change order waits, revision {revision}: answer it with an 865, or name the revision in REF PP"
    return ("number",), "change_waits", message


def _is_known(order: PurchaseOrder, said: Mapping[str, Any]) -> bool:
    """Whether the seller has said the same of the order last."""
    known = order.acknowledgement
    if known is None or known.revision != order.revision:
        return False
    try:
        body = _body(order, said, order.lines, order.revision).model_dump(mode="json")
    except (Refused, InvalidRequest):
        return False
    shown = known.model_dump(mode="json")
    return all(body[name] == shown[name] for name in ("revision", "contract_number", "invoice_number")) and (
        says_the_same(body["lines"], shown["lines"], {line.line: line.quantity for line in order.lines})
    )


def _body(order: PurchaseOrder, said: Mapping[str, Any], lines: list[OrderLine], revision: int) -> ConfirmPurchaseOrder:
    ordered = {line.line: Decimal(line.quantity) for line in lines}
    before: dict[int, list[dict[str, Any]]] = {}
    papers: dict[str, Any] = {}
    if order.acknowledgement is not None and said["of_change"]:
        # An 865 speaks of what changes: of the rest what the seller has said before still holds.
        shown = order.acknowledgement.model_dump(mode="json")
        before = {
            line["line"]: line["decisions"]
            for line in shown["lines"]
            if sum(Decimal(part["quantity"]) for part in line["decisions"]) == ordered.get(line["line"])
        }
        papers = {name: shown[name] for name in ("contract_number", "invoice_number")}
    papers |= {name: said[name] for name in ("contract_number", "invoice_number") if name in said}
    body = {**papers, "revision": said.get("revision", revision), "lines": lines_of(said, ordered, before)}
    try:
        return _CONFIRMATION.validate_python(body)
    except ValidationError as error:
        raise invalid_item(error, ("body",)) from None
