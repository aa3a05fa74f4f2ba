"""Tracking of shipments and parcels, tracking numbers on orders, and the ship notice of a PRO link."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_TYPES = (
    "type IN ('information', 'picked_up', 'in_transit', 'at_terminal', 'out_for_delivery', 'exception', 'delivered')"
)
_STATUSES = "status IN ('picked_up', 'in_transit', 'at_terminal', 'out_for_delivery', 'exception', 'delivered')"


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.create_table(
        "tracking_events",
        sa.Column("scac", sa.Text(), nullable=False),
        sa.Column("pro_number", sa.Text(), nullable=False),
        *_said(),
        sa.CheckConstraint(_TYPES, name=op.f("ck_tracking_events_type")),
        sa.PrimaryKeyConstraint("scac", "pro_number", "event_key", name=op.f("pk_tracking_events")),
        comment="dist:pro_number - what carriers tell of the shipments behind PRO numbers",
    )
    op.create_table(
        "shipment_states",
        sa.Column("scac", sa.Text(), nullable=False),
        sa.Column("pro_number", sa.Text(), nullable=False),
        *_state(),
        sa.CheckConstraint(_STATUSES, name=op.f("ck_shipment_states_status")),
        sa.PrimaryKeyConstraint("scac", "pro_number", name=op.f("pk_shipment_states")),
        comment="dist:pro_number - where the shipments behind PRO numbers are",
    )
    op.create_table(
        "tracking_numbers",
        sa.Column("number_key", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("tracking_number", sa.Text(), nullable=False),
        sa.Column("display", sa.Text(), nullable=False),
        sa.Column("carrier", sa.Text(), nullable=False),
        sa.Column("linked_by", sa.Uuid(), nullable=False),
        sa.Column("linked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("unlinked_at", sa.DateTime(timezone=True), nullable=True),
        *_state(),
        sa.CheckConstraint(_STATUSES, name=op.f("ck_tracking_numbers_status")),
        sa.CheckConstraint(
            "length(tracking_number) BETWEEN 1 AND 40", name=op.f("ck_tracking_numbers_tracking_number_length")
        ),
        sa.ForeignKeyConstraint(
            ["number_key", "organisation_id"],
            ["purchase_orders.number_key", "purchase_orders.organisation_id"],
            name=op.f("fk_tracking_numbers_number_key"),
        ),
        sa.ForeignKeyConstraint(["linked_by"], ["organisations.id"], name=op.f("fk_tracking_numbers_linked_by")),
        sa.PrimaryKeyConstraint("number_key", "organisation_id", "tracking_number", name=op.f("pk_tracking_numbers")),
        comment="dist:number_key - tracking numbers of parcels on purchase orders",
    )
    op.create_index(
        op.f("ix_tracking_numbers_tracking_number"),
        "tracking_numbers",
        ["tracking_number"],
        postgresql_where=sa.text("unlinked_at IS NULL"),
    )
    op.create_table(
        "parcel_events",
        sa.Column("number_key", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("tracking_number", sa.Text(), nullable=False),
        *_said(),
        sa.CheckConstraint(_TYPES, name=op.f("ck_parcel_events_type")),
        sa.ForeignKeyConstraint(
            ["number_key", "organisation_id", "tracking_number"],
            ["tracking_numbers.number_key", "tracking_numbers.organisation_id", "tracking_numbers.tracking_number"],
            name=op.f("fk_parcel_events_number_key"),
        ),
        sa.PrimaryKeyConstraint(
            "number_key", "organisation_id", "tracking_number", "event_key", name=op.f("pk_parcel_events")
        ),
        comment="dist:number_key - what carriers tell of the parcels of purchase orders",
    )
    op.add_column("pro_links", sa.Column("ship_notice", postgresql.JSONB(), nullable=True))
    op.create_index(
        "ix_pro_links_ship_notice",
        "pro_links",
        [sa.text("(ship_notice ->> 'sent_by')"), sa.text("(ship_notice ->> 'reference')")],
        postgresql_where=sa.text("ship_notice IS NOT NULL"),
    )


def downgrade() -> None:
    """Take the tables back to the revision before."""
    op.drop_index("ix_pro_links_ship_notice", table_name="pro_links")
    op.drop_column("pro_links", "ship_notice")
    for table in ("parcel_events", "tracking_numbers", "shipment_states", "tracking_events"):
        op.drop_table(table)


def _said() -> list[sa.Column[Any]]:
    return [
        sa.Column("event_key", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("eta", sa.DateTime(timezone=True), nullable=True),
        sa.Column("location", postgresql.JSONB(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("source_reference", sa.Text(), nullable=True),
        sa.Column("reported_by", sa.Uuid(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
    ]


def _state() -> list[sa.Column[Any]]:
    return [
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("eta", sa.DateTime(timezone=True), nullable=True),
        sa.Column("location", postgresql.JSONB(), nullable=True),
        sa.Column("exception", postgresql.JSONB(), nullable=True),
        sa.Column("events", sa.Integer(), nullable=False),
    ]
