"""SQL that counts a change of many orders at once: one statement, from one parameter."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, TextualSelect, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.orders.models import PurchaseOrderRow


@dataclass(frozen=True, slots=True)
class Counted:
    """`changes` of the order (number_key, organisation_id) to be counted, each with an event of its own.

    `judged`: what the change was judged by, as the order's row had it; None where it does not depend on the order.
    `unforwarded`: only while the order names no forwarder.
    """

    number_key: str
    organisation_id: UUID
    changes: int
    judged: Mapping[str, Any] | None = None
    unforwarded: bool = False


JUDGED: Final = {
    **dict.fromkeys(("status", "suspended_from"), "text"),
    **dict.fromkeys(("valid_from", "expires_at", "activate_by"), "timestamptz"),
    "ship_to_id": "uuid",
}
"""What of an order decides whether goods may come on it at a time, and where to, with its types."""


async def count_changes(connection: AsyncConnection, orders: Sequence[Counted]) -> Sequence[Row[Any]]:
    """Count changes that touch no column of the orders themselves; return the changed rows' identity and parties.

    Orders that are no more what the change was judged by are left out. `version` is that after the last change. The
    rows are taken in the order of their keys, so that no two statements wait for each other crosswise.
    """
    given = [
        {**{name: asdict(one)[name] for name in _GIVEN}, "is_judged": one.judged is not None}
        | {name: None if one.judged is None else one.judged[name] for name in JUDGED}
        for one in sorted(orders, key=lambda one: (one.number_key, one.organisation_id))
    ]
    return (await connection.execute(_STATEMENT, {"orders": json.dumps(given, default=_plain)})).all()


_GIVEN = ("number_key", "organisation_id", "changes", "unforwarded")
_RETURNED = ("number_key", "organisation_id", "version", "seller_id", "ship_to_id", "forwarder_ids", "issued_at")


def _statement() -> TextualSelect:
    columns = PurchaseOrderRow.__table__.c
    compared = [f"{name} {type_}" for name, type_ in JUDGED.items()]
    orders = ", ".join(f"orders.{name}" for name in JUDGED)
    given = ", ".join(f"given.{name}" for name in JUDGED)
    # Names come from the model alone; every value is inside the one parameter.
    return (
        text(
            "UPDATE purchase_orders AS orders SET version = orders.version + given.changes, updated_at = now() "  # noqa: S608
            "FROM (SELECT * FROM jsonb_to_recordset(CAST(CAST(:orders AS text) AS jsonb)) AS one (number_key text, "
            f"organisation_id uuid, changes integer, unforwarded boolean, is_judged boolean, {', '.join(compared)}) "
            "ORDER BY number_key, organisation_id) AS given "
            "WHERE orders.number_key = given.number_key AND orders.organisation_id = given.organisation_id "
            f"AND (NOT given.is_judged OR ({orders}) IS NOT DISTINCT FROM ({given})) "
            "AND (NOT given.unforwarded OR cardinality(orders.forwarder_ids) = 0) "
            f"RETURNING {', '.join(f'orders.{name}' for name in _RETURNED)}"
        )
        .bindparams(bindparam("orders"))
        .columns(*(columns[name] for name in _RETURNED))
    )


_STATEMENT = _statement()


def _plain(value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in a row")
