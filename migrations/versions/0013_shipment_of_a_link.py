"""The bill of lading and the delivery booking of a PRO link, and when a PRO number's shipment was completed."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.add_column("pro_links", sa.Column("bol", sa.Text(), nullable=True))
    op.add_column("pro_links", sa.Column("booking_id", sa.Uuid(), nullable=True))
    op.create_check_constraint(op.f("ck_pro_links_bol_length"), "pro_links", "length(bol) BETWEEN 1 AND 30")
    op.create_index(op.f("ix_pro_links_bol"), "pro_links", ["bol"], postgresql_where=sa.text("bol IS NOT NULL"))
    op.create_index(
        op.f("ix_pro_links_booking_id"), "pro_links", ["booking_id"], postgresql_where=sa.text("booking_id IS NOT NULL")
    )
    op.add_column("pro_claims", sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Take the tables back to the revision before."""
    op.drop_column("pro_claims", "completed_at")
    op.drop_index(op.f("ix_pro_links_booking_id"), table_name="pro_links")
    op.drop_index(op.f("ix_pro_links_bol"), table_name="pro_links")
    op.drop_constraint(op.f("ck_pro_links_bol_length"), "pro_links", type_="check")
    op.drop_column("pro_links", "booking_id")
    op.drop_column("pro_links", "bol")
