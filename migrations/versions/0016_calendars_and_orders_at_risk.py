"""Calendars of locations, the places that bookings take, and which booked orders are at risk."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0013"
branch_labels = None
depends_on = None

_WINDOW_END = "(delivery_window ->> 'end')"
_ACTOR = ("actor_organisation_id", "actor_key_id", "actor_relation")


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.create_table(
        "location_calendars",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("slot_minutes", sa.Integer(), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("opening_hours", postgresql.JSONB(), nullable=False),
        sa.Column("exceptions", postgresql.JSONB(), nullable=False),
        sa.Column("book_at_least", sa.Interval(), nullable=False),
        sa.Column("book_at_most", sa.Interval(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("slot_minutes BETWEEN 5 AND 720", name=op.f("ck_location_calendars_slot_minutes")),
        sa.CheckConstraint("capacity >= 1", name=op.f("ck_location_calendars_capacity_is_positive")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_location_calendars_version_counts_from_one")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_location_calendars_organisation_id")
        ),
        sa.PrimaryKeyConstraint("organisation_id", "location", name=op.f("pk_location_calendars")),
        comment="dist:organisation_id - when locations take vehicles in",
    )
    op.create_table(
        "slot_claims",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("place >= 1", name=op.f("ck_slot_claims_place_counts_from_one")),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_slot_claims_ends_after_it_starts")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "location"],
            ["location_calendars.organisation_id", "location_calendars.location"],
            name=op.f("fk_slot_claims_organisation_id"),
        ),
        sa.PrimaryKeyConstraint("organisation_id", "location", "starts_at", "place", name=op.f("pk_slot_claims")),
        comment="dist:organisation_id - places in slots that delivery bookings have taken",
    )
    op.create_index(op.f("ix_slot_claims_organisation_id_booking_id"), "slot_claims", ["organisation_id", "booking_id"])


def downgrade() -> None:
    """Take the tables back to the revision before."""
    op.drop_table("slot_claims")
    op.drop_table("location_calendars")
