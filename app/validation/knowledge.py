"""What the database says about many questions together: a handful of queries, however many they are."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.numbers import service as numbers
from app.orders import activation_repository, receipt_repository, reference_repository
from app.orders import repository as orders
from app.orders.activation_rules import ActivationBar, way_to_activation
from app.orders.contacts import Directory, directory_for
from app.orders.identity import Identity
from app.orders.lifecycle import StoredStatus, time_statuses
from app.orders.location import LocatedOrder
from app.orders.repository import LinesOfOrders
from app.orders.views import lifecycle_facts, relation_of
from app.principal import NAMED, Principal
from app.validation import deliveries, repository, suggestions
from app.validation.deliveries import DeliveryKnowledge
from app.validation.delivery_schemas import Delivery
from app.validation.questions import Question

SUGGESTED_INPUTS_MAX: Final = 10
"""So many inputs of a batch get suggestions: a manifest with more wrong numbers is itself the wrong one."""

Referenced = Mapping[UUID, Mapping[str, Sequence[Mapping[str, Any]]]]
"""By an organisation, its orders by the key of one of their references."""

Unanswered = tuple[tuple[str, ...], UUID | None]
"""The keys of a question that found no order, and the buyer that it names."""


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A question and who puts it."""

    caller: Principal
    question: Question


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What the database says about all questions together."""

    checked_at: datetime
    orders: Mapping[str, Sequence[Mapping[str, Any]]]
    referenced: Referenced
    """Orders of the callers', for the inputs that no number settles."""
    directory: Directory
    lines: LinesOfOrders
    last_receipts: Mapping[Identity, Any]
    open_requests: Mapping[Identity, Any]
    misread: frozenset[str]
    deliveries: DeliveryKnowledge
    meant: Mapping[Unanswered, list[str]]


async def gather(
    connection: AsyncConnection, caller: Principal, questions: Sequence[Question], *, suggests_within: float
) -> Knowledge:
    """Return what has to be known to answer a caller's questions, and what may have been meant by those without order.

    The latter is looked for only where the former took no longer than `suggests_within` seconds (0: not at all): it is
    a comfort, and must never turn a verdict into a 503.
    """
    begun = asyncio.get_running_loop().time()
    found = await gather_for_all(connection, [Asked(caller, question) for question in questions])
    if asyncio.get_running_loop().time() - begun > suggests_within:
        return found
    unanswered = [
        unanswered_of(question) for question in questions if question.keys and not candidates(question, caller, found)
    ]
    return replace(found, meant=await suggested(connection, caller, unanswered))


async def gather_for_all(connection: AsyncConnection, asked: Sequence[Asked]) -> Knowledge:
    """Return what has to be known to answer the questions of all callers; nothing of what may have been meant."""
    keys = sorted({key for one in asked for key in one.question.keys})
    with_lines = any(_asks_for_lines(one) for one in asked)
    checked_at, rows, lines = await orders.find_for_validation(connection, keys, with_lines=with_lines)
    by_key: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_key.setdefault(row["number_key"], []).append(row)
    found = {one: _of_buyer(one.question, by_key) for one in asked}
    # Numbers win and cost no further query, but not those of strangers that were issued elsewhere: anybody may register
    # as a number what is a reference of the caller's order.
    nameless = [one for one in asked if not any(is_settled(one.question, row, one.caller) for row in found[one])]
    referenced = await _referenced(connection, nameless)
    unknown: list[str] = []
    for one in nameless:
        by_reference = _of_buyer(one.question, referenced.get(one.caller.organisation_id, {}))
        if not (found[one] or by_reference):
            unknown += one.question.keys
        found[one] += by_reference
    refusable = _refusable(found, checked_at)
    received = {_identity(row) for row in refusable if row["status"] == StoredStatus.received}
    return Knowledge(
        checked_at,
        by_key,
        referenced,
        await directory_for(connection, refusable) if refusable else {},
        {**lines, **await _further_lines(connection, found, lines)},
        await receipt_repository.last_receipts(connection, received),
        await activation_repository.open_requests(connection, _waiting_for_activation(refusable, checked_at)),
        await numbers.misread_keys(connection, unknown) if unknown else frozenset(),
        await deliveries.look_up(connection, _deliveries(found)),
        {},
    )


_Found = Mapping[Asked, Sequence[Mapping[str, Any]]]
"""The orders that each question may mean."""


def _refusable(found: _Found, at: datetime) -> list[Mapping[str, Any]]:
    """Return the orders about which there may be something to say, and so somebody to reach; most are just right."""
    return [
        row
        for one, rows in found.items()
        for row in rows
        if one.question.asked.delivery is not None
        or row["status"] not in _TAKEN_IN
        or time_statuses(lifecycle_facts(row), max(one.question.asked.at or at, at))
    ]


_TAKEN_IN: Final = frozenset({StoredStatus.active, StoredStatus.partially_received})


