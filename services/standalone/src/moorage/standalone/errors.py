"""Why a standalone registry can't start here, or go on. The message says what, `remedy` what the person may do."""

from pathlib import Path


class StartRefused(Exception):
    """The registry does not start, and changed nothing, or it can't go on."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


class DataFolderUnusable(StartRefused):
    """A file or folder of the data folder can't be made or written."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} cannot be used: {reason}.", "Choose a folder of your own with --data.")


class DataFolderTaken(StartRefused):
    """Another registry runs on this data folder."""

    def __init__(self, folder: Path, registry: str | None) -> None:
        place = f", at {registry}" if registry else ""
        super().__init__(
            f"Another registry already runs on the data folder {folder}{place}.",
            "Stop it first, or choose another folder with --data.",
        )


class DataFolderWithoutDatabase(StartRefused):
    """The registry that was served from the folder last had no embedded PostgreSQL server, or there never was one."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"{folder} holds no database of a registry.",
            "Name the folder of `moorage serve --data`. Of a registry with a database of its own (--database) set "
            "MOORAGE_STORAGE_DATABASE_URL, and MOORAGE_STORAGE_DATA_FOLDER to the folder `blobs` in its data folder.",
        )


class PortTaken(StartRefused):
    """Something already listens on the address."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(
            f"Port {port} of {host} is already in use.",
            f"Choose another one with --port (make run PORT={port + 1 if port < 65535 else 5001}).",
        )


class AddressUnusable(StartRefused):
    """The address does not exist here, or may not be used."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(f"{host}:{port} cannot be listened on: {reason}.", "Choose others with --host and --port.")


class DemoNotLocal(StartRefused):
    """A demo would be reachable from other machines."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"{host} may be reachable from other machines, and a demo's users are known to everybody.",
            "Use --host 127.0.0.1, or add --allow-remote-demo if you mean it.",
        )


class DatabaseUnusable(StartRefused):
    """The PostgreSQL server can't be started or reached, or what is in it is not ours to open."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"{reason[:1].upper()}{reason[1:].rstrip('.')}.", remedy)


class SecretsUnusable(StartRefused):
    """Keys in the data folder can't be used."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"{reason[:1].upper()}{reason[1:].rstrip('.')}.", remedy)


class WorkersFailed(StartRefused):
    """A worker has ended again and again."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(
            f"Worker {number} does not stay up, so nothing is served: {reason[:1].lower()}{reason[1:].rstrip('.')}.",
            "See the lines above that worker's end, mend what they say and start again.",
        )
