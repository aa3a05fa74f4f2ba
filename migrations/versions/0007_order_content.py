"""Revisions of orders: change orders that wait for their acknowledgement, and what each revision said."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision.

    Every order that is there has one revision: there was no way yet to make another.
    """
    op.add_column("purchase_orders", sa.Column("latest_revision", sa.Integer(), server_default="1", nullable=False))
    op.add_column("purchase_orders", sa.Column("proposed_revision", sa.Integer(), nullable=True))
    op.create_table(
        "purchase_order_revisions",
        sa.Column("number_key", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("terms", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("current_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("declined_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decline_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("revision >= 1", name=op.f("ck_purchase_order_revisions_revision_counts_from_one")),
        sa.ForeignKeyConstraint(
            ["number_key", "organisation_id"],
            ["purchase_orders.number_key", "purchase_orders.organisation_id"],
            name=op.f("fk_purchase_order_revisions_number_key"),
        ),
        sa.PrimaryKeyConstraint("number_key", "organisation_id", "revision", name=op.f("pk_purchase_order_revisions")),
        comment="dist:number_key - what each revision of a changed order said; its lines are beside it",
    )


def downgrade() -> None:
    """Take the tables back to the revision before."""
    op.drop_table("purchase_order_revisions")
    op.drop_column("purchase_orders", "proposed_revision")
    op.drop_column("purchase_orders", "latest_revision")
