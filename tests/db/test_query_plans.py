"""The plans that Postgres really uses for what is asked often, on tables with thousands of others' rows.

One order is led through everything; its rows are copied for other buyers. Then the server is asked, and Postgres itself
(auto_explain) tells the plan of every statement that it has run, with the rows that each node has met. So a statement
is seen here whatever way it takes to the database.
"""

import asyncio
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest

from app import worker
from app.access import command_line
from app.access.schemas import CreateApiKey
from app.db.connections import Connector
from app.db.migrations import migrate
from app.db.session import Database
from app.db.statements import fetch
from app.exchange import repository as exchange
from app.orders import repository as orders
from app.principal import Scope
from app.settings import Settings
from app.worker import Kept
from tests.command import until
from tests.conftest import serving
from tests.databases import patient
from tests.deliveries.bookings import body as booking
from tests.deliveries.bookings import shipment, window
from tests.parties import Operator, Party, ahead

COPIES = int(os.environ.get("PLAN_ORDERS", "3000"))
MOST_FOR_NOTHING = 100
"""Rows that a node may meet and drop: far fewer than there are of others."""

NOT_WATCHED = {
    "alembic_version": "one row",
    "appointment_claims": "read by nothing but its key",
    "audit_events": "written only",
    "feed_entries": "watched by tests/feed/test_races.py, as those of the relay's and the worker's tables",
    "feed_heads": "one for each organisation",
    "import_claims": "read by nothing but its key",
    "import_parts": "emptied when an import ends",
    "location_calendars": "a few for each organisation",
    "look_up_counts": "one for each organisation",
    "number_series": "one for each format, version and period",
    "outbox": "emptied by the relay, bucket by bucket along its key; watched by tests/feed/test_races.py",
    "outbox_buckets": "64 rows",
    "purchase_order_announcements": "watched by tests/feed/test_races.py",
    "slot_claims": "read by location and time, see test_calendars.py",
    "webhook_deliveries": "read by endpoint and time, see tests/webhooks/test_workers.py",
    "webhook_endpoints": "a few for each organisation",
}
"""Tables that are neither reference tables nor copied here, and why not."""


@dataclass
class Plans:
    """What has been run since `of` was entered last, as trees of plan nodes."""

    by_name: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    _running: list[dict[str, Any]] = field(default_factory=list)

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        self._running = self.by_name.setdefault(name, [])
        yield
        self._running = []

    def hear(self, _: object, message: Any) -> None:
        if "plan:" in message.message:
            self._running.append(json.loads(message.message.split("plan:", 1)[1]))


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for part in plan.get("Plans", []) for node in nodes(part))]


def faults(plan: dict[str, Any], growing: set[str]) -> list[str]:
    """Return a sentence for each node that would take longer the more there is of others."""
    found = []
    for node in nodes(plan):
        where, kind = node.get("Relation Name") or node.get("Index Name", ""), node["Node Type"]
        if where in growing and kind == "Seq Scan":
            found.append(f"{where} is read whole")
        walked = node.get("Actual Rows", 0) * node.get("Actual Loops", 1)
        if kind.startswith(("Index", "Bitmap Index")) and "Index Cond" not in node and walked > MOST_FOR_NOTHING:
            found.append(f"{node['Index Name']} is walked without a condition")
        each = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
        if (dropped := each * node.get("Actual Loops", 1)) > MOST_FOR_NOTHING:
            found.append(f"{where} gives {dropped} rows for nothing")
    return found


COPIED = (
    "purchase_orders",
    "purchase_order_lines",
    "purchase_order_events",
    "purchase_order_revisions",
    "purchase_order_forwarders",
    "order_references",
    "reference_claims",
    "acknowledgements",
    "activation_requests",
    "support_cases",
    "support_case_steps",
    "receipts",
    "receipt_lines",
    "receipt_claims",
    "gate_checks",
    "pro_claims",
    "pro_links",
    "tracking_events",
    "shipment_states",
    "tracking_numbers",
    "parcel_events",
    "delivery_bookings",
    "delivery_booking_events",
    "bol_claims",
    "idempotency_keys",
    "imports",
    "import_results",
)
_NAMES = {"number_key", "number", "reference", "reference_key", "pro_number", "display", "bol", "tracking_number"}
_NAMES |= {"event_key", "booking_number", "receipt_reference", "key", "contract_number", "invoice_number"}
_IDS = {"id", "receipt_id", "case_id", "booking_id", "import_id"}
_LISTS = {"number_keys", "pro_numbers", "bols"}


