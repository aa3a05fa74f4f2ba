"""What lives as long as the process is not looked at again, and what comes and goes in cycles still goes."""

import subprocess
import sys

from tests.command import ROOT

_SPARED = """
import gc, weakref
from app.garbage_collection import spare_what_stays

class Node:
    pass

def cycle():
    node = Node()
    node.itself = node
    return weakref.ref(node)

early = cycle()
spare_what_stays()
assert early() is None
assert gc.get_freeze_count() > 1_000
assert len(gc.get_objects()) < 1_000
late = cycle()
assert late() is not None
kept = [[] for _ in range(30_000)]
assert late() is None, "a collection has come by itself"
"""

_SERVED = """
import asyncio, gc
from app.main import create_app
from app.settings import Settings

async def ready():
    settings = Settings.model_validate({"DATABASE_URL": "postgresql://localhost:1/none", "BACKGROUND_WORK": "false"})
    application = create_app(settings)
    async with application.router.lifespan_context(application):
        print(gc.get_freeze_count())

asyncio.run(ready())
"""


def run(script: str) -> str:
    command = [sys.executable, "-c", script]
    return subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=120).stdout


def test_what_stays_is_spared_and_what_comes_later_is_not() -> None:
    run(_SPARED)


def test_a_service_that_is_ready_spares_what_it_is_made_of() -> None:
    assert int(run(_SERVED)) > 100_000
