"""What the relay has in hand, behind the API: what waits in the outbox, or has been relayed already."""

from collections.abc import Callable
from typing import Any

Sql = Callable[..., list[Any]]


def recorded(sql: Sql, number: str) -> list[tuple[int, str]]:
    """Return sequence and type of what the outbox was told of an order, relayed or not: a statement sees each once."""
    rows = sql(
        "SELECT sequence, type FROM outbox WHERE number_key = $1 UNION ALL "
        "SELECT sequence, type FROM feed_entries WHERE number_key = $1 AND relation = 'owner' ORDER BY sequence",
        number.replace("-", ""),
    )
    return [(row["sequence"], row["type"]) for row in rows]


def told_of_itself(sql: Sql, organisation_id: str, type_: str) -> list[Any]:
    """Return the ids of what the outbox was told of an organisation itself, relayed or not."""
    rows = sql(
        "SELECT id FROM outbox WHERE organisation_id = $1 AND type = $2 AND number_key IS NULL UNION ALL "
        "SELECT event_id FROM feed_entries WHERE organisation_id = $1 AND type = $2 AND relation IS NULL ORDER BY id",
        organisation_id,
        type_,
    )
    return [row["id"] for row in rows]


def keep_quiet(sql: Sql, order_id: str) -> None:
    """Let nobody announce what time makes of an order, for tests that move its dates and count its changes."""
    sql(
        "INSERT INTO purchase_order_announcements (number_key, organisation_id, bucket, version, announced) "
        "SELECT number_key, organisation_id, 0, 2147483647, '{}' FROM purchase_orders WHERE id = $1 "
        "ON CONFLICT (number_key, organisation_id) DO UPDATE SET version = excluded.version, next_at = NULL",
        order_id,
    )
