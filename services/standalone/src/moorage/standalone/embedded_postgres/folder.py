"""The data folder of an embedded server: who may use it, what lies where."""

import fcntl
import os
import secrets
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from moorage.standalone.embedded_postgres.account import Account
from moorage.standalone.embedded_postgres.errors import DataFolderInUse, DataFolderOfAnotherVersion, PasswordMissing

PORT: Final = 5432
SOCKET_NAME: Final = f".s.PGSQL.{PORT}"
# The address of a Unix socket has room for 108 bytes on Linux and 104 on macOS, the closing zero included.
LONGEST_SOCKET_PATH: Final = 103
SHORT_FOLDER_PREFIX: Final = "moorage-"
LARGEST_LOG: Final = 10_000_000


@dataclass(frozen=True, slots=True)
class DataFolder:
    """Everything below `root`, which is ours alone."""

    root: Path

    @property
    def cluster(self) -> Path:
        """PostgreSQL's own folder; there is one only when initdb has completed."""
        return self.root / "cluster"

    @property
    def unfinished(self) -> Path:
        return self.root / "cluster.unfinished"

    @property
    def pid_file(self) -> Path:
        return self.cluster / "postmaster.pid"

    @property
    def password_file(self) -> Path:
        return self.root / "password"

    @property
    def log(self) -> Path:
        return self.root / "server.log"

    @property
    def socket(self) -> Path:
        """A folder, or a link to a short one elsewhere."""
        return self.root / "socket"

    def lock(self) -> int:
        """Creates the folder if needed and takes its lock; the descriptor holds it. Raises DataFolderInUse."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise DataFolderInUse(self.root) from None
        return descriptor

    def check_version(self, major: int) -> None:
        """Raises DataFolderOfAnotherVersion when the cluster was not made by this major version."""
        version = self.cluster / "PG_VERSION"
        if version.exists() and int(version.read_text()) != major:
            raise DataFolderOfAnotherVersion(self.root, int(version.read_text()), major)

    def password(self) -> str:
        """The password of the database's user; made up when there is no cluster yet. Raises PasswordMissing."""
        if not self.cluster.exists():
            write_secret(self.password_file, secrets.token_urlsafe(32))
        elif not self.password_file.exists():
            raise PasswordMissing(self.password_file)
        return self.password_file.read_text()

    def open_socket_folder(self, account: Account) -> Path:
        """An empty folder for the server's socket whose path is short enough, for us and the account only."""
        self.discard_socket_folder()
        if len(os.fsencode(self.socket / SOCKET_NAME)) <= LONGEST_SOCKET_PATH:
            self.socket.mkdir(0o700)
            folder = self.socket
        else:
            folder = Path(tempfile.mkdtemp(prefix=SHORT_FOLDER_PREFIX))
            self.socket.symlink_to(folder)
        account.give(folder)
        return folder

    def discard_socket_folder(self) -> None:
        """Removes the folder of this run, or what a run that was killed has left."""
        if self.socket.is_symlink():
            short = self.socket.readlink()
            if short.name.startswith(SHORT_FOLDER_PREFIX):
                shutil.rmtree(short, ignore_errors=True)
            self.socket.unlink()
        elif self.socket.exists():
            shutil.rmtree(self.socket)

    def turn_log(self) -> None:
        """Keeps the log and one older; called while no server writes."""
        if self.log.exists() and self.log.stat().st_size > LARGEST_LOG:
            self.log.replace(self.log.with_suffix(".log.1"))

    def log_tail(self, size: int = 2_000) -> str:
        """The end of the server's log, for error messages."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as file:
            file.seek(max(0, self.log.stat().st_size - size))
            return file.read().decode(errors="replace")


def write_secret(path: Path, secret: str) -> None:
    """Writes a file only its owner can read, in place of an older one, and waits for the disk."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secret)
        file.flush()
        os.fsync(descriptor)
