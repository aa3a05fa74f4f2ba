"""Use cases of support cases: open one with the order's facts, see them, comment, assign, resolve, reopen.

Every change begins with an UPDATE of the order's row, which holds it to the end of the transaction: so what is done in
an order's cases comes one after the other, and the snapshot of a new case is of one moment.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from pydantic import JsonValue
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from app.cases import repository
from app.cases.case_rules import COMMENTS_MAX, SNAPSHOT_EVENTS_MAX, CaseStatus, CaseStep
from app.cases.errors import SupportCaseNotResolved, SupportCaseOpen, SupportCaseResolved, TooManyComments
from app.cases.repository import Filters
from app.cases.schemas import (
    AssignSupportCase,
    CommentOnSupportCase,
    OpenSupportCase,
    ReopenSupportCase,
    ResolveSupportCase,
    SupportCase,
    SupportCaseSummary,
)
from app.cases.views import directory_of, shown, summary
from app.db.identifiers import new_id
from app.errors import InvalidRequest, Problem
from app.events import service as events
from app.events.event_types import EventType
from app.events.service import OrderChange
from app.http.errors import NotFound
from app.http.schemas import timestamp
from app.orders import repository as orders
from app.orders import timeline
from app.orders.location import LocatedOrder, keys_of, locate, require_relation
from app.orders.service import hold
from app.orders.service import shown as show_order
from app.orders.views import relation_of
from app.principal import NAMED, Principal, Relation

_EVENT_OF = {
    CaseStep.commented: EventType.SUPPORT_CASE_COMMENTED,
    CaseStep.assigned: EventType.SUPPORT_CASE_ASSIGNED,
    CaseStep.resolved: EventType.SUPPORT_CASE_RESOLVED,
    CaseStep.reopened: EventType.SUPPORT_CASE_REOPENED,
}


async def open_case(connection: AsyncConnection, caller: Principal, body: OpenSupportCase) -> SupportCase:
    """Open a case about an order, and keep with it what the order is at this moment.

    Raises what `locate` does, and SupportCaseOpen where who merely presents the number has an unresolved one.
    """
    place = ["body", "number"]
    keys = keys_of(body.number, [*place])
    order = await locate(
        connection,
        caller,
        body.number,
        body.buyer,
        # Who is not named on the order holds its number: the order's id says nothing of that.
        admits=lambda one: one.relation in NAMED or one.number_key in keys,
        place=place,
    )
    held = await hold(connection, order)
    case_id = new_id()
    await _record(connection, caller, held, EventType.SUPPORT_CASE_OPENED, case_id, {"category": body.category})
    values = {
        "number_key": held.number_key,
        "organisation_id": held.organisation_id,
        "id": case_id,
        **body.model_dump(include={"category", "description", "validation_id"}),
        "contact": None if body.contact is None else body.contact.model_dump(mode="json"),
        "opened_by": caller.organisation_id,
        "opened_as": held.relation,
        "snapshot": await _snapshot(connection, held),
    }
    if not await repository.insert(connection, values):
        raise await _has_another(connection, held, caller.organisation_id)
    return await get(connection, caller, case_id)


async def get(connection: AsyncConnection, caller: Principal, case_id: UUID) -> SupportCase:
    """Return a case to a party of its order and to the organisation that opened it; NotFound to all others."""
    case, order = await _find(connection, caller, case_id)
    return await _shown(connection, caller, case, order)


async def page(
    connection: AsyncConnection,
    caller: Principal,
    role: Relation | None,
    filters: Filters,
    before: UUID | None,
    limit: int,
) -> Sequence[SupportCaseSummary]:
    """Return up to `limit` cases, newest first: about orders that name the caller, and those that it has opened.

    `role` narrows them to the orders to which it has that relation; as a presenter it has opened them.
    """
    roles = sorted(NAMED) if role is None else [role]
    opened = role in {None, Relation.PRESENTER}
    cases = await repository.page(
        connection, caller.organisation_id, roles, filters, opened=opened, before=before, limit=limit
    )
    keys = sorted({case.number_key for case in cases})
    rows = await orders.find_by_keys(connection, keys, None, None) if keys else []
    found = {(row.number_key, row.organisation_id): _as_seen_by(caller, row) for row in rows}
    directory = await directory_of(connection, cases, [])
    return [summary(case, found[case.number_key, case.organisation_id], caller, directory) for case in cases]


async def comment(
    connection: AsyncConnection, caller: Principal, case_id: UUID, body: CommentOnSupportCase
) -> SupportCase:
    """Add a comment, whatever the case's status; raises NotFound and TooManyComments."""
    _, order = await _find(connection, caller, case_id)
    held = await hold(connection, order)
    changed = await repository.comment(connection, held.identity, case_id)
    if changed is None:
        raise TooManyComments(f"The case has {COMMENTS_MAX} comments already.")
    return await _done(connection, caller, held, changed, CaseStep.commented, body.text, body.author)


async def assign(connection: AsyncConnection, caller: Principal, case_id: UUID, body: AssignSupportCase) -> SupportCase:
    """Give a case to an organisation that may see it.

    Raises NotFound, RelationNotAllowed, InvalidRequest for an organisation that the case is no business of, and
    SupportCaseResolved.
    """
    case, order = await _find(connection, caller, case_id)
    require_relation(order, caller.rule)
    held = await hold(connection, order)
    to = body.organisation_id or caller.organisation_id
    if to != case.opened_by and relation_of(held.row, to) not in NAMED:
        raise InvalidRequest.at(
            ["body", "organisation_id"],
            "not_a_party",
            "A case is given to the order's owner, seller, ship-to or forwarder, or to who opened it",
        )
    changed = await repository.assign(connection, held.identity, case_id, to, body.assignee)
    if changed is None:
        raise await _resolved(connection, case_id)
    assigned = {"assigned_to": to, "assignee": body.assignee}
    return await _done(connection, caller, held, changed, CaseStep.assigned, body.text, body.author, assigned)


