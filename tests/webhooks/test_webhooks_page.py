"""The receiver of docs/webhooks.md does what the page says, as it stands there."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.command import environment, free_port
from tests.parties import Party
from tests.webhooks.receiver import settled, until

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "webhooks.md"


@pytest.fixture
def receiver(buyer: Party) -> Iterator[tuple[str, dict[str, str]]]:
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert len([line for line in code.splitlines() if line]) <= 20
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    endpoint = buyer.post("/v1/webhook-endpoints", {"url": url}).json()
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env=environment(WEBHOOK_SECRET=endpoint["secret"], PORT=port),
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: answers(url))
        yield url, endpoint
    finally:
        process.kill()
        process.wait()


def answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 501
    except httpx.TransportError:
        return False


def test_the_receiver_takes_what_is_sent_and_refuses_what_is_forged(
    receiver: tuple[str, dict[str, str]], buyer: Party
) -> None:
    url, endpoint = receiver
    made = buyer.post(f"/v1/webhook-endpoints/{endpoint['id']}/test").json()
    (attempt,) = settled(buyer, endpoint, made["webhook_id"], 1)["attempts"]
    assert (attempt["status"], attempt["error"]) == (204, None)
    buyer.post(f"/v1/webhook-deliveries/{made['id']}/redeliver")
    assert settled(buyer, endpoint, made["webhook_id"], 2)["attempts"][1]["status"] == 204
    forged = {"webhook-id": "a", "webhook-timestamp": "1", "webhook-signature": "v1,AAAA"}
    assert httpx.post(url, content=b"{}", headers=forged).status_code == 400
    assert httpx.post(url, content=b"{}").status_code == 400
