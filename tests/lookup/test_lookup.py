"""An order is found by any number on its papers, by those whom it names and nobody else."""

import asyncio
import secrets
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.session import Database
from app.lookup import repository
from app.lookup.papers import ProReading
from tests.orders.test_list_plans import nodes, written_out
from tests.parties import Party
from tests.shipments.waybills import linked, xpo

LOOKUP = "/v1/lookup"
ORDERS = "/v1/purchase-orders"


def found(party: Party, q: str) -> list[tuple[str, list[tuple[str, str]]]]:
    answer = party.get(LOOKUP, params={"q": q})
    assert answer.status_code == 200, answer.text
    return [(order["id"], [(by["field"], by["value"]) for by in order["found_by"]]) for order in answer.json()["data"]]


@pytest.fixture
def papers(buyer: Party, seller: Party, warehouse: Party, forwarder: Party) -> dict[str, Any]:
    """An order with a number of each kind on its papers, and those numbers."""
    mark = secrets.token_hex(3).upper()
    order = buyer.issue(
        reference=f"SO-{mark}-long " + "x" * 40,
        references=[{"type": "project", "value": f"P/{mark}"}],
        seller={"organisation_id": seller.id},
        ship_to={"organisation_id": warehouse.id},
        forwarders=[{"organisation_id": forwarder.id}],
    )
    buyer.act(order, "confirm", contract_number=f"sc-{mark}", invoice_number=f"INV {mark}")
    pro = xpo()
    linked(forwarder, order, "CNWY", pro)
    link = {"scac": "CNWY", "pro_number": pro, "bol": f"bl-{mark} 7"}
    assert forwarder.post(f"{ORDERS}/{order['id']}/pro-numbers", link).status_code == 200
    return {"order": order, "pro": pro, "mark": mark}


def test_an_order_is_found_by_every_number_that_it_has(buyer: Party, papers: dict[str, Any]) -> None:
    order, pro, mark = papers["order"], papers["pro"], papers["mark"]
    display = f"{pro[:3]}-{pro[-6:]}"
    readings = [
        (order["number"], ("number", order["number"])),
        (f"p.o. no. {order['number'].lower()}", ("number", order["number"])),
        (f"(400){order['number']}", ("number", order["number"])),
        (order["id"], ("id", order["id"])),
        (pro, ("pro_number", display)),
        (f"CNWY {display}", ("pro_number", display)),
        (f"]C19012KCNWY{pro.replace('-', '')}", ("pro_number", display)),
        (f"bl-{mark} 7", ("bol", f"bl-{mark} 7")),
        (f"B/L No. BL {mark.lower()}7", ("bol", f"bl-{mark} 7")),
        (f"bill of lading: BL-{mark}-7", ("bol", f"bl-{mark} 7")),
        (order["reference"], ("reference", order["reference"])),
        (f"p/{mark.lower()}", ("references", f"P/{mark}")),
        (f"SC {mark}", ("contract_number", f"sc-{mark}")),
        (f"inv-{mark}", ("invoice_number", f"INV {mark}")),
    ]
    for q, by in readings:
        assert found(buyer, q) == [(order["id"], [by])], q
    # Another carrier's PRO number of these digits is another one.
    assert found(buyer, f"ODFL {display}") == []


def test_each_party_finds_it_by_what_it_may_see_and_others_not_at_all(
    buyer: Party, seller: Party, warehouse: Party, forwarder: Party, stranger: Party, papers: dict[str, Any]
) -> None:
    order, mark = papers["order"], papers["mark"]
    texts = [order["number"], order["id"], papers["pro"], f"BL{mark}7", f"P/{mark}", f"SC{mark}", f"INV{mark}"]
    finds = {
        party.id: [bool(found(party, q)) for q in texts] for party in (buyer, seller, warehouse, forwarder, stranger)
    }
    everything, logistics = [True] * 7, [True, True, True, True, True, False, False]
    assert finds == {
        buyer.id: everything,
        seller.id: everything,
        warehouse.id: logistics,
        forwarder.id: logistics,
        stranger.id: [False] * 7,
    }
    assert stranger.get(LOOKUP, params={"q": order["number"]}).json() == {
        "q": order["number"],
        "data": [],
        "complete": True,
    }


