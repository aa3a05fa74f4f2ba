"""The use case of changing an order: at once where nobody has agreed to it yet, else by a change order to its seller.

A change is worked out from the order as it was read and written on condition that nobody has changed it since: of
several at once one is written, and the others are told to look again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import JsonValue, ValidationError
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import InvalidRequest
from app.events import service as events
from app.events.event_types import EventType
from app.events.service import OrderChange
from app.http.preconditions import require_match
from app.http.problems import invalid_item
from app.http.schemas import plain_decimal, timestamp
from app.orders import activation_repository, change_repository, reference_repository, repository
from app.orders.activation_rules import is_settled
from app.orders.change_schemas import ChangedContent, ChangePurchaseOrder
from app.orders.changes import (
    AT_ANY_TIME,
    TERMS,
    ReceiptConflict,
    line_numbers,
    merged_content,
    receipt_conflicts,
)
from app.orders.content_schemas import Content
from app.orders.errors import DuplicateReference, InvalidTransition, QuantityReceived
from app.orders.lifecycle import CHANGEABLE, StoredStatus, allowed_actions, effective_status
from app.orders.location import LocatedOrder, locate
from app.orders.new_orders import content_columns, faults_of_parties, line_row, organisations_named
from app.orders.schemas import PurchaseOrder
from app.orders.service import ATTEMPTS, overtaken, shown
from app.orders.views import lifecycle_facts, row_etag
from app.organisations import repository as organisations
from app.principal import Principal

_LINE_COLUMNS = ("line", "sku", "gtin", "supplier_sku", "description", "quantity", "unit", "unit_price", "tax")
_DATES = ("activate_by", "valid_from", "expires_at")
_FIELD_OF = {"order_metadata": "metadata"}
_FOUND_BY = frozenset({"reference", "references", "seller_id", "ship_to_id", "forwarder_ids"})

Lines = Sequence[Mapping[str, Any]]

PatchOf = Callable[[LocatedOrder, Mapping[str, Any]], Mapping[str, Any]]
"""Returns a JSON merge patch for an order, given with the content of its newest revision as a request would say it."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a change comes to. `fields` differ from what the order said last.

    `terms`: the columns of a new revision, None where only the buyer's own fields change. `withdraws`: the change order
    that was proposed is taken back, because the order is to be as it was confirmed. `conflicts`: with what came in.
    """

    fields: frozenset[str]
    own: Mapping[str, Any]
    terms: Mapping[str, Any] | None
    lines: Lines
    withdraws: bool
    conflicts: Sequence[ReceiptConflict]


async def change(
    connection: AsyncConnection,
    caller: Principal,
    number: str,
    buyer: UUID | None,
    if_match: str | None,
    body: ChangePurchaseOrder,
) -> PurchaseOrder:
    """Change an order, and return it as it is in force.

    Raises what `locate` does, PreconditionRequired or PreconditionFailed, InvalidRequest for content that cannot be,
    InvalidTransition for an order that has ended, QuantityReceived, and DuplicateReference.
    """
    patch = body.model_dump(mode="json", exclude_unset=True)

    def unless_changed(order: LocatedOrder, _: Mapping[str, Any]) -> Mapping[str, Any]:
        require_match(if_match, row_etag(order.row, order.relation))
        return patch

    return await change_as(connection, caller, number, buyer, unless_changed)


async def change_as(
    connection: AsyncConnection, caller: Principal, number: str, buyer: UUID | None, patch_of: PatchOf
) -> PurchaseOrder:
    """Do the same with a patch that is made from what the order says last, and made anew where that was overtaken.

    Raises the same but for the preconditions, and what `patch_of` raises.
    """
    for _ in range(ATTEMPTS):
        order = await locate(connection, caller, number, buyer)
        in_force = await repository.current_lines(connection, *order.identity, order.row["revision"])
        before = [line._asdict() for line in in_force]
        plan = await _plan(connection, caller, order, before, patch_of)
        if not plan.fields and not plan.withdraws:
            return await shown(connection, order)
        _require_changeable(order, plan)
        if plan.conflicts:
            raise quantity_received(plan.conflicts)
        row = await _write(connection, caller, order, plan)
        if row is not None:
            return await shown(connection, LocatedOrder(row._asdict(), order.relation))
    raise overtaken(order.row["number"])


def quantity_received(conflicts: Sequence[ReceiptConflict]) -> QuantityReceived:
    """Return the problem for lines that would deny what has come in."""
    first = conflicts[0]
    what = f"{plain_decimal(first.received)} have come in"
    if first.ordered is None:
        detail = f"Line {first.line} cannot be taken away: {what}."
    elif first.renamed:
        detail = f"Line {first.line} cannot become another product or unit: {what}."
    else:
        detail = f"Line {first.line} cannot be ordered at {plain_decimal(first.ordered)}: {what}."
    return QuantityReceived(
        detail,
        members={
            "lines": [
                {
                    "line": conflict.line,
                    "received": plain_decimal(conflict.received),
                    "ordered": None if conflict.ordered is None else plain_decimal(conflict.ordered),
                }
                for conflict in conflicts
            ]
        },
    )


async def rewrite_references(connection: AsyncConnection, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Let an order be found at a gate by its references, and by those parties, that it has after a change."""
    if any(before[name] != after[name] for name in _FOUND_BY):
        await reference_repository.replace_references(connection, before, after)


