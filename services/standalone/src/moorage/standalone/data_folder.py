"""The data folder of a standalone registry: everything that must survive a restart, and who may use it.

    data/                   0700 (root's is 0711, so that the user PostgreSQL runs as can reach its own folder)
        postgres/           the embedded PostgreSQL server: cluster, password, log; not with --database
        blobs/              the bytes of blobs and of open uploads (storage's filesystem driver)
        secrets/            keys made at first start: signing keys of bearer tokens (gateway), pepper of credentials
        elsewhere           there while the database is the one of --database: what postgres/ has is of another time
        lock                held while a registry runs on the folder
        internal.json       while it runs: address of the internal listener, process, start
        operator.json       the operator's credential: declares sources, applies facts, mints first tokens; a start
                            without this file makes a new credential and revokes the old one
        credentials.json    the demo's personal tokens (--credentials-file may name another place)

Every file in it is 0600. Back it up as a whole while the registry is stopped.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from moorage.runtime import private_file
from moorage.runtime.private_file import FILE_MODE, FOLDER_MODE
from moorage.standalone.errors import DataFolderTaken, DataFolderUnusable

PASSABLE_MODE: Final = 0o711


@dataclass(frozen=True, slots=True)
class DataFolder:
    """Paths below `root`, as drawn above."""

    root: Path

    @property
    def postgres(self) -> Path:
        """The embedded PostgreSQL server's folder."""
        return self.root / "postgres"

    @property
    def database(self) -> Path:
        """Its cluster, once there is one."""
        return self.postgres / "cluster"

    @property
    def elsewhere(self) -> Path:
        """There if the registry that served the folder last had its database elsewhere."""
        return self.root / "elsewhere"

    @property
    def blobs(self) -> Path:
        """Where the filesystem driver keeps bytes."""
        return self.root / "blobs"

    @property
    def secrets(self) -> Path:
        """Keys that were made at the first start."""
        return self.root / "secrets"

    @property
    def lock(self) -> Path:
        """Locked while a registry runs here."""
        return self.root / "lock"

    @property
    def internal(self) -> Path:
        """Where the internal listener is, while it is."""
        return self.root / "internal.json"

    @property
    def operator(self) -> Path:
        """The operator's credential."""
        return self.root / "operator.json"

    @property
    def credentials(self) -> Path:
        """The demo users' tokens, unless another file was named."""
        return self.root / "credentials.json"

    def prepare(self) -> None:
        """Makes the folders, for their owner only. Raises DataFolderUnusable."""
        top = FOLDER_MODE if os.geteuid() else PASSABLE_MODE
        for folder, mode in ((self.root, top), (self.blobs, FOLDER_MODE), (self.secrets, FOLDER_MODE)):
            try:
                folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
                folder.chmod(mode)
            except OSError as error:
                raise DataFolderUnusable(folder, error.strerror or str(error)) from None

    def note_database(self, *, is_elsewhere: bool) -> None:
        """Tells later commands whether the embedded server's is the one of these blobs. Raises DataFolderUnusable."""
        with usable(self.elsewhere):
            if is_elsewhere:
                self.elsewhere.touch(FILE_MODE)
            else:
                self.elsewhere.unlink(missing_ok=True)

    @contextmanager
    def held(self) -> Iterator[int]:
        """Ours alone meanwhile, and as long as a process lives that inherits the descriptor.

        Raises DataFolderTaken, DataFolderUnusable.
        """
        try:
            descriptor = os.open(self.lock, os.O_RDWR | os.O_CREAT, FILE_MODE)
        except OSError as error:
            raise DataFolderUnusable(self.lock, error.strerror or str(error)) from None
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise DataFolderTaken(self.root, private_file.read(self.internal).get("registry")) from None
            yield descriptor
        finally:
            os.close(descriptor)

    @contextmanager
    def announced(self, listener: dict[str, Any]) -> Iterator[None]:
        """Says meanwhile where the listeners are. Raises DataFolderUnusable."""
        with usable(self.internal):
            private_file.write(self.internal, listener)
        try:
            yield
        finally:
            self.internal.unlink(missing_ok=True)


@contextmanager
def usable(path: Path) -> Iterator[None]:
    """Around the writing of a file: raises DataFolderUnusable for what the operating system says."""
    try:
        yield
    except OSError as error:
        raise DataFolderUnusable(path, error.strerror or str(error)) from None
