"""Organisations with formats of their own, for tests that call the services without HTTP."""

import secrets
from collections.abc import Mapping, Sequence

from app.db.identifiers import new_id
from app.db.session import Database
from app.errors import Problem
from app.numbers import service
from app.numbers.check_characters import NUMBER_ALPHABET
from app.numbers.number_issuer import DrawnNumber, NumberIssuer, WantedNumber
from app.numbers.schemas import CreateNumberFormat, NumberFormat
from app.organisations import service as organisations
from app.organisations.schemas import CreateOrganisation
from app.principal import OPERATIONS, Principal, Scope


def fresh_prefix() -> str:
    """A prefix that no other test has: all are of one length, so that none begins another."""
    return "Q" + "".join(secrets.choice(NUMBER_ALPHABET) for _ in range(7))


async def new_owner(database: Database) -> Principal:
    async with database.transaction() as connection:
        made = await organisations.create(connection, None, CreateOrganisation(name="Owner"))
    return Principal(made.id, new_id(), frozenset(Scope), OPERATIONS["create_number_format"])


async def new_format(database: Database, owner: Principal, segments: str, *, gapless: bool = False) -> NumberFormat:
    """Create a format of the given segments behind a prefix of its own."""
    async with database.transaction() as connection:
        body = CreateNumberFormat(name="Test", pattern=fresh_prefix() + segments, gapless=gapless)
        return await service.create(connection, owner, body)


async def draw(
    database: Database,
    issuer: NumberIssuer,
    owner: Principal,
    count: int,
    number_format: NumberFormat | None = None,
    components: Mapping[str, str] | None = None,
) -> Sequence[DrawnNumber | Problem]:
    """Draw `count` numbers in one transaction, as a request does."""
    wanted = WantedNumber(number_format.id if number_format else None, components or {})
    async with database.transaction() as connection:
        return await issuer.draw(connection, owner.organisation_id, [wanted] * count)


def texts(drawn: Sequence[DrawnNumber | Problem]) -> list[str]:
    """The numbers that were drawn; fails where one was not."""
    problems = [outcome for outcome in drawn if isinstance(outcome, Problem)]
    assert not problems, problems
    return [outcome.number for outcome in drawn if isinstance(outcome, DrawnNumber)]
