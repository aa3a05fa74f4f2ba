"""The hot lane and the way of FastAPI: the same requests by both get the same answers, and are counted alike."""

import http.client
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from app.http.lean_protocol import LeanRequest
from app.settings import Settings
from app.telemetry import REQUEST_LOG, REQUESTS
from tests.command import until
from tests.conftest import serving
from tests.parties import Operator, Party, ahead

VALIDATIONS = "/v1/validations"

ORDERS = "/v1/purchase-orders"

_MADE_ANEW = {"id", "checked_at", "number", "issued_at", "created_at", "updated_at", "sent_at"}


@dataclass(frozen=True)
class Sent:
    """A request; `by_lane`: whether the lane answers it, or leaves it to FastAPI."""

    method: str
    path: str
    body: bytes | str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    by_lane: bool = False


@dataclass(frozen=True)
class Came:
    """What came back, without what is made anew for each request."""

    status: int
    headers: dict[str, str]
    body: Any
    logged: dict[str, Any]


class TwoWays:
    """One service, asked by both ways; `taken` counts what the lane has answered."""

    def __init__(self, by_lane: str, by_fastapi: str) -> None:
        self.by_lane, self.by_fastapi = by_lane, by_fastapi
        self.taken = 0
        self.log: list[dict[str, Any]] = []

    def ask(self, sent: Sent, key: str | None) -> Came:
        """Return what both ways answer, which is the same."""
        expected, asked_of = self._ask(self.by_fastapi, sent, key), self.taken
        for _ in range(5):
            # The lane takes keys that were looked up within the last second.
            self._ask(self.by_lane, Sent("GET", f"{VALIDATIONS}/none"), key)
            asked_of = self.taken
            came = self._ask(self.by_lane, sent, key)
            if (self.taken > asked_of) is sent.by_lane:
                break
        assert (self.taken > asked_of) is sent.by_lane, f"{sent} by the lane: {self.taken > asked_of}"
        assert came == expected
        return came

    def _ask(self, url: str, sent: Sent, key: str | None) -> Came:
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
        keys = {} if key is None else {"Authorization": f"Bearer {key}"}
        before = _answered()
        try:
            connection.request(sent.method, sent.path, sent.body, {**keys, **sent.headers})
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        headers = {name.lower(): _masked(name.lower(), value, sent) for name, value in answer.getheaders()}
        body = _without(json.loads(content)) if content else None
        line = self._logged(str(answer.getheader("x-request-id")))
        labels = (line["operation"], line["method"] if line["operation"] != "none" else "any", str(answer.status))
        assert _answered()[labels] > before.get(labels, 0)
        return Came(answer.status, headers, body, line)

    def _logged(self, request_id: str) -> dict[str, Any]:
        """Return the line of a request, which is written once its answer is on its way."""

        def lines() -> list[dict[str, Any]]:
            return [line for line in self.log if line["request_id"] == request_id]

        until(lines)
        (line,) = lines()
        self.log.clear()
        return {name: value for name, value in line.items() if name not in {"request_id", "milliseconds"}}


def _answered() -> dict[tuple[str, str, str], float]:
    return {
        (sample.labels["operation"], sample.labels["method"], sample.labels["status"]): sample.value
        for metric in REQUESTS.collect()
        for sample in metric.samples
        if sample.name == "po_registry_requests_total"
    }


def _masked(name: str, value: str, sent: Sent) -> str:
    if name in {"date", "location"} or (name == "x-request-id" and value not in sent.headers.values()):
        return "made anew"
    # Seconds, and what a look-up leaves.
    return re.sub(r"(?<=[tr]=)\d+", "n", value) if name == "ratelimit" else value


def _without(body: Any) -> Any:
    return {name: "made anew" if name in _MADE_ANEW and value else value for name, value in body.items()}


@pytest.fixture(scope="module")
def both(database_url: str) -> Iterator[TwoWays]:
    limits = {"LOOK_UPS_PER_HOUR": 10**9, "LOOK_UPS_PER_HOUR_AT_A_GATE": 10**9, "DATABASE_TIMEOUT": 5}
    settings = Settings.model_validate(
        {"DATABASE_URL": database_url, "LOG_LEVEL": "error", "BACKGROUND_WORK": "false", **limits}
    )
    first, second = serving(settings), serving(settings, lane=False)
    with first as lane, second as fastapi, pytest.MonkeyPatch.context() as patch:
        ways = TwoWays(lane, fastapi)
        # For `Allow`; it takes seconds to build, and is the same for both.
        second.application.openapi_schema = first.application.openapi()
        answer = LeanRequest.answer

        def counted(self: LeanRequest, *arguments: Any) -> None:
            ways.taken += 1
            answer(self, *arguments)

        patch.setattr(LeanRequest, "answer", counted)
        patch.setattr(REQUEST_LOG, "note", lambda **line: ways.log.append(line))
        yield ways


