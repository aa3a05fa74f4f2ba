"""Support cases: what somebody asks for help with, the order as it was then, and what was done about it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.create_table(
        "support_cases",
        sa.Column("number_key", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("contact", postgresql.JSONB(), nullable=True),
        sa.Column("validation_id", sa.Uuid(), nullable=True),
        sa.Column("opened_by", sa.Uuid(), nullable=False),
        sa.Column("opened_as", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("snapshot", postgresql.JSONB(), nullable=False),
        sa.Column("assigned_to", sa.Uuid(), nullable=True),
        sa.Column("assignee", sa.Text(), nullable=True),
        sa.Column("assigned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolution", sa.Text(), nullable=True),
        sa.Column("resolved_by", sa.Uuid(), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("comments", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("status IN ('open', 'assigned', 'resolved')", name=op.f("ck_support_cases_status")),
        sa.CheckConstraint(
            "category IN ('entered_incorrectly', 'reused', 'expired', 'not_valid_yet', 'not_activated', "
            "'not_confirmed', 'other_delivery', 'system_fault', 'stopped')",
            name=op.f("ck_support_cases_category"),
        ),
        sa.CheckConstraint(
            "CASE status WHEN 'open' THEN assigned_to IS NULL WHEN 'assigned' THEN assigned_to IS NOT NULL ELSE true "
            "END",
            name=op.f("ck_support_cases_assigned_to_somebody"),
        ),
        sa.CheckConstraint(
            "(assigned_to IS NULL) = (assigned_at IS NULL)", name=op.f("ck_support_cases_assigned_at_some_time")
        ),
        sa.CheckConstraint(
            "(status = 'resolved') = (resolved_at IS NOT NULL)", name=op.f("ck_support_cases_resolved_at_some_time")
        ),
        sa.CheckConstraint(
            "(resolved_at IS NULL) = (resolved_by IS NULL)", name=op.f("ck_support_cases_resolved_by_somebody")
        ),
        sa.CheckConstraint(
            "(resolved_at IS NULL) = (resolution IS NULL)", name=op.f("ck_support_cases_resolved_somehow")
        ),
        sa.CheckConstraint("comments BETWEEN 0 AND 500", name=op.f("ck_support_cases_comments")),
        sa.ForeignKeyConstraint(
            ["number_key", "organisation_id"],
            ["purchase_orders.number_key", "purchase_orders.organisation_id"],
            name=op.f("fk_support_cases_number_key"),
        ),
        sa.ForeignKeyConstraint(["opened_by"], ["organisations.id"], name=op.f("fk_support_cases_opened_by")),
        sa.ForeignKeyConstraint(["assigned_to"], ["organisations.id"], name=op.f("fk_support_cases_assigned_to")),
        sa.ForeignKeyConstraint(["resolved_by"], ["organisations.id"], name=op.f("fk_support_cases_resolved_by")),
        sa.PrimaryKeyConstraint("number_key", "organisation_id", "id", name=op.f("pk_support_cases")),
        comment="dist:number_key - support cases about purchase orders",
    )
    op.create_index(
        "uq_support_cases_of_presenter",
        "support_cases",
        ["number_key", "organisation_id", "opened_by"],
        unique=True,
        postgresql_where=sa.text("opened_as = 'presenter' AND status <> 'resolved'"),
    )
    op.create_index(op.f("ix_support_cases_id"), "support_cases", ["id"], unique=False)
    op.create_index(
        op.f("ix_support_cases_organisation_id_id"), "support_cases", ["organisation_id", "id"], unique=False
    )
    op.create_index(op.f("ix_support_cases_opened_by_id"), "support_cases", ["opened_by", "id"], unique=False)
    op.create_index(
        "ix_support_cases_queue",
        "support_cases",
        ["organisation_id", "id"],
        unique=False,
        postgresql_where=sa.text("status <> 'resolved'"),
    )
    op.create_table(
        "support_case_steps",
        sa.Column("number_key", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("done_by", sa.Uuid(), nullable=False),
        sa.Column("done_as", sa.Text(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("author", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("assigned_to", sa.Uuid(), nullable=True),
        sa.Column("assignee", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "step IN ('commented', 'assigned', 'resolved', 'reopened')", name=op.f("ck_support_case_steps_step")
        ),
        sa.ForeignKeyConstraint(
            ["number_key", "organisation_id", "case_id"],
            ["support_cases.number_key", "support_cases.organisation_id", "support_cases.id"],
            name=op.f("fk_support_case_steps_number_key"),
        ),
        sa.ForeignKeyConstraint(["done_by"], ["organisations.id"], name=op.f("fk_support_case_steps_done_by")),
        sa.ForeignKeyConstraint(["assigned_to"], ["organisations.id"], name=op.f("fk_support_case_steps_assigned_to")),
        sa.PrimaryKeyConstraint(
            "number_key", "organisation_id", "case_id", "sequence", name=op.f("pk_support_case_steps")
        ),
        comment="dist:number_key - what was said and done in support cases, append only",
    )


def downgrade() -> None:
    """Take the tables back to the revision before."""
    op.drop_table("support_case_steps")
    op.drop_table("support_cases")
