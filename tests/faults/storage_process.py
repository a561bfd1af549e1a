"""The storage service in a process of its own, spoken to as gateways speak to it, to be harmed."""

import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from uuid import uuid4

import aiohttp

from contracts.wire_client import WireRegistry
from moorage.distribution import headers
from servers.client_process import Outcome
from servers.ports import free_port
from servers.process import ServerProcess
from servers.registry import answers, moorage

PRINCIPAL: Final = "user:somebody"


class StorageProcess:
    """Started from its settings, as an operator starts it. `kill` and `start` may follow each other."""

    def __init__(self, folder: Path, dsn: str, data: Path | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._log = folder / "storage.log"
        self._process: ServerProcess | None = None
        self._port = free_port()
        self.data = data or folder / "blobs"
        self.token = secrets.token_urlsafe(16)
        self.environment = {
            "MOORAGE_STORAGE_DATABASE_URL": dsn,
            "MOORAGE_STORAGE_DATA_FOLDER": str(self.data),
            "MOORAGE_STORAGE_PORT": str(self._port),
            "MOORAGE_STORAGE_SERVICE_TOKEN": self.token,
        }

    @property
    def url(self) -> str:
        """Of its one listener."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        """Of the one that was started last."""
        assert self._process
        return self._process.pid

    @property
    def log(self) -> str:
        """Everything it wrote."""
        return self._log.read_text(encoding="utf-8")

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.exit_code() is None

    async def start(self) -> None:
        """Returns when it answers."""
        command = [sys.executable, "-m", "moorage.cli", "storage"]
        self._process = ServerProcess(command, log=self._log, environment=self.environment)
        await answers(f"{self.url}/readyz", self._process)

    async def stop(self) -> None:
        """SIGTERM."""
        if self._process:
            await self._process.stop()

    async def kill(self) -> None:
        """SIGKILL."""
        if self._process:
            await self._process.kill()

    async def command(self, *arguments: str) -> Outcome:
        """`moorage storage …` with the settings of the service."""
        return await moorage("storage", *arguments, environment=self.environment)

    @asynccontextmanager
    async def gateway(self, connections: int = 100) -> AsyncIterator[WireRegistry]:
        """Whoever shows the service token, with two images that nobody else uses."""
        known = {
            "Authorization": f"Bearer {self.token}",
            headers.PRINCIPAL: PRINCIPAL,
            headers.LINK_GEN: "1",
        }
        connector = aiohttp.TCPConnector(limit=connections)
        timeout = aiohttp.ClientTimeout(total=60)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            yield WireRegistry(session, self.url, str(uuid4()), str(uuid4()), known)
