"""Use cases of claims: whose a PRO number is, when its shipment is over, and how the operator gives one up."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.events import service as events
from app.events.event_types import AuditType
from app.http.errors import NotFound
from app.principal import Principal
from app.shipments import claim_repository, reading
from app.shipments.claim_repository import Claimed
from app.shipments.errors import ProNumberClaimed, ProNumberLinked, ProNumberReused
from app.shipments.pro_numbers import ProNumber
from app.shipments.schemas import ReleasedProNumber


async def claim(connection: AsyncConnection, caller: Principal, scac: str, pro: ProNumber) -> Claimed:
    """Claim a PRO number for the caller's organisation; raises ProNumberClaimed where it is another's."""
    claimed = await claim_repository.claim(connection, scac, pro.key, pro.display, caller.organisation_id)
    if claimed.organisation_id != caller.organisation_id:
        raise claimed_by_another(scac, pro.display)
    return claimed


async def require_unused(connection: AsyncConnection, claimed: Claimed, order: tuple[str, UUID]) -> None:
    """Raise ProNumberReused where a claimed number, which was put on the order now, stands for an earlier shipment."""
    if claimed.is_new:
        return
    if claimed.completed_at or await claim_repository.delivered(connection, [claimed.pro], besides=order):
        raise reused(claimed.scac, claimed.display)


async def book(connection: AsyncConnection, claimed: Claimed, booking_id: UUID) -> None:
    """Let a claimed number come with a delivery booking; raises ProNumberReused where it comes with another one."""
    if not await claim_repository.book(connection, *claimed.pro, booking_id):
        raise ProNumberReused(
            f"The PRO number {claimed.display} of {claimed.scac} comes with another delivery booking."
        )


async def complete(connection: AsyncConnection, pro_numbers: Sequence[tuple[str, str]]) -> None:
    """Note that the shipments of PRO numbers (carrier's code, key) are over: they stand for no other from now on.

    Of a completion and a link at once the second waits for the first: no link is made after the completion.
    """
    await claim_repository.complete(connection, set(pro_numbers))


async def release(
    connection: AsyncConnection, caller: Principal, scac: str, pro_number: str, reason: str
) -> ReleasedProNumber:
    """Give up a claim that was taken by mistake; raises NotFound, ProNumberLinked while an order has the number."""
    code, key = reading.named(scac, pro_number)
    held = await claim_repository.hold(connection, code, key)
    if held is None:
        raise NotFound(f"No organisation has claimed the PRO number {key} of {code}.")
    if not await claim_repository.release(connection, code, key):
        raise ProNumberLinked(f"The PRO number {held.display} of {code} is on a purchase order, or booked.")
    await events.record_audit(
        connection,
        AuditType.PRO_CLAIM_RELEASED,
        held.organisation_id,
        caller,
        {"scac": code, "pro_number": held.display, "reason": reason},
    )
    return ReleasedProNumber(
        scac=code,
        pro_number=held.display,
        organisation_id=held.organisation_id,
        claimed_at=held.claimed_at,
        reason=reason,
    )


def claimed_by_another(scac: str, display: str) -> ProNumberClaimed:
    """Return the problem of a PRO number that another organisation uses."""
    return ProNumberClaimed(f"The PRO number {display} of {scac} is used by another organisation already.")


def reused(scac: str, display: str) -> ProNumberReused:
    """Return the problem of a PRO number whose shipment was delivered."""
    return ProNumberReused(f"The PRO number {display} of {scac} stands for a shipment that was delivered.")
