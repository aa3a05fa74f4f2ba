"""One cluster of Postgres on disk: made whole or not at all, owned by the right user, freed of what a crash left.

<data directory>/lock               held by the process that serves (see `embedded_lock`)
<data directory>/postgres.log       Postgres' own log
<data directory>/postgres/          everything that belongs to the user that Postgres runs as
    lock                            held by every process of Postgres, for as long as one lives
    cluster/                        the cluster, what Postgres calls its data directory
    cluster.new/                    a cluster in the making; the next start removes what a crash left of it
    socket/                         the Unix socket
"""

import fcntl
import os
import pwd
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from app.db.embedded_binaries import Binaries
from app.db.embedded_errors import EmbeddedPostgresError
from app.db.embedded_processes import Account, Patience, Runner, open_privately

NAME = "po_registry"
"""Name of the database and of its owner, the one role there is."""

SOCKET = ".s.PGSQL.5432"
"""File name of the Unix socket: Postgres makes it from the port."""

# initdb writes these into postgresql.conf, where an operator may change them: a small server with a fast disk.
_TUNING = {
    "max_connections": "100",
    "shared_buffers": "128MB",
    "effective_cache_size": "1GB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "max_wal_size": "1GB",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class Cluster:
    """The cluster below a data directory; raises EmbeddedPostgresError where it cannot be used."""

    def __init__(self, data_directory: Path) -> None:
        self.home = data_directory / "postgres"
        self.directory = self.home / "cluster"
        self.sockets = self.home / "socket"
        self._unfinished = self.home / "cluster.new"
        self._lock = self.home / "lock"

    def exists(self) -> bool:
        """Return whether there is a cluster: it gets its name when it is complete."""
        return self.directory.exists()

    def account(self) -> Account | None:
        """Return the user that Postgres runs as; None stands for the one we are.

        Postgres refuses to be root. Started by root it runs as the owner of the cluster or of the data directory
        and, where that is root, as `nobody`.
        """
        if os.geteuid() != 0:
            return None
        owner = (self.directory if self.exists() else self.home.parent).stat()
        # initdb asks for a name, which the owner of a directory mounted into a container may not have.
        if owner.st_uid != 0 and (self.exists() or _has_a_name(owner.st_uid)):
            return Account(owner.st_uid, owner.st_gid)
        try:
            nobody = pwd.getpwnam("nobody")
        except KeyError:
            raise EmbeddedPostgresError(
                "Postgres refuses to be root and there is no user nobody; let someone else own PO_REGISTRY_DATA_DIR"
            ) from None
        return Account(nobody.pw_uid, nobody.pw_gid)

    def prepare(self, account: Account | None) -> None:
        """Make the directories, and hand them, and no other, to `account`."""
        for directory in (self.home, self.sockets):
            directory.mkdir(mode=0o700, exist_ok=True)
            _hand_over(directory, account)
        if account is None and self.exists() and self.directory.stat().st_uid != os.geteuid():
            owner = self.directory.stat().st_uid
            raise EmbeddedPostgresError(
                f"{self.directory} belongs to user {owner}, not to you ({os.geteuid()}); run as that user or set "
                "PO_REGISTRY_DATA_DIR to another directory"
            )

    @contextmanager
    def without_postgres(self, patience: Patience) -> Iterator[int]:
        """Yield a locked descriptor once no process of Postgres is left here.

        Whoever inherits the descriptor holds the lock until it ends: the kernel's word, which needs no process id and
        holds for a backend that outlived its postmaster too.
        """
        with open_privately(self._lock, os.O_RDWR) as lock:
            patience.wait_for(lambda: _is_locked_now(lock.fileno()), f"an earlier Postgres in {self.home} did not end")
            yield lock.fileno()

    def create(self, runner: Runner, lock: int, patience: Patience) -> None:
        """Make the cluster with its database: under another name first, so that half of one is never taken for one."""
        if not _has_a_name(os.geteuid()):
            raise EmbeddedPostgresError(
                f"user {os.geteuid()} has no name on this system, which initdb asks for; run po-registry as a user who "
                "has one or set DATABASE_URL"
            )
        shutil.rmtree(self._unfinished, ignore_errors=True)
        self._unfinished.mkdir(mode=0o700)
        _hand_over(self._unfinished, runner.account)
        arguments = [
            f"--username={NAME}",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
            # Who can enter the socket's directory could change the files themselves: a password would protect nothing.
            "--auth-local=trust",
            "--auth-host=reject",
            "--no-instructions",
            *(f"--set={name}={value}" for name, value in _TUNING.items()),
        ]
        # Some 1,300 files are synced by one call at the end instead of one by one: seconds less on a slow disk. Nobody
        # has been told of anything in them yet.
        steps: tuple[tuple[str, list[str], str], ...] = (
            ("initdb", [*arguments, "--no-sync"], ""),
            ("postgres", ["--single", "-F", "-c", "exit_on_error=on", "postgres"], f"CREATE DATABASE {NAME}\n"),
            ("initdb", ["--sync-only", "--sync-method=syncfs"], ""),
        )
        for program, step, given in steps:
            runner.run(program, step, directory=self._unfinished, lock=lock, patience=patience, give=given.encode())
        self._unfinished.rename(self.directory)
        for directory in (self.home, self.home.parent):
            sync(directory)

    def check(self, binaries: Binaries) -> None:
        """Raise EmbeddedPostgresError unless these programs can serve the cluster."""
        version_file = self.directory / "PG_VERSION"
        version = version_file.read_text().strip() if version_file.is_file() else ""
        if version != binaries.major_version:
            made_by = f"was made by Postgres {version}" if version else "is not a cluster of Postgres"
            raise EmbeddedPostgresError(
                f"{self.directory} {made_by}, and this release runs Postgres {binaries.major_version}; restore a dump "
                "into a new PO_REGISTRY_DATA_DIR"
            )

    def postmaster(self) -> tuple[int, str] | None:
        """Return process id and status that the newest postmaster noted in `postmaster.pid`; None without one."""
        try:
            lines = (self.directory / "postmaster.pid").read_text().splitlines()
            # Lines 1 and 8 of the file, see miscadmin.h of Postgres.
            return int(lines[0]), lines[7].strip() if len(lines) > 7 else ""
        except (FileNotFoundError, ValueError, IndexError):
            return None

    def clear(self) -> None:
        """Remove the notes of a dead postmaster whose process id meanwhile belongs to a stranger.

        Postgres would take the stranger for a postmaster and refuse to start. The stranger is left in peace.
        """
        for note in (self.directory / "postmaster.pid", self.sockets / f"{SOCKET}.lock"):
            try:
                process_id = int(note.read_text().split("\n", 1)[0])
            except (FileNotFoundError, ValueError):
                continue
            if self._is_served_by(process_id):
                raise EmbeddedPostgresError(
                    f"a Postgres that po-registry did not start (process {process_id}) runs in {self.directory}; stop "
                    "it or set PO_REGISTRY_DATA_DIR to another directory"
                )
            note.unlink()

    def remove_socket(self) -> None:
        """Remove the socket that a killed postmaster left behind."""
        for name in (SOCKET, f"{SOCKET}.lock"):
            (self.sockets / name).unlink(missing_ok=True)

    def _is_served_by(self, process_id: int) -> bool:
        """Return whether this process is a Postgres that works here.

        Without the right to look (root without CAP_SYS_PTRACE, as in most containers) a Postgres is taken for ours.
        """
        process = Path("/proc") / str(process_id)
        try:
            if (process / "comm").read_text().strip() != "postgres":
                return False
            return (process / "cwd").samefile(self.directory)
        except PermissionError:
            return True
        except OSError:
            return False


def _is_locked_now(lock: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _hand_over(directory: Path, account: Account | None) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if account is not None:
            os.fchown(descriptor, account.uid, account.gid)
            os.fchmod(descriptor, 0o700)
    except OSError as error:
        raise EmbeddedPostgresError(
            f"cannot hand {directory} to the user that Postgres runs as ({error.strerror}); run po-registry as an "
            "ordinary user who owns PO_REGISTRY_DATA_DIR"
        ) from error
    finally:
        os.close(descriptor)


def _has_a_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def sync(directory: Path) -> None:
    """Make the names in `directory` outlive a power cut; not every user may do that everywhere."""
    with suppress(PermissionError):
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
