"""Calendars of locations, the places that bookings take, and which booked orders are at risk."""

from uuid import UUID

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_ACTOR: dict[str, sa.Uuid[UUID] | sa.Text] = {
    "actor_organisation_id": sa.Uuid(),
    "actor_key_id": sa.Uuid(),
    "actor_relation": sa.Text(),
}
_AT_RISK = "ck_pro_links_at_risk_is_said_whole"
_ACTOR_IS_KNOWN = "ck_purchase_order_events_actor_is_known_or_there_is_none"


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
    op.add_column("pro_links", sa.Column("warehouse_id", sa.Uuid(), nullable=True))
    op.add_column("pro_links", sa.Column("location_code", sa.Text(), nullable=True))
    op.add_column("pro_links", sa.Column("at_risk_since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("pro_links", sa.Column("at_risk_booking_id", sa.Uuid(), nullable=True))
    op.add_column("pro_links", sa.Column("at_risk_codes", postgresql.ARRAY(sa.Text()), nullable=True))
    op.create_check_constraint(
        op.f(_AT_RISK),
        "pro_links",
        "(at_risk_since IS NULL) = (at_risk_booking_id IS NULL) AND (at_risk_since IS NULL) = (at_risk_codes IS NULL)",
    )
    # Nobody has booked yet: of a large table it has nothing to read but that.
    op.create_index(
        op.f("ix_pro_links_booked_until"),
        "pro_links",
        [sa.text("(delivery_window ->> 'end')")],
        postgresql_where=sa.text("booking_id IS NOT NULL"),
    )
    for column, kind in _ACTOR.items():
        op.alter_column("purchase_order_events", column, existing_type=kind, nullable=True)
    # What is there has an actor each: it is not read to see that.
    op.execute(
        f"ALTER TABLE purchase_order_events ADD CONSTRAINT {_ACTOR_IS_KNOWN} CHECK ("
        "(actor_organisation_id IS NULL) = (actor_key_id IS NULL) "
        "AND (actor_organisation_id IS NULL) = (actor_relation IS NULL)) NOT VALID"
    )


def downgrade() -> None:
    """Take the tables back to the revision before."""
    op.drop_constraint(op.f(_ACTOR_IS_KNOWN), "purchase_order_events", type_="check")
    # What nobody did was not there before.
    nobody = "00000000-0000-0000-0000-000000000000"
    op.execute(
        "UPDATE purchase_order_events SET actor_relation = 'owner', "  # noqa: S608 - all of it stands here
        f"actor_organisation_id = '{nobody}', actor_key_id = '{nobody}' WHERE actor_organisation_id IS NULL"
    )
    for column, kind in _ACTOR.items():
        op.alter_column("purchase_order_events", column, existing_type=kind, nullable=False)
    op.drop_index(op.f("ix_pro_links_booked_until"), table_name="pro_links")
    op.drop_constraint(op.f(_AT_RISK), "pro_links", type_="check")
    for added in ("at_risk_codes", "at_risk_booking_id", "at_risk_since", "location_code", "warehouse_id"):
        op.drop_column("pro_links", added)
    op.drop_table("slot_claims")
    op.drop_table("location_calendars")