def copied(name: str) -> str:
    """Return the SQL of a column of the n-th copy: names and ids get other values, the same ones in every table."""
    if name in _NAMES:
        return f'copied."{name}" || n'
    if name in _IDS:
        return f"md5(copied.{name}::text || n)::uuid"
    if name in _LISTS:
        return f"ARRAY(SELECT one || n FROM unnest(copied.{name}) AS one)"
    return "(SELECT ids[1 + n % 20] FROM others)" if name == "organisation_id" else f'copied."{name}"'


def quoted(name: str) -> str:
    return f'"{name}"'


async def copy_rows(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("SET session_replication_role = replica")
    await connection.execute(
        "INSERT INTO organisations (id, name, kinds, contact_points, version, created_at, updated_at) "
        "SELECT gen_random_uuid(), 'Other', '{}', '{}', 1, now(), now() FROM generate_series(1, 20)"
    )
    for table in COPIED:
        columns = [
            row["attname"]
            for row in await connection.fetch(
                "SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped",
                table,
            )
        ]
        status = await connection.execute(
            "WITH others AS (SELECT array_agg(id) AS ids FROM organisations WHERE name = 'Other') "
            f"INSERT INTO {table} ({', '.join(map(quoted, columns))}) SELECT {', '.join(map(copied, columns))} "
            f"FROM {table} AS copied, generate_series(1, {COPIES}) AS n ON CONFLICT DO NOTHING"
        )
        assert int(status.split()[-1]) >= COPIES, f"{table}: nothing to copy"
    await connection.execute("VACUUM ANALYZE")
    await connection.close()


@dataclass
class Cast:
    """Who asks, and the order that is asked about, which has been led through everything."""

    buyer: Party
    seller: Party
    warehouse: Party
    forwarder: Party
    order: dict[str, Any] = field(default_factory=dict)
    pro: str = ""
    booking: dict[str, Any] = field(default_factory=dict)
    numbers: list[str] = field(default_factory=list)

    def lead(self) -> None:
        """Lead an order of its own through everything that leaves rows."""
        content = {
            "reference": "SO-1",
            "references": [{"type": "project", "value": "HARBOUR-7"}],
            "seller": {"organisation_id": self.seller.id},
            "ship_to": {"organisation_id": self.warehouse.id},
            "forwarders": [{"organisation_id": self.forwarder.id}],
            "activate_by": ahead(days=9),
            "expires_at": ahead(days=90),
            "lines": [{"sku": "A-1", "quantity": "10"}, {"sku": "A-2", "quantity": "4"}],
        }
        made = self.buyer.post("/v1/purchase-orders", content, headers={"Idempotency-Key": "one"})
        self.order = ok(made).json()
        path = f"/v1/purchase-orders/{self.order['id']}"
        confirm = {"contract_number": "SC-1", "invoice_number": "INV-1"}
        ok(self.seller.post(f"{path}/confirm", confirm))
        changed = {"lines": [{"sku": "A-1", "quantity": "12"}, {"sku": "A-2", "quantity": "4"}]}
        etag = self.buyer.get(path).headers["ETag"]
        ok(self.buyer.patch(path, changed, headers={"If-Match": etag}))
        ok(self.seller.post(f"{path}/confirm", confirm))
        applied = ok(self.warehouse.post(f"{path}/activation-requests", {"reason": "at the gate"})).json()
        ok(self.buyer.post(f"/v1/activation-requests/{applied['id']}/approve"))
        shipped = shipment(self.order, bol="BOL-1")
        self.pro = shipped["pro_number"]
        self.booking = ok(self.forwarder.post("/v1/delivery-bookings", booking(shipped, window=window()))).json()
        event = {"type": "in_transit", "occurred_at": ahead(hours=-1)}
        ok(self.seller.post(f"/v1/pro-numbers/QXZB/{self.pro}/tracking-events", {"events": [event]}))
        parcel = {"carrier": "UPS", "tracking_number": "1Z999AA10123456784"}
        ok(self.seller.post(f"{path}/tracking-numbers", parcel))
        ok(self.seller.post(f"{path}/tracking-numbers/1Z999AA10123456784/tracking-events", {"events": [event]}))
        self.validate(delivery={"scac": "QXZB", "pro_number": self.pro, "dock": "D-1"})
        received = {"lines": [{"line": 1, "quantity": "2"}], "receipt_reference": "R-1"}
        ok(self.warehouse.post(f"{path}/receive", received))
        case = {"category": "not_confirmed", "description": "It is held"}
        opened = ok(self.warehouse.post("/v1/support-cases", {"number": self.order["number"], **case})).json()
        ok(self.buyer.post(f"/v1/support-cases/{opened['id']}/comments", {"text": "We look"}))
        file = "number,line,sku,quantity\n4500012345,1,A-1,3\n"
        path = "/v1/imports?format=csv&dry_run=true"
        made = ok(self.buyer.http.post(path, content=file, headers={"Content-Type": "text/csv"})).json()
        until(lambda: self.buyer.get(f"/v1/imports/{made['id']}").json()["status"] == "finished")

    def issue_more(self) -> None:
        """Issue what a batch is asked about."""
        batch = {"purchase_orders": [{"ship_to": {"organisation_id": self.warehouse.id}}] * 20}
        many = ok(self.buyer.post("/v1/purchase-orders/batch", batch)).json()["results"]
        self.numbers = [one["purchase_order"]["number"] for one in many]

    def validate(self, **said: Any) -> None:
        ok(self.warehouse.post("/v1/validations", {"input": self.order["number"], **said}))


def ok(answer: Any) -> Any:
    assert answer.status_code < 300, answer.text
    return answer


def asked(cast: Cast) -> dict[str, Callable[[], Any]]:
    """What is asked often, by name."""
    buyer, warehouse, forwarder = cast.buyer, cast.warehouse, cast.forwarder
    order, number, pro, booked = cast.order, cast.order["number"], cast.pro, cast.booking
    lists = {
        "status": "active",
        "number": number,
        "reference": "SO-1",
        "role": "seller",
        "seller": cast.seller.id,
        "ship_to": warehouse.id,
        "sku": "A-1",
        "expires_before": ahead(days=100),
        "activate_by_before": ahead(days=100),
        "created_after": ahead(days=-1),
        "updated_after": ahead(days=-1),
        "q": "SO-1",
    }
    bookings = {
        "status": "requested",
        "window_from": ahead(days=-1),
        "window_to": ahead(days=9),
        "scac": "QXZB",
        "pro_number": pro,
        "bol": "BOL-1",
        "number": number,
    }
    papers = {
        "number": number,
        "id": order["id"],
        "PRO number": pro,
        "bill of lading": "BOL-1",
        "booking number": booked["booking_number"],
        "parcel": "1Z999AA10123456784",
        "reference": "SO-1",
        "other reference": "HARBOUR-7",
        "contract": "SC-1",
        "invoice": "INV-1",
    }
    line = {"sku": "A-1", "quantity": "3"}
    event = {"type": "at_terminal", "occurred_at": ahead(hours=-1)}
    path = f"/v1/purchase-orders/{order['id']}"
    return {
        "validate one": lambda: ok(warehouse.get(f"/v1/validations/{number}")),
        "validate one with its delivery": lambda: cast.validate(delivery={"scac": "QXZB", "pro_number": pro}),
        "validate one by reference": lambda: ok(buyer.get("/v1/validations/HARBOUR-7")),
        "validate one that nobody knows": lambda: ok(buyer.get("/v1/validations/4500099999")),
        "validate a batch": lambda: ok(warehouse.post("/v1/validations/batch", {"inputs": cast.numbers})),
        "issue one": lambda: ok(
            buyer.post("/v1/purchase-orders", {"lines": [line, line]}, headers={"Idempotency-Key": str(uuid4())})
        ),
        "issue a batch": lambda: ok(
            buyer.post(
                "/v1/purchase-orders/batch",
                {"purchase_orders": [{"lines": [line], "reference": str(uuid4())} for _ in range(50)]},
            )
        ),
        "read one by number": lambda: ok(buyer.get(f"/v1/purchase-orders/{number}")),
        "read one by id": lambda: ok(buyer.get(path)),
        "its events": lambda: ok(buyer.get(f"{path}/events")),
        "its revisions": lambda: ok(buyer.get(f"{path}/revisions")),
        "its receipts": lambda: ok(buyer.get(f"{path}/receipts")),
        "its PRO numbers": lambda: ok(buyer.get(f"{path}/pro-numbers")),
        "its parcels": lambda: ok(buyer.get(f"{path}/tracking-numbers")),
        "receive a part": lambda: ok(warehouse.post(f"{path}/receive", {"lines": [{"line": 1, "quantity": "1"}]})),
        "what a PRO number stands for": lambda: ok(forwarder.get(f"/v1/pro-numbers/QXZB/{pro}")),
        "tracking of a PRO number": lambda: ok(forwarder.get(f"/v1/pro-numbers/QXZB/{pro}/tracking-events")),
        "tell of a PRO number": lambda: ok(
            cast.seller.post(f"/v1/pro-numbers/QXZB/{pro}/tracking-events", {"events": [event]})
        ),
        "list orders": lambda: ok(buyer.get("/v1/purchase-orders")),
        **{
            f"list orders by {name}": lambda name=name, value=value: ok(
                (cast.seller if name == "role" else buyer).get("/v1/purchase-orders", params={name: value})
            )
            for name, value in lists.items()
        },
        **{
            f"look up by {name}": lambda text=text: ok(buyer.get("/v1/lookup", params={"q": text}))
            for name, text in papers.items()
        },
        "list bookings": lambda: ok(forwarder.get("/v1/delivery-bookings")),
        **{
            f"list bookings by {name}": lambda name=name, value=value: ok(
                forwarder.get("/v1/delivery-bookings", params={name: value})
            )
            for name, value in bookings.items()
        },
        "read a booking": lambda: ok(forwarder.get(f"/v1/delivery-bookings/{booked['id']}")),
        "a booking's events": lambda: ok(forwarder.get(f"/v1/delivery-bookings/{booked['id']}/events")),
        "list activation requests": lambda: ok(buyer.get("/v1/activation-requests")),
        "list activation requests that wait": lambda: ok(buyer.get("/v1/activation-requests?status=pending")),
        "list support cases": lambda: ok(buyer.get("/v1/support-cases")),
    }


async def background(database: Database) -> None:
    """What the worker asks every round, but for what is at risk: that reads all that is booked for days to come."""
    await worker.run_once(database, Kept(*[timedelta(days=36_500)] * 4))
    await database.look(lambda connection: exchange.waiting(connection, 2))


@pytest.fixture(scope="module")
def plans(another_database: Callable[[], Any]) -> Iterator[Plans]:
    found = Plans()
    connect = Connector.connect

    async def connect_and_hear(self: Connector, *arguments: Any, **named: Any) -> asyncpg.Connection:
        connection = await connect(self, *arguments, **named)
        connection.add_log_listener(found.hear)
        return connection

    with another_database() as url, pytest.MonkeyPatch.context() as patch:
        migrate(url)
        patch.setattr(Connector, "connect", connect_and_hear)
        settings = Settings.model_validate({"DATABASE_URL": url, "LOG_LEVEL": "error", "DATABASE_TIMEOUT": 5})
        secret = asyncio.run(
            command_line.create_key(url, CreateApiKey(name="tests", scopes=list(Scope)), "Operator", None)
        )
        with serving(settings) as server, Operator(server, secret) as operator:
            cast = Cast(*(operator.new_party(name) for name in ("Buyer", "Seller", "Warehouse", "Forwarder")))
            cast.lead()
        asyncio.run(copy_rows(url))
        asyncio.run(explain_from_now_on(url))
        # New connections, which load auto_explain.
        with serving(settings.model_copy(update={"background_work": False})) as server:
            for party in (cast.buyer, cast.seller, cast.warehouse, cast.forwarder):
                party.http.base_url = server
            cast.issue_more()
            for name, ask in asked(cast).items():
                with found.of(name):
                    ask()
        with found.of("background work"):
            asyncio.run(on_its_own(url, background))
        for party in (cast.buyer, cast.seller, cast.warehouse, cast.forwarder):
            party.close()
        yield found


async def explain_from_now_on(url: str) -> None:
    database = urlsplit(url).path[1:]
    settings = {
        "session_preload_libraries": "auto_explain",
        "auto_explain.log_min_duration": "0",
        "auto_explain.log_analyze": "on",
        "auto_explain.log_timing": "off",
        "auto_explain.log_format": "json",
        "auto_explain.log_level": "notice",
        "auto_explain.log_nested_statements": "on",
    }
    # A connection that has the library knows its settings.
    await execute(
        url,
        "LOAD 'auto_explain'",
        *(f"ALTER DATABASE {database} SET {name} = '{value}'" for name, value in settings.items()),
    )


async def execute(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


async def on_its_own(url: str, work: Callable[[Database], Any]) -> None:
    database = Database(url, pool_size=2, timeout=5)
    await work(database)
    await database.dispose()


def test_nothing_that_is_asked_often_takes_longer_the_more_orders_others_have(plans: Plans) -> None:
    wrong = {
        name: sorted({fault for plan in run for fault in faults(plan["Plan"], set(COPIED))})
        for name, run in plans.by_name.items()
    }
    assert {name: found for name, found in wrong.items() if found} == {}
    assert [name for name, run in plans.by_name.items() if not run] == []


async def test_what_the_gate_asks_is_planned_once_for_a_connection(database_url: str) -> None:
    database = patient(database_url)
    for number in range(8):
        keys = [f"PO{number}", f"PO{number}0"]
        await database.look_at_the_gate(
            lambda connection, keys=keys: orders.find_for_validation(connection, keys, with_lines=True)  # type: ignore[misc]  # bound at once
        )
    (counted,) = await database.look_at_the_gate(
        lambda connection: fetch(
            connection,
            "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement LIKE $1",
            "%purchase_order_lines%",
        )
    )
    await database.dispose()
    assert counted == {"generic_plans": 8, "custom_plans": 0}


async def test_every_table_that_grows_is_among_those_that_are_watched(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    tables = await connection.fetch(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace "
        "AND coalesce(obj_description(oid, 'pg_class'), '') NOT LIKE 'dist:reference -%'"
    )
    await connection.close()
    assert {row["relname"] for row in tables} == {*COPIED, *NOT_WATCHED}


def test_a_plan_that_reads_a_table_whole_or_for_nothing_is_found() -> None:
    plan = {
        "Node Type": "Nested Loop",
        "Plans": [
            {"Node Type": "Seq Scan", "Relation Name": "purchase_orders", "Actual Loops": 1},
            {
                "Node Type": "Index Scan",
                "Relation Name": "receipts",
                "Index Name": "ix_receipts_id",
                "Actual Rows": 101,
            },
            {
                "Node Type": "Index Scan",
                "Relation Name": "pro_links",
                "Index Name": "ix_pro_links_bol",
                "Index Cond": "true",
                "Rows Removed by Filter": 40,
                "Actual Loops": 3,
            },
        ],
    }
    assert faults(plan, {"purchase_orders", "receipts", "pro_links"}) == [
        "purchase_orders is read whole",
        "ix_receipts_id is walked without a condition",
        "pro_links gives 120 rows for nothing",
    ]
