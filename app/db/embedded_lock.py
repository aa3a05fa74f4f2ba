"""Who serves from a data directory: one process at a time, and how others on this machine reach its Postgres."""

import fcntl
import os
import re
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO

from app.db.embedded_cluster import NAME, SOCKET, Cluster
from app.db.embedded_errors import EmbeddedPostgresError
from app.db.embedded_processes import open_privately

_LONGEST_SOCKET_PATH = 107
"""Bytes that a Unix socket's path may have on Linux, see unix(7)."""

# What stands in the `host` of a database URL as it is: a comma or a colon would be read as several hosts or a port.
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/._-]+")


class DataDirectoryLock:
    """The exclusive right to serve from a data directory; the kernel takes it back when the process ends.

    The file `lock` says who holds it (line 1, a process id) and in which directory clients find the socket (line 2).
    """

    def __init__(self, data_directory: Path) -> None:
        self._cluster = Cluster(data_directory)
        self._path = data_directory / "lock"
        self._file: IO[bytes] | None = None

    def take(self) -> None:
        """Take the lock; raises EmbeddedPostgresError when another process has it."""
        file = open_privately(self._path, os.O_RDWR)
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = (_lines(file) or ["unknown"])[0]
            file.close()
            raise EmbeddedPostgresError(
                f"{self._path.parent} is in use by another po-registry (process {holder}); stop it or set "
                "PO_REGISTRY_DATA_DIR to another directory"
            ) from None
        self._file = file
        self._remove_short_path()

    def release(self) -> None:
        """Give the lock back, and remove what `socket_directory` made; does nothing without the lock."""
        if self._file is not None:
            self._remove_short_path()
            self._file.truncate(0)
            self._file.close()
            self._file = None

    def socket_directory(self) -> Path:
        """Return a directory in which clients find the socket, by a path that fits into a socket's address and a URL.

        That is the socket's own directory or, where its path is too long or holds unusual characters, a link to it in
        a private directory with a short name.
        """
        directory = self._cluster.sockets
        if _is_usable(directory):
            self._note(directory)
            return directory
        for parent in (Path(tempfile.gettempdir()), *map(Path, ("/tmp", "/run", "/dev/shm"))):  # noqa: S108 - in a private directory
            link = parent / f"po-registry-{secrets.token_hex(6)}" / "socket"
            if not _is_usable(link):
                continue
            # Noted before it is made: what a crash leaves behind can always be found again.
            self._note(link)
            with suppress(OSError):
                link.parent.mkdir(mode=0o700)
                link.symlink_to(directory)
                return link
        raise EmbeddedPostgresError(f"no directory for a short path to {directory}; set a shorter PO_REGISTRY_DATA_DIR")

    def touch(self) -> None:
        """Keep those who tidy up directories of temporary files from taking a short path that is in use."""
        if self._file is not None:
            for noted in _lines(self._file)[1:2]:
                with suppress(OSError):
                    os.utime(noted, follow_symlinks=False)
                    os.utime(Path(noted).parent)

    def _note(self, socket_directory: Path) -> None:
        if self._file is None:
            raise RuntimeError("the lock is not held")
        self._file.truncate(0)
        os.pwrite(self._file.fileno(), f"{os.getpid()}\n{socket_directory}\n".encode(), 0)

    def _remove_short_path(self) -> None:
        if self._file is None:
            return
        for noted in _lines(self._file)[1:2]:
            link = Path(noted)
            # Only ever a link that leads here, and then its directory if that is empty.
            with suppress(OSError):
                if link.readlink() == self._cluster.sockets:
                    link.unlink()
                    link.parent.rmdir()


def url_of_running(data_directory: Path) -> str | None:
    """Return the URL (libpq form) of the Postgres that another process serves from `data_directory`, or None.

    It may be about to start or to stop: a client tries again.
    """
    try:
        with (data_directory.resolve() / "lock").open("rb") as file:
            try:
                fcntl.flock(file.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                lines = _lines(file)
                return url(Path(lines[1])) if len(lines) > 1 else None
    except FileNotFoundError:
        return None
    return None


def url(socket_directory: Path) -> str:
    """Return the database's URL in the libpq form, with the port, so that no PGPORT of the environment counts."""
    return f"postgresql://{NAME}@/{NAME}?host={socket_directory}&port=5432"


def _is_usable(directory: Path) -> bool:
    path = str(directory / SOCKET)
    return len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH and _PLAIN_PATH.fullmatch(path) is not None


def _lines(file: IO[bytes]) -> list[str]:
    return os.pread(file.fileno(), 4096, 0).decode(errors="replace").splitlines()
