"""Starts and ends processes of a PostgreSQL server: our own, and one a killed supervisor has left."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from moorage.standalone.embedded_postgres.account import Account
from moorage.standalone.embedded_postgres.cluster import ENVIRONMENT
from moorage.standalone.embedded_postgres.errors import ServerDidNotStop
from moorage.standalone.embedded_postgres.folder import PORT, DataFolder
from moorage.standalone.embedded_postgres.programs import Programs

# Fast shutdown, immediate shutdown (recovery at the next start), and the end; with seconds of patience after each.
WAYS_TO_STOP: Final = ((signal.SIGINT, 60.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0))
POLL: Final = 0.02


def spawn(
    programs: Programs,
    folder: DataFolder,
    account: Account,
    socket: Path,
    settings: Mapping[str, str],
    *,
    tied: bool = True,
) -> subprocess.Popen[bytes]:
    """A server in a session of its own, so that ^C on the terminal does not reach it before we stop it in order.

    `tied` lets the kernel stop it when we are killed (Linux; strictly: when the calling thread ends).
    """
    ours = {
        "listen_addresses": "",
        "port": str(PORT),
        "unix_socket_directories": str(socket),
        "unix_socket_permissions": "0700",
        "cluster_name": "moorage",
    }
    options = [part for name, value in (ours | dict(settings)).items() for part in ("-c", f"{name}={value}")]
    program = [programs.path("postgres"), "-D", str(folder.cluster), *options]
    folder.turn_log()
    with folder.log.open("ab") as log:
        return subprocess.Popen(  # noqa: S603 - a command of ours
            account.command(program, parent=os.getpid() if tied else 0),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=ENVIRONMENT,
            cwd="/",
            start_new_session=True,
        )


def left_behind(folder: DataFolder) -> int | None:
    """The pid of a server that still runs on the cluster, started by a supervisor that is no more."""
    if not folder.pid_file.exists():
        return None
    pid = folder.pid_file.read_text().partition("\n")[0]
    if not pid.isdigit():
        # A start on a full disk leaves the file empty, and PostgreSQL then asks a human to remove it.
        folder.pid_file.unlink()
        return None
    return int(pid) if serves(int(pid), folder.cluster) else None


def serves(pid: int, cluster: Path) -> bool:
    """Whether the process is a server on this cluster; after a crash the number may be somebody else's."""
    return str(cluster) in _arguments(pid)


def _arguments(pid: int) -> list[str]:
    if Path("/proc/self/cmdline").exists():
        with suppress(FileNotFoundError, ProcessLookupError):
            return [os.fsdecode(part) for part in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")]
        return []
    command = ["ps", "-ww", "-o", "args=", "-p", str(pid)]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - a command of ours
    return shown.stdout.split()


async def stop(pid: int, running: Callable[[], bool]) -> None:
    """Ends a server, gently first. Raises ServerDidNotStop."""
    for way, patience in WAYS_TO_STOP:
        if running():
            with suppress(ProcessLookupError):
                os.kill(pid, way)
        if await _ends(running, patience):
            return
    raise ServerDidNotStop(pid)


async def _ends(running: Callable[[], bool], patience: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(patience):
            await ended(running, POLL)
    return not running()


async def ended(running: Callable[[], bool], poll: float) -> None:
    """Returns when the process has ended. Asked at intervals (seconds): one way for children and for others."""
    while True:
        if not running():
            return
        await asyncio.sleep(poll)
