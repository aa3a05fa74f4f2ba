"""Booking a delivery: all of a vehicle is judged at once, and what is booked stands on its orders."""

from collections.abc import Callable
from typing import Any

from tests.deliveries.bookings import PATH, against, body, book, booked, codes_of, current, shipment, window
from tests.parties import Party, ahead
from tests.shipments.waybills import any_shape, link, linked, pro_numbers_of, timeline, xpo

Sql = Callable[..., list[Any]]


Make = Callable[..., dict[str, Any]]


def test_a_booking_is_made_with_all_that_was_said_and_read_by_its_two_parties_alone(
    at_warehouse: Make, forwarder: Party, warehouse: Party, buyer: Party, seller: Party, stranger: Party
) -> None:
    orders = [at_warehouse() for _ in range(3)]
    when = window()
    first, second = shipment(*orders[:2], bol="BOL-1", freight_terms="prepaid"), shipment(orders[2])
    answer = book(
        forwarder,
        first,
        second,
        window=when,
        ship_to={"organisation_id": warehouse.id},
        trailer_number="HH-AB_1234",
        contact={"phone": "+49 40 555 0170"},
        comments="Tail lift needed.",
    )
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert answer.headers["Location"] == f"{PATH}/{made['id']}"
    assert made["booking_number"].startswith("DB-")
    assert (made["status"], made["version"], made["appointment_number"]) == ("requested", 1, None)
    assert (made["booked_by"], made["warehouse"]) == (forwarder.id, warehouse.id)
    assert (made["trailer_number"], made["comments"]) == ("HH-AB_1234", "Tail lift needed.")
    assert made["contact"]["phone"] == "+49 40 555 0170"
    assert made["refused"] == []
    for told, shown in zip((first, second), made["shipments"], strict=True):
        for name in ("scac", "pro_number", "pallets", "cartons", "units"):
            assert shown[name] == told[name]
        assert [one["number"] for one in shown["purchase_orders"]] == told["purchase_orders"]
        assert {one["verdict"] for one in shown["purchase_orders"]} == {"accept"}
    assert made["shipments"][0]["bol"] == "BOL-1"
    for reader in (forwarder, warehouse):
        for name in (made["id"], made["booking_number"], made["booking_number"].lower().replace("-", " ")):
            found = reader.get(f"{PATH}/{name}")
            assert found.status_code == 200, found.text
            assert found.json()["id"] == made["id"]
        same = reader.get(f"{PATH}/{made['id']}", headers={"If-None-Match": found.headers["ETag"]})
        assert same.status_code == 304
    for other in (buyer, seller, stranger):
        assert other.get(f"{PATH}/{made['id']}").status_code == 404
        assert other.get(f"{PATH}/{made['booking_number']}").status_code == 404
    assert warehouse.get(f"{PATH}/{made['id']}").json()["allowed_actions"] == [
        *("confirm", "reschedule", "update", "add_shipment", "remove_shipment", "cancel", "arrive", "no_show")
    ]
    assert made["allowed_actions"] == ["reschedule", "update", "add_shipment", "remove_shipment", "cancel"]


def test_what_is_booked_stands_on_the_orders_and_gates_go_by_it(
    at_warehouse: Make, forwarder: Party, warehouse: Party, seller: Party
) -> None:
    order, when = at_warehouse(), window()
    part = shipment(order)
    made = booked(forwarder, part, window=when, trailer_number="HH-1")
    (kept,) = seller.get(f"/v1/purchase-orders/{order['id']}/pro-numbers").json()["data"]
    assert (kept["scac"], kept["pro_number"]) == (part["scac"], part["pro_number"])
    assert (kept["trailer_number"], kept["window"], kept["linked_by"]) == ("HH-1", when, forwarder.id)
    event = timeline(seller, order)[-1]
    assert (event["type"], event["relation"]) == ("delivery_booking.requested", "forwarder")
    assert event["data"] == {
        "booking_number": made["booking_number"],
        "window": when,
        "scac": part["scac"],
        "pro_number": part["pro_number"],
        "trailer_number": "HH-1",
    }
    delivery = {"scac": part["scac"], "pro_number": part["pro_number"], "trailer_number": "HH-2"}
    question = {"input": order["number"], "delivery": delivery, "at": ahead(days=2, hours=1)}
    at_the_gate = warehouse.post("/v1/validations", question).json()
    assert [refusal["code"] for refusal in at_the_gate["refusals"]] == ["delivery_mismatch"]
    early = warehouse.post(
        "/v1/validations", {"input": order["number"], "delivery": {**delivery, "trailer_number": "hh 1"}}
    )
    assert [refusal["code"] for refusal in early.json()["refusals"]] == ["before_window"]


