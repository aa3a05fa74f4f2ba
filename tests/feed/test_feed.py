"""`GET /v1/events`: each organisation follows what happens to the orders that name it."""

from tests.feed.reader import awaited
from tests.parties import Party


def test_everything_that_happens_to_an_order_is_told_in_order(buyer: Party, seller: Party) -> None:
    order = buyer.active(seller={"organisation_id": seller.id})
    for party, relation in ((buyer, "owner"), (seller, "seller")):
        events = awaited(party, 3)
        assert [event["position"] for event in events] == [1, 2, 3]
        assert [event["sequence"] for event in events] == [1, 2, 3]
        assert [event["type"] for event in events] == [
            "purchase_order.issued",
            "purchase_order.confirmed",
            "purchase_order.activated",
        ]
        assert {event["purchase_order"]["id"] for event in events} == {order["id"]}
        assert {event["purchase_order"]["number"] for event in events} == {order["number"]}
        assert {event["purchase_order"]["organisation_id"] for event in events} == {buyer.id}
        assert {event["purchase_order"]["relation"] for event in events} == {relation}
        assert {event["actor"]["organisation_id"] for event in events} == {buyer.id}
