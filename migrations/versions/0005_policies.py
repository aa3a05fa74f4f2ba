"""Policies: their versions, the one that an order was issued under, and the vehicle expected with a PRO number."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.create_table(
        "policies",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("versions", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_policies_organisation_id")),
        sa.PrimaryKeyConstraint("organisation_id", name=op.f("pk_policies")),
        comment="dist:reference - organisations' policies, with the number of their versions",
    )
    op.create_table(
        "policy_versions",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("effective_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mandatory_gate_facts", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("gate_facts_that_hold", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("receipt_tolerance", sa.Numeric(), nullable=False),
        sa.Column("delivery_window_at_gate", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("version >= 1", name=op.f("ck_policy_versions_version_counts_from_one")),
        sa.CheckConstraint(
            "receipt_tolerance BETWEEN 0 AND 1", name=op.f("ck_policy_versions_receipt_tolerance_is_a_share")
        ),
        sa.CheckConstraint(
            "delivery_window_at_gate IN ('enforced', 'ignored')",
            name=op.f("ck_policy_versions_delivery_window_at_gate"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["policies.organisation_id"], name=op.f("fk_policy_versions_organisation_id")
        ),
        sa.PrimaryKeyConstraint("organisation_id", "version", name=op.f("pk_policy_versions")),
        comment="dist:reference - versions of organisations' policies, append only",
    )
    op.add_column("purchase_orders", sa.Column("policy_version", sa.Integer(), nullable=True))
    op.add_column("pro_links", sa.Column("trailer_number", sa.Text(), nullable=True))
    op.add_column("pro_links", sa.Column("delivery_window", postgresql.JSONB(), nullable=True))


def downgrade() -> None:
    """Take the tables back to the revision before."""
    op.drop_column("pro_links", "delivery_window")
    op.drop_column("pro_links", "trailer_number")
    op.drop_column("purchase_orders", "policy_version")
    op.drop_table("policy_versions")
    op.drop_table("policies")
