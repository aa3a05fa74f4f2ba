"""An order is found by the numbers of its delivery, by those whom it names."""

from collections.abc import Callable
from typing import Any

from tests.deliveries.bookings import booked, done, shipment
from tests.parties import Party

Make = Callable[..., dict[str, Any]]


def found(party: Party, q: str) -> list[tuple[str, str, str]]:
    answer = party.get("/v1/lookup", params={"q": q})
    assert answer.status_code == 200, answer.text
    return [(one["number"], by["field"], by["value"]) for one in answer.json()["data"] for by in one["found_by"]]


def test_an_order_is_found_by_the_numbers_of_its_delivery(
    at_warehouse: Make, forwarder: Party, warehouse: Party, seller: Party, stranger: Party
) -> None:
    orders = [at_warehouse() for _ in range(2)]
    made = booked(forwarder, shipment(*orders))
    confirmed = done(warehouse, made, "confirm")
    for field in ("booking_number", "appointment_number"):
        number = confirmed[field]
        for text in (number, f" {number.lower().replace('-', ' ')} "):
            for party in (forwarder, warehouse, seller):
                assert sorted(found(party, text)) == sorted((order["number"], field, number) for order in orders)
            assert found(stranger, text) == []
    done(forwarder, made, "cancel")
    assert found(seller, made["booking_number"]) == []


def test_a_text_that_no_database_takes_finds_nothing(buyer: Party) -> None:
    assert found(buyer, "DB-\x00") == []