def get(path: str, *, by_lane: bool = False, **headers: str) -> Sent:
    return Sent(
        "GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()}, by_lane=by_lane
    )


def post(path: str, body: Any, *, by_lane: bool = False, **headers: str) -> Sent:
    given = {"Content-Type": "application/json"} | {name.replace("_", "-"): text for name, text in headers.items()}
    return Sent("POST", path, body if isinstance(body, bytes) else json.dumps(body), given, by_lane)


@pytest.mark.parametrize("whose", ["buyer", "seller", "warehouse", "forwarder", "stranger"])
def test_a_number_is_answered_alike_to_whoever_asks(
    both: TwoWays,
    request: pytest.FixtureRequest,
    buyer: Party,
    seller: Party,
    warehouse: Party,
    forwarder: Party,
    whose: str,
) -> None:
    line = {"sku": "A-1", "quantity": "12", "unit_price": "4.90", "tax": {"type": "VAT", "rate": "19"}}
    order = buyer.active(
        currency="EUR",
        lines=[line, {"gtin": "4006381333931", "quantity": "0.5", "unit": "KGM"}],
        seller={"organisation_id": seller.id, "code": "S-1", "address": {"city": "Hamburg"}},
        ship_to={"organisation_id": warehouse.id, "gln": "4012345000009"},
        forwarders=[{"organisation_id": forwarder.id}],
        references=[{"type": "project", "value": "P 17"}],
        expires_at=ahead(days=9),
        delivery_window={"start": ahead(days=1), "end": ahead(days=2)},
        metadata={"colour": "blue"},
    )
    party: Party = request.getfixturevalue(whose)
    came = both.ask(get(f"{VALIDATIONS}/{order['number']}", by_lane=True), party.key)
    assert came.body["verdict"] == "accept"
    assert (came.body["order"] is None) is (whose == "stranger")
    both.ask(post(VALIDATIONS, {"input": order["number"]}, by_lane=True), party.key)
    both.ask(post(VALIDATIONS, {"input": "p 17"}, by_lane=whose != "stranger"), party.key)


def test_every_verdict_is_answered_alike(both: TwoWays, buyer: Party, warehouse: Party, operator: Operator) -> None:
    lines = [{"sku": "A", "quantity": "2"}]
    orders = [
        buyer.issue(lines=lines),
        buyer.issue(draft=True),
        buyer.active(lines=lines, valid_from=ahead(days=3), expires_at=ahead(days=4)),
        buyer.act(buyer.active(), "suspend", reason="Prices."),
        buyer.act(buyer.issue(), "cancel", reason="Twice."),
        buyer.act(buyer.active(lines=lines), "receive", dock="7"),
    ]
    for order in orders:
        for party in (buyer, warehouse):
            came = both.ask(get(f"{VALIDATIONS}/{order['number'].lower()}", by_lane=True), party.key)
            assert came.body["refusals"]
    twice = "TW" + orders[0]["id"][-8:].upper()
    with operator.new_party("Another") as another:
        for owner in (buyer, another):
            owner.issue(number=twice)
        assert both.ask(get(f"{VALIDATIONS}/{twice}", by_lane=True), warehouse.key).body["verdict"] == "hold"
        asked = {"input": twice, "buyer": another.id, "at": ahead(days=1), "delivery": {"pro_number": "1", "dock": "7"}}
        both.ask(post(VALIDATIONS, asked, by_lane=True), warehouse.key)


PATHS = [
    *("unknown-12345", "a%2Fb", "%00", "a%20b", "a%0A", "%C3%A4", "%", "x/", "a/b", "/", "", ".", "batch", "x?buyer=1"),
    *("x?at=now", "x?nope=1", "x?", "x#y", "PO%2D1", "a" * 65, "a" * 5000),
]


@pytest.mark.parametrize("path", PATHS)
def test_odd_paths_are_answered_alike(both: TwoWays, buyer: Party, path: str) -> None:
    both.ask(get(f"{VALIDATIONS}/{path}"), buyer.key)


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "POST"])
def test_other_methods_are_answered_alike(both: TwoWays, buyer: Party, method: str) -> None:
    for path in (VALIDATIONS, f"{VALIDATIONS}/X-1", f"{VALIDATIONS}/"):
        both.ask(Sent(method, path), buyer.key)


