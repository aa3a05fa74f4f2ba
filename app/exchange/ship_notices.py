"""Carries out a shipment of an 856: it goes the way of linking PRO numbers, and what comes stands on the links."""

from typing import Final

from pydantic import TypeAdapter, ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.exchange.documents import Document, Refused
from app.exchange.tracking import acting
from app.http.authorisation import require_scope
from app.http.problems import invalid_item
from app.principal import OPERATIONS, Principal
from app.shipments import ship_notices
from app.shipments.ship_notice_schemas import ReceivedNotice, WithdrawnNotice
from app.shipments.ship_notices import RefusedNotice

_NOTICE: Final[TypeAdapter[ReceivedNotice]] = TypeAdapter(ReceivedNotice)
_WITHDRAWN: Final[TypeAdapter[WithdrawnNotice]] = TypeAdapter(WithdrawnNotice)


async def notify(connection: AsyncConnection, caller: Principal, document: Document) -> bool:
    """Return whether the notice has changed anything.

    Raises Refused, MissingScope, InvalidRequest, and NotFound where it withdraws what is not there.
    """
    require_scope(caller.scopes, OPERATIONS["link_pro_number"])
    said = dict(document.content)
    purpose = said.pop("purpose")
    shipper = acting(caller, "link_pro_number")
    try:
        if purpose == "01":
            withdrawn = _WITHDRAWN.validate_python({"reference": said["reference"]})
        else:
            notice = _NOTICE.validate_python({**said, "replaces": purpose == "05"})
    except ValidationError as error:
        raise invalid_item(error, ("body",)) from None
    if purpose == "01":
        # All of it, with the first shipment that says so.
        if said["shipment"] == 1:
            await ship_notices.withdraw(connection, shipper, withdrawn.reference)
        return bool(said["shipment"] == 1)
    try:
        return await ship_notices.receive(connection, shipper, notice)
    except RefusedNotice as refused:
        raise Refused(refused.faults) from None
