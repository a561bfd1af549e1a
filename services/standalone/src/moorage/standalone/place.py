"""Where a standalone registry is: its folder, its files, and its two sockets, held before anything starts."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from socket import socket

from moorage.standalone.data_folder import DataFolder
from moorage.standalone.guidance import Guidance
from moorage.standalone.sockets import authority, url


@dataclass(frozen=True, slots=True)
class Place:
    """`credentials` is the demo's file, `public_url` how clients reach the public socket; `lock` holds the folder."""

    folder: DataFolder
    credentials: Path
    lock: int
    public: socket
    internal: socket
    public_url: str

    @property
    def address(self) -> str:
        """Host and port, as they stand before image names."""
        return self.public_url.partition("://")[2]

    def announcement(self) -> dict[str, object]:
        """What `internal.json` says while the registry runs."""
        return {
            "url": url(self.internal),
            "registry": f"http://{authority(self.public)}",
            "pid": os.getpid(),
            "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }

    def guidance(self, program: str) -> Guidance:
        """What people are told."""
        return Guidance(
            registry=self.address,
            internal=url(self.internal),
            data=_short(self.folder.root),
            credentials=_short(self.credentials),
            operator=_short(self.folder.operator),
            program=program,
        )


def _short(path: Path) -> Path:
    """The path as one would type it from here."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
