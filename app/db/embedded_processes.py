"""Runs Postgres' programs: as which user, with which environment, where they log, and how they die with us."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from app.db.embedded_binaries import Binaries
from app.db.embedded_errors import EmbeddedPostgresError

LOG_LIMIT = 10 * 1024 * 1024
"""Bytes after which the log is moved to `postgres.log.1`; so the two never hold more than about twice that."""

_LAUNCHER = Path(__file__).with_name("embedded_launcher.py")
_POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Account:
    """The user and group that Postgres runs as, where that is not ourselves."""

    uid: int
    gid: int


class ServerLog:
    """Postgres' own log, `postgres.log` in the data directory: bounded, and its end can be shown."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._shown_from = 0

    def open(self) -> IO[bytes]:
        """Open for appending, and let `tail` begin here."""
        log = open_privately(self.path, os.O_WRONLY | os.O_APPEND)
        self._shown_from = os.fstat(log.fileno()).st_size
        return log

    def limit(self) -> None:
        """Move what is written to `postgres.log.1` once it is more than LOG_LIMIT bytes.

        Postgres keeps the file open, so it is copied and cut to nothing instead of renamed.
        """
        if self.path.stat().st_size <= LOG_LIMIT:
            return
        with (
            open_privately(self.path, os.O_RDWR) as log,
            open_privately(self.path.with_suffix(".log.1"), os.O_RDWR) as old,
        ):
            old.truncate(0)
            shutil.copyfileobj(log, old)
            log.truncate(0)
        self._shown_from = 0

    def tail(self, lines: int = 20) -> list[str]:
        """Return the last lines written since the latest `open`."""
        with self.path.open("rb") as log:
            log.seek(max(self._shown_from, log.seek(0, os.SEEK_END) - 64 * 1024))
            return log.read().decode(errors="replace").splitlines()[-lines:]

    def failure(self, what: str) -> EmbeddedPostgresError:
        """Return the error that says `what` failed and, of the log, the first complaint: others follow from it."""
        lines = self.tail()
        reasons = [line for line in lines if any(mark in line for mark in ("FATAL:", "PANIC:", "error:", "ERROR:"))]
        reason = (reasons or lines[-1:] or ["it said nothing"])[0].strip()
        return EmbeddedPostgresError(f"{what}: {reason} (log: {self.path}, in PO_REGISTRY_DATA_DIR)", lines)


@dataclass(frozen=True)
class Runner:
    """Starts Postgres' programs as `account` (None: as ourselves) with their output in `log`."""

    binaries: Binaries
    account: Account | None
    log: ServerLog

    def start(
        self, program: str, arguments: list[str], *, directory: Path, lock: int, death_signal: int, give: bytes = b""
    ) -> subprocess.Popen[bytes]:
        """Start `program` on the cluster in `directory`.

        It inherits the file descriptor `lock`, reads `give`, and gets `death_signal` when the calling *thread* ends.
        """
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            # A user who may not walk the path (a private directory lies above) can still use the open directory.
            location = str(directory) if self.account is None else f"/proc/self/fd/{descriptor}"
            uid, gid = (-1, -1) if self.account is None else (self.account.uid, self.account.gid)
            who = [str(number) for number in (os.getpid(), int(death_signal), uid, gid)]
            # -I and -S: as root, nothing that our environment names is imported.
            launcher = [sys.executable, "-I", "-S", str(_LAUNCHER), *who]
            with self.log.open() as log:
                process = subprocess.Popen(  # noqa: S603 - a list of arguments from our own code, no shell
                    [*launcher, str(self.binaries.directory / program), *arguments],
                    stdin=subprocess.PIPE if give else subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=directory,
                    env=_environment(location),
                    pass_fds=(descriptor, lock),
                    # Ctrl-C is for the service: Postgres is stopped after the requests under way have ended.
                    start_new_session=True,
                )
            if process.stdin is not None:
                _hand(process.stdin, give)
        finally:
            os.close(descriptor)
        return process

    def run(
        self, program: str, arguments: list[str], *, directory: Path, lock: int, patience: "Patience", give: bytes = b""
    ) -> None:
        """Run `program` to its end; raises EmbeddedPostgresError when it fails or takes too long."""
        process = self.start(program, arguments, directory=directory, lock=lock, death_signal=signal.SIGKILL, give=give)
        try:
            patience.wait_for(lambda: process.poll() is not None, f"{program} did not finish")
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
        if process.returncode != 0:
            raise self.log.failure(f"{program} failed")


@dataclass(frozen=True)
class Patience:
    """How long to wait for something: at most `seconds` (None: for ever), and no longer once `given_up()` is true."""

    seconds: float | None
    given_up: Callable[[], bool]

    def wait_for(self, done: Callable[[], bool], otherwise: str) -> None:
        """Return when `done()`; raises EmbeddedPostgresError, which begins with `otherwise`, when patience ends."""
        deadline = None if self.seconds is None else time.monotonic() + self.seconds
        while not done():
            if self.given_up():
                raise EmbeddedPostgresError(f"{otherwise}: it was told to stop")
            if deadline is not None and time.monotonic() > deadline:
                raise EmbeddedPostgresError(
                    f"{otherwise} within {self.seconds:g} s; is the disk of PO_REGISTRY_DATA_DIR very slow or full?"
                )
            time.sleep(_POLL_SECONDS)


def open_privately(path: Path, flags: int) -> IO[bytes]:
    """Open, and make where missing, a file for the owner of its directory only.

    Links are not followed: as root we may work in a directory of a user who must not lead us elsewhere.
    """
    descriptor = os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    return os.fdopen(descriptor, "r+b" if flags & os.O_RDWR else "wb", buffering=0)


def _environment(location: str) -> dict[str, str]:
    # None of our own PG* variables may steer the server, nor our locale the cluster; the linker's path is how some
    # systems find zlib and Python itself.
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    return {"LC_ALL": "C", "PATH": os.defpath, "PGDATA": location, "TZ": "UTC", **kept}


def _hand(stdin: IO[bytes], given: bytes) -> None:
    try:
        stdin.write(given)
        stdin.close()
    except BrokenPipeError:
        # The program ended early: its exit status and its log say more than this.
        return
