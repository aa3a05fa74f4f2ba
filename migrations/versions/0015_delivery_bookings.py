"""Delivery bookings with their history, and the bills of lading and appointment numbers that each may have once."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_INDEXES = (
    ("id",),
    ("booking_number",),
    ("organisation_id", "status", "id"),
    ("warehouse_id", "id"),
    ("warehouse_id", "status", "id"),
    ("organisation_id", "window_start"),
    ("warehouse_id", "window_start"),
)


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.add_column("policy_versions", sa.Column("booking_cutoff", sa.Interval(), nullable=True))
    op.create_check_constraint(
        op.f("ck_policy_versions_booking_cutoff_is_positive"), "policy_versions", "booking_cutoff > interval '0'"
    )
    op.add_column("pro_claims", sa.Column("booking_id", sa.Uuid(), nullable=True))
    _create_bookings()
    op.create_table(
        "delivery_booking_events",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_organisation_id", sa.Uuid(), nullable=False),
        sa.Column("actor_key_id", sa.Uuid(), nullable=False),
        sa.Column("data", postgresql.JSONB(), nullable=False),
        sa.CheckConstraint("sequence >= 1", name=op.f("ck_delivery_booking_events_sequence_counts_from_one")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "booking_id"],
            ["delivery_bookings.organisation_id", "delivery_bookings.id"],
            name=op.f("fk_delivery_booking_events_organisation_id"),
        ),
        sa.PrimaryKeyConstraint("organisation_id", "booking_id", "sequence", name=op.f("pk_delivery_booking_events")),
        comment="dist:organisation_id - what happened to each delivery booking, append only",
    )
    op.create_table(
        "bol_claims",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("bol", sa.Text(), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("length(bol) BETWEEN 1 AND 60", name=op.f("ck_bol_claims_bol_length")),
        sa.PrimaryKeyConstraint("organisation_id", "bol", name=op.f("pk_bol_claims")),
        comment="dist:organisation_id - bills of lading of each organisation's delivery bookings",
    )
    op.create_index(op.f("ix_bol_claims_organisation_id_booking_id"), "bol_claims", ["organisation_id", "booking_id"])
    op.create_table(
        "appointment_claims",
        sa.Column("warehouse_id", sa.Uuid(), nullable=False),
        sa.Column("appointment_number", sa.Text(), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["warehouse_id"], ["organisations.id"], name=op.f("fk_appointment_claims_warehouse_id")
        ),
        sa.PrimaryKeyConstraint("warehouse_id", "appointment_number", name=op.f("pk_appointment_claims")),
        comment="dist:warehouse_id - appointment numbers of each warehouse",
    )


def _create_bookings() -> None:
    op.create_table(
        "delivery_bookings",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("booking_number", sa.Text(), nullable=False),
        sa.Column("warehouse_id", sa.Uuid(), nullable=False),
        sa.Column("warehouse_is_known", sa.Boolean(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("ship_to", postgresql.JSONB(), nullable=True),
        sa.Column("location_code", sa.Text(), nullable=True),
        sa.Column("window_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("window_end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("load_type", sa.Text(), nullable=False),
        sa.Column("trailer_number", sa.Text(), nullable=True),
        sa.Column("trailer_key", sa.Text(), nullable=True),
        sa.Column("contact", postgresql.JSONB(), nullable=True),
        sa.Column("comments", sa.Text(), nullable=True),
        sa.Column("shipments", postgresql.JSONB(), nullable=False),
        sa.Column("scacs", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("pro_numbers", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("bols", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("number_keys", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("refused", postgresql.JSONB(), nullable=False),
        sa.Column("appointment_number", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("arrival", postgresql.JSONB(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('requested', 'confirmed', 'arrived', 'completed', 'cancelled', 'no_show')",
            name=op.f("ck_delivery_bookings_status"),
        ),
        sa.CheckConstraint(
            "load_type IN ('palletised', 'floor_loaded', 'parcel')", name=op.f("ck_delivery_bookings_load_type")
        ),
        sa.CheckConstraint("window_end > window_start", name=op.f("ck_delivery_bookings_window_ends_after_it_starts")),
        sa.CheckConstraint("length(comments) BETWEEN 1 AND 500", name=op.f("ck_delivery_bookings_comments_length")),
        sa.CheckConstraint(
            "status NOT IN ('arrived', 'completed') OR arrived_at IS NOT NULL",
            name=op.f("ck_delivery_bookings_arrived_at"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_delivery_bookings_organisation_id")
        ),
        sa.ForeignKeyConstraint(["warehouse_id"], ["organisations.id"], name=op.f("fk_delivery_bookings_warehouse_id")),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_delivery_bookings")),
        comment="dist:organisation_id - delivery bookings, by who has made them",
    )
    for columns in _INDEXES:
        op.create_index(op.f(f"ix_delivery_bookings_{'_'.join(columns)}"), "delivery_bookings", list(columns))
    op.create_index(
        op.f("ix_delivery_bookings_appointment_number"),
        "delivery_bookings",
        ["appointment_number"],
        postgresql_where=sa.text("appointment_number IS NOT NULL"),
    )
    op.create_index(
        "ix_delivery_bookings_expected_trailer",
        "delivery_bookings",
        ["warehouse_id", "trailer_key"],
        postgresql_where=sa.text("status IN ('requested', 'confirmed')"),
    )
    for column in ("pro_numbers", "number_keys", "bols"):
        op.create_index(op.f(f"ix_delivery_bookings_{column}"), "delivery_bookings", [column], postgresql_using="gin")


def downgrade() -> None:
    """Take the tables back to the revision before."""
    for table in ("appointment_claims", "bol_claims", "delivery_booking_events", "delivery_bookings"):
        op.drop_table(table)
    op.drop_column("pro_claims", "booking_id")
    op.drop_constraint(op.f("ck_policy_versions_booking_cutoff_is_positive"), "policy_versions", type_="check")
    op.drop_column("policy_versions", "booking_cutoff")