async def resolve(
    connection: AsyncConnection, caller: Principal, case_id: UUID, body: ResolveSupportCase
) -> SupportCase:
    """Bring a case to its end; raises NotFound and SupportCaseResolved."""
    _, order = await _find(connection, caller, case_id)
    held = await hold(connection, order)
    changed = await repository.resolve(connection, held.identity, case_id, caller.organisation_id, body.resolution)
    if changed is None:
        raise await _resolved(connection, case_id)
    return await _done(connection, caller, held, changed, CaseStep.resolved, body.resolution, body.author)


async def reopen(connection: AsyncConnection, caller: Principal, case_id: UUID, body: ReopenSupportCase) -> SupportCase:
    """Take up a resolved case again; raises NotFound, SupportCaseNotResolved and SupportCaseOpen."""
    _, order = await _find(connection, caller, case_id)
    held = await hold(connection, order)
    changed = await repository.reopen(connection, held.identity, case_id)
    if changed is None:
        case, _ = await _find(connection, caller, case_id)
        if case.status == CaseStatus.resolved:
            raise await _has_another(connection, held, case.opened_by)
        raise SupportCaseNotResolved(
            f"The case is {case.status}: only a resolved one is reopened.", members={"case_status": case.status}
        )
    return await _done(connection, caller, held, changed, CaseStep.reopened, body.reason, body.author)


async def _find(connection: AsyncConnection, caller: Principal, case_id: UUID) -> tuple[Row[Any], LocatedOrder]:
    case = await repository.find(connection, case_id)
    if case is not None:
        (row,) = await orders.find_by_keys(connection, [case.number_key], None, case.organisation_id)
        order = _as_seen_by(caller, row)
        if order.relation in NAMED or case.opened_by == caller.organisation_id:
            return case, order
    raise NotFound(f"There is no support case {case_id} that this organisation has to do with.")


def _as_seen_by(caller: Principal, row: Row[Any]) -> LocatedOrder:
    return LocatedOrder(row._asdict(), relation_of(row._asdict(), caller.organisation_id))


async def _snapshot(connection: AsyncConnection, held: LocatedOrder) -> dict[str, Any]:
    """Return what an order is, whole, as its owner sees it: what a reader sees of it is decided when he reads."""
    order = await show_order(connection, LocatedOrder(held.row, Relation.OWNER))
    entries = await timeline.newest(connection, held, SNAPSHOT_EVENTS_MAX)
    return {
        "taken_at": timestamp(held.read_at),
        "purchase_order": order.model_dump(mode="json"),
        "events": [entry.model_dump(mode="json") for entry in entries],
    }


async def _done(
    connection: AsyncConnection,
    caller: Principal,
    held: LocatedOrder,
    case: Row[Any],
    step: CaseStep,
    text: str | None,
    author: str | None,
    assigned: dict[str, Any] | None = None,
) -> SupportCase:
    """Note a step with its event, and return the case as it is then."""
    values = {
        "number_key": held.number_key,
        "organisation_id": held.organisation_id,
        "case_id": case.id,
        "sequence": held.row["version"],
        "step": step,
        "done_by": caller.organisation_id,
        "done_as": held.relation,
        "author": author,
        "text": text,
        **(assigned or dict.fromkeys(("assigned_to", "assignee"))),
    }
    await repository.insert_step(connection, values)
    data: dict[str, JsonValue] = {"category": case.category}
    if assigned is not None:
        data["assigned_to"] = str(case.assigned_to)
    await _record(connection, caller, held, _EVENT_OF[step], case.id, data)
    return await _shown(connection, caller, case, held)


async def _record(
    connection: AsyncConnection,
    caller: Principal,
    held: LocatedOrder,
    type_: EventType,
    case_id: UUID,
    data: dict[str, JsonValue],
) -> None:
    """Record an event of the order: which case, not what was said in it, which stands in the case alone."""
    change = OrderChange(
        type=type_,
        number_key=held.number_key,
        organisation_id=held.organisation_id,
        sequence=held.row["version"],
        actor=caller,
        relation=held.relation,
        data={"support_case_id": str(case_id), **{f"support_case_{name}": value for name, value in data.items()}},
    )
    await events.record(connection, [change])


async def _has_another(connection: AsyncConnection, held: LocatedOrder, opened_by: UUID) -> Problem:
    """Return the problem that names the presenter's unresolved case about an order that is held."""
    other = await repository.find_unresolved(connection, held.identity, opened_by)
    return SupportCaseOpen(
        f"The organisation that opened it has an open case about {held.row['number']} already.",
        members={"support_case_id": str(other.id)},
    )


async def _resolved(connection: AsyncConnection, case_id: UUID) -> Problem:
    """Return the problem for a case that was resolved before, its order being held."""
    case = await repository.find(connection, case_id)
    if case is None:
        raise LookupError(f"the support case {case_id} is gone, and cases are never deleted")
    at = timestamp(case.resolved_at)
    return SupportCaseResolved(f"The case was resolved on {at}.", members={"resolved_at": at})


async def _shown(connection: AsyncConnection, caller: Principal, case: Row[Any], order: LocatedOrder) -> SupportCase:
    steps = await repository.steps_of(connection, order.identity, case.id)
    return shown(case, steps, order, caller, await directory_of(connection, [case], steps))
