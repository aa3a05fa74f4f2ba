"""The command `po-registry`: its first start, its settings and faults, and what it does beside serving."""

import asyncio
import json
import os
import pty
import re
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx
import pytest

from app.cli import main
from tests.command import COMMAND, ROOT, Service, environment, free_port, is_running, run, until
from tests.db.embedded import ask, has_no_process

SECRET = re.compile(r"por_live_\w+")


def key_of(data_directory: Path) -> str:
    return (data_directory / "admin.key").read_text().strip()


def fault_of(*arguments: str, **settings: object) -> str:
    """Run a command that must refuse, and return the one line it says."""
    refused = run(*arguments, **settings)
    assert refused.returncode == 2, refused.stderr
    assert "Traceback" not in refused.stderr
    line = refused.stderr.rstrip("\n").splitlines()[-1]
    assert line.startswith("po-registry: ")
    assert refused.stdout == ""
    return line


def test_the_first_start_makes_a_key_for_its_owner_alone_and_says_it_to_no_log(tmp_path: Path) -> None:
    directory = tmp_path / "a place, with signs: 100 % ö" / ("long" * 30) / "data"
    with Service(measure=True, PO_REGISTRY_DATA_DIR=directory) as service:
        service.ready()
        service.key = key_of(directory)
        assert stat.S_IMODE((directory / "admin.key").stat().st_mode) == 0o600
        assert service.issue().startswith("PO-")
        assert service.stop() == 0
        assert not SECRET.search(service.output())
        assert service.lines()[-1]["event"] == "stopped"
    assert has_no_process(directory)
    with Service(PO_REGISTRY_DATA_DIR=directory, key=service.key) as service:
        service.ready().issue()
        assert key_of(directory) == service.key


def test_the_first_key_is_shown_on_a_terminal(tmp_path: Path) -> None:
    controller, terminal = pty.openpty()
    shown: list[bytes] = []

    def read() -> None:
        # The terminal's other side reports the end of the last writer as an error.
        try:
            while block := os.read(controller, 4096):
                shown.append(block)
        except OSError:
            return

    reader = threading.Thread(target=read)
    with Service(PO_REGISTRY_DATA_DIR=tmp_path / "data", terminal=terminal) as service:
        os.close(terminal)
        reader.start()
        service.ready()
        assert service.stop(signal.SIGINT) == 0
    reader.join(10)
    os.close(controller)
    assert key_of(tmp_path / "data") in b"".join(shown).decode()


def test_a_first_start_that_is_killed_once_the_key_is_written_leaves_no_database_whose_key_nobody_knows(
    tmp_path: Path,
) -> None:
    directory = tmp_path / "data"
    with Service(PO_REGISTRY_DATA_DIR=directory) as service:
        until((directory / "admin.key").exists)
        service.stop(signal.SIGKILL)
    with Service(PO_REGISTRY_DATA_DIR=directory) as service:
        service.ready()
        service.key = key_of(directory)
        service.issue()


def test_a_link_in_the_place_of_the_key_is_replaced_and_leads_nowhere(tmp_path: Path) -> None:
    directory, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    directory.mkdir()
    elsewhere.write_text("kept")
    for name in ("admin.key", "admin.new"):
        (directory / name).symlink_to(elsewhere)
    with Service(PO_REGISTRY_DATA_DIR=directory) as service:
        service.ready()
    assert elsewhere.read_text() == "kept"
    assert SECRET.fullmatch(key_of(directory))


def test_a_first_start_that_cannot_write_its_key_leaves_no_database_whose_key_nobody_knows(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    (directory / "admin.key").mkdir(parents=True)
    assert "admin.key" in fault_of("serve", PO_REGISTRY_DATA_DIR=directory, PORT=free_port())
    (directory / "admin.key").rmdir()
    with Service(PO_REGISTRY_DATA_DIR=directory) as service:
        service.ready()
        service.key = key_of(directory)
        service.issue()


@pytest.mark.parametrize("seconds", [0.0, 0.6, 1.2])
def test_a_first_start_that_is_stopped_ends_quietly_and_the_next_one_serves(tmp_path: Path, seconds: float) -> None:
    directory = tmp_path / "data"
    with Service(PO_REGISTRY_DATA_DIR=directory) as service:
        until(directory.exists)
        # Not a wait for something: the stop shall come anywhere in the middle.
        time.sleep(seconds)
        assert service.stop() == 0
        assert "Traceback" not in service.output()
    assert has_no_process(directory)
    with Service(PO_REGISTRY_DATA_DIR=directory) as service:
        service.ready()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "65536"),
        ("DATABASE_URL", "postgresql://root:hunter2/x@127.0.0.1/po"),
        ("HOST", "no such..host"),
        ("METRICS_HOST", "no such..host"),
    ],
)
def test_a_service_with_a_bad_setting_names_it_in_one_line_and_starts_nothing(
    tmp_path: Path, name: str, value: str
) -> None:
    settings = {"PORT": free_port(), "METRICS_PORT": free_port(), "PO_REGISTRY_DATA_DIR": tmp_path / "data"}
    line = fault_of("serve", **{**settings, name: value})
    assert name in line
    assert "hunter2" not in line
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "hunter2"),
        ("PO_REGISTRY_WORKERS", "0"),
        ("DATABASE_URL", "mysql://root:hunter2@db/po"),
        ("DATABASE_POOL_SIZE", "-1"),
        ("DATABASE_STATEMENT_CACHE_SIZE", "hunter2"),
        ("DATABASE_TIMEOUT", "0"),
        ("METRICS_PORT", "hunter2"),
        ("LOG_LEVEL", "loud"),
        ("SHUTDOWN_TIMEOUT", "soon"),
        ("BACKGROUND_WORK", "perhaps"),
    ],
)
def test_every_setting_that_is_read_is_checked_and_its_value_never_repeated(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit, match="2"):
        main(["migrate"])
    (line,) = capsys.readouterr().err.splitlines()
    assert f" {name}: " in line
    assert "hunter2" not in line


