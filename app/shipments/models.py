"""Tables of carriers and PRO numbers.

A claim and a link stand in two tables on purpose: a PRO number is one organisation's across all orders (unique by
carrier and number), a link belongs to its order (unique by the order's identity).
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, false, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base
from app.shipments.pro_numbers import MAX_LENGTH, ProCheckScheme

_TROUBLE = "disrupted OR (disruption_reason IS NULL AND disrupted_until IS NULL)"
_KNOWN_SCHEME = "check_scheme IN (" + ", ".join(f"'{scheme.value}'" for scheme in ProCheckScheme) + ")"
BOL_MAX = 30
"""Characters of a bill of lading's number, at most (Carrier Central's booking form)."""

BOOKED_UNTIL = "(delivery_window ->> 'end')"
"""SQL of the end of a link's window, by which the index of booked links is sorted: RFC 3339 in UTC, so as text."""

_KEY_LENGTH = f"length(pro_number) BETWEEN 1 AND {MAX_LENGTH}"


class CarrierRow(Base):
    """One carrier of the directory that everybody shares; no mask and no scheme is the general shape alone.

    `disrupted_until`: when the trouble is over by itself; null while nobody can say.
    """

    __tablename__ = "carriers"
    __table_args__ = (
        CheckConstraint(_KNOWN_SCHEME, name="check_scheme"),
        CheckConstraint(_TROUBLE, name="reason_needs_disruption"),
        {"comment": "dist:reference - the shared directory of carriers, the operator's"},
    )

    scac: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    mask: Mapped[str | None]
    check_scheme: Mapped[str | None]
    source: Mapped[str]
    disrupted: Mapped[bool] = mapped_column(server_default=false())
    disruption_reason: Mapped[str | None]
    disrupted_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class CarrierOverrideRow(Base):
    """What one organisation says of a carrier, for itself alone.

    `own_rule`: mask and scheme replace the shared carrier's, also where both are null. Without it they are null and the
    shared rule goes on, so that a disruption can be announced without taking the check away. No name: the shared one.
    """

    __tablename__ = "carrier_overrides"
    __table_args__ = (
        CheckConstraint(_KNOWN_SCHEME, name="check_scheme"),
        CheckConstraint("own_rule OR (mask IS NULL AND check_scheme IS NULL)", name="rule_is_own_or_absent"),
        CheckConstraint(_TROUBLE, name="reason_needs_disruption"),
        {"comment": "dist:reference - an organisation's own carriers, and its own word on shared ones"},
    )

    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), primary_key=True)
    scac: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str | None]
    own_rule: Mapped[bool]
    mask: Mapped[str | None]
    check_scheme: Mapped[str | None]
    disrupted: Mapped[bool]
    disruption_reason: Mapped[str | None]
    disrupted_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class ProClaimRow(Base):
    """Whose a PRO number is: the first organisation that linked it, for good; unlinking leaves the claim.

    `completed_at`: when its shipment was delivered and done with; it stands for no other after that. `booking_id`: the
    delivery booking with which its shipment comes, while that is neither cancelled nor given up: there is only one.
    """

    __tablename__ = "pro_claims"
    __table_args__ = (
        CheckConstraint(_KEY_LENGTH, name="pro_number_length"),
        {"comment": "dist:pro_number - the organisation that each PRO number belongs to"},
    )

    scac: Mapped[str] = mapped_column(primary_key=True)
    pro_number: Mapped[str] = mapped_column(primary_key=True)
    display: Mapped[str]
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    claimed_at: Mapped[datetime]
    completed_at: Mapped[datetime | None]
    booking_id: Mapped[UUID | None]


class ProLinkRow(Base):
    """A PRO number on an order: `pro_number` is its key, `display` how the carrier writes it.

    `trailer_number` and `delivery_window` (`start`, `end`) are the vehicle that is expected with it, where it is known;
    `bol` is its bill of lading. `booking_id`: the delivery booking that has written these;
    `warehouse_id` and `location_code` are where it brings the goods. `at_risk_since`: when it was announced that the
    order will not be accepted in the window of the booking `at_risk_booking_id`, for `at_risk_codes`. `ship_notice`:
    what its sender has said is in it (`ship_notices`).
    """

    __tablename__ = "pro_links"
    __table_args__ = (
        ForeignKeyConstraint(
            ["number_key", "organisation_id"], ["purchase_orders.number_key", "purchase_orders.organisation_id"]
        ),
        CheckConstraint(_KEY_LENGTH, name="pro_number_length"),
        Index(None, "scac", "pro_number"),
        Index(None, "pro_number"),
        CheckConstraint(f"length(bol) BETWEEN 1 AND {BOL_MAX}", name="bol_length"),
        Index(None, "bol", postgresql_where=text("bol IS NOT NULL")),
        Index(None, "booking_id", postgresql_where=text("booking_id IS NOT NULL")),
        # What is booked for times to come, by the end of its window.
        Index("ix_pro_links_booked_until", text(BOOKED_UNTIL), postgresql_where=text("booking_id IS NOT NULL")),
        CheckConstraint(
            "(at_risk_since IS NULL) = (at_risk_booking_id IS NULL) "
            "AND (at_risk_since IS NULL) = (at_risk_codes IS NULL)",
            name="at_risk_is_said_whole",
        ),
        Index(
            "ix_pro_links_ship_notice",
            text("(ship_notice ->> 'sent_by')"),
            text("(ship_notice ->> 'reference')"),
            postgresql_where=text("ship_notice IS NOT NULL"),
        ),
        {"comment": "dist:number_key - PRO numbers on purchase orders"},
    )

    number_key: Mapped[str] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    scac: Mapped[str] = mapped_column(primary_key=True)
    pro_number: Mapped[str] = mapped_column(primary_key=True)
    display: Mapped[str]
    trailer_number: Mapped[str | None]
    delivery_window: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    bol: Mapped[str | None]
    booking_id: Mapped[UUID | None]
    warehouse_id: Mapped[UUID | None]
    location_code: Mapped[str | None]
    at_risk_since: Mapped[datetime | None]
    at_risk_booking_id: Mapped[UUID | None]
    at_risk_codes: Mapped[list[str] | None]
    ship_notice: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    linked_by: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    linked_at: Mapped[datetime]
