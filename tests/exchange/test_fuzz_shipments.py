"""Damaged 214 and 856 files are read or refused, never a fault of the service, and nothing of them is half done.

FUZZ_MUTATIONS makes the runs as long as one likes; the full ones are 10,000.
"""

import os
import random
import re
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import asyncpg

from app.exchange.documents import Document, Kind, Unreadable
from app.exchange.readers import documents, form_of
from app.shipments.tracking_rules import TrackedEvent, TrackingEventType, state_of
from tests.exchange.files import finished, interchange, start
from tests.exchange.test_fuzz import mutated
from tests.parties import Party

Sql = Callable[..., list[asyncpg.Record]]
MUTATIONS = int(os.environ.get("FUZZ_MUTATIONS", "0"))
SEED = int(os.environ.get("FUZZ_SEED", "856"))
FILES_AT_ONCE = 10

DAY = (datetime.now(UTC) - timedelta(days=2)).strftime("%Y%m%d")


def valid(mark: str, numbers: list[str]) -> list[str]:
    """Valid files about orders, with PRO numbers and references of their own for each mark."""
    shipment = (
        f"856|BSN*00*SN-{mark}*{DAY}*1600*0001~HL*1**S~TD1*CTN*12~TD5*B*2*SAIA*M~TD3*TL**4711~REF*CN*{mark}~"
        f"REF*BM*B-{mark}~DTM*011*{DAY}*1715*ET~N1*ST*Hafenlager~"
    )
    levels = "".join(
        f"HL*{2 + 3 * place}*1*O~PRF*{number}~HL*{3 + 3 * place}*{2 + 3 * place}*P~MAN*GM*0034~"
        f"HL*{4 + 3 * place}*{3 + 3 * place}*I~LIN*1*IN*TS-L~SN1**{place + 1}*EA~"
        for place, number in enumerate(numbers)
    )
    count = 1 + 3 * len(numbers)
    total = sum(range(len(numbers) + 1))
    notice = f"{shipment}{levels}CTT*{count}*{total}~"
    replaced = notice.replace("BSN*00", "BSN*05").replace("SN1**1*", "SN1**7*").replace(f"*{total}~", f"*{total + 6}~")
    cancelled = f"856|BSN*01*SN-{mark}*{DAY}*1800~HL*1**S~"
    second = shipment.replace("856|", "").partition("HL*1")[2].replace(f"REF*CN*{mark}", f"REF*CN*{mark}2")
    two = f"{notice.partition('CTT*')[0]}HL*90{second}HL*91*90*O~PRF*{numbers[0]}~HL*92*91*I~SN1*1*3*EA~"
    statuses = [
        f"214|B10*{mark}*SHP*SAIA~L11*{numbers[0]}*PO~LX*1~AT7*{code}*{reason}***{DAY}*{hour:02}30*{zone}~MS1*BREMEN*HB*DE~"
        for hour, (code, reason, zone) in enumerate(
            [("AF", "NS", "UT"), ("X6", "NS", "ET"), ("SD", "AO", "LT"), ("AG", "NS", "UT"), ("D1", "NS", "")]
        )
    ]
    at_once = f"{statuses[0]}{''.join(one.partition('LX*1~')[2] for one in statuses[1:])}"
    return [
        interchange(notice),
        interchange(notice, replaced, cancelled),
        interchange(two),
        interchange(notice, *statuses),
        interchange(*statuses),
        interchange(at_once).replace("~", "~\r\n"),
        interchange(*reversed(statuses), notice).replace("*", "|").replace("~", "'"),
    ]


def read(content: bytes) -> list[Document]:
    found: list[Document] = []
    with suppress(Unreadable):
        found.extend(documents(form_of(content), BytesIO(content)))
    return found


def quantities_sent(content: bytes) -> set[int]:
    """How many items with a quantity each set of a file has: counted as plainly as can be."""
    text = content.decode("utf-8", "replace").replace("\r", "").replace("\n", "")
    found = set()
    for element, terminator in (("*", "~"), ("|", "'")):
        for one in re.split(rf"(?<![^{re.escape(terminator)}])\s*ST{re.escape(element)}", text):
            whole = re.split(rf"{re.escape(terminator)}\s*SE{re.escape(element)}", one)[0]
            found.add(len(re.findall(rf"{re.escape(terminator)}\s*SN1{re.escape(element)}", whole)))
    return found


def test_a_damaged_message_is_read_or_refused_and_no_item_or_status_is_lost() -> None:
    chance = random.Random(SEED)
    taken: Counter[Kind] = Counter()
    for count in range(MUTATIONS or 400):
        content = mutated(chance.choice(valid(f"M{count}X", ["4500012345", "4500012346"])), chance)
        found = read(content)
        for document in found:
            for fault in document.faults:
                assert fault.place
                assert fault.message
        notices = [one for one in found if one.kind is Kind.SHIP_NOTICE]
        if len(notices) == 1 and not notices[0].faults and not notices[0].notes:
            taken[Kind.SHIP_NOTICE] += 1
            items = sum(len(order["lines"]) for order in notices[0].content["orders"])
            assert items in quantities_sent(content), content
        for document in found:
            if document.kind is Kind.TRACKING and not document.faults:
                taken[Kind.TRACKING] += 1
                types = {event["type"] for event in document.content["events"]}
                assert "delivered" not in types or b"D1" in content or b"CB" in content, content
    assert len(taken) == 2, "every mutation was refused: that proves nothing"


