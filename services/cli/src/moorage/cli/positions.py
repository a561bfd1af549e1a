"""The newest position that each registry has told this user: later requests insist on it (§3.6)."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from moorage.access.consistency import ORIGIN, ConsistencyToken
from moorage.distribution.headers import AUTHZ_MIN_TOKEN, AUTHZ_TOKEN
from moorage.runtime import private_file

FILE: Final = "positions.json"


class Positions:
    """One token per registry: its order is one for all workspaces. A file that can't be kept is done without."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def headers(self, server: str) -> dict[str, str]:
        """What a request to the registry says."""
        newest = self._newest(server)
        return {AUTHZ_MIN_TOKEN: str(newest)} if newest > ORIGIN else {}

    def note(self, server: str, headers: Mapping[str, str]) -> None:
        """Keeps what an answer of the registry says, if it is newer."""
        told = _parsed(headers.get(AUTHZ_TOKEN))
        if told <= self._newest(server):
            return
        with suppress(OSError):
            private_file.write(self._path, private_file.read(self._path) | {server: str(told)})

    def _newest(self, server: str) -> ConsistencyToken:
        return _parsed(private_file.read(self._path).get(server))


def of_user() -> Positions | None:
    """Those of whoever runs the command: in MOORAGE_STATE, else where the system keeps such; None if nowhere."""
    home = os.environ.get("HOME")
    state = os.environ.get("XDG_STATE_HOME") or (f"{home}/.local/state" if home else None)
    folder = os.environ.get("MOORAGE_STATE") or (f"{state}/moorage" if state else None)
    return Positions(Path(folder) / FILE) if folder else None


def _parsed(text: object) -> ConsistencyToken:
    with suppress(ValueError):
        return ConsistencyToken.parse(text) if isinstance(text, str) else ORIGIN
    return ORIGIN
