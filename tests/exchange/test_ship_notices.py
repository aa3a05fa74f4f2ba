"""856 files put PRO numbers on orders with what comes of each: all of a shipment or nothing, and once."""

from collections.abc import Callable
from typing import Any

import asyncpg
import pytest

from tests.deliveries.bookings import booked, shipment
from tests.exchange.files import counts, imported, interchange
from tests.parties import Party
from tests.shipments.waybills import linked, timeline, xpo

Sql = Callable[..., list[asyncpg.Record]]


def notice(
    pro: str,
    *orders: dict[str, Any],
    purpose: str = "00",
    reference: str = "SN-1",
    quantity: str = "240",
    bol: str = "BOL-9",
) -> str:
    """A notice of one shipment with 240 of the first line of each order."""
    text = f"856|BSN*{purpose}*{reference}*20360226*1600~HL*1**S~TD5*B*2*CNWY~TD3*TL**HH-4711~REF*CN*{pro}~"
    text += f"REF*BM*{bol}~DTM*011*20360226*1715*UT~"
    for place, order in enumerate(orders):
        at = 2 + 2 * place
        text += f"HL*{at}*1*O~PRF*{order['number']}~HL*{at + 1}*{at}*I~LIN*1*IN*TS-L~SN1**{quantity}*EA~"
    return f"{text}CTT*{1 + 2 * len(orders)}~"


@pytest.fixture
def parties(buyer: Party, seller: Party, warehouse: Party) -> dict[str, Any]:
    return {"seller": {"organisation_id": seller.id}, "ship_to": {"organisation_id": warehouse.id}}


@pytest.fixture
def orders(buyer: Party, parties: dict[str, Any]) -> list[dict[str, Any]]:
    lines = [{"sku": "TS-L", "quantity": "240"}, {"sku": "TS-XL", "quantity": "12"}]
    return [buyer.issue(**parties, lines=lines) for _ in range(3)]


