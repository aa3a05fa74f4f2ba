"""Issues orders, one or a thousand by the same way: every item is judged by itself, all are written together."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from pydantic import TypeAdapter, ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.pace import unhurried
from app.errors import InvalidRequest, Problem, TemporarilyUnavailable
from app.events import service as events
from app.events.event_types import EventType
from app.events.service import OrderChange
from app.http.problems import invalid_item
from app.http.schemas import ProblemDetails, timestamp
from app.json_writer import write_json
from app.numbers import service as numbers
from app.numbers.number_issuer import DrawnNumber, NumberIssuer, WantedNumber
from app.orders import policy_service, reference_repository, repository
from app.orders.errors import BatchRefused, DuplicateNumber, DuplicateReference, ReservedNumber
from app.orders.new_orders import faults_of, line_row, order_row, organisations_named
from app.orders.policies import DEFAULT_POLICY
from app.orders.schemas import BatchResult, IssueBatch, IssuePurchaseOrder
from app.orders.shown_orders import shown_order
from app.orders.views import etag_of
from app.organisations import repository as organisations
from app.principal import Principal, Relation
from app.telemetry import NUMBERS_ISSUED

_ITEM: TypeAdapter[IssuePurchaseOrder] = TypeAdapter(IssuePurchaseOrder)
_ATTEMPTS = 5
_LOOKED_AT_ONCE = 1_024


@dataclass(slots=True, eq=False)
class _Prepared:
    """An item that is ready to be written, but for its number where one is issued; `place` is where it stands.

    `format_id`: of the number that is issued for it, the default one where it is None. `gapless`: the number that it
    was given last must not be lost.
    """

    index: int
    place: Sequence[str | int]
    body: IssuePurchaseOrder
    row: dict[str, Any]
    format_id: UUID | None
    gapless: bool = False


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order that was issued, with the JSON of the `PurchaseOrder` that its owner is shown."""

    id: UUID
    number: str
    etag: str
    content: bytes


Outcome: TypeAlias = NewOrder | Problem
"""What has become of one order."""


async def issue_one(
    connection: AsyncConnection, caller: Principal, issuer: NumberIssuer, body: IssuePurchaseOrder
) -> NewOrder:
    """Issue one order; raises its problem."""
    (outcome,) = await issue_many(connection, caller, issuer, [body])
    if isinstance(outcome, Problem):
        raise outcome
    return outcome


def headers_of(order: NewOrder) -> dict[str, str]:
    """Return the header fields of the answer that shows a new order."""
    return {"ETag": order.etag, "Location": f"/v1/purchase-orders/{order.id}"}


async def issue_batch(connection: AsyncConnection, caller: Principal, issuer: NumberIssuer, body: IssueBatch) -> bytes:
    """Issue the good items of a batch and explain the others; an atomic one raises BatchRefused for any fault.

    Returns the JSON of an `IssuedBatch`.
    """
    outcomes: dict[int, Outcome] = {}
    good: dict[int, IssuePurchaseOrder] = {}
    async for index, item in unhurried(enumerate(body.purchase_orders)):
        try:
            good[index] = _ITEM.validate_python(item)
        except ValidationError as error:
            outcomes[index] = invalid_item(error, ("body", "purchase_orders", index))
    if not (body.atomic and outcomes):
        issued = await issue_many(connection, caller, issuer, list(good.values()), indexes=list(good))
        outcomes.update(zip(good, issued, strict=True))
    if body.atomic:
        _refuse_unless_all_are_good(outcomes, len(body.purchase_orders))
    results = [_result(index, outcomes[index]) for index in range(len(body.purchase_orders))]
    issued_ = sum(isinstance(outcome, NewOrder) for outcome in outcomes.values())
    return b"".join([b'{"issued":%d,"results":[' % issued_, b",".join(results), b"]}"])


async def issue_many(
    connection: AsyncConnection,
    caller: Principal,
    issuer: NumberIssuer,
    bodies: Sequence[IssuePurchaseOrder],
    *,
    indexes: Sequence[int] | None = None,
) -> list[Outcome]:
    """Issue orders of the caller's organisation in the running transaction, each with its event.

    Returns an order or a problem per body, in order. `indexes`: the bodies' places in a batch, for the problems' `loc`;
    without them each is the body of a request of its own.
    """
    now, version = await policy_service.in_force_now(connection, caller.organisation_id)
    names = await organisations.names(connection, {caller.organisation_id, *organisations_named(bodies)})
    policy = DEFAULT_POLICY if version is None else version.policy
    places: list[list[str | int]] = [
        ["body"] if indexes is None else ["body", "purchase_orders", indexes[position]]
        for position in range(len(bodies))
    ]
    outcomes: dict[int, Outcome] = {}
    prepared: list[_Prepared] = []
    async for position, body in unhurried(enumerate(bodies)):
        faults = list(faults_of(body, caller, names, now, policy, places[position]))
        if faults:
            outcomes[position] = InvalidRequest.of(faults)
        else:
            row = order_row(body, caller, names, version, now)
            prepared.append(_Prepared(position, places[position], body, row, body.format_id or policy.format_id))
    written = await _place(connection, caller, issuer, prepared, outcomes)
    lines = await _write_lines(connection, written)
    await repository.insert_forwarders(connection, [item.row for item in written])
    await reference_repository.insert_references(connection, [item.row for item in written])
    await events.record(connection, [_event(item, caller) for item in written])
    async for item in unhurried(written):
        outcomes[item.index] = _new_order(item.row, lines[item.index], now)
    _count(written)
    return [outcomes[position] for position in range(len(bodies))]


