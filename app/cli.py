"""The command `po-registry`.

What serves takes three seconds to load, and what works in the background nearly as long. So each is loaded where it is
needed: a wrong setting is told at once, and a service whose workers are processes of their own loads it in them alone.
"""

import argparse
import asyncio
import errno
import json
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Final
from uuid import UUID

import asyncpg
import uvicorn
from prometheus_client import start_http_server
from pydantic import ValidationError
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from app.db.database_faults import DatabaseError, database_faults_in_words
from app.db.embedded import EmbeddedPostgres, EmbeddedPostgresError, url_of_running
from app.db.migrations import MigrationError, is_at_newest, is_migrated, migrate
from app.db.session import Database, connections_of
from app.errors import Problem
from app.http.lean_protocol import LeanProtocol
from app.numbers.number_issuer import ISSUER_POOL_SIZE, NumberIssuer
from app.principal import Scope
from app.settings import Settings, SettingsError, load_settings
from app.telemetry import configure_logging, logger, metrics_registry

_log = logger(__name__)

_STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_SECONDS_FOR_ORPHANS: Final = 3.0
"""How long a port that is in use is asked for: the workers of a killed `serve` need a moment to let go of it."""

_BACKLOG: Final = 2048
"""Connections that wait to be accepted; as many as uvicorn asks for."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; a fault that a person can mend ends it with one line and exit status 2."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except KeyboardInterrupt:
        # What a shell reports for a program that Ctrl-C ended.
        sys.exit(128 + signal.SIGINT)
    except EmbeddedPostgresError as error:
        sys.stderr.writelines(f"{line}\n" for line in error.log_lines)
        sys.exit(_fault(str(error)))
    except (SettingsError, MigrationError, DatabaseError) as error:
        sys.exit(_fault(str(error)))
    except Problem as problem:
        sys.exit(_fault(problem.detail))
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}".lstrip(": ") for fault in error.errors()]
        sys.exit(_fault("; ".join(faults)))


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
    _on_stop_signals(_stop)
    with ExitStack() as stack:
        listener = stack.enter_context(_listener(settings))
        _serve_metrics_of_workers(settings, stack)
        # A stop signal raises in the main thread. In the middle of SQLAlchemy's greenlets that ended the process with
        # SIGSEGV, or was lost: so whatever talks to the database before the server runs does it in another thread.
        apart = stack.enter_context(ThreadPoolExecutor(1, "database-at-start"))
        if settings.database_url is None:
            settings = _with_embedded_postgres(settings, stack, apart)
        else:
            url = settings.database_url.get_secret_value()
            apart.submit(asyncio.run, _look_at_database(settings, url)).result()
        _run_uvicorn(settings, listener)
    _log.info("stopped")


def _with_embedded_postgres(settings: Settings, stack: ExitStack, apart: Executor) -> Settings:
    postgres = EmbeddedPostgres(settings.data_directory)
    stack.callback(postgres.stop)
    postgres.start()
    # Worker processes read their settings from the environment, and find the running Postgres there.
    os.environ["DATABASE_URL"] = postgres.url
    stack.callback(os.environ.pop, "DATABASE_URL", None)
    apart.submit(_make_ready, settings, postgres.url).result()
    return load_settings()


def _make_ready(settings: Settings, url: str) -> None:
    from app.access import command_line  # noqa: PLC0415 - see above

    with database_faults_in_words():
        asyncio.run(_has_enough_connections(settings, url))
        if not asyncio.run(is_at_newest(url)):
            migrate(url)
        asyncio.run(command_line.create_first_key(url, settings.data_directory))


async def _has_enough_connections(settings: Settings, url: str) -> None:
    a_worker = connections_of(settings.database_pool_size) + ISSUER_POOL_SIZE
    wanted = settings.workers * a_worker
    connection = await asyncpg.connect(url)
    try:
        there_are = await connection.fetchval(
            "SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int"
        )
    finally:
        await connection.close()
    if wanted > there_are:
        raise SettingsError(
            f"PO_REGISTRY_WORKERS and DATABASE_POOL_SIZE ask for {wanted} connections and the embedded Postgres takes "
            f"{there_are}: lower one of them, or raise max_connections in "
            f"{settings.data_directory / 'postgres' / 'cluster' / 'postgresql.conf'}."
        )


async def _look_at_database(settings: Settings, url: str) -> None:
    """Refuse a DATABASE_URL that cannot work; one that is only out of reach is waited for, request by request."""
    database = Database.of(settings, url, pool_size=1)
    try:
        with database_faults_in_words():
            connection = await asyncpg.connect(url, timeout=settings.database_timeout, statement_cache_size=0)
            await connection.close()
            if not await is_migrated(database):
                _log.warning("the database is not at the migration that this version needs: run `po-registry migrate`")
    except DatabaseError as fault:
        if fault.is_final:
            raise
        _log.warning("the database cannot be used yet: requests get 503 until it answers", fault=str(fault))
    finally:
        await database.dispose()


def _serve_metrics_of_workers(settings: Settings, stack: ExitStack) -> None:
    if settings.workers > 1:
        # Each worker process counts for itself; the files of this directory bring their counts together.
        directory = tempfile.TemporaryDirectory(prefix="po-registry-metrics-", ignore_cleanup_errors=True)
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = stack.enter_context(directory)
    _serve_metrics(settings, stack)


def _serve_metrics(settings: Settings, stack: ExitStack) -> None:
    if settings.metrics_port is not None:
        try:
            server, thread = start_http_server(settings.metrics_port, settings.metrics_host, metrics_registry())
        except (OSError, UnicodeError) as error:
            raise _cannot_listen("METRICS_", settings.metrics_host, settings.metrics_port, error) from None
        stack.callback(thread.join)
        stack.callback(server.shutdown)


def _run_uvicorn(settings: Settings, listener: socket.socket) -> None:
    config = uvicorn.Config(
        "app.main:create_app",
        factory=True,
        workers=settings.workers,
        loop="uvloop",
        http=LeanProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=settings.shutdown_timeout,
        timeout_keep_alive=75,
        # A worker is asked for a sign of life while it still starts: on a busy machine that takes a while.
        timeout_worker_healthcheck=60,
    )
    _log.info("serving", url=f"http://{_authority(settings.host, settings.port)}", workers=settings.workers)
    if settings.workers == 1:
        server = uvicorn.Server(config)
        # uvicorn raises the signal that stopped it once more when it is done. It must not end the process there:
        # Postgres would not be stopped but cut off.
        _on_stop_signals(lambda *_: setattr(server, "should_exit", True))
        server.run(sockets=[listener])
        return
    os.environ["PO_REGISTRY_PARENT"] = str(os.getpid())
    before = signal.getsignal(signal.SIGHUP)
    supervisor = Multiprocess(config, sockets=[listener])
    # To uvicorn it means a restart of every worker, even under nohup; to us that the terminal is gone.
    signal.signal(signal.SIGHUP, before)
    _on_stop_signals(lambda *_: supervisor.should_exit.set(), [signal.SIGHUP])
    supervisor.run()
    if any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes):
        sys.exit(STARTUP_FAILURE)


@contextmanager
def _listener(settings: Settings) -> Iterator[socket.socket]:
    """Yield the socket that all workers accept on, bound before anything else is started."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        deadline = time.monotonic() + _SECONDS_FOR_ORPHANS
        while True:
            try:
                listener.bind((settings.host, settings.port))
                # Two sockets may be bound to one port, but only one can listen: here is where a second one shows.
                listener.listen(_BACKLOG)
                break
            except (OSError, UnicodeError) as error:
                in_use = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
                if not in_use or time.monotonic() > deadline:
                    raise _cannot_listen("", settings.host, settings.port, error) from None
                time.sleep(0.1)
        yield listener


