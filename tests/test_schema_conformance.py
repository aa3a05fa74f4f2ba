"""Whatever is sent, the service answers as its document says: no fault of its own, nothing that is not declared.

A run is the same each time. CONFORMANCE_EXAMPLES makes it as long as one likes, and each such run a different one.
"""

import asyncio
import itertools
import os
import secrets
from collections.abc import Iterator
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from schemathesis.checks import CheckContext
from schemathesis.core.transport import Response
from schemathesis.specs.openapi import checks as openapi_checks

from app.access import command_line
from app.access.schemas import CreateApiKey
from app.db.migrations import migrate
from app.main import create_app
from app.principal import Scope
from app.settings import Settings
from tests.conftest import serving
from tests.document import closed
from tests.parties import Operator, Party, ahead

EXAMPLES = int(os.environ.get("CONFORMANCE_EXAMPLES", "0"))

schema = schemathesis.openapi.from_dict(
    closed(create_app(Settings.model_validate({"DATABASE_URL": "postgresql://nowhere"})).openapi())
)
schema.config.phases.coverage.enabled = False
schemathesis.serializer.alias("application/edi-x12", "text/plain")

schema.config.generation.update(with_security_parameters=False)

SCAC = "QXZQ"
BEFORE = {
    "activate": ["confirm"],
    "close": ["confirm", "activate"],
    "resume": ["suspend"],
    "reverse": ["confirm", "activate"],
    "put-away": ["confirm", "activate"],
    "activation-requests": ["confirm"],
}

CHECKS = [
    schemathesis.checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_headers_conformance,
    openapi_checks.response_schema_conformance,
]


class Service:
    """A server with a database of its own: what is made here at random must not be in the way of other tests."""

    def __init__(self, url: str, operator: Operator, party: Party) -> None:
        self.url = url
        self.keys = {"operator": operator.key, "party": party.key}
        self.session = requests.Session()
        self._party = party
        self._pro_numbers = itertools.count(10**9)
        number_format = party.post("/v1/number-formats", {"name": "A", "pattern": "AKIN-{serial:6}{check}"})
        self._known = {
            "text": "PO-7K3M9QWX2R",
            "revision": "1",
            "organisation_id": party.id,
            "format_id": number_format.json()["id"],
        }

    def known(self, path: str) -> dict[str, str]:
        """Return what the parameters of a path may be filled with to find things that exist, in a fitting status."""
        # Anew each time: what is tried on policies may have given it one under which orders end within a second.
        self._party.post("/v1/policies", {})
        order = self._party.issue(draft=path.endswith("/issue"))
        asked_for = "activation_request_id" in path
        for action in BEFORE.get("activation-requests" if asked_for else path.rpartition("/")[2], []):
            order = self._party.act(order, action)
        link = {"scac": SCAC, "pro_number": str(next(self._pro_numbers))}
        # Anew each time: what is tried on the carrier itself may have given it a rule that refuses this number.
        self._party.put(f"/v1/carriers/{SCAC}", {"pro_mask": None})
        if order["status"] != "draft":
            linked = self._party.post(f"/v1/purchase-orders/{order['id']}/pro-numbers", link)
            assert linked.is_success, linked.text
        things = {}
        if "tracking_number" in path:
            things["tracking_number"] = f"1Z{link['pro_number']}"
            parcel = {"carrier": "UPS", "tracking_number": things["tracking_number"]}
            assert self._party.post(f"/v1/purchase-orders/{order['id']}/tracking-numbers", parcel).is_success
        if "receipt_id" in path:
            things["receipt_id"] = self._party.act(order, "receive")["receipt"]["id"]
        if asked_for:
            made = self._party.post(f"/v1/purchase-orders/{order['id']}/activation-requests", {"reason": "A"})
            things["activation_request_id"] = made.json()["id"]
        if "support_case_id" in path:
            body = {"number": order["number"], "category": "expired", "description": "A"}
            things["support_case_id"] = self._party.post("/v1/support-cases", body).json()["id"]
        if "/locations/" in path:
            # Anew each time: what is tried on it may have deleted it.
            things["code"] = f"A{next(self._pro_numbers)}"
            hours = {"monday": [{"opens": "06:00", "closes": "14:00"}]}
            calendar = {"time_zone": "Europe/Berlin", "slot_minutes": 60, "capacity": 2, "opening_hours": hours}
            made = self._party.put(f"/v1/locations/{things['code']}/calendar", calendar)
            assert made.status_code == 201, made.text
        if "delivery_booking_id" in path:
            things |= self._booking(path)
        if "webhook_" in path:
            # Anew each time, and an organisation may have so many.
            for one in self._party.get("/v1/webhook-endpoints").json()["data"]:
                assert self._party.http.delete(f"/v1/webhook-endpoints/{one['id']}").is_success
            endpoint = self._party.post("/v1/webhook-endpoints", {"url": "http://127.0.0.1:9/"})
            tried = self._party.post(f"/v1/webhook-endpoints/{endpoint.json()['id']}/test")
            things |= {"webhook_endpoint_id": endpoint.json()["id"], "webhook_delivery_id": tried.json()["id"]}
        key = self._party.post("/v1/api-keys", {"name": "A", "scopes": ["validate"]})
        imported = self._party.post("/v1/imports", {"payload": {"orders": []}})
        things["import_id"] = imported.json()["id"]
        return {**self._known, "api_key_id": key.json()["id"], "number": order["number"], **link, **things}

    def _booking(self, path: str) -> dict[str, str]:
        """Return a booking of the party's own, with two shipments, in a status that fits."""
        orders = [self._party.active()["number"] for _ in range(2)]
        counts = {"scac": "QXZB", "pallets": 1, "cartons": 1, "units": 1}
        shipments = [{**counts, "pro_number": secrets.token_hex(8), "purchase_orders": [order]} for order in orders]
        span = {"start": ahead(minutes=-1), "end": ahead(hours=1)}
        body = {"window": span, "load_type": "palletised", "shipments": shipments}
        made = self._party.post("/v1/delivery-bookings", body)
        assert made.status_code == 201, made.text
        booking = made.json()
        if path.endswith("/complete"):
            assert self._party.post(f"/v1/delivery-bookings/{booking['id']}/arrive").is_success
        return {"delivery_booking_id": booking["booking_number"], "shipment_id": booking["shipments"][1]["id"]}


