"""Many forwarders at one slot: Postgres hands out its places, each once, and nobody loses the one that he has."""

import asyncio
import os
import random
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from app.db.identifiers import new_id
from app.deliveries import calendars
from app.deliveries.calendar_errors import SlotTaken
from tests.deliveries.docks import LOCATION, Bookings, keep, many_connections, starts, tomorrow, window, written
from tests.parties import Party

Sql = Callable[..., list[Any]]

BOOKINGS = 50
ROUNDS = int(os.environ.get("SLOT_ROUNDS", "1"))
MOVES = int(os.environ.get("SLOT_MOVES", "120"))


def claims(sql: Sql, warehouse: Party) -> list[Any]:
    return sql("SELECT * FROM slot_claims WHERE organisation_id = $1 ORDER BY starts_at, place", UUID(warehouse.id))


@pytest.mark.parametrize(("slots", "capacity"), [(10, 1), (1, 10), (5, 2)])
def test_of_fifty_bookings_that_race_for_ten_places_ten_are_booked_and_forty_told_the_next_free_ones(
    database_url: str, warehouse: Party, sql: Sql, slots: int, capacity: int
) -> None:
    keep(warehouse, capacity=capacity)
    # Each round at slots of its own, on a day of its own.
    for round_ in range(ROUNDS):
        day = tomorrow(days=2 + round_)
        wanted = [window(day + timedelta(hours=number % slots)) for number in range(BOOKINGS)]
        free = [written(day + timedelta(hours=slots + number)) for number in range(5)]

        async def race(wanted: list[Any] = wanted) -> list[tuple[UUID, Any]]:
            async with many_connections(database_url) as database:
                bookings = Bookings(database, warehouse)
                return await asyncio.gather(*(bookings.take(one, seconds=0.005) for one in wanted))

        outcomes = asyncio.run(race())
        booked = {booking for booking, problem in outcomes if problem is None}
        refused = [problem for _, problem in outcomes if problem is not None]
        assert (len(booked), len(refused)) == (10, 40)
        for problem in refused:
            assert isinstance(problem, SlotTaken)
            named = starts(problem)
            assert len(named) == len(set(named)) == 5
            # Of the ten some may still have been free when it was looked; the rest follows them.
            assert named[-1] <= free[-1]
            assert all(written(day) <= start for start in named)
        made = [row for row in claims(sql, warehouse) if row["starts_at"] >= day]
        assert {row["booking_id"] for row in made[:10]} == booked
        assert Counter(row["starts_at"] for row in made) == {
            day + timedelta(hours=number): capacity for number in range(slots)
        }


def test_of_as_many_bookings_as_there_are_places_none_is_refused_however_they_race(
    database_url: str, warehouse: Party, sql: Sql
) -> None:
    keep(warehouse, capacity=12)

    async def race() -> list[tuple[UUID, Any]]:
        async with many_connections(database_url, 12) as database:
            bookings = Bookings(database, warehouse)
            return await asyncio.gather(*(bookings.take(window(tomorrow(8)), seconds=0.02) for _ in range(12)))

    assert [problem for _, problem in asyncio.run(race())] == [None] * 12
    assert [row["place"] for row in claims(sql, warehouse)] == [*range(1, 13)]


def test_bookings_of_several_slots_that_cross_neither_wait_for_each_other_in_vain_nor_share_a_place(
    database_url: str, warehouse: Party, sql: Sql
) -> None:
    keep(warehouse, capacity=2)
    chosen = random.Random(7)
    wanted = [window(tomorrow(chosen.randrange(12), days=2), chosen.randint(1, 4)) for _ in range(BOOKINGS)]

    async def race() -> list[tuple[UUID, Any]]:
        async with many_connections(database_url) as database:
            bookings = Bookings(database, warehouse)
            return await asyncio.gather(*(bookings.take(one, seconds=0.002) for one in wanted))

    outcomes = asyncio.run(race())
    assert {type(problem) for _, problem in outcomes} == {type(None), SlotTaken}
    expected = Counter(
        one.start + timedelta(hours=number)
        for one, (_, problem) in zip(wanted, outcomes, strict=True)
        if problem is None
        for number in range(round((one.end - one.start) / timedelta(hours=1)))
    )
    assert Counter(row["starts_at"] for row in claims(sql, warehouse)) == expected
    assert max(expected.values()) <= 2


