"""Logs and metrics: one JSON line per event on standard error, Prometheus counters and histograms."""

import asyncio
import json
import logging
import os
import re
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import structlog
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

METRICS_CONTENT_TYPE: Final = CONTENT_TYPE_LATEST

REQUESTS = Counter("po_registry_requests", "Requests answered.", ["operation", "method", "status"])
REQUEST_SECONDS = Histogram(
    "po_registry_request_seconds",
    "Seconds from the first byte of a request to the last of its answer.",
    ["operation"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
VERDICTS = Counter("po_registry_verdicts", "Verdicts given, by verdict.", ["verdict"])
REFUSALS = Counter(
    "po_registry_refusals",
    "Refusals in verdicts, by code and by the organisation that asked.",
    ["code", "organisation_id"],
)
NOTES_LOST = Counter("po_registry_notes_lost", "Counts and records that could not be written, by kind.", ["kind"])
NUMBERS_ISSUED = Counter("po_registry_numbers_issued", "Purchase orders issued or registered.", ["origin"])
BUCKETS_HELD = Gauge(
    "po_registry_buckets_held",
    "Buckets of events, of 64, that this worker looks after.",
    multiprocess_mode="livesum",
)
EVENTS_RELAYED = Counter("po_registry_events_relayed", "Events that were given their places in feeds.")
RELAY_LAG_SECONDS = Histogram(
    "po_registry_relay_lag_seconds",
    "Seconds from the beginning of the transaction of an event until it was in the feeds.",
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 600, 3600, 86400),
)
OLDEST_UNDELIVERED_SECONDS = Gauge(
    "po_registry_oldest_undelivered_seconds",
    "Age of the oldest event that is in no feed yet; 0 where none waits.",
    multiprocess_mode="livemax",
)
ANNOUNCEMENTS = Counter("po_registry_announcements", "Events that time has made of orders, by type.", ["type"])
ANNOUNCEMENT_LAG_SECONDS = Gauge(
    "po_registry_announcement_lag_seconds",
    "How long the longest waiting announcement is due; 0 where none is.",
    multiprocess_mode="livemax",
)
WEBHOOK_ATTEMPTS = Counter(
    "po_registry_webhook_attempts",
    "Attempts to deliver webhooks, by what became of them: `succeeded`, or why not.",
    ["result"],
)
WEBHOOK_DELIVERIES = Counter(
    "po_registry_webhook_deliveries", "Deliveries of webhooks that came to their end, by it.", ["status"]
)
WEBHOOK_SECONDS = Histogram(
    "po_registry_webhook_seconds",
    "Seconds from the moment a delivery was made ready until it was taken.",
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 600, 3600, 86400),
)
WEBHOOK_OLDEST_UNDELIVERED_SECONDS = Gauge(
    "po_registry_webhook_oldest_undelivered_seconds",
    "Age of the oldest delivery to an endpoint that is called and has not taken it; 0 where none waits.",
    multiprocess_mode="livemax",
)


def configure_logging(level: str) -> None:
    """Write structured logs of `level` and above to standard error, those of libraries included."""
    REQUEST_LOG.is_on = logging.getLevelNamesMapping()[level.upper()] <= logging.INFO
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, _name_the_fault, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _name_the_fault,
                _cut_a_written_stack,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    # SQLAlchemy and asyncpg put statements and their values into their messages: those stay out of every log.
    logging.getLogger("sqlalchemy").setLevel(logging.CRITICAL)
    logging.getLogger("asyncio").setLevel(logging.ERROR)


class RequestLog:
    """Writes the line of each request: the same members as every line of the log has, written out by hand.

    What answers of one turn of the event loop log is written at its end, by one call of the system.
    """

    def __init__(self) -> None:
        self.is_on = True
        self._lines: list[str] = []

    def note(
        self,
        *,
        request_id: str,
        method: str,
        path: str,
        operation: str,
        status: int,
        milliseconds: float,
        organisation_id: str | None,
    ) -> None:
        """Log a request that was answered; nothing where the level is above `info`."""
        if not self.is_on:
            return
        caller = "null" if organisation_id is None else f'"{organisation_id}"'
        now = datetime.now(UTC).isoformat().removesuffix("+00:00")
        self._lines.append(
            f'{{"module": "app.http.request_context", "method": {_quoted(method)}, "path": {_quoted(path)}, '
            f'"operation": "{operation}", "status": {status}, "milliseconds": {milliseconds:.2f}, '
            f'"organisation_id": {caller}, "event": "request", "request_id": {_quoted(request_id)}, '
            f'"level": "info", "timestamp": "{now}Z"}}\n'
        )
        if len(self._lines) == 1:
            asyncio.get_running_loop().call_soon(self._write)

    def _write(self) -> None:
        text = "".join(self._lines)
        self._lines.clear()
        sys.stderr.write(text)
        sys.stderr.flush()


REQUEST_LOG: Final = RequestLog()

_quoted: Final = json.encoder.encode_basestring_ascii


def _name_the_fault(_: object, __: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    """Say which kind of error it was and where, instead of its text and stack.

    The text of a database error holds the statement, that of others what somebody sent: neither belongs into a log.
    """
    given = event.pop("exc_info", None)
    error = sys.exc_info()[1] if given is True else given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event["error"] = f"{type(error).__module__}.{type(error).__qualname__}"
        sqlstate = getattr(getattr(error, "orig", error), "sqlstate", None)
        if sqlstate is not None:
            event["sqlstate"] = sqlstate
        frames = [
            frame for frame in traceback.extract_tb(error.__traceback__) if f"{os.sep}app{os.sep}" in frame.filename
        ]
        event["at"] = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames[-5:]]
    return event


def _cut_a_written_stack(_: object, __: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    """Keep of a message that is a stack trace, as the server writes one when a start fails, the kind of error only."""
    message = str(event.get("event", ""))
    if "Traceback (most recent call last)" in message:
        kinds = re.findall(r"^([A-Za-z_][\w.]*)(?=:|$)", message, re.MULTILINE)
        event["event"] = "fault of the server"
        event["error"] = kinds[-1] if kinds else "unknown"
    return event


def logger(name: str) -> Any:
    """Return the logger of a module; keyword arguments of its calls become members of the line."""
    return structlog.get_logger(module=name)


def metrics_registry() -> CollectorRegistry:
    """Return the registry to read metrics from: of all worker processes where there are several."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library has no annotation here
    return registry


def metrics_text() -> bytes:
    """Return every metric in the Prometheus text format."""
    return generate_latest(metrics_registry())
