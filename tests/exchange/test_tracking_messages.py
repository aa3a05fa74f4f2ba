"""214 files tell where shipments are: in any order, twice, and by whoever may.

TRACKING_PERMUTATIONS says how many of the 720 orders of six messages go through the service; all of them go through
the rule each time.
"""

import itertools
import os
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import asyncpg
import pytest
from pydantic import TypeAdapter

from app.exchange.documents import ImportFormat
from app.exchange.readers import documents
from app.shipments.tracking_rules import TrackedEvent, state_of
from app.shipments.tracking_schemas import ReportedEvent
from tests.exchange.files import counts, finished, imported, interchange, start
from tests.parties import Party
from tests.shipments.waybills import linked, timeline, xpo

Sql = Callable[..., list[asyncpg.Record]]
PERMUTATIONS = int(os.environ.get("TRACKING_PERMUTATIONS", "24"))
DAY = (datetime.now(UTC) - timedelta(days=2)).strftime("%Y%m%d")
NEXT = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y%m%d")

SIX = [
    f"AT7*AF*NS***{DAY}*0900*UT~MS1*DAYTON*OH*US~",
    f"AT7*P1*NS***{DAY}*1400*UT~MS1*COLUMBUS*OH*US~",
    f"AT7*SD*AO***{DAY}*1700*UT~",
    f"AT7*X4*NS***{DAY}*2200*UT~MS1*AKRON*OH*US~",
    f"AT7*X1*NS***{NEXT}*0800*UT~",
    f"AT7*D1*NS***{NEXT}*0830*UT~MS1*CLEVELAND*OH*US~",
]


def status(pro: str, *segments: str, orders: tuple[str, ...] = (), scac: str = "CNWY") -> str:
    named = "".join(f"L11*{number}*PO~" for number in orders)
    return f"214|B10*{pro}*SHP1*{scac}~{named}LX*1~{''.join(segments)}"


def tracking(party: Party, pro: str) -> dict[str, Any]:
    answer = party.get(f"/v1/pro-numbers/CNWY/{pro}/tracking-events")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_the_six_messages_of_a_shipment_come_to_the_same_in_all_720_orders() -> None:
    events = TypeAdapter(list[ReportedEvent])
    told = []
    for document in documents(ImportFormat.X12, BytesIO(interchange(*(status("1", one) for one in SIX)).encode())):
        (event,) = events.validate_python(document.content["events"])
        location = event.location and event.location.model_dump(mode="json", exclude_none=True)
        told.append(TrackedEvent(event.type, event.occurred_at, repr(event), event.eta, location, event.reason))
    states = {repr(state_of(order)) for order in itertools.permutations(told)}
    assert len(told) == 6
    assert len(states) == 1
    assert "delivered" in states.pop()


def test_so_they_do_when_each_message_comes_by_itself(buyer: Party) -> None:
    order = buyer.issue()
    orders = list(itertools.permutations(SIX))
    drawn = random.Random(214).sample(orders, PERMUTATIONS) if len(orders) > PERMUTATIONS else orders
    pros = [xpo() for _ in drawn]
    # The messages of all shipments mixed, as they come from carriers; the first of each puts its number on the order.
    sets = [
        status(pro, sequence[place], orders=(order["number"],))
        for place in range(6)
        for pro, sequence in zip(pros, drawn, strict=True)
    ]
    done = finished(buyer, start(buyer, interchange(*sets)), seconds=600)
    assert counts(done) == {"applied": 6 * len(drawn)}
    shown = [link["tracking"] for link in _links(buyer, order)]
    assert len(shown) == len(drawn)
    assert all(one == shown[0] for one in shown)
    assert shown[0]["status"] == "delivered"
    assert shown[0]["events"] == 6
    assert shown[0]["location"]["city"] == "CLEVELAND"
    # Sent again, in one file and in another order: nothing is doubled.
    version = buyer.get(f"/v1/purchase-orders/{order['id']}").json()["version"]
    done = finished(buyer, start(buyer, interchange(*reversed(sets))), seconds=600)
    assert counts(done) == {"unchanged": 6 * len(drawn)}
    assert buyer.get(f"/v1/purchase-orders/{order['id']}").json()["version"] == version


