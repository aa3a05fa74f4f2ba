"""Lists of bookings: each party finds its own, by everything that stands on the papers."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.session import Database
from app.deliveries.repository import Booking, Filters
from tests.deliveries.bookings import PATH, booked, done, shipment, window
from tests.parties import Party
from tests.shipments.waybills import any_shape

Make = Callable[..., dict[str, Any]]


def listed(party: Party, **filters: Any) -> list[str]:
    answer = party.get(PATH, params=filters)
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["data"]]


def test_a_booking_is_found_by_everything_on_its_papers_and_by_nothing_else(
    at_warehouse: Make, forwarder: Party, warehouse: Party, stranger: Party, buyer: Party
) -> None:
    order, bol, when = at_warehouse(), f"BOL {any_shape()}", window(days=3)
    part = shipment(order, bol=bol)
    made = booked(forwarder, part, window=when, ship_to={"organisation_id": warehouse.id, "code": "HAM-2"})
    other = booked(forwarder, shipment(at_warehouse(), scac="QXZC"), window=window(days=9))
    confirmed = done(warehouse, made, "confirm")
    found_by = {
        "status": "confirmed",
        "ship_to": "HAM-2",
        "window_from": when["start"],
        "window_to": window(days=4)["start"],
        "scac": part["scac"].lower(),
        "pro_number": f"{part['pro_number'][:4]}-{part['pro_number'][4:]}".lower(),
        "bol": bol.lower().replace(" ", "-"),
        "appointment_number": confirmed["appointment_number"].lower(),
        "number": f"po {order['number'][3:]}",
        "booking_number": made["booking_number"].lower(),
    }
    missed_by = {
        "status": "arrived",
        "ship_to": "HAM-3",
        "window_from": window(days=10)["start"],
        "window_to": when["start"],
        "scac": "QXZD",
        "pro_number": "0815",
        "bol": "0815",
        "appointment_number": "0815",
        "number": "0815",
        "booking_number": "0815",
    }
    for party in (forwarder, warehouse):
        assert listed(party) == [other["id"], made["id"]]
        for name, value in found_by.items():
            assert made["id"] in listed(party, **{name: value}), name
            assert made["id"] not in listed(party, **{name: missed_by[name]}), name
        assert listed(party, **found_by) == [made["id"]]
        assert listed(party, ship_to=warehouse.id) == [other["id"], made["id"]]
        assert listed(party, scac="QXZC", pro_number=part["pro_number"]) == []
    assert listed(forwarder, role="warehouse") == listed(warehouse, role="booker") == []
    assert listed(forwarder, role="booker") == listed(warehouse, role="warehouse") == [other["id"], made["id"]]
    for party in (stranger, buyer):
        assert listed(party) == []
        assert listed(party, booking_number=made["booking_number"]) == []


def test_pages_follow_one_another_without_a_gap(at_warehouse: Make, forwarder: Party, warehouse: Party) -> None:
    made = [booked(forwarder, shipment(at_warehouse()))["id"] for _ in range(5)]
    for party in (forwarder, warehouse):
        seen: list[str] = []
        path: str | None = f"{PATH}?limit=2"
        while path is not None:
            answer = party.get(path)
            seen += [one["id"] for one in answer.json()["data"]]
            path = answer.links["next"]["url"] if "next" in answer.links else None
        assert seen == made[::-1]


def test_a_filter_that_cannot_be_is_refused_by_its_name(buyer: Party) -> None:
    for name, value in (
        ("scac", "1"),
        ("pro_number", "§"),
        ("status", "lost"),
        ("window_from", "today"),
        ("number", "\u00a7" * 50),
        ("role", "owner"),
        ("cursor", "x"),
    ):
        answer = buyer.get(PATH, params={name: value})
        assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (422, ["query", name]) or name == "status"
        assert answer.status_code == 422
    for value in ("a\x00b", "\x00"):
        assert buyer.get(PATH, params={"booking_number": value}).status_code == 422


@pytest.mark.parametrize(
    ("index", "condition"),
    [
        ("pk_delivery_bookings", lambda party: Booking.organisation_id == party),
        ("ix_delivery_bookings_warehouse_id_id", lambda party: Booking.warehouse_id == party),
        *(
            (f"ix_delivery_bookings_{column}", lambda party, filters=filters: next(iter(filters.conditions(party))))
            for column, filters in (
                ("number_keys", Filters(number_keys=["PO1"])),
                ("pro_numbers", Filters(pro_number="X", scac="CNWY")),
                ("bols", Filters(bol="X")),
                ("booking_number", Filters(booking_number="DB-1")),
                ("appointment_number", Filters(appointment_number="1")),
            )
        ),
    ],
)
async def test_each_way_to_a_booking_is_walked_along_an_index_of_its_own(
    index: str, condition: Callable[[UUID], Any], database: Database
) -> None:
    async def plan(connection: AsyncConnection) -> str:
        for setting in ("seqscan", "sort"):
            await connection.execute(text(f"SET LOCAL enable_{setting} = off"))
        walk = select(Booking.id).where(condition(UUID(int=1)))
        if index.endswith(("bookings", "_id")):
            walk = walk.order_by(Booking.id.desc()).limit(50)
        written = walk.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
        return "\n".join(row[0] for row in await connection.exec_driver_sql(f"EXPLAIN {written}"))

    assert index in await database.change(plan)
