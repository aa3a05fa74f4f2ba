"""Every limit of a booking's fields: taken at the limit, refused one beyond, with the field and the rule named."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.deliveries.bookings import PATH, against, body, book, booked, shipment, step
from tests.parties import Party, ahead

Make = Callable[..., dict[str, Any]]
SHIPMENT = ["body", "shipments", 0]
LARGEST = 2**31 - 1


def told(**said: Any) -> dict[str, Any]:
    """What of a booking is said in the order of its nesting: fields of the shipment by `s_`."""
    return said


AT_THE_LIMIT = [
    told(s_pallets=1, s_cartons=1, s_units=1),
    told(s_pallets=10, s_cartons=10, s_units=10),
    told(s_pallets=LARGEST, s_cartons=LARGEST, s_units=LARGEST),
    told(load_type="floor_loaded", s_pallets=0, s_cartons=1, s_units=1),
    told(load_type="parcel", s_pallets=0, s_cartons=1, s_units=1),
    told(load_type="parcel", s_pallets=1, s_cartons=1, s_units=1),
    told(s_bol="B"),
    told(s_bol="B" * 30),
    told(comments="c"),
    told(comments="c" * 500),
    told(comments=f" {'c' * 500} "),
    told(trailer_number="T"),
    told(trailer_number="aZ09_-" + "x" * 26),
    told(s_pro_number="X" + "7" * 29),
    told(s_scac="qb"),
    told(s_freight_terms="f" * 200),
]
BEYOND = [
    (told(s_pallets=0), [*SHIPMENT, "pallets"], "pallets_needed"),
    (told(s_pallets=-1), [*SHIPMENT, "pallets"], "greater_than_equal"),
    (told(load_type="floor_loaded", s_pallets=1), [*SHIPMENT, "pallets"], "no_pallets"),
    (told(s_pallets=11, s_cartons=10), [*SHIPMENT, "pallets"], "more_than_cartons"),
    (told(s_cartons=101, s_units=100), [*SHIPMENT, "cartons"], "more_than_units"),
    (told(load_type="parcel", s_pallets=0, s_cartons=0, s_units=0), [*SHIPMENT, "cartons"], "cartons_needed"),
    (told(s_units=LARGEST + 1), [*SHIPMENT, "units"], "less_than_equal"),
    (told(s_cartons="10"), [*SHIPMENT, "cartons"], "int_type"),
    (told(s_cartons=True), [*SHIPMENT, "cartons"], "int_type"),
    (told(s_cartons=1.5), [*SHIPMENT, "cartons"], "int_type"),
    (told(s_bol=""), [*SHIPMENT, "bol"], "string_too_short"),
    (told(s_bol="B" * 31), [*SHIPMENT, "bol"], "string_too_long"),
    (told(s_bol="B\x00"), [*SHIPMENT, "bol"], "control_character"),
    (told(s_bol="two\nlines"), [*SHIPMENT, "bol"], "string_pattern_mismatch"),
    (told(comments="c" * 501), ["body", "comments"], "string_too_long"),
    (told(comments="\x00"), ["body", "comments"], "control_character"),
    (told(trailer_number="x" * 33), ["body", "trailer_number"], "string_too_long"),
    (told(trailer_number=""), ["body", "trailer_number"], "string_too_short"),
    (told(trailer_number="HH AB"), ["body", "trailer_number"], "string_pattern_mismatch"),
    (told(trailer_number="HH-\u00c4"), ["body", "trailer_number"], "string_pattern_mismatch"),
    (told(trailer_number="\u0410\u0412"), ["body", "trailer_number"], "string_pattern_mismatch"),
    (told(load_type="loose"), ["body", "load_type"], "enum"),
    (told(s_purchase_orders=[]), [*SHIPMENT, "purchase_orders"], "too_short"),
    (told(s_purchase_orders=[5]), [*SHIPMENT, "purchase_orders", 0], "model_attributes_type"),
    (told(s_purchase_orders=[{"number": "1", "by": 1}]), [*SHIPMENT, "purchase_orders", 0, "by"], "extra_forbidden"),
    (told(shipments=[]), ["body", "shipments"], "too_short"),
    (told(window={"start": "2036-01-01T00:00:00Z", "end": "2036-01-01T00:00:00Z"}), ["body", "window"], "date_order"),
    (told(window={"start": "2026-01-01", "end": "2036-01-01"}), ["body", "window", "start"], "rfc_3339"),
    (told(ship_to={}), ["body", "ship_to"], "party"),
    (told(contact={"name": "Dispatch"}), ["body", "contact"], "value_error"),
    (told(partial=None), ["body", "partial"], "bool_type"),
    (told(gate=1), ["body", "gate"], "extra_forbidden"),
]


def request(number: str, said: dict[str, Any]) -> dict[str, Any]:
    of_shipment = {name.removeprefix("s_"): value for name, value in said.items() if name.startswith("s_")}
    rest = {name: value for name, value in said.items() if not name.startswith("s_")}
    return {**body(shipment(number, **of_shipment)), **rest}


@pytest.mark.parametrize("said", AT_THE_LIMIT, ids=str)
def test_what_is_at_the_limit_is_taken(said: dict[str, Any], buyer: Party) -> None:
    answer = buyer.post(PATH, request(buyer.active()["number"], said))
    assert answer.status_code == 201, answer.text
    shown = answer.json()
    for name, value in said.items():
        if name in {"comments", "trailer_number", "load_type"}:
            assert shown[name] == value.strip()
        elif name != "s_scac":
            assert shown["shipments"][0][name.removeprefix("s_")] == value


@pytest.fixture(scope="module")
def number(server: str, operator: Any) -> str:
    with operator.new_party("Limits") as party:
        return str(party.active()["number"])


@pytest.mark.parametrize(("said", "loc", "code"), BEYOND, ids=lambda value: str(value)[:60])
def test_one_beyond_is_refused_and_the_field_is_named(
    said: dict[str, Any], loc: list[Any], code: str, operator: Any, number: str
) -> None:
    answer = operator.post(PATH, request(number, said))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), answer.text
    assert (loc, code) in [(fault["loc"], fault["code"]) for fault in answer.json()["errors"]], answer.text


def test_pro_numbers_beyond_their_limit_are_told_with_their_rule(buyer: Party) -> None:
    order = buyer.active()
    for said, rule in (
        ({"pro_number": "7" * 31}, "too_long"),
        ({"pro_number": ""}, "empty"),
        ({"pro_number": "§7"}, "characters"),
        ({"scac": "CNWY", "pro_number": "123-456783"}, "check_digit"),
    ):
        answer = book(buyer, shipment(order, **said))
        assert against(answer) == {(0, None): ["invalid_pro_number"]}
        assert answer.json()["results"][0]["problems"][0]["rule"] == rule


def test_five_hundred_orders_are_the_most(buyer: Party) -> None:
    numbers = [f"NONE-{index}" for index in range(501)]
    for parts in ([shipment(*numbers[:251]), shipment(*numbers[251:])], [shipment(*numbers)]):
        answer = book(buyer, *parts)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert {
        fault["code"] for fault in book(buyer, shipment(*numbers[:251]), shipment(*numbers[251:])).json()["errors"]
    } == {"too_many_purchase_orders"}
    refused = against(book(buyer, shipment(*numbers[:500])))
    assert len(refused) == 500
    made = booked(buyer, shipment(buyer.active()))
    more = step(buyer, made, "shipments", **shipment(*numbers[:500]))
    assert (more.status_code, more.json()["errors"][0]["code"]) == (422, "too_many_purchase_orders")


def test_a_window_that_is_over_is_refused_and_one_that_has_begun_is_not(buyer: Party) -> None:
    over = book(buyer, shipment(buyer.active()), window={"start": ahead(hours=-2), "end": ahead(hours=-1)})
    assert (over.status_code, over.json()["errors"][0]["loc"]) == (422, ["body", "window", "end"])
    booked(buyer, shipment(buyer.active()), window={"start": ahead(hours=-2), "end": ahead(hours=1)})


def test_every_wrong_count_of_every_shipment_is_named_at_once(buyer: Party) -> None:
    parts = [shipment("1", pallets=0), shipment("2", cartons=1, units=0), shipment("3")]
    errors = book(buyer, *parts).json()["errors"]
    assert [(fault["loc"][2:], fault["code"]) for fault in errors] == [
        ([0, "pallets"], "pallets_needed"),
        ([1, "pallets"], "more_than_cartons"),
        ([1, "cartons"], "more_than_units"),
    ]
