"""A service that is killed in the middle of an import goes on with it: no order twice, none lost, little memory.

The sizes are CI's; `IMPORT_ROWS=100000` is the full one.
"""

import os
import re
import time
from pathlib import Path

from app.db.embedded import url_of_running
from tests.command import Service, until
from tests.db.embedded import ask

ROWS = int(os.environ.get("IMPORT_ROWS", "1500"))
MEGABYTES = 200

SETTINGS = {
    "LOG_LEVEL": "warning",
    "COVERAGE_PROCESS_CONFIG": "",
    # This is about imports; a machine that others use too may be slower than a gate would bear.
    "DATABASE_TIMEOUT": "10",
}


def memory(process_id: int) -> float:
    """The most that a process has had in memory, in MB."""
    status = Path(f"/proc/{process_id}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1000


def table(rows: int) -> str:
    lines = "".join(
        f'K{place},R{place},Anders & Ko Textil,HAM-2,EUR,TS-{place % 977},"T-shirt, L",{place % 50 + 1},EA,4.90\n'
        for place in range(rows)
    )
    return f"number,reference,seller_name,ship_to_code,currency,sku,description,quantity,unit,unit_price\n{lines}"


def test_an_import_survives_kill_9_without_doubles_and_without_much_memory(data_directory: Path) -> None:
    key = (data_directory / "admin.key").read_text().strip()
    settings = {"PO_REGISTRY_DATA_DIR": data_directory, **SETTINGS}
    started = time.monotonic()
    with Service(key=key, **settings) as service, service.ready().client() as client:
        answer = client.post("/v1/imports", content=table(ROWS).encode(), timeout=120)
        assert answer.status_code == 202, answer.text
        path = f"/v1/imports/{answer.json()['id']}"
        until(lambda: client.get(path).json()["documents"] >= ROWS * 0.4, 900)
        most = memory(service.process.pid)
        service.process.kill()
    with Service(key=key, port=service.port, **settings) as again, again.ready().client() as client:
        before = client.get(path).json()
        assert 0 < before["documents"] < ROWS, "the kill came too late to prove anything"
        until(lambda: client.get(path).json()["status"] == "finished", 1800)
        found = client.get(path).json()
        seconds = time.monotonic() - started
        most = max(most, memory(again.process.pid))
        assert (found["documents"], found["created"], found["refused"]) == (ROWS, ROWS, 0)
        url = url_of_running(data_directory)
        assert url is not None
        assert ask(url, "SELECT count(*) FROM purchase_orders") == ROWS
        assert ask(url, "SELECT count(DISTINCT reference) FROM purchase_orders") == ROWS
        assert ask(url, "SELECT count(*) FROM purchase_order_lines") == ROWS
        assert ask(url, "SELECT count(*) FROM purchase_order_events") == ROWS
        assert ask(url, "SELECT count(*) FROM import_results") == ROWS
        assert ask(url, "SELECT count(*) FROM import_parts") == 0
        second = client.post("/v1/imports", content=table(min(ROWS, 2_000)).encode(), timeout=120).json()
        until(lambda: client.get(f"/v1/imports/{second['id']}").json()["status"] == "finished", 900)
        assert client.get(f"/v1/imports/{second['id']}").json()["unchanged"] == min(ROWS, 2_000)
    assert most < MEGABYTES
    print(f"{ROWS} rows in {seconds:.0f} s, killed at {before['documents']}; at most {most:.0f} MB")
