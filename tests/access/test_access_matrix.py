"""Who may do what, tried out: every operation of the running server, with every kind of key and every relation.

The operations come from the server's own document, the requests from its examples and the expectations from the one
table in `app.principal`. An operation that the table lacks, or whose request cannot be made from its own description,
fails here.
"""

import re
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from app.main import create_app
from app.principal import NAMED, OPERATIONS, Relation, Scope
from app.settings import Settings
from tests.document import Operation, examples, operations
from tests.parties import EVERY_SCOPE, Operator, Party, ahead

APPLICATION = create_app(Settings.model_validate({"DATABASE_URL": "postgresql://nowhere"}))
DOCUMENT = APPLICATION.openapi()
ALL = operations(DOCUMENT)
ON_AN_ORDER = [
    operation
    for operation in ALL
    if {"number", "pro_number", "receipt_id", "activation_request_id", "support_case_id"}
    & operation.parameters("path").keys()
    # The operator's own opens no order.
    and OPERATIONS[operation.id].scopes != {Scope.ADMIN}
]
NUMBER_IN_BODY = {"open_support_case", "book_delivery"}
OWN_THINGS = {
    "format_id": "/v1/number-formats",
    "api_key_id": "/v1/api-keys",
    "import_id": "/v1/imports",
    "code": "/v1/locations",
    "webhook_endpoint_id": "/v1/webhook-endpoints",
    "webhook_delivery_id": "/v1/webhook-endpoints",
    "delivery_booking_id": "/v1/delivery-bookings",
    "shipment_id": "/v1/delivery-bookings",
}
SCAC = "QXZQ"
MAKES_ITS_OWN = {"put_location_calendar"}
RECEIVING = {"receive_purchase_order", "reverse_receipt", "put_away_receipt"}
ACTIVATION = {name for name in OPERATIONS if "activation" in name}
CONFLICTS = {"invalid_transition", "prefix_taken", "support_case_not_resolved"}
"""Allowed, but not in the state that things are in; what stands in the way is not who is asking."""

PREFIXES: dict[str, str] = {}
"""Of the formats that were made, by their id: a version keeps its format's."""

OF_BOOKINGS: dict[str, dict[str, Any]] = {}
"""What the bodies of operations say of the booking that was made for them last."""

HTTP = httpx.Client(timeout=30)

each_operation = pytest.mark.parametrize("operation", ALL, ids=lambda operation: operation.id)
each_relation = pytest.mark.parametrize("relation", list(Relation))


