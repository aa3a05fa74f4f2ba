"""A booked order that will not be accepted in its window is announced: once, however many workers look.

The server's own worker looks too, every few seconds: what counts is what stands in the order's timeline.
"""

import asyncio
import json
import logging
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.session import Database
from app.deliveries import at_risk, at_risk_repository
from app.deliveries.at_risk_rules import ACCEPTED, codes_in_window
from app.errors import TemporarilyUnavailable
from app.orders.lifecycle import OPEN, LifecycleFacts, StoredStatus, effective_status
from app.validation.delivery_facts import TimeWindow
from tests.deliveries.docks import many_connections, tomorrow, written
from tests.orders.docks import event_types, received
from tests.outbox import recorded
from tests.parties import Party
from tests.shipments.waybills import any_shape, linked, timeline

Sql = Callable[..., list[Any]]

RACED = int(os.environ.get("AT_RISK_RACED", "8"))
EXAMPLES = int(os.environ.get("AT_RISK_EXAMPLES", "100"))
WORKERS = 6
SCAC = "QXZW"
AT_RISK = "delivery_booking.at_risk"


def look(database_url: str, workers: int = 1, batch: int = 200) -> int:
    """Let so many workers look at once; return how often they have announced something."""

    async def rounds() -> int:
        async with many_connections(database_url, workers) as database:
            return sum(await asyncio.gather(*(at_risk.run_once(database, batch) for _ in range(workers))))

    return asyncio.run(rounds())


def booked(
    sql: Sql,
    party: Party,
    order: dict[str, Any],
    *,
    booking: UUID | None = None,
    start: datetime | None = None,
    hours: float = 2,
    scac: str = SCAC,
) -> dict[str, Any]:
    """Link a PRO number and book it, as a delivery booking writes that onto the link."""
    link = linked(party, order, scac, any_shape())
    begins = start or tomorrow(8)
    window = {"start": written(begins), "end": written(begins + timedelta(hours=hours))}
    booking = booking or uuid4()
    write(sql, order, link, booking, window)
    return {**link, "booking": booking, "booked": window}


def write(sql: Sql, order: dict[str, Any], link: dict[str, Any], booking: UUID | None, window: Any) -> None:
    sql(
        "UPDATE pro_links SET booking_id = $1, delivery_window = $2::jsonb FROM purchase_orders AS o "
        "WHERE o.id = $3 AND pro_links.number_key = o.number_key AND pro_links.organisation_id = o.organisation_id "
        "AND pro_links.display = $4",
        booking,
        json.dumps(window),
        UUID(order["id"]),
        link["pro_number"],
    )


