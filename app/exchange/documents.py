"""What every reader of a file yields: one document at a time, with where in the file each of its values stands.

Pure: no I/O of its own, no clock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

Place = tuple[str | int, ...]
"""The way to a value within a document's content, as Pydantic says it: `("lines", 0, "quantity")`."""

DOCUMENT_LENGTH_MAX: Final = 2_000_000
"""Characters of one document: an order of 500 lines with everything that can be said of them has less."""

EMPTY: Final[tuple[Any, ...]] = (None, "", [], {})


class ImportFormat(StrEnum):
    """The form of a file; the closed vocabulary of `format`."""

    CSV = "csv"
    X12 = "x12"
    AMAZON = "amazon_vendor_orders"


FORMAT_MEANINGS: Final[Mapping[ImportFormat, str]] = {
    ImportFormat.CSV: "Comma, semicolon or tab separated rows in UTF-8 with a header; a row for each line of an order.",
    ImportFormat.X12: "X12 interchanges with 850 orders, 860 changes of them, 855 and 865, the answers to these, 856 "
    "ship notices, and 214, where shipments are.",
    ImportFormat.AMAZON: "What `getPurchaseOrders` of Amazon's Vendor Orders API (v1) answers.",
}


class Kind(StrEnum):
    """What a document asks for."""

    ORDER = "order"
    ACKNOWLEDGEMENT = "acknowledgement"
    CHANGE = "change"
    TRACKING = "tracking"
    SHIP_NOTICE = "ship_notice"
    NOTHING = "nothing"
    """A part of the file that can only be refused."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a document is not taken: `place` is in the file's own words (`PO102 of segment 7`, a column, a JSON path)."""

    place: str
    code: str
    message: str


@dataclass(slots=True)
class Document:
    """One order, acknowledgement, change order or message about a shipment of a file.

    `line` is the physical line where it begins, None where the form has none. `content` is what the API would take in
    a body, with numbers and times as text. `places` leads from places in `content` to places in the file. `notes` name
    what the file says and the service has no field for.
    """

    kind: Kind
    line: int | None
    number: str | None = None
    reference: str | None = None
    content: dict[str, Any] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    places: dict[Place, str] = field(default_factory=dict)
    size: int = 0
    """About how many characters of the file it is."""
    fingerprint: bytes | None = None
    """Of an acknowledgement or change: what tells it from any other, so that it is carried out once."""

    @property
    def weight(self) -> int:
        """How much work it is to write and memory to hold: itself, its lines, its orders, and each 1,000 characters."""
        lines, orders = self.content.get("lines"), self.content.get("orders")
        counted = (len(lines) if isinstance(lines, list) else 0) + (4 * len(orders) if isinstance(orders, list) else 0)
        return 1 + counted + self.size // 1_000

    def place_of(self, place: Place) -> str:
        """Return where a value of the content stands in the file; for one that it does not name, its own name."""
        for length in range(len(place), 0, -1):
            if place[:length] in self.places:
                return self.places[place[:length]]
        return ".".join(str(part + 1 if isinstance(part, int) else part) for part in place)


class Unreadable(Exception):  # noqa: N818 - named for what it says about the file
    """From here on the file cannot be read; what was read before stands for itself."""

    def __init__(self, line: int | None, code: str, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.code = code
        self.message = message


class Refused(Exception):  # noqa: N818 - named for what it says about the document
    """A document cannot be meant of the order as it is; `faults` say (place in its content, code, message) of each."""

    def __init__(self, faults: Sequence[tuple[Place, str, str]]) -> None:
        super().__init__(faults)
        self.faults = faults


def without_empty(value: Any) -> Any:
    """Return the value without members that say nothing: null, empty texts, lists and objects, all the way down.

    A list keeps its items where they are; an empty text inside `metadata` is a value and stays.
    """
    if isinstance(value, dict):
        kept = {name: (member if name == "metadata" else without_empty(member)) for name, member in value.items()}
        return {name: member for name, member in kept.items() if member not in EMPTY}
    if isinstance(value, list):
        return [without_empty(item) for item in value]
    return value


PARTIES: Final = ("buyer", "bill_to", "seller", "ship_to")

LINE_FIELDS: Final = ("sku", "gtin", "supplier_sku", "description", "quantity", "unit", "unit_price", "tax")

ORDER_FIELDS: Final = (
    *("reference", "references", *PARTIES, "forwarders", "requested_by", "lines", "currency", "payment_methods"),
    *("payment_terms", "freight_terms", "cost_center", "category", "location", "activate_by", "valid_from"),
    *("expires_at", "ship_window", "delivery_window", "metadata"),
)
"""What an order says, by the names of the API; a test holds them against its schema."""


def content_of_order(order: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an order says, from the order as the API shows it: what an import of it has to say again.

    The buyer's `organisation_id` stays out: whoever imports an order is its buyer.
    """
    content = {name: order[name] for name in ORDER_FIELDS if name in order}
    content["lines"] = [{name: line[name] for name in LINE_FIELDS if name in line} for line in order.get("lines", ())]
    if content.get("buyer"):
        content["buyer"] = {name: value for name, value in content["buyer"].items() if name != "organisation_id"}
    content["metadata"] = dict(order.get("metadata") or {})
    shown: dict[str, Any] = without_empty(content)
    return shown


def differences(said: Mapping[str, Any], stored: Mapping[str, Any], buyer: str) -> list[str]:
    """Return the fields in which what a file says and the order that is stored differ, both as the API shows them.

    What the service has filled in where the file said nothing is no difference: the buyer, the names of organisations
    that are named by id. `buyer` is the id of the organisation that imports.
    """
    theirs, ours = without_empty(dict(said)), without_empty(dict(stored))
    theirs["buyer"] = {**theirs.get("buyer", {}), "organisation_id": buyer}
    for name in PARTIES:
        if name in theirs and name in ours:
            theirs[name] = _as_filled_in(theirs[name], ours[name])
    for place, ours_there in enumerate(ours.get("forwarders", ())):
        if place < len(theirs.get("forwarders", ())):
            theirs["forwarders"][place] = _as_filled_in(theirs["forwarders"][place], ours_there)
    return [name for name in ORDER_FIELDS if theirs.get(name) != ours.get(name)]


def _as_filled_in(said: dict[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    if "organisation_id" in said and "name" not in said and "name" in stored:
        return {**said, "name": stored["name"]}
    return said
