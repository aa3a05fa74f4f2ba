"""The limits of what is said of a shipment: taken at the limit, refused one beyond, wherever it can be said."""

import secrets
from collections.abc import Callable
from typing import Any

import pytest

from tests.parties import Party
from tests.shipments.waybills import any_shape, linked

LINKS = "/v1/purchase-orders/{id}/pro-numbers"
BATCH = "/v1/pro-numbers/batch"

Say = Callable[[Party, dict[str, Any], dict[str, Any]], dict[str, Any] | None]


def by_link(party: Party, order: dict[str, Any], said: dict[str, Any]) -> dict[str, Any] | None:
    answer = party.post(LINKS.format(**order), said)
    assert answer.status_code in {201, 422}, answer.text
    return dict(answer.json()) if answer.is_success else None


def by_batch(party: Party, order: dict[str, Any], said: dict[str, Any]) -> dict[str, Any] | None:
    answer = party.post(BATCH, {"links": [{"number": order["number"], **said}]})
    (result,) = answer.json()["results"]
    assert "link" in result or result["problem"]["status"] == 422, result
    link: dict[str, Any] | None = result.get("link")
    return link


def by_move(party: Party, order: dict[str, Any], said: dict[str, Any]) -> dict[str, Any] | None:
    old = any_shape()
    linked(party, order, "SAIA", old)
    answer = party.post(f"{LINKS.format(**order)}/SAIA/{old}/move", {**said, "reason": "limits"})
    assert answer.status_code in {200, 422}, answer.text
    return dict(answer.json()) if answer.is_success else None


def carrier() -> str:
    """A carrier that no other test knows, so that its shortest PRO number is free."""
    return "".join(secrets.choice("BCDFGHJK") for _ in range(4))


def fresh(**said: Any) -> dict[str, Any]:
    return {"scac": carrier(), "pro_number": any_shape(), **said}


WAYS = {"link": by_link, "batch": by_batch, "move": by_move}
PRO_AND_SCAC = [
    ("pro_number", "7", ""),
    ("pro_number", "7" * 30, "7" * 31),
    ("pro_number", "-".join("7" * 30), "-".join("7" * 31)),
    ("scac", "QQ", "Q"),
    ("scac", "QQQQ", "QQQQQ"),
    ("scac", "QQQY", "QQQU"),
]
VEHICLE = [
    ("trailer_number", "A", ""),
    ("trailer_number", "Az_-09" + "T" * 26, "T" * 33),
    ("trailer_number", "A-1", "A 1"),
    ("trailer_number", "A_1", "A.1"),
    ("bol", "B", ""),
    ("bol", "B" * 30, "B" * 31),
    ("bol", "Ä/7 #1.0", "two\nlines"),
    ("bol", "B 1", "B\x001"),
    ("bol", "B-1", "B\t1"),
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("field", "at_the_limit", "beyond"), PRO_AND_SCAC)
def test_a_pro_number_and_a_carrier_s_code_have_their_limits(
    buyer: Party, way: str, field: str, at_the_limit: str, beyond: str
) -> None:
    order = buyer.issue()
    taken = WAYS[way](buyer, order, fresh(**{field: at_the_limit}))
    assert taken is not None
    assert taken[field] == at_the_limit.replace("-", "")
    assert WAYS[way](buyer, order, fresh(**{field: beyond})) is None


@pytest.mark.parametrize("way", ["link", "batch"])
@pytest.mark.parametrize(("field", "at_the_limit", "beyond"), VEHICLE)
def test_trailer_and_bill_of_lading_have_their_limits(
    buyer: Party, way: str, field: str, at_the_limit: str, beyond: str
) -> None:
    order = buyer.issue()
    taken = WAYS[way](buyer, order, fresh(**{field: at_the_limit}))
    assert taken is not None
    assert taken[field] == at_the_limit
    assert WAYS[way](buyer, order, fresh(**{field: beyond})) is None


@pytest.mark.parametrize("wrong", [7, True, [], {}, ["B"]])
@pytest.mark.parametrize("field", ["scac", "pro_number", "trailer_number", "bol"])
def test_what_is_no_text_is_refused_and_the_field_named(buyer: Party, field: str, wrong: Any) -> None:
    answer = buyer.post(LINKS.format(**buyer.issue()), fresh(**{field: wrong}))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert answer.json()["errors"][0]["loc"] == ["body", field]


def test_a_bill_of_lading_stays_as_it_was_until_it_is_said_anew_and_null_takes_it_away(buyer: Party) -> None:
    order, said = buyer.issue(), fresh(bol=" BOL-1 ")
    path = LINKS.format(**order)
    assert buyer.post(path, said).json()["bol"] == "BOL-1"
    del said["bol"]
    assert buyer.post(path, said).json()["bol"] == "BOL-1"
    assert buyer.post(path, {**said, "bol": "BOL-2"}).json()["bol"] == "BOL-2"
    assert buyer.post(path, {**said, "bol": None}).json()["bol"] is None
    events = buyer.get(f"/v1/purchase-orders/{order['id']}/events").json()["data"]
    told = [(one["type"], one["data"].get("bol")) for one in events[1:]]
    assert told == [("pro_number.linked", "BOL-1"), ("pro_number.changed", "BOL-2"), ("pro_number.changed", None)]
    assert [one["bol"] for one in buyer.get(path).json()["data"]] == [None]
