"""Revisions of orders, with the change orders that wait for their acknowledgement, and what sellers say by line."""

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
    op.add_column("purchase_orders", sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True))
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
    op.create_table(
        "acknowledgements",
        sa.Column("number_key", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("acknowledged_by", sa.Uuid(), nullable=False),
        sa.Column("acknowledged_as", sa.Text(), nullable=False),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("contract_number", sa.Text(), nullable=True),
        sa.Column("invoice_number", sa.Text(), nullable=True),
        sa.Column("lines", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(
            ["acknowledged_by"], ["organisations.id"], name=op.f("fk_acknowledgements_acknowledged_by")
        ),
        sa.ForeignKeyConstraint(
            ["number_key", "organisation_id"],
            ["purchase_orders.number_key", "purchase_orders.organisation_id"],
            name=op.f("fk_acknowledgements_number_key"),
        ),
        sa.PrimaryKeyConstraint("number_key", "organisation_id", "sequence", name=op.f("pk_acknowledgements")),
        comment="dist:number_key - what sellers said to purchase orders, append only",
    )
    op.add_column("purchase_order_lines", sa.Column("rejected", sa.Numeric(), server_default="0", nullable=False))
    # In two steps: only the second reads the lines, and lets them be written meanwhile.
    op.create_check_constraint(
        op.f("ck_purchase_order_lines_rejected_is_of_what_was_ordered"),
        "purchase_order_lines",
        "rejected BETWEEN 0 AND quantity",
        postgresql_not_valid=True,
    )
    with op.get_context().autocommit_block():
        op.execute(
            "ALTER TABLE purchase_order_lines "
            "VALIDATE CONSTRAINT ck_purchase_order_lines_rejected_is_of_what_was_ordered"
        )


def downgrade() -> None:
    """Take the tables back to the revision before."""
    op.drop_column("purchase_order_lines", "rejected")
    op.drop_table("acknowledgements")
    op.drop_table("purchase_order_revisions")
    op.drop_column("purchase_orders", "seen_at")
    op.drop_column("purchase_orders", "proposed_revision")
    op.drop_column("purchase_orders", "latest_revision")
