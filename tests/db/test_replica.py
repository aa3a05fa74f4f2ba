"""Lists and look-ups may read a replica; verdicts, keys and whatever decides a write never do.

The replica of these tests is the same database behind a network of its own, on which it shows who has gone there.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import text

from app.db.lists import Lists
from app.db.migrations import is_migrated
from app.errors import TemporarilyUnavailable
from app.settings import Settings
from tests.conftest import serving
from tests.databases import patient
from tests.parties import Operator, Party
from tests.proxy import Network
from tests.shipments.waybills import any_shape

ORDERS = "/v1/purchase-orders"


@pytest.fixture(scope="module")
def network(database_url: str) -> Iterator[Network]:
    with Network(database_url) as network:
        yield network


@pytest.fixture(scope="module")
def with_replica(database_url: str, network: Network, operator: Operator) -> Iterator[Party]:
    """A party on a server that has the replica."""
    urls = {"DATABASE_URL": database_url, "DATABASE_REPLICA_URL": network.url}
    settings = Settings.model_validate({**urls, "LOG_LEVEL": "error", "BACKGROUND_WORK": False, "DATABASE_TIMEOUT": 2})
    with operator.new_party("Nordwind") as party, serving(settings) as server:
        yield Party(server, party.id, party.key)


@pytest.fixture
def meets_replica(network: Network) -> Callable[[Callable[[], Any]], bool]:
    def meets(ask: Callable[[], Any]) -> bool:
        began = time.monotonic()
        answer = ask()
        assert answer.status_code < 300, answer.text
        return not network.quiet_for(time.monotonic() - began)

    return meets


@pytest.mark.parametrize(
    "path",
    [
        ORDERS,
        f"{ORDERS}?role=owner&status=issued",
        "/v1/lookup?q=SO-1",
        "/v1/exports/purchase-orders",
        "/v1/delivery-bookings",
        "/v1/activation-requests",
        "/v1/support-cases",
    ],
)
def test_lists_look_ups_and_exports_read_the_replica(
    with_replica: Party, meets_replica: Callable[..., bool], path: str
) -> None:
    assert meets_replica(lambda: with_replica.get(path))


def test_verdicts_keys_single_resources_and_writes_never_do(
    with_replica: Party, meets_replica: Callable[..., bool]
) -> None:
    order = with_replica.issue()
    path = f"{ORDERS}/{order['id']}"
    pro = any_shape()
    link = {"scac": "QXZB", "pro_number": pro}
    delivered = {"input": order["number"], "delivery": link, "receive": {"dock": "D-1"}}
    key = {"Idempotency-Key": str(uuid4())}
    asked: dict[str, Callable[[], Any]] = {
        "issue": lambda: with_replica.post(ORDERS, {}, headers=key),
        "issue again": lambda: with_replica.post(ORDERS, {}, headers=key),
        "issue a batch": lambda: with_replica.post(f"{ORDERS}/batch", {"purchase_orders": [{}]}),
        "validate": lambda: with_replica.get(f"/v1/validations/{order['number']}"),
        "validate what is unknown": lambda: with_replica.get("/v1/validations/4500099999"),
        "validate a batch": lambda: with_replica.post("/v1/validations/batch", {"inputs": [order["number"]]}),
        "read": lambda: with_replica.get(path),
        "read its events": lambda: with_replica.get(f"{path}/events"),
        "confirm": lambda: with_replica.post(f"{path}/confirm"),
        "activate": lambda: with_replica.post(f"{path}/activate"),
        "link": lambda: with_replica.post(f"{path}/pro-numbers", link),
        "read its PRO numbers": lambda: with_replica.get(f"{path}/pro-numbers"),
        "read a PRO number": lambda: with_replica.get(f"/v1/pro-numbers/QXZB/{pro}"),
        "receive with the question": lambda: with_replica.post("/v1/validations", delivered),
        "read its receipts": lambda: with_replica.get(f"{path}/receipts"),
        "list keys": lambda: with_replica.get("/v1/api-keys"),
        "read the policy": lambda: with_replica.get("/v1/policies"),
    }
    assert [name for name, ask in asked.items() if meets_replica(ask)] == []


async def test_nothing_can_be_written_on_the_way_to_a_replica(database_url: str) -> None:
    replica = patient(database_url, pool_size=1, read_only=True)
    try:
        with pytest.raises(TemporarilyUnavailable) as refused:
            await replica.change(lambda connection: connection.execute(text("DELETE FROM outbox WHERE false")))
        assert isinstance(refused.value.__cause__.orig.__cause__, asyncpg.ReadOnlySQLTransactionError)  # type: ignore[union-attr]
    finally:
        await replica.dispose()


@pytest.mark.alone
@pytest.mark.parametrize("failure", ["refused", "silent"])
def test_a_replica_that_is_gone_is_passed_over_and_found_again(
    with_replica: Party,
    network: Network,
    meets_replica: Callable[..., bool],
    failure: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.db.lists.SECONDS_PASSED_OVER", 1.0)
    order = with_replica.issue()
    assert meets_replica(lambda: with_replica.get(ORDERS))
    getattr(network, failure)()
    try:
        assert with_replica.get(ORDERS).json()["data"][0]["id"] == order["id"]
        # Those that follow do not wait for it.
        began = time.monotonic()
        assert with_replica.get(ORDERS).status_code == 200
        assert time.monotonic() - began < 1
        assert with_replica.get(f"/v1/validations/{order['number']}").status_code == 200
    finally:
        network.back()
    deadline = time.monotonic() + 20
    while not meets_replica(lambda: with_replica.get(ORDERS)):
        assert time.monotonic() < deadline, "it was not found again"
        time.sleep(0.2)


async def test_a_replica_that_a_migration_has_not_reached_is_passed_over(database_url: str, new_database: str) -> None:
    primary, behind = patient(database_url, pool_size=1), patient(new_database, pool_size=1, read_only=True)
    try:
        assert not await is_migrated(behind)
        count = text("SELECT count(*) FROM purchase_orders")
        assert await Lists(primary, behind).look(lambda connection: connection.scalar(count)) >= 0
    finally:
        await behind.dispose()
        await primary.dispose()
