"""The product as its users run it: `moorage serve --demo` in its own process, and the `moorage` command beside it."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import aiohttp

from servers.client_process import Outcome
from servers.ports import free_port
from servers.process import ServerProcess, tied_to_us

READY_SECONDS: Final = 60.0
COMMAND_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Login:
    """What one types into `docker login`."""

    username: str
    token: str


async def answers(url: str, process: ServerProcess) -> None:
    """Returns once the URL answers anything. Raises RuntimeError, with the end of the log, if it never does."""
    deadline = time.monotonic() + READY_SECONDS
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < deadline and process.exit_code() is None:
            try:
                async with session.get(url):
                    return
            except aiohttp.ClientError:
                await asyncio.sleep(0.05)
    raise RuntimeError(f"no answer from {url}; the server's log ends with:\n{process.log_tail()}")


async def moorage(*arguments: str, environment: Mapping[str, str], typed: str = "") -> Outcome:
    """The `moorage` command with these arguments and this environment only."""
    process = await asyncio.create_subprocess_exec(
        *tied_to_us([sys.executable, "-m", "moorage.cli", *arguments]),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.environ.get("PATH", os.defpath), "COLUMNS": "200", **environment},
    )
    async with asyncio.timeout(COMMAND_SECONDS):
        stdout, stderr = await process.communicate(typed.encode())
    return Outcome(process.returncode or 0, stdout.decode(), stderr.decode())


class StandaloneRegistry:
    """A demo registry with its data in `folder`; start it again and it goes on with what it had."""

    def __init__(
        self, folder: Path, *options: str, workers: int = 1, environment: Mapping[str, str] | None = None
    ) -> None:
        self._folder = folder
        self._options = (*options, "--workers", str(workers)) if workers > 1 else options
        self._environment = environment or {}
        self.workers = workers
        self._port = free_port()
        self._process: ServerProcess | None = None
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def address(self) -> str:
        """Host and port, as image names carry it."""
        return f"127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        """The running server's."""
        if self._process is None:
            raise RuntimeError("it was not started")
        return self._process.pid

    @property
    def log(self) -> Path:
        """What the server writes."""
        return self._folder / "serve.log"

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    @property
    def data(self) -> Path:
        return self._folder / "data"

    @property
    def credentials(self) -> Path:
        return self._folder / "credentials.json"

    @property
    def logins(self) -> dict[str, Login]:
        """The demo users' names and tokens."""
        users = json.loads(self.credentials.read_text(encoding="utf-8"))["users"]
        return {name: Login(user["username"], user["token"]) for name, user in users.items()}

    async def start(self) -> None:
        """Returns when the registry answers."""
        command = [sys.executable, "-m", "moorage.cli", "serve", "--demo", "--data", str(self.data)]
        command += ["--port", str(self._port), "--credentials-file", str(self.credentials), *self._options]
        self._process = ServerProcess(command, log=self.log, environment={**os.environ, **self._environment})
        await answers(f"{self.url}/v2/", self._process)

    async def stop(self) -> None:
        """SIGTERM, as an operator stops it."""
        if self._process:
            await self._process.stop()

    async def kill(self) -> None:
        """SIGKILL to the whole process group: nobody says goodbye."""
        if self._process:
            await self._process.kill()

    async def command(self, *arguments: str, user: str | None = None, typed: str = "") -> Outcome:
        """The `moorage` command against this registry, as one of the demo's users or as who holds the data folder."""
        environment = {"MOORAGE_SERVER": self.url, "MOORAGE_DATA": str(self.data)}
        as_user = ["--as", user, "--credentials-file", str(self.credentials)] if user else []
        return await moorage(*arguments, *as_user, environment=environment, typed=typed)

    async def tell(self, facts: Sequence[dict[str, Any]]) -> None:
        """Facts through the HTTP door, as `moorage facts apply -` sends them."""
        typed = "".join(json.dumps(fact) + "\n" for fact in facts)
        outcome = await self.command("facts", "apply", "-", typed=typed)
        assert outcome.succeeded, outcome

    async def applied(self) -> None:
        """Nothing to wait for: the HTTP door answers when facts are applied."""

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
