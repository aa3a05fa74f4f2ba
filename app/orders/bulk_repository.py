"""SQL that counts a change of many orders at once: one statement, from one parameter."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, TextualSelect, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.orders.models import PurchaseOrderRow


@dataclass(frozen=True, slots=True)
class Counted:
    """`changes` of the order (number_key, organisation_id) to be counted, each with an event of its own.

    `judged`: the order's row as the change was judged by it; None where it does not depend on the order.
    """

    number_key: str
    organisation_id: UUID
    changes: int
    judged: Mapping[str, Any] | None = None


JUDGED: Final = {
    **dict.fromkeys(("status", "suspended_from"), "text"),
    **dict.fromkeys(("valid_from", "expires_at", "activate_by"), "timestamptz"),
    "ship_to_id": "uuid",
    "forwarder_ids": "uuid[]",
}
"""What of an order decides whether, when and where to goods may come on it, and by whose hand; with its types."""

_RETURNED = ("number_key", "organisation_id", "version", "seller_id", "ship_to_id", "forwarder_ids", "issued_at")


async def count_changes(connection: AsyncConnection, orders: Sequence[Counted]) -> Sequence[Row[Any]]:
    """Count changes that touch no column of the orders themselves; return the changed rows' identity and parties.

    All of the orders are judged, or none. One that is no more what its change was judged by is left out. `version` is
    that after the last change. The rows are held to the end of the transaction, taken in the order of their keys, so
    that no two transactions wait for each other crosswise.
    """
    judged = any(one.judged is not None for one in orders)
    given = [
        {"number_key": one.number_key, "organisation_id": one.organisation_id, "changes": one.changes}
        | ({name: one.judged[name] for name in JUDGED} if one.judged is not None else {})
        for one in orders
    ]
    return (await connection.execute(_STATEMENTS[judged], {"orders": json.dumps(given, default=_plain)})).all()


def _statement(*, judged: bool) -> TextualSelect:
    """Return an INSERT that always meets its row: it takes rows in the order of its SELECT.

    An UPDATE takes them as its plan happens to come by them. What would be inserted carries what is given: how many
    changes in place of the version, and what was judged in place of what is there.
    """
    columns = PurchaseOrderRow.__table__.c
    compared = JUDGED if judged else {}
    given = {"version": "changes"} | {name: name for name in compared}
    selected = [f"given.{given[one.name]}" if one.name in given else f'found."{one.name}"' for one in columns]
    into = [f'"{one.name}"' for one in columns]
    types = "".join(f", {name} {type_}" for name, type_ in compared.items())
    now, then = (", ".join(f"{whose}.{name}" for name in compared) for whose in ("orders", "excluded"))
    # Names come from the model alone; every value is inside the one parameter.
    return text(
        f"INSERT INTO purchase_orders AS orders ({', '.join(into)}) SELECT {', '.join(selected)} FROM "  # noqa: S608
        "jsonb_to_recordset(CAST(CAST(:orders AS text) AS jsonb)) "
        f"AS given (number_key text, organisation_id uuid, changes integer{types}) "
        "JOIN purchase_orders AS found USING (number_key, organisation_id) "
        "ORDER BY found.number_key, found.organisation_id "
        "ON CONFLICT (number_key, organisation_id) DO UPDATE "
        "SET version = orders.version + excluded.version, updated_at = now() "
        f"{f'WHERE ({now}) IS NOT DISTINCT FROM ({then}) ' if judged else ''}"
        f"RETURNING {', '.join(f'orders.{name}' for name in _RETURNED)}"
    ).columns(*(columns[name] for name in _RETURNED))


_STATEMENTS: Final = {judged: _statement(judged=judged) for judged in (True, False)}


def _plain(value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in a row")
