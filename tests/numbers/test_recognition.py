"""What a text says about itself: reserved, misread."""

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.session import Database
from app.numbers import service
from app.numbers.number_issuer import NumberIssuer
from app.numbers.number_keys import number_key
from app.numbers.service import misread_keys, reserved_keys
from app.principal import Principal
from tests.databases import patient
from tests.numbers.owners import draw, fresh_prefix, new_format, new_owner, texts

GOOD = "PO7K3M9QWX2R"
MISREAD = "PO7K3M9QWX2A"
SHAPELESS = "PO7K3M9QWX20"  # a zero: no number of the default format has one


@pytest.fixture
async def owner(database: Database) -> Principal:
    return await new_owner(database)


async def test_a_number_of_the_default_format_is_reserved_and_a_mistyped_one_is_misread(database: Database) -> None:
    keys = [GOOD, MISREAD, SHAPELESS, "4500012345"]
    async with database.transaction() as connection:
        assert await reserved_keys(connection, keys) == {GOOD}
        assert await misread_keys(connection, keys) == {MISREAD}


async def test_numbers_of_every_organisation_s_formats_are_recognised(
    database_url: str, database: Database, owner: Principal
) -> None:
    issuer = NumberIssuer(patient(database_url))
    number_format = await new_format(database, owner, "-{cost_center:2}{serial:4}{check}")
    drawn = texts(await draw(database, issuer, owner, 3, number_format, {"cost_center": "HH"}))
    await issuer.dispose()
    keys = [number_key(number) for number in drawn]
    wrong = [key[:-1] + ("0" if key[-1] != "0" else "1") for key in keys]
    async with database.transaction() as connection:
        assert await reserved_keys(connection, [*keys, *wrong]) == set(keys)
        assert await misread_keys(connection, [*keys, *wrong]) == set(wrong)


async def test_without_a_check_character_the_shape_alone_is_reserved_and_nothing_is_misread(
    database: Database, owner: Principal
) -> None:
    prefix = (await new_format(database, owner, "{serial:3}")).prefix
    async with database.transaction() as connection:
        assert await reserved_keys(connection, [f"{prefix}123", f"{prefix}1234", f"{prefix}12A"]) == {f"{prefix}123"}
        assert await misread_keys(connection, [f"{prefix}123", f"{prefix}1234"]) == frozenset()


async def test_any_number_of_keys_costs_one_query_and_none_costs_none(database: Database) -> None:
    keys = [GOOD, MISREAD, *(f"{fresh_prefix()}{serial}" for serial in range(1_000))]
    async with database.transaction() as connection:
        statements = _count_statements(connection)
        assert await reserved_keys(connection, []) == frozenset()
        assert await misread_keys(connection, []) == frozenset()
        assert await misread_keys(connection, ["7", "X" * 35]) == frozenset()
        assert statements == []
        assert await reserved_keys(connection, keys) == {GOOD}
        assert len(statements) == 1


async def test_the_reading_that_a_format_writes_is_the_one_that_is_verified(
    database: Database, owner: Principal
) -> None:
    prefix = (await new_format(database, owner, "{serial:3}")).prefix
    async with database.transaction() as connection:
        found = await service.verify(connection, owner, f"PO {prefix} 123")
    assert (found.number_key, found.well_formed, found.formats[0].check) == (f"{prefix}123", True, "none")


def _count_statements(connection: AsyncConnection) -> list[str]:
    statements: list[str] = []

    def remember(*arguments: object) -> None:
        statements.append(str(arguments[2]))

    event.listen(connection.sync_connection, "before_cursor_execute", remember)
    return statements
