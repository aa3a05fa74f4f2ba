"""Files that were made to do harm are refused in words: no fault of the service, no other's data, no endless work.

IMPORT_ATTACKS makes them as large as an upload may be; the sizes here are CI's.
"""

import gzip
import os
import secrets
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.exchange.files import counts, finished, imported, interchange, start
from tests.parties import Party

MEGABYTES = 49 if os.environ.get("IMPORT_ATTACKS") else 2
ENVELOPES = 5_000 if os.environ.get("IMPORT_ATTACKS") else 300
IMPORTS = 1_000 if os.environ.get("IMPORT_ATTACKS") else 60

HEAD = "number,sku,quantity\n"
ISA = "ISA*00*          *00*          *ZZ*A              *ZZ*B              *360104*0832*U*00401*000000001*0*P*>~"


def sized(begin: str, filling: str, end: str) -> str:
    return begin + filling * (MEGABYTES * 1024 * 1024 // len(filling)) + end


def order(number: str, content: str) -> str:
    return f'{{"purchaseOrderNumber": "{number}", "orderDetails": {content}}}'


HARMFUL: dict[str, tuple[Callable[[], str | bytes], set[str]]] = {
    "10,000 columns": (lambda: "number," + ",".join(f"metadata.k{n}" for n in range(10_000)) + "\nA1\n", {"invalid"}),
    "a header of one column many times": (lambda: "number" + ",sku" * 10_000 + "\nA1\n", {"csv_header"}),
    "a quoted cell of megabytes": (lambda: sized(HEAD + 'A1,"', "x" * 99 + "\n", '",1\n'), {"csv_syntax", "too_long"}),
    "a line of megabytes": (lambda: sized(HEAD + "A1,", "x" * 100, ",1\n"), {"line_too_long"}),
    "quotes without end": (lambda: sized(HEAD, '"' * 99 + "\n", ""), {"csv_syntax", "invalid", "unidentified"}),
    "rows of one order without end": (lambda: sized(HEAD, "A1,X,1\n", ""), {"invalid", "too_long"}),
    "NUL in a cell": (lambda: HEAD + "A1,X\x00Y,1\n", {"invalid", "csv_syntax"}),
    "NULs alone": (lambda: b"\x00" * 100_000, {"encoding"}),
    "UTF-16": (lambda: (HEAD + "A1,X,1\n").encode("utf-16"), {"encoding"}),
    "UTF-16 without a mark": (lambda: (HEAD + "A1,X,1\n").encode("utf-16-le"), {"encoding"}),
    "a ZIP": (lambda: b"PK\x03\x04" + b"\xff" * 1000, {"packed"}),
    "JSON levels without end": (lambda: '{"payload": {"orders": [' + "[" * 100_000, {"json_depth"}),
    "JSON objects without end": (lambda: '{"payload":' * 100_000, {"json_depth"}),
    "a JSON number of 10^5 digits": (
        lambda: (
            '{"payload": {"orders": ['
            + order("N1", '{"items": [{"orderedQuantity": {"amount": ' + "9" * 100_000 + "}}]}")
            + "]}}"
        ),
        {"json_number"},
    ),
    "a JSON number of a great exponent": (
        lambda: (
            '{"payload": {"orders": ['
            + order("N1", '{"items": [{"orderedQuantity": {"amount": 1e999999999}}]}')
            + "]}}"
        ),
        {"invalid", "json_syntax"},
    ),
    "a JSON order of megabytes": (
        lambda: sized('{"payload": {"orders": [{"purchaseOrderNumber": "', "x" * 1000, '"}]}}'),
        {"too_long", "invalid", "json_syntax"},
    ),
    "JSON in a cell, deep": (lambda: 'number,references\nA1,"' + "[" * 50_000 + '"\n', {"json", "invalid"}),
    "a segment of a megabyte": (
        lambda: interchange("850|BEG*00*SA*S1**20360104~PER*BD*" + "x" * 1_000_000 + "~"),
        {"invalid"},
    ),
    "a segment without end": (
        lambda: sized(ISA + "GS*PO*A*B*20360104*0832*1*X*004010~ST*850*0001~BEG*", "x" * 100, ""),
        {"x12_segment"},
    ),
    "an ISA without end": (lambda: sized("ISA", "*x", ""), {"x12_isa"}),
    "a set without end": (
        lambda: sized(ISA + "GS*PO*A*B*20360104*0832*1*X*004010~ST*850*0001~", "REF*DP*1~", ""),
        {"invalid", "x12_trailer"},
    ),
    "delimiters from the text": (lambda: ISA.replace("*P*>~", "*P*AB") + "GSAB", {"x12_isa"}),
    "a delimiter twice": (lambda: ISA.replace("*P*>~", "*P**~"), {"x12_isa"}),
}


@pytest.mark.parametrize("name", HARMFUL)
def test_a_file_that_was_made_to_do_harm_is_refused_in_words(name: str, hostile: Party) -> None:
    made, codes = HARMFUL[name]
    before = time.monotonic()
    found = imported(hostile, made())
    told = {one["code"] for one in found["report"]["data"]}
    told |= {error["code"] for one in found["report"]["data"] for error in one["errors"]}
    told |= set() if found["fault"] is None else {found["fault"]["code"]}
    assert "internal_error" not in told
    assert told & codes, (found["fault"], found["report"]["data"][:2])
    assert found["created"] == 0
    assert time.monotonic() - before < 60


@pytest.fixture(scope="module")
def hostile(operator: Any) -> Party:
    made: Party = operator.new_party("Hostile")
    return made


def test_many_interchanges_of_a_file_are_read_each_for_itself(buyer: Party) -> None:
    mark = secrets.token_hex(3)
    file = "".join(interchange(f"850|BEG*00*SA*E{n}-{mark}**20360104~") for n in range(ENVELOPES))
    assert counts(finished(buyer, start(buyer, file), 300)) == {"created": ENVELOPES}


def test_a_member_that_stands_twice_counts_once_and_never_both(buyer: Party) -> None:
    number = f"D-{secrets.token_hex(3)}"
    twice = f'{{"purchaseOrderNumber": "X", "purchaseOrderNumber": "{number}", "orderDetails": {{}}}}'
    assert counts(imported(buyer, f'{{"payload": {{"orders": [{twice}]}}}}')) == {"created": 1}
    assert buyer.get(f"/v1/purchase-orders/{number}").status_code == 200
    assert buyer.get("/v1/purchase-orders/X").status_code == 404


def test_an_organisation_that_sends_files_without_end_is_held_back(party: Callable[..., Party]) -> None:
    by = party("Flood")
    rows = HEAD + "".join(f"F{n},X,1\n" for n in range(700))
    ids = [start(by, rows)]
    held_back = 0
    for n in range(IMPORTS - 1):
        answer = by.http.post("/v1/imports", content=f"{HEAD}G{n},X,1\n")
        assert answer.status_code in {202, 409}, answer.text
        held_back += answer.status_code == 409
        if answer.status_code == 202:
            ids.append(answer.json()["id"])
    assert held_back
    assert all(finished(by, one, 300)["status"] == "finished" for one in ids)


def test_an_import_goes_on_or_stops_but_never_fails_when_its_key_is_revoked(
    buyer: Party, sql: Callable[..., list[dict[str, Any]]]
) -> None:
    made = buyer.post("/v1/api-keys", {"name": "short", "scopes": ["orders:write"]}).json()
    rows = HEAD + "".join(f"K{n},X,1\n" for n in range(700))
    headers = {"Authorization": f"Bearer {made['key']}"}
    answer = httpx.post(f"{buyer.base_url}/v1/imports", content=rows, headers=headers)
    assert answer.status_code == 202, answer.text
    assert buyer.post(f"/v1/api-keys/{made['id']}/revoke").status_code == 200
    found = finished(buyer, answer.json()["id"])
    # What was accepted under a key is done: who wants it stopped, stops the key before.
    assert found["status"] == "finished"
    assert counts(found) == {"created": 700}


def test_a_body_that_is_packed_is_told_so(buyer: Party) -> None:
    packed = gzip.compress((HEAD + "A1,X,1\n").encode())
    answer = buyer.http.post("/v1/imports", content=packed, headers={"Content-Encoding": "gzip"})
    found = finished(buyer, answer.json()["id"])
    assert (found["status"], found["fault"]["code"]) == ("failed", "packed")
