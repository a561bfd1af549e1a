"""The permissions service in a process of its own, to be killed."""

import asyncio
import json
import os
import secrets
import signal
import sys
from pathlib import Path
from typing import Any, Final

import aiohttp

from moorage.events.topics import AUTHORITY, IDENTITY
from servers.ports import free_port
from servers.process import ServerProcess
from servers.registry import answers

REQUEST_SECONDS: Final = 20.0


class PermissionsProcess:
    """Started from its settings, as an operator starts it. `kill` and `start` may follow each other."""

    def __init__(self, folder: Path, dsn: str, bootstrap: str | None = None, topics: dict[str, str] | None = None):
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._port = free_port()
        self._process: ServerProcess | None = None
        self.token = secrets.token_urlsafe(16)
        self._settings = {
            "DATABASE_URL": dsn,
            "SECRETS_DIR": str(folder / "secrets"),
            "PORT": str(self._port),
            "SERVICE_TOKEN": self.token,
        }
        if bootstrap and topics:
            self._settings |= {
                "KAFKA_BOOTSTRAP": bootstrap,
                "AUTHORITY_TOPIC": topics[AUTHORITY.name],
                "IDENTITY_TOPIC": topics[IDENTITY.name],
            }

    @property
    def url(self) -> str:
        """Of the internal listener."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def database(self) -> str:
        """The name of its database."""
        return self._settings["DATABASE_URL"].rsplit("/", 1)[1].partition("?")[0]

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.exit_code() is None

    @property
    def pid(self) -> int:
        """Of the one that was started last."""
        assert self._process
        return self._process.pid

    @property
    def log(self) -> str:
        """Everything it wrote."""
        return (self._folder / "permissions.log").read_text(encoding="utf-8")

    @property
    def operator(self) -> str:
        """The operator's secret."""
        kept = json.loads((self._folder / "secrets" / "operator.json").read_text(encoding="utf-8"))
        return str(kept["secret"])

    def spawn(self, group: str = "permissions") -> None:
        """Starts it as a member of the group, and does not wait until it answers."""
        environment = {f"MOORAGE_PERMISSIONS_{name}": value for name, value in self._settings.items()}
        environment["MOORAGE_PERMISSIONS_KAFKA_GROUP"] = group
        command = [sys.executable, "-m", "moorage.cli", "permissions"]
        self._process = ServerProcess(command, log=self._folder / "permissions.log", environment=environment)

    async def start(self, group: str = "permissions") -> None:
        """Returns when it answers."""
        self.spawn(group)
        assert self._process
        await answers(f"{self.url}/readyz", self._process)

    async def stop(self) -> None:
        """SIGTERM."""
        if self._process:
            await self._process.stop()

    async def kill(self) -> None:
        """SIGKILL."""
        if self._process:
            await self._process.kill()

    def configure(self, settings: dict[str, str]) -> None:
        """Settings beside the usual ones, from the next start on."""
        self._settings |= settings

    def freeze(self) -> None:
        """SIGSTOP: it keeps its connections and does nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process
        os.kill(self._process.pid, number)

    async def post(self, operation: str, body: bytes, token: str | None = None) -> tuple[int, Any]:
        """The status and the document of an answer."""
        headers = {"Authorization": f"Bearer {token or self.token}", "Content-Type": "application/json"}
        url = f"{self.url}/internal/v1/{operation}"
        async with (
            asyncio.timeout(REQUEST_SECONDS),
            aiohttp.ClientSession() as session,
            session.post(url, data=body, headers=headers) as response,
        ):
            return response.status, await response.json(content_type=None)
