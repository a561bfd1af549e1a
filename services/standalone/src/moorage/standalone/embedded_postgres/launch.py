"""Becomes a program of PostgreSQL, as a user PostgreSQL accepts. Run as a script:

    python -I -S launch.py (same | drop | namespace) UID GID PARENT program argument…

`drop` gives up root for the user. `namespace` enters a user namespace in which root is called by the user's number:
files keep their owner, no account and no mode changes. PARENT, where it is not 0, is the process whose end stops the
program in order (Linux only). Ends with status 77 when the kernel forbids the way.
"""

import ctypes
import os
import signal
import sys
from pathlib import Path

CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1
FORBIDDEN = 77


def main(way: str, uid: int, gid: int, parent: int, program: list[str]) -> None:
    if way == "drop":
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    elif way == "namespace":
        enter_namespace(uid, gid)
    if parent and sys.platform == "linux":
        # After the change of user, which would clear it. SIGINT is PostgreSQL's fast shutdown.
        call("prctl", PR_SET_PDEATHSIG, int(signal.SIGINT))
        if os.getppid() != parent:
            return
    os.execv(program[0], program)  # noqa: S606 - becomes a program that we found


def enter_namespace(uid: int, gid: int) -> None:
    outer_uid, outer_gid = os.geteuid(), os.getegid()
    call("unshare", CLONE_NEWUSER)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {outer_uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {outer_gid} 1")


def call(function: str, *arguments: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, function)(*arguments) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


if __name__ == "__main__":
    try:
        main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5:])
    except OSError as error:
        sys.stderr.write(f"{sys.argv[1]}: {error}\n")
        sys.exit(FORBIDDEN)
