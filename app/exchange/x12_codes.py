"""Codes of X12 that have a meaning here, by the numbers of their data elements. Pure.

Source: ASC X12 004010 and 005010, data element dictionary, as internal.dcsnewyork.com/tech/edi/x12/EDI_4010 has it
(353, 670) and stedi.com/edi/x12-004010 (587, 374); 668 stands in `app.orders.acknowledgement_rules`.
"""

from collections.abc import Mapping
from typing import Final

PURPOSES: Final[Mapping[str, str]] = {
    "00": "original",
    "01": "cancellation",
    "04": "change",
    "05": "replace",
    "06": "confirmation",
    "07": "duplicate",
    "18": "reissue",
    "22": "information copy",
}
"""353, Transaction Set Purpose."""

ACCEPTANCES: Final = frozenset({"AC", "AD", "AE", "AK", "AP", "AT"})
"""587, Acknowledgment Type: with detail and change, with detail and no change, with exceptions alone, without detail or
change, product replenishment, accepted."""

WITHOUT_CHANGE: Final = frozenset({"AD", "AK", "AT"})
"""Those that leave nothing to reject."""

REJECTIONS: Final[Mapping[str, str | None]] = {
    "RD": None,
    "RF": None,
    "RJ": None,
    "RN": "Not as agreed",
    "RV": "Violates industry practices",
}
"""587: with detail, with exceptions alone, without detail; those that say why say it in words. RO, a counter offer, is
no plain rejection, and AH (on hold), NA and ZZ are neither one nor the other."""

SCHEDULED: Final[Mapping[str, str]] = {
    **dict.fromkeys(("068", "010", "011", "079"), "scheduled_ship_date"),
    **dict.fromkeys(("067", "002", "017", "069"), "scheduled_delivery_date"),
}
"""374 where a seller says it: current schedule, requested, made, promised."""

CHANGES: Final = frozenset({"AI", "CA", "DI", "NC", "PC", "PQ", "QD", "QI", "RZ"})
"""670, Change or Response Type, where it says what becomes of a line as it is kept here. Others move the dates of a
line (CT, RS), which an order has only as a whole here, or say several things at once."""

PARTIES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("BY", "BO"), "buyer"),
    "BT": "bill_to",
    **dict.fromkeys(("SE", "SU", "VN"), "seller"),
    "ST": "ship_to",
    "FW": "forwarders",
}
"""98, Entity Identifier."""

DATES: Final[Mapping[str, tuple[str, ...]]] = {
    "037": ("ship_window", "start"),
    "038": ("ship_window", "end"),
    "010": ("ship_window", "day"),
    "064": ("delivery_window", "start"),
    "063": ("delivery_window", "end"),
    "002": ("delivery_window", "day"),
    "007": ("valid_from",),
    "001": ("expires_at",),
    "036": ("expires_at",),
}
"""374, Date/Time Qualifier: ship not before, no later; requested ship; deliver not before, not after; delivery
requested; effective; cancel after; expiration."""

ENDS: Final = frozenset({("ship_window", "end"), ("delivery_window", "end"), ("expires_at",)})
"""Where a date without a time means the end of the day."""

PRODUCT_IDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("IN", "BP", "SK"), "sku"),
    **dict.fromkeys(("UP", "EN", "UK", "UA", "EO", "GT"), "gtin"),
    **dict.fromkeys(("VP", "VN", "VA", "VC"), "supplier_sku"),
}
"""235, Product/Service ID Qualifier: buyer's item and part, SKU; GTIN-12, -13 and -14; vendor's part, item, style."""

SHIPMENT_PAYMENT: Final[Mapping[str, str]] = {"CC": "collect", "PP": "prepaid", "PC": "prepaid by seller, charged"}
"""146, Shipment Method of Payment."""

TAXES: Final[Mapping[str, str]] = {"VA": "VAT", "GS": "GST", "ST": "sales"}
"""963, Tax Type."""
