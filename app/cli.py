"""The command `po-registry`."""

import argparse
import asyncio
import json
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import FrameType
from uuid import UUID

import uvicorn
from prometheus_client import start_http_server
from pydantic import ValidationError
from uvicorn.supervisors import Multiprocess

from app import worker
from app.access import command_line
from app.access.schemas import CreateApiKey
from app.db.embedded import EmbeddedPostgres, EmbeddedPostgresError, url_of_running
from app.db.migrations import migrate
from app.db.session import Database
from app.errors import Problem
from app.main import create_app
from app.principal import Scope
from app.settings import Settings, SettingsError, load_settings
from app.telemetry import configure_logging, logger, metrics_registry

_log = logger(__name__)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; a fault that a person can mend ends it with one line and exit status 2."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except (SettingsError, EmbeddedPostgresError) as error:
        sys.exit(_fault(str(error)))
    except Problem as problem:
        sys.exit(_fault(problem.detail))
    except ValidationError as error:
        sys.exit(_fault("; ".join(f"{fault['loc'][-1]}: {fault['msg']}" for fault in error.errors())))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="po-registry", description="Issues and validates purchase-order numbers.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="serve the API (without DATABASE_URL: with the embedded Postgres)")
    serve.add_argument("--workers", type=int, help="worker processes (default: PO_REGISTRY_WORKERS or 1)")
    serve.add_argument("--host", help="address to listen on (default: HOST or 127.0.0.1)")
    serve.add_argument("--port", type=int, help="port to listen on (default: PORT or 8000)")
    serve.set_defaults(run=_serve)

    migrate_ = commands.add_parser("migrate", help="bring the database at DATABASE_URL to this version's tables")
    migrate_.set_defaults(run=_migrate)

    worker_ = commands.add_parser("worker", help="run background work apart from `serve`")
    worker_.set_defaults(run=_worker)

    key = commands.add_parser("create-key", help="create an API key, for a new organisation or an existing one")
    owner = key.add_mutually_exclusive_group(required=True)
    owner.add_argument("--new-organisation", metavar="NAME", help="create this organisation and a key for it")
    owner.add_argument("--organisation", metavar="ID", type=UUID, help="create a key for this organisation")
    key.add_argument("--name", default="Created on the command line", help="what the key is for")
    key.add_argument(
        "--scopes",
        default=",".join(Scope),
        help="comma-separated; all of them when left out, the operator's `admin` included",
    )
    key.set_defaults(run=_create_key)

    openapi = commands.add_parser("openapi", help="print the OpenAPI document")
    openapi.set_defaults(run=_openapi)
    return parser


def _serve(options: argparse.Namespace) -> None:
    for name, value in (("PO_REGISTRY_WORKERS", options.workers), ("HOST", options.host), ("PORT", options.port)):
        if value is not None:
            os.environ[name] = str(value)
    settings = load_settings()
    configure_logging(settings.log_level)
    # uvicorn raises the signal that stopped it once more when it is done: without handlers of our own the process
    # would end there, and Postgres would not be stopped but cut off.
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, _stop)
    with ExitStack() as stack:
        try:
            listener = stack.enter_context(_listener(settings))
            if settings.database_url is None:
                settings = _with_embedded_postgres(settings, stack)
            _serve_metrics(settings, stack)
            _run_uvicorn(settings, listener)
        except _Stopped:
            return


def _with_embedded_postgres(settings: Settings, stack: ExitStack) -> Settings:
    postgres = EmbeddedPostgres(settings.data_directory)
    stack.callback(postgres.stop)
    postgres.start()
    # Worker processes read their settings from the environment, and find the running Postgres there.
    os.environ["DATABASE_URL"] = postgres.url
    stack.callback(os.environ.pop, "DATABASE_URL", None)
    migrate(postgres.url)
    asyncio.run(command_line.create_first_key(postgres.url, settings.data_directory))
    return load_settings()


def _serve_metrics(settings: Settings, stack: ExitStack) -> None:
    if settings.workers > 1:
        # Each worker process counts for itself; the files of this directory bring their counts together.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = stack.enter_context(tempfile.TemporaryDirectory(prefix="po-registry-"))
    if settings.metrics_port is not None:
        server, thread = start_http_server(settings.metrics_port, settings.metrics_host, metrics_registry())
        stack.callback(thread.join)
        stack.callback(server.shutdown)


def _run_uvicorn(settings: Settings, listener: socket.socket) -> None:
    config = uvicorn.Config(
        "app.main:create_app",
        factory=True,
        workers=settings.workers,
        loop="uvloop",
        http="httptools",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=settings.shutdown_timeout,
        timeout_keep_alive=75,
    )
    _log.info("serving", url=f"http://{settings.host}:{settings.port}", docs="/docs", workers=settings.workers)
    server = uvicorn.Server(config)
    if settings.workers > 1:
        os.environ["PO_REGISTRY_PARENT"] = str(os.getpid())
        Multiprocess(config, sockets=[listener]).run()
    else:
        server.run(sockets=[listener])
    _log.info("stopped")


@contextmanager
def _listener(settings: Settings) -> Iterator[socket.socket]:
    """Yield the socket that all workers accept on, bound before anything else is started."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, settings.port))
        except OSError as error:
            raise SettingsError(
                f"Cannot listen on {settings.host}:{settings.port} ({error.strerror}): set HOST or PORT to another."
            ) from None
        listener.set_inheritable(True)
        yield listener


def _migrate(_: argparse.Namespace) -> None:
    migrate(_database_url(load_settings()))


def _worker(_: argparse.Namespace) -> None:
    settings = load_settings()
    configure_logging(settings.log_level)
    database = Database.of(settings, _database_url(settings), pool_size=2)
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, _stop)
    try:
        asyncio.run(worker.run_for_ever(database))
    except _Stopped:
        _log.info("stopped")


def _create_key(options: argparse.Namespace) -> None:
    settings = load_settings()
    body = CreateApiKey.model_validate({"name": options.name, "scopes": options.scopes.split(",")})
    secret = asyncio.run(
        command_line.create_key(_database_url(settings), body, options.new_organisation, options.organisation)
    )
    sys.stdout.write(f"{secret}\n")


def _openapi(_: argparse.Namespace) -> None:
    settings = Settings.model_validate({"DATABASE_URL": "postgresql://nowhere"})
    sys.stdout.write(json.dumps(create_app(settings).openapi(), indent=2, ensure_ascii=False) + "\n")


def _database_url(settings: Settings) -> str:
    """Return the database of the settings, or the embedded one that a `serve` on this machine runs."""
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    running = url_of_running(settings.data_directory)
    if running is None:
        raise SettingsError(
            "DATABASE_URL is not set and no `po-registry serve` runs on the data directory "
            f"{settings.data_directory} (PO_REGISTRY_DATA_DIR)."
        )
    return running


class _Stopped(BaseException):
    """Raised by a stop signal outside uvicorn, which has handlers of its own."""


def _stop(_: int, __: FrameType | None) -> None:
    raise _Stopped


def _fault(sentence: str) -> int:
    sys.stderr.write(f"po-registry: {sentence}\n")
    return 2
