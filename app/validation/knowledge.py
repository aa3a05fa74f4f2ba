"""What the database says about all questions of a request together: a handful of queries, however many they are."""

import asyncio
from collections.abc import Mapping, Sequence
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
from app.orders.lifecycle import StoredStatus
from app.orders.location import LocatedOrder
from app.orders.views import lifecycle_facts, relation_of
from app.principal import NAMED, Principal
from app.validation import deliveries, repository, suggestions
from app.validation.deliveries import DeliveryKnowledge
from app.validation.delivery_schemas import Delivery
from app.validation.questions import Question

SUGGESTED_INPUTS_MAX: Final = 10
"""So many inputs of a batch get suggestions: a manifest with more wrong numbers is itself the wrong one."""

Unanswered = tuple[tuple[str, ...], UUID | None]
"""The keys of a question that found no order, and the buyer that it names."""


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What the database says about all questions together."""

    checked_at: datetime
    orders: Mapping[str, Sequence[Mapping[str, Any]]]
    referenced: Mapping[str, Sequence[Mapping[str, Any]]]
    """Orders of the caller's by the key of one of their references, for the inputs that no number settles."""
    directory: Directory
    lines: Mapping[tuple[str, UUID], Sequence[Any]]
    last_receipts: Mapping[tuple[str, UUID], Any]
    open_requests: Mapping[tuple[str, UUID], Any]
    misread: frozenset[str]
    deliveries: DeliveryKnowledge
    meant: Mapping[Unanswered, list[str]]


async def gather(
    connection: AsyncConnection, caller: Principal, questions: Sequence[Question], *, suggests_within: float
) -> Knowledge:
    """Return what has to be known to answer the questions, and what may have been meant by those without an order.

    The latter is looked for only where the former took no longer than `suggests_within` seconds (0: not at all): it is
    a comfort, and must never turn a verdict into a 503.
    """
    begun = asyncio.get_running_loop().time()
    keys = sorted({key for question in questions for key in question.keys})
    checked_at, rows = await orders.find_for_validation(connection, keys)
    by_key: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_key.setdefault(row.number_key, []).append(row._asdict())
    # Numbers win and cost no further query, but not those of strangers that were issued elsewhere: anybody may register
    # as a number what is a reference of the caller's order.
    nameless = [
        question
        for question in questions
        if not any(is_settled(question, row, caller) for row in _of_buyer(question, by_key))
    ]
    referenced, more = await _referenced(connection, caller, nameless)
    rows = [*rows, *more]
    unknown = [
        key
        for question in nameless
        if not (_of_buyer(question, by_key) or _of_buyer(question, referenced))
        for key in question.keys
    ]
    told = [question for question in questions if question.asked.delivery is not None]
    compared = {key for question in told for key in question.keys}
    related = [row for row in rows if relation_of(row._asdict(), caller.organisation_id) in NAMED]
    named = {id(row) for row in related}
    presented = [row for row in rows if row.number_key in compared and id(row) not in named]
    received = [(row.number_key, row.organisation_id) for row in related if row.status == StoredStatus.received]
    found = Knowledge(
        checked_at,
        by_key,
        referenced,
        await directory_for(connection, rows),
        await orders.lines_of(connection, [*related, *presented]),
        await receipt_repository.last_receipts(connection, received),
        await activation_repository.open_requests(connection, _waiting_for_activation(rows, checked_at)),
        await numbers.misread_keys(connection, unknown),
        await deliveries.look_up(connection, _deliveries(told, by_key, referenced)),
        {},
    )
    if asyncio.get_running_loop().time() - begun > suggests_within:
        return found
    unanswered = [
        unanswered_of(question) for question in questions if question.keys and not candidates(question, caller, found)
    ]
    return replace(found, meant=await _suggested(connection, caller, unanswered))


def _waiting_for_activation(rows: Sequence[Any], at: datetime) -> set[tuple[str, UUID]]:
    """Return those orders that an activation would help: no others have an open request that matters to the gate."""
    return {
        (row.number_key, row.organisation_id)
        for row in rows
        if not isinstance(way_to_activation(lifecycle_facts(row._asdict()), at), ActivationBar)
    }


async def _referenced(
    connection: AsyncConnection, caller: Principal, nameless: Sequence[Question]
) -> tuple[dict[str, list[Mapping[str, Any]]], Sequence[Any]]:
    """Return the caller's orders by the references that the inputs may be, and their rows: one query for all."""
    keys = sorted({key for question in nameless for key in question.keys})
    found = await reference_repository.find_by_references(connection, caller.organisation_id, keys) if keys else []
    seen = [row for row in found if relation_of(row._asdict(), caller.organisation_id) in NAMED]
    by_reference: dict[str, list[Mapping[str, Any]]] = {}
    for row in seen:
        by_reference.setdefault(row.reference_key, []).append(row._asdict())
    return by_reference, seen


def _deliveries(
    told: Sequence[Question], *found: Mapping[str, Sequence[Mapping[str, Any]]]
) -> list[tuple[Delivery, list[Mapping[str, Any]]]]:
    return [
        (question.asked.delivery, [row for by_key in found for row in _of_buyer(question, by_key)])
        for question in told
        if question.asked.delivery is not None
    ]


def unanswered_of(question: Question) -> Unanswered:
    """Return what tells a question apart from others that found no order either."""
    return question.keys, question.asked.buyer


async def _suggested(
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
    found = _of_buyer(question, knowledge.referenced)
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