@pytest.fixture(scope="module")
def service(database_url: str) -> Iterator[Service]:
    parts = urlsplit(database_url)
    name = f"conformance_{secrets.token_hex(4)}"
    own_url = urlunsplit(parts._replace(path=f"/{name}"))

    async def execute(statement: str) -> None:
        connection = await asyncpg.connect(database_url)
        await connection.execute(statement)
        await connection.close()

    asyncio.run(execute(f"CREATE DATABASE {name}"))
    migrate(own_url)
    body = CreateApiKey(name="tests", scopes=list(Scope))
    secret = asyncio.run(command_line.create_key(own_url, body, "Operator", None))
    own = {"DATABASE_URL": own_url, "LOG_LEVEL": "error", "WEBHOOK_INTERNAL_HOSTS": "127.0.0.1"}
    with (
        serving(Settings.model_validate(own)) as url,
        Operator(url, secret) as operator,
        operator.new_party("Party") as party,
    ):
        yield Service(url, operator, party)
    asyncio.run(execute(f"DROP DATABASE {name} WITH (FORCE)"))


def problem_is_declared(_: CheckContext, response: Response, case: schemathesis.Case) -> None:
    """Of the problems that share a status an operation declares those that it has."""
    if response.status_code >= 400:
        answers = case.operation.definition.raw["responses"]
        (media,) = answers[str(response.status_code)]["content"].values()
        code = response.json()["code"]
        assert code in media["examples"], f"{case.operation.label}: {response.status_code} {code}"


a_run = hypothesis_settings(
    max_examples=EXAMPLES or 10,
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def answer_is_declared(case: schemathesis.Case, service: Service, key: str) -> None:
    headers = {"Authorization": f"Bearer {service.keys[key]}"}
    checks = [*CHECKS, problem_is_declared]
    if case.query and case.query.get("wait") in range(2, 31):
        # What the feed would wait for does not come: that it waits is tested elsewhere.
        case.query["wait"] = 1
    case.call_and_validate(base_url=service.url, session=service.session, headers=headers, checks=checks)


@schema.parametrize()
@a_run
def test_whatever_is_sent_is_answered_as_the_document_says(case: schemathesis.Case, service: Service) -> None:
    answer_is_declared(case, service, "operator")


@schema.parametrize()
@a_run
def test_so_is_what_is_sent_about_things_that_exist(case: schemathesis.Case, service: Service) -> None:
    if case.path_parameters:
        known = service.known(case.operation.path)
        case.path_parameters.update({name: quote(known[name], safe="") for name in case.path_parameters})
    if case.headers and "If-Match" in case.headers:
        case.headers["If-Match"] = "*"
    answer_is_declared(case, service, "operator" if "organisations" in case.operation.path else "party")
