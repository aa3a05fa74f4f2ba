"""Shipments that are to be booked: judged one by one and against each other, with everything that is against them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.identifiers import new_id
from app.deliveries import judging
from app.deliveries.asked_repository import Found
from app.deliveries.booking_rules import ORDERS_MAX, LoadType, bol_key, count_faults
from app.deliveries.errors import AnotherWarehouse, BolReused
from app.deliveries.judging import Verdicts
from app.deliveries.schemas import BookedNumber, BookShipment, RefusedOrder, RefusedShipment
from app.errors import InvalidRequest, Problem
from app.http.errors import RelationNotAllowed, TooManyLookUps
from app.http.look_up_limits import LookUpAccount
from app.http.schemas import ProblemDetails, timestamp
from app.orders.content_schemas import Window
from app.orders.identity import Identity
from app.orders.location import LocatedOrder
from app.orders.policies import DEFAULT_POLICY, Policy
from app.principal import OPERATIONS, Principal, Relation
from app.shipments import claims, reading
from app.shipments.claim_repository import Pro
from app.shipments.errors import InvalidProNumber, ProNumberReused
from app.shipments.links import in_the_way, may_ship, split_refused
from app.shipments.pro_numbers import ProNumber
from app.validation.checks import refuse
from app.validation.deliveries import gate_of
from app.validation.delivery_schemas import DeliveryParty
from app.validation.next_steps import shown_refusal
from app.validation.planned import Judged
from app.validation.questions import Question
from app.validation.refusal_codes import RefusalCode
from app.validation.schemas import Refusal

_SHIPPING = OPERATIONS["book_delivery"].relations
"""What an organisation has to be to an order to book it, be it with others or later."""

_FIELDS = {"input": "number", "delivery.ship_to": "ship_to"}
"""What a field of the gate's question is called in a booking."""


@dataclass(slots=True)
class DraftOrder:
    """A number of a shipment, and what is against it."""

    told: BookedNumber
    question: Question
    order: LocatedOrder | None = None
    refusals: list[Refusal] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    did_you_mean: Sequence[str] = ()

    @property
    def may_come(self) -> bool:
        """Whether nothing is against it."""
        return self.order is not None and not self.refusals and not self.problems

    @property
    def located(self) -> LocatedOrder:
        """The order that may come; LookupError where there is none."""
        if self.order is None:
            raise LookupError("what is unknown cannot come")
        return self.order


@dataclass(slots=True)
class Draft:
    """A shipment that is to be booked; `pro` is None where its number, as `written`, is none of the carrier's."""

    id: UUID
    told: BookShipment
    scac: str | None = None
    written: str = ""
    pro: ProNumber | None = None
    problems: list[Problem] = field(default_factory=list)
    orders: list[DraftOrder] = field(default_factory=list)

    @property
    def key(self) -> Pro | None:
        """The carrier's code and the PRO number's key."""
        return None if self.pro is None or self.scac is None else (self.scac, self.pro.key)

    @property
    def bol(self) -> str | None:
        """The key of its bill of lading."""
        return None if self.told.bol is None else bol_key(self.told.bol)

    @property
    def has_reused_bol(self) -> bool:
        """Whether its bill of lading is known to be another shipment's."""
        return any(isinstance(problem, BolReused) for problem in self.problems)

    @property
    def coming(self) -> list[DraftOrder]:
        """The orders that may come with it; none where it may not come itself."""
        return [] if self.problems else [one for one in self.orders if one.may_come]


@dataclass(frozen=True, slots=True)
class Plan:
    """All shipments that are to be booked, judged at `read_at`.

    `warehouse`: whose gate the orders go to, and `policy` what holds there when the window begins; None where no order
    may come. `takes_one`: orders that take one PRO number only. `expected`: PRO numbers that are on orders which may
    come, so that their shipments are still to come as well.
    """

    drafts: Sequence[Draft]
    read_at: datetime
    warehouse: UUID | None
    policy: Policy
    takes_one: frozenset[Identity]
    expected: frozenset[Pro]
    is_added: bool = False
    """Whether they are added to a booking that there is."""

    @property
    def kept(self) -> list[Draft]:
        """The shipments of which something may come."""
        return [draft for draft in self.drafts if draft.coming]

    @property
    def is_whole(self) -> bool:
        """Whether everything may come."""
        return all(not draft.problems and all(one.may_come for one in draft.orders) for draft in self.drafts)


def require_counts(load_type: LoadType, shipments: Sequence[BookShipment], places: Sequence[list[str | int]]) -> None:
    """Raise InvalidRequest naming each field of a shipment, at its place, that does not fit the others."""
    faults: list[dict[str, Any]] = [
        {"loc": [*place, fault.field], "code": fault.code, "message": fault.message}
        for shipment, place in zip(shipments, places, strict=True)
        for fault in count_faults(load_type, shipment.pallets, shipment.cartons, shipment.units)
    ]
    orders = sum(len(shipment.purchase_orders) for shipment in shipments)
    if orders > ORDERS_MAX:
        message = f"A booking has at most {ORDERS_MAX} purchase orders in all its shipments, these have {orders}"
        faults.append({"loc": ["body", "shipments"], "code": "too_many_purchase_orders", "message": message})
    if faults:
        raise InvalidRequest.of(faults)


