"""A gateway in a process of its own, in front of permissions and storage in theirs, to be killed."""

import sys
from pathlib import Path

import aiohttp

from faults.permissions_process import PermissionsProcess
from faults.storage_process import StorageProcess
from faults.waiting import until
from servers.ports import free_port
from servers.process import ServerProcess
from servers.registry import answers


class GatewayProcess:
    """Started from its settings, as an operator starts it; those on one folder share their signing keys."""

    def __init__(self, folder: Path, permissions: PermissionsProcess, storage: StorageProcess, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._log = folder / f"{name}.log"
        self._process: ServerProcess | None = None
        self._port, self._internal = free_port(), free_port()
        self._environment = {
            "MOORAGE_GATEWAY_PUBLIC_URL": "http://registry.test",
            "MOORAGE_GATEWAY_PUBLIC_PORT": str(self._port),
            "MOORAGE_GATEWAY_INTERNAL_PORT": str(self._internal),
            "MOORAGE_GATEWAY_SECRETS_DIR": str(folder / "keys"),
            "MOORAGE_GATEWAY_PERMISSIONS_URL": permissions.url,
            "MOORAGE_GATEWAY_STORAGE_URL": storage.url,
            "MOORAGE_GATEWAY_SERVICE_TOKEN": permissions.token,
        }

    @property
    def url(self) -> str:
        """Of its public listener."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.exit_code() is None

    async def start(self) -> None:
        """Returns when it is ready: it knows what permissions knows."""
        command = [sys.executable, "-m", "moorage.cli", "gateway"]
        self._process = ServerProcess(command, log=self._log, environment=self._environment)
        probe = f"http://127.0.0.1:{self._internal}/readyz"
        await answers(probe, self._process)
        await until(lambda: _is_ready(probe))

    async def kill(self) -> None:
        """SIGKILL."""
        if self._process:
            await self._process.kill()


async def _is_ready(probe: str) -> bool:
    async with aiohttp.ClientSession() as session, session.get(probe) as answer:
        return answer.status == 200
