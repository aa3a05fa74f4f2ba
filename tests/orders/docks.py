"""What the docks of a test do: receive orders and look at what came in."""

from decimal import Decimal
from typing import Any

import httpx

from tests.parties import Party

ORDERS = "/v1/purchase-orders"


def receive(party: Party, order: dict[str, Any], **body: Any) -> httpx.Response:
    return party.post(f"{ORDERS}/{order['id']}/receive", body)


def received(party: Party, order: dict[str, Any], **body: Any) -> dict[str, Any]:
    answer = receive(party, order, **body)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


def reverse(party: Party, receipt_id: str, reason: str = "booked on the wrong order") -> httpx.Response:
    return party.post(f"/v1/receipts/{receipt_id}/reverse", {"reason": reason})


def receipts(party: Party, order: dict[str, Any]) -> list[dict[str, Any]]:
    answer = party.get(f"{ORDERS}/{order['id']}/receipts", params={"limit": 200})
    assert answer.status_code == 200, answer.text
    data: list[dict[str, Any]] = answer.json()["data"]
    return data


def event_types(party: Party, order: dict[str, Any]) -> list[str]:
    """Return what happened to the order, after having seen that the sequence has no hole."""
    timeline = party.get(f"{ORDERS}/{order['id']}/events", params={"limit": 200}).json()["data"]
    events = [entry for entry in timeline if entry["type"] != "gate.checked"]
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    return [event["type"] for event in events]


def quantities(order: dict[str, Any]) -> list[tuple[str, str]]:
    """Return (received, open) of each line."""
    return [(line["received"], line["open"]) for line in order["lines"]]


def sum_of(in_force: list[dict[str, Any]], line: int) -> Decimal:
    """Return what came in on a line, by the receipts that were not reversed."""
    return sum(
        (
            Decimal(item["quantity"])
            for receipt in in_force
            if receipt["reversed_at"] is None
            for item in receipt["lines"]
            if item["line"] == line
        ),
        Decimal(0),
    )
