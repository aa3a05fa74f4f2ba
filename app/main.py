"""The one place where everything is put together: the application and its lifespan."""

import asyncio
import ctypes
import os
import shutil
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from importlib.metadata import version
from types import FrameType
from typing import Any

from fastapi import FastAPI

from app import api
from app.access.authenticator import CachingAuthenticator
from app.db.lists import Lists
from app.db.session import Database
from app.events.gate_checks import gate_check_writer
from app.exchange.runner import ImportRunner
from app.feed.waiting import LongPolls
from app.garbage_collection import spare_what_stays
from app.hot_lane import HotLane
from app.http import documentation, health, openapi, problems
from app.http.authorisation import KeyBeforeBody
from app.http.body_limit import BodyLimit
from app.http.crowd import Crowd
from app.http.look_up_limits import LookUpLimiter
from app.http.request_context import RequestContext
from app.http.unit_of_work import RequestsUnderWay
from app.numbers.number_issuer import ISSUER_POOL_SIZE, NumberIssuer
from app.orders.issuing_together import OrderDesk
from app.settings import Settings, SettingsError, load_settings
from app.telemetry import configure_logging
from app.validation.service import Gate
from app.webhooks.secrets import Vault
from app.worker import background_work

GATE_CROWD = 128
"""Validations under way at once in a worker process: more than any site scans, and less than a second of its work."""

_PR_SET_PDEATHSIG = 1


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the application; without settings they are read from the environment (as uvicorn's workers do)."""
    settings = settings or load_settings()
    configure_logging(settings.log_level)
    if settings.database_url is None:
        raise SettingsError("DATABASE_URL is not set: start with `po-registry serve`, which brings its own Postgres.")
    url = settings.database_url.get_secret_value()
    application = FastAPI(
        title="PO Registry",
        version=version("po-registry"),
        summary="Purchase-order numbers that warehouses, freight forwarders and ERP systems can trust.",
        description=api.introduction(),
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        openapi_tags=api.TAGS,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=_lifespan,
        redirect_slashes=False,
    )
    application.state.settings = settings
    application.state.gate_crowd = Crowd(GATE_CROWD)
    application.state.requests_under_way = RequestsUnderWay()
    application.state.database = Database.of(settings, url)
    application.state.lists = Lists.of(settings, application.state.database)
    application.state.authenticator = CachingAuthenticator(application.state.database)
    application.state.number_issuer = NumberIssuer(application.state.database.beside(ISSUER_POOL_SIZE))
    application.state.import_runner = ImportRunner(application.state.database, application.state.number_issuer)
    application.state.look_ups = LookUpLimiter(
        application.state.database,
        limit=settings.look_ups_per_hour,
        limit_at_a_gate=settings.look_ups_per_hour_at_a_gate,
    )
    application.state.gate_checks = gate_check_writer(application.state.database)
    application.state.long_polls = LongPolls(application.state.database)
    application.state.webhook_vault = Vault(settings.webhook_keys)
    application.state.gate = Gate(application.state.database, application.state.look_ups, application.state.gate_checks)
    application.state.order_desk = OrderDesk(application.state.database, application.state.number_issuer)
    application.state.hot_lane = HotLane(application.state)
    application.include_router(api.router)
    application.include_router(health.router)
    documentation.install(application)
    problems.install(application)
    application.openapi = lambda: _document(application)  # type: ignore[method-assign]  # FastAPI's documented way
    application.add_middleware(BodyLimit)
    application.add_middleware(KeyBeforeBody)
    application.add_middleware(RequestContext)
    return application


def _document(application: FastAPI) -> dict[str, Any]:
    if application.openapi_schema is None:
        application.openapi_schema = openapi.document(application, api.vocabularies(), api.webhooks())
    return application.openapi_schema


@asynccontextmanager
async def _lifespan(application: FastAPI) -> AsyncIterator[None]:
    settings: Settings = application.state.settings
    _end_with_parent()
    # Whoever is in a hurry, a second Ctrl-C, has the server cancel this instead of ending it.
    with suppress(asyncio.CancelledError), _told_of_stop_signals(application.state.long_polls.close):
        runner = application.state.import_runner
        database = application.state.database
        async with background_work(database, runner, settings, enabled=settings.background_work):
            if threading.current_thread() is threading.main_thread():
                # Elsewhere it is one of several services of a process, which goes before the process does.
                spare_what_stays()
            yield
    await application.state.long_polls.dispose()
    await application.state.gate_checks.close()
    await application.state.look_ups.close()
    await application.state.number_issuer.dispose()
    await application.state.lists.dispose()
    await application.state.database.dispose()
    _tidy_up_after_parent()


@contextmanager
def _told_of_stop_signals(tell: Callable[[], None]) -> Iterator[None]:
    """Call `tell` in the event loop as soon as a signal stops the server.

    The server itself says so only when all requests are answered; those that wait for events would keep it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}

    def tell_and_go_on(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(tell)
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)

    for one, handler in before.items():
        if callable(handler):
            signal.signal(one, tell_and_go_on)
    try:
        yield
    finally:
        for one, handler in before.items():
            if callable(handler):
                signal.signal(one, handler)


def _end_with_parent() -> None:
    """Let a worker process end with the command that started it, even where that is killed without a word.

    Orphaned workers would go on holding the port, and the next start could not listen.
    """
    parent = os.environ.get("PO_REGISTRY_PARENT")
    if parent is None or os.getpid() == int(parent):
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(parent):
        signal.raise_signal(signal.SIGTERM)


def _tidy_up_after_parent() -> None:
    """Remove the directory of the workers' metrics where the command that made it was killed and cannot."""
    parent, directory = os.environ.get("PO_REGISTRY_PARENT"), os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if parent is not None and directory is not None and os.getpid() != int(parent) != os.getppid():
        shutil.rmtree(directory, ignore_errors=True)
