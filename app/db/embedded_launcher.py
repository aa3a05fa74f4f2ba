"""Becomes the user that a program of Postgres runs as, binds its life to the parent's, then becomes that program.

Run as a script: `embedded_launcher.py PARENT SIGNAL UID GID PROGRAM [ARGUMENT...]`; a UID of -1 keeps the user.
It is a program of its own because the order matters (the kernel forgets a parent-death signal when the user changes,
see prctl(2)) and because Python code between fork and exec can deadlock in a process that has threads.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:  # pragma: no cover - turns into another program before anything is reported
    """Do what the module says; exits with 126 and a line on standard error where that fails."""
    parent, death_signal, uid, gid = (int(argument) for argument in arguments[:4])
    program = arguments[4:]
    try:
        if uid >= 0:
            os.setgroups([gid])
            os.setresgid(gid, gid, gid)
            os.setresuid(uid, uid, uid)
        _die_with_parent(parent, death_signal)
        os.umask(0o077)
        # Python ignores SIGPIPE, and what is ignored stays ignored in the next program.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.execv(program[0], program)  # noqa: S606 - a list of arguments from our own code, no shell
    except OSError as error:
        sys.stderr.write(f"FATAL:  cannot run {program[0]} as user {uid if uid >= 0 else os.geteuid()}: {error}\n")
        sys.exit(126)


def _die_with_parent(parent: int, death_signal: int) -> None:  # pragma: no cover - see main
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "no parent-death signal")
    # The parent may have died before the call: then nobody would ever tell us.
    if os.getppid() != parent:
        sys.exit(126)


if __name__ == "__main__":
    main(sys.argv[1:])
