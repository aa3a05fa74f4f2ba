"""The statement of docs/scaling.md that distributes the tables, as the page has it."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any


def test_the_statement_names_every_table_after_those_that_it_refers_to(
    sql: Callable[..., list[Any]], repository_root: Path
) -> None:
    page = (repository_root / "docs" / "scaling.md").read_text(encoding="utf-8")
    (statement,) = re.findall(r"```sql\n(\s+WITH RECURSIVE.*?)```", page, re.DOTALL)
    said = [row["statement"] for row in sql(statement)]
    names = [re.findall(r"'(\w+)'", one)[0] for one in said]
    tables = sql("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
    assert sorted(names) == sorted({row["relname"] for row in tables} - {"alembic_version"})
    assert "SELECT create_distributed_table('purchase_orders', 'number_key')" in said
    assert "SELECT create_reference_table('organisations')" in said
    referring = sql(
        "SELECT conrelid::regclass::text AS one, confrelid::regclass::text AS other FROM pg_constraint "
        "WHERE contype = 'f' AND conrelid <> confrelid"
    )
    assert [row for row in referring if names.index(row["one"]) < names.index(row["other"])] == []
