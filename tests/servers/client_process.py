"""Runs a registry client with nothing from outside but the PATH: home, configuration and credentials are its own."""

import asyncio
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from servers.availability import require
from servers.process import tied_to_us

CLIENT_TIMEOUT: Final = 90.0
POLICY: Final = Path(".config/containers/policy.json")
TRUST_EVERYTHING: Final = '{"default": [{"type": "insecureAcceptAnything"}]}\n'
NO_CGROUPS: Final = '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "none"\n'


@dataclass(frozen=True)
class Outcome:
    """How a client ended: 0 is success, everything else is judged by the test that expected it."""

    code: int
    stdout: str
    stderr: str

    @property
    def succeeded(self) -> bool:
        return self.code == 0


class Client:
    """One client for one registry (`127.0.0.1:5000`), in a home folder of its own."""

    program: ClassVar[str]

    def __init__(self, registry: str, home: Path) -> None:
        self.registry = registry
        self._home = home
        self._program = require(self.program)
        for folder in ("tmp", "run", "docker", POLICY.parent):
            (home / folder).mkdir(parents=True, exist_ok=True)
        (home / POLICY).write_text(TRUST_EVERYTHING, encoding="utf-8")
        # An empty one, because podman refuses a named file that is not there.
        (home / "auth.json").write_text("{}", encoding="utf-8")
        (home / "registries.conf").write_text("", encoding="utf-8")
        (home / "containers.conf").write_text(NO_CGROUPS, encoding="utf-8")

    async def run(self, *arguments: str, typed: str = "", folder: Path | None = None) -> Outcome:
        """The client with these arguments, from its home or another folder.

        `typed` goes to its standard input, where a secret belongs.
        """
        process = await asyncio.create_subprocess_exec(
            *tied_to_us([str(self._program), *self._global_options(), *arguments]),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self._environment(),
            cwd=folder or self._home,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(CLIENT_TIMEOUT):
                stdout, stderr = await process.communicate(typed.encode())
        except BaseException:
            await _end(process)
            raise
        return Outcome(process.returncode or 0, stdout.decode(errors="replace"), stderr.decode(errors="replace"))

    def at(self, image: str) -> str:
        """The image as a client names it: `127.0.0.1:5000/team/app:1`."""
        return f"{self.registry}/{image}"

    def _global_options(self) -> Sequence[str]:
        return ()

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self._home),
            "LANG": "C.UTF-8",
            "TMPDIR": str(self._home / "tmp"),
            "XDG_RUNTIME_DIR": str(self._home / "run"),
            "DOCKER_CONFIG": str(self._home / "docker"),
            "CONTAINERS_CONF": str(self._home / "containers.conf"),
            "CONTAINERS_REGISTRIES_CONF": str(self._home / "registries.conf"),
            "REGISTRY_AUTH_FILE": str(self._home / "auth.json"),
        }


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kills the client with its children and waits for it, so a cancelled test leaves nothing behind."""
    if process.returncode is None:
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
