"""A question about a day to come: goods sail for weeks."""

from collections.abc import Callable
from typing import Any

from tests.orders.docks import ORDERS
from tests.parties import Party, ahead
from tests.validation.test_verdicts import VALIDATIONS, ask, codes

Sql = Callable[..., list[Any]]


def test_an_answer_says_until_when_it_holds_and_what_comes_then(buyer: Party) -> None:
    ends = ahead(days=30)
    order = buyer.active(expires_at=ends)
    verdict = ask(buyer, order["number"])
    assert (verdict["verdict"], verdict["valid_until"]) == ("accept", ends)
    assert verdict["afterwards"] == {"status": "expired", "verdict": "reject", "codes": ["expired"]}


def test_what_it_says_of_then_is_what_a_question_about_then_is_answered(buyer: Party) -> None:
    starts, due, ends = ahead(days=5), ahead(days=10), ahead(days=20)
    order = buyer.issue(valid_from=starts, activate_by=due, expires_at=ends)
    buyer.act(order, "confirm")
    verdict, seen = ask(buyer, order["number"]), []
    while verdict["valid_until"] is not None:
        then = ask(buyer, order["number"], at=verdict["valid_until"])
        assert verdict["afterwards"] == {
            "status": then["status"],
            "verdict": then["verdict"],
            "codes": codes(then),
        }
        seen.append((verdict["valid_until"], then["status"]))
        verdict = then
    assert seen == [(starts, "confirmed"), (due, "lapsed"), (ends, "expired")]
    assert verdict["afterwards"] is None


def test_a_suspended_order_that_ends_meanwhile_says_so(buyer: Party) -> None:
    ends = ahead(days=3)
    order = buyer.active(expires_at=ends)
    buyer.act(order, "suspend", reason="dispute")
    verdict = ask(buyer, order["number"])
    assert codes(verdict) == ["suspended"]
    assert verdict["valid_until"] == ends
    assert verdict["afterwards"]["codes"] == ["suspended", "expired"]


def test_what_never_changes_by_itself_has_no_end(buyer: Party) -> None:
    order = buyer.active()
    verdict = ask(buyer, order["number"])
    assert (verdict["valid_until"], verdict["afterwards"]) == (None, None)
    buyer.act(order, "cancel")
    assert ask(buyer, order["number"])["valid_until"] is None


def test_a_handheld_whose_clock_is_wrong_lets_in_nothing_that_has_ended(buyer: Party, sql: Sql) -> None:
    order = buyer.active(expires_at=ahead(days=1))
    sql("UPDATE purchase_orders SET expires_at = now() - interval '1 hour' WHERE id = $1", order["id"])
    for moment in (ahead(hours=-2), "0001-01-01T00:00:00Z"):
        assert codes(ask(buyer, order["number"], at=moment)) == ["expired"]


def test_the_last_moment_of_all_is_asked_about_like_any_other(buyer: Party) -> None:
    told = {"at": "9999-12-31T23:59:59.999999Z", "delivery": {"pro_number": "123-456782"}}
    assert codes(ask(buyer, buyer.active(expires_at=ahead(days=1))["number"], **told)) == ["expired"]
    verdict = ask(buyer, buyer.active()["number"], **told)
    assert (verdict["verdict"], verdict["valid_until"]) == ("accept", None)


def test_who_only_presents_the_number_is_not_told_when_it_ends(buyer: Party, stranger: Party) -> None:
    order = buyer.active(expires_at=ahead(days=3))
    verdict = ask(stranger, order["number"])
    assert (verdict["verdict"], verdict["valid_until"], verdict["afterwards"]) == ("accept", None, None)


def test_an_order_that_was_received_in_part_is_open_until_it_ends(buyer: Party) -> None:
    ends = ahead(days=3)
    order = buyer.active(expires_at=ends, lines=[{"sku": "A", "quantity": "2"}])
    part = {"lines": [{"line": 1, "quantity": "1"}]}
    verdict = buyer.post(VALIDATIONS, {"input": order["number"], "receive": part}).json()
    assert (verdict["status"], verdict["valid_until"]) == ("partially_received", ends)
    assert verdict["afterwards"]["status"] == "expired"
    rest = buyer.post(VALIDATIONS, {"input": order["number"], "receive": {}}).json()
    assert (rest["status"], rest["valid_until"], rest["afterwards"]) == ("received", None, None)
    assert buyer.get(f"{ORDERS}/{order['id']}").json()["status"] == "received"
