"""Use cases of ship notices: put the PRO number of a shipment on all its orders with what comes of each, or on none.

A notice is its sender's, by its reference, and has one or more shipments. It stands on the links of its PRO numbers;
one that it has made goes with it when it is withdrawn, unless a delivery is booked with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import JsonValue
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import Problem
from app.events import service as events
from app.events.event_types import EventType
from app.events.service import OrderChange
from app.http.errors import NotFound
from app.http.schemas import plain_decimal
from app.orders import repository as orders
from app.orders.location import LocatedOrder, locate
from app.orders.views import relation_of
from app.principal import Principal
from app.shipments import service, ship_notice_repository
from app.shipments.errors import InvalidProNumber, ProNumberBooked
from app.shipments.link_repository import LinkId
from app.shipments.links import may_ship
from app.shipments.reading import named
from app.shipments.schemas import LinkProNumber
from app.shipments.ship_notice_schemas import ReceivedNotice, ShippedOrder
from app.shipments.shipped_lines import PRODUCT, Item, Line, matched

Place = tuple[str | int, ...]


class RefusedNotice(Exception):  # noqa: N818 - named for what it says about the notice
    """A shipment is not taken; `faults` say (place in the notice, code, message) of each."""

    def __init__(self, faults: Sequence[tuple[Place, str, str]]) -> None:
        super().__init__(faults)
        self.faults = faults


@dataclass(slots=True)
class _Wanted:
    """An order of a shipment, found, with what is to stand on its link."""

    position: int
    order: LocatedOrder
    said: ShippedOrder
    key: LinkId
    lines: list[dict[str, Any]] = field(default_factory=list)


async def receive(connection: AsyncConnection, caller: Principal, notice: ReceivedNotice) -> bool:
    """Put what a shipment of a notice says on its orders, all of it; return whether that changed anything.

    Raises RefusedNotice with every fault; the caller takes back what was done until then.
    """
    wanted = await _found(connection, caller, notice)
    before = {_key(row): row for row in await _standing(connection, caller, notice)}
    after = {one.key: _content(notice, one, caller) for one in wanted}
    if before.keys() == after.keys() and all(_says_the_same(before[key].ship_notice, after[key]) for key in after):
        return False
    if before and not notice.replaces:
        message = "This notice says something else already: one that takes its place has 05 in BSN01"
        raise RefusedNotice([(("reference",), "ship_notice_differs", message)])
    await _withdraw(connection, caller, [row for key, row in before.items() if key not in after])
    faults: list[tuple[Place, str, str]] = []
    stored: list[Row[Any]] = []
    for one in wanted:
        try:
            stored += await _put(connection, caller, one, before.get(one.key), after[one.key])
        except InvalidProNumber as problem:
            faults.append((("orders", one.position, str(problem.members["field"])), problem.code, problem.detail))
        except RefusedNotice as refused:
            faults += refused.faults
        except Problem as problem:
            faults.append((("orders", one.position, "number"), problem.code, problem.detail))
    if faults:
        raise RefusedNotice(faults)
    await _record(connection, caller, EventType.SHIP_NOTICE_RECEIVED, stored)
    return True


async def withdraw(connection: AsyncConnection, caller: Principal, reference: str) -> None:
    """Withdraw a notice of the caller's, all shipments of it; raises NotFound where it has none of that reference."""
    rows = await ship_notice_repository.standing(connection, caller.organisation_id, reference)
    if not rows:
        raise NotFound(f"No order has a ship notice {reference} of this organisation.")
    await _withdraw(connection, caller, rows)


async def _found(connection: AsyncConnection, caller: Principal, notice: ReceivedNotice) -> list[_Wanted]:
    """Return the orders of a shipment with the lines that come; raises RefusedNotice."""
    faults: list[tuple[Place, str, str]] = []
    wanted: list[_Wanted] = []
    for position, said in enumerate(notice.orders):
        where: Place = ("orders", position)
        try:
            order = await locate(connection, caller, said.number, None, admits=may_ship)
            scac, key = named(said.scac, said.pro_number)
        except InvalidProNumber as problem:
            faults.append(((*where, str(problem.members["field"])), problem.code, problem.detail))
            continue
        except Problem as problem:
            faults.append(((*where, "number"), problem.code, _told(problem)))
            continue
        one = _Wanted(position, order, said, (*order.identity, scac, key))
        if any(other.key == one.key for other in wanted):
            faults.append(((*where, "number"), "duplicate_order", "The order stands in the shipment twice"))
        wanted.append(one)
    rows = await orders.lines_of_orders(connection, {one.order.identity for one in wanted})
    for one in wanted:
        lines = [Line(row.line, _product(row._asdict())) for row in rows[one.order.identity]]
        one.lines, unknown = matched([_item(item.model_dump()) for item in one.said.lines], lines)
        for item, name, code, message in unknown:
            faults.append((("orders", one.position, "lines", item, name), code, message))
    if faults:
        raise RefusedNotice(faults)
    return wanted