def test_everything_that_is_wrong_is_told_at_once_and_nothing_is_booked(
    at_warehouse: Make, forwarder: Party, warehouse: Party, buyer: Party, stranger: Party, sql: Sql
) -> None:
    good = at_warehouse()
    ends = at_warehouse(expires_at=ahead(days=2, hours=1))
    begins = at_warehouse(valid_from=ahead(days=2, hours=1))
    cancelled = at_warehouse()
    buyer.act(cancelled, "cancel")
    elsewhere = buyer.active(ship_to={"organisation_id": stranger.id}, forwarders=[{"organisation_id": forwarder.id}])
    foreign = any_shape()
    linked(stranger, stranger.issue(), "QXZB", foreign)
    answer = book(
        forwarder,
        shipment(good, ends, begins, cancelled, "PO-NONE-SUCH", "§", good, elsewhere),
        shipment(good, scac="CNWY", pro_number="123-456783"),
        shipment(good, pro_number=foreign),
        shipment(good, scac="X"),
    )
    assert against(answer) == {
        (0, 1): ["expired"],
        (0, 2): ["not_yet_valid"],
        (0, 3): ["cancelled"],
        (0, 4): ["unknown"],
        (0, 5): ["malformed"],
        (0, 6): ["duplicate_in_request"],
        (0, 7): ["another_warehouse"],
        (1, None): ["invalid_pro_number"],
        (2, None): ["pro_number_claimed"],
        (3, None): ["invalid_pro_number"],
    }
    expired = answer.json()["results"][0]["purchase_orders"][0]
    assert expired["input"] == ends["number"]
    assert expired["refusals"][0]["next_step"]["action"] == "apply_for_activation"
    assert answer.json()["detail"].startswith("10 of 11 ")
    assert forwarder.get(PATH).json()["data"] == []
    assert sql("SELECT * FROM pro_claims WHERE organisation_id = $1", forwarder.id) == []
    assert pro_numbers_of(buyer, good) == []
    assert [event["type"] for event in timeline(buyer, good)][-1] == "purchase_order.activated"


def test_with_partial_what_may_come_is_booked_and_the_rest_is_named(
    at_warehouse: Make, forwarder: Party, warehouse: Party, buyer: Party, sql: Sql
) -> None:
    good, ends = at_warehouse(), at_warehouse(expires_at=ahead(days=1))
    bad, wrong = shipment(ends, bol="B-9"), shipment(good, scac="CNWY", pro_number="123-456783")
    made = booked(forwarder, shipment(good, ends), bad, wrong, partial=True)
    assert codes_of(made["refused"]) == {
        (0, 1): ["expired"],
        (1, 0): ["expired"],
        (2, None): ["invalid_pro_number"],
    }
    assert [[one["number"] for one in part["purchase_orders"]] for part in made["shipments"]] == [[good["number"]]]
    assert current(forwarder, made)["refused"] == made["refused"]
    assert current(warehouse, made)["refused"] == []
    # What was not booked has left nothing: the PRO number and the bill of lading are free for whoever has them next.
    keys = [row["pro_number"] for row in sql("SELECT * FROM pro_claims WHERE organisation_id = $1", forwarder.id)]
    assert keys == [made["shipments"][0]["pro_number"]]
    assert pro_numbers_of(buyer, ends) == []
    buyer.act(ends, "extend", expires_at=ahead(days=9))
    booked(forwarder, {**bad, "bol": "b 9"})


def test_with_partial_a_booking_of_nothing_is_refused(at_warehouse: Make, forwarder: Party) -> None:
    ends = at_warehouse(expires_at=ahead(days=1))
    assert against(book(forwarder, shipment(ends), partial=True)) == {(0, 0): ["expired"]}
    assert forwarder.get(PATH).json()["data"] == []


def test_an_order_has_to_be_valid_until_the_very_end_of_its_window(at_warehouse: Make, forwarder: Party) -> None:
    when = window()
    exact = at_warehouse(valid_from=when["start"], expires_at=when["end"])
    booked(forwarder, shipment(exact), window=when)
    for wrong, code in (({"valid_from": when["end"]}, "not_yet_valid"), ({"expires_at": when["start"]}, "expired")):
        refused = book(forwarder, shipment(at_warehouse(**wrong)), window=when)
        assert against(refused) == {(0, 0): [code]}


def test_orders_that_are_not_active_are_told_with_the_step_that_makes_them(
    buyer: Party, seller: Party, forwarder: Party
) -> None:
    parties = {"seller": {"organisation_id": seller.id}, "forwarders": [{"organisation_id": forwarder.id}]}
    issued, confirmed = buyer.issue(**parties), buyer.issue(**parties)
    seller.act(confirmed, "confirm")
    assert against(book(forwarder, shipment(issued, confirmed))) == {(0, 0): ["not_confirmed"], (0, 1): ["not_active"]}