def _cannot_listen(prefix: str, host: str, port: int, error: Exception) -> SettingsError:
    reason = error.strerror if isinstance(error, OSError) else "not a host"
    return SettingsError(
        f"Cannot listen on {_authority(host, port)} ({reason}): set {prefix}HOST or {prefix}PORT to another."
    )


def _authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _migrate(_: argparse.Namespace) -> None:
    settings = load_settings()
    configure_logging(settings.log_level)
    url = _database_url(settings)
    with database_faults_in_words():
        migrate(url)


def _worker(_: argparse.Namespace) -> None:
    settings = load_settings()
    configure_logging(settings.log_level)
    with ExitStack() as stack:
        _serve_metrics(settings, stack)
        asyncio.run(_work_until_stopped(settings))


async def _work_until_stopped(settings: Settings) -> None:
    from app.exchange.runner import ImportRunner  # noqa: PLC0415 - see above
    from app.worker import background_work  # noqa: PLC0415 - see above

    stopped = asyncio.Event()
    for stop in _STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(stop, stopped.set)
    database = Database.of(settings, _database_url(settings), pool_size=4)
    _log.info("working")
    issuer = NumberIssuer(database.beside(ISSUER_POOL_SIZE))
    async with background_work(database, ImportRunner(database, issuer), settings, enabled=True):
        await stopped.wait()
    await issuer.dispose()
    await database.dispose()
    _log.info("stopped")


