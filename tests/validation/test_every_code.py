"""Every code of the contract's section 7, brought about over HTTP, with a next step that a guard can act on."""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from app.validation.refusal_codes import FIELDS, REFUSAL_CODES, RefusalCode
from tests.parties import Party, ahead
from tests.shipments.waybills import linked, xpo

VALIDATIONS = "/v1/validations"
ORDERS = "/v1/purchase-orders"


@dataclass(frozen=True)
class Gate:
    """The parties of the orders that come to a gate; `guard` asks, at the ship-to."""

    buyer: Party
    seller: Party
    guard: Party
    sql: Callable[..., list[Any]]

    @property
    def parties(self) -> dict[str, Any]:
        return {"seller": {"organisation_id": self.seller.id}, "ship_to": {"organisation_id": self.guard.id}}

    def issued(self, *actions: str, **content: Any) -> dict[str, Any]:
        order = self.buyer.issue(**self.parties, **content)
        for action in actions:
            order = self.buyer.act(order, action)
        return order

    def active(self, **content: Any) -> dict[str, Any]:
        return self.issued("confirm", "activate", **content)

    def ask(self, text: str, **more: Any) -> dict[str, Any]:
        answer = self.guard.post(VALIDATIONS, {"input": text, **more})
        assert answer.status_code == 200, answer.text
        verdict: dict[str, Any] = answer.json()
        return verdict

    def ask_after(self, column: str, *actions: str) -> dict[str, Any]:
        """The verdict on an order of which one instant has just passed."""
        order = self.issued(*actions)
        self.sql(f"UPDATE purchase_orders SET {column} = now() - interval '1 s' WHERE id = $1", order["id"])
        return self.ask(order["number"])

    def ask_with_pro_number(self, *, disrupted: bool = False, **other: Any) -> dict[str, Any]:
        order, pro_number = self.active(lines=[{"sku": "A", "quantity": "5"}]), xpo()
        linked(self.buyer, order, "CNWY", pro_number)
        if disrupted:
            self.guard.put("/v1/carriers/CNWY", {"disrupted": True})
        return self.ask(order["number"], delivery={"scac": "CNWY", "pro_number": pro_number} | other)


def ambiguous(gate: Gate) -> dict[str, Any]:
    number = f"N{secrets.token_hex(6)}"
    for owner in (gate.buyer, gate.seller):
        owner.active(number=number, ship_to={"organisation_id": gate.guard.id})
    return gate.ask(number)


def applied_for(gate: Gate) -> dict[str, Any]:
    order = gate.issued("confirm")
    applied = gate.guard.post(f"{ORDERS}/{order['id']}/activation-requests", {"reason": "The lorry is here."})
    assert applied.status_code == 201, applied.text
    return gate.ask(order["number"])


def not_booked(gate: Gate) -> dict[str, Any]:
    gate.guard.post("/v1/policies", {"mandatory_gate_facts": ["pro_number", "booking"]})
    return gate.ask_with_pro_number()


def outside_window(gate: Gate, start: str, end: str) -> dict[str, Any]:
    order = gate.active(delivery_window={"start": start, "end": end})
    return gate.ask(order["number"], delivery={"scac": "CNWY", "pro_number": xpo()})


def listed_twice(gate: Gate) -> dict[str, Any]:
    number = gate.active()["number"]
    second: dict[str, Any] = gate.guard.post(f"{VALIDATIONS}/batch", {"inputs": [number, number]}).json()["results"][1]
    return second


def mistyped(gate: Gate) -> dict[str, Any]:
    number = gate.issued()["number"]
    return gate.ask(number[:-1] + ("2" if number[-1] != "2" else "3"))


def received(gate: Gate) -> dict[str, Any]:
    order = gate.active(lines=[{"sku": "A", "quantity": "5"}])
    assert gate.guard.post(f"{ORDERS}/{order['id']}/receive").status_code == 200
    return gate.ask(order["number"])


