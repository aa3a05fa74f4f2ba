"""SQL of claims: whose each PRO number is, and whether its shipment is over."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, and_, bindparam, column, delete, exists, func, not_, select, text, tuple_, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from app.orders.lifecycle import StoredStatus
from app.orders.models import PurchaseOrderRow
from app.shipments.models import ProClaimRow, ProLinkRow

Claim = ProClaimRow
Link = ProLinkRow
Order = PurchaseOrderRow

Pro = tuple[str, str]
"""A carrier's code and the key of a PRO number."""

_OVER: Final = (StoredStatus.received, StoredStatus.closed)
"""Of an order: its goods have come. A cancelled order says nothing of the vehicle."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A PRO number's claim; `is_new`: nobody had it before this transaction. `completed_at`: its shipment is over."""

    scac: str
    pro_number: str
    display: str
    organisation_id: UUID
    completed_at: datetime | None
    is_new: bool

    @classmethod
    def free(cls, scac: str, pro_number: str, display: str, organisation_id: UUID) -> "Claimed":
        """Return what a claim will be that nobody has made yet."""
        return cls(scac, pro_number, display, organisation_id, None, is_new=True)

    @property
    def pro(self) -> Pro:
        """The carrier's code and the PRO number's key."""
        return self.scac, self.pro_number


_columns: list[Any] = [Claim.scac, Claim.pro_number, Claim.display, Claim.organisation_id, Claim.completed_at]
_is_new = (Claim.claimed_at == func.now()).label("is_new")

# Who finds his own claim touches it: so whoever ends the shipment or releases the number waits, or is waited for. The
# rows of others are left alone, and are missing in the answer. In one order: nobody waits for another crosswise.
_CLAIM_ALL = (
    text(
        "INSERT INTO pro_claims AS claims (scac, pro_number, display, organisation_id, claimed_at) "
        "SELECT given.scac, given.pro_number, given.display, :organisation_id, now() "
        "FROM jsonb_to_recordset(CAST(CAST(:pros AS text) AS jsonb)) "
        "AS given (scac text, pro_number text, display text) ORDER BY given.scac, given.pro_number "
        "ON CONFLICT (scac, pro_number) DO UPDATE SET display = claims.display "
        "WHERE claims.organisation_id = excluded.organisation_id "
        "RETURNING claims.scac, claims.pro_number, claims.display, claims.organisation_id, claims.completed_at, "
        "claims.claimed_at = now() AS is_new"
    )
    .bindparams(bindparam("organisation_id", type_=Claim.organisation_id.type))
    .columns(*_columns, column("is_new", _is_new.type))
)


async def claim(
    connection: AsyncConnection, scac: str, pro_number: str, display: str, organisation_id: UUID
) -> Claimed:
    """Claim a PRO number (its key) if nobody has, and return whose it is now: it stays so until the transaction ends.

    Of several organisations at once the first gets it: the others wait for its commit and then find it taken.
    """
    insert = (
        postgresql.insert(Claim)
        .values(
            scac=scac, pro_number=pro_number, display=display, organisation_id=organisation_id, claimed_at=func.now()
        )
        .on_conflict_do_nothing()
        .returning(*_columns, _is_new)
    )
    # Shared, so that one waybill's orders are linked side by side; who ends the shipment waits for them.
    held = select(*_columns, _is_new).where(*_is(scac, pro_number)).with_for_update(read=True)
    # Only a release between the two makes another round.
    while True:
        for statement in (insert, held):
            if (row := (await connection.execute(statement)).one_or_none()) is not None:
                return Claimed(**row._asdict())


async def claim_all(
    connection: AsyncConnection, organisation_id: UUID, displays: Mapping[Pro, str]
) -> Mapping[Pro, Claimed]:
    """Claim PRO numbers, as their carriers write them, and return those that are the organisation's now."""
    pros = [{"scac": scac, "pro_number": key, "display": display} for (scac, key), display in displays.items()]
    if not pros:
        return {}
    rows = await connection.execute(_CLAIM_ALL, {"organisation_id": organisation_id, "pros": json.dumps(pros)})
    return {(row.scac, row.pro_number): Claimed(**row._asdict()) for row in rows}


async def find_claim(connection: AsyncConnection, scac: str, pro_number: str) -> Row[Any] | None:
    """Return the claim on a PRO number, or None."""
    result = await connection.execute(select(Claim.__table__).where(*_is(scac, pro_number)))
    return result.one_or_none()


async def find_claims(connection: AsyncConnection, pros: Collection[Pro]) -> Mapping[Pro, Claimed]:
    """Return the claims that there are on PRO numbers, as they are before anything is done."""
    if not pros:
        return {}
    result = await connection.execute(select(*_columns, _is_new).where(*_among(Claim, pros)))
    return {(row.scac, row.pro_number): Claimed(**row._asdict()) for row in result}


async def delivered(
    connection: AsyncConnection, pros: Collection[Pro], *, besides: tuple[str, UUID] | None = None
) -> frozenset[Pro]:
    """Return those PRO numbers that are on orders, all of which are received or closed; `besides` is not looked at."""
    if not pros:
        return frozenset()
    query = (
        select(Link.scac, Link.pro_number)
        .join(Order, and_(Order.number_key == Link.number_key, Order.organisation_id == Link.organisation_id))
        .where(*_among(Link, pros))
        .group_by(Link.scac, Link.pro_number)
        .having(func.bool_and(Order.status.in_([status.value for status in _OVER])))
    )
    if besides is not None:
        query = query.where(tuple_(Link.number_key, Link.organisation_id) != besides)
    return frozenset((row.scac, row.pro_number) for row in await connection.execute(query))


async def hold(connection: AsyncConnection, scac: str, pro_number: str) -> Row[Any] | None:
    """Return the claim on a PRO number, or None, and keep others from linking it until the transaction ends."""
    result = await connection.execute(
        update(Claim).where(*_is(scac, pro_number)).values(display=Claim.display).returning(Claim.__table__)
    )
    held: Row[Any] | None = result.one_or_none()
    return held


async def release(connection: AsyncConnection, scac: str, pro_number: str) -> bool:
    """Take away a claim that is held, unless its PRO number is on an order or booked; return whether it is gone.

    Held first, by a statement of its own: only one that begins after that sees the links that it has waited for.
    """
    linked = exists().where(Link.scac == scac, Link.pro_number == pro_number)
    result = await connection.execute(
        delete(Claim).where(*_is(scac, pro_number), Claim.booking_id.is_(None), not_(linked)).returning(Claim.scac)
    )
    return result.one_or_none() is not None


def _is(scac: str, pro_number: str) -> list[Any]:
    return [Claim.scac == scac, Claim.pro_number == pro_number]


def _among(table: type[Claim] | type[Link], pros: Collection[Pro]) -> list[Any]:
    # The plain list too, which is what the index of PRO numbers is walked by.
    return [
        table.pro_number.in_({key for _, key in pros}),
        tuple_(table.scac, table.pro_number).in_(sorted(pros)),
    ]
