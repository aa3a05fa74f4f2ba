"""The migrated catalog keeps what makes the tables distributable (Citus), read from Postgres itself.

The rules are small functions over rows of the catalog, so that each is seen to fail on a key that breaks it.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

import asyncpg
import pytest

REFERENCE, LOCAL = "reference", "local"


@dataclass(frozen=True)
class Key:
    """A PRIMARY KEY, UNIQUE or EXCLUDE (partial ones too) with its key columns, without those of INCLUDE."""

    table: str
    name: str
    columns: frozenset[str]


@dataclass(frozen=True)
class ForeignKey:
    """A foreign key: pairs of columns, from the table's own to the other table's."""

    table: str
    name: str
    other: str
    columns: tuple[tuple[str, str], ...]


def faults(distribution: dict[str, str | None], keys: Iterable[Key], foreign_keys: Iterable[ForeignKey]) -> list[str]:
    """Return a sentence for each thing that could not be distributed."""
    found = [f"{table} does not say its distribution" for table, by in distribution.items() if by is None]
    for key in keys:
        by = distribution[key.table]
        if by not in {REFERENCE, LOCAL, None} and by not in key.columns:
            found.append(f"{key.name} of {key.table} does not hold {by}")
    for foreign_key in foreign_keys:
        by, other = distribution[foreign_key.table], distribution[foreign_key.other]
        if other == REFERENCE or by == LOCAL:
            continue
        if by == REFERENCE or (by, other) not in foreign_key.columns:
            found.append(f"{foreign_key.name} of {foreign_key.table} leaves its shard")
    return found


async def _catalog(url: str) -> tuple[dict[str, str | None], list[Key], list[ForeignKey], list[str]]:
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch(
            "SELECT relname, substring(obj_description(oid, 'pg_class') FROM '^dist:([a-z_]+)') AS by FROM pg_class "
            "WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'"
        )
        keys = await connection.fetch(
            "SELECT r.relname AS table, c.relname AS name, array_agg(a.attname::text) AS columns FROM pg_index i "
            "JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class r ON r.oid = i.indrelid "
            "CROSS JOIN LATERAL unnest(i.indkey::int[]) WITH ORDINALITY AS k(number, place) "
            "LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number "
            "WHERE (i.indisunique OR i.indisexclusion) AND k.place <= i.indnkeyatts "
            "AND r.relnamespace = 'public'::regnamespace AND r.relname <> 'alembic_version' GROUP BY 1, 2"
        )
        foreign_keys = await connection.fetch(
            "SELECT conrelid::regclass::text AS table, conname AS name, confrelid::regclass::text AS other, "
            "array_agg(a.attname::text ORDER BY k.place) AS columns, "
            "array_agg(b.attname::text ORDER BY k.place) AS others FROM pg_constraint "
            "CROSS JOIN LATERAL unnest(conkey, confkey) WITH ORDINALITY AS k(own, other, place) "
            "JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = k.own "
            "JOIN pg_attribute b ON b.attrelid = confrelid AND b.attnum = k.other "
            "WHERE contype = 'f' GROUP BY 1, 2, 3"
        )
        code = await connection.fetch(
            "SELECT tgname AS name FROM pg_trigger WHERE NOT tgisinternal "
            "UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace "
            "UNION ALL SELECT relname FROM pg_class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace"
        )
    finally:
        await connection.close()
    return (
        {row["relname"]: row["by"] for row in tables},
        [Key(row["table"], row["name"], frozenset(row["columns"])) for row in keys],
        [
            ForeignKey(row["table"], row["name"], row["other"], tuple(zip(row["columns"], row["others"], strict=True)))
            for row in foreign_keys
        ],
        [row["name"] for row in code],
    )


def test_every_table_could_be_distributed(database_url: str) -> None:
    distribution, keys, foreign_keys, code = asyncio.run(_catalog(database_url))
    assert len(distribution) >= 15
    assert len(keys) >= len(distribution)
    assert len(foreign_keys) >= 8
    assert faults(distribution, keys, foreign_keys) == []
    assert code == [], "no triggers, no stored procedures, no sequences"


def test_an_orders_tables_are_distributed_by_the_key_of_its_number(database_url: str) -> None:
    distribution, *_ = asyncio.run(_catalog(database_url))
    for table in (
        "purchase_orders",
        "purchase_order_lines",
        "purchase_order_events",
        "pro_links",
        "receipts",
        "receipt_lines",
        "support_cases",
        "support_case_steps",
    ):
        assert distribution[table] == "number_key"


@pytest.mark.parametrize(
    ("distribution", "keys", "foreign_keys", "fault"),
    [
        ({"t": None}, [], [], "t does not say its distribution"),
        ({"t": "number_key"}, [Key("t", "pk", frozenset({"id"}))], [], "pk of t does not hold number_key"),
        (
            {"t": "number_key", "o": "id"},
            [],
            [ForeignKey("t", "fk", "o", (("o_id", "id"),))],
            "fk of t leaves its shard",
        ),
        (
            {"t": "number_key", "o": "number_key"},
            [],
            [ForeignKey("t", "fk", "o", (("other_key", "number_key"),))],
            "fk of t leaves its shard",
        ),
        (
            {"t": "reference", "o": "number_key"},
            [],
            [ForeignKey("t", "fk", "o", (("number_key", "number_key"),))],
            "fk of t leaves its shard",
        ),
    ],
)
def test_a_key_that_breaks_the_rules_is_found(
    distribution: dict[str, str | None], keys: list[Key], foreign_keys: list[ForeignKey], fault: str
) -> None:
    assert faults(distribution, keys, foreign_keys) == [fault]
