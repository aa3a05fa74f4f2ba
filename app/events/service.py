"""Records what happened: the audit event and its outbox row, in the transaction of the change itself."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.identifiers import new_id
from app.events import repository
from app.events.event_types import AuditType, EventType
from app.events.models import BUCKETS
from app.principal import Principal, Relation


@dataclass(frozen=True, slots=True)
class OrderChange:
    """A change of the order (number_key, organisation_id); `sequence` is the order's version after it.

    `relation` says in which role the actor did it: an owner who confirms does so on the seller's behalf. Both are None
    where nobody did it: the service has noticed what others, or time, have made of the order.
    """

    type: EventType
    number_key: str
    organisation_id: UUID
    sequence: int
    actor: Principal | None
    relation: Relation | None
    data: dict[str, JsonValue] = field(default_factory=dict)


async def record(connection: AsyncConnection, changes: Sequence[OrderChange]) -> None:
    """Write the event and the outbox row of each change."""
    await repository.insert_order_events(
        connection,
        [
            {
                "number_key": change.number_key,
                "organisation_id": change.organisation_id,
                "sequence": change.sequence,
                "type": change.type,
                "actor_organisation_id": change.actor.organisation_id if change.actor else None,
                "actor_key_id": change.actor.key_id if change.actor else None,
                "actor_relation": change.relation,
                "data": change.data,
                "bucket": bucket_of(change.number_key),
                "id": new_id(),
            }
            for change in changes
        ],
    )


async def record_audit(
    connection: AsyncConnection,
    type_: AuditType,
    organisation_id: UUID,
    actor: Principal | None,
    data: dict[str, JsonValue],
) -> None:
    """Write the event of a change to an organisation's own things; no actor: the operator's command line."""
    identifier = new_id()
    await repository.insert_audit_events(
        connection,
        [
            {
                "organisation_id": organisation_id,
                "id": identifier,
                "type": type_,
                "actor_organisation_id": actor.organisation_id if actor else None,
                "actor_key_id": actor.key_id if actor else None,
                "data": data,
            }
        ],
    )
    await repository.insert_outbox(
        connection,
        [
            {
                "bucket": bucket_of(str(organisation_id)),
                "id": identifier,
                "organisation_id": organisation_id,
                "number_key": None,
                "sequence": None,
                "type": type_,
            }
        ],
    )


def bucket_of(text: str) -> int:
    """Return the outbox bucket, 0 to 63, of a number key: the same on every machine and in every version."""
    return zlib.crc32(text.encode()) % BUCKETS
