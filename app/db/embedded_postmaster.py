"""One run of the postmaster, Postgres' main process, as our child."""

import os
import re
import signal
import subprocess
from contextlib import suppress
from typing import Final

from app.db.embedded_cluster import Cluster
from app.db.embedded_processes import Patience, Runner

# Before it recovers from a crash Postgres has everything synced that a dead backend may have written. One call for the
# file system does that as well as 1,300 for its files, in a tenth of the time, where Linux reports the errors of that
# call too: since 5.8 (Postgres, recovery_init_sync_method).
_REPORTS_SYNC_ERRORS: Final = tuple(int(number) for number in re.findall(r"\d+", os.uname().release)[:2]) >= (5, 8)
_RECOVERY: Final = {"recovery_init_sync_method": "syncfs"} if _REPORTS_SYNC_ERRORS else {}

# On the command line, where neither postgresql.conf nor ALTER SYSTEM can change them: what the promises rest on.
# The socket's directory is relative to the cluster, so no path is too long for the server's side.
_FIXED: Final = {
    "cluster_name": "po_registry",
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_directories": "../socket",
    "fsync": "on",
    "full_page_writes": "on",
    "logging_collector": "off",
    "log_destination": "stderr",
    **_RECOVERY,
}

_STOPS: Final = ((signal.SIGINT, 6.0), (signal.SIGQUIT, 3.0), (signal.SIGKILL, None))
"""Fast shutdown; immediate shutdown, for one that hangs (seen during crash recovery); the end. With their seconds."""


class Postmaster:
    """A running postmaster; made and used by one thread only, which must live as long as Postgres shall."""

    def __init__(self, runner: Runner, cluster: Cluster, lock: int) -> None:
        """Start it on `cluster`; it and its backends inherit the descriptor `lock`.

        When we die without a word it gets SIGQUIT: an immediate shutdown always ends and loses nothing that was
        acknowledged, while a fast one could keep the next start waiting for a checkpoint.
        """
        self._runner = runner
        self._cluster = cluster
        self._process: subprocess.Popen[bytes] = runner.start(
            "postgres",
            [f"--{name}={value}" for name, value in _FIXED.items()],
            directory=cluster.directory,
            lock=lock,
            death_signal=signal.SIGQUIT,
        )

    @property
    def process_id(self) -> int:
        """The postmaster's process id."""
        return self._process.pid

    def is_running(self) -> bool:
        """Return whether the process lives."""
        return self._process.poll() is None

    def wait_until_ready(self, patience: Patience) -> None:
        """Return when connections are accepted; raises EmbeddedPostgresError when it ends or patience does."""
        patience.wait_for(lambda: self._is_ready() or not self.is_running(), "Postgres did not start")
        if not self.is_running():
            raise self._runner.log.failure("Postgres did not start")

    def stop(self) -> None:
        """End it: politely, then firmly, then at once; returns when the process is gone."""
        for stop_signal, seconds in _STOPS:
            self._process.send_signal(stop_signal)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
                return

    def _is_ready(self) -> bool:
        return self._cluster.postmaster() == (self.process_id, "ready")
