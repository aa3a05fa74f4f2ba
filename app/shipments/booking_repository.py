"""SQL of the PRO numbers that a delivery booking comes with: all of its claims, and all of its links, at once."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, Uuid, bindparam, delete, func, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.shipments.claim_repository import Pro
from app.shipments.models import ProClaimRow, ProLinkRow

Claim = ProClaimRow
Link = ProLinkRow


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose a PRO number is, and which booking's.

    `completed_at`: its shipment is over. `is_new`: nobody had it before this transaction.
    """

    organisation_id: UUID
    booking_id: UUID | None
    completed_at: datetime | None
    is_new: bool


def _claiming(set_: str) -> TextClause:
    """Return a statement that writes claims and does what `set_` says to those that are there already.

    They are taken in the order of their keys, which no UPDATE promises: no two bookings wait for each other crosswise.
    """
    # What is put in is written below; every value is a parameter.
    return text(
        "INSERT INTO pro_claims AS claims (scac, pro_number, display, organisation_id, claimed_at, booking_id) "  # noqa: S608
        "SELECT given.scac, given.pro_number, given.display, :organisation_id, now(), :booking_id "
        "FROM jsonb_to_recordset(CAST(CAST(:pros AS text) AS jsonb)) "
        "AS given (scac text, pro_number text, display text) ORDER BY given.scac, given.pro_number "
        f"ON CONFLICT (scac, pro_number) DO UPDATE SET {set_} "
        "RETURNING claims.scac, claims.pro_number, claims.organisation_id, claims.booking_id, claims.completed_at, "
        "claims.claimed_at = now() AS is_new"
    ).bindparams(bindparam("organisation_id", type_=Uuid()), bindparam("booking_id", type_=Uuid()))


# What is nobody's, or its organisation's own and free, is the booking's; all else stays as it is, and is answered so.
_RESERVE = _claiming(
    "booking_id = CASE WHEN claims.organisation_id = excluded.organisation_id AND claims.completed_at IS NULL "
    "THEN coalesce(claims.booking_id, excluded.booking_id) ELSE claims.booking_id END"
)
_RELEASE = _claiming("booking_id = NULL WHERE claims.booking_id = excluded.booking_id")
_COMPLETE = _claiming("completed_at = now() WHERE claims.completed_at IS NULL")

# Linked before, it is the same link, on which a vehicle is expected now.
_LINK = text(
    "INSERT INTO pro_links (number_key, organisation_id, scac, pro_number, display, trailer_number, delivery_window, "
    "bol, booking_id, warehouse_id, location_code, linked_by, linked_at) "
    "SELECT number_key, organisation_id, scac, pro_number, display, trailer_number, delivery_window, bol, booking_id, "
    "warehouse_id, location_code, linked_by, now() "
    "FROM jsonb_populate_recordset(NULL::pro_links, CAST(CAST(:links AS text) AS jsonb)) AS given "
    "ORDER BY number_key, organisation_id, scac, pro_number "
    "ON CONFLICT (number_key, organisation_id, scac, pro_number) DO UPDATE SET "
    "trailer_number = excluded.trailer_number, delivery_window = excluded.delivery_window, bol = excluded.bol, "
    "booking_id = excluded.booking_id, warehouse_id = excluded.warehouse_id, location_code = excluded.location_code"
)


async def reserve(
    connection: AsyncConnection, organisation_id: UUID, booking_id: UUID, displays: Mapping[Pro, str]
) -> Mapping[Pro, Holder]:
    """Claim PRO numbers for an organisation and its booking, where they are free; return whose each is now.

    Of several bookings at once the first gets a PRO number: the others wait for its commit. They are taken in one order
    everywhere, so that no two wait for each other crosswise.
    """
    rows = await connection.execute(_RESERVE, _given(organisation_id, booking_id, displays))
    return {
        (row.scac, row.pro_number): Holder(row.organisation_id, row.booking_id, row.completed_at, row.is_new)
        for row in rows
    }


async def undo_reservation(connection: AsyncConnection, booking_id: UUID, pros: Collection[Pro]) -> None:
    """Give back PRO numbers that this same transaction has reserved, and take away claims that it has made."""
    ours = [Claim.booking_id == booking_id, tuple_(Claim.scac, Claim.pro_number).in_(list(pros))]
    await connection.execute(delete(Claim).where(*ours, Claim.claimed_at == func.now()))
    await connection.execute(update(Claim).where(*ours).values(booking_id=None))


async def release(
    connection: AsyncConnection, organisation_id: UUID, booking_id: UUID, displays: Mapping[Pro, str]
) -> None:
    """Let PRO numbers that a booking of the organisation has be booked anew; the claims stay."""
    await connection.execute(_RELEASE, _given(organisation_id, booking_id, displays))


async def complete(
    connection: AsyncConnection, organisation_id: UUID, booking_id: UUID, displays: Mapping[Pro, str]
) -> None:
    """Note that the shipments of PRO numbers are over: they stand for no other from now on."""
    await connection.execute(_COMPLETE, _given(organisation_id, booking_id, displays))


async def link(connection: AsyncConnection, links: Sequence[Mapping[str, Any]]) -> None:
    """Put PRO numbers on orders, with the vehicle, window and bill of lading of a booking, as columns of a link."""
    await connection.execute(_LINK, {"links": json.dumps(links, default=str)})


async def move(
    connection: AsyncConnection, booking_id: UUID, number_keys: Collection[str], window: Mapping[str, Any]
) -> None:
    """Expect what a booking brings within another window (`start`, `end`)."""
    await connection.execute(
        update(Link)
        .where(Link.number_key.in_(number_keys), Link.booking_id == booking_id)
        .values(delivery_window=dict(window))
    )


async def unbook(
    connection: AsyncConnection, booking_id: UUID, number_keys: Collection[str], pro: Pro | None = None
) -> None:
    """Expect no vehicle of a booking any more, or none with this PRO number; the links stay."""
    conditions = [Link.number_key.in_(number_keys), Link.booking_id == booking_id]
    if pro is not None:
        conditions += [Link.scac == pro[0], Link.pro_number == pro[1]]
    await connection.execute(
        update(Link).where(*conditions).values(booking_id=None, delivery_window=None, trailer_number=None)
    )


def _given(organisation_id: UUID, booking_id: UUID, displays: Mapping[Pro, str]) -> dict[str, Any]:
    pros = [{"scac": scac, "pro_number": key, "display": display} for (scac, key), display in displays.items()]
    return {"organisation_id": organisation_id, "booking_id": booking_id, "pros": json.dumps(pros)}
