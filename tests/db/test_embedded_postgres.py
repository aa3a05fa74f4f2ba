"""The embedded Postgres, run for real: what it promises about starting, stopping, users, paths and faults."""

import asyncio
import errno
import logging
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from app.db import embedded_binaries, embedded_cluster, embedded_postmaster, embedded_processes, embedded_supervisor
from app.db.embedded import EmbeddedPostgres, EmbeddedPostgresError, url_of_running
from tests.db.embedded import answers, ask, has_no_process, until

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become someone else")


def owner_of_postgres(data_directory: Path) -> int:
    return (data_directory / "postgres" / "cluster").stat().st_uid


def test_the_first_start_makes_a_database_and_the_next_one_finds_what_was_written(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / "not" / "there" / "yet") as postgres:
        ask(postgres.url, "CREATE TABLE kept AS SELECT 42 AS answer")
    with EmbeddedPostgres(tmp_path / "not" / "there" / "yet") as postgres:
        assert ask(postgres.url, "SELECT answer FROM kept") == 42


def test_one_object_can_be_started_and_stopped_again_and_again(data_directory: Path) -> None:
    postgres = EmbeddedPostgres(data_directory)
    postgres.stop()
    assert postgres.start() == postgres.start()
    postgres.stop()
    postgres.stop()
    postgres.start()
    assert ask(postgres.url, "SELECT answer FROM kept") == 42
    postgres.stop()


def test_the_url_of_start_is_for_sqlalchemy_and_whatever_pg_variables_are_set_do_not_matter(
    data_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"PGPORT": "1", "PGHOST": "example.org", "PGDATA": "/nowhere", "PGUSER": "stranger"}.items():
        monkeypatch.setenv(name, value)

    async def database_of(url: str) -> Any:
        engine = create_async_engine(url)
        async with engine.connect() as connection:
            row = (await connection.execute(text("SELECT current_user, current_database()"))).one()
        await engine.dispose()
        return tuple(row)

    postgres = EmbeddedPostgres(data_directory)
    try:
        assert asyncio.run(database_of(postgres.start())) == ("po_registry", "po_registry")
        assert ask(postgres.url, "SELECT current_database()") == "po_registry"
    finally:
        postgres.stop()


def test_it_is_a_postgres_18_that_syncs_listens_on_no_network_and_sorts_by_code_point(data_directory: Path) -> None:
    with EmbeddedPostgres(data_directory) as postgres:
        assert ask(postgres.url, "SELECT current_setting('server_version_num')::int / 10000") == 18
        for setting, value in {"listen_addresses": "", "fsync": "on", "full_page_writes": "on"}.items():
            assert ask(postgres.url, f"SELECT current_setting('{setting}')") == value
        locale = "SELECT datlocprovider::text || ' ' || datlocale FROM pg_database WHERE datname = current_database()"
        assert ask(postgres.url, locale) == "b C.UTF-8"


def test_stopping_leaves_no_process_and_no_socket(data_directory: Path) -> None:
    postgres = EmbeddedPostgres(data_directory)
    postgres.start()
    assert postgres.is_running()
    assert not has_no_process(data_directory)
    postgres.stop()
    assert not postgres.is_running()
    assert postgres.pid is None
    assert has_no_process(data_directory)
    assert list((data_directory / "postgres" / "socket").iterdir()) == []
    assert not (data_directory / "postgres" / "cluster" / "postmaster.pid").exists()


