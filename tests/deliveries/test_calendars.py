"""Calendars over HTTP: who keeps one, what is wrong with one, and who is told what is free."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest

from app.deliveries.calendar_errors import OutsideCalendar
from tests.databases import patient
from tests.deliveries.docks import (
    EVERY_DAY,
    LOCATION,
    Bookings,
    content,
    keep,
    many_connections,
    starts,
    tomorrow,
    window,
    written,
)
from tests.parties import Party, ahead

CALENDAR = f"/v1/locations/{LOCATION}/calendar"
SLOTS = f"/v1/locations/{LOCATION}/slots"

Sql = Callable[..., list[Any]]


def slots(party: Party, path: str = SLOTS, **query: Any) -> list[dict[str, Any]]:
    answer = party.get(path, params=query)
    assert answer.status_code == 200, answer.text
    data: list[dict[str, Any]] = answer.json()["data"]
    return data


def booked(database_url: str, warehouse: Party, *windows: Any, location: str = LOCATION) -> list[UUID]:
    async def book() -> list[UUID]:
        async with many_connections(database_url, 2) as database:
            bookings = Bookings(database, warehouse, location)
            outcomes = [await bookings.take(one) for one in windows]
            assert [problem for _, problem in outcomes] == [None] * len(windows)
            return [booking for booking, _ in outcomes]

    return asyncio.run(book())


def refused(database_url: str, warehouse: Party, wanted: Any) -> Any:
    async def book() -> Any:
        async with many_connections(database_url, 2) as database:
            return (await Bookings(database, warehouse).take(wanted))[1]

    return asyncio.run(book())


def test_a_calendar_is_kept_read_by_any_spelling_replaced_by_its_etag_and_deleted(warehouse: Party, sql: Sql) -> None:
    said = content(
        time_zone="Europe/Berlin",
        exceptions=[{"date": "2036-12-25"}, {"date": "2036-12-24", "name": "Eve", "hours": EVERY_DAY["monday"]}],
        book_ahead={"at_least": "PT4H"},
    )
    made = warehouse.put(CALENDAR, said)
    assert (made.status_code, made.headers["ETag"]) == (201, '"1"')
    shown = warehouse.get("/v1/locations/%20ham-2%20/calendar")
    assert shown.json() == made.json()
    assert [one["date"] for one in shown.json()["exceptions"]] == ["2036-12-24", "2036-12-25"]
    assert shown.json()["book_ahead"] == {"at_least": "PT4H", "at_most": "P90D"}
    assert warehouse.get(CALENDAR, headers={"If-None-Match": '"1"'}).status_code == 304

    assert warehouse.put(CALENDAR, content()).json()["code"] == "precondition_required"
    assert warehouse.put(CALENDAR, content(), headers={"If-Match": '"7"'}).json()["code"] == "precondition_failed"
    changed = warehouse.put(CALENDAR, content(capacity=3), headers={"If-Match": '"1"'})
    assert (changed.status_code, changed.json()["capacity"], changed.json()["version"]) == (200, 3, 2)
    assert changed.json()["exceptions"] == []

    assert warehouse.http.delete(CALENDAR).json()["code"] == "precondition_required"
    assert warehouse.http.delete(CALENDAR, headers={"If-Match": '"1"'}).json()["code"] == "precondition_failed"
    assert warehouse.http.delete(CALENDAR, headers={"If-Match": '"2"'}).json() == changed.json()
    assert warehouse.get(CALENDAR).status_code == 404
    assert warehouse.http.delete(CALENDAR, headers={"If-Match": "*"}).status_code == 404
    assert warehouse.put(CALENDAR, content(), headers={"If-Match": '"2"'}).json()["code"] == "precondition_failed"
    again = warehouse.put(CALENDAR, content())
    # An ETag of the calendar that is gone never means the new one.
    assert (again.status_code, again.json()["version"]) == (201, 3)
    audit = sql("SELECT type FROM audit_events WHERE organisation_id = $1 ORDER BY id", UUID(warehouse.id))
    kept = [row["type"] for row in audit if row["type"].startswith("calendar.")]
    assert kept == ["calendar.stored", "calendar.stored", "calendar.deleted", "calendar.stored"]


def test_of_two_that_replace_a_calendar_at_once_or_first_keep_one_the_other_is_told(warehouse: Party) -> None:
    async def race(headers: dict[str, str]) -> list[int]:
        async with warehouse.asynchronous() as client:
            sent = [client.put(CALENDAR, json=content(capacity=n + 1), headers=headers) for n in range(8)]
            return sorted(answer.status_code for answer in await asyncio.gather(*sent))

    first = asyncio.run(race({}))
    assert first[0] == 201
    assert set(first[1:]) <= {412, 428}
    assert asyncio.run(race({"If-Match": '"1"'})) == [200] + [412] * 7


@pytest.mark.parametrize(
    ("said", "loc", "code"),
    [
        ({"time_zone": "Mars/Olympus"}, ["time_zone"], "time_zone"),
        ({"time_zone": "../../etc/passwd"}, ["time_zone"], "time_zone"),
        ({"time_zone": "Europe/Berlin\0"}, ["time_zone"], "time_zone"),
        ({"time_zone": "localtime"}, ["time_zone"], "time_zone"),
        ({"time_zone": "Еurope/Berlin"}, ["time_zone"], "time_zone"),
        ({"slot_minutes": 4}, ["slot_minutes"], "greater_than_equal"),
        ({"slot_minutes": 721}, ["slot_minutes"], "less_than_equal"),
        ({"slot_minutes": "60"}, ["slot_minutes"], "int_type"),
        ({"capacity": 0}, ["capacity"], "greater_than_equal"),
        ({"capacity": 201}, ["capacity"], "less_than_equal"),
        ({"capacity": True}, ["capacity"], "int_type"),
        ({"opening_hours": {"sunday ": []}}, ["opening_hours", "sunday "], "extra_forbidden"),
        ({"opening_hours": {"sunday": [{"opens": "24:00", "closes": "24:00"}]}}, None, "string_pattern_mismatch"),
        ({"opening_hours": {"sunday": [{"opens": "6:00", "closes": "24:00"}]}}, None, "string_pattern_mismatch"),
        (
            {"opening_hours": {"sunday": [{"opens": "22:00", "closes": "06:00"}]}},
            ["opening_hours", "sunday", 0, "closes"],
            "closes_before_it_opens",
        ),
        (
            {"opening_hours": {"sunday": [{"opens": "06:00", "closes": "14:30"}]}},
            ["opening_hours", "sunday", 0, "closes"],
            "no_whole_slots",
        ),
        (
            {
                "opening_hours": {
                    "sunday": [{"opens": "06:00", "closes": "14:00"}, {"opens": "13:00", "closes": "15:00"}]
                }
            },
            ["opening_hours", "sunday", 1, "closes"],
            "hours_overlap",
        ),
        ({"exceptions": [{"date": "2036-12-25"}] * 2}, ["exceptions", 1, "date"], "duplicate"),
        ({"exceptions": [{"date": "2036-02-30"}]}, ["exceptions", 0, "date"], "date_from_datetime_parsing"),
        ({"exceptions": [{"date": 0}]}, ["exceptions", 0, "date"], "date"),
        ({"book_ahead": {"at_most": "P367D"}}, ["book_ahead", "at_most"], "less_than_equal"),
        ({"book_ahead": {"at_least": "P91D"}}, ["book_ahead", "at_least"], "date_order"),
        ({"color": "blue"}, ["color"], "extra_forbidden"),
    ],
)
def test_what_is_wrong_with_a_calendar_is_named(
    warehouse: Party, said: dict[str, Any], loc: list[Any] | None, code: str
) -> None:
    answer = warehouse.put(CALENDAR, content(**said))
    assert answer.status_code == 422, answer.text
    (fault,) = answer.json()["errors"]
    assert fault["code"] == code
    assert loc is None or fault["loc"] == ["body", *loc]


def test_a_code_is_a_text_of_at_most_200_printable_characters(warehouse: Party) -> None:
    for code in ("%00", "%20", "x" * 201, "a%0Bb"):
        assert warehouse.put(f"/v1/locations/{code}/calendar", content()).status_code == 422, code
    for code in ("ß", "ＨＡＭ", "a b", "H%41M", "É", "x" * 200):
        made = warehouse.put(f"/v1/locations/{code}/calendar", content())
        assert made.status_code == 201, code
        assert (
            warehouse.get(f"/v1/locations/{quote(made.json()['location'].upper(), safe='')}/calendar").json()
            == made.json()
        )


def test_a_location_of_another_organisation_is_not_there(warehouse: Party, stranger: Party) -> None:
    keep(warehouse)
    for answer in (
        stranger.get(CALENDAR),
        stranger.get(SLOTS),
        stranger.http.delete(CALENDAR, headers={"If-Match": "*"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    # Its own of the same code is another one.
    assert keep(stranger, capacity=7)["capacity"] == 7
    assert warehouse.get(CALENDAR).json()["capacity"] == 1


def test_free_slots_are_those_that_can_be_booked_now(database_url: str, warehouse: Party) -> None:
    keep(warehouse, capacity=2, book_ahead={"at_least": "PT2H", "at_most": "P3D"})
    begin, end = written(tomorrow(6)), written(tomorrow(10))
    assert [one["free"] for one in slots(warehouse, **{"from": begin, "to": end})] == [2, 2, 2, 2]
    booked(database_url, warehouse, window(tomorrow(7)), window(tomorrow(7)), window(tomorrow(8), 2))
    assert slots(warehouse, **{"from": begin, "to": end}) == [
        {"start": written(tomorrow(6)), "end": written(tomorrow(7)), "capacity": 2, "free": 2},
        {"start": written(tomorrow(8)), "end": written(tomorrow(9)), "capacity": 2, "free": 1},
        {"start": written(tomorrow(9)), "end": written(tomorrow(10)), "capacity": 2, "free": 1},
    ]
    everything = slots(warehouse, limit=200)
    # From two hours ahead to three days ahead, by the hour, less the one that is full.
    assert 68 <= len(everything) <= 70
    assert ahead(hours=2) <= everything[0]["start"] <= ahead(hours=3, minutes=1)
    assert ahead(days=3, hours=-1, minutes=-1) <= everything[-1]["start"] <= ahead(days=3)
    assert slots(warehouse, **{"from": ahead(days=4), "to": ahead(days=5)}) == []


def test_free_slots_come_in_pages(warehouse: Party) -> None:
    keep(warehouse)
    query = {"from": written(tomorrow(0)), "to": written(tomorrow(7)), "limit": 3}
    found: list[str] = []
    answer = warehouse.get(SLOTS, params=query)
    while True:
        found += [one["start"] for one in answer.json()["data"]]
        if answer.json()["next_cursor"] is None:
            break
        assert 'rel="next"' in answer.headers["Link"]
        answer = warehouse.get(SLOTS, params={**query, "cursor": answer.json()["next_cursor"]})
    assert found == [written(tomorrow(hour)) for hour in range(7)]
    for cursor in ("x", "AmJsdWU", "AjIwMzYtMDEtMDE"):
        assert warehouse.get(SLOTS, params={**query, "cursor": cursor}).json()["errors"][0]["code"] == "invalid_cursor"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"from": "2036-01-01T00:00:00Z", "to": "2036-01-01T00:00:00Z"}, "date_order"),
        ({"to": "2020-01-01T00:00:00Z"}, "date_order"),
        ({"to": "2036-01-01T00:00:00Z"}, "range_too_long"),
        ({"from": "2020-01-01T00:00:00Z", "to": "9999-12-31T23:59:59Z"}, "range_too_long"),
        ({"from": "yesterday"}, "rfc_3339"),
        ({"form": "2036-01-01T00:00:00Z"}, "unknown_parameter"),
    ],
)
def test_a_range_that_cannot_be_asked_for_is_named(warehouse: Party, query: dict[str, str], code: str) -> None:
    keep(warehouse)
    answer = warehouse.get(SLOTS, params=query)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["code"] == code


@pytest.mark.parametrize("instant", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-00:00"])
def test_the_ends_of_time_are_no_fault_of_the_service(warehouse: Party, instant: str) -> None:
    keep(warehouse)
    assert warehouse.get(SLOTS, params={"from": instant}).status_code in {200, 422}
    assert warehouse.get(SLOTS, params={"to": instant}).status_code == 422


class TestWhoShips:
    @pytest.fixture
    def order(self, buyer: Party, seller: Party, warehouse: Party, forwarder: Party) -> dict[str, Any]:
        keep(warehouse)
        return buyer.issue(
            seller={"organisation_id": seller.id},
            ship_to={"organisation_id": warehouse.id, "code": " ham-2"},
            forwarders=[{"organisation_id": forwarder.id}],
        )

    def test_buyer_seller_and_forwarder_see_what_is_free_where_the_order_goes(
        self, order: dict[str, Any], buyer: Party, seller: Party, forwarder: Party
    ) -> None:
        for party in (buyer, seller, forwarder):
            assert len(slots(party, number=order["number"], limit=10)) == 10
            assert len(slots(party, number=order["id"], limit=10)) == 10

    def test_nobody_else_does(self, order: dict[str, Any], warehouse: Party, stranger: Party, buyer: Party) -> None:
        elsewhere = buyer.issue(ship_to={"organisation_id": warehouse.id, "code": "HAM-3"})
        nowhere = buyer.issue(ship_to={"organisation_id": warehouse.id})
        keep(warehouse, "HAM-9")
        for party, path, number in (
            (stranger, SLOTS, order["number"]),
            (stranger, SLOTS, order["id"]),
            (buyer, SLOTS, elsewhere["number"]),
            (buyer, SLOTS, nowhere["number"]),
            (buyer, "/v1/locations/HAM-9/slots", order["number"]),
            (buyer, SLOTS, "PO-7K3M9QWX2R"),
            (buyer, "/v1/locations/HAM-3/slots", elsewhere["number"]),
        ):
            answer = party.get(path, params={"number": number})
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), answer.text
        # The warehouse asks about its own location without a number: it ships nothing there.
        assert warehouse.get(SLOTS, params={"number": order["number"]}).json()["code"] == "relation_not_allowed"

    def test_who_presents_the_number_does_while_no_forwarder_is_named(
        self, buyer: Party, warehouse: Party, stranger: Party
    ) -> None:
        keep(warehouse)
        order = buyer.issue(ship_to={"organisation_id": warehouse.id, "code": LOCATION})
        assert len(slots(stranger, number=order["number"], limit=3)) == 3

    def test_without_a_ship_to_organisation_the_gate_is_the_buyers(self, buyer: Party, forwarder: Party) -> None:
        keep(buyer, slot_minutes=120)
        order = buyer.issue(ship_to={"code": LOCATION}, forwarders=[{"organisation_id": forwarder.id}])
        first = slots(forwarder, number=order["number"], limit=1)[0]
        assert first["start"][11:13] in {f"{hour:02d}" for hour in range(0, 24, 2)}

    def test_a_number_that_cannot_be_one_is_named(self, order: dict[str, Any], buyer: Party) -> None:
        answer = buyer.get(SLOTS, params={"number": "\0"})
        assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (422, ["query", "number"])


def test_without_a_calendar_or_a_code_any_window_can_be_booked(database_url: str, warehouse: Party, sql: Sql) -> None:
    for location in (None, "UNKNOWN"):
        booked(database_url, warehouse, window(tomorrow(3, 7), 0.3), location=location)  # type: ignore[arg-type]
    keep(warehouse)
    assert warehouse.http.delete(CALENDAR, headers={"If-Match": "*"}).status_code == 200
    booked(database_url, warehouse, window(tomorrow(3, 7), 0.3))
    assert sql("SELECT FROM slot_claims WHERE organisation_id = $1", UUID(warehouse.id)) == []


def test_a_window_that_does_not_fit_names_the_rule_and_windows_as_long_that_do(
    database_url: str, warehouse: Party
) -> None:
    hours = [{"opens": "06:00", "closes": "12:00"}]
    keep(warehouse, opening_hours=dict.fromkeys(EVERY_DAY, hours))
    booked(database_url, warehouse, window(tomorrow(8)))
    for wanted, rule, first in (
        (window(tomorrow(7, 30), 1.5), "not_whole_slots", [(1, 9), (1, 10), (2, 6)]),
        (window(tomorrow(4), 2), "closed", [(1, 6), (1, 9), (1, 10)]),
        (window(tomorrow(-24 * 3), 2), "too_soon", None),
        (window(tomorrow(days=100), 2), "too_far_ahead", None),
    ):
        problem = refused(database_url, warehouse, wanted)
        assert isinstance(problem, OutsideCalendar)
        assert (problem.members["rule"], problem.members["field"]) == (rule, "window")
        named: Any = problem.members["next_free"]
        lengths = {datetime.fromisoformat(one["end"]) - datetime.fromisoformat(one["start"]) for one in named}
        assert lengths == {timedelta(hours=2)}
        if first is not None:
            assert starts(problem)[:3] == [written(tomorrow(hour, days=day)) for day, hour in first]
        assert len(starts(problem)) == 5
    # Each that is named is taken.
    assert refused(database_url, warehouse, window(tomorrow(9), 2)) is None


def test_a_calendar_that_was_deleted_gives_back_what_is_moved_and_keeps_what_is_not(
    database_url: str, warehouse: Party, sql: Sql
) -> None:
    keep(warehouse)
    stays, moves = booked(database_url, warehouse, window(tomorrow(8)), window(tomorrow(9)))
    assert warehouse.http.delete(CALENDAR, headers={"If-Match": "*"}).status_code == 200

    async def move() -> None:
        database = patient(database_url, pool_size=1)
        assert (await Bookings(database, warehouse).take(window(tomorrow(9, 17)), moves))[1] is None
        await database.dispose()

    asyncio.run(move())
    keep(warehouse)
    left = sql("SELECT booking_id FROM slot_claims WHERE organisation_id = $1", UUID(warehouse.id))
    assert [row["booking_id"] for row in left] == [stays]
    assert slots(warehouse, **{"from": written(tomorrow(8)), "to": written(tomorrow(8) + timedelta(hours=2))}) == [
        {"start": written(tomorrow(9)), "end": written(tomorrow(10)), "capacity": 1, "free": 1}
    ]