def _asks_for_lines(asked: Asked) -> bool:
    """Whether the lines of an order would be shown, or compared with a delivery."""
    return asked.question.shows_order or asked.question.asked.delivery is not None


async def _further_lines(connection: AsyncConnection, found: _Found, lines: LinesOfOrders) -> LinesOfOrders:
    """Return the lines of those orders that were not found by their number: their reference is what was asked for."""
    further = [
        row for one, rows in found.items() if _asks_for_lines(one) for row in rows if _identity(row) not in lines
    ]
    return await orders.lines_for_validation(connection, further)


def _waiting_for_activation(rows: Iterable[Mapping[str, Any]], at: datetime) -> set[Identity]:
    """Return those orders that an activation would help: no others have an open request that matters to the gate."""
    return {
        _identity(row) for row in rows if not isinstance(way_to_activation(lifecycle_facts(row), at), ActivationBar)
    }


async def _referenced(connection: AsyncConnection, nameless: Sequence[Asked]) -> Referenced:
    """Return the callers' orders by the references that the inputs may be: one query for all of a caller's."""
    keys: dict[UUID, set[str]] = {}
    for one in nameless:
        keys.setdefault(one.caller.organisation_id, set()).update(one.question.keys)
    by_reference: dict[UUID, dict[str, list[Mapping[str, Any]]]] = {}
    for party, its in keys.items():
        for row in await reference_repository.find_by_references(connection, party, sorted(its)) if its else []:
            shown = row._asdict()
            if relation_of(shown, party) in NAMED:
                by_reference.setdefault(party, {}).setdefault(row.reference_key, []).append(shown)
    return by_reference


def _deliveries(found: _Found) -> list[tuple[Delivery, Sequence[Mapping[str, Any]]]]:
    return [(delivery, rows) for one, rows in found.items() if (delivery := one.question.asked.delivery) is not None]


def _identity(row: Mapping[str, Any]) -> Identity:
    return row["number_key"], row["organisation_id"]


def unanswered_of(question: Question) -> Unanswered:
    """Return what tells a question apart from others that found no order either."""
    return question.keys, question.asked.buyer


async def suggested(
    connection: AsyncConnection, caller: Principal, unanswered: Sequence[Unanswered]
) -> Mapping[Unanswered, list[str]]:
    """Return what may have been meant by the first of the questions that found no order: one query for all."""
    ranked: dict[Unanswered, list[str]] = {}
    for asked in list(dict.fromkeys(unanswered))[:SUGGESTED_INPUTS_MAX]:
        ranked[asked] = suggestions.candidates(asked[0])
        # A few milliseconds each: other requests get their turn in between.
        await asyncio.sleep(0)
    keys = {key for candidates in ranked.values() for key in candidates}
    rows = await repository.numbers_among(connection, caller.organisation_id, keys) if keys else []
    return {
        (asked, buyer): suggestions.best(
            candidates, [(row.number_key, row.number) for row in rows if buyer in {None, row.organisation_id}]
        )
        for (asked, buyer), candidates in ranked.items()
    }


def candidates(question: Question, caller: Principal, knowledge: Knowledge) -> list[LocatedOrder]:
    """Return the orders that the input may mean: those that name the caller, or else all that are presented.

    Of the former the number comes first, then a reference.
    """
    found = [
        LocatedOrder(row, relation_of(row, caller.organisation_id)) for row in _of_buyer(question, knowledge.orders)
    ]
    if exact := [order for order in found if _is_exact(question, order.row)]:
        return exact
    named = [order for order in found if order.relation in NAMED]
    if not named and (referenced := _by_reference(question, caller, knowledge)):
        return referenced
    found = named or found
    # One buyer may hold both PO123 and 123: once the buyer is named, the exact form wins.
    return found if question.asked.buyer is None else found[:1]


def is_settled(question: Question, row: Mapping[str, Any], caller: Principal) -> bool:
    """Whether the order is meant whatever else may be: no reference of another one is."""
    return _is_exact(question, row) or relation_of(row, caller.organisation_id) in NAMED


def _is_exact(question: Question, row: Mapping[str, Any]) -> bool:
    """Whether the order was issued here under just this number: whoever registered it without its PO is not meant."""
    return bool(row["issued_here"]) and row["number_key"] == question.keys[0]


def _by_reference(question: Question, caller: Principal, knowledge: Knowledge) -> list[LocatedOrder]:
    """Return the caller's orders that have the input, in its best reading, as a reference."""
    found = _of_buyer(question, knowledge.referenced.get(caller.organisation_id, {}))
    return [
        LocatedOrder(row, relation_of(row, caller.organisation_id))
        for row in found
        if row["reference_key"] == found[0]["reference_key"]
    ]


def _of_buyer(question: Question, by_key: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[Mapping[str, Any]]:
    """Return the rows under the keys of a question, best reading first: all, or those of the buyer that it names."""
    return [
        row
        for key in question.keys
        for row in by_key.get(key, ())
        if question.asked.buyer in {None, row["organisation_id"]}
    ]
