"""What stands at the gate against what the order says of its delivery, over HTTP."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import event

from app.db.session import Database
from app.principal import OPERATIONS, Principal
from app.validation.knowledge import gather
from app.validation.questions import manifest_of
from app.validation.schemas import ValidateBatch
from tests.parties import Operator, Party, ahead
from tests.shipments.waybills import any_shape, linked, xpo
from tests.validation.test_misread_numbers import issued
from tests.validation.test_verdicts import VALIDATIONS, ask, codes

Sql = Callable[..., list[Any]]

GLN, OTHER_GLN = "4012345000009", "4012345000016"
LINES = [
    {"sku": "TS-L", "gtin": "00012345678905", "quantity": "10", "unit_price": "4.90"},
    {"sku": "TS-M", "quantity": "5", "unit_price": "4.90"},
]


class Expected:
    """An active order with a PRO number on it, and the delivery that fits it."""

    def __init__(self, buyer: Party, seller: Party, warehouse: Party) -> None:
        self.pro = xpo()
        self.order = buyer.active(
            currency="EUR",
            seller={"organisation_id": seller.id, "code": "S-1042"},
            ship_to={"organisation_id": warehouse.id, "code": "HAM-2", "gln": GLN},
            lines=LINES,
            expires_at=ahead(days=5),
        )
        linked(buyer, self.order, "CNWY", self.pro)
        self.delivery: dict[str, Any] = {
            "scac": "CNWY",
            "pro_number": self.pro,
            "trailer_number": "HH-AB-1234",
            "ship_to": "HAM-2",
            "seller": {"code": "S-1042"},
            "quantities": [{"line": 1, "quantity": "10"}, {"sku": "TS-M", "quantity": "5"}],
        }

    def ask(self, party: Party, **other: Any) -> dict[str, Any]:
        return ask(party, self.order["number"], delivery=self.delivery | other)


@pytest.fixture
def expected(buyer: Party, seller: Party, warehouse: Party) -> Expected:
    return Expected(buyer, seller, warehouse)


def fields(verdict: dict[str, Any]) -> list[tuple[str, str | None]]:
    return [(refusal["code"], refusal["field"]) for refusal in verdict["refusals"]]


def test_the_delivery_that_is_expected_is_accepted(expected: Expected, warehouse: Party) -> None:
    verdict = expected.ask(warehouse)
    assert verdict["verdict"] == "accept"
    assert verdict["valid_until"] == expected.order["expires_at"]


@pytest.mark.parametrize(
    "ship_to", ["HAM-2", " ham-2 ", GLN, {"gln": GLN}, {"code": "HAM-2"}, {"gln": GLN, "code": "their-own"}]
)
def test_a_destination_is_told_as_a_code_or_a_gln_in_either_form(
    expected: Expected, warehouse: Party, ship_to: Any
) -> None:
    assert expected.ask(warehouse, ship_to=ship_to)["verdict"] == "accept"
    assert expected.ask(warehouse, ship_to={"organisation_id": warehouse.id})["verdict"] == "accept"


MISMATCHES: list[tuple[dict[str, Any], str, str, str, str]] = [
    ({"pro_number": None}, "hold", "pro_number_missing", "delivery.pro_number", "give_the_pro_number"),
    ({"pro_number": ""}, "hold", "pro_number_missing", "delivery.pro_number", "give_the_pro_number"),
    ({"pro_number": "999-999990"}, "reject", "pro_number_mismatch", "delivery.pro_number", "check_the_document"),
    ({"pro_number": "not a PRO!"}, "reject", "pro_number_mismatch", "delivery.pro_number", "check_the_document"),
    ({"scac": "ODFL"}, "reject", "delivery_mismatch", "delivery.scac", "check_the_document"),
    ({"scac": "C1"}, "reject", "delivery_mismatch", "delivery.scac", "check_the_document"),
    ({"ship_to": "MUC-1"}, "reject", "delivery_mismatch", "delivery.ship_to", "check_the_document"),
    ({"ship_to": OTHER_GLN}, "reject", "delivery_mismatch", "delivery.ship_to", "check_the_document"),
    (
        {"ship_to": {"organisation_id": str(uuid4())}},
        *("reject", "delivery_mismatch", "delivery.ship_to", "check_the_document"),
    ),
    ({"seller": "S-1043"}, "reject", "delivery_mismatch", "delivery.seller", "check_the_document"),
    (
        {"quantities": [{"line": 1, "quantity": "10"}, {"line": 2, "quantity": "5.5"}]},
        *("reject", "delivery_mismatch", "delivery.quantities.1.quantity", "check_the_document"),
    ),
    (
        {"quantities": [{"gtin": "00012345678905", "quantity": "11"}]},
        *("reject", "delivery_mismatch", "delivery.quantities.0.quantity", "check_the_document"),
    ),
    (
        {"quantities": [{"sku": "TS-XL", "quantity": "1"}]},
        *("reject", "delivery_mismatch", "delivery.quantities.0", "check_the_document"),
    ),
]


@pytest.mark.parametrize(("other", "verdict", "code", "field", "action"), MISMATCHES)
def test_each_mismatch_is_a_refusal_of_its_own_with_its_field_and_whom_to_call(
    expected: Expected, warehouse: Party, other: dict[str, Any], verdict: str, code: str, field: str, action: str
) -> None:
    answer = expected.ask(warehouse, **other)
    assert (answer["verdict"], fields(answer)) == (verdict, [(code, field)])
    step = answer["refusals"][0]["next_step"]
    assert (step["action"], step["then"]) == (action, "contact_logistics_partner")
    assert step["contact"]["phone"] == "+49 40 555 0142"
    assert answer["order"]["number"] == expected.order["number"]


def test_all_mismatches_are_listed_with_what_the_orders_life_says_what_rejects_first(
    buyer: Party, warehouse: Party
) -> None:
    order = buyer.issue(currency="EUR", ship_to={"organisation_id": warehouse.id, "code": "HAM-2"}, lines=LINES)
    answer = ask(
        warehouse,
        order["number"],
        delivery={"ship_to": "MUC-1", "quantities": [{"line": 1, "quantity": "11"}, {"line": 9, "quantity": "1"}]},
    )
    assert (answer["verdict"], fields(answer)) == (
        "reject",
        [
            ("delivery_mismatch", "delivery.ship_to"),
            ("delivery_mismatch", "delivery.quantities.0.quantity"),
            ("delivery_mismatch", "delivery.quantities.1"),
            ("not_confirmed", None),
            ("pro_number_missing", "delivery.pro_number"),
        ],
    )


def test_what_is_expected_is_told_to_those_who_are_named(
    expected: Expected, buyer: Party, seller: Party, warehouse: Party
) -> None:
    wrong = {"pro_number": "999-999990", "ship_to": "MUC-1", "quantities": [{"line": 1, "quantity": "12"}]}
    for party in (buyer, seller, warehouse):
        details = [refusal["detail"] for refusal in expected.ask(party, **wrong)["refusals"]]
        assert details == [
            f"The order's PRO number is {expected.pro} of CNWY.",
            "The order's destination is Hafenlager 2.",
            "10 EA are open on line 1, 2 fewer than the delivery brings.",
        ]


def test_the_buyers_code_of_its_supplier_is_not_told_to_those_who_carry_and_store_the_goods(
    buyer: Party, warehouse: Party
) -> None:
    order = buyer.active(seller={"code": "S-1042"}, ship_to={"organisation_id": warehouse.id})
    told = {"pro_number": "1", "seller": "S-1"}
    assert ask(buyer, order["number"], delivery=told)["refusals"][0]["detail"] == "The order's supplier is S-1042."
    answer = ask(warehouse, order["number"], delivery=told)
    assert fields(answer) == [("delivery_mismatch", "delivery.seller")]
    assert "S-1042" not in answer["refusals"][0]["detail"]


def test_a_presenter_is_told_what_does_not_fit_and_nothing_of_what_would(expected: Expected, stranger: Party) -> None:
    wrong = {"pro_number": "999-999990", "scac": "ODFL", "ship_to": "MUC-1", "seller": "S-1"}
    told = {**expected.delivery, **wrong, "quantities": [{"line": 1, "quantity": "12"}]}
    answer = stranger.post(VALIDATIONS, {"input": expected.order["number"], "delivery": told})
    verdict = answer.json()
    assert [field for _, field in fields(verdict)] == [
        "delivery.pro_number",
        "delivery.scac",
        "delivery.ship_to",
        "delivery.seller",
        "delivery.quantities.0.quantity",
    ]
    assert (verdict["order"], verdict["status"]) == (None, None)
    for fact in (expected.pro, "CNWY", "HAM-2", GLN, "S-1042", "TS-L", "10 EA", "Anders"):
        assert fact not in answer.text


# What the order does not say


def test_what_the_order_does_not_state_is_not_held_against_the_delivery(buyer: Party) -> None:
    number = buyer.active()["number"]
    told = {
        "scac": "CNWY",
        "pro_number": xpo(),
        "ship_to": "HAM-2",
        "seller": {"gln": GLN},
        "quantities": [{"sku": "TS-L", "quantity": "3"}],
    }
    assert ask(buyer, number, delivery=told)["verdict"] == "accept"


@pytest.mark.parametrize("delivery", [None, {}])
def test_without_a_delivery_nothing_is_asked_of_it(expected: Expected, warehouse: Party, delivery: Any) -> None:
    assert ask(warehouse, expected.order["number"], delivery=delivery)["verdict"] == "accept"


def test_a_delivery_of_which_only_the_trailer_is_known_needs_its_pro_number(buyer: Party) -> None:
    answer = ask(buyer, buyer.active()["number"], delivery={"trailer_number": "HH-1"})
    assert fields(answer) == [("pro_number_missing", "delivery.pro_number")]


@pytest.mark.parametrize(
    ("delivery", "field", "rule"),
    [
        ({"ship_to": {}}, ["ship_to"], "party"),
        ({"ship_to": {"gln": "4012345000008"}}, ["ship_to", "gln"], "gs1_key"),
        ({"quantities": [{"quantity": "1"}]}, ["quantities", 0], "product"),
        ({"quantities": [{"line": 0, "quantity": "1"}]}, ["quantities", 0, "line"], "greater_than_equal"),
        ({"quantities": [{"line": 1, "quantity": "0"}]}, ["quantities", 0, "quantity"], "greater_than"),
        ({"trailer_number": "T" * 33}, ["trailer_number"], "string_too_long"),
        ({"carrier": "CNWY"}, ["carrier"], "extra_forbidden"),
    ],
)
def test_a_delivery_that_cannot_be_read_is_a_bad_request(
    buyer: Party, delivery: dict[str, Any], field: list[Any], rule: str
) -> None:
    answer = buyer.post(VALIDATIONS, {"input": "4500012345", "delivery": delivery})
    assert answer.status_code == 422
    (fault,) = answer.json()["errors"]
    assert (fault["loc"], fault["code"]) == (["body", "delivery", *field], rule)


# A carrier in trouble


@pytest.mark.parametrize("announced_by", ["buyer", "warehouse"])
def test_papers_of_a_carrier_that_is_disrupted_are_held_for_the_receiving_or_the_buying_organisation(
    expected: Expected, buyer: Party, warehouse: Party, announced_by: str
) -> None:
    announcing, other = (buyer, warehouse) if announced_by == "buyer" else (warehouse, buyer)
    announcing.put("/v1/carriers/CNWY", {"disrupted": True, "disruption_reason": "Strike until Monday."})
    for wrong in ({"pro_number": "999-999990"}, {"pro_number": None}):
        answer = expected.ask(announcing, **wrong)
        assert (answer["verdict"], fields(answer)) == ("hold", [("carrier_disrupted", "delivery.scac")])
        assert answer["refusals"][0]["detail"] == "CNWY: Strike until Monday."
        assert answer["refusals"][0]["next_step"]["action"] == "contact_logistics_partner"
        assert "Strike" not in expected.ask(other, **wrong)["refusals"][0]["detail"]
    assert expected.ask(announcing)["verdict"] == "accept"


def test_neither_anybody_elses_word_on_a_carrier_counts_nor_one_that_there_is_no_trouble(
    expected: Expected, seller: Party, warehouse: Party
) -> None:
    seller.put("/v1/carriers/CNWY", {"disrupted": True})
    warehouse.put("/v1/carriers/CNWY", {"name": "XPO", "disrupted": False})
    for party in (seller, warehouse):
        assert codes(expected.ask(party, pro_number="999-999990")) == ["pro_number_mismatch"]


def test_a_disruption_softens_neither_the_orders_life_nor_the_rest_of_the_delivery(
    expected: Expected, buyer: Party, warehouse: Party, sql: Sql
) -> None:
    buyer.put("/v1/carriers/CNWY", {"disrupted": True})
    answer = expected.ask(warehouse, pro_number="999-999990", ship_to="MUC-1")
    assert (answer["verdict"], codes(answer)) == ("reject", ["delivery_mismatch", "carrier_disrupted"])
    sql("UPDATE purchase_orders SET expires_at = now() - interval '1 s' WHERE id = $1", expected.order["id"])
    answer = expected.ask(warehouse, pro_number="999-999990")
    assert (answer["verdict"], codes(answer)) == ("reject", ["expired", "carrier_disrupted"])
    buyer.act(expected.order, "cancel")
    answer = expected.ask(warehouse, pro_number="999-999990")
    assert (answer["verdict"], codes(answer)) == ("reject", ["cancelled", "carrier_disrupted"])


def test_a_disruption_that_has_an_end_is_over_by_itself_and_the_answer_says_when(
    expected: Expected, warehouse: Party, sql: Sql
) -> None:
    ends = ahead(days=2)
    warehouse.put("/v1/carriers/CNWY", {"disrupted": True, "disrupted_until": ends})
    answer = expected.ask(warehouse, pro_number="999-999990")
    assert (codes(answer), answer["valid_until"]) == (["carrier_disrupted"], ends)
    assert answer["afterwards"]["codes"] == ["pro_number_mismatch"]
    wrong = {**expected.delivery, "pro_number": "999-999990"}
    assert codes(ask(warehouse, expected.order["number"], delivery=wrong, at=ends)) == ["pro_number_mismatch"]
    sql("UPDATE carrier_overrides SET disrupted_until = now() WHERE organisation_id = $1", UUID(warehouse.id))
    assert codes(expected.ask(warehouse, pro_number="999-999990")) == ["pro_number_mismatch"]
    shown = warehouse.get("/v1/carriers/CNWY").json()
    assert (shown["disrupted"], shown["disrupted_until"]) == (False, None)


def test_what_the_operator_says_of_a_carrier_counts_at_every_gate_and_everybody_reads_it(
    operator: Operator, buyer: Party, seller: Party, warehouse: Party
) -> None:
    about = {"name": "Quarz", "source": "Its web site.", "disrupted": True, "disruption_reason": "Snow in the Alps."}
    assert operator.put("/v1/shared-carriers/QDZR", about).status_code in {200, 201}
    expected = Expected(buyer, seller, warehouse)
    pro = any_shape()
    linked(buyer, expected.order, "QDZR", pro)
    for party in (buyer, warehouse, seller):
        answer = expected.ask(party, scac="QDZR", pro_number="999-999990")
        assert (answer["verdict"], codes(answer)) == ("hold", ["carrier_disrupted"])
        assert answer["refusals"][0]["detail"] == "QDZR: Snow in the Alps."
    calm = operator.put("/v1/shared-carriers/QDZR", {"name": "Quarz", "source": "Its web site."})
    assert (calm.status_code, calm.json()["disrupted"]) == (200, False)
    assert expected.ask(warehouse, scac="QDZR", pro_number="999-999990")["verdict"] == "reject"


def test_quantities_of_an_order_that_expects_no_goods_are_not_counted(
    expected: Expected, buyer: Party, warehouse: Party
) -> None:
    buyer.act(expected.order, "close")
    assert codes(expected.ask(warehouse, quantities=[{"line": 1, "quantity": "99"}])) == ["closed"]


# Who has no relation, but a PRO number of the order


def test_who_gives_a_pro_number_of_the_order_sees_what_a_forwarder_does(expected: Expected, stranger: Party) -> None:
    shown = expected.ask(stranger, ship_to="MUC-1")
    assert (shown["status"], shown["order"]["relation"]) == ("active", "presenter")
    assert shown["refusals"][0]["detail"] == "The order's destination is Hafenlager 2."
    assert shown["order"]["lines"][0]["open"] == "10"
    assert not {"unit_price", "tax"} & set(shown["order"]["lines"][0])
    assert not {"metadata", "reference", "currency", "payment_terms"} & set(shown["order"])
    for other in ({"scac": "SAIA"}, {"pro_number": "999-999990"}, {"pro_number": None}):
        assert expected.ask(stranger, **other)["order"] is None


def test_a_pro_number_that_the_presenter_put_on_the_order_itself_opens_nothing(
    buyer: Party, seller: Party, stranger: Party, party: Callable[..., Party]
) -> None:
    order, pro = buyer.active(), any_shape()
    linked(stranger, order, "SAIA", pro)
    for presenter in (stranger, party("Accomplice")):
        answer = ask(presenter, order["number"], delivery={"scac": "SAIA", "pro_number": pro})
        assert (answer["verdict"], answer["order"], answer["status"]) == ("accept", None, None)


# Batches


def test_each_item_of_a_batch_is_held_to_its_own_delivery(expected: Expected, buyer: Party, warehouse: Party) -> None:
    other = buyer.active(ship_to={"organisation_id": warehouse.id, "code": "HAM-2"})
    inputs: list[Any] = [
        {"input": expected.order["number"], "delivery": expected.delivery},
        {"input": other["number"], "delivery": {"pro_number": "1", "ship_to": "MUC-1"}},
        {"input": other["number"], "delivery": {"ship_to": {}}},
        "PO-NONESUCH",
    ]
    answer = warehouse.post(f"{VALIDATIONS}/batch", {"inputs": inputs}).json()
    first, second, third, fourth = answer["results"]
    assert first["verdict"] == "accept"
    assert fields(second) == [("delivery_mismatch", "delivery.ship_to")]
    assert third["problem"]["errors"][0]["loc"] == ["body", "inputs", 2, "delivery", "ship_to"]
    assert codes(fourth) == ["unknown"]
    assert answer["summary"] == {"delivery_mismatch": 1, "unknown": 1}


def test_what_a_stranger_has_linked_keeps_no_lorry_out(buyer: Party, stranger: Party) -> None:
    order, ours, theirs = buyer.active(), xpo(), xpo()
    linked(stranger, order, "CNWY", theirs)
    assert ask(buyer, order["number"], delivery={"scac": "CNWY", "pro_number": ours})["valid"]
    assert ask(buyer, order["number"], delivery={"scac": "CNWY", "pro_number": theirs})["valid"]
    assert ask(buyer, order["number"], delivery={"scac": "ABFS", "pro_number": "123456789"})["valid"]
    linked(buyer, order, "CNWY", ours)
    other = ask(buyer, order["number"], delivery={"scac": "CNWY", "pro_number": xpo()})
    assert fields(other) == [("pro_number_mismatch", "delivery.pro_number")]
    assert theirs[:6] not in other["refusals"][0]["detail"].replace("-", "")


def test_a_plate_is_taken_as_it_is_written(buyer: Party) -> None:
    order, pro_number = buyer.active(), xpo()
    link = {"scac": "CNWY", "pro_number": pro_number, "trailer_number": "HH-AB-1234"}
    assert buyer.post(f"/v1/purchase-orders/{order['id']}/pro-numbers", link).is_success
    for plate in ("HH AB 1234", "hh_ab_1234", "HH·AB 1234"):
        told = {"scac": "CNWY", "pro_number": pro_number, "trailer_number": plate}
        assert ask(buyer, order["number"], delivery=told)["valid"], plate


def test_a_label_that_was_printed_for_another_destination_is_noticed(buyer: Party, warehouse: Party) -> None:
    number = f"45{ahead(days=1)[-9:-1].replace('.', '')}".replace(":", "")
    order = buyer.active(number=number, ship_to={"organisation_id": warehouse.id, "gln": GLN})
    delivery = {"scac": "CNWY", "pro_number": xpo()}
    right, wrong = f"]C1410{GLN}400{order['number']}", f"]C1410{OTHER_GLN}400{order['number']}"
    assert ask(buyer, right, delivery=delivery)["valid"]
    assert fields(ask(buyer, wrong, delivery=delivery)) == [("delivery_mismatch", "delivery.ship_to")]
    # Who tells where the goods are has looked; and a bare scan asks about the number alone.
    assert ask(buyer, wrong, delivery={**delivery, "ship_to": GLN})["valid"]
    assert ask(buyer, wrong)["valid"]


async def test_a_batch_of_any_size_is_a_constant_number_of_queries(
    database: Database, expected: Expected, warehouse: Party, buyer: Party
) -> None:
    buyer.put("/v1/carriers/CNWY", {"disrupted": True})
    numbers = issued(buyer, 60)
    rule = OPERATIONS["validate_batch"]
    caller = Principal(UUID(buyer.id), uuid4(), rule.scopes, rule)

    async def statements(count: int) -> int:
        seen: list[str] = []
        told = [{"input": number, "delivery": expected.delivery} for number in numbers[:count]]
        mistyped = [number[:-1] + ("2" if number[-1] != "2" else "3") for number in numbers[:count]]
        body = ValidateBatch(
            inputs=[{"input": expected.order["number"], "delivery": expected.delivery}, *told, *mistyped]
        )

        async def look(connection: Any) -> None:
            # SQLAlchemy's, and those that go past it; not what the driver asks for itself.
            event.listen(connection.sync_connection, "before_cursor_execute", lambda *said: seen.append(said[2]))
            driver = (await connection.get_raw_connection()).driver_connection
            driver.add_query_logger(lambda one: seen.append(one.query) if "purchase_order" in one.query else None)
            manifest = await manifest_of(body)
            knowledge = await gather(connection, caller, list(manifest.questions.values()), suggests_within=10)
            assert len(knowledge.orders) == count + 1

        await database.look(look)
        return len(seen)

    few, many = await statements(2), await statements(60)
    # Among them one for the references that the mistyped may be.
    assert few == many == 8
