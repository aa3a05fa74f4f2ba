"""Makes the order that an answer shows from the rows that the database holds."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from operator import itemgetter
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from app.http.schemas import plain_decimal
from app.numbers.number_keys import registration_warnings
from app.orders.acknowledgement_schemas import Acknowledgement
from app.orders.amounts import Amounts, PricedLine, line_amounts, order_amounts
from app.orders.lifecycle import Action, LifecycleFacts, OrderStatus, StoredStatus, allowed_actions, effective_status
from app.orders.quantities import LineQuantities, still_open
from app.orders.schemas import FormatOfNumber, NumberWarning, OrderLine, Origin, PurchaseOrder, Totals
from app.orders.visibility import shown_to
from app.organisations.schemas import Address
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


def shown_order(
    row: Mapping[str, Any],
    lines: Sequence[Mapping[str, Any]],
    relation: Relation,
    at: datetime,
    facts: LifecycleFacts | None = None,
    **beside: Acknowledgement | None,
) -> dict[str, Any]:
    """Return what the body of `purchase_order` of the same arguments says, ready for Pydantic's `to_json`.

    `facts` are the row's, where they are known already. It is a fifth of the work: nothing is validated that comes
    from the database, and what the relation may not see is left out before it is written down, not after. A test holds
    the two against each other.
    """
    facts = facts or lifecycle_facts(row)
    issued_here, currency = row["issued_here"], row["currency"]
    amounts = [_amounts(line, currency) for line in lines]
    sums = order_amounts(amounts)
    warnings = [] if issued_here else registration_warnings(row["number"])
    # Identifiers and enumerations as text: Pydantic takes ten times as long to find out what they are.
    shown = {
        "id": str(row["id"]),
        "number": row["number"],
        "origin": "issued" if issued_here else "registered",
        "relation": str(relation),
        "status": str(effective_status(facts, at)),
        "stored_status": row["status"],
        "status_reason": row["status_reason"],
        "allowed_actions": _names_of(allowed_actions(facts, at)),
        "version": row["version"],
        "revision": row["revision"],
        "proposed_revision": row["proposed_revision"],
        "policy_version": row["policy_version"],
        "format": {"id": str(row["format_id"]), "version": row["format_version"]} if row["format_id"] else None,
        "warnings": [{"code": warning.code, "detail": warning.detail} for warning in warnings],
        "reference": row["reference"],
        "references": row["references"] and [{"type": one["type"], "value": one["value"]} for one in row["references"]],
        "buyer": _shown_party(row["buyer"]),
        "bill_to": _shown_party(row["bill_to"]),
        "seller": _shown_party(row["seller"]),
        "ship_to": _shown_party(row["ship_to"]),
        "forwarders": row["forwarders"] and [_shown_party(party) for party in row["forwarders"]],
        "requested_by": row["requested_by"],
        "lines": [_shown_line(line, of_line) for line, of_line in zip(lines, amounts, strict=True)],
        "currency": currency,
        "totals": None if sums is None else _written(sums),
        **dict(zip(_COPIED_BEFORE, _copied_before(row), strict=True)),
        **beside,
        "activate_by": row["activate_by"],
        "valid_from": row["valid_from"],
        "expires_at": row["expires_at"],
        "ship_window": _shown_window(row["ship_window"]),
        "delivery_window": _shown_window(row["delivery_window"]),
        **dict(zip(_COPIED_BEHIND, _copied_behind(row), strict=True)),
        "metadata": row["order_metadata"],
    }
    return shown_to(relation, shown)


_COPIED_BEFORE = (
    *("payment_methods", "payment_terms", "freight_terms", "cost_center", "category", "location"),
    *("contract_number", "invoice_number"),
)
_COPIED_BEHIND = (
    *("sent_via", "sent_at", "seen_at", "issued_at", "confirmed_at", "activated_at", "created_at", "updated_at"),
)
_ADDRESS = {name: field.get_default(call_default_factory=True) for name, field in Address.model_fields.items()}

_copied_before, _copied_behind = itemgetter(*_COPIED_BEFORE), itemgetter(*_COPIED_BEHIND)


@lru_cache(maxsize=1_024)
def _names_of(actions: Sequence[Action]) -> Sequence[str]:
    return tuple(str(action) for action in actions)


def _shown_window(window: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if window is None else {"start": window["start"], "end": window["end"]}


def _shown_party(party: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if party is None:
        return None
    get = party.get
    address = get("address")
    return {
        "organisation_id": get("organisation_id"),
        "name": get("name"),
        "address": address and {name: address.get(name, missing) for name, missing in _ADDRESS.items()},
        "phone": get("phone"),
        "code": get("code"),
        "gln": get("gln"),
    }


def _shown_line(line: Mapping[str, Any], amounts: Amounts | None) -> dict[str, Any]:
    number, sku, gtin, supplier_sku, description, quantity, unit, received, rejected, price, tax = _of_a_line(line)
    ordered = plain_decimal(quantity)
    return {
        "line": number,
        "sku": sku,
        "gtin": gtin,
        "supplier_sku": supplier_sku,
        "description": description,
        "quantity": ordered,
        "unit": unit,
        "received": plain_decimal(received) if received else "0",
        "rejected": plain_decimal(rejected) if rejected else "0",
        "open": plain_decimal(still_open(quantity, received, rejected)) if received or rejected else ordered,
        "unit_price": None if price is None else plain_decimal(price),
        "tax": tax and {"type": tax.get("type"), "rate": tax["rate"]},
        **(_NO_AMOUNTS if amounts is None else _written(amounts)),
    }


_of_a_line = itemgetter(
    *("line", "sku", "gtin", "supplier_sku", "description", "quantity", "unit", "received", "rejected", "unit_price"),
    "tax",
)


def _written(amounts: Amounts) -> dict[str, str]:
    return {"net_amount": f"{amounts.net:f}", "tax_amount": f"{amounts.tax:f}", "gross_amount": f"{amounts.gross:f}"}


_NO_AMOUNTS = dict.fromkeys(("net_amount", "tax_amount", "gross_amount"))


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
    amounts = [_amounts(line, currency) for line in lines]
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


def _amounts(line: Mapping[str, Any], currency: str | None) -> Amounts | None:
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
    return _etag(order.version, order.status, order.relation)


def row_etag(row: Mapping[str, Any], relation: Relation) -> str:
    """Return the ETag of an order as it was read, by its row."""
    return _etag(row["version"], effective_status(lifecycle_facts(row), row["read_at"]), relation)


def _etag(version: int, status: OrderStatus, relation: Relation) -> str:
    return f'"{version}-{status}-{relation}"'
