"""Imports that ended long ago are found by the time of their end, to be removed."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_NAME = "ix_imports_finished_at"


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.create_index(
        op.f(_NAME), "imports", ["finished_at"], unique=False, postgresql_where=sa.text("finished_at IS NOT NULL")
    )


def downgrade() -> None:
    """Take the tables back to the revision before."""
    op.drop_index(op.f(_NAME), table_name="imports")
