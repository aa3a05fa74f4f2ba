"""Whom to reach about an order: the contact point of the party concerned."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.organisations import repository as organisations
from app.organisations.schemas import ContactPoint

__all__ = ["ContactPoint", "Directory", "contact_point", "directory_for", "organisations_by_id"]

Desk = Literal["buyer_desk", "supplier_desk", "logistics"]

Directory = Mapping[UUID, Any]
"""Rows of organisations by id."""


async def directory_for(connection: AsyncConnection, orders: Sequence[Mapping[str, Any]]) -> Directory:
    """Return the organisations that the orders' contact points may come from."""
    parties = {
        party
        for order in orders
        for party in (order["organisation_id"], order["seller_id"], order["ship_to_id"])
        if party
    }
    return await organisations_by_id(connection, parties)


async def organisations_by_id(connection: AsyncConnection, parties: Collection[UUID]) -> Directory:
    """Return the organisations with these ids."""
    return await organisations.find_all(connection, set(parties)) if parties else {}


def contact_point(desk: Desk, order: Mapping[str, Any], directory: Directory) -> ContactPoint | None:
    """Return the desk's contact point: that of the party concerned, then the buyer's own for it, then its telephone."""
    concerned = {
        "buyer_desk": (order["organisation_id"], order["buyer"]),
        "supplier_desk": (order["seller_id"], order["seller"]),
        "logistics": (order["ship_to_id"], order["ship_to"]),
    }
    party_id, party = concerned[desk]
    for organisation_id in (party_id, order["organisation_id"]):
        organisation = directory.get(organisation_id)
        if organisation is not None and organisation.contact_points.get(desk):
            return ContactPoint.model_validate(organisation.contact_points[desk])
    return _by_telephone(directory.get(party_id), party)


def _by_telephone(organisation: Any, party: Mapping[str, Any] | None) -> ContactPoint | None:
    phone = (party or {}).get("phone") or (organisation.phone if organisation else None)
    name = (party or {}).get("name") or (organisation.name if organisation else None)
    return ContactPoint(name=name, phone=phone) if phone else None
