"""What policies say of validity, activation, split shipments and the format of numbers."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_CHECKS = {
    "default_validity_is_positive": "default_validity > interval '0'",
    "activation_window_is_positive": "activation_window > interval '0'",
    "activation": "activation IN ('manual', 'on_confirmation')",
    "split_shipments": "split_shipments IN ('allowed', 'refused')",
}
_FOREIGN_KEY = "fk_policy_versions_format_id"


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.add_column("policy_versions", sa.Column("default_validity", sa.Interval(), nullable=True))
    op.add_column("policy_versions", sa.Column("activation_window", sa.Interval(), nullable=True))
    op.add_column("policy_versions", sa.Column("activation", sa.Text(), server_default="manual", nullable=False))
    op.add_column("policy_versions", sa.Column("split_shipments", sa.Text(), server_default="allowed", nullable=False))
    op.add_column("policy_versions", sa.Column("format_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f(_FOREIGN_KEY), "policy_versions", "number_formats", ["format_id"], ["id"])
    for name, condition in _CHECKS.items():
        op.create_check_constraint(op.f(f"ck_policy_versions_{name}"), "policy_versions", condition)


def downgrade() -> None:
    """Take the tables back to the revision before."""
    for name in _CHECKS:
        op.drop_constraint(op.f(f"ck_policy_versions_{name}"), "policy_versions", type_="check")
    op.drop_constraint(op.f(_FOREIGN_KEY), "policy_versions", type_="foreignkey")
    for column in ("format_id", "split_shipments", "activation", "activation_window", "default_validity"):
        op.drop_column("policy_versions", column)
