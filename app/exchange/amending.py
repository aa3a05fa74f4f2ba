"""Applies an 860: the order is changed, all of it at once, or cancelled."""

from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import InvalidRequest
from app.exchange import change_orders
from app.exchange.documents import Document, Refused
from app.orders import changing
from app.orders import service as orders
from app.orders.lifecycle import StoredStatus
from app.orders.location import LocatedOrder
from app.principal import OPERATIONS, Principal


async def amend(connection: AsyncConnection, caller: Principal, document: Document) -> bool:
    """Return whether the change has changed anything.

    Only the order's owner may: raises what `locate` does, Refused, and what `change_as` and `cancel` raise.
    """
    number, said = document.number or "", document.content
    cancels = said["purpose"] == "01"
    operation = OPERATIONS["cancel_purchase_order" if cancels else "update_purchase_order"]
    owner = Principal(caller.organisation_id, caller.key_id, caller.scopes, operation)
    # The buyer's own number, whoever else may have given the same one.
    buyer = caller.organisation_id
    order = await orders.get(connection, owner, number, buyer)
    if cancels:
        if order.stored_status is StoredStatus.cancelled:
            return False
        if not change_orders.deletes_all(said, {"lines": [{"line": line.line} for line in order.lines]}):
            message = "It cancels the order, and its lines say something else: DI for each, or none"
            raise Refused([(("purpose",), "x12_contradiction", message)])
        await orders.cancel(connection, owner, number, buyer, None)
        return True
    origins: list[int | None] = []

    def patch_of(_: LocatedOrder, now: Mapping[str, Any]) -> Mapping[str, Any]:
        nonlocal origins
        patch, origins = change_orders.patch_of(said, now)
        return patch

    try:
        changed = await changing.change_as(connection, owner, number, buyer, patch_of)
    except InvalidRequest as refused:
        raise _in_terms_of_the_860(refused, origins) from None
    return changed.version != order.version


def _in_terms_of_the_860(refused: InvalidRequest, origins: list[int | None]) -> InvalidRequest:
    """Return the problem with the lines that it names counted as the 860 has them, not as the order."""
    errors = refused.members.get("errors")
    told: list[dict[str, JsonValue]] = []
    for error in errors if isinstance(errors, list) else []:
        if not isinstance(error, dict):
            continue
        loc = error["loc"]
        if isinstance(loc, list) and loc[1:2] == ["lines"] and len(loc) > 2 and isinstance(loc[2], int):
            origin = origins[loc[2]] if loc[2] < len(origins) else None
            loc = [*loc[:2], *([] if origin is None else [origin]), *loc[3:]]
        told.append({**error, "loc": loc})
    return InvalidRequest.of(told)
