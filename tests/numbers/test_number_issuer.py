"""Drawing numbers, against a real database."""

import asyncio
import re
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.identifiers import new_id
from app.db.session import Database
from app.errors import TemporarilyUnavailable
from app.numbers import repository
from app.numbers.default_format import DEFAULT_FORMAT_ID, DEFAULT_PATTERN
from app.numbers.errors import ComponentsDoNotFit, NumberFormatExhausted, UnknownNumberFormat
from app.numbers.format_patterns import FormatPattern
from app.numbers.models import NumberFormatVersionRow, NumberSeriesRow
from app.numbers.number_issuer import _DEFAULT, DrawnNumber, NumberIssuer, WantedNumber
from app.numbers.number_keys import number_key
from app.numbers.schemas import NumberFormat
from app.numbers.serial_blocks import SerialBlock, SeriesIdentity
from app.principal import Principal
from tests.databases import patient
from tests.numbers.owners import draw, new_format, new_owner, texts
from tests.proxy import Network

NO_CONNECTION = cast("AsyncConnection", None)


@pytest.fixture
async def issuer(database_url: str) -> AsyncIterator[NumberIssuer]:
    issuer = NumberIssuer(patient(database_url, pool_size=2))
    yield issuer
    await issuer.dispose()


@pytest.fixture
async def owner(database: Database) -> Principal:
    return await new_owner(database)


async def test_a_number_of_the_default_format_needs_nothing_from_the_request(issuer: NumberIssuer) -> None:
    for asked in (None, DEFAULT_FORMAT_ID):
        (drawn,) = await issuer.draw(NO_CONNECTION, new_id(), [WantedNumber(asked, {"cost_center": "not in it"})])
        assert isinstance(drawn, DrawnNumber)
        assert re.fullmatch("PO-[23456789ABCDEFGHJKMNPQRSTVWXYZ]{10}", drawn.number)
        assert drawn.number_key == number_key(drawn.number)
        assert DEFAULT_PATTERN.verifies(drawn.number_key)
        assert (drawn.format_id, drawn.format_version) == (DEFAULT_FORMAT_ID, 1)


async def test_no_two_draws_give_one_number_however_many_draw_at_once(database_url: str) -> None:
    async with AsyncExitStack() as stack:
        issuers = [NumberIssuer(patient(database_url, pool_size=2)) for _ in range(2)]
        for one in issuers:
            stack.push_async_callback(one.dispose)

        async def work(task: int) -> list[str]:
            drawn: list[str] = []
            for round_ in range(6):
                count = 1 if (task + round_) % 3 else 60
                drawn += texts(await issuers[task % 2].draw(NO_CONNECTION, new_id(), [WantedNumber(None, {})] * count))
            return drawn

        drawn = [number for part in await asyncio.gather(*map(work, range(32))) for number in part]
    assert len(drawn) > 3_500
    assert len(set(drawn)) == len(drawn)


async def test_two_processes_share_a_series_in_digits_without_a_duplicate(
    database_url: str, database: Database, owner: Principal
) -> None:
    number_format = await new_format(database, owner, "{serial:5}")
    async with AsyncExitStack() as stack:
        issuers = [NumberIssuer(patient(database_url, pool_size=2)) for _ in range(2)]
        pool = patient(database_url, pool_size=16)
        for disposable in (*issuers, pool):
            stack.push_async_callback(disposable.dispose)

        async def work(task: int) -> list[str]:
            rounds = [await draw(pool, issuers[task % 2], owner, 1 + task % 4, number_format) for _ in range(5)]
            return [number for drawn in rounds for number in texts(drawn)]

        drawn = [number for part in await asyncio.gather(*map(work, range(32))) for number in part]
    assert len(set(drawn)) == len(drawn) == 400


