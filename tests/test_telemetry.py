"""What gets into the log, seen from a process of its own."""

import json
import subprocess
import sys
from typing import Any

from tests.command import ROOT, environment

ABOUT_FAULTS = """
import logging, traceback
from app.telemetry import configure_logging, logger
configure_logging("info")
try:
    raise ValueError("hunter2")
except ValueError:
    logging.getLogger("uvicorn.error").error(traceback.format_exc())
    logging.getLogger("uvicorn.error").exception("in the server")
    logger("test").exception("in the service", request_id="1")
logging.getLogger("sqlalchemy.engine").error("SELECT hunter2")
logger("test").debug("too quiet")
"""


def lines_of(script: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment(), cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert done.stdout == ""
    assert "hunter2" not in done.stderr
    assert "Traceback" not in done.stderr
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_a_fault_is_named_by_its_kind_and_never_by_its_text_or_stack() -> None:
    written, server, service = lines_of(ABOUT_FAULTS)
    assert (written["event"], written["error"]) == ("fault of the server", "ValueError")
    assert (server["event"], server["error"]) == ("in the server", "builtins.ValueError")
    assert (service["event"], service["error"], service["request_id"]) == ("in the service", "builtins.ValueError", "1")
    assert all(line["level"] == "error" for line in (written, server, service))
