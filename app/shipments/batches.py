"""The use case of a batch of links: each item is judged as if it came alone, all are written together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.pace import unhurried
from app.errors import Problem
from app.events import service as events
from app.http.errors import TooManyLookUps
from app.http.look_up_limits import LookUpAccount
from app.http.problems import invalid_item
from app.http.schemas import ProblemDetails
from app.orders import bulk_repository, policy_repository
from app.orders.bulk_repository import Counted
from app.orders.errors import BatchRefused
from app.orders.identity import Identity
from app.orders.location import Asked, Located, LocatedOrder, locate_all
from app.orders.policies import SplitShipments
from app.orders.service import ATTEMPTS, overtaken
from app.principal import Principal
from app.shipments import carriers, claim_repository, repository, tracking_repository
from app.shipments.bulk_linking import UNSAID, Linked, PlannedLink, link_all, refusals
from app.shipments.claim_repository import Claimed
from app.shipments.link_repository import LinkId
from app.shipments.links import (
    EVENT_OF,
    LINKABLE,
    Standing,
    booked,
    change,
    event_data,
    in_the_way,
    may_ship,
    not_linkable,
    split_refused,
    vehicle_of,
)
from app.shipments.models import LinkOutcome
from app.shipments.pro_numbers import ProNumber
from app.shipments.reading import pro_number_of, waybill_of
from app.shipments.schemas import BatchedLink, LinkBatch, LinkedBatch, LinkItem
from app.shipments.tracking_views import link_shown

_ITEM: Final[TypeAdapter[LinkItem]] = TypeAdapter(LinkItem)

Outcomes = dict[int, Linked | Problem]


class _OvertakenError(Exception):
    """Others changed what the batch was judged by before it was written."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """An item that can be read, with the link that it wants."""

    index: int
    link: PlannedLink


@dataclass(frozen=True, slots=True)
class _Batch:
    """The items that are no nonsense, by their index, and the account of whoever looks up their numbers."""

    items: Mapping[int, LinkItem]
    account: LookUpAccount
    counted: dict[int, TooManyLookUps | None] = field(default_factory=dict)

    def count(self, index: int, located: Located) -> None:
        """Hold a number against the limit, once however often it is judged; raises TooManyLookUps."""
        if index not in self.counted:
            try:
                self.account.hold(free=located.related, related=located.related)
                self.counted[index] = None
            except TooManyLookUps as refusal:
                self.counted[index] = refusal
        refused = self.counted[index]
        if refused is not None:
            raise refused


@dataclass(frozen=True, slots=True)
class _Known:
    """What the items are judged by: the orders' links, and those orders whose policy lets them have one.

    `refused`: the problems of links whose PRO numbers are another's, or stand for an earlier shipment.
    """

    links: Mapping[Identity, Sequence[Any]]
    whole: frozenset[Identity]
    refused: Mapping[LinkId, Problem]

    def link(self, link: PlannedLink) -> Any | None:
        """Return the link as the order has it, or None."""
        same = (on for on in self.links[link.order.identity] if (on.scac, on.pro_number) == link.number)
        return next(same, None)


async def link_batch(
    connection: AsyncConnection, caller: Principal, account: LookUpAccount, body: LinkBatch
) -> LinkedBatch:
    """Link the good items of a batch and explain the others; an atomic one raises BatchRefused for any fault.

    The number of statements does not grow with the batch. What others change meanwhile makes it judge anew. Numbers of
    orders that do not name the caller are held against `account`, and beyond the limit are refused.
    """
    unreadable: Outcomes = {}
    items: dict[int, LinkItem] = {}
    async for index, item in unhurried(enumerate(body.links)):
        try:
            items[index] = _ITEM.validate_python(item)
        except ValidationError as error:
            unreadable[index] = invalid_item(error, ("body", "links", index))
    asked = _Batch(items, account)
    for _ in range(ATTEMPTS):
        outcomes = {**unreadable}
        savepoint = await connection.begin_nested()
        try:
            wanted = await _read(connection, caller, asked, outcomes)
            known = await _look(connection, caller, wanted)
            planned = await _judge(caller, wanted, known, outcomes)
            if body.atomic:
                _refuse_unless_all_are_good(outcomes, len(body.links))
            made = await _link(connection, caller, planned, known)
        except _OvertakenError:
            await savepoint.rollback()
            continue
        await savepoint.commit()
        outcomes |= {item.index: made[item.link.id] for item in wanted if item.index not in outcomes}
        states = await tracking_repository.states_of(connection, {link.number for link in planned.values()})
        return _answer(outcomes, {item.index: item.link for item in wanted}, states)
    raise overtaken("One of the orders")


def _refuse_unless_all_are_good(outcomes: Outcomes, items: int) -> None:
    problems = {index: one for index, one in sorted(outcomes.items()) if isinstance(one, Problem)}
    if problems:
        raise BatchRefused.of(problems, items, "links", "linked")


async def _read(connection: AsyncConnection, caller: Principal, batch: _Batch, outcomes: Outcomes) -> list[_Wanted]:
    """Return the items whose order is found and whose PRO number keeps its carrier's rule."""
    located: dict[int, LocatedOrder] = {}
    written: dict[int, tuple[str, str]] = {}
    asked = [Asked(item.number, item.buyer, ("body", "links", index, "number")) for index, item in batch.items.items()]
    found = await locate_all(connection, caller, asked, admits=may_ship)
    for (index, item), one in zip(batch.items.items(), found, strict=True):
        try:
            batch.count(index, one)
            if isinstance(one.order, Problem):
                raise one.order
            written[index] = waybill_of(item.scac, item.pro_number)
        except Problem as problem:
            outcomes[index] = problem
        else:
            located[index] = one.order
    rules = await carriers.rules_of(connection, caller, {code for code, _ in written.values()})
    wanted: list[_Wanted] = []
    async for index, order in unhurried(located.items()):
        code, text = written[index]
        try:
            pro = pro_number_of(code, text, *rules[code])
        except Problem as problem:
            outcomes[index] = problem
        else:
            wanted.append(_Wanted(index, _planned(order, code, pro, batch.items[index])))
    return wanted


