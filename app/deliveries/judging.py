"""Whether the gate would take the orders of a booking in, in its window: asked of all of them together.

One query is enough where nothing is against them. Whatever is not settled by it is answered by the gate itself, with
its reasons and next steps.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.pace import unhurried
from app.deliveries import asked_repository
from app.deliveries.asked_repository import Found
from app.deliveries.booking_rules import instants_judged
from app.orders import policies
from app.orders.content_schemas import Window
from app.orders.identity import Identity
from app.orders.location import LocatedOrder
from app.orders.policies import DEFAULT_POLICY, Policy, SplitShipments
from app.orders.views import relation_of
from app.principal import Principal
from app.validation import planned as gate
from app.validation.deliveries import gate_of
from app.validation.delivery_schemas import Delivery, DeliveryParty
from app.validation.knowledge import Knowledge, gather
from app.validation.planned import Judged, Planned
from app.validation.questions import Question, question_of
from app.validation.schemas import ValidateInput

Admits = Callable[[LocatedOrder], bool]


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What came of the orders that were asked for, in order, and what is known of those that may come.

    `links`: PRO numbers that are on them, by identity. `takes_one`: those whose policy refuses split shipments.
    """

    read_at: datetime
    orders: Sequence[Judged]
    links: Mapping[Identity, Sequence[Any]]
    takes_one: frozenset[Identity]
    gate_policies: Mapping[UUID, Policy]


async def find_asked(
    connection: AsyncConnection,
    caller: Principal,
    questions: Sequence[tuple[Question, str | None]],
    scacs: Sequence[str | None],
    at: datetime,
) -> Found:
    """Return what one query says of all questions, each with its carrier, and of the carriers `scacs`."""
    asked = {(key, scac) for question, scac in questions for key in question.keys}
    # A carrier all of whose numbers are unreadable is asked for under a key that no number has.
    return await asked_repository.find(
        connection, caller.organisation_id, sorted(asked | {("", scac) for scac in scacs}, key=str), at
    )


def questions_of(
    numbers: Sequence[tuple[str, UUID | None]], ship_to: DeliveryParty | None, at: datetime
) -> list[Question]:
    """Return what the gate is asked about numbers, each with the buyer that is meant where one is."""
    delivery = Delivery(ship_to=ship_to)
    return [
        question_of(ValidateInput.model_construct(input=number, buyer=buyer, at=at, delivery=delivery, receive=None))
        for number, buyer in numbers
    ]


async def judge(
    connection: AsyncConnection,
    caller: Principal,
    found: Found,
    asked: Sequence[Question],
    window: Window,
    *,
    suggests: bool = False,
    admits: Admits = lambda _: True,
) -> Verdicts:
    """Return what the gate would say of each question in the window; orders that `admits` refuses are unknown."""
    begins, ends = instants_judged(window.start, window.end, found.read_at)
    planned = [Planned(question, ends) for question in asked]
    lean = _without_hidden(gate.known_of(found.read_at, found.orders, found.links, found.policies), caller, admits)
    outcomes: dict[int, Judged] = {}
    async for index, one in unhurried(enumerate(planned)):
        passed = gate.passes(one, caller, lean)
        if passed is not None:
            outcomes[index] = passed
    open_ = [index for index in range(len(planned)) if index not in outcomes]
    links, takes_one = dict(found.links), set(found.takes_one)
    known_policies = {party: _in_force(versions, begins) for party, versions in found.policies.items()}
    if open_:
        whole = await gather(
            connection, caller, [planned[index].question for index in open_], suggests_within=1.0 if suggests else 0
        )
        whole = _without_hidden(whole, caller, admits)
        async for index in unhurried(open_):
            judged = outcomes[index] = gate.judge(planned[index], caller, whole)
            if judged.order is not None:
                row, identity = judged.order.row, judged.order.identity
                links.setdefault(identity, whole.deliveries.links.get(identity, ()))
                known_policies.setdefault(gate_of(row), _in_force(whole.deliveries.policies[gate_of(row)], begins))
                if _kept(row, whole).split_shipments is SplitShipments.refused:
                    takes_one.add(identity)
    return Verdicts(
        found.read_at,
        [outcomes[index] for index in range(len(planned))],
        links,
        frozenset(takes_one),
        known_policies,
    )


def _without_hidden(knowledge: Knowledge, caller: Principal, admits: Admits) -> Knowledge:
    rows = [row for rows in knowledge.orders.values() for row in rows]
    seen = [LocatedOrder(row, relation_of(row, caller.organisation_id)) for row in rows]
    hidden = [order.identity for order in seen if not admits(order)]
    return gate.without_orders_of(knowledge, hidden) if hidden else knowledge


def _in_force(versions: Sequence[policies.PolicyVersion], at: datetime) -> Policy:
    version = policies.in_force(versions, at)
    return DEFAULT_POLICY if version is None else version.policy


def _kept(row: Mapping[str, Any], knowledge: Knowledge) -> Policy:
    versions = knowledge.deliveries.policies[row["organisation_id"]]
    return next((one.policy for one in versions if one.version == row["policy_version"]), DEFAULT_POLICY)
