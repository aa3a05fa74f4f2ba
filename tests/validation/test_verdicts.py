"""The question at the gate over HTTP: every verdict of an order's life, what is told to whom, and batches."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.parties import Party, ahead

VALIDATIONS = "/v1/validations"
Sql = Callable[..., list[Any]]


def ask(party: Party, text: str, **more: Any) -> dict[str, Any]:
    answer = party.post(VALIDATIONS, {"input": text, **more})
    assert answer.status_code == 200, answer.text
    verdict: dict[str, Any] = answer.json()
    assert verdict["valid"] is (verdict["verdict"] == "accept")
    assert (verdict["refusals"] == []) is verdict["valid"]
    return verdict


def codes(verdict: dict[str, Any]) -> list[str]:
    return [refusal["code"] for refusal in verdict["refusals"]]


def past(sql: Sql, order: dict[str, Any], **columns: str) -> None:
    for column, interval in columns.items():
        sql(
            f"UPDATE purchase_orders SET {column} = now() + $2::text::interval WHERE id = $1",
            order["id"],
            interval,
        )


def test_an_active_order_is_accepted_with_its_facts(buyer: Party, warehouse: Party) -> None:
    expires_at = ahead(days=3)
    order = buyer.active(
        expires_at=expires_at, ship_to={"organisation_id": warehouse.id}, lines=[{"sku": "A", "quantity": "5"}]
    )
    verdict = ask(warehouse, order["number"])
    assert (verdict["verdict"], verdict["status"], verdict["number"]) == ("accept", "active", order["number"])
    assert verdict["valid_until"] == expires_at
    assert (verdict["source"], verdict["did_you_mean"]) == ("typed", [])
    assert verdict["order"]["lines"][0]["open"] == "5"
    assert "unit_price" not in verdict["order"]["lines"][0]
    assert warehouse.get(f"{VALIDATIONS}/{order['number']}").json()["verdict"] == "accept"


def test_every_written_form_of_the_number_is_the_number(buyer: Party) -> None:
    number = buyer.active()["number"]
    bare = number.removeprefix("PO-")
    for written in (
        number.lower(),
        f"  {number[:5]} {number[5:]} ",
        number.replace("-", "–"),
        "".join(chr(ord(c) + 0xFEE0) if c.isalnum() else c for c in number),
        f"PO# {bare}",
        f"P.O. No. {bare}",
        f"PO {bare}",
        f"po{bare.lower()}",
    ):
        verdict = ask(buyer, written)
        assert (verdict["verdict"], verdict["number"], verdict["input"]) == ("accept", number, written), written


@pytest.mark.parametrize(
    ("steps", "moved", "verdict", "expected"),
    [
        (["draft"], {}, "reject", ["not_issued"]),
        ([], {}, "hold", ["not_confirmed"]),
        (["confirm"], {}, "hold", ["not_active"]),
        (["confirm", "activate"], {}, "accept", []),
        (["confirm", "activate"], {"valid_from": "1 day"}, "hold", ["not_yet_valid"]),
        (["confirm", "activate"], {"expires_at": "-1 second"}, "reject", ["expired"]),
        (["confirm"], {"activate_by": "-1 second"}, "reject", ["lapsed"]),
        ([], {"activate_by": "-1 second"}, "reject", ["lapsed", "not_confirmed"]),
        (
            [],
            {"activate_by": "-1 second", "expires_at": "-1 second"},
            "reject",
            ["expired", "lapsed", "not_confirmed"],
        ),
        (["confirm", "activate", "suspend"], {}, "reject", ["suspended"]),
        (["confirm", "activate", "suspend"], {"expires_at": "-1 second"}, "reject", ["suspended", "expired"]),
        (["reject"], {}, "reject", ["rejected"]),
        (["cancel"], {"expires_at": "-1 second"}, "reject", ["cancelled"]),
        (["confirm", "activate", "close"], {}, "reject", ["closed"]),
    ],
)
def test_every_reason_of_an_orders_life_is_told_with_its_next_step(
    buyer: Party, sql: Sql, steps: list[str], moved: dict[str, str], verdict: str, expected: list[str]
) -> None:
    order = buyer.issue(draft=steps[:1] == ["draft"])
    for step in steps:
        if step != "draft":
            order = buyer.act(order, step)
    past(sql, order, **moved)
    answer = ask(buyer, order["number"])
    assert (answer["verdict"], codes(answer)) == (verdict, expected)
    for refusal in answer["refusals"]:
        assert refusal["title"]
        assert refusal["detail"]
        assert refusal["next_step"]["action"]
        assert len(refusal["next_step"]["description"]) > 20


def test_the_next_step_names_whom_to_reach(buyer: Party, seller: Party, stranger: Party, sql: Sql) -> None:
    order = buyer.issue(seller={"organisation_id": seller.id})
    assert ask(stranger, order["number"])["refusals"][0]["next_step"]["contact"]["phone"] == "+45 33 555 012"
    order = buyer.active(expires_at=ahead(days=1))
    past(sql, order, expires_at="-1 second")
    step = ask(stranger, order["number"])["refusals"][0]["next_step"]
    assert step["action"] == "apply_for_activation"
    assert step["contact"]["phone"] == "+49 40 555 0199"


def test_a_supplier_without_a_desk_is_reached_by_the_orders_own_telephone(buyer: Party) -> None:
    order = buyer.issue(seller={"name": "Weberei Nord", "phone": "+49 461 777"})
    contact = ask(buyer, order["number"])["refusals"][0]["next_step"]["contact"]
    assert (contact["name"], contact["phone"]) == ("Weberei Nord", "+49 461 777")


def test_a_presenter_gets_verdict_and_next_steps_and_no_fact(buyer: Party, stranger: Party, sql: Sql) -> None:
    order = buyer.active(expires_at=ahead(days=1), lines=[{"sku": "SECRET", "quantity": "1"}])
    verdict = ask(stranger, order["number"])
    assert (verdict["verdict"], verdict["order"], verdict["status"]) == ("accept", None, None)
    assert verdict["valid_until"] is None
    past(sql, order, expires_at="-1 hour")
    expired = stranger.post(VALIDATIONS, {"input": order["number"]})
    assert codes(expired.json()) == ["expired"]
    (row,) = sql("SELECT expires_at FROM purchase_orders WHERE id = $1", order["id"])
    assert str(row["expires_at"].year) not in expired.json()["refusals"][0]["detail"]
    for fact in ("SECRET", order["id"], buyer.id):
        assert fact not in expired.text


def test_an_unknown_number_and_a_mistyped_one_are_told_apart(buyer: Party) -> None:
    number = buyer.issue()["number"]
    mistyped = number[:-1] + ("2" if number[-1] != "2" else "3")
    assert codes(ask(buyer, mistyped)) == ["check_character_mismatch"]
    assert codes(ask(buyer, "4711000815")) == ["unknown"]
    assert codes(ask(buyer, number[:-1])) == ["unknown"]


def test_a_registered_number_is_found_before_its_form_is_judged(buyer: Party) -> None:
    ours = buyer.issue()["number"]
    looks_mistyped = ours[:-1] + ("2" if ours[-1] != "2" else "3")
    buyer.active(number=looks_mistyped)
    assert ask(buyer, looks_mistyped)["verdict"] == "accept"


@pytest.mark.parametrize("text", ["", " ", "---", "\n", "\x00", "PO\x00123", "x" * 36, "発注番号", "ß", "4096" * 1000])
def test_what_cannot_be_a_number_is_malformed(buyer: Party, text: str) -> None:
    verdict = ask(buyer, text)
    assert (verdict["verdict"], codes(verdict), verdict["number"]) == ("reject", ["malformed"], None)
    assert verdict["refusals"][0]["field"] == "input"


def test_two_buyers_with_one_number_are_held_until_the_buyer_is_named(
    buyer: Party, seller: Party, stranger: Party
) -> None:
    for owner in (buyer, seller):
        owner.active(number="4500033333")
    held = ask(stranger, "4500033333")
    assert (held["verdict"], codes(held)) == ("hold", ["ambiguous_number"])
    assert ask(stranger, "4500033333", buyer=seller.id)["verdict"] == "accept"
    assert ask(buyer, "4500033333")["verdict"] == "accept"
    assert stranger.get(f"{VALIDATIONS}/4500033333", params={"buyer": buyer.id}).json()["verdict"] == "accept"


def test_a_future_day_is_judged_by_that_day(buyer: Party) -> None:
    order = buyer.active(valid_from=ahead(days=10), expires_at=ahead(days=20))
    assert codes(ask(buyer, order["number"])) == ["not_yet_valid"]
    assert ask(buyer, order["number"], at=ahead(days=15))["verdict"] == "accept"
    assert codes(ask(buyer, order["number"], at=ahead(days=25))) == ["expired"]
    now = ask(buyer, order["number"])
    assert now["valid_until"] == order["valid_from"]


def test_a_batch_answers_each_input_in_order_and_counts_the_codes(buyer: Party) -> None:
    number = buyer.active()["number"]
    waiting = buyer.issue()["number"]
    inputs: list[Any] = [
        number,
        number.lower(),
        waiting,
        "unknown1",
        {"input": number, "nonsense": 1},
        7,
        {"input": waiting, "at": ahead(days=1)},
        "\x00",
    ]
    answer = buyer.post(f"{VALIDATIONS}/batch", {"inputs": inputs})
    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [result["index"] for result in results] == list(range(len(inputs)))
    assert [result["problem"]["code"] if "problem" in result else codes(result) for result in results] == [
        [],
        ["duplicate_in_request"],
        ["not_confirmed"],
        ["unknown"],
        "invalid_request",
        "invalid_request",
        ["not_confirmed", "duplicate_in_request"],
        ["malformed"],
    ]
    assert answer.json()["summary"] == {
        "duplicate_in_request": 2,
        "not_confirmed": 2,
        "unknown": 1,
        "malformed": 1,
    }
    assert [answer.json()[count] for count in ("accepted", "held", "rejected")] == [1, 3, 2]


def test_a_manifest_of_a_thousand_orders_is_answered(buyer: Party) -> None:
    items = [{"lines": [{"sku": "A", "quantity": "1"}] * 10}] * 1000
    made = buyer.post("/v1/purchase-orders/batch", {"purchase_orders": items}).json()["results"]
    numbers = [result["purchase_order"]["number"] for result in made]
    answer = buyer.post(f"{VALIDATIONS}/batch", {"inputs": numbers})
    assert answer.status_code == 200
    assert answer.json()["summary"] == {"not_confirmed": 1000}
    assert [result["number"] for result in answer.json()["results"]] == numbers


@pytest.mark.parametrize("inputs", [[], ["x"] * 1001])
def test_a_batch_of_none_or_too_many_is_refused(buyer: Party, inputs: list[str]) -> None:
    answer = buyer.post(f"{VALIDATIONS}/batch", {"inputs": inputs})
    assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (422, ["body", "inputs"])


def test_a_path_takes_the_line_break_that_a_scanner_adds(buyer: Party) -> None:
    order = buyer.active()
    assert buyer.get(f"{VALIDATIONS}/{order['number']}%0D%0A").json()["verdict"] == "accept"
    assert buyer.get(f"{VALIDATIONS}/%0A%0A").json()["refusals"][0]["code"] == "malformed"
    assert buyer.get(f"/v1/number-formats/verify/%0A{order['number']}").json()["well_formed"] is True
