"""The references by which each party of an order finds it at a gate."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.numbers.number_keys import MalformedNumber, number_key

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ORDERS_AT_ONCE = 1_000

_ORDERS = (
    sa.text(
        'SELECT number_key, organisation_id, reference, "references", seller_id, ship_to_id, forwarder_ids '
        "FROM purchase_orders WHERE (number_key, organisation_id) > (:number_key, :organisation_id) "
        "AND (reference IS NOT NULL OR \"references\" <> '[]') ORDER BY number_key, organisation_id LIMIT :orders"
    )
    .bindparams(sa.bindparam("organisation_id", type_=sa.Uuid()), sa.bindparam("orders", ORDERS_AT_ONCE))
    .columns(references=postgresql.JSONB())
)


def upgrade() -> None:
    """Bring the tables to this revision.

    Orders that the version before issues while this one is rolled out are found by their numbers alone.
    """
    table = op.create_table(
        "order_references",
        sa.Column("reference_key", sa.Text(), nullable=False),
        sa.Column("party_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("number_key", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "length(reference_key) BETWEEN 1 AND 35", name=op.f("ck_order_references_reference_key_length")
        ),
        sa.PrimaryKeyConstraint(
            "reference_key", "party_id", "organisation_id", "number_key", name=op.f("pk_order_references")
        ),
        comment="dist:reference_key - by which references each party of an order finds it",
    )
    fill(op.get_bind(), table)


def downgrade() -> None:
    """Take the tables back to the revision before."""
    op.drop_table("order_references")


def fill(connection: sa.Connection, table: sa.Table) -> None:
    """Write the references of the orders that are there, a page of orders at a time, in the order of their key."""
    place: dict[str, Any] = {"number_key": "", "organisation_id": UUID(int=0)}
    while orders := connection.execute(_ORDERS, place).all():
        rows = [row for order in orders for row in _rows(order)]
        if rows:
            connection.execute(sa.insert(table), rows)
        place = {"number_key": orders[-1].number_key, "organisation_id": orders[-1].organisation_id}


def _rows(order: sa.Row[Any]) -> Iterator[dict[str, Any]]:
    # As the code did it that came with this revision: what it does later is for later revisions to bring.
    for_all = {key for one in order.references if (key := _key(one["value"]))}
    own = {key for key in [_key(order.reference or "")] if key}
    trading = {party for party in (order.organisation_id, order.seller_id) if party}
    logistics = {party for party in (order.ship_to_id, *order.forwarder_ids) if party}
    found = {(key, party) for key in for_all | own for party in trading}
    found |= {(key, party) for key in for_all for party in logistics}
    for key, party in sorted(found):
        yield {
            "reference_key": key,
            "party_id": party,
            "organisation_id": order.organisation_id,
            "number_key": order.number_key,
        }


def _key(text: str) -> str | None:
    try:
        return number_key(text)
    except MalformedNumber:
        return None
