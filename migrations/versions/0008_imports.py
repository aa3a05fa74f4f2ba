"""Imports of files: the jobs, their files until they are finished, and what became of each document."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.create_table(
        "imports",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("parts", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("fault", postgresql.JSONB(), nullable=True),
        *(
            sa.Column(name, sa.Integer(), nullable=False)
            for name in ("documents", "created", "applied", "unchanged", "refused", "lease_token")
        ),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("status IN ('queued', 'running', 'finished', 'failed')", name=op.f("ck_imports_status")),
        sa.CheckConstraint(
            "(status IN ('finished', 'failed')) = (finished_at IS NOT NULL)", name=op.f("ck_imports_finished_at")
        ),
        sa.CheckConstraint(
            "documents = created + applied + unchanged + refused",
            name=op.f("ck_imports_every_document_has_become_something"),
        ),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_imports_organisation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_imports")),
        comment="dist:id - imports of files, with how far they have come",
    )
    op.create_index(
        "ix_imports_open",
        "imports",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text("status IN ('queued', 'running')"),
    )
    op.create_index(op.f("ix_imports_organisation_id_id"), "imports", ["organisation_id", "id"], unique=False)
    op.create_table(
        "import_parts",
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("import_id", "part", name=op.f("pk_import_parts")),
        comment="dist:import_id - the files of imports that are not finished, in parts",
    )
    op.create_table(
        "import_results",
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("document", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=True),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("errors", postgresql.JSONB(), nullable=False),
        sa.Column("notes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('created', 'applied', 'unchanged', 'refused')", name=op.f("ck_import_results_outcome")
        ),
        sa.PrimaryKeyConstraint("import_id", "document", name=op.f("pk_import_results")),
        comment="dist:import_id - what became of each document of an import",
    )
    op.create_index(
        "ix_import_results_refused",
        "import_results",
        ["import_id", "document"],
        unique=False,
        postgresql_where=sa.text("outcome = 'refused'"),
    )
    op.create_table(
        "import_claims",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "fingerprint", name=op.f("pk_import_claims")),
        comment="dist:organisation_id - acknowledgements and changes carried out, each once",
    )


def downgrade() -> None:
    """Take the tables back to the revision before."""
    for table in ("import_claims", "import_results", "import_parts", "imports"):
        op.drop_table(table)