async def test_a_thousand_numbers_let_other_requests_run_between_them(issuer: NumberIssuer) -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    # Enough is held: a lease would give turns of its own.
    await issuer._series_of(_DEFAULT).take(1, 3_000)
    other = asyncio.create_task(others())
    drawn = await issuer.draw(NO_CONNECTION, new_id(), [WantedNumber(None, {})] * 1_000)
    other.cancel()
    assert len(set(texts(drawn))) == 1_000
    assert 15 <= turns <= 30


async def test_what_a_request_gives_up_is_not_issued_again(
    database: Database, issuer: NumberIssuer, owner: Principal
) -> None:
    number_format = await new_format(database, owner, "{serial:4}")
    given_up: list[str] = []

    async def refused_request() -> None:
        async with database.transaction() as connection:
            wanted = [WantedNumber(number_format.id, {})]
            given_up.extend(texts(await issuer.draw(connection, owner.organisation_id, wanted)))
            raise RuntimeError("refused")

    with pytest.raises(RuntimeError, match="refused"):
        await refused_request()
    assert given_up[0].endswith("0001")
    assert texts(await draw(database, issuer, owner, 1, number_format))[0].endswith("0002")


async def test_a_series_that_ends_within_a_batch_refuses_the_rest_only(
    database: Database, issuer: NumberIssuer, owner: Principal
) -> None:
    number_format = await new_format(database, owner, "{serial:1}")
    drawn = await draw(database, issuer, owner, 12, number_format)
    assert [number[-1] for number in texts(drawn[:10])] == list("1234567890")
    assert all(isinstance(outcome, NumberFormatExhausted) for outcome in drawn[10:])
    (again,) = await draw(database, issuer, owner, 1, number_format)
    assert isinstance(again, NumberFormatExhausted)


async def test_a_series_that_has_ended_is_at_its_end_for_every_process(
    database_url: str, database: Database, issuer: NumberIssuer, owner: Principal
) -> None:
    number_format = await new_format(database, owner, "{serial:1}")
    texts(await draw(database, issuer, owner, 10, number_format))
    async with AsyncExitStack() as stack:
        other = NumberIssuer(patient(database_url, pool_size=2))
        stack.push_async_callback(other.dispose)
        (outcome,) = await draw(database, other, owner, 1, number_format)
    assert isinstance(outcome, NumberFormatExhausted)
    assert str(outcome) == f"{number_format.pattern} has no numbers left."


async def test_a_lost_block_is_a_gap_and_nothing_else(database_url: str, database: Database, owner: Principal) -> None:
    number_format = await new_format(database, owner, "{serial:4}")
    drawn: list[int] = []
    for _ in range(3):
        process = NumberIssuer(patient(database_url, pool_size=2))
        # One by one in quick succession: the blocks grow, so that the last one is not used up.
        for _ in range(10):
            drawn += [int(number[-4:]) for number in texts(await draw(database, process, owner, 1, number_format))]
        await process.dispose()
    assert drawn == sorted(set(drawn))
    assert drawn[:10] == list(range(1, 11))
    assert drawn[-1] <= 3 * 15


async def test_each_organisation_s_format_has_a_series_of_its_own(
    database: Database, issuer: NumberIssuer, owner: Principal
) -> None:
    formats = [await new_format(database, owner, "{serial:3}") for _ in range(2)]
    wanted = [WantedNumber(formats[position % 2].id, {}) for position in range(6)]
    async with database.transaction() as connection:
        drawn = texts(await issuer.draw(connection, owner.organisation_id, wanted))
    assert [number[-3:] for number in drawn] == ["001", "001", "002", "002", "003", "003"]
    assert [number[:8] for number in drawn] == [formats[position % 2].prefix for position in range(6)]