class World:
    """The parties of an order, their keys, and what paths and bodies of requests are filled with."""

    def __init__(self, operator: Operator) -> None:
        self.operator = operator
        self.parties = {
            relation: operator.new_party(str(relation)) for relation in (*sorted(NAMED), Relation.PRESENTER)
        }
        for party in (operator, *self.parties.values()):
            assert party.put(f"/v1/carriers/{SCAC}", {"name": "A carrier of its own"}).status_code in {200, 201}

    def close(self) -> None:
        for party in self.parties.values():
            party.close()

    def thing(self, name: str, of: Party) -> str:
        """Return the id of something that belongs to a party: what the path parameter `name` asks for."""
        if name == "code":
            code = secrets.token_hex(8)
            hours = {"time_zone": "UTC", "slot_minutes": 60, "capacity": 1, "opening_hours": {}}
            assert of.put(f"{OWN_THINGS[name]}/{code}/calendar", hours).status_code == 201
            return code
        if name == "format_id":
            prefix = "".join(secrets.choice("ABCDEFGHJK") for _ in range(10))
            made = of.post(OWN_THINGS[name], {"name": "matrix", "pattern": f"{prefix}-{{serial:4}}"})
            PREFIXES[made.json()["id"]] = prefix
        elif name.startswith("webhook_"):
            # An organisation may have so many, and here is one made for each operation.
            for one in of.get(OWN_THINGS[name]).json()["data"]:
                assert of.http.delete(f"{OWN_THINGS[name]}/{one['id']}").is_success
            made = of.post(OWN_THINGS[name], {"url": "http://127.0.0.1:9/"})
            assert made.is_success, made.text
            if name == "webhook_delivery_id":
                made = of.post(f"{OWN_THINGS[name]}/{made.json()['id']}/test")
        elif name == "import_id":
            made = of.post(OWN_THINGS[name], {"payload": {"orders": []}})
        else:
            body = {"name": "matrix", "scopes": ["validate"], "organisation_id": of.id}
            made = self.operator.post(OWN_THINGS[name], body)
        assert made.is_success, made.text
        return str(made.json()["id"])

    def booking(self, of: Party, operation: Operation) -> dict[str, Any]:
        """Return a booking of a party's at its own gate, in a status that the operation takes."""
        more_than_one = operation.id in {"add_delivery_booking_shipment", "remove_delivery_booking_shipment"}
        numbers = [of.active()["number"] for _ in range(2 if more_than_one else 1)]
        # Not the carrier on which operations are tried: its rule changes.
        counts = {"scac": "QXZB", "pallets": 1, "cartons": 1, "units": 1}
        shipments = [{**counts, "pro_number": secrets.token_hex(8), "purchase_orders": [one]} for one in numbers]
        if operation.id == "add_delivery_booking_shipment":
            del shipments[1]
        span = {"start": ahead(minutes=-1), "end": ahead(hours=1)}
        body = {"window": span, "load_type": "palletised", "shipments": shipments}
        made = of.post(OWN_THINGS["delivery_booking_id"], body)
        assert made.is_success, made.text
        booking: dict[str, Any] = made.json()
        if operation.id == "complete_delivery_booking":
            assert of.post(f"{OWN_THINGS['delivery_booking_id']}/{booking['id']}/arrive").is_success
        more = {"purchase_orders": numbers[1:], "pro_number": secrets.token_hex(8), "bol": None, "scac": "QXZB"}
        OF_BOOKINGS["add_delivery_booking_shipment"] = more
        OF_BOOKINGS["arrive_vehicle"] = {"input": booking["booking_number"], "trailer_number": None}
        OF_BOOKINGS["arrive_delivery_booking"] = {"trailer_number": None}
        OF_BOOKINGS["confirm_delivery_booking"] = {"appointment_number": None}
        return booking

    def order(self, relation: Relation | None, operation: Operation) -> dict[str, str]:
        """Return an order to which a party has the relation, with a PRO number that is linked to it."""
        parties = {
            str(name): {"organisation_id": self.parties[name].id} for name in (Relation.SELLER, Relation.SHIP_TO)
        }
        # While an order names no forwarder, any presenter may ship it; so those who forward need one and others none.
        forwarders = [{"organisation_id": self.parties[Relation.FORWARDER].id}]
        named = {**parties, "forwarders": forwarders if relation is Relation.FORWARDER else []}
        owner = self.parties[Relation.OWNER]
        if operation.id in RECEIVING or operation.id == "book_delivery":
            order = owner.active(**named, lines=[{"sku": "TS-0042-L", "quantity": "240"}])
        else:
            order = owner.issue(**named)
        if operation.id in ACTIVATION:
            owner.act(order, "confirm")
        link = {"scac": SCAC, "pro_number": str(secrets.randbelow(10**9) + 10**9)}
        # A presenter takes off what it has linked itself, and no more.
        shipping = OPERATIONS["link_pro_number"].relations & OPERATIONS[operation.id].relations
        linker = self.parties[relation] if relation in shipping and relation is not None else owner
        linked = linker.post(f"/v1/purchase-orders/{order['number']}/pro-numbers", link)
        assert linked.status_code == 201, linked.text
        parcel = {"tracking_number": f"1Z{link['pro_number']}"}
        if "tracking_number" in operation.parameters("path"):
            body = {"carrier": "UPS", **parcel}
            linked = linker.post(f"/v1/purchase-orders/{order['number']}/tracking-numbers", body)
            assert linked.status_code == 201, linked.text
        receipt = {"receipt_id": NOBODYS_ORDER["receipt_id"]}
        if "receipt_id" in operation.parameters("path"):
            receipt = {"receipt_id": owner.act(order, "receive")["receipt"]["id"]}
        return {
            "id": order["id"],
            "number": order["number"],
            **link,
            **parcel,
            **receipt,
            "activation_request_id": self.activation_request(relation, operation, order),
            "support_case_id": self.support_case(relation, operation, order),
        }

    def given_up(self) -> str:
        """Return a PRO number that is claimed and on no order."""
        owner, number = self.parties[Relation.OWNER], str(secrets.randbelow(10**9) + 10**9)
        path = f"/v1/purchase-orders/{owner.issue()['number']}/pro-numbers"
        assert owner.post(path, {"scac": SCAC, "pro_number": number}).status_code == 201
        assert owner.post(f"{path}/{SCAC}/{number}/unlink").status_code == 200
        return number

    def activation_request(self, relation: Relation | None, operation: Operation, order: dict[str, str]) -> str:
        """Return the id of a request that the caller may see, where it may do anything with one at all."""
        if "activation_request_id" not in operation.parameters("path"):
            return NOBODYS_ORDER["activation_request_id"]
        sees = relation is not None and relation in NAMED | OPERATIONS[operation.id].relations
        applicant = self.parties[relation if relation is not None and sees else Relation.OWNER]
        path = f"/v1/purchase-orders/{order['number']}/activation-requests"
        made = applicant.post(path, {"reason": "matrix"})
        assert made.status_code == 201, made.text
        return str(made.json()["id"])

    def support_case(self, relation: Relation | None, operation: Operation, order: dict[str, str]) -> str:
        """Return the id of a case that the caller has opened, where it may do anything with one at all."""
        if "support_case_id" not in operation.parameters("path"):
            return NOBODYS_ORDER["support_case_id"]
        sees = relation is not None and relation in NAMED | OPERATIONS[operation.id].relations
        opener = self.parties[relation if relation is not None and sees else Relation.OWNER]
        body = {"number": order["number"], "category": "expired", "description": "matrix"}
        made = opener.post("/v1/support-cases", body)
        assert made.status_code == 201, made.text
        return str(made.json()["id"])