async def _place(
    connection: AsyncConnection,
    caller: Principal,
    issuer: NumberIssuer,
    prepared: Sequence[_Prepared],
    outcomes: dict[int, Outcome],
) -> list[_Prepared]:
    """Give the items their numbers and references, write them, and return those that went in.

    An item that fails after it was given a number of a gapless series would leave a hole: everything is done anew then,
    without it. Only an organisation's own formats can be gapless, and only a reference that is taken makes an item fail
    so late.
    """
    if not any(item.format_id and item.body.reference for item in prepared):
        return await _place_once(connection, caller, issuer, prepared, outcomes)
    for _ in range(_ATTEMPTS):
        refused: dict[int, Outcome] = {}
        async with connection.begin_nested() as savepoint:
            written = await _place_once(connection, caller, issuer, prepared, refused)
            lost = {item.index for item in prepared if item.gapless and item.index in refused}
            if not lost:
                outcomes.update(refused)
                return written
            await savepoint.rollback()
        outcomes.update({index: refused[index] for index in lost})
        prepared = [item for item in prepared if item.index not in lost]
    raise TemporarilyUnavailable("Others were issuing orders with the same references; nothing was carried out.")


async def _place_once(
    connection: AsyncConnection,
    caller: Principal,
    issuer: NumberIssuer,
    prepared: Sequence[_Prepared],
    outcomes: dict[int, Outcome],
) -> list[_Prepared]:
    numbered = await _number(connection, caller, issuer, prepared, outcomes)
    written = await _write(connection, caller, issuer, numbered, outcomes)
    return await _claim_references(connection, caller, written, outcomes)


async def _number(
    connection: AsyncConnection,
    caller: Principal,
    issuer: NumberIssuer,
    prepared: Sequence[_Prepared],
    outcomes: dict[int, Outcome],
) -> list[_Prepared]:
    """Give each item its number: the given one, if it is not reserved, or one that is drawn."""
    drawn_for = [item for item in prepared if item.body.number is None]
    given = [item for item in prepared if item.body.number is not None]
    reserved = await numbers.reserved_keys(connection, [item.row["number_key"] for item in given])
    numbered = []
    for item in given:
        if item.row["number_key"] in reserved:
            outcomes[item.index] = ReservedNumber(
                f"{item.row['number']} has the form of numbers that this service issues."
            )
        else:
            numbered.append(item)
    wanted = [_wanted(item) for item in drawn_for]
    for item, drawn in zip(drawn_for, await issuer.draw(connection, caller.organisation_id, wanted), strict=True):
        item.gapless = False
        if isinstance(drawn, Problem):
            outcomes[item.index] = drawn
        else:
            _take(item, drawn)
            numbered.append(item)
    return numbered


async def _write(
    connection: AsyncConnection,
    caller: Principal,
    issuer: NumberIssuer,
    prepared: Sequence[_Prepared],
    outcomes: dict[int, Outcome],
) -> list[_Prepared]:
    """Insert the orders and return those that went in.

    A number issued here that is taken all the same (its buyer registered it before its format existed) is passed over;
    a given one is the caller's to change.
    """
    written: list[_Prepared] = []
    waiting = list(prepared)
    for _ in range(_ATTEMPTS):
        first: dict[str, _Prepared] = {}
        for item in waiting:
            first.setdefault(item.row["number_key"], item)
        free = await repository.insert_orders(connection, [item.row for item in first.values()])
        indexes = {item.index for key, item in first.items() if key in free}
        written += [item for item in waiting if item.index in indexes]
        left = [item for item in waiting if item.index not in indexes]
        if not left:
            return written
        _give_up((item for item in left if item.body.number is not None), outcomes)
        again = [item for item in left if item.body.number is None]
        waiting = []
        for item in again:
            drawn = await _draw_free(connection, caller, issuer, item)
            if isinstance(drawn, Problem):
                outcomes[item.index] = drawn
            else:
                _take(item, drawn)
                waiting.append(item)
    _give_up(waiting, outcomes)
    return written


