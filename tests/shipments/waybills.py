"""PRO numbers for tests: each is new, since a claim lasts for the whole run."""

import secrets
from typing import Any

import httpx

from app.db.session import Database
from app.http.look_up_limits import LookUpAccount, LookUpLimiter
from app.principal import Principal
from tests.parties import Party


def xpo() -> str:
    """A new PRO number as XPO writes it, with the check digit that its rule asks for."""
    eight = secrets.randbelow(10**8)
    return f"{eight:08d}"[:3] + "-" + f"{eight:08d}"[3:] + str(eight % 7)


def any_shape() -> str:
    """A new PRO number for carriers that published no rule."""
    return secrets.token_hex(8).upper()


def link(party: Party, order: dict[str, Any], scac: str, pro_number: str, **options: Any) -> httpx.Response:
    """Link as the contract says, by the order's number."""
    body = {"scac": scac, "pro_number": pro_number}
    return party.post(f"/v1/purchase-orders/{order['number']}/pro-numbers", body, **options)


def linked(party: Party, order: dict[str, Any], scac: str, pro_number: str) -> dict[str, Any]:
    """Link what is new and return the link."""
    answer = link(party, order, scac, pro_number)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def unlink(party: Party, order: dict[str, Any], scac: str, pro_number: str, **body: Any) -> httpx.Response:
    """Unlink as the contract says."""
    return party.post(f"/v1/purchase-orders/{order['number']}/pro-numbers/{scac}/{pro_number}/unlink", body)


def pro_numbers_of(party: Party, order: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the carriers and PRO numbers that the party finds on the order."""
    answer = party.get(f"/v1/purchase-orders/{order['id']}/pro-numbers")
    assert answer.status_code == 200, answer.text
    return [(row["scac"], row["pro_number"]) for row in answer.json()["data"]]


def timeline(party: Party, order: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the order's events, oldest first."""
    answer = party.get(f"/v1/purchase-orders/{order['id']}/events?limit=200")
    assert answer.status_code == 200, answer.text
    events: list[dict[str, Any]] = answer.json()["data"]
    return events


def move(party: Party, order: dict[str, Any], old: tuple[str, str], new: tuple[str, str], **options: Any) -> Any:
    """Move as the contract says."""
    body = {"scac": new[0], "pro_number": new[1], "reason": "No vehicle before Monday."} | options.pop("body", {})
    path = f"/v1/purchase-orders/{order['number']}/pro-numbers/{old[0]}/{old[1]}/move"
    return party.post(path, body, **options)


def batch(party: Party, *links: dict[str, Any], **body: Any) -> httpx.Response:
    """Link a batch as the contract says."""
    return party.post("/v1/pro-numbers/batch", {"links": [*links], **body})


def account_of(database: Database, caller: Principal) -> LookUpAccount:
    """An account without a limit to speak of, for tests that call the service itself."""
    return LookUpAccount(LookUpLimiter(database, limit=10**6, limit_at_a_gate=10**6), caller.organisation_id)


def item(order: dict[str, Any], scac: str, pro_number: str, **vehicle: Any) -> dict[str, Any]:
    """An item of a batch."""
    return {"number": order["number"], "scac": scac, "pro_number": pro_number, **vehicle}
