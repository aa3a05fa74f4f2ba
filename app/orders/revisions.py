"""Use cases of looking at what each revision of an order said."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from app.http.errors import NotFound
from app.orders import change_repository
from app.orders.change_schemas import Revision, RevisionStatus
from app.orders.changes import TERMS
from app.orders.location import LocatedOrder, locate
from app.orders.views import lines_with_totals
from app.principal import Principal, Relation


async def page(
    connection: AsyncConnection, caller: Principal, number: str, buyer: UUID | None, before: int | None, limit: int
) -> Sequence[Revision]:
    """Return up to `limit` revisions below `before`, newest first; raises what `locate` does."""
    order = await locate(connection, caller, number, buyer)
    rows = await change_repository.revisions(
        connection,
        order.identity,
        before=before,
        limit=limit,
        only_current=order.relation not in {Relation.OWNER, Relation.SELLER},
        seller=caller.organisation_id if order.relation is Relation.SELLER else None,
    )
    kept = [row._asdict() for row in rows]
    if not kept and before is None:
        kept = [_never_changed(order)]
    numbers = [revision["revision"] for revision in kept]
    lines = await change_repository.lines_of_revisions(connection, order.identity, numbers)
    return [_revision(order, revision, lines[revision["revision"]]) for revision in kept]


async def get(connection: AsyncConnection, caller: Principal, number: str, buyer: UUID | None, wanted: int) -> Revision:
    """Return one revision; raises what `locate` does, and NotFound for one that the caller may not see."""
    order = await locate(connection, caller, number, buyer)
    row = await change_repository.find_revision(connection, order.identity, wanted)
    found = None if row is None else row._asdict()
    if found is None and wanted == order.row["revision"]:
        found = _never_changed(order)
    if found is None or not _may_see(order, caller, found):
        raise NotFound(f"{order.row['number']} has no revision {wanted} that this organisation may see.")
    lines = await change_repository.lines_of_revisions(connection, order.identity, [wanted])
    return _revision(order, found, lines[wanted])


def _may_see(order: LocatedOrder, caller: Principal, revision: Mapping[str, Any]) -> bool:
    """Whether the caller sees a revision: what never came in force stays between buyer and seller.

    A seller sees what was asked of it, and nothing of what was asked of another before.
    """
    if order.relation is Relation.OWNER:
        return True
    if order.relation is Relation.SELLER:
        seller = revision["terms"]["seller"] or {}
        return bool(seller.get("organisation_id") == str(caller.organisation_id))
    return revision["current_from"] is not None


def _never_changed(order: LocatedOrder) -> dict[str, Any]:
    """Return the one revision of an order that was never changed, which its row alone holds."""
    made_at = order.row["issued_at"] or order.row["created_at"]
    return {
        "revision": order.row["revision"],
        "terms": {name: order.row[name] for name in TERMS},
        "created_at": made_at,
        "current_from": made_at,
        "declined_at": None,
        "decline_reason": None,
    }


def _status(order: LocatedOrder, revision: Mapping[str, Any]) -> RevisionStatus:
    if revision["revision"] == order.row["revision"]:
        return RevisionStatus.current
    if revision["revision"] == order.row["proposed_revision"]:
        return RevisionStatus.proposed
    return RevisionStatus.superseded if revision["declined_at"] is None else RevisionStatus.declined


def _revision(order: LocatedOrder, revision: Mapping[str, Any], rows: Sequence[Row[Any]]) -> Revision:
    lines, totals = lines_with_totals([row._asdict() for row in rows], revision["terms"]["currency"])
    told = ("revision", "created_at", "current_from", "declined_at", "decline_reason")
    return Revision(
        relation=order.relation,
        revision_status=_status(order, revision),
        **{name: revision[name] for name in told},
        **revision["terms"],
        lines=lines,
        totals=totals,
    )
