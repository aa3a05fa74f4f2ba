"""Tables of purchase orders. An order's identity is (number_key, organisation_id): the key of its number, the buyer."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    func,
    literal_column,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base
from app.orders.activation_rules import ActivationRequestStatus
from app.orders.lifecycle import OPEN, StoredStatus
from app.orders.policies import DEFAULT_POLICY, ActivationMode, SplitShipments, WindowAtGate


def _quoted(values: Iterable[StrEnum]) -> str:
    return ", ".join(f"'{value.value}'" for value in values)


def paper_key(column: Any) -> ColumnElement[str]:
    """Return the SQL of what the written forms of a contract's or invoice's number share; indexes are made of it."""
    return func.translate(func.upper(column), literal_column("' -'"), literal_column("''"))


class PurchaseOrderRow(Base):
    """One order. `version` counts its changes and numbers its events.

    `revision` is the content that is in force, which the row holds itself. `proposed_revision` is a change order that
    waits for its acknowledgement; `latest_revision` is the highest number that any revision had.
    """

    __tablename__ = "purchase_orders"
    __table_args__ = (
        CheckConstraint(f"status IN ({_quoted(tuple(StoredStatus))})", name="status"),
        CheckConstraint(
            f"(status = 'suspended') = (suspended_from IS NOT NULL) AND suspended_from IN ({_quoted(OPEN)})",
            name="suspended_from",
        ),
        CheckConstraint("expires_at > valid_from", name="expires_after_valid_from"),
        CheckConstraint("length(number_key) BETWEEN 1 AND 35", name="number_key_length"),
        # Numbers issued here are unique for everyone; those issued elsewhere within their buyer, by the primary key.
        Index(
            "uq_purchase_orders_number_key_issued_here", "number_key", unique=True, postgresql_where=text("issued_here")
        ),
        Index(None, "id"),
        Index(None, "organisation_id", "id"),
        Index(None, "seller_id", "id"),
        Index(None, "ship_to_id", "id"),
        Index(None, "organisation_id", "updated_at"),
        Index(None, "organisation_id", "expires_at", postgresql_where=text("expires_at IS NOT NULL")),
        Index(None, "organisation_id", "activate_by", postgresql_where=text("activate_by IS NOT NULL")),
        *(
            # By the number first, so that whose it is is compared within the index.
            Index(
                f"ix_purchase_orders_{column}",
                text(f"translate(upper({column}), ' -', '')"),
                "organisation_id",
                "seller_id",
                postgresql_where=text(f"{column} IS NOT NULL"),
            )
            for column in ("contract_number", "invoice_number")
        ),
        {"comment": "dist:number_key - purchase orders"},
    )

    number_key: Mapped[str] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), primary_key=True)
    id: Mapped[UUID]
    number: Mapped[str]
    issued_here: Mapped[bool]
    format_id: Mapped[UUID | None] = mapped_column(ForeignKey("number_formats.id"))
    format_version: Mapped[int | None]
    version: Mapped[int]
    revision: Mapped[int]
    latest_revision: Mapped[int] = mapped_column(server_default="1")
    proposed_revision: Mapped[int | None]
    policy_version: Mapped[int | None]
    status: Mapped[str]
    suspended_from: Mapped[str | None]
    status_reason: Mapped[str | None]
    reference: Mapped[str | None]
    references: Mapped[list[dict[str, Any]]]
    seller_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisations.id"))
    ship_to_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisations.id"))
    forwarder_ids: Mapped[list[UUID]]
    buyer: Mapped[dict[str, Any] | None]
    bill_to: Mapped[dict[str, Any] | None]
    seller: Mapped[dict[str, Any] | None]
    ship_to: Mapped[dict[str, Any] | None]
    forwarders: Mapped[list[dict[str, Any]]]
    requested_by: Mapped[str | None]
    currency: Mapped[str | None]
    payment_methods: Mapped[list[str]]
    payment_terms: Mapped[str | None]
    freight_terms: Mapped[str | None]
    cost_center: Mapped[str | None]
    category: Mapped[str | None]
    location: Mapped[str | None]
    activate_by: Mapped[datetime | None]
    valid_from: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    ship_window: Mapped[dict[str, Any] | None]
    delivery_window: Mapped[dict[str, Any] | None]
    order_metadata: Mapped[dict[str, Any]]
    contract_number: Mapped[str | None]
    invoice_number: Mapped[str | None]
    sent_via: Mapped[str | None]
    sent_at: Mapped[datetime | None]
    seen_at: Mapped[datetime | None]
    issued_at: Mapped[datetime | None]
    confirmed_at: Mapped[datetime | None]
    activated_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class PolicyRow(Base):
    """How many versions an organisation's policy has: the row that each new version counts up first.

    So versions come one after the other, and their numbers have neither doubles nor holes.
    """

    __tablename__ = "policies"
    __table_args__ = ({"comment": "dist:reference - organisations' policies, with the number of their versions"},)

    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), primary_key=True)
    versions: Mapped[int]


class PolicyVersionRow(Base):
    """One version of an organisation's policy, whole, from `effective_from` on; never changed."""

    __tablename__ = "policy_versions"
    __table_args__ = (
        CheckConstraint("version >= 1", name="version_counts_from_one"),
        CheckConstraint("receipt_tolerance BETWEEN 0 AND 1", name="receipt_tolerance_is_a_share"),
        CheckConstraint(f"delivery_window_at_gate IN ({_quoted(WindowAtGate)})", name="delivery_window_at_gate"),
        CheckConstraint("default_validity > interval '0'", name="default_validity_is_positive"),
        CheckConstraint("activation_window > interval '0'", name="activation_window_is_positive"),
        CheckConstraint("booking_cutoff > interval '0'", name="booking_cutoff_is_positive"),
        CheckConstraint("expiring_notice > interval '0'", name="expiring_notice_is_positive"),
        CheckConstraint(f"activation IN ({_quoted(ActivationMode)})", name="activation"),
        CheckConstraint(f"split_shipments IN ({_quoted(SplitShipments)})", name="split_shipments"),
        {"comment": "dist:reference - versions of organisations' policies, append only"},
    )

    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("policies.organisation_id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    effective_from: Mapped[datetime]
    mandatory_gate_facts: Mapped[list[str]]
    gate_facts_that_hold: Mapped[list[str]]
    receipt_tolerance: Mapped[Decimal]
    delivery_window_at_gate: Mapped[str]
    default_validity: Mapped[timedelta | None]
    activation_window: Mapped[timedelta | None]
    activation: Mapped[str] = mapped_column(server_default=DEFAULT_POLICY.activation)
    split_shipments: Mapped[str] = mapped_column(server_default=DEFAULT_POLICY.split_shipments)
    format_id: Mapped[UUID | None] = mapped_column(ForeignKey("number_formats.id"))
    booking_cutoff: Mapped[timedelta | None]
    expiring_notice: Mapped[timedelta | None] = mapped_column(server_default=text("'7 days'"))
    created_at: Mapped[datetime]


class PurchaseOrderForwarderRow(Base):
    """A forwarder of an order, with the order's id beside it: a forwarder's list is one walk along an index."""

    __tablename__ = "purchase_order_forwarders"
    __table_args__ = (
        ForeignKeyConstraint(
            ["number_key", "organisation_id"], ["purchase_orders.number_key", "purchase_orders.organisation_id"]
        ),
        Index(None, "forwarder_id", "id"),
        {"comment": "dist:number_key - forwarders that are named by id on orders"},
    )

    number_key: Mapped[str] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    forwarder_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), primary_key=True)
    id: Mapped[UUID]