def test_a_postgres_that_does_not_stop_when_asked_is_ended(
    data_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stops = ((signal.SIGINT, 0.3), (signal.SIGQUIT, 0.3), (signal.SIGKILL, None))
    monkeypatch.setattr(embedded_postmaster, "_STOPS", stops)
    with EmbeddedPostgres(data_directory) as postgres:
        assert postgres.pid is not None
        os.kill(postgres.pid, signal.SIGSTOP)
    assert has_no_process(data_directory)
    assert list((data_directory / "postgres" / "socket").iterdir()) == []


def test_a_long_path_with_spaces_and_signs_is_no_hindrance(database_directory: Path, tmp_path: Path) -> None:
    data_directory = tmp_path / "a, b: 100 % ö" / ("long" * 40) / "data"
    data_directory.parent.mkdir(parents=True)
    subprocess.run(["cp", "-a", database_directory, data_directory], check=True)
    with EmbeddedPostgres(data_directory) as postgres:
        assert ask(postgres.url, "SELECT answer FROM kept") == 42
        short = Path(postgres.url.split("host=")[1].split("&")[0]).parent
        assert len(os.fsencode(short / "socket" / ".s.PGSQL.5432")) <= 107
        assert stat.S_IMODE(short.stat().st_mode) == 0o700
    assert not short.exists()


def test_a_short_path_is_kept_from_those_who_tidy_up_temporary_files(
    database_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_supervisor, "_TOUCH_SECONDS", 0.0)
    subprocess.run(["cp", "-a", database_directory, tmp_path / ("long" * 30)], check=True)
    with EmbeddedPostgres(tmp_path / ("long" * 30)) as postgres:
        link = Path(postgres.url.split("host=")[1].split("&")[0])
        for path in (link, link.parent):
            os.utime(path, (0, 0), follow_symlinks=False)
        until(lambda: min(path.lstat().st_mtime for path in (link, link.parent)) > 0)


def test_a_second_starter_is_refused_and_told_who_holds_the_directory(data_directory: Path) -> None:
    with EmbeddedPostgres(data_directory) as postgres:
        with pytest.raises(EmbeddedPostgresError, match=rf"in use .*\(process {os.getpid()}\).*PO_REGISTRY_DATA_DIR"):
            EmbeddedPostgres(data_directory).start()
        assert ask(postgres.url, "SELECT answer FROM kept") == 42


def test_other_commands_find_the_database_while_it_is_served_and_only_then(data_directory: Path) -> None:
    assert url_of_running(data_directory / "missing") is None
    assert url_of_running(data_directory) is None
    with EmbeddedPostgres(data_directory) as postgres:
        assert url_of_running(data_directory) == postgres.url
    assert url_of_running(data_directory) is None


def test_the_thread_that_called_start_may_end(data_directory: Path) -> None:
    postgres = EmbeddedPostgres(data_directory)
    caller = threading.Thread(target=postgres.start)
    caller.start()
    caller.join()
    first = postgres.pid
    time.sleep(0.3)
    assert ask(postgres.url, "SELECT answer FROM kept") == 42
    assert postgres.pid == first
    postgres.stop()


def test_ctrl_c_on_the_terminal_does_not_reach_it(data_directory: Path) -> None:
    with EmbeddedPostgres(data_directory) as postgres:
        assert postgres.pid is not None
        assert os.getsid(postgres.pid) == postgres.pid != os.getsid(0)


def test_a_postmaster_that_is_killed_comes_back_within_seconds(data_directory: Path) -> None:
    with EmbeddedPostgres(data_directory) as postgres:
        for _ in range(2):
            killed = postgres.pid
            assert killed is not None
            os.kill(killed, signal.SIGKILL)
            until(lambda killed=killed: postgres.pid != killed and answers(postgres.url))  # type: ignore[misc]
            assert ask(postgres.url, "SELECT answer FROM kept") == 42


def test_a_cluster_that_vanished_is_not_replaced_by_an_empty_one(
    data_directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cluster = data_directory / "postgres" / "cluster"
    away = data_directory / "postgres" / "away"
    with caplog.at_level(logging.ERROR), EmbeddedPostgres(data_directory) as postgres:
        cluster.rename(away)
        assert postgres.pid is not None
        os.kill(postgres.pid, signal.SIGKILL)
        until(lambda: "is not a cluster" in caplog.text)
        assert not cluster.exists()
        away.rename(cluster)
        until(lambda: answers(postgres.url))
        assert ask(postgres.url, "SELECT answer FROM kept") == 42


@pytest.fixture
def sleeper(database_directory: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of the user that Postgres runs as: those of others Postgres itself does not mistake for its own."""
    process = subprocess.Popen(
        ["sleep", "60"], user=owner_of_postgres(database_directory) if os.geteuid() == 0 else None
    )
    yield process
    process.kill()
    process.wait()


def test_a_stale_process_id_that_now_belongs_to_a_stranger_hurts_neither_the_start_nor_the_stranger(
    data_directory: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    home = data_directory / "postgres"
    for note in (home / "cluster" / "postmaster.pid", home / "socket" / ".s.PGSQL.5432.lock"):
        note.write_text(f"{sleeper.pid}\n{home / 'cluster'}\n1700000000\n5432\n../socket\n\n0 0\nready   \n")
        shutil.chown(note, owner_of_postgres(data_directory))
    with EmbeddedPostgres(data_directory) as postgres:
        assert ask(postgres.url, "SELECT answer FROM kept") == 42
        assert postgres.pid != sleeper.pid
    assert sleeper.poll() is None


def test_a_postgres_that_someone_else_started_on_the_cluster_is_left_alone(data_directory: Path) -> None:
    home = data_directory / "postgres"
    theirs = subprocess.Popen(
        [embedded_binaries.for_everyone().directory / "postgres", "-k", "../socket", "--listen_addresses="],
        # By the open directory: what lies above it is private.
        env={"PGDATA": "/proc/self/cwd", "LC_ALL": "C"},
        cwd=home / "cluster",
        user=owner_of_postgres(data_directory) if os.geteuid() == 0 else None,
        stderr=subprocess.DEVNULL,
        extra_groups=[] if os.geteuid() == 0 else None,
    )
    try:
        until(lambda: "ready" in _text(home / "cluster" / "postmaster.pid"))
        with pytest.raises(EmbeddedPostgresError, match=rf"process {theirs.pid}\)"):
            EmbeddedPostgres(data_directory).start()
        assert theirs.poll() is None
    finally:
        theirs.send_signal(signal.SIGINT)
        theirs.wait(20)


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


@as_root
def test_root_runs_it_as_nobody_below_a_private_directory_and_makes_nothing_public(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    before = {parent: parent.stat().st_mode for parent in (private, *private.parents)}
    with EmbeddedPostgres(private / "data") as postgres:
        nobody = pwd.getpwnam("nobody")
        status = Path(f"/proc/{postgres.pid}/status").read_text()
        assert f"Uid:\t{nobody.pw_uid}\t{nobody.pw_uid}\t{nobody.pw_uid}\t" in status
        assert f"Gid:\t{nobody.pw_gid}\t{nobody.pw_gid}\t{nobody.pw_gid}\t" in status
        assert f"Groups:\t{nobody.pw_gid} \n" in status
        assert ask(postgres.url, "SELECT true")
    assert {parent: parent.stat().st_mode for parent in before} == before
    assert (private / "data").stat().st_uid == 0
    assert stat.S_IMODE((private / "data").stat().st_mode) == 0o700
    assert (private / "data" / "postgres").stat().st_uid == nobody.pw_uid


@as_root
def test_root_runs_it_as_the_owner_of_the_data_directory(tmp_path: Path) -> None:
    owner = next(user for user in pwd.getpwall() if user.pw_uid not in {0, pwd.getpwnam("nobody").pw_uid})
    (tmp_path / "data").mkdir()
    shutil.chown(tmp_path / "data", owner.pw_uid, owner.pw_gid)
    with EmbeddedPostgres(tmp_path / "data") as postgres:
        assert Path(f"/proc/{postgres.pid}").stat().st_uid == owner.pw_uid
    assert {path.stat().st_uid for path in (tmp_path / "data").iterdir()} == {owner.pw_uid}


@as_root
def test_root_without_the_right_to_hand_a_directory_over_is_told_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def only_to_root(_descriptor: int, uid: int, _gid: int) -> None:
        if uid != 0:
            raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "fchown", only_to_root)
    with pytest.raises(EmbeddedPostgresError, match=r"hand .*postgres.* ordinary user"):
        EmbeddedPostgres(tmp_path / "data").start()


@as_root
def test_programs_that_no_other_user_can_reach_are_copied_once_to_a_place_only_root_can_write(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(embedded_binaries, "_is_open_to_everyone", lambda _: False)
    with tempfile.TemporaryDirectory(dir="/tmp") as parent:
        Path(parent).chmod(0o755)
        writable, place = Path(parent) / "writable", Path(parent) / "place"
        writable.mkdir()
        writable.chmod(0o777)
        (place / ".copying").mkdir(parents=True)
        with pytest.raises(EmbeddedPostgresError, match="private directory"):
            embedded_binaries.for_everyone(places=(writable,))
        copy = embedded_binaries.for_everyone(places=(writable, place))
        assert copy.directory.is_relative_to(place)
        for program in ("postgres", "initdb"):
            subprocess.run(
                [copy.directory / program, "--version"], check=True, user="nobody", stdout=subprocess.DEVNULL
            )
        inode = copy.directory.stat().st_ino
        assert embedded_binaries.for_everyone(places=(place,)).directory.stat().st_ino == inode
        assert len(list(place.iterdir())) == 1


def test_a_failed_start_is_told_in_one_line_with_the_end_of_the_log_and_can_be_repeated(data_directory: Path) -> None:
    configuration = data_directory / "postgres" / "cluster" / "postgresql.conf"
    good = configuration.read_text()
    configuration.write_text(good + "\nmax_connections = many\n")
    with pytest.raises(EmbeddedPostgresError, match=r"did not start.*errors.*PO_REGISTRY_DATA_DIR") as failed:
        EmbeddedPostgres(data_directory).start()
    assert "\n" not in str(failed.value)
    assert any("max_connections" in line for line in failed.value.log_lines)
    configuration.write_text(good)
    with EmbeddedPostgres(data_directory) as postgres:
        assert ask(postgres.url, "SELECT answer FROM kept") == 42


def test_a_start_that_takes_too_long_is_given_up_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match=r"within 0\.05 s"):
        EmbeddedPostgres(tmp_path / "data", start_timeout=0.05).start()
    until(lambda: has_no_process(tmp_path / "data"))
    with EmbeddedPostgres(tmp_path / "data") as postgres:
        assert ask(postgres.url, "SELECT true")


def test_a_cluster_of_another_version_is_refused_and_kept(data_directory: Path) -> None:
    (data_directory / "postgres" / "cluster" / "PG_VERSION").write_text("17\n")
    with pytest.raises(EmbeddedPostgresError, match=r"made by Postgres 17.*PO_REGISTRY_DATA_DIR"):
        EmbeddedPostgres(data_directory).start()
    assert (data_directory / "postgres" / "cluster" / "base").is_dir()


def test_a_data_directory_that_cannot_be_made_is_told_with_the_settings_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddedPostgresError, match=r"file/data.*PO_REGISTRY_DATA_DIR"):
        EmbeddedPostgres(tmp_path / "file" / "data").start()


def test_a_user_without_a_name_is_told_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_cluster, "_has_a_name", lambda _: False)
    with pytest.raises(EmbeddedPostgresError, match="has no name on this system"):
        EmbeddedPostgres(tmp_path / "data").start()


def test_without_its_programs_the_way_out_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_binaries, "_DISTRIBUTION", "not-installed-anywhere")
    with pytest.raises(EmbeddedPostgresError, match="set DATABASE_URL"):
        EmbeddedPostgres(tmp_path / "data").start()


def test_the_log_is_bounded(data_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_processes, "LOG_LIMIT", 10_000)
    log, old = data_directory / "postgres.log", data_directory / "postgres.log.1"
    with EmbeddedPostgres(data_directory) as postgres:
        ask(
            postgres.url,
            "DO $$ BEGIN FOR i IN 1..300 LOOP RAISE WARNING 'a line of some length: %', i; END LOOP; END $$",
        )
        until(lambda: old.exists() and log.stat().st_size <= 10_000)
        assert "a line of some length: 300" in old.read_text()
        ask(postgres.url, "DO $$ BEGIN RAISE WARNING 'and on'; END $$")
        until(lambda: "and on" in log.read_text())
        assert "\0" not in log.read_text()