def _planned(order: LocatedOrder, scac: str, pro: ProNumber, item: LinkItem) -> PlannedLink:
    vehicle = vehicle_of(item)
    return PlannedLink(
        order,
        scac,
        pro,
        trailer_number=vehicle.get("trailer_number", UNSAID),
        window=vehicle.get("delivery_window", UNSAID),
        bol=vehicle.get("bol", UNSAID),
    )


async def _look(connection: AsyncConnection, caller: Principal, wanted: Sequence[_Wanted]) -> _Known:
    """Return what the database says of all items, before anything is done."""
    orders = {item.link.order.identity: item.link.order for item in wanted}
    links = await repository.links_of_all(connection, orders)
    policies = await policy_repository.versions_of(
        connection, {order.organisation_id for order in orders.values() if order.row["policy_version"] is not None}
    )
    whole = {
        (order.organisation_id, version.version)
        for order in orders.values()
        for version in policies.get(order.organisation_id, ())
        if version.policy.split_shipments is SplitShipments.refused
    }
    planned = [*{item.link.id: item.link for item in wanted}.values()]
    claimed = await claim_repository.find_claims(connection, {link.number for link in planned})
    mine = {
        link.number: claimed.get(link.number) or Claimed.free(*link.number, link.pro.display, caller.organisation_id)
        for link in planned
    }
    mine = {pro: claim for pro, claim in mine.items() if claim.organisation_id == caller.organisation_id}
    return _Known(
        {identity: sorted(rows, key=lambda row: row.linked_at) for identity, rows in links.items()},
        frozenset(
            identity
            for identity, order in orders.items()
            if (order.organisation_id, order.row["policy_version"]) in whole
        ),
        await refusals(connection, planned, mine),
    )


async def _judge(
    caller: Principal, wanted: Sequence[_Wanted], known: _Known, outcomes: Outcomes
) -> dict[LinkId, PlannedLink]:
    """Return the links that may be made or changed; add the problems of the others."""
    planned: dict[LinkId, PlannedLink] = {}
    standing: dict[Identity, list[Any]] = {identity: [*links] for identity, links in known.links.items()}
    async for item in unhurried(wanted):
        link = item.link
        problem = _problem(caller, link, known, standing[link.order.identity])
        if problem is not None:
            outcomes[item.index] = problem
        elif link.id in planned:
            planned[link.id] = planned[link.id].overlaid(link)
        else:
            planned[link.id] = link
            standing[link.order.identity].append(
                Standing(link.scac, link.pro.key, link.pro.display, caller.organisation_id)
            )
    return planned