BODIES: list[tuple[Any, dict[str, str]]] = [
    *((body, {}) for body in (b"", b"{", b"null", b"[]", b"1", b"\xff", b'{"input": NaN}', b'{"input": "\\ud800"}')),
    *((body, {}) for body in (b"[" * 100_000, b'{"input": ' + b"1" * 5000 + b"}", '{"input": "x"}'.encode("utf-16"))),
    *((body, {}) for body in ({}, {"input": 5}, {"input": "x", "nope": 1}, {"input": "x" * 4097}, {"input": None})),
    *(
        (body, {})
        for body in ({"input": "x", "at": "now"}, {"input": "x", "buyer": "y"}, {"input": "x", "delivery": 1})
    ),
    ({"input": "x", "receive": {}, "at": "2036-01-01T00:00:00Z"}, {}),
    (b'{"input": "' + b"x" * 1_048_576 + b'"}', {}),
    ({"input": "none"}, {"Content-Type": "text/plain"}),
    ({"input": "none"}, {"Content-Type": "application/json; charset=utf-8"}),
    ({"input": "none"}, {"Content-Type": "application/problem+json"}),
    ({"input": "none"}, {"Expect": "100-continue"}),
    ({"input": "none"}, {"Connection": "close"}),
]


@pytest.mark.parametrize(("body", "headers"), BODIES, ids=range(len(BODIES)))
def test_bodies_that_do_not_fit_are_answered_alike(
    both: TwoWays, buyer: Party, body: Any, headers: dict[str, str]
) -> None:
    sent = post(VALIDATIONS, body)
    both.ask(Sent(sent.method, sent.path, sent.body, {**sent.headers, **headers}), buyer.key)


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer x", "Basic abc", "bearer {key}", "Bearer  {key}", "Bearer {key} "]
)
def test_keys_are_looked_at_alike(both: TwoWays, buyer: Party, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization.format(key=buyer.key)}
    for sent in (get(f"{VALIDATIONS}/none"), post(VALIDATIONS, {"input": "none"})):
        both.ask(Sent(sent.method, sent.path, sent.body, {**sent.headers, **headers}), None)


def test_a_key_without_the_scope_is_refused_alike(both: TwoWays, buyer: Party) -> None:
    number, key = buyer.active()["number"], buyer.key_with("orders:read")
    for sent in (get(f"{VALIDATIONS}/{number}"), post(VALIDATIONS, {"input": number})):
        assert both.ask(sent, key).status == 403


@pytest.mark.parametrize("given", ["mine-1", "bad id", "", "x" * 129, "ümlaut"])
def test_a_request_id_is_taken_or_made_alike(both: TwoWays, buyer: Party, given: str) -> None:
    path = f"{VALIDATIONS}/{buyer.active()['number']}"
    came = both.ask(get(path, by_lane=True, X_Request_ID=given.encode().decode("latin-1")), buyer.key)
    assert came.headers["x-request-id"] == (given if given == "mine-1" else "made anew")


def test_what_does_not_matter_to_a_question_is_ignored_alike(both: TwoWays, buyer: Party) -> None:
    path = f"{VALIDATIONS}/{buyer.active()['number']}"
    for headers in (
        {"If_Match": '"1"'},
        {"If_None_Match": "*"},
        {"Accept": "text/html"},
        {"Idempotency_Key": "ä" * 300},
    ):
        sent = {name: value.encode().decode("latin-1") for name, value in headers.items()}
        assert both.ask(get(path, by_lane=True, **sent), buyer.key).status == 200


@pytest.mark.parametrize(
    ("prefer", "by_lane"),
    [
        ("return=minimal", True),
        ("Return=minimal, wait=1", False),
        ("return=representation", False),
        ("x" * 2_000, False),
    ],
)
def test_an_order_is_left_out_alike_for_who_prefers_it_so(
    both: TwoWays, buyer: Party, warehouse: Party, prefer: str, by_lane: bool
) -> None:
    number = buyer.active(ship_to={"organisation_id": warehouse.id}, lines=[{"sku": "A", "quantity": "2"}])["number"]
    for sent in (
        get(f"{VALIDATIONS}/{number}", by_lane=by_lane, Prefer=prefer),
        post(VALIDATIONS, {"input": number}, by_lane=by_lane, Prefer=prefer),
    ):
        came = both.ask(sent, warehouse.key)
        assert (came.body["order"] is None) is ("minimal" in prefer)
        assert came.headers.get("preference-applied") == ("return=minimal" if "minimal" in prefer else None)


