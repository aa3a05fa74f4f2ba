"""From a waybill to its orders: who sees which."""

from tests.parties import Party
from tests.shipments.waybills import any_shape, linked, unlink, xpo


def test_the_look_up_shows_the_orders_with_their_status_as_of_now(buyer: Party, seller: Party) -> None:
    order, pro = buyer.active(seller={"organisation_id": seller.id}), xpo()
    linked(seller, order, "CNWY", pro)
    found = buyer.get(f"/v1/pro-numbers/cnwy/{pro.replace('-', '')}")
    assert found.status_code == 200
    (shown,) = found.json().pop("purchase_orders")
    assert shown.pop("linked_at").endswith("Z")
    assert shown == {"id": order["id"], "number": order["number"], "status": "active", "relation": "owner"}
    assert {key: found.json()[key] for key in ("scac", "pro_number", "claimed", "next_cursor")} == {
        "scac": "CNWY",
        "pro_number": pro,
        "claimed": False,
        "next_cursor": None,
    }


def test_each_party_finds_only_the_orders_that_name_it(
    buyer: Party, seller: Party, warehouse: Party, forwarder: Party, stranger: Party
) -> None:
    pro = xpo()
    sold = buyer.issue(seller={"organisation_id": seller.id})
    stored = buyer.issue(ship_to={"organisation_id": warehouse.id}, forwarders=[{"organisation_id": forwarder.id}])
    for order in (sold, stored):
        linked(buyer, order, "CNWY", pro)

    def found_by(party: Party) -> list[tuple[str, str]]:
        orders = party.get(f"/v1/pro-numbers/CNWY/{pro}").json()["purchase_orders"]
        return [(order["number"], order["relation"]) for order in orders]

    assert found_by(buyer) == [(sold["number"], "owner"), (stored["number"], "owner")]
    assert found_by(seller) == [(sold["number"], "seller")]
    assert found_by(warehouse) == [(stored["number"], "ship_to")]
    assert found_by(forwarder) == [(stored["number"], "forwarder")]
    assert stranger.get(f"/v1/pro-numbers/CNWY/{pro}").status_code == 404


def test_a_pro_number_that_nobody_used_is_404(buyer: Party) -> None:
    answer = buyer.get(f"/v1/pro-numbers/CNWY/{xpo()}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_after_unlinking_only_the_claimant_still_finds_it(buyer: Party, seller: Party) -> None:
    order, pro = buyer.issue(seller={"organisation_id": seller.id}), xpo()
    linked(seller, order, "CNWY", pro)
    assert buyer.get(f"/v1/pro-numbers/CNWY/{pro}").status_code == 200
    unlink(seller, order, "CNWY", pro)
    assert buyer.get(f"/v1/pro-numbers/CNWY/{pro}").status_code == 404
    assert seller.get(f"/v1/pro-numbers/CNWY/{pro}").json()["purchase_orders"] == []


def test_a_text_that_is_no_pro_number_or_no_carrier_is_422(buyer: Party) -> None:
    for path, field in (("CNWY/12*4", "pro_number"), ("CNWY/" + "1" * 31, "pro_number"), ("CNWU/1234", "scac")):
        answer = buyer.get(f"/v1/pro-numbers/{path}")
        assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (
            422,
            "invalid_pro_number",
            field,
        )


def test_the_etag_holds_until_something_that_is_shown_changes(buyer: Party) -> None:
    order, pro = buyer.issue(), xpo()
    linked(buyer, order, "CNWY", pro)
    path = f"/v1/pro-numbers/CNWY/{pro}"
    etag = buyer.get(path).headers["ETag"]
    assert buyer.get(path, headers={"If-None-Match": etag}).status_code == 304
    buyer.act(order, "confirm")
    assert buyer.get(path, headers={"If-None-Match": etag}).status_code == 200


def test_the_orders_of_a_vehicle_come_in_pages(buyer: Party) -> None:
    pro = any_shape()
    orders = [buyer.issue() for _ in range(5)]
    for order in orders:
        linked(buyer, order, "SAIA", pro)
    found: list[str] = []
    path = f"/v1/pro-numbers/SAIA/{pro}?limit=2"
    while path:
        page = buyer.get(path)
        found += [order["id"] for order in page.json()["purchase_orders"]]
        path = page.links.get("next", {}).get("url", "")
    assert found == [order["id"] for order in orders]
