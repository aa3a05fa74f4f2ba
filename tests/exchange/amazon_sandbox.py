"""The answers that Amazon's sandbox gives to `getPurchaseOrders`, written out from what they say.

Source: the static sandbox of `vendorOrders.json`, github.com/amzn/selling-partner-api-models (Apache-2.0), and the
example beside it.
"""

from typing import Any

_DETAILS = {"purchaseOrderType": "RegularOrder", "paymentMethod": "Invoice"}


def _parties(buyer: str, seller: str) -> dict[str, Any]:
    return {
        "buyingParty": {"partyId": buyer},
        "sellingParty": {"partyId": seller},
        "shipToParty": {"partyId": buyer},
        "billToParty": {"partyId": buyer},
    }


def _item(
    place: str,
    amazon: str,
    vendor: str,
    amount: int,
    cost: str | None,
    *,
    price: str | None = None,
    currency: str = "USD",
    unit: str = "Eaches",
    size: int = 1,
    back_order: bool = True,
) -> dict[str, Any]:
    item: dict[str, Any] = {
        "itemSequenceNumber": place,
        "amazonProductIdentifier": amazon,
        "vendorProductIdentifier": vendor,
        "orderedQuantity": {"amount": amount, "unitOfMeasure": unit, "unitSize": size},
        "isBackOrderAllowed": back_order,
    }
    if cost is not None:
        item["netCost"] = {"amount": cost, "currencyCode": currency}
    if price is not None:
        item["listPrice"] = {"amount": price, "currencyCode": currency}
    return item


def _dates(ordered: str, changed: str | None, state_changed: str | None) -> dict[str, str]:
    dates = {"purchaseOrderDate": ordered}
    if changed:
        dates["purchaseOrderChangedDate"] = changed
    if state_changed:
        dates["purchaseOrderStateChangedDate"] = state_changed
    return dates


def _order(number: str, state: str | None, **details: Any) -> dict[str, Any]:
    order: dict[str, Any] = {"purchaseOrderNumber": number}
    if state:
        order["purchaseOrderState"] = state
    if details:
        order["orderDetails"] = details
    return order


def _answer(*orders: dict[str, Any], next_token: str | None = None) -> dict[str, Any]:
    payload: dict[str, Any] = {"orders": list(orders)}
    if next_token:
        payload = {"pagination": {"nextToken": next_token}, **payload}
    return {"payload": payload}


_APPARIO = {
    "partyId": "ABCD",
    "address": {
        "name": "APPARIO RETAIL PVT.LTD.",
        "addressLine1": "3APPARIO RETAIL PVT.LTD.- C/O. AMAZON SELLER SERVIC",
        "city": "Siddhapudur",
        "stateOrRegion": "Tamil Nadu",
        "postalCode": "641044",
        "countryCode": "IN",
        "phone": "206-266-8000",
    },
}

_IMPORT_DETAILS = {
    "importContainers": "2-20'HC,1-45',1-45'HC",
    "internationalCommercialTerms": "FreeOnBoard",
    "methodOfPayment": "PrepaidBySeller",
    "portOfDelivery": "INDIA",
    "shippingInstructions": "PREFERENCE IS PALLET-LOAD, BUT IF CONTAINERS ARE FLOOR-LOADED",
}

EXAMPLE = _answer(
    _order(
        "L8266355",
        "New",
        **_dates("2019-05-23T10:00:00Z", "2019-05-24T16:05:00Z", "2019-05-23T10:00:00Z"),
        **_DETAILS,
        importDetails={
            "methodOfPayment": "PaidByBuyer",
            "internationalCommercialTerms": "ExWorks",
            "portOfDelivery": "YANTIAN, CHINA",
            "importContainers": "1-40'HC, 1-20'",
            "shippingInstructions": "PREFERENCE IS PALLET-LOAD, BUT IF CONTAINERS ARE FLOOR-LOADED, THEN PLEASE DO "
            "CLAMP-LOAD OR STRAIGHT FLOOR-LOAD. DO NOT USE SLIP SHEET FOR THIS FC DESTINATION. PAYMENT TERMS ARE PER "
            "CONTAINER.",
        },
        dealCode="BTS",
        buyingParty=_APPARIO,
        sellingParty={"partyId": "TEST1"},
        shipToParty=_APPARIO,
        billToParty=_APPARIO,
        taxInfo={"taxType": "GST", "taxRegistrationNumber": "098522PCA6346DTEDD"},
        deliveryWindow="2019-05-23T10:00:00Z--2019-05-30T10:00:00Z",
        items=[_item("1", "ABC123434", "028877454078", 2, "1800", price="2000", currency="INR", unit="Cases", size=10)],
    ),
    next_token="MDAwMDAwMDAwAQ==",
)