def announced(party: Party, order: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what was announced of an order, after having seen that its timeline has no hole."""
    event_types(party, order)
    return [one for one in timeline(party, order) if one["type"] == AT_RISK]


WAYS: dict[str, tuple[Callable[[Party, dict[str, Any], Sql], Any], list[str]]] = {
    "cancelled": (lambda buyer, order, _: buyer.act(order, "cancel", reason="recall"), ["cancelled"]),
    "suspended": (lambda buyer, order, _: buyer.act(order, "suspend"), ["suspended"]),
    "closed": (lambda buyer, order, _: buyer.act(order, "close"), ["closed"]),
    "received elsewhere": (lambda buyer, order, _: received(buyer, order, pro_number="AB1234"), ["already_received"]),
    "shortened to end before": (
        lambda buyer, order, _: buyer.act(order, "extend", expires_at=written(tomorrow(7))),
        ["expired"],
    ),
    "shortened to end within": (
        lambda buyer, order, _: buyer.act(order, "extend", expires_at=written(tomorrow(9))),
        ["expired"],
    ),
    "not valid yet at its start": (
        lambda _, order, sql: sql(
            "UPDATE purchase_orders SET valid_from = $1 WHERE id = $2", tomorrow(8, 1), UUID(order["id"])
        ),
        ["not_yet_valid"],
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_what_takes_a_booked_order_out_of_its_window_is_announced_once(
    database_url: str, sql: Sql, buyer: Party, way: str
) -> None:
    order = buyer.active(lines=[{"sku": "A", "quantity": "10"}])
    link = booked(sql, buyer, order)
    look(database_url)
    assert announced(buyer, order) == []
    happens, codes = WAYS[way]
    happens(buyer, order, sql)
    for _ in range(2):
        look(database_url)
        (told,) = announced(buyer, order)
        assert told["data"] == {
            "booking_id": str(link["booking"]),
            "booking_number": None,
            "window": link["booked"],
            "codes": codes,
            "pro_numbers": [{"scac": SCAC, "pro_number": link["pro_number"]}],
        }
        # Nobody did it: what somebody did stands before it.
        assert (told["organisation_id"], told["relation"]) == (None, None)


def test_an_order_that_goes_elsewhere_by_now_is_at_risk_where_it_is_booked(
    database_url: str, sql: Sql, buyer: Party, warehouse: Party, stranger: Party
) -> None:
    there = {"organisation_id": warehouse.id, "code": "HAM-2"}
    stays, other_gate, other_code = (buyer.active(ship_to=there) for _ in range(3))
    for order in (stays, other_gate, other_code):
        booking = booked(sql, buyer, order)["booking"]
        sql(
            "UPDATE pro_links SET warehouse_id = $1, location_code = ' ham-2' WHERE booking_id = $2",
            UUID(warehouse.id),
            booking,
        )
    for order, ship_to in (
        (other_gate, {**there, "organisation_id": stranger.id}),
        (other_code, {**there, "code": "B"}),
    ):
        # As a change order does once it is acknowledged.
        sql(
            "UPDATE purchase_orders SET ship_to_id = $1, ship_to = $2::jsonb WHERE id = $3",
            UUID(ship_to["organisation_id"]),
            json.dumps(ship_to),
            UUID(order["id"]),
        )
    look(database_url)
    assert announced(buyer, stays) == []
    for order in (other_gate, other_code):
        assert [one["data"]["codes"] for one in announced(buyer, order)] == [["delivery_mismatch"]]


@pytest.mark.parametrize("hour", [10, 11])
def test_what_ends_with_its_window_or_later_is_at_no_risk(database_url: str, sql: Sql, buyer: Party, hour: int) -> None:
    order = buyer.active()
    booked(sql, buyer, order)
    buyer.act(order, "extend", expires_at=written(tomorrow(hour)))
    look(database_url)
    assert announced(buyer, order) == []


def test_an_order_that_was_never_activated_lapses_before_its_window(database_url: str, sql: Sql, buyer: Party) -> None:
    order = buyer.issue(activate_by=written(tomorrow(6)))
    buyer.act(order, "confirm")
    booked(sql, buyer, order)
    look(database_url)
    assert [one["data"]["codes"] for one in announced(buyer, order)] == [["lapsed"]]


def test_it_is_announced_again_only_after_the_order_had_become_valid_again(
    database_url: str, sql: Sql, buyer: Party
) -> None:
    order = buyer.active()
    booked(sql, buyer, order)
    buyer.act(order, "extend", expires_at=written(tomorrow(7)))
    look(database_url)
    # Another reason is no other risk.
    buyer.act(order, "suspend")
    look(database_url)
    buyer.act(order, "resume")
    look(database_url)
    assert [one["data"]["codes"] for one in announced(buyer, order)] == [["expired"]]
    buyer.act(order, "extend", expires_at=written(tomorrow(20)))
    look(database_url)
    assert (
        sql(
            "SELECT at_risk_since FROM pro_links WHERE scac = $1 AND at_risk_since IS NOT NULL AND number_key = $2",
            SCAC,
            order["number"].replace("-", ""),
        )
        == []
    )
    buyer.act(order, "suspend")
    look(database_url)
    assert len(announced(buyer, order)) == 2


def test_another_booking_of_the_order_is_another_risk(database_url: str, sql: Sql, buyer: Party) -> None:
    order = buyer.active()
    first = booked(sql, buyer, order)
    buyer.act(order, "suspend")
    look(database_url)
    # Cancelled and booked anew, with nobody looking in between.
    second = uuid4()
    write(sql, order, first, second, first["booked"])
    look(database_url)
    third = booked(sql, buyer, order, start=tomorrow(14))
    look(database_url)
    told = [one["data"]["booking_id"] for one in announced(buyer, order)]
    assert told == [str(first["booking"]), str(second), str(third["booking"])]


def test_one_booking_of_an_order_by_several_pro_numbers_is_announced_once(
    database_url: str, sql: Sql, buyer: Party
) -> None:
    order = buyer.active()
    booking = uuid4()
    for _ in range(3):
        booked(sql, buyer, order, booking=booking)
    buyer.act(order, "suspend")
    look(database_url)
    booked(sql, buyer, order, booking=booking)
    look(database_url)
    (told,) = announced(buyer, order)
    assert len(told["data"]["pro_numbers"]) == 3
    marked = sql("SELECT at_risk_codes FROM pro_links WHERE booking_id = $1", booking)
    assert [row["at_risk_codes"] for row in marked] == [["suspended"]] * 4


def test_what_is_not_booked_or_over_or_has_come_is_at_no_risk(database_url: str, sql: Sql, buyer: Party) -> None:
    lines = [{"sku": "A", "quantity": "10"}]
    not_booked, over, came, named = (buyer.active(lines=lines) for _ in range(4))
    linked(buyer, not_booked, SCAC, any_shape())
    booked(sql, buyer, over, start=datetime.now(UTC) - timedelta(hours=3), hours=2)
    booked(sql, buyer, came, start=datetime.now(UTC) - timedelta(hours=1), hours=2)
    link = booked(sql, buyer, named)
    for order in (not_booked, over):
        buyer.act(order, "suspend")
    received(buyer, came)
    received(buyer, named, pro_number=f" {link['pro_number'][:4].lower()}-{link['pro_number'][4:]}")
    buyer.act(named, "close")
    look(database_url)
    for order in (not_booked, over, came, named):
        assert announced(buyer, order) == []


def test_however_many_workers_look_at_once_each_is_announced_exactly_once(
    database_url: str, sql: Sql, buyer: Party
) -> None:
    orders = [buyer.active() for _ in range(RACED)]
    for order in orders:
        booked(sql, buyer, order)
        booked(sql, buyer, order, start=tomorrow(16))
    for order in orders:
        buyer.act(order, "suspend")
    # Small batches: workers meet each other again and again.
    for _ in range(2):
        look(database_url, WORKERS, batch=5)
    look(database_url)
    for order in orders:
        assert len({one["data"]["booking_id"] for one in announced(buyer, order)}) == 2
        assert len(announced(buyer, order)) == 2
    told = [type_ for order in orders for _, type_ in recorded(sql, order["number"]) if type_ == AT_RISK]
    assert len(told) == 2 * RACED


def test_an_order_that_is_changed_again_and_again_while_workers_look_is_announced_as_often_as_it_was_at_risk(
    database_url: str, sql: Sql, buyer: Party
) -> None:
    order = buyer.active()
    booked(sql, buyer, order)

    async def race() -> None:
        done = asyncio.Event()

        async def change() -> None:
            for action in ("suspend", "resume") * 6:
                await asyncio.to_thread(buyer.act, order, action)
            done.set()

        async def work(database: Database) -> None:
            while not done.is_set():
                await at_risk.run_once(database)

        async with many_connections(database_url, 4) as database:
            await asyncio.gather(change(), *(work(database) for _ in range(4)))

    asyncio.run(race())
    happened = [one for one in event_types(buyer, order) if one.split(".")[1] in {"suspended", "resumed", "at_risk"}]
    told = "".join({"suspended": "s", "resumed": "r", "at_risk": "!"}[one.split(".")[1]] for one in happened)
    # Never twice within one suspension. It may be seen late: after it was lifted, or not at all.
    assert re.fullmatch(r"(s!?r)*", told), told
    look(database_url)
    assert (
        sql(
            "SELECT FROM pro_links WHERE scac = $1 AND at_risk_since IS NOT NULL AND number_key = $2",
            SCAC,
            order["number"].replace("-", ""),
        )
        == []
    )


def test_who_changes_a_booking_and_who_announces_it_do_not_wait_for_each_other_crosswise(
    database_url: str, sql: Sql, buyer: Party
) -> None:
    order = buyer.active()
    link = booked(sql, buyer, order)
    buyer.act(order, "suspend")

    async def cross() -> None:
        # As a booking is changed: its links, and then their orders.
        changes = await asyncpg.connect(database_url)
        # Within a transaction Postgres shows again and again who waited when it was first asked.
        watches = await asyncpg.connect(database_url)
        async with many_connections(database_url, 1) as database:
            try:
                async with changes.transaction():
                    await changes.execute("UPDATE pro_links SET bol = bol WHERE display = $1", link["pro_number"])
                    looks = asyncio.create_task(at_risk.run_once(database))
                    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                    while not await watches.fetchval(waiting) and not looks.done():
                        await asyncio.sleep(0.01)
                    await changes.execute("SET LOCAL lock_timeout = '100ms'")
                    await changes.execute("UPDATE purchase_orders SET reference = reference WHERE id = $1", order["id"])
                await looks
            finally:
                await changes.close()
                await watches.close()

    asyncio.run(cross())
    look(database_url)
    assert len(announced(buyer, order)) == 1


def test_forwarder_and_warehouse_are_told_too(
    database_url: str, sql: Sql, buyer: Party, warehouse: Party, forwarder: Party
) -> None:
    order = buyer.active(ship_to={"organisation_id": warehouse.id}, forwarders=[{"organisation_id": forwarder.id}])
    booked(sql, forwarder, order)
    buyer.act(order, "suspend")
    look(database_url)
    (by_buyer,) = announced(buyer, order)
    for party in (warehouse, forwarder):
        (seen,) = [one for one in timeline(party, order) if one["type"] == AT_RISK]
        assert seen == by_buyer


def test_a_round_that_fails_does_not_end_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    faults: list[Exception] = [TemporarilyUnavailable(), LookupError("a fault"), TemporarilyUnavailable()]
    monkeypatch.setattr(at_risk, "_log", logging.getLogger("quiet"))

    async def work() -> None:
        settled = asyncio.Event()

        async def look(_: Database) -> int:
            if faults:
                raise faults.pop()
            settled.set()
            return 0

        monkeypatch.setattr(at_risk, "run_once", look)
        working = asyncio.create_task(at_risk.run_for_ever(Database("postgresql://nowhere"), seconds=0.01))
        async with asyncio.timeout(5):
            await settled.wait()
        working.cancel()

    asyncio.run(work())


INSTANTS = st.integers(-4, 4).map(lambda hours: datetime(2036, 3, 4, 12, tzinfo=UTC) + timedelta(hours=hours))


@st.composite
def lives(draw: st.DrawFn) -> LifecycleFacts:
    stored = draw(st.sampled_from(StoredStatus))
    valid_from, expires_at, activate_by = (draw(st.none() | INSTANTS) for _ in range(3))
    suspended_from = draw(st.sampled_from(OPEN)) if stored is StoredStatus.suspended else None
    return LifecycleFacts(stored, valid_from, expires_at, activate_by, suspended_from)


@hypothesis_settings(max_examples=EXAMPLES)
@given(lives(), INSTANTS, INSTANTS, INSTANTS)
def test_the_gate_has_something_against_an_order_exactly_where_its_status_is_not_one_that_is_accepted(
    facts: LifecycleFacts, start: datetime, end: datetime, now: datetime
) -> None:
    window = TimeWindow(min(start, end), max(start, end) + timedelta(minutes=1))
    at = {max(window.start, now), max(window.end - timedelta(microseconds=1), now)}
    refused = any(effective_status(facts, one) not in ACCEPTED for one in at)
    assert bool(codes_in_window(facts, window, now)) == refused


async def test_what_is_looked_for_is_found_along_the_index_of_booked_links(database: Database) -> None:
    statements: list[tuple[str, Any]] = []

    async def explained(connection: AsyncConnection) -> str:
        await connection.execute(text("SET LOCAL enable_seqscan = off"))
        await connection.execute(text("SET LOCAL enable_sort = off"))
        await connection.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
        raw = connection.sync_connection
        assert raw is not None

        def remember(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
            statements.append((statement, parameters))

        event.listen(raw, "before_cursor_execute", remember)
        await at_risk_repository.find_changed(connection, 200)
        event.remove(raw, "before_cursor_execute", remember)
        ((statement, parameters),) = statements
        # As it is run: prepared, its parameters unknown to the planner.
        await connection.exec_driver_sql(f"PREPARE looked AS {statement}")
        values = ", ".join("'{}'" if isinstance(one, list) else f"'{one}'" for one in parameters)
        answer = await connection.exec_driver_sql(f"EXPLAIN EXECUTE looked ({values})")
        return "\n".join(answer.scalars())

    plan = await database.change(explained)
    assert "Index Scan using ix_pro_links_booked_until on pro_links" in plan
    assert "Seq Scan" not in plan
    condition = plan.split("ix_pro_links_booked_until", 1)[1].split("Index Cond:", 1)[1].splitlines()[0]
    assert "delivery_window ->> 'end'" in condition