FULL = {
    "currency": "JPY",
    "lines": [{"sku": "A", "quantity": 1.5, "unit_price": "3"}, {"gtin": "4006381333931", "quantity": "2"}],
    "seller": {"name": "Anders & Ko \u00fc", "address": {"city": "K\u00f8benhavn", "country": "DK"}},
    "forwarders": [{"code": "F"}],
    "references": [{"type": "project", "value": "P 17"}],
    "delivery_window": {"start": "2036-03-01T00:00:00Z", "end": "2036-03-02T01:00:00+01:00"},
    "expires_at": "2036-06-30T22:00:00.500Z",
    "metadata": {"colour": "blue"},
    "sent_via": "EDI 850",
}


@pytest.mark.parametrize("body", [{}, FULL, {"draft": True}, {"category": "C", "payment_methods": ["wire"]}])
def test_an_order_is_issued_alike(both: TwoWays, buyer: Party, body: dict[str, Any]) -> None:
    came = both.ask(post(ORDERS, body, by_lane=True), buyer.key)
    assert came.status == 201
    assert came.headers["location"] == "made anew"


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", b"null", {"nope": 1}, {"lines": [{"sku": "A"}]}, {"lines": "x"}, {"number": "\u00e4"}),
        *({"currency": "XXQ"}, {"lines": [{"sku": "A", "quantity": "0"}]}, {"seller": {}}, {"metadata": {"a": 1}}),
        b'{"requested_by": "' + b"x" * 1_048_576 + b'"}',
    ],
    ids=range(13),
)
def test_orders_that_do_not_fit_are_refused_alike(both: TwoWays, buyer: Party, body: Any) -> None:
    assert both.ask(post(ORDERS, body, by_lane=body == {"number": "\u00e4"}), buyer.key).status in {201, 400, 413, 422}


def test_what_only_the_database_can_tell_is_refused_alike(both: TwoWays, buyer: Party) -> None:
    buyer.issue(reference="R-1")
    buyer.issue(number="TAKEN-1")
    refused = {
        "duplicate_reference": {"reference": "R-1"},
        "duplicate_number": {"number": "taken 1"},
        "reserved_number": {"number": buyer.issue()["number"]},
        "unknown_number_format": {"format_id": buyer.id},
        "invalid_request": {"expires_at": "2020-01-01T00:00:00Z", "seller": {"organisation_id": buyer.id[::-1]}},
    }
    for code, body in refused.items():
        by_lane = code != "invalid_request"
        assert both.ask(post(ORDERS, body, by_lane=by_lane), buyer.key).body["code"] == code
    past = {"expires_at": "2020-01-01T00:00:00Z"}
    assert both.ask(post(ORDERS, past, by_lane=True), buyer.key).body["code"] == "invalid_request"
    assert both.ask(post(ORDERS, {}), buyer.key_with("orders:read")).status == 403


@pytest.mark.parametrize("first", ["lane", "fastapi"])
def test_a_repetition_gets_the_same_answer_by_either_way(both: TwoWays, buyer: Party, first: str) -> None:
    urls = [both.by_lane, both.by_fastapi] if first == "lane" else [both.by_fastapi, both.by_lane]
    sent = {"Authorization": f"Bearer {buyer.key}", "Idempotency-Key": f"key-{first}"}
    with httpx.Client(headers=sent, timeout=60) as client:
        client.get(f"{both.by_lane}{VALIDATIONS}/none")
        made = client.post(f"{urls[0]}{ORDERS}", json=FULL)
        assert made.status_code == 201
        for url in urls * 2:
            again = client.post(f"{url}{ORDERS}", json=FULL)
            assert (again.status_code, again.content) == (201, made.content)
            assert again.headers["idempotency-replayed"] == "true"
            assert [again.headers[name] for name in ("etag", "location")] == [
                made.headers[name] for name in ("etag", "location")
            ]
            other = client.post(f"{url}{ORDERS}", json={})
            assert other.json()["code"] == "idempotency_key_reused"
            quoted = client.post(f"{url}{ORDERS}", json=FULL, headers={"Idempotency-Key": f'"key-{first}"'})
            assert quoted.content == made.content


@pytest.mark.parametrize("key", ["", "x" * 256, '"', "a b", '"quoted"'])
def test_keys_of_other_forms_are_taken_or_refused_alike(both: TwoWays, operator: Operator, key: str) -> None:
    for url in (both.by_lane, both.by_fastapi):
        with operator.new_party("Another") as buyer:
            sent = {"Authorization": f"Bearer {buyer.key}", "Idempotency-Key": key}
            answer = httpx.post(f"{url}{ORDERS}", json={}, headers=sent, timeout=60)
            assert answer.status_code == (201 if key in {"a b", '"quoted"'} else 400)
