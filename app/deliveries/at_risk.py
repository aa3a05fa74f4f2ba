"""Announces which booked orders will not be accepted in their window any more: once each, however many look for them.

What is announced is what the gate will say of the order's own life. The gate does not go by it: where nobody looks for
a day, verdicts are the same, and what is at risk is announced a day later.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Any, Final

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.rounds import for_ever
from app.db.session import Database
from app.deliveries import at_risk_repository as repository
from app.deliveries.at_risk_rules import codes_in_window
from app.deliveries.booking_lifecycle import EXPECTED
from app.events import service as events
from app.events.event_types import EventType
from app.events.service import OrderChange
from app.orders import repository as orders
from app.orders.content_schemas import Window
from app.orders.views import lifecycle_facts
from app.telemetry import logger
from app.validation.delivery_facts import TimeWindow

_log = logger(__name__)

SECONDS_BETWEEN_ROUNDS: Final = 3.0
_BATCH: Final = 200


class _OvertakenError(Exception):
    """Somebody has changed the booking meanwhile, or has announced it: the next round looks again."""


async def run_for_ever(database: Database, seconds: float = SECONDS_BETWEEN_ROUNDS) -> None:
    """Do a round every so many seconds; one that fails is logged and tried again."""
    await for_ever("announcing orders at risk", lambda: run_once(database), lambda: seconds)


async def run_once(database: Database, batch: int = _BATCH) -> int:
    """Announce what is newly at risk, forget what is not any more, and return how many were announced."""
    announced = 0
    while True:
        found = await database.look(lambda connection: repository.find_changed(connection, batch))
        settled = 0
        for links in _by_booking(found):
            told = await _settle(database, links)
            settled += told is not None
            announced += bool(told)
        # Where nothing could be settled others are at it: the rest is for the next round.
        if len(found) < batch or not settled:
            return announced


def _by_booking(found: Sequence[Row[Any]]) -> list[list[Row[Any]]]:
    """Return the links in groups: those of one order, of one booking, that are marked or cleared together."""

    def group(row: Row[Any]) -> tuple[Any, ...]:
        return (row.number_key, row.organisation_id, row.booking_id, row.is_at_risk, str(row.at_risk_since))

    return [list(links) for _, links in groupby(sorted(found, key=group), group)]


async def _settle(database: Database, links: Sequence[Row[Any]]) -> bool | None:
    """Mark or clear an order's links of one booking and return whether that was announced; None: others were at it."""
    try:
        return await database.change(lambda connection: _mark_or_clear(connection, links))
    except _OvertakenError:
        return None


async def _mark_or_clear(connection: AsyncConnection, links: Sequence[Row[Any]]) -> bool:
    first = links[0]
    if not first.is_at_risk:
        await repository.clear(connection, links, first.at_risk_since)
        return False
    window = Window.model_validate(first.booked_window)
    facts = lifecycle_facts(first._asdict())
    span = TimeWindow(window.start, window.end)
    codes = [code.value for code in codes_in_window(facts, span, first.read_at, is_elsewhere=first.is_elsewhere)]
    booking = await repository.booking(connection, first.booking_id)
    has_come = booking is not None and booking.status not in EXPECTED
    # Links before their order, as everywhere: whoever changes the booking at this moment is not waited for crosswise.
    if await repository.mark(connection, links, codes) != len(links):
        raise _OvertakenError
    if first.is_announced or has_come:
        # By another PRO number of the same booking: it is one booking of one order. Or the vehicle is there already,
        # and the gate has said what it thinks.
        return False
    # As it was judged: whoever changes the order or announces it first counts its version up.
    changed = await orders.bump_version(
        connection, first.number_key, first.organisation_id, while_version=first.version
    )
    if changed is None:
        raise _OvertakenError
    change = OrderChange(
        type=EventType.DELIVERY_BOOKING_AT_RISK,
        number_key=first.number_key,
        organisation_id=first.organisation_id,
        sequence=changed.version,
        actor=None,
        relation=None,
        data={
            "booking_id": str(first.booking_id),
            "booking_number": None if booking is None else booking.booking_number,
            "window": first.booked_window,
            "codes": [*codes],
            "pro_numbers": [{"scac": link.scac, "pro_number": link.display} for link in links],
        },
    )
    await events.record(connection, [change])
    return True
