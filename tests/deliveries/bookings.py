"""Delivery bookings for tests."""

from typing import Any

import httpx

from tests.parties import Party, ahead
from tests.shipments.waybills import any_shape

PATH = "/v1/delivery-bookings"


def window(days: float = 2, hours: float = 2) -> dict[str, str]:
    """A window that begins so many days ahead."""
    return {"start": ahead(days=days), "end": ahead(days=days, hours=hours)}


def shipment(*numbers: Any, **said: Any) -> dict[str, Any]:
    """A shipment of orders (or numbers) under a PRO number that is new, of a carrier without a rule."""
    orders = [one["number"] if isinstance(one, dict) and "id" in one else one for one in numbers]
    return {
        "scac": "QXZB",
        "pro_number": any_shape(),
        "pallets": 2,
        "cartons": 10,
        "units": 100,
        "purchase_orders": orders,
        **said,
    }


def body(*shipments: dict[str, Any], **said: Any) -> dict[str, Any]:
    """The body of a booking."""
    return {"window": window(), "load_type": "palletised", "shipments": list(shipments), **said}


def book(party: Party, *shipments: dict[str, Any], **said: Any) -> httpx.Response:
    """Book as the contract says."""
    return party.post(PATH, body(*shipments, **said))


def booked(party: Party, *shipments: dict[str, Any], **said: Any) -> dict[str, Any]:
    """Book and return the booking."""
    answer = book(party, *shipments, **said)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def step(party: Party, booking: dict[str, Any], action: str, **said: Any) -> httpx.Response:
    """Do something to a booking."""
    return party.post(f"{PATH}/{booking['id']}/{action}", said)


def done(party: Party, booking: dict[str, Any], action: str, **said: Any) -> dict[str, Any]:
    """Do something to a booking and return it."""
    answer = step(party, booking, action, **said)
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


def current(party: Party, booking: dict[str, Any]) -> dict[str, Any]:
    """Return a booking as it is now."""
    answer = party.get(f"{PATH}/{booking['id']}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def against(answer: httpx.Response) -> dict[tuple[int, int | None], list[str]]:
    """Return the codes of a refusal by shipment and order; None is the shipment itself."""
    assert answer.status_code == 409, answer.text
    assert answer.json()["code"] == "delivery_not_bookable", answer.text
    return codes_of(answer.json()["results"])


def codes_of(results: list[dict[str, Any]]) -> dict[tuple[int, int | None], list[str]]:
    """Return the codes of what was not booked by shipment and order."""
    found: dict[tuple[int, int | None], list[str]] = {}
    for one in results:
        if one["problems"]:
            found[one["index"], None] = [problem["code"] for problem in one["problems"]]
        for order in one["purchase_orders"]:
            codes = [refusal["code"] for refusal in order["refusals"]]
            found[one["index"], order["index"]] = codes + [problem["code"] for problem in order["problems"]]
    return found