CASES: dict[RefusalCode, Callable[[Gate], dict[str, Any]]] = {
    RefusalCode.not_confirmed: lambda gate: gate.ask(gate.issued()["number"]),
    RefusalCode.not_active: lambda gate: gate.ask(gate.issued("confirm")["number"]),
    RefusalCode.not_yet_valid: lambda gate: gate.ask(gate.active(valid_from=ahead(days=1))["number"]),
    RefusalCode.activation_pending: applied_for,
    RefusalCode.no_booking: not_booked,
    RefusalCode.before_window: lambda gate: outside_window(gate, ahead(days=1), ahead(days=2)),
    RefusalCode.after_window: lambda gate: outside_window(gate, ahead(days=-2), ahead(days=-1)),
    RefusalCode.pro_number_missing: lambda gate: gate.ask_with_pro_number(pro_number=None),
    RefusalCode.ambiguous_number: ambiguous,
    RefusalCode.carrier_disrupted: lambda gate: gate.ask_with_pro_number(disrupted=True, pro_number="999-999990"),
    RefusalCode.duplicate_in_request: listed_twice,
    RefusalCode.malformed: lambda gate: gate.ask("]C100123456789012345675"),
    RefusalCode.check_character_mismatch: mistyped,
    RefusalCode.unknown: lambda gate: gate.ask(f"N{secrets.token_hex(6)}"),
    # Of a draft its owner alone is told more; who holds its number is told to call the buyer.
    RefusalCode.not_issued: lambda gate: gate.ask(gate.issued(draft=True)["number"]),
    RefusalCode.lapsed: lambda gate: gate.ask_after("activate_by", "confirm"),
    RefusalCode.expired: lambda gate: gate.ask_after("expires_at", "confirm", "activate"),
    RefusalCode.already_received: received,
    RefusalCode.suspended: lambda gate: gate.ask(gate.issued("confirm", "activate", "suspend")["number"]),
    RefusalCode.rejected: lambda gate: gate.ask(gate.issued("reject")["number"]),
    RefusalCode.cancelled: lambda gate: gate.ask(gate.issued("cancel")["number"]),
    RefusalCode.closed: lambda gate: gate.ask(gate.issued("confirm", "activate", "close")["number"]),
    RefusalCode.delivery_mismatch: lambda gate: gate.ask_with_pro_number(quantities=[{"sku": "A", "quantity": "6"}]),
    RefusalCode.pro_number_mismatch: lambda gate: gate.ask_with_pro_number(pro_number="999-999990"),
}
"""How each code comes about; the verdict that has it."""

NO_ORDER = frozenset(
    {
        RefusalCode.malformed,
        RefusalCode.check_character_mismatch,
        RefusalCode.unknown,
        RefusalCode.ambiguous_number,
    }
)
"""Without the one order that is meant there is nobody to name."""


@pytest.mark.parametrize("code", CASES)
def test_every_code_is_given_with_its_verdict_and_a_next_step(
    buyer: Party, seller: Party, warehouse: Party, sql: Callable[..., list[Any]], code: RefusalCode
) -> None:
    verdict = CASES[code](Gate(buyer, seller, warehouse, sql))
    rule = REFUSAL_CODES[code]
    (refusal,) = verdict["refusals"]
    assert (refusal["code"], verdict["verdict"], verdict["valid"]) == (code, rule.verdict, False)
    assert refusal["title"] == rule.title
    assert refusal["detail"].endswith(".")
    step = refusal["next_step"]
    assert (step["action"], step["description"], step["then"]) == (rule.action, rule.description, rule.then)
    reached = rule.contact is not None and code not in NO_ORDER
    assert bool(step["contact"] and step["contact"]["phone"]) is reached
    named = refusal["field"] and re.sub(r"\.[0-9]+(\..*)?$", ".<index>", refusal["field"])
    assert named in FIELDS.get(code, (None,))


def test_no_code_of_the_vocabulary_is_missing() -> None:
    assert set(CASES) == set(RefusalCode)
