"""One real Postgres and one real server for each worker of a run; parties and keys of its own for each test."""

import asyncio
import fcntl
import os
import secrets
import socket
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
import uvicorn

from app.access import command_line
from app.access.schemas import CreateApiKey
from app.db.embedded import EmbeddedPostgres
from app.db.migrations import migrate
from app.db.session import Database
from app.http.lean_protocol import LeanProtocol
from app.main import create_app
from app.principal import Scope
from app.settings import Settings
from tests import command
from tests.databases import patient
from tests.parties import Operator, Party

# httpx reads the certificates of every authority anew for each client, 40 ms a time; nothing here speaks TLS.
os.environ.pop("SSL_CERT_FILE", None)
os.environ["SSL_CERT_DIR"] = os.devnull
# Each process that a test starts would compile the service anew: a fifth of its start.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# An answer that does not fit its schema is a fault of the service, and no line in its log.
os.environ["PYTHONWARNINGS"] = "error:Pydantic serializer warnings:UserWarning"


START_FIRST = ("test_command.py", "test_serving.py", "test_service_under_fire.py", "test_readme.py")
"""Files of minutes. `--dist loadfile` keeps a file on one worker: one that starts last keeps the others waiting."""


def pytest_xdist_auto_num_workers() -> int:
    """Return one worker more than there are cores: a good part of the time a test waits for what it has started."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=lambda item: item.path.name not in START_FIRST)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Let a test that is marked `alone` wait for the other workers' tests, and theirs for it."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return (yield)
    alone = item.get_closest_marker("alone") is not None
    with Path(__file__).open() as machine:
        # Whoever waits for the machine stands in the door, or the others would pass by for ever.
        with Path(__file__).with_name("parties.py").open() as door:
            fcntl.flock(door, fcntl.LOCK_EX)
            fcntl.flock(machine, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        return (yield)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def database_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A migrated database; TEST_DATABASE_URL names another empty one, to run the tests on Postgres 15 to 17."""
    if "TEST_DATABASE_URL" in os.environ:
        with own_database(os.environ["TEST_DATABASE_URL"]) as url:
            migrate(url)
            yield url
        return
    with EmbeddedPostgres(tmp_path_factory.mktemp("postgres")) as postgres:
        migrate(postgres.url)
        yield postgres.url


@contextmanager
def own_database(url: str) -> Iterator[str]:
    """The database of the URL; for one of several workers another beside it, which is made and dropped."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker is None:
        yield url
        return
    name = f"worker_{worker}_{secrets.token_hex(4)}"

    async def execute(statement: str) -> None:
        connection = await asyncpg.connect(url)
        await connection.execute(statement)
        await connection.close()

    asyncio.run(execute(f"CREATE DATABASE {name}"))
    yield urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
    asyncio.run(execute(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(scope="session")
def server(database_url: str) -> Iterator[str]:
    """The base URL of a server on a real socket, in a thread of this process so that its coverage is measured."""
    # Tests that look up tens of thousands of misread numbers are no guessers. And on a machine that others use too, a
    # request may take longer than a lorry waits: what is promised of time is tested on servers of its own.
    limits = {"LOOK_UPS_PER_HOUR": 10**9, "LOOK_UPS_PER_HOUR_AT_A_GATE": 10**9, "DATABASE_TIMEOUT": 5}
    webhooks = {"WEBHOOK_INTERNAL_HOSTS": "127.0.0.1", "WEBHOOK_TIMEOUT": 1}
    settings = {"DATABASE_URL": database_url, "LOG_LEVEL": "error", **limits, **webhooks}
    with serving(Settings.model_validate(settings)) as url:
        yield url


class serving:
    """A server for as long as the block lasts; without the `lane` everything goes the way of FastAPI."""

    def __init__(self, settings: Settings, *, lane: bool = True) -> None:
        self.application = create_app(settings)
        config = uvicorn.Config(
            self.application,
            http=LeanProtocol if lane else "httptools",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            ws="none",
            loop="asyncio",
        )
        self._server = uvicorn.Server(config)
        # Only where the protocol is named does asyncio turn off Nagle's algorithm; with it each answer waits for 40 ms.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.bind(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)

    def __enter__(self) -> str:
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise RuntimeError("the server did not start")
            time.sleep(0.01)
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=30)
        self._socket.close()


@pytest.fixture(scope="session")
def operator(server: str, database_url: str) -> Iterator[Operator]:
    """The operator, with a key of every scope."""
    body = CreateApiKey(name="tests", scopes=list(Scope))
    secret = asyncio.run(command_line.create_key(database_url, body, "Operator", None))
    with Operator(server, secret) as operator:
        yield operator


@pytest.fixture
def party(operator: Operator) -> Iterator[Callable[..., Party]]:
    """Makes a new organisation with a key of every scope but the operator's: `party("Nordwind", phone=...)`."""
    made: list[Party] = []

    def make(name: str = "Party", **fields: Any) -> Party:
        made.append(operator.new_party(name, **fields))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def buyer(party: Callable[..., Party]) -> Party:
    return party("Nordwind Retail", contact_points={"buyer_desk": {"phone": "+49 40 555 0199"}})