async def _standing(connection: AsyncConnection, caller: Principal, notice: ReceivedNotice) -> Sequence[Row[Any]]:
    """Return the links on which this shipment of the notice stands, and with the first those of shipments it lost."""
    rows = await ship_notice_repository.standing(connection, caller.organisation_id, notice.reference)
    first = notice.shipment == 1
    return [
        row
        for row in rows
        if row.ship_notice["shipment"] == notice.shipment
        or (first and notice.replaces and row.ship_notice["shipment"] > notice.shipments)
    ]


async def _put(
    connection: AsyncConnection, caller: Principal, one: _Wanted, before: Row[Any] | None, after: Mapping[str, Any]
) -> list[Row[Any]]:
    """Put the PRO number on an order and the notice on its link; return the link where what it says is new."""
    said = {name: getattr(one.said, name) for name in ("scac", "pro_number", "trailer_number")}
    body = LinkProNumber(**{name: value for name, value in said.items() if value is not None})
    try:
        _, made = await service.link(connection, caller, str(one.order.row["id"]), None, body)
    except ProNumberBooked:
        # It is on the order: the trailer that its delivery booking names stays, as its bill of lading does.
        made = False
    if before is not None and _says_the_same(before.ship_notice, after):
        return []
    made = made or (before is not None and before.ship_notice["made_link"])
    stored = await ship_notice_repository.store(connection, one.key, {**after, "made_link": made}, one.said.bol)
    if stored is None:
        # Whose it is, is not said: the caller may have no other business with him.
        message = (
            "Another ship notice stands on this PRO number of the order: it is withdrawn with 01 in BSN01, or replaced "
            "under its own reference with 05"
        )
        raise RefusedNotice([(("orders", one.position, "number"), "ship_notice_exists", message)])
    return [stored]


async def _withdraw(connection: AsyncConnection, caller: Principal, rows: Sequence[Row[Any]]) -> None:
    for row in rows:
        await ship_notice_repository.take_off(connection, _key(row))
    await _record(connection, caller, EventType.SHIP_NOTICE_CANCELLED, rows)
    for row in rows:
        if row.ship_notice["made_link"] and row.booking_id is None:
            reason = f"The ship notice {row.ship_notice['reference']} was withdrawn."
            await service.unlink(connection, caller, str(row.order_id), None, row.scac, row.pro_number, reason)


async def _record(connection: AsyncConnection, caller: Principal, type_: EventType, rows: Sequence[Row[Any]]) -> None:
    """Write into the timelines of orders that a notice came or went, for each link of an order one after the other."""
    left = list(rows)
    while left:
        # An order may have several links, and one version is one event.
        now = {(row.number_key, row.organisation_id): row for row in left}
        left = [row for row in left if now[row.number_key, row.organisation_id] is not row]
        changed = await orders.bump_versions(connection, list(now))
        await events.record(
            connection,
            [_change(caller, type_, order, now[order.number_key, order.organisation_id]) for order in changed],
        )


def _change(caller: Principal, type_: EventType, order: Row[Any], link: Row[Any]) -> OrderChange:
    data: dict[str, JsonValue] = {
        "scac": link.scac,
        "pro_number": link.display,
        "ship_notice": link.ship_notice["reference"],
        **({} if link.bol is None else {"bol": link.bol}),
    }
    return OrderChange(
        type=type_,
        number_key=order.number_key,
        organisation_id=order.organisation_id,
        sequence=order.version,
        actor=caller,
        relation=relation_of(order._asdict(), caller.organisation_id),
        data=data,
    )


def _content(notice: ReceivedNotice, one: _Wanted, caller: Principal) -> dict[str, Any]:
    """Return what is to be kept of a notice on a link."""
    said = notice.model_dump(mode="json", include={"reference", "shipment", "shipped_at"})
    lines = [{**line, "quantity": plain_decimal(line["quantity"])} for line in one.lines]
    vehicle = {"bol": one.said.bol, "trailer_number": one.said.trailer_number}
    return {**said, **vehicle, "sent_by": str(caller.organisation_id), "lines": lines}


def _says_the_same(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    return all(before[name] == value for name, value in after.items())


def _key(row: Row[Any]) -> LinkId:
    return row.number_key, row.organisation_id, row.scac, row.pro_number


def _item(said: Mapping[str, Any]) -> Item:
    return Item(said["line"], _product(said), said["quantity"], said["unit"])


def _product(said: Mapping[str, Any]) -> dict[str, str]:
    return {name: said[name] for name in PRODUCT if said[name] is not None}


def _told(problem: Problem) -> str:
    """Return the sentence about a problem with a number: that about the field where the text can be none."""
    errors = problem.members.get("errors")
    if isinstance(errors, list) and errors and isinstance(errors[0], dict):
        return str(errors[0]["message"])
    return problem.detail