def _problem(caller: Principal, link: PlannedLink, known: _Known, standing: Sequence[Any]) -> Problem | None:
    order, found = link.order, known.link(link)
    if link.id in known.refused:
        return known.refused[link.id]
    if found is not None and found.booking_id is not None and link.changes(found):
        return booked(found)
    if (found is None or link.changes(found)) and order.row["status"] not in LINKABLE:
        return not_linkable(order)
    if found is None and order.identity in known.whole:
        other = in_the_way(order.relation, order.row, link.number, standing)
        if other is not None:
            return split_refused(caller, order.relation, order.row, other)
    return None


async def _link(
    connection: AsyncConnection, caller: Principal, planned: Mapping[LinkId, PlannedLink], known: _Known
) -> dict[LinkId, Linked]:
    """Make the links, count the changes of their orders and write the events; raises _OvertakenError."""
    made: dict[LinkId, Linked] = {}
    for link, one in zip(planned.values(), await link_all(connection, caller, [*planned.values()]), strict=True):
        if isinstance(one, Problem) or link.changes(one.row):
            raise _OvertakenError
        made[link.id] = one
    await _record(connection, caller, planned, made, known)
    return made


async def _record(
    connection: AsyncConnection,
    caller: Principal,
    planned: Mapping[LinkId, PlannedLink],
    made: Mapping[LinkId, Linked],
    known: _Known,
) -> None:
    """Count the changes of the orders and write their events; raises _OvertakenError where others came in between."""
    changes: dict[Identity, list[tuple[PlannedLink, Linked]]] = {}
    for id_, one in made.items():
        link = planned[id_]
        if one.outcome is LinkOutcome.UNCHANGED:
            continue
        vanished = one.outcome is LinkOutcome.MADE and known.link(link) is not None
        if vanished or link.order.row["status"] not in LINKABLE:
            raise _OvertakenError
        changes.setdefault(link.order.identity, []).append((link, one))
    if not changes:
        return
    orders = {identity: of_one[0][0].order for identity, of_one in changes.items()}
    counted = await bulk_repository.count_changes(
        connection,
        [Counted(*identity, len(changes[identity]), order.row) for identity, order in orders.items()],
    )
    versions = {(row.number_key, row.organisation_id): row.version for row in counted}
    if len(versions) < len(changes):
        raise _OvertakenError
    await _require_single(connection, [one for of_one in changes.values() for one in of_one], known)
    await events.record(
        connection,
        [
            change(caller, link.order, EVENT_OF[one.outcome], sequence, event_data(one.row))
            for identity, of_one in changes.items()
            for sequence, (link, one) in enumerate(of_one, start=versions[identity] - len(of_one) + 1)
        ],
    )


async def _require_single(
    connection: AsyncConnection, changes: Sequence[tuple[PlannedLink, Linked]], known: _Known
) -> None:
    """Raise _OvertakenError where an order that may have one PRO number was given another by others meanwhile.

    The orders' rows are held: whoever links at the same moment waits for the end of this transaction.
    """
    made = [
        (link.order, one.row)
        for link, one in changes
        if one.outcome is LinkOutcome.MADE and link.order.identity in known.whole
    ]
    links = await repository.links_of_all(connection, {order.identity for order, _ in made})
    for order, row in made:
        if in_the_way(order.relation, order.row, (row.scac, row.pro_number), links[order.identity]) is not None:
            raise _OvertakenError


def _answer(
    outcomes: Outcomes, links: Mapping[int, PlannedLink], states: Mapping[tuple[str, str], Row[Any]]
) -> LinkedBatch:
    results: list[BatchedLink] = []
    made = set()
    for index, outcome in sorted(outcomes.items()):
        if isinstance(outcome, Problem):
            problem = ProblemDetails.model_validate(outcome.as_dict())
            results.append(BatchedLink(index=index, problem=problem))
            continue
        if outcome.outcome is LinkOutcome.MADE:
            made.add(links[index].id)
        link = link_shown(outcome.row, states, links[index].order.row, linked=True)
        results.append(BatchedLink(index=index, outcome=outcome.outcome, link=link))
    return LinkedBatch.model_construct(linked=len(made), results=results)
