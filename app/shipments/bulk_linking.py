"""Claims PRO numbers and puts them on orders, as many as there are by a handful of statements."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Final

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import Problem
from app.orders.location import LocatedOrder
from app.principal import Principal
from app.shipments import claim_repository, claims, link_repository
from app.shipments.claim_repository import Claimed, Pro
from app.shipments.link_repository import LinkId
from app.shipments.links import says_otherwise
from app.shipments.models import LinkOutcome
from app.shipments.pro_numbers import ProNumber


class Unsaid(Enum):
    """The value of what a link says nothing of, so that it stays as it is; None takes it away."""

    UNSAID = "unsaid"


UNSAID: Final = Unsaid.UNSAID


@dataclass(frozen=True, slots=True)
class PlannedLink:
    """A PRO number that is to be put on an order, with the vehicle that is expected; `window` has `start`, `end`."""

    order: LocatedOrder
    scac: str
    pro: ProNumber
    trailer_number: str | Unsaid | None = UNSAID
    window: Mapping[str, str] | Unsaid | None = UNSAID
    bol: str | Unsaid | None = UNSAID

    @property
    def id(self) -> LinkId:
        """The identity of the link."""
        return (*self.order.identity, *self.number)

    @property
    def number(self) -> Pro:
        """The carrier's code and the key of its PRO number."""
        return self.scac, self.pro.key

    @property
    def said(self) -> dict[str, Any]:
        """What is said anew, by the columns of a link."""
        said = {
            "trailer_number": self.trailer_number,
            "delivery_window": self.window,
            "bol": self.bol,
        }
        return {column: value for column, value in said.items() if not isinstance(value, Unsaid)}

    def changes(self, row: Row[Any]) -> bool:
        """Whether a link that is there would be another one."""
        return says_otherwise(row, self.said)

    def overlaid(self, later: "PlannedLink") -> "PlannedLink":
        """Return this link with what a later one says of it anew."""
        names = ("trailer_number", "window", "bol")
        said = {name: value for name in names if (value := getattr(later, name)) is not UNSAID}
        return replace(self, **said)


@dataclass(frozen=True, slots=True)
class Linked:
    """A link that is on its order now, and what was done for it."""

    row: Row[Any]
    outcome: LinkOutcome


async def link_all(
    connection: AsyncConnection, caller: Principal, links: Sequence[PlannedLink]
) -> list[Linked | Problem]:
    """Claim the PRO numbers for the caller's organisation, put them on their orders, and return what became of each.

    No two may be the same link. ProNumberClaimed and ProNumberReused are returned, in place; such a link is not made,
    nor is its number claimed. The orders' versions, their events and their policies are the caller's business. Two
    statements where all numbers are new.
    """
    displays = {link.number: link.pro.display for link in sorted(links, key=lambda link: link.number)}
    claimed = await claim_repository.claim_all(connection, caller.organisation_id, displays)
    refused = await refusals(connection, links, claimed)
    wanted = {
        link.id: {"display": link.pro.display, "linked_by": caller.organisation_id, **link.said}
        for link in links
        if link.id not in refused
    }
    put = await link_repository.put_all(connection, dict(sorted(wanted.items())))
    return [refused.get(link.id) or Linked(*put[link.id]) for link in links]


async def refusals(
    connection: AsyncConnection, links: Sequence[PlannedLink], claimed: Mapping[Pro, Claimed]
) -> dict[LinkId, Problem]:
    """Return the problems of those links whose PRO numbers are another's, or stand for an earlier shipment.

    `claimed`: the claims of the organisation that links; a number without is another's. What an order has already it
    may have again.
    """
    refused: dict[LinkId, Problem] = {
        link.id: claims.claimed_by_another(link.scac, link.pro.display) for link in links if link.number not in claimed
    }
    used = {pro for pro, claim in claimed.items() if not claim.is_new}
    over = {pro for pro in used if claimed[pro].completed_at is not None}
    over |= await claim_repository.delivered(connection, used - over)
    again = {link.id: link for link in links if link.number in over}
    for known in await link_repository.existing(connection, list(again)):
        del again[known]
    for id_, link in again.items():
        refused[id_] = claims.reused(link.scac, link.pro.display, claimed[link.number].completed_at)
    return refused