TWO_ORDERS = _answer(
    _order(
        "2JK3S9VC",
        "New",
        **_dates("2019-08-20T15:51:00Z", "2019-08-22T16:05:00Z", "2019-08-20T15:51:00Z"),
        **_DETAILS,
        **_parties("ABCD", "999US"),
        shipWindow="2019-08-21T07:00:00Z--2019-08-27T07:00:00Z",
        items=[
            _item("1", "B07DFVDRAB", "8806098286500", 1, "346.27", price="346.27", back_order=False),
            _item("2", "B07DFYF5AB", "8806098286123", 2, "229.47", price="229.47", back_order=False),
            _item("3", "B07MC84QAB", "8806098095123", 13, "412.71", price="412.71", back_order=False),
        ],
    ),
    _order(
        "3TRD2IAB",
        "New",
        **_dates("2019-08-20T16:29:00Z", "2019-08-20T16:50:00Z", "2019-08-20T16:29:00Z"),
        **_DETAILS,
        importDetails=_IMPORT_DETAILS,
        **_parties("ABC1", "998US"),
        shipWindow="2019-08-21T07:00:00Z--2019-08-27T07:00:00Z",
        items=[_item("1", "B01LNRIIAB", "B01LNRIIAB", 5, "94.97", price="94.97", unit="CASES", size=10)],
    ),
    next_token="MDAwMDAwMDAwMQ==",
)

NUMBERS_ALONE = _answer(_order("2JK3S9XY", "New"), _order("3TRD2ABC", "Acknowledged"))


def _test_po_1(window_ends: str, vendor: str) -> dict[str, Any]:
    return _order(
        "TestPO1",
        "Acknowledged",
        **_dates("2020-05-26T18:49:20Z", "2020-05-27T06:30:00Z", "2020-05-26T19:10:00Z"),
        **_DETAILS,
        **_parties("ABCD", "999US"),
        shipWindow=f"2020-05-27T07:00:00Z--{window_ends}T07:00:00Z",
        items=[
            _item("1", "B01XYZ3Z00", vendor, 0, "70", price="70"),
            _item("2", "B01XYZ3Z01", "8806098095124", 10, "15", price="15"),
        ],
    )


def _test_po_2(changed: str) -> dict[str, Any]:
    return _order(
        "TestPO2",
        "New",
        **_dates("2020-05-25T19:29:23Z", changed, "2020-05-25T19:29:23Z"),
        **_DETAILS,
        **_parties("ABCD", "API01"),
        shipWindow="2020-05-26T07:00:00Z--2020-05-29T07:00:00Z",
        items=[_item("1", "B01XYZ3Z00", "8806093095123", 20, "70", price="70")],
    )


CHANGED = _answer(_test_po_2("2020-05-26T16:00:00Z"), _test_po_1("2020-05-30", "8806093095123"))
CANCELLED_ITEMS = _answer(_test_po_1("2020-05-29", "8806098095123"))
CHANGED_ORDERS = _answer(_test_po_2("2020-05-26T16:00:00Z"))
OF_A_VENDOR = _answer(
    _test_po_2("2020-05-26T06:00:00Z"),
    _order(
        "TestPO3",
        "New",
        **_dates("2020-05-26T18:05:23Z", None, "2020-05-26T18:05:23Z"),
        **_DETAILS,
        **_parties("ABCF", "API01"),
        shipWindow="2020-05-26T07:00:00Z--2020-06-03T07:00:00Z",
        items=[_item("1", "B01XYZ3Z02", "8806093095125", 10, "50", price="50")],
    ),
)
LONG_NUMBERS = _answer(
    _order(
        "mock-purchaseOrderNumber1",
        None,
        **_dates("2019-08-14T13:51:00Z", None, None),
        **_DETAILS,
        **_parties("ABCD", "999US"),
        items=[
            _item(f"{place:05}", amazon, vendor, amount, None, price=price, currency="INR", back_order=False)
            for place, amazon, vendor, amount, price in (
                (1, "B07DFVDRAB", "8806098286500", 1, "34366.27"),
                (2, "B07DFYF5AB", "8806098286123", 2, "22798.47"),
                (3, "B07MC84QAB", "8806098095123", 13, "4362.71"),
            )
        ],
    ),
    _order(
        "mock-purchaseOrderNumber2",
        None,
        **_dates("2019-08-13T06:29:00Z", None, None),
        **_DETAILS,
        importDetails=_IMPORT_DETAILS,
        **_parties("ABC1", "999US"),
        items=[_item("00001", "B01LNRIIAB", "B01LNRIIAB", 24, "94.97", currency="INR", unit="Cases", size=5)],
    ),
    next_token="MDAwMDAwMDAwMQ==",
)

ANSWERS = {
    "the example of the model": EXAMPLE,
    "two orders": TWO_ORDERS,
    "numbers alone": NUMBERS_ALONE,
    "changed in a time": CHANGED,
    "with cancelled items": CANCELLED_ITEMS,
    "orders that were changed": CHANGED_ORDERS,
    "of a vendor": OF_A_VENDOR,
    "long numbers": LONG_NUMBERS,
}
