"""The outbox without the content of its events, which stands in the audit trail and which nobody read here."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.drop_column("outbox", "payload")


def downgrade() -> None:
    """Take the tables back to the revision before."""
    op.add_column("outbox", sa.Column("payload", postgresql.JSONB(), server_default="{}", nullable=False))
    op.alter_column("outbox", "payload", server_default=None)
