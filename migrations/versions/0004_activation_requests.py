"""Activation requests: who wants the gate to accept an order, and what was decided."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.create_table(
        "activation_requests",
        sa.Column("number_key", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Uuid(), nullable=False),
        sa.Column("requested_as", sa.Text(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("contact", postgresql.JSONB(), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "status IN ('pending', 'approved', 'denied', 'withdrawn', 'obsolete')",
            name=op.f("ck_activation_requests_status"),
        ),
        sa.CheckConstraint(
            "(status = 'pending') = (decided_at IS NULL)", name=op.f("ck_activation_requests_pending_until_decided")
        ),
        sa.CheckConstraint(
            "(decided_at IS NULL) = (decided_by IS NULL)", name=op.f("ck_activation_requests_decided_by_somebody")
        ),
        sa.CheckConstraint(
            "status <> 'denied' OR decision_reason IS NOT NULL",
            name=op.f("ck_activation_requests_denied_for_a_reason"),
        ),
        sa.ForeignKeyConstraint(
            ["number_key", "organisation_id"],
            ["purchase_orders.number_key", "purchase_orders.organisation_id"],
            name=op.f("fk_activation_requests_number_key"),
        ),
        sa.ForeignKeyConstraint(
            ["requested_by"], ["organisations.id"], name=op.f("fk_activation_requests_requested_by")
        ),
        sa.ForeignKeyConstraint(["decided_by"], ["organisations.id"], name=op.f("fk_activation_requests_decided_by")),
        sa.PrimaryKeyConstraint("number_key", "organisation_id", "id", name=op.f("pk_activation_requests")),
        comment="dist:number_key - applications for the activation or extension of orders",
    )
    op.create_index(
        "uq_activation_requests_open",
        "activation_requests",
        ["number_key", "organisation_id"],
        unique=True,
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index(op.f("ix_activation_requests_id"), "activation_requests", ["id"], unique=False)
    op.create_index(
        op.f("ix_activation_requests_organisation_id_id"),
        "activation_requests",
        ["organisation_id", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_activation_requests_requested_by_id"), "activation_requests", ["requested_by", "id"], unique=False
    )
    op.create_index(
        "ix_activation_requests_queue",
        "activation_requests",
        ["organisation_id", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'pending'"),
    )


def downgrade() -> None:
    """Take the tables back to the revision before."""
    op.drop_table("activation_requests")
