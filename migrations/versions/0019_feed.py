"""The feed of each organisation, who relays events to it, and when time next makes an event of an order."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.add_column("outbox", sa.Column("seller_id", sa.Uuid(), nullable=True))
    op.add_column("outbox", sa.Column("ship_to_id", sa.Uuid(), nullable=True))
    op.add_column(
        "outbox",
        sa.Column("forwarder_ids", postgresql.ARRAY(sa.Uuid()), server_default=sa.text("'{}'"), nullable=False),
    )
    op.create_table(
        "workers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("alive_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workers")),
        comment="dist:reference - workers that share the buckets among them, as long as they say that they live",
    )
    op.create_table(
        "feed_heads",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("trimmed_to", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("trimmed_to BETWEEN 0 AND position", name=op.f("ck_feed_heads_trimmed_to")),
        sa.PrimaryKeyConstraint("organisation_id", name=op.f("pk_feed_heads")),
        comment="dist:organisation_id - the last position that each organisation's feed has given",
    )
    op.create_table(
        "feed_entries",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("relation", sa.Text(), nullable=True),
        sa.Column("buyer_id", sa.Uuid(), nullable=True),
        sa.Column("number_key", sa.Text(), nullable=True),
        sa.Column("sequence", sa.Integer(), nullable=True),
        sa.Column("relayed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(relation IS NULL) = (buyer_id IS NULL) AND (relation IS NULL) = (number_key IS NULL) "
            "AND (relation IS NULL) = (sequence IS NULL)",
            name=op.f("ck_feed_entries_of_an_order_or_not"),
        ),
        sa.PrimaryKeyConstraint("organisation_id", "position", name=op.f("pk_feed_entries")),
        comment="dist:organisation_id - what each organisation's feed tells, append only until it is trimmed",
    )
    op.create_table(
        "purchase_order_announcements",
        sa.Column("number_key", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("planned_expiry", sa.DateTime(timezone=True), nullable=True),
        sa.Column("announced", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(
            ["number_key", "organisation_id"],
            ["purchase_orders.number_key", "purchase_orders.organisation_id"],
            name=op.f("fk_purchase_order_announcements_number_key"),
        ),
        sa.PrimaryKeyConstraint("number_key", "organisation_id", name=op.f("pk_purchase_order_announcements")),
        comment="dist:number_key - when time next makes an event of each order, and of which dates it has",
    )
    op.create_index(
        op.f("ix_purchase_order_announcements_next_at"),
        "purchase_order_announcements",
        ["next_at"],
        postgresql_where=sa.text("next_at IS NOT NULL"),
    )
    op.add_column(
        "policy_versions", sa.Column("expiring_notice", sa.Interval(), server_default="7 days", nullable=True)
    )
    op.create_check_constraint(
        op.f("ck_policy_versions_expiring_notice_is_positive"), "policy_versions", "expiring_notice > interval '0'"
    )
    _take_what_is_there()


def downgrade() -> None:
    """Take the tables back to the revision before."""
    op.drop_constraint(op.f("ck_policy_versions_expiring_notice_is_positive"), "policy_versions", type_="check")
    op.drop_column("policy_versions", "expiring_notice")
    for table in ("purchase_order_announcements", "feed_entries", "feed_heads", "workers"):
        op.drop_table(table)
    for column in ("forwarder_ids", "ship_to_id", "seller_id"):
        op.drop_column("outbox", column)


def _take_what_is_there() -> None:
    """Let the feed begin with the events that wait already, told to those whom their orders name today.

    What time has done before nobody announces any more: the worker takes the dates ahead from the orders' next events,
    and for orders that have none from here.
    """
    op.execute(
        "UPDATE outbox SET seller_id = o.seller_id, ship_to_id = o.ship_to_id, forwarder_ids = o.forwarder_ids "
        "FROM purchase_orders o WHERE o.number_key = outbox.number_key "
        "AND o.organisation_id = outbox.organisation_id AND o.issued_at IS NOT NULL"
    )
    # The bucket of a number is CRC-32, which SQL has not; any will do, for it only says which worker looks after it.
    op.execute(
        "INSERT INTO purchase_order_announcements "
        "(number_key, organisation_id, bucket, version, next_at, planned_expiry, announced) "
        "SELECT number_key, organisation_id, hashtext(number_key) & 63, version, now(), expires_at, "
        "CASE WHEN expires_at <= now() THEN jsonb_build_object('purchase_order.expired', to_jsonb(expires_at)) "
        "ELSE '{}' END || CASE WHEN expires_at - interval '7 days' <= now() "
        "THEN jsonb_build_object('purchase_order.expiring', to_jsonb(expires_at)) ELSE '{}' END "
        "|| CASE WHEN activate_by <= now() THEN jsonb_build_object('purchase_order.lapsed', to_jsonb(activate_by), "
        "'purchase_order.not_activated', to_jsonb(activate_by)) ELSE '{}' END "
        "FROM purchase_orders WHERE status IN ('issued', 'confirmed', 'active', 'partially_received') "
        "AND (expires_at IS NOT NULL OR activate_by IS NOT NULL)"
    )
