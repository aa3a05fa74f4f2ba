"""Indexes by which an order is found from its papers: contract, invoice, and PRO numbers without their carrier."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_PAPERS = ("contract_number", "invoice_number")


def upgrade() -> None:
    """Bring the tables to this revision. Before the first release no table is large: no need to build apart."""
    for column in _PAPERS:
        op.create_index(
            op.f(f"ix_purchase_orders_{column}"),
            "purchase_orders",
            [sa.text(f"translate(upper({column}), ' -', '')"), "organisation_id", "seller_id"],
            unique=False,
            postgresql_where=sa.text(f"{column} IS NOT NULL"),
        )
    op.create_index(op.f("ix_pro_links_pro_number"), "pro_links", ["pro_number"], unique=False)


def downgrade() -> None:
    """Take the tables back to the revision before."""
    op.drop_index(op.f("ix_pro_links_pro_number"), table_name="pro_links")
    for column in _PAPERS:
        op.drop_index(op.f(f"ix_purchase_orders_{column}"), table_name="purchase_orders")
