"""Damaged files are read or refused, never a fault of the service, and never half an order.

FUZZ_MUTATIONS makes the runs as long as one likes; the full ones are 10,000.
"""

import json
import os
import random
import re
import secrets
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO

from app.exchange.documents import Document, Kind, Unreadable
from app.exchange.readers import documents, form_of
from tests.exchange.files import finished, interchange, start
from tests.parties import Party

MUTATIONS = int(os.environ.get("FUZZ_MUTATIONS", "0"))
SEED = int(os.environ.get("FUZZ_SEED", "850"))

_PARTIES = "N1*SE*Anders & Ko*92*S-1042~N1*ST*Hafenlager 2*UL*4012345000009~N3*Am Kai 4~N4*Hamburg**20457*DE~"
_TERMS = "REF*CO*{reference}~REF*ZZ*4711*cost_center~FOB*PP~ITD*01*3*2**10**30~DTM*037*20400201~DTM*038*20400203~"
_LINES = "".join(f"PO1*{place}*{place}0*EA*4.90**IN*TS-{place}~PID*F****T-shirt {place}~" for place in range(1, 5))


def valid(mark: str) -> list[str]:
    """Valid files, with numbers of their own for each mark."""
    order = f"850|BEG*00*SA*{mark}-1**20360104~CUR*BY*EUR~{_TERMS.format(reference=mark)}{_PARTIES}{_LINES}CTT*4*100~"
    short = f"850|BEG*00*SA*{mark}-2**20360104~PO1*1*2*EA***BP*X~CTT*1~"
    acknowledged = f"855|BAK*00*AD*{mark}-1*20360104~PO1*1*10*EA***IN*TS-1~ACK*IA*10*EA~CTT*1~"
    split = f"855|BAK*00*AE*{mark}-2*20360104~PO1*1*2*EA***BP*X~ACK*IA*1*EA*068*20400201~ACK*IR*1*EA~CTT*1~"
    changed = (
        f"860|BCH*04*SA*{mark}-1**1*20360104~DTM*038*20400209~POC*1*QI*12*12*EA*4.90**IN*TS-1~POC*2*DI*0**EA~"
        "POC*5*AI*7**EA*1.25**IN*D~PID*F****Socks~CTT*3*19~"
    )
    answered = f"865|BCA*00*AC*{mark}-1***20360104~POC*1*QI*12*12*EA~ACK*IB*12*EA*067*20400301~POC*2*DI*0~CTT*2~"
    cancelled = f"860|BCH*01*SA*{mark}-2***20360104~"
    table = "number,seller_name,currency,sku,description,quantity,unit_price\n" + "".join(
        f'{mark}-{place // 3},Anders,EUR,TS-{place},"T-shirt, {place}",{place + 1},4.90\n' for place in range(9)
    )
    item = {"amazonProductIdentifier": "B07", "orderedQuantity": {"amount": 3, "unitOfMeasure": "Eaches"}}
    details = {"sellingParty": {"partyId": "999US"}, "items": [item, item]}
    orders = [{"purchaseOrderNumber": f"{mark}-{place}", "orderDetails": details} for place in range(3)]
    lines = interchange(order, short).replace("~", "~\r\n")
    return [
        interchange(order, short, acknowledged),
        interchange(order, short, acknowledged, split, changed, answered, cancelled),
        interchange(order, changed, answered, changed).replace("~", "~\n"),
        table,
        json.dumps({"payload": {"orders": orders}}),
        lines,
        "\ufeff" + lines,
        interchange(short, isa="ISA*00**00**ZZ*A*ZZ*B*360104*0832*U*00401*1*0*P*>~").replace("*000000001~", "*1~"),
        interchange(order).replace("*", "|").replace("~", "'"),
    ]


