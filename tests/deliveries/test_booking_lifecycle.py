"""A booking's way: confirmed, moved, arrived, completed, or given up; and what its orders hear of it."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.deliveries.booking_lifecycle import (
    EXPECTED,
    TRANSITIONS,
    WAREHOUSE_ALONE,
    BookingAction,
    BookingStatus,
    allowed_actions,
    target,
)
from tests.deliveries.bookings import PATH, against, book, booked, current, done, shipment, step, window
from tests.parties import Party, ahead
from tests.shipments.waybills import pro_numbers_of, timeline

Make = Callable[..., dict[str, Any]]
Sql = Callable[..., list[Any]]
S, A = BookingStatus, BookingAction

PATHS = {
    A.confirm: "confirm",
    A.reschedule: "reschedule",
    A.cancel: "cancel",
    A.arrive: "arrive",
    A.complete: "complete",
    A.no_show: "no-show",
}
ALLOWED = {
    S.requested: {A.confirm, A.reschedule, A.update, A.add_shipment, A.remove_shipment, A.cancel, A.arrive, A.no_show},
    S.confirmed: {A.reschedule, A.update, A.add_shipment, A.remove_shipment, A.cancel, A.arrive, A.no_show},
    S.arrived: {A.complete},
    S.completed: set(),
    S.cancelled: set(),
    S.no_show: set(),
}
"""Written out once more, so that a change of the table is seen."""


def test_a_forwarder_whose_name_is_taken_off_an_order_may_give_its_booking_up_and_not_move_it(
    at_warehouse: Make, buyer: Party, warehouse: Party, forwarder: Party, stranger: Party
) -> None:
    order = at_warehouse(seller=None)
    made = booked(forwarder, shipment(order))
    etag = buyer.get(f"/v1/purchase-orders/{order['id']}").headers["ETag"]
    named = {"forwarders": [{"organisation_id": stranger.id}]}
    patched = buyer.patch(f"/v1/purchase-orders/{order['id']}", named, headers={"If-Match": etag})
    assert patched.status_code == 200, patched.text
    later = {"window": window(days=3)}
    assert against(step(forwarder, made, "reschedule", **later)) == {(0, 0): ["unknown"]}
    assert done(warehouse, made, "reschedule", **later)["status"] == "requested"
    assert done(forwarder, made, "cancel")["status"] == "cancelled"


@pytest.mark.parametrize("status", list(S))
def test_what_a_status_allows(status: BookingStatus) -> None:
    assert set(allowed_actions(status, by_warehouse=True, by_booker=False)) == ALLOWED[status]
    booker = ALLOWED[status] - WAREHOUSE_ALONE
    assert set(allowed_actions(status, by_warehouse=False, by_booker=True)) == booker
    assert allowed_actions(status, by_warehouse=False, by_booker=False) == ()


@given(st.lists(st.tuples(st.sampled_from(list(A)), st.booleans()), max_size=12))
@settings(max_examples=200, deadline=None)
def test_no_way_leads_back_from_where_a_vehicle_has_come_to(actions: list[tuple[BookingAction, bool]]) -> None:
    status, confirmed = S.requested, False
    for action, by_warehouse in actions:
        leads = target(action, status, by_warehouse=by_warehouse)
        if leads is None:
            assert status not in TRANSITIONS[action]
            continue
        assert action in ALLOWED[status]
        confirmed = confirmed or action is A.confirm
        assert leads is not S.confirmed or confirmed
        assert leads is not S.completed or status is S.arrived
        if status not in EXPECTED:
            assert leads not in EXPECTED
        status = leads


def test_the_whole_way_is_told_to_the_booking_and_to_each_of_its_orders(
    at_warehouse: Make, forwarder: Party, warehouse: Party, buyer: Party, seller: Party
) -> None:
    orders = [at_warehouse(), at_warehouse()]
    made = booked(forwarder, shipment(*orders))
    confirmed = done(warehouse, made, "confirm", appointment_number="HL2-017")
    assert (confirmed["status"], confirmed["appointment_number"], confirmed["version"]) == ("confirmed", "HL2-017", 2)
    moved = done(forwarder, made, "reschedule", window=window(days=-0.01), reason="Earlier")
    assert (moved["status"], moved["reason"]) == ("requested", "Earlier")
    again = done(warehouse, made, "confirm")
    assert (again["status"], again["appointment_number"]) == ("confirmed", "HL2-017")
    arrived = step(warehouse, made, "arrive", dock="D7", operator="J. P.").json()
    assert (arrived["verdict"], arrived["arrived"]) == ("accept", True)
    assert arrived["delivery_booking"]["status"] == "arrived"
    assert arrived["delivery_booking"]["arrival"]["dock"] == "D7"
    over = done(warehouse, made, "complete")
    assert (over["status"], over["allowed_actions"]) == ("completed", [])
    types = ["requested", "confirmed", "rescheduled", "confirmed", "arrived", "completed"]
    for order in orders:
        events = [one for one in timeline(seller, order) if one["type"].startswith("delivery_booking.")]
        assert [one["type"] for one in events] == [f"delivery_booking.{name}" for name in types]
        assert [one["relation"] for one in events] == ["forwarder", "ship_to"] * 1 + [
            *("forwarder", "ship_to", "ship_to", "ship_to")
        ]
        assert events[1]["data"]["appointment_number"] == "HL2-017"
        sequences = [one["sequence"] for one in timeline(seller, order) if one["check_id"] is None]
        assert sequences == list(range(1, len(sequences) + 1))
    for reader in (forwarder, warehouse):
        history = reader.get(f"{PATH}/{made['id']}/events").json()["data"]
        assert [one["type"] for one in history] == [f"delivery_booking.{name}" for name in types]
        assert [one["sequence"] for one in history] == [1, 2, 3, 4, 5, 6]
        assert {one["organisation_id"] for one in history} == {forwarder.id, warehouse.id}
    first = forwarder.get(f"{PATH}/{made['id']}/events?limit=4").json()
    rest = forwarder.get(f"{PATH}/{made['id']}/events", params={"cursor": first["next_cursor"]}).json()
    assert [one["sequence"] for one in first["data"] + rest["data"]] == [1, 2, 3, 4, 5, 6]
    assert buyer.get(f"{PATH}/{made['id']}/events").status_code == 404


def to(status: BookingStatus, made: dict[str, Any], warehouse: Party) -> None:
    """Lead a booking whose window has begun to a status."""
    ways = {
        S.requested: [],
        S.confirmed: ["confirm"],
        S.arrived: ["arrive"],
        S.completed: ["arrive", "complete"],
        S.cancelled: ["cancel"],
        S.no_show: ["no-show"],
    }
    for action in ways[status]:
        assert step(warehouse, made, action).status_code == 200


@pytest.mark.parametrize("status", list(S))
def test_what_a_status_does_not_allow_is_refused_with_what_it_does(
    status: BookingStatus, at_warehouse: Make, forwarder: Party, warehouse: Party
) -> None:
    made = booked(forwarder, shipment(at_warehouse()), window=window(days=-0.01))
    to(status, made, warehouse)
    before = current(warehouse, made)
    assert before["status"] == status
    shipment_id = made["shipments"][0]["id"]
    for action in set(A) - ALLOWED[status]:
        if action is A.add_shipment:
            answer = step(warehouse, made, "shipments", **shipment("PO-NONE-SUCH"))
        elif action is A.remove_shipment:
            answer = step(warehouse, made, f"shipments/{shipment_id}/remove")
        elif action is A.update:
            answer = change(warehouse, made, comments="Ring twice")
        else:
            said = {"window": window()} if action is A.reschedule else {}
            answer = step(warehouse, made, PATHS[action], **said)
        assert (answer.status_code, answer.json()["code"]) == (409, "invalid_transition"), (action, answer.text)
        assert answer.json()["booking_status"] == status
        assert set(answer.json()["allowed"]) == ALLOWED[status]
    assert current(warehouse, made) == before


def test_what_the_warehouse_does_nobody_else_can(at_warehouse: Make, forwarder: Party, buyer: Party) -> None:
    made = booked(forwarder, shipment(at_warehouse()))
    for action in ("confirm", "arrive", "complete", "no-show"):
        answer = step(forwarder, made, action)
        assert (answer.status_code, answer.json()["code"]) == (403, "relation_not_allowed")
        assert step(buyer, made, action).status_code == 404
    for action in ("cancel", "reschedule", "shipments"):
        said = {"reschedule": {"window": window()}, "shipments": shipment("PO-1")}.get(action, {})
        assert step(buyer, made, action, **said).status_code == 404
    assert current(forwarder, made)["version"] == 1


def test_a_cancelled_booking_frees_all_that_it_held(
    at_warehouse: Make, forwarder: Party, warehouse: Party, buyer: Party
) -> None:
    order = at_warehouse()
    part = shipment(order, bol="BOL-CANCEL")
    made = booked(forwarder, part, trailer_number="HH-1")
    cancelled = done(forwarder, made, "cancel", reason="The ship is late")
    assert (cancelled["status"], cancelled["reason"]) == ("cancelled", "The ship is late")
    (kept,) = buyer.get(f"/v1/purchase-orders/{order['id']}/pro-numbers").json()["data"]
    assert (kept["pro_number"], kept["window"], kept["trailer_number"]) == (part["pro_number"], None, None)
    assert timeline(buyer, order)[-1]["data"]["reason"] == "The ship is late"
    assert booked(forwarder, part)["booking_number"] != made["booking_number"]
    answer = warehouse.post(
        "/v1/validations", {"input": order["number"], "delivery": {"scac": "QXZB", "pro_number": part["pro_number"]}}
    )
    assert [one["code"] for one in answer.json()["refusals"]] == ["before_window"]


def test_rescheduling_judges_every_order_anew_and_moves_what_gates_expect(
    at_warehouse: Make, forwarder: Party, warehouse: Party, buyer: Party
) -> None:
    orders = [at_warehouse(), at_warehouse(expires_at=ahead(days=5))]
    made = booked(forwarder, shipment(*orders))
    later = step(forwarder, made, "reschedule", window=window(days=6))
    assert against(later) == {(0, 1): ["expired"]}
    assert current(forwarder, made)["window"] == made["window"]
    over = step(forwarder, made, "reschedule", window={"start": ahead(days=-2), "end": ahead(days=-1)})
    assert (over.status_code, over.json()["errors"][0]["loc"]) == (422, ["body", "window", "end"])
    when = window(days=3)
    moved = done(warehouse, made, "reschedule", window=when)
    assert (moved["status"], moved["window"]) == ("requested", when)
    for order in orders:
        (kept,) = buyer.get(f"/v1/purchase-orders/{order['id']}/pro-numbers").json()["data"]
        assert kept["window"] == when
    done(warehouse, made, "confirm")
    assert done(warehouse, made, "reschedule", window=window(days=4))["status"] == "confirmed"
    assert done(forwarder, made, "reschedule", window=window(days=3))["status"] == "requested"


def test_an_order_that_goes_elsewhere_by_now_keeps_a_booking_from_moving(
    at_warehouse: Make, forwarder: Party, stranger: Party, buyer: Party, seller: Party, sql: Sql
) -> None:
    order = at_warehouse()
    made = booked(forwarder, shipment(order))
    sql("UPDATE purchase_orders SET ship_to_id = $1 WHERE id = $2", stranger.id, order["id"])
    assert against(step(forwarder, made, "reschedule", window=window(days=3))) == {(0, 0): ["another_warehouse"]}


def test_shipments_are_added_and_removed_while_the_vehicle_is_to_come(
    at_warehouse: Make, forwarder: Party, warehouse: Party, buyer: Party
) -> None:
    first, second, third = at_warehouse(), at_warehouse(), at_warehouse(expires_at=ahead(days=1))
    made = booked(forwarder, shipment(first, bol="A-1"))
    more = shipment(second, bol="A-2")
    added = step(forwarder, made, "shipments", **more)
    assert added.status_code == 200, added.text
    assert [one["pro_number"] for one in added.json()["shipments"]] == [
        made["shipments"][0]["pro_number"],
        more["pro_number"],
    ]
    assert timeline(buyer, second)[-1]["type"] == "delivery_booking.shipment_added"
    assert timeline(buyer, first)[-1]["type"] == "delivery_booking.requested"
    assert against(step(forwarder, made, "shipments", **shipment(third))) == {(0, 0): ["expired"]}
    assert against(step(forwarder, made, "shipments", **{**more, "pro_number": "Z1"})) == {(0, None): ["bol_reused"]}
    assert against(step(forwarder, made, "shipments", **{**more, "bol": None})) == {(0, None): ["pro_number_reused"]}
    gone = made["shipments"][0]["id"]
    left = done(forwarder, made, f"shipments/{gone}/remove", reason="Left behind")
    assert [one["pro_number"] for one in left["shipments"]] == [more["pro_number"]]
    assert timeline(buyer, first)[-1]["data"]["reason"] == "Left behind"
    (kept,) = buyer.get(f"/v1/purchase-orders/{first['id']}/pro-numbers").json()["data"]
    assert kept["window"] is None
    last = step(forwarder, made, f"shipments/{left['shipments'][0]['id']}/remove")
    assert (last.status_code, last.json()["code"]) == (409, "last_shipment")
    assert step(forwarder, made, f"shipments/{gone}/remove").status_code == 404
    booked(forwarder, shipment(first, bol="A-1", pro_number=made["shipments"][0]["pro_number"]))
    assert pro_numbers_of(buyer, third) == []


def test_an_appointment_number_is_one_bookings_of_its_warehouse(
    at_warehouse: Make, forwarder: Party, warehouse: Party
) -> None:
    made = [booked(forwarder, shipment(at_warehouse())) for _ in range(3)]
    done(warehouse, made[0], "confirm", appointment_number="HL-1")
    taken = step(warehouse, made[1], "confirm", appointment_number="HL-1")
    assert (taken.status_code, taken.json()["code"]) == (409, "appointment_number_taken")
    assert current(warehouse, made[1])["status"] == "requested"
    given = {done(warehouse, one, "confirm")["appointment_number"] for one in made[1:]}
    assert len(given) == 2
    assert all(number.startswith("AP-") for number in given)


def test_a_vehicle_is_missed_once_its_window_has_begun(at_warehouse: Make, forwarder: Party, warehouse: Party) -> None:
    later = booked(forwarder, shipment(at_warehouse()))
    early = step(warehouse, later, "no-show")
    assert (early.status_code, early.json()["code"]) == (409, "too_early_for_no_show")
    part = shipment(at_warehouse(), bol="NS-1")
    made = booked(forwarder, part, window=window(days=-0.01))
    assert done(warehouse, made, "no-show")["status"] == "no_show"
    booked(forwarder, part)


def test_until_the_cutoff_who_has_booked_may_change_it_and_the_warehouse_always(
    at_warehouse: Make, forwarder: Party, warehouse: Party, buyer: Party
) -> None:
    assert warehouse.post("/v1/policies", {"booking_cutoff": "P1D"}).json()["booking_cutoff"] == "P1D"
    late = book(forwarder, shipment(at_warehouse()), window=window(days=0.9))
    assert (late.status_code, late.json()["code"]) == (409, "booking_cutoff_passed")
    made = booked(forwarder, shipment(at_warehouse()), window=window(days=1.1))
    too_soon = step(forwarder, made, "reschedule", window=window(days=0.9))
    assert too_soon.json()["code"] == "booking_cutoff_passed"
    done(warehouse, made, "reschedule", window=window(days=0.9))
    answers = [
        step(forwarder, made, "reschedule", window=window(days=3)),
        step(forwarder, made, "cancel"),
        step(forwarder, made, "shipments", **shipment(at_warehouse())),
    ]
    assert [(one.status_code, one.json()["code"]) for one in answers] == [(409, "booking_cutoff_passed")] * 3
    assert answers[0].json()["cutoff"] < ahead()
    assert done(warehouse, made, "cancel")["status"] == "cancelled"


def test_of_changes_at_once_one_is_made_after_the_other(at_warehouse: Make, forwarder: Party, warehouse: Party) -> None:
    made = booked(forwarder, shipment(at_warehouse()))

    async def race() -> list[httpx.Response]:
        async with warehouse.asynchronous() as gate, forwarder.asynchronous() as booker:
            path = f"{PATH}/{made['id']}"
            posts = [gate.post(f"{path}/confirm", json={}) for _ in range(6)]
            posts += [booker.post(f"{path}/cancel", json={}) for _ in range(6)]
            return await asyncio.gather(*posts)

    answers = asyncio.run(race())
    assert {answer.status_code for answer in answers} <= {200, 409, 503}
    won = [answer.json()["status"] for answer in answers if answer.status_code == 200]
    assert sorted(won) in (["cancelled"], ["cancelled", "confirmed"], ["confirmed"])
    history = forwarder.get(f"{PATH}/{made['id']}/events").json()["data"]
    assert len(history) == 1 + len(won)
    assert current(forwarder, made)["version"] == len(history)


def links(party: Party, order: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = party.get(f"/v1/purchase-orders/{order['id']}/pro-numbers").json()["data"]
    return found


def change(party: Party, made: dict[str, Any], **said: Any) -> httpx.Response:
    """Change what a booking says, by its ETag as the party reads it."""
    path = f"{PATH}/{made['id']}"
    return party.patch(path, said, headers={"If-Match": party.get(path).headers["ETag"]})


def test_the_trailer_and_the_driver_are_told_when_they_are_known(
    at_warehouse: Make, forwarder: Party, warehouse: Party, seller: Party
) -> None:
    orders = [at_warehouse(), at_warehouse()]
    now = {"start": ahead(minutes=-5), "end": ahead(hours=2)}
    part = shipment(*orders)
    made = booked(forwarder, part, window=now, comments="Ring twice")
    assert warehouse.post("/v1/policies", {"booking_cutoff": "P1D"}).status_code == 201
    done(warehouse, made, "confirm")
    contact = {"name": "Cem", "phone": "+49 171 555 0104"}
    changed = change(forwarder, made, trailer_number="HH-ES-42", contact=contact, comments=None)
    assert changed.status_code == 200, changed.text
    found = changed.json()
    assert (found["status"], found["trailer_number"], found["comments"]) == ("confirmed", "HH-ES-42", None)
    assert found["contact"]["phone"] == contact["phone"]
    for order in orders:
        (link,) = links(forwarder, order)
        assert (link["trailer_number"], link["window"]) == ("HH-ES-42", made["window"])
        last = timeline(seller, order)[-1]
        assert (last["type"], last["data"]["trailer_number"]) == ("delivery_booking.changed", "HH-ES-42")
    # Saying it again changes nothing, and what is left out stays.
    assert change(warehouse, made, trailer_number="HH-ES-42").json()["version"] == found["version"]
    gate = {"scac": part["scac"], "pro_number": part["pro_number"]}
    wrong = warehouse.post(
        "/v1/validations", {"input": orders[0]["number"], "delivery": {**gate, "trailer_number": "B-1"}}
    )
    assert [one["code"] for one in wrong.json()["refusals"]] == ["delivery_mismatch"]
    assert warehouse.post(f"{PATH}/arrive", {"input": "hh es 42"}).json()["arrived"] is True
    assert change(forwarder, made, trailer_number="B-1").json()["code"] == "invalid_transition"


def test_a_booking_is_changed_by_its_parties_as_they_have_read_it(
    at_warehouse: Make, forwarder: Party, warehouse: Party, buyer: Party
) -> None:
    made = booked(forwarder, shipment(at_warehouse()))
    path, said = f"{PATH}/{made['id']}", {"comments": "Ring twice"}
    stale = {"If-Match": forwarder.get(path).headers["ETag"]}
    assert forwarder.patch(path, said).status_code == 428
    assert change(warehouse, made, **said).json()["comments"] == "Ring twice"
    assert forwarder.patch(path, {"comments": None}, headers=stale).status_code == 412
    assert buyer.patch(path, said, headers={"If-Match": "*"}).status_code == 404
    assert [one["data"] for one in forwarder.get(f"{path}/events").json()["data"][1:]] == [said]


def test_what_is_booked_is_said_of_the_booking_and_not_of_the_link(
    at_warehouse: Make, forwarder: Party, warehouse: Party
) -> None:
    order = at_warehouse()
    part = shipment(order, bol="BOL-1")
    made = booked(forwarder, part, trailer_number="HH-1")
    path = f"/v1/purchase-orders/{order['id']}/pro-numbers"
    number = {"scac": part["scac"], "pro_number": part["pro_number"]}
    before = links(forwarder, order)
    same = {"trailer_number": "HH-1", "window": made["window"], "bol": "BOL-1"}
    others = {"trailer_number": "HH-2", "window": window(days=4), "bol": "BOL-2"}
    for name, other in others.items():
        for said in (other, None):
            refused = forwarder.post(path, {**number, name: said})
            assert (refused.status_code, refused.json()["code"]) == (409, "pro_number_booked")
            batch = forwarder.post(
                "/v1/pro-numbers/batch", {"links": [{**number, "number": order["number"], name: said}]}
            )
            assert batch.json()["results"][0]["problem"]["code"] == "pro_number_booked"
    assert forwarder.post(path, {**number, **same}).status_code == 200
    batch = forwarder.post("/v1/pro-numbers/batch", {"links": [{**number, **same, "number": order["number"]}]})
    assert batch.json()["results"][0]["outcome"] == "unchanged"
    assert links(forwarder, order) == before
    done(forwarder, made, "cancel")
    assert forwarder.post(path, {**number, "trailer_number": "HH-2"}).json()["trailer_number"] == "HH-2"