class PurchaseOrderRevisionRow(Base):
    """What one revision of a changed order says beside its lines; an order that was never changed has no such row."""

    __tablename__ = "purchase_order_revisions"
    __table_args__ = (
        ForeignKeyConstraint(
            ["number_key", "organisation_id"], ["purchase_orders.number_key", "purchase_orders.organisation_id"]
        ),
        CheckConstraint("revision >= 1", name="revision_counts_from_one"),
        {"comment": "dist:number_key - what each revision of a changed order said; its lines are beside it"},
    )

    number_key: Mapped[str] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True)
    terms: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    current_from: Mapped[datetime | None]
    declined_at: Mapped[datetime | None]
    decline_reason: Mapped[str | None]


class PurchaseOrderLineRow(Base):
    """One product line of one revision of an order; lines count from 1."""

    __tablename__ = "purchase_order_lines"
    __table_args__ = (
        ForeignKeyConstraint(
            ["number_key", "organisation_id"], ["purchase_orders.number_key", "purchase_orders.organisation_id"]
        ),
        CheckConstraint("line >= 1", name="line_counts_from_one"),
        CheckConstraint("quantity > 0", name="quantity_is_positive"),
        CheckConstraint("received >= 0", name="received_is_not_negative"),
        CheckConstraint("rejected BETWEEN 0 AND quantity", name="rejected_is_of_what_was_ordered"),
        Index(None, "sku"),
        {"comment": "dist:number_key - product lines of purchase orders, by revision"},
    )

    number_key: Mapped[str] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    sku: Mapped[str | None]
    gtin: Mapped[str | None]
    supplier_sku: Mapped[str | None]
    description: Mapped[str | None]
    quantity: Mapped[Decimal]
    unit: Mapped[str]
    unit_price: Mapped[Decimal | None]
    tax: Mapped[dict[str, Any] | None]
    received: Mapped[Decimal]
    rejected: Mapped[Decimal] = mapped_column(server_default="0")