@pytest.fixture(scope="module")
def world(operator: Operator) -> Iterator[World]:
    world = World(operator)
    yield world
    world.close()


def values(world: World, operation: Operation, order: dict[str, str], things_of: Party) -> dict[str, str]:
    """Return what the parameters of an operation are filled with; a parameter that is unknown here is a KeyError."""
    known = {
        "number": order["number"],
        "text": order["number"],
        "q": order["number"],
        "scac": SCAC,
        "pro_number": order["pro_number"],
        "tracking_number": order["tracking_number"],
        "receipt_id": order["receipt_id"],
        "activation_request_id": order["activation_request_id"],
        "support_case_id": order["support_case_id"],
        "organisation_id": world.parties[Relation.PRESENTER].id,
        "revision": "1",
        "If-Match": "*",
    }
    wanted = [
        name
        for place in ("path", "header", "query")
        for name, one in operation.parameters(place).items()
        if one["required"]
    ]
    if operation.id == "release_pro_number":
        known["pro_number"] = world.given_up()
    if "delivery_booking_id" in wanted or operation.id == "arrive_vehicle":
        booking = world.booking(things_of, operation)
        known |= {"delivery_booking_id": booking["id"], "shipment_id": booking["shipments"][-1]["id"]}
    if operation.id in MAKES_ITS_OWN:
        known["code"] = secrets.token_hex(8)
    return {name: known[name] if name in known else world.thing(name, things_of) for name in wanted}


NOBODYS_ORDER = {
    "id": "nobody's",
    "number": "PO-7K3M9QWX2R",
    "pro_number": "123456789",
    "tracking_number": "1Z123456789",
    "scac": SCAC,
    "receipt_id": "0198f5a2-7c3e-7d41-9a52-3f6b8d2e1c07",
    "activation_request_id": "0198f5a2-7c3e-7d41-9a52-3f6b8d2e1c07",
    "support_case_id": "0198f5a2-7c3e-7d41-9a52-3f6b8d2e1c07",
}


def call(operation: Operation, base_url: str, key: str | None, filled: dict[str, str], body: Any) -> httpx.Response:
    """Send a request of the operation with these values in its path and headers."""
    path = re.sub(r"\{(\w+)\}", lambda found: quote(filled[found[1]], safe=""), operation.path)
    headers = {name: value for name, value in filled.items() if name in operation.parameters("header")}
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    if operation.id == "create_number_format_version":
        body = body | {"pattern": f"{PREFIXES.get(filled['format_id'], 'ACME')}-{{serial:5}}", "allowed_values": None}
    if operation.id in OF_BOOKINGS and body is not None:
        body = body | OF_BOOKINGS[operation.id]
    query = {name: value for name, value in filled.items() if name in operation.parameters("query")}
    sent = {} if body is None else {"json": body}
    return HTTP.request(operation.method, base_url + path, headers=headers, params=query, **sent)