def test_a_pro_number_or_a_bill_of_lading_of_an_earlier_shipment_is_refused(
    at_warehouse: Make, forwarder: Party, warehouse: Party
) -> None:
    first = shipment(at_warehouse(), bol="HBL 77-1")
    made = booked(forwarder, first)
    again = shipment(at_warehouse(), pro_number=first["pro_number"])
    same_bol = shipment(at_warehouse(), bol="hbl771")
    assert against(book(forwarder, again, same_bol)) == {(0, None): ["pro_number_reused"], (1, None): ["bol_reused"]}
    assert against(book(forwarder, same_bol)) == {(0, None): ["bol_reused"]}
    some = booked(forwarder, shipment(at_warehouse()), same_bol, partial=True)
    assert codes_of(some["refused"]) == {(1, None): ["bol_reused"]}
    for action in ("arrive", "complete"):
        assert warehouse.post(f"{PATH}/{made['id']}/{action}", {"dock": "D1"} if action == "arrive" else {}).is_success
    assert against(book(forwarder, again)) == {(0, None): ["pro_number_reused"]}


def test_a_pro_number_whose_orders_have_been_delivered_is_refused_and_one_with_open_orders_is_not(
    at_warehouse: Make, forwarder: Party, warehouse: Party
) -> None:
    before, mine = at_warehouse(), at_warehouse()
    pro = any_shape()
    assert link(forwarder, before, "QXZB", pro).status_code == 201
    assert warehouse.post("/v1/validations", {"input": before["number"], "receive": {}}).json()["status"] == "received"
    assert against(book(forwarder, shipment(mine, pro_number=pro))) == {(0, None): ["pro_number_reused"]}
    other, pro = at_warehouse(), any_shape()
    assert link(forwarder, other, "QXZB", pro).status_code == 201
    booked(forwarder, shipment(mine, pro_number=pro))


def test_a_bill_of_ladings_bar_code_names_carrier_and_pro_number(at_warehouse: Make, forwarder: Party) -> None:
    pro = any_shape()
    scanned = shipment(at_warehouse(), pro_number=f"]C19012KQXZB{pro}")
    del scanned["scac"]
    made = booked(forwarder, scanned)
    assert [(one["scac"], one["pro_number"]) for one in made["shipments"]] == [("QXZB", pro)]
    nameless, contradicted = shipment(at_warehouse()), shipment(at_warehouse(), pro_number=f"9012KSAIA{pro}")
    del nameless["scac"]
    problems = book(forwarder, nameless, contradicted).json()["results"]
    assert [(one["problems"][0]["code"], one["problems"][0]["field"]) for one in problems] == [
        ("invalid_pro_number", "scac")
    ] * 2


def test_within_one_booking_each_shipment_has_its_own_pro_number_and_bill_of_lading(
    at_warehouse: Make, forwarder: Party
) -> None:
    one = shipment(at_warehouse(), bol="X-1")
    two = shipment(at_warehouse(), pro_number=one["pro_number"].lower(), bol="x1")
    assert against(book(forwarder, one, two)) == {(1, None): ["pro_number_reused", "bol_reused"]}


def test_an_order_in_two_shipments_is_a_matter_of_its_buyers_policy(
    at_warehouse: Make, forwarder: Party, buyer: Party
) -> None:
    order = at_warehouse()
    booked(forwarder, shipment(order), shipment(order))
    events = [event for event in timeline(buyer, order) if event["type"] == "delivery_booking.requested"]
    assert len({event["data"]["pro_number"] for event in events}) == 2
    sequences = [event["sequence"] for event in timeline(buyer, order)]
    assert sequences == list(range(1, len(sequences) + 1))
    assert buyer.post("/v1/policies", {"split_shipments": "refused"}).status_code == 201
    single, linked_before = at_warehouse(), at_warehouse()
    linked(buyer, linked_before, "CNWY", xpo())
    refused = book(forwarder, shipment(single), shipment(single, linked_before))
    assert against(refused) == {
        (1, 0): ["split_shipment_not_allowed"],
        (1, 1): ["split_shipment_not_allowed"],
    }
    booked(forwarder, shipment(single))


def test_who_may_link_may_book_and_nobody_else(
    buyer: Party, seller: Party, warehouse: Party, forwarder: Party, stranger: Party
) -> None:
    parties = {"seller": {"organisation_id": seller.id}, "ship_to": {"organisation_id": warehouse.id}}
    forwarded = {**parties, "forwarders": [{"organisation_id": forwarder.id}]}
    for party in (buyer, seller, forwarder):
        booked(party, shipment(buyer.active(**forwarded)))
    assert against(book(warehouse, shipment(buyer.active(**forwarded)))) == {(0, 0): ["relation_not_allowed"]}
    # Once a forwarder is named, a number that somebody only holds is like one that nobody has.
    theirs = book(stranger, shipment(buyer.active(**forwarded), "PO-NONE-SUCH"))
    assert against(theirs) == {(0, 0): ["unknown"], (0, 1): ["unknown"]}
    made = booked(stranger, shipment(buyer.active(**parties)))
    assert made["warehouse"] is None
    assert current(warehouse, made)["warehouse"] == warehouse.id


