"""The next step of a refusal, with the contact point that fits it."""

from app.orders.contacts import Directory, contact_point
from app.orders.location import LocatedOrder
from app.validation.checks import Refusal as RefusalOfCheck
from app.validation.refusal_codes import REFUSAL_CODES
from app.validation.schemas import NextStep, Refusal


def shown_refusal(refusal: RefusalOfCheck, order: LocatedOrder | None, directory: Directory) -> Refusal:
    """Return a refusal as the answer shows it; without an order there is nobody to name."""
    step = refusal.next_step
    contact = None if order is None or step.contact is None else contact_point(step.contact.value, order.row, directory)
    return Refusal(
        code=refusal.code,
        verdict=refusal.verdict,
        title=REFUSAL_CODES[refusal.code].title,
        detail=refusal.detail,
        field=refusal.field,
        next_step=NextStep(
            action=step.action, description=step.description, href=None, contact=contact, then=step.then
        ),
    )
