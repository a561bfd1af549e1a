"""Why an embedded PostgreSQL server cannot be had."""

from pathlib import Path


class EmbeddedPostgresError(Exception):
    """The server cannot be started or initialised here. The message says what the operator can do."""


class ProgramsMissing(EmbeddedPostgresError):
    """No PostgreSQL programs were found on this machine, or not where the setting says."""


class UnsupportedPrograms(EmbeddedPostgresError):
    """The PostgreSQL programs found are older or newer than the versions we test with."""

    def __init__(self, folder: Path, version: str) -> None:
        super().__init__(f"the programs in {folder} are of version {version!r}; PostgreSQL 15 to 18 is needed")
        self.folder, self.version = folder, version


class DataFolderInUse(EmbeddedPostgresError):
    """Another process of ours runs a server on this data folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"another process already runs PostgreSQL in {folder}; stop it, or choose another data folder")
        self.folder = folder


class DataFolderOfAnotherVersion(EmbeddedPostgresError):
    """The data folder was made by another major version of PostgreSQL, which alone can read it."""

    def __init__(self, folder: Path, found: int, programs: int) -> None:
        super().__init__(
            f"{folder} was made by PostgreSQL {found} and cannot be opened by PostgreSQL {programs}; "
            f"point the setting for the PostgreSQL programs at version {found}, or dump there and restore here"
        )
        self.folder, self.found, self.programs = folder, found, programs


class PasswordMissing(EmbeddedPostgresError):
    """The data folder holds a cluster, but not the file with its password."""

    def __init__(self, file: Path) -> None:
        super().__init__(f"{file} is missing; the database cannot be entered without the password it held")
        self.file = file


class RootRefused(EmbeddedPostgresError):
    """We run as root, which PostgreSQL refuses, and no way to start it as somebody else is open here."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"PostgreSQL does not run as root ({reason}); start as an ordinary user, "
            "or keep data and programs where the user 'nobody' can enter"
        )


class InitializationFailed(EmbeddedPostgresError):
    """initdb failed; nothing of the cluster was kept."""


class ServerDidNotStart(EmbeddedPostgresError):
    """The server ended, or was not ready in time; the message ends with the end of its log."""


class ServerDidNotStop(EmbeddedPostgresError):
    """A process survived every signal, SIGKILL included."""

    def __init__(self, pid: int) -> None:
        super().__init__(f"PostgreSQL process {pid} does not end")
        self.pid = pid
