"""A verdict without its order, for those who prefer it so (RFC 7240)."""

from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.session import Database
from app.principal import OPERATIONS, Principal
from app.validation.knowledge import gather
from app.validation.questions import question_of
from app.validation.schemas import ValidateInput
from tests.parties import Party

VALIDATIONS = "/v1/validations"
MINIMAL = {"Prefer": "return=minimal"}


def without_order(verdict: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in verdict.items() if name not in {"id", "checked_at", "order"}}


def test_it_is_the_same_verdict_without_its_order(warehouse: Party, buyer: Party, order: dict[str, Any]) -> None:
    buyer.act(order, "suspend", reason="Prices.")
    path = f"{VALIDATIONS}/{order['number']}"
    body = {"input": order["number"], "delivery": {"quantities": [{"sku": "A", "quantity": "11"}]}}
    for whole, minimal in (
        (warehouse.get(path), warehouse.get(path, headers=MINIMAL)),
        (warehouse.post(VALIDATIONS, body), warehouse.post(VALIDATIONS, body, headers=MINIMAL)),
    ):
        assert whole.json()["order"]["id"] == order["id"]
        assert minimal.json()["order"] is None
        assert without_order(minimal.json()) == without_order(whole.json())
        assert minimal.json()["refusals"]
        assert minimal.headers["Preference-Applied"] == "return=minimal"
        assert "Preference-Applied" not in whole.headers


def test_a_manifest_is_judged_alike(warehouse: Party, order: dict[str, Any]) -> None:
    body = {"inputs": [order["number"], order["number"], "UNKNOWN-1", {"input": order["number"], "buyer": "x"}]}
    whole = warehouse.post(f"{VALIDATIONS}/batch", body).json()
    answer = warehouse.post(f"{VALIDATIONS}/batch", body, headers=MINIMAL)
    assert answer.headers["Preference-Applied"] == "return=minimal"
    minimal = answer.json()
    assert [result.get("order") for result in minimal["results"]] == [None] * 4
    assert [without_order(one) for one in minimal["results"]] == [without_order(one) for one in whole["results"]]
    assert minimal["summary"] == whole["summary"] == {"duplicate_in_request": 1, "unknown": 1}


def test_what_is_received_is_told_all_the_same(warehouse: Party, order: dict[str, Any]) -> None:
    body = {"input": order["number"], "receive": {"lines": [{"line": 1, "quantity": "4"}]}}
    answer = warehouse.post(VALIDATIONS, body, headers=MINIMAL | {"Idempotency-Key": "dock-4"})
    assert answer.headers["Preference-Applied"] == "return=minimal"
    verdict = answer.json()
    assert (verdict["verdict"], verdict["status"], verdict["order"]) == ("accept", "partially_received", None)
    assert verdict["receipt"]["lines"][0]["quantity"] == "4"
    again = warehouse.post(VALIDATIONS, body, headers=MINIMAL | {"Idempotency-Key": "dock-4"})
    assert (again.json(), again.headers["Preference-Applied"]) == (verdict, "return=minimal")


async def test_no_line_is_read_for_it(database: Database, buyer: Party, order: dict[str, Any]) -> None:
    rule = OPERATIONS["validate_number"]
    caller = Principal(UUID(buyer.id), uuid4(), rule.scopes, rule)

    async def statements(*, shows_order: bool) -> list[str]:
        seen: list[str] = []

        async def look(connection: AsyncConnection) -> None:
            driver = (await connection.get_raw_connection()).driver_connection
            driver.add_query_logger(lambda one: seen.append(one.query))  # type: ignore[union-attr]  # asyncpg's
            question = question_of(ValidateInput(input=order["number"]), shows_order=shows_order)
            await gather(connection, caller, [question], suggests_within=0)

        await database.look(look)
        return [statement for statement in seen if "purchase_order_lines" in statement]

    assert len(await statements(shows_order=True)) == 1
    assert await statements(shows_order=False) == []


def test_several_fields_are_one_list(warehouse: Party, order: dict[str, Any]) -> None:
    path = f"{VALIDATIONS}/{order['number']}"
    first = [("Prefer", "wait=10"), ("Prefer", "return=minimal")]
    assert warehouse.get(path, headers=first).json()["order"] is None
    assert warehouse.get(path, headers=[*reversed(first), *first]).json()["order"] is None
    assert warehouse.get(path, headers={"Prefer": "return=representation"}).json()["order"] is not None
