"""The columns of a CSV file: what each is called, also by others, and where its value belongs. Pure."""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Final

from app.exchange.documents import PARTIES

Path = tuple[str, ...]

_PARTY_FIELDS: Final[Mapping[str, Path]] = {
    "name": ("name",),
    "code": ("code",),
    "gln": ("gln",),
    "phone": ("phone",),
    "organisation_id": ("organisation_id",),
    "street": ("address", "street"),
    "postal_code": ("address", "postal_code"),
    "city": ("address", "city"),
    "region": ("address", "region"),
    "country": ("address", "country"),
}

_PLAIN: Final = (
    *("number", "reference", "format_id", "draft", "currency", "requested_by", "payment_terms", "freight_terms"),
    *("cost_center", "category", "location", "activate_by", "valid_from", "expires_at"),
)

JSON_COLUMNS: Final = frozenset({"references", "forwarders", "payment_methods", "metadata", "exact"})
"""Cells with JSON; `payment_methods` may be texts with `;` between them. `exact` is an object with fields of the order,
which an export writes where the other columns would not give the order back as it is."""

ORDER_COLUMNS: Final[Mapping[str, Path]] = {
    **{name: (name,) for name in _PLAIN},
    **{f"{window}_{end}": (window, end) for window in ("ship_window", "delivery_window") for end in ("start", "end")},
    **{f"{party}_{name}": (party, *path) for party in PARTIES for name, path in _PARTY_FIELDS.items()},
    **{name: (name,) for name in ("references", "forwarders", "payment_methods", "metadata", "exact")},
}
"""Column -> where its value stands in the order. On the rows of further lines they are empty or say the same again."""

LINE_COLUMNS: Final[Mapping[str, Path]] = {
    **{name: (name,) for name in ("sku", "gtin", "supplier_sku", "description", "quantity", "unit", "unit_price")},
    "tax_type": ("tax", "type"),
    "tax_rate": ("tax", "rate"),
}
"""Column -> where its value stands in the line of the row. A row without any of them has no line."""

LINE_NUMBER: Final = "line"
"""Column with the number of a row's line. Lines count from 1, as they come; the notes say where a file's do not."""

COLUMNS: Final = (*ORDER_COLUMNS, *LINE_COLUMNS)

TIMES: Final = frozenset(
    {"activate_by", "valid_from", "expires_at", "ship_window_start", "ship_window_end"}
    | {"delivery_window_start", "delivery_window_end"}
)

METADATA_PREFIX: Final = "metadata."
"""A column `metadata.season` holds the value of the key `season`."""

SYNONYMS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("po", "po_number", "po_no", "purchase_order", "purchase_order_number", "order_number"), "number"),
    **dict.fromkeys(("order_id", "order_reference", "buyer_reference", "your_reference"), "reference"),
    **dict.fromkeys(("currency_code",), "currency"),
    **dict.fromkeys(("requester", "ordered_by"), "requested_by"),
    **dict.fromkeys(("terms", "terms_of_payment"), "payment_terms"),
    **dict.fromkeys(("incoterms", "incoterm", "delivery_terms"), "freight_terms"),
    **dict.fromkeys(("cost_centre",), "cost_center"),
    **dict.fromkeys(("expiry", "expiry_date", "expires", "valid_until", "cancel_after"), "expires_at"),
    **dict.fromkeys(("seller", "supplier", "supplier_name", "vendor", "vendor_name"), "seller_name"),
    **dict.fromkeys(("supplier_code", "supplier_number", "vendor_code", "vendor_number", "vendor_id"), "seller_code"),
    **dict.fromkeys(("supplier_gln", "vendor_gln"), "seller_gln"),
    **dict.fromkeys(("ship_to", "deliver_to", "delivery_address_name"), "ship_to_name"),
    **dict.fromkeys(("ship_to_location", "warehouse", "warehouse_code", "destination"), "ship_to_code"),
    **dict.fromkeys(("bill_to",), "bill_to_name"),
    **dict.fromkeys(("buyer",), "buyer_name"),
    **dict.fromkeys(("line_number", "line_no", "line_item", "position", "pos"), LINE_NUMBER),
    **dict.fromkeys(("item", "item_number", "item_no", "product", "product_code", "article", "part_number"), "sku"),
    **dict.fromkeys(("upc", "ean", "barcode", "bar_code"), "gtin"),
    **dict.fromkeys(("supplier_item", "supplier_part_number", "vendor_sku", "vendor_part_number"), "supplier_sku"),
    **dict.fromkeys(("item_description", "product_name", "product_description"), "description"),
    **dict.fromkeys(("qty", "order_quantity", "quantity_ordered", "ordered_quantity"), "quantity"),
    **dict.fromkeys(("uom", "unit_of_measure"), "unit"),
    **dict.fromkeys(("price", "unit_cost", "cost", "net_price"), "unit_price"),
    **dict.fromkeys(("tax_percent", "vat", "vat_rate"), "tax_rate"),
}
"""What others call a column, with `_` for everything that is neither letter nor digit."""


def column_named(header: str) -> str | None:
    """Return the column that a cell of the header means, `metadata.<key>` as it is; None where there is none such."""
    text = header.strip()
    if text.lower().startswith(METADATA_PREFIX) and len(text) > len(METADATA_PREFIX):
        return METADATA_PREFIX + text[len(METADATA_PREFIX) :]
    name = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    if name in COLUMNS or name == LINE_NUMBER:
        return name
    return SYNONYMS.get(name)


def column_like(header: str) -> str | None:
    """Return the column that a misspelled cell of the header may mean, None where none is near."""
    meant = get_close_matches(header.strip().lower(), [*COLUMNS, *SYNONYMS], n=1)
    return SYNONYMS.get(meant[0], meant[0]) if meant else None
