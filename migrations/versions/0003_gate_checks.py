"""Checks at gates for the timelines of orders, and counts of look-ups."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.create_table(
        "look_up_counts",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("window_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("unrelated", sa.Integer(), nullable=False),
        sa.Column("unrelated_before", sa.Integer(), nullable=False),
        sa.Column("related_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("organisation_id", name=op.f("pk_look_up_counts")),
        comment="dist:organisation_id - look-ups of numbers without a relation, by the hour",
    )
    op.create_table(
        "gate_checks",
        sa.Column("number_key", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checked_by", sa.Uuid(), nullable=False),
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("relation", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("codes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("delivery", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["number_key", "organisation_id"],
            ["purchase_orders.number_key", "purchase_orders.organisation_id"],
            name=op.f("fk_gate_checks_number_key"),
        ),
        sa.PrimaryKeyConstraint("number_key", "organisation_id", "sequence", "id", name=op.f("pk_gate_checks")),
        comment="dist:number_key - checks of orders at gates, written in groups; a crash may lose the last",
    )
    op.create_index(op.f("ix_gate_checks_checked_at"), "gate_checks", ["checked_at"], unique=False)


def downgrade() -> None:
    """Take the tables back to the revision before."""
    op.drop_table("gate_checks")
    op.drop_table("look_up_counts")
