"""Receiving: receipts with their lines, and the references that are taken once and for ever."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.create_table(
        "receipt_claims",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("receipt_reference", sa.Text(), nullable=False),
        sa.Column("number_key", sa.Text(), nullable=False),
        sa.Column("buyer", sa.Uuid(), nullable=False),
        sa.Column("receipt_id", sa.Uuid(), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "receipt_reference", name=op.f("pk_receipt_claims")),
        comment="dist:organisation_id - receipts' own references, each taken once",
    )
    op.create_table(
        "receipts",
        sa.Column("number_key", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("received_by", sa.Uuid(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("dock", sa.Text(), nullable=True),
        sa.Column("operator", sa.Text(), nullable=True),
        sa.Column("trailer_number", sa.Text(), nullable=True),
        sa.Column("scac", sa.Text(), nullable=True),
        sa.Column("pro_number", sa.Text(), nullable=True),
        sa.Column("receipt_reference", sa.Text(), nullable=True),
        sa.Column("reversed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reversed_by", sa.Uuid(), nullable=True),
        sa.Column("reversal_reason", sa.Text(), nullable=True),
        sa.Column("put_away_location", sa.Text(), nullable=True),
        sa.Column("put_away_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(put_away_at IS NULL) = (put_away_location IS NULL)", name=op.f("ck_receipts_put_away_somewhere")
        ),
        sa.CheckConstraint(
            "(reversed_at IS NULL) = (reversal_reason IS NULL)", name=op.f("ck_receipts_reversed_for_a_reason")
        ),
        sa.CheckConstraint(
            "(reversed_at IS NULL) = (reversed_by IS NULL)", name=op.f("ck_receipts_reversed_by_somebody")
        ),
        sa.ForeignKeyConstraint(
            ["number_key", "organisation_id"],
            ["purchase_orders.number_key", "purchase_orders.organisation_id"],
            name=op.f("fk_receipts_number_key"),
        ),
        sa.ForeignKeyConstraint(["received_by"], ["organisations.id"], name=op.f("fk_receipts_received_by")),
        sa.ForeignKeyConstraint(["reversed_by"], ["organisations.id"], name=op.f("fk_receipts_reversed_by")),
        sa.PrimaryKeyConstraint("number_key", "organisation_id", "id", name=op.f("pk_receipts")),
        comment="dist:number_key - goods that came in on purchase orders",
    )
    op.create_index(op.f("ix_receipts_id"), "receipts", ["id"], unique=False)
    op.create_table(
        "receipt_lines",
        sa.Column("number_key", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("receipt_id", sa.Uuid(), nullable=False),
        sa.Column("item", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=False),
        sa.Column("condition", sa.Text(), nullable=True),
        sa.Column("lot", sa.Text(), nullable=True),
        sa.CheckConstraint("item >= 1", name=op.f("ck_receipt_lines_item_counts_from_one")),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_receipt_lines_quantity_is_positive")),
        sa.ForeignKeyConstraint(
            ["number_key", "organisation_id", "receipt_id"],
            ["receipts.number_key", "receipts.organisation_id", "receipts.id"],
            name=op.f("fk_receipt_lines_number_key"),
        ),
        sa.PrimaryKeyConstraint("number_key", "organisation_id", "receipt_id", "item", name=op.f("pk_receipt_lines")),
        comment="dist:number_key - what came in with each receipt, by line, condition and lot",
    )


def downgrade() -> None:
    """Take the tables back to the revision before."""
    op.drop_table("receipt_lines")
    op.drop_table("receipts")
    op.drop_table("receipt_claims")
