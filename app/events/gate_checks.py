"""The record of checks at gates: who asked about an order, when, at which dock, and what was against it.

Written in groups a moment after the answer, so that no lorry waits for it (see `app/db/group_writer.py` for what a
crash may lose).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.group_writer import GroupWriter
from app.db.session import Database
from app.events import repository


@dataclass(frozen=True, slots=True)
class GateCheck:
    """One check of the order (number_key, organisation_id), whose version was `sequence`.

    `relation` is what the asking organisation is to it; `delivery`: what was told of the delivery, JSON values.
    """

    number_key: str
    organisation_id: UUID
    sequence: int
    id: UUID
    checked_at: datetime
    checked_by: UUID
    key_id: UUID
    relation: str
    verdict: str
    codes: Sequence[str]
    delivery: Mapping[str, Any]


def gate_check_writer(database: Database) -> GroupWriter[GateCheck]:
    """Return the writer that checks are noted with; close it in the end."""
    return GroupWriter(database, _insert, name="gate_checks")


async def _insert(connection: AsyncConnection, checks: Sequence[GateCheck]) -> None:
    await repository.insert_gate_checks(connection, [asdict(check) for check in checks])
