"""Makes the case that an answer shows from its rows: to each reader as much of the order as its relation may see."""

from collections.abc import Sequence
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from app.cases.schemas import CaseSnapshot, OrderOfCase, PartyOfCase, StepOfCase, SupportCase, SupportCaseSummary
from app.orders.contacts import ContactPoint, Directory, organisations_by_id
from app.orders.lifecycle import effective_status
from app.orders.location import LocatedOrder
from app.orders.timeline import entries_shown_to
from app.orders.views import lifecycle_facts, relation_of
from app.orders.visibility import shown_to
from app.principal import NAMED, Principal, Relation

Told = TypeVar("Told")

_COPIED = (
    *("id", "status", "category", "description", "validation_id", "opened_at", "assigned_at", "resolution"),
    *("resolved_at", "comments", "updated_at"),
)


async def directory_of(connection: AsyncConnection, cases: Sequence[Row[Any]], steps: Sequence[Row[Any]]) -> Directory:
    """Return the organisations that cases and their steps name."""
    named = {case_party for case in cases for case_party in (case.opened_by, case.assigned_to, case.resolved_by)}
    named |= {party for step in steps for party in (step.done_by, step.assigned_to)}
    return await organisations_by_id(connection, named - {None})


def shown(
    case: Row[Any], steps: Sequence[Row[Any]], order: LocatedOrder, caller: Principal, directory: Directory
) -> SupportCase:
    """Return a case, whole, as the caller sees it."""
    parties = _Parties(order, caller, directory)
    history = [
        StepOfCase(
            sequence=step.sequence,
            step=step.step,
            by=parties.party(step.done_by, Relation(step.done_as)),
            author=step.author,
            at=step.done_at,
            text=step.text,
            assigned_to=parties.now(step.assigned_to),
            assignee=parties.only_for_named(step.assignee),
        )
        for step in steps
    ]
    return SupportCase(
        **_summary(case, order, parties), history=history, snapshot=_snapshot(case.snapshot, order.relation, caller)
    )


def summary(case: Row[Any], order: LocatedOrder, caller: Principal, directory: Directory) -> SupportCaseSummary:
    """Return a case as a list shows it to the caller."""
    return SupportCaseSummary(**_summary(case, order, _Parties(order, caller, directory)))


def _summary(case: Row[Any], order: LocatedOrder, parties: "_Parties") -> dict[str, Any]:
    status = effective_status(lifecycle_facts(order.row), order.read_at)
    return {
        **{name: getattr(case, name) for name in _COPIED},
        "number": order.row["number"],
        "relation": order.relation,
        "contact": None if case.contact is None else ContactPoint.model_validate(case.contact),
        "opened_by": parties.party(case.opened_by, Relation(case.opened_as)),
        "assigned_to": parties.now(case.assigned_to),
        "assignee": parties.only_for_named(case.assignee),
        "resolved_by": parties.now(case.resolved_by),
        "purchase_order": parties.only_for_named(OrderOfCase(id=order.row["id"], status=status)),
    }


def _snapshot(kept: dict[str, Any], relation: Relation, caller: Principal) -> CaseSnapshot | None:
    if relation not in NAMED or _was_no_business_of(relation, caller, kept["purchase_order"]):
        return None
    return CaseSnapshot(
        taken_at=kept["taken_at"],
        purchase_order=shown_to(relation, {**kept["purchase_order"], "relation": relation}),
        events=entries_shown_to(relation, kept["events"]),
    )


def _was_no_business_of(relation: Relation, caller: Principal, order: dict[str, Any]) -> bool:
    """Whether an order as it was kept is not for one whom it names now: a draft, or what another seller was asked."""
    if relation is Relation.OWNER:
        return False
    seller = (order["seller"] or {}).get("organisation_id")
    return order["issued_at"] is None or (relation is Relation.SELLER and seller != str(caller.organisation_id))


class _Parties:
    """Who is who for one reader: who merely holds the number is told of its own organisation, and roles of others."""

    def __init__(self, order: LocatedOrder, caller: Principal, directory: Directory) -> None:
        self._order = order
        self._caller = caller
        self._directory = directory

    def party(self, organisation_id: UUID, relation: Relation) -> PartyOfCase:
        """Return an organisation in the role that it had."""
        if self._order.relation not in NAMED and organisation_id != self._caller.organisation_id:
            return PartyOfCase(organisation_id=None, name=None, relation=relation)
        name = self._directory[organisation_id].name
        return PartyOfCase(organisation_id=organisation_id, name=name, relation=relation)

    def now(self, organisation_id: UUID | None) -> PartyOfCase | None:
        """Return an organisation in the role that it has now."""
        if organisation_id is None:
            return None
        return self.party(organisation_id, relation_of(self._order.row, organisation_id))

    def only_for_named(self, told: Told) -> Told | None:
        """Return what is told to those alone whom the order names."""
        return told if self._order.relation in NAMED else None
