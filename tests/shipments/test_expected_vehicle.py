"""The vehicle that is expected with a PRO number: said when it is linked, and said anew by linking again."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.parties import Party, ahead
from tests.shipments.waybills import linked, timeline, unlink, xpo

WINDOW = {"start": "2036-03-01T06:00:00Z", "end": "2036-03-01T08:00:00Z"}
VEHICLE: dict[str, Any] = {"trailer_number": "HH-AB-1234", "window": WINDOW}
ANOTHER = {"start": "2036-03-02T06:00:00Z", "end": "2036-03-02T08:00:00Z"}


def link(party: Party, order: dict[str, Any], pro: str, **vehicle: Any) -> httpx.Response:
    body = {"scac": "CNWY", "pro_number": pro, **vehicle}
    return party.post(f"/v1/purchase-orders/{order['number']}/pro-numbers", body)


def shown(party: Party, order: dict[str, Any]) -> list[tuple[Any, Any]]:
    answer = party.get(f"/v1/purchase-orders/{order['id']}/pro-numbers")
    assert answer.status_code == 200, answer.text
    return [(one["trailer_number"], one["window"]) for one in answer.json()["data"]]


def events(party: Party, order: dict[str, Any]) -> list[tuple[str, Any]]:
    return [
        (event["type"], event["data"]) for event in timeline(party, order) if event["type"].startswith("pro_number")
    ]


def test_the_vehicle_is_shown_to_every_party_of_the_order(
    buyer: Party, seller: Party, warehouse: Party, forwarder: Party
) -> None:
    order, pro = (
        buyer.issue(
            seller={"organisation_id": seller.id},
            ship_to={"organisation_id": warehouse.id},
            forwarders=[{"organisation_id": forwarder.id}],
        ),
        xpo(),
    )
    made = link(forwarder, order, pro, **VEHICLE)
    assert made.status_code == 201
    assert {name: made.json()[name] for name in VEHICLE} == VEHICLE
    for party in (buyer, seller, warehouse, forwarder):
        assert shown(party, order) == [("HH-AB-1234", WINDOW)]
        assert events(party, order) == [("pro_number.linked", {"scac": "CNWY", "pro_number": pro, **VEHICLE})]


def test_linking_again_changes_what_is_said_anew_and_leaves_the_rest(buyer: Party) -> None:
    order, pro = buyer.issue(), xpo()
    linked(buyer, order, "CNWY", pro)
    for vehicle, expected in (
        ({"trailer_number": "HH-AB-1234"}, ("HH-AB-1234", None)),
        ({"window": WINDOW}, ("HH-AB-1234", WINDOW)),
        ({"window": ANOTHER, "trailer_number": "HH-1"}, ("HH-1", ANOTHER)),
        ({"trailer_number": None}, (None, ANOTHER)),
        ({"window": None}, (None, None)),
    ):
        answer = link(buyer, order, pro, **vehicle)
        assert (answer.status_code, answer.json()["linked"]) == (200, True)
        assert shown(buyer, order) == [expected]
        said = {name: value for name, value in zip(VEHICLE, expected, strict=True) if value}
        assert events(buyer, order)[-1] == ("pro_number.changed", {"scac": "CNWY", "pro_number": pro, **said})


@pytest.mark.parametrize("again", [VEHICLE, {}, {"trailer_number": "HH-AB-1234"}])
def test_linking_again_with_nothing_new_is_no_change_and_no_event(buyer: Party, again: dict[str, Any]) -> None:
    order, pro = buyer.issue(), xpo()
    link(buyer, order, pro, **VEHICLE)
    before = buyer.get(f"/v1/purchase-orders/{order['id']}").json()["version"]
    assert link(buyer, order, pro, **again).status_code == 200
    assert shown(buyer, order) == [("HH-AB-1234", WINDOW)]
    assert buyer.get(f"/v1/purchase-orders/{order['id']}").json()["version"] == before
    assert len(events(buyer, order)) == 1


def test_an_order_that_expects_no_goods_takes_no_other_vehicle(buyer: Party) -> None:
    order, pro = buyer.issue(), xpo()
    link(buyer, order, pro, **VEHICLE)
    buyer.act(order, "cancel")
    assert link(buyer, order, pro, **VEHICLE).status_code == 200
    refused = link(buyer, order, pro, trailer_number="HH-1")
    assert (refused.status_code, refused.json()["code"]) == (409, "invalid_transition")
    assert shown(buyer, order) == [("HH-AB-1234", WINDOW)]


def test_another_organisation_cannot_move_the_vehicle_of_a_claimed_pro_number(buyer: Party, seller: Party) -> None:
    order, pro = buyer.issue(seller={"organisation_id": seller.id}), xpo()
    link(buyer, order, pro, **VEHICLE)
    refused = link(seller, order, pro, trailer_number="HH-1")
    assert (refused.status_code, refused.json()["code"]) == (409, "pro_number_claimed")
    assert shown(buyer, order) == [("HH-AB-1234", WINDOW)]


def test_unlinking_shows_the_vehicle_that_was_and_takes_it_with_it(buyer: Party) -> None:
    order, pro = buyer.issue(), xpo()
    link(buyer, order, pro, **VEHICLE)
    gone = unlink(buyer, order, "CNWY", pro).json()
    assert (gone["trailer_number"], gone["window"], gone["linked"]) == ("HH-AB-1234", WINDOW, False)
    linked(buyer, order, "CNWY", pro)
    assert shown(buyer, order) == [(None, None)]


@pytest.mark.parametrize(
    ("vehicle", "field", "rule"),
    [
        ({"trailer_number": ""}, ["trailer_number"], "string_too_short"),
        ({"trailer_number": "A B"}, ["trailer_number"], "string_pattern_mismatch"),
        ({"trailer_number": "A" * 33}, ["trailer_number"], "string_too_long"),
        ({"window": {"start": WINDOW["start"]}}, ["window", "end"], "missing"),
        ({"window": {"start": WINDOW["end"], "end": WINDOW["start"]}}, ["window"], "date_order"),
        ({"window": {**WINDOW, "from": WINDOW["start"]}}, ["window", "from"], "extra_forbidden"),
        ({"trailer": "HH-1"}, ["trailer"], "extra_forbidden"),
    ],
)
def test_a_vehicle_that_cannot_be_read_names_the_field_and_the_rule(
    buyer: Party, vehicle: dict[str, Any], field: list[str], rule: str
) -> None:
    answer = link(buyer, buyer.issue(), xpo(), **vehicle)
    assert answer.status_code == 422
    (fault,) = answer.json()["errors"]
    assert (fault["loc"], fault["code"]) == (["body", *field], rule)


def test_one_vehicle_that_is_said_many_times_at_once_is_one_change(buyer: Party) -> None:
    order, pro = buyer.issue(), xpo()
    linked(buyer, order, "CNWY", pro)
    body = {"scac": "CNWY", "pro_number": pro, "trailer_number": "HH-1", "window": {**WINDOW, "end": ahead(days=9999)}}

    async def race() -> list[httpx.Response]:
        async with buyer.asynchronous() as client:
            path = f"/v1/purchase-orders/{order['id']}/pro-numbers"
            return await asyncio.gather(*(client.post(path, json=body) for _ in range(8)))

    answers = asyncio.run(race())
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["trailer_number"] for answer in answers} == {"HH-1"}
    assert [type_ for type_, _ in events(buyer, order)] == ["pro_number.linked", "pro_number.changed"]
