"""Debian's Docker engine with folders and a socket of its own; it reaches nothing but what the test names."""

import asyncio
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Final

from servers.availability import BY_DEBIAN, missing
from servers.process import ServerProcess

START_SECONDS: Final = 30.0
_SYSTEM: Final = "/usr/sbin:/usr/bin:/sbin:/bin"
"""Where Debian puts the engine and its client; another client before them on the PATH would not fit the engine."""


class EngineDoesNotStart(Exception):
    """What the engine said last: it needs rights that not every machine gives."""


def debian_docker(program: str) -> Path:
    """`docker` or `dockerd` of Debian's package."""
    found = shutil.which(program, path=_SYSTEM)
    if found is None:
        missing(program, BY_DEBIAN)
    return Path(found)


class DockerEngine:
    """One engine. Its folder is short and temporary: a socket's path has few characters."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="mde-"))
        self._process: ServerProcess | None = None

    @property
    def socket(self) -> Path:
        """Where its client finds it."""
        return self._folder / "docker.sock"

    async def start(self) -> None:
        """Returns when it answers. Raises EngineDoesNotStart."""
        (self._folder / "daemon.json").write_text("{}", encoding="utf-8")
        command = [str(debian_docker("dockerd")), "--config-file", str(self._folder / "daemon.json")]
        command += ["--host", f"unix://{self.socket}", "--pidfile", str(self._folder / "pid")]
        command += ["--data-root", str(self._folder / "root"), "--exec-root", str(self._folder / "exec")]
        command += ["--bridge=none", "--iptables=false", "--ip6tables=false", "--storage-driver=vfs"]
        environment = {"PATH": _SYSTEM, "HOME": str(self._folder)}
        self._process = ServerProcess(command, log=self._folder / "log", environment=environment)
        deadline = time.monotonic() + START_SECONDS
        while not await self._answers():
            if self._process.exit_code() is not None or time.monotonic() > deadline:
                raise EngineDoesNotStart(self._process.log_tail().strip().rpartition("\n")[2])
            await asyncio.sleep(0.1)

    async def stop(self) -> None:
        """Ends it, unmounts what it left, and removes its folder."""
        if self._process:
            await self._process.stop()
        await asyncio.to_thread(self._clear)

    def _clear(self) -> None:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
        left = [place for place in (line.split(" ")[1] for line in mounts) if place.startswith(f"{self._folder}/")]
        for place in sorted(left, reverse=True):
            subprocess.run(["umount", place], check=True, timeout=30)
        shutil.rmtree(self._folder)

    async def _answers(self) -> bool:
        asking = await asyncio.create_subprocess_exec(
            str(debian_docker("docker")),
            "version",
            env={"PATH": os.environ.get("PATH", _SYSTEM), "DOCKER_HOST": f"unix://{self.socket}"},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        return await asking.wait() == 0
