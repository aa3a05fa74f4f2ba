"""Versions of number formats with the values that their components may have, and series without holes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.add_column("number_formats", sa.Column("gapless", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("number_format_versions", sa.Column("allowed_values", postgresql.JSONB(), nullable=True))
    op.add_column("number_format_versions", sa.Column("series_version", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Take the tables back to the revision before."""
    op.drop_column("number_format_versions", "series_version")
    op.drop_column("number_format_versions", "allowed_values")
    op.drop_column("number_formats", "gapless")
