"""What a gapless series costs: orders per second as a ratio to the default format, interleaved in one run.

    .venv/bin/python -m benchmarks.price_of_gapless

Starts the service with a Postgres of its own. In each round every kind of format issues a block of orders, one kind
after the other and in turned order every second round; the ratio is taken within the round, so that a machine that is
busy for a while is busy for all of them. Prints the median of the rounds with the least and the greatest.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from tests.command import Service

ROUNDS = 7
ORDERS_BY_CLIENTS = {1: 60, 8: 200, 32: 200}

Formats = Mapping[str, Any]
"""The body that an order of each kind is issued with; the first is what the others are compared with."""


def main() -> None:
    """Measure and print the table."""
    with tempfile.TemporaryDirectory() as directory, Service(PO_REGISTRY_DATA_DIR=directory, LOG_LEVEL="error") as one:
        service = one.ready()
        service.key = (Path(directory) / "admin.key").read_text().strip()
        asyncio.run(_measure(service))


async def _measure(service: Service) -> None:
    headers = {"Authorization": f"Bearer {service.key}"}
    limits = httpx.Limits(max_connections=max(ORDERS_BY_CLIENTS))
    async with httpx.AsyncClient(base_url=service.url, headers=headers, timeout=60, limits=limits) as client:
        formats = {
            "default": {},
            "own serials, leased": await _own_format(client, "QQA{serial:9}", gapless=False),
            "own serials, gapless": await _own_format(client, "QQB{serial:9}", gapless=True),
        }
        print("| clients | " + " | ".join(list(formats)[1:]) + " |")
        print("| --- |" + " --- |" * (len(formats) - 1))
        for clients, orders in ORDERS_BY_CLIENTS.items():
            rates = await _rounds(client, formats, clients, orders)
            print(f"| {clients} | " + " | ".join(_ratio(rates, name) for name in list(formats)[1:]) + " |", flush=True)


async def _own_format(client: httpx.AsyncClient, pattern: str, *, gapless: bool) -> dict[str, Any]:
    body = {"name": pattern, "pattern": pattern, "gapless": gapless}
    answer = await client.post("/v1/number-formats", json=body)
    assert answer.status_code == 201, answer.text
    return {"format_id": answer.json()["id"]}


async def _rounds(client: httpx.AsyncClient, formats: Formats, clients: int, orders: int) -> dict[str, list[float]]:
    rates: dict[str, list[float]] = {name: [] for name in formats}
    for body in formats.values():
        await _block(client, body, clients, orders // 4)
    for number in range(ROUNDS):
        for name in list(formats) if number % 2 else reversed(list(formats)):
            rates[name].append(await _block(client, formats[name], clients, orders))
    return rates


async def _block(client: httpx.AsyncClient, body: Any, clients: int, orders: int) -> float:
    """Return how many orders a second were issued."""
    left = iter(range(orders))

    async def issue() -> None:
        for _ in left:
            answer = await client.post("/v1/purchase-orders", json=body)
            assert answer.status_code == 201, answer.text

    started = time.perf_counter()
    await asyncio.gather(*(issue() for _ in range(clients)))
    return orders / (time.perf_counter() - started)


def _ratio(rates: Mapping[str, list[float]], name: str) -> str:
    ratios = [one / default for one, default in zip(rates[name], next(iter(rates.values())), strict=True)]
    return f"{statistics.median(ratios):.2f} [{min(ratios):.2f}, {max(ratios):.2f}]"


if __name__ == "__main__":
    main()
