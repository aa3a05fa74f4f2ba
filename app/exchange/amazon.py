"""Reads orders from Amazon's JSON: the answers of `getPurchaseOrders`, Vendor Orders API v1, one after the other. Pure.

Source: `vendorOrders.json` of github.com/amzn/selling-partner-api-models, with its sandbox answers.

| Amazon | here |
|---|---|
| `purchaseOrderNumber` | `number` |
| `orderDetails.buyingParty`, `sellingParty`, `shipToParty`, `billToParty` | `buyer`, `seller`, `ship_to`, `bill_to` |
| a party's `partyId`; `address`; `taxInfo` | `code`; `name`, `address`, `phone`; `metadata` |
| `shipWindow`, `deliveryWindow` (`<start>--<end>`) | `ship_window`, `delivery_window` |
| `paymentMethod` | `payment_methods` |
| `importDetails.internationalCommercialTerms` and `portOfDelivery` | `freight_terms` |
| `purchaseOrderDate`, `purchaseOrderType`, `dealCode`, the rest of `importDetails` | `metadata` |
| an item's `amazonProductIdentifier`, `vendorProductIdentifier` | `sku`, `supplier_sku` |
| `orderedQuantity.amount`; `unitOfMeasure` | `quantity`; `unit` `EA` or `CA` |
| `orderedQuantity.unitSize` of a case | `description`: `Case of 10` |
| `netCost` | `unit_price` and the order's `currency` |

An item of quantity 0 is one that Amazon has cancelled: it makes no line, and a note says so. `purchaseOrderState`
and the dates of its changes are Amazon's own and not kept.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, BinaryIO, Final

import ijson

from app.exchange.documents import DOCUMENT_LENGTH_MAX, Document, Fault, Kind, Unreadable, without_empty

_ORDERS: Final = ["payload", "orders"]
_TEXT_OF_METADATA: Final = 500

_STARTS: Final = frozenset({"start_map", "start_array"})
_ENDS: Final = frozenset({"end_map", "end_array"})
_DEPTH_MAX: Final = 40

_NUMBER_LENGTH_MAX: Final = 1_000
_LONG_NUMBER: Final = re.compile(rb"[0-9]{%d}" % (_NUMBER_LENGTH_MAX + 1))

_UNITS: Final[Mapping[str, str]] = {"eaches": "EA", "each": "EA", "cases": "CA", "case": "CA"}
_PARTIES: Final = {"buyingParty": "buyer", "sellingParty": "seller", "shipToParty": "ship_to", "billToParty": "bill_to"}
_STREET: Final = ("addressLine1", "addressLine2", "addressLine3")
_ADDRESS: Final = {"city": "city", "stateOrRegion": "region", "postalCode": "postal_code", "countryCode": "country"}
_KEPT_AS_METADATA: Final = ("purchaseOrderDate", "purchaseOrderType", "dealCode")
_NOT_KEPT: Final = frozenset({"purchaseOrderState", "purchaseOrderChangedDate", "purchaseOrderStateChangedDate"})
_ORDER_MEMBERS: Final = frozenset({"purchaseOrderNumber", "orderDetails"}) | _NOT_KEPT
_DETAIL_MEMBERS: Final = (
    frozenset({*_PARTIES, *_KEPT_AS_METADATA, "importDetails", "paymentMethod", "shipWindow", "deliveryWindow"})
    | {"items", "taxInfo"}
    | _NOT_KEPT
)
_ITEM_MEMBERS: Final = frozenset(
    {"itemSequenceNumber", "amazonProductIdentifier", "vendorProductIdentifier", "orderedQuantity", "netCost"}
    | {"listPrice", "isBackOrderAllowed"}
)


def documents(file: BinaryIO) -> Iterator[Document]:
    """Yield the orders of one or several answers; raises Unreadable where it is no such JSON."""
    found = 0
    answered = False
    try:
        for path, value in _members(file):
            if path == _ORDERS and value is not None:
                order = _Order(found, value[0]).document
                order.size = value[1]
                yield order
                found += 1
            answered = answered or path == _ORDERS
            if path == ["errors"]:
                raise Unreadable(None, "amazon_errors", "The file is an error that Amazon answered, not its orders.")
    except (ijson.JSONError, UnicodeDecodeError, ArithmeticError, ValueError) as error:
        told = f"After {found} orders" if found else "From its beginning on"
        raise Unreadable(None, "json_syntax", f"{told} the file is no readable JSON.") from error
    if not answered:
        raise Unreadable(None, "not_amazon", "The file has no `payload.orders`, as an answer of getPurchaseOrders has.")


def _members(file: BinaryIO) -> Iterator[tuple[list[str], Any]]:
    """Yield the way to each member of the envelope, with None, and to each order, with the order and its size.

    The library would tell the way of every value itself, at a cost that grows with the square of its depth.
    """
    path: list[str] = []
    depth = size = 0
    builder: ijson.ObjectBuilder | None = None
    # Numbers come as Decimal, so that no quantity passes through a binary fraction.
    for event, value in ijson.basic_parse(_Bounded(file), multiple_values=True, use_float=False):
        depth -= event in _ENDS
        if depth > _DEPTH_MAX:
            raise Unreadable(None, "json_depth", f"The file has more than {_DEPTH_MAX} levels of lists and objects.")
        if event == "map_key" and builder is None:
            path[depth - 1 :] = [value]
            yield path, None
        elif builder is not None or (depth == len(_ORDERS) + 1 and path == _ORDERS and event not in _ENDS):
            builder = builder or ijson.ObjectBuilder()
            builder.event(event, value)
            size += len(value) + 8 if isinstance(value, str) else 8
            if size > DOCUMENT_LENGTH_MAX:
                raise Unreadable(None, "too_long", f"An order has more than {DOCUMENT_LENGTH_MAX:,} characters.")
            if depth == len(_ORDERS) + 1 and event not in _STARTS:
                yield path, (builder.value, size)
                builder, size = None, 0
        depth += event in _STARTS


class _Bounded:
    """A file that is read up to a number which is longer than any can be; raises Unreadable there.

    ijson 3.6 makes an int of it, in C, and does not look whether Python does (it refuses above 4,300 digits): the whole
    process dies of that. In a text so many digits in a row are no value either.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._before = b""

    def read(self, size: int = -1) -> bytes:
        content = self._file.read(size)
        if _LONG_NUMBER.search(self._before + content):
            raise Unreadable(None, "json_number", f"The file has a number of more than {_NUMBER_LENGTH_MAX} digits.")
        self._before = (self._before + content)[-_NUMBER_LENGTH_MAX:]
        return content