class AcknowledgementRow(Base):
    """What a seller said to an order; `sequence` is that of its event. The last one holds, all are kept."""

    __tablename__ = "acknowledgements"
    __table_args__ = (
        ForeignKeyConstraint(
            ["number_key", "organisation_id"], ["purchase_orders.number_key", "purchase_orders.organisation_id"]
        ),
        {"comment": "dist:number_key - what sellers said to purchase orders, append only"},
    )

    number_key: Mapped[str] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True)
    revision: Mapped[int]
    acknowledged_by: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    acknowledged_as: Mapped[str]
    acknowledged_at: Mapped[datetime]
    contract_number: Mapped[str | None]
    invoice_number: Mapped[str | None]
    lines: Mapped[list[dict[str, Any]]]


class ReferenceClaimRow(Base):
    """Who holds a buyer's own order id: unique in the organisation, whatever number the order has."""

    __tablename__ = "reference_claims"
    __table_args__ = ({"comment": "dist:organisation_id - buyers' own order ids, each taken once"},)

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(primary_key=True)
    number_key: Mapped[str]
    claimed_at: Mapped[datetime]


class OrderReferenceRow(Base):
    """A reference by which one party of an order finds it at a gate, by the value's key; see `references.py`."""

    __tablename__ = "order_references"
    __table_args__ = (
        CheckConstraint("length(reference_key) BETWEEN 1 AND 35", name="reference_key_length"),
        {"comment": "dist:reference_key - by which references each party of an order finds it"},
    )

    reference_key: Mapped[str] = mapped_column(primary_key=True)
    party_id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    number_key: Mapped[str] = mapped_column(primary_key=True)


