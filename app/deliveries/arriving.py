"""The use case of arrival: a vehicle is at the gate, and all that comes with it is judged at once.

A vehicle that is accepted or held is noted as arrived: it stands there, and what is held waits beside the dock. One
that is rejected is not: it does not come in, its booking stays as it is, and what was against it stands in the
timelines of its orders as checks at the gate.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from pydantic import JsonValue
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.group_writer import GroupWriter
from app.db.pace import unhurried
from app.deliveries import booked_orders, repository
from app.deliveries.booked_orders import lines_of
from app.deliveries.booking_lifecycle import EXPECTED, BookingAction
from app.deliveries.booking_numbers import appointment_number_of, booking_number_of
from app.deliveries.booking_rules import expected_now, trailer_key
from app.deliveries.errors import AmbiguousBooking
from app.deliveries.repository import Papers, Told
from app.deliveries.schemas import ArriveBooking, ArrivedOrder, ArriveVehicle, VehicleArrival
from app.deliveries.service import refusal, require_warehouse, the_booking, transition_refused
from app.deliveries.views import whole
from app.events.event_types import EventType
from app.events.gate_checks import GateCheck
from app.http.errors import NotFound
from app.http.schemas import timestamp
from app.principal import Principal
from app.shipments import pro_scans
from app.shipments.pro_numbers import InvalidProNumber, pro_number_key
from app.validation.answers import Answered, answer
from app.validation.delivery_schemas import Delivery, DeliveryParty
from app.validation.knowledge import gather
from app.validation.questions import question_of
from app.validation.refusal_codes import Verdict
from app.validation.schemas import ValidateInput
from app.validation.service import gate_check

CANDIDATES_MAX = 20
"""Bookings that a text at the gate may mean, of each kind of number."""

_WORST_FIRST = (Verdict.reject, Verdict.hold, Verdict.accept)


async def arrive(
    connection: AsyncConnection, caller: Principal, history: GroupWriter[GateCheck], name: str, body: ArriveBooking
) -> VehicleArrival:
    """Judge the vehicle of a booking, and note that it has arrived unless it is rejected.

    Raises NotFound, RelationNotAllowed and InvalidTransition, which says when and where a vehicle has arrived before.
    """
    booking = await the_booking(connection, caller, name)
    require_warehouse(booking, caller)
    return await _arrived(connection, caller, history, booking, body)


async def arrive_by_papers(
    connection: AsyncConnection, caller: Principal, history: GroupWriter[GateCheck], body: ArriveVehicle
) -> VehicleArrival:
    """Do the same for the booking that the papers of a vehicle at the caller's gate mean.

    Raises NotFound and AmbiguousBooking too.
    """
    booking = await _meant(connection, caller, body.input)
    return await _arrived(connection, caller, history, booking, body)


async def _meant(connection: AsyncConnection, caller: Principal, text: str) -> Row[Any]:
    """Return the one booking that is expected now and that a text means; where none is, one that has arrived."""
    found = await repository.find_arriving(connection, caller.organisation_id, _papers(text), CANDIDATES_MAX)
    expected = [row for row in found if row.status in EXPECTED]
    candidates = expected or found
    if not candidates:
        raise NotFound(f"No vehicle is expected here by {text[:64]!r}.")
    indexes = expected_now(candidates, candidates[0].read_at)
    if len(indexes) == 1 or not expected:
        meant: Row[Any] = candidates[indexes[0]]
        return meant
    named: list[JsonValue] = [
        {
            "id": str(row.id),
            "booking_number": row.booking_number,
            "appointment_number": row.appointment_number,
            "window": {"start": timestamp(row.window_start), "end": timestamp(row.window_end)},
        }
        for row in (candidates[index] for index in indexes)
    ]
    raise AmbiguousBooking(
        f"{len(named)} bookings fit, and it is not the window of just one of them now.", members={"candidates": named}
    )


def _papers(text: str) -> Papers:
    # A scan may hold what the database takes in no text.
    readable = text.replace("\x00", "")
    try:
        pro_numbers = [pro_number_key(pro_scans.read(readable).text)]
    except InvalidProNumber:
        pro_numbers = []
    return Papers(
        booking_number_of(readable),
        appointment_number_of(readable),
        trailer_key(readable),
        question_of(ValidateInput(input=text)).keys,
        pro_numbers,
    )


async def _arrived(
    connection: AsyncConnection,
    caller: Principal,
    history: GroupWriter[GateCheck],
    booking: Row[Any],
    body: ArriveBooking,
) -> VehicleArrival:
    if booking.status not in EXPECTED:
        raise transition_refused(booking, caller, BookingAction.arrive)
    answers = await _judged(connection, caller, history, booking, body)
    verdicts = {one.validation.verdict for one in answers}
    verdict = next(one for one in _WORST_FIRST if one in verdicts)
    checked_at = answers[0].validation.checked_at
    if verdict is Verdict.reject:
        return _arrival(verdict, answers, booking, caller, checked_at, arrived=False)
    arrival = {**body.model_dump(include={"dock", "operator", "trailer_number"}), "verdict": verdict.value}
    told = Told(EventType.DELIVERY_BOOKING_ARRIVED, caller, arrival)
    values = {"arrival": arrival, "shipments": _with_verdicts(booking.shipments, answers)}
    row = await repository.change(connection, booking, BookingAction.arrive, values, told, as_read=True)
    if row is None:
        raise await refusal(connection, caller, booking, BookingAction.arrive)
    lines = lines_of(row.shipments)
    rows = await booked_orders.count(connection, lines)
    await booked_orders.tell(connection, caller, EventType.DELIVERY_BOOKING_ARRIVED, row, lines, rows)
    return _arrival(verdict, answers, row, caller, checked_at, arrived=True)


async def _judged(
    connection: AsyncConnection,
    caller: Principal,
    history: GroupWriter[GateCheck],
    booking: Row[Any],
    body: ArriveBooking,
) -> list[Answered]:
    """Return what the gate says of each order of a booking now, shipment by shipment, and have it remembered."""
    here = DeliveryParty(organisation_id=caller.organisation_id)
    questions = []
    for shipment in booking.shipments:
        delivery = Delivery(
            scac=shipment["scac"],
            pro_number=shipment["pro_number"],
            trailer_number=body.trailer_number,
            dock=body.dock,
            operator=body.operator,
            ship_to=here,
        )
        questions += [
            question_of(
                ValidateInput.model_construct(
                    input=order["number"],
                    buyer=UUID(order["organisation_id"]),
                    at=None,
                    delivery=delivery,
                    receive=None,
                )
            )
            for order in shipment["purchase_orders"]
        ]
    knowledge = await gather(connection, caller, questions, suggests_within=0)
    knowledge = replace(knowledge, deliveries=replace(knowledge.deliveries, arriving=booking.id))
    answers: list[Answered] = []
    async for question in unhurried(questions):
        given = answer(question, caller, knowledge, set())
        if given.order is not None:
            history.note(gate_check(caller, given.order, given.validation, question.asked.delivery))
        answers.append(given)
    return answers


def _with_verdicts(stored: Sequence[Mapping[str, Any]], answers: Sequence[Answered]) -> list[dict[str, Any]]:
    """Return stored shipments with what the gate has said of their orders."""
    given = iter(answers)
    return [
        {
            **shipment,
            "purchase_orders": [
                {
                    **order,
                    "verdict": (one := next(given)).validation.verdict.value,
                    "codes": [refusal.code.value for refusal in one.validation.refusals],
                }
                for order in shipment["purchase_orders"]
            ],
        }
        for shipment in stored
    ]


def _arrival(
    verdict: Verdict, answers: Sequence[Answered], booking: Row[Any], caller: Principal, at: Any, *, arrived: bool
) -> VehicleArrival:
    papers = [(shipment, order) for shipment in booking.shipments for order in shipment["purchase_orders"]]
    return VehicleArrival(
        verdict=verdict,
        arrived=arrived,
        checked_at=at,
        purchase_orders=[
            ArrivedOrder(
                scac=shipment["scac"],
                pro_number=shipment["pro_number"],
                number=order["number"],
                verdict=given.validation.verdict,
                refusals=given.validation.refusals,
            )
            for (shipment, order), given in zip(papers, answers, strict=True)
        ],
        delivery_booking=whole(booking, caller),
    )