def links(party: Party, order: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = party.get(f"/v1/purchase-orders/{order['id']}/pro-numbers").json()["data"]
    return found


def test_a_notice_links_pro_number_bill_of_lading_orders_and_quantities_in_one_step(
    seller: Party, warehouse: Party, orders: list[dict[str, Any]]
) -> None:
    pro = xpo()
    shipper = Party(seller.base_url, seller.id, seller.key_with("ship"))
    assert counts(imported(shipper, interchange(notice(pro, *orders)))) == {"applied": 1}
    shipper.close()
    for order in orders:
        (link,) = links(warehouse, order)
        assert (link["scac"], link["pro_number"], link["bol"], link["trailer_number"]) == (
            "CNWY",
            pro,
            "BOL-9",
            "HH-4711",
        )
        line = {"line": 1, "sku": "TS-L", "gtin": None, "supplier_sku": None, "quantity": "240", "unit": "EA"}
        assert link["ship_notice"] == {"reference": "SN-1", "shipped_at": "2036-02-26T17:15:00Z", "lines": [line]}
        told = timeline(warehouse, order)[-2:]
        assert [event["type"] for event in told] == ["pro_number.linked", "ship_notice.received"]
        assert told[1]["data"] == {"scac": "CNWY", "pro_number": pro, "ship_notice": "SN-1", "bol": "BOL-9"}


def test_a_notice_that_comes_again_changes_nothing_in_the_same_file_and_in_another(
    seller: Party, orders: list[dict[str, Any]]
) -> None:
    file = interchange(notice(xpo(), *orders))
    assert counts(imported(seller, file)) == {"applied": 1}
    before = [timeline(seller, order) for order in orders]
    assert counts(imported(seller, file)) == {"unchanged": 1}
    assert counts(imported(seller, file.replace("000000001", "000000002"))) == {"unchanged": 1}
    assert [timeline(seller, order) for order in orders] == before


def test_a_shipment_with_one_fault_is_on_none_of_its_orders_and_every_fault_is_named(
    seller: Party, stranger: Party, orders: list[dict[str, Any]], sql: Sql
) -> None:
    pro = xpo()
    foreign = stranger.issue()
    body = notice(pro, orders[0], foreign, orders[1], orders[2]).replace(
        "LIN*1*IN*TS-L~SN1**240*EA~CTT", "LIN*9*IN*SOCKS~SN1**1*EA~CTT"
    )
    (refused,) = imported(seller, interchange(body))["report"]["data"]
    assert [error["place"].split(",")[0] for error in refused["errors"]] == ["PRF01", "LIN03"]
    assert refused["reference"] == "SN-1"
    (refused,) = imported(seller, interchange(body.replace(foreign["number"], "PO-4711")))["report"]["data"]
    assert refused["errors"][0]["place"].startswith("PRF01, segment 15")
    (refused,) = imported(seller, interchange(body.replace(foreign["number"], orders[1]["number"])))["report"]["data"]
    assert [(error["place"].split(",")[0], error["code"]) for error in refused["errors"]] == [
        ("PRF01", "duplicate_order"),
        ("LIN03", "unknown_line"),
    ]
    assert all(links(seller, order) == [] for order in orders)
    assert sql("SELECT * FROM pro_claims WHERE pro_number = $1", pro.replace("-", "")) == []


def test_shipments_of_one_file_stand_for_themselves(seller: Party, orders: list[dict[str, Any]]) -> None:
    good, bad = notice(xpo(), orders[0]), notice("123-456780", orders[1], reference="SN-2")
    found = imported(seller, interchange(good, bad))
    assert counts(found) == {"applied": 1, "refused": 1}
    (error,) = found["report"]["data"][0]["errors"]
    assert (error["place"], error["code"]) == ("REF02, segment 6 of the transaction set", "invalid_pro_number")
    assert [len(links(seller, order)) for order in orders] == [1, 0, 0]


def test_a_notice_is_replaced_under_its_reference_and_nothing_else_may_take_its_place(
    seller: Party, buyer: Party, orders: list[dict[str, Any]]
) -> None:
    pro, other = xpo(), xpo()
    imported(seller, interchange(notice(pro, orders[0], orders[1])))
    again = imported(seller, interchange(notice(pro, orders[0], orders[1], quantity="100")))
    assert again["report"]["data"][0]["errors"][0]["code"] == "ship_notice_differs"
    assert again["report"]["data"][0]["reason"].startswith("BSN02, segment 2")
    replaced = interchange(notice(pro, orders[0], orders[2], purpose="05", quantity="100"))
    assert counts(imported(seller, replaced)) == {"applied": 1}
    assert [len(links(seller, order)) for order in orders] == [1, 0, 1]
    assert links(seller, orders[0])[0]["ship_notice"]["lines"][0]["quantity"] == "100"
    assert [event["type"] for event in timeline(buyer, orders[1])[-2:]] == [
        "ship_notice.cancelled",
        "pro_number.unlinked",
    ]
    # Another PRO number takes the place of the first, which the notice has brought.
    assert counts(imported(seller, interchange(notice(other, orders[0], purpose="05")))) == {"applied": 1}
    assert [[link["pro_number"] for link in links(seller, order)] for order in orders] == [[other], [], []]
    elsewhere = imported(buyer, interchange(notice(other, orders[0], reference="BY-1")))
    assert elsewhere["report"]["data"][0]["errors"][0]["code"] == "pro_number_claimed"
    second = imported(seller, interchange(notice(other, orders[0], reference="SN-2")))
    assert second["report"]["data"][0]["errors"][0]["code"] == "ship_notice_exists"


def test_a_notice_that_is_withdrawn_takes_its_pro_numbers_along_but_none_that_was_there_before(
    seller: Party, orders: list[dict[str, Any]]
) -> None:
    pro = xpo()
    linked(seller, orders[0], "CNWY", pro)
    imported(seller, interchange(notice(pro, orders[0], orders[1])))
    cancellation = interchange("856|BSN*01*SN-1*20360227*0800~HL*1**S~")
    assert counts(imported(seller, cancellation)) == {"applied": 1}
    assert [[link["ship_notice"] for link in links(seller, order)] for order in orders] == [[None], [], []]
    assert counts(imported(seller, cancellation)) == {"unchanged": 1}
    unknown = imported(seller, interchange("856|BSN*01*SN-7*20360227*0800~HL*1**S~"))
    assert unknown["report"]["data"][0]["code"] == "not_found"
    assert unknown["report"]["data"][0]["reason"].startswith("BSN02")


def test_a_reference_that_is_no_text_is_refused_whatever_is_done_with_the_notice(
    seller: Party, orders: list[dict[str, Any]]
) -> None:
    sent = notice(xpo(), orders[0])
    for said in (sent, sent.replace("BSN*00", "BSN*05"), "856|BSN*01*SN-1*20360227*0800~HL*1**S~"):
        assert "*SN-1*" in said
        (refused,) = imported(seller, interchange(said.replace("*SN-1*", "*SN\x00-1*")))["report"]["data"]
        assert refused["errors"][0]["place"].startswith("BSN02")


def test_who_only_receives_the_goods_or_holds_the_number_notifies_nothing(
    buyer: Party, warehouse: Party, stranger: Party, orders: list[dict[str, Any]]
) -> None:
    for party, code in ((warehouse, "relation_not_allowed"), (stranger, "not_found")):
        (refused,) = imported(party, interchange(notice(xpo(), orders[0])))["report"]["data"]
        assert refused["errors"][0]["code"] == code
        assert refused["errors"][0]["place"].startswith("PRF01")
    clerk = Party(buyer.base_url, buyer.id, buyer.key_with("orders:write"))
    (refused,) = imported(clerk, interchange(notice(xpo(), orders[0])))["report"]["data"]
    assert refused["code"] == "missing_scope"
    clerk.close()


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (("REF*BM*BOL-9", f"REF*BM*{'B' * 31}"), "REF02, segment 7"),
        (("TD3*TL**HH-4711", "TD3*TL**HH 4711"), "TD303, segment 5"),
        (("CNWY", "CNWX"), "TD503, segment 4"),
        (("SN1**240", "SN1**0.0000001"), "SN102, segment 13"),
        (("SN1**240", "SN1**-2"), "SN102, segment 13"),
        (("LIN*1*", "LIN*A*"), "LIN01, segment 12"),
        (("*00*SN-1*", f"*00*{'S' * 101}*"), "BSN02, segment 2"),
    ],
)
def test_each_field_is_held_to_its_limit_and_named(
    change: tuple[str, str], place: str, seller: Party, orders: list[dict[str, Any]]
) -> None:
    body = notice(xpo(), orders[0])
    assert change[0] in body
    (refused,) = imported(seller, interchange(body.replace(*change)))["report"]["data"]
    assert refused["errors"][0]["place"].startswith(place), refused
    assert links(seller, orders[0]) == []


