"""Bodies of policies."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, PlainSerializer

from app.http.schemas import (
    AnswerModel,
    RequestModel,
    Timestamp,
    decimal_schema,
    plain_decimal,
    written_as_decimal,
)
from app.orders.policies import DEFAULT_POLICY, GateFact, WindowAtGate

_STATED: dict[str, Any] = {
    "effective_from": "2036-04-01T00:00:00Z",
    "mandatory_gate_facts": ["pro_number", "trailer_number", "booking"],
    "gate_facts_that_hold": ["seller"],
    "receipt_tolerance": "0.05",
    "delivery_window_at_gate": "enforced",
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
    created_at: Timestamp
