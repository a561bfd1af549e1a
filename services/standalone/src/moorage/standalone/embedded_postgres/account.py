"""Decides as whom the server runs, because PostgreSQL refuses root."""

import os
import pwd
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from moorage.standalone.embedded_postgres.errors import RootRefused

LAUNCHER: Final = Path(__file__).with_name("launch.py")
NOBODY: Final = "nobody"


@dataclass(frozen=True, slots=True)
class Account:
    """A user, and the way a child of ours becomes that user; `launch` explains the ways."""

    way: Literal["same", "drop", "namespace"]
    uid: int
    gid: int

    def command(self, program: Sequence[str], *, parent: int = 0) -> list[str]:
        """The command that runs the program as this user, stopped in order when the process `parent` ends."""
        who = [self.way, str(self.uid), str(self.gid), str(parent)]
        return [sys.executable, "-I", "-S", str(LAUNCHER), *who, *program]

    def give(self, path: Path) -> None:
        """Makes the user the owner of what we have created for it."""
        if self.way == "drop":
            os.chown(path, self.uid, self.gid)


def choose_account(programs: Path, data: Path, cluster: Path) -> Account:
    """Ourselves, unless we are root: then the cluster's owner, or `nobody`, or root under another number.

    Raises RootRefused when this machine has no `nobody`.
    """
    if os.geteuid() != 0:
        return Account("same", os.geteuid(), os.getegid())
    if not cluster.exists():
        return _for_new_cluster(programs, data)
    owner = cluster.stat()
    return Account("drop", owner.st_uid, owner.st_gid) if owner.st_uid else _as_nobody("namespace")


def _for_new_cluster(programs: Path, data: Path) -> Account:
    both_open = _open_to_everybody(programs) and _open_to_everybody(data.parent)
    return _as_nobody("drop" if both_open else "namespace")


def _as_nobody(way: Literal["drop", "namespace"]) -> Account:
    try:
        nobody = pwd.getpwnam(NOBODY)
    except KeyError:
        raise RootRefused(f"there is no user {NOBODY!r}") from None
    return Account(way, nobody.pw_uid, nobody.pw_gid)


def _open_to_everybody(folder: Path) -> bool:
    return all(place.stat().st_mode & stat.S_IXOTH for place in (folder, *folder.parents))
