"""Carriers that the operator keeps for all: in trouble for everybody, and until when."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_REASON = "disrupted OR (disruption_reason IS NULL AND disrupted_until IS NULL)"


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.add_column("carriers", sa.Column("disrupted", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("carriers", sa.Column("disruption_reason", sa.Text(), nullable=True))
    for table in ("carriers", "carrier_overrides"):
        op.add_column(table, sa.Column("disrupted_until", sa.DateTime(timezone=True), nullable=True))
    op.drop_constraint(op.f("ck_carrier_overrides_reason_needs_disruption"), "carrier_overrides", type_="check")
    for table in ("carriers", "carrier_overrides"):
        op.create_check_constraint(op.f(f"ck_{table}_reason_needs_disruption"), table, _REASON)


def downgrade() -> None:
    """Take the tables back to the revision before."""
    for table in ("carriers", "carrier_overrides"):
        op.drop_constraint(op.f(f"ck_{table}_reason_needs_disruption"), table, type_="check")
        op.drop_column(table, "disrupted_until")
    op.create_check_constraint(
        op.f("ck_carrier_overrides_reason_needs_disruption"),
        "carrier_overrides",
        "disrupted OR disruption_reason IS NULL",
    )
    for column in ("disruption_reason", "disrupted"):
        op.drop_column("carriers", column)
