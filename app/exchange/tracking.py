"""Carries out a 214: its events go the way of the API, and the PRO number onto its orders where nobody uses it yet."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import Problem
from app.exchange.documents import Document, Place, Refused
from app.http.authorisation import require_scope
from app.http.errors import NotFound
from app.http.problems import invalid_item
from app.principal import NAMED, OPERATIONS, Principal, Rule
from app.shipments import service as shipments
from app.shipments import tracking
from app.shipments.errors import InvalidProNumber
from app.shipments.schemas import LinkProNumber
from app.shipments.tracking_schemas import ReportedEvent

_EVENTS: Final[TypeAdapter[list[ReportedEvent]]] = TypeAdapter(list[ReportedEvent])
_LINK: Final[TypeAdapter[LinkProNumber]] = TypeAdapter(LinkProNumber)


async def track(connection: AsyncConnection, caller: Principal, document: Document) -> bool:
    """Return whether the message has changed anything.

    Raises Refused, MissingScope and what `tracking.record` raises.
    """
    require_scope(caller.scopes, OPERATIONS["record_tracking_events"])
    said = document.content
    try:
        events = _EVENTS.validate_python(said["events"])
    except ValidationError as error:
        raise invalid_item(error, ("body", "events")) from None
    carrier = acting(caller, "record_tracking_events")
    try:
        told = await tracking.record(connection, carrier, said["scac"], said["pro_number"], events)
    except InvalidProNumber as problem:
        raise Refused([wrong_pro_number(problem)]) from None
    except NotFound:
        if not said["orders"]:
            raise
        await _put_on_orders(connection, caller, said)
        told = await tracking.record(connection, carrier, said["scac"], said["pro_number"], events)
    return told.recorded > 0


def acting(caller: Principal, operation: str) -> Principal:
    """Return the caller as one who does an operation of the API, but for orders that name it alone.

    Whoever merely holds a number does this over the API, where guesses are counted.
    """
    rule = OPERATIONS[operation]
    return Principal(caller.organisation_id, caller.key_id, caller.scopes, Rule(rule.scopes, rule.relations & NAMED))


def wrong_pro_number(problem: InvalidProNumber) -> tuple[Place, str, str]:
    """Return the fault of a PRO number or its carrier, by its place."""
    return (str(problem.members["field"]),), problem.code, problem.detail


async def _put_on_orders(connection: AsyncConnection, caller: Principal, said: Mapping[str, Any]) -> None:
    linker = acting(caller, "link_pro_number")
    faults: list[tuple[Place, str, str]] = []
    body = _LINK.validate_python({"scac": said["scac"], "pro_number": said["pro_number"]})
    for position, number in enumerate(said["orders"]):
        try:
            await shipments.link(connection, linker, number, None, body)
        except InvalidProNumber as problem:
            raise Refused([wrong_pro_number(problem)]) from None
        except Problem as problem:
            faults.append((("orders", position), problem.code, problem.detail))
    if faults:
        raise Refused(faults)