def body_of(operation: Operation, order: dict[str, str]) -> Any:
    """Return the document's own example of the body, about this order where it speaks of one."""
    if operation.body is None:
        return None
    example = examples(DOCUMENT, operation.body)[0]
    about: dict[str, Any] = {
        "input": order["number"],
        "number": order["number"],
        "scac": order["scac"],
        "pro_number": order["pro_number"],
    }
    about["receipt_reference"] = secrets.token_hex(8)
    # The document's examples are of a time to come, and what has happened is past.
    about["events"] = [{"type": "in_transit", "occurred_at": ahead(hours=-1)}]
    if operation.id == "book_delivery":
        pro = {"purchase_orders": [order["number"]], "scac": "QXZB", "pro_number": secrets.token_hex(8)}
        return example | {"shipments": [example["shipments"][0] | pro | {"bol": secrets.token_hex(8)}]}
    filled = {name: about.get(name, value) for name, value in example.items()}
    if "links" in example:
        filled["links"] = [{name: about.get(name, value) for name, value in one.items()} for one in example["links"]]
    return filled | {"inputs": [order["number"]]} if "inputs" in example else filled


def refused(operation: Operation, server: str, key: str | None) -> tuple[int, str]:
    # Ids of nobody: who may not call an operation at all must not learn what is there.
    nobody = dict.fromkeys((*operation.parameters("path"), *operation.parameters("header")), "0" * 8)
    nobody |= dict.fromkeys(
        OWN_THINGS.keys() | {"organisation_id", "receipt_id", "activation_request_id", "support_case_id"},
        "0198f5a2-7c3e-7d41-9a52-3f6b8d2e1c07",
    )
    nobody |= {"revision": "1", "If-Match": "*", "Idempotency-Key": secrets.token_hex(8)}
    answer = call(operation, server, key, nobody, body_of(operation, NOBODYS_ORDER))
    return answer.status_code, answer.json()["code"]


def test_every_operation_of_the_running_server_has_its_rule_and_every_rule_its_operation(server: str) -> None:
    running = operations(HTTP.get(f"{server}/openapi.json").json())
    assert [operation.id for operation in running] == [operation.id for operation in ALL]
    assert {operation.id for operation in running} == set(OPERATIONS)


def test_no_route_under_v1_is_missing_from_the_document() -> None:
    routes = {
        (route.path, method)
        for route in iter_route_contexts(APPLICATION.routes)
        if (route.path or "").startswith("/v1")
        for method in route.methods or ()
    }
    assert len(routes) == len(ALL)
    documented = {(operation.path, operation.method) for operation in ALL}
    assert {(re.sub(r":\w+\}", "}", path), method) for path, method in routes} == documented


@pytest.fixture(scope="module")
def spent_keys(world: World, server: str) -> dict[str, str]:
    """A key that was revoked and one that has expired; both would have carried every scope."""
    party = world.parties[Relation.OWNER]
    scopes = [str(scope) for scope in EVERY_SCOPE]
    revoked = party.post("/v1/api-keys", {"name": "revoked", "scopes": scopes}).json()
    expired = party.post("/v1/api-keys", {"name": "expired", "scopes": scopes, "expires_at": ahead(seconds=1)}).json()
    assert party.post(f"/v1/api-keys/{revoked['id']}/revoke").status_code == 200
    keys = {"revoked": revoked["key"], "expired": expired["key"]}
    deadline = time.monotonic() + 10
    while any(
        HTTP.get(f"{server}/v1/carriers", headers={"Authorization": f"Bearer {key}"}).status_code != 401
        for key in keys.values()
    ):
        assert time.monotonic() < deadline, "the keys did not end"
        time.sleep(0.1)
    return keys


@each_operation
def test_without_a_key_that_is_in_force_nothing_is_done(
    operation: Operation, server: str, spent_keys: dict[str, str]
) -> None:
    assert refused(operation, server, None) == (401, "missing_api_key")
    assert refused(operation, server, "por_live_" + "x" * 40) == (401, "invalid_api_key")
    assert refused(operation, server, "garbage") == (401, "invalid_api_key")
    assert refused(operation, server, spent_keys["revoked"]) == (401, "invalid_api_key")
    assert refused(operation, server, spent_keys["expired"]) == (401, "invalid_api_key")


@pytest.fixture(scope="module")
def key_of_operator_with(operator: Operator) -> Callable[..., str]:
    """Makes (once) a key of the operator's organisation with these scopes."""
    made: dict[frozenset[Scope], str] = {}

    def make(scopes: frozenset[Scope]) -> str:
        if scopes not in made:
            made[scopes] = operator.key_with(*sorted(scopes))
        return made[scopes]

    return make


