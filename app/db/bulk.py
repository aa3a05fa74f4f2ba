"""One statement that inserts any number of rows, from one parameter.

A statement with a parameter per value is limited to 32,767 of them and is compiled anew for every number of rows;
one JSON document has neither limit, and its statement is prepared once. The types are the table's own, by
`jsonb_populate_recordset`.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, Final

from sqlalchemy import LargeBinary
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.base import Base
from app.db.statements import fetch
from app.json_writer import write_json

ROWS_AT_ONCE: Final = 2_000
"""Rows per statement: writing more of them down as JSON would keep the event loop from others."""


async def insert_rows(
    connection: AsyncConnection,
    table: type[Base],
    rows: Sequence[Mapping[str, Any]],
    *,
    at_now: Iterable[str] = (),
    ignore_conflicts: bool = False,
    returning: Iterable[str] = (),
) -> Sequence[Mapping[str, Any]]:
    """Insert `rows` (all with the same columns) and return the columns `returning` of those that went in.

    Columns `at_now` are set to the transaction's time. With `ignore_conflicts` a row that meets an existing key, or
    an earlier row of the same call, stays out and is missing from what is returned.
    """
    inserted: list[Mapping[str, Any]] = []
    for start in range(0, len(rows), ROWS_AT_ONCE):
        part = rows[start : start + ROWS_AT_ONCE]
        inserted += await _insert(connection, table, part, tuple(at_now), ignore_conflicts, tuple(returning))
    return inserted


async def _insert(
    connection: AsyncConnection,
    table: type[Base],
    rows: Sequence[Mapping[str, Any]],
    at_now: tuple[str, ...],
    ignore_conflicts: bool,
    returning: tuple[str, ...],
) -> Sequence[Mapping[str, Any]]:
    statement = _insert_statement(table.__tablename__, tuple(rows[0]), at_now, ignore_conflicts, returning)
    return await fetch(connection, statement, rows_as_json(table, rows))


@lru_cache(maxsize=256)
def _insert_statement(
    table: str, columns: tuple[str, ...], at_now: tuple[str, ...], ignore_conflicts: bool, returning: tuple[str, ...]
) -> str:
    targets = ", ".join(f'"{column}"' for column in (*columns, *at_now))
    values = ", ".join([f'given."{column}"' for column in columns] + ["now()"] * len(at_now))
    conflict = " ON CONFLICT DO NOTHING" if ignore_conflicts else ""
    answer = " RETURNING " + ", ".join(f'"{column}"' for column in returning) if returning else ""
    # Names come from the models alone; every value is inside the one parameter.
    return (
        f"INSERT INTO {table} ({targets}) SELECT {values} "  # noqa: S608
        f"FROM jsonb_populate_recordset(NULL::{table}, CAST(CAST($1 AS text) AS jsonb)) AS given{conflict}{answer}"
    )


def rows_as_json(table: type[Base], rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as `jsonb_populate_recordset` of their table reads them; what is not there is null."""
    binary = _binary_columns(table)
    plain = [_in_hexadecimal(row, binary) for row in rows] if binary else rows
    # Of an order half the columns are null, and reading them takes Postgres a tenth of the insert.
    return write_json([{name: value for name, value in row.items() if value is not None} for row in plain]).decode()


def _in_hexadecimal(row: Mapping[str, Any], columns: Iterable[str]) -> dict[str, Any]:
    """Return a row with its bytes as Postgres reads them."""
    return {**row, **{name: "\\x" + row[name].hex() for name in columns if row.get(name) is not None}}


@cache
def _binary_columns(table: type[Base]) -> tuple[str, ...]:
    return tuple(column.name for column in table.__table__.columns if isinstance(column.type, LargeBinary))
