"""Use cases of claims: whose a PRO number is, when its shipment is over, and how the operator gives one up."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.events import service as events
from app.events.event_types import AuditType
from app.http.errors import NotFound
from app.http.schemas import timestamp
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
        raise reused(claimed.scac, claimed.display, claimed.completed_at)


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


def reused(scac: str, display: str, completed_at: datetime | None = None) -> ProNumberReused:
    """Return the problem of a PRO number whose shipment is over, since `completed_at` where that is noted."""
    over = "was delivered" if completed_at is None else f"was completed on {timestamp(completed_at)}"
    return ProNumberReused(f"The PRO number {display} of {scac} stands for a shipment that {over}.")