def test_a_draft_is_its_owners_alone(buyer: Party, seller: Party) -> None:
    draft = buyer.issue(draft=True, seller={"organisation_id": seller.id}, references=[{"type": "a", "value": "DR-1"}])
    for q in (draft["number"], "DR-1"):
        assert [one for one, _ in found(buyer, q)] == [draft["id"]]
        assert found(seller, q) == []


def test_one_text_may_mean_several_orders_and_one_order_in_several_ways(buyer: Party) -> None:
    mark = secrets.token_hex(4).upper()
    named = buyer.issue(number=mark, reference=mark)
    referring = buyer.issue(references=[{"type": "project", "value": mark}])
    billed = buyer.issue()
    buyer.act(billed, "confirm", invoice_number=mark)
    assert found(buyer, mark) == [
        (named["id"], [("number", mark), ("reference", mark)]),
        (referring["id"], [("references", mark)]),
        (billed["id"], [("invoice_number", mark)]),
    ]


def test_a_bill_of_lading_finds_all_orders_that_travel_under_it_each_once(buyer: Party, seller: Party) -> None:
    mark = f"BOL-{secrets.token_hex(4).upper()}"
    orders = [buyer.issue() for _ in range(3)]
    theirs = seller.issue()
    for party, order in ((buyer, orders[0]), *((buyer, order) for order in orders), (seller, theirs)):
        link = {"scac": "CNWY", "pro_number": xpo(), "bol": mark}
        assert party.post(f"{ORDERS}/{order['id']}/pro-numbers", link).status_code == 201
    assert found(buyer, mark) == [(order["id"], [("bol", mark)]) for order in reversed(orders)]
    assert found(seller, mark) == [(theirs["id"], [("bol", mark)])]
    taken = buyer.post(f"{ORDERS}/{orders[1]['id']}/pro-numbers", {**link, "pro_number": xpo(), "bol": None})
    assert taken.json()["bol"] is None


def test_what_more_than_fifty_orders_share_is_answered_in_part(buyer: Party, sql: Any) -> None:
    made = buyer.post("/v1/purchase-orders/batch", {"purchase_orders": [{}] * 51}).json()["results"]
    mark = secrets.token_hex(4).upper()
    ids = [one["purchase_order"]["id"] for one in made]
    sql("UPDATE purchase_orders SET contract_number = $1 WHERE id = ANY($2)", mark, ids)
    answer = buyer.get(LOOKUP, params={"q": mark}).json()
    assert (len(answer["data"]), answer["complete"]) == (50, False)
    assert answer["data"][0]["id"] == max(ids)


def test_a_reference_that_many_orders_share_finds_all_of_them(buyer: Party) -> None:
    project = f"PROJECT-{secrets.token_hex(4)}"
    body = {"purchase_orders": [{"references": [{"type": "project", "value": project}]}] * 52}
    made = [one["purchase_order"]["id"] for one in buyer.post(f"{ORDERS}/batch", body).json()["results"]]
    answer = buyer.get(LOOKUP, params={"q": project}).json()
    assert (len(answer["data"]), answer["complete"]) == (50, False)
    for spare in made[:2]:
        changed = buyer.patch(f"{ORDERS}/{spare}", {"references": []}, headers={"If-Match": "*"})
        assert changed.status_code == 200, changed.text
    answer = buyer.get(LOOKUP, params={"q": project}).json()
    assert ({one["id"] for one in answer["data"]}, answer["complete"]) == (set(made[2:]), True)


@pytest.mark.parametrize("number", ["Vertrag 47/Ä", "SC–2041", "V" * 40, "a\tb", "Straße 7", "4711\u00a0b"])
def test_a_contract_is_found_by_its_number_whatever_characters_that_has(buyer: Party, number: str) -> None:
    written = f"{number} {secrets.token_hex(4)}"
    order = buyer.issue()
    buyer.act(order, "confirm", contract_number=written)
    for q in (written, written.upper().replace("STRASSE", "STRAßE"), written.replace(" ", "-")):
        assert found(buyer, q) == [(order["id"], [("contract_number", written)])], q


