"""What applicants and reviewers of a test do: apply for activation, decide, and let time pass."""

from collections.abc import Callable
from typing import Any

import httpx

from tests.outbox import keep_quiet
from tests.parties import Party, ahead

ORDERS = "/v1/purchase-orders"
REQUESTS = "/v1/activation-requests"
Sql = Callable[..., list[Any]]


def passed(sql: Sql, order: dict[str, Any], *columns: str) -> None:
    """Let moments of the order lie in the past, as waiting for them would; nobody announces it."""
    keep_quiet(sql, order["id"])
    for column in columns:
        sql(f"UPDATE purchase_orders SET {column} = now() - interval '1 second' WHERE id = $1", order["id"])


def confirmed(owner: Party, **content: Any) -> dict[str, Any]:
    return owner.act(owner.issue(**content), "confirm")


def expired(owner: Party, sql: Sql, **content: Any) -> dict[str, Any]:
    order = owner.active(expires_at=ahead(days=1), **content)
    passed(sql, order, "expires_at")
    return order


def lapsed(owner: Party, sql: Sql, **content: Any) -> dict[str, Any]:
    order = confirmed(owner, activate_by=ahead(days=1), **content)
    passed(sql, order, "activate_by")
    return order


def apply(party: Party, order: dict[str, Any], reason: str = "at the gate", **body: Any) -> httpx.Response:
    return party.post(f"{ORDERS}/{order['number']}/activation-requests", {"reason": reason, **body})


def applied(party: Party, order: dict[str, Any], **body: Any) -> dict[str, Any]:
    answer = apply(party, order, **body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def decide(party: Party, request: dict[str, Any], decision: str, **body: Any) -> httpx.Response:
    if decision == "deny":
        body.setdefault("reason", "no more this year")
    return party.post(f"{REQUESTS}/{request['id']}/{decision}", body)


def decided(party: Party, request: dict[str, Any], decision: str, **body: Any) -> dict[str, Any]:
    answer = decide(party, request, decision, **body)
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


def shown(party: Party, request: dict[str, Any]) -> dict[str, Any]:
    answer = party.get(f"{REQUESTS}/{request['id']}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def order_now(owner: Party, order: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = owner.get(f"{ORDERS}/{order['id']}").json()
    return found


def timeline(party: Party, order: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the order's events, after having seen that the sequence has no hole and ends with the version."""
    events: list[dict[str, Any]] = party.get(f"{ORDERS}/{order['id']}/events", params={"limit": 200}).json()["data"]
    assert [event["sequence"] for event in events] == list(range(1, order_now(party, order)["version"] + 1))
    return events
