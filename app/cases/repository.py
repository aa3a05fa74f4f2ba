"""SQL of support cases: each change names the statuses that it starts from, and whoever comes first has made it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, and_, case, func, literal_column, or_, select, union, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from app.cases.case_rules import COMMENTS_MAX, UNRESOLVED, CaseStatus
from app.cases.models import SupportCaseRow, SupportCaseStepRow
from app.db.bulk import insert_rows
from app.orders.causes import Cause
from app.orders.identity import Identity
from app.orders.models import PurchaseOrderForwarderRow, PurchaseOrderRow
from app.orders.repository import has_role
from app.principal import NAMED, Relation

Case = SupportCaseRow
Order = PurchaseOrderRow

_ALL = [*Case.__table__.c]
_WITHOUT_SNAPSHOT = [column for column in _ALL if column.name != "snapshot"]

# Written out, not as a parameter: only so does Postgres see that the index of what waits fits.
_is_unresolved = Case.status != literal_column("'resolved'")


async def insert(connection: AsyncConnection, values: Mapping[str, Any]) -> bool:
    """Write a case, opened now; False where who merely presents the number has an unresolved one about it."""
    inserted = await insert_rows(
        connection,
        SupportCaseRow,
        [{**values, "status": CaseStatus.open, "comments": 0}],
        at_now=["opened_at", "updated_at"],
        ignore_conflicts=True,
        returning=["id"],
    )
    return bool(inserted)


async def insert_step(connection: AsyncConnection, values: Mapping[str, Any]) -> None:
    """Append what was done in a case, now."""
    await insert_rows(connection, SupportCaseStepRow, [values], at_now=["done_at"])


async def find(connection: AsyncConnection, case_id: UUID) -> Row[Any] | None:
    """Return a case about any order, with its snapshot."""
    return (await connection.execute(select(*_ALL).where(Case.id == case_id))).one_or_none()


async def find_unresolved(connection: AsyncConnection, order: Identity, opened_by: UUID) -> Row[Any]:
    """Return the unresolved case about an order that an organisation has opened as its presenter: it is there."""
    result = await connection.execute(
        select(*_WITHOUT_SNAPSHOT).where(
            Case.number_key == order[0],
            Case.organisation_id == order[1],
            Case.opened_by == opened_by,
            Case.opened_as == Relation.PRESENTER.value,
            _is_unresolved,
        )
    )
    return result.one()


async def steps_of(connection: AsyncConnection, order: Identity, case_id: UUID) -> Sequence[Row[Any]]:
    """Return what was done in a case, oldest first."""
    step = SupportCaseStepRow
    result = await connection.execute(
        select(step.__table__)
        .where(step.number_key == order[0], step.organisation_id == order[1], step.case_id == case_id)
        .order_by(step.sequence)
    )
    return result.all()


async def comment(connection: AsyncConnection, order: Identity, case_id: UUID) -> Row[Any] | None:
    """Count a comment and return the case; None where it holds as many as it can."""
    conditions = [Case.comments < COMMENTS_MAX]
    return await _change(connection, order, case_id, conditions, {"comments": Case.comments + 1})


async def assign(
    connection: AsyncConnection, order: Identity, case_id: UUID, assigned_to: UUID, assignee: str | None
) -> Row[Any] | None:
    """Give an unresolved case to an organisation and return it; None where it is resolved."""
    values = {"assigned_to": assigned_to, "assignee": assignee, "assigned_at": func.now()}
    return await _move(connection, order, case_id, UNRESOLVED, {"status": CaseStatus.assigned.value, **values})


async def resolve(
    connection: AsyncConnection, order: Identity, case_id: UUID, resolved_by: UUID, resolution: str
) -> Row[Any] | None:
    """Bring an unresolved case to its end and return it; None where it is resolved."""
    values = {"resolution": resolution, "resolved_by": resolved_by, "resolved_at": func.now()}
    return await _move(connection, order, case_id, UNRESOLVED, {"status": CaseStatus.resolved.value, **values})


async def reopen(connection: AsyncConnection, order: Identity, case_id: UUID) -> Row[Any] | None:
    """Take up a resolved case again and return it.

    None where it is not resolved, or was opened by a presenter who has another unresolved one about the order. The
    caller holds the order's row, so no other can come between.
    """
    other = aliased(SupportCaseRow)
    has_another = (
        select(other.id)
        .where(
            other.number_key == order[0],
            other.organisation_id == order[1],
            other.opened_by == Case.opened_by,
            other.opened_as == Relation.PRESENTER.value,
            other.status != CaseStatus.resolved.value,
        )
        .exists()
    )
    status = case((Case.assigned_to.is_(None), CaseStatus.open.value), else_=CaseStatus.assigned.value)
    return await _move(
        connection,
        order,
        case_id,
        [CaseStatus.resolved],
        {"status": status, **dict.fromkeys(("resolution", "resolved_by", "resolved_at"))},
        or_(Case.opened_as != Relation.PRESENTER.value, ~has_another),
    )


async def _move(
    connection: AsyncConnection,
    order: Identity,
    case_id: UUID,
    sources: Iterable[CaseStatus],
    values: Mapping[str, Any],
    *conditions: ColumnElement[bool],
) -> Row[Any] | None:
    starts = Case.status.in_([status.value for status in sources])
    return await _change(connection, order, case_id, [starts, *conditions], values)


async def _change(
    connection: AsyncConnection,
    order: Identity,
    case_id: UUID,
    conditions: Iterable[ColumnElement[bool]],
    values: Mapping[str, Any],
) -> Row[Any] | None:
    result = await connection.execute(
        update(Case)
        .where(Case.number_key == order[0], Case.organisation_id == order[1], Case.id == case_id, *conditions)
        .values(updated_at=func.now(), **values)
        .returning(*_ALL)
    )
    return result.one_or_none()


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed to; None narrows nothing. `number_keys` are the forms that a number may mean."""

    status: Sequence[CaseStatus] | None = None
    category: Sequence[Cause] | None = None
    number_keys: Sequence[str] | None = None
    assigned_to: UUID | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return what must hold of a case."""
        found: list[ColumnElement[bool]] = []
        if self.status is not None:
            found.append(Case.status.in_([status.value for status in self.status]))
            if CaseStatus.resolved not in self.status:
                found.append(_is_unresolved)
        if self.category is not None:
            found.append(Case.category.in_([category.value for category in self.category]))
        if self.number_keys is not None:
            found.append(Case.number_key.in_(self.number_keys))
        if self.assigned_to is not None:
            found.append(Case.assigned_to == self.assigned_to)
        return found


async def page(
    connection: AsyncConnection,
    organisation_id: UUID,
    roles: Sequence[Relation],
    filters: Filters,
    *,
    opened: bool,
    before: UUID | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """Return up to `limit` cases about orders to which the organisation has one of the roles, newest first.

    `opened`: and those that it has opened itself. Each is a walk, cut to `limit` before they are put together.
    """
    walks = []
    for source in [*sorted(NAMED & frozenset(roles)), *([None] if opened else [])]:
        walk = select(Case.number_key, Case.organisation_id, Case.id).where(*filters.conditions())
        if source is None:
            walk = walk.where(Case.opened_by == organisation_id)
        else:
            walk = _of_role(walk, source, organisation_id)
        if before is not None:
            walk = walk.where(Case.id < before)
        walks.append(walk.order_by(Case.id.desc()).limit(limit).subquery().select())
    together = union(*walks).subquery()
    same = [getattr(together.c, name) == getattr(Case, name) for name in ("number_key", "organisation_id", "id")]
    query = select(*_WITHOUT_SNAPSHOT).join(together, and_(*same)).order_by(Case.id.desc()).limit(limit)
    return (await connection.execute(query)).all()


def _of_role(walk: Any, role: Relation, organisation_id: UUID) -> Any:
    if role is Relation.OWNER:
        return walk.where(Case.organisation_id == organisation_id)
    # By the order as it is now: whom a change of it names sees its cases, and whom it names no more does not.
    walk = walk.join(Order, and_(Order.number_key == Case.number_key, Order.organisation_id == Case.organisation_id))
    if role is Relation.FORWARDER:
        forwarder = PurchaseOrderForwarderRow
        named = and_(forwarder.number_key == Case.number_key, forwarder.organisation_id == Case.organisation_id)
        walk = walk.join(forwarder, named).where(forwarder.forwarder_id == organisation_id)
    return walk.where(has_role(organisation_id, role))
