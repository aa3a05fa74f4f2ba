"""The network between the service and Postgres fails, in each of its ways: 503 in time, and what was done is known."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx
import pytest

from app.settings import Settings
from tests.conftest import serving
from tests.http.test_database_away import SOME_KEY, cut_off, unavailable, until
from tests.parties import Operator
from tests.proxy import Network

__all__ = ["cut_off"]

pytestmark = pytest.mark.alone

LINE = {"sku": "A-100", "quantity": "100", "unit": "EA", "unit_price": "1.00"}
ONE = {"lines": [{"line": 1, "quantity": "1"}]}


@pytest.fixture(scope="module")
def network(database_url: str) -> Iterator[Network]:
    with Network(database_url) as network:
        yield network


@pytest.fixture(scope="module")
def behind_network(network: Network, operator: Operator) -> Iterator[Operator]:
    """The operator, at a server whose database is at the other end of the network."""
    settings = Settings.model_validate({"DATABASE_URL": network.url, "LOG_LEVEL": "error", "BACKGROUND_WORK": "false"})
    with serving(settings) as url, Operator(url, operator.key) as behind:
        # What the first question of an organisation leaves to be written must not be the commit that fails below.
        behind.get(f"/v1/validations/{active(behind)}")
        time.sleep(1)
        yield behind


@pytest.fixture(autouse=True)
def network_returns(network: Network, behind_network: Operator) -> Iterator[None]:
    yield
    network.back()
    until(lambda: behind_network.get("/readyz").status_code == 200, seconds=3)


def active(operator: Operator) -> str:
    # Connections that were reset may lie in a pool yet: the service finds out when it uses them.
    until(lambda: operator.post("/v1/purchase-orders", {}).status_code == 201, seconds=3)
    number: str = operator.active(lines=[LINE], currency="EUR")["number"]
    return number


def requests(number: str) -> list[tuple[str, str, Any]]:
    gate = "/v1/validations"
    return [
        ("GET", f"{gate}/{number}", None),
        ("POST", gate, {"input": number}),
        ("POST", gate, {"input": number, "receive": ONE}),
        ("POST", f"{gate}/batch", {"inputs": [number] * 100}),
        ("POST", f"/v1/purchase-orders/{number}/receive", ONE),
        ("GET", "/v1/purchase-orders", None),
        ("POST", "/v1/purchase-orders", {}),
        ("POST", f"/v1/purchase-orders/{number}/suspend", {}),
        ("GET", "/v1/carriers", None),
        ("GET", "/readyz", None),
    ]


async def held(client: httpx.AsyncClient, method: str, path: str, body: Any) -> dict[str, Any]:
    started = time.monotonic()
    answer = await client.request(method, path, json=body)
    assert time.monotonic() - started < 2, (method, path)
    return unavailable(answer)


@pytest.mark.parametrize("failure", ["silent", "refused"])
async def test_every_request_is_held_within_two_seconds_and_answered_soon_after(
    network: Network, behind_network: Operator, failure: str
) -> None:
    number = await asyncio.to_thread(active, behind_network)
    async with behind_network.asynchronous() as client:
        getattr(network, failure)()
        # At once, while the key is still known; and when it has to be looked up.
        for _ in range(2):
            problems = await asyncio.gather(*(held(client, *one) for one in requests(number)))
            assert [problem.get("well_formed") for problem in problems[:4]] == [True, True, True, None]
            assert all("outcome" not in problem for problem in problems)
            await asyncio.sleep(1)
        network.back()
        returned = time.monotonic()
        for method, path, body in requests(number):
            while (await client.request(method, path, json=body)).status_code == 503:
                assert time.monotonic() - returned < 3, path
        assert time.monotonic() - returned < 4


@pytest.mark.parametrize("connections", ["reset", "silent"])
@pytest.mark.parametrize("lost", [True, False])
async def test_a_receipt_whose_commit_was_sent_has_an_unknown_outcome_that_the_same_request_clears_up(
    network: Network, behind_network: Operator, connections: str, lost: bool
) -> None:
    number = await asyncio.to_thread(active, behind_network)
    # A check at the gate is written a moment later: that commit is not the one to fail.
    await asyncio.to_thread(until, lambda: network.quiet_for(1), seconds=5)
    requests_ = [
        (f"/v1/purchase-orders/{number}/receive", ONE),
        ("/v1/validations", {"input": number, "receive": ONE}),
    ]
    async with behind_network.asynchronous() as client:
        for path, body in requests_:
            key = {"Idempotency-Key": f"{path}{connections}{lost}{number}"}
            network.fails_on(b"COMMIT;", lose=lost, reset=connections == "reset")
            started = time.monotonic()
            answer = await client.post(path, json=body, headers=key)
            assert time.monotonic() - started < 2
            assert unavailable(answer).get("outcome") == "unknown", (path, answer.text)
            assert path != "/v1/validations" or answer.json()["well_formed"] is True
            network.back()
            # Other connections are reset now, and the service is yet to hear of it.
            await asyncio.sleep(0.1)
            returned = time.monotonic()
            while (answer := await client.post(path, json=body, headers=key)).status_code in {409, 503}:
                assert time.monotonic() - returned < 5
                await asyncio.sleep(0.05)
            assert answer.status_code == 200
            assert answer.headers.get("Idempotency-Replayed") == (None if lost else "true")
        order = (await client.get(f"/v1/purchase-orders/{number}")).json()
        assert order["lines"][0]["received"] == "2"


async def test_a_connection_that_is_reset_before_the_commit_means_that_nothing_was_done(
    network: Network, behind_network: Operator, database_url: str
) -> None:
    number = await asyncio.to_thread(active, behind_network)
    async with behind_network.asynchronous() as client, locked(database_url, number):
        asking = [asyncio.create_task(held(client, *one)) for one in requests(number)[4:5]]
        await asyncio.sleep(0.3)
        network.refused()
        for problem in await asyncio.gather(*asking):
            assert "outcome" not in problem
    network.back()
    async with behind_network.asynchronous() as client:
        while (answer := await client.get(f"/v1/purchase-orders/{number}")).status_code == 503:
            await asyncio.sleep(0.05)
        assert answer.json()["lines"][0]["received"] == "0"


async def test_a_lock_that_another_holds_keeps_a_receipt_for_two_seconds_at_most_and_a_question_not_at_all(
    behind_network: Operator, database_url: str
) -> None:
    # At a server with the time-outs of a gate: the shared one waits for a busy machine, which is what is measured here.
    number = await asyncio.to_thread(active, behind_network)
    _, ask, ask_and_receive, manifest, receive = requests(number)[:5]
    async with locked(database_url, number), behind_network.asynchronous() as client:
        waiting = asyncio.gather(held(client, *ask_and_receive), held(client, *receive))
        for method, path, body in (ask, manifest):
            assert (await client.request(method, path, json=body)).status_code == 200
        for problem in await waiting:
            assert "outcome" not in problem
    async with behind_network.asynchronous() as client:
        assert (await client.post(receive[1], json=ONE)).status_code == 200


async def test_an_exhausted_pool_holds_receipts_and_no_question(operator: Operator, database_url: str) -> None:
    settings = Settings.model_validate(
        {"DATABASE_URL": database_url, "LOG_LEVEL": "error", "DATABASE_POOL_SIZE": "1", "BACKGROUND_WORK": "false"}
    )
    number, busy = await asyncio.to_thread(active, operator), await asyncio.to_thread(active, operator)
    with serving(settings) as url, Operator(url, operator.key) as narrow:
        async with locked(database_url, busy), narrow.asynchronous() as client:
            in_the_way = [asyncio.create_task(client.post(f"/v1/purchase-orders/{busy}/suspend", json={}))]
            await asyncio.sleep(0.3)
            waiting = asyncio.gather(*(held(client, *one) for one in (requests(number)[2], requests(number)[4])))
            assert (await client.get(f"/v1/validations/{number}")).status_code == 200
            in_the_way.append(asyncio.create_task(client.post(f"/v1/purchase-orders/{busy}/suspend", json={})))
            await asyncio.gather(*in_the_way, waiting, return_exceptions=True)
            assert [answer.result().status_code for answer in in_the_way] == [503, 503]


@asynccontextmanager
async def locked(database_url: str, number: str) -> AsyncIterator[None]:
    """Hold the lock of an order's row."""
    connection = await asyncpg.connect(database_url)
    try:
        async with connection.transaction():
            await connection.execute("SELECT FROM purchase_orders WHERE number = $1 FOR UPDATE", number)
            yield
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("body", "well_formed"), [(b'{"input": 7}', None), (b"[]", None), (b"{}", None), (b'{"input": "\\ud800"}', False)]
)
def test_a_body_that_is_no_question_is_held_too(cut_off: httpx.Client, body: bytes, well_formed: bool | None) -> None:
    answer = cut_off.post("/v1/validations", content=body, headers=SOME_KEY | {"Content-Type": "application/json"})
    assert unavailable(answer)["well_formed"] is well_formed


def test_a_body_that_cannot_be_read_is_refused_as_ever(cut_off: httpx.Client) -> None:
    for body in (b"{", b"[" * 50_000, b"\xff"):
        answer = cut_off.post("/v1/validations", content=body, headers=SOME_KEY | {"Content-Type": "application/json"})
        assert answer.status_code == 400


def test_the_key_is_waited_for_once(network: Network, behind_network: Operator) -> None:
    network.silent()
    time.sleep(1.1)
    started = time.monotonic()
    answer = behind_network.post("/v1/validations", {"input": "4500012345"})
    assert time.monotonic() - started < 1.5
    assert unavailable(answer)["well_formed"] is None
    assert httpx.get(f"{behind_network.base_url}/v1/carriers").status_code == 401
