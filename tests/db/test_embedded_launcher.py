"""The small program through which every program of Postgres is started."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from app.db import embedded_launcher


def launched(parent: int, *program: str) -> subprocess.CompletedProcess[str]:
    who = [str(parent), str(int(signal.SIGKILL)), "-1", "-1"]
    command = [sys.executable, str(Path(embedded_launcher.__file__)), *who, *program]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": os.defpath})


def test_the_program_takes_the_launchers_place_with_its_environment_and_a_private_umask() -> None:
    done = launched(os.getpid(), "/bin/sh", "-c", "umask; echo $PPID")
    assert done.stdout.split() == ["0077", str(os.getpid())]
    assert done.returncode == 0


def test_nothing_is_started_for_a_parent_that_died_in_the_meantime() -> None:
    done = launched(1, "/bin/sh", "-c", "echo started")
    assert (done.returncode, done.stdout) == (126, "")


def test_a_program_that_cannot_be_run_is_told_like_postgres_tells_its_faults() -> None:
    done = launched(os.getpid(), "/missing/postgres")
    assert done.returncode == 126
    assert done.stderr.startswith("FATAL:  cannot run /missing/postgres as user ")