async def _draw_free(
    connection: AsyncConnection, caller: Principal, issuer: NumberIssuer, item: _Prepared
) -> DrawnNumber | Problem:
    """Draw the next number that its buyer has no order of: there may be years of them, registered one after the other.

    So they are looked at two, four, eight at a time. A gapless series goes no further than to the number that is free.
    """
    organisation_id, wanted, ahead = caller.organisation_id, _wanted(item), 1
    while True:
        async with connection.begin_nested() as savepoint:
            drawn = await issuer.draw(connection, organisation_id, [wanted] * ahead)
            keys = [one.number_key for one in drawn if isinstance(one, DrawnNumber)]
            taken = await repository.taken_keys(connection, organisation_id, keys)
            passed = next((place for place, one in enumerate(drawn) if _is_free(one, taken)), None)
            if passed is not None and item.gapless:
                await savepoint.rollback()
        if passed is not None and item.gapless:
            drawn = await issuer.draw(connection, organisation_id, [wanted] * (passed + 1))
        if passed is not None:
            return drawn[passed]
        ahead = min(2 * ahead, _LOOKED_AT_ONCE)


def _is_free(drawn: DrawnNumber | Problem, taken: Collection[str]) -> bool:
    return isinstance(drawn, Problem) or drawn.number_key not in taken


def _give_up(items: Iterable[_Prepared], outcomes: dict[int, Outcome]) -> None:
    for item in items:
        outcomes[item.index] = DuplicateNumber(f"This organisation has an order {item.row['number']} already.")


async def _claim_references(
    connection: AsyncConnection,
    caller: Principal,
    written: Sequence[_Prepared],
    outcomes: dict[int, Outcome],
) -> list[_Prepared]:
    """Claim the references of orders that went in, and take those orders out again whose reference is another's.

    Claimed last, so that an item which fails for its number does not cost the next one its reference.
    """
    first: dict[str, _Prepared] = {}
    for item in written:
        if item.body.reference is not None:
            first.setdefault(item.body.reference, item)
    claimed = await repository.claim_references(
        connection,
        caller.organisation_id,
        {reference: item.row["number_key"] for reference, item in first.items()},
    )
    losers = [
        item
        for item in written
        if (reference := item.body.reference) is not None and not (reference in claimed and first[reference] is item)
    ]
    for item in losers:
        outcomes[item.index] = DuplicateReference(
            f"This organisation has an order with the reference {item.body.reference} already."
        )
    await repository.take_out(connection, caller.organisation_id, [item.row["number_key"] for item in losers])
    return [item for item in written if item.index not in outcomes]


async def _write_lines(connection: AsyncConnection, written: Sequence[_Prepared]) -> Mapping[int, list[dict[str, Any]]]:
    lines: dict[int, list[dict[str, Any]]] = {}
    async for item in unhurried(written):
        lines[item.index] = [line_row(item.row, line, number) for number, line in enumerate(item.body.lines, start=1)]
    await repository.insert_lines(connection, [row for rows in lines.values() for row in rows])
    return lines


def _take(item: _Prepared, drawn: DrawnNumber) -> None:
    item.gapless = drawn.gapless
    item.row.update(
        number=drawn.number,
        number_key=drawn.number_key,
        format_id=drawn.format_id,
        format_version=drawn.format_version,
    )


def _wanted(item: _Prepared) -> WantedNumber:
    body = item.body
    components = {"cost_center": body.cost_center, "category": body.category, "location": body.location}
    given = {name: value for name, value in components.items() if value is not None}
    return WantedNumber(item.format_id, given, item.place)


def _event(item: _Prepared, caller: Principal) -> OrderChange:
    row = item.row
    return OrderChange(
        type=EventType.DRAFTED if item.body.draft else EventType.ISSUED,
        number_key=row["number_key"],
        organisation_id=row["organisation_id"],
        sequence=1,
        actor=caller,
        relation=Relation.OWNER,
        data={
            "number": row["number"],
            "revision": 1,
            **{
                name: timestamp(row[name])
                for name in ("activate_by", "valid_from", "expires_at")
                if row[name] is not None
            },
        },
    )


def _refuse_unless_all_are_good(outcomes: Mapping[int, Outcome], items: int) -> None:
    problems = {index: outcome for index, outcome in sorted(outcomes.items()) if isinstance(outcome, Problem)}
    if problems:
        raise BatchRefused.of(problems, items, "purchase orders", "issued")


def _new_order(row: Mapping[str, Any], lines: Sequence[Mapping[str, Any]], now: datetime) -> NewOrder:
    shown = shown_order(row, lines, Relation.OWNER, now, acknowledgement=None)
    return NewOrder(
        row["id"], row["number"], etag_of(row["version"], shown["status"], Relation.OWNER), write_json(shown)
    )


def _result(index: int, outcome: Outcome) -> bytes:
    if isinstance(outcome, NewOrder):
        return b'{"index":%d,"purchase_order":%s}' % (index, outcome.content)
    return BatchResult(index=index, problem=ProblemDetails.model_validate(outcome.as_dict())).model_dump_json().encode()


def _count(written: Sequence[_Prepared]) -> None:
    for origin, here in (("issued", True), ("registered", False)):
        NUMBERS_ISSUED.labels(origin).inc(sum(item.row["issued_here"] is here for item in written))
