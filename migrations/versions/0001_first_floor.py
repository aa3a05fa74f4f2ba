"""The first floor: organisations and keys, formats and series, orders, carriers and PRO numbers, events."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.create_table(
        "audit_events",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_organisation_id", sa.Uuid(), nullable=True),
        sa.Column("actor_key_id", sa.Uuid(), nullable=True),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_audit_events")),
        comment="dist:organisation_id - what happened to each organisation, append only",
    )
    op.create_table(
        "carriers",
        sa.Column("scac", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("mask", sa.Text(), nullable=True),
        sa.Column("check_scheme", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "check_scheme IN ('modulo_7', 'luhn', 'yrc_modulo_11')", name=op.f("ck_carriers_check_scheme")
        ),
        sa.PrimaryKeyConstraint("scac", name=op.f("pk_carriers")),
        comment="dist:reference - the shared directory of carriers, the operator's",
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("replays", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "key", name=op.f("pk_idempotency_keys")),
        comment="dist:organisation_id - the answer stored under an Idempotency-Key for 24 h",
    )
    op.create_index(op.f("ix_idempotency_keys_created_at"), "idempotency_keys", ["created_at"], unique=False)
    op.create_table(
        "number_format_registry",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("formats_created", sa.Integer(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_number_format_registry_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_number_format_registry")),
        comment="dist:reference - serialises the creation of formats",
    )
    op.create_table(
        "number_series",
        sa.Column("format_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("next_serial", sa.BigInteger(), nullable=False),
        sa.Column("permutation_key", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("next_serial >= 0", name=op.f("ck_number_series_next_serial_is_not_negative")),
        sa.PrimaryKeyConstraint("format_id", "version", "period", name=op.f("pk_number_series")),
        comment="dist:format_id - the next serial of each format, version and period",
    )
    op.create_table(
        "organisations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kinds", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("address", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("contact_points", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("name <> ''", name=op.f("ck_organisations_name_is_given")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisations")),
        comment="dist:reference - parties that call the service or are named by id on an order",
    )
    op.create_table(
        "outbox",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("number_key", sa.Text(), nullable=True),
        sa.Column("sequence", sa.Integer(), nullable=True),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint("bucket BETWEEN 0 AND 63", name=op.f("ck_outbox_bucket")),
        sa.PrimaryKeyConstraint("bucket", "id", name=op.f("pk_outbox")),
        comment="dist:bucket - committed events that wait for the relay",
    )
    op.create_index(
        op.f("ix_outbox_bucket_number_key_organisation_id_sequence"),
        "outbox",
        ["bucket", "number_key", "organisation_id", "sequence"],
        unique=False,
    )
    op.create_table(
        "outbox_buckets",
        sa.Column("bucket", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("leased_by", sa.Uuid(), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fencing_token", sa.Integer(), nullable=False),
        sa.CheckConstraint("bucket BETWEEN 0 AND 63", name=op.f("ck_outbox_buckets_bucket")),
        sa.PrimaryKeyConstraint("bucket", name=op.f("pk_outbox_buckets")),
        comment="dist:bucket - leases of the outbox's buckets",
    )
    op.create_table(
        "reference_claims",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("number_key", sa.Text(), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "reference", name=op.f("pk_reference_claims")),
        comment="dist:organisation_id - buyers' own order ids, each taken once",
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_api_keys_organisation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        comment="dist:reference - keys of organisations",
    )
    op.create_index(op.f("ix_api_keys_organisation_id_id"), "api_keys", ["organisation_id", "id"], unique=False)
    op.create_table(
        "carrier_overrides",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("scac", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("own_rule", sa.Boolean(), nullable=False),
        sa.Column("mask", sa.Text(), nullable=True),
        sa.Column("check_scheme", sa.Text(), nullable=True),
        sa.Column("disrupted", sa.Boolean(), nullable=False),
        sa.Column("disruption_reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "check_scheme IN ('modulo_7', 'luhn', 'yrc_modulo_11')", name=op.f("ck_carrier_overrides_check_scheme")
        ),
        sa.CheckConstraint(
            "disrupted OR disruption_reason IS NULL", name=op.f("ck_carrier_overrides_reason_needs_disruption")
        ),
        sa.CheckConstraint(
            "own_rule OR (mask IS NULL AND check_scheme IS NULL)",
            name=op.f("ck_carrier_overrides_rule_is_own_or_absent"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_carrier_overrides_organisation_id")
        ),
        sa.PrimaryKeyConstraint("organisation_id", "scac", name=op.f("pk_carrier_overrides")),
        comment="dist:reference - an organisation's own carriers, and its own word on shared ones",
    )
    op.create_table(
        "number_formats",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("prefix_key", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_number_formats_organisation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_number_formats")),
        comment="dist:reference - number formats",
    )
    op.create_index(
        op.f("ix_number_formats_organisation_id_id"), "number_formats", ["organisation_id", "id"], unique=False
    )
    op.create_index("uq_number_formats_prefix_key", "number_formats", ["prefix_key"], unique=True)
    op.create_table(
        "pro_claims",
        sa.Column("scac", sa.Text(), nullable=False),
        sa.Column("pro_number", sa.Text(), nullable=False),
        sa.Column("display", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("length(pro_number) BETWEEN 1 AND 30", name=op.f("ck_pro_claims_pro_number_length")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_pro_claims_organisation_id")),
        sa.PrimaryKeyConstraint("scac", "pro_number", name=op.f("pk_pro_claims")),
        comment="dist:pro_number - the organisation that each PRO number belongs to",
    )
    op.create_table(
        "api_key_secrets",
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("api_key_id", sa.Uuid(), nullable=False),
        sa.Column("hint", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["api_key_id"], ["api_keys.id"], name=op.f("fk_api_key_secrets_api_key_id")),
        sa.PrimaryKeyConstraint("secret_hash", name=op.f("pk_api_key_secrets")),
        comment="dist:reference - SHA-256 of each key's secret",
    )
    op.create_index(op.f("ix_api_key_secrets_api_key_id"), "api_key_secrets", ["api_key_id"], unique=False)
    op.create_table(
        "number_format_versions",
        sa.Column("format_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("pattern", sa.Text(), nullable=False),
        sa.Column("effective_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("version >= 1", name=op.f("ck_number_format_versions_version_counts_from_one")),
        sa.ForeignKeyConstraint(["format_id"], ["number_formats.id"], name=op.f("fk_number_format_versions_format_id")),
        sa.PrimaryKeyConstraint("format_id", "version", name=op.f("pk_number_format_versions")),
        comment="dist:reference - versions of number formats",
    )
    op.create_table(
        "purchase_orders",
        sa.Column("number_key", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("issued_here", sa.Boolean(), nullable=False),
        sa.Column("format_id", sa.Uuid(), nullable=True),
        sa.Column("format_version", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("suspended_from", sa.Text(), nullable=True),
        sa.Column("status_reason", sa.Text(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("references", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("seller_id", sa.Uuid(), nullable=True),
        sa.Column("ship_to_id", sa.Uuid(), nullable=True),
        sa.Column("forwarder_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("buyer", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("bill_to", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("seller", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("ship_to", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("forwarders", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("payment_methods", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("payment_terms", sa.Text(), nullable=True),
        sa.Column("freight_terms", sa.Text(), nullable=True),
        sa.Column("cost_center", sa.Text(), nullable=True),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("location", sa.Text(), nullable=True),
        sa.Column("activate_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ship_window", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("delivery_window", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("order_metadata", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("contract_number", sa.Text(), nullable=True),
        sa.Column("invoice_number", sa.Text(), nullable=True),
        sa.Column("sent_via", sa.Text(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(status = 'suspended') = (suspended_from IS NOT NULL) AND suspended_from IN ('issued', 'confirmed', 'active', 'partially_received')",
            name=op.f("ck_purchase_orders_suspended_from"),
        ),
        sa.CheckConstraint(
            "status IN ('draft', 'issued', 'confirmed', 'active', 'partially_received', 'received', 'rejected', 'suspended', 'cancelled', 'closed')",
            name=op.f("ck_purchase_orders_status"),
        ),
        sa.CheckConstraint("expires_at > valid_from", name=op.f("ck_purchase_orders_expires_after_valid_from")),
        sa.CheckConstraint("length(number_key) BETWEEN 1 AND 35", name=op.f("ck_purchase_orders_number_key_length")),
        sa.ForeignKeyConstraint(["format_id"], ["number_formats.id"], name=op.f("fk_purchase_orders_format_id")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_purchase_orders_organisation_id")
        ),
        sa.ForeignKeyConstraint(["seller_id"], ["organisations.id"], name=op.f("fk_purchase_orders_seller_id")),
        sa.ForeignKeyConstraint(["ship_to_id"], ["organisations.id"], name=op.f("fk_purchase_orders_ship_to_id")),
        sa.PrimaryKeyConstraint("number_key", "organisation_id", name=op.f("pk_purchase_orders")),
        comment="dist:number_key - purchase orders",
    )
    op.create_index(
        op.f("ix_purchase_orders_organisation_id_activate_by"),
        "purchase_orders",
        ["organisation_id", "activate_by"],
        unique=False,
        postgresql_where=sa.text("activate_by IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_purchase_orders_organisation_id_expires_at"),
        "purchase_orders",
        ["organisation_id", "expires_at"],
        unique=False,
        postgresql_where=sa.text("expires_at IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_purchase_orders_organisation_id_updated_at"),
        "purchase_orders",
        ["organisation_id", "updated_at"],
        unique=False,
    )
    op.create_index(op.f("ix_purchase_orders_id"), "purchase_orders", ["id"], unique=False)
    op.create_index(
        op.f("ix_purchase_orders_organisation_id_id"), "purchase_orders", ["organisation_id", "id"], unique=False
    )
    op.create_index(op.f("ix_purchase_orders_seller_id_id"), "purchase_orders", ["seller_id", "id"], unique=False)
    op.create_index(op.f("ix_purchase_orders_ship_to_id_id"), "purchase_orders", ["ship_to_id", "id"], unique=False)
    op.create_index(
        "uq_purchase_orders_number_key_issued_here",
        "purchase_orders",
        ["number_key"],
        unique=True,
        postgresql_where=sa.text("issued_here"),
    )
    op.create_table(
        "pro_links",
        sa.Column("number_key", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("scac", sa.Text(), nullable=False),
        sa.Column("pro_number", sa.Text(), nullable=False),
        sa.Column("display", sa.Text(), nullable=False),
        sa.Column("linked_by", sa.Uuid(), nullable=False),
        sa.Column("linked_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("length(pro_number) BETWEEN 1 AND 30", name=op.f("ck_pro_links_pro_number_length")),
        sa.ForeignKeyConstraint(["linked_by"], ["organisations.id"], name=op.f("fk_pro_links_linked_by")),
        sa.ForeignKeyConstraint(
            ["number_key", "organisation_id"],
            ["purchase_orders.number_key", "purchase_orders.organisation_id"],
            name=op.f("fk_pro_links_number_key"),
        ),
        sa.PrimaryKeyConstraint("number_key", "organisation_id", "scac", "pro_number", name=op.f("pk_pro_links")),
        comment="dist:number_key - PRO numbers on purchase orders",
    )
    op.create_index(op.f("ix_pro_links_scac_pro_number"), "pro_links", ["scac", "pro_number"], unique=False)
    op.create_table(
        "purchase_order_events",
        sa.Column("number_key", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_organisation_id", sa.Uuid(), nullable=False),
        sa.Column("actor_key_id", sa.Uuid(), nullable=False),
        sa.Column("actor_relation", sa.Text(), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint("sequence >= 1", name=op.f("ck_purchase_order_events_sequence_counts_from_one")),
        sa.ForeignKeyConstraint(
            ["number_key", "organisation_id"],
            ["purchase_orders.number_key", "purchase_orders.organisation_id"],
            name=op.f("fk_purchase_order_events_number_key"),
        ),
        sa.PrimaryKeyConstraint("number_key", "organisation_id", "sequence", name=op.f("pk_purchase_order_events")),
        comment="dist:number_key - what happened to each order, append only",
    )
    op.create_table(
        "purchase_order_forwarders",
        sa.Column("number_key", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("forwarder_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["forwarder_id"], ["organisations.id"], name=op.f("fk_purchase_order_forwarders_forwarder_id")
        ),
        sa.ForeignKeyConstraint(
            ["number_key", "organisation_id"],
            ["purchase_orders.number_key", "purchase_orders.organisation_id"],
            name=op.f("fk_purchase_order_forwarders_number_key"),
        ),
        sa.PrimaryKeyConstraint(
            "number_key", "organisation_id", "forwarder_id", name=op.f("pk_purchase_order_forwarders")
        ),
        comment="dist:number_key - forwarders that are named by id on orders",
    )
    op.create_index(
        op.f("ix_purchase_order_forwarders_forwarder_id_id"),
        "purchase_order_forwarders",
        ["forwarder_id", "id"],
        unique=False,
    )
    op.create_table(
        "purchase_order_lines",
        sa.Column("number_key", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=True),
        sa.Column("gtin", sa.Text(), nullable=True),
        sa.Column("supplier_sku", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("quantity", sa.Numeric(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("unit_price", sa.Numeric(), nullable=True),
        sa.Column("tax", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("received", sa.Numeric(), nullable=False),
        sa.CheckConstraint("line >= 1", name=op.f("ck_purchase_order_lines_line_counts_from_one")),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_purchase_order_lines_quantity_is_positive")),
        sa.CheckConstraint("received >= 0", name=op.f("ck_purchase_order_lines_received_is_not_negative")),
        sa.ForeignKeyConstraint(
            ["number_key", "organisation_id"],
            ["purchase_orders.number_key", "purchase_orders.organisation_id"],
            name=op.f("fk_purchase_order_lines_number_key"),
        ),
        sa.PrimaryKeyConstraint(
            "number_key", "organisation_id", "revision", "line", name=op.f("pk_purchase_order_lines")
        ),
        comment="dist:number_key - product lines of purchase orders, by revision",
    )
    op.create_index(op.f("ix_purchase_order_lines_sku"), "purchase_order_lines", ["sku"], unique=False)

    _seed()


def downgrade() -> None:
    """Take this revision back."""
    op.drop_index(op.f("ix_purchase_order_lines_sku"), table_name="purchase_order_lines")
    op.drop_table("purchase_order_lines")
    op.drop_table("purchase_order_forwarders")
    op.drop_table("purchase_order_events")
    op.drop_index(op.f("ix_pro_links_scac_pro_number"), table_name="pro_links")
    op.drop_table("pro_links")
    op.drop_index(
        "uq_purchase_orders_number_key_issued_here",
        table_name="purchase_orders",
        postgresql_where=sa.text("issued_here"),
    )
    op.drop_index(op.f("ix_purchase_orders_ship_to_id_id"), table_name="purchase_orders")
    op.drop_index(op.f("ix_purchase_orders_seller_id_id"), table_name="purchase_orders")
    op.drop_index(op.f("ix_purchase_orders_organisation_id_id"), table_name="purchase_orders")
    op.drop_index(op.f("ix_purchase_orders_id"), table_name="purchase_orders")
    op.drop_table("purchase_orders")
    op.drop_table("number_format_versions")
    op.drop_index(op.f("ix_api_key_secrets_api_key_id"), table_name="api_key_secrets")
    op.drop_table("api_key_secrets")
    op.drop_table("pro_claims")
    op.drop_index("uq_number_formats_prefix_key", table_name="number_formats")
    op.drop_index(op.f("ix_number_formats_organisation_id_id"), table_name="number_formats")
    op.drop_table("number_formats")
    op.drop_table("carrier_overrides")
    op.drop_index(op.f("ix_api_keys_organisation_id_id"), table_name="api_keys")
    op.drop_table("api_keys")
    op.drop_table("reference_claims")
    op.drop_table("outbox_buckets")
    op.drop_index(op.f("ix_outbox_bucket_number_key_organisation_id_sequence"), table_name="outbox")
    op.drop_table("outbox")
    op.drop_table("organisations")
    op.drop_table("number_series")
    op.drop_table("number_format_registry")
    op.drop_index(op.f("ix_idempotency_keys_created_at"), table_name="idempotency_keys")
    op.drop_table("idempotency_keys")
    op.drop_table("carriers")
    op.drop_table("audit_events")


def _seed() -> None:
    """Fill in what every new database has. Written out here: what the code says later must not change this revision."""
    op.execute("INSERT INTO outbox_buckets (bucket, fencing_token) SELECT bucket, 0 FROM generate_series(0, 63) bucket")
    op.execute("INSERT INTO number_format_registry (id, formats_created) VALUES (1, 0)")
    op.execute(
        "INSERT INTO number_formats (id, name, prefix_key, created_at) "
        "VALUES ('00000000-0000-7000-8000-000000000001', 'Default', 'PO', now())"
    )
    op.execute(
        "INSERT INTO number_format_versions (format_id, version, pattern, effective_from, created_at) "
        "VALUES ('00000000-0000-7000-8000-000000000001', 1, 'PO-{random:9}{check}', now(), now())"
    )
    carriers = sa.table(
        "carriers", *(sa.column(name) for name in _CARRIER_COLUMNS), sa.column("created_at"), sa.column("updated_at")
    )
    for carrier in _CARRIERS:
        values = dict(zip(_CARRIER_COLUMNS, carrier, strict=True))
        op.execute(carriers.insert().values(**values, created_at=sa.func.now(), updated_at=sa.func.now()))


_CARRIER_COLUMNS = ("scac", "name", "mask", "check_scheme", "source")
_GENERAL_SHAPE = (None, None, "No published rule: only the general shape of a PRO number is checked.")
_CARRIERS = (
    (
        "CNWY",
        "XPO",
        "###-######",
        "modulo_7",
        "XPO help center, PRO Number Check-Digit: https://ltl-solutions.xpo.com/help-center/pro-number/",
    ),
    (
        "ODFL",
        "Old Dominion Freight Line",
        "777########|778########|072########|780########|80#########",
        "luhn",
        "Numbers in use, collected at https://github.com/jkeen/tracking_number_data",
    ),
    (
        "RDWY",
        "YRC Freight (legacy)",
        "###-######-*",
        "yrc_modulo_11",
        "YRC Freight, Freight bill numbering, check digit calculation as of 2012-06-25",
    ),
    (
        "ABFS",
        "ABF Freight",
        "#########",
        None,
        "Weak: tracking guides of third parties agree on nine digits, no document of the carrier was found.",
    ),
    ("FXFE", "FedEx Freight", *_GENERAL_SHAPE),
    ("EXLA", "Estes Express Lines", *_GENERAL_SHAPE),
    ("SAIA", "Saia", *_GENERAL_SHAPE),
    ("RLCA", "R+L Carriers", *_GENERAL_SHAPE),
    ("UPGF", "TForce Freight", *_GENERAL_SHAPE),
)