def test_a_carrier_that_forwards_an_order_tells_of_it_with_the_scope_of_shipping_alone(
    buyer: Party, forwarder: Party, seller: Party
) -> None:
    order = buyer.issue(seller={"organisation_id": seller.id}, forwarders=[{"organisation_id": forwarder.id}])
    pro = xpo()
    carrier = Party(forwarder.base_url, forwarder.id, forwarder.key_with("ship"))
    found = imported(carrier, interchange(status(pro, *SIX[:4], orders=(order["number"],))))
    assert counts(found) == {"applied": 1}
    assert [event["type"] for event in tracking(seller, pro)["data"]] == [
        "picked_up",
        "in_transit",
        "exception",
        "at_terminal",
    ]
    types = [(event["type"], event["relation"]) for event in timeline(buyer, order)[-2:]]
    assert types == [("pro_number.linked", "forwarder"), ("shipment.status_changed", "forwarder")]
    # Orders are no business of this key, and shipments none of a key for orders.
    made = imported(carrier, interchange("850|BEG*00*SA*X1**20360104~PO1*1*2*EA***BP*X~CTT*1~"))
    assert made["report"]["data"][0]["code"] == "missing_scope"
    acknowledged = imported(carrier, interchange(f"855|BAK*00*AD*{order['number']}*20360104~"))
    assert acknowledged["report"]["data"][0]["code"] == "missing_scope"
    clerk = Party(buyer.base_url, buyer.id, buyer.key_with("orders:write"))
    refused = imported(clerk, interchange(status(pro, SIX[5])))
    assert refused["report"]["data"][0]["code"] == "missing_scope"
    assert "ship" in refused["report"]["data"][0]["reason"]
    for party in (carrier, clerk):
        party.close()


def test_who_has_nothing_to_do_with_a_shipment_or_its_orders_tells_nothing_of_it(
    buyer: Party, stranger: Party, warehouse: Party, sql: Sql
) -> None:
    order = buyer.issue(ship_to={"organisation_id": warehouse.id})
    pro, free = xpo(), xpo()
    linked(buyer, order, "CNWY", pro)
    file = interchange(status(pro, SIX[0]), status(free, SIX[0], orders=(order["number"],)))
    for party, codes in ((stranger, ["not_found", "invalid"]), (warehouse, ["relation_not_allowed", "invalid"])):
        report = imported(party, file)["report"]["data"]
        assert [one["code"] for one in report] == codes
        assert report[0]["reason"].startswith("B1001, segment 2")
        # The number alone opens nothing here, where guesses are not counted.
        assert report[1]["errors"][0]["place"].startswith("L1101, segment 3")
        assert order["id"] not in str(report)
    assert sql("SELECT * FROM pro_claims WHERE pro_number = $1", free.replace("-", "")) == []
    assert sql("SELECT * FROM tracking_events WHERE pro_number = $1", pro.replace("-", "")) == []


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (("AT7*AF*NS", f"AT7*D1*NS***{NEXT}*0900*ZZ~AT7*AF*NS"), "AT707, segment 4"),
        (("*CNWY~", "*C1~"), "B1003, segment 2"),
        (("B10*", "B10*+"), "B1001, segment 2"),
        (("MS1*DAYTON", f"MS1*{'D' * 101}"), "MS101, segment 5"),
        ((f"***{DAY}", "***20990101"), "AT705, segment 4"),
    ],
)
def test_a_message_with_one_fault_tells_nothing_and_names_the_element(
    change: tuple[str, str], place: str, buyer: Party
) -> None:
    order, pro = buyer.issue(), xpo()
    linked(buyer, order, "CNWY", pro)
    found = imported(buyer, interchange(status(pro, SIX[0], SIX[3]).replace(*change, 1)))
    (refused,) = found["report"]["data"]
    assert refused["errors"][0]["place"].startswith(place)
    assert tracking(buyer, pro)["tracking"] is None


def test_a_message_puts_a_number_that_nobody_uses_on_all_of_its_orders_or_on_none(
    buyer: Party, stranger: Party
) -> None:
    orders = [buyer.issue() for _ in range(2)]
    numbers = tuple(order["number"] for order in orders)
    pro = xpo()
    found = imported(buyer, interchange(status(pro, SIX[0], orders=(*numbers, stranger.issue()["number"]))))
    assert found["report"]["data"][0]["errors"][0]["place"].startswith("L1101, segment 5")
    assert all(_links(buyer, order) == [] for order in orders)
    assert counts(imported(buyer, interchange(status(pro, SIX[0], orders=numbers)))) == {"applied": 1}
    # What was taken off by hand is not put on again by the next message.
    buyer.post(f"/v1/purchase-orders/{orders[1]['id']}/pro-numbers/CNWY/{pro}/unlink")
    assert counts(imported(buyer, interchange(status(pro, SIX[1], orders=numbers)))) == {"applied": 1}
    assert [len(_links(buyer, order)) for order in orders] == [1, 0]


def test_a_dry_run_says_what_would_be_and_keeps_nothing(buyer: Party) -> None:
    order, pro = buyer.issue(), xpo()
    file = interchange(status(pro, *SIX, orders=(order["number"],)))
    assert counts(imported(buyer, file, dry_run=True)) == {"applied": 1}
    assert _links(buyer, order) == []
    assert buyer.get(f"/v1/pro-numbers/CNWY/{pro}/tracking-events").status_code == 404


def _links(party: Party, order: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = party.get(
            f"/v1/purchase-orders/{order['id']}/pro-numbers",
            params={"limit": 200} | ({} if cursor is None else {"cursor": cursor}),
        ).json()
        found += page["data"]
        cursor = page["next_cursor"]
        if cursor is None:
            return found
