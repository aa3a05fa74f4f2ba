"""The next step of a refusal, with the contact point that fits it and the request that takes it."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote
from uuid import UUID

from app.orders.activation_rules import ActivationBar, way_to_activation
from app.orders.contacts import Directory, contact_point
from app.orders.lifecycle import Action, allowed_actions
from app.orders.location import LocatedOrder
from app.orders.views import lifecycle_facts
from app.principal import NAMED, OPERATIONS, Principal, Relation
from app.validation.checks import Refusal as RefusalOfCheck
from app.validation.knowledge import Knowledge
from app.validation.refusal_codes import REFUSAL_CODES, NextStepAction, RefusalCode
from app.validation.schemas import NextStep, Refusal

Hrefs = Mapping[RefusalCode, str]

_SUPPORT_CASES: Final = "/v1/support-cases"


def requests_that_help(order: LocatedOrder, buyer: UUID | None, knowledge: Knowledge, caller: Principal) -> Hrefs:
    """Return, by refusal code, the request by which the caller may take the next step now; not what would be refused.

    An order is meant by its id where the caller may know it, else by the number that was presented, and the buyer that
    was named with it.
    """
    facts = lifecycle_facts(order.row)
    path = f"/v1/purchase-orders/{order.row['id'] if order.relation in NAMED else quote(order.row['number'], safe='')}"
    query = f"?buyer={buyer}" if buyer is not None and order.relation not in NAMED else ""
    hrefs: dict[RefusalCode, str] = {}
    pending = knowledge.open_requests.get(order.identity)
    if pending is not None:
        if order.relation is Relation.OWNER or pending.requested_by == caller.organisation_id:
            hrefs[RefusalCode.activation_pending] = f"/v1/activation-requests/{pending.id}"
    elif not isinstance(way_to_activation(facts, knowledge.checked_at), ActivationBar):
        for code in (RefusalCode.expired, RefusalCode.lapsed, RefusalCode.not_active):
            hrefs[code] = f"{path}/activation-requests{query}"
    may_confirm = order.relation in OPERATIONS["confirm_purchase_order"].relations
    if may_confirm and Action.confirm in allowed_actions(facts, knowledge.checked_at):
        hrefs[RefusalCode.not_confirmed] = f"{path}/confirm"
    return hrefs


def shown_refusal(refusal: RefusalOfCheck, order: LocatedOrder | None, directory: Directory, hrefs: Hrefs) -> Refusal:
    """Return a refusal as the answer shows it; without an order there is nobody to name."""
    step = refusal.next_step
    named = order is not None and order.relation in NAMED
    contact = None if order is None or step.contact is None else contact_point(step.contact.value, order.row, directory)
    return Refusal(
        code=refusal.code,
        verdict=refusal.verdict,
        title=REFUSAL_CODES[refusal.code].title,
        detail=refusal.detail,
        field=refusal.field,
        next_step=NextStep(
            action=step.action,
            description=step.description,
            href=hrefs.get(refusal.code),
            contact=contact,
            then=step.then,
            then_href=_SUPPORT_CASES if named and step.then is NextStepAction.open_support_case else None,
        ),
    )
