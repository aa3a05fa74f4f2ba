"""What a gate asks of a delivery by the policy of the organisation that receives, over HTTP."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.orders.test_policies import stated
from tests.parties import Party, ahead
from tests.shipments.test_expected_vehicle import link
from tests.shipments.waybills import linked, xpo
from tests.validation.test_delivery import fields
from tests.validation.test_verdicts import VALIDATIONS, ask, codes

Sql = Callable[..., list[Any]]

HOUR = timedelta(hours=1)


def rfc3339(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


class Booked:
    """An active order with a PRO number, a vehicle and its window, from tomorrow for two hours."""

    def __init__(self, buyer: Party, warehouse: Party, **content: Any) -> None:
        self.pro = xpo()
        self.start = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
        self.end = self.start + 2 * HOUR
        self.order = buyer.active(
            ship_to={"organisation_id": warehouse.id, "code": "HAM-2"},
            seller={"code": "S-1042"},
            lines=[{"sku": "TS-L", "quantity": "10"}],
            **content,
        )
        window = {"start": rfc3339(self.start), "end": rfc3339(self.end)}
        made = link(buyer, self.order, self.pro, trailer_number="HH-AB-1234", window=window)
        assert made.status_code == 201, made.text
        self.delivery: dict[str, Any] = {"scac": "CNWY", "pro_number": self.pro, "trailer_number": "hhab1234"}

    def ask(self, party: Party, at: datetime | None = None, **other: Any) -> dict[str, Any]:
        moment = rfc3339(self.start + HOUR if at is None else at)
        return ask(party, self.order["number"], at=moment, delivery={**self.delivery, **other})


@pytest.fixture
def booked(buyer: Party, warehouse: Party) -> Booked:
    return Booked(buyer, warehouse)


def shown(verdict: dict[str, Any]) -> list[tuple[str, str]]:
    return [(refusal["code"], refusal["verdict"]) for refusal in verdict["refusals"]]


# The vehicle and its window


def test_the_vehicle_that_is_booked_is_accepted_within_its_window(booked: Booked, warehouse: Party) -> None:
    verdict = booked.ask(warehouse)
    assert (verdict["verdict"], verdict["refusals"]) == ("accept", [])
    assert verdict["valid_until"] == rfc3339(booked.end)


def test_another_vehicle_is_refused_with_its_field(booked: Booked, warehouse: Party, stranger: Party) -> None:
    verdict = booked.ask(warehouse, trailer_number="HH-XY-1")
    assert (verdict["verdict"], fields(verdict)) == ("reject", [("delivery_mismatch", "delivery.trailer_number")])
    assert verdict["refusals"][0]["detail"] == "The vehicle that is expected is HH-AB-1234."
    assert verdict["refusals"][0]["next_step"]["contact"]["phone"] == "+49 40 555 0142"
    told = booked.ask(stranger, pro_number=None, trailer_number="HH-XY-1")
    assert ("delivery_mismatch", "delivery.trailer_number") in fields(told)
    assert "HH-AB" not in str(told)


@pytest.mark.parametrize(
    ("hours", "verdict", "code", "action"),
    [
        (-1, "hold", "before_window", "wait_for_the_window"),
        (2, "reject", "after_window", "book_the_delivery"),
    ],
)
def test_outside_its_window_a_delivery_is_too_early_or_too_late(
    booked: Booked, warehouse: Party, stranger: Party, hours: int, verdict: str, code: str, action: str
) -> None:
    answer = booked.ask(warehouse, booked.start + hours * HOUR)
    assert (answer["verdict"], shown(answer)) == (verdict, [(code, verdict)])
    (refusal,) = answer["refusals"]
    bound = rfc3339(booked.start if hours < 0 else booked.end)
    assert bound in refusal["detail"]
    assert (refusal["field"], refusal["next_step"]["action"]) == (None, action)
    assert refusal["next_step"]["contact"]["phone"] == "+49 40 555 0142"
    assert answer["valid_until"] == (rfc3339(booked.start) if hours < 0 else None)
    # Who only presents the number is told that it is so, and not when it would not be.
    told = booked.ask(stranger, booked.start + hours * HOUR, pro_number=None)
    assert code in codes(told)
    assert bound[:10] not in str(told["refusals"])
    # Without a delivery nobody asks when it comes.
    assert ask(warehouse, booked.order["number"], at=rfc3339(booked.start + hours * HOUR))["verdict"] == "accept"


def test_the_orders_own_window_counts_where_nothing_is_booked(buyer: Party) -> None:
    start = datetime.now(UTC) + timedelta(days=2)
    window = {"start": rfc3339(start), "end": rfc3339(start + HOUR)}
    order, pro = buyer.active(delivery_window=window), xpo()
    linked(buyer, order, "CNWY", pro)
    for at, code in ((start - HOUR, "before_window"), (start, None), (start + HOUR, "after_window")):
        answer = ask(buyer, order["number"], at=rfc3339(at), delivery={"pro_number": pro})
        assert codes(answer) == ([] if code is None else [code])
    assert codes(ask(buyer, order["number"], delivery={"pro_number": pro})) == ["before_window"]


def test_what_a_mere_presenter_says_of_a_vehicle_books_nothing(buyer: Party, stranger: Party) -> None:
    start = datetime.now(UTC) + timedelta(days=2)
    order, pro = buyer.active(delivery_window={"start": rfc3339(start), "end": rfc3339(start + HOUR)}), xpo()
    stated(buyer, mandatory_gate_facts=["booking"])
    window = {"start": "2026-01-01T00:00:00Z", "end": ahead(days=9)}
    assert link(stranger, order, pro, trailer_number="HH-1", window=window).status_code == 201
    answer = ask(stranger, order["number"], delivery={"pro_number": pro, "trailer_number": "HH-2"})
    assert codes(answer) == ["no_booking", "before_window"]


# What is mandatory


MANDATORY = ["scac", "pro_number", "trailer_number", "ship_to", "seller", "quantities", "booking"]


def test_each_fact_that_the_gate_asks_for_holds_while_it_is_missing(buyer: Party, warehouse: Party) -> None:
    stated(warehouse, mandatory_gate_facts=MANDATORY)
    order, pro = buyer.active(ship_to={"organisation_id": warehouse.id}, lines=[{"sku": "A", "quantity": "1"}]), xpo()
    made = linked(buyer, order, "CNWY", pro)
    answer = ask(warehouse, order["number"], delivery={"ship_to": {"organisation_id": warehouse.id}})
    assert (answer["verdict"], fields(answer)) == (
        "hold",
        [
            ("pro_number_missing", "delivery.pro_number"),
            ("delivery_mismatch", "delivery.scac"),
            ("delivery_mismatch", "delivery.trailer_number"),
            ("no_booking", None),
            ("delivery_mismatch", "delivery.seller"),
            ("delivery_mismatch", "delivery.quantities"),
        ],
    )
    assert {refusal["verdict"] for refusal in answer["refusals"]} == {"hold"}
    trailer = answer["refusals"][2]
    assert trailer["detail"] == "This gate asks for the trailer number of a delivery, and none was given."
    assert trailer["next_step"]["description"].startswith("Ask the driver")
    assert trailer["next_step"]["contact"]["phone"] == "+49 40 555 0142"
    window = {"start": ahead(hours=-1), "end": ahead(hours=1)}
    assert link(buyer, order, made["pro_number"], window=window).status_code == 200
    whole = {
        "scac": "CNWY",
        "pro_number": pro,
        "trailer_number": "HH-1",
        "ship_to": {"organisation_id": warehouse.id},
        "seller": "S-1",
        "quantities": [{"line": 1, "quantity": "1"}],
    }
    assert ask(warehouse, order["number"], delivery=whole)["verdict"] == "accept"


@pytest.mark.parametrize("delivery", [None, {}])
def test_a_bare_scan_stays_one_whatever_the_gate_asks_of_deliveries(
    buyer: Party, warehouse: Party, delivery: Any
) -> None:
    stated(warehouse, mandatory_gate_facts=MANDATORY)
    number = buyer.active(ship_to={"organisation_id": warehouse.id})["number"]
    assert ask(warehouse, number, delivery=delivery)["verdict"] == "accept"


def test_a_presenter_is_told_what_the_gate_asks_for(buyer: Party, warehouse: Party, stranger: Party) -> None:
    stated(warehouse, mandatory_gate_facts=["trailer_number"])
    number = buyer.active(ship_to={"organisation_id": warehouse.id})["number"]
    answer = ask(stranger, number, delivery={"scac": "CNWY"})
    assert [refusal["detail"] for refusal in answer["refusals"]] == [
        "This gate asks for the trailer number of a delivery, and none was given."
    ]
    assert answer["order"] is None


def test_the_gate_goes_by_the_policy_of_the_ship_to_or_of_the_buyer_where_there_is_none(
    buyer: Party, seller: Party, warehouse: Party
) -> None:
    for party, fact in ((buyer, "scac"), (seller, "seller"), (warehouse, "trailer_number")):
        stated(party, mandatory_gate_facts=[fact])
    parties = {"seller": {"organisation_id": seller.id}}
    shipped = buyer.active(**parties, ship_to={"organisation_id": warehouse.id})["number"]
    kept = buyer.active(**parties, ship_to={"name": "Somewhere"})["number"]
    for party in (buyer, seller, warehouse):
        assert fields(ask(party, shipped, delivery={"pro_number": "1"})) == [
            ("delivery_mismatch", "delivery.trailer_number")
        ]
    assert fields(ask(buyer, kept, delivery={"pro_number": "1"})) == [("delivery_mismatch", "delivery.scac")]


# What only holds


@pytest.mark.parametrize(
    ("fact", "wrong", "code"),
    [
        ("scac", {"scac": "ODFL"}, "delivery_mismatch"),
        ("pro_number", {"pro_number": "999-999990"}, "pro_number_mismatch"),
        ("trailer_number", {"trailer_number": "X"}, "delivery_mismatch"),
        ("ship_to", {"ship_to": "MUC-1"}, "delivery_mismatch"),
        ("seller", {"seller": "S-1"}, "delivery_mismatch"),
        ("quantities", {"quantities": [{"line": 1, "quantity": "11"}]}, "delivery_mismatch"),
        ("booking", {"at": "late"}, "after_window"),
    ],
)
def test_a_contradiction_that_the_policy_only_holds_is_held(
    booked: Booked, warehouse: Party, fact: str, wrong: dict[str, Any], code: str
) -> None:
    at = booked.end if wrong.pop("at", None) else None
    before = booked.ask(warehouse, at, **wrong)
    assert (before["verdict"], shown(before)) == ("reject", [(code, "reject")])
    stated(warehouse, gate_facts_that_hold=[fact])
    after = booked.ask(warehouse, at, **wrong)
    assert (after["verdict"], shown(after)) == ("hold", [(code, "hold")])
    assert fields(after) == fields(before)


def test_what_rejects_stands_before_what_the_policy_holds(booked: Booked, warehouse: Party) -> None:
    stated(warehouse, gate_facts_that_hold=["pro_number"])
    answer = booked.ask(warehouse, pro_number="999-999990", ship_to="MUC-1")
    assert (answer["verdict"], shown(answer)) == (
        "reject",
        [("delivery_mismatch", "reject"), ("pro_number_mismatch", "hold")],
    )


def test_a_gate_may_ignore_windows(booked: Booked, warehouse: Party) -> None:
    stated(warehouse, delivery_window_at_gate="ignored")
    for at in (booked.start - HOUR, booked.end):
        answer = booked.ask(warehouse, at)
        assert (answer["verdict"], answer["valid_until"]) == ("accept", None)


# Over time


def test_the_policy_that_counts_is_the_one_in_force_at_the_moment_that_is_asked_about(
    buyer: Party, warehouse: Party
) -> None:
    change = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
    stated(warehouse, mandatory_gate_facts=["pro_number", "scac"])
    stated(warehouse, mandatory_gate_facts=[], effective_from=rfc3339(change))
    number = buyer.active(ship_to={"organisation_id": warehouse.id})["number"]
    told = {"trailer_number": "HH-1"}
    for at, expected, until in (
        (None, ["pro_number_missing", "delivery_mismatch"], rfc3339(change)),
        (change - HOUR, ["pro_number_missing", "delivery_mismatch"], rfc3339(change)),
        (change, [], None),
        (change + 9 * HOUR, [], None),
        # What has passed is taken for now.
        (change - timedelta(days=30), ["pro_number_missing", "delivery_mismatch"], rfc3339(change)),
    ):
        answer = ask(warehouse, number, at=None if at is None else rfc3339(at), delivery=told)
        assert codes(answer) == expected
        if until is not None:
            assert answer["valid_until"] == until


def test_each_item_of_a_batch_is_held_to_the_policy_of_its_own_gate_and_moment(
    buyer: Party, warehouse: Party, party: Callable[..., Party]
) -> None:
    other = party("Other warehouse")
    change = ahead(days=3)
    stated(warehouse, mandatory_gate_facts=["scac"])
    stated(warehouse, mandatory_gate_facts=[], effective_from=change)
    here = buyer.active(ship_to={"organisation_id": warehouse.id})["number"]
    there = buyer.active(ship_to={"organisation_id": other.id})["number"]
    told = {"trailer_number": "HH-1"}
    inputs = [
        {"input": here, "delivery": told},
        {"input": there, "delivery": told},
        {"input": here, "delivery": told, "at": ahead(days=4)},
    ]
    results = buyer.post(f"{VALIDATIONS}/batch", {"inputs": inputs}).json()["results"]
    assert [codes(one) for one in results] == [
        ["delivery_mismatch"],
        ["pro_number_missing"],
        ["duplicate_in_request"],
    ]


# What else there is


def test_a_carrier_in_trouble_excuses_the_vehicle_and_its_lateness_but_not_the_orders_life(
    booked: Booked, buyer: Party, warehouse: Party
) -> None:
    warehouse.put("/v1/carriers/CNWY", {"disrupted": True, "disruption_reason": "Strike."})
    late = booked.ask(warehouse, booked.end)
    assert (late["verdict"], fields(late)) == ("hold", [("carrier_disrupted", None)])
    other = booked.ask(warehouse, booked.end, trailer_number="X")
    assert (other["verdict"], codes(other)) == ("hold", ["carrier_disrupted"])
    buyer.act(booked.order, "cancel")
    ended = booked.ask(warehouse, booked.end)
    assert (ended["verdict"], codes(ended)) == ("reject", ["cancelled", "carrier_disrupted"])


def test_the_gate_expects_what_receiving_will_take(buyer: Party, warehouse: Party) -> None:
    stated(buyer, receipt_tolerance="0.05")
    booked = Booked(buyer, warehouse)
    stated(buyer)
    fits = {"quantities": [{"line": 1, "quantity": "10.5"}]}
    assert booked.ask(warehouse, **fits)["verdict"] == "accept"
    answer = booked.ask(warehouse, quantities=[{"line": 1, "quantity": "10.6"}])
    assert fields(answer) == [("delivery_mismatch", "delivery.quantities.0.quantity")]


def test_a_delivery_that_the_gate_holds_is_not_received(booked: Booked, warehouse: Party) -> None:
    answer = warehouse.post(
        VALIDATIONS, {"input": booked.order["number"], "delivery": booked.delivery, "receive": {}}
    ).json()
    assert (codes(answer), answer["receipt"]) == (["before_window"], None)