def test_all_bad_settings_are_named_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for settings in ({"PORT": "http", "LOG_LEVEL": "loud"}, {"PORT": "8000", "METRICS_PORT": "8000"}):
        with monkeypatch.context() as patch:
            for name, value in settings.items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit):
                main(["migrate"])
        (line,) = capsys.readouterr().err.splitlines()
        assert all(name in line for name in settings)


def test_a_port_in_use_is_told_before_anything_is_started(server: str, tmp_path: Path) -> None:
    taken = httpx.URL(server).port
    line = fault_of("serve", "--port", str(taken), PO_REGISTRY_DATA_DIR=tmp_path / "data")
    assert f":{taken} " in line
    assert "PORT" in line
    line = fault_of("serve", PORT=free_port(), METRICS_PORT=taken, PO_REGISTRY_DATA_DIR=tmp_path / "data")
    assert f":{taken} " in line
    assert "METRICS_PORT" in line
    assert not (tmp_path / "data").exists()


def test_a_data_directory_that_cannot_be_used_is_named_with_its_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    line = fault_of("serve", PORT=free_port(), PO_REGISTRY_DATA_DIR=tmp_path / "file" / "data")
    assert "file/data" in line
    assert "PO_REGISTRY_DATA_DIR" in line


def test_what_postgres_said_stands_before_the_line_that_it_did_not_start(data_directory: Path) -> None:
    with (data_directory / "postgres" / "cluster" / "postgresql.conf").open("a") as configuration:
        configuration.write("\nmax_connections = many\n")
    refused = run("serve", PORT=free_port(), PO_REGISTRY_DATA_DIR=data_directory)
    assert refused.returncode == 2
    *before, last = refused.stderr.splitlines()
    assert last.startswith("po-registry: ")
    assert any("invalid value for parameter" in line and "max_connections" in line for line in before)
    assert "Traceback" not in refused.stderr


def test_more_connections_than_the_embedded_postgres_takes_are_refused_at_the_start(data_directory: Path) -> None:
    line = fault_of("serve", "--workers", "9", PORT=free_port(), PO_REGISTRY_DATA_DIR=data_directory)
    assert "PO_REGISTRY_WORKERS" in line
    assert "DATABASE_POOL_SIZE" in line
    assert has_no_process(data_directory)


def test_options_come_before_the_environment(data_directory: Path) -> None:
    port = free_port()
    options = ("--host", "localhost", "--port", str(port), "--workers", "1")
    settings = {"HOST": "192.0.2.1", "PORT": free_port(), "PO_REGISTRY_WORKERS": 2}
    with Service(*options, PO_REGISTRY_DATA_DIR=data_directory, **settings) as service:
        service.url = f"http://127.0.0.1:{port}"
        service.ready()
        assert service.workers() == []


def test_the_openapi_document_is_printed_without_a_database() -> None:
    printed = run("openapi")
    assert printed.returncode == 0
    assert json.loads(printed.stdout)["info"]["title"] == "PO Registry"


def test_what_serves_is_loaded_by_nobody_who_does_not_serve() -> None:
    # Three seconds before a wrong setting is told, and of each worker's parent.
    loaded = "import sys, app.cli; sys.exit('app.main' in sys.modules or 'app.worker' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", loaded], check=False, cwd=ROOT).returncode == 0


def test_without_a_database_the_other_commands_say_what_is_missing(tmp_path: Path) -> None:
    for command in (["migrate"], ["worker"], ["create-key", "--new-organisation", "Nordwind"]):
        line = fault_of(*command, PO_REGISTRY_DATA_DIR=tmp_path)
        assert "DATABASE_URL" in line
        assert "PO_REGISTRY_DATA_DIR" in line


def test_a_key_can_be_made_beside_a_service_with_the_embedded_postgres(data_directory: Path) -> None:
    with Service(PO_REGISTRY_DATA_DIR=data_directory) as service:
        service.ready()
        made = run("create-key", "--new-organisation", "Nordwind", PO_REGISTRY_DATA_DIR=data_directory)
        assert made.returncode == 0, made.stderr
        service.key = made.stdout.strip()
        service.issue()