def test_a_limit_itself_is_taken(seller: Party, orders: list[dict[str, Any]]) -> None:
    body = notice(xpo(), orders[0], bol="B" * 30).replace("HH-4711", "T" * 32)
    assert counts(imported(seller, interchange(body))) == {"applied": 1}
    assert links(seller, orders[0])[0]["trailer_number"] == "T" * 32


def test_a_dry_run_keeps_nothing(seller: Party, orders: list[dict[str, Any]]) -> None:
    file = interchange(notice(xpo(), *orders))
    assert counts(imported(seller, file, dry_run=True)) == {"applied": 1}
    assert all(links(seller, order) == [] for order in orders)
    assert counts(imported(seller, file)) == {"applied": 1}


def test_a_notice_does_not_say_another_vehicle_than_the_delivery_booking_of_its_orders(
    buyer: Party, seller: Party, warehouse: Party, parties: dict[str, Any]
) -> None:
    order, pro = buyer.active(**parties, lines=[{"sku": "TS-L", "quantity": "240"}]), xpo()
    part = shipment(order, scac="CNWY", pro_number=pro, bol="BOL-1")
    made = booked(seller, part, trailer_number="HH-1")
    assert counts(imported(seller, interchange(notice(pro, order)))) == {"applied": 1}
    (link,) = links(warehouse, order)
    assert (link["trailer_number"], link["window"], link["bol"]) == ("HH-1", made["window"], "BOL-1")
    assert link["ship_notice"]["reference"] == "SN-1"