def terms_as_columns(terms: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of an order's row in which a revision's terms are in force."""
    ids = {f"{name}_id": (terms[name] or {}).get("organisation_id") for name in ("seller", "ship_to")}
    return {**terms, **{name: None if text is None else UUID(text) for name, text in ids.items()}}


async def _plan(
    connection: AsyncConnection, caller: Principal, order: LocatedOrder, in_force: Lines, patch_of: PatchOf
) -> _Plan:
    """Work out what a patch makes of the order, beginning with its newest revision."""
    row = order.row
    newest, lines = await _newest(connection, order, in_force)
    now = _as_json(newest, lines)
    patch = patch_of(order, now)
    moves_dates = not patch.keys().isdisjoint(_DATES)
    # Dates that it does not touch may contradict each other by now: a deadline that was met may lie after the end that
    # was given with the activation.
    left_alone = {"sent_via"} if moves_dates else {"sent_via", *_DATES}
    said = {name: value for name, value in merged_content(now, patch).items() if name not in left_alone}
    try:
        content = ChangedContent.model_validate(said)
    except ValidationError as error:
        raise invalid_item(error, ("body",)) from None
    names = await organisations.names(connection, {caller.organisation_id, *organisations_named([content])})
    faults = list(faults_of_parties(content, caller, names, ["body"]))
    if faults:
        raise InvalidRequest.of(faults)
    columns = content_columns(content, caller.organisation_id, names)
    columns |= {} if moves_dates else {name: newest[name] for name in _DATES}
    fields = {name for name in columns if columns[name] != newest[name] and name in _FIELDS_OF_A_PATCH}
    _require_possible(order, columns, fields)
    numbers = line_numbers([line.line for line in content.lines])
    wanted = [
        line_row(row, line, number) for number, line in sorted(zip(numbers, content.lines, strict=True), key=_number)
    ]
    if _differ(lines, wanted):
        fields.add("lines")
    sent = _sent(order, patch, columns["seller_id"])
    if sent and (sent["sent_via"] != row["sent_via"] or (fields and sent["sent_via"] is not None)):
        fields.add("sent_via")
        columns |= sent
    own = {name: columns[name] for name in columns if name not in {*TERMS, "seller_id", "ship_to_id"}}
    terms = {name: columns[name] for name in TERMS}
    as_confirmed = all(terms[name] == row[name] for name in TERMS) and not _differ(in_force, wanted)
    changes_terms = bool(fields & {*TERMS, "lines"})
    withdraws = changes_terms and as_confirmed and row["proposed_revision"] is not None
    return _Plan(
        frozenset(_FIELD_OF.get(name, name) for name in fields),
        {name: value for name, value in own.items() if value != row[name]},
        terms if changes_terms and not withdraws else None,
        wanted,
        withdraws,
        receipt_conflicts(in_force, wanted) if changes_terms else [],
    )


def _sent(order: LocatedOrder, patch: Mapping[str, Any], seller: UUID | None) -> dict[str, Any]:
    """Return the columns that say how the order, as it is from now on, went to the supplier.

    That it went to one seller says nothing of another who takes its place.
    """
    if "sent_via" not in patch:
        replaced = order.row["seller_id"] not in {None, seller}
        return {"sent_via": None, "sent_at": None} if replaced else {}
    via: str | None = patch["sent_via"]
    if order.row["status"] == StoredStatus.draft:
        raise InvalidRequest.at(
            ["body", "sent_via"], "sent_draft", "A draft has not been sent: say `sent_via` when it is issued"
        )
    return {"sent_via": via, "sent_at": None if via is None else order.read_at}


async def _newest(connection: AsyncConnection, order: LocatedOrder, in_force: Lines) -> tuple[dict[str, Any], Lines]:
    """Return the order's row and lines as its newest revision says: the proposed one where there is one."""
    proposed: int | None = order.row["proposed_revision"]
    if proposed is None:
        return dict(order.row), in_force
    revision = await change_repository.find_revision(connection, order.identity, proposed)
    if revision is None:
        raise LookupError(f"the order {order.identity} has no revision {proposed}")
    lines = await repository.current_lines(connection, *order.identity, proposed)
    return {**order.row, **terms_as_columns(revision.terms)}, [line._asdict() for line in lines]


_FIELDS_OF_A_PATCH = (set(Content.model_fields) - {"metadata"}) | {"order_metadata"}


def _number(numbered: tuple[int, Any]) -> int:
    return numbered[0]


def _differ(before: Lines, after: Lines) -> bool:
    return [[line[name] for name in _LINE_COLUMNS] for line in before] != [
        [line[name] for name in _LINE_COLUMNS] for line in after
    ]


def _as_json(row: Mapping[str, Any], lines: Lines) -> dict[str, Any]:
    """Return the content of an order as a request would say it."""
    content = {name: row[_COLUMN_OF.get(name, name)] for name in Content.model_fields if name != "lines"}
    for name in _DATES:
        content[name] = None if content[name] is None else timestamp(content[name])
    shown_lines = [{name: line[name] for name in _LINE_COLUMNS if line[name] is not None} for line in lines]
    for line in shown_lines:
        for name in ("quantity", "unit_price"):
            if name in line:
                line[name] = plain_decimal(line[name])
    return {**content, "lines": shown_lines}


_COLUMN_OF = {field: column for column, field in _FIELD_OF.items()}


def _require_possible(order: LocatedOrder, columns: Mapping[str, Any], fields: set[str]) -> None:
    """Raise InvalidRequest for what only the clock and the order's own past can tell to be wrong."""
    faults: list[dict[str, JsonValue]] = []
    for name in ("activate_by", "expires_at"):
        if name in fields and columns[name] is not None and columns[name] <= order.read_at:
            message = f"`{name}`, {timestamp(columns[name])}, has passed already"
            faults.append({"loc": ["body", name], "code": "in_the_past", "message": message})
    seller: UUID | None = order.row["seller_id"]
    if order.row["confirmed_at"] is not None and seller not in {None, columns["seller_id"]}:
        message = "The seller has confirmed the order: cancel it, and order from somebody else with another"
        faults.append(
            {"loc": ["body", "seller", "organisation_id"], "code": "seller_has_confirmed", "message": message}
        )
    if faults:
        raise InvalidRequest.of(faults)


def _require_changeable(order: LocatedOrder, plan: _Plan) -> None:
    facts = lifecycle_facts(order.row)
    if facts.stored in CHANGEABLE or plan.fields <= AT_ANY_TIME:
        return
    status = effective_status(facts, order.read_at)
    refused = ", ".join(sorted(plan.fields - AT_ANY_TIME))
    raise InvalidTransition(
        f"{order.row['number']} is {status}: {refused} can be changed no more.",
        members={"order_status": str(status), "allowed": [str(one) for one in allowed_actions(facts, order.read_at)]},
    )


async def _write(connection: AsyncConnection, caller: Principal, order: LocatedOrder, plan: _Plan) -> Row[Any] | None:
    """Write a change with its event and return the order's row; None, with nothing written, where it was overtaken."""
    values, revision = _values(order, plan)
    row = await change_repository.change(connection, order.identity, order.row["version"], values)
    if row is None:
        return None
    after = row._asdict()
    if revision is not None:
        if order.row["status"] != StoredStatus.draft:
            kept = {name: order.row[name] for name in TERMS}
            await change_repository.keep_current(connection, order.row, kept)
            await change_repository.insert_revision(
                connection, order.identity, revision, plan.terms or {}, current=revision == row.revision
            )
        lines = [{**line, "revision": revision} for line in plan.lines]
        await change_repository.replace_lines(connection, order.identity, revision, lines)
    if "reference" in plan.fields:
        await _move_reference(connection, order, after["reference"])
    if after["forwarder_ids"] != order.row["forwarder_ids"]:
        await change_repository.replace_forwarders(connection, after)
    await rewrite_references(connection, order.row, after)
    await _record(connection, caller, order, row, plan, revision)
    return row


def _values(order: LocatedOrder, plan: _Plan) -> tuple[dict[str, Any], int | None]:
    """Return the columns that a change sets, and the revision whose lines it writes, if any."""
    values = dict(plan.own)
    if plan.withdraws:
        return {**values, "proposed_revision": None}, None
    if plan.terms is None:
        return values, None
    if order.row["status"] == StoredStatus.draft:
        return values | terms_as_columns(plan.terms), int(order.row["revision"])
    revision = order.row["latest_revision"] + 1
    values["latest_revision"] = revision
    if order.row["confirmed_at"] is None:
        # Nobody has agreed to anything yet: what is asked of the seller is the new revision, and no other.
        return values | terms_as_columns(plan.terms) | {"revision": revision, "seen_at": None}, revision
    return {**values, "proposed_revision": revision}, revision


async def _move_reference(connection: AsyncConnection, order: LocatedOrder, reference: str | None) -> None:
    # Claimed before the old one is given back: two orders that swap theirs must not wait for each other crosswise.
    if reference is not None:
        wanted = {reference: order.number_key}
        if not await repository.claim_references(connection, order.organisation_id, wanted):
            raise DuplicateReference(f"This organisation has an order with the reference {reference} already.")
    if order.row["reference"] is not None:
        await change_repository.release_reference(connection, order.identity, order.row["reference"])


async def _record(
    connection: AsyncConnection,
    caller: Principal,
    order: LocatedOrder,
    row: Row[Any],
    plan: _Plan,
    revision: int | None,
) -> None:
    dates: dict[str, JsonValue] = {
        name: None if getattr(row, name) is None else timestamp(getattr(row, name))
        for name in _DATES
        if name in plan.fields
    }
    data: dict[str, JsonValue] = {
        "fields": [*sorted(plan.fields)],
        "revision": revision,
        "proposed_revision": row.proposed_revision,
        **dates,
    }
    if plan.withdraws:
        data["withdrawn_revision"] = order.row["proposed_revision"]
    if dates and is_settled(lifecycle_facts(row._asdict()), row.read_at):
        settled = await activation_repository.close_open(connection, order.identity, caller.organisation_id)
        if settled is not None:
            data["activation_request_id"] = str(settled.id)
    change = OrderChange(
        type=EventType.CHANGED,
        number_key=order.number_key,
        organisation_id=order.organisation_id,
        sequence=row.version,
        actor=caller,
        relation=order.relation,
        data=data,
    )
    await events.record(connection, [change])