@pytest.fixture
def seller(party: Callable[..., Party]) -> Party:
    return party("Anders & Ko", contact_points={"supplier_desk": {"phone": "+45 33 555 012"}})


@pytest.fixture
def warehouse(party: Callable[..., Party]) -> Party:
    return party("Hafenlager 2", contact_points={"logistics": {"phone": "+49 40 555 0142"}})


@pytest.fixture
def forwarder(party: Callable[..., Party]) -> Party:
    return party("Elbe Spedition")


@pytest.fixture
def stranger(party: Callable[..., Party]) -> Party:
    return party("Stranger")


@pytest.fixture
def sql(database_url: str) -> Callable[..., list[asyncpg.Record]]:
    """Runs one statement on a connection of its own and returns its rows; not for tests that run in a loop."""

    async def run(statement: str, *values: Any) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(database_url)
        try:
            return list(await connection.fetch(statement, *values))
        finally:
            await connection.close()

    return lambda statement, *values: asyncio.run(run(statement, *values))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The service's own way to the database, for tests that run in a loop."""
    database = patient(database_url, pool_size=5)
    yield database
    await database.dispose()


@pytest.fixture(scope="session")
def repository_root() -> Path:
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def made_by_serve(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory that a first `po-registry serve` leaves behind, to be copied."""
    directory = tmp_path_factory.mktemp("first") / "data"
    with command.Service(PO_REGISTRY_DATA_DIR=directory) as service:
        assert service.ready().stop() == 0
    return directory


@pytest.fixture
def data_directory(made_by_serve: Path, tmp_path: Path) -> Path:
    """A data directory of its own that `serve` has used before: ten times as fast as a first start."""
    subprocess.run(["cp", "-a", made_by_serve, tmp_path / "data"], check=True)
    return tmp_path / "data"


@pytest.fixture(scope="session")
def another_database(database_url: str) -> Callable[[], AbstractContextManager[str]]:
    """Makes the URL of an empty database that lasts for a block: `with another_database() as url`."""

    async def execute(statement: str) -> None:
        connection = await asyncpg.connect(database_url)
        await connection.execute(statement)
        await connection.close()

    @contextmanager
    def another() -> Iterator[str]:
        name = f"another_{secrets.token_hex(4)}"
        asyncio.run(execute(f"CREATE DATABASE {name}"))
        yield urlunsplit(urlsplit(database_url)._replace(path=f"/{name}"))
        asyncio.run(execute(f"DROP DATABASE {name} WITH (FORCE)"))

    return another


@pytest.fixture
def new_database(database_url: str, sql: Callable[..., list[asyncpg.Record]]) -> Iterator[str]:
    """The URL of an empty database."""
    name = f"new_{secrets.token_hex(4)}"
    sql(f"CREATE DATABASE {name}")
    yield urlunsplit(urlsplit(database_url)._replace(path=f"/{name}"))
    sql(f"DROP DATABASE {name} WITH (FORCE)")
