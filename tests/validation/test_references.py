"""An order is found at the gate by its references too: by whom, when, and at what price."""

import secrets
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.migrations import configuration
from app.db.session import Database
from app.orders import reference_repository
from app.orders.models import OrderReferenceRow
from app.principal import OPERATIONS, Principal
from app.validation.knowledge import gather
from app.validation.questions import question_of
from app.validation.schemas import ValidateInput
from tests.parties import Party

VALIDATIONS = "/v1/validations"


@pytest.fixture
def shipment_id() -> str:
    return f"FBA15{secrets.token_hex(4).upper()}"


@pytest.fixture
def order(buyer: Party, seller: Party, warehouse: Party, forwarder: Party, shipment_id: str) -> dict[str, Any]:
    return buyer.active(
        reference=f"SO/{shipment_id}",
        references=[{"type": "fba_shipment_id", "value": shipment_id}, {"type": "project", "value": "Hafen 2036"}],
        seller={"organisation_id": seller.id},
        ship_to={"organisation_id": warehouse.id},
        forwarders=[{"organisation_id": forwarder.id}],
        lines=[{"sku": "A", "quantity": "5"}],
    )


def ask(party: Party, text: str, **more: Any) -> dict[str, Any]:
    answer = party.post(VALIDATIONS, {"input": text, **more})
    assert answer.status_code == 200, answer.text
    verdict: dict[str, Any] = answer.json()
    return verdict


def codes(verdict: dict[str, Any]) -> list[str]:
    return [refusal["code"] for refusal in verdict["refusals"]]


def found(verdict: dict[str, Any]) -> tuple[str, str, str | None]:
    return verdict["verdict"], verdict["number"], verdict["matched_by"]


def test_every_party_of_the_order_finds_it_by_each_of_its_references(
    buyer: Party, seller: Party, warehouse: Party, forwarder: Party, order: dict[str, Any], shipment_id: str
) -> None:
    for party in (buyer, seller, warehouse, forwarder):
        for text in (shipment_id, "Hafen 2036"):
            verdict = ask(party, text)
            assert found(verdict) == ("accept", order["number"], "reference")
            assert verdict["order"]["id"] == order["id"]
        assert found(ask(party, order["number"])) == ("accept", order["number"], "number")


def test_whom_the_order_does_not_name_finds_nothing_by_a_reference(
    stranger: Party, order: dict[str, Any], shipment_id: str
) -> None:
    for text in (shipment_id, "Hafen 2036", order["reference"]):
        verdict = ask(stranger, text)
        assert (codes(verdict), verdict["matched_by"], verdict["order"]) == (["unknown"], None, None)
        assert verdict["did_you_mean"] == []
    assert found(ask(stranger, order["number"])) == ("accept", order["number"], "number")


def test_the_buyers_own_order_id_finds_it_for_those_alone_who_may_see_it(
    buyer: Party, seller: Party, warehouse: Party, forwarder: Party, order: dict[str, Any]
) -> None:
    for party in (buyer, seller):
        assert found(ask(party, order["reference"])) == ("accept", order["number"], "reference")
    for party in (warehouse, forwarder):
        assert codes(ask(party, order["reference"])) == ["unknown"]


@pytest.mark.parametrize(
    "form", ["{}", "{lower}", " {head} - {tail}\r\n", "{wide}", "]C0{}", "]Q1{}", "(400){}", "]C1400{}", "PO# {}"]
)
def test_a_reference_is_read_in_every_form_that_a_number_is(
    warehouse: Party, order: dict[str, Any], shipment_id: str, form: str
) -> None:
    written = form.format(
        shipment_id,
        lower=shipment_id.lower(),
        head=shipment_id[:5],
        tail=shipment_id[5:],
        wide="".join(chr(ord(character) + 0xFEE0) for character in shipment_id),
    )
    assert found(ask(warehouse, written)) == ("accept", order["number"], "reference")


def test_numbers_always_win(buyer: Party, seller: Party, warehouse: Party, stranger: Party) -> None:
    number = f"N{secrets.token_hex(5)}".upper()
    parties = {"seller": {"organisation_id": seller.id}, "ship_to": {"organisation_id": warehouse.id}}
    buyer.active(references=[{"type": "project", "value": number}], **parties)
    assert ask(warehouse, number)["matched_by"] == "reference"
    numbered = buyer.active(number=number, **parties)
    for party in (buyer, seller, warehouse, stranger):
        assert found(ask(party, number)) == ("accept", numbered["number"], "number")


def test_two_orders_with_one_reference_are_held_until_a_number_is_sent(buyer: Party, warehouse: Party) -> None:
    shared = f"FBA{secrets.token_hex(5)}"
    content = {"references": [{"type": "fba", "value": shared}], "ship_to": {"organisation_id": warehouse.id}}
    orders = [buyer.active(**content) for _ in range(2)]
    held = ask(warehouse, shared)
    assert (held["verdict"], codes(held), held["matched_by"], held["order"]) == (
        "hold",
        ["ambiguous_number"],
        "reference",
        None,
    )
    assert held["refusals"][0]["detail"] == "More than one order has this reference."
    assert codes(ask(warehouse, shared, buyer=buyer.id)) == ["ambiguous_number"]
    assert [ask(warehouse, order["number"])["verdict"] for order in orders] == ["accept", "accept"]