def test_on_a_database_of_its_own_it_migrates_makes_keys_and_serves(new_database: str) -> None:
    asked = ("create-key", "--new-organisation", "Nordwind", "--scopes", "orders:write,keys:write")
    assert "po-registry migrate" in fault_of(*asked, DATABASE_URL=new_database)
    for _ in range(2):
        migrated = run("migrate", DATABASE_URL=new_database)
        assert migrated.returncode == 0, migrated.stderr
    made = run(*asked, DATABASE_URL=new_database)
    assert made.returncode == 0, made.stderr
    with Service(measure=True, DATABASE_URL=new_database, key=made.stdout.strip()) as service:
        service.ready().issue()
        with service.client() as client:
            (key,) = client.get("/v1/api-keys").json()["data"]
        assert set(key["scopes"]) == {"orders:write", "keys:write"}
        again = run("create-key", "--organisation", key["organisation_id"], DATABASE_URL=new_database)
        with service.client(again.stdout.strip()) as client:
            assert len(client.get("/v1/api-keys").json()["data"]) == 2


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--new-organisation", "Nordwind", "--scopes", "orders:wrong"), "scopes"),
        (("--new-organisation", ""), "name"),
        (("--organisation", "00000000-0000-0000-0000-000000000000"), "organisation"),
    ],
)
def test_a_key_that_cannot_be_made_is_told_in_one_line(
    database_url: str, arguments: tuple[str, ...], named: str
) -> None:
    assert named in fault_of("create-key", *arguments, DATABASE_URL=database_url)


def test_a_database_out_of_reach_is_told_by_each_command_and_waited_for_by_the_service() -> None:
    away = f"postgresql://po:hunter2@127.0.0.1:{free_port()}/po"
    for command in (["migrate"], ["create-key", "--new-organisation", "Nordwind"]):
        line = fault_of(*command, DATABASE_URL=away)
        assert "DATABASE_URL" in line
        assert "hunter2" not in line
    with Service(measure=True, DATABASE_URL=away, key="por_live_" + "A" * 40) as service:
        service.until_answers("/healthz", 200)
        service.until_answers("/readyz", 503)
        with service.client() as client:
            assert client.get("/v1/purchase-orders").status_code == 503
        assert httpx.get(service.url + "/v1/purchase-orders").status_code == 401
        assert service.stop() == 0
        assert "hunter2" not in service.output()
        assert any("database" in line["event"] and line["level"] == "warning" for line in service.lines())


def test_a_database_that_is_not_there_or_refuses_ends_the_start(database_url: str) -> None:
    missing = urlunsplit(urlsplit(database_url)._replace(path="/no_such_database"))
    for command in ("serve", "migrate"):
        line = fault_of(command, DATABASE_URL=missing, PORT=free_port())
        assert "DATABASE_URL" in line
        assert '"no_such_database" does not exist' in line


def test_a_service_on_a_database_without_tables_starts_and_is_not_ready(new_database: str) -> None:
    with Service(DATABASE_URL=new_database) as service:
        service.until_answers("/healthz", 200)
        assert httpx.get(service.url + "/readyz").status_code == 503
        assert any("po-registry migrate" in line["event"] for line in service.lines())
        assert run("migrate", DATABASE_URL=new_database).returncode == 0
        service.ready()


def test_a_database_of_a_newer_version_is_left_as_it_is(new_database: str, tmp_path: Path) -> None:
    assert run("migrate", DATABASE_URL=new_database).returncode == 0
    execute(new_database, "UPDATE alembic_version SET version_num = '9999'")
    assert "9999" in fault_of("migrate", DATABASE_URL=new_database)


def test_the_worker_works_apart_and_stops_when_told(new_database: str) -> None:
    assert run("migrate", DATABASE_URL=new_database).returncode == 0
    execute(
        new_database,
        "INSERT INTO idempotency_keys (organisation_id, key, fingerprint, created_at, replays) "
        "VALUES (gen_random_uuid(), 'old', '', now() - interval '2 days', 0)",
    )
    worker = subprocess.Popen(
        [COMMAND, "worker"], env=environment(DATABASE_URL=new_database), cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    try:
        until(lambda: count(new_database, "idempotency_keys") == 0)
        worker.send_signal(signal.SIGTERM)
        _, said = worker.communicate(timeout=20)
    finally:
        worker.kill()
        worker.wait()
    assert worker.returncode == 0, said
    assert [json.loads(line)["event"] for line in said.splitlines()] == ["working", "stopped"]
    assert not is_running(worker.pid)


def count(url: str, table: str) -> int:
    return int(ask(url, f"SELECT count(*) FROM {table}"))


def execute(url: str, statement: str) -> None:
    async def run_it() -> None:
        connection = await asyncpg.connect(url)
        await connection.execute(statement)
        await connection.close()

    asyncio.run(run_it())