def test_bookings_that_are_moved_crosswise_at_once_always_have_just_the_slots_of_their_window(
    database_url: str, warehouse: Party, sql: Sql
) -> None:
    keep(warehouse, capacity=2)
    chosen = random.Random(11)
    day = tomorrow(days=2)
    has: dict[UUID, datetime | None] = {}

    async def mover(bookings: Bookings, booking: UUID, moves: int) -> None:
        for _ in range(moves):
            if has.get(booking) is not None and chosen.random() < 0.15:
                await bookings.release(booking)
                has[booking] = None
                continue
            start = day + timedelta(hours=chosen.randrange(6))
            _, problem = await bookings.take(window(start, 2), booking)
            if problem is None:
                has[booking] = start
            else:
                # No deadlock and no time-out: the only thing in the way is that it is taken.
                assert isinstance(problem, SlotTaken)

    async def race() -> None:
        async with many_connections(database_url, 12) as database:
            bookings = Bookings(database, warehouse)
            await asyncio.gather(*(mover(bookings, new_id(), MOVES // 12) for _ in range(12)))

    asyncio.run(race())
    expected = sorted(
        (start + timedelta(hours=number), booking)
        for booking, start in has.items()
        if start is not None
        for number in range(2)
    )
    assert sorted((row["starts_at"], row["booking_id"]) for row in claims(sql, warehouse)) == expected
    assert expected, "nobody had a slot in the end"


def test_a_place_is_free_again_where_the_booking_that_took_it_fails_later_on(
    database_url: str, warehouse: Party
) -> None:
    keep(warehouse)
    wanted = window(tomorrow(8))

    async def race() -> tuple[Any, Any]:
        async with many_connections(database_url, 4) as database:
            first = Bookings(database, warehouse)

            async def fails() -> None:
                async with database.transaction() as connection:
                    await calendars.take(
                        connection,
                        warehouse=first.warehouse,
                        location_code=LOCATION,
                        booking_id=new_id(),
                        window=wanted,
                    )
                    await asyncio.sleep(0.3)
                    raise LookupError("the booking failed at something else")

            async def waits() -> Any:
                await asyncio.sleep(0.1)
                return await first.take(wanted)

            return await asyncio.gather(fails(), waits(), return_exceptions=True)

    failure, (_, problem) = asyncio.run(race())
    assert (type(failure), problem) == (LookupError, None)


def test_a_capacity_that_is_lowered_refuses_new_bookings_alone_until_enough_have_gone(
    database_url: str, warehouse: Party, sql: Sql
) -> None:
    keep(warehouse, capacity=4)
    wanted = window(tomorrow(8))

    async def play() -> None:
        async with many_connections(database_url, 4) as database:
            bookings = Bookings(database, warehouse)
            four = [(await bookings.take(wanted))[0] for _ in range(4)]
            await asyncio.to_thread(keep, warehouse, capacity=2)
            # The booking that has a place keeps it, also when it is moved to where it is.
            assert (await bookings.take(wanted, four[0]))[1] is None
            for gone in (four[0], four[2]):
                assert isinstance((await bookings.take(wanted))[1], SlotTaken)
                await bookings.release(gone)
            assert isinstance((await bookings.take(wanted))[1], SlotTaken)
            await bookings.release(four[1])
            assert (await bookings.take(wanted))[1] is None
            assert isinstance((await bookings.take(wanted))[1], SlotTaken)

    asyncio.run(play())
    assert len(claims(sql, warehouse)) == 2


def test_what_is_booked_by_an_earlier_calendar_stays_and_is_not_booked_over(
    database_url: str, warehouse: Party, sql: Sql
) -> None:
    keep(warehouse, slot_minutes=60)

    async def play() -> None:
        async with many_connections(database_url, 4) as database:
            bookings = Bookings(database, warehouse)
            moved, _ = await bookings.take(window(tomorrow(8)))
            late, _ = await bookings.take(window(tomorrow(12)))
            await asyncio.to_thread(keep, warehouse, slot_minutes=30)
            for start in (tomorrow(8), tomorrow(8, 30)):
                _, problem = await bookings.take(window(start, 0.5))
                assert isinstance(problem, SlotTaken)
                assert starts(problem)[0] == written(tomorrow(9))
            assert (await bookings.take(window(tomorrow(7, 30), 0.5)))[1] is None
            # Moved within its own time, its own place is not in its way.
            for start, other in ((tomorrow(8), tomorrow(8, 30)), (tomorrow(12, 30), tomorrow(12))):
                booking = moved if start == tomorrow(8) else late
                assert (await bookings.take(window(start, 0.5), booking))[1] is None
                assert (await bookings.take(window(other, 0.5)))[1] is None

    asyncio.run(play())
    assert [row["ends_at"] - row["starts_at"] for row in claims(sql, warehouse)] == [timedelta(minutes=30)] * 5
