"""The index of bills of lading holds what their written forms share, so that one is found however it is typed."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_NAME = "ix_pro_links_bol"


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.drop_index(op.f(_NAME), table_name="pro_links")
    op.create_index(
        op.f(_NAME),
        "pro_links",
        [sa.text("translate(upper(bol), ' -', '')")],
        unique=False,
        postgresql_where=sa.text("bol IS NOT NULL"),
    )


def downgrade() -> None:
    """Take the tables back to the revision before."""
    op.drop_index(op.f(_NAME), table_name="pro_links")
    op.create_index(op.f(_NAME), "pro_links", ["bol"], unique=False, postgresql_where=sa.text("bol IS NOT NULL"))
