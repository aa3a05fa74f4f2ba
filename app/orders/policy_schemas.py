"""Bodies of policies."""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.http.schemas import (
    AnswerModel,
    RequestModel,
    Timestamp,
    decimal_schema,
    plain_decimal,
    written_as_decimal,
)
from app.orders.durations import LONGEST, PATTERN, MalformedDurationError, parse_duration, written_duration
from app.orders.policies import DEFAULT_POLICY, ActivationMode, GateFact, SplitShipments, WindowAtGate

_STATED: dict[str, Any] = {
    "effective_from": "2036-04-01T00:00:00Z",
    "mandatory_gate_facts": ["pro_number", "trailer_number", "booking"],
    "gate_facts_that_hold": ["seller"],
    "receipt_tolerance": "0.05",
    "delivery_window_at_gate": "enforced",
    "default_validity": "P90D",
    "activation_window": "P14D",
    "activation": "on_confirmation",
    "split_shipments": "refused",
    "format_id": None,
    "booking_cutoff": "PT24H",
    "expiring_notice": "P14D",
}


def _each_once(facts: Iterable[GateFact]) -> list[GateFact]:
    given = set(facts)
    return [fact for fact in GateFact if fact in given]


GateFacts = Annotated[list[GateFact], Field(max_length=len(GateFact)), AfterValidator(_each_once)]

Share = Annotated[
    Decimal,
    BeforeValidator(written_as_decimal),
    Field(ge=0, le=1, decimal_places=4, allow_inf_nan=False),
    PlainSerializer(plain_decimal, return_type=str, when_used="json"),
    decimal_schema(1, 4, "0.05"),
]
"""A share between 0 and 1 with at most 4 digits after the point; a string in answers."""


def _written_as_duration(value: object) -> object:
    """Refuse what Pydantic would take besides: seconds as a number, months of 30 days, `1 day, 0:00:00`."""
    if value is None or isinstance(value, timedelta):
        return value
    try:
        return parse_duration(value if isinstance(value, str) else "")
    except MalformedDurationError:
        raise PydanticCustomError(
            "duration",
            "A span of time is written as in ISO 8601, in weeks, or in days, hours, minutes and seconds, such as P90D "
            "or PT36H; months and years differ in length",
        ) from None


Duration = Annotated[
    timedelta,
    BeforeValidator(_written_as_duration),
    Field(gt=timedelta(0), le=LONGEST),
    PlainSerializer(written_duration, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": PATTERN, "examples": ["P90D"]}),
]
"""An ISO 8601 duration without years and months, more than nothing and at most ten years (3,660 days)."""


class PolicyContent(RequestModel):
    """What a version states."""

    mandatory_gate_facts: GateFacts = _each_once(DEFAULT_POLICY.mandatory_gate_facts)
    """What has to be told of a delivery at your gate: where `delivery` is given and lacks one of these, it is held.
    `booking` asks for a booked window. Left out: the PRO number."""
    gate_facts_that_hold: GateFacts = _each_once(DEFAULT_POLICY.gate_facts_that_hold)
    """Facts whose contradiction your gate only holds: without being named here it rejects. `booking` is here the
    delivery that comes too late. Left out: none."""
    receipt_tolerance: Share = DEFAULT_POLICY.receipt_tolerance
    """The share of what was ordered that may come in beyond it, line by line, on orders that you issue from then on:
    `"0.05"` takes 105 of 100. It ends with the order: once all that was ordered is there, the order is received and
    takes no more. Left out: nothing beyond."""
    delivery_window_at_gate: WindowAtGate = DEFAULT_POLICY.delivery_window_at_gate
    """Whether your gate refuses a delivery outside its window, booked or stated by the order. Left out: it does."""
    default_validity: Duration | None = DEFAULT_POLICY.default_validity
    """How long an order is valid that is issued without `expires_at`, counted from its issue, or from its `valid_from`
    where that is later: an ISO 8601 duration in weeks, days, hours, minutes and seconds, such as `P90D` or `PT36H`; at
    most 3,660 days. The order shows the date as its own `expires_at`. Left out: it never ends by itself."""
    activation_window: Duration | None = DEFAULT_POLICY.activation_window
    """How long after its issue an order may be activated that is issued without `activate_by`, written likewise: what
    is not confirmed and active by then lapses. The order shows the date as its own `activate_by`, which is never after
    its `expires_at`. Left out: there is no deadline."""
    activation: ActivationMode = DEFAULT_POLICY.activation
    """How your orders become active once their sellers have confirmed them. Left out: you activate them."""
    split_shipments: SplitShipments = DEFAULT_POLICY.split_shipments
    """Whether an order may be shipped in parts, under more than one PRO number. Left out: it may."""
    format_id: UUID | None = DEFAULT_POLICY.format_id
    """The format of numbers for orders that name neither `number` nor `format_id`: one of your own formats. Left out:
    the default format, which an order may still ask for by its id."""
    booking_cutoff: Duration | None = DEFAULT_POLICY.booking_cutoff
    """How long before its window a delivery at your gate may still be booked, and be rescheduled, cancelled or changed
    by whoever has booked it, written likewise: `PT24H`. You yourself always may. Left out: there is no such limit."""
    expiring_notice: Duration | None = DEFAULT_POLICY.expiring_notice
    """How long before an order's `expires_at` the event `purchase_order.expiring` tells all parties of it, written
    likewise. An order whose end is set nearer than that is not announced: whoever set it knows. Left out: seven days,
    `P7D`; null: never."""


class CreatePolicy(PolicyContent):
    """A new version of your policy. It is whole: what is left out is the default, not what the version before said."""

    model_config = ConfigDict(json_schema_extra={"examples": [_STATED]})

    effective_from: Timestamp | None = None
    """From when it holds, now when left out; never in the past."""


class PolicyVersion(AnswerModel):
    """A version of your policy."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "version": 2,
                    "in_force": False,
                    **_STATED,
                    "effective_until": None,
                    "created_at": "2036-03-14T09:20:00Z",
                }
            ]
        }
    )

    version: int
    """Counts from 1 without a hole."""
    in_force: bool
    """Whether it is the one that holds now; none is before the first begins, and the defaults hold."""
    effective_from: Timestamp
    effective_until: Timestamp | None
    """When a later version takes over; null while none does. The same as `effective_from` where a later version
    replaced it before it began."""
    mandatory_gate_facts: list[GateFact]
    gate_facts_that_hold: list[GateFact]
    receipt_tolerance: Share
    delivery_window_at_gate: WindowAtGate
    default_validity: Duration | None
    activation_window: Duration | None
    activation: ActivationMode
    split_shipments: SplitShipments
    format_id: UUID | None
    booking_cutoff: Duration | None
    expiring_notice: Duration | None
    created_at: Timestamp
