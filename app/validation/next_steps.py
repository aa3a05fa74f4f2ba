"""The next step of a refusal, with the contact point that fits it."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from app.orders.location import LocatedOrder
from app.organisations.schemas import ContactPoint
from app.validation.checks import Refusal as RefusalOfCheck
from app.validation.refusal_codes import REFUSAL_CODES, ContactDesk
from app.validation.schemas import NextStep, Refusal


def shown_refusal(refusal: RefusalOfCheck, order: LocatedOrder | None, organisations: Mapping[UUID, Any]) -> Refusal:
    """Return a refusal as the answer shows it; without an order there is nobody to name."""
    step = refusal.next_step
    contact = None if order is None or step.contact is None else contact_point(step.contact, order, organisations)
    return Refusal(
        code=refusal.code,
        title=REFUSAL_CODES[refusal.code].title,
        detail=refusal.detail,
        field=refusal.field,
        next_step=NextStep(action=step.action, description=step.description, href=None, contact=contact),
    )


def contact_point(desk: ContactDesk, order: LocatedOrder, organisations: Mapping[UUID, Any]) -> ContactPoint | None:
    """Return the desk's contact point: that of the party concerned, then the buyer's own for it, then its telephone."""
    row = order.row
    concerned = {
        ContactDesk.buyer_desk: (row["organisation_id"], row["buyer"]),
        ContactDesk.supplier_desk: (row["seller_id"], row["seller"]),
        ContactDesk.logistics: (row["ship_to_id"], row["ship_to"]),
    }
    party_id, party = concerned[desk]
    for organisation_id in (party_id, order.organisation_id):
        organisation = organisations.get(organisation_id)
        if organisation is not None and organisation.contact_points.get(desk):
            return ContactPoint.model_validate(organisation.contact_points[desk])
    return _by_telephone(organisations.get(party_id), party)


def _by_telephone(organisation: Any, party: Mapping[str, Any] | None) -> ContactPoint | None:
    phone = (party or {}).get("phone") or (organisation.phone if organisation else None)
    name = (party or {}).get("name") or (organisation.name if organisation else None)
    return ContactPoint(name=name, phone=phone) if phone else None