def require_room(stored: Sequence[Mapping[str, Any]], shipment: BookShipment) -> None:
    """Raise InvalidRequest where a booking has too many orders with one more shipment."""
    orders = sum(len(one["purchase_orders"]) for one in stored) + len(shipment.purchase_orders)
    if orders > ORDERS_MAX:
        message = f"A booking has at most {ORDERS_MAX} purchase orders in all its shipments, with these it has {orders}"
        raise InvalidRequest.at(["body", "purchase_orders"], "too_many_purchase_orders", message)


def require_ahead(window: Window, now: datetime) -> None:
    """Raise InvalidRequest for a window that is over."""
    if window.end <= now:
        raise InvalidRequest.at(
            ["body", "window", "end"], "in_the_past", f"`end`, {timestamp(window.end)}, has passed already"
        )


async def plan(
    connection: AsyncConnection,
    caller: Principal,
    account: LookUpAccount,
    shipments: Sequence[BookShipment],
    ship_to: DeliveryParty | None,
    window: Window,
    *,
    added_to: Row[Any] | None = None,
) -> Plan:
    """Judge shipments for a window, as they are told by a caller who books, or who adds them to a booking.

    Raises InvalidRequest for a window that is over.
    """
    drafts = [_draft(shipment, ship_to, window) for shipment in shipments]
    asked = [(one.question, draft.scac) for draft in drafts for one in draft.orders]
    found = await judging.find_asked(connection, caller, asked, [draft.scac for draft in drafts], window.start)
    require_ahead(window, found.read_at)
    for draft in drafts:
        _read_pro(draft, found)
    verdicts = await judging.judge(
        connection,
        caller,
        found,
        [question for question, _ in asked],
        window,
        suggests=account.suggests,
        admits=may_ship,
    )
    judged = iter(verdicts.orders)
    for draft in drafts:
        for one in draft.orders:
            _take_verdict(one, next(judged), account)
    _compare_shipments(drafts, [] if added_to is None else added_to.shipments)
    for draft in drafts:
        _refuse_repeated(draft)
    _refuse_splits(caller, drafts, verdicts)
    warehouse = _refuse_other_gates(drafts, None if added_to is None else added_to.warehouse_id)
    policy = DEFAULT_POLICY if warehouse is None else verdicts.gate_policies.get(warehouse, DEFAULT_POLICY)
    expected = frozenset(
        (link.scac, link.pro_number)
        for draft in drafts
        for one in draft.orders
        if one.may_come
        for link in verdicts.links.get(one.located.identity, ())
    )
    return Plan(drafts, verdicts.read_at, warehouse, policy, verdicts.takes_one, expected, added_to is not None)


def note_holders(plan_: Plan, caller: Principal, booking_id: UUID, holders: Mapping[Pro, Any]) -> None:
    """Note which PRO numbers are somebody else's, or another shipment's."""
    for draft in plan_.drafts:
        if draft.key is None or draft.pro is None or draft.key not in holders:
            continue
        holder, (scac, _), display = holders[draft.key], draft.key, draft.pro.display
        if holder.organisation_id != caller.organisation_id:
            draft.problems.append(claims.claimed_by_another(scac, display))
        elif holder.completed_at is not None:
            draft.problems.append(claims.reused(scac, display, holder.completed_at))
        elif holder.booking_id != booking_id:
            text = f"The PRO number {display} of {scac} stands for a shipment that is booked already."
            draft.problems.append(ProNumberReused(text))


def note_delivered(plan_: Plan, delivered: frozenset[Pro]) -> None:
    """Note which PRO numbers were on orders all of which have been delivered."""
    for draft in plan_.drafts:
        if draft.key in delivered and draft.pro is not None:
            draft.problems.append(claims.reused(draft.key[0], draft.pro.display))


def note_bols(plan_: Plan, taken: frozenset[str]) -> None:
    """Note which bills of lading are those of earlier shipments."""
    for draft in plan_.drafts:
        if draft.bol in taken and not draft.has_reused_bol:
            draft.problems.append(_bol_reused(draft))


def refused(plan_: Plan) -> list[RefusedShipment]:
    """Return what cannot come, as answers show it."""
    return [
        RefusedShipment(
            index=index,
            problems=[_shown(problem) for problem in draft.problems],
            purchase_orders=[
                RefusedOrder(
                    index=place,
                    input=one.told.number,
                    number=one.question.number_text if one.order is None else one.order.row["number"],
                    refusals=[in_a_booking(refusal) for refusal in one.refusals],
                    problems=[_shown(problem) for problem in one.problems],
                    did_you_mean=list(one.did_you_mean),
                )
                for place, one in enumerate(draft.orders)
                if not one.may_come
            ],
        )
        for index, draft in enumerate(plan_.drafts)
        if draft.problems or not all(one.may_come for one in draft.orders)
    ]


