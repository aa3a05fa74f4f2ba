"""What a change of a booking means for its orders: each counts it and has an event of it, and its gate goes by it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import JsonValue
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from app.events import service as events
from app.events.event_types import EventType
from app.events.service import OrderChange
from app.http.schemas import timestamp
from app.orders import bulk_repository
from app.orders.bulk_repository import Counted
from app.orders.identity import Identity
from app.orders.views import relation_of
from app.principal import Principal


@dataclass(frozen=True, slots=True)
class BookedLine:
    """An order as it stands in one shipment of a booking."""

    number_key: str
    organisation_id: UUID
    scac: str
    pro_number: str
    """As the carrier writes it."""
    bol: str | None

    @property
    def identity(self) -> Identity:
        """The key of the order's number, and the buyer."""
        return self.number_key, self.organisation_id


def lines_of(shipments: Iterable[Mapping[str, Any]]) -> list[BookedLine]:
    """Return the orders of stored shipments, shipment by shipment."""
    return [
        BookedLine(
            one["number_key"],
            UUID(one["organisation_id"]),
            shipment["scac"],
            shipment["pro_number"],
            shipment["bol"],
        )
        for shipment in shipments
        for one in shipment["purchase_orders"]
    ]


async def count(
    connection: AsyncConnection,
    lines: Sequence[BookedLine],
    judged: Mapping[Identity, Mapping[str, Any]] | None = None,
) -> Mapping[Identity, Row[Any]]:
    """Count a change of each order for each of its shipments, and hold the orders' rows; return them by identity.

    `judged`: by identity the order's row that the change was judged by; an order that is no more so is missing from
    what is returned.
    """
    times: dict[Identity, int] = {}
    for line in lines:
        times[line.identity] = times.get(line.identity, 0) + 1
    counted = [
        Counted(*identity, changes, None if judged is None else judged[identity]) for identity, changes in times.items()
    ]
    rows = await bulk_repository.count_changes(connection, counted)
    return {(row.number_key, row.organisation_id): row for row in rows}


async def tell(
    connection: AsyncConnection,
    caller: Principal,
    type_: EventType,
    booking: Row[Any],
    lines: Sequence[BookedLine],
    rows: Mapping[Identity, Row[Any]],
    reason: str | None = None,
) -> None:
    """Record the event of a change for each order and shipment, whose orders were counted as `rows`."""
    left: dict[Identity, int] = {}
    for line in lines:
        left[line.identity] = left.get(line.identity, 0) + 1
    changes: list[OrderChange] = []
    for line in lines:
        row = rows[line.identity]
        left[line.identity] -= 1
        changes.append(
            OrderChange(
                type=type_,
                number_key=line.number_key,
                organisation_id=line.organisation_id,
                sequence=row.version - left[line.identity],
                actor=caller,
                relation=relation_of(row._asdict(), caller.organisation_id),
                data=_data(booking, line, reason),
            )
        )
    await events.record(connection, changes)


def _data(booking: Row[Any], line: BookedLine, reason: str | None) -> dict[str, JsonValue]:
    said: dict[str, JsonValue] = {
        "booking_number": booking.booking_number,
        "appointment_number": booking.appointment_number,
        "window": {"start": timestamp(booking.window_start), "end": timestamp(booking.window_end)},
        "scac": line.scac,
        "pro_number": line.pro_number,
        "bol": line.bol,
        "trailer_number": booking.trailer_number,
        "reason": reason,
    }
    return {name: value for name, value in said.items() if value is not None}