class ReceiptRow(Base):
    """Goods that came in at once: kept when they are reversed, since what happened at a dock stays true."""

    __tablename__ = "receipts"
    __table_args__ = (
        ForeignKeyConstraint(
            ["number_key", "organisation_id"], ["purchase_orders.number_key", "purchase_orders.organisation_id"]
        ),
        CheckConstraint("(reversed_at IS NULL) = (reversed_by IS NULL)", name="reversed_by_somebody"),
        CheckConstraint("(reversed_at IS NULL) = (reversal_reason IS NULL)", name="reversed_for_a_reason"),
        CheckConstraint("(put_away_at IS NULL) = (put_away_location IS NULL)", name="put_away_somewhere"),
        Index(None, "id"),
        {"comment": "dist:number_key - goods that came in on purchase orders"},
    )

    number_key: Mapped[str] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    received_by: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    received_at: Mapped[datetime]
    dock: Mapped[str | None]
    operator: Mapped[str | None]
    trailer_number: Mapped[str | None]
    scac: Mapped[str | None]
    pro_number: Mapped[str | None]
    receipt_reference: Mapped[str | None]
    reversed_at: Mapped[datetime | None]
    reversed_by: Mapped[UUID | None] = mapped_column(ForeignKey("organisations.id"))
    reversal_reason: Mapped[str | None]
    put_away_location: Mapped[str | None]
    put_away_at: Mapped[datetime | None]


class ReceiptLineRow(Base):
    """What came in on one line of the order; items count from 1, and a line has one for each lot and condition."""

    __tablename__ = "receipt_lines"
    __table_args__ = (
        ForeignKeyConstraint(
            ["number_key", "organisation_id", "receipt_id"],
            ["receipts.number_key", "receipts.organisation_id", "receipts.id"],
        ),
        CheckConstraint("item >= 1", name="item_counts_from_one"),
        CheckConstraint("quantity > 0", name="quantity_is_positive"),
        {"comment": "dist:number_key - what came in with each receipt, by line, condition and lot"},
    )

    number_key: Mapped[str] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    receipt_id: Mapped[UUID] = mapped_column(primary_key=True)
    item: Mapped[int] = mapped_column(primary_key=True)
    line: Mapped[int]
    quantity: Mapped[Decimal]
    condition: Mapped[str | None]
    lot: Mapped[str | None]


class ReceiptClaimRow(Base):
    """A receipt's own reference, taken once and for ever: an offline handheld may send Friday's receipt on Monday."""

    __tablename__ = "receipt_claims"
    __table_args__ = ({"comment": "dist:organisation_id - receipts' own references, each taken once"},)

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    receipt_reference: Mapped[str] = mapped_column(primary_key=True)
    number_key: Mapped[str]
    buyer: Mapped[UUID]
    receipt_id: Mapped[UUID]
    claimed_at: Mapped[datetime]


class ActivationRequestRow(Base):
    """Somebody's wish that the gate accept an order; one at a time is open. It is kept whatever becomes of it."""

    __tablename__ = "activation_requests"
    __table_args__ = (
        ForeignKeyConstraint(
            ["number_key", "organisation_id"], ["purchase_orders.number_key", "purchase_orders.organisation_id"]
        ),
        CheckConstraint(f"status IN ({_quoted(tuple(ActivationRequestStatus))})", name="status"),
        CheckConstraint("(status = 'pending') = (decided_at IS NULL)", name="pending_until_decided"),
        CheckConstraint("(decided_at IS NULL) = (decided_by IS NULL)", name="decided_by_somebody"),
        CheckConstraint("status <> 'denied' OR decision_reason IS NOT NULL", name="denied_for_a_reason"),
        Index(
            "uq_activation_requests_open",
            "number_key",
            "organisation_id",
            unique=True,
            postgresql_where=text("status = 'pending'"),
        ),
        Index(None, "id"),
        Index(None, "organisation_id", "id"),
        Index(None, "requested_by", "id"),
        # A reviewer's queue is short, however long the list of what was decided.
        Index("ix_activation_requests_queue", "organisation_id", "id", postgresql_where=text("status = 'pending'")),
        {"comment": "dist:number_key - applications for the activation or extension of orders"},
    )

    number_key: Mapped[str] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    status: Mapped[str]
    requested_by: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    requested_as: Mapped[str]
    requested_at: Mapped[datetime]
    reason: Mapped[str]
    expires_at: Mapped[datetime | None]
    contact: Mapped[dict[str, Any] | None]
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("organisations.id"))
    decided_at: Mapped[datetime | None]
    decision_reason: Mapped[str | None]