def test_a_carriers_pro_number_is_found_behind_many_of_another_carrier(buyer: Party) -> None:
    pro = xpo()
    body = {"purchase_orders": [{}] * 52}
    mine, *others = [one["purchase_order"] for one in buyer.post(f"{ORDERS}/batch", body).json()["results"]]
    linked(buyer, mine, "CNWY", pro)
    for order in others:
        linked(buyer, order, "EXLA", pro)
    answer = buyer.get(LOOKUP, params={"q": f"CNWY {pro}"}).json()
    assert ([one["id"] for one in answer["data"]], answer["complete"]) == ([mine["id"]], True)


@pytest.mark.parametrize("q", ["§", "\x00", "]C1\x1d", "http://x", "x" * 1_000, "()", "' OR 1=1"])
def test_a_text_that_is_nothing_finds_nothing(buyer: Party, q: str) -> None:
    assert found(buyer, q) == []


@pytest.mark.parametrize("q", [None, "", " ", "x" * 1_001])
def test_without_a_text_nothing_is_asked(buyer: Party, q: str | None) -> None:
    answer = buyer.get(LOOKUP, params={} if q is None else {"q": q})
    assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (422, ["query", "q"])


async def test_each_path_is_a_walk_along_its_own_index(database: Database, buyer: Party) -> None:
    # Many orders and links of its own: or the few that it has would be looked through, whatever they are.
    await asyncio.to_thread(many_linked, buyer, 1_000)
    me, keys = UUID(buyer.id), ["A", "B"]
    paths = [
        (repository.by_numbers, (me, keys, me, 51), {"pk_purchase_orders", "ix_purchase_orders_id"}),
        (
            repository.by_pro_numbers,
            (me, [ProReading(None, "A"), ProReading("CNWY", "B")], 51),
            {"ix_pro_links_pro_number"},
        ),
        (repository.by_own_reference, (me, "A"), {"pk_reference_claims"}),
        (repository.by_bols, (me, keys, 1), {"ix_pro_links_bol"}),
        # With a limit of 1, walking all orders by their id looks as cheap as one of 51 does among a hundred thousand.
        (repository.by_papers, (me, keys, 1), {f"ix_purchase_orders_{one}_number" for one in ("contract", "invoice")}),
    ]
    for path, arguments, indexes in paths:
        plan = await plan_of(database, path, arguments)
        used = {node["Index Name"] for node in nodes(plan) if "Index Name" in node}
        assert indexes <= used, path.__name__
        assert path is repository.by_numbers or "ix_purchase_orders_id" not in used, path.__name__
        assert not [node for node in nodes(plan) if node["Node Type"] == "Seq Scan"], path.__name__


def many_linked(buyer: Party, count: int) -> None:
    """Make orders, each with a PRO number and a bill of lading of its own."""
    made = buyer.post(f"{ORDERS}/batch", {"purchase_orders": [{}] * count}).json()["results"]
    mark = secrets.token_hex(4)
    links = [
        {"number": one["purchase_order"]["id"], "scac": "QXZB", "pro_number": f"{mark}{index}", "bol": f"{mark}{index}"}
        for index, one in enumerate(made)
    ]
    answer = buyer.post("/v1/pro-numbers/batch", {"atomic": True, "links": links})
    assert answer.status_code == 200, answer.text


async def plan_of(database: Database, path: Any, arguments: tuple[Any, ...]) -> dict[str, Any]:
    """Return the plan of the statement that a path runs, as if the tables were too large to be read whole."""
    statements: list[tuple[str, Any]] = []

    async def explained(connection: AsyncConnection) -> dict[str, Any]:
        await connection.execute(text("SET LOCAL enable_seqscan = off"))
        await connection.execute(text("ANALYZE purchase_orders, pro_links"))
        raw = connection.sync_connection
        assert raw is not None

        def remember(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
            statements.append((statement, parameters))

        event.listen(raw, "before_cursor_execute", remember)
        await path(connection, *arguments)
        event.remove(raw, "before_cursor_execute", remember)
        ((statement, parameters),) = statements
        answer = await connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {written_out(statement, parameters)}")
        plan: dict[str, Any] = answer.scalar_one()[0]["Plan"]
        return plan

    return await database.change(explained)