class _Order:
    """One order of an answer on its way to a document."""

    def __init__(self, position: int, order: Any) -> None:
        self.document = Document(Kind.ORDER, None)
        self._path = f"orders[{position}]"
        self._content = self.document.content
        self._currencies: dict[str, str] = {}
        details = self._object(self._path, order).get("orderDetails")
        self._read_number(order if isinstance(order, dict) else {})
        self._read_details(f"{self._path}.orderDetails", {} if details is None else details)
        if len(self._currencies) == 1:
            self._content["currency"] = next(iter(self._currencies))
        elif self._currencies:
            self._refuse(self._path, "currencies", f"Prices in several currencies: {', '.join(self._currencies)}")
        self.document.content = without_empty(self._content)

    def _read_number(self, order: Mapping[str, Any]) -> None:
        number = self._text(f"{self._path}.purchaseOrderNumber", order.get("purchaseOrderNumber"))
        if number is None:
            self._refuse(f"{self._path}.purchaseOrderNumber", "unidentified", "The order has no number")
            return
        self._content["number"] = self.document.number = number
        self.document.places["number",] = f"{self._path}.purchaseOrderNumber"
        self._note_others(self._path, order, _ORDER_MEMBERS)

    def _read_details(self, path: str, value: Any) -> None:
        details = self._object(path, value)
        for theirs, ours in _PARTIES.items():
            self._read_party(f"{path}.{theirs}", details.get(theirs), ours)
        for theirs, ours in (("shipWindow", "ship_window"), ("deliveryWindow", "delivery_window")):
            self._read_window(f"{path}.{theirs}", details.get(theirs), ours)
        for name in _KEPT_AS_METADATA:
            self._keep(name, self._text(f"{path}.{name}", details.get(name)))
        method = self._text(f"{path}.paymentMethod", details.get("paymentMethod"))
        self._content["payment_methods"] = [method] if method else []
        self._read_terms(f"{path}.importDetails", details.get("importDetails"))
        self._read_tax(f"{path}.taxInfo", details.get("taxInfo"), "taxInfo")
        items = details.get("items") or []
        if not isinstance(items, list):
            self._refuse(f"{path}.items", "type", "A list is expected here")
            items = []
        for place, item in enumerate(items):
            self._read_item(f"{path}.items[{place}]", item)
        self._note_others(path, details, _DETAIL_MEMBERS)

    def _read_party(self, path: str, value: Any, ours: str) -> None:
        party = self._object(path, value)
        address = self._object(f"{path}.address", party.get("address"))
        street = [self._text(f"{path}.address.{name}", address.get(name)) for name in _STREET]
        read = {
            "code": self._text(f"{path}.partyId", party.get("partyId")),
            "name": self._text(f"{path}.address.name", address.get("name")),
            "phone": self._text(f"{path}.address.phone", address.get("phone")),
            "address": {
                "street": [line for line in street if line],
                **{our: self._text(f"{path}.address.{name}", address.get(name)) for name, our in _ADDRESS.items()},
            },
        }
        self._content[ours] = read
        self.document.places[ours,] = path
        self._read_tax(f"{path}.taxInfo", party.get("taxInfo"), f"{ours}.taxInfo")
        known = {"name", "phone", *_STREET, *_ADDRESS}
        self._note_others(f"{path}.address", address, known)

    def _read_tax(self, path: str, value: Any, key: str) -> None:
        tax = self._object(path, value)
        said = [self._text(f"{path}.{name}", tax.get(name)) for name in ("taxType", "taxRegistrationNumber")]
        self._keep(key, " ".join(part for part in said if part))

    def _read_terms(self, path: str, value: Any) -> None:
        details = self._object(path, value)
        terms = [
            self._text(f"{path}.{name}", details.get(name))
            for name in ("internationalCommercialTerms", "portOfDelivery")
        ]
        self._content["freight_terms"] = ", ".join(part for part in terms if part)
        self.document.places["freight_terms",] = path
        for name in ("methodOfPayment", "importContainers", "shippingInstructions"):
            self._keep(name, self._text(f"{path}.{name}", details.get(name)))

    def _read_window(self, path: str, value: Any, ours: str) -> None:
        text = self._text(path, value)
        if text is None:
            return
        start, parted, end = text.partition("--")
        if not parted:
            self._refuse(path, "window", "Two times with `--` between them are expected here")
        self._content[ours] = {"start": start.strip(), "end": end.strip()}
        self.document.places[ours,] = path

    def _read_item(self, path: str, value: Any) -> None:
        item = self._object(path, value)
        ordered = self._object(f"{path}.orderedQuantity", item.get("orderedQuantity"))
        amount = ordered.get("amount")
        if amount == 0 and not isinstance(amount, bool):
            sku = item.get("amazonProductIdentifier") or item.get("vendorProductIdentifier") or ""
            self.document.notes.append(
                f"{path} ({str(sku)[:60]}) has quantity 0, cancelled by Amazon: no line was made"
            )
            return
        size = self._text(f"{path}.orderedQuantity.unitSize", ordered.get("unitSize"))
        unit = self._text(f"{path}.orderedQuantity.unitOfMeasure", ordered.get("unitOfMeasure")) or "Eaches"
        cost = self._object(f"{path}.netCost", item.get("netCost"))
        line = {
            "sku": self._text(f"{path}.amazonProductIdentifier", item.get("amazonProductIdentifier")),
            "supplier_sku": self._text(f"{path}.vendorProductIdentifier", item.get("vendorProductIdentifier")),
            "quantity": self._text(f"{path}.orderedQuantity.amount", amount),
            "unit": _UNITS.get(unit.lower(), unit),
            "unit_price": self._text(f"{path}.netCost.amount", cost.get("amount")),
            "description": f"Case of {size}" if size not in {None, "1"} else None,
        }
        currency = self._text(f"{path}.netCost.currencyCode", cost.get("currencyCode"))
        if currency is not None:
            self._currencies[currency] = path
        lines = self._content.setdefault("lines", [])
        lines.append(line)
        where = ("lines", len(lines) - 1)
        self.document.places |= {
            where: path,
            (*where, "quantity"): f"{path}.orderedQuantity.amount",
            (*where, "unit_price"): f"{path}.netCost.amount",
            (*where, "sku"): f"{path}.amazonProductIdentifier",
        }
        self._note_others(path, item, _ITEM_MEMBERS)

    def _keep(self, key: str, text: str | None) -> None:
        """Keep a text as metadata; one that is longer than a value may be goes on under the key with a number."""
        for part in range(0, len(text or ""), _TEXT_OF_METADATA):
            name = key if part == 0 else f"{key}.{part // _TEXT_OF_METADATA + 1}"
            self._content.setdefault("metadata", {})[name] = (text or "")[part : part + _TEXT_OF_METADATA]

    def _note_others(self, path: str, found: Mapping[str, Any], known: frozenset[str] | set[str]) -> None:
        others = sorted(str(name)[:60] for name in found.keys() - known)
        if others:
            self.document.notes.append(f"{path}: not kept: {', '.join(others[:10])}")

    def _object(self, path: str, value: Any) -> Mapping[str, Any]:
        if value is None or isinstance(value, dict):
            return value or {}
        self._refuse(path, "type", "An object is expected here")
        return {}

    def _text(self, path: str, value: Any) -> str | None:
        """Return a text or number as text, None where there is none; whatever else is a fault."""
        if isinstance(value, str):
            return value.strip() or None
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            # A huge exponent would be written out as as many digits.
            return _plain(Decimal(value)) if abs(Decimal(value).adjusted()) < _DIGITS else str(value)
        if value is not None:
            self._refuse(path, "type", "A text is expected here")
        return None

    def _refuse(self, path: str, code: str, message: str) -> None:
        self.document.faults.append(Fault(path, code, message))


_DIGITS: Final = 40
_plain: Final[Callable[[Decimal], str]] = "{:f}".format
