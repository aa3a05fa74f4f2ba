"""SQL of many links at once, and of a link that goes to another PRO number."""

import json
from collections.abc import Collection, Mapping
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, case, delete, func, select, text, tuple_, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from app.shipments.claim_repository import Pro
from app.shipments.models import LinkOutcome, ProLinkRow

Link = ProLinkRow

LinkId = tuple[str, UUID, str, str]
"""The order's number key, its buyer, the carrier's code, the PRO number's key."""

_GIVEN_COLUMNS: Final = ("number_key", "organisation_id", "scac", "pro_number", "display", "linked_by")
_VEHICLE: Final = ("trailer_number", "delivery_window", "bol")
_BOOKED: Final = frozenset(
    {"booking_id", "warehouse_id", "location_code", "at_risk_since", "at_risk_booking_id", "at_risk_codes"}
)
"""What a delivery booking says of a link."""

_KEY: Final = (Link.number_key, Link.organisation_id, Link.scac, Link.pro_number)
_link_columns: list[Any] = list(Link.__table__.c)
_returned = ", ".join(f"links.{column.name}" for column in _link_columns)

_given = (
    "(SELECT * FROM jsonb_to_recordset(CAST(CAST(:links AS text) AS jsonb)) AS one (number_key text, "
    "organisation_id uuid, scac text, pro_number text, display text, linked_by uuid, trailer_number text, "
    "delivery_window jsonb, bol text, said text[]) "
    # One order everywhere: two that link the same do not wait for each other crosswise.
    "ORDER BY number_key, organisation_id, scac, pro_number) AS given"
)
_inserted = ", ".join((*_GIVEN_COLUMNS, *_VEHICLE))
_INSERT = text(
    f"INSERT INTO pro_links AS links ({_inserted}, linked_at) SELECT {_inserted}, now() FROM {_given} "  # noqa: S608 - names of the model alone
    f"ON CONFLICT DO NOTHING RETURNING {_returned}"
).columns(*_link_columns)
_CHANGE = text(
    "UPDATE pro_links AS links SET "  # noqa: S608 - names of the model alone; every value is inside the one parameter
    + ", ".join(
        f"{name} = CASE WHEN '{name}' = ANY(given.said) THEN given.{name} ELSE links.{name} END" for name in _VEHICLE
    )
    + f" FROM {_given} WHERE links.number_key = given.number_key AND links.organisation_id = given.organisation_id "
    "AND links.scac = given.scac AND links.pro_number = given.pro_number AND links.booking_id IS NULL AND ("
    + " OR ".join(f"('{name}' = ANY(given.said) AND links.{name} IS DISTINCT FROM given.{name})" for name in _VEHICLE)
    + f") RETURNING {_returned}"
).columns(*_link_columns)


async def put_all(
    connection: AsyncConnection, links: Mapping[LinkId, Mapping[str, Any]]
) -> Mapping[LinkId, tuple[Row[Any], LinkOutcome]]:
    """Put PRO numbers on orders, or note the vehicles that are expected with those that are there; return all links.

    Values are columns of a link by name; of trailer_number, delivery_window and bol those that are said anew. A link
    that a delivery booking has its vehicle on stays as it is. One statement where all are new, at most three otherwise.
    """
    put: dict[LinkId, tuple[Row[Any], LinkOutcome]] = {}
    # Only an unlinking between the statements makes another round.
    while left := [link for link in links if link not in put]:
        given = {"links": json.dumps([_given_row(link, links[link]) for link in left], default=str)}
        for statement, outcome in ((_INSERT, LinkOutcome.MADE), (_CHANGE, LinkOutcome.CHANGED)):
            if len(put) < len(links):
                rows = await connection.execute(statement, given)
                put |= {_id(row): (row, outcome) for row in rows}
        if unchanged := [link for link in left if link not in put]:
            rows = await connection.execute(
                select(Link.__table__).where(
                    Link.number_key.in_({link[0] for link in unchanged}), tuple_(*_KEY).in_(unchanged)
                )
            )
            put |= {_id(row): (row, LinkOutcome.UNCHANGED) for row in rows}
    return put


async def existing(connection: AsyncConnection, links: Collection[LinkId]) -> frozenset[LinkId]:
    """Return those of the links that there are."""
    if not links:
        return frozenset()
    rows = await connection.execute(
        select(*_KEY).where(Link.number_key.in_({link[0] for link in links}), tuple_(*_KEY).in_(sorted(links)))
    )
    return frozenset((key, buyer, scac, pro_number) for key, buyer, scac, pro_number in rows)


async def expect_trailer(
    connection: AsyncConnection, booking_id: UUID, number_keys: Collection[str], trailer_number: str | None
) -> None:
    """Expect what a booking brings on another vehicle."""
    await connection.execute(
        update(Link)
        .where(Link.number_key.in_(number_keys), Link.booking_id == booking_id)
        .values(trailer_number=trailer_number)
    )


async def hold(
    connection: AsyncConnection, number_key: str, organisation_id: UUID, pros: Collection[Pro]
) -> Mapping[Pro, Row[Any]]:
    """Return those of the PRO numbers' links that the order has, and keep them so until the transaction ends."""
    rows = await connection.execute(
        select(Link.__table__)
        .where(
            Link.number_key == number_key,
            Link.organisation_id == organisation_id,
            tuple_(Link.scac, Link.pro_number).in_(sorted(pros)),
        )
        .order_by(Link.scac, Link.pro_number)
        .with_for_update()
    )
    return {(row.scac, row.pro_number): row for row in rows}


async def move(connection: AsyncConnection, old: Row[Any], values: Mapping[str, Any]) -> Row[Any]:
    """Put another PRO number on an order in place of a link that is held, with all else that is known of it.

    Where the order has that one already, it keeps what is said of its own, and its booking. Returns the link.
    """
    new = {"number_key": old.number_key, "organisation_id": old.organisation_id, "linked_at": func.now(), **values}
    kept = {column.key: getattr(old, column.key) for column in _link_columns if column.key not in new}
    insert = postgresql.insert(Link).values(**new, **kept)
    # What a booking says belongs together.
    unbooked = Link.booking_id.is_(None)
    own = {
        name: case((unbooked, insert.excluded[name]), else_=getattr(Link, name))
        if name in _BOOKED
        else func.coalesce(getattr(Link, name), insert.excluded[name])
        for name in kept
    }
    moved = await connection.execute(
        insert.on_conflict_do_update(index_elements=list(_KEY), set_=own).returning(*_link_columns)
    )
    await connection.execute(delete(Link).where(*(column == getattr(old, column.key) for column in _KEY)))
    return moved.one()


def _given_row(link: LinkId, values: Mapping[str, Any]) -> dict[str, Any]:
    key = dict(zip(("number_key", "organisation_id", "scac", "pro_number"), link, strict=True))
    return {**key, **values, "said": [name for name in _VEHICLE if name in values]}


def _id(row: Row[Any]) -> LinkId:
    return row.number_key, row.organisation_id, row.scac, row.pro_number