def test_a_damaged_message_never_makes_the_service_fail_or_leaves_anything_half_done(
    party: Callable[..., Party], sql: Sql
) -> None:
    chance = random.Random(SEED + 1)
    parties = [party(f"Fuzz {place}") for place in range(2)]
    numbers = {
        one.id: [one.issue(lines=[{"sku": "TS-L", "quantity": "240"}])["number"] for _ in range(3)] for one in parties
    }
    applied = 0
    for turn in range(max(1, (MUTATIONS or 40) // FILES_AT_ONCE)):
        started = []
        for place in range(FILES_AT_ONCE):
            by = parties[place % 2]
            mark = f"F{turn}X{place}X{by.id[-6:].upper()}"
            content = mutated(chance.choice(valid(mark, numbers[by.id])), chance)
            started.append((by, start(by, content), content))
        for by, import_id, content in started:
            applied += applied_whole(sql, by, import_id, content)
    assert applied
    for one in parties:
        all_adds_up(sql, one)


def applied_whole(sql: Sql, by: Party, import_id: str, content: bytes) -> int:
    """Wait for an import; return how many messages were taken. The last word on each notice is on all its orders."""
    found = finished(by, import_id, 600, outcome=["applied", "unchanged", "refused"], limit=200)
    assert found["status"] == "finished" or found["fault"]["code"] != "internal_error", content
    results = found["report"]["data"]
    assert "internal_error" not in [one["code"] for one in results], content
    standing: dict[tuple[str, int], int] = {}
    for document, result in zip(read(content), results, strict=True):
        if document.kind is not Kind.SHIP_NOTICE or document.faults:
            continue
        said = document.content
        if result["outcome"] == "applied" and said["purpose"] == "01":
            standing = {key: count for key, count in standing.items() if key[0] != said["reference"]}
            standing[said["reference"], 1] = 0
        elif result["outcome"] == "applied":
            standing[said["reference"], said["shipment"]] = len(said["orders"])
        else:
            standing.setdefault((said["reference"], said["shipment"]), 0)
    for (reference, shipment), orders in standing.items():
        if "\x00" in reference:
            # The database has no text like that.
            assert not orders, content
            continue
        rows = sql(
            "SELECT count(*) AS links FROM pro_links WHERE ship_notice ->> 'sent_by' = $1 "
            "AND ship_notice ->> 'reference' = $2 AND (ship_notice ->> 'shipment')::int = $3",
            by.id,
            reference,
            shipment,
        )
        assert rows[0]["links"] == orders, (reference, content)
    return sum(result["outcome"] == "applied" for result in results)


def all_adds_up(sql: Sql, party: Party) -> None:
    """Each shipment is what its events come to, and each order has an event for each of its versions."""
    states: dict[tuple[str, str], Any] = {
        (row["scac"], row["pro_number"]): row
        for row in sql(
            "SELECT s.* FROM shipment_states s JOIN pro_claims c USING (scac, pro_number) WHERE c.organisation_id = $1",
            party.id,
        )
    }
    events: dict[tuple[str, str], list[TrackedEvent]] = {key: [] for key in states}
    for row in sql("SELECT * FROM tracking_events WHERE reported_by = $1", party.id):
        event = TrackedEvent(TrackingEventType(row["type"]), row["occurred_at"], row["digest"], row["eta"])
        events[row["scac"], row["pro_number"]].append(event)
    assert states, "no status was taken: that proves nothing"
    for key, row in states.items():
        state = state_of(events[key])
        assert (row["events"], row["status"], row["since"], row["eta"]) == (
            len(events[key]),
            state.status,
            state.since,
            state.eta,
        )
    versions = sql(
        "SELECT o.version, count(e.sequence) AS events, max(e.sequence) AS last FROM purchase_orders o "
        "JOIN purchase_order_events e USING (number_key, organisation_id) WHERE o.organisation_id = $1 "
        "GROUP BY o.number_key, o.version",
        party.id,
    )
    assert all(row["version"] == row["events"] == row["last"] for row in versions)
    unlinked = sql(
        "SELECT 1 FROM pro_claims c LEFT JOIN pro_links l USING (scac, pro_number) "
        "LEFT JOIN shipment_states s USING (scac, pro_number) "
        "WHERE c.organisation_id = $1 AND l.scac IS NULL AND s.scac IS NULL AND NOT EXISTS ("
        "SELECT 1 FROM purchase_order_events e WHERE e.organisation_id = $1 AND e.type = 'pro_number.linked' "
        "AND e.data ->> 'pro_number' = c.display)",
        party.id,
    )
    assert unlinked == [], "a PRO number was claimed by a message that was refused"