def test_a_presenter_is_told_no_more_than_at_the_gate(buyer: Party, warehouse: Party, stranger: Party) -> None:
    ends = buyer.active(expires_at=ahead(days=1), ship_to={"organisation_id": warehouse.id})
    answer = book(stranger, shipment(ends))
    (refusal,) = answer.json()["results"][0]["purchase_orders"][0]["refusals"]
    gate = stranger.post("/v1/validations", {"input": ends["number"], "at": ahead(days=2)}).json()
    (at_the_gate,) = gate["refusals"]
    at_the_gate["next_step"]["href"] = refusal["next_step"]["href"]
    assert refusal == at_the_gate
    assert ends["id"] not in answer.text
    assert warehouse.id not in answer.text
    assert ends["expires_at"] not in answer.text


def test_a_presenter_is_not_told_whose_gate_it_is_by_what_that_does(
    buyer: Party, warehouse: Party, stranger: Party
) -> None:
    made = booked(stranger, shipment(buyer.active(ship_to={"organisation_id": warehouse.id})))
    assert warehouse.post(f"{PATH}/{made['id']}/confirm").status_code == 200
    for party, who in ((stranger, None), (warehouse, warehouse.id)):
        events = party.get(f"{PATH}/{made['id']}/events").json()["data"]
        assert [event["organisation_id"] for event in events] == [stranger.id, who]


def test_the_destination_that_is_told_is_held_against_the_orders(
    at_warehouse: Make, forwarder: Party, stranger: Party, warehouse: Party
) -> None:
    order = at_warehouse(ship_to={"organisation_id": warehouse.id, "code": "HAM-2"})
    wrong = book(forwarder, shipment(order), ship_to={"organisation_id": stranger.id})
    assert against(wrong) == {(0, 0): ["delivery_mismatch"]}
    assert wrong.json()["results"][0]["purchase_orders"][0]["refusals"][0]["field"] == "ship_to"
    assert against(book(forwarder, shipment(order), ship_to="BER-1")) == {(0, 0): ["delivery_mismatch"]}
    assert booked(forwarder, shipment(order), ship_to="ham-2")["ship_to"]["code"] == "ham-2"


def test_a_number_that_two_buyers_use_is_booked_with_the_buyer_named(
    buyer: Party, seller: Party, forwarder: Party, party: Callable[..., Party]
) -> None:
    other, number = party("Another buyer"), f"45{any_shape()}"
    named = {"number": number, "forwarders": [{"organisation_id": forwarder.id}]}
    for owner in (buyer, other):
        owner.active(**named)
    assert against(book(forwarder, shipment(number))) == {(0, 0): ["ambiguous_number"]}
    booked(forwarder, shipment({"number": number, "buyer": other.id}))


def test_an_order_is_booked_by_one_of_its_references_too(buyer: Party, forwarder: Party) -> None:
    reference = f"FBA{any_shape()}"
    order = buyer.active(
        forwarders=[{"organisation_id": forwarder.id}], references=[{"type": "fba", "value": reference}]
    )
    made = booked(forwarder, shipment(reference))
    assert made["shipments"][0]["purchase_orders"][0]["number"] == order["number"]


def test_the_same_request_with_one_key_books_once(at_warehouse: Make, forwarder: Party) -> None:
    request = body(shipment(at_warehouse()))
    answers = [forwarder.post(PATH, request, headers={"Idempotency-Key": "book-once"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[1].headers["Idempotency-Replayed"] == "true"
    assert answers[0].json() == answers[1].json()
    assert len(forwarder.get(PATH).json()["data"]) == 1


def test_a_pro_number_that_was_linked_before_gets_its_vehicle_with_the_booking(
    at_warehouse: Make, forwarder: Party, buyer: Party
) -> None:
    order, pro, when = at_warehouse(), xpo(), window()
    linked(forwarder, order, "CNWY", pro)
    booked(forwarder, shipment(order, scac="CNWY", pro_number=pro), window=when)
    (kept,) = buyer.get(f"/v1/purchase-orders/{order['id']}/pro-numbers").json()["data"]
    assert (kept["pro_number"], kept["window"]) == (pro, when)
    assert link(forwarder, order, "CNWY", pro).status_code == 200


def test_without_a_ship_to_the_buyer_is_the_warehouse(buyer: Party, forwarder: Party) -> None:
    made = booked(forwarder, shipment(buyer.active(forwarders=[{"organisation_id": forwarder.id}])))
    assert made["warehouse"] == buyer.id
    assert current(buyer, made)["allowed_actions"][0] == "confirm"