def _draft(shipment: BookShipment, ship_to: DeliveryParty | None, window: Window) -> Draft:
    draft = Draft(new_id(), shipment)
    try:
        draft.scac, draft.written = reading.waybill_of(shipment.scac, shipment.pro_number)
    except InvalidProNumber as problem:
        draft.problems.append(problem)
    numbers = [(told.number, told.buyer) for told in shipment.purchase_orders]
    questions = judging.questions_of(numbers, ship_to, window.start)
    draft.orders = [
        DraftOrder(told, question) for told, question in zip(shipment.purchase_orders, questions, strict=True)
    ]
    return draft


def _read_pro(draft: Draft, found: Found) -> None:
    if draft.scac is None:
        return
    carrier = found.carriers[draft.scac]
    try:
        draft.pro = reading.pro_number_of(draft.scac, draft.written, carrier.rule, carrier.name)
    except InvalidProNumber as problem:
        draft.problems.append(problem)


def _take_verdict(one: DraftOrder, judged: Judged, account: LookUpAccount) -> None:
    try:
        account.hold(free=judged.free_of_charge, related=judged.related)
    except TooManyLookUps as refusal:
        # Neither what exists nor what does not is told any more.
        one.problems.append(refusal)
        return
    one.order, one.refusals, one.did_you_mean = judged.order, list(judged.refusals), judged.did_you_mean
    if one.order is not None and one.order.relation not in _SHIPPING:
        allowed = " or ".join(relation for relation in Relation if relation in _SHIPPING)
        one.problems.append(
            RelationNotAllowed(
                f"This is done by the {allowed} of the order; the calling organisation is its {one.order.relation}."
            )
        )


def _refuse_repeated(draft: Draft) -> None:
    seen: set[Identity] = set()
    for one in draft.orders:
        if one.order is not None and one.order.identity in seen:
            repeated = refuse(RefusalCode.duplicate_in_request)
            one.refusals.append(shown_refusal(repeated, one.order, {}, {}))
        elif one.order is not None:
            seen.add(one.order.identity)


def _compare_shipments(drafts: Sequence[Draft], stored: Sequence[Mapping[str, Any]]) -> None:
    """Refuse PRO numbers and bills of lading that stand twice in one booking; `stored` are in it already."""
    pros: set[Pro] = {(one["scac"], one["key"]) for one in stored}
    bols: set[str] = {one["bol_key"] for one in stored if one["bol_key"] is not None}
    for draft in drafts:
        if draft.key is not None and draft.pro is not None:
            if draft.key in pros:
                text = (
                    f"The PRO number {draft.pro.display} of {draft.scac} stands for another shipment of this booking."
                )
                draft.problems.append(ProNumberReused(text))
            pros.add(draft.key)
        if draft.bol is not None:
            if draft.bol in bols:
                draft.problems.append(_bol_reused(draft))
            bols.add(draft.bol)


def _refuse_splits(caller: Principal, drafts: Sequence[Draft], verdicts: Verdicts) -> None:
    """Refuse a second PRO number on orders that take one: of another shipment here, or one that is on them already."""
    first: dict[Identity, Pro] = {}
    for draft in drafts:
        for one in draft.orders:
            if draft.key is None or one.order is None or one.order.identity not in verdicts.takes_one:
                continue
            before = first.setdefault(one.order.identity, draft.key)
            relation, row = one.order.relation, one.order.row
            other = in_the_way(relation, row, draft.key, verdicts.links.get(one.order.identity, ()))
            if before != draft.key or other is not None:
                one.problems.append(split_refused(caller, relation, row, other))


def _refuse_other_gates(drafts: Sequence[Draft], warehouse: UUID | None) -> UUID | None:
    """Refuse orders that go elsewhere than the first one, or than the booking does; return where that is."""
    for draft in drafts:
        for one in draft.orders:
            if not one.may_come:
                continue
            gate = gate_of(one.located.row)
            warehouse = warehouse or gate
            if gate != warehouse:
                one.problems.append(AnotherWarehouse(AnotherWarehouse.example_detail))
    return warehouse


def _bol_reused(draft: Draft) -> BolReused:
    return BolReused(f"The bill of lading {draft.told.bol} is that of another shipment.")


def in_a_booking(refusal: Refusal) -> Refusal:
    """Return a refusal of the gate with its field as a booking calls it."""
    return refusal.model_copy(update={"field": _FIELDS.get(refusal.field or "", refusal.field)})


def _shown(problem: Problem) -> ProblemDetails:
    return ProblemDetails.model_validate(problem.as_dict())
