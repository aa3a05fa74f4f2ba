"""Brings Postgres up, keeps it up, and takes it down: the work of the one thread that starts its processes."""

import logging
import threading
import time
from pathlib import Path
from typing import Final

from app.db.embedded_binaries import for_everyone, installed
from app.db.embedded_cluster import Cluster, sync
from app.db.embedded_errors import EmbeddedPostgresError
from app.db.embedded_lock import DataDirectoryLock, url
from app.db.embedded_postmaster import Postmaster
from app.db.embedded_processes import Patience, Runner, ServerLog

_logger = logging.getLogger(__name__)

_WATCH_SECONDS: Final = 0.2
_FIRST_PAUSE_SECONDS: Final = 0.1
# Short: whatever keeps Postgres from starting may end at any moment, and a gate waits. An attempt costs little.
_LONGEST_PAUSE_SECONDS: Final = 0.5
_STEADY_SECONDS: Final = 10.0
_STOP_SECONDS: Final = 5.0
_TOUCH_SECONDS: Final = 3600.0


class Supervisor:
    """The Postgres of one data directory; every method belongs to the thread that made the object.

    `stopping` ends every wait early; `start_timeout` is in seconds, for each step of a start.
    """

    def __init__(self, data_directory: Path, stopping: threading.Event, start_timeout: float) -> None:
        """Take the data directory and make it ready; raises EmbeddedPostgresError, or OSError of the file system."""
        _make(data_directory, mode=0o700)
        directory = data_directory.resolve()
        self._stopping = stopping
        self._start_timeout = start_timeout
        self._lock = DataDirectoryLock(directory)
        self._lock.take()
        try:
            self._cluster = Cluster(directory)
            account = self._cluster.account()
            self._cluster.prepare(account)
            binaries = installed() if account is None else for_everyone()
            self._runner = Runner(binaries, account, ServerLog(directory / "postgres.log"))
            self.url = url(self._lock.socket_directory())
        except BaseException:
            self._lock.release()
            raise
        self.postmaster: Postmaster | None = None
        self._complaint = ""

    def start(self) -> None:
        """Start Postgres, making the cluster first where there is none; raises EmbeddedPostgresError or OSError."""
        patience = Patience(self._start_timeout, self._stopping.is_set)
        with self._cluster.without_postgres(patience) as lock:
            if not self._cluster.exists():
                _logger.info("making a new database in %s", self._cluster.directory)
                self._cluster.create(self._runner, lock, patience)
            self._launch(lock)
        self._wait_until_ready(patience)

    def watch(self) -> None:
        """Start Postgres again whenever it dies, until `stopping`; the first time at once, then at short intervals."""
        pause = _FIRST_PAUSE_SECONDS
        alive_since = touched = time.monotonic()
        while not self._stopping.wait(_WATCH_SECONDS):
            now = time.monotonic()
            if self.postmaster is not None and self.postmaster.is_running():
                if now - touched > _TOUCH_SECONDS:
                    self._lock.touch()
                    touched = now
                self._limit_log()
                continue
            if now - alive_since > _STEADY_SECONDS:
                pause = _FIRST_PAUSE_SECONDS
            self._stopping.wait(pause)
            self._limit_log()
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            self._start_again()
            alive_since = time.monotonic()

    def stop(self) -> None:
        """Stop Postgres, remove its socket, and give the data directory back."""
        try:
            if self.postmaster is not None:
                self.postmaster.stop()
                with self._cluster.without_postgres(Patience(_STOP_SECONDS, lambda: False)):
                    self._cluster.remove_socket()
        except (EmbeddedPostgresError, OSError) as error:
            _logger.warning("%s", error)
        finally:
            self.postmaster = None
            self._lock.release()

    def _start_again(self) -> None:
        if self._stopping.is_set():
            return
        if not self._complaint:
            _logger.warning("Postgres died and is started again; its log: %s", self._runner.log.path)
        try:
            # No new cluster here, wherever the old one went: an empty database must not pass for the full one. And
            # no time-out once it runs: recovery after a crash takes as long as it takes.
            with self._cluster.without_postgres(Patience(self._start_timeout, self._stopping.is_set)) as lock:
                self._launch(lock)
            self._wait_until_ready(Patience(None, self._stopping.is_set))
            self._complaint = ""
        except (EmbeddedPostgresError, OSError) as error:
            # Twice a second the same would hide everything else in the log.
            if str(error) != self._complaint:
                _logger.error("%s", error)  # noqa: TRY400 - a sentence for the operator, not a fault of this code
            self._complaint = str(error)

    def _launch(self, lock: int) -> None:
        self._cluster.check(self._runner.binaries)
        self._cluster.clear()
        self.postmaster = Postmaster(self._runner, self._cluster, lock)

    def _wait_until_ready(self, patience: Patience) -> None:
        if self.postmaster is not None:
            self.postmaster.wait_until_ready(patience)
            _logger.info("Postgres is ready: process %d, %s", self.postmaster.process_id, self._cluster.directory)

    def _limit_log(self) -> None:
        try:
            self._runner.log.limit()
        except OSError as error:
            _logger.warning("the log %s cannot be limited: %s", self._runner.log.path, error)


def _make(directory: Path, mode: int = 0o777) -> None:
    if not directory.exists():
        _make(directory.parent)
        directory.mkdir(mode=mode, exist_ok=True)
        sync(directory.parent)