def _create_key(options: argparse.Namespace) -> None:
    from app.access import command_line  # noqa: PLC0415 - see above
    from app.access.schemas import CreateApiKey  # noqa: PLC0415 - see above

    settings = load_settings()
    body = CreateApiKey.model_validate({"name": options.name, "scopes": options.scopes.split(",")})
    url = _database_url(settings)
    with database_faults_in_words():
        secret = asyncio.run(command_line.create_key(url, body, options.new_organisation, options.organisation))
    sys.stdout.write(f"{secret}\n")


def _openapi(_: argparse.Namespace) -> None:
    from app.main import create_app  # noqa: PLC0415 - see above

    settings = Settings.model_validate({"DATABASE_URL": "postgresql://nowhere"})
    sys.stdout.write(json.dumps(create_app(settings).openapi(), indent=2, ensure_ascii=False) + "\n")


def _database_url(settings: Settings) -> str:
    """Return the database of the settings, or the embedded one that a `serve` on this machine runs."""
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    try:
        running = url_of_running(settings.data_directory)
    except OSError as error:
        raise SettingsError(f"{settings.data_directory} (PO_REGISTRY_DATA_DIR): {error.strerror}.") from None
    if running is None:
        raise SettingsError(
            "DATABASE_URL is not set and no `po-registry serve` runs on the data directory "
            f"{settings.data_directory} (PO_REGISTRY_DATA_DIR)."
        )
    return running


class _Stopped(SystemExit):
    """Raised by a stop signal before the server runs.

    An event loop hands on SystemExit as it is; it would log any other exception of a callback and go on.
    """


def _stop(_: int, __: FrameType | None) -> None:
    # The second Ctrl-C of somebody in a hurry must not cut short what the first one has begun to stop.
    _on_stop_signals(signal.SIG_IGN)
    raise _Stopped


def _on_stop_signals(
    handler: Callable[[int, FrameType | None], object] | signal.Handlers,
    signals: Sequence[signal.Signals] = _STOP_SIGNALS,
) -> None:
    for one in signals:
        # nohup: whoever started us with hang-ups ignored wants them ignored.
        if one is not signal.SIGHUP or signal.getsignal(one) is not signal.SIG_IGN:
            signal.signal(one, handler)


def _fault(sentence: str) -> int:
    sys.stderr.write(f"po-registry: {sentence}\n")
    return 2