def mutated(text: str, chance: random.Random) -> bytes:
    """Return the file with one to three things that happen to files."""
    content = bytearray(text.encode())
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        at = chance.randrange(len(content) + 1)
        between = b"~" if b"~" in content else b"\n" if b"\n" in content else b","
        segments = bytes(content).split(between)
        match chance.randrange(9):
            case 0:
                del content[at : at + chance.randrange(1, 20)]
            case 1:
                content[at:at] = bytes(chance.randrange(256) for _ in range(chance.randrange(1, 4)))
            case 2:
                content[at : at + 1] = bytes([chance.choice(b"*~>^|' \r\n0129AZaz\x00\xff")])
            case 3:
                content = content[:at]
            case 4:
                content[at:at] = content[at : at + chance.randrange(1, 60)]
            case 5:
                content = bytearray(between.join(one for one in segments if chance.random() > 0.05))
            case 6:
                chosen = chance.randrange(len(segments))
                segments.insert(chance.randrange(len(segments)), segments[chosen])
                content = bytearray(between.join(segments))
            case 7:
                one, other = chance.randrange(len(segments)), chance.randrange(len(segments))
                segments[one], segments[other] = segments[other], segments[one]
                content = bytearray(between.join(segments))
            case _:
                content = bytearray(re.sub(rb"(\d+)", lambda found: found[0] + b"0", bytes(content), count=1))
        content = content or bytearray(b"I")
    return bytes(content)


def lines_sent(content: bytes, number: str) -> set[int]:
    """How many lines a file has for an order: counted as plainly as can be, for each of its sets with that number."""
    text = content.decode("utf-8", "replace").replace("\r", "").replace("\n", "")
    found = set()
    for element, terminator in (("*", "~"), ("|", "'")):
        for one in re.split(rf"(?<![^{re.escape(terminator)}])\s*ST{re.escape(element)}", text):
            # What follows the end of a set is none of its lines.
            whole = re.split(rf"{re.escape(terminator)}\s*SE{re.escape(element)}", one)[0]
            if number in whole:
                found.add(len(re.findall(rf"{re.escape(terminator)}\s*PO1{re.escape(element)}", whole)))
    return found


def read(content: bytes) -> list[Document]:
    found: list[Document] = []
    with suppress(Unreadable):
        found.extend(documents(form_of(content), BytesIO(content)))
    return found


def test_a_damaged_file_is_read_or_refused_and_no_order_loses_a_line() -> None:
    chance = random.Random(SEED)
    taken = 0
    for count in range(MUTATIONS or 400):
        mark = f"M{count}X"
        content = mutated(chance.choice(valid(mark)), chance)
        for document in read(content):
            for fault in document.faults:
                assert fault.place
                assert fault.message
            if not document.faults and document.kind is Kind.ORDER and form_of(content).value == "x12":
                taken += 1
                assert document.number is not None
                assert len(document.content.get("lines", [])) in lines_sent(content, document.number), content
    assert taken, "every mutation was refused: that proves nothing"


def test_a_damaged_file_never_makes_the_service_fail_or_take_half_an_order(
    party: Callable[..., Party], sql: Callable[..., list[dict[str, object]]]
) -> None:
    chance = random.Random(SEED + 1)
    parties = [party(f"Fuzz {place}") for place in range(2)]
    taken = 0
    for _ in range(max(1, (MUTATIONS or 40) // 20)):
        started = []
        for place in range(20):
            content = mutated(chance.choice(valid(f"F{secrets.token_hex(4).upper()}")), chance)
            by = parties[place % 2]
            started.append((by, start(by, content), content))
        taken += sum(orders_taken(sql, *one) for one in started)
    assert taken


def orders_taken(sql: Callable[..., list[dict[str, object]]], by: Party, import_id: str, content: bytes) -> int:
    """Wait for an import, and return how many orders it made: each of them whole."""
    found = finished(by, import_id, 600, outcome=["created", "refused"], limit=200)
    assert found["status"] == "finished" or found["fault"]["code"] != "internal_error", content
    results = found["report"]["data"]
    assert "internal_error" not in [one["code"] for one in results], content
    created = [result["number"] for result in results if result["outcome"] == "created"]
    for number in created:
        lines = sql(
            "SELECT count(l.line) AS lines FROM purchase_orders o LEFT JOIN purchase_order_lines l "
            "ON (l.number_key, l.organisation_id, l.revision) = (o.number_key, o.organisation_id, 1) "
            "WHERE o.organisation_id = $1 AND o.number = $2",
            by.id,
            number,
        )
        assert found["format"] != "x12" or lines[0]["lines"] in lines_sent(content, number), content
    return len(created)