def test_the_buyer_that_is_named_tells_two_orders_with_one_reference_apart(
    buyer: Party, seller: Party, warehouse: Party
) -> None:
    shared = f"FBA{secrets.token_hex(5)}"
    content = {"references": [{"type": "fba", "value": shared}], "ship_to": {"organisation_id": warehouse.id}}
    orders = {owner.id: owner.active(**content) for owner in (buyer, seller)}
    assert codes(ask(warehouse, shared)) == ["ambiguous_number"]
    for owner, order in orders.items():
        assert found(ask(warehouse, shared, buyer=owner)) == ("accept", order["number"], "reference")
    assert codes(ask(warehouse, shared, buyer=warehouse.id)) == ["unknown"]


def test_a_draft_is_found_by_its_owner_alone(buyer: Party, seller: Party, shipment_id: str) -> None:
    draft = buyer.issue(
        draft=True,
        references=[{"type": "fba", "value": shipment_id}],
        seller={"organisation_id": seller.id},
    )
    assert codes(ask(buyer, shipment_id)) == ["not_issued"]
    assert codes(ask(seller, shipment_id)) == ["unknown"]
    buyer.act(draft, "issue")
    assert codes(ask(seller, shipment_id)) == ["not_confirmed"]


def test_goods_are_matched_and_received_by_a_reference(
    warehouse: Party, order: dict[str, Any], shipment_id: str
) -> None:
    other = {"ship_to": {"organisation_id": order["buyer"]["organisation_id"]}}
    assert "delivery_mismatch" in codes(ask(warehouse, shipment_id, delivery=other))
    verdict = ask(warehouse, shipment_id, receive={})
    assert (found(verdict), verdict["status"]) == (("accept", order["number"], "reference"), "received")
    assert codes(ask(warehouse, shipment_id)) == ["already_received"]


def test_a_batch_of_orders_is_found_in_a_manifest_and_one_order_twice_is_a_duplicate(
    buyer: Party, warehouse: Party
) -> None:
    shipment = secrets.token_hex(4).upper()
    items = [
        {
            "references": [{"type": "fba", "value": f"FBA{shipment}{place:03}"}],
            "ship_to": {"organisation_id": warehouse.id},
        }
        for place in range(1_000)
    ]
    made = buyer.post("/v1/purchase-orders/batch", {"purchase_orders": items}).json()["results"]
    numbers = [result["purchase_order"]["number"] for result in made]
    inputs = [f"fba {shipment}-{place:03}" for place in range(999)] + [numbers[0]]
    results = warehouse.post(f"{VALIDATIONS}/batch", {"inputs": inputs}).json()["results"]
    assert [result["number"] for result in results] == [*numbers[:-1], numbers[0]]
    assert {result["matched_by"] for result in results[:-1]} == {"reference"}
    assert (results[-1]["matched_by"], codes(results[-1])) == ("number", ["not_confirmed", "duplicate_in_request"])


def test_a_reference_that_no_input_can_be_is_kept_and_finds_nothing(buyer: Party) -> None:
    order = buyer.active(
        reference="Auftrag für Frühjahr", references=[{"type": "note", "value": "A" * 36}, {"type": "no", "value": "-"}]
    )
    assert order["references"][0]["value"] == "A" * 36
    for text in ("Auftrag für Frühjahr", "A" * 36, "-"):
        assert codes(ask(buyer, text)) == ["malformed"]


async def test_a_number_costs_no_query_for_references_and_a_manifest_costs_one(
    database: Database, buyer: Party, order: dict[str, Any], shipment_id: str
) -> None:
    rule = OPERATIONS["validate_batch"]
    caller = Principal(UUID(buyer.id), uuid4(), rule.scopes, rule)
    statements: list[str] = []

    async def looked_up(connection: AsyncConnection, texts: list[str]) -> int:
        asked = [question_of(ValidateInput(input=text)) for text in texts]
        statements.clear()
        sa.event.listen(connection.sync_connection, "before_cursor_execute", lambda *said: statements.append(said[2]))
        await gather(connection, caller, asked, suggests_within=10)
        return sum("order_references" in statement for statement in statements)

    unknown = [f"{shipment_id}{place}" for place in range(500)]
    for texts, queries in (
        ([order["number"]], 0),
        ([order["number"]] * 1_000, 0),
        ([shipment_id], 1),
        ([order["number"], *unknown, shipment_id], 1),
    ):
        assert await database.look(lambda connection, texts=texts: looked_up(connection, texts)) == queries


async def test_the_migration_writes_what_issuing_does(database: Database, buyer: Party, order: dict[str, Any]) -> None:
    buyer.issue()
    module = ScriptDirectory(configuration("").get_main_option("script_location") or "").get_revision("0006").module
    table = OrderReferenceRow.__table__
    mine = sa.select(table).where(table.c.organisation_id == UUID(buyer.id)).order_by(*table.c)

    class UndoneError(Exception):
        pass

    async def again(connection: AsyncConnection) -> None:
        before = (await connection.execute(mine)).all()
        assert len(before) == 2 * 4 + 2
        await connection.execute(sa.delete(table))
        await connection.run_sync(lambda sync: module.fill(sync, table))
        assert (await connection.execute(mine)).all() == before
        raise UndoneError

    module.ORDERS_AT_ONCE = 2
    with pytest.raises(UndoneError):
        await database.change(again)


async def test_one_word_on_many_orders_brings_few_of_them(database: Database, buyer: Party) -> None:
    word = f"W{secrets.token_hex(4)}".upper()
    items = [{"references": [{"type": "project", "value": word}]}] * 40
    buyer.post("/v1/purchase-orders/batch", {"purchase_orders": items})
    found = await database.look(
        lambda connection: reference_repository.find_by_references(connection, UUID(buyer.id), [word])
    )
    assert len(found) == reference_repository.ORDERS_OF_A_REFERENCE_MAX
    assert codes(ask(buyer, word)) == ["ambiguous_number"]