async def test_a_new_year_and_a_new_month_begin_a_series_of_their_own(
    database: Database, issuer: NumberIssuer, owner: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    number_format = await new_format(database, owner, "-{year}{month}-{serial:3}")
    clock = _DatabaseClock(monkeypatch)
    shown = []
    for moment in (
        datetime(2027, 12, 31, 23, 59, 59, tzinfo=UTC),
        datetime(2028, 1, 1, 0, 0, tzinfo=UTC),
        # The year in the number is UTC's, wherever the offset of the clock.
        datetime(2028, 1, 31, 23, 30, tzinfo=UTC),
        datetime.fromisoformat("2028-02-01T00:30:00+01:00"),
        datetime(2027, 12, 31, 23, 59, 59, tzinfo=UTC),
    ):
        clock.moment = moment
        shown += [number[8:] for number in texts(await draw(database, issuer, owner, 1, number_format))]
    assert shown == ["-202712-001", "-202801-001", "-202801-002", "-202801-003", "-202712-002"]


async def test_a_random_series_has_another_key_each_year(
    database: Database, issuer: NumberIssuer, owner: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    number_format = await new_format(database, owner, "{year}{random:5}")
    clock = _DatabaseClock(monkeypatch)
    random_parts = []
    for year in (2027, 2028):
        clock.moment = datetime(year, 6, 1, tzinfo=UTC)
        random_parts.append({number[-5:] for number in texts(await draw(database, issuer, owner, 50, number_format))})
    assert len(random_parts[0] & random_parts[1]) < 5
    async with database.transaction() as connection:
        keys = await connection.scalars(
            select(NumberSeriesRow.permutation_key).where(NumberSeriesRow.format_id == number_format.id)
        )
        assert [len(key) for key in set(keys)] == [32, 32]


async def test_the_version_in_force_writes_the_number(
    database: Database, issuer: NumberIssuer, owner: Principal
) -> None:
    number_format = await new_format(database, owner, "{serial:3}")
    await _add_version(database, number_format, 2, "-{serial:4}", timedelta(hours=-1))
    await _add_version(database, number_format, 3, "-{serial:5}", timedelta(hours=1))
    (drawn,) = await draw(database, issuer, owner, 1, number_format)
    assert isinstance(drawn, DrawnNumber)
    assert (drawn.number, drawn.format_version) == (f"{number_format.prefix}-0001", 2)


async def test_components_stand_in_the_number_in_capitals(
    database: Database, issuer: NumberIssuer, owner: Principal
) -> None:
    number_format = await new_format(database, owner, "-{cost_center:4}{location:2}-{serial:3}{check}")
    drawn = await draw(
        database, issuer, owner, 1, number_format, {"cost_center": "47a1", "location": "hh", "category": "unused"}
    )
    assert texts(drawn)[0].startswith(f"{number_format.prefix}47A1HH-001")


@pytest.mark.parametrize(
    ("components", "field", "rule"),
    [
        ({}, "cost_center", "missing"),
        ({"cost_center": "471"}, "cost_center", "width"),
        ({"cost_center": "47-1"}, "cost_center", "character"),
        ({"cost_center": "4711"}, "location", "missing"),
    ],
)
async def test_a_component_that_does_not_fit_names_its_field_and_rule_and_spares_the_others(
    database: Database, issuer: NumberIssuer, owner: Principal, components: dict[str, str], field: str, rule: str
) -> None:
    number_format = await new_format(database, owner, "{cost_center:4}{location:2}{serial:3}")
    fitting = WantedNumber(number_format.id, {"cost_center": "4711", "location": "HH"})
    faulty = WantedNumber(number_format.id, components, ("body", "purchase_orders", 1))
    async with database.transaction() as connection:
        first, refused, last = await issuer.draw(connection, owner.organisation_id, [fitting, faulty, fitting])
    assert [number[-3:] for number in texts([first, last])] == ["001", "002"]
    assert isinstance(refused, ComponentsDoNotFit)
    (fault,) = cast("list[dict[str, Any]]", refused.members["errors"])
    assert (fault["loc"], fault["code"]) == (["body", "purchase_orders", 1, field], rule)


async def test_random_numbers_with_components_all_pass_their_check(
    database: Database, issuer: NumberIssuer, owner: Principal
) -> None:
    number_format = await new_format(database, owner, "{category:2}{random:5}{check}")
    drawn = texts(await draw(database, issuer, owner, 400, number_format, {"category": "TX"}))
    assert len(set(drawn)) == 400
    pattern = FormatPattern.parse(number_format.pattern)
    assert all(pattern.verifies(number_key(number)) for number in drawn)


async def test_another_organisation_s_format_is_as_unknown_as_one_that_does_not_exist(
    database: Database, issuer: NumberIssuer, owner: Principal
) -> None:
    stranger = await new_owner(database)
    number_format = await new_format(database, owner, "{serial:3}")
    wanted = [WantedNumber(id_, {}, ("body", "purchase_orders", 7)) for id_ in (number_format.id, new_id(), None)]
    async with database.transaction() as connection:
        others, nobodys, default = await issuer.draw(connection, stranger.organisation_id, wanted)
    assert isinstance(others, UnknownNumberFormat)
    assert isinstance(nobodys, UnknownNumberFormat)
    assert isinstance(default, DrawnNumber)
    assert others.status == 422
    (fault,) = cast("list[dict[str, Any]]", others.members["errors"])
    assert fault["loc"] == ["body", "purchase_orders", 7, "format_id"]


async def test_nothing_wanted_is_nothing_drawn(issuer: NumberIssuer) -> None:
    assert await issuer.draw(NO_CONNECTION, new_id(), []) == []


async def test_numbers_that_are_held_are_drawn_while_the_database_is_away(database_url: str) -> None:
    async with AsyncExitStack() as stack:
        network = stack.enter_context(Network(database_url))
        issuer = NumberIssuer(Database(network.url, pool_size=2, timeout=0.5))
        stack.push_async_callback(issuer.dispose)
        await issuer.draw(NO_CONNECTION, new_id(), [WantedNumber(None, {})])
        # Nobody says that it is gone, and nobody waits for the lease that was under way once it has returned.
        network.silent()
        assert len(texts(await issuer.draw(NO_CONNECTION, new_id(), [WantedNumber(None, {})] * 100))) == 100
        with pytest.raises(TemporarilyUnavailable):
            await issuer.draw(NO_CONNECTION, new_id(), [WantedNumber(None, {})] * 1_000)
        network.back()
        assert len(texts(await issuer.draw(NO_CONNECTION, new_id(), [WantedNumber(None, {})] * 1_000))) == 1_000


async def test_a_lease_takes_a_last_block_in_part(database: Database) -> None:
    series = SeriesIdentity(new_id(), 1, "")
    async with database.transaction() as connection:
        assert await repository.lease_serials(connection, series, 4, 10) is None
        for _ in range(2):
            await repository.create_series(connection, series, bytes(32))
        leased = [await repository.lease_serials(connection, series, 4, 10) for _ in range(4)]
    assert leased == [SerialBlock(part, bytes(32)) for part in (range(4), range(4, 8), range(8, 10))] + [None]


class _DatabaseClock:
    """Lets the database's clock show `moment` to whoever looks up a format."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.moment = datetime.now(UTC)
        original = repository.find_in_force

        async def find(
            connection: AsyncConnection, organisation_id: UUID, format_ids: Collection[UUID]
        ) -> list[repository.StoredFormat]:
            found = await original(connection, organisation_id, format_ids)
            return [replace(stored, read_at=self.moment) for stored in found]

        monkeypatch.setattr(repository, "find_in_force", find)


async def _add_version(
    database: Database, number_format: NumberFormat, version: int, segments: str, after: timedelta
) -> None:
    async with database.transaction() as connection:
        await connection.execute(
            insert(NumberFormatVersionRow).values(
                format_id=number_format.id,
                version=version,
                pattern=number_format.prefix + segments,
                effective_from=func.now() + after,
                created_at=func.now(),
            )
        )
