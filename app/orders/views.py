"""Makes the order that an answer shows from the rows that the database holds."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from app.numbers.number_keys import registration_warnings
from app.orders.acknowledgement_schemas import Acknowledgement
from app.orders.amounts import Amounts, PricedLine, line_amounts, order_amounts
from app.orders.lifecycle import LifecycleFacts, OrderStatus, StoredStatus, allowed_actions, effective_status
from app.orders.quantities import LineQuantities
from app.orders.schemas import FormatOfNumber, NumberWarning, OrderLine, Origin, PurchaseOrder, Totals
from app.principal import Relation

_COPIED = (
    *("id", "number", "status_reason", "version", "revision", "proposed_revision", "policy_version", "reference"),
    *("references", "buyer"),
    *("bill_to", "seller", "ship_to", "forwarders", "requested_by", "currency", "payment_methods", "payment_terms"),
    "freight_terms",
    *("cost_center", "category", "location", "contract_number", "invoice_number", "activate_by", "valid_from"),
    *("expires_at", "ship_window", "delivery_window", "sent_via", "sent_at", "issued_at", "confirmed_at"),
    "seen_at",
    *("activated_at", "created_at", "updated_at"),
)


def purchase_order(
    row: Mapping[str, Any],
    lines: Sequence[Mapping[str, Any]],
    relation: Relation,
    at: datetime,
    **beside: Acknowledgement | None,
) -> PurchaseOrder:
    """Return the order as the relation sees it at the moment `at`.

    `beside`: the `acknowledgement`, where it was looked up; an answer that does not know it leaves it out.
    """
    facts = lifecycle_facts(row)
    issued_here = row["issued_here"]
    shown_lines, totals = lines_with_totals(lines, row["currency"])
    return PurchaseOrder(
        **{name: row[name] for name in _COPIED},
        origin=Origin.ISSUED if issued_here else Origin.REGISTERED,
        relation=relation,
        status=effective_status(facts, at),
        stored_status=facts.stored,
        allowed_actions=list(allowed_actions(facts, at)),
        format=FormatOfNumber(id=row["format_id"], version=row["format_version"]) if row["format_id"] else None,
        warnings=[
            NumberWarning(code=warning.code, detail=warning.detail)
            for warning in ([] if issued_here else registration_warnings(row["number"]))
        ],
        lines=shown_lines,
        totals=totals,
        metadata=row["order_metadata"],
        **beside,
    )


def acknowledgement_shown(row: Row[Any] | None) -> Acknowledgement | None:
    """Return what the seller has said last."""
    if row is None:
        return None
    told = row._asdict()
    return Acknowledgement(
        relation=Relation(row.acknowledged_as),
        **{name: told[name] for name in Acknowledgement.model_fields if name in told},
    )


def lines_with_totals(
    lines: Sequence[Mapping[str, Any]], currency: str | None
) -> tuple[list[OrderLine], Totals | None]:
    """Return lines with what each comes to, and what all of them do."""
    amounts = [amounts_of(line, currency) for line in lines]
    sums = order_amounts(amounts)
    shown = [order_line(line, of_line) for line, of_line in zip(lines, amounts, strict=True)]
    return shown, None if sums is None else Totals(**_named(sums))


def order_line(line: Mapping[str, Any], amounts: Amounts | None) -> OrderLine:
    """Return a line with what is still to come and what it comes to."""
    shown = ("line", "sku", "gtin", "supplier_sku", "description", "quantity", "unit", "unit_price", "tax")
    quantities = LineQuantities(line["line"], line["quantity"], line["received"], line["rejected"])
    return OrderLine(
        **{name: line[name] for name in shown},
        received=quantities.received,
        rejected=quantities.rejected,
        open=quantities.open,
        **({} if amounts is None else _named(amounts)),
    )


def amounts_of(line: Mapping[str, Any], currency: str | None) -> Amounts | None:
    """Return what a line comes to, by its row."""
    rate = Decimal(line["tax"]["rate"]) if line["tax"] else _NO_TAX
    return line_amounts(PricedLine(line["quantity"], line["unit_price"], rate), currency)


_NO_TAX = Decimal(0)


def _named(amounts: Amounts) -> dict[str, Decimal]:
    return {"net_amount": amounts.net, "tax_amount": amounts.tax, "gross_amount": amounts.gross}


def lifecycle_facts(row: Mapping[str, Any]) -> LifecycleFacts:
    """Return what the rules of the lifecycle ask of an order."""
    return LifecycleFacts(
        stored=StoredStatus(row["status"]),
        valid_from=row["valid_from"],
        expires_at=row["expires_at"],
        activate_by=row["activate_by"],
        suspended_from=StoredStatus(row["suspended_from"]) if row["suspended_from"] else None,
    )


def relation_of(row: Mapping[str, Any], organisation_id: UUID) -> Relation:
    """Return the most privileged relation of the organisation to the order."""
    if row["organisation_id"] == organisation_id:
        return Relation.OWNER
    if row["issued_at"] is None:
        # Nobody else was ever asked: a draft may still change, or has come to nothing.
        return Relation.PRESENTER
    if row["seller_id"] == organisation_id:
        return Relation.SELLER
    if row["ship_to_id"] == organisation_id:
        return Relation.SHIP_TO
    if organisation_id in row["forwarder_ids"]:
        return Relation.FORWARDER
    return Relation.PRESENTER


def etag(order: PurchaseOrder) -> str:
    """Return the ETag: the version, the status (which time alone changes too) and what the relation sees."""
    return etag_of(order.version, order.status, order.relation)


def row_etag(row: Mapping[str, Any], relation: Relation) -> str:
    """Return the ETag of an order as it was read, by its row."""
    return etag_of(row["version"], effective_status(lifecycle_facts(row), row["read_at"]), relation)


def etag_of(version: int, status: OrderStatus, relation: Relation) -> str:
    """Return the ETag of an order of which only what goes into it is known."""
    return f'"{version}-{status}-{relation}"'
