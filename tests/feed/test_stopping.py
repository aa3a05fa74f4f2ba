"""A server that is stopped does not wait for those who wait for events."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

from app.access import command_line
from app.access.schemas import CreateApiKey
from app.principal import Scope
from tests.command import Service

WORKERS = "1"


def test_a_stopping_server_lets_those_go_who_wait_for_events(database_url: str) -> None:
    body = CreateApiKey(name="tests", scopes=list(Scope))
    key = asyncio.run(command_line.create_key(database_url, body, "Waits", None))
    settings = {"DATABASE_URL": database_url, "BACKGROUND_WORK": "false"}
    with ThreadPoolExecutor() as threads, Service("--workers", WORKERS, key=key, **settings) as service:
        with service.ready().client() as client:
            after = client.get("/v1/events", params={"after": "latest"}).json()["next_cursor"]
            asked = {"wait": "30", "after": after}
            waiting = [threads.submit(client.get, "/v1/events", params=asked) for _ in range(3)]
            time.sleep(1)
            assert not any(one.done() for one in waiting)
            started = time.monotonic()
            service.process.terminate()
            answers = [one.result() for one in waiting]
            assert time.monotonic() - started < 5
        assert [(one.status_code, one.json()["data"]) for one in answers] == [(200, [])] * 3
        assert service.process.wait(10) == 0