@each_operation
def test_a_key_needs_one_of_the_scopes(
    operation: Operation, world: World, server: str, key_of_operator_with: Callable[[frozenset[Scope]], str]
) -> None:
    wanted = OPERATIONS[operation.id].scopes
    if wanted:
        lacking = key_of_operator_with(frozenset(Scope) - wanted)
        assert refused(operation, server, lacking) == (403, "missing_scope")
    for scope in wanted or [Scope.CASES]:
        caller = world.operator if scope is Scope.ADMIN else world.parties[Relation.OWNER]
        alone = key_of_operator_with(frozenset({scope})) if scope is Scope.ADMIN else caller.key_with(scope)
        order = (
            world.order(Relation.OWNER, operation)
            if operation in ON_AN_ORDER or operation.id in NUMBER_IN_BODY
            else NOBODYS_ORDER
        )
        filled = values(world, operation, order, world.parties[Relation.OWNER])
        answer = call(operation, server, alone, filled, body_of(operation, order))
        # A key may be allowed to make or change keys and still lack what it would hand out.
        assert answer.is_success or answer.json()["code"] in {"scope_not_held", *CONFLICTS}, answer.text


@each_operation
def test_running_the_service_opens_nothing_else(
    operation: Operation, server: str, key_of_operator_with: Callable[[frozenset[Scope]], str]
) -> None:
    only = key_of_operator_with(frozenset({Scope.ADMIN}))
    scopes = OPERATIONS[operation.id].scopes
    if scopes and Scope.ADMIN not in scopes:
        assert refused(operation, server, only) == (403, "missing_scope")


@each_relation
@each_operation
def test_a_relation_to_the_order_decides(operation: Operation, relation: Relation, world: World, server: str) -> None:
    rule = OPERATIONS[operation.id]
    caller = world.operator if rule.scopes == {Scope.ADMIN} else world.parties[relation]
    order = world.order(relation, operation) if rule.relations else NOBODYS_ORDER
    answer = call(operation, server, caller.key, values(world, operation, order, caller), body_of(operation, order))
    if operation.id == "book_delivery" and relation not in rule.relations:
        # What is wrong with each order of many stands in the one answer.
        assert (answer.status_code, answer.json()["code"]) == (409, "delivery_not_bookable")
        assert "relation_not_allowed" in answer.text
    elif operation not in ON_AN_ORDER or relation in rule.relations:
        assert answer.is_success or answer.json()["code"] in CONFLICTS, answer.text
    elif relation in NAMED:
        assert (answer.status_code, answer.json()["code"]) == (403, "relation_not_allowed")
    else:
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    if relation not in NAMED:
        # Whoever only holds the number learns nothing of the order, by whatever operation.
        assert order["id"] not in answer.text


@pytest.mark.parametrize("operation", ON_AN_ORDER, ids=lambda operation: operation.id)
def test_the_operator_is_a_stranger_to_the_orders_of_others(operation: Operation, world: World, server: str) -> None:
    order = world.order(None, operation)
    filled = values(world, operation, order, world.operator)
    answer = call(operation, server, world.operator.key, filled, body_of(operation, order))
    assert order["id"] not in answer.text
    if Relation.PRESENTER not in OPERATIONS[operation.id].relations:
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "operation",
    [
        operation
        for operation in ALL
        if OWN_THINGS.keys() & operation.parameters("path").keys() and operation.id not in MAKES_ITS_OWN
    ],
    ids=lambda operation: operation.id,
)
def test_what_belongs_to_another_organisation_is_not_there(operation: Operation, world: World, server: str) -> None:
    owner, stranger = world.parties[Relation.OWNER], world.parties[Relation.PRESENTER]
    filled = values(world, operation, NOBODYS_ORDER, owner)
    body = body_of(operation, NOBODYS_ORDER)
    answer = call(operation, server, stranger.key, filled, body)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert call(operation, server, owner.key, filled, body).is_success


def test_the_matrix_has_operations_of_every_kind() -> None:
    # Against a mistake in the sorting above, by which a whole kind would not be tried at all.
    assert len(ON_AN_ORDER) >= 15
    by_path = {operation.id for operation in ON_AN_ORDER}
    related = {name for name, rule in OPERATIONS.items() if rule.relations}
    assert related - by_path == {
        "list_purchase_orders",
        "follow_events",
        "find_purchase_orders",
        "export_purchase_orders",
        "list_activation_requests",
        "open_support_case",
        "book_delivery",
        "list_support_cases",
        "validate_input",
        "validate_batch",
        "link_pro_number_batch",
        "list_free_slots",
    }
    assert by_path <= related
